//! `datagen`: rows made by plans. The same seed makes the same rows, whatever the number of workers and wherever it
//! goes on.

mod field;
mod random;
mod ranges;
mod settings;
mod span;
mod values;
mod words;

use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

pub use field::{ELEMENTS_MAX, LENGTH_MAX, ROW_BYTES_MAX};
pub(crate) use random::Random;
pub use settings::{CHUNK_ROWS, Config, FieldSettings, Plan, Strategy, WORKERS_MAX, WordStrategy};

use crate::cells;
use crate::error::{Error, Exit};
use crate::input::{Draft, Input, Payload, Port};
use crate::table::Table;
use field::Field;

/// How many bytes a chunk of rows has at most, roughly.
const CHUNK_BYTES_MAX: u64 = 64 << 20;

/// Where it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    seed: u64,
    /// The plan, and the next row in it.
    plan: usize,
    row: u64,
    /// Rows so far in all plans.
    rows: u64,
}

/// The plans of a table, checked against its columns.
pub(crate) struct Datagen {
    config: Config,
    makers: Vec<Arc<Maker>>,
}

/// Makes the rows of one plan.
struct Maker {
    plan: usize,
    table: Table,
    fields: Vec<Field>,
}

impl Maker {
    /// Rows from a number on.
    fn make(&self, seed: u64, first: u64, count: u64) -> Result<RecordBatch, String> {
        let mut columns: Vec<Vec<cells::Cell>> =
            self.fields.iter().map(|_| Vec::with_capacity(count as usize)).collect();
        for row in first..first.saturating_add(count) {
            let mut random = Random::of(seed, self.plan as u64, row);
            for (field, column) in self.fields.iter().zip(&mut columns) {
                column.push(field.value(row, &mut random));
            }
        }
        let schema = &self.table.schema;
        let arrays = schema.fields().iter().zip(columns).map(|(field, cells)| cells::array(field.data_type(), cells));
        let options = RecordBatchOptions::new().with_row_count(Some(count as usize));
        let made = arrays
            .collect::<Result<_, _>>()
            .and_then(|arrays| RecordBatch::try_new_with_options(schema.clone(), arrays, &options));
        made.map_err(|error| format!("generated rows do not fit the table: {error}"))
    }
}

impl Datagen {
    /// Checks the plans against the columns of a table.
    ///
    /// # Errors
    ///
    /// Settings for columns that are not there, or that do not suit their types.
    pub fn new(connector: &str, config: &Config, table: &Table) -> Result<Self, Error> {
        let makers = config.plan.iter().enumerate().map(|(plan, described)| {
            let wrong = |below: String, reason: String| {
                Error::member(connector, format!("transport.config.plan[{plan}].{below}"), reason)
            };
            let fields =
                field::row(&table.columns, Some(&described.fields)).map_err(|(below, reason)| wrong(below, reason))?;
            if bytes_of(&fields) > ROW_BYTES_MAX {
                let reason =
                    format!("a row may have more than {ROW_BYTES_MAX} bytes; make the ranges of lengths smaller");
                return Err(wrong("fields".to_owned(), reason));
            }
            Ok(Arc::new(Maker { plan, table: table.clone(), fields }))
        });
        Ok(Self { makers: makers.collect::<Result<_, _>>()?, config: config.clone() })
    }

    async fn generate(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at = if let Some(position) = position {
            serde_json::from_value(position)
                .map_err(|error| Exit::fatal(format!("this is no position of a generator: {error}")))?
        } else {
            let seed = self.config.seed.unwrap_or_else(rand_seed);
            Position { seed, plan: 0, row: 0, rows: 0 }
        };
        while let (Some(plan), Some(maker)) = (self.config.plan.get(at.plan), self.makers.get(at.plan)) {
            self.run(plan, maker, &mut at, &mut port).await?;
            at = Position { plan: at.plan + 1, row: 0, ..at };
        }
        Ok(())
    }

    async fn run(&self, plan: &Plan, maker: &Arc<Maker>, at: &mut Position, port: &mut Port) -> Result<(), Exit> {
        let by_bytes = (CHUNK_BYTES_MAX / bytes_of(&maker.fields).max(1)).max(1);
        let chunk = plan.chunk_rows().min(port.limits().batch_records).min(by_bytes).max(1);
        let end = plan.limit.unwrap_or(u64::MAX);
        let side_by_side = self.config.workers.min(std::thread::available_parallelism().map_or(1, usize::from));
        let mut pace = Pace::new(plan.rate, at.row);
        let mut next = at.row;
        let mut made = FuturesOrdered::new();
        loop {
            while made.len() < side_by_side && next < end {
                let (maker, seed, first, count) = (maker.clone(), at.seed, next, chunk.min(end - next));
                let making = tokio::task::spawn_blocking(move || maker.make(seed, first, count));
                made.push_back(async move { (first, count, making.await) });
                next += count;
            }
            let Some((first, count, batch)) = port.guard(made.next()).await? else { return Ok(()) };
            let batch = batch.map_err(|_| Exit::fatal("the generator broke off"))?.map_err(Exit::fatal)?;
            if port.is_paused() {
                port.ready().await?;
                pace = Pace::new(plan.rate, first);
            }
            if let Some(wait) = pace.wait(first) {
                port.sleep(wait).await?;
            }
            let transaction = self.config.transaction_size.map(|size| at.rows / size);
            *at = Position { row: first + count, rows: at.rows + count, ..*at };
            let position = serde_json::to_value(*at).map_err(|error| Exit::fatal(error.to_string()))?;
            port.send(Draft { payload: Payload::Rows(batch), position, transaction }).await?;
        }
    }
}

fn bytes_of(fields: &[Field]) -> u64 {
    fields.iter().fold(0, |sum, field| sum.saturating_add(field.bytes_max))
}

/// A seed that nobody chose. It stands in every position, so that rows come again as they were.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

/// When a row is due at a rate.
struct Pace {
    rate: Option<u32>,
    since: Instant,
    first: u64,
}

impl Pace {
    fn new(rate: Option<u32>, first: u64) -> Self {
        Self { rate, since: Instant::now(), first }
    }

    /// How long to wait for a row; nothing if it is due.
    fn wait(&self, row: u64) -> Option<Duration> {
        let rate = u128::from(self.rate?);
        let micros = u128::from(row.saturating_sub(self.first)) * 1_000_000 / rate;
        let due = self.since.checked_add(Duration::from_micros(u64::try_from(micros).ok()?))?;
        Some(due.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }
}

impl Input for Datagen {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).generate(position, port))
    }
}

#[cfg(test)]
mod tests;
