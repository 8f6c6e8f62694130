//! One table's past, read again from the log: its own events and its rows, up to a sequence.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed, stream_created};
use async_nats::jetstream;

use super::fold::{STREAM, item};
use super::queue::{Body, Item};
use super::routing::TableId;

/// Messages of rows taken together.
const BATCH_MESSAGES_MAX: usize = 10_000;

/// Reads a table's messages before a sequence, in batches as a lane takes them.
pub struct History {
    tail: Tail,
    before: u64,
    held: Option<Item>,
    done: bool,
}

impl History {
    /// The messages of `id` from `from`, which is one of them or its creation, to before `before`.
    pub async fn open(js: &jetstream::Context, id: &TableId, from: u64, before: u64) -> Result<Self, Problem> {
        let events = id.event_subject().map_err(|_| Problem::internal())?;
        let config = TailConfig {
            stream: STREAM.into(),
            filters: vec![events, id.rows_subject()],
            from,
            pull: PullSettings::default(),
        };
        let (_, last) = stream_created(js, STREAM).await.map_err(unavailable)?;
        let tail = Tail::new(js.clone(), config).map_err(unavailable)?;
        Ok(Self { tail, before: before.min(last + 1), held: None, done: false })
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
            // The message that made somebody ask is one of these, so the tail always has an end to run into.
            if let Tailed::Message(message) = self.tail.next().await.map_err(unavailable)? {
                let LogMessage { seq, pending, .. } = message;
                self.done = pending == 0 || seq + 1 >= self.before;
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
