//! Column defaults: a small language, rendered so that a replay gives every row the same value again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lexer::{Token, Tokens};
use super::parse::parse_type;
use super::{Column, ColumnError, ColumnType};
use crate::quote;

/// How long a default may be, as written and as printed.
pub const DEFAULT_BYTES_MAX: usize = 65_536;

const CODE: &str = "invalid_default";

/// What a column holds where a row says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DefaultExpr {
    /// A fixed value.
    Literal(Literal),
    /// A fixed value, cast.
    Cast(Literal, ColumnType),
    /// The time of the event that brings the row.
    Now,
    /// The UTC day of the event that brings the row.
    CurrentDate,
    /// An id of its own for every row.
    Uuid,
}

/// A fixed value of a default.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are SQL's literals")]
pub enum Literal {
    Null,
    Boolean(bool),
    /// Digits with optional sign, point and exponent.
    Number(String),
    Text(String),
}

impl DefaultExpr {
    /// Reads a literal, NULL, a cast literal, `now()`, `current_timestamp`, `current_date` or `uuid()`; anything else is
    /// `invalid_default`.
    pub fn parse(text: &str) -> Result<Self, ColumnError> {
        let mut tokens = Tokens::of(text, DEFAULT_BYTES_MAX, CODE)?;
        let parsed = parse_default(&mut tokens)?;
        tokens.expect_end()?;
        if parsed.to_string().len() > DEFAULT_BYTES_MAX {
            return Err(tokens.error(format!("the default is longer than {DEFAULT_BYTES_MAX} bytes when written out")));
        }
        Ok(parsed)
    }

    /// SQL whose value depends on nothing but its inputs: the event's time, a `seed` (an event id and the column) and, for
    /// ids of rows, the trusted SQL of a row number. Times before 1970 count as 1970.
    pub fn to_sql(&self, event_time_micros: i64, seed: &str, row_number_sql: Option<&str>) -> String {
        match self {
            Self::Literal(_) | Self::Cast(..) => self.to_string(),
            Self::Now => timestamptz_sql(event_time_micros),
            Self::CurrentDate => format!("CAST({} AS DATE)", timestamp_sql(event_time_micros)),
            Self::Uuid => {
                let row = row_number_sql.unwrap_or("0");
                format!("CAST(md5({} || '/' || CAST(({row}) AS VARCHAR)) AS UUID)", quote::literal(seed))
            }
        }
    }
}

impl Column {
    /// SQL for the value of this column where a row has none, already of the column's type. The text does not depend on the
    /// session's time zone. Seeds of [`DefaultExpr::to_sql`] get the column's name, so that two columns get two ids.
    pub fn default_sql(&self, event_time_micros: i64, seed: &str, row_number_sql: Option<&str>) -> String {
        let seed = format!("{seed}/{}", self.name);
        let value = match &self.default {
            None => "NULL".to_owned(),
            // Into a type without zone, the cast of a zoned value would take the session's zone.
            Some(DefaultExpr::Now) if !matches!(self.column_type, ColumnType::TimestampTz | ColumnType::TimeTz) => {
                timestamp_sql(event_time_micros)
            }
            Some(default) => default.to_sql(event_time_micros, &seed, row_number_sql),
        };
        format!("CAST({value} AS {})", self.column_type.to_sql())
    }
}

fn timestamp_sql(event_time_micros: i64) -> String {
    format!("make_timestamp({})", event_time_micros.max(0))
}

/// A zoned literal with its offset, which every session reads alike. `make_timestamptz` would need the ICU extension.
pub(crate) fn timestamptz_sql(event_time_micros: i64) -> String {
    let micros = event_time_micros.max(0);
    let (days, in_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute) = (in_day / 3_600_000_000, in_day / 60_000_000 % 60);
    let (second, micro) = (in_day / 1_000_000 % 60, in_day % 1_000_000);
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micro:06}+00");
    format!("CAST({} AS TIMESTAMP WITH TIME ZONE)", quote::literal(&text))
}

/// Year, month and day of the proleptic Gregorian calendar, for days since 1970-01-01 (not negative).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day ends the year; 146,097 days are 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn parse_default(tokens: &mut Tokens) -> Result<DefaultExpr, ColumnError> {
    if tokens.take_symbol('(') {
        // One pair around the whole is common (`(now())`); more say nothing.
        let inner = parse_bare(tokens)?;
        tokens.expect_symbol(')')?;
        return Ok(inner);
    }
    parse_bare(tokens)
}

