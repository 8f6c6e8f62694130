//! The least, the greatest and the most frequent.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, UInt32Array};

use super::Groups;
use crate::functions::{Outcome, encode};

/// The first argument where the argument `by` is the least or the greatest; of several, where the first is.
pub(super) fn extreme(groups: &Groups<'_>, by: usize, is_greatest: bool) -> Outcome<ArrayRef> {
    let (values, keys) = (groups.arg(0)?, groups.arg(by)?);
    let (encoded, order) = (encode(values)?, encode(keys)?);
    let best = |rows: Vec<(usize, i64)>| {
        let best = |a: &usize, b: &usize| {
            let order = order.row(*a).cmp(&order.row(*b));
            // Ties are broken by the value, so that the order of rows means nothing.
            order.then_with(|| encoded.row(*a).cmp(&encoded.row(*b)))
        };
        let rows = rows.iter().map(|(row, _)| *row);
        let found = if is_greatest { rows.max_by(best) } else { rows.min_by(best) };
        found.map(|row| row as u32)
    };
    let chosen: UInt32Array = groups.present(keys).map(best).collect();
    Ok(arrow::compute::take(values, &chosen, None)?)
}

/// The value that is there most often; of several, the least.
pub(super) fn mode(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let values = groups.arg(0)?;
    let encoded = encode(values)?;
    let frequent = |rows: Vec<(usize, i64)>| {
        let mut counts: BTreeMap<_, (i64, usize)> = BTreeMap::new();
        for (row, weight) in rows {
            counts.entry(encoded.row(row)).or_insert((0, row)).0 += weight;
        }
        let mut best: Option<(i64, usize)> = None;
        for (count, row) in counts.into_values() {
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, row));
            }
        }
        best.map(|(_, row)| row as u32)
    };
    let chosen: UInt32Array = groups.present(values).map(frequent).collect();
    Ok(arrow::compute::take(values, &chosen, None)?)
}
