//! What users may say in SQL.
//!
//! Three ways in: whole queries ([`query`]), predicates over one table ([`predicate`]) and structured filters
//! ([`filters`]). User text is never passed on: it is parsed, every node of the tree is checked against what we know to be
//! harmless, and new text is written from the tree by our own writer with our own quoting. What the writer has no arm for
//! does not exist.

pub mod filters;
mod functions;
mod mentions;
mod parse;
pub mod predicate;
pub mod query;
mod tokens;
#[expect(clippy::format_push_string, reason = "the pieces read as the SQL they write; statements are small")]
mod writer;
#[expect(clippy::format_push_string, reason = "the pieces read as the SQL they write; statements are small")]
mod writer_calls;
mod writer_from;
#[expect(clippy::format_push_string, reason = "the pieces read as the SQL they write; statements are small")]
mod writer_query;

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod legit_tests;

pub use filters::{OrderBy, WhereFilter, filters_text};
pub use mentions::mentions;
pub use parse::{SQL_BYTES_MAX, SQL_NESTING_MAX, SQL_TOKENS_MAX};
pub use predicate::Predicate;
pub use query::{GuardedQuery, guard_query};
pub use writer::SQL_DEPTH_MAX;

/// SQL we refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// `query_not_allowed`, `query_syntax`, `relation_not_found`, `function_not_allowed`, `invalid_where_clause`,
    /// `invalid_where_filter` or `column_not_found`.
    pub code: &'static str,
    /// What is wrong, with the value.
    pub message: String,
    /// Line in the user's text from 1, where known.
    pub line: Option<u64>,
    /// Character in that line from 1, where known.
    pub column: Option<u64>,
}

impl SqlError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), line: None, column: None }
    }

    fn not_allowed(what: impl std::fmt::Display) -> Self {
        Self::new("query_not_allowed", format!("{what} is not allowed here"))
    }
}
