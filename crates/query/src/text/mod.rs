//! From text to statements: what a text may be at most, and which statements there are.

mod dialect;
mod statements;
mod weight;

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as ParsedStatement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::error::QueryError;
use dialect::QueryDialect;

pub(crate) use statements::{Checked, InsertInto, Kind};

/// How long the text of a request may be.
pub const SQL_BYTES_MAX: usize = 1024 * 1024;
/// How many statements a request may have.
pub const STATEMENTS_MAX: usize = 100;
/// How many brackets may open one right after the other; the parser tries two ways for each.
const BRACKETS_IN_A_ROW_MAX: usize = 16;
/// How deep the parser may go down into itself.
const PARSER_DEPTH_MAX: usize = 100;

/// The statements of a text, each of which is one of those offered.
pub(crate) fn statements(text: &str) -> Result<Vec<Checked>, QueryError> {
    if text.len() > SQL_BYTES_MAX {
        let message = format!("the query has {} bytes; at most {SQL_BYTES_MAX} are allowed", text.len());
        return Err(QueryError::rejected(message));
    }
    let mut statements = Vec::new();
    for tokens in split(tokens(text)?) {
        if statements.len() == STATEMENTS_MAX {
            return Err(QueryError::rejected(format!("there are more than {STATEMENTS_MAX} statements")));
        }
        statements.extend(parse(tokens)?);
    }
    if statements.is_empty() {
        return Err(QueryError::rejected("there is no statement in the query"));
    }
    Ok(statements)
}

fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, QueryError> {
    let mut tokens = Tokenizer::new(&GenericDialect, text)
        .tokenize_with_location()
        .map_err(|error| QueryError::rejected(format!("SQL error: {error}")))?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    for token in &mut tokens {
        // Parameters are `$1`; a question mark asks whether a JSON object has a key.
        if matches!(&token.token, Token::Placeholder(name) if name == "?") {
            token.token = Token::Question;
        }
    }
    Ok(tokens)
}

fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = vec![Vec::new()];
    for token in tokens {
        match (&token.token, statements.last_mut()) {
            (Token::SemiColon, _) => statements.push(Vec::new()),
            (_, Some(last)) => last.push(token),
            (_, None) => {}
        }
    }
    statements.retain(|tokens| !tokens.is_empty());
    statements
}

fn parse(tokens: Vec<TokenWithSpan>) -> Result<Vec<Checked>, QueryError> {
    alluvium_sql::check_size(&tokens).map_err(|message| QueryError::rejected(message.message))?;
    let mut run = 0;
    for token in &tokens {
        run = if token.token == Token::LParen { run + 1 } else { 0 };
        if run > BRACKETS_IN_A_ROW_MAX {
            let message = format!("more than {BRACKETS_IN_A_ROW_MAX} brackets open one right after the other");
            return Err(QueryError::rejected(message));
        }
    }
    let dialect = QueryDialect::new(tokens.len());
    let parsed = parse_statements(&dialect, tokens);
    if dialect.is_exhausted() {
        return Err(QueryError::rejected("the statement is too tangled to be parsed"));
    }
    parsed?.into_iter().map(statements::check).collect()
}

fn parse_statements(
    dialect: &QueryDialect,
    tokens: Vec<TokenWithSpan>,
) -> Result<Vec<ParsedStatement>, DataFusionError> {
    let mut parser =
        DFParserBuilder::new(tokens).with_dialect(dialect).with_recursion_limit(PARSER_DEPTH_MAX).build()?;
    Ok(parser.parse_statements()?.into())
}
