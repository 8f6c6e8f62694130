//! Changes of tables as they come in.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema};

use crate::table::Table;
use crate::types::{data_type, field};

/// Rows to be put into a table or taken out of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is done with them.
    pub kind: ChangeKind,
    /// The rows.
    pub batch: RecordBatch,
    /// Which column of the table each column of the rows is.
    pub columns: Vec<usize>,
}

/// What is done with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// They are put in. With a primary key they take the place of the row with their key. All columns are there.
    Insert,
    /// They are taken out: with a primary key the row with their key, of which only the columns are needed, else one equal row.
    Delete,
    /// Only with a primary key: the columns that are there are set in the row with their key, if there is one.
    Update,
}

/// Why changes cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// There is no such table.
    #[error("there is no table {0}")]
    UnknownTable(String),
    /// The rows are not the table's.
    #[error("rows for the table {table} do not fit: {reason}")]
    Misfit {
        /// The table.
        table: String,
        /// What does not fit.
        reason: String,
    },
}

impl Change {
    /// Rows with all columns of a table to be put in.
    #[must_use]
    pub fn insert(batch: RecordBatch) -> Self {
        let columns = (0..batch.num_columns()).collect();
        Self { kind: ChangeKind::Insert, batch, columns }
    }

    /// Rows with all columns of a table to be taken out.
    #[must_use]
    pub fn delete(batch: RecordBatch) -> Self {
        Self { kind: ChangeKind::Delete, ..Self::insert(batch) }
    }

