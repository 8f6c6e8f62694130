//! Steps of a pipeline beside the engine's own transactions, measured in the same run:
//! `cargo run --release -p alluvium-tablestore --example steps -- 1000000`.
//!
//! A step takes 50 rows of a table and brings 50 others. The engine's own transaction deletes them by a number that tells each row, which
//! is the best that anybody could write by hand; ours knows of no such number without a key. Prints the shortest time and the shortest
//! processor time of both in turn, and their ratios; nothing fails on time.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use alluvium_tablestore::{Change, Column, CreateOptions, Hub, HubConfig, Mark, Moment, Step, TableFile, TableSchema};
use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use duckdb::{Connection, params};

const COLUMNS: &[(&str, &str)] =
    &[("id", "BIGINT"), ("customer", "INTEGER"), ("name", "VARCHAR"), ("amount", "DOUBLE"), ("at", "TIMESTAMP")];
const BATCH_ROWS: i64 = 100_000;
const HALF_STEP_ROWS: i64 = 50;
const ROUNDS: i64 = 15;
const MEMORY: u64 = 2 << 30;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let rows: i64 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let hub = Hub::open(HubConfig {
        data_dir: dir.path().join("data"),
        blob_dir: dir.path().join("blobs"),
        export_dir: dir.path().join("exports"),
        memory_limit_bytes: MEMORY,
        threads: 2,
        attached_max: 50,
        probe_command: None,
    })?;
    let mut raw = Raw::new(dir.path(), rows)?;
    for (what, key, journal, twice) in [
        ("with a key", true, false, false),
        ("without a key", false, false, false),
        ("without a key, with a journal", false, true, false),
        ("without a key, some rows twice", false, false, true),
    ] {
        let mut ours = Ours::new(&hub, what, rows, key, journal)?;
        if twice {
            ours.step(&batch(0..1)?, &[1])?;
            ours.step(&batch(0..1)?, &[-1])?;
        }
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let step = change(rows, round)?;
            theirs.push(raw.step(&step, round)?);
            let mut weights = vec![-1; HALF_STEP_ROWS as usize];
            weights.extend(vec![1; HALF_STEP_ROWS as usize]);
            own.push(ours.step(&step, &weights)?);
        }
        raw.undo(rows)?;
        print(what, &theirs, &own);
    }
    let (mut theirs, mut own) = (Vec::new(), Vec::new());
    let mut ours = Ours::new(&hub, "appends", 0, false, false)?;
    for round in 0..ROUNDS {
        let some = batch(round * BATCH_ROWS..(round + 1) * BATCH_ROWS)?;
        theirs.push(raw.append(&some)?);
        own.push(ours.step(&some, &vec![1; BATCH_ROWS as usize])?);
    }
    print("100000 rows come", &theirs, &own);
    Ok(())
}

fn print(what: &str, theirs: &[Took], own: &[Took]) {
    let least = |times: &[Took], of: fn(&Took) -> f64| times.iter().map(of).fold(f64::MAX, f64::min);
    let (raw, ours) = (least(theirs, |took| took.wall_ms), least(own, |took| took.wall_ms));
    let (raw_cpu, our_cpu) = (least(theirs, |took| took.cpu_ms), least(own, |took| took.cpu_ms));
    println!(
        "{what:32} raw {raw:8.2} ms, cpu {raw_cpu:8.2}  ours {ours:8.2} ms, cpu {our_cpu:8.2}  ratio {:.2}, cpu {:.2}",
        ours / raw,
        our_cpu / raw_cpu
    );
}

/// How long something took, and how long processors worked on it.
struct Took {
    wall_ms: f64,
    cpu_ms: f64,
}

struct Clock {
    began: Instant,
    cpu_ns: u64,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), cpu_ns: cpu_ns() }
    }

    fn took(&self) -> Took {
        let wall_ms = self.began.elapsed().as_secs_f64() * 1e3;
        Took { wall_ms, cpu_ms: cpu_ns().saturating_sub(self.cpu_ns) as f64 / 1e6 }
    }
}

/// What all threads have worked, where the system tells.
fn cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    texts.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// Numbers that jump about, each once.
fn scattered(rows: i64, n: i64) -> i64 {
    n.wrapping_mul(7_368_787).rem_euclid(rows)
}

/// The rows that go in a round, and those that come.
fn change(rows: i64, round: i64) -> Result<RecordBatch, Failed> {
    let from = round * HALF_STEP_ROWS;
    let gone = (from..from + HALF_STEP_ROWS).map(|n| scattered(rows, n));
    batch(gone.chain(rows + from..rows + from + HALF_STEP_ROWS))
}

fn batch(ids: impl Iterator<Item = i64>) -> Result<RecordBatch, Failed> {
    let ids: Vec<i64> = ids.collect();
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(ids.clone()))),
        ("customer", Arc::new(Int32Array::from_iter_values(ids.iter().map(|id| (id % 99_991) as i32)))),
        ("name", Arc::new(StringArray::from_iter_values(ids.iter().map(|id| format!("somebody-{}", id % 100_003))))),
        ("amount", Arc::new(Float64Array::from_iter_values(ids.iter().map(|id| (id % 12_345) as f64 / 100.0)))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(ids.iter().map(|id| id * 1_000_003)))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// A table of the store.
