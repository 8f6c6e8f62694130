//! Days, times of day and points in time, as numbers and as text. The calendar is the Gregorian one, also before it was made.

use std::io::Write as _;

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// Nanoseconds of a day.
pub(crate) const DAY_NANOS: i64 = 86_400_000_000_000;
/// The first day of the year 1, the first that is read or written as text.
pub(crate) const DAYS_MIN: i64 = -719_162;
/// The last day of the year 9999, the last that is read or written as text.
pub(crate) const DAYS_MAX: i64 = 2_932_896;

/// Year, month and day of a number of days since 1970.
fn civil_of_days(days: i64) -> (i64, u32, u32) {
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

/// The number of days since 1970 of a day in the years 1 to 9999.
fn days_of_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
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

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Writes `YYYY-MM-DD`.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_of_days(days);
    let written = write!(out, "{year:04}-{month:02}-{day:02}");
    debug_assert!(written.is_ok(), "memory takes all that is written to it");
}

/// Writes `HH:MM:SS`, and the fraction of nanoseconds with as many digits as it has but at least `digits_min`.
pub(crate) fn write_time(nanos: i64, digits_min: usize, out: &mut Vec<u8>) {
    let nanos = nanos.rem_euclid(DAY_NANOS);
    let seconds = nanos / 1_000_000_000;
    let written = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    debug_assert!(written.is_ok(), "memory takes all that is written to it");
    let mut fraction = nanos % 1_000_000_000;
    if fraction == 0 && digits_min == 0 {
        return;
    }
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let last = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..last.max(digits_min.min(9))]);
}

/// Writes a day, what is between, and a time of day. Fractions have 3 or 6 digits; none where they are 0 and may be left out.
pub(crate) fn write_timestamp(micros: i64, between: u8, always_fraction: bool, out: &mut Vec<u8>) {
    write_date(micros.div_euclid(DAY_MICROS), out);
    out.push(between);
    let in_day = micros.rem_euclid(DAY_MICROS);
    let digits = if in_day % 1000 != 0 {
        6
    } else if in_day % 1_000_000 != 0 || always_fraction {
        3
    } else {
        0
    };
    write_time(in_day * 1000, digits, out);
}

/// Digits and nothing else, at least one, at most so many.
fn number(text: &str, digits: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Reads `YYYY-MM-DD` as days.
pub(crate) fn read_date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let days = days_of_civil(number(year, 4)?, number(month, 2)? as u32, number(day, 2)? as u32)?;
    i32::try_from(days).ok()
}

/// Reads `HH:MM:SS[.fraction]` as nanoseconds.
pub(crate) fn read_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let second = number(parts.next()?, 2).filter(|second| *second < 60)?;
    if parts.next().is_some() {
        return None;
    }
    let nanos = match fraction {
        Some(fraction) => number(fraction, 9)? * 10_i64.pow(9 - fraction.len() as u32),
        None => 0,
    };
    Some((hour * 3600 + minute * 60 + second) * 1_000_000_000 + nanos)
}

/// Reads a point in time as microseconds in UTC: a day, a blank or `T`, a time of day, and perhaps a zone. What is smaller
/// than microseconds is cut. Blanks around it do not matter. Without a zone it is taken as it is.
pub(crate) fn read_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_once([' ', 'T', 't'])?;
    let days = i64::from(read_date(date)?);
    let clock_end =
        rest.find(|each: char| !(each.is_ascii_digit() || each == ':' || each == '.')).unwrap_or(rest.len());
    let local = days * DAY_MICROS + read_time(&rest[..clock_end])? / 1000;
    Some(local - read_offset(rest[clock_end..].trim_start())?)
}

/// How far a zone is from UTC, in microseconds: `Z`, `UTC`, `GMT`, `+05:30`, `+0530`, `+05`.
fn read_offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || ["z", "utc", "gmt"].iter().any(|name| zone.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    let hours = number(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2).filter(|minutes| *minutes < 60)? };
    Some(sign * (hours * 60 + minutes) * 60_000_000)
}

/// Whether a point in time is in the years that can be written.
pub(crate) fn is_micros_in_range(micros: i64) -> bool {
    (DAYS_MIN..=DAYS_MAX).contains(&micros.div_euclid(DAY_MICROS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (DAYS_MIN..=DAYS_MAX).step_by(97).chain([DAYS_MIN, DAYS_MAX]) {
            assert_eq!(read_date(&text(|out| write_date(days, out))), Some(days as i32));
        }
        assert_eq!(text(|out| write_date(DAYS_MIN, out)), "0001-01-01");
        assert_eq!(text(|out| write_date(DAYS_MAX, out)), "9999-12-31");
        assert_eq!(read_date("2000-02-29"), Some(11_016));
        for bad in [
            "1900-02-29",
            "0000-01-01",
            "2024-1-2-3",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "",
            "+2024-01-01",
            " 2024-01-01",
        ] {
            assert_eq!(read_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_read_and_written() {
        for (nanos, least, written) in [
            (0, 0, "00:00:00"),
            (0, 3, "00:00:00.000"),
            (1, 0, "00:00:00.000000001"),
            (1_500_000_000, 0, "00:00:01.5"),
            (1_500_000_000, 3, "00:00:01.500"),
            (DAY_NANOS - 1, 0, "23:59:59.999999999"),
        ] {
            assert_eq!(text(|out| write_time(nanos, least, out)), written);
            assert_eq!(read_time(written), Some(nanos));
        }
        for bad in
            ["24:00:00", "00:60:00", "00:00:60", "00:00", "1:2:3:4", "00:00:00.", "00:00:00.1234567890", "-1:00:00", ""]
        {
            assert_eq!(read_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn points_in_time_are_read_and_written() {
        for (written, micros) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("  1970-01-01T00:00:01.5\t", Some(1_500_000)),
            ("1969-12-31 23:59:59.999999", Some(-1)),
            ("1970-01-01T00:00:00.0000019Z", Some(1)),
            ("1970-01-01T01:00:00Z", Some(3_600_000_000)),
            ("1970-01-01t01:00:00z", Some(3_600_000_000)),
            ("1970-01-01 06:30:00+05:30", Some(3_600_000_000)),
            ("1970-01-01 06:30:00 +0530", Some(3_600_000_000)),
            ("1970-01-01 00:00:00-01", Some(3_600_000_000)),
            ("1970-01-01T01:00:00UTC", Some(3_600_000_000)),
            ("1970-01-01 01:00:00+99:00", None),
            ("1970-01-01 01:00:00+1", None),
            ("1970-01-01", None),
            ("1970-01-01 25:00:00", None),
            ("1970-01-01 00:00:00 CET", None),
            ("-1970-01-01 00:00:00", None),
            ("é970-01-01 00:00:00é", None),
            ("", None),
        ] {
            assert_eq!(read_timestamp(written), micros, "{written}");
        }
        assert_eq!(text(|out| write_timestamp(0, b' ', true, out)), "1970-01-01 00:00:00.000");
        assert_eq!(text(|out| write_timestamp(0, b'T', false, out)), "1970-01-01T00:00:00");
        assert_eq!(text(|out| write_timestamp(-1, b' ', true, out)), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|out| write_timestamp(1_120_000, b' ', false, out)), "1970-01-01 00:00:01.120");
    }
}
