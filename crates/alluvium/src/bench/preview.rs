//! Previews over HTTP of more tables than stay attached, each in turn, so that every one is attached on demand; beside attaching
//! such a file, reading its rows and detaching it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::Method;

use super::process::Process;
use super::storage::{self, At, COLUMNS, blocking, import, nth_project, nth_table, table_path, upload_to, written};
use super::world::World;
use super::{Measured, Results, Run, raw};
use crate::client::Client;
use crate::failure::Failure;

/// Tables there are.
const TABLES: u64 = 1_000;
/// Rows of each, and of a preview.
const ROWS: u64 = 1_000;
/// Tables that are made at once.
const MAKERS: usize = 8;
/// What is promised of the median, in milliseconds.
const P50_MS_MAX: f64 = 5.0;

pub async fn run(run: Run) -> Results {
    let tables = run.scaled(TABLES, 20);
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    let client = &process.client;
    let projects = storage::projects_for(client, tables).await?;
    let file = world.dir.path().join("rows.parquet");
    written(&file, "parquet", 0..ROWS).await?;
    let mut ids = BTreeMap::new();
    for project in (0..projects).map(nth_project) {
        let id = upload_to(client, &project, &file).await?;
        ids.insert(project, id);
    }
    let made = futures::stream::iter(0..tables).map(|n| {
        let ids = &ids;
        async move {
            let (project, name) = nth_table(n);
            storage::table(client, At(&project, &name), &COLUMNS, &[]).await?;
            import(client, At(&project, &name), ("parquet", &ids[&project]), false, ROWS).await.map(drop)
        }
    });
    made.buffer_unordered(MAKERS).try_collect::<Vec<()>>().await?;

    let mut each = Vec::new();
    for n in 0..tables {
        each.push(preview(client, n).await?);
    }
    let mut same = Vec::new();
    for _ in 0..tables {
        same.push(preview(client, 0).await?);
    }
    process.end().await?;
    let dir = world.dir.path().join("raw");
    let mut bare = blocking(move || attached(&dir, &file, tables)).await?;
    world.stop().await?;
    let beside = "ATTACH, SELECT, DETACH";
    let p50 = (raw::percentile(&mut bare, 0.5), beside);
    let p99 = (raw::percentile(&mut bare, 0.99), beside);
    let line = |name: String, times: &mut Vec<f64>, part: f64, at_most: f64, raw| {
        Measured::bound(&name, "ms", raw::percentile(times, part), at_most, raw)
    };
    Ok(vec![
        line(format!("preview of {ROWS} rows, {tables} tables in turn, p50"), &mut each, 0.5, P50_MS_MAX, Some(p50)),
        line(
            format!("preview of {ROWS} rows, {tables} tables in turn, p99"),
            &mut each,
            0.99,
            f64::INFINITY,
            Some(p99),
        ),
        line(format!("preview of {ROWS} rows, the same table, p50"), &mut same, 0.5, P50_MS_MAX, None),
    ])
}

/// Milliseconds of one preview.
async fn preview(client: &Client, n: u64) -> Result<f64, Failure> {
    let (project, table) = nth_table(n);
    let began = Instant::now();
    let request =
        client.request(Method::GET, &format!("{}?limit={ROWS}", table_path(At(&project, &table), &["preview"])));
    let body = client.send(request).await?.bytes().await.map_err(Failure::bug)?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    let answer: serde_json::Value = serde_json::from_slice(&body).map_err(Failure::bug)?;
    if answer["preview_row_count"].as_u64() != Some(ROWS) {
        return Err(Failure::bug(format!("the preview has {} rows", answer["preview_row_count"])));
    }
    Ok(took)
}

/// Milliseconds of attaching each of some files, reading its rows as Arrow, and detaching it.
fn attached(dir: &Path, rows: &Path, files: u64) -> Result<Vec<f64>, Failure> {
    std::fs::create_dir_all(dir)?;
    let db = storage::raw_table(dir)?;
    let source = alluvium_tablestore::quote::literal(&rows.to_string_lossy());
    let at = |n: u64| alluvium_tablestore::quote::literal(&dir.join(format!("{n}.duckdb")).to_string_lossy());
    for n in 0..files {
        let sql = format!("ATTACH {} AS f; CREATE TABLE f.data AS FROM read_parquet({source}); DETACH f", at(n));
        db.execute_batch(&sql).map_err(Failure::bug)?;
    }
    let mut times = Vec::new();
    for n in 0..files {
        let began = Instant::now();
        db.execute_batch(&format!("ATTACH {} AS f", at(n))).map_err(Failure::bug)?;
        let mut select = db.prepare(&format!("SELECT * FROM f.data LIMIT {ROWS}")).map_err(Failure::bug)?;
        let found: usize = select.query_arrow([]).map_err(Failure::bug)?.map(|batch| batch.num_rows()).sum();
        drop(select);
        db.execute_batch("DETACH f").map_err(Failure::bug)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        if found as u64 != ROWS {
            return Err(Failure::bug(format!("the raw file has {found} rows")));
        }
    }
    Ok(times)
}
