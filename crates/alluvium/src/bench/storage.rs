//! What measurements of storage share: a project, its tables and files over HTTP, and the same rows in files and in an engine of
//! one's own.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use alluvium_tablestore::quote;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Client, path};
use crate::failure::Failure;

/// The columns of the rows that are written, loaded and read.
pub const COLUMNS: [(&str, &str); 5] =
    [("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE"), ("day", "DATE"), ("note", "VARCHAR")];
/// Threads of the raw engine: as many as ours has by default.
const RAW_THREADS: u32 = 4;

/// The path of a table, or of something of it.
pub fn table_path(table: &str, rest: &[&str]) -> String {
    let table = ["projects", "bench", "branches", "default", "buckets", "b", "tables", table];
    path(&[&table[..], rest].concat())
}

async fn post(client: &Client, at: &str, body: &Value) -> Result<Value, Failure> {
    client.json(client.request(Method::POST, at).json(body)).await
}

/// A project `bench`, a bucket `b`. The answers come once the catalogue shows them.
pub async fn bucket(client: &Client) -> Result<(), Failure> {
    post(client, "/projects", &json!({ "id": "bench" })).await?;
    post(client, "/projects/bench/branches/default/buckets", &json!({ "name": "b" })).await.map(drop)
}

/// A table in it.
pub async fn table(client: &Client, name: &str, columns: &[(&str, &str)], key: &[&str]) -> Result<(), Failure> {
    let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    let body = json!({ "name": name, "columns": columns, "primary_key": key });
    post(client, "/projects/bench/branches/default/buckets/b/tables", &body).await.map(drop)
}

/// Uploads a file; gives its id.
pub async fn upload(client: &Client, file: &Path) -> Result<String, Failure> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let part = Part::bytes(tokio::fs::read(file).await?).file_name(name.clone());
    upload_part(client, &name, part).await
}

/// Uploads the content of a file, in the three steps of the surface; gives its id.
pub async fn upload_part(client: &Client, name: &str, part: Part) -> Result<String, Failure> {
    let prepared = post(client, "/projects/bench/files/prepare", &json!({ "filename": name })).await?;
    let key = prepared["upload_key"].as_str().unwrap_or_default();
    let upload = client.request(Method::POST, &path(&["projects", "bench", "files", "upload", key]));
    client.json(upload.multipart(Form::new().part("file", part))).await?;
    let file = post(client, "/projects/bench/files", &json!({ "upload_key": key })).await?;
    Ok(file["id"].as_str().unwrap_or_default().to_owned())
}

/// A load that was done.
#[derive(Debug)]
pub struct Loaded {
    /// What it took.
    pub seconds: f64,
    /// The position of the table with it.
    pub version: String,
}

/// Loads a file into a table, which must have so many rows then.
pub async fn import(
    client: &Client,
    table: &str,
    (format, file): (&str, &str),
    incremental: bool,
    rows_after: u64,
) -> Result<Loaded, Failure> {
    let body = json!({ "file_id": file, "format": format, "import_options": { "incremental": incremental } });
    let began = Instant::now();
    let answer = post(client, &table_path(table, &["import", "file"]), &body).await?;
    let seconds = began.elapsed().as_secs_f64();
    if answer["table_rows_after"].as_u64() != Some(rows_after) {
        return Err(Failure::bug(format!("the load answered {answer}")));
    }
    Ok(Loaded { seconds, version: answer["version"].as_str().unwrap_or_default().to_owned() })
}

/// Writes rows to a file.
pub async fn written(file: &Path, format: &'static str, ids: Range<u64>) -> Result<(), Failure> {
    let file = file.to_owned();
    blocking(move || {
        let (target, rows) = (quote::literal(&file.to_string_lossy()), rows_sql(&ids));
        let sql = format!("COPY ({rows}) TO {target} {}", options(format));
        duckdb::Connection::open_in_memory().and_then(|db| db.execute_batch(&sql)).map_err(Failure::bug)
    })
    .await
}

/// The rows of these ids.
fn rows_sql(ids: &Range<u64>) -> String {
    format!(
        "SELECT range AS id, 'name of row ' || range AS name, range / 7.0 AS amount, \
         DATE '2020-01-01' + CAST(range % 1000 AS INTEGER) AS day, CASE WHEN range % 3 = 0 THEN NULL ELSE 'note' END AS note \
         FROM range({}, {})",
        ids.start, ids.end
    )
}

/// What `COPY` is told of a format.
pub fn options(format: &str) -> &'static str {
    if format == "csv" { "(FORMAT csv, HEADER)" } else { "(FORMAT parquet)" }
}

/// An engine of one's own in a directory, with an empty table `data`.
pub fn raw_table(dir: &Path) -> Result<duckdb::Connection, Failure> {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    let db = duckdb::Connection::open(dir.join("raw.duckdb")).map_err(Failure::bug)?;
    let sql = format!("SET threads = {RAW_THREADS}; CREATE TABLE data ({})", columns.join(", "));
    db.execute_batch(&sql).map_err(Failure::bug)?;
    Ok(db)
}

/// Runs what blocks where it may.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::bug)?
}
