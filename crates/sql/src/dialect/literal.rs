//! Typed literals: `DATE '2024-01-31'`, `TIMESTAMP '…'`, `TIME '…'`, `UUID '…'`.

use sqlparser::ast::Expr;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::PipelineDialect;
use crate::message::{Message, error};
use crate::types::Type;
use crate::{calls, words};

/// The literal that begins here, if it is one.
pub(super) fn typed(dialect: &PipelineDialect, parser: &mut Parser<'_>) -> Result<Option<Expr>, ParserError> {
    let is_text = |at| matches!(parser.peek_nth_token_ref(at).token, Token::SingleQuotedString(_));
    let is_zoned = || words::come(parser, &["TIMESTAMP", "WITH", "TIME", "ZONE"]) && is_text(4);
    let names = &["DATE", "TIME", "TIMESTAMP", "DATETIME", "UUID"];
    if !(is_zoned() || is_text(1) && words::is_any(&parser.peek_token_ref().token, names)) {
        return Ok(None);
    }
    let span = parser.peek_token_ref().span;
    let kind = dialect.parse_type(parser)?.kind;
    let (text, range) = words::string(parser)?;
    if !is_well_formed(&kind, &text) {
        let message = format!("Illegal {kind} literal {text:?}");
        return Err(Message::error(error::STATEMENT, range, message).into_parser_error());
    }
    Ok(Some(calls::typed_call(calls::CAST, &kind, span, vec![calls::text(text, span)])))
}

fn is_well_formed(kind: &Type, text: &str) -> bool {
    let text = text.trim();
    match kind {
        Type::Date => is_date(text),
        Type::Time => is_time(text),
        Type::Timestamp => match text.split_once([' ', 'T']) {
            Some((date, time)) => is_date(date) && is_time(time.trim_start()),
            None => is_date(text),
        },
        Type::Uuid => is_uuid(text),
        // Zones have many forms; the cast says which it knows.
        _ => true,
    }
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, '-') else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let Some([hour, minute, second]) = numbers(whole, ':') else {
        return false;
    };
    is_fraction && hour < 24 && minute < 60 && second < 60
}

/// Three numbers of one to four digits.
fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let number = |text: &str| {
        let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let mut parts = text.split(separator);
    let numbers = [number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?];
    parts.next().is_none().then_some(numbers)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.into_iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Type::Date, "2024-02-29", true)]
    #[case(Type::Date, "2023-02-29", false)]
    #[case(Type::Date, "1900-02-29", false)]
    #[case(Type::Date, "2024-13-01", false)]
    #[case(Type::Date, "2024-04-31", false)]
    #[case(Type::Date, "2024-1-1", true)]
    #[case(Type::Date, "2024-01", false)]
    #[case(Type::Date, "2024-01-01-01", false)]
    #[case(Type::Date, "0000-01-01", false)]
    #[case(Type::Time, "23:59:59.123456789", true)]
    #[case(Type::Time, "24:00:00", false)]
    #[case(Type::Time, "10:00", false)]
    #[case(Type::Time, "10:00:00.", false)]
    #[case(Type::Timestamp, "2024-01-01 10:00:00", true)]
    #[case(Type::Timestamp, "2024-01-01", true)]
    #[case(Type::Timestamp, "2024-01-01 10:00", false)]
    #[case(Type::Timestamp, "today", false)]
    #[case(Type::Uuid, "550e8400-e29b-41d4-a716-446655440000", true)]
    #[case(Type::Uuid, "550e8400-e29b-41d4-a716-44665544000g", false)]
    #[case(Type::Uuid, "550e8400", false)]
    fn literals_are_checked(#[case] kind: Type, #[case] text: &str, #[case] is_good: bool) {
        assert_eq!(is_well_formed(&kind, text), is_good);
    }
}
