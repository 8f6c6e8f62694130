//! A program for people and tools: what is computed of what.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value, json};

use crate::circuit::Operation;
use crate::plan::Place;
use crate::program::{Program, View};

impl Program {
    /// The program as a graph.
    ///
    /// ```text
    /// { "calcite_plan": { "<view>": { "rels": [ { "id", "relOp", "inputs" } ] } },
    ///   "mir": { "<node>": { "operation", "inputs": [ { "node", "output" } ], "outputs", "persistent_id", "positions",
    ///                        "table"?, "view"?, "calcite"?, "incremental" } } }
    /// ```
    ///
    /// `outputs` are the nodes that read a node. A node that is several views names the first; the others follow it as nodes of
    /// their own whose operation is `view`.
    #[must_use]
    pub fn description(&self) -> Value {
        let plans: Map<String, Value> =
            self.views().iter().map(|view| (view.name.clone(), json!({ "rels": plan_nodes(&view.plan) }))).collect();
        json!({ "calcite_plan": plans, "mir": self.graph() })
    }

    fn graph(&self) -> Map<String, Value> {
        let nodes = &self.lowering.nodes;
        let mut readers: Vec<Vec<Value>> = vec![Vec::new(); nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            for (place, input) in node.inputs.iter().enumerate() {
                readers[*input].push(json!({ "node": name(at), "output": place }));
            }
        }
        let mut views: BTreeMap<usize, &View> = BTreeMap::new();
        let mut others: Vec<&View> = Vec::new();
        for view in self.views() {
            match views.entry(view.node) {
                Entry::Vacant(first) => {
                    first.insert(view);
                }
                Entry::Occupied(_) => {
                    readers[view.node].push(json!({ "node": format!("v{}", others.len()), "output": 0 }));
                    others.push(view);
                }
            }
        }
        let mut graph = Map::new();
        for (at, (node, outputs)) in nodes.iter().zip(readers).enumerate() {
            let inputs: Vec<Value> =
                node.inputs.iter().map(|input| json!({ "node": name(*input), "output": 0 })).collect();
            let mut entry = json!({
                "operation": node.operation.name(),
                "inputs": inputs,
                "outputs": outputs,
                "persistent_id": node.identity,
                "positions": [],
                "incremental": node.operation.is_incremental(),
            });
            if let Operation::Table(table) = &node.operation {
                entry["table"] = json!(table);
            }
            if let Some(view) = views.get(&at) {
                show(&mut entry, view);
            }
            graph.insert(name(at), entry);
        }
        for (at, view) in others.into_iter().enumerate() {
            let mut entry = json!({
                "operation": "view",
                "inputs": [{ "node": name(view.node), "output": 0 }],
                "outputs": [],
                "persistent_id": view.persistent_id,
                "incremental": true,
            });
            show(&mut entry, view);
            graph.insert(format!("v{at}"), entry);
        }
        graph
    }
}

fn name(node: usize) -> String {
    format!("s{node}")
}

/// Says that a node is a view.
fn show(entry: &mut Value, view: &View) {
    entry["view"] = json!(view.name);
    entry["calcite"] = json!({ "final": 0 });
    let Place { start_line, start_column, end_line, end_column } = view.place;
    if view.place.is_known() {
        entry["positions"] = json!([{
            "start_line_number": start_line, "start_column": start_column,
            "end_line_number": end_line, "end_column": end_column,
        }]);
    } else {
        entry["positions"] = json!([]);
    }
}

/// The lines of a plan as a list: each names those it reads, which stand below it and further in.
fn plan_nodes(plan: &str) -> Vec<Value> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = plan.lines().collect();
    let mut inputs: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    // The lines that the next one may lie in, from the outside in.
    let mut open: Vec<usize> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        while open.last().is_some_and(|outer| depth(lines[*outer]) >= depth(line)) {
            open.pop();
        }
        if let Some(outer) = open.last() {
            inputs[*outer].push(at);
        }
        open.push(at);
    }
    let node = |(at, (line, inputs)): (usize, (&&str, Vec<usize>))| json!({ "id": at, "relOp": line.trim(), "inputs": inputs });
    lines.iter().zip(inputs).enumerate().map(node).collect()
}
