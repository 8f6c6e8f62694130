//! Making decoded columns fit the table exactly.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt64Array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::util::display::array_value_to_string;

use super::RowsError;
use crate::avro_schema;
use crate::column::{Column, ColumnType, TableSchema};

/// The Arrow type in which a column goes to the engine. Types Arrow cannot hold go as text, which the engine casts.
pub(crate) fn arrow_type(column_type: &ColumnType) -> DataType {
    let child = |name: &str, kind: &ColumnType| Arc::new(Field::new(name, arrow_type(kind), true));
    match column_type {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::TinyInt => DataType::Int8,
        ColumnType::SmallInt => DataType::Int16,
        ColumnType::Integer => DataType::Int32,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::UTinyInt => DataType::UInt8,
        ColumnType::USmallInt => DataType::UInt16,
        ColumnType::UInteger => DataType::UInt32,
        ColumnType::UBigInt => DataType::UInt64,
        ColumnType::Float => DataType::Float32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { width, scale } => DataType::Decimal128(*width, *scale as i8),
        ColumnType::Blob => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampS => DataType::Timestamp(TimeUnit::Second, None),
        ColumnType::TimestampMs => DataType::Timestamp(TimeUnit::Millisecond, None),
        ColumnType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        ColumnType::List(item) => DataType::List(child("item", item)),
        ColumnType::Array(item, length) => DataType::FixedSizeList(child("item", item), *length as i32),
        ColumnType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|(name, kind)| child(name, kind)).collect::<Fields>())
        }
        ColumnType::Map(key, value) => {
            let key = Arc::new(Field::new("key", arrow_type(key), false));
            let entries = DataType::Struct(vec![key, child("value", value)].into());
            DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
        }
        ColumnType::Varchar
        | ColumnType::HugeInt
        | ColumnType::UHugeInt
        | ColumnType::Bit
        | ColumnType::TimeTz
        | ColumnType::Interval
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Enum(_) => DataType::Utf8,
    }
}

pub(super) fn conform(batch: &RecordBatch, schema: &TableSchema) -> Result<RecordBatch, RowsError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut arrays = Vec::with_capacity(batch.num_columns());
    let mut seen = vec![false; schema.columns.len()];
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let index = schema
            .position(field.name())
            .ok_or_else(|| RowsError::mismatch(format!("the table has no column {:?}", field.name())))?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(RowsError::mismatch(format!("column {:?} comes twice", field.name())));
        }
        let column = &schema.columns[index];
        let array = fitted(array, column)?;
        if !column.nullable && array.null_count() > 0 {
            return Err(RowsError::mismatch(format!("column {:?} must not be NULL", column.name)));
        }
        fields.push(Field::new(&column.name, array.data_type().clone(), column.nullable));
        arrays.push(array);
    }
    check_missing(schema, &seen)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| RowsError::mismatch(error.to_string()))
}

/// Columns that may not be NULL and have no default have to be there.
pub(super) fn check_missing(schema: &TableSchema, seen: &[bool]) -> Result<(), RowsError> {
    let missing =
        schema.columns.iter().zip(seen).find(|(column, seen)| !**seen && !column.nullable && column.default.is_none());
    match missing {
        None => Ok(()),
        Some((column, _)) => {
            Err(RowsError::mismatch(format!("column {:?} is missing and must not be NULL", column.name)))
        }
    }
}

