//! Rows of a table as an earlier version of the program had it, as rows of the table as it is now.

use alluvium_formats::{Change, ChangeKind, InputTable, types};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

/// Rows whose columns are found by their names: what the table has no more is left out, what it has since holds its default or NULL,
/// and what is of another type now is cast. A value that its column cannot hold is an error.
pub(crate) fn adapt(kind: ChangeKind, batch: &RecordBatch, table: &InputTable) -> Result<Change, ArrowError> {
    let of = table.table();
    // Without a key a row is taken out by all that it holds.
    let is_whole = kind == ChangeKind::Insert || kind == ChangeKind::Delete && of.key.is_empty();
    let (mut columns, mut fields, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for (at, column) in of.columns.iter().enumerate() {
        let field = types::field(&column.name.name, &column.column_type);
        let array = match batch.column_by_name(&column.name.name) {
            Some(array) => {
                cast_with_options(array, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })?
            }
            None if is_whole => filled(table, at, &field, batch.num_rows())?,
            None => continue,
        };
        columns.push(at);
        fields.push(field.with_nullable(true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options)?;
    Ok(Change { kind, batch, columns })
}

fn filled(table: &InputTable, at: usize, field: &Field, rows: usize) -> Result<ArrayRef, ArrowError> {
    match table.default_of(at) {
        Some(default) => take(default, &UInt32Array::from(vec![0; rows]), None),
        None => Ok(new_null_array(field.data_type(), rows)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alluvium_formats::Table;
    use alluvium_formats::types::parse_type;
    use alluvium_sql::types::{ColumnType, Field as Column, Identifier};
    use arrow::array::{Array as _, Int32Array, Int64Array, StringArray};

    use super::*;

    fn table(columns: &[(&str, &str)], key: Vec<usize>) -> InputTable {
        let column = |(name, kind): &(&str, &str)| Column {
            name: Identifier::folded(name),
            column_type: ColumnType { kind: parse_type(kind).unwrap(), is_nullable: *name != "id" },
        };
        InputTable::new(Table { name: "t".into(), columns: columns.iter().map(column).collect(), key }).unwrap()
    }

    fn old() -> RecordBatch {
        let id: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["7", "8"]));
        RecordBatch::try_from_iter([("id", id), ("n", text)]).unwrap()
    }

    #[test]
    fn columns_go_come_and_are_of_other_types() {
        let default: ArrayRef = Arc::new(Int64Array::from(vec![5]));
        let now = table(&[("id", "BIGINT"), ("late", "BIGINT"), ("n", "BIGINT"), ("with", "BIGINT")], vec![0]);
        let now = now.with_default(3, default).unwrap();
        let change = adapt(ChangeKind::Insert, &old(), &now).unwrap();
        assert_eq!(change.columns, [0, 1, 2, 3]);
        let numbers = |at: usize| change.batch.column(at).as_any().downcast_ref::<Int64Array>().unwrap().clone();
        assert_eq!((numbers(0).values().to_vec(), numbers(2).values().to_vec()), (vec![1, 2], vec![7, 8]));
        assert_eq!((numbers(1).null_count(), numbers(3).values().to_vec()), (2, vec![5, 5]));
    }

    #[test]
    fn what_names_only_some_columns_sets_or_finds_by_these() {
        let now = table(&[("id", "BIGINT"), ("late", "BIGINT")], vec![0]);
        for kind in [ChangeKind::Update, ChangeKind::Delete] {
            assert_eq!(adapt(kind, &old(), &now).unwrap().columns, [0]);
        }
        let bag = table(&[("n", "VARCHAR"), ("late", "BIGINT")], vec![]);
        assert_eq!(adapt(ChangeKind::Delete, &old(), &bag).unwrap().columns, [0, 1]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(adapt(ChangeKind::Insert, &old(), &table(&[("n", "DATE")], vec![])).is_err());
    }
}
