//! A field as text, as a key, or as a moment: what a value is by its Avro mapping, without a schema.

use std::fmt::Display;

use alluvium_kernel::Timestamp;
use bytes::Bytes;
use serde::ser::{self, Serialize, Serializer};

use super::avro_type::{AvroType, Ser};
use super::message::KeyFormat;
use super::schema::MessageSchema;
use crate::wire::{EncodeError, core};

/// What a value is when it is written.
#[derive(Clone, Debug, PartialEq)]
enum Scalar {
    None,
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
}

/// The text of a field, for subjects, ids and keys; `None` for null.
pub fn text_of<T: AvroType<As>, As>(value: &T) -> Result<Option<String>, EncodeError> {
    Ok(match scalar(value)? {
        Scalar::None => None,
        Scalar::Text(text) => Some(text),
        Scalar::Int(number) => Some(number.to_string()),
        Scalar::Bytes(bytes) => {
            Some(String::from_utf8(bytes).map_err(|_| EncodeError::Key("bytes that are no UTF-8 text".to_owned()))?)
        }
    })
}

/// The key that a field gives.
pub fn key_of<T: AvroType<As>, As>(
    value: &T,
    format: KeyFormat,
    schema: Option<fn() -> &'static MessageSchema>,
) -> Result<Option<Bytes>, EncodeError> {
    if let (KeyFormat::Avro, Some(schema)) = (format, schema) {
        let mut datum = Vec::new();
        core::encode(&Ser::<T, As>::new(value), schema().fast(), &mut datum)?;
        return Ok(Some(datum.into()));
    }
    match format {
        KeyFormat::Bytes => Ok(match scalar(value)? {
            Scalar::None => None,
            Scalar::Text(text) => Some(text.into()),
            Scalar::Bytes(bytes) => Some(bytes.into()),
            Scalar::Int(_) => {
                return Err(EncodeError::Key("a number has no bytes of its own; use i64be or utf8".to_owned()));
            }
        }),
        KeyFormat::I64Be => Ok(match scalar(value)? {
            Scalar::None => None,
            Scalar::Int(number) => Some(Bytes::copy_from_slice(&number.to_be_bytes())),
            Scalar::Text(_) | Scalar::Bytes(_) => {
                return Err(EncodeError::Key("i64be is for whole numbers".to_owned()));
            }
        }),
        KeyFormat::Utf8 | KeyFormat::Avro => Ok(text_of(value)?.map(Bytes::from)),
    }
}

/// The moment that a field gives.
pub fn time_of<T: AvroType<As>, As>(value: &T) -> Result<Option<Timestamp>, EncodeError> {
    let wrong = || EncodeError::Invalid("an event time is a timestamp".to_owned());
    let micros = match (scalar(value)?, T::LOGICAL) {
        (Scalar::None, _) => return Ok(None),
        (Scalar::Int(number), Some("timestamp-micros")) => Some(number),
        (Scalar::Int(number), Some("timestamp-millis")) => number.checked_mul(1000),
        (Scalar::Int(number), Some("timestamp-nanos")) => Some(number.div_euclid(1000)),
        _ => None,
    };
    micros.map(|micros| Some(Timestamp::from_micros(micros))).ok_or_else(wrong)
}

fn scalar<T: AvroType<As>, As>(value: &T) -> Result<Scalar, EncodeError> {
    Ser::<T, As>::new(value).serialize(Scalars).map_err(|NotScalar(reason)| EncodeError::from_reason(reason))
}

/// Takes scalars only.
struct Scalars;

/// What was no scalar.
#[derive(Debug)]
struct NotScalar(String);

impl Display for NotScalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
impl std::error::Error for NotScalar {}
impl ser::Error for NotScalar {
    fn custom<T: Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

fn no_scalar<T>() -> Result<T, NotScalar> {
    Err(NotScalar("a key, id or placeholder is a text, a whole number, a boolean or bytes".to_owned()))
}

type Never = ser::Impossible<Scalar, NotScalar>;

impl Serializer for Scalars {
    type Ok = Scalar;
    type Error = NotScalar;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_bool(self, yes: bool) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Text(yes.to_string()))
    }
    fn serialize_i8(self, number: i8) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_i16(self, number: i16) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_i32(self, number: i32) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_i64(self, number: i64) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Int(number))
    }
    fn serialize_u8(self, number: u8) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_u16(self, number: u16) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_u32(self, number: u32) -> Result<Scalar, NotScalar> {
        self.serialize_i64(number.into())
    }
    fn serialize_u64(self, _: u64) -> Result<Scalar, NotScalar> {
        no_scalar()
    }
    fn serialize_f32(self, _: f32) -> Result<Scalar, NotScalar> {
        no_scalar()
    }
    fn serialize_f64(self, _: f64) -> Result<Scalar, NotScalar> {
        no_scalar()
    }
    fn serialize_char(self, letter: char) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Text(letter.to_string()))
    }
    fn serialize_str(self, text: &str) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Text(text.to_owned()))
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Bytes(bytes.to_vec()))
    }
    fn serialize_none(self) -> Result<Scalar, NotScalar> {
        Ok(Scalar::None)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Scalar, NotScalar> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Scalar, NotScalar> {
        Ok(Scalar::None)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Scalar, NotScalar> {
        no_scalar()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, symbol: &'static str) -> Result<Scalar, NotScalar> {
        Ok(Scalar::Text(symbol.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Scalar, NotScalar> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Scalar, NotScalar> {
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_tuple(self, _: usize) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, NotScalar> {
        no_scalar()
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Never, NotScalar> {
        no_scalar()
    }
}
