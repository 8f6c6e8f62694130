//! chrono's types, by feature.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserializer, Serializer};

use super::time::{Nanoseconds, units};
use crate::avro_as::{Micros, Millis, Nanos, Plain};
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

/// Nanoseconds of a second.
const SECOND_NANOS: i128 = 1_000_000_000;
/// Nanoseconds of a day.
const DAY_NANOS: i128 = 24 * 3600 * SECOND_NANOS;

units! {
    DateTime<Utc>: Plain => Long "long" 1_000 Some("timestamp-micros");
    DateTime<Utc>: Micros => Long "long" 1_000 Some("timestamp-micros");
    DateTime<Utc>: Millis => Long "long" 1_000_000 Some("timestamp-millis");
    DateTime<Utc>: Nanos => Long "long" 1 Some("timestamp-nanos");
    NaiveDateTime: Plain => Long "long" 1_000 Some("local-timestamp-micros");
    NaiveDateTime: Micros => Long "long" 1_000 Some("local-timestamp-micros");
    NaiveDateTime: Millis => Long "long" 1_000_000 Some("local-timestamp-millis");
    NaiveDateTime: Nanos => Long "long" 1 Some("local-timestamp-nanos");
    NaiveDate: Plain => Int "int" 86_400_000_000_000 Some("date");
    NaiveTime: Plain => Long "long" 1_000 Some("time-micros");
    NaiveTime: Micros => Long "long" 1_000 Some("time-micros");
    NaiveTime: Millis => Int "int" 1_000_000 Some("time-millis");
}

impl Nanoseconds for DateTime<Utc> {
    fn nanos(&self) -> Option<i128> {
        // A leap second counts on beyond its second; Avro has no place for it.
        let within = i128::from(self.timestamp_subsec_nanos());
        (within < SECOND_NANOS).then(|| i128::from(self.timestamp()) * SECOND_NANOS + within)
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        let seconds = i64::try_from(nanos.div_euclid(SECOND_NANOS)).ok()?;
        Self::from_timestamp(seconds, nanos.rem_euclid(SECOND_NANOS) as u32)
    }
}

impl Nanoseconds for NaiveDateTime {
    fn nanos(&self) -> Option<i128> {
        self.and_utc().nanos()
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        DateTime::<Utc>::of_nanos(nanos).map(|moment| moment.naive_utc())
    }
}

impl Nanoseconds for NaiveDate {
    fn nanos(&self) -> Option<i128> {
        let days = self.signed_duration_since(DateTime::<Utc>::UNIX_EPOCH.date_naive()).num_days();
        Some(i128::from(days) * DAY_NANOS)
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        let days = TimeDelta::try_days(i64::try_from(nanos.div_euclid(DAY_NANOS)).ok()?)?;
        DateTime::<Utc>::UNIX_EPOCH.date_naive().checked_add_signed(days)
    }
}

impl Nanoseconds for NaiveTime {
    fn nanos(&self) -> Option<i128> {
        use chrono::Timelike as _;
        let within = i128::from(self.nanosecond());
        (within < SECOND_NANOS).then(|| i128::from(self.num_seconds_from_midnight()) * SECOND_NANOS + within)
    }
    fn of_nanos(nanos: i128) -> Option<Self> {
        let seconds = u32::try_from(nanos.div_euclid(SECOND_NANOS)).ok()?;
        Self::from_num_seconds_from_midnight_opt(seconds, nanos.rem_euclid(SECOND_NANOS) as u32)
    }
}
