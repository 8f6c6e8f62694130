//! Rows that are compared with the time. They lie in the order of what is compared, so that when the time goes on only those are looked
//! at that it passes.

use std::collections::BTreeMap;
use std::ops::Bound::Included;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_expr::Operator;

use super::OperationMemory;
use super::tables::ENTRY_BYTES;
use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::Temporal;
use crate::functions::{Outcome, failure};
use crate::types::field;

/// A value and the row it is of.
type Place = (RowBytes, RowBytes);
/// What the time makes of each bound, nothing of one that is NULL; nothing at all where there is no time.
type Bounds = Option<Vec<Option<RowBytes>>>;

fn bound(bounds: &Bounds, at: usize) -> Option<&RowBytes> {
    bounds.as_ref()?.get(at)?.as_ref()
}

/// The rows of a temporal operation.
pub(super) struct TemporalState {
    temporal: Temporal,
    rows: Codec,
    values: Vec<Codec>,
    clock: Option<RecordBatch>,
    bounds: Bounds,
    /// For each comparison, all rows in the order of its values.
    order: Vec<BTreeMap<Place, i64>>,
    bytes: usize,
    seen: u64,
}

/// What a step changed.
pub(super) struct TemporalUndo {
    changes: Vec<(usize, Place, i64)>,
    clock: Option<RecordBatch>,
    bounds: Bounds,
}

/// Rows with the values that are compared; None stands for NULL.
struct Compared {
    rows: Zset,
    /// The bytes of each value, for each comparison.
    bytes: Vec<Vec<RowBytes>>,
    nulls: Vec<Vec<bool>>,
}

impl TemporalState {
    pub(super) fn new(temporal: &Temporal, input: &SchemaRef) -> Outcome<Self> {
        let values = temporal.comparisons.iter().map(|each| {
            let column = field("value", &each.value.column).with_nullable(true);
            Codec::new(&Arc::new(Schema::new(vec![column])))
        });
        Ok(Self {
            values: values.collect::<Outcome<_>>()?,
            rows: Codec::new(input)?,
            clock: None,
            bounds: None,
            order: vec![BTreeMap::new(); temporal.comparisons.len()],
            temporal: temporal.clone(),
            bytes: 0,
            seen: 0,
        })
    }

    pub(super) fn memory(&self) -> OperationMemory {
        OperationMemory { rows: self.order.first().map_or(0, BTreeMap::len), bytes: self.bytes }
    }

    pub(super) fn take_seen(&mut self) -> u64 {
        std::mem::take(&mut self.seen)
    }

    /// The output as of the last step.
    pub(super) fn content(&self, schema: &SchemaRef) -> Outcome<Zset> {
        let all = self.order.first().into_iter().flatten().map(|((_, row), weight)| (row, *weight));
        self.output(schema, &self.compared(self.rows.decode(all)?)?, &self.bounds)
    }

    /// How the output changes when rows and the time do. If it fails nothing is changed.
    pub(super) fn follow(&mut self, schema: &SchemaRef, deltas: &[Zset]) -> Outcome<(Zset, TemporalUndo)> {
        let [delta, ticks] = deltas else { return Err(failure!("a comparison with the time has two inputs")) };
        let clock = if ticks.is_empty() { self.clock.clone() } else { time_after(ticks) };
        let bounds = self.bounds_at(clock.as_ref())?;
        let came = self.compared(delta.clone())?;
        let passed = self.compared(self.passed(&bounds)?)?;
        self.seen += (came.rows.len() + passed.rows.len()) as u64;
        let parts = [
            self.output(schema, &passed, &self.bounds)?.negated(),
            self.output(schema, &passed, &bounds)?,
            self.output(schema, &came, &bounds)?,
        ];
        let changed = Zset::concat(schema, &parts)?;
        let mut undo = TemporalUndo { changes: Vec::new(), clock: self.clock.take(), bounds: None };
        for (rows, is_new) in [(&came, true), (&passed, false)] {
            self.keep(rows, &bounds, is_new, &mut undo.changes)?;
        }
        self.clock = clock;
        undo.bounds = std::mem::replace(&mut self.bounds, bounds);
        Ok((changed, undo))
    }

    /// Takes a step back.
    pub(super) fn undo(&mut self, undo: &TemporalUndo) {
        for (at, place, weight) in undo.changes.iter().rev() {
            self.change(*at, place.clone(), -weight);
        }
        self.clock.clone_from(&undo.clock);
        self.bounds.clone_from(&undo.bounds);
    }

    fn bounds_at(&self, clock: Option<&RecordBatch>) -> Outcome<Bounds> {
        let Some(clock) = clock else { return Ok(None) };
        let mut bounds = Vec::with_capacity(self.values.len());
        for (comparison, codec) in self.temporal.comparisons.iter().zip(&self.values) {
            let value = comparison.bound.evaluate(clock)?;
            let bytes = codec.encode(std::slice::from_ref(&value), 1)?.pop();
            bounds.push(bytes.filter(|_| value.is_valid(0)));
        }
        Ok(Some(bounds))
    }

