//! The engine that computes again the parts of operations that changes touch.
//!
//! Operations that take rows one by one pass changes on. The others keep the rows of their inputs by key; they compute the touched keys'
//! rows before and after a change, and the difference is the change of their output. An operation without keys is one part: it is computed
//! as a whole. So every operation gives exactly the difference of what it would give as a whole, deletes included.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::changes::{Change, PushError, RejectedRows, checked};
use super::errors;
use super::finals::{FinalChange, FinalState};
use super::kernels::run;
use super::state::{State, Undo};
use super::tables::{Keeping, Resolved, TableState};
use super::zset::{Codec, Zset};
use super::{Engine, Memory, Step, StepError};
use crate::circuit::{Node, NodeId, Operation, in_order};
use crate::functions::Outcome;
use crate::plan::PlanError;
use crate::program::{CLOCK, Program, View};

/// Memory for the calls of the thread that runs a step; expressions lie in one another.
pub(super) const STEP_STACK_BYTES: usize = 128 * 1024 * 1024;

/// An engine that computes again the parts that changes touch.
pub struct PartEngine {
    pub(super) nodes: Vec<Node>,
    /// The nodes by number, inputs first.
    pub(super) order: Vec<NodeId>,
    /// Which nodes some view needs.
    is_needed: Vec<bool>,
    /// How many nodes read each node.
    readers: Vec<usize>,
    pub(super) states: Vec<Option<State>>,
    pub(super) codecs: Vec<Option<Codec>>,
    pub(super) tables: BTreeMap<String, TableState>,
    pub(super) views: Vec<View>,
    /// For each view that gives out final rows only, those that are not.
    pub(super) finals: Vec<Option<FinalState>>,
    /// Rows of views that came too late, to be told in the next step.
    late: Vec<RejectedRows>,
    pub(super) is_started: bool,
    pub(super) memory_limit: Option<usize>,
    /// Whether a mistake of ours may have left a state half changed.
    is_broken: bool,
}

