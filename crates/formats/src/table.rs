//! Tables as what comes in meets them.

use std::sync::Arc;

use alluvium_sql::types::{Field, Type};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::FormatError;
use crate::types::{data_type, field};

/// A table of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, as relations are found: folded, or as quoted.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Field>,
    /// The columns of its primary key, by number; none if it has no key.
    pub key: Vec<usize>,
}

impl Table {
    /// The columns in memory.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns.iter().map(|each| field(&each.name.name, &each.column_type)).collect::<Vec<_>>(),
        ))
    }
}

/// A table, and the values that its columns have where what comes in says nothing of them.
#[derive(Clone, Debug)]
pub struct InputTable {
    table: Table,
    defaults: Vec<Option<ArrayRef>>,
}

impl InputTable {
    /// A table without defaults.
    ///
    /// # Errors
    /// [`FormatError::Misfit`] if the key names no column, or a column has a type of which tables hold no values:
    /// `NULL` and intervals.
    pub fn new(table: Table) -> Result<Self, FormatError> {
        check_columns(&table.columns)?;
        if let Some(at) = table.key.iter().find(|at| **at >= table.columns.len()) {
            return Err(FormatError::Misfit(format!("the key of {} names the column {at}, there is none", table.name)));
        }
        let defaults = vec![None; table.columns.len()];
        Ok(Self { table, defaults })
    }

    /// The same table with a default for a column: an array of one row, of what the column is in memory.
    ///
    /// # Errors
    /// [`FormatError::Misfit`] if there is no such column, or the array is something else.
    pub fn with_default(mut self, column: usize, value: ArrayRef) -> Result<Self, FormatError> {
        let misfit = |reason: String| FormatError::Misfit(format!("the default of column {column}: {reason}"));
        let Some(wanted) = self.table.columns.get(column) else {
            return Err(misfit("there is no such column".to_owned()));
        };
        let kind = data_type(&wanted.column_type.kind);
        if *value.data_type() != kind || value.len() != 1 {
            return Err(misfit(format!("{} rows of {} where one of {kind} is wanted", value.len(), value.data_type())));
        }
        if value.logical_null_count() > 0 && !wanted.column_type.is_nullable {
            return Err(misfit("it may not be NULL".to_owned()));
        }
        self.defaults[column] = Some(value);
        Ok(self)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The default of a column, an array of one row.
    #[must_use]
    pub fn default_of(&self, column: usize) -> Option<&ArrayRef> {
        self.defaults.get(column).and_then(Option::as_ref)
    }
}

/// Refuses columns that no format holds.
pub(crate) fn check_columns(columns: &[Field]) -> Result<(), FormatError> {
    for column in columns {
        if let Some(kind) = without_format(&column.column_type.kind) {
            return Err(FormatError::Misfit(format!("column {}: no format holds {kind}", column.name)));
        }
    }
    Ok(())
}

/// A part of a type that no format holds. Types nest no deeper than the parser of programs lets them.
fn without_format(kind: &Type) -> Option<&Type> {
    match kind {
        Type::Null | Type::Interval(_) => Some(kind),
        Type::Array(item) => without_format(item),
        Type::Map(key, value) => without_format(key).or_else(|| without_format(value)),
        Type::Row(fields) => fields.iter().find_map(|each| without_format(&each.column_type.kind)),
        _ => None,
    }
}
