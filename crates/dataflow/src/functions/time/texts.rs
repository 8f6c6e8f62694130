//! Dates and times as text in a format of `strftime`, and back.

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, StringArray};
use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};

use super::super::cast::{DAY_MICROS, civil_of_days, days_of_civil};
use super::super::support::{Kind, fixed};
use super::super::{Call, Function, Outcome, failure};
use super::{column, micros};

pub(in super::super) const FUNCTIONS: [Function; 6] = [
    Function::new("format_date", |args| fixed(args, &[Kind::Text, Kind::Date], 2, 2, Kind::Text), format),
    Function::new("format_time", |args| fixed(args, &[Kind::Text, Kind::Time], 2, 2, Kind::Text), format),
    Function::new("format_timestamp", |args| fixed(args, &[Kind::Text, Kind::Timestamp], 2, 2, Kind::Text), format),
    Function::new("parse_date", |args| parsed_shape(args, Kind::Date), parse),
    Function::new("parse_time", |args| parsed_shape(args, Kind::Time), parse),
    Function::new("parse_timestamp", |args| parsed_shape(args, Kind::Timestamp), parse),
];

fn parsed_shape(args: &[super::Arg<'_>], kind: Kind) -> Outcome<super::Shape> {
    let mut shape = fixed(args, &[Kind::Text], 2, 2, kind)?;
    shape.result.is_nullable = true;
    Ok(shape)
}

fn civil(micros: i64) -> Option<DateTime> {
    let (year, month, day) = civil_of_days(micros.div_euclid(DAY_MICROS));
    let clock = micros.rem_euclid(DAY_MICROS);
    let seconds = clock / 1_000_000;
    DateTime::new(
        i16::try_from(year).ok()?,
        month as i8,
        day as i8,
        (seconds / 3600) as i8,
        (seconds / 60 % 60) as i8,
        (seconds % 60) as i8,
        (clock % 1_000_000 * 1000) as i32,
    )
    .ok()
}

fn format(call: &Call<'_>) -> Outcome<ArrayRef> {
    let formats = call.texts(0)?;
    let mut texts = Vec::with_capacity(call.rows);
    for (row, value) in micros(call, 1)?.into_iter().enumerate() {
        let (Some(value), false) = (value, formats.is_null(row)) else {
            texts.push(None);
            continue;
        };
        let moment = civil(value).ok_or_else(|| failure!("a date is out of what can be written"))?;
        let format = formats.value(row);
        let text =
            strtime::format(format, moment).map_err(|error| failure!("'{format}' cannot be written: {error}"))?;
        texts.push(Some(text));
    }
    Ok(std::sync::Arc::new(StringArray::from(texts)))
}

fn parse(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (formats, texts) = (call.texts(0)?, call.texts(1)?);
    let kind = &call.shape.result.kind;
    let value = |row: usize| {
        if formats.is_null(row) || texts.is_null(row) {
            return None;
        }
        read(formats.value(row), texts.value(row), kind)
    };
    column((0..call.rows).map(value).collect(), kind)
}

fn read(format: &str, text: &str, kind: &Type) -> Option<i64> {
    let parts: BrokenDownTime = strtime::parse(format, text).ok()?;
    let clock = || {
        let time = parts.to_time().ok()?;
        let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        Some(seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1000)
    };
    let day = || {
        let date = parts.to_date().ok()?;
        Some(days_of_civil(i64::from(date.year()), date.month() as u32, date.day() as u32)? * DAY_MICROS)
    };
    match kind {
        Type::Date => day(),
        Type::Time => clock(),
        // A format without a clock means midnight.
        _ => Some(day()? + clock().unwrap_or(0)),
    }
}
