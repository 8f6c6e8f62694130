//! Circuits that are run until nothing new comes.
//!
//! Rows that come go on from what is there: each round only looks at what the last one found. When rows go, everything is found anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::OperationMemory;
use super::kernels::{ROWS_MAX, run};
use super::state::{State, Undo};
use super::tables::ENTRY_BYTES;
use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::{Fixpoint, NodeId, Operation};
use crate::functions::{Outcome, failure};

/// How many rounds may be needed.
const ROUNDS_MAX: usize = 100_000;

/// What a recursive view holds, and what its circuit keeps.
pub(super) struct FixpointState {
    circuit: Arc<Fixpoint>,
    /// The rows from outside, with their weights.
    inputs: Vec<(Codec, BTreeMap<RowBytes, i64>)>,
    inner: Inner,
    input_bytes: usize,
    codec: Codec,
    seen: u64,
}

/// What is thrown away when everything is found anew.
struct Inner {
    states: Vec<Option<State>>,
    rows: BTreeSet<RowBytes>,
    bytes: usize,
    is_started: bool,
}

/// What a step changed.
pub(super) struct FixpointUndo {
    inputs: Vec<Vec<(RowBytes, i64)>>,
    inner: InnerUndo,
}

enum InnerUndo {
    /// Everything was found anew; this is what was there before.
    Whole(Inner),
    Added {
        states: Vec<(NodeId, Undo)>,
        rows: Vec<RowBytes>,
        was_started: bool,
    },
}

impl Inner {
    fn new(circuit: &Fixpoint) -> Outcome<Self> {
        let mut states = Vec::with_capacity(circuit.nodes.len());
        for node in &circuit.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|input| &circuit.nodes[*input].schema).collect();
            states.push(State::new(&node.operation, &inputs, &node.schema)?);
        }
        Ok(Self { states, rows: BTreeSet::new(), bytes: 0, is_started: false })
    }

    /// Runs the circuit until nothing new comes; gives the new rows. `done` holds what was changed, also when it fails.
    fn advance(
        &mut self,
        circuit: &Fixpoint,
        codec: &Codec,
        deltas: &[Zset],
        done: &mut (Vec<(NodeId, Undo)>, Vec<RowBytes>),
    ) -> Outcome<Zset> {
        let mut outside: BTreeMap<NodeId, Zset> = circuit.inputs.iter().copied().zip(deltas.iter().cloned()).collect();
        let mut own = Zset::empty(&circuit.nodes[circuit.own].schema);
        let mut found = Vec::new();
        for _ in 0..ROUNDS_MAX {
            outside.insert(circuit.own, own);
            let result = self.round(circuit, &outside, &mut done.0)?;
            self.is_started = true;
            outside.clear();
            let mut new = Vec::new();
            let result = codec.consolidate(&result)?;
            for row in codec.encode(result.batch.columns(), result.len())? {
                if self.rows.insert(row.clone()) {
                    self.bytes += row.len() + ENTRY_BYTES;
                    new.push(row);
                }
            }
            if new.is_empty() {
                return codec.decode(found.iter().map(|row| (row, 1)));
            }
            own = codec.decode(new.iter().map(|row| (row, 1)))?;
            done.1.extend(new.iter().cloned());
            found.append(&mut new);
            if self.rows.len() > ROWS_MAX {
                return Err(failure!("a recursive view has more than {ROWS_MAX} rows"));
            }
        }
        Err(failure!("a recursive view is not found in {ROUNDS_MAX} rounds"))
    }

    fn round(
        &mut self,
        circuit: &Fixpoint,
        outside: &BTreeMap<NodeId, Zset>,
        undo: &mut Vec<(NodeId, Undo)>,
    ) -> Outcome<Zset> {
        let mut outputs: Vec<Zset> = Vec::with_capacity(circuit.nodes.len());
        for (at, node) in circuit.nodes.iter().enumerate() {
            let inputs: Vec<Zset> = node.inputs.iter().map(|input| outputs[*input].clone()).collect();
            let is_quiet = inputs.iter().all(Zset::is_empty);
            outputs.push(match (&node.operation, &mut self.states[at]) {
                (Operation::Table(_), _) => outside.get(&at).cloned().unwrap_or_else(|| Zset::empty(&node.schema)),
                (Operation::Constant(_), _) if !self.is_started => run(&node.operation, &node.schema, &inputs)?,
                (_, Some(state)) if !is_quiet || state.is_due() => {
                    let (output, step) = state.follow(&node.operation, &node.schema, &inputs)?;
                    undo.push((at, step));
                    output
                }
                _ if is_quiet => Zset::empty(&node.schema),
                _ => run(&node.operation, &node.schema, &inputs)?,
            });
        }
        Ok(outputs.swap_remove(circuit.result))
    }

    fn undo(&mut self, states: Vec<(NodeId, Undo)>, rows: &[RowBytes]) {
        for (at, step) in states.into_iter().rev() {
            if let Some(state) = &mut self.states[at] {
                state.undo(step);
            }
        }
        for row in rows {
            if self.rows.remove(row) {
                self.bytes -= row.len() + ENTRY_BYTES;
            }
        }
    }
}

