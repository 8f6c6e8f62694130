//! chrono's types in messages: their Avro types, there and back, and what does not fit.
#![cfg(feature = "chrono")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use alluvium_messaging::{CodecConfig, Codecs, EncodeError, Message, Payload, Wire};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// As text in JSON, whatever features chrono has.
mod text {
    use std::{
        fmt::{Debug, Display},
        str::FromStr,
    };

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Debug, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        // What chrono shows to programmers is ISO 8601, as it reads it.
        serializer.collect_str(&format_args!("{value:?}"))
    }

    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "moments", namespace = "com.example")]
struct Moments {
    #[serde(with = "text")]
    at: DateTime<Utc>,
    #[avro(logical = "timestamp-millis")]
    #[serde(with = "text")]
    roughly: DateTime<Utc>,
    #[serde(with = "text")]
    here: NaiveDateTime,
    #[serde(with = "text")]
    day: NaiveDate,
    #[serde(with = "text")]
    hour: NaiveTime,
}

fn moments() -> Moments {
    let at = DateTime::from_timestamp(1_767_225_600, 123_456_000).unwrap();
    let roughly = DateTime::from_timestamp_millis(-1).unwrap();
    Moments {
        at,
        roughly,
        here: at.naive_utc(),
        day: NaiveDate::from_ymd_opt(1912, 6, 23).unwrap(),
        hour: NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
    }
}

#[tokio::test]
async fn they_are_what_avro_has_for_them_and_come_back() {
    let schema: serde_json::Value = serde_json::from_str(Moments::schema().text()).unwrap();
    let logical: Vec<&str> = schema["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["type"]["logicalType"].as_str().unwrap())
        .collect();
    assert_eq!(logical, ["timestamp-micros", "timestamp-millis", "local-timestamp-micros", "date", "time-micros"]);
    let codecs = Codecs::new(CodecConfig::default());
    for wire in [Wire::SingleObject, Wire::Raw, Wire::Json] {
        let encoded = codecs.encode(&moments(), wire).await.unwrap();
        let decoded = codecs.decode::<Moments>(Some(&encoded.payload), &encoded.headers, wire).await.unwrap();
        assert_eq!(decoded, Payload::Value(moments()), "{wire}");
    }
}

#[tokio::test]
async fn what_is_finer_than_its_unit_is_an_error() {
    let codecs = Codecs::new(CodecConfig::default());
    let nanos = DateTime::from_timestamp(0, 1).unwrap();
    for finer in [Moments { at: nanos, ..moments() }, Moments { roughly: nanos, ..moments() }] {
        let error = codecs.encode(&finer, Wire::SingleObject).await.unwrap_err();
        assert!(matches!(error, EncodeError::Range(_)), "{error}");
    }
}
