//! Loads of CSV and Parquet files, beside DuckDB's own COPY of the same file into a file of its own; with a key beside what one
//! would write by hand.

use std::path::Path;
use std::time::Instant;

use alluvium_tablestore::quote;

use super::storage::{self, COLUMNS, blocking, import, options, raw_table, upload, written};
use super::world::{Running, World};
use super::{Measured, Results, Run};
use crate::failure::Failure;

/// Rows of the file.
const ROWS: u64 = 1_000_000;
/// What is promised.
const SHARE: f64 = 0.9;
/// Times each is done; the best counts.
const ROUNDS: usize = 3;

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let running = world.node().await?;
    storage::bucket(&running.client).await?;
    let rows = run.scaled(ROWS, 20_000);
    let mut results = Vec::new();
    for format in ["csv", "parquet"] {
        results.push(keyless(&world, &running, format, rows).await?);
    }
    results.push(keyed(&world, &running, rows).await?);
    running.node.stop().await;
    world.stop().await?;
    Ok(results)
}

async fn keyless(world: &World, running: &Running, format: &'static str, rows: u64) -> Result<Measured, Failure> {
    let file = world.dir.path().join(format!("rows.{format}"));
    written(&file, format, 0..rows).await?;
    storage::table(&running.client, format, &COLUMNS, &[]).await?;
    let id = upload(&running.client, &file).await?;
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let source = file.clone();
        raw = raw.min(blocking(move || copy(&source, format)).await?);
        ours = ours.min(import(&running.client, format, (format, &id), false, rows).await?.seconds);
    }
    let name = format!("load of {}", format.to_uppercase());
    let beside = "DuckDB's COPY of the same file";
    Ok(Measured::share(&name, "rows/s", rows as f64 / ours, rows as f64 / raw, SHARE, beside))
}

/// As many rows as there are, half of them under keys that are there, into a table with a primary key.
async fn keyed(world: &World, running: &Running, rows: u64) -> Result<Measured, Failure> {
    let (first, second) = (world.dir.path().join("first.parquet"), world.dir.path().join("second.parquet"));
    written(&first, "parquet", 0..rows).await?;
    written(&second, "parquet", rows / 2..rows / 2 + rows).await?;
    let client = &running.client;
    storage::table(client, "keyed", &COLUMNS, &["id"]).await?;
    let (base, more) = (upload(client, &first).await?, upload(client, &second).await?);
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let files = (first.clone(), second.clone());
        raw = raw.min(blocking(move || merge(&files.0, &files.1)).await?);
        import(client, "keyed", ("parquet", &base), false, rows).await?;
        ours = ours.min(import(client, "keyed", ("parquet", &more), true, rows / 2 + rows).await?.seconds);
    }
    let beside = "hand-written stage, anti-join, insert";
    let name = "load with a key, incremental";
    Ok(Measured::share(name, "rows/s", rows as f64 / ours, rows as f64 / raw, SHARE, beside))
}

fn copy(file: &Path, format: &str) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let db = raw_table(dir.path())?;
    let source = quote::literal(&file.to_string_lossy());
    let began = Instant::now();
    db.execute_batch(&format!("COPY data FROM {source} {}; CHECKPOINT", options(format))).map_err(Failure::bug)?;
    Ok(began.elapsed().as_secs_f64())
}

fn merge(first: &Path, second: &Path) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let db = raw_table(dir.path())?;
    let (first, second) = (quote::literal(&first.to_string_lossy()), quote::literal(&second.to_string_lossy()));
    db.execute_batch(&format!("COPY data FROM {first} (FORMAT parquet); CHECKPOINT")).map_err(Failure::bug)?;
    let sql = format!(
        "BEGIN; CREATE TEMP TABLE stage AS SELECT * FROM read_parquet({second}); \
         DELETE FROM data WHERE id IN (SELECT id FROM stage); INSERT INTO data SELECT * FROM stage; COMMIT; CHECKPOINT"
    );
    let began = Instant::now();
    db.execute_batch(&sql).map_err(Failure::bug)?;
    Ok(began.elapsed().as_secs_f64())
}
