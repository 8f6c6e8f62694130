//! UUIDs, and JSON inside Avro.

use serde::{Deserializer, Serializer, de};
use uuid::Uuid;

use super::bytes::with_bytes;
use crate::avro_as::Fixed;
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

impl AvroType for Uuid {
    const KIND: Kind = Kind::String;
    const LOGICAL: Option<&'static str> = Some("uuid");
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::logical("string", "uuid")
    }
    #[inline]
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.hyphenated().encode_lower(&mut Self::encode_buffer()))
    }
    #[inline]
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_text(deserializer, |text| Self::try_parse(text).map_err(|error| format!("`{text}` is no UUID: {error}")))
    }
}

impl AvroType<Fixed> for Uuid {
    const KIND: Kind = Kind::Fixed(16);
    const LOGICAL: Option<&'static str> = Some("uuid");
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        builder.fixed(place, 16, r#","logicalType":"uuid""#)
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |bytes| Self::from_slice(bytes).map_err(|error| error.to_string()))
    }
}

impl AvroType for serde_json::Value {
    const KIND: Kind = Kind::String;
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::raw(r#"{"type":"string","alv.type":"json"}"#.to_owned())
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_text(deserializer, |text| serde_json::from_str(text).map_err(|error| format!("not JSON: {error}")))
    }
}

/// Reads a text without keeping a copy, and makes something of it.
fn with_text<'de, T, D, F>(deserializer: D, make: F) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(&str) -> Result<T, String>,
{
    struct Seen<F>(F);
    impl<T, F: FnOnce(&str) -> Result<T, String>> de::Visitor<'_> for Seen<F> {
        type Value = T;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a text")
        }
        #[inline]
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Seen(make))
}
