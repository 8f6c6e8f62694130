//! The first rows in an order.

use std::collections::HashMap;

use arrow::datatypes::SchemaRef;

use super::super::zset::Zset;
use super::{keys_of, order_of};
use crate::circuit::Top;
use crate::functions::Outcome;

pub(super) fn top(top: &Top, schema: &SchemaRef, input: &Zset) -> Outcome<Zset> {
    let order = order_of(&top.order, input)?;
    let (partitions, _) = keys_of(&top.partition, input)?;
    let mut rows: Vec<u32> = (0..input.len() as u32).collect();
    rows.sort_by(|a, b| order[*a as usize].cmp(&order[*b as usize]));
    // How many rows of each partition went by.
    let mut passed: HashMap<&[u8], usize> = HashMap::new();
    let end = top.fetch.map_or(usize::MAX, |fetch| top.skip.saturating_add(fetch));
    let mut chosen = Vec::new();
    let mut weights = Vec::new();
    for row in rows {
        let passed = passed.entry(&partitions[row as usize]).or_default();
        let start = *passed;
        *passed = passed.saturating_add(usize::try_from(input.weights[row as usize]).unwrap_or(0));
        let taken = (*passed).min(end).saturating_sub(start.max(top.skip));
        if taken > 0 {
            chosen.push(row);
            weights.push(taken as i64);
        }
    }
    let taken = input.take(&chosen)?;
    Zset::new(schema, taken.batch.columns().to_vec(), weights)
}
