//! Types as text: as a program writes them, and back. `text.parse::<Type>()` reads what `to_string` wrote.

use std::fmt;
use std::str::FromStr;

use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::dialect::{PipelineDialect, is_identifier_part, is_identifier_start};
use crate::lexer;
use crate::message::Message;
use crate::type_grammar::{NullType, TypeGrammar, UserTypes};
use crate::types::{ColumnType, Field, Identifier, IntWidth, IntervalUnits, Type};

/// How long the text of a type may be.
pub const TYPE_TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A text that is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no type: {reason}")]
pub struct NoType {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FromStr for Type {
    type Err = NoType;

    fn from_str(text: &str) -> Result<Self, NoType> {
        let no_type = |reason: String| NoType { text: text.chars().take(200).collect(), reason };
        if text.len() > TYPE_TEXT_BYTES_MAX {
            return Err(no_type(format!("it has over {TYPE_TEXT_BYTES_MAX} bytes")));
        }
        let (tokens, failure) = lexer::tokens(text);
        if let Some(failure) = failure {
            return Err(no_type(failure.message));
        }
        let types = UserTypes::default();
        let dialect = PipelineDialect::alone(0);
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.clone());
        let parsed = TypeGrammar::new(&types, NullType::Allowed).parse(&mut parser);
        let parsed = parsed.map_err(|error| no_type(Message::from_parser_error(error, &tokens).message))?;
        match &parser.peek_token_ref().token {
            Token::EOF => Ok(parsed.kind),
            other => Err(no_type(format!("unexpected {other}"))),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Int(width) => width.fmt(f),
            Self::UInt(width) => write!(f, "{width} UNSIGNED"),
            Self::Decimal(digits, scale) => write!(f, "DECIMAL({digits}, {scale})"),
            Self::Real => f.write_str("REAL"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Char(length) => write!(f, "CHAR({length})"),
            Self::Varchar(None) => f.write_str("VARCHAR"),
            Self::Varchar(Some(length)) => write!(f, "VARCHAR({length})"),
            Self::Binary(length) => write!(f, "BINARY({length})"),
            Self::Varbinary(None) => f.write_str("VARBINARY"),
            Self::Varbinary(Some(length)) => write!(f, "VARBINARY({length})"),
            Self::Date => f.write_str("DATE"),
            Self::Time => f.write_str("TIME"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::TimestampTz => f.write_str("TIMESTAMP WITH TIME ZONE"),
            Self::Interval(units) => write!(f, "INTERVAL {units}"),
            Self::Uuid => f.write_str("UUID"),
            Self::Array(element) => write!(f, "{element} ARRAY"),
            Self::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Self::Row(fields) => row(f, fields),
            Self::Variant => f.write_str("VARIANT"),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, fields: &[Field]) -> fmt::Result {
    f.write_str("ROW(")?;
    for (at, field) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let null = if field.column_type.is_nullable { " NULL" } else { "" };
        write!(f, "{comma}{} {}{null}", Written(&field.name), field.column_type.kind)?;
    }
    f.write_str(")")
}

/// A name as it has to be written to be read as the same name.
pub(crate) struct Written<'a>(pub &'a Identifier);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.name;
        let is_bare = name.starts_with(is_identifier_start) && name.chars().all(is_identifier_part);
        if self.0.is_case_sensitive || !is_bare {
            write!(f, "\"{}\"", name.replace('"', "\"\""))
        } else {
            f.write_str(name)
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, if self.is_nullable { "" } else { " NOT NULL" })
    }
}

impl fmt::Display for IntWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "TINYINT",
            Self::Small => "SMALLINT",
            Self::Normal => "INTEGER",
            Self::Big => "BIGINT",
        })
    }
}

impl fmt::Display for IntervalUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Year => "YEAR",
            Self::YearToMonth => "YEAR TO MONTH",
            Self::Month => "MONTH",
            Self::Day => "DAY",
            Self::DayToHour => "DAY TO HOUR",
            Self::DayToMinute => "DAY TO MINUTE",
            Self::DayToSecond => "DAY TO SECOND",
            Self::Hour => "HOUR",
            Self::HourToMinute => "HOUR TO MINUTE",
            Self::HourToSecond => "HOUR TO SECOND",
            Self::Minute => "MINUTE",
            Self::MinuteToSecond => "MINUTE TO SECOND",
            Self::Second => "SECOND",
        })
    }
}

#[cfg(test)]
#[path = "type_text_tests.rs"]
mod tests;
