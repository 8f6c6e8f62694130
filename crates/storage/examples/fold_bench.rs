//! The table fold beside a raw ordered read of the same stream: `cargo run --release -p alluvium-storage --example fold_bench`.
//!
//! Publishes rows as single Avro messages and as Avro container blocks, then measures, in turn, a plain tail of the stream
//! and a fold that starts at its beginning, until the last row is committed in the table's file. Prints rates and ratios;
//! nothing fails on time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_eventlog::{Log, LogOptions, OutcomePublisher, blob::BlobStore};
use alluvium_kernel::{
    Actor, Authorizer, BoxFuture, DecisionContext, Position, Problem, Requirement, SigningKey, Timestamp, Token,
    subject,
};
use alluvium_messaging::{Commit, Contract, ContractSet, PullSettings, Tail, TailConfig, Tailed, direct, streams};
use alluvium_storage::contract::{ColumnSpec, CreateBucket, CreateProject, CreateTable, OpenTable, ProjectEvent};
use alluvium_storage::fold::{Live, STREAM, Tables, rows_schema};
use alluvium_storage::model::{Project, Table};
use alluvium_tablestore::{Column, Hub, HubConfig, RowsDecoder, TableSchema};
use alluvium_testing::NatsServer;
use async_nats::jetstream;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// Rows in all, unless the first argument says otherwise.
const ROWS: u64 = 300_000;
/// Rows of one container block: about 512 KB.
const BLOCK_ROWS: u64 = 16_384;
const ROUNDS: u32 = 3;
const COLUMNS: [(&str, &str); 3] = [("id", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE")];

type Failed = Box<dyn std::error::Error>;

struct Everybody;

impl Authorizer for Everybody {
    fn check<'a>(&'a self, _: &'a Token, _: &'a Actor, _: &'a Requirement) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let rows = std::env::args().nth(1).map_or(Ok(ROWS), |text| text.parse())?;
    for (what, blocks) in [("single messages", false), ("container blocks", true)] {
        let nats = NatsServer::start().await;
        let js = jetstream::new(nats.connect().await);
        streams::apply(&js, None).await?;
        let log = Log::new(js.clone(), STREAM, "storage", LogOptions::default());
        let rows_subject = create_table(&js, &log).await?;
        let payloads = payloads(rows, blocks)?;
        let bytes: usize = payloads.iter().map(Bytes::len).sum();
        let last = publish(&js, &rows_subject, payloads).await?;
        println!("{what}: {rows} rows, {bytes} bytes, stream up to {last}");
        for round in 0..ROUNDS {
            let raw = raw_read(&js, last).await?;
            let folded = fold(&nats, &log, last, rows).await?;
            let rate = |seconds: f64| rows as f64 / seconds;
            println!(
                "round {round}: ordered read {:9.0} rows/s  fold {:9.0} rows/s  ratio {:.2}",
                rate(raw),
                rate(folded),
                raw / folded
            );
        }
    }
    Ok(())
}

fn at(id: &str) -> Result<DecisionContext, Failed> {
    let tenant = Token::encode("default")?;
    Ok(DecisionContext { tenant, command_id: id.into(), actor: Actor::Admin, time: Timestamp::from_micros(1) })
}

/// Makes the table; gives the subject of its rows.
async fn create_table(js: &jetstream::Context, log: &Log) -> Result<String, Failed> {
    let (project, bucket, table) = ("p".to_owned(), "b".to_owned(), "t".to_owned());
    let id = Token::encode(&project)?;
    let create = CreateProject { project: project.clone(), name: None, settings: "{}".into(), organization: None };
    log.decide::<Project>(&id, create.into(), &at("1")?).await?;
    let create = CreateBucket { project: project.clone(), bucket: bucket.clone(), description: None };
    log.decide::<Project>(&id, create.into(), &at("2")?).await?;
    let column = |(name, kind): (&str, &str)| ColumnSpec {
        name: name.into(),
        r#type: kind.into(),
        nullable: true,
        default: None,
    };
    let columns = COLUMNS.map(column).to_vec();
    let create = CreateTable { branch: "default".into(), project, bucket, table, columns, primary_key: vec![] };
    log.decide::<Project>(&id, create.into(), &at("3")?).await?;
    let subject = log.subject::<Project>(&Token::encode("default")?, &id);
    let last = direct::leader_last(js, STREAM, &subject).await?.ok_or("no event of the project")?;
    let commit = Commit::from_avro(&last.payload)?;
    let entry = commit.entries.last().ok_or("an empty commit")?;
    let ProjectEvent::TableCreated(created) = ProjectEvent::decode(&entry.r#type, &entry.event)? else {
        return Err("the last event is not the table's".into());
    };
    let open = OpenTable {
        branch: "default".into(),
        project: created.project,
        bucket: created.bucket,
        table: created.table,
        uid: created.uid.clone(),
        columns: created.columns,
        primary_key: created.primary_key,
        copy_of: created.copy_of,
    };
    log.decide::<Table>(&Token::encode(&created.uid)?, open.into(), &at("4")?).await?;
    let token = |text| Token::encode(text);
    Ok(subject::rows(&token("default")?, &token("p")?, &token("b")?, &token("t")?))
}

fn payloads(rows: u64, blocks: bool) -> Result<Vec<Bytes>, Failed> {
    let columns: Result<Vec<Column>, _> =
        COLUMNS.iter().map(|(name, kind)| Column::new(name, kind, true, None)).collect();
    let text = rows_schema(&TableSchema::new(columns?, &[])?);
    let per_message = if blocks { BLOCK_ROWS } else { 1 };
    let mut head = vec![0xc3, 0x01];
    head.extend(RowsDecoder::fingerprint(&text)?.to_le_bytes());
    let mut payloads = Vec::new();
    for from in (0..rows).step_by(per_message as usize) {
        let to = (from + per_message).min(rows);
        let mut body = Vec::new();
        (from..to).for_each(|id| encode(id as i64, &mut body));
        payloads.push(if blocks { container(&text, to - from, &body) } else { [&head[..], &body].concat().into() });
    }
    Ok(payloads)
}

/// One row; each value is the second branch of `["null", …]`.
fn encode(id: i64, out: &mut Vec<u8>) {
    out.push(2);
    long(id, out);
    let name = format!("customer number {id}");
    out.push(2);
    long(name.len() as i64, out);
    out.extend(name.as_bytes());
    out.push(2);
    out.extend((id as f64 * 0.25).to_le_bytes());
}

/// Zigzag, seven bits a byte.
fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// An object container of one uncompressed block.
fn container(schema: &str, rows: u64, body: &[u8]) -> Bytes {
    let mut out = b"Obj\x01".to_vec();
    long(1, &mut out);
    long(11, &mut out);
    out.extend(b"avro.schema");
    long(schema.len() as i64, &mut out);
    out.extend(schema.as_bytes());
    long(0, &mut out);
    let sync = [7; 16];
    out.extend(sync);
    long(rows as i64, &mut out);
    long(body.len() as i64, &mut out);
    out.extend(body);
    out.extend(sync);
    out.into()
}

/// Publishes without waiting for each ack; gives the last sequence.
async fn publish(js: &jetstream::Context, subject: &str, payloads: Vec<Bytes>) -> Result<u64, Failed> {
    let began = Instant::now();
    let client = js.client();
    let before = js.get_stream(STREAM).await?.cached_info().state.last_sequence;
    let wanted = before + payloads.len() as u64;
    let count = payloads.len();
    for (index, payload) in payloads.into_iter().enumerate() {
        client.publish(subject.to_owned(), payload).await?;
        if index % 1_000 == 0 {
            client.flush().await?;
        }
    }
    client.flush().await?;
    while js.get_stream(STREAM).await?.cached_info().state.last_sequence < wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("published {:.0} messages/s", count as f64 / began.elapsed().as_secs_f64());
    Ok(wanted)
}

async fn raw_read(js: &jetstream::Context, last: u64) -> Result<f64, Failed> {
    let config = TailConfig { stream: STREAM.into(), filters: vec![], from: 1, pull: PullSettings::default() };
    let began = Instant::now();
    let mut tail = Tail::new(js.clone(), config)?;
    while tail.last() < last {
        if let Tailed::Message(_) = tail.next().await? {
            while tail.ready().is_some() {}
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

async fn fold(nats: &NatsServer, log: &Log, last: u64, rows: u64) -> Result<f64, Failed> {
    let directory = tempfile::tempdir()?;
    let js = jetstream::new(nats.connect().await);
    let live = Live {
        log: log.clone(),
        outcomes: OutcomePublisher::new(js.clone()),
        authorizer: Arc::new(Everybody),
        signing: SigningKey::new([7; 32]),
        given_up: std::sync::RwLock::default(),
    };
    let blobs = BlobStore::open(directory.path().join("blobs")).await?;
    let (hub, stop) = (hub(directory.path())?, CancellationToken::new());
    let began = Instant::now();
    let tables = Tables::start(hub, js, blobs, live, stop.clone()).await?;
    tables.wait_all(&Position::of(STREAM, last), Duration::from_mins(10)).await?;
    let took = began.elapsed().as_secs_f64();
    let stored: u64 = tables.fold().lanes().iter().map(|lane| lane.view().rows).sum();
    tables.finish().await;
    if stored != rows {
        return Err(format!("{stored} rows are in the table, {rows} were published").into());
    }
    Ok(took)
}

fn hub(directory: &Path) -> Result<Hub, Failed> {
    Ok(Hub::open(HubConfig {
        data_dir: directory.join("tables"),
        blob_dir: directory.join("blobs"),
        export_dir: directory.join("exports"),
        memory_limit_bytes: 2 << 30,
        threads: 2,
        attached_max: 50,
        probe_command: None,
    })?)
}
