//! A pipeline on the whole platform: from rows on the stream to a view that is committed to its file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_runner::STREAM;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::writer::StreamWriter;
use async_nats::jetstream;
use bytes::Bytes;
use duckdb::Connection;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::process::Process;
use super::super::world::World;
use super::super::{Measured, Results, Run, raw};
use super::data::{BATCH_EVENTS, Data};
use super::part::Part;
use super::queries::QUERIES;
use crate::client::{Client, path};
use crate::failure::Failure;

/// The query that is run.
const QUERY: &str = "q1";
/// Of the engine's own rate, this much is promised.
const SHARE: f64 = 0.5;
/// From the text of a program to a pipeline that runs, in milliseconds.
const RUNNING_MS_MAX: f64 = 300.0;
/// How often that is measured.
const STARTS: u64 = 9;
/// Events of a small step, and how many such steps there are.
const SMALL_EVENTS: usize = 100;
const SMALL_STEPS: u64 = 200;
/// Of the raw commits of the files a small step touches.
const SMALL_TIMES: f64 = 1.3;
/// Rows of one message: so many fit in what the servers take.
const MESSAGE_ROWS: usize = 2_500;
/// How often is asked how far a pipeline is, and how long anything may take.
const POLL: Duration = Duration::from_millis(2);
const WAIT: Duration = Duration::from_mins(10);

/// Rows from the stream to committed, small steps, and starts.
pub async fn run(run: Run) -> Results {
    let (dir, data) = super::written(run, false).await?;
    let part = Part { query: QUERY.to_owned(), data: data.clone() };
    let own = part.measure().await?;
    let (messages, small) = messages(&data)?;
    drop(dir);
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    let mut starts = Vec::new();
    for n in 0..STARTS {
        starts.push(start(&process.client, &format!("nexmark{n}")).await?);
    }
    let pipeline = Pipeline::find(&world, &process.client, "nexmark0").await?;
    let rows: u64 = messages.iter().map(|(_, rows)| rows).sum();
    let seconds = pipeline.take(messages).await?;
    let steps_ms = pipeline.small_steps(&small).await? * 1e3;
    process.end().await?;
    world.stop().await?;
    let commits_ms = tokio::task::spawn_blocking(move || commits(&small)).await.map_err(Failure::bug)?? * 1e3;

    let (ours, engine) = (rows as f64 / seconds, data.events as f64 / own.ours.seconds);
    // The engine's own rate is one of all events, of which some are no bids.
    let engine = engine * rows as f64 / data.events as f64;
    let mut starts: Vec<f64> = starts.into_iter().map(|seconds| seconds * 1e3).collect();
    let running = raw::percentile(&mut starts, 0.5);
    Ok(vec![
        Measured::share("nexmark q1, stream to committed view", "bids/s", ours, engine, SHARE, "the engine alone"),
        Measured::times(
            "nexmark q1, a step of 100 bids",
            "ms",
            steps_ms,
            commits_ms,
            SMALL_TIMES,
            "commits of 100 rows to two DuckDB files",
        ),
        Measured::bound("nexmark q1, SQL text to running, p50", "ms", running, RUNNING_MS_MAX, None),
    ])
}

/// The bids as messages with their numbers of rows, and a few of them for small steps.
fn messages(data: &Data) -> Result<(Vec<(Bytes, u64)>, RecordBatch), Failure> {
    let (mut messages, mut small) = (Vec::new(), None);
    for batch in data.read()? {
        let [_, _, bids] = batch?;
        let columns: Vec<usize> = (1..bids.come.num_columns()).collect();
        let rows = bids.come.project(&columns).map_err(Failure::bug)?;
        small.get_or_insert_with(|| rows.slice(0, SMALL_EVENTS.min(rows.num_rows())));
        for from in (0..rows.num_rows()).step_by(MESSAGE_ROWS) {
            let piece = rows.slice(from, MESSAGE_ROWS.min(rows.num_rows() - from));
            messages.push((message(&piece)?, piece.num_rows() as u64));
        }
    }
    Ok((messages, small.ok_or_else(|| Failure::bug(format!("no {BATCH_EVENTS} events were written")))?))
}

