//! A table as it was before its last million rows, read for the first time, beside a full load of what it had then: of rows that
//! came in a file, and of rows that came as messages.

use std::time::{Duration, Instant};

use alluvium_kernel::subject;
use reqwest::Method;
use serde_json::{Value, json};

use super::storage::{self, import, table_path, upload, written};
use super::world::{Running, World, tenant};
use super::{Measured, Results, Run, raw, rows};
use crate::client::Client;
use crate::failure::Failure;

/// Rows of the table at the point, and rows that came later.
const ROWS: u64 = 1_000_000;
/// What is promised: times what the load takes.
const TIMES_MAX: f64 = 2.0;
/// Times each is done, as-of each time at a point of its own; the best counts.
const ROUNDS: u64 = 3;
/// How long rows may take into the table.
const FOLD_WAIT: Duration = Duration::from_mins(2);
/// How often the table is asked whether they are there.
const FOLD_POLL: Duration = Duration::from_millis(100);

pub async fn run(run: Run) -> Results {
    let count = run.scaled(ROWS, 20_000);
    let world = World::start().await?;
    let running = world.node().await?;
    storage::bucket(&running.client).await?;
    let files = of_files(&world, &running.client, count).await?;
    let messages = of_messages(&running, count).await?;
    running.node.stop().await;
    world.stop().await?;
    Ok(vec![files, messages])
}

async fn of_files(world: &World, client: &Client, count: u64) -> Result<Measured, Failure> {
    let file = world.dir.path().join("rows.csv");
    written(&file, "csv", 0..count).await?;
    let id = upload(client, &file).await?;
    storage::table(client, "files", &storage::COLUMNS, &[]).await?;
    let loaded = import(client, "files", ("csv", &id), false, count).await?;
    // What others do moves the log on and leaves this table as it is.
    for n in 0..ROUNDS {
        storage::table(client, &format!("other{n}"), &storage::COLUMNS, &[]).await?;
    }
    import(client, "files", ("csv", &id), true, 2 * count).await?;
    storage::table(client, "load", &storage::COLUMNS, &[]).await?;
    let first = sequence(&loaded.version)?;
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for n in 0..ROUNDS {
        raw = raw.min(import(client, "load", ("csv", &id), false, count).await?.seconds);
        ours = ours.min(read(client, "files", first + n, count).await?);
    }
    let beside = "a full load of the same rows";
    Ok(Measured::times("as of a million rows ago, loaded", "s", ours, raw, TIMES_MAX, beside))
}

async fn of_messages(running: &Running, count: u64) -> Result<Measured, Failure> {
    let client = &running.client;
    storage::table(client, "messages", &rows::COLUMNS, &[]).await?;
    let part = |text: &str| alluvium_kernel::Token::encode(text).map_err(Failure::bug);
    let subject = subject::rows(&tenant()?, &part("bench")?, &part("b")?, &part("messages")?);
    let payloads = storage::blocking(move || rows::encoded(count, false)).await?;
    let messages = || payloads.iter().map(|payload| (subject.clone(), payload.clone()));
    let (_, last) = raw::publish(&running.node.parts().js, messages()).await?;
    for n in 0..ROUNDS {
        storage::table(client, &format!("another{n}"), &rows::COLUMNS, &[]).await?;
    }
    raw::publish(&running.node.parts().js, messages()).await?;
    arrived(client, "messages", 2 * count).await?;

    let then = json!({ "format": "csv", "as_of": format!("STORAGE:{last}") });
    let export = client.request(Method::POST, &table_path("messages", &["export"])).json(&then);
    let id = client.json(export).await?["file_id"].as_str().unwrap_or_default().to_owned();
    storage::table(client, "same", &rows::COLUMNS, &[]).await?;
    let (mut ours, mut raw) = (f64::INFINITY, f64::INFINITY);
    for n in 1..=ROUNDS {
        raw = raw.min(import(client, "same", ("csv", &id), false, count).await?.seconds);
        ours = ours.min(read(client, "messages", last + n, count).await?);
    }
    let beside = "a full load of the same rows";
    Ok(Measured::times("as of a million rows ago, published", "s", ours, raw, TIMES_MAX, beside))
}

/// Seconds of a preview of the table as it was.
async fn read(client: &Client, table: &str, seq: u64, count: u64) -> Result<f64, Failure> {
    let at = format!("{}?limit=1000&as_of=STORAGE:{seq}", table_path(table, &["preview"]));
    let began = Instant::now();
    let preview = client.get(&at).await?;
    let seconds = began.elapsed().as_secs_f64();
    if preview["total_row_count"].as_u64() == Some(count) {
        Ok(seconds)
    } else {
        Err(Failure::bug(format!("the table had {} rows at {seq}, not {count}", preview["total_row_count"])))
    }
}

async fn arrived(client: &Client, table: &str, count: u64) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let found: Value = client.get(&table_path(table, &[])).await?;
        if found["row_count"].as_u64() == Some(count) {
            return Ok(());
        }
        if began.elapsed() > FOLD_WAIT {
            return Err(Failure::bug(format!("{} of {count} rows arrived", found["row_count"])));
        }
        tokio::time::sleep(FOLD_POLL).await;
    }
}

fn sequence(version: &str) -> Result<u64, Failure> {
    let seq = version.rsplit_once(':').and_then(|(_, seq)| seq.parse().ok());
    seq.ok_or_else(|| Failure::bug(format!("the load answered with version {version:?}")))
}
