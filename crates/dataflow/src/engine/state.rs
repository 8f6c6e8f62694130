//! What an operation keeps of its inputs: their rows by the operation's keys.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;
use datafusion_expr::JoinType;

use super::OperationMemory;
use super::accumulate::{Accumulated, AccumulatedUndo};
use super::changes::RejectedRows;
use super::fixpoint::{FixpointState, FixpointUndo};
use super::gate::{Gate, Marks};
use super::kernels::{keys_of, order_of, run};
use super::tables::ENTRY_BYTES;
use super::temporal::{TemporalState, TemporalUndo};
use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::{Expression, Following, Operation, SortKey};
use crate::functions::{Outcome, failure};

/// The rows of one input by key, with their weights.
struct Index {
    keys: Option<Vec<Expression>>,
    /// The order that rows of a key are kept in, where it matters, and how many of the first of them count.
    order: Option<(Vec<SortKey>, Option<usize>)>,
    codec: Codec,
    rows: BTreeMap<RowBytes, BTreeMap<RowBytes, Held>>,
    count: usize,
    bytes: usize,
}

/// A row at its place.
struct Held {
    /// The row, where its place is not the row itself.
    row: Option<RowBytes>,
    weight: i64,
}

/// A changed row of an input.
struct Entry {
    key: RowBytes,
    place: RowBytes,
    row: Option<RowBytes>,
    weight: i64,
}

impl Index {
    /// The changed rows with their keys and places.
    fn entries(&self, delta: &Zset) -> Outcome<Vec<Entry>> {
        let rows = self.codec.encode(delta.batch.columns(), delta.len())?;
        let keys = match &self.keys {
            Some(keys) => keys_of(keys, delta)?.0,
            None => rows.clone(),
        };
        let places: Vec<(RowBytes, Option<RowBytes>)> = match &self.order {
            Some((order, _)) => order_of(order, delta)?.into_iter().zip(rows.into_iter().map(Some)).collect(),
            None => rows.into_iter().map(|row| (row, None)).collect(),
        };
        let entry = |((key, (place, row)), weight): ((RowBytes, (RowBytes, Option<RowBytes>)), &i64)| Entry {
            key,
            place,
            row,
            weight: *weight,
        };
        Ok(keys.into_iter().zip(places).zip(&delta.weights).map(entry).collect())
    }

    fn apply(&mut self, entries: &[Entry], sign: i64) {
        for entry in entries {
            let rows = self.rows.entry(entry.key.clone()).or_default();
            let length = entry.place.len() + entry.row.as_ref().map_or(0, |row| row.len()) + ENTRY_BYTES;
            let held = rows.entry(entry.place.clone()).or_insert_with(|| {
                self.count += 1;
                self.bytes += length;
                Held { row: entry.row.clone(), weight: 0 }
            });
            held.weight += sign * entry.weight;
            if held.weight == 0 {
                rows.remove(&entry.place);
                self.count -= 1;
                self.bytes -= length;
                if rows.is_empty() {
                    self.rows.remove(&entry.key);
                }
            }
        }
    }

    /// The rows of some keys, of all if none are named; of each, those that count.
    fn of(&self, keys: Option<&BTreeSet<RowBytes>>) -> Outcome<Zset> {
        let limit = self.order.as_ref().and_then(|(_, limit)| *limit).map_or(i64::MAX, |limit| limit as i64);
        let counted = |rows: &'_ BTreeMap<RowBytes, Held>| {
            let mut before = 0_i64;
            let counts = |(_, held): &(&RowBytes, &Held)| {
                let is_counted = before < limit;
                before = before.saturating_add(held.weight.max(0));
                is_counted
            };
            rows.iter().take_while(counts).count()
        };
        let found: Vec<&BTreeMap<RowBytes, Held>> = match keys {
            Some(keys) => keys.iter().filter_map(|key| self.rows.get(key)).collect(),
            None => self.rows.values().collect(),
        };
        let rows = found.into_iter().flat_map(|rows| rows.iter().take(counted(rows)));
        self.codec.decode(rows.map(|(place, held)| (held.row.as_ref().unwrap_or(place), held.weight)))
    }
}