    /// Checks it against a table, and makes equal numbers equal.
    ///
    /// # Errors
    /// [`PushError::Misfit`] if a column is not the table's, is NULL where it may not be, or is missing.
    pub fn checked(self, table: &Table) -> Result<Self, PushError> {
        let misfit = |reason: String| PushError::Misfit { table: table.name.clone(), reason };
        if self.columns.len() != self.batch.num_columns() {
            return Err(misfit(format!(
                "{} columns are named, {} are there",
                self.columns.len(),
                self.batch.num_columns()
            )));
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (at, array) in self.columns.iter().zip(self.batch.columns()) {
            let Some(column) = table.columns.get(*at) else { return Err(misfit(format!("there is no column {at}"))) };
            let wanted = data_type(&column.column_type.kind);
            if *array.data_type() != wanted {
                let name = &column.name;
                return Err(misfit(format!("column {name} is {} where {wanted} is wanted", array.data_type())));
            }
            if !column.column_type.is_nullable && array.logical_null_count() > 0 && self.kind != ChangeKind::Delete {
                return Err(misfit(format!("column {} may not be NULL", column.name)));
            }
            arrays.push(canonical(array, &column.column_type.kind));
        }
        self.check_needed(table).map_err(misfit)?;
        let schema = change_schema(table, &self.columns);
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
            .map_err(|error| misfit(error.to_string()))?;
        Ok(Self { batch, ..self })
    }

    fn check_needed(&self, table: &Table) -> Result<(), String> {
        let needed: Vec<usize> = match (self.kind, table.key.is_empty()) {
            (ChangeKind::Update, true) => return Err("rows without a key cannot be updated".to_owned()),
            (ChangeKind::Insert, _) | (ChangeKind::Delete, true) => (0..table.columns.len()).collect(),
            _ => table.key.clone(),
        };
        match needed.into_iter().find(|at| !self.columns.contains(at)) {
            Some(missing) => Err(table.columns.get(missing).map_or_else(
                || format!("there is no column {missing}"),
                |column| format!("column {} is missing", column.name),
            )),
            None => Ok(()),
        }
    }
}

/// Columns of a table, all of them nullable as changes have them.
pub(crate) fn change_schema(table: &Table, columns: &[usize]) -> Schema {
    let nullable = columns.iter().filter_map(|at| table.columns.get(*at)).map(|each| {
        let mut column = each.column_type.clone();
        column.is_nullable = true;
        field(&each.name.name, &column)
    });
    Schema::new(nullable.collect::<Vec<_>>())
}

/// One zero and one not-a-number, so that what is equal is the same.
fn canonical(array: &ArrayRef, kind: &Type) -> ArrayRef {
    match (kind, array.data_type()) {
        (Type::Double, DataType::Float64) => {
            let values: Float64Array =
                array.as_primitive::<Float64Type>().unary(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
            Arc::new(values)
        }
        (Type::Real, DataType::Float32) => {
            let values: Float32Array =
                array.as_primitive::<Float32Type>().unary(|value| if value.is_nan() { f32::NAN } else { value + 0.0 });
            Arc::new(values)
        }
        _ => Arc::clone(array),
    }
}

#[cfg(test)]
mod tests {
    use super::ChangeKind::{Delete, Insert, Update};
    use super::*;
    use crate::tests::table;
    use arrow::array::{Int32Array, StringArray};

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    #[test]
    fn changes_are_checked_against_their_table() {
        let ids = || Arc::new(Int32Array::from(vec![1])) as ArrayRef;
        let nulls = || Arc::new(Int32Array::from(vec![None])) as ArrayRef;
        let texts = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
        let keyed = table("id INTEGER KEY, name VARCHAR");
        let bag = table("id INTEGER NOT NULL, name VARCHAR");
        for (table, kind, columns, arrays, reason) in [
            (&keyed, Insert, vec![0, 1], vec![ids(), texts()], None),
            (&keyed, Insert, vec![1, 0], vec![texts(), ids()], None),
            (&keyed, Insert, vec![0], vec![ids()], Some("column name is missing")),
            (&keyed, Insert, vec![0, 1], vec![texts(), texts()], Some("column id is Utf8 where Int32 is wanted")),
            (&keyed, Insert, vec![0, 1], vec![nulls(), texts()], Some("column id may not be NULL")),
            (&keyed, Insert, vec![0, 7], vec![ids(), texts()], Some("there is no column 7")),
            (&keyed, Insert, vec![0], vec![ids(), texts()], Some("1 columns are named, 2 are there")),
            (&keyed, Delete, vec![0], vec![ids()], None),
            (&keyed, Delete, vec![1], vec![texts()], Some("column id is missing")),
            (&keyed, Update, vec![0], vec![ids()], None),
            (&keyed, Update, vec![1], vec![texts()], Some("column id is missing")),
            (&bag, Delete, vec![0], vec![ids()], Some("column name is missing")),
            (&bag, Update, vec![0], vec![ids()], Some("rows without a key cannot be updated")),
        ] {
            let names: Vec<String> = (0..arrays.len()).map(|at| at.to_string()).collect();
            let change = Change {
                kind,
                batch: batch(names.iter().map(String::as_str).zip(arrays).collect()),
                columns: columns.clone(),
            };
            match (change.checked(table), reason) {
                (Ok(_), None) => {}
                (Err(PushError::Misfit { reason, .. }), Some(wanted)) => assert_eq!(reason, wanted),
                (found, wanted) => panic!("{kind:?} {columns:?}: {found:?}, not {wanted:?}"),
            }
        }
    }

    #[test]
    fn equal_numbers_become_the_same() {
        let table = table("a DOUBLE, b REAL");
        let doubles = Arc::new(Float64Array::from(vec![-0.0, -f64::NAN])) as ArrayRef;
        let reals = Arc::new(Float32Array::from(vec![-0.0, -f32::NAN])) as ArrayRef;
        let checked = Change::insert(batch(vec![("a", doubles), ("b", reals)])).checked(&table).unwrap();
        let doubles = checked.batch.column(0).as_primitive::<Float64Type>();
        assert_eq!([doubles.value(0).to_bits(), doubles.value(1).to_bits()], [0, f64::NAN.to_bits()]);
        let reals = checked.batch.column(1).as_primitive::<Float32Type>();
        assert_eq!([reals.value(0).to_bits(), reals.value(1).to_bits()], [0, f32::NAN.to_bits()]);
    }
}
