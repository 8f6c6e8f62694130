//! Loads of CSV and Parquet files, beside DuckDB's own COPY of the same file into a file of its own.

use std::path::Path;
use std::time::Instant;

use alluvium_tablestore::quote;
use reqwest::Method;
use serde_json::json;

use super::world::World;
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
        let file = world.dir.path().join(format!("rows.{format}"));
        let (target, kind) = (file.clone(), format);
        tokio::task::spawn_blocking(move || write(&target, kind, rows)).await.map_err(Failure::bug)??;
        running.table(format, &COLUMNS).await?;
        let mut form = reqwest::multipart::Form::new();
        let name = format!("rows.{format}");
        let prepare =
            running.client.request(Method::POST, "/projects/bench/files/prepare").json(&json!({ "filename": name }));
        let key = running.client.json(prepare).await?["upload_key"].as_str().unwrap_or_default().to_owned();
        form = form.part("file", reqwest::multipart::Part::bytes(tokio::fs::read(&file).await?).file_name(name));
        let upload = running.client.request(Method::POST, &path(&["projects", "bench", "files", "upload", &key]));
        running.client.json(upload.multipart(form)).await?;
        let register =
            running.client.request(Method::POST, "/projects/bench/files").json(&json!({ "upload_key": key }));
        let id = running.client.json(register).await?["id"].as_str().unwrap_or_default().to_owned();

        let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let (source, kind) = (file.clone(), format);
            let took = tokio::task::spawn_blocking(move || copy(&source, kind)).await.map_err(Failure::bug)??;
            raw = raw.min(took);
            let at =
                path(&["projects", "bench", "branches", "default", "buckets", "b", "tables", format, "import", "file"]);
            let began = Instant::now();
            let load = running.client.request(Method::POST, &at).json(&json!({ "file_id": id, "format": format }));
            let answer = running.client.json(load).await?;
            ours = ours.min(began.elapsed().as_secs_f64());
            if answer["table_rows_after"].as_u64() != Some(rows) {
                return Err(Failure::bug(format!("the load answered {answer}")));
            }
        }
        let name = format!("load of {}", format.to_uppercase());
        let beside = "DuckDB's COPY of the same file";
        results.push(Measured::share(&name, "rows/s", rows as f64 / ours, rows as f64 / raw, SHARE, beside));
    }
    running.node.stop().await;
    world.stop().await?;
    Ok(results)
}

fn definition() -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    columns.join(", ")
}

fn write(file: &Path, format: &str, rows: u64) -> Result<(), Failure> {
    let target = quote::literal(&file.to_string_lossy());
    let options = if format == "csv" { "(FORMAT csv, HEADER)" } else { "(FORMAT parquet)" };
    let sql = format!(
        "COPY (SELECT range AS id, 'name of row ' || range AS name, range / 7.0 AS amount, \
         DATE '2020-01-01' + CAST(range % 1000 AS INTEGER) AS day, CASE WHEN range % 3 = 0 THEN NULL ELSE 'note' END AS note \
         FROM range({rows})) TO {target} {options}"
    );
    duckdb::Connection::open_in_memory().and_then(|db| db.execute_batch(&sql)).map_err(Failure::bug)
}

fn copy(file: &Path, format: &str) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let db = duckdb::Connection::open(dir.path().join("raw.duckdb")).map_err(Failure::bug)?;
    db.execute_batch(&format!("SET threads = 4; CREATE TABLE data ({})", definition())).map_err(Failure::bug)?;
    let source = quote::literal(&file.to_string_lossy());
    let options = if format == "csv" { "(FORMAT csv, HEADER)" } else { "(FORMAT parquet)" };
    let began = Instant::now();
    db.execute_batch(&format!("COPY data FROM {source} {options}; CHECKPOINT")).map_err(Failure::bug)?;
    Ok(began.elapsed().as_secs_f64())
}
