//! Avro object containers: unpacked by ourselves under a limit, because a block of a few bytes may unpack to gigabytes.

use std::io::{Cursor, Read};

use arrow::record_batch::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use serde_json::Value;

use super::avro::{own_names, renamed};
use super::{ROWS_DECOMPRESSED_BYTES_MAX, ROWS_PER_MESSAGE_MAX, RowsError};

/// Rows decoded into one batch.
const BATCH_ROWS: usize = 65_536;
/// Entries of a container's header.
const HEADER_ENTRIES_MAX: i64 = 1_000;
const SYNC_BYTES: usize = 16;

pub(super) fn decode(payload: &[u8]) -> Result<Vec<RecordBatch>, RowsError> {
    let (plain, schema) = unpacked(payload)?;
    let malformed =
        |error: arrow::error::ArrowError| RowsError::malformed(format!("the Avro container is unreadable: {error}"));
    let names = own_names(&schema);
    let reader = ReaderBuilder::new().with_batch_size(BATCH_ROWS).build(Cursor::new(plain)).map_err(malformed)?;
    reader.map(|batch| batch.map(|batch| renamed(&batch, &names)).map_err(malformed)).collect()
}

/// The same container with its blocks unpacked, and its schema.
fn unpacked(payload: &[u8]) -> Result<(Vec<u8>, String), RowsError> {
    let mut input = Input { rest: &payload[4..] };
    let mut codec = "null".to_owned();
    let mut schema = None;
    let mut entries = 0;
    loop {
        let mut count = input.long()?;
        if count == 0 {
            break;
        }
        if count < 0 {
            count = count.saturating_neg();
            input.long()?;
        }
        entries += count;
        if entries > HEADER_ENTRIES_MAX {
            return Err(RowsError::malformed("the header of the Avro container is too long"));
        }
        for _ in 0..count {
            let key = input.bytes()?;
            let value = input.bytes()?;
            match key {
                b"avro.codec" => codec = String::from_utf8_lossy(value).into_owned(),
                b"avro.schema" => schema = Some(String::from_utf8_lossy(value).into_owned()),
                _ => {}
            }
        }
    }
    let schema = schema.ok_or_else(|| RowsError::malformed("the Avro container has no schema"))?;
    check_schema(&schema)?;
    let sync = input.take(SYNC_BYTES)?;
    let mut plain = header(&schema, sync);
    let mut rows = 0;
    while !input.rest.is_empty() {
        let count = input.long()?;
        let block = input.bytes()?;
        rows += usize::try_from(count).map_err(|_| RowsError::malformed("a block has a negative row count"))?;
        if rows > ROWS_PER_MESSAGE_MAX {
            return Err(RowsError::too_large(format!("a message may hold {ROWS_PER_MESSAGE_MAX} rows")));
        }
        let left = ROWS_DECOMPRESSED_BYTES_MAX.saturating_sub(plain.len());
        let block = unpack(&codec, block, left)?;
        put_long(&mut plain, count);
        put_long(&mut plain, block.len() as i64);
        plain.extend_from_slice(&block);
        plain.extend_from_slice(sync);
        if input.take(SYNC_BYTES)? != sync {
            return Err(RowsError::malformed("a block of the Avro container does not end where it should"));
        }
    }
    Ok((plain, schema))
}

fn header(schema: &str, sync: &[u8]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    put_long(&mut out, 2);
    for (key, value) in [("avro.schema", schema), ("avro.codec", "null")] {
        put_long(&mut out, key.len() as i64);
        out.extend_from_slice(key.as_bytes());
        put_long(&mut out, value.len() as i64);
        out.extend_from_slice(value.as_bytes());
    }
    put_long(&mut out, 0);
    out.extend_from_slice(sync);
    out
}

fn unpack<'a>(codec: &str, block: &'a [u8], limit: usize) -> Result<std::borrow::Cow<'a, [u8]>, RowsError> {
    let too_large = || RowsError::too_large(format!("a message may unpack to {ROWS_DECOMPRESSED_BYTES_MAX} bytes"));
    let broken = |_| RowsError::malformed("a block of the Avro container cannot be unpacked");
    let mut out = Vec::new();
    match codec {
        "null" => {
            if block.len() > limit {
                return Err(too_large());
            }
            return Ok(block.into());
        }
        "deflate" => {
            flate2::read::DeflateDecoder::new(block).take(limit as u64 + 1).read_to_end(&mut out).map_err(broken)?;
        }
        "zstandard" => {
            let decoder = zstd::stream::read::Decoder::with_buffer(block).map_err(broken)?;
            decoder.take(limit as u64 + 1).read_to_end(&mut out).map_err(broken)?;
        }
        "snappy" => {
            let (body, _crc) = block
                .len()
                .checked_sub(4)
                .map(|end| block.split_at(end))
                .ok_or_else(|| RowsError::malformed("a snappy block is cut short"))?;
            let broken = |_| RowsError::malformed("a block of the Avro container cannot be unpacked");
            if snap::raw::decompress_len(body).map_err(broken)? > limit {
                return Err(too_large());
            }
            out = snap::raw::Decoder::new().decompress_vec(body).map_err(broken)?;
        }
        other => return Err(RowsError::malformed(format!("the codec {other:?} is not supported"))),
    }
    if out.len() > limit {
        return Err(too_large());
    }
    Ok(out.into())
}

/// Refuses schemas with which a few bytes can stand for any number of items: arrays of things without a size.
fn check_schema(schema: &str) -> Result<(), RowsError> {
    let schema: Value = serde_json::from_str(schema)
        .map_err(|_| RowsError::malformed("the schema of the Avro container is not JSON"))?;
    if sizeless_items(&schema) {
        return Err(RowsError::malformed("the schema has an array of items without a size"));
    }
    Ok(())
}

fn sizeless_items(schema: &Value) -> bool {
    match schema {
        Value::Array(branches) => branches.iter().any(sizeless_items),
        Value::Object(object) => {
            let items = object.get("items").is_some_and(sizeless);
            items
                || object.values().any(|value| value.is_object() || value.is_array())
                    && object.values().any(sizeless_items)
        }
        _ => false,
    }
}

fn sizeless(schema: &Value) -> bool {
    match schema {
        Value::String(name) => name == "null",
        Value::Object(object) => match object.get("type") {
            Some(Value::String(kind)) if kind == "record" => object
                .get("fields")
                .and_then(Value::as_array)
                .is_none_or(|fields| fields.iter().all(|field| field.get("type").is_none_or(sizeless))),
            Some(Value::String(kind)) if kind == "fixed" => object.get("size").and_then(Value::as_u64) == Some(0),
            Some(kind) => sizeless(kind),
            None => true,
        },
        _ => false,
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], RowsError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| RowsError::malformed("the Avro container is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A zigzag varint of at most ten bytes.
    fn long(&mut self) -> Result<i64, RowsError> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(RowsError::malformed("a number in the Avro container is too long"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], RowsError> {
        let length = self.long()?;
        let length =
            usize::try_from(length).map_err(|_| RowsError::malformed("a length in the Avro container is negative"))?;
        self.take(length)
    }
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
