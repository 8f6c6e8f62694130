//! The leaves: literals, names, types, date parts and operators, each from a list or through our quoting.

use sqlparser::ast::{BinaryOperator, DataType, DateTimeField, Ident, Value};

use super::SqlError;
use super::writer::Written;
use crate::column::ColumnType;
use crate::quote;

pub(super) fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// An identifier, quoted. What the parser takes for one in single quotes DuckDB takes for a file.
pub(super) fn ident(ident: &Ident) -> Written {
    match ident.quote_style {
        None | Some('"') if !ident.value.is_empty() && quote::check(&ident.value).is_ok() => {
            Ok(quote::ident(&ident.value))
        }
        _ => Err(SqlError::not_allowed(format!("{:?} as a name", ident.value))),
    }
}

pub(super) fn text_literal(text: &str) -> Written {
    quote::check(text).map_err(|error| SqlError::new("query_not_allowed", error.to_string()))?;
    Ok(quote::literal(text))
}

pub(super) fn literal(value: &Value) -> Written {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => text_literal(text),
        Value::DollarQuotedString(text) => text_literal(&text.value),
        Value::Number(digits, false) => {
            let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-' | b'_');
            if digits.bytes().all(known) && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                Ok(digits.clone())
            } else {
                Err(SqlError::not_allowed(format!("number {digits}")))
            }
        }
        Value::Boolean(true) => Ok("TRUE".to_owned()),
        Value::Boolean(false) => Ok("FALSE".to_owned()),
        Value::Null => Ok("NULL".to_owned()),
        Value::Placeholder(name) => Err(SqlError::not_allowed(format!("parameter {name}"))),
        _ => Err(SqlError::not_allowed("this kind of literal")),
    }
}

/// A type of section 4.4, through our own grammar.
pub(super) fn type_sql(data_type: &DataType) -> Written {
    ColumnType::parse(&data_type.to_string())
        .map(|column_type| column_type.to_sql())
        .map_err(|error| SqlError::new("query_not_allowed", error.message))
}

pub(super) fn date_part(field: &DateTimeField) -> Result<&'static str, SqlError> {
    const PARTS: &[&str] = &[
        "year",
        "years",
        "month",
        "months",
        "week",
        "weeks",
        "day",
        "days",
        "hour",
        "hours",
        "minute",
        "minutes",
        "second",
        "seconds",
        "millisecond",
        "milliseconds",
        "microsecond",
        "microseconds",
        "nanosecond",
        "quarter",
        "quarters",
        "decade",
        "decades",
        "century",
        "centuries",
        "millennium",
        "millennia",
        "epoch",
        "dow",
        "isodow",
        "doy",
        "isoyear",
        "julian",
        "era",
        "yearweek",
        "dayofweek",
        "dayofyear",
        "weekday",
        "weekofyear",
        "timezone",
        "timezone_hour",
        "timezone_minute",
    ];
    let name = field.to_string();
    let name = name.trim_matches(['\'', '"']);
    PARTS
        .iter()
        .copied()
        .find(|part| part.eq_ignore_ascii_case(name))
        .ok_or_else(|| SqlError::not_allowed(format!("date part {name:?}")))
}

pub(super) fn binary(op: &BinaryOperator) -> Result<&'static str, SqlError> {
    Ok(match op {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::DuckIntegerDivide => "//",
        // Whatever the parser calls it: `^` raises to a power in DuckDB, and the token is what is written.
        BinaryOperator::PGExp | BinaryOperator::BitwiseXor => "^",
        BinaryOperator::StringConcat => "||",
        BinaryOperator::Gt => ">",
        BinaryOperator::Lt => "<",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        BinaryOperator::BitwiseOr => "|",
        BinaryOperator::BitwiseAnd => "&",
        BinaryOperator::PGBitwiseShiftLeft => "<<",
        BinaryOperator::PGBitwiseShiftRight => ">>",
        BinaryOperator::PGRegexMatch => "~",
        BinaryOperator::PGRegexNotMatch => "!~",
        BinaryOperator::PGLikeMatch => "~~",
        BinaryOperator::PGILikeMatch => "~~*",
        BinaryOperator::PGNotLikeMatch => "!~~",
        BinaryOperator::PGNotILikeMatch => "!~~*",
        BinaryOperator::PGStartsWith => "^@",
        BinaryOperator::PGOverlap => "&&",
        BinaryOperator::Arrow => "->",
        BinaryOperator::LongArrow => "->>",
        BinaryOperator::AtArrow => "@>",
        BinaryOperator::ArrowAt => "<@",
        other => return Err(SqlError::not_allowed(format!("operator `{other}`"))),
    })
}
