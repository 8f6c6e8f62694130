//! Views that read themselves: the least set of rows that is what the view's query makes of it.
//!
//! A declared view is a node that is open until the view is defined. Then the part of the circuit that depends on it becomes a circuit
//! of its own inside the node, which is run until nothing new comes. Views that read one another lie in one another, which comes to the
//! same.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_expr::JoinType;

use super::{Lowering, Node, NodeId, Operation, hashed, types_text};
use crate::plan::PlanError;

/// A circuit that is run until nothing new comes.
#[derive(Clone, Debug)]
pub(crate) struct Fixpoint {
    /// The nodes, inputs first. Tables are what comes from outside, by number, and the rows so far.
    pub(crate) nodes: Vec<Node>,
    /// The node that stands for each input.
    pub(crate) inputs: Vec<NodeId>,
    /// The node that stands for the rows so far.
    pub(crate) own: NodeId,
    /// The node that gives what they come to.
    pub(crate) result: NodeId,
}

impl Lowering {
    /// Adds a view whose query is not known yet.
    pub(crate) fn declare(&mut self, name: &str, schema: SchemaRef) -> Result<NodeId, PlanError> {
        let node = self.add(Operation::Open(name.to_owned()), Vec::new(), schema)?;
        self.relations.insert(name.to_owned(), node);
        Ok(node)
    }

    /// Says what a declared view is: what the node `result` gives, which may depend on the view.
    pub(crate) fn close(&mut self, open: NodeId, result: NodeId) -> Result<(), PlanError> {
        let depends = self.dependents(open);
        let (operation, inputs) = if depends[result] {
            let (fixpoint, inputs) = self.loop_of(open, result, &depends)?;
            (Operation::Fixpoint(Arc::new(fixpoint)), inputs)
        } else {
            (Operation::Union, vec![result])
        };
        self.nodes[open].operation = operation;
        self.nodes[open].inputs = inputs;
        self.rename(open, result, &depends);
        Ok(())
    }

    /// Which nodes depend on a node. Nodes that were closed may read later ones.
    fn dependents(&self, node: NodeId) -> Vec<bool> {
        let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for (at, each) in self.nodes.iter().enumerate() {
            each.inputs.iter().for_each(|input| readers[*input].push(at));
        }
        let mut depends = vec![false; self.nodes.len()];
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut depends[at], true) {
                open.extend(&readers[at]);
            }
        }
        depends
    }

    /// The nodes between a node and one that depends on it, as a circuit; and the nodes outside that it reads.
    fn loop_of(&self, own: NodeId, result: NodeId, depends: &[bool]) -> Result<(Fixpoint, Vec<NodeId>), PlanError> {
        let mut inside: Vec<Option<NodeId>> = vec![None; self.nodes.len()];
        let (mut nodes, mut inputs, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for at in self.below(result) {
            let node = &self.nodes[at];
            let made = if at == own || !depends[at] {
                Node { operation: Operation::Table(format!("{at}")), inputs: Vec::new(), ..node.clone() }
            } else {
                check(&node.operation)?;
                let inputs = node.inputs.iter().map(|input| inside[*input]).collect::<Option<Vec<_>>>();
                Node { inputs: inputs.ok_or_else(|| PlanError::wrong("a recursive view has no end"))?, ..node.clone() }
            };
            // What does not depend on the view is read from outside where something that does reads it.
            let is_input = at != own && !depends[at];
            if is_input {
                inputs.push(at);
                places.push(nodes.len());
            }
            inside[at] = Some(nodes.len());
            nodes.push(made);
        }
        let place = |at: NodeId| inside[at].ok_or_else(|| PlanError::wrong("a recursive view does not read itself"));
        let (own, result) = (place(own)?, place(result)?);
        let readers: std::collections::HashSet<NodeId> =
            nodes.iter().flat_map(|node: &Node| node.inputs.clone()).collect();
        let (inputs, places) =
            inputs.into_iter().zip(places).filter(|(_, place)| readers.contains(place) || *place == result).unzip();
        Ok((Fixpoint { nodes, inputs: places, own, result }, inputs))
    }

    /// The nodes below a node and itself, inputs first.
    fn below(&self, node: NodeId) -> Vec<NodeId> {
        let mut is_there = vec![false; self.nodes.len()];
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut is_there[at], true) {
                open.extend(&self.nodes[at].inputs);
            }
        }
        in_order(&self.nodes).into_iter().filter(|at| is_there[*at]).collect()
    }

    /// Gives the nodes that depend on a view that was closed the names that follow from what it is.
    fn rename(&mut self, closed: NodeId, result: NodeId, depends: &[bool]) {
        let name = format!("{}\n{}", self.nodes[closed].operation.name(), self.nodes[result].identity);
        self.nodes[closed].identity = hashed(&name);
        for at in in_order(&self.nodes) {
            let node = &self.nodes[at];
            if !depends[at] || at == closed || matches!(node.operation, Operation::Fixpoint(_)) {
                continue;
            }
            let below: Vec<&str> = node.inputs.iter().map(|input| self.nodes[*input].identity.as_str()).collect();
            let text = format!("{}\n{}\n{}", node.operation.text(), types_text(&node.schema), below.join("\n"));
            self.nodes[at].identity = hashed(&text);
        }
    }
}

/// Refuses what takes rows away when rows come: then there may be no least set.
fn check(operation: &Operation) -> Result<(), PlanError> {
    let only_adds = match operation {
        Operation::Table(_)
        | Operation::Constant(_)
        | Operation::Filter(_)
        | Operation::Project(_)
        | Operation::Union
        | Operation::Unnest(_)
        | Operation::Distinct
        | Operation::Open(_)
        | Operation::Fixpoint(_) => true,
        Operation::Join(join) => {
            matches!(join.kind, JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi) && !join.is_null_aware
        }
        Operation::Aggregate(grouping) => grouping.calls.is_empty() && grouping.sets.is_none(),
        Operation::Window(_) | Operation::Top(_) | Operation::Temporal(_) | Operation::Gate(_) => false,
    };
    if only_adds {
        return Ok(());
    }
    let name = operation.name();
    Err(PlanError::not_yet(format!(
        "{name} between a recursive view and itself is not there yet: it may take rows away"
    )))
}

/// The numbers of nodes, inputs first. Nodes that were closed may read later ones; no node reads itself.
pub(crate) fn in_order(nodes: &[Node]) -> Vec<NodeId> {
    let mut missing: Vec<usize> = nodes.iter().map(|node| node.inputs.len()).collect();
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| readers[*input].push(at));
    }
    let mut ready: std::collections::BTreeSet<NodeId> = (0..nodes.len()).filter(|at| missing[*at] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for reader in &readers[at] {
            missing[*reader] -= 1;
            if missing[*reader] == 0 {
                ready.insert(*reader);
            }
        }
    }
    order
}
