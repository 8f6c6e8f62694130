//! Rows that are given out once nothing can change them any more.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};

use super::recompute::PartEngine;
use super::state::State;
use super::tables::{ENTRY_BYTES, Resolved};
use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::Waterline;
use crate::functions::Outcome;
use crate::numbers::from_ordinal;

/// The rows of a view that are not final yet, in the order of the column that decides.
pub(super) struct FinalState {
    column: usize,
    waterline: Waterline,
    rows: Codec,
    values: Codec,
    held: BTreeMap<(RowBytes, RowBytes), i64>,
    bytes: usize,
}

/// What a step changes in them.
pub(super) struct FinalChange {
    entries: Vec<((RowBytes, RowBytes), i64)>,
    limit: Option<RowBytes>,
}

impl FinalState {
    pub(super) fn new(column: usize, waterline: Waterline, schema: &SchemaRef) -> Outcome<Self> {
        let own = Arc::new(Schema::new(vec![schema.field(column).clone()]));
        let (rows, values) = (Codec::new(schema)?, Codec::new(&own)?);
        Ok(Self { column, waterline, rows, values, held: BTreeMap::new(), bytes: 0 })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is given out when the view changes, and how that changes what is held back. Rows where the column is NULL are never final.
    pub(super) fn released(&self, delta: &Zset, limit: Option<&ArrayRef>) -> Outcome<(Zset, FinalChange)> {
        let column = delta.batch.column(self.column);
        let values = self.values.encode(std::slice::from_ref(column), delta.len())?;
        let rows = self.rows.encode(delta.batch.columns(), delta.len())?;
        let entries: Vec<((RowBytes, RowBytes), i64)> = values
            .into_iter()
            .zip(rows)
            .zip(&delta.weights)
            .enumerate()
            .filter(|(row, _)| column.is_valid(*row))
            .map(|(_, (place, weight))| (place, *weight))
            .collect();
        let limit = match limit.filter(|limit| limit.is_valid(0)) {
            Some(limit) => self.values.encode(std::slice::from_ref(limit), 1)?.pop(),
            None => None,
        };
        let mut sums: BTreeMap<&RowBytes, i64> = BTreeMap::new();
        if let Some(limit) = &limit {
            let end = (limit.clone(), RowBytes::default());
            for ((_, row), weight) in self.held.range((Unbounded, Excluded(end))) {
                *sums.entry(row).or_default() += weight;
            }
            for ((_, row), weight) in entries.iter().filter(|((value, _), _)| value < limit) {
                *sums.entry(row).or_default() += weight;
            }
        }
        sums.retain(|_, weight| *weight != 0);
        let released = self.rows.decode(sums.into_iter())?;
        Ok((released, FinalChange { entries, limit }))
    }

    /// Makes a change so.
    pub(super) fn commit(&mut self, change: FinalChange) {
        for (place, weight) in change.entries {
            let length = place.0.len() + place.1.len() + ENTRY_BYTES;
            let held = self.held.entry(place.clone()).or_insert_with(|| {
                self.bytes += length;
                0
            });
            *held += weight;
            if *held == 0 {
                self.held.remove(&place);
                self.bytes -= length;
            }
        }
        if let Some(limit) = change.limit {
            let kept = self.held.split_off(&(limit, RowBytes::default()));
            let gone = std::mem::replace(&mut self.held, kept);
            self.bytes -= gone
                .range((Included((RowBytes::default(), RowBytes::default())), Unbounded))
                .map(|((value, row), _)| value.len() + row.len() + ENTRY_BYTES)
                .sum::<usize>();
        }
    }
}

impl PartEngine {
    /// The waterline that a view's column has after a step.
    pub(super) fn limit_of(
        &self,
        state: &FinalState,
        resolved: &BTreeMap<String, Resolved>,
    ) -> Outcome<Option<ArrayRef>> {
        self.limit(&state.waterline, resolved)
    }

    fn limit(&self, waterline: &Waterline, resolved: &BTreeMap<String, Resolved>) -> Outcome<Option<ArrayRef>> {
        match waterline {
            Waterline::Table { name, at, kind } => {
                let Some(gate) = self.tables.get(name).and_then(|table| table.gate.as_ref()) else { return Ok(None) };
                let marks = resolved.get(name).and_then(|resolved| resolved.marks.as_ref()).unwrap_or(&gate.marks);
                let mark = marks[*at].map(|mark| mark.saturating_sub(gate.lateness[*at].distance));
                mark.map(|mark| from_ordinal(mark, kind)).transpose()
            }
            Waterline::Gate { node, at, kind } => {
                let Some(State::Gate(gate, _)) = &self.states[*node] else { return Ok(None) };
                let mark = gate.marks[*at].map(|mark| mark.saturating_sub(gate.lateness[*at].distance));
                mark.map(|mark| from_ordinal(mark, kind)).transpose()
            }
            Waterline::Least(all) => {
                let mut least: Option<(RowBytes, ArrayRef)> = None;
                for each in all {
                    let Some(value) = self.limit(each, resolved)? else { return Ok(None) };
                    let column = arrow::datatypes::Field::new("value", value.data_type().clone(), true);
                    let codec = Codec::new(&Arc::new(Schema::new(vec![column])))?;
                    let Some(bytes) = codec.encode(std::slice::from_ref(&value), 1)?.pop() else { return Ok(None) };
                    if least.as_ref().is_none_or(|(before, _)| bytes < *before) {
                        least = Some((bytes, value));
                    }
                }
                Ok(least.map(|(_, value)| value))
            }
            Waterline::Mapped(below, expr) => {
                let Some(value) = self.limit(below, resolved)? else { return Ok(None) };
                let column = arrow::datatypes::Field::new("value", value.data_type().clone(), true);
                let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![column])), vec![value])?;
                // Near the ends of what a type holds an expression may fail: then nothing is final yet.
                Ok(expr.evaluate(&batch).ok())
            }
        }
    }
}
