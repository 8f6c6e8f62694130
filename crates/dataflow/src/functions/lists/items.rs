//! Elements of arrays, and arrays of them.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use arrow::row::Rows;

use super::super::compare::encode;
use super::super::{Call, Outcome, failure};
use crate::types::data_type;

/// How many elements the arrays of one column may have together.
pub(super) const ELEMENTS_MAX: usize = 100_000_000;

/// An element: in which source it is, where, and its bytes to compare. None of a source is NULL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Option<(usize, usize)>,
}

impl Item {
    pub(super) fn is_there(&self) -> bool {
        self.place.is_some()
    }
}

/// A column whose values are read as elements: those of arrays, or single values.
pub(super) struct Source<'a> {
    pub(super) list: Option<&'a LargeListArray>,
    pub(super) array: &'a ArrayRef,
    pub(super) values: ArrayRef,
    pub(super) encoded: Rows,
}

impl<'a> Source<'a> {
    pub(super) fn new(array: &'a ArrayRef, is_list: bool) -> Outcome<Self> {
        let list = if is_list {
            Some(array.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?)
        } else {
            None
        };
        let values = list.map_or_else(|| Arc::clone(array), |list| Arc::clone(list.values()));
        Ok(Self { list, array, encoded: encode(&values)?, values })
    }

    pub(super) fn item(&self, source: usize, at: usize) -> Item {
        let place = self.values.is_valid(at).then_some((source, at));
        Item { bytes: self.encoded.row(at).data().to_vec(), place }
    }

    /// The elements of a row, None if it is NULL. A single value is there even if it is NULL.
    pub(super) fn items(&self, source: usize, row: usize) -> Option<Vec<Item>> {
        match self.list {
            None => Some(vec![self.item(source, row)]),
            Some(_) if self.array.is_null(row) => None,
            Some(list) => {
                let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
                Some((start..end).map(|at| self.item(source, at)).collect())
            }
        }
    }
}

pub(super) fn item_kind(kind: &Type) -> Option<&Type> {
    if let Type::Array(item) = kind { Some(item) } else { None }
}

pub(super) fn sources<'a>(call: &Call<'a>) -> Outcome<Vec<Source<'a>>> {
    let kinds = &call.shape.params;
    call.args.iter().zip(kinds).map(|(array, kind)| Source::new(array, item_kind(kind).is_some())).collect()
}

/// A column of arrays whose elements are those of the sources.
pub(super) fn build(call: &Call<'_>, sources: &[Source<'_>], rows: Vec<Option<Vec<Item>>>) -> Outcome<ArrayRef> {
    let DataType::LargeList(field) = data_type(&call.shape.result.kind) else {
        return Err(failure!("an array is planned"));
    };
    let nothing = new_null_array(field.data_type(), 1);
    let mut values: Vec<&dyn Array> = sources.iter().map(|source| source.values.as_ref()).collect();
    // Sources that give no elements, like numbers of places, are of other kinds.
    values.iter_mut().for_each(|values| {
        if values.data_type() != field.data_type() {
            *values = nothing.as_ref();
        }
    });
    values.push(nothing.as_ref());
    let lengths: Vec<usize> = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)).collect();
    if lengths.iter().sum::<usize>() > ELEMENTS_MAX {
        return Err(failure!("arrays of more than {ELEMENTS_MAX} elements would be made"));
    }
    let places: Vec<(usize, usize)> =
        rows.iter().flatten().flatten().map(|item| item.place.unwrap_or((sources.len(), 0))).collect();
    let nulls = NullBuffer::from(rows.iter().map(Option::is_some).collect::<Vec<bool>>());
    let values = arrow::compute::interleave(&values, &places)?;
    Ok(Arc::new(LargeListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, Some(nulls))?))
}
