//! Floating-point numbers as text: as few digits as are needed to read the same number again.

use std::io::Write as _;

/// A floating-point number of either width.
pub(crate) trait Float: Copy + std::fmt::Debug + std::str::FromStr {
    const NAN: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    fn is_finite(self) -> bool;
    fn is_nan(self) -> bool;
    fn is_negative(self) -> bool;
}

macro_rules! float {
    ($kind:ty) => {
        impl Float for $kind {
            const NAN: Self = <$kind>::NAN;
            const INFINITY: Self = <$kind>::INFINITY;
            const NEG_INFINITY: Self = <$kind>::NEG_INFINITY;
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
        }
    };
}

float!(f32);
float!(f64);

/// The name of a number that is not finite.
pub(crate) fn name<F: Float>(value: F) -> Option<&'static str> {
    if value.is_finite() {
        None
    } else if value.is_nan() {
        Some("NaN")
    } else if value.is_negative() {
        Some("-Infinity")
    } else {
        Some("Infinity")
    }
}

/// Writes a finite number as JSON has it.
pub(crate) fn write<F: Float>(value: F, out: &mut Vec<u8>) {
    let written = write!(out, "{value:?}");
    debug_assert!(written.is_ok(), "memory takes all that is written to it");
}

/// Reads `NaN`, `Inf`, `Infinity` and the negative ones, in any case.
pub(crate) fn read_name<F: Float>(text: &str) -> Option<F> {
    let (is_negative, name) = match text.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if name.eq_ignore_ascii_case("nan") {
        return Some(F::NAN);
    }
    let is_infinite = name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity");
    is_infinite.then_some(if is_negative { F::NEG_INFINITY } else { F::INFINITY })
}

/// Reads a number in digits; none if it is too large to be finite.
pub(crate) fn read_digits<F: Float>(text: &str) -> Option<F> {
    text.parse::<F>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for value in [0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, f64::MAX, f64::MIN_POSITIVE, 123_456_789.123_456_78] {
            let mut out = Vec::new();
            write(value, &mut out);
            let text = std::str::from_utf8(&out).unwrap();
            assert_eq!(read_digits::<f64>(text).unwrap().to_bits(), value.to_bits(), "{text}");
        }
        let mut out = Vec::new();
        write(0.1_f32, &mut out);
        assert_eq!(out, b"0.1");
    }

    #[test]
    fn names_are_read_in_any_case() {
        for (text, value) in [
            ("NaN", Some("NaN")),
            ("-nan", Some("NaN")),
            ("Inf", Some("Infinity")),
            ("+INFINITY", Some("Infinity")),
            ("-inf", Some("-Infinity")),
            ("infinit", None),
            ("", None),
            ("1", None),
        ] {
            assert_eq!(read_name::<f64>(text).and_then(name), value, "{text}");
            assert_eq!(read_name::<f32>(text).and_then(name), value, "{text}");
        }
        assert_eq!(read_digits::<f32>("1e39"), None);
        assert_eq!(read_digits::<f64>("x"), None);
    }
}
