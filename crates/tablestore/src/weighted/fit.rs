//! The rows of a step as the table takes them: its columns in their order, each in the one Arrow type that columns of its type go in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::column::{Column, ColumnType};
use crate::error::{ApplyError, code};
use crate::rows::arrow_type;

/// The columns of `batch`, found by name. Each of them has to be there, and no others.
pub(crate) fn fit<'a>(
    batch: &RecordBatch,
    columns: impl ExactSizeIterator<Item = &'a Column>,
) -> Result<RecordBatch, ApplyError> {
    let wrong = |message: String| ApplyError::refused(code::ROWS_SCHEMA_MISMATCH, message);
    if batch.num_columns() != columns.len() {
        let message = format!("a step has {} columns for a table of {}", batch.num_columns(), columns.len());
        return Err(wrong(message));
    }
    let (mut fields, mut arrays) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
    for column in columns {
        let array = batch
            .column_by_name(&column.name)
            .ok_or_else(|| wrong(format!("a step lacks column {:?} of the table", column.name)))?;
        let array = fitted(array, column).ok_or_else(|| {
            let (name, kind) = (&column.name, &column.column_type);
            wrong(format!("column {name:?} of type {kind} cannot take {}", array.data_type()))
        })?;
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| wrong(error.to_string()))
}

/// `None` when a value has no place in the column's type.
fn fitted(array: &ArrayRef, column: &Column) -> Option<ArrayRef> {
    let target = arrow_type(&column.column_type);
    match array.data_type() {
        kind if *kind == target && column.column_type != ColumnType::Uuid => Some(Arc::clone(array)),
        DataType::Null => Some(new_null_array(&target, array.len())),
        // These go to the engine as they are.
        DataType::Interval(_) | DataType::Duration(_) if column.column_type == ColumnType::Interval => {
            Some(Arc::clone(array))
        }
        DataType::FixedSizeBinary(16) if column.column_type == ColumnType::Uuid => {
            let values = array.as_fixed_size_binary();
            let text = |bytes: &[u8]| uuid::Uuid::from_slice(bytes).map(|uuid| uuid.hyphenated().to_string()).ok();
            Some(Arc::new(values.iter().map(|value| value.and_then(text)).collect::<StringArray>()))
        }
        // Bytes are no text, whatever they spell.
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) if target == DataType::Utf8 => None,
        kind if can_cast_types(kind, &target) => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            let array = cast_with_options(array, &target, &strict).ok()?;
            if column.column_type == ColumnType::Uuid { spelled(&array) } else { Some(array) }
        }
        _ => None,
    }
}

/// UUIDs in their one spelling; what is none is left for the engine to refuse.
fn spelled(texts: &ArrayRef) -> Option<ArrayRef> {
    let texts = texts.as_string_opt::<i32>()?;
    let spell =
        |text: &str| uuid::Uuid::parse_str(text).map_or_else(|_| text.to_owned(), |uuid| uuid.hyphenated().to_string());
    Some(Arc::new(texts.iter().map(|text| text.map(spell)).collect::<StringArray>()))
}
