//! Rows on their way from the log into a table file: one message a row, and in blocks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_kernel::{Position, subject};
use alluvium_storage::fold::STREAM;
use alluvium_tablestore::{Column, TableSchema};
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;

use super::world::{World, tenant};
use super::{Measured, Results, Run, raw};
use crate::failure::Failure;
use crate::node::{Parts, start_tables};
use crate::rows::Encoder;

/// Rows of one measurement.
const SINGLE_ROWS: u64 = 200_000;
const BLOCK_ROWS: u64 = 2_000_000;
/// What is promised.
const SHARE: f64 = 0.5;
/// How long the fold may take.
const FOLD_WAIT: Duration = Duration::from_mins(10);
/// Rows of one record batch.
const BATCH_ROWS: u64 = 65_536;
pub const COLUMNS: [(&str, &str); 3] = [("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE")];

/// One message a row: the fold beside an ordered read of the same messages.
pub async fn single(run: Run) -> Results {
    let count = run.scaled(SINGLE_ROWS, 5_000);
    let measured = Box::pin(measure(count, true)).await?;
    let beside = "ordered read of the same messages";
    let (ours, raw) = (count as f64 / measured.fold, count as f64 / measured.read);
    Ok(vec![Measured::share("rows, single Avro messages", "rows/s", ours, raw, SHARE, beside)])
}

/// In blocks: the fold beside appending the same rows, decoded already, to a DuckDB file.
pub async fn blocks(run: Run) -> Results {
    let count = run.scaled(BLOCK_ROWS, 50_000);
    let appended = tokio::task::spawn_blocking(move || append(count)).await.map_err(Failure::bug)??;
    let measured = Box::pin(measure(count, false)).await?;
    let again = tokio::task::spawn_blocking(move || append(count)).await.map_err(Failure::bug)??;
    let (ours, raw) = (count as f64 / measured.fold, count as f64 / appended.midpoint(again));
    let beside = "append_record_batch to a DuckDB file";
    Ok(vec![Measured::share("rows, in blocks", "rows/s", ours, raw, SHARE, beside)])
}

/// Seconds.
struct Taken {
    fold: f64,
    read: f64,
}

/// Publishes all rows while no fold runs, then measures a fold from its start until the last row is committed.
async fn measure(count: u64, single: bool) -> Result<Taken, Failure> {
    let world = World::start().await?;
    let running = world.node().await?;
    running.bucket().await?;
    running.table("t", &COLUMNS, &[]).await?;
    let js = running.node.parts().js.clone();
    running.node.stop().await;

    let part = |text: &str| alluvium_kernel::Token::encode(text).map_err(Failure::bug);
    let subject = subject::rows(&tenant()?, &part("bench")?, &part("b")?, &part("t")?);
    let payloads = tokio::task::spawn_blocking(move || encoded(count, single)).await.map_err(Failure::bug)??;
    let messages = payloads.len() as u64;
    let (_, last) = raw::publish(&js, payloads.into_iter().map(|payload| (subject.clone(), payload))).await?;

    let read = raw::ordered_read(&js, STREAM, &subject, messages).await?;
    let parts = Parts::open(&world.config, &world.secrets).await?;
    // Who may write is asked of what the access fold knows, which is read before rows are.
    let stop = tokio_util::sync::CancellationToken::new();
    let follower = tokio::spawn(parts.follower.clone().run(stop.clone()));
    parts.follower.catch_up().await?;
    let began = Instant::now();
    let tables = start_tables(&parts, parts.blobs.clone(), HashSet::new()).await?;
    tables.wait_all(&Position::of(STREAM, last), FOLD_WAIT).await?;
    let fold = began.elapsed().as_secs_f64();
    let folded: u64 = tables.fold().lanes().iter().map(|lane| lane.view().rows).sum();
    tables.fold().finish().await;
    stop.cancel();
    let _ = follower.await;
    world.stop().await?;
    if folded == count {
        Ok(Taken { fold, read })
    } else {
        Err(Failure::bug(format!("{folded} of {count} rows arrived")))
    }
}

fn schema() -> Result<TableSchema, Failure> {
    let columns = COLUMNS.iter().map(|(name, kind)| Column::new(name, kind, true, None));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(Failure::bug)?;
    TableSchema::new(columns, &[]).map_err(Failure::bug)
}

fn batches(count: u64) -> impl Iterator<Item = Result<RecordBatch, Failure>> {
    let fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    (0..count.div_ceil(BATCH_ROWS)).map(move |batch| {
        let ids = batch * BATCH_ROWS..((batch + 1) * BATCH_ROWS).min(count);
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(ids.clone().map(|id| id as i64)));
        let name: ArrayRef = Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("name of row {id}"))));
        let amount: ArrayRef = Arc::new(Float64Array::from_iter_values(ids.map(|id| id as f64 / 7.0)));
        RecordBatch::try_new(schema.clone(), vec![id, name, amount]).map_err(Failure::bug)
    })
}

/// Rows as they are published: one a message, or in blocks.
pub fn encoded(count: u64, single: bool) -> Result<Vec<Bytes>, Failure> {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut encoder = Encoder::new(&schema()?, &columns, single)?;
    let mut payloads = Vec::new();
    for batch in batches(count) {
        encoder.push(&batch?, &mut |message| {
            payloads.push(message.payload);
            Ok(())
        })?;
    }
    payloads.extend(encoder.finish().map(|message| message.payload));
    Ok(payloads)
}

/// Appends all rows to a fresh DuckDB file in one transaction; the seconds, without making the rows.
fn append(count: u64) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let batches = batches(count).collect::<Result<Vec<_>, _>>()?;
    let db = duckdb::Connection::open(dir.path().join("raw.duckdb")).map_err(Failure::bug)?;
    db.execute_batch("CREATE TABLE data (id BIGINT, name VARCHAR, amount DOUBLE)").map_err(Failure::bug)?;
    let began = Instant::now();
    db.execute_batch("BEGIN").map_err(Failure::bug)?;
    let mut appender = db.appender("data").map_err(Failure::bug)?;
    for batch in batches {
        appender.append_record_batch(batch).map_err(Failure::bug)?;
    }
    appender.flush().map_err(Failure::bug)?;
    drop(appender);
    db.execute_batch("COMMIT").map_err(Failure::bug)?;
    Ok(began.elapsed().as_secs_f64())
}
