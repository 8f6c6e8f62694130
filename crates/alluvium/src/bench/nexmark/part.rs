//! One query, measured in a process of its own: its memory is nobody else's.

use std::collections::HashMap;
use std::process::Stdio;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::engine::{self, Ran};
use super::queries::{QUERIES, Query};
use super::recompute::{self, Recomputed};
use crate::failure::Failure;

/// How many rows that differ are told.
const SHOWN_MAX: usize = 4;
/// How many rows views may have to be compared one by one when they differ.
const COMPARED_MAX: i64 = 1_000_000;

/// What is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// The name of the query.
    pub query: String,
    /// The events.
    pub data: Data,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The engine.
    pub ours: Ours,
    /// Seconds in which DuckDB computed the view after every batch.
    pub recompute_seconds: f64,
    /// After how many batches it did so in fact.
    pub recompute_measured: u64,
    /// Rows of the view, and of the same one in DuckDB.
    pub rows: (i64, i64),
    /// How the two differ, if they do.
    pub difference: Option<String>,
}

/// What the engine took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ours {
    /// Seconds in steps.
    pub seconds: f64,
    /// Of the processors, meanwhile.
    pub cpu_seconds: f64,
    /// The most memory of the process, in megabytes.
    pub peak_mb: f64,
    /// Of steps.
    pub p50_ms: f64,
    /// Of steps.
    pub p99_ms: f64,
    /// From the text of the program to the first row of the view, if it has any.
    pub first_row_ms: Option<f64>,
    /// What of the view is computed again as a whole when something changes.
    pub recomputed: Vec<String>,
}

impl Part {
    /// Measures it in a process of its own.
    pub async fn measure(&self) -> Result<Told, Failure> {
        let text = serde_json::to_string(self).map_err(Failure::bug)?;
        let child = tokio::process::Command::new(std::env::current_exe()?)
            .args(["bench", "--part", &text])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            return Err(Failure::bug(String::from_utf8_lossy(&output.stderr).trim()));
        }
        serde_json::from_slice(&output.stdout).map_err(Failure::bug)
    }

    /// Measures it in this process.
    pub fn run(&self) -> Result<Told, Failure> {
        let query = QUERIES.iter().find(|query| query.name == self.query);
        let query = query.ok_or_else(|| Failure::usage(format!("There is no query `{}`.", self.query)))?;
        let ran = engine::run(query, &self.data)?;
        let again = recompute::run(query, &self.data, &ran.arrivals, &ran.schema)?;
        let rows = (ran.digest.rows, again.digest.rows);
        let difference = if ran.digest.is(&again.digest) { None } else { Some(difference(query, &ran, &again)?) };
        let Recomputed { seconds, measured, .. } = again;
        Ok(Told { ours: ran.ours, recompute_seconds: seconds, recompute_measured: measured, rows, difference })
    }
}

/// Some of the rows that differ.
fn difference(query: &Query, ran: &Ran, again: &Recomputed) -> Result<String, Failure> {
    let rows = (ran.digest.rows, again.digest.rows);
    let said = format!("{}: {} rows, {} by DuckDB", query.name, rows.0, rows.1);
    let Some(view) = ran.view().filter(|_| rows.0.max(rows.1) <= COMPARED_MAX) else { return Ok(said) };
    let fields = ran.schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(Failure::bug)?;
    let mut left: HashMap<Vec<u8>, (i64, String)> = HashMap::new();
    let mut count = |batch: &RecordBatch, weights: &mut dyn Iterator<Item = i64>| -> Result<(), Failure> {
        let keys = converter.convert_columns(batch.columns()).map_err(Failure::bug)?;
        for (at, (key, weight)) in keys.iter().zip(weights).enumerate() {
            let entry = left.entry(key.data().to_vec());
            entry.or_insert_with(|| (0, text(batch, at))).0 += weight;
        }
        Ok(())
    };
    count(&view.batch, &mut view.weights.iter().copied())?;
    for batch in again.view()? {
        count(&batch, &mut std::iter::repeat(-1))?;
    }
    let mut wrong: Vec<(i64, String)> = left.into_values().filter(|(weight, _)| *weight != 0).collect();
    wrong.sort();
    let count = wrong.len();
    let ends = wrong.iter().take(SHOWN_MAX / 2).chain(wrong.iter().rev().take(SHOWN_MAX / 2));
    let shown: Vec<String> = ends.map(|(weight, row)| format!("{weight:+} {row}")).collect();
    Ok(format!("{said}; {count} differ, such as (+ ours, - DuckDB) {}", shown.join(", ")))
}

fn text(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let shown = batch.columns().iter().map(|column| {
        ArrayFormatter::try_new(column, &options)
            .map_or_else(|error| error.to_string(), |shown| shown.value(row).to_string())
    });
    format!("({})", shown.collect::<Vec<_>>().join(", "))
}
