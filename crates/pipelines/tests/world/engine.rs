//! A compiler that knows `CREATE TABLE` of plain columns and nothing else, and a runner that runs nothing but keeps all promises of
//! its trait. Enough to see whether the platform asks for the right things.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use alluvium_kernel::{BoxFuture, Token};
use alluvium_pipelines::model::{RuntimeDesired, RuntimeStatus};
use alluvium_pipelines::{
    Collection, CompileOutcome, Compiler, DataflowGraph, Deployed, DeploymentError, NotCompared, Observation,
    Packaging, Part, PartKind, PipelineDiff, Place, Runner, Source, SqlCompilation, Telemetry, Understood, Validated,
    Wanted,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Compiles `CREATE TABLE <name> (<column> <INT|VARCHAR>, …);`, any number of times.
pub struct TableCompiler {
    /// One place for each program that may be compiled now.
    pub gate: Semaphore,
    /// What it was asked for: texts of programs.
    pub asked: Mutex<Vec<String>>,
}

impl TableCompiler {
    pub fn open() -> Self {
        Self { gate: Semaphore::new(1_000), asked: Mutex::default() }
    }
}

impl Compiler for TableCompiler {
    fn compile<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, CompileOutcome> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(source.code.clone());
            self.gate.acquire().await.unwrap().forget();
            let program_info = match info(&source.code) {
                Ok(info) => info,
                Err(wrong) => return CompileOutcome::SqlError(wrong),
            };
            let understood = Understood { program_info, sql: SqlCompilation::default() };
            if source.udf_rust.is_empty() {
                return CompileOutcome::Compiled(understood, Packaging::default());
            }
            let stderr = format!("no Rust here: {}", source.udf_rust);
            CompileOutcome::PackagingError(understood, Packaging { exit_code: 1, stdout: String::new(), stderr })
        })
    }

    fn validate<'a>(&'a self, code: &'a str, ir: bool) -> BoxFuture<'a, Validated> {
        Box::pin(async move {
            match info(code) {
                Ok(mut info) => {
                    if ir {
                        info["dataflow"] = json!({"calcite_plan": {}, "mir": {}});
                    }
                    Validated::Success(info)
                }
                Err(_) if code == "PANIC" => Validated::SystemError("away".into()),
                Err(wrong) => Validated::SqlError(wrong),
            }
        })
    }

    fn diff<'a>(&'a self, old: &'a Source, new: &'a Source) -> BoxFuture<'a, Result<PipelineDiff, NotCompared>> {
        Box::pin(async move {
            let old = info(&old.code).map_err(NotCompared::SqlError)?;
            let new = info(&new.code).map_err(NotCompared::SqlError)?;
            if new["schema"]["inputs"] == json!([]) {
                return Err(NotCompared::NotAllowed("nothing is left".into()));
            }
            Ok(PipelineDiff::between(&old, &new, |_| false))
        })
    }

    fn graph<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<DataflowGraph, NotCompared>> {
        Box::pin(async move {
            let info = info(&source.code).map_err(NotCompared::SqlError)?;
            let tables = info["schema"]["inputs"].as_array().cloned().unwrap_or_default();
            let mir = tables.iter().map(|table| (table["name"].as_str().unwrap().to_owned(), json!({"inputs": []})));
            Ok(DataflowGraph { calcite_plan: json!({}), mir: Value::Object(mir.collect()) })
        })
    }
}

fn table(statement: &str) -> Result<Value, String> {
    let wrong = || format!("not a table: {statement}");
    let rest = statement.strip_prefix("CREATE TABLE ").ok_or_else(wrong)?;
    let (name, columns) = rest.split_once('(').ok_or_else(wrong)?;
    let columns = columns.trim_end().strip_suffix(')').ok_or_else(wrong)?;
    let fields = columns.split(',').map(|column| {
        let (name, kind) = column.trim().split_once(' ').ok_or_else(wrong)?;
        let kind = match kind.trim() {
            "INT" => "INTEGER",
            "VARCHAR" => "VARCHAR",
            _ => return Err(wrong()),
        };
        Ok(json!({
            "name": name.to_lowercase(), "case_sensitive": false, "unused": false,
            "columntype": {"type": kind, "nullable": true},
        }))
    });
    let fields: Vec<Value> = fields.collect::<Result<_, String>>()?;
    Ok(json!({
        "name": name.trim().to_lowercase(), "case_sensitive": false, "fields": fields, "materialized": false,
        "properties": {},
    }))
}

