//! One query over what a program defined.

use sqlparser::ast::Query;

use super::on_own_stack;
use crate::catalog::Catalog;
use crate::dialect::Allowance;
use crate::lexer;
use crate::message::{Message, error};
use crate::parse;
use crate::position::SourceRange;
use crate::query::{self, frames, functions, references, refusals};
use crate::source::Source;

/// Reads a single query over what a program defined, in the dialect of programs: in the form that planners get, with what
/// it reads looked up. A `;` may follow it. Unlike in a view, the outermost ORDER BY stays.
pub fn parse_query(text: &str, catalog: &Catalog) -> Result<Box<Query>, Vec<Message>> {
    let source = Source::new(if text.len() > lexer::PROGRAM_BYTES_MAX { "" } else { text });
    let parsed = on_own_stack(|| query_of(text, catalog)).unwrap_or_else(|failure| Err(vec![failure]));
    parsed.map_err(|messages| messages.into_iter().map(|message| message.shown_in(&source)).collect())
}

fn query_of(text: &str, catalog: &Catalog) -> Result<Box<Query>, Vec<Message>> {
    let refused = |message: String| vec![Message::error(error::COMPILER, SourceRange::UNKNOWN, message)];
    if text.len() > lexer::PROGRAM_BYTES_MAX {
        let message = format!("the query has {} bytes; at most {} are allowed", text.len(), lexer::PROGRAM_BYTES_MAX);
        return Err(refused(message));
    }
    let (tokens, failure) = lexer::tokens(text);
    if let Some(failure) = failure {
        return Err(vec![failure]);
    }
    let mut statements = lexer::split(tokens, true);
    let (Some(tokens), true) = (statements.pop(), statements.is_empty()) else {
        return Err(vec![Message::error(error::PARSING, SourceRange::UNKNOWN, "one query is expected")]);
    };
    let mut query = parse::query(tokens, &catalog.types, &mut Allowance::default()).map_err(|message| vec![message])?;
    let refused = refusals::of(query.as_ref());
    if !refused.is_empty() {
        return Err(refused);
    }
    query::fetch_to_limit(&mut query).map_err(|message| vec![message])?;
    let mut left = functions::PROGRAM_EXPRESSIONS_MAX;
    functions::expand(query.as_mut(), &catalog.functions, &mut left).map_err(|message| vec![message])?;
    frames::plain_bounds(&mut query);
    let unknown: Vec<Message> = references::of(&query)
        .into_iter()
        .filter(|name| catalog.relation(&name.identifier.name).is_none())
        .map(|name| Message::not_found(name.range, &name.identifier.name))
        .collect();
    if unknown.is_empty() { Ok(query) } else { Err(unknown) }
}
