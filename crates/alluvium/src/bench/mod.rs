//! Measurements of each path, always beside the raw part it is made of, in the same run: on a busy machine only the ratio says
//! something.

mod as_of;
mod codec;
mod commands;
mod export;
mod kafka;
mod latency;
mod load;
mod many_tables;
mod memory;
mod messaging;
pub mod nexmark;
mod parallel;
mod peer;
mod preview;
mod process;
mod raw;
mod read;
mod rebuild;
mod rows;
mod schemas;
mod storage;
mod upload;
mod world;

use alluvium_kernel::BoxFuture;
use serde::Serialize;

use crate::failure::Failure;
use crate::ui::Ui;

/// One line of the result.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What was measured.
    pub path: String,
    /// Ours.
    pub ours: f64,
    /// The raw part.
    pub raw: Option<f64>,
    /// Of both.
    pub unit: &'static str,
    /// Ours of raw.
    pub ratio: Option<f64>,
    /// What is promised.
    pub budget: String,
    /// Whether it is kept.
    pub met: bool,
    /// What the raw part is.
    pub beside: String,
}

impl Measured {
    /// A rate that must be at least a share of the raw one.
    pub fn share(path: &str, unit: &'static str, ours: f64, raw: f64, at_least: f64, beside: &str) -> Self {
        let ratio = ours / raw;
        Self {
            path: path.to_owned(),
            ours,
            raw: Some(raw),
            unit,
            ratio: Some(ratio),
            budget: format!("≥ {:.0} %", at_least * 100.0),
            met: ratio >= at_least,
            beside: beside.to_owned(),
        }
    }

    /// A rate that nothing is promised of, told for comparison.
    pub fn beside(path: &str, unit: &'static str, ours: f64, raw: f64, beside: &str) -> Self {
        Self { budget: "none".to_owned(), met: true, ..Self::share(path, unit, ours, raw, 0.0, beside) }
    }

    /// A value that must be at most some times the raw one.
    pub fn times(path: &str, unit: &'static str, ours: f64, raw: f64, at_most: f64, beside: &str) -> Self {
        let measured = Self::bound(path, unit, ours, raw * at_most, Some((raw, beside)));
        Self { budget: format!("≤ {:.0} %", at_most * 100.0), ..measured }
    }

    /// A value that must stay under a bound.
    pub fn bound(path: &str, unit: &'static str, ours: f64, at_most: f64, raw: Option<(f64, &str)>) -> Self {
        Self {
            path: path.to_owned(),
            ours,
            raw: raw.map(|(value, _)| value),
            unit,
            ratio: raw.map(|(value, _)| ours / value),
            budget: if at_most.is_finite() { format!("≤ {at_most:.0} {unit}") } else { "none".to_owned() },
            met: ours <= at_most,
            beside: raw.map(|(_, what)| what.to_owned()).unwrap_or_default(),
        }
    }
}

/// What a path gets.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Where progress is told.
    pub ui: Ui,
    /// How much work, relative to the default.
    pub scale: f64,
}

impl Run {
    /// A number of things, scaled; at least `least`.
    pub fn scaled(&self, number: u64, least: u64) -> u64 {
        ((number as f64 * self.scale) as u64).max(least)
    }
}

/// What measuring a path gives.
pub type Results = Result<Vec<Measured>, Failure>;

/// A path that can be measured.
pub struct BenchPath {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures it.
    pub run: fn(Run) -> BoxFuture<'static, Results>,
}