/// Rows that come, as the stream of pipelines carries them.
fn message(rows: &RecordBatch) -> Result<Bytes, Failure> {
    let metadata = HashMap::from([("change".to_owned(), "insert".to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(rows.schema().fields().clone(), metadata));
    let rows = RecordBatch::try_new(schema.clone(), rows.columns().to_vec()).map_err(Failure::bug)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(Failure::bug)?;
    writer.write(&rows).map_err(Failure::bug)?;
    writer.into_inner().map(Bytes::from).map_err(Failure::bug)
}

/// Makes a pipeline of the query; the seconds until it runs.
async fn start(client: &Client, name: &str) -> Result<f64, Failure> {
    let query =
        QUERIES.iter().find(|query| query.name == QUERY).ok_or_else(|| Failure::bug("there is no such query"))?;
    let body = json!({ "name": name, "program_code": query.program("MATERIALIZED VIEW") });
    let at = path(&["v0", "pipelines", name]);
    let began = Instant::now();
    client.json(client.request(Method::PUT, &at).json(&body)).await?;
    client.send(client.request(Method::POST, &format!("{at}/start?initial=running"))).await?;
    wait("the pipeline runs", || async {
        let status = client.get(&format!("{at}?selector=status")).await?;
        if status["deployment_error"].is_null() && status["program_status"] != json!("SqlError") {
            Ok(status["deployment_status"] == json!("Running"))
        } else {
            Err(Failure::bug(format!("the pipeline does not start: {status}")))
        }
    })
    .await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Asks until something is so.
async fn wait<F: Future<Output = Result<bool, Failure>>>(what: &str, mut is: impl FnMut() -> F) -> Result<(), Failure> {
    let began = Instant::now();
    while !is().await? {
        if began.elapsed() > WAIT {
            return Err(Failure::bug(format!("it never happens that {what}")));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// A pipeline that runs.
struct Pipeline<'a> {
    client: &'a Client,
    stats: String,
    /// What its subjects begin with.
    subjects: String,
    js: jetstream::Context,
}

impl<'a> Pipeline<'a> {
    async fn find(world: &World, client: &'a Client, name: &str) -> Result<Self, Failure> {
        let at = path(&["v0", "pipelines", name]);
        let shown = client.get(&format!("{at}?selector=status")).await?;
        let id = shown["id"].as_str().ok_or_else(|| Failure::bug("a pipeline without an id"))?;
        let nats = async_nats::connect(world.nats.url()).await.map_err(Failure::bug)?;
        let js = jetstream::new(nats);
        js.get_stream(STREAM).await.map_err(Failure::bug)?;
        Ok(Self { client, stats: format!("{at}/stats"), subjects: format!("pl.default.{id}"), js })
    }

    async fn metric(&self, name: &str) -> Result<u64, Failure> {
        let stats: Value = self.client.get(&self.stats).await?;
        stats["global_metrics"][name].as_u64().ok_or_else(|| Failure::bug(format!("a pipeline without {name}")))
    }

    /// Sends rows; the seconds until all are committed.
    async fn take(&self, messages: Vec<(Bytes, u64)>) -> Result<f64, Failure> {
        let before = self.metric("total_processed_records").await?;
        let rows: u64 = messages.iter().map(|(_, rows)| rows).sum();
        let subject = format!("{}.rows.bid", self.subjects);
        let began = Instant::now();
        raw::publish(&self.js, messages.into_iter().map(|(payload, _)| (subject.clone(), payload))).await?;
        wait("all rows are committed", || async { Ok(self.metric("total_processed_records").await? >= before + rows) })
            .await?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// Sends rows as many transactions, each of which is a step; the seconds that one takes.
    async fn small_steps(&self, rows: &RecordBatch) -> Result<f64, Failure> {
        let payload = message(rows)?;
        let before = self.metric("total_completed_steps").await?;
        let (transaction, table) = (format!("{}.transaction", self.subjects), format!("{}.rows.bid", self.subjects));
        let messages = (1..=SMALL_STEPS).flat_map(|n| {
            let mark = |what: &str| (transaction.clone(), Bytes::from(format!("{what} {n}")));
            [mark("begin"), (table.clone(), payload.clone()), mark("commit")]
        });
        let began = Instant::now();
        raw::publish(&self.js, messages).await?;
        wait("all steps are done", || async {
            Ok(self.metric("total_completed_steps").await? >= before + SMALL_STEPS)
        })
        .await?;
        Ok(began.elapsed().as_secs_f64() / SMALL_STEPS as f64)
    }
}

/// The seconds that DuckDB takes to commit these rows to two files, of a table and of a view over it.
fn commits(rows: &RecordBatch) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let open = |name: &str| -> Result<Connection, Failure> {
        let db = Connection::open(dir.path().join(name)).map_err(Failure::bug)?;
        let columns = "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR";
        db.execute_batch(&format!("CREATE TABLE data ({columns})")).map_err(Failure::bug)?;
        Ok(db)
    };
    let files = [open("table.duckdb")?, open("view.duckdb")?];
    let began = Instant::now();
    for _ in 0..SMALL_STEPS {
        for db in &files {
            db.execute_batch("BEGIN").map_err(Failure::bug)?;
            let mut appender = db.appender("data").map_err(Failure::bug)?;
            appender.append_record_batch(rows.clone()).map_err(Failure::bug)?;
            appender.flush().map_err(Failure::bug)?;
            drop(appender);
            db.execute_batch("COMMIT").map_err(Failure::bug)?;
        }
    }
    Ok(began.elapsed().as_secs_f64() / SMALL_STEPS as f64)
}
