//! From text to a tree, whatever the text.

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::{Dialect, DuckDbDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::SqlError;

/// How long a statement may be.
pub const SQL_BYTES_MAX: usize = 256 * 1024;
/// How many tokens a statement may have; it bounds the nodes of the tree.
pub const SQL_TOKENS_MAX: usize = 50_000;
/// How deep brackets may nest. The parser tries some of them in two ways, so the time doubles with each.
pub const SQL_NESTING_MAX: usize = 24;
/// How deep the parser may call itself.
const PARSER_RECURSION_MAX: usize = 200;
/// A chain such as `1+1+…` is parsed in a loop but gives a tree as deep as it is long, which is dropped recursively; this
/// holds the deepest tree that [`SQL_TOKENS_MAX`] allows. Only touched pages cost memory.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The parser's DuckDB, plus what the real one has and it lacks: `E'…'` strings, `IGNORE NULLS` as an argument.
#[derive(Debug)]
struct GuardDialect;

impl Dialect for GuardDialect {
    /// The parser looks at the type of a dialect here and there.
    fn dialect(&self) -> std::any::TypeId {
        std::any::TypeId::of::<DuckDbDialect>()
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_part(ch)
    }

    fn supports_trailing_commas(&self) -> bool {
        DuckDbDialect.supports_trailing_commas()
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        DuckDbDialect.supports_filter_during_aggregation()
    }

    fn supports_group_by_expr(&self) -> bool {
        DuckDbDialect.supports_group_by_expr()
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        DuckDbDialect.supports_bitwise_shift_operators()
    }

    fn supports_named_fn_args_with_eq_operator(&self) -> bool {
        DuckDbDialect.supports_named_fn_args_with_eq_operator()
    }

    fn supports_named_fn_args_with_assignment_operator(&self) -> bool {
        DuckDbDialect.supports_named_fn_args_with_assignment_operator()
    }

    fn supports_dictionary_syntax(&self) -> bool {
        DuckDbDialect.supports_dictionary_syntax()
    }

    fn support_map_literal_syntax(&self) -> bool {
        DuckDbDialect.support_map_literal_syntax()
    }

    fn supports_lambda_functions(&self) -> bool {
        DuckDbDialect.supports_lambda_functions()
    }

    fn allow_extract_single_quotes(&self) -> bool {
        DuckDbDialect.allow_extract_single_quotes()
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        DuckDbDialect.supports_array_typedef_with_brackets()
    }

    fn supports_from_first_select(&self) -> bool {
        DuckDbDialect.supports_from_first_select()
    }

    fn supports_order_by_all(&self) -> bool {
        DuckDbDialect.supports_order_by_all()
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        DuckDbDialect.supports_select_wildcard_exclude()
    }

    fn supports_notnull_operator(&self) -> bool {
        DuckDbDialect.supports_notnull_operator()
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        DuckDbDialect.supports_select_wildcard_replace()
    }

    fn supports_comma_separated_trim(&self) -> bool {
        DuckDbDialect.supports_comma_separated_trim()
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        DuckDbDialect.supports_numeric_literal_underscores()
    }
}

/// Runs `work`, which makes and drops trees, on a stack that is large enough for all of them.
pub(super) fn on_large_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(STACK_BYTES, work)
}

/// What may stand in the text beside the grammar.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Comments {
    Allowed,
    Refused,
}

/// The one statement of the text; a `;` may follow it.
pub(super) fn statement(text: &str) -> Result<Statement, SqlError> {
    let tokens = tokens(text, Comments::Allowed)?;
    let end = tokens.last().map(|token| token.span.end);
    let mut parser = parser(tokens);
    let statement = parser.parse_statement().map_err(|error| syntax(error, end))?;
    let mut ended = false;
    while parser.consume_token(&Token::SemiColon) {
        ended = true;
    }
    if ended && parser.peek_token().token != Token::EOF {
        return Err(SqlError::new("query_not_allowed", "one statement is allowed, there is another after it"));
    }
    at_end(&parser)?;
    Ok(statement)
}

/// The one expression of the text.
pub(super) fn expression(text: &str) -> Result<Expr, SqlError> {
    let tokens = tokens(text, Comments::Refused)?;
    if tokens.iter().any(|token| token.token == Token::SemiColon) {
        return Err(SqlError::not_allowed("a `;`"));
    }
    let end = tokens.last().map(|token| token.span.end);
    let mut parser = parser(tokens);
    let expression = parser.parse_expr().map_err(|error| syntax(error, end))?;
    at_end(&parser)?;
    Ok(expression)
}

fn at_end(parser: &Parser<'_>) -> Result<(), SqlError> {
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    let mut error = SqlError::new("query_syntax", format!("unexpected {}", next.token));
    (error.line, error.column) = (Some(next.span.start.line), Some(next.span.start.column));
    Err(error)
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&GuardDialect).with_recursion_limit(PARSER_RECURSION_MAX).with_tokens_with_locations(tokens)
}

pub(super) fn tokens(text: &str, comments: Comments) -> Result<Vec<TokenWithSpan>, SqlError> {
    if text.len() > SQL_BYTES_MAX {
        let message = format!("the text has {} bytes; at most {SQL_BYTES_MAX} are allowed", text.len());
        return Err(SqlError::new("query_not_allowed", message));
    }
    if text.contains('\0') {
        return Err(SqlError::not_allowed("a NUL character"));
    }
    let mut tokens = Tokenizer::new(&GuardDialect, text).tokenize_with_location().map_err(|error| {
        let mut refused = SqlError::new("query_syntax", error.message);
        (refused.line, refused.column) = (Some(error.location.line), Some(error.location.column));
        refused
    })?;
    let mut nesting = 0_usize;
    let mut count = 0_usize;
    for token in &mut tokens {
        if let Token::EscapedStringLiteral(text) = &mut token.token {
            // Already unescaped, and the parser takes it from other dialects only.
            token.token = Token::SingleQuotedString(std::mem::take(text));
        }
        match &token.token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
                if comments == Comments::Refused =>
            {
                return Err(SqlError::not_allowed("a comment"));
            }
            // DuckDB knows no `#` comments: what we would skip it would read.
            Token::Whitespace(Whitespace::SingleLineComment { prefix, .. }) if prefix != "--" => {
                return Err(SqlError::not_allowed(format!("`{prefix}`")));
            }
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => nesting += 1,
            Token::RParen | Token::RBracket | Token::RBrace => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        count += 1;
        if nesting > SQL_NESTING_MAX {
            return Err(SqlError::new("query_not_allowed", format!("brackets nest deeper than {SQL_NESTING_MAX}")));
        }
        if count > SQL_TOKENS_MAX {
            return Err(SqlError::new("query_not_allowed", format!("there are more than {SQL_TOKENS_MAX} tokens")));
        }
    }
    Ok(tokens)
}

/// The parser tells the place only in its text: ` at Line: 1, Column: 8`; where it tells none, the text ended too early.
fn syntax(error: ParserError, end: Option<Location>) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return SqlError::new("query_not_allowed", "the statement nests too deep");
        }
    };
    let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let mut refused = SqlError::new("query_syntax", message);
    (refused.line, refused.column) = end.map_or((None, None), |end| (Some(end.line), Some(end.column)));
    if let Some((line, column)) = place.split_once(", Column: ") {
        (refused.line, refused.column) = (line.parse().ok(), column.parse().ok());
    }
    refused
}
