//! Interval literals: `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL 7 DAYS`, `INTERVAL -1 HOUR`.

use sqlparser::ast::Expr;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::message::{Message, error};
use crate::position::SourceRange;
use crate::types::Type;
use crate::{calls, interval_units};

pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    let sign = if parser.consume_token(&Token::Minus) { "-" } else { "" };
    if sign.is_empty() {
        let _ = parser.consume_token(&Token::Plus);
    }
    let token = parser.next_token();
    let (Token::SingleQuotedString(text) | Token::Number(text, false)) = &token.token else {
        return parser.expected("a number or a string after INTERVAL", token);
    };
    let (text, range) = (text.trim().to_owned(), SourceRange::of_span(token.span));
    let units = interval_units::parse(parser)?;
    let count = units.count(&text).and_then(|count| if sign.is_empty() { Some(count) } else { count.checked_neg() });
    let kind = Type::Interval(units.as_type());
    let Some(count) = count else {
        let message = format!("{text:?} is no {kind}");
        return Err(Message::error(error::STATEMENT, range, message).into_parser_error());
    };
    Ok(calls::typed_call(calls::INTERVAL, &kind, span, vec![calls::number(count, span)]))
}
