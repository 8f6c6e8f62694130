//! Rows as JSON, for people: one object, an array of objects, or one object a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::conform::{arrow_type, check_missing, checked_text};
use super::{ROWS_PER_MESSAGE_MAX, RowsError, guarded};
use crate::column::{Column, ColumnType, TableSchema};

type Row = BTreeMap<String, Box<RawValue>>;

pub(super) fn looks_like(payload: &[u8]) -> bool {
    matches!(payload.trim_ascii_start().first(), Some(b'{' | b'['))
}

pub(super) fn decode(payload: &[u8], schema: &TableSchema) -> Result<Vec<RecordBatch>, RowsError> {
    let rows = parse(payload)?;
    let mut batches = Vec::new();
    let mut start = 0;
    // Rows that bring other columns make a batch of their own, because what a row does not bring takes its default.
    while start < rows.len() {
        let same = rows[start..].iter().take_while(|row| row.keys().eq(rows[start].keys())).count();
        batches.push(batch(&rows[start..start + same], schema)?);
        start += same;
    }
    Ok(batches)
}

fn parse(payload: &[u8]) -> Result<Vec<Row>, RowsError> {
    let malformed = |error: serde_json::Error| RowsError::malformed(format!("not JSON rows: {error}"));
    let rows: Vec<Row> = if payload.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(payload).map_err(malformed)?
    } else {
        let mut rows = Vec::new();
        for row in serde_json::Deserializer::from_slice(payload).into_iter() {
            rows.push(row.map_err(malformed)?);
            if rows.len() > ROWS_PER_MESSAGE_MAX {
                break;
            }
        }
        rows
    };
    if rows.len() > ROWS_PER_MESSAGE_MAX {
        return Err(RowsError::too_large(format!("a message may hold {ROWS_PER_MESSAGE_MAX} rows")));
    }
    Ok(rows)
}

fn batch(rows: &[Row], schema: &TableSchema) -> Result<RecordBatch, RowsError> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    let mut seen = vec![false; schema.columns.len()];
    for name in rows[0].keys() {
        let index =
            schema.position(name).ok_or_else(|| RowsError::mismatch(format!("the table has no column {name:?}")))?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(RowsError::mismatch(format!("column {name:?} comes twice")));
        }
        let column = &schema.columns[index];
        let values: Vec<&str> = rows.iter().map(|row| row[name].get()).collect();
        if !column.nullable && values.contains(&"null") {
            return Err(RowsError::mismatch(format!("column {name:?} must not be NULL")));
        }
        let array = array(&values, column)?;
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    check_missing(schema, &seen)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| RowsError::mismatch(error.to_string()))
}

fn bad_value(column: &Column, value: &str) -> RowsError {
    let shown: String = value.chars().take(40).collect();
    RowsError::mismatch(format!("column {:?} of type {} cannot take {shown}", column.name, column.column_type))
}

fn array(values: &[&str], column: &Column) -> Result<ArrayRef, RowsError> {
    match &column.column_type {
        ColumnType::Blob => {
            let bytes: Result<Vec<Option<Vec<u8>>>, RowsError> = values
                .iter()
                .map(|value| match text(value, column)? {
                    None => Ok(None),
                    Some(text) => STANDARD.decode(&text).map(Some).map_err(|_| bad_value(column, value)),
                })
                .collect();
            Ok(Arc::new(bytes?.into_iter().collect::<BinaryArray>()))
        }
        ColumnType::Json | ColumnType::HugeInt | ColumnType::UHugeInt => {
            // A JSON column takes any value; a string is the text of one, as reads give it. Wide numbers come as either.
            let texts: Result<Vec<Option<String>>, RowsError> = values
                .iter()
                .map(|value| match value.as_bytes().first() {
                    Some(b'n') => Ok(None),
                    Some(b'"') => text(value, column),
                    _ => Ok(Some((*value).to_owned())),
                })
                .collect();
            checked_text(Arc::new(StringArray::from(texts?)), column)
        }
        kind if arrow_type(kind) == DataType::Utf8 => {
            let texts: Result<Vec<Option<String>>, RowsError> =
                values.iter().map(|value| text(value, column)).collect();
            checked_text(Arc::new(StringArray::from(texts?)), column)
        }
        kind => {
            for value in values {
                check_number(value, kind).ok_or_else(|| bad_value(column, value))?;
            }
            decoded(values, column)
        }
    }
}

/// The content of a JSON string; `None` for null.
fn text(value: &str, column: &Column) -> Result<Option<String>, RowsError> {
    serde_json::from_str(value).map_err(|_| bad_value(column, value))
}

/// The decoder below rounds numbers that do not fit; this is where they are refused.
fn check_number(value: &str, kind: &ColumnType) -> Option<()> {
    let value = value.trim_matches('"');
    let whole = |text: &str| !text.contains(['.', 'e', 'E']);
    match kind {
        kind if kind.is_integer() => (value == "null" || whole(value)).then_some(()),
        ColumnType::Decimal { scale, .. } => {
            let fraction = value.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
            (!value.contains(['e', 'E']) && fraction.len() <= usize::from(*scale)).then_some(())
        }
        _ => Some(()),
    }
}

fn decoded(values: &[&str], column: &Column) -> Result<ArrayRef, RowsError> {
    let kind = arrow_type(&column.column_type);
    let schema = Arc::new(Schema::new(vec![Field::new("v", kind, true)]));
    let lines: String = values.iter().flat_map(|value| ["{\"v\":", value, "}\n"]).collect();
    let wrong = |error: arrow::error::ArrowError| {
        let reason = error.to_string();
        RowsError::mismatch(format!("column {:?} of type {}: {reason}", column.name, column.column_type))
    };
    guarded(|| {
        let mut decoder = ReaderBuilder::new(schema).with_batch_size(values.len()).build_decoder().map_err(wrong)?;
        decoder.decode(lines.as_bytes()).map_err(wrong)?;
        let batch = decoder.flush().map_err(wrong)?;
        batch
            .filter(|batch| batch.num_rows() == values.len())
            .map(|batch| Arc::clone(batch.column(0)))
            .ok_or_else(|| RowsError::malformed("not JSON rows"))
    })
}
