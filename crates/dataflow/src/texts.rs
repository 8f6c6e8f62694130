//! Rows from texts and as texts.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::engine::{PushError, Zset};
use crate::functions::{Failing, cast};
use alluvium_formats::Table;

/// Rows of a table, each value cast from its text; without one it is NULL.
pub fn rows_from_texts(table: &Table, rows: &[Vec<Option<&str>>]) -> Result<RecordBatch, PushError> {
    let misfit = |reason: String| PushError::Misfit { table: table.name.clone(), reason };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(table.columns.len());
    for (at, column) in table.columns.iter().enumerate() {
        let texts: StringArray = rows.iter().map(|row| row.get(at).copied().flatten()).collect();
        let texts: ArrayRef = Arc::new(texts);
        let values = cast(&texts, &Type::Varchar(None), &column.column_type.kind, Failing::Error);
        columns.push(values.map_err(|error| misfit(error.0))?);
    }
    RecordBatch::try_new(table.schema(), columns).map_err(|error| misfit(error.to_string()))
}

impl Zset {
    /// The rows as texts with their weights; NULL has none.
    #[must_use]
    pub fn to_texts(&self) -> Vec<(Vec<Option<String>>, i64)> {
        let columns: Vec<Vec<Option<String>>> = self.batch.columns().iter().map(texts).collect();
        let row = |at: usize| columns.iter().map(|column| column.get(at).cloned().flatten()).collect();
        self.weights.iter().enumerate().map(|(at, weight)| (row(at), *weight)).collect()
    }
}

fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let Ok(formatter) = ArrayFormatter::try_new(column, &options) else { return vec![None; column.len()] };
    let nulls = column.logical_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    (0..column.len()).map(|row| (!is_null(row)).then(|| formatter.value(row).to_string())).collect()
}
