//! Values of a group as an array, and the only value of a group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;

use super::Groups;
use crate::functions::{Outcome, failure};
use crate::types::data_type;

/// How many elements the arrays of one column may have together.
const ELEMENTS_MAX: usize = 100_000_000;

/// The values of each group in the order of its rows; NULL for a group without rows.
pub(super) fn array_agg(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let values = groups.arg(0)?;
    let mut chosen: Vec<u32> = Vec::new();
    let mut lengths = Vec::with_capacity(groups.rows.len());
    let mut is_there = Vec::with_capacity(groups.rows.len());
    for rows in groups.rows {
        let before = chosen.len();
        for (row, weight) in rows {
            if groups.ignores_nulls && values.is_null(*row as usize) {
                continue;
            }
            let times = usize::try_from(*weight).unwrap_or(0);
            if chosen.len() + times > ELEMENTS_MAX {
                return Err(failure!("ARRAY_AGG gives more than {ELEMENTS_MAX} elements"));
            }
            chosen.extend(std::iter::repeat_n(*row, times));
        }
        lengths.push(chosen.len() - before);
        is_there.push(chosen.len() > before);
    }
    let DataType::LargeList(item) = data_type(&groups.shape.result.kind) else {
        return Err(failure!("an array is planned"));
    };
    let values = arrow::compute::take(values, &UInt32Array::from(chosen), None)?;
    let nulls = NullBuffer::from(is_there);
    Ok(Arc::new(LargeListArray::try_new(item, OffsetBuffer::from_lengths(lengths), values, Some(nulls))?))
}

/// The value of the only row; more rows fail.
pub(super) fn single(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let values = groups.arg(0)?;
    let mut chosen = Vec::with_capacity(groups.rows.len());
    for rows in groups.rows {
        if rows.iter().map(|(_, weight)| *weight).sum::<i64>() > 1 {
            return Err(failure!("a subquery that stands for one value has more than one row"));
        }
        chosen.push(rows.first().map(|(row, _)| *row));
    }
    Ok(arrow::compute::take(values, &UInt32Array::from(chosen), None)?)
}
