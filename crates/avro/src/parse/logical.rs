//! Logical types. One that is unknown or does not fit its type is no error: the plain type is what counts then.

use crate::json::Json;
use crate::schema::{Logical, Type};

/// Bytes of a `duration`: months, days and milliseconds, four each.
const DURATION_BYTES: u32 = 12;
const UUID_BYTES: u32 = 16;

/// The logical type that `attributes` give a type, if it is known and fits.
pub(super) fn of(kind: &Type, attributes: &[(String, Json)]) -> Option<Logical> {
    let get = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let logical = match (get("logicalType")?.as_text()?, kind) {
        ("decimal", Type::Bytes) => decimal(get("precision"), get("scale"), None)?,
        ("decimal", Type::Fixed(fixed)) => decimal(get("precision"), get("scale"), Some(fixed.size))?,
        ("big-decimal", Type::Bytes) => Logical::BigDecimal,
        ("uuid", Type::String) => Logical::Uuid,
        ("uuid", Type::Fixed(fixed)) if fixed.size == UUID_BYTES => Logical::Uuid,
        ("date", Type::Int) => Logical::Date,
        ("time-millis", Type::Int) => Logical::TimeMillis,
        ("time-micros", Type::Long) => Logical::TimeMicros,
        ("timestamp-millis", Type::Long) => Logical::TimestampMillis,
        ("timestamp-micros", Type::Long) => Logical::TimestampMicros,
        ("timestamp-nanos", Type::Long) => Logical::TimestampNanos,
        ("local-timestamp-millis", Type::Long) => Logical::LocalTimestampMillis,
        ("local-timestamp-micros", Type::Long) => Logical::LocalTimestampMicros,
        ("local-timestamp-nanos", Type::Long) => Logical::LocalTimestampNanos,
        ("duration", Type::Fixed(fixed)) if fixed.size == DURATION_BYTES => Logical::Duration,
        _ => return None,
    };
    Some(logical)
}

fn decimal(precision: Option<&Json>, scale: Option<&Json>, fixed_bytes: Option<u32>) -> Option<Logical> {
    let precision = u32::try_from(precision?.as_i64()?).ok().filter(|precision| *precision > 0)?;
    let scale = scale.map_or(Some(0), |scale| scale.as_i64().and_then(|scale| u32::try_from(scale).ok()))?;
    let fits = fixed_bytes.is_none_or(|bytes| precision <= digits_of(bytes));
    (scale <= precision && fits).then_some(Logical::Decimal { precision, scale })
}

/// How many decimal digits every number of so many bytes in two's complement has room for.
pub(crate) fn digits_of(bytes: u32) -> u32 {
    if bytes == 0 { 0 } else { (std::f64::consts::LOG10_2 * (8.0 * f64::from(bytes) - 1.0)).floor() as u32 }
}