/// All paths.
pub const PATHS: &[BenchPath] = &[
    BenchPath {
        name: "commands",
        about: "commands, pipelined, distinct aggregates, accepted to outcome, beside pipelined publish",
        run: |run| Box::pin(commands::run(run)),
    },
    BenchPath {
        name: "durable",
        about: "the same with each message synced to disk, beside pipelined publish that is synced too",
        run: |run| Box::pin(commands::durable(run)),
    },
    BenchPath {
        name: "peer",
        about: "commands on one aggregate, beside the same aggregate on cqrs-es and Postgres",
        run: |run| Box::pin(peer::run(run)),
    },
    BenchPath {
        name: "latency",
        about: "one command over HTTP until it shows in a read, idle system",
        run: |run| Box::pin(latency::run(run)),
    },
    BenchPath {
        name: "rows",
        about: "rows as single Avro messages, from the log into DuckDB, beside an ordered read",
        run: |run| Box::pin(rows::single(run)),
    },
    BenchPath {
        name: "blocks",
        about: "rows in blocks, from the log into DuckDB, beside append_record_batch",
        run: |run| Box::pin(rows::blocks(run)),
    },
    BenchPath {
        name: "load",
        about: "CSV and Parquet load, beside DuckDB's own COPY; with a key beside stage, anti-join, insert",
        run: |run| Box::pin(load::run(run)),
    },
    BenchPath {
        name: "export",
        about: "CSV and Parquet export of a table, beside DuckDB's own COPY of the same rows",
        run: |run| Box::pin(export::run(run)),
    },
    BenchPath {
        name: "preview",
        about: "previews over HTTP of 1,000 tables in turn, attached on demand, beside attaching and reading a file",
        run: |run| Box::pin(preview::run(run)),
    },
    BenchPath {
        name: "parallel",
        about: "loads into 8 tables at once, beside the same in turn; a small load and /health meanwhile",
        run: |run| Box::pin(parallel::run(run)),
    },
    BenchPath {
        name: "as-of",
        about: "a table as it was a million rows ago, beside a full load of it",
        run: |run| Box::pin(as_of::run(run)),
    },
    BenchPath { name: "upload", about: "memory that an upload of 10 GB takes", run: |run| Box::pin(upload::run(run)) },
    BenchPath {
        name: "rebuild",
        about: "rebuild of a Postgres projection, beside unnest upserts",
        run: |run| Box::pin(rebuild::run(run)),
    },
    BenchPath {
        name: "read",
        about: "point read over HTTP, beside a bare axum + sqlx handler with the same query",
        run: |run| Box::pin(read::run(run)),
    },
    BenchPath {
        name: "produce",
        about: "typed messages through the messaging kit, beside async-nats publish of the same bytes",
        run: |run| Box::pin(messaging::produce(run)),
    },
    BenchPath {
        name: "consume",
        about: "a loop over typed messages in order by key, beside async-nats fetch and ack",
        run: |run| Box::pin(messaging::consume(run)),
    },
    BenchPath {
        name: "codec",
        about: "messages of Rust types into Avro and back, beside serde_avro_fast with the schema in hand",
        run: |run| Box::pin(codec::run(run)),
    },
    BenchPath {
        name: "kafka-produce",
        about: "typed messages into Kafka (KAFKA_BOOTSTRAP_SERVERS, else a mock), beside librdkafka with the same bytes",
        run: |run| Box::pin(kafka::produce(run)),
    },
    BenchPath {
        name: "kafka-consume",
        about: "a loop over typed messages in order by key from Kafka, beside librdkafka that stores each offset",
        run: |run| Box::pin(kafka::consume(run)),
    },
    BenchPath {
        name: "memory",
        about: "idle memory of all roles with 100 tables, without the servers",
        run: |run| Box::pin(memory::run(run)),
    },
    BenchPath {
        name: "many-tables",
        about: "start with 10,000 tables, and memory with them",
        run: |run| Box::pin(many_tables::run(run)),
    },
    BenchPath {
        name: "nexmark",
        about: "views of Nexmark kept up to date, beside DuckDB that computes them anew, and beside PyFlink",
        run: |run| Box::pin(nexmark::run(run)),
    },
    BenchPath {
        name: "nexmark-changes",
        about: "the same with one of ten events deleted or changed later",
        run: |run| Box::pin(nexmark::changes(run)),
    },
    BenchPath {
        name: "nexmark-end-to-end",
        about: "rows on the stream until a view is committed, small steps beside raw commits, start of a pipeline",
        run: |run| Box::pin(nexmark::end_to_end(run)),
    },
    BenchPath {
        name: "registry",
        about: "10,000 subjects with 10 versions: start, memory; and a schema by id, beside a bare axum handler",
        run: |run| Box::pin(schemas::run(run)),
    },
];
