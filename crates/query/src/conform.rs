//! From the planner's many types to the few that are shown.
//!
//! | In SQL | Shown as |
//! |---|---|
//! | texts, however they are held; JSON that `->` gives | `Utf8` |
//! | bytes | `LargeBinary` |
//! | times of day | `Time64(ns)` |
//! | `TIMESTAMP`, with a zone or without | microseconds, in UTC or without a zone |
//! | lists of any kind | `LargeList` |
//! | decimals up to 38 digits | `Decimal128` |
//! | values by number | the values |
//!
//! All others stay as they are. Metadata of fields is nothing of the users'.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion_functions_json::{JSON_UNION_DATA_TYPE, udfs::json_union_to_text_udf};

use crate::error::QueryError;

/// Casts that do not fit are errors.
const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// The columns as they are shown.
pub(crate) fn shown_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(shown_field).collect::<Fields>()))
}

fn shown_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), shown_type(field.data_type()), field.is_nullable()))
}

fn shown_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::LargeBinary,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
        DataType::List(item)
        | DataType::ListView(item)
        | DataType::LargeList(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::LargeList(shown_field(item)),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
            DataType::Decimal128(*digits, *scale)
        }
        DataType::Dictionary(_, value) => shown_type(value),
        DataType::RunEndEncoded(_, value) => shown_type(value.data_type()),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(shown_field).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(shown_field(entries), *is_sorted),
        json if *json == *JSON_UNION_DATA_TYPE => DataType::Utf8,
        other => other.clone(),
    }
}

/// The rows with the columns cast to those of the schema, which has as many.
pub(crate) fn cast_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    if batch.num_columns() != schema.fields().len() {
        let message = format!("rows have {} columns instead of {}", batch.num_columns(), schema.fields().len());
        return Err(QueryError::internal(message));
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast_column(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn cast_column(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, QueryError> {
    if column.data_type() == kind {
        return Ok(column.clone());
    }
    if *column.data_type() == *JSON_UNION_DATA_TYPE {
        return Ok(cast_with_options(&json_text(column)?, kind, &STRICT)?);
    }
    Ok(cast_with_options(column, kind, &STRICT)?)
}

/// JSON text of what `->` gives, which can be a text here and a number there.
fn json_text(column: &ArrayRef) -> Result<ArrayRef, QueryError> {
    let function = json_union_to_text_udf();
    let arguments = ScalarFunctionArgs {
        args: vec![ColumnarValue::Array(column.clone())],
        arg_fields: vec![Arc::new(Field::new("json", column.data_type().clone(), true))],
        number_rows: column.len(),
        return_field: Arc::new(Field::new("text", DataType::Utf8View, true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    Ok(function.invoke_with_args(arguments)?.into_array(column.len())?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, DictionaryArray, FixedSizeListArray, Int32Array, Int64Array, LargeListArray, ListArray,
        StringArray, StringViewArray, Time32SecondArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::{Int32Type, Int64Type};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        Arc::new(StringViewArray::from(vec![Some("a"), None])),
        DataType::Utf8,
        Arc::new(StringArray::from(vec![Some("a"), None]))
    )]
    #[case(
        Arc::new(DictionaryArray::<Int32Type>::from_iter(["a", "b", "a"])),
        DataType::Utf8,
        Arc::new(StringArray::from(vec!["a", "b", "a"]))
    )]
    #[case(
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None])),
        DataType::LargeList(Arc::new(Field::new_list_field(DataType::Int64, true))),
        Arc::new(LargeListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]))
    )]
    #[case(
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)])], 2)),
        DataType::LargeList(Arc::new(Field::new_list_field(DataType::Int64, true))),
        Arc::new(LargeListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)])]))
    )]
    #[case(
        Arc::new(TimestampNanosecondArray::from(vec![1_999]).with_timezone("+05:30")),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"))
    )]
    #[case(
        Arc::new(Time32SecondArray::from(vec![2])),
        DataType::Time64(TimeUnit::Nanosecond),
        Arc::new(arrow::array::Time64NanosecondArray::from(vec![2_000_000_000]))
    )]
    #[case(
        Arc::new(BinaryArray::from_vec(vec![b"a"])),
        DataType::LargeBinary,
        Arc::new(arrow::array::LargeBinaryArray::from_vec(vec![b"a"]))
    )]
    #[case(Arc::new(Int32Array::from(vec![1])), DataType::Int32, Arc::new(Int32Array::from(vec![1])))]
    fn types_are_shown_as_they_should(#[case] given: ArrayRef, #[case] kind: DataType, #[case] expected: ArrayRef) {
        let schema = Schema::new(vec![
            Field::new("c", given.data_type().clone(), true).with_metadata([("k".to_owned(), "v".to_owned())].into()),
        ]);
        let shown = shown_schema(&schema);
        assert_eq!(shown.fields()[0].as_ref(), &Field::new("c", kind, true));
        let batch = RecordBatch::try_new(Arc::new(schema), vec![given]).unwrap();
        assert_eq!(cast_batch(&batch, &shown).unwrap().column(0), &expected);
    }

    #[test]
    fn values_that_do_not_fit_are_errors() {
        let narrow = Arc::new(Schema::new(vec![Field::new("c", DataType::Int32, true)]));
        let wide = Arc::new(Schema::new(vec![Field::new("c", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(wide, vec![Arc::new(Int64Array::from(vec![i64::MAX]))]).unwrap();
        assert!(cast_batch(&batch, &narrow).is_err());
        assert!(cast_batch(&batch, &Arc::new(Schema::empty())).is_err());
    }
}