pub(super) fn fitted(array: &ArrayRef, column: &Column) -> Result<ArrayRef, RowsError> {
    let target = arrow_type(&column.column_type);
    let wrong = |array: &ArrayRef| {
        RowsError::mismatch(format!(
            "column {:?} of type {} cannot take {}",
            column.name,
            column.column_type,
            array.data_type()
        ))
    };
    let plain = match array.data_type() {
        DataType::Null => return Ok(new_null_array(&target, array.len())),
        DataType::Dictionary(_, value) => cast(array, value).ok_or_else(|| wrong(array))?,
        DataType::LargeUtf8 | DataType::Utf8View => cast(array, &DataType::Utf8).ok_or_else(|| wrong(array))?,
        DataType::LargeBinary | DataType::BinaryView => cast(array, &DataType::Binary).ok_or_else(|| wrong(array))?,
        _ => Arc::clone(array),
    };
    // Nested values written with the table's own Avro schema differ from the column only in names, which Avro restricts.
    let own = avro_schema::arrow_type(&column.column_type);
    if own.is_nested() && avro_schema::same_layout(plain.data_type(), &own) {
        return avro_schema::retyped(&plain, &own).map_err(|error| RowsError::mismatch(error.to_string()));
    }
    let textual = *plain.data_type() == DataType::Utf8;
    match &column.column_type {
        ColumnType::Uuid if matches!(plain.data_type(), DataType::FixedSizeBinary(16)) => Ok(uuid_text(&plain)),
        ColumnType::HugeInt | ColumnType::UHugeInt if plain.data_type().is_integer() => {
            let texts = as_text(&plain).ok_or_else(|| wrong(&plain))?;
            checked_text(texts, column)
        }
        ColumnType::UBigInt if textual => digits(&plain, column),
        _ if target == DataType::Utf8 && textual => checked_text(plain, column),
        _ if *plain.data_type() == target => Ok(plain),
        ColumnType::Blob if matches!(plain.data_type(), DataType::FixedSizeBinary(_)) => {
            cast(&plain, &target).ok_or_else(|| wrong(&plain))
        }
        // Text for a number or a date is a mistake of the sender, not a format of ours.
        _ if textual || target == DataType::Utf8 => Err(wrong(&plain)),
        _ => exact(&plain, &target).ok_or_else(|| wrong(&plain)),
    }
}

/// Casts; `None` when a value cannot be.
fn cast(array: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, target, &options).ok()
}

/// Casts there and back: what does not come back the same has lost something.
fn exact(array: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    let family = |kind: &DataType| match kind {
        kind if kind.is_numeric() => 1,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => 2,
        DataType::Time32(_) | DataType::Time64(_) => 3,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => 4,
        DataType::Struct(_) => 5,
        DataType::Map(..) => 6,
        DataType::Binary | DataType::FixedSizeBinary(_) => 7,
        _ => 0,
    };
    let known = family(target);
    if known == 0 || known != family(array.data_type()) {
        return None;
    }
    let there = cast(array, target)?;
    if known >= 4 {
        return Some(there);
    }
    let back = cast(&there, array.data_type())?;
    (back.to_data() == array.to_data()).then_some(there)
}

fn as_text(array: &ArrayRef) -> Option<ArrayRef> {
    let texts: Option<Vec<Option<String>>> = (0..array.len())
        .map(|row| if array.is_null(row) { Some(None) } else { array_value_to_string(array, row).ok().map(Some) })
        .collect();
    texts.map(|texts| Arc::new(StringArray::from(texts)) as ArrayRef)
}

fn uuid_text(array: &ArrayRef) -> ArrayRef {
    let texts: StringArray = array
        .as_fixed_size_binary()
        .iter()
        .map(|bytes| bytes.and_then(|bytes| uuid::Uuid::from_slice(bytes).ok()).map(|uuid| uuid.to_string()))
        .collect();
    Arc::new(texts)
}

fn digits(array: &ArrayRef, column: &Column) -> Result<ArrayRef, RowsError> {
    let numbers: Result<Vec<Option<u64>>, RowsError> = array
        .as_string::<i32>()
        .iter()
        .map(|text| text.map(|text| text.parse().map_err(|_| bad_value(column, text))).transpose())
        .collect();
    Ok(Arc::new(UInt64Array::from(numbers?)))
}

fn bad_value(column: &Column, value: &str) -> RowsError {
    let shown: String = value.chars().take(40).collect();
    RowsError::mismatch(format!("column {:?} of type {} cannot take {shown:?}", column.name, column.column_type))
}

/// Checks text that the engine will cast, so that a bad value is found here, where its message can be told from others.
pub(super) fn checked_text(array: ArrayRef, column: &Column) -> Result<ArrayRef, RowsError> {
    let good: Box<dyn Fn(&str) -> bool> = match &column.column_type {
        ColumnType::HugeInt => Box::new(|text| text.parse::<i128>().is_ok()),
        ColumnType::UHugeInt => Box::new(|text| text.parse::<u128>().is_ok()),
        ColumnType::Uuid => Box::new(|text| uuid::Uuid::try_parse(text).is_ok()),
        ColumnType::Json => Box::new(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()),
        ColumnType::Enum(labels) => Box::new(move |text| labels.iter().any(|label| label == text)),
        ColumnType::Bit => Box::new(|text| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0' | b'1'))),
        _ => return Ok(array),
    };
    match array.as_string::<i32>().iter().flatten().find(|text| !good(text)) {
        None => Ok(array),
        Some(text) => Err(bad_value(column, text)),
    }
}
