//! Gathering messages into batches: large when there is much to do, one at once when there is not.

use std::time::Duration;

use alluvium_messaging::{Error as LogError, LogMessage, Tail, TailHealth, Tailed};
use tokio::time::Instant;

/// Messages in one transaction.
pub(crate) const BATCH_MESSAGES_MAX: usize = 2_000;
/// Payload bytes in one transaction.
pub(crate) const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a batch waits for messages that the server said are coming, in milliseconds; with none coming it does not wait.
const BATCH_WAIT_MS: u64 = 20;

/// What the tail gave.
#[derive(Debug)]
pub(crate) enum Gathered {
    Messages(Vec<LogMessage>),
    Reconnected,
    Idle,
}

/// A tail, read in batches.
pub(crate) struct Reader {
    tail: Tail,
    reconnected: bool,
}

impl Reader {
    pub fn new(tail: Tail) -> Self {
        Self { tail, reconnected: false }
    }

    /// A handle for the health page.
    pub fn health(&self) -> TailHealth {
        self.tail.health()
    }

    /// Waits for the next thing. Safe to drop while waiting: nothing read is lost.
    pub async fn first(&mut self) -> Result<Gathered, LogError> {
        if std::mem::take(&mut self.reconnected) {
            return Ok(Gathered::Reconnected);
        }
        Ok(match self.tail.next().await? {
            Tailed::Message(message) => Gathered::Messages(vec![message]),
            Tailed::Reconnected => Gathered::Reconnected,
            Tailed::Idle => Gathered::Idle,
        })
    }

    /// Waits for the next thing; messages come in a full batch, if there are as many.
    pub async fn batch(&mut self) -> Result<Gathered, LogError> {
        let mut gathered = self.first().await?;
        if let Gathered::Messages(batch) = &mut gathered {
            self.fill(batch).await;
        }
        Ok(gathered)
    }

    /// Adds to a batch until it is full or waiting longer would only cost time.
    pub async fn fill(&mut self, batch: &mut Vec<LogMessage>) {
        let deadline = Instant::now() + Duration::from_millis(BATCH_WAIT_MS);
        let mut bytes: usize = batch.iter().map(|message| message.payload.len()).sum();
        while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX && !self.reconnected {
            let more_coming = batch.last().is_some_and(|message| message.pending > 0);
            let next = match self.tail.ready() {
                Some(message) => Some(message),
                None if more_coming => self.wait(deadline).await,
                None => None,
            };
            let Some(message) = next else { return };
            bytes += message.payload.len();
            batch.push(message);
        }
    }

    async fn wait(&mut self, deadline: Instant) -> Option<LogMessage> {
        match tokio::time::timeout_at(deadline, self.tail.next()).await {
            Ok(Ok(Tailed::Message(message))) => Some(message),
            Ok(Ok(Tailed::Reconnected)) => {
                // What is in the batch came before; the reader hears of it with its next question.
                self.reconnected = true;
                None
            }
            // An error shows again with the next question.
            Ok(Ok(Tailed::Idle) | Err(_)) | Err(_) => None,
        }
    }
}
