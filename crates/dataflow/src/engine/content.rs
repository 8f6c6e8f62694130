//! What views hold now. Nothing is kept for it: what operations keep of their inputs says what they give.

use std::collections::BTreeMap;

use super::Engine;
use super::kernels::run;
use super::recompute::{PartEngine, STEP_STACK_BYTES};
use super::zset::Zset;
use crate::circuit::{NodeId, Operation};
use crate::functions::{Outcome, failure};
use crate::program::View;

impl PartEngine {
    /// The rows of a view, consolidated; None if there is no such view.
    pub(super) fn content(&self, name: &str) -> Option<Zset> {
        let view = self.views.iter().find(|view| view.name == name)?;
        if !self.is_started {
            return Some(Zset::empty(&view.nullable_schema()));
        }
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("view".to_owned()).stack_size(STEP_STACK_BYTES);
            thread.spawn_scoped(scope, || self.computed(view)).ok()?.join().ok()?.ok()
        })
    }

    fn computed(&self, view: &View) -> Outcome<Zset> {
        let mut found: BTreeMap<NodeId, Zset> = BTreeMap::new();
        for at in self.needed_for(view.node) {
            let node = &self.nodes[at];
            let zset = match (&node.operation, &self.states[at]) {
                (Operation::Table(name), _) => {
                    self.snapshot(name).ok_or_else(|| failure!("the rows of {name} are not kept"))?
                }
                (_, Some(state)) => state.content(&node.operation, &node.schema)?,
                (operation, None) => {
                    let inputs = node.inputs.iter().map(|input| found.get(input).cloned());
                    let inputs = inputs.collect::<Option<Vec<_>>>();
                    run(operation, &node.schema, &inputs.ok_or_else(|| failure!("an input was not computed"))?)?
                }
            };
            found.insert(at, zset);
        }
        let (Some(codec), Some(zset)) = (&self.codecs[view.node], found.get(&view.node)) else {
            return Err(failure!("the view was not computed"));
        };
        let zset = codec.consolidate(zset)?;
        Zset::new(&view.nullable_schema(), zset.batch.columns().to_vec(), zset.weights)
    }

    /// The nodes from a node down to those that keep rows, inputs first.
    fn needed_for(&self, node: NodeId) -> Vec<NodeId> {
        let mut is_needed = vec![false; self.nodes.len()];
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut is_needed[at], true) && self.states[at].is_none() {
                open.extend(&self.nodes[at].inputs);
            }
        }
        self.order.iter().copied().filter(|at| is_needed[*at]).collect()
    }
}
