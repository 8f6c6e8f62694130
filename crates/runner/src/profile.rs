//! What the nodes of a pipeline keep, and where the time of its thread goes.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::sync::{Mutex, PoisonError};

use alluvium_dataflow::{Memory, OperationMemory};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::deployment::Deployment;

/// Questions that wait for the thread of a pipeline: what its engine keeps.
#[derive(Default)]
pub(crate) struct Questions(Mutex<Vec<oneshot::Sender<Memory>>>);

impl Questions {
    /// Asks; who answers is between two steps.
    pub fn ask(&self) -> oneshot::Receiver<Memory> {
        let (to, from) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(to);
        from
    }

    /// Answers all.
    pub fn answer(&self, memory: impl FnOnce() -> Memory) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return;
        }
        let memory = memory();
        for to in waiting {
            // Who asked may have gone.
            let _ = to.send(memory.clone());
        }
    }
}

/// What was found.
pub(crate) struct Profile {
    pipeline: String,
    steps: u64,
    nodes: Vec<Node>,
    table_bytes: usize,
    state_bytes: usize,
    seconds: Vec<(&'static str, f64)>,
}

struct Node {
    name: String,
    /// As the graph of the program describes it.
    described: Value,
    kept: OperationMemory,
}

impl Profile {
    /// Puts together what the engine keeps and what the deployment counts. `graph` are the nodes of the program as it describes them.
    pub fn new(deployment: &Deployment, graph: &Value, memory: &Memory) -> Self {
        let times = deployment.activity.times();
        Self {
            pipeline: deployment.deployed.name.clone(),
            steps: deployment.progress.borrow().step,
            nodes: nodes(graph, memory),
            table_bytes: memory.table_bytes,
            state_bytes: memory.state_bytes,
            seconds: times.map(|(phase, time)| (phase.word(), time.as_secs_f64())).to_vec(),
        }
    }

    /// The parts of memory: what each is called, its rows and its bytes. Tables come first.
    pub fn memory(&self) -> Vec<(String, usize, usize)> {
        let nodes = self.nodes.iter().filter(|node| node.kept != OperationMemory::default());
        let nodes = nodes.map(|node| (node.label(), node.kept.rows, node.kept.bytes));
        std::iter::once(("tables".to_owned(), 0, self.table_bytes)).chain(nodes).collect()
    }

    /// The pipeline's name.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// As data.
    pub fn to_json(&self) -> Value {
        let seconds: Map<String, Value> =
            self.seconds.iter().map(|(phase, time)| ((*phase).to_owned(), json!(time))).collect();
        let node = |node: &Node| {
            let mut entry = node.described.clone();
            entry["rows"] = json!(node.kept.rows);
            entry["bytes"] = json!(node.kept.bytes);
            (node.name.clone(), entry)
        };
        let nodes: Map<String, Value> = self.nodes.iter().map(node).collect();
        json!({
            "pipeline": self.pipeline,
            "steps": self.steps,
            "worker_seconds": seconds,
            "table_bytes": self.table_bytes,
            "state_bytes": self.state_bytes,
            "nodes": nodes,
        })
    }

    /// As a drawing, in the language of Graphviz.
    fn to_dot(&self) -> String {
        let mut text = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
        for node in &self.nodes {
            let (name, label) = (&node.name, node.label().replace(['"', '\\'], "'"));
            let style = if node.described["incremental"] == true { "" } else { ", style=dashed" };
            let OperationMemory { rows, bytes } = node.kept;
            // Writing into memory does not fail.
            let _ = writeln!(text, "  {name} [label=\"{label}\\n{rows} rows, {bytes} bytes\"{style}];");
            for input in node.described["inputs"].as_array().into_iter().flatten() {
                let _ = writeln!(text, "  {} -> {name};", input["node"].as_str().unwrap_or_default());
            }
        }
        text + "}\n"
    }

    /// Both in one archive.
    pub fn to_zip(&self) -> Result<Vec<u8>, zip::result::ZipError> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let files = [("profile.dot", self.to_dot()), ("profile.json", format!("{:#}", self.to_json()))];
        for (file, content) in files {
            archive.start_file(file, SimpleFileOptions::default())?;
            archive.write_all(content.as_bytes())?;
        }
        Ok(archive.finish()?.into_inner())
    }
}

impl Node {
    /// Its name, what it does, and which table or view it is.
    fn label(&self) -> String {
        let words = ["operation", "table", "view"].map(|member| self.described[member].as_str());
        let words: Vec<&str> = std::iter::once(self.name.as_str()).chain(words.into_iter().flatten()).collect();
        words.join(" ")
    }
}

/// The nodes in the order of their numbers: `s2` before `s10`.
fn nodes(graph: &Value, memory: &Memory) -> Vec<Node> {
    let number = |name: &str| name.strip_prefix('s').and_then(|number| number.parse::<usize>().ok());
    let node = |(name, described): (&String, &Value)| {
        let kept = number(name).and_then(|number| memory.operations.get(&number)).copied().unwrap_or_default();
        Node { name: name.clone(), described: described.clone(), kept }
    };
    let mut nodes: Vec<Node> = graph.as_object().into_iter().flatten().map(node).collect();
    nodes.sort_by_key(|node| (number(&node.name).unwrap_or(usize::MAX), node.name.clone()));
    nodes
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Read as _;

    use super::*;

    pub(crate) fn profile() -> Profile {
        let graph = json!({
            "s10": { "operation": "sort", "view": "v", "inputs": [{ "node": "s0", "output": 0 }], "incremental": false },
            "s0": { "operation": "table", "table": "t", "inputs": [], "incremental": true },
        });
        let operations = [(10, OperationMemory { rows: 3, bytes: 120 })].into();
        let memory = Memory { table_bytes: 64, state_bytes: 120, operations };
        Profile {
            pipeline: "shops".into(),
            steps: 4,
            nodes: nodes(&graph, &memory),
            table_bytes: memory.table_bytes,
            state_bytes: memory.state_bytes,
            seconds: vec![("computing", 0.5)],
        }
    }

    #[test]
    fn a_profile_is_data_and_a_drawing_in_one_archive() {
        let profile = profile();
        assert_eq!(profile.memory(), [("tables".into(), 0, 64), ("s10 sort v".into(), 3, 120)]);
        let json = profile.to_json();
        let node = &json["nodes"]["s10"];
        assert_eq!((&node["view"], &node["rows"], &node["bytes"]), (&json!("v"), &json!(3), &json!(120)));
        let bytes = profile.to_zip().unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut read = |file: &str| {
            let mut text = String::new();
            archive.by_name(file).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(serde_json::from_str::<Value>(&read("profile.json")).unwrap(), json);
        let dot = read("profile.dot");
        assert!(dot.contains("s10 [label=\"s10 sort v\\n3 rows, 120 bytes\", style=dashed];\n  s0 -> s10;"), "{dot}");
    }

    #[test]
    fn who_asks_is_answered_once_and_nobody_is_waited_for() {
        let questions = Questions::default();
        questions.answer(|| unreachable!("nobody asked"));
        let (mut first, second) = (questions.ask(), questions.ask());
        drop(second);
        questions.answer(|| Memory { table_bytes: 7, ..Memory::default() });
        assert_eq!(first.try_recv().unwrap().table_bytes, 7);
        questions.answer(|| unreachable!("all were answered"));
    }
}
