//! A table whose file is gone or unreadable is folded again from its own part of the log; the others go on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use alluvium_tablestore::{ApplyError, Error, Mark};

use super::history::History;
use super::lane::{Lane, LaneError};
use super::queue::{Body, Item};
use super::{request, rows};

impl Lane {
    /// A file that is gone, though the table was opened before this batch, is folded again from the log.
    pub(super) async fn recover(&self, batch: &[Arc<Item>], mark: &mut Option<Mark>) -> Result<(), LaneError> {
        let Some(first) = batch.first().filter(|first| mark.is_none() && first.seq > self.id.created_seq + 1) else {
            return Ok(());
        };
        self.refold(first.seq, mark).await
    }

    /// Folds the table's part of the log up to before a sequence.
    pub(super) async fn refold(&self, before: u64, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        tracing::warn!(table.id = %self.id.uid, "the table's file is gone: folding it again from the log");
        let mut history = History::open(&self.js, &self.id, self.id.created_seq, before).await?;
        while let Some(batch) = history.next().await? {
            self.take_recovered(&batch, mark).await?;
        }
        Ok(())
    }

    pub(super) async fn take_recovered(&self, batch: &[Arc<Item>], mark: &mut Option<Mark>) -> Result<(), LaneError> {
        let Some(first) = batch.first() else { return Ok(()) };
        self.at.store(first.seq, Ordering::Relaxed);
        match &first.body {
            Body::Commit { .. } | Body::Unreadable { .. } if self.effects.is_given_up(first.seq) => {
                self.pass_over(first, mark).await?;
            }
            Body::Commit { chain, reply, events } => {
                self.commit(first, chain, reply.as_deref(), events, mark).await?;
            }
            Body::Rows { .. } => {
                if let Some(from) = mark.clone() {
                    *mark = Some(rows::take(self, batch, from).await?);
                }
            }
            Body::Unreadable { reason } => return Err(request::poison(reason).into()),
        }
        Ok(())
    }

    pub(super) async fn move_aside_if_corrupt(&self, error: &LaneError) {
        if !matches!(
            error,
            LaneError::Store(Error::Corrupt { .. }) | LaneError::Apply(ApplyError::Store(Error::Corrupt { .. }))
        ) {
            return;
        }
        match self.blocking(|hub, file| Ok(hub.move_aside(file)?)).await {
            Ok(moved) => {
                tracing::error!(table.id = %self.id.uid, ?moved, "the table's file is unreadable and was moved aside");
            }
            Err(error) => {
                tracing::error!(table.id = %self.id.uid, error = %error, "the unreadable file could not be moved aside");
            }
        }
    }
}
