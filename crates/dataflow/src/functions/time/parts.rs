//! Parts of points in time, and their units.

use alluvium_sql::types::Type;

use super::super::arithmetic::timestamp_plus_months;
use super::super::cast::{DAY_MICROS, civil_of_days, days_of_civil};
use super::super::{Outcome, failure};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How long a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Micros(i64),
    Months(i64),
}

/// The unit of a name, in capitals.
pub(super) fn length(unit: &str) -> Option<Length> {
    Some(match unit.strip_suffix('S').unwrap_or(unit) {
        "MICROSECOND" => Length::Micros(1),
        "MILLISECOND" => Length::Micros(1_000),
        "SECOND" => Length::Micros(SECOND),
        "MINUTE" => Length::Micros(MINUTE),
        "HOUR" => Length::Micros(HOUR),
        "DAY" => Length::Micros(DAY_MICROS),
        "WEEK" => Length::Micros(7 * DAY_MICROS),
        "MONTH" => Length::Months(1),
        "QUARTER" => Length::Months(3),
        "YEAR" => Length::Months(12),
        "DECADE" => Length::Months(120),
        "CENTURY" => Length::Months(1_200),
        "MILLENNIUM" => Length::Months(12_000),
        _ => return None,
    })
}

/// The week of a day by ISO 8601, and its year. Weeks belong to the year their Thursday is in.
fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - iso_weekday(days) + 4;
    let (year, ..) = civil_of_days(thursday);
    let first = days_of_civil(year, 1, 1).unwrap_or(thursday);
    (year, (thursday - first) / 7 + 1)
}

/// Monday is 1.
fn iso_weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// A part of a value in microseconds (of long intervals: months). None if values of the type have no such part.
pub(super) fn part(value: i64, kind: &Type, unit: &str) -> Option<i64> {
    if let Type::Interval(units) = kind {
        return if units.is_long() { long_part(value, unit) } else { short_part(value, unit) };
    }
    let (days, clock) = (value.div_euclid(DAY_MICROS), value.rem_euclid(DAY_MICROS));
    if *kind != Type::Date
        && let Some(part) = clock_part(clock, unit)
    {
        return Some(part);
    }
    if *kind == Type::Time {
        return None;
    }
    let (year, month, day) = civil_of_days(days);
    let century = |length: i64| if year > 0 { (year - 1) / length + 1 } else { year / length - 1 };
    Some(match unit {
        "YEAR" => year,
        "QUARTER" => i64::from(month - 1) / 3 + 1,
        "MONTH" => i64::from(month),
        "DAY" => i64::from(day),
        "WEEK" => iso_week(days).1,
        "ISOYEAR" => iso_week(days).0,
        "DOW" | "DAYOFWEEK" => iso_weekday(days) % 7 + 1,
        "ISODOW" => iso_weekday(days),
        "DOY" | "DAYOFYEAR" => days - days_of_civil(year, 1, 1)? + 1,
        "DECADE" => year.div_euclid(10),
        "CENTURY" => century(100),
        "MILLENNIUM" => century(1000),
        "EPOCH" => value.div_euclid(SECOND),
        // A day has a clock that stands at midnight.
        "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND" => 0,
        _ => return None,
    })
}

fn clock_part(clock: i64, unit: &str) -> Option<i64> {
    Some(match unit {
        "HOUR" => clock / HOUR,
        "MINUTE" => clock / MINUTE % 60,
        "SECOND" => clock / SECOND % 60,
        "MILLISECOND" | "MILLISECONDS" => clock % MINUTE / 1_000,
        "MICROSECOND" | "MICROSECONDS" => clock % MINUTE,
        _ => return None,
    })
}

fn long_part(months: i64, unit: &str) -> Option<i64> {
    Some(match unit {
        "YEAR" => months / 12,
        "MONTH" => months % 12,
        _ => return None,
    })
}

fn short_part(micros: i64, unit: &str) -> Option<i64> {
    if unit == "DAY" {
        return Some(micros / DAY_MICROS);
    }
    if unit == "EPOCH" {
        return Some(micros / SECOND);
    }
    clock_part((micros % DAY_MICROS).abs(), unit).map(|part| part * micros.signum())
}

/// Where the unit that a value lies in begins.
pub(super) fn start(value: i64, kind: &Type, unit: &str) -> Option<i64> {
    let unit = length(unit)?;
    match unit {
        Length::Micros(length) if *kind == Type::Time && length > HOUR => None,
        // Weeks begin on Mondays; the first of all days was a Thursday.
        Length::Micros(length) if length == 7 * DAY_MICROS => {
            let days = value.div_euclid(DAY_MICROS);
            Some((days - iso_weekday(days) + 1) * DAY_MICROS)
        }
        Length::Micros(length) => Some(value - value.rem_euclid(length)),
        Length::Months(_) if *kind == Type::Time => None,
        Length::Months(length) => {
            let (year, month, _) = civil_of_days(value.div_euclid(DAY_MICROS));
            let first = match length {
                1 | 3 => return month_start(year * 12 + (i64::from(month) - 1) / length * length),
                12 | 120 => year.div_euclid(length / 12) * (length / 12),
                // Centuries begin with the year 1.
                _ => (year - 1).div_euclid(length / 12) * (length / 12) + 1,
            };
            month_start(first * 12)
        }
    }
}

fn month_start(months: i64) -> Option<i64> {
    days_of_civil(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1).map(|days| days * DAY_MICROS)
}

/// The value itself if a unit begins there, else where the next one begins.
pub(super) fn end(value: i64, kind: &Type, unit: &str) -> Option<i64> {
    let begun = start(value, kind, unit)?;
    if begun == value {
        return Some(value);
    }
    match length(unit)? {
        Length::Micros(length) => begun.checked_add(length),
        Length::Months(months) => timestamp_plus_months(begun, months).ok(),
    }
}

/// How many whole units lie between two points in time.
pub(in super::super) fn between(left: i64, right: i64, unit: &str) -> Option<i64> {
    match length(unit)? {
        Length::Micros(length) => Some(right.checked_sub(left)? / length),
        Length::Months(length) => {
            let month_of = |value: i64| {
                let (year, month, _) = civil_of_days(value.div_euclid(DAY_MICROS));
                year * 12 + i64::from(month)
            };
            let mut months = month_of(right) - month_of(left);
            // The last month counts once its day and time are reached.
            let reached = timestamp_plus_months(left, months).ok()?;
            if months > 0 && reached > right {
                months -= 1;
            } else if months < 0 && reached < right {
                months += 1;
            }
            Some(months / length)
        }
    }
}

/// A value so many units later. Days have no clock, and clocks no days.
pub(super) fn moved(value: i64, count: i64, unit: &str, kind: &Type) -> Outcome<i64> {
    let too_far = || failure!("'{count} {unit}' moves out of what dates and times hold");
    match length(unit).ok_or_else(|| failure!("{unit} is not a unit"))? {
        Length::Micros(length) => {
            let span = count.checked_mul(length).ok_or_else(too_far)?;
            let span = if *kind == Type::Date { span.div_euclid(DAY_MICROS) * DAY_MICROS } else { span };
            value.checked_add(span).ok_or_else(too_far)
        }
        Length::Months(_) if *kind == Type::Time => Err(failure!("a time of day has no {unit}")),
        Length::Months(length) => timestamp_plus_months(
            value,
            count.checked_mul(length).filter(|months| months.abs() < 1_000_000).ok_or_else(too_far)?,
        ),
    }
}
