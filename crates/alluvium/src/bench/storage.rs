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

/// The project that most paths are measured in.
const PROJECT: &str = "bench";
/// How many of many tables one project has.
const TABLES_OF_PROJECT: u64 = 500;

/// A table: its project and its name in the project's bucket.
#[derive(Clone, Copy, Debug)]
pub struct At<'a>(pub &'a str, pub &'a str);

impl<'a> From<&'a str> for At<'a> {
    fn from(table: &'a str) -> Self {
        Self(PROJECT, table)
    }
}

impl<'a> From<&'a String> for At<'a> {
    fn from(table: &'a String) -> Self {
        Self(PROJECT, table)
    }
}

/// The path of a table, or of something of it.
pub fn table_path<'a>(table: impl Into<At<'a>>, rest: &[&str]) -> String {
    let At(project, table) = table.into();
    let table = ["projects", project, "branches", "default", "buckets", "b", "tables", table];
    path(&[&table[..], rest].concat())
}

async fn post(client: &Client, at: &str, body: &Value) -> Result<Value, Failure> {
    client.json(client.request(Method::POST, at).json(body)).await
}

/// A project `bench`, a bucket `b`. The answers come once the catalogue shows them.
pub async fn bucket(client: &Client) -> Result<(), Failure> {
    bucket_of(client, PROJECT).await
}

async fn bucket_of(client: &Client, project: &str) -> Result<(), Failure> {
    post(client, "/projects", &json!({ "id": project })).await?;
    let buckets = path(&["projects", project, "branches", "default", "buckets"]);
    post(client, &buckets, &json!({ "name": "b" })).await.map(drop)
}

/// Projects for more tables than one may have, each with a bucket `b`; how many there are.
pub async fn projects_for(client: &Client, tables: u64) -> Result<u64, Failure> {
    let projects = tables.div_ceil(TABLES_OF_PROJECT);
    for n in 0..projects {
        bucket_of(client, &nth_project(n)).await?;
    }
    Ok(projects)
}

/// The name of one of them.
pub fn nth_project(n: u64) -> String {
    format!("bench{n}")
}

/// Project and name of one of many tables.
pub fn nth_table(n: u64) -> (String, String) {
    (nth_project(n / TABLES_OF_PROJECT), format!("t{n}"))
}

/// A table in it.
pub async fn table<'a>(
    client: &Client,
    table: impl Into<At<'a>>,
    columns: &[(&str, &str)],
    key: &[&str],
) -> Result<(), Failure> {
    let At(project, name) = table.into();
    let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    let body = json!({ "name": name, "columns": columns, "primary_key": key });
    let tables = path(&["projects", project, "branches", "default", "buckets", "b", "tables"]);
    post(client, &tables, &body).await.map(drop)
}

/// Uploads a file; gives its id.
pub async fn upload(client: &Client, file: &Path) -> Result<String, Failure> {
    upload_to(client, PROJECT, file).await
}

/// Uploads a file to a project; gives its id.
pub async fn upload_to(client: &Client, project: &str, file: &Path) -> Result<String, Failure> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let part = Part::bytes(tokio::fs::read(file).await?).file_name(name.clone());
    upload_part_to(client, project, &name, part).await
}

/// Uploads the content of a file, in the three steps of the surface; gives its id.
pub async fn upload_part(client: &Client, name: &str, part: Part) -> Result<String, Failure> {
    upload_part_to(client, PROJECT, name, part).await
}

async fn upload_part_to(client: &Client, project: &str, name: &str, part: Part) -> Result<String, Failure> {
    let files = |rest: &[&str]| path(&[&["projects", project, "files"][..], rest].concat());
    let prepared = post(client, &files(&["prepare"]), &json!({ "filename": name })).await?;
    let key = prepared["upload_key"].as_str().unwrap_or_default();
    let upload = client.request(Method::POST, &files(&["upload", key]));
    client.json(upload.multipart(Form::new().part("file", part))).await?;
    let file = post(client, &files(&[]), &json!({ "upload_key": key })).await?;
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
pub async fn import<'a>(
    client: &Client,
    table: impl Into<At<'a>>,
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
