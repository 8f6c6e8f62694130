//! Whether rows lie in the order of their key: then a scan gives them in it, and nobody need sort whole rows, which takes longer than
//! writing them.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::kernels::boolean::{and, or};
use arrow::compute::kernels::cmp::{eq, lt};
use arrow::error::ArrowError;

use crate::column::{Column, ColumnType, TableSchema};
use crate::error::{Error, Result, store_error};
use crate::instance::Session;
use crate::quote::ident;

/// Whether the rows of a relation are known to lie in the order of their key. The columns of the key are looked at, once, up to the
/// first row that lies elsewhere.
pub(crate) fn lie_in_order(session: &Session, data: &str, schema: &TableSchema) -> Result<bool> {
    let keys: Option<Vec<&Column>> = schema.primary_key.iter().map(|key| schema.column(key)).collect();
    let Some(keys) = keys.filter(|keys| keys.iter().all(|key| compares_as_in_the_engine(&key.column_type))) else {
        return Ok(false);
    };
    let names: Vec<String> = keys.iter().map(|key| ident(&key.name)).collect();
    let sql = format!("SELECT {} FROM {data}", names.join(", "));
    let mut statement = session.noted(session.connection().prepare(&sql)).map_err(|error| store_error(&error))?;
    // The iterator this returns panics on an error; stepping by hand gives the error.
    drop(session.noted(statement.stream_arrow([])).map_err(|error| store_error(&error))?);
    let mut before: Option<RecordBatch> = None;
    while let Some(array) = session.noted(statement.step()).map_err(|error| store_error(&error))? {
        let batch = RecordBatch::from(&array);
        let Some(pairs) = batch.num_rows().checked_sub(1) else { continue };
        let broken = |error: ArrowError| Error::Unavailable(format!("keys cannot be compared: {error}"));
        if let Some(before) = before
            && falls(before.columns(), batch.slice(0, 1).columns()).map_err(broken)?
        {
            return Ok(false);
        }
        if falls(batch.slice(0, pairs).columns(), batch.slice(1, pairs).columns()).map_err(broken)? {
            return Ok(false);
        }
        before = Some(batch.slice(pairs, 1));
    }
    Ok(true)
}

/// Whether Arrow carries values of a type exactly and puts them in the same order as the engine.
fn compares_as_in_the_engine(column_type: &ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::TinyInt
            | ColumnType::SmallInt
            | ColumnType::Integer
            | ColumnType::BigInt
            | ColumnType::UTinyInt
            | ColumnType::USmallInt
            | ColumnType::UInteger
            | ColumnType::UBigInt
            | ColumnType::Varchar
            | ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
            | ColumnType::Uuid
    )
}

/// Whether any row of `after` comes before the row of `before` beside it; the first column counts most.
fn falls(before: &[ArrayRef], after: &[ArrayRef]) -> std::result::Result<bool, ArrowError> {
    let mut fallen: Option<BooleanArray> = None;
    for (before, after) in before.iter().zip(after).rev() {
        let less = lt(after, before)?;
        fallen = Some(match fallen {
            None => less,
            Some(rest) => or(&less, &and(&eq(after, before)?, &rest)?)?,
        });
    }
    Ok(fallen.is_some_and(|fallen| fallen.true_count() > 0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn keys(numbers: &[i64], words: &[&str]) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(numbers.to_vec())), Arc::new(StringArray::from(words.to_vec()))]
    }

    #[test]
    fn later_columns_decide_where_earlier_ones_are_equal() {
        let before = keys(&[1, 1, 2], &["b", "b", "z"]);
        assert!(!falls(&before, &keys(&[1, 2, 3], &["b", "a", "a"])).unwrap());
        assert!(falls(&before, &keys(&[1, 1, 3], &["b", "a", "a"])).unwrap());
        assert!(falls(&before, &keys(&[1, 2, 1], &["c", "c", "zz"])).unwrap());
        assert!(!falls(&[], &[]).unwrap());
    }
}
