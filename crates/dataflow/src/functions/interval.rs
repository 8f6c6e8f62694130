//! Intervals as they are written: a number, or numbers between the two units.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, IntervalUnits, Type};
use arrow::array::{ArrayRef, DurationMicrosecondArray, IntervalYearMonthArray};

use arrow::datatypes::Int64Type;

use super::time::{between, micros};
use super::{Arg, Call, Function, Outcome, Shape, failure, support};
use crate::types::{common_type, parse_type, units_of};

pub(super) const FUNCTIONS: [Function; 3] = [
    Function::new("__interval_text", shape, kernel),
    Function::new("__interval", counted_shape, counted),
    Function::new("__difference", difference_shape, difference),
];

/// The interval type that a call names first.
fn named(args: &[Arg<'_>], arguments: usize) -> Outcome<IntervalUnits> {
    support::count(args, arguments, arguments)?;
    let text = args[0].text().ok_or_else(|| failure!("the type of an interval is a constant"))?;
    match parse_type(text) {
        Ok(Type::Interval(units)) => Ok(units),
        _ => Err(failure!("{text} is not the type of an interval")),
    }
}

/// `__interval('<type>', n)`: so many months or microseconds.
fn counted_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let units = named(args, 2)?;
    if !support::Kind::Big.takes(&args[1].column.kind) {
        return Err(support::wrong(args, 1, "BIGINT"));
    }
    let params = vec![Type::Varchar(None), Type::Int(IntWidth::Big)];
    Ok(Shape::strict(args, params, Type::Interval(units)))
}

fn counted(call: &Call<'_>) -> Outcome<ArrayRef> {
    let counts = call.numbers::<Int64Type>(1)?;
    column(counts.iter().collect(), &call.shape.result.kind)
}

/// `__difference('<type>', a, b)`: the span from b to a.
fn difference_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let units = named(args, 3)?;
    let common = common_type(&args[1].column.kind, &args[2].column.kind);
    let common = common.filter(|kind| matches!(kind, Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz));
    let common = common.ok_or_else(|| failure!("‘-’ gives no interval for {}", support::types_text(args)))?;
    if common == Type::Time && units.is_long() {
        return Err(failure!("times of day do not differ by months"));
    }
    Ok(Shape::strict(args, vec![Type::Varchar(None), common.clone(), common], Type::Interval(units)))
}

fn difference(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (ends, starts) = (micros(call, 1)?, micros(call, 2)?);
    let Type::Interval(units) = call.shape.result.kind else { return Err(failure!("an interval is planned")) };
    let unit = if units.is_long() { "MONTH" } else { "MICROSECOND" };
    let spans = starts.into_iter().zip(ends).map(|(start, end)| between(start?, end?, unit)).collect();
    column(spans, &call.shape.result.kind)
}

/// A column of intervals, from months or microseconds.
fn column(values: Vec<Option<i64>>, kind: &Type) -> Outcome<ArrayRef> {
    let Type::Interval(units) = kind else { return Err(failure!("an interval is planned")) };
    if !units.is_long() {
        return Ok(Arc::new(DurationMicrosecondArray::from(values)));
    }
    let month = |value: i64| i32::try_from(value).map_err(|_| failure!("{value} months are too many"));
    let months = values.into_iter().map(|value| value.map(month).transpose()).collect::<Outcome<Vec<_>>>()?;
    Ok(Arc::new(IntervalYearMonthArray::from(months)))
}

fn parts(args: &[Arg<'_>]) -> Outcome<(i64, IntervalUnits)> {
    support::count(args, 2, 2)?;
    match (args[0].text(), args[1].text()) {
        (Some(value), Some(units)) => parse_interval_text(value, units),
        _ => Err(failure!("an interval is written with constants")),
    }
}

fn shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let (_, units) = parts(args)?;
    let text = Type::Varchar(None);
    Ok(Shape::strict(args, vec![text.clone(), text], Type::Interval(units)))
}

fn kernel(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (values, units) = (call.texts(0)?, call.texts(1)?);
    let mut column_values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        column_values.push(Some(parse_interval_text(values.value(row), units.value(row))?.0));
    }
    column(column_values, &call.shape.result.kind)
}

const SECOND: i64 = 1_000_000;