fn parse_bare(tokens: &mut Tokens) -> Result<DefaultExpr, ColumnError> {
    match tokens.peek_word().as_deref() {
        Some("NOW" | "GET_CURRENT_TIMESTAMP" | "TRANSACTION_TIMESTAMP") => call(tokens, DefaultExpr::Now, true),
        Some("CURRENT_TIMESTAMP") => call(tokens, DefaultExpr::Now, false),
        Some("CURRENT_DATE" | "TODAY") => call(tokens, DefaultExpr::CurrentDate, false),
        Some("UUID" | "GEN_RANDOM_UUID") if !is_typed_text(tokens) => call(tokens, DefaultExpr::Uuid, true),
        Some("CAST") => {
            tokens.take();
            tokens.expect_symbol('(')?;
            let value = parse_literal(tokens)?;
            if !tokens.take_words(&["AS"]) {
                return Err(tokens.error("expected AS"));
            }
            let target = cast_type(tokens)?;
            tokens.expect_symbol(')')?;
            Ok(DefaultExpr::Cast(value, target))
        }
        Some("NULL" | "TRUE" | "FALSE") | None => {
            let value = parse_literal(tokens)?;
            if tokens.take_if(&Token::Cast) {
                return Ok(DefaultExpr::Cast(value, cast_type(tokens)?));
            }
            Ok(DefaultExpr::Literal(value))
        }
        // DATE '2026-01-01'
        Some(_) => {
            let target = cast_type(tokens)?;
            match tokens.take() {
                Some(Token::Text(text)) => Ok(DefaultExpr::Cast(Literal::Text(text), target)),
                _ => Err(tokens.error("a default is a literal, NULL, a cast literal, now(), current_date or uuid()")),
            }
        }
    }
}

/// `UUID '…'` is a literal, `uuid()` a call.
fn is_typed_text(tokens: &mut Tokens) -> bool {
    let word = tokens.take();
    let typed = matches!(tokens.peek(), Some(Token::Text(_)));
    if word.is_some() {
        tokens.back();
    }
    typed
}

fn call(tokens: &mut Tokens, value: DefaultExpr, parentheses_needed: bool) -> Result<DefaultExpr, ColumnError> {
    tokens.take();
    if tokens.take_symbol('(') {
        tokens.expect_symbol(')')?;
    } else if parentheses_needed {
        return Err(tokens.error("expected `()`"));
    }
    Ok(value)
}

fn cast_type(tokens: &mut Tokens) -> Result<ColumnType, ColumnError> {
    parse_type(tokens, 1).map(|(target, _)| target)
}

fn parse_literal(tokens: &mut Tokens) -> Result<Literal, ColumnError> {
    let minus = tokens.take_symbol('-');
    let signed = minus || tokens.take_symbol('+');
    match tokens.take() {
        Some(Token::Number(digits)) if is_number(&digits) => {
            Ok(Literal::Number(if minus { format!("-{digits}") } else { digits }))
        }
        Some(Token::Text(text)) if !signed => Ok(Literal::Text(text)),
        Some(Token::Word(word)) if !signed => match word.to_ascii_uppercase().as_str() {
            "NULL" => Ok(Literal::Null),
            "TRUE" => Ok(Literal::Boolean(true)),
            "FALSE" => Ok(Literal::Boolean(false)),
            other => Err(tokens.error(format!("{other:?} is not a literal"))),
        },
        other => Err(tokens.error(format!("expected a literal, found {other:?}"))),
    }
}

fn is_number(digits: &str) -> bool {
    digits.parse::<f64>().is_ok_and(f64::is_finite)
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("NULL"),
            Self::Boolean(true) => formatter.write_str("TRUE"),
            Self::Boolean(false) => formatter.write_str("FALSE"),
            Self::Number(digits) => formatter.write_str(digits),
            Self::Text(text) => formatter.write_str(&quote::literal(text)),
        }
    }
}

/// The canonical text, which [`DefaultExpr::parse`] reads back.
impl fmt::Display for DefaultExpr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => value.fmt(formatter),
            Self::Cast(value, target) => write!(formatter, "CAST({value} AS {})", target.to_sql()),
            Self::Now => formatter.write_str("now()"),
            Self::CurrentDate => formatter.write_str("current_date"),
            Self::Uuid => formatter.write_str("uuid()"),
        }
    }
}

impl TryFrom<String> for DefaultExpr {
    type Error = ColumnError;
    fn try_from(text: String) -> Result<Self, ColumnError> {
        Self::parse(&text)
    }
}

impl From<DefaultExpr> for String {
    fn from(value: DefaultExpr) -> Self {
        value.to_string()
    }
}
