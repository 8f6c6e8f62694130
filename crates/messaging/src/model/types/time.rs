//! Moments, days, times of day and spans. What is finer than the unit is an error, never cut off.

use core::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::bytes::with_bytes;
use crate::avro_as::{Micros, Millis, Nanos, Plain};
use crate::model::avro_type::out_of_range;
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

/// Nanoseconds of a day.
const DAY_NANOS: i128 = 24 * 3600 * 1_000_000_000;
/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 3600;

/// A type that is a count of nanoseconds.
pub(super) trait Nanoseconds: Sized + std::fmt::Debug {
    /// The count.
    fn nanos(&self) -> Option<i128>;
    /// The value of a count.
    fn of_nanos(nanos: i128) -> Option<Self>;
}

/// Writes a count in units of `unit` nanoseconds.
pub(super) fn encode<S: Serializer, T: Nanoseconds>(
    value: &T,
    unit: i128,
    target: &str,
    int: bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let count = value.nanos().filter(|nanos| nanos % unit == 0).and_then(|nanos| i64::try_from(nanos / unit).ok());
    let lost = || out_of_range(format_args!("{value:?}"), target);
    let count = count.ok_or_else(lost)?;
    if int {
        serializer.serialize_i32(i32::try_from(count).map_err(|_| lost())?)
    } else {
        serializer.serialize_i64(count)
    }
}

/// Reads a count of units of `unit` nanoseconds.
pub(super) fn decode<'de, D: Deserializer<'de>, T: Nanoseconds>(
    unit: i128,
    target: &str,
    deserializer: D,
) -> Result<T, D::Error> {
    let count = i64::deserialize(deserializer)?;
    T::of_nanos(i128::from(count) * unit)
        .ok_or_else(|| de::Error::custom(format_args!("{count} is out of range of {target}")))
}

/// Mappings to numbers of units.
macro_rules! units {
    ($($type:ty: $as:ty => $kind:ident $word:literal $unit:literal $logical:expr;)+) => {$(
        impl AvroType<$as> for $type {
            const KIND: Kind = Kind::$kind;
            const LOGICAL: Option<&'static str> = $logical;
            fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
                let logical: Option<&'static str> = $logical;
                logical.map_or_else(|| SchemaText::primitive($word), |logical| SchemaText::logical($word, logical))
            }
            #[inline]
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let logical: Option<&'static str> = $logical;
                $crate::model::types::time::encode(self, $unit, logical.unwrap_or(stringify!($as)), matches!(Kind::$kind, Kind::Int), serializer)
            }
            #[inline]
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::types::time::decode($unit, stringify!($type), deserializer)
            }
        }
    )+};
}
#[cfg(feature = "chrono")]
pub(super) use units;

units! {
    Timestamp: Plain => Long "long" 1_000 Some("timestamp-micros");
    Timestamp: Micros => Long "long" 1_000 Some("timestamp-micros");
    Timestamp: Millis => Long "long" 1_000_000 Some("timestamp-millis");
    Timestamp: Nanos => Long "long" 1 Some("timestamp-nanos");
    alluvium_kernel::Timestamp: Plain => Long "long" 1_000 Some("timestamp-micros");
    DateTime: Plain => Long "long" 1_000 Some("local-timestamp-micros");
    DateTime: Micros => Long "long" 1_000 Some("local-timestamp-micros");
    DateTime: Millis => Long "long" 1_000_000 Some("local-timestamp-millis");
    DateTime: Nanos => Long "long" 1 Some("local-timestamp-nanos");
    Date: Plain => Int "int" 86_400_000_000_000 Some("date");
    Time: Plain => Long "long" 1_000 Some("time-micros");
    Time: Micros => Long "long" 1_000 Some("time-micros");
    Time: Millis => Int "int" 1_000_000 Some("time-millis");
    Duration: Millis => Long "long" 1_000_000 None;
    Duration: Micros => Long "long" 1_000 None;
    Duration: Nanos => Long "long" 1 None;
    SignedDuration: Millis => Long "long" 1_000_000 None;
    SignedDuration: Micros => Long "long" 1_000 None;
    SignedDuration: Nanos => Long "long" 1 None;
}

impl Nanoseconds for Timestamp {
    fn nanos(&self) -> Option<i128> {
        Some(self.as_nanosecond())
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        Self::from_nanosecond(nanos).ok()
    }
}

impl Nanoseconds for alluvium_kernel::Timestamp {
    fn nanos(&self) -> Option<i128> {
        Some(i128::from(self.micros()) * 1000)
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        i64::try_from(nanos.div_euclid(1000)).ok().map(Self::from_micros)
    }
}

impl Nanoseconds for DateTime {
    fn nanos(&self) -> Option<i128> {
        Some(self.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond())
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        Some(Timestamp::from_nanosecond(nanos).ok()?.to_zoned(TimeZone::UTC).datetime())
    }
}

impl Nanoseconds for Date {
    fn nanos(&self) -> Option<i128> {
        let seconds = self.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        Some(i128::from(seconds.div_euclid(DAY_SECONDS)) * DAY_NANOS)
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        Some(Timestamp::from_nanosecond(nanos).ok()?.to_zoned(TimeZone::UTC).date())
    }
}

impl Nanoseconds for Time {
    fn nanos(&self) -> Option<i128> {
        Some(self.duration_since(Self::midnight()).as_nanos())
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        if !(0..DAY_NANOS).contains(&nanos) {
            return None;
        }
        Self::midnight().checked_add(SignedDuration::from_nanos(i64::try_from(nanos).ok()?)).ok()
    }
}

impl Nanoseconds for Duration {
    fn nanos(&self) -> Option<i128> {
        i128::try_from(self.as_nanos()).ok()
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        let nanos = u128::try_from(nanos).ok()?;
        let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
        Some(Self::new(seconds, (nanos % 1_000_000_000) as u32))
    }
}

impl Nanoseconds for SignedDuration {
    fn nanos(&self) -> Option<i128> {
        Some(self.as_nanos())
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        let seconds = i64::try_from(nanos / 1_000_000_000).ok()?;
        Some(Self::new(seconds, (nanos % 1_000_000_000) as i32))
    }
}

/// Avro's own span: months, days and milliseconds, none of which is a number of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CalendarDuration {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

impl AvroType for CalendarDuration {
    const KIND: Kind = Kind::Fixed(12);
    const LOGICAL: Option<&'static str> = Some("duration");
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        builder.fixed(place, 12, r#","logicalType":"duration""#)
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; 12];
        for (part, number) in bytes.chunks_exact_mut(4).zip([self.months, self.days, self.millis]) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |bytes| {
            let (parts, rest) = bytes.as_chunks::<4>();
            match (parts, rest) {
                ([months, days, millis], []) => Ok(Self {
                    months: u32::from_le_bytes(*months),
                    days: u32::from_le_bytes(*days),
                    millis: u32::from_le_bytes(*millis),
                }),
                _ => Err(format!("a duration of {} bytes", bytes.len())),
            }
        })
    }
}
