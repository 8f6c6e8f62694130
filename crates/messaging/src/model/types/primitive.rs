//! Booleans, small numbers and text.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize as _, Deserializer, Serializer};

use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

macro_rules! primitive {
    ($($type:ty: $kind:ident $word:literal $serialize:ident as $wire:ty;)+) => {$(
        impl AvroType for $type {
            const KIND: Kind = Kind::$kind;
            fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
                SchemaText::primitive($word)
            }
            #[inline]
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$serialize(<$wire>::from(*self))
            }
            #[inline]
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$type>::deserialize(deserializer)
            }
        }
    )+};
}

primitive! {
    bool: Boolean "boolean" serialize_bool as bool;
    i8: Int "int" serialize_i32 as i32;
    i16: Int "int" serialize_i32 as i32;
    i32: Int "int" serialize_i32 as i32;
    u16: Int "int" serialize_i32 as i32;
    i64: Long "long" serialize_i64 as i64;
    u32: Long "long" serialize_i64 as i64;
    f32: Float "float" serialize_f32 as f32;
    f64: Double "double" serialize_f64 as f64;
    char: String "string" serialize_char as char;
}

macro_rules! text {
    ($($type:ty: $from:expr;)+) => {$(
        impl AvroType for $type {
            const KIND: Kind = Kind::String;
            fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
                SchemaText::primitive("string")
            }
            #[inline]
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self)
            }
            #[inline]
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map($from)
            }
        }
    )+};
}

text! {
    String: std::convert::identity;
    Box<str>: String::into_boxed_str;
    Arc<str>: Arc::from;
    Cow<'static, str>: Cow::Owned;
}

impl AvroType for () {
    const KIND: Kind = Kind::Null;
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::primitive("null")
    }
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)
    }
}
