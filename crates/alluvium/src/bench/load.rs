//! Loads of CSV and Parquet files, beside DuckDB's own COPY of the same file into a file of its own; with a key beside what one
//! would write by hand.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use alluvium_tablestore::quote;
use reqwest::Method;
use serde_json::json;

use super::world::{Running, World};
use super::{Measured, Results, Run};
use crate::client::path;
use crate::failure::Failure;

/// Rows of the file.
const ROWS: u64 = 1_000_000;
/// What is promised.
const SHARE: f64 = 0.9;
/// Times each is done; the best counts.
const ROUNDS: usize = 3;
const COLUMNS: [(&str, &str); 5] =
    [("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE"), ("day", "DATE"), ("note", "VARCHAR")];

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let running = world.node().await?;
    running.bucket().await?;
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
    running.table(format, &COLUMNS, &[]).await?;
    let id = upload(running, &file).await?;
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let source = file.clone();
        let took = tokio::task::spawn_blocking(move || copy(&source, format)).await.map_err(Failure::bug)??;
        raw = raw.min(took);
        ours = ours.min(import(running, format, format, &id, false, rows).await?);
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
    running.table("keyed", &COLUMNS, &["id"]).await?;
    let (base, more) = (upload(running, &first).await?, upload(running, &second).await?);
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let files = (first.clone(), second.clone());
        let took = tokio::task::spawn_blocking(move || merge(&files.0, &files.1)).await.map_err(Failure::bug)??;
        raw = raw.min(took);
        import(running, "keyed", "parquet", &base, false, rows).await?;
        ours = ours.min(import(running, "keyed", "parquet", &more, true, rows / 2 + rows).await?);
    }
    let beside = "hand-written stage, anti-join, insert";
    let name = "load with a key, incremental";
    Ok(Measured::share(name, "rows/s", rows as f64 / ours, rows as f64 / raw, SHARE, beside))
}

/// Gives the file's id.
async fn upload(running: &Running, file: &Path) -> Result<String, Failure> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prepare =
        running.client.request(Method::POST, "/projects/bench/files/prepare").json(&json!({ "filename": name }));
    let key = running.client.json(prepare).await?["upload_key"].as_str().unwrap_or_default().to_owned();
    let part = reqwest::multipart::Part::bytes(tokio::fs::read(file).await?).file_name(name);
    let form = reqwest::multipart::Form::new().part("file", part);
    let upload = running.client.request(Method::POST, &path(&["projects", "bench", "files", "upload", &key]));
    running.client.json(upload.multipart(form)).await?;
    let register = running.client.request(Method::POST, "/projects/bench/files").json(&json!({ "upload_key": key }));
    Ok(running.client.json(register).await?["id"].as_str().unwrap_or_default().to_owned())
}

/// Loads a file; gives the seconds it took.
async fn import(
    running: &Running,
    table: &str,
    format: &str,
    file: &str,
    incremental: bool,
    rows_after: u64,
) -> Result<f64, Failure> {
    let at = path(&["projects", "bench", "branches", "default", "buckets", "b", "tables", table, "import", "file"]);
    let body = json!({ "file_id": file, "format": format, "import_options": { "incremental": incremental } });
    let began = Instant::now();
    let answer = running.client.json(running.client.request(Method::POST, &at).json(&body)).await?;
    let took = began.elapsed().as_secs_f64();
    if answer["table_rows_after"].as_u64() != Some(rows_after) {
        return Err(Failure::bug(format!("the load answered {answer}")));
    }
    Ok(took)
}

async fn written(file: &Path, format: &'static str, ids: Range<u64>) -> Result<(), Failure> {
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || write(&file, format, &ids)).await.map_err(Failure::bug)?
}

fn definition() -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    columns.join(", ")
}

fn write(file: &Path, format: &str, ids: &Range<u64>) -> Result<(), Failure> {
    let target = quote::literal(&file.to_string_lossy());
    let options = if format == "csv" { "(FORMAT csv, HEADER)" } else { "(FORMAT parquet)" };
    let sql = format!(
        "COPY (SELECT range AS id, 'name of row ' || range AS name, range / 7.0 AS amount, \
         DATE '2020-01-01' + CAST(range % 1000 AS INTEGER) AS day, CASE WHEN range % 3 = 0 THEN NULL ELSE 'note' END AS note \
         FROM range({}, {})) TO {target} {options}",
        ids.start, ids.end
    );
    duckdb::Connection::open_in_memory().and_then(|db| db.execute_batch(&sql)).map_err(Failure::bug)
}

fn raw_table(dir: &Path) -> Result<duckdb::Connection, Failure> {
    let db = duckdb::Connection::open(dir.join("raw.duckdb")).map_err(Failure::bug)?;
    db.execute_batch(&format!("SET threads = 4; CREATE TABLE data ({})", definition())).map_err(Failure::bug)?;
    Ok(db)
}

fn copy(file: &Path, format: &str) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let db = raw_table(dir.path())?;
    let source = quote::literal(&file.to_string_lossy());
    let options = if format == "csv" { "(FORMAT csv, HEADER)" } else { "(FORMAT parquet)" };
    let began = Instant::now();
    db.execute_batch(&format!("COPY data FROM {source} {options}; CHECKPOINT")).map_err(Failure::bug)?;
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
