//! Changes of tables as they come in.

use std::sync::Arc;

use alluvium_formats::Table;
use alluvium_sql::types::Type;
use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};

pub use alluvium_formats::{Change, ChangeKind, PushError};

/// Rows that a table did not take.
#[derive(Clone, Debug)]
pub struct RejectedRows {
    /// The table, or the view of which rows came too late.
    pub table: String,
    /// Why.
    pub reason: String,
    /// The rows; the weight says how many are too many.
    pub rows: super::Zset,
}

/// A change as its table takes it: checked, and with maps in the form that they have in memory.
pub(super) fn checked(mut change: Change, table: &Table) -> Result<Change, PushError> {
    let misfit = |reason: String| PushError::Misfit { table: table.name.clone(), reason };
    let mut sorted = Vec::new();
    for (place, at) in change.columns.iter().enumerate().take(change.batch.num_columns()) {
        let Some(column) = table.columns.get(*at).filter(|column| has_maps(&column.column_type.kind)) else { continue };
        let array = crate::functions::sorted_maps(change.batch.column(place), &column.column_type.kind);
        sorted.push((place, array.map_err(|error| misfit(error.0))?));
    }
    if !sorted.is_empty() {
        let mut fields = change.batch.schema().fields().to_vec();
        let mut arrays = change.batch.columns().to_vec();
        for (place, array) in sorted {
            fields[place] = Arc::new(Field::new(fields[place].name(), array.data_type().clone(), true));
            arrays[place] = array;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(change.batch.num_rows()));
        change.batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| misfit(error.to_string()))?;
    }
    change.checked(table)
}

/// Whether values of a type hold maps. Types nest no deeper than the parser of programs lets them.
fn has_maps(kind: &Type) -> bool {
    match kind {
        Type::Map(..) => true,
        Type::Array(item) => has_maps(item),
        Type::Row(fields) => fields.iter().any(|field| has_maps(&field.column_type.kind)),
        _ => false,
    }
}