/// What the texts of programs come to, as `program_info`.
fn info(code: &str) -> Result<Value, SqlCompilation> {
    let inputs: Result<Vec<Value>, String> =
        code.split(';').map(str::trim).filter(|text| !text.is_empty()).map(table).collect();
    let inputs = inputs.map_err(|message| {
        let message = json!({
            "start_line_number": 0, "start_column": 0, "end_line_number": 0, "end_column": 0,
            "warning": false, "error_type": "Error parsing SQL", "message": message, "snippet": null,
        });
        SqlCompilation { exit_code: 1, messages: vec![message] }
    })?;
    Ok(json!({
        "schema": {"inputs": inputs, "outputs": []}, "udf_stubs": "", "input_connectors": {},
        "output_connectors": {},
    }))
}

/// Keeps what it is told.
#[derive(Default)]
pub struct NoteRunner {
    pub running: Mutex<BTreeMap<Place, Running>>,
    /// Pipelines that keep something.
    pub kept: Mutex<BTreeSet<Place>>,
    /// Names of pipelines that get no room, or never answer.
    pub refused: Mutex<BTreeMap<String, Room>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Refused,
    Never,
}

#[derive(Clone)]
pub struct Running {
    pub deployed: Deployed,
    pub desired: RuntimeDesired,
    pub awaits_approval: bool,
    pub failure: Option<DeploymentError>,
}

impl NoteRunner {
    /// Changes what is known of a pipeline by its name.
    pub fn with(&self, name: &str, change: impl FnOnce(&mut Running)) {
        let mut running = self.running.lock().unwrap();
        change(running.values_mut().find(|running| running.deployed.name == name).expect("it runs"));
    }
}

impl Telemetry for NoteRunner {
    fn metrics<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, String> {
        Box::pin(async move { format!("# of {tenant}\n") })
    }

    fn collect<'a>(&'a self, _: &'a Place, wanted: Wanted) -> BoxFuture<'a, Collection> {
        assert!(wanted.is_any(), "asked for nothing");
        let part = |kind, content| Part { kind, content };
        let parts = vec![
            part(PartKind::Stats, Ok(b"{}".to_vec())),
            part(PartKind::Logs, Ok(b"said".to_vec())),
            part(PartKind::HeapProfile, Err("no heap here".to_owned())),
        ];
        Box::pin(async move { Collection { at: 7, parts } })
    }

    fn collected<'a>(&'a self, _: &'a Place) -> BoxFuture<'a, Vec<Collection>> {
        let stats = |at| Part { kind: PartKind::Stats, content: Ok(format!("{at}").into_bytes()) };
        Box::pin(async move { [2, 1].map(|at| Collection { at, parts: vec![stats(at)] }).to_vec() })
    }
}

impl Runner for NoteRunner {
    fn provision<'a>(&'a self, deployed: &'a Deployed) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            let room = self.refused.lock().unwrap().get(&deployed.name).copied();
            match room {
                Some(Room::Refused) => return Err(DeploymentError::new("NoRoom", "there is no room")),
                Some(Room::Never) => tokio::time::sleep(Duration::from_hours(1)).await,
                None => {}
            }
            self.kept.lock().unwrap().insert(deployed.place.clone());
            let running = Running {
                deployed: deployed.clone(),
                desired: deployed.desired,
                awaits_approval: deployed.name == "differs",
                failure: None,
            };
            self.running.lock().unwrap().entry(deployed.place.clone()).or_insert(running);
            Ok(())
        })
    }

    fn observe(&self, place: &Place) -> Option<Observation> {
        let running = self.running.lock().unwrap().get(place)?.clone();
        let status = match (running.awaits_approval, running.desired) {
            (true, _) => RuntimeStatus::AwaitingApproval,
            (false, RuntimeDesired::Paused) => RuntimeStatus::Paused,
            (false, RuntimeDesired::Suspended) => RuntimeStatus::Suspended,
            (false, RuntimeDesired::Standby) => RuntimeStatus::Standby,
            (false, _) => RuntimeStatus::Running,
        };
        let details = Some(json!({"connector_stats": {"num_errors": 0}}));
        Some(Observation { status, desired: running.desired, details, failure: running.failure })
    }

    fn desire<'a>(&'a self, place: &'a Place, desired: RuntimeDesired) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            if let Some(running) = self.running.lock().unwrap().get_mut(place) {
                running.desired = desired;
            }
            Ok(())
        })
    }

    fn approve<'a>(&'a self, place: &'a Place, _: bool, _: bool) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            if let Some(running) = self.running.lock().unwrap().get_mut(place) {
                running.awaits_approval = false;
            }
            Ok(())
        })
    }

    fn take_down<'a>(&'a self, place: &'a Place, _: bool) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.running.lock().unwrap().remove(place);
        })
    }

    fn clear<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            self.kept.lock().unwrap().remove(place);
            Ok(())
        })
    }
}