/// Reads an interval: months of the long ones, microseconds of the short ones.
pub(crate) fn parse_interval_text(value: &str, units: &str) -> Outcome<(i64, IntervalUnits)> {
    let bad = || failure!("'{value}' is not an interval {units}");
    let (scale, units) = match units.trim_end_matches('S') {
        "WEEK" => (7, IntervalUnits::Day),
        "QUARTER" => (3, IntervalUnits::Month),
        "MILLISECOND" => return fraction(value, 1_000).map(|micros| (micros, IntervalUnits::Second)).ok_or_else(bad),
        "MICROSECOND" => return fraction(value, 1).map(|micros| (micros, IntervalUnits::Second)).ok_or_else(bad),
        other => (1, units_of(other).ok_or_else(|| failure!("no interval has the units {units}"))?),
    };
    let text = value.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let steps: &[(char, i64)] = match units {
        IntervalUnits::Year => &[('-', 12)],
        IntervalUnits::YearToMonth => &[('-', 12), ('-', 1)],
        IntervalUnits::Month => &[('-', 1)],
        IntervalUnits::Day => &[(' ', 86_400 * SECOND)],
        IntervalUnits::DayToHour => &[(' ', 86_400 * SECOND), (' ', 3_600 * SECOND)],
        IntervalUnits::DayToMinute => &[(' ', 86_400 * SECOND), (' ', 3_600 * SECOND), (':', 60 * SECOND)],
        IntervalUnits::DayToSecond => {
            &[(' ', 86_400 * SECOND), (' ', 3_600 * SECOND), (':', 60 * SECOND), (':', SECOND)]
        }
        IntervalUnits::Hour => &[(':', 3_600 * SECOND)],
        IntervalUnits::HourToMinute => &[(':', 3_600 * SECOND), (':', 60 * SECOND)],
        IntervalUnits::HourToSecond => &[(':', 3_600 * SECOND), (':', 60 * SECOND), (':', SECOND)],
        IntervalUnits::Minute => &[(':', 60 * SECOND)],
        IntervalUnits::MinuteToSecond => &[(':', 60 * SECOND), (':', SECOND)],
        IntervalUnits::Second => &[(':', SECOND)],
    };
    let mut total: i64 = 0;
    let mut rest = text;
    for (at, (_, unit)) in steps.iter().enumerate() {
        let part = match steps.get(at + 1) {
            Some((separator, _)) => {
                let (part, after) = rest.split_once(*separator).ok_or_else(bad)?;
                rest = after;
                part
            }
            None => rest,
        };
        let is_seconds = *unit == SECOND;
        let amount =
            if is_seconds { fraction(part, SECOND) } else { digits(part).and_then(|part| part.checked_mul(*unit)) };
        total = amount.and_then(|amount| total.checked_add(amount)).ok_or_else(bad)?;
    }
    total.checked_mul(sign * scale).map(|total| (total, units)).ok_or_else(bad)
}

fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// A number with at most six digits behind the point, times a unit.
fn fraction(text: &str, unit: i64) -> Option<i64> {
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    let whole = digits(whole)?.checked_mul(unit)?;
    if behind.is_empty() {
        return Some(whole);
    }
    let kept = &behind.get(..behind.len().min(6))?;
    let part = digits(kept)?.checked_mul(unit)? / 10_i64.pow(kept.len() as u32);
    whole.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_in_their_units() {
        let day = 86_400 * SECOND;
        for (value, units, wanted) in [
            ("3", "DAY", Some(3 * day)),
            ("2", "WEEK", Some(14 * day)),
            ("-1", "DAY", Some(-day)),
            ("1 02", "DAY TO HOUR", Some(day + 7_200 * SECOND)),
            ("1 02:03:04.5", "DAY TO SECOND", Some(day + 7_384 * SECOND + 500_000)),
            ("1.5", "SECOND", Some(1_500_000)),
            ("1-2", "YEAR TO MONTH", Some(14)),
            ("2", "QUARTER", Some(6)),
            ("250", "MILLISECOND", Some(250_000)),
            ("x", "DAY", None),
            ("1", "FORTNIGHT", None),
            ("9223372036854775807", "DAY", None),
        ] {
            assert_eq!(parse_interval_text(value, units).ok().map(|(value, _)| value), wanted, "{value} {units}");
        }
    }
}