impl FixpointState {
    pub(super) fn new(circuit: &Arc<Fixpoint>) -> Outcome<Self> {
        let schema = |at: &NodeId| &circuit.nodes[*at].schema;
        let inputs = circuit.inputs.iter().map(|at| Ok((Codec::new(schema(at))?, BTreeMap::new())));
        Ok(Self {
            inputs: inputs.collect::<Outcome<_>>()?,
            inner: Inner::new(circuit)?,
            codec: Codec::new(schema(&circuit.own))?,
            circuit: Arc::clone(circuit),
            input_bytes: 0,
            seen: 0,
        })
    }

    /// Whether what does not come from outside was not computed yet.
    pub(super) fn is_due(&self) -> bool {
        !self.inner.is_started
    }

    pub(super) fn memory(&self) -> OperationMemory {
        let mut memory = OperationMemory { rows: self.inner.rows.len(), bytes: self.inner.bytes };
        memory.rows += self.inputs.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        memory.bytes += self.input_bytes;
        for state in self.inner.states.iter().flatten() {
            let OperationMemory { rows, bytes } = state.memory();
            memory.rows += rows;
            memory.bytes += bytes;
        }
        memory
    }

    pub(super) fn take_seen(&mut self) -> u64 {
        let inner: u64 = self.inner.states.iter_mut().flatten().map(State::take_seen).sum();
        std::mem::take(&mut self.seen) + inner
    }

    /// The output as of the last step.
    pub(super) fn content(&self) -> Outcome<Zset> {
        self.codec.decode(self.inner.rows.iter().map(|row| (row, 1)))
    }

    /// How the output changes when the inputs do. If it fails nothing is changed.
    pub(super) fn follow(&mut self, deltas: &[Zset]) -> Outcome<(Zset, FixpointUndo)> {
        let mut entries = Vec::with_capacity(deltas.len());
        let mut netted = Vec::with_capacity(deltas.len());
        for ((codec, _), delta) in self.inputs.iter().zip(deltas) {
            let delta = codec.consolidate(delta)?;
            let rows = codec.encode(delta.batch.columns(), delta.len())?;
            entries.push(rows.into_iter().zip(delta.weights.iter().copied()).collect::<Vec<_>>());
            netted.push(delta);
        }
        self.apply(&entries, 1);
        let changed = if netted.iter().all(|delta| delta.weights.iter().all(|weight| *weight > 0)) {
            self.add(&netted)
        } else {
            self.again()
        };
        match changed {
            Ok((changed, inner)) => Ok((changed, FixpointUndo { inputs: entries, inner })),
            Err(error) => {
                self.apply(&entries, -1);
                Err(error)
            }
        }
    }

    fn apply(&mut self, entries: &[Vec<(RowBytes, i64)>], sign: i64) {
        for ((_, rows), entries) in self.inputs.iter_mut().zip(entries) {
            for (row, weight) in entries {
                let length = row.len() + ENTRY_BYTES;
                let count = rows.entry(row.clone()).or_insert_with(|| {
                    self.input_bytes += length;
                    0
                });
                *count += sign * weight;
                if *count == 0 {
                    rows.remove(row);
                    self.input_bytes -= length;
                }
            }
        }
    }

    /// Goes on with rows that came.
    fn add(&mut self, deltas: &[Zset]) -> Outcome<(Zset, InnerUndo)> {
        let was_started = self.inner.is_started;
        let mut done = (Vec::new(), Vec::new());
        match self.inner.advance(&self.circuit, &self.codec, deltas, &mut done) {
            Ok(found) => Ok((found, InnerUndo::Added { states: done.0, rows: done.1, was_started })),
            Err(error) => {
                self.inner.undo(done.0, &done.1);
                self.inner.is_started = was_started;
                Err(error)
            }
        }
    }

    /// Finds everything anew.
    fn again(&mut self) -> Outcome<(Zset, InnerUndo)> {
        let mut inner = Inner::new(&self.circuit)?;
        let all = self.inputs.iter().map(|(codec, rows)| codec.decode(rows.iter().map(|(row, weight)| (row, *weight))));
        let all = all.collect::<Outcome<Vec<_>>>()?;
        self.seen += all.iter().map(|rows| rows.len() as u64).sum::<u64>();
        inner.advance(&self.circuit, &self.codec, &all, &mut (Vec::new(), Vec::new()))?;
        let gone = self.inner.rows.difference(&inner.rows).map(|row| (row, -1));
        let came = inner.rows.difference(&self.inner.rows).map(|row| (row, 1));
        let changed = self.codec.decode(gone.chain(came))?;
        Ok((changed, InnerUndo::Whole(std::mem::replace(&mut self.inner, inner))))
    }

    /// Takes a step back.
    pub(super) fn undo(&mut self, undo: FixpointUndo) {
        self.apply(&undo.inputs, -1);
        match undo.inner {
            InnerUndo::Whole(before) => self.inner = before,
            InnerUndo::Added { states, rows, was_started } => {
                self.inner.undo(states, &rows);
                self.inner.is_started = was_started;
            }
        }
    }
}