struct Ours<'a> {
    hub: &'a Hub,
    file: TableFile,
    at: u64,
}

impl<'a> Ours<'a> {
    fn new(hub: &'a Hub, what: &str, rows: i64, key: bool, keeps_steps: bool) -> Result<Self, Failed> {
        let word = |text: &str| text.replace([' ', ','], "-");
        let file = TableFile {
            generation: 1,
            tenant: word("t"),
            project: word("p"),
            bucket: word("b"),
            table: word("x"),
            uid: word(what),
        };
        let columns =
            COLUMNS.iter().map(|(name, kind)| Column::new(name, kind, true, None)).collect::<Result<_, _>>()?;
        let keys: Vec<String> = key.then(|| "id".to_owned()).into_iter().collect();
        let options = CreateOptions { step: Some(Step { number: 0, program_version: 1 }), keeps_steps };
        hub.create_with(&file, &TableSchema::new(columns, &keys)?, &mark(0), options)?;
        let mut ours = Self { hub, file, at: 0 };
        for from in (0..rows).step_by(BATCH_ROWS as usize) {
            let to = rows.min(from + BATCH_ROWS);
            ours.step(&batch(from..to)?, &vec![1; (to - from) as usize])?;
        }
        hub.checkpoint(&ours.file)?;
        Ok(ours)
    }

    fn step(&mut self, batch: &RecordBatch, weights: &[i64]) -> Result<Took, Failed> {
        let (batch, weights) = (batch.clone(), weights.to_vec());
        let moment = Moment { event_time_micros: 1, seed: String::new() };
        let change = Change::Weighted { batch, weights, moment };
        let clock = Clock::start();
        let step = Step { number: self.at + 1, program_version: 1 };
        self.hub.apply_step(&self.file, &mark(self.at), &mark(self.at + 1), step, vec![change])?;
        self.at += 1;
        Ok(clock.took())
    }
}

fn mark(seq: u64) -> Mark {
    Mark { seq, hash: format!("h{seq}"), stream_created_micros: 7 }
}

/// The engine alone.
struct Raw {
    connection: Connection,
}

impl Raw {
    fn new(dir: &Path, rows: i64) -> Result<Self, Failed> {
        let connection = Connection::open_in_memory()?;
        let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("\"{name}\" {kind}")).collect();
        let columns = columns.join(", ");
        connection.execute_batch(&format!(
            "SET threads = 2; SET memory_limit = '{MEMORY}B'; ATTACH '{}' AS f (BLOCK_SIZE 16384); USE f;
             CREATE TABLE data ({columns}); CREATE TABLE log ({columns}); CREATE TABLE mark (seq BIGINT); INSERT INTO mark VALUES (0)",
            dir.join("raw.duckdb").display()
        ))?;
        let mut raw = Self { connection };
        for from in (0..rows).step_by(BATCH_ROWS as usize) {
            raw.insert("data", &batch(from..rows.min(from + BATCH_ROWS))?)?;
        }
        raw.connection.execute_batch("CHECKPOINT f")?;
        Ok(raw)
    }

    fn insert(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Failed> {
        let mut appender = self.connection.appender(table)?;
        appender.append_record_batch(batch.clone())?;
        Ok(appender.flush()?)
    }

    fn step(&mut self, batch: &RecordBatch, round: i64) -> Result<Took, Failed> {
        let half = HALF_STEP_ROWS as usize;
        let ids = batch.column(0).to_data();
        let ids: Vec<String> = ids.buffers()[0].typed_data::<i64>()[..half].iter().map(i64::to_string).collect();
        let clock = Clock::start();
        self.connection.execute_batch("BEGIN")?;
        self.connection.execute(&format!("DELETE FROM data WHERE id IN ({})", ids.join(", ")), [])?;
        self.insert("data", &batch.slice(half, half))?;
        self.connection.execute("UPDATE mark SET seq = ?", params![round])?;
        self.connection.execute_batch("COMMIT")?;
        Ok(clock.took())
    }

    /// Makes the table what it was.
    fn undo(&mut self, rows: i64) -> Result<(), Failed> {
        self.connection.execute(&format!("DELETE FROM data WHERE id >= {rows}"), [])?;
        let gone = (0..ROUNDS * HALF_STEP_ROWS).map(|n| scattered(rows, n));
        self.insert("data", &batch(gone)?)?;
        Ok(self.connection.execute_batch("CHECKPOINT f")?)
    }

    fn append(&mut self, batch: &RecordBatch) -> Result<Took, Failed> {
        let clock = Clock::start();
        self.connection.execute_batch("BEGIN")?;
        self.insert("log", batch)?;
        self.connection.execute("UPDATE mark SET seq = seq + 1", [])?;
        self.connection.execute_batch("COMMIT")?;
        Ok(clock.took())
    }
}
