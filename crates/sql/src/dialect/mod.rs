//! What of a program's SQL differs from the parser's own.

mod infix;
mod interval;
mod literal;
mod prefix;

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::message::{Message, error, warning};
use crate::position::SourceRange;
use crate::type_grammar::{NullType, PROGRAM_TYPE_PARTS_MAX, ParsedType, TypeGrammar, UserTypes};

/// How many expressions the parser may begin for each token of a statement: it tries some things twice, and inside those
/// again, which a hostile text could make last for ever.
const TRIES_PER_TOKEN_MAX: u64 = 4;
/// How many expressions it may begin anyhow.
const TRIES_MIN: u64 = 500;
/// How many it may begin for a whole program.
const PROGRAM_TRIES_MAX: u64 = 1_500_000;

/// What a program may still ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// How many more expressions the parser may begin.
    tries: u64,
    /// How many more parts types may have.
    type_parts: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { tries: PROGRAM_TRIES_MAX, type_parts: PROGRAM_TYPE_PARTS_MAX }
    }
}

/// The dialect of pipelines, for one statement.
#[derive(Debug)]
pub(crate) struct PipelineDialect {
    user_types: Arc<UserTypes>,
    /// How many more expressions the parser may begin.
    tries: Cell<u64>,
    /// How many more parts types may have.
    type_parts: Cell<usize>,
    /// Whether an expression stands among the options of a column, where `NOT NULL` belongs to the column.
    is_column_option: Cell<bool>,
    warnings: RefCell<Vec<Message>>,
}

impl PipelineDialect {
    /// For a text by itself, of so many tokens.
    pub fn alone(tokens: usize) -> Self {
        Self::new(Arc::default(), tokens, Allowance::default())
    }

    /// For a statement of so many tokens.
    pub fn new(user_types: Arc<UserTypes>, tokens: usize, allowance: Allowance) -> Self {
        Self {
            user_types,
            tries: Cell::new(allowance.tries.min(TRIES_MIN + TRIES_PER_TOKEN_MAX * tokens as u64)),
            type_parts: Cell::new(allowance.type_parts),
            is_column_option: Cell::new(false),
            warnings: RefCell::new(Vec::new()),
        }
    }

    /// What is left, after a statement of so many tokens.
    pub fn left(&self, tokens: usize, allowance: Allowance) -> Allowance {
        let allowed = allowance.tries.min(TRIES_MIN + TRIES_PER_TOKEN_MAX * tokens as u64);
        Allowance { tries: allowance.tries - (allowed - self.tries.get()), type_parts: self.type_parts.get() }
    }

    /// Reads an expression of a column's options.
    pub fn column_option(&self, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
        self.is_column_option.set(true);
        let expr = parser.parse_expr();
        self.is_column_option.set(false);
        expr
    }

    /// Reads a type.
    pub fn parse_type(&self, parser: &mut Parser<'_>) -> Result<ParsedType, ParserError> {
        let parsed = TypeGrammar::new(&self.user_types, NullType::Refused).parse(parser)?;
        self.account(parsed)
    }

    /// Reads the fields of a row type in brackets; those that do not say it may be NULL.
    pub fn parse_fields(&self, parser: &mut Parser<'_>) -> Result<ParsedType, ParserError> {
        let parsed = TypeGrammar::new(&self.user_types, NullType::Refused).parse_fields(parser, true)?;
        self.account(parsed)
    }

    /// Counts the parts of a type, and tells where it may not say what was meant.
    fn account(&self, parsed: ParsedType) -> Result<ParsedType, ParserError> {
        let Some(left) = self.type_parts.get().checked_sub(parsed.parts) else {
            let message = format!("the types of the program have more than {PROGRAM_TYPE_PARTS_MAX} parts");
            return Err(Message::error(error::COMPILER, parsed.range, message).into_parser_error());
        };
        self.type_parts.set(left);
        let mut warnings = self.warnings.borrow_mut();
        for range in &parsed.bare_decimals {
            let message = "DECIMAL without precision and scale is DECIMAL(38, 0): it has no digits behind the point";
            let said = Message::warning(warning::DECIMAL_UNSPECIFIED, *range, message);
            // What the parser tries twice is said once.
            if !warnings.contains(&said) {
                warnings.push(said);
            }
        }
        drop(warnings);
        Ok(parsed)
    }

    /// What there is to say of the statement though it was parsed.
    pub fn take_warnings(&self) -> Vec<Message> {
        self.warnings.take()
    }

    /// Whether the parser was stopped because it began too many expressions.
    pub fn is_exhausted(&self) -> bool {
        self.tries.get() == 0
    }

    /// Counts a try; false when there were too many.
    fn may_try(&self) -> bool {
        let left = self.tries.get();
        self.tries.set(left.saturating_sub(1));
        left > 0
    }
}

/// What some editors write before a text.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether a name may begin with the character.
pub(crate) fn is_identifier_start(ch: char) -> bool {
    let is_letter = !(ch.is_ascii() || ch.is_whitespace() || ch.is_control() || ch == BYTE_ORDER_MARK);
    ch.is_ascii_alphabetic() || ch == '_' || is_letter
}

/// Whether a name may go on with the character.
pub(crate) fn is_identifier_part(ch: char) -> bool {
    is_identifier_start(ch) || ch.is_ascii_digit() || ch == '$'
}

impl Dialect for PipelineDialect {
    /// The parser looks at the type of a dialect here and there, for UNNEST for example.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    /// For `ARRAY(SELECT …)` and `MAP(SELECT …)`.
    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        if !self.may_try() {
            // The one error that the parser does not take as a reason to try something else.
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        prefix::parse(self, parser).transpose()
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _precedence: u8) -> Option<Result<Expr, ParserError>> {
        infix::parse(self, parser, expr).transpose()
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let is_null_next =
            || matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word) if word.keyword == Keyword::NULL);
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::NOT && self.is_column_option.get() && is_null_next() => {
                Some(Ok(self.prec_unknown()))
            }
            // `a:b` looks into JSON elsewhere.
            Token::Colon => Some(Ok(self.prec_unknown())),
            Token::Word(word) if word.quote_style.is_none() => infix::precedence(self, parser).map(Ok),
            _ => None,
        }
    }
}

/// An error about the token that was just taken.
pub(crate) fn error_here(parser: &Parser<'_>, error_type: &str, message: impl Into<String>) -> ParserError {
    let range = SourceRange::of_span(parser.get_current_token().span);
    Message::error(error_type, range, message).into_parser_error()
}
