//! The values of columns as JSON.

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, LargeListArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64NanosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use std::io::Write as _;

use super::EncodeError;
use crate::error::FormatError;
use crate::flavor::{BytesForm, DateForm, Encoding, TimeForm, TimestampForm};
use crate::json::is_value;
use crate::types::data_type;
use crate::values::bytes::{BASE58_BYTES_MAX, write_base58, write_hex};
use crate::values::calendar::{write_date, write_time, write_timestamp};
use crate::values::decimal::write_decimal;
use crate::values::float::{self, Float};
use crate::values::json_text::{canonical_variant, write_escaped, write_text};

/// A column whose values are written.
pub(crate) struct Cells<'a> {
    pub kind: &'a Type,
    nulls: Option<NullBuffer>,
    pub values: Values<'a>,
}

/// The values of a column.
pub(crate) enum Values<'a> {
    Boolean(&'a BooleanArray),
    /// Whole numbers of any width.
    Whole(Box<dyn Fn(usize) -> i128 + 'a>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, u8),
    Real(&'a PrimitiveArray<Float32Type>),
    Double(&'a PrimitiveArray<Float64Type>),
    Text(&'a StringArray),
    Binary(&'a LargeBinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64NanosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Array(&'a LargeListArray, Box<Cells<'a>>),
    Map(&'a LargeListArray, Box<(Cells<'a>, Cells<'a>)>),
    /// Each field with its name as it is written.
    Row(Vec<(Vec<u8>, Cells<'a>)>),
}

fn whole<'a, K>(array: &'a ArrayRef) -> Option<Values<'a>>
where
    K: ArrowPrimitiveType,
    i128: From<K::Native>,
{
    let array: &'a PrimitiveArray<K> = array.as_primitive_opt::<K>()?;
    Some(Values::Whole(Box::new(move |row| i128::from(array.value(row)))))
}

/// A name with what is around it before the value.
pub(crate) fn written_name(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 3);
    write_text(name, &mut out);
    out.push(b':');
    out
}

impl<'a> Cells<'a> {
    /// A column of a type.
    pub(crate) fn new(kind: &'a Type, array: &'a ArrayRef) -> Result<Self, FormatError> {
        let misfit = || {
            let (found, wanted) = (array.data_type(), data_type(kind));
            FormatError::Misfit(format!("a column is {found} where {wanted} is wanted"))
        };
        if *array.data_type() != data_type(kind) {
            return Err(misfit());
        }
        let values = Self::simple(kind, array);
        let values = match kind {
            Type::Array(item) => {
                let list = array.as_list_opt::<i64>().ok_or_else(misfit)?;
                Values::Array(list, Box::new(Self::new(item, list.values())?))
            }
            Type::Map(key, value) => {
                let map = array.as_list_opt::<i64>().ok_or_else(misfit)?;
                let entries = map.values().as_struct_opt().ok_or_else(misfit)?;
                let [keys, values] = entries.columns() else { return Err(misfit()) };
                Values::Map(map, Box::new((Self::new(key, keys)?, Self::new(value, values)?)))
            }
            Type::Row(fields) => {
                let row: &StructArray = array.as_struct_opt().ok_or_else(misfit)?;
                let parts = fields.iter().zip(row.columns()).map(|(field, column)| {
                    Ok((written_name(&field.name.name), Self::new(&field.column_type.kind, column)?))
                });
                Values::Row(parts.collect::<Result<_, FormatError>>()?)
            }
            _ => values.ok_or_else(misfit)?,
        };
        Ok(Self { kind, nulls: array.logical_nulls(), values })
    }

    fn simple(kind: &Type, array: &'a ArrayRef) -> Option<Values<'a>> {
        match kind {
            Type::Boolean => array.as_boolean_opt().map(Values::Boolean),
            Type::Int(IntWidth::Tiny) => whole::<Int8Type>(array),
            Type::Int(IntWidth::Small) => whole::<Int16Type>(array),
            Type::Int(IntWidth::Normal) => whole::<Int32Type>(array),
            Type::Int(IntWidth::Big) => whole::<Int64Type>(array),
            Type::UInt(IntWidth::Tiny) => whole::<UInt8Type>(array),
            Type::UInt(IntWidth::Small) => whole::<UInt16Type>(array),
            Type::UInt(IntWidth::Normal) => whole::<UInt32Type>(array),
            Type::UInt(IntWidth::Big) => whole::<UInt64Type>(array),
            Type::Decimal(_, scale) => array.as_primitive_opt().map(|array| Values::Decimal(array, *scale)),
            Type::Real => array.as_primitive_opt().map(Values::Real),
            Type::Double => array.as_primitive_opt().map(Values::Double),
            Type::Char(_) | Type::Varchar(_) | Type::Uuid | Type::Variant => array.as_string_opt().map(Values::Text),
            Type::Binary(_) | Type::Varbinary(_) => array.as_binary_opt().map(Values::Binary),
            Type::Date => array.as_primitive_opt().map(Values::Date),
            Type::Time => array.as_primitive_opt().map(Values::Time),
            Type::Timestamp | Type::TimestampTz => array.as_primitive_opt().map(Values::Timestamp),
            _ => None,
        }
    }

    /// Whether a row has no value.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes a value as JSON.
    pub(crate) fn write_json(&self, row: usize, encoding: Encoding, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match &self.values {
            Values::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Values::Whole(value) => write_number(value(row), out),
            Values::Decimal(array, scale) => {
                between_quotes(encoding.is_decimal_text, out, |out| write_decimal(array.value(row), *scale, out));
            }
            Values::Real(array) => write_float(array.value(row), out),
            Values::Double(array) => write_float(array.value(row), out),
            Values::Text(array) if *self.kind == Type::Variant && !encoding.is_variant_text => {
                write_variant(array.value(row), out);
            }
            Values::Text(array) => write_text(array.value(row), out),
            Values::Binary(array) => write_bytes(array.value(row), encoding.bytes, out)?,
            Values::Date(array) => match encoding.date {
                DateForm::Text => between_quotes(true, out, |out| write_date(i64::from(array.value(row)), out)),
                DateForm::Days => write_number(i128::from(array.value(row)), out),
            },
            Values::Time(array) => match encoding.time {
                TimeForm::Text => between_quotes(true, out, |out| write_time(array.value(row), 0, out)),
                TimeForm::Micros => write_number(i128::from(array.value(row).div_euclid(1_000)), out),
                TimeForm::Millis => write_number(i128::from(array.value(row).div_euclid(1_000_000)), out),
            },
            Values::Timestamp(array) => {
                let form = if *self.kind == Type::Timestamp { encoding.timestamp } else { encoding.zoned };
                write_point(array.value(row), form, out);
            }
            Values::Array(array, item) => {
                out.push(b'[');
                write_parts(array.value_offsets(), row, out, |at, out| item.write_json(at, encoding, out))?;
                out.push(b']');
            }
            Values::Map(array, entries) => {
                let (keys, values) = &**entries;
                out.push(b'{');
                write_parts(array.value_offsets(), row, out, |at, out| {
                    keys.write_key(at, encoding, out)?;
                    values.write_json(at, encoding, out)
                })?;
                out.push(b'}');
            }
            Values::Row(fields) => {
                write_row(fields.iter().map(|(name, cells)| (&name[..], cells)), row, encoding, out)?;
            }
        }
        Ok(())
    }

    /// Writes the key of an entry: what is no text is JSON in a text.
    fn write_key(&self, row: usize, encoding: Encoding, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if encoding.is_text(self.kind) {
            self.write_json(row, encoding, out)?;
        } else {
            let mut key = Vec::new();
            self.write_json(row, encoding, &mut key)?;
            let key = std::str::from_utf8(&key).map_err(|_| EncodeError::new("a key of a map is no text"))?;
            write_text(key, out);
        }
        out.push(b':');
        Ok(())
    }
}

/// Writes an object.
pub(crate) fn write_row<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a Cells<'a>)>,
    row: usize,
    encoding: Encoding,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(b'{');
    for (at, (name, cells)) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        cells.write_json(row, encoding, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_parts<O: Copy + TryInto<usize>>(
    offsets: &[O],
    row: usize,
    out: &mut Vec<u8>,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let offset = |at: usize| offsets.get(at).and_then(|offset| (*offset).try_into().ok()).unwrap_or(0);
    let (start, end) = (offset(row), offset(row + 1));
    for at in start..end {
        if at > start {
            out.push(b',');
        }
        write(at, out)?;
    }
    Ok(())
}

/// Writes a number.
pub(crate) fn write_number(value: i128, out: &mut Vec<u8>) {
    // Numbers of 64 bits are written faster, and most are.
    let written = match i64::try_from(value) {
        Ok(value) => write!(out, "{value}"),
        Err(_) => write!(out, "{value}"),
    };
    debug_assert!(written.is_ok(), "memory takes all that is written to it");
}

fn between_quotes(is_text: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if is_text {
        out.push(b'"');
    }
    write(out);
    if is_text {
        out.push(b'"');
    }
}

/// JSON has no numbers that are not finite; their names are written, so that they can be read again.
fn write_float<F: Float>(value: F, out: &mut Vec<u8>) {
    match float::name(value) {
        Some(name) => write_text(name, out),
        None => float::write(value, out),
    }
}

fn write_variant(text: &str, out: &mut Vec<u8>) {
    // It is JSON in one form already, unless something else than this engine made it.
    if is_value(text) && text.bytes().all(|byte| byte >= b' ') {
        return out.extend_from_slice(text.as_bytes());
    }
    match canonical_variant(text) {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => write_text(text, out),
    }
}

fn write_bytes(bytes: &[u8], form: BytesForm, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match form {
        BytesForm::Numbers => {
            out.push(b'[');
            for (at, byte) in bytes.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_number(i128::from(*byte), out);
            }
            out.push(b']');
            return Ok(());
        }
        BytesForm::Base58 => {
            out.push(b'"');
            if !write_base58(bytes, out) {
                let description = format!("{} bytes in base 58, at most {BASE58_BYTES_MAX} are written", bytes.len());
                return Err(EncodeError::new(description));
            }
        }
        BytesForm::Hex => {
            out.extend_from_slice(b"\"0x");
            write_hex(bytes, out);
        }
        BytesForm::PostgresHex => {
            out.push(b'"');
            write_escaped("\\x", out);
            write_hex(bytes, out);
        }
    }
    out.push(b'"');
    Ok(())
}

fn write_point(micros: i64, form: TimestampForm, out: &mut Vec<u8>) {
    let (between, zone): (u8, &[u8]) = match form {
        TimestampForm::Millis => return write_number(i128::from(micros.div_euclid(1000)), out),
        TimestampForm::Blank => (b' ', b""),
        TimestampForm::Zulu => (b'T', b"Z"),
        TimestampForm::Offset => (b'T', b"+00:00"),
    };
    between_quotes(true, out, |out| {
        write_timestamp(micros, between, form == TimestampForm::Blank, out);
        out.extend_from_slice(zone);
    });
}
