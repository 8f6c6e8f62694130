//! Aggregates that follow changes without looking at the rows again: counts, exact sums and means, the least and the greatest.
//!
//! A group keeps for each of them what it comes to: a number of rows, a sum, or the values with how often each is there. A change costs
//! what changes, however large the groups are. Sums of floating-point numbers are none of these: they would drift.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::{Schema, SchemaRef, i256};

use super::OperationMemory;
use super::kernels::guarded_arguments;
use super::tables::ENTRY_BYTES;
use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::{AggregateCall, Grouping, Sum};
use crate::functions::{Outcome, failure};
use crate::numbers::{from_wide, wide};
use crate::types::field;

/// What a call comes to in a group.
#[derive(Debug)]
enum Value {
    Count(i64),
    Sum(i256, i64),
    Extreme(BTreeMap<RowBytes, i64>),
}

/// What a row adds to a call.
#[derive(Debug)]
enum Part {
    One,
    Number(i128),
    Value(RowBytes),
}

#[derive(Debug)]
struct Group {
    rows: i64,
    values: Vec<Value>,
}

/// A changed row: its group, what it adds to each call, its weight.
#[derive(Debug)]
struct Update {
    key: RowBytes,
    parts: Vec<Option<Part>>,
    weight: i64,
}

/// The groups of an aggregation.
pub(super) struct Accumulated {
    grouping: Grouping,
    keys: Codec,
    /// For each call that keeps values, how they are bytes.
    codecs: Vec<Option<Codec>>,
    groups: BTreeMap<RowBytes, Group>,
    bytes: usize,
    is_started: bool,
    seen: u64,
}

/// What a step changed.
pub(super) struct AccumulatedUndo {
    updates: Vec<Update>,
    was_started: bool,
}

impl Accumulated {
    pub(super) fn new(grouping: &Grouping, schema: &SchemaRef) -> Outcome<Self> {
        let own: Vec<_> = schema.fields().iter().take(grouping.keys.len()).cloned().collect();
        let mut codecs = Vec::with_capacity(grouping.calls.len());
        for call in &grouping.calls {
            codecs.push(match call.sum() {
                Some(Sum::Extreme { .. }) => {
                    let column = field("value", &call.shape.result);
                    Some(Codec::new(&Arc::new(Schema::new(vec![column.with_nullable(true)])))?)
                }
                _ => None,
            });
        }
        Ok(Self {
            grouping: grouping.clone(),
            keys: Codec::new(&Arc::new(Schema::new(own)))?,
            codecs,
            groups: BTreeMap::new(),
            bytes: 0,
            is_started: false,
            seen: 0,
        })
    }

    fn is_global(&self) -> bool {
        self.grouping.keys.is_empty()
    }

    /// Whether the value over no rows did not go out yet.
    pub(super) fn is_due(&self) -> bool {
        self.is_global() && !self.is_started
    }

    pub(super) fn memory(&self) -> OperationMemory {
        OperationMemory { rows: self.groups.len(), bytes: self.bytes }
    }

    /// The output as of the last step.
    pub(super) fn content(&self, schema: &SchemaRef) -> Outcome<Zset> {
        let whole = RowBytes::default();
        let mut keys: BTreeSet<&RowBytes> = self.groups.keys().collect();
        if self.is_global() {
            keys.insert(&whole);
        }
        self.rows(schema, &keys, self.is_started)
    }

    /// How many changes it looked at since it was asked last.
    pub(super) fn take_seen(&mut self) -> u64 {
        std::mem::take(&mut self.seen)
    }

    /// How the output changes when the input does. If it fails nothing is changed.
    pub(super) fn follow(&mut self, schema: &SchemaRef, delta: &Zset) -> Outcome<(Zset, AccumulatedUndo)> {
        let undo = AccumulatedUndo { updates: self.updates(delta)?, was_started: self.is_started };
        let mut touched: BTreeSet<&RowBytes> = undo.updates.iter().map(|update| &update.key).collect();
        let whole = RowBytes::default();
        if self.is_global() {
            touched.insert(&whole);
        }
        self.seen += delta.len() as u64;
        let before = self.rows(schema, &touched, self.is_started)?.negated();
        self.apply(&undo.updates, 1);
        match self.rows(schema, &touched, true).and_then(|after| Zset::concat(schema, &[before, after])) {
            Ok(changed) => {
                self.is_started = true;
                Ok((changed, undo))
            }
            Err(error) => {
                self.apply(&undo.updates, -1);
                Err(error)
            }
        }
    }

