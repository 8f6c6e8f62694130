//! Decimal numbers as text.

/// Writes a decimal: a whole number, and how many of its digits are behind the point.
pub(crate) fn write_decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 40];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    let least = digits.len() - usize::from(scale) - 1;
    while rest > 0 || at > least {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if value < 0 {
        out.push(b'-');
    }
    let point = digits.len() - usize::from(scale);
    out.extend_from_slice(&digits[at..point]);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(&digits[point..]);
    }
}

/// Why a text is no decimal number of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDecimal {
    /// It is no number.
    Malformed,
    /// It has too many digits before the point.
    TooLarge,
}

/// Reads a decimal number with so many digits in all and behind the point. Digits behind those are rounded, halves to the
/// even neighbour. The time is linear in the length of the text whatever the exponent is.
pub(crate) fn read_decimal(text: &str, precision: u8, scale: u8) -> Result<i128, NoDecimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = || whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !all().all(|byte| byte.is_ascii_digit()) {
        return Err(NoDecimal::Malformed);
    }
    // How many digits stand before the last digit that stays.
    let kept = (whole.len() as i64).saturating_add(exponent).saturating_add(i64::from(scale));
    let mut value: i128 = 0;
    let (mut next, mut is_more_behind) = (0, false);
    for (at, byte) in all().enumerate() {
        let digit = i128::from(byte - b'0');
        match (at as i64).cmp(&kept) {
            std::cmp::Ordering::Less => {
                value = value.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(NoDecimal::TooLarge)?;
            }
            std::cmp::Ordering::Equal => next = digit,
            std::cmp::Ordering::Greater => is_more_behind |= digit > 0,
        }
    }
    if kept < 0 {
        // The first digit is too far behind to round anything up.
        return Ok(0);
    }
    let missing = kept - (whole.len() + fraction.len()) as i64;
    if missing > 0 && value != 0 {
        let factor = u32::try_from(missing).ok().and_then(|missing| 10_i128.checked_pow(missing));
        value = factor.and_then(|factor| value.checked_mul(factor)).ok_or(NoDecimal::TooLarge)?;
    }
    if next > 5 || (next == 5 && (is_more_behind || value % 2 == 1)) {
        value += 1;
    }
    if value >= 10_i128.pow(u32::from(precision.min(38))) {
        return Err(NoDecimal::TooLarge);
    }
    Ok(if negative { -value } else { value })
}

/// An exponent; one that no number fits into becomes one that is as far off.
fn read_exponent(text: &str) -> Result<i64, NoDecimal> {
    const FAR: i64 = i64::MAX / 4;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoDecimal::Malformed);
    }
    let size = digits.parse().unwrap_or(FAR).min(FAR);
    Ok(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_written() {
        let greatest = 10_i128.pow(38) - 1;
        for (value, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (150, 2, "1.50"),
            (-5, 2, "-0.05"),
            (7, 0, "7"),
            (greatest, 0, "99999999999999999999999999999999999999"),
            (-greatest, 38, "-0.99999999999999999999999999999999999999"),
            (greatest, 37, "9.9999999999999999999999999999999999999"),
        ] {
            let mut out = Vec::new();
            write_decimal(value, scale, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), text);
            assert_eq!(read_decimal(text, 38, scale), Ok(value), "{text}");
        }
    }

    #[test]
    fn texts_are_rounded_and_limited() {
        use NoDecimal::{Malformed, TooLarge};
        let long = format!("0.{}1", "0".repeat(5000));
        for (text, precision, scale, value) in [
            ("1.25", 3, 1, Ok(12)),
            ("1.35", 3, 1, Ok(14)),
            ("1.250000000000000000000000000000000000000000001", 3, 1, Ok(13)),
            ("-1.26", 3, 1, Ok(-13)),
            ("0.05", 3, 1, Ok(0)),
            ("0.5", 3, 0, Ok(0)),
            ("0.51", 3, 0, Ok(1)),
            ("0.09", 3, 0, Ok(0)),
            ("99.95", 3, 1, Err(TooLarge)),
            ("99.94", 3, 1, Ok(999)),
            ("100", 3, 1, Err(TooLarge)),
            ("1e2", 5, 1, Ok(1000)),
            ("1E+2", 5, 1, Ok(1000)),
            ("125e-1", 3, 0, Ok(12)),
            ("1e-1", 3, 1, Ok(1)),
            ("5e-1", 3, 0, Ok(0)),
            ("9e-2", 3, 0, Ok(0)),
            ("0e999999999999999999999999", 3, 1, Ok(0)),
            ("1e999999999999999999999999", 3, 1, Err(TooLarge)),
            ("1e-999999999999999999999999", 3, 1, Ok(0)),
            ("1e40", 38, 0, Err(TooLarge)),
            (long.as_str(), 3, 1, Ok(0)),
            ("+1", 3, 0, Ok(1)),
            (".5", 3, 1, Ok(5)),
            ("5.", 3, 1, Ok(50)),
            ("000000000000000000000000000000000000000000000001", 3, 0, Ok(1)),
            ("", 3, 1, Err(Malformed)),
            (".", 3, 1, Err(Malformed)),
            ("-", 3, 1, Err(Malformed)),
            ("1e", 3, 1, Err(Malformed)),
            ("1e+", 3, 1, Err(Malformed)),
            ("1 ", 3, 1, Err(Malformed)),
            ("1.2.3", 3, 1, Err(Malformed)),
            ("--1", 3, 1, Err(Malformed)),
            ("é", 3, 1, Err(Malformed)),
        ] {
            assert_eq!(read_decimal(text, precision, scale), value, "{text}");
        }
    }
}
