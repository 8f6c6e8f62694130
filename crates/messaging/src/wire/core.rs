//! The one place where data meets serde_avro_fast, whoever asks: message types, the platform's contracts, tools.

use serde::{Deserialize, Serialize};
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::{SerializerConfig, SerializerState};

use super::error::{DecodeError, EncodeError};

/// Items of one array or map, at most: items that take no bytes could be any number.
const ITEMS_MAX: usize = 16 * 1024 * 1024;

/// Appends a datum.
#[inline]
pub(crate) fn encode<T: Serialize>(
    value: &T,
    schema: &serde_avro_fast::Schema,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let mut config = SerializerConfig::new(schema);
    let mut state = SerializerState::from_writer(&mut *out, &mut config);
    match value.serialize(state.serializer()) {
        Ok(()) => Ok(()),
        Err(error) => {
            out.truncate(start);
            Err(EncodeError::from_reason(error.to_string()))
        }
    }
}

/// Reads a datum, all of it.
#[inline]
pub(crate) fn decode<'de, T: Deserialize<'de>>(
    datum: &'de [u8],
    schema: &serde_avro_fast::Schema,
) -> Result<T, DecodeError> {
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = ITEMS_MAX;
    let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
    match T::deserialize(state.deserializer()) {
        Ok(value) => match left(state.into_reader()) {
            0 => Ok(value),
            left => Err(DecodeError::Trailing { left }),
        },
        Err(error) => Err(malformed(&error)),
    }
}

#[cold]
fn malformed(error: &serde_avro_fast::de::DeError) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

/// Bytes that a reader has not read.
#[inline]
fn left(mut reader: SliceRead<'_>) -> usize {
    use std::io::BufRead as _;
    reader.fill_buf().map_or(0, <[u8]>::len)
}