    /// Takes a step back.
    pub(super) fn undo(&mut self, undo: &AccumulatedUndo) {
        self.apply(&undo.updates, -1);
        self.is_started = undo.was_started;
    }

    fn updates(&self, delta: &Zset) -> Outcome<Vec<Update>> {
        let keys = self.grouping.keys.iter().map(|key| key.evaluate(&delta.batch)).collect::<Outcome<Vec<_>>>()?;
        let mut updates: Vec<Update> = self
            .keys
            .encode(&keys, delta.len())?
            .into_iter()
            .zip(&delta.weights)
            .map(|(key, weight)| Update { key, parts: Vec::with_capacity(self.grouping.calls.len()), weight: *weight })
            .collect();
        for (call, codec) in self.grouping.calls.iter().zip(&self.codecs) {
            for (update, part) in updates.iter_mut().zip(parts(call, codec.as_ref(), delta)?) {
                update.parts.push(part);
            }
        }
        Ok(updates)
    }

    fn apply(&mut self, updates: &[Update], sign: i64) {
        for update in updates {
            let weight = update.weight * sign;
            let length = update.key.len() + ENTRY_BYTES * (1 + self.grouping.calls.len());
            let group = self.groups.entry(update.key.clone()).or_insert_with(|| {
                self.bytes += length;
                Group { rows: 0, values: self.grouping.calls.iter().map(AggregateCall::nothing).collect() }
            });
            group.rows += weight;
            for (value, part) in group.values.iter_mut().zip(&update.parts) {
                match (value, part) {
                    (Value::Count(count), Some(_)) => *count += weight,
                    (Value::Sum(total, count), Some(Part::Number(number))) => {
                        // Products of these widths, and sums of as many as there can be, fit.
                        *total = total.wrapping_add(i256::from_i128(*number).wrapping_mul(i256::from(weight)));
                        *count += weight;
                    }
                    (Value::Extreme(values), Some(Part::Value(bytes))) => {
                        let size = bytes.len() + ENTRY_BYTES;
                        let count = values.entry(bytes.clone()).or_insert_with(|| {
                            self.bytes += size;
                            0
                        });
                        *count += weight;
                        if *count == 0 {
                            values.remove(bytes);
                            self.bytes -= size;
                        }
                    }
                    _ => {}
                }
            }
            if group.rows == 0 && group.values.iter().all(Value::is_nothing) {
                self.groups.remove(&update.key);
                self.bytes -= length;
            }
        }
    }

    /// The rows of some groups.
    fn rows(&self, schema: &SchemaRef, keys: &BTreeSet<&RowBytes>, gives_empty: bool) -> Outcome<Zset> {
        let gives_empty = gives_empty && self.is_global();
        let found: Vec<(&RowBytes, Option<&Group>)> = keys
            .iter()
            .map(|key| (*key, self.groups.get(*key).filter(|group| group.rows != 0)))
            .filter(|(_, group)| group.is_some() || gives_empty)
            .collect();
        let mut columns: Vec<ArrayRef> =
            self.keys.decode(found.iter().map(|(key, _)| (*key, 1)))?.batch.columns().to_vec();
        for (at, (call, codec)) in self.grouping.calls.iter().zip(&self.codecs).enumerate() {
            let values: Vec<Option<&Value>> =
                found.iter().map(|(_, group)| group.and_then(|group| group.values.get(at))).collect();
            columns.push(column(call, codec.as_ref(), &values)?);
        }
        Zset::new(schema, columns, vec![1; found.len()])
    }
}

impl Value {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Count(count) => *count == 0,
            Self::Sum(total, count) => *count == 0 && *total == i256::ZERO,
            Self::Extreme(values) => values.is_empty(),
        }
    }
}

