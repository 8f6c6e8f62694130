//! Exports of a table to CSV and Parquet, beside DuckDB's own COPY of the same rows to a file.
//!
//! Ours ends with a file that is hashed, synced, named by its hash and listed in the catalogue. A bare COPY leaves its file to the
//! system's buffers, so both figures are told: the bare one, and with the file synced.

use std::io::ErrorKind::NotFound;
use std::path::PathBuf;
use std::time::Instant;

use alluvium_tablestore::quote;
use reqwest::Method;
use serde_json::json;

use super::storage::{self, COLUMNS, blocking, import, options, raw_table, table_path, upload, written};
use super::world::World;
use super::{Measured, Results, Run};
use crate::client::Client;
use crate::failure::Failure;

/// Rows of the table.
const ROWS: u64 = 4_000_000;
/// What is promised.
const SHARE: f64 = 0.9;
/// Times each is done; the best counts.
const ROUNDS: usize = 5;

/// A table to be exported.
struct Case {
    name: &'static str,
    format: &'static str,
    key: &'static [&'static str],
    /// Whether its rows lie in the order of the export.
    in_order: bool,
}

const CASES: [Case; 4] = [
    Case { name: "export of CSV", format: "csv", key: &[], in_order: true },
    Case { name: "export of Parquet", format: "parquet", key: &[], in_order: true },
    Case { name: "export of CSV, with a key, loaded in its order", format: "csv", key: &["id"], in_order: true },
    Case { name: "export of CSV, with a key, loaded in two halves", format: "csv", key: &["id"], in_order: false },
];

/// Seconds of a bare `COPY`.
#[derive(Clone, Copy)]
struct Raw {
    copied: f64,
    synced: f64,
}

pub async fn run(run: Run) -> Results {
    let rows = run.scaled(ROWS, 20_000);
    let world = World::start().await?;
    let running = world.node().await?;
    storage::bucket(&running.client).await?;
    let halves = [world.dir.path().join("first.parquet"), world.dir.path().join("second.parquet")];
    written(&halves[0], "parquet", 0..rows / 2).await?;
    written(&halves[1], "parquet", rows / 2..rows).await?;
    let mut ids = Vec::new();
    for half in &halves {
        ids.push(upload(&running.client, half).await?);
    }
    let mut results = Vec::new();
    for (n, case) in CASES.iter().enumerate() {
        results.extend(measure(&running.client, case, &format!("t{n}"), &halves, &ids, rows).await?);
    }
    running.node.stop().await;
    world.stop().await?;
    Ok(results)
}

async fn measure(
    client: &Client,
    case: &Case,
    table: &str,
    halves: &[PathBuf; 2],
    ids: &[String],
    rows: u64,
) -> Result<Vec<Measured>, Failure> {
    storage::table(client, table, &COLUMNS, case.key).await?;
    let order = if case.in_order { [0, 1] } else { [1, 0] };
    for (loaded, half) in order.into_iter().enumerate() {
        let after = if loaded == 1 { rows } else { [rows / 2, rows - rows / 2][half] };
        import(client, table, ("parquet", &ids[half]), true, after).await?;
    }
    let (mut ours, mut raw) = (f64::INFINITY, Raw { copied: f64::INFINITY, synced: f64::INFINITY });
    for _ in 0..ROUNDS {
        let files = order.map(|half| halves[half].clone());
        let (format, in_order) = (case.format, case.in_order);
        let once = blocking(move || copy_out(&files, format, in_order)).await?;
        raw = Raw { copied: raw.copied.min(once.copied), synced: raw.synced.min(once.synced) };
        let began = Instant::now();
        let request = client.request(Method::POST, &table_path(table, &["export"])).json(&json!({ "format": format }));
        let answer = client.json(request).await?;
        ours = ours.min(began.elapsed().as_secs_f64());
        if answer["rows_exported"].as_u64() != Some(rows) {
            return Err(Failure::bug(format!("the export answered {answer}")));
        }
    }
    let share = |name: &str, seconds: f64, beside: &str| {
        Measured::share(name, "rows/s", rows as f64 / ours, rows as f64 / seconds, SHARE, beside)
    };
    let sorted = if case.in_order { "" } else { ", sorted" };
    Ok(vec![
        share(case.name, raw.copied, &format!("DuckDB's COPY to a file{sorted}")),
        share(&format!("{}, synced", case.name), raw.synced, &format!("the same, the file synced{sorted}")),
    ])
}

/// The same rows in an engine of one's own, loaded in the same order, to a file.
fn copy_out(files: &[PathBuf; 2], format: &str, in_order: bool) -> Result<Raw, Failure> {
    let dir = tempfile::tempdir()?;
    let db = raw_table(dir.path())?;
    for file in files {
        let source = quote::literal(&file.to_string_lossy());
        db.execute_batch(&format!("COPY data FROM {source} (FORMAT parquet); CHECKPOINT")).map_err(Failure::bug)?;
    }
    let to = dir.path().join("out");
    let from = if in_order { "data" } else { "(SELECT * FROM data ORDER BY id)" };
    let sql = format!("COPY {from} TO {} {}", quote::literal(&to.to_string_lossy()), options(format));
    let (mut copied, mut synced) = (f64::INFINITY, f64::INFINITY);
    // Ours is warm, so this may be, too.
    for _ in 0..2 {
        std::fs::remove_file(&to).or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) })?;
        let began = Instant::now();
        db.execute_batch(&sql).map_err(Failure::bug)?;
        copied = copied.min(began.elapsed().as_secs_f64());
        std::fs::File::open(&to)?.sync_all()?;
        synced = synced.min(began.elapsed().as_secs_f64());
    }
    Ok(Raw { copied, synced })
}
