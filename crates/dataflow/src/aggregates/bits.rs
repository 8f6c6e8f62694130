//! Conjunctions and disjunctions: of truths and of bits.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{ArrayRef, AsArray, BooleanArray, LargeBinaryArray};

use super::Groups;
use crate::functions::{Outcome, failure};
use crate::numbers::{from_wide, wide};

pub(super) fn all(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    truths(groups, |values| values.iter().all(|value| *value))
}

pub(super) fn any(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    truths(groups, |values| values.iter().any(|value| *value))
}

fn truths(groups: &Groups<'_>, decide: fn(&[bool]) -> bool) -> Outcome<ArrayRef> {
    let array = groups.arg(0)?;
    let values = array.as_boolean_opt().ok_or_else(|| failure!("a condition is expected"))?;
    let column: BooleanArray = groups
        .present(array)
        .map(|rows| {
            let values: Vec<bool> = rows.iter().map(|(row, _)| values.value(*row)).collect();
            (!values.is_empty()).then(|| decide(&values))
        })
        .collect();
    Ok(Arc::new(column))
}

/// How bits are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    And,
    Or,
    Xor,
}

impl Bits {
    fn byte(self, a: u8, b: u8) -> u8 {
        match self {
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
        }
    }

    fn whole(self, a: i128, b: i128) -> i128 {
        match self {
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
        }
    }
}

pub(super) fn bits(groups: &Groups<'_>, how: Bits) -> Outcome<ArrayRef> {
    let array = groups.arg(0)?;
    let kind = &groups.shape.result.kind;
    // Only the exclusive one counts how often a row is there.
    let counts = |weight: i64| how != Bits::Xor || weight % 2 != 0;
    if matches!(kind, Type::Binary(_) | Type::Varbinary(_)) {
        let values = array.as_binary_opt::<i64>().ok_or_else(|| failure!("bytes are expected"))?;
        let mut column: Vec<Option<Vec<u8>>> = Vec::with_capacity(groups.rows.len());
        for rows in groups.present(array) {
            let mut all: Option<Vec<u8>> = None;
            for (row, weight) in rows {
                let value = values.value(row);
                let sum = all.get_or_insert_with(|| if counts(weight) { vec![] } else { vec![0; value.len()] });
                if sum.is_empty() && !value.is_empty() {
                    *sum = value.to_vec();
                } else if sum.len() != value.len() {
                    return Err(failure!("bytes of {} and of {} bytes cannot be put together", sum.len(), value.len()));
                } else if counts(weight) {
                    sum.iter_mut().zip(value).for_each(|(sum, byte)| *sum = how.byte(*sum, *byte));
                }
            }
            column.push(all);
        }
        return Ok(Arc::new(column.iter().map(|each| each.as_deref()).collect::<LargeBinaryArray>()));
    }
    let values = wide(array, kind)?;
    let mut column = Vec::with_capacity(groups.rows.len());
    for rows in groups.present(array) {
        let value = rows.iter().fold(None, |all: Option<i128>, (row, weight)| {
            let value = if counts(*weight) { values[*row] } else { 0 };
            Some(all.map_or(value, |all| how.whole(all, value)))
        });
        column.push(value);
    }
    from_wide(&column, kind)
}
