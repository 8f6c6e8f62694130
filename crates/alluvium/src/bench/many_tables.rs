//! A start with many tables, and the memory of the process then.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};

use super::process::{Process, resident};
use super::storage::{self, At, nth_table};
use super::world::World;
use super::{Measured, Results, Run};
use crate::failure::Failure;

/// Tables there are.
const TABLES: u64 = 10_000;
/// Tables that are made at once.
const MAKERS: usize = 32;
/// What is promised of a start, in seconds, and of the process, in megabytes.
const START_SECONDS_MAX: f64 = 5.0;
const MB_MAX: f64 = 500.0;
/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

pub async fn run(run: Run) -> Results {
    let tables = run.scaled(TABLES, 50);
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    let client = &process.client;
    storage::projects_for(client, tables).await?;
    let made = futures::stream::iter(0..tables).map(|n| async move {
        let (project, name) = nth_table(n);
        storage::table(client, At(&project, &name), &[("id", "BIGINT"), ("name", "VARCHAR")], &[]).await
    });
    made.buffer_unordered(MAKERS).try_collect::<Vec<()>>().await?;
    process.end().await?;

    let process = Process::start(&world).await?;
    tokio::time::sleep(IDLE).await;
    let megabytes = resident(process.id()?)?;
    let seconds = process.began_in;
    // Ready means readable, the last one too.
    let (project, last) = nth_table(tables - 1);
    let preview = process.client.get(&storage::table_path(At(&project, &last), &["preview"])).await?;
    if preview["total_row_count"].as_u64() != Some(0) {
        return Err(Failure::bug(format!("table {last} answered {preview}")));
    }
    process.end().await?;
    world.stop().await?;
    Ok(vec![
        Measured::bound(&format!("start with {tables} tables"), "s", seconds, START_SECONDS_MAX, None),
        Measured::bound(&format!("memory with {tables} tables"), "MB", megabytes, MB_MAX, None),
    ])
}
