//! Days, times of day and points in time, as numbers and as text. The calendar is the Gregorian one, also before it was made.

use super::super::{Outcome, failure};

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// Nanoseconds of a day.
pub(crate) const DAY_NANOS: i64 = 86_400_000_000_000;
/// The least year that is read or written.
const YEAR_MIN: i64 = 1;
/// The greatest year that is read or written.
const YEAR_MAX: i64 = 9_999;

/// Year, month and day of a number of days since 1970.
pub(crate) fn civil_of_days(days: i64) -> (i64, u32, u32) {
    // Years begin in March here, so that the day that is there only in some years is the last one.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// The number of days since 1970, if there is such a day.
pub(crate) fn days_of_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) || year.abs() > 1_000_000 {
        return None;
    }
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// How many days a month has.
pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// A day as text.
pub(crate) fn format_date(days: i64) -> String {
    let (year, month, day) = civil_of_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A time of day as text, with as many digits of the second as it has.
pub(crate) fn format_time(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    with_fraction(clock, nanos % 1_000_000_000, 9)
}

/// A point in time as text, with as many digits of the second as it has.
pub(crate) fn format_timestamp(micros: i64) -> String {
    let days = micros.div_euclid(DAY_MICROS);
    format!("{} {}", format_date(days), format_time(micros.rem_euclid(DAY_MICROS) * 1000))
}

fn with_fraction(clock: String, fraction: i64, digits: usize) -> String {
    if fraction == 0 {
        return clock;
    }
    let fraction = format!("{fraction:0>digits$}");
    format!("{clock}.{}", fraction.trim_end_matches('0'))
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Outcome<i32> {
    let trimmed = text.trim();
    read_date(trimmed).and_then(|days| i32::try_from(days).ok()).ok_or_else(|| failure!("'{text}' is not a date"))
}

fn read_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year = number(year, 4)?;
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
        return None;
    }
    days_of_civil(year, number(month, 2)? as u32, number(day, 2)? as u32)
}

/// Digits and nothing else, at least one, at most so many.
fn number(text: &str, digits: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Reads `HH:MM:SS[.fraction]` as nanoseconds.
pub(crate) fn parse_time(text: &str) -> Outcome<i64> {
    read_time(text.trim()).ok_or_else(|| failure!("'{text}' is not a time"))
}

fn read_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let second = parts.next().map_or(Some(0), |second| number(second, 2)).filter(|second| *second < 60)?;
    if parts.next().is_some() {
        return None;
    }
    let nanos = match fraction {
        Some(fraction) => number(fraction, 9)? * 10_i64.pow(9 - fraction.len() as u32),
        None => 0,
    };
    Some((hour * 3600 + minute * 60 + second) * 1_000_000_000 + nanos)
}

/// Reads a day, alone or followed by a blank or `T` and a time of day, as microseconds. Smaller parts are cut.
pub(crate) fn parse_timestamp(text: &str) -> Outcome<i64> {
    read_timestamp(text.trim()).ok_or_else(|| failure!("'{text}' is not a timestamp"))
}

fn read_timestamp(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, read_time(time.trim_start())?),
        None => (text, 0),
    };
    Some(read_date(date)? * DAY_MICROS + time / 1000)
}

/// Reads a point in time that ends in a zone: `Z`, `UTC` or an offset like `+05:30`. Without one it is in UTC.
pub(crate) fn parse_timestamp_tz(text: &str) -> Outcome<i64> {
    let bad = || failure!("'{text}' is not a timestamp with a time zone");
    let trimmed = text.trim();
    if let Some(local) = trimmed.strip_suffix(['Z', 'z']).or_else(|| trimmed.strip_suffix("UTC")) {
        return read_timestamp(local.trim_end()).ok_or_else(bad);
    }
    // A sign behind the day's own hyphens begins an offset.
    let at = trimmed.get(10..).and_then(|rest| rest.rfind(['+', '-'])).map(|at| at + 10);
    let Some(at) = at else { return read_timestamp(trimmed).ok_or_else(bad) };
    let local = read_timestamp(trimmed[..at].trim_end()).ok_or_else(bad)?;
    let (hours, minutes) = trimmed[at + 1..].split_once(':').unwrap_or((&trimmed[at + 1..], "0"));
    let hours = number(hours, 2).filter(|hours| *hours < 24).ok_or_else(bad)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60).ok_or_else(bad)?;
    let offset = (hours * 60 + minutes) * 60_000_000;
    Ok(if trimmed[at..].starts_with('-') { local + offset } else { local - offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (-719_162..2_932_896).step_by(97) {
            let (year, month, day) = civil_of_days(days);
            assert_eq!(days_of_civil(year, month, day), Some(days));
        }
        assert_eq!(civil_of_days(0), (1970, 1, 1));
        assert_eq!(days_of_civil(2000, 2, 29), Some(11_016));
        assert_eq!(days_of_civil(1900, 2, 29), None);
    }

    #[test]
    fn texts_of_times_are_read_and_written() {
        for (text, micros) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("1970-01-01T00:00:01.5", Some(1_500_000)),
            ("1970-01-02", Some(DAY_MICROS)),
            ("1969-12-31 23:59:59.999999", Some(-1)),
            ("1970-13-01 00:00:00", None),
            ("1970-01-01 25:00:00", None),
            ("-1970-01-01", None),
            ("", None),
            ("é970-01-01", None),
        ] {
            assert_eq!(parse_timestamp(text).ok(), micros, "{text}");
        }
        assert_eq!(format_timestamp(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(format_timestamp(1_500_000), "1970-01-01 00:00:01.5");
        assert_eq!(format_time(1), "00:00:00.000000001");
    }

    #[test]
    fn zones_move_to_utc() {
        let micros = 3_600_000_000;
        for (text, value) in [
            ("1970-01-01T01:00:00Z", Some(micros)),
            ("1970-01-01 01:00:00 UTC", Some(micros)),
            ("1970-01-01 06:30:00+05:30", Some(micros)),
            ("1970-01-01 00:00:00-01", Some(micros)),
            ("1970-01-01 01:00:00", Some(micros)),
            ("1970-01-01 01:00:00+99:00", None),
        ] {
            assert_eq!(parse_timestamp_tz(text).ok(), value, "{text}");
        }
    }
}
