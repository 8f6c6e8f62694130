//! `nexmark`: the events of the Nexmark benchmark, an auction house: people, auctions and bids.
//!
//! Of fifty events in a row, one is a person, three are auctions and the rest are bids. The three tables of a pipeline
//! each take their own out of the same sequence, which depends on nothing but the number of an event.

mod event;

pub use event::events;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cells::{self, Cell};
use crate::config::Wrong;
use crate::error::{Error, Exit};
use crate::input::{Draft, Input, Payload, Port};
use crate::table::Table;

/// `nexmark`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Which events come.
    pub table: Kind,
    /// How many there are.
    #[serde(default)]
    pub options: Option<Options>,
}

/// Which events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Bids.
    Bid,
    /// Auctions.
    Auction,
    /// People.
    Person,
}

/// How many events there are, and how they are made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Events of all three tables.
    pub events: u64,
    /// Taken for clients' sake: the events are the same for any number of threads.
    pub threads: u64,
    /// Events that are made at once, for each thread.
    pub batch_size_per_thread: u64,
    /// Events that are given on at once, for each thread.
    pub max_step_size_per_thread: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { events: 100_000_000, threads: 4, batch_size_per_thread: 1000, max_step_size_per_thread: 10_000 }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        let options = self.options.unwrap_or_default();
        Wrong::unless_at_least("options.threads", options.threads, 1)?;
        Wrong::unless_at_least("options.batch_size_per_thread", options.batch_size_per_thread, 1)?;
        Wrong::unless_at_least("options.max_step_size_per_thread", options.max_step_size_per_thread, 1)
    }
}

/// The events of one table.
pub(crate) struct Nexmark {
    kind: Kind,
    events: u64,
    chunk_events: u64,
    schema: SchemaRef,
    /// For each column of the table, which member of the event it is.
    members: Vec<usize>,
}

/// How many events are looked through for one chunk.
const CHUNK_EVENTS_MAX: u64 = 100_000;

impl Nexmark {
    /// Checks that every column of the table is a member of its events.
    ///
    /// # Errors
    ///
    /// A column is not.
    pub fn new(connector: &str, config: &Config, table: &Table) -> Result<Self, Error> {
        let known = event::members(config.table);
        let members = table.columns.iter().map(|column| {
            let name = column.name.name.to_lowercase();
            known.iter().position(|member| *member == name).ok_or_else(|| {
                let reason =
                    format!("the table has the column '{}'; such events have: {}", column.name, known.join(", "));
                Error::member(connector, "transport.config.table", reason)
            })
        });
        let members = members.collect::<Result<_, _>>()?;
        let options = config.options.unwrap_or_default();
        let chunk_events = options.batch_size_per_thread.saturating_mul(options.threads).min(CHUNK_EVENTS_MAX);
        let made =
            Self { kind: config.table, events: options.events, chunk_events, schema: table.schema.clone(), members };
        // Whether the types fit shows with the first event.
        made.make(0, 50).map_err(|reason| Error::member(connector, "transport.config.table", reason))?;
        Ok(made)
    }

    /// The events of the table among those from a number on.
    fn make(&self, first: u64, count: u64) -> Result<RecordBatch, String> {
        let mut columns: Vec<Vec<Cell>> = vec![Vec::new(); self.members.len()];
        for event in event::of(self.kind, first, count) {
            self.members.iter().zip(&mut columns).for_each(|(member, column)| column.push(event[*member].clone()));
        }
        let arrays =
            self.schema.fields().iter().zip(columns).map(|(field, cells)| cells::array(field.data_type(), cells));
        let made =
            arrays.collect::<Result<_, _>>().and_then(|arrays| RecordBatch::try_new(self.schema.clone(), arrays));
        made.map_err(|error| format!("the columns of the table are not of the types of such events: {error}"))
    }

    async fn generate(self: Arc<Self>, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at = match position {
            None => 0,
            Some(position) => position
                .get("event")
                .and_then(Value::as_u64)
                .ok_or_else(|| Exit::fatal("this is no position of a generator of Nexmark events"))?,
        };
        let chunk = self.chunk_events.min(port.limits().batch_records).max(1);
        while at < self.events {
            let (maker, first, count) = (self.clone(), at, chunk.min(self.events - at));
            let making = tokio::task::spawn_blocking(move || maker.make(first, count));
            let batch = port.guard(making).await?.map_err(|_| Exit::fatal("the generator broke off"))?;
            let batch = batch.map_err(Exit::fatal)?;
            at += count;
            if batch.num_rows() > 0 || at == self.events {
                let (payload, position) = (Payload::Rows(batch), json!({"event": at}));
                port.send(Draft { payload, position, transaction: None }).await?;
            }
        }
        Ok(())
    }
}

impl Input for Nexmark {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin(Arc::new(*self).generate(position, port))
    }
}

#[cfg(test)]
mod tests;
