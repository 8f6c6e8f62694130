//! SQL programs as text: the dialect, the types, the statements and what is said of them to who wrote them.
//!
//! [`compile`] reads a program: it splits it into statements, reads each with the dialect of pipelines, looks up what it
//! names, and has a [`Planner`] find out the columns of views. It gives a [`Compiled`]: the messages with their places and
//! snippets, the [`Catalog`], and from these [`ProgramInfo`].
//!
//! Nothing here plans or runs a query; `alluvium-dataflow` does. What planners get is the parser's own tree, in which
//! calls of functions named in [`calls`] stand for what that tree has no room for: casts carry their type as text, which
//! [`types::Type`] parses; an interval literal carries its months or microseconds. The bodies of the program's functions
//! already stand in the place of their calls.
//!
//! Texts may be hostile: their length, their tokens, how deep they nest and how long the parser may try are limited.
//!
//! ```
//! use alluvium_sql::{Catalog, Message, PlannedView, Planner, ViewStatement, compile};
//!
//! /// Knows no view.
//! struct Nothing;
//!
//! impl Planner for Nothing {
//!     fn plan_view(&mut self, _: &Catalog, _: &ViewStatement) -> Result<PlannedView, Vec<Message>> {
//!         Ok(PlannedView::default())
//!     }
//! }
//!
//! let compiled = compile("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP LATENESS INTERVAL 1 HOUR);", &mut Nothing);
//! assert_eq!(compiled.exit_code(), 0);
//! assert_eq!(compiled.program_info().schema.inputs[0].name, "t");
//! ```

/// The parser in the release from whose trees DataFusion plans.
pub extern crate datafusion_sqlparser as sqlparser;

pub mod calls;
pub mod catalog;
mod compile;
mod connectors;
mod dialect;
mod interval_units;
mod lexer;
pub mod message;
mod parse;
pub mod position;
mod program_info;
mod query;
mod settings;
mod source;
pub mod statement;
mod type_grammar;
mod type_text;
pub mod types;
mod words;

pub use catalog::Catalog;
pub use compile::{COLUMNS_MAX, Compiled, MESSAGES_MAX, PlannedView, Planner, STATEMENTS_MAX, compile, parse_query};
pub use connectors::{CONNECTOR_NAME_CHARS_MAX, CONNECTORS_MAX};
pub use lexer::{NESTING_MAX, PROGRAM_BYTES_MAX, STATEMENT_TOKENS_MAX, TREE_DEPTH_MAX, check as check_size};
pub use message::Message;
pub use position::{Position, SourceRange};
pub use program_info::{ForeignKeyInfo, ProgramInfo, PropertyInfo, RelationInfo, Schema, column_type};
pub use query::functions::{EXPANDED_EXPRESSIONS_MAX, PROGRAM_EXPRESSIONS_MAX, UserFunction, UserFunctions};
pub use settings::Settings;
pub use source::{SNIPPET_LINE_CHARS_MAX, Source};
pub use statement::{Statement, StatementKind, ViewStatement};
pub use type_grammar::{
    FIXED_LENGTH_MAX, PROGRAM_TYPE_PARTS_MAX, TYPE_DEPTH_MAX, TYPE_PARTS_MAX, UserType, UserTypes, VARYING_LENGTH_MAX,
};
pub use type_text::{NoType, TYPE_TEXT_BYTES_MAX};
pub use words::NAME_CHARS_MAX;

#[cfg(test)]
mod tests;