/// What an operation keeps.
pub(super) enum State {
    /// The rows of its inputs by key.
    Parts(Parts),
    /// What its groups come to.
    Accumulated(Box<Accumulated>),
    /// Rows in the order in which the time comes to them.
    Temporal(Box<TemporalState>),
    /// The greatest values, and what came too late since it was asked last.
    Gate(Gate, Vec<RejectedRows>),
    /// A circuit that is run until nothing new comes.
    Fixpoint(Box<FixpointState>),
}

/// What a step changed in a state.
pub(super) enum Undo {
    Parts(PartsUndo),
    Accumulated(AccumulatedUndo),
    Temporal(TemporalUndo),
    Gate(Marks),
    Fixpoint(Box<FixpointUndo>),
}

impl State {
    /// The state of an operation, None if it needs none.
    pub(super) fn new(operation: &Operation, inputs: &[&SchemaRef], schema: &SchemaRef) -> Outcome<Option<Self>> {
        if let (Following::Accumulated, Operation::Aggregate(grouping)) = (operation.following(), operation) {
            return Ok(Some(Self::Accumulated(Box::new(Accumulated::new(grouping, schema)?))));
        }
        match (operation, inputs.first()) {
            (Operation::Temporal(temporal), Some(input)) => {
                Ok(Some(Self::Temporal(Box::new(TemporalState::new(temporal, input)?))))
            }
            (Operation::Gate(lateness), _) => Ok(Some(Self::Gate(Gate::new(lateness.clone()), Vec::new()))),
            (Operation::Fixpoint(circuit), _) => Ok(Some(Self::Fixpoint(Box::new(FixpointState::new(circuit)?)))),
            _ => Ok(Parts::new(operation, inputs)?.map(Self::Parts)),
        }
    }

    /// How the output changes when the inputs do. The state is the new one then, or the old one if it fails.
    pub(super) fn follow(
        &mut self,
        operation: &Operation,
        schema: &SchemaRef,
        deltas: &[Zset],
    ) -> Outcome<(Zset, Undo)> {
        match self {
            Self::Parts(parts) => {
                let (changed, undo) = parts.follow(operation, schema, deltas)?;
                Ok((changed, Undo::Parts(undo)))
            }
            Self::Accumulated(groups) => {
                let delta = deltas.first().ok_or_else(|| failure!("an aggregation has no input"))?;
                let (changed, undo) = groups.follow(schema, delta)?;
                Ok((changed, Undo::Accumulated(undo)))
            }
            Self::Temporal(state) => {
                let (changed, undo) = state.follow(schema, deltas)?;
                Ok((changed, Undo::Temporal(undo)))
            }
            Self::Fixpoint(state) => {
                let (changed, undo) = state.follow(deltas)?;
                let changed = Zset::new(schema, changed.batch.columns().to_vec(), changed.weights)?;
                Ok((changed, Undo::Fixpoint(Box::new(undo))))
            }
            Self::Gate(gate, refused) => {
                let delta = deltas.first().cloned().ok_or_else(|| failure!("a view has no rows"))?;
                let delta = Zset::new(schema, delta.batch.columns().to_vec(), delta.weights)?;
                let (kept, late) = gate.parted("", &delta)?;
                let marks = gate.marks_after(&kept)?;
                *refused = late;
                Ok((kept, Undo::Gate(std::mem::replace(&mut gate.marks, marks))))
            }
        }
    }

    /// Takes a step back.
    pub(super) fn undo(&mut self, undo: Undo) {
        match (self, undo) {
            (Self::Parts(parts), Undo::Parts(undo)) => parts.undo(&undo),
            (Self::Accumulated(groups), Undo::Accumulated(undo)) => groups.undo(&undo),
            (Self::Temporal(state), Undo::Temporal(undo)) => state.undo(&undo),
            (Self::Fixpoint(state), Undo::Fixpoint(undo)) => state.undo(*undo),
            (Self::Gate(gate, refused), Undo::Gate(marks)) => {
                gate.marks = marks;
                refused.clear();
            }
            _ => {}
        }
    }