    /// The rows whose comparisons may change when the bounds do.
    fn passed(&self, bounds: &Bounds) -> Outcome<Zset> {
        let mut found: BTreeMap<&RowBytes, i64> = BTreeMap::new();
        for (at, order) in self.order.iter().enumerate() {
            let (before, after) = (bound(&self.bounds, at), bound(bounds, at));
            if before == after && self.bounds.is_some() == bounds.is_some() {
                continue;
            }
            let range = match (before, after) {
                (Some(before), Some(after)) => {
                    let (first, last) = if before < after { (before, after) } else { (after, before) };
                    // What follows in the order of bytes begins with all that is equal to the last value.
                    let mut behind = last.to_vec();
                    behind.push(0xff);
                    let end: Place = (behind.into(), RowBytes::default());
                    order.range((Included((first.clone(), RowBytes::default())), Included(end)))
                }
                _ => order.range::<Place, _>(..),
            };
            found.extend(range.map(|((_, row), weight)| (row, *weight)));
        }
        self.rows.decode(found.into_iter())
    }

    fn compared(&self, rows: Zset) -> Outcome<Compared> {
        let (mut bytes, mut nulls) = (Vec::new(), Vec::new());
        for (comparison, codec) in self.temporal.comparisons.iter().zip(&self.values) {
            let value: ArrayRef = comparison.value.evaluate(&rows.batch)?;
            nulls.push((0..rows.len()).map(|row| value.data_type().is_null() || value.is_null(row)).collect());
            bytes.push(codec.encode(&[value], rows.len())?);
        }
        Ok(Compared { rows, bytes, nulls })
    }

    /// Whether a comparison holds for a row.
    fn holds(&self, at: usize, row: usize, rows: &Compared, bounds: &Bounds) -> Option<bool> {
        let bound = bound(bounds, at).filter(|_| !rows.nulls[at][row])?;
        let order = rows.bytes[at][row].cmp(bound);
        Some(match self.temporal.comparisons[at].operator {
            Operator::Lt => order.is_lt(),
            Operator::LtEq => order.is_le(),
            Operator::Gt => order.is_gt(),
            Operator::GtEq => order.is_ge(),
            Operator::Eq => order.is_eq(),
            _ => order.is_ne(),
        })
    }

    fn output(&self, schema: &SchemaRef, rows: &Compared, bounds: &Bounds) -> Outcome<Zset> {
        let comparisons = 0..self.values.len();
        if self.temporal.is_filter {
            let passes =
                |row: &u32| comparisons.clone().all(|at| self.holds(at, *row as usize, rows, bounds) == Some(true));
            let kept = rows.rows.take(&(0..rows.rows.len() as u32).filter(passes).collect::<Vec<_>>())?;
            return Zset::new(schema, kept.batch.columns().to_vec(), kept.weights);
        }
        // Without a time there is nothing to compare with, and no rows, as if the clock was joined.
        if bounds.is_none() {
            return Ok(Zset::empty(schema));
        }
        let mut columns = rows.rows.batch.columns().to_vec();
        for at in comparisons {
            let marks: BooleanArray = (0..rows.rows.len()).map(|row| self.holds(at, row, rows, bounds)).collect();
            columns.push(Arc::new(marks));
        }
        Zset::new(schema, columns, rows.rows.weights.clone())
    }

    /// Whether a row will never pass a filter again.
    fn is_over(&self, row: usize, rows: &Compared, bounds: &Bounds) -> bool {
        self.temporal.is_filter
            && self.temporal.comparisons.iter().enumerate().any(|(at, comparison)| {
                if rows.nulls[at][row] {
                    return true;
                }
                let Some(bound) = bound(bounds, at).filter(|_| comparison.is_rising) else { return false };
                let order = rows.bytes[at][row].cmp(bound);
                match comparison.operator {
                    Operator::Gt => order.is_le(),
                    Operator::GtEq | Operator::Eq => order.is_lt(),
                    _ => false,
                }
            })
    }

    /// Keeps rows that came, but not those that are over, and forgets those that were passed and are over now.
    fn keep(
        &mut self,
        rows: &Compared,
        bounds: &Bounds,
        is_new: bool,
        changes: &mut Vec<(usize, Place, i64)>,
    ) -> Outcome<()> {
        let encoded = self.rows.encode(rows.rows.batch.columns(), rows.rows.len())?;
        for (row, bytes) in encoded.into_iter().enumerate() {
            if self.is_over(row, rows, bounds) == is_new {
                continue;
            }
            for at in 0..self.values.len() {
                let place = (rows.bytes[at][row].clone(), bytes.clone());
                // A row that came in this step may have been passed in it too.
                let weight =
                    if is_new { rows.rows.weights[row] } else { -self.order[at].get(&place).copied().unwrap_or(0) };
                self.change(at, place.clone(), weight);
                changes.push((at, place, weight));
            }
        }
        Ok(())
    }

    fn change(&mut self, at: usize, place: Place, weight: i64) {
        let length = place.0.len() + place.1.len() + ENTRY_BYTES;
        let order = &mut self.order[at];
        let count = order.entry(place.clone()).or_insert_with(|| {
            self.bytes += length;
            0
        });
        *count += weight;
        if *count == 0 {
            order.remove(&place);
            self.bytes -= length;
        }
    }
}

/// The time that changes of the clock leave.
fn time_after(ticks: &Zset) -> Option<RecordBatch> {
    let at = ticks.weights.iter().position(|weight| *weight > 0)?;
    Some(ticks.batch.slice(at, 1))
}