impl AggregateCall {
    /// Its value over no rows.
    fn nothing(&self) -> Value {
        match self.sum() {
            Some(Sum::Total | Sum::Mean) => Value::Sum(i256::ZERO, 0),
            Some(Sum::Extreme { .. }) => Value::Extreme(BTreeMap::new()),
            _ => Value::Count(0),
        }
    }
}

/// What each row adds to a call; None where the call does not count it.
fn parts(call: &AggregateCall, codec: Option<&Codec>, delta: &Zset) -> Outcome<Vec<Option<Part>>> {
    let holds = call.filter.as_ref().map(|filter| filter.holds(&delta.batch)).transpose()?;
    let args = guarded_arguments(call, delta, holds.as_deref())?;
    let is_there = |row: usize| {
        let is_valid = |arg: &ArrayRef| !arg.data_type().is_null() && arg.is_valid(row);
        holds.as_ref().is_none_or(|holds| holds[row]) && args.iter().all(is_valid)
    };
    let first = || args.first().ok_or_else(|| failure!("an argument is missing"));
    let rows = 0..delta.len();
    Ok(match call.sum() {
        Some(Sum::Total | Sum::Mean) => {
            let numbers = wide(first()?, call.shape.params.first().unwrap_or(&Type::Null))?;
            rows.map(|row| is_there(row).then(|| Part::Number(numbers[row]))).collect()
        }
        Some(Sum::Extreme { .. }) => {
            let codec = codec.ok_or_else(|| failure!("the values of {} are not bytes", call.aggregate.name))?;
            let values = codec.encode(std::slice::from_ref(first()?), delta.len())?;
            values.into_iter().enumerate().map(|(row, value)| is_there(row).then_some(Part::Value(value))).collect()
        }
        Some(Sum::Truths) => {
            let condition = first()?;
            let truths =
                arrow::array::AsArray::as_boolean_opt(condition).ok_or_else(|| failure!("a condition is expected"))?;
            rows.map(|row| (is_there(row) && truths.value(row)).then_some(Part::One)).collect()
        }
        _ => rows.map(|row| is_there(row).then_some(Part::One)).collect(),
    })
}

/// The values of a call in some groups; None stands for a group without rows.
fn column(call: &AggregateCall, codec: Option<&Codec>, values: &[Option<&Value>]) -> Outcome<ArrayRef> {
    let kind = &call.shape.result.kind;
    let overflow = || failure!("a sum causes overflow for type {}", crate::types::type_text(kind));
    Ok(match call.sum() {
        Some(sum @ (Sum::Total | Sum::Mean)) => {
            let mut numbers = Vec::with_capacity(values.len());
            for value in values {
                numbers.push(match value {
                    Some(Value::Sum(total, count)) if *count != 0 => {
                        let divisor = if sum == Sum::Mean { *count } else { 1 };
                        let number = total.checked_div(i256::from(divisor)).and_then(i256::to_i128);
                        Some(number.ok_or_else(overflow)?)
                    }
                    _ => None,
                });
            }
            from_wide(&numbers, kind)?
        }
        Some(Sum::Extreme { is_greatest }) => {
            let codec = codec.ok_or_else(|| failure!("the values of {} are not bytes", call.aggregate.name))?;
            let best = |value: Option<&Value>| match value {
                Some(Value::Extreme(values)) if is_greatest => values.last_key_value().map(|(bytes, _)| bytes.clone()),
                Some(Value::Extreme(values)) => values.first_key_value().map(|(bytes, _)| bytes.clone()),
                _ => None,
            };
            let best: Vec<Option<RowBytes>> = values.iter().copied().map(best).collect();
            let there = codec.decode(best.iter().flatten().map(|bytes| (bytes, 1)))?;
            let mut places = Vec::with_capacity(best.len());
            let mut next = 0_u32;
            for bytes in &best {
                places.push(bytes.as_ref().map(|_| next));
                next += u32::from(bytes.is_some());
            }
            let places = arrow::array::UInt32Array::from(places);
            arrow::compute::take(there.batch.column(0), &places, None)?
        }
        _ => {
            let count = |value: Option<&Value>| if let Some(Value::Count(count)) = value { *count } else { 0 };
            Arc::new(values.iter().copied().map(count).collect::<Int64Array>())
        }
    })
}