    /// Whether it has something to say although no input changed.
    pub(super) fn is_due(&self) -> bool {
        match self {
            Self::Parts(parts) => parts.is_due(),
            Self::Accumulated(groups) => groups.is_due(),
            Self::Fixpoint(state) => state.is_due(),
            Self::Temporal(_) | Self::Gate(..) => false,
        }
    }

    /// The output as of the last step.
    ///
    /// Gates keep no rows: what they give is not known any more.
    pub(super) fn content(&self, operation: &Operation, schema: &SchemaRef) -> Outcome<Zset> {
        match self {
            Self::Parts(parts) => parts.value(operation, schema, None).map(|(zset, _)| zset),
            Self::Accumulated(groups) => groups.content(schema),
            Self::Temporal(state) => state.content(schema),
            Self::Fixpoint(state) => {
                let rows = state.content()?;
                Zset::new(schema, rows.batch.columns().to_vec(), rows.weights)
            }
            Self::Gate(..) => Err(failure!("rows that may be late are not kept")),
        }
    }

    /// The rows that came too late in the last step.
    pub(super) fn take_late(&mut self) -> Vec<RejectedRows> {
        if let Self::Gate(_, refused) = self { std::mem::take(refused) } else { Vec::new() }
    }

    /// How many rows it looked at since it was asked last.
    pub(super) fn take_seen(&mut self) -> u64 {
        match self {
            Self::Parts(parts) => std::mem::take(&mut parts.seen),
            Self::Accumulated(groups) => groups.take_seen(),
            Self::Temporal(state) => state.take_seen(),
            Self::Fixpoint(state) => state.take_seen(),
            Self::Gate(..) => 0,
        }
    }

    pub(super) fn memory(&self) -> OperationMemory {
        match self {
            Self::Parts(parts) => parts.memory(),
            Self::Accumulated(groups) => groups.memory(),
            Self::Temporal(state) => state.memory(),
            Self::Fixpoint(state) => state.memory(),
            Self::Gate(..) => OperationMemory::default(),
        }
    }
}

/// The rows of an operation's inputs by its keys.
pub(super) struct Parts {
    inputs: Vec<Index>,
    /// Whether its value over no rows went out, which not even an empty input changes.
    is_started: bool,
    is_whole: bool,
    seen: u64,
}

/// What a step changed in the rows of inputs.
pub(super) struct PartsUndo {
    entries: Vec<Vec<Entry>>,
    was_started: bool,
}

impl Parts {
    fn new(operation: &Operation, inputs: &[&SchemaRef]) -> Outcome<Option<Self>> {
        let keys: Vec<Option<Vec<Expression>>> = match operation.following() {
            Following::Linear | Following::Accumulated | Following::Timed | Following::Gated | Following::Rounds => {
                return Ok(None);
            }
            Following::Keyed(keys) => keys.into_iter().map(Some).collect(),
            Following::Rows => vec![None; inputs.len()],
            Following::Whole => vec![Some(Vec::new()); inputs.len()],
        };
        let mut indexes = Vec::with_capacity(inputs.len());
        for (schema, keys) in inputs.iter().zip(keys) {
            let order = match operation {
                Operation::Top(top) => Some((top.order.clone(), top.fetch.map(|fetch| fetch.saturating_add(top.skip)))),
                _ => None,
            };
            indexes.push(Index { keys, order, codec: Codec::new(schema)?, rows: BTreeMap::new(), count: 0, bytes: 0 });
        }
        let is_whole = matches!(operation.following(), Following::Whole);
        Ok(Some(Self { inputs: indexes, is_started: false, is_whole, seen: 0 }))
    }

