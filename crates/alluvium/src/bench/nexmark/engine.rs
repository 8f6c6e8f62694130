//! The engine on its own: batches of events in, changes of a view out.

use std::time::Instant;

use alluvium_dataflow::{Change, ChangeKind, Compiler, Engine, PartEngine, Zset};
use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::super::process::{forget_peak, peak};
use super::super::raw;
use super::data::{Data, Rows};
use super::digest::Digest;
use super::part::Ours;
use super::queries::Query;
use crate::failure::Failure;

/// The only view of a program.
const VIEW: &str = "v";

/// An engine that took everything in.
pub struct Ran {
    /// What it took.
    pub ours: Ours,
    /// The rows its view should have now.
    pub digest: Digest,
    /// When each batch arrived, in microseconds.
    pub arrivals: Vec<i64>,
    /// The columns of the view.
    pub schema: SchemaRef,
    engine: PartEngine,
}

impl Ran {
    /// The rows of the view.
    pub fn view(&self) -> Option<Zset> {
        self.engine.view(VIEW)
    }
}

/// Runs a query over all batches.
pub fn run(query: &Query, data: &Data) -> Result<Ran, Failure> {
    let id = std::process::id();
    let (mut seconds, mut steps_ms, mut arrivals) = (0.0, Vec::new(), Vec::new());
    forget_peak(id)?;
    let began = Instant::now();
    let (mut engine, schema, recomputed) = compile(query)?;
    let compiled = began.elapsed().as_secs_f64();
    let mut digest = Digest::new(&schema)?;
    engine.push("side_input", Change::insert(data.side_input()?)).map_err(Failure::bug)?;
    engine.step().map_err(Failure::bug)?;
    let (mut first_row, mut cpu) = (None, 0.0);
    for batch in data.read()? {
        let (batch, arrived) = (batch?, Timestamp::now().as_microsecond());
        arrivals.push(arrived);
        let changes = changes(query, batch, arrived)?;
        let (began, used) = (Instant::now(), cpu_seconds()?);
        for (table, change) in changes {
            engine.push(table, change).map_err(Failure::bug)?;
        }
        let step = engine.step().map_err(Failure::bug)?;
        let took = began.elapsed().as_secs_f64();
        cpu += cpu_seconds()? - used;
        seconds += took;
        steps_ms.push(took * 1e3);
        if let Some(rejected) = step.rejected.first() {
            return Err(Failure::bug(format!("rows were refused: {rejected:?}")));
        }
        if let Some(rows) = step.views.get(VIEW) {
            digest.add(&rows.batch, rows.weights.iter().copied())?;
            first_row.get_or_insert(compiled + seconds);
        }
    }
    let ours = Ours {
        seconds,
        cpu_seconds: cpu,
        peak_mb: peak(id)?,
        p50_ms: raw::percentile(&mut steps_ms, 0.5),
        p99_ms: raw::percentile(&mut steps_ms, 0.99),
        first_row_ms: first_row.map(|seconds| seconds * 1e3),
        recomputed,
    };
    Ok(Ran { ours, digest, arrivals, schema, engine })
}

/// An engine for a query, the columns of its view, and what of it is computed again as a whole when something changes.
fn compile(query: &Query) -> Result<(PartEngine, SchemaRef, Vec<String>), Failure> {
    let mut compiler = Compiler::default();
    let compiled = alluvium_sql::compile(&query.program("VIEW"), &mut compiler);
    if !compiled.is_good() {
        let wrong = compiled.messages.iter().filter(|message| !message.warning);
        return Err(Failure::bug(wrong.map(|message| message.message.clone()).collect::<Vec<_>>().join("; ")));
    }
    let program = compiler.finish(&compiled.catalog).map_err(Failure::bug)?;
    let view = program.views().iter().find(|view| view.name == VIEW);
    let view = view.ok_or_else(|| Failure::bug("the program has no view"))?;
    let nullable =
        view.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
    let (schema, recomputed) = (Schema::new(nullable).into(), view.recomputed.clone());
    Ok((PartEngine::new(program).map_err(Failure::bug)?, schema, recomputed))
}

/// A batch as changes of tables.
fn changes(query: &Query, batch: [Rows; 3], arrived: i64) -> Result<Vec<(&'static str, Change)>, Failure> {
    let mut changes = Vec::new();
    for Rows { table, gone, come } in batch {
        for (kind, rows) in [(ChangeKind::Delete, gone), (ChangeKind::Insert, come)] {
            if rows.num_rows() == 0 {
                continue;
            }
            let rows = rows.project(&(1..rows.num_columns()).collect::<Vec<_>>()).map_err(Failure::bug)?;
            let rows = if table == "bid" && query.needs_arrival() { with_arrival(&rows, arrived)? } else { rows };
            changes.push((table, Change { kind, ..Change::insert(rows) }));
        }
    }
    Ok(changes)
}

/// Bids that say when they arrived.
pub fn with_arrival(rows: &RecordBatch, arrived: i64) -> Result<RecordBatch, Failure> {
    let times: ArrayRef = std::sync::Arc::new(TimestampMicrosecondArray::from(vec![arrived; rows.num_rows()]));
    let field = Field::new("arrived", DataType::Timestamp(TimeUnit::Microsecond, None), true);
    let fields = rows.schema().fields().iter().cloned().chain([field.into()]).collect::<Vec<_>>();
    RecordBatch::try_new(Schema::new(fields).into(), [rows.columns(), &[times]].concat()).map_err(Failure::bug)
}

/// The processor time of this process so far.
fn cpu_seconds() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(Failure::bug)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}
