//! Bytes, alone and of a fixed number.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize as _, Deserializer, Serializer, de};

use crate::avro_as::{Array, Plain};
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

/// One byte is an int; many are bytes.
impl AvroType for u8 {
    const KIND: Kind = Kind::Int;
    const ITEMS: Kind = Kind::Bytes;
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::primitive("int")
    }
    #[inline]
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(i32::from(*self))
    }
    #[inline]
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
    fn items_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::primitive("bytes")
    }
    #[inline]
    fn items_encode<S: Serializer>(items: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(items)
    }
    #[inline]
    fn items_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        with_bytes(deserializer, |bytes| Ok(bytes.to_vec()))
    }
    #[inline]
    fn array_decode<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[Self; N], D::Error> {
        with_bytes(deserializer, |bytes| {
            <[u8; N]>::try_from(bytes).map_err(|_| format!("{} bytes where there must be {N}", bytes.len()))
        })
    }
}

impl AvroType<Array> for u8 {
    const KIND: Kind = Kind::Int;
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        <Self as AvroType<Plain>>::avro_schema(builder, place)
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        <Self as AvroType<Plain>>::avro_encode(self, serializer)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl AvroType for Bytes {
    const KIND: Kind = Kind::Bytes;
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::primitive("bytes")
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |bytes| Ok(Self::copy_from_slice(bytes)))
    }
}

/// Reads bytes without keeping a copy, and makes something of them; `make` says what is wrong with them.
pub(crate) fn with_bytes<'de, T, D, F>(deserializer: D, make: F) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(&[u8]) -> Result<T, String>,
{
    struct Seen<F>(F);
    impl<T, F: FnOnce(&[u8]) -> Result<T, String>> de::Visitor<'_> for Seen<F> {
        type Value = T;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("bytes")
        }
        #[inline]
        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
            (self.0)(bytes).map_err(E::custom)
        }
        // Strings promote to bytes.
        #[inline]
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            self.visit_bytes(text.as_bytes())
        }
    }
    deserializer.deserialize_bytes(Seen(make))
}
