//! Ranges as they are configured: numbers, days, times and moments.

use jiff::civil::{Date, Time};
use jiff::{Timestamp, Unit};
use serde_json::Value;

/// Milliseconds of a day.
pub(super) const DAY_MS: i128 = 86_400_000;

/// The two ends of a range, each read by a function.
///
/// # Errors
///
/// There are not two, or one is not what it should be.
pub(super) fn ends<T>(
    range: Option<&[Value]>,
    read: impl Fn(&Value) -> Option<T>,
    wanted: &str,
) -> Result<Option<(T, T)>, String> {
    let Some(range) = range else { return Ok(None) };
    let [start, end] = range else { return Err("its range does not have two ends".to_owned()) };
    let wrong = |value: &Value| format!("{value} in its range is not {wanted}");
    let start = read(start).ok_or_else(|| wrong(start))?;
    let end = read(end).ok_or_else(|| wrong(end))?;
    Ok(Some((start, end)))
}

/// A whole number.
pub(super) fn whole(value: &Value) -> Option<i128> {
    let Value::Number(number) = value else { return None };
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).or_else(|| {
        let float = number.as_f64()?;
        // Some clients write 10 as 10.0.
        (float.fract() == 0.0 && float.abs() < 1e38).then_some(float as i128)
    })
}

/// A decimal number without its point, which stands before the last `scale` digits. Digits behind these are cut off.
pub(super) fn decimal(value: &Value, scale: u8) -> Option<i128> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    if let Some(whole) = whole(value) {
        return whole.checked_mul(10_i128.checked_pow(u32::from(scale))?);
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if before.is_empty() || !all_digits(before) || !all_digits(behind) {
        return None;
    }
    let behind: String = behind.chars().chain(std::iter::repeat('0')).take(usize::from(scale)).collect();
    let unsigned: i128 = format!("{before}{behind}").parse().ok()?;
    Some(if text.starts_with('-') { -unsigned } else { unsigned })
}

/// Days since 1970: a number, or `YYYY-MM-DD`.
pub(super) fn days(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => {
            let date: Date = text.trim().parse().ok()?;
            Date::new(1970, 1, 1).ok()?.until((Unit::Day, date)).ok().map(|span| i128::from(span.get_days()))
        }
        other => whole(other),
    }
}

/// Milliseconds since 1970: a number, or RFC 3339.
pub(super) fn moment_ms(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => text.trim().parse::<Timestamp>().ok().map(|moment| i128::from(moment.as_millisecond())),
        other => whole(other),
    }
}

/// Milliseconds since midnight: a number, or `HH:MM:SS`; `24:00:00` is the end of the day.
pub(super) fn time_ms(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) if text.trim() == "24:00:00" => Some(DAY_MS),
        Value::String(text) => {
            let time: Time = text.trim().parse().ok()?;
            let seconds = i128::from(time.hour()) * 3600 + i128::from(time.minute()) * 60 + i128::from(time.second());
            Some(seconds * 1000 + i128::from(time.subsec_nanosecond()) / 1_000_000)
        }
        other => whole(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ends_of_ranges_are_read() {
        assert_eq!(days(&json!("2100-01-01")), Some(47_482));
        assert_eq!(days(&json!("1969-12-31")), Some(-1));
        assert_eq!((days(&json!(5)), days(&json!("tomorrow")), days(&json!(1.5))), (Some(5), None, None));
        assert_eq!(moment_ms(&json!("2100-01-01T00:00:00Z")), Some(4_102_444_800_000));
        assert_eq!(moment_ms(&json!("1970-01-01T01:00:00.5+01:00")), Some(500));
        assert_eq!((time_ms(&json!("01:02:03")), time_ms(&json!("24:00:00"))), (Some(3_723_000), Some(DAY_MS)));
        assert_eq!((time_ms(&json!("25:00:00")), time_ms(&json!(7))), (None, Some(7)));
        assert_eq!(
            (decimal(&json!(1.25), 2), decimal(&json!("-0.5"), 3), decimal(&json!(3), 1)),
            (Some(125), Some(-500), Some(30))
        );
        assert_eq!((decimal(&json!("1e9"), 2), decimal(&json!("."), 2), decimal(&json!(true), 2)), (None, None, None));
        assert_eq!(
            (whole(&json!(10.0)), whole(&json!(10.5)), whole(&json!(u64::MAX))),
            (Some(10), None, Some(u64::MAX.into()))
        );
    }

    #[test]
    fn a_range_has_two_ends() {
        assert_eq!(ends(None, whole, "a number"), Ok(None));
        assert_eq!(ends(Some(&[json!(1), json!(2)]), whole, "a number"), Ok(Some((1, 2))));
        assert!(ends(Some(&[json!(1)]), whole, "a number").is_err());
        assert!(ends(Some(&[json!(1), json!("x")]), whole, "a number").unwrap_err().contains("\"x\""));
    }
}