    /// How the output changes when the inputs do. The state is the new one then, or the old one if it fails.
    fn follow(&mut self, operation: &Operation, schema: &SchemaRef, deltas: &[Zset]) -> Outcome<(Zset, PartsUndo)> {
        let mut entries = Vec::with_capacity(deltas.len());
        for (index, delta) in self.inputs.iter().zip(deltas) {
            entries.push(index.entries(delta)?);
        }
        let mut undo = PartsUndo { entries, was_started: self.is_started };
        let changed = match operation {
            Operation::Join(join) if join.kind == JoinType::Inner && !self.is_whole => {
                self.follow_pairs(operation, schema, deltas, &undo.entries)
            }
            _ => self.follow_parts(operation, schema, &undo.entries),
        };
        match changed {
            Ok(changed) => {
                self.is_started = true;
                Ok((changed, undo))
            }
            Err((error, applied)) => {
                undo.entries.truncate(applied);
                self.undo(&undo);
                Err(error)
            }
        }
    }

    /// Computes the parts that changes touch before and after them.
    fn follow_parts(&mut self, operation: &Operation, schema: &SchemaRef, entries: &[Vec<Entry>]) -> Followed {
        let mut touched: BTreeSet<RowBytes> = entries.iter().flatten().map(|entry| entry.key.clone()).collect();
        if self.is_whole {
            touched.insert(RowBytes::default());
        }
        let before = if self.is_whole && !self.is_started {
            Zset::empty(schema)
        } else {
            let (before, seen) = self.value(operation, schema, Some(&touched)).map_err(|error| (error, 0))?;
            self.seen += seen;
            before
        };
        for (index, entries) in self.inputs.iter_mut().zip(entries) {
            index.apply(entries, 1);
        }
        let applied = entries.len();
        let (after, seen) = self.value(operation, schema, Some(&touched)).map_err(|error| (error, applied))?;
        self.seen += seen;
        Zset::concat(schema, &[after, before.negated()]).map_err(|error| (error, applied))
    }

    /// The output for some keys, for all if none are named; and how many rows were looked at.
    fn value(
        &self,
        operation: &Operation,
        schema: &SchemaRef,
        touched: Option<&BTreeSet<RowBytes>>,
    ) -> Outcome<(Zset, u64)> {
        let inputs = self.inputs.iter().map(|index| index.of(touched)).collect::<Outcome<Vec<_>>>()?;
        let seen = inputs.iter().map(|input| input.len() as u64).sum();
        Ok((run(operation, schema, &inputs)?, seen))
    }

    /// An inner join: what is new on one side meets what is there on the other.
    fn follow_pairs(
        &mut self,
        operation: &Operation,
        schema: &SchemaRef,
        deltas: &[Zset],
        entries: &[Vec<Entry>],
    ) -> Followed {
        let keys = |entries: &[Entry]| entries.iter().map(|entry| entry.key.clone()).collect::<BTreeSet<_>>();
        let ([left, right], [left_entries, right_entries]) = (deltas, entries) else {
            return Err((failure!("a join has two inputs"), 0));
        };
        let there = self.inputs[1].of(Some(&keys(left_entries))).map_err(|error| (error, 0))?;
        self.seen += (left.len() + there.len()) as u64;
        let first = run(operation, schema, &[left.clone(), there]).map_err(|error| (error, 0))?;
        self.inputs[0].apply(left_entries, 1);
        let there = self.inputs[0].of(Some(&keys(right_entries))).map_err(|error| (error, 1))?;
        self.seen += (right.len() + there.len()) as u64;
        let second = run(operation, schema, &[there, right.clone()]).map_err(|error| (error, 1))?;
        self.inputs[1].apply(right_entries, 1);
        Zset::concat(schema, &[first, second]).map_err(|error| (error, 2))
    }

    /// Takes a step back.
    fn undo(&mut self, undo: &PartsUndo) {
        for (index, entries) in self.inputs.iter_mut().zip(&undo.entries) {
            index.apply(entries, -1);
        }
        self.is_started = undo.was_started;
    }

    /// Whether it has something to say although no input changed.
    fn is_due(&self) -> bool {
        self.is_whole && !self.is_started
    }

    fn memory(&self) -> OperationMemory {
        OperationMemory {
            rows: self.inputs.iter().map(|index| index.count).sum(),
            bytes: self.inputs.iter().map(|index| index.bytes).sum(),
        }
    }
}

/// A change of the output; or an error, and how many inputs were changed before it.
type Followed = Result<Zset, (crate::functions::FunctionError, usize)>;
