//! One table's past, read again from the log: its own events and its rows, up to a sequence.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed, direct};
use async_nats::jetstream;

use super::fold::{STREAM, item};
use super::queue::{Body, Item};
use super::routing::TableId;

/// Messages of rows taken together.
const BATCH_MESSAGES_MAX: usize = 10_000;

/// Reads a table's messages before a sequence, in batches as a lane takes them.
pub struct History {
    tail: Tail,
    /// The last message to read, or the first that is too late.
    last: u64,
    before: u64,
    held: Option<Item>,
    done: bool,
}

impl History {
    /// The messages of `id` from `from`, which is one of them or its creation, to before `before`.
    pub async fn open(js: &jetstream::Context, id: &TableId, from: u64, before: u64) -> Result<Self, Problem> {
        let events = id.event_subject().map_err(|_| Problem::internal())?;
        let filters = vec![events, id.rows_subject()];
        // The leader says where the table ends now: a copy that is behind would end it too early.
        let mut last = 0;
        for subject in &filters {
            let found = direct::leader_last(js, STREAM, subject).await.map_err(unavailable)?;
            last = found.map_or(last, |message| message.seq.max(last));
        }
        let config = TailConfig { stream: STREAM.into(), filters, from, pull: PullSettings::default() };
        let tail = Tail::new(js.clone(), config).map_err(unavailable)?;
        Ok(Self { tail, last, before, held: None, done: last < from || before <= from })
    }

    /// The next batch: one commit, or consecutive messages of rows. `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Item>>>, Problem> {
        let mut batch: Vec<Arc<Item>> = Vec::new();
        while batch.len() < BATCH_MESSAGES_MAX {
            let item = match self.held.take() {
                Some(item) => item,
                None => match self.read().await? {
                    Some(item) => item,
                    None => break,
                },
            };
            if !matches!(item.body, Body::Rows { .. }) {
                if batch.is_empty() {
                    batch.push(Arc::new(item));
                } else {
                    self.held = Some(item);
                }
                break;
            }
            batch.push(Arc::new(item));
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    async fn read(&mut self) -> Result<Option<Item>, Problem> {
        while !self.done {
            // Where it ends is known, so that running out of messages for a moment is no end.
            if let Tailed::Message(message) = self.tail.next().await.map_err(unavailable)? {
                let LogMessage { seq, .. } = message;
                self.done = seq >= self.last || seq + 1 >= self.before;
                if seq >= self.before {
                    return Ok(None);
                }
                return Ok(Some(item(message)));
            }
        }
        Ok(None)
    }
}

fn unavailable(error: alluvium_messaging::Error) -> Problem {
    Problem::unavailable("storage.log_unavailable", error.to_string())
}