impl PartEngine {
    /// An engine for a program, with empty tables.
    pub fn new(program: Program) -> Result<Self, PlanError> {
        let wrong = |error: crate::functions::FunctionError| PlanError::not_yet(error.0);
        let nodes = program.lowering.nodes;
        let mut is_needed = vec![false; nodes.len()];
        let mut open: Vec<NodeId> = program.views.iter().map(|view| view.node).collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut is_needed[at], true) {
                open.extend(&nodes[at].inputs);
            }
        }
        let mut readers = vec![0; nodes.len()];
        for (node, _) in nodes.iter().zip(&is_needed).filter(|(_, is_needed)| **is_needed) {
            node.inputs.iter().for_each(|input| readers[*input] += 1);
        }
        let mut states = Vec::with_capacity(nodes.len());
        for (node, is_needed) in nodes.iter().zip(&is_needed) {
            let inputs: Vec<_> = node.inputs.iter().map(|input| &nodes[*input].schema).collect();
            states.push(if *is_needed {
                State::new(&node.operation, &inputs, &node.schema).map_err(wrong)?
            } else {
                None
            });
        }
        let mut codecs: Vec<Option<Codec>> = nodes.iter().map(|_| None).collect();
        for view in &program.views {
            codecs[view.node] = Some(Codec::new(&nodes[view.node].schema).map_err(wrong)?);
        }
        let mut tables = BTreeMap::new();
        for (name, table) in program.tables {
            let Some(node) = program.lowering.relations.get(&name) else { continue };
            let keeping = match name.as_str() {
                CLOCK if program.has_clock => Keeping::Last,
                other if program.streams.contains(other) => Keeping::None,
                _ => Keeping::All,
            };
            let rules = program.rules.get(&name).cloned().unwrap_or_default();
            let state = TableState::new(table, rules, keeping, nodes[*node].schema.clone()).map_err(wrong)?;
            tables.insert(name, state);
        }
        let views = program.views;
        let mut finals = Vec::with_capacity(views.len());
        for view in &views {
            let state = view
                .emit_final
                .as_ref()
                .map(|(column, waterline)| FinalState::new(*column, waterline.clone(), &nodes[view.node].schema));
            finals.push(state.transpose().map_err(wrong)?);
        }
        Ok(Self {
            order: in_order(&nodes),
            nodes,
            is_needed,
            readers,
            states,
            codecs,
            tables,
            views,
            finals,
            late: Vec::new(),
            is_started: false,
            memory_limit: None,
            is_broken: false,
        })
    }

    /// The first view that needs a node.
    pub(super) fn view_of(&self, node: NodeId) -> String {
        let needs = |view: &&View| {
            let mut open = vec![view.node];
            let mut seen = BTreeSet::new();
            while let Some(at) = open.pop() {
                if at == node {
                    return true;
                }
                if seen.insert(at) {
                    open.extend(&self.nodes[at].inputs);
                }
            }
            false
        };
        self.views.iter().find(needs).map_or_else(String::new, |view| view.name.clone())
    }

    fn failed(&self, node: NodeId, message: String) -> StepError {
        StepError { view: self.view_of(node), operation: self.nodes[node].operation.name().to_owned(), message }
    }

    /// Runs all operations; `undo` holds what was changed so far, also when it fails. Gives the changes of views by node.
    fn run(
        &mut self,
        resolved: &BTreeMap<String, Resolved>,
        undo: &mut Vec<(NodeId, Undo)>,
    ) -> Result<Vec<Option<Zset>>, (NodeId, String)> {
        let mut outputs: Vec<Option<Zset>> = vec![None; self.nodes.len()];
        let mut unread = self.readers.clone();
        for at in self.order.iter().copied().filter(|at| self.is_needed[*at]) {
            let node = &self.nodes[at];
            let changed = |error: crate::functions::FunctionError| (at, error.0);
            let mut inputs: Vec<Zset> = Vec::with_capacity(node.inputs.len());
            for input in &node.inputs {
                // Who reads last takes it, so that no more is in memory than will be read.
                unread[*input] -= 1;
                let is_last = unread[*input] == 0 && self.codecs[*input].is_none();
                let delta = if is_last { outputs[*input].take() } else { outputs[*input].clone() };
                inputs.push(delta.unwrap_or_else(|| Zset::empty(&self.nodes[*input].schema)));
            }
            let is_quiet = inputs.iter().all(Zset::is_empty);
            let output = match (&node.operation, &mut self.states[at]) {
                (Operation::Table(name), _) => {
                    resolved.get(name).map_or_else(|| Zset::empty(&node.schema), |resolved| resolved.delta.clone())
                }
                (Operation::Constant(_), _) if self.is_started => Zset::empty(&node.schema),
                (Operation::Constant(_), _) => run(&node.operation, &node.schema, &inputs).map_err(changed)?,
                (_, Some(state)) if !is_quiet || state.is_due() => {
                    let (output, step) = state.follow(&node.operation, &node.schema, &inputs).map_err(changed)?;
                    undo.push((at, step));
                    output
                }
                _ if is_quiet => Zset::empty(&node.schema),
                _ => run(&node.operation, &node.schema, &inputs).map_err(changed)?,
            };
            outputs[at] = Some(output);
        }
        Ok(outputs)
    }

    fn step_here(&mut self) -> Result<Step, StepError> {
        let mut resolved = BTreeMap::new();
        for (name, table) in &self.tables {
            if !table.pending.is_empty() {
                let changes = table.resolve().map_err(|error| table_failed(name, error.0))?;
                resolved.insert(name.clone(), changes);
            }
        }
        if let Some(table) = self.tables.get(errors::ERRORS) {
            let of_tables = resolved.values().flat_map(|each| each.rejected.iter().chain(&each.late));
            let refused: Vec<RejectedRows> = self.late.iter().chain(of_tables).cloned().collect();
            let before = resolved.remove(errors::ERRORS);
            let told = errors::told(table, before, &refused).map_err(|error| table_failed(errors::ERRORS, error.0))?;
            resolved.extend(told.map(|told| (errors::ERRORS.to_owned(), told)));
        }
        self.step_with(resolved)
    }

    /// A step whose changes of tables are known.
    pub(super) fn step_with(&mut self, resolved: BTreeMap<String, Resolved>) -> Result<Step, StepError> {
        let mut undo = Vec::new();
        let before = self.bytes();
        let result = catch_unwind(AssertUnwindSafe(|| self.outcome(&resolved, &mut undo)));
        let result = result.unwrap_or_else(|_| {
            self.is_broken = true;
            Err((0, "an operation failed by a mistake of ours".to_owned()))
        });
        let above = if result.is_ok() { self.above_limit(before, &resolved) } else { None };
        if let Some(error) = above {
            self.take_back(undo);
            return Err(error);
        }
        match result {
            Ok((views, finals)) => {
                self.is_started = true;
                let mut step = Step { views, ..Step::default() };
                for (state, change) in self.finals.iter_mut().zip(finals) {
                    if let (Some(state), Some(change)) = (state, change) {
                        state.commit(change);
                    }
                }
                self.late = self.take_late();
                step.late.clone_from(&self.late);
                step.rows_seen = self.states.iter_mut().flatten().map(State::take_seen).sum();
                for (name, mut changes) in resolved {
                    step.rejected.append(&mut changes.rejected);
                    step.late.append(&mut changes.late);
                    if !changes.delta.is_empty() {
                        // For those outside, the relation of errors is a view.
                        let is_view = name == errors::ERRORS;
                        let relations = if is_view { &mut step.views } else { &mut step.tables };
                        relations.insert(name.clone(), changes.delta.clone());
                    }
                    if let Some(table) = self.tables.get_mut(&name) {
                        table.commit(changes);
                    }
                }
                Ok(step)
            }
            Err((node, message)) => {
                self.take_back(undo);
                Err(self.failed(node, message))
            }
        }
    }

    /// Does something with much room for calls, unless an earlier step left it half changed.
    pub(super) fn on_own_stack(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Step, StepError> + Send,
    ) -> Result<Step, StepError> {
        let failed = |message: String| StepError { view: String::new(), operation: "step".to_owned(), message };
        if self.is_broken {
            return Err(failed(
                "an earlier step failed by a mistake of ours: the engine has to be built again".to_owned(),
            ));
        }
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("step".to_owned())
                .stack_size(STEP_STACK_BYTES)
                .spawn_scoped(scope, || work(self))
                .map_err(|error| failed(format!("no thread could be started: {error}")))?
                .join()
                .unwrap_or_else(|_| Err(failed("a step failed by a mistake of ours".to_owned())))
        })
    }

    /// Takes back what a step that failed changed.
    fn take_back(&mut self, undo: Vec<(NodeId, Undo)>) {
        for (at, step) in undo.into_iter().rev() {
            if let Some(state) = &mut self.states[at] {
                state.undo(step);
            }
        }
        for state in self.states.iter_mut().flatten() {
            state.take_seen();
        }
    }

    /// The rows of views that came too late in this step.
    fn take_late(&mut self) -> Vec<RejectedRows> {
        let mut late = Vec::new();
        for (at, state) in self.states.iter_mut().enumerate() {
            let Some(state) = state else { continue };
            for mut each in state.take_late() {
                each.table =
                    self.views.iter().find(|view| view.node == at).map(|view| view.name.clone()).unwrap_or_default();
                late.push(each);
            }
        }
        late
    }

    /// The changes of the views, and of what views hold back.
    fn outcome(
        &mut self,
        resolved: &BTreeMap<String, Resolved>,
        undo: &mut Vec<(NodeId, Undo)>,
    ) -> Result<Outcomes, (NodeId, String)> {
        let outputs = self.run(resolved, undo)?;
        let mut views = BTreeMap::new();
        let mut finals = Vec::with_capacity(self.views.len());
        for (view, state) in self.views.iter().zip(&self.finals) {
            let (delta, change) = self
                .change_of(view, state.as_ref(), outputs.get(view.node).and_then(Option::as_ref), resolved)
                .map_err(|error| (view.node, error.0))?;
            if !delta.is_empty() {
                views.insert(view.name.clone(), delta);
            }
            finals.push(change);
        }
        Ok((views, finals))
    }

    /// How a view changes, consolidated.
    fn change_of(
        &self,
        view: &View,
        state: Option<&FinalState>,
        delta: Option<&Zset>,
        resolved: &BTreeMap<String, Resolved>,
    ) -> Outcome<(Zset, Option<FinalChange>)> {
        let (Some(codec), Some(delta)) = (&self.codecs[view.node], delta) else {
            return Err(crate::functions::failure!("a view was not computed"));
        };
        let (mut delta, mut change) = (codec.consolidate(delta)?, None);
        if let Some(state) = state {
            let limit = self.limit_of(state, resolved)?;
            let (released, changed) = state.released(&delta, limit.as_ref())?;
            (delta, change) = (released, Some(changed));
        }
        Ok((Zset::new(&view.nullable_schema(), delta.batch.columns().to_vec(), delta.weights)?, change))
    }
}

/// The changes of views, and for each view of what it holds back.
type Outcomes = (BTreeMap<String, Zset>, Vec<Option<FinalChange>>);

/// The error about a table.
pub(super) fn table_failed(table: &str, message: String) -> StepError {
    StepError { view: String::new(), operation: format!("table {table}"), message }
}

impl Engine for PartEngine {
    fn push(&mut self, table: &str, change: Change) -> Result<(), PushError> {
        let Some(state) = self.tables.get_mut(table) else { return Err(PushError::UnknownTable(table.to_owned())) };
        let change = checked(change, &state.table)?;
        if change.batch.num_rows() > 0 {
            state.pending.push(change);
        }
        Ok(())
    }

    fn discard(&mut self) {
        self.tables.values_mut().for_each(|table| table.pending.clear());
    }

    fn step(&mut self) -> Result<Step, StepError> {
        self.on_own_stack(Self::step_here)
    }

    fn snapshot(&self, table: &str) -> Option<Zset> {
        let table = self.tables.get(table).filter(|table| table.keeping != Keeping::None)?;
        table.snapshot().ok()
    }

    fn view(&self, name: &str) -> Option<Zset> {
        self.content(name)
    }

    fn memory(&self) -> Memory {
        self.kept()
    }
}
