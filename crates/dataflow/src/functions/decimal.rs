//! Decimal numbers: values are whole numbers of units of the last digit.

use arrow::datatypes::i256;

use super::{Outcome, failure};

/// Ten to powers that fit.
pub(crate) fn power(exponent: u32) -> Outcome<i256> {
    i256::from_i128(10).checked_pow(exponent).ok_or_else(|| failure!("10 to the power of {exponent} is too large"))
}

/// Ten to powers up to 38.
pub(crate) fn power_128(exponent: u32) -> Outcome<i128> {
    10_i128.checked_pow(exponent).ok_or_else(|| failure!("10 to the power of {exponent} is too large"))
}

/// Changes the digits behind the point; those that go are cut off.
pub(crate) fn rescale(value: i256, from: u8, to: u8) -> Outcome<i256> {
    if to >= from {
        let factor = power(u32::from(to - from))?;
        return value.checked_mul(factor).ok_or_else(|| failure!("a decimal number is too large"));
    }
    let factor = power(u32::from(from - to))?;
    value.checked_div(factor).ok_or_else(|| failure!("a decimal number is too large"))
}

/// The value if it has no more digits than allowed.
pub(crate) fn fit(value: i256, digits: u8) -> Option<i128> {
    let value = value.to_i128()?;
    let limit = 10_u128.checked_pow(u32::from(digits))?;
    (value.unsigned_abs() < limit).then_some(value)
}

/// A value as text, with all its digits behind the point.
pub(crate) fn decimal_text(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Reads a decimal text; what is behind the last digit is rounded, halves to the even neighbour.
pub(crate) fn parse_decimal(text: &str, digits: u8, scale: u8) -> Outcome<i128> {
    let trimmed = text.trim();
    let bad = || failure!("'{text}' is not a decimal number");
    let too_large = || failure!("'{text}' does not fit DECIMAL({digits}, {scale})");
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| bad())?),
        None => (trimmed, 0),
    };
    let (negative, unsigned) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all: String = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    // The place of the point counted from the left, and how many digits are kept.
    let point = whole.len() as i64 + i64::from(exponent);
    let kept = point + i64::from(scale);
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let zeros = (all.len() - significant.len()) as i64;
    if kept - zeros > i64::from(digits) {
        return Err(too_large());
    }
    let mut value: i128 = 0;
    for at in 0..kept.max(0) as usize {
        let digit = all.as_bytes().get(at).map_or(0, |byte| i128::from(byte - b'0'));
        value = value.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or_else(too_large)?;
    }
    value += i128::from(rounds_up(all.as_bytes(), kept, value % 2 == 1));
    if fit(i256::from_i128(value), digits).is_none() {
        return Err(too_large());
    }
    Ok(if negative { -value } else { value })
}

/// Whether the digits from a place on round the ones before up.
fn rounds_up(digits: &[u8], from: i64, is_odd: bool) -> bool {
    if from < 0 {
        return false;
    }
    let rest = digits.get(from as usize..).unwrap_or_default();
    match rest.first() {
        None => false,
        Some(b'5') if rest[1..].iter().all(|byte| *byte == b'0') => is_odd,
        Some(first) => *first >= b'5',
    }
}

/// A number with fractions as a decimal, cut toward zero.
pub(crate) fn from_double(value: f64, digits: u8, scale: u8) -> Outcome<i128> {
    let failed = || failure!("{value} does not fit DECIMAL({digits}, {scale})");
    if !value.is_finite() {
        return Err(failed());
    }
    // Through text: a multiplication by a power of ten would round.
    let text = format!("{value}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let cut: String = fraction.chars().take(usize::from(scale)).collect();
    parse_decimal(&format!("{whole}.{cut}"), digits, scale).map_err(|_| failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_decimals_with_halves_to_even() {
        for (text, digits, scale, value) in [
            ("1.5", 2, 1, Some(15)),
            (" -1.5 ", 2, 1, Some(-15)),
            ("2.5", 2, 0, Some(2)),
            ("3.5", 2, 0, Some(4)),
            ("2.51", 2, 0, Some(3)),
            ("0.05", 3, 1, Some(0)),
            ("0.15", 3, 1, Some(2)),
            ("9.95", 2, 1, None),
            ("1e2", 5, 2, Some(10_000)),
            ("1e-3", 5, 2, Some(0)),
            ("12e-1", 5, 2, Some(120)),
            ("000123", 3, 0, Some(123)),
            ("1234", 3, 0, None),
            ("", 3, 0, None),
            (".", 3, 0, None),
            (".5", 3, 1, Some(5)),
            ("x", 3, 0, None),
            ("1e999999999", 38, 0, None),
            ("0e999999999", 38, 0, Some(0)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
        ] {
            assert_eq!(parse_decimal(text, digits, scale).ok(), value, "{text}");
        }
    }

    #[test]
    fn decimals_are_written_with_all_their_digits() {
        for (value, scale, text) in
            [(0, 0, "0"), (-5, 1, "-0.5"), (150, 2, "1.50"), (-12345, 2, "-123.45"), (7, 3, "0.007")]
        {
            assert_eq!(decimal_text(value, scale), text);
        }
    }

    #[test]
    fn fractions_are_cut() {
        assert_eq!(from_double(1.999, 3, 1), Ok(19));
        assert_eq!(from_double(-1.999, 3, 1), Ok(-19));
        assert!(from_double(f64::NAN, 3, 1).is_err());
        assert!(from_double(1e30, 10, 1).is_err());
        assert_eq!(from_double(1e30, 38, 1), Ok(10_i128.pow(31)));
    }
}
