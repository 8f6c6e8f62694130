//! Reading ahead: while Postgres applies one batch, the next is read.

use alluvium_messaging::{Error as LogError, ErrorKind};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::batch::{Gathered, Reader};

/// Batches that wait to be applied, beside the one being gathered. More would not make the slower side any faster.
const BATCHES_AHEAD_MAX: usize = 1;

/// What a reader gives, gathered by a task of its own, in the same order.
pub(crate) struct Ahead {
    gathered: mpsc::Receiver<Result<Gathered, LogError>>,
    _reading: AbortOnDropHandle<()>,
}

impl Ahead {
    /// Begins to read at once.
    pub fn of(mut reader: Reader) -> Self {
        let (sender, gathered) = mpsc::channel(BATCHES_AHEAD_MAX);
        let reading = async move {
            loop {
                let next = reader.batch().await;
                let is_last = next.is_err();
                if sender.send(next).await.is_err() || is_last {
                    return;
                }
            }
        };
        Self { gathered, _reading: AbortOnDropHandle::new(tokio::spawn(reading)) }
    }

    /// Waits for the next thing. Safe to drop while waiting: nothing read is lost. An error is the last thing given.
    pub async fn next(&mut self) -> Result<Gathered, LogError> {
        let ended = || LogError::new(ErrorKind::Unknown, "reading ahead", "the reader has ended");
        self.gathered.recv().await.unwrap_or_else(|| Err(ended()))
    }
}
