//! A table whose file is gone or unreadable is folded again from its own part of the log; the others go on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_tablestore::{ApplyError, Error, Hub, Mark, TableFile};
use tokio_util::sync::CancellationToken;

use super::history::History;
use super::lane::{Lane, LaneError, RETRY_MS_MAX, RETRY_MS_MIN};
use super::queue::{Body, Item};
use super::{request, rows};

/// Stands beside the file of a table while that is folded again.
fn unfinished(hub: &Hub, file: &TableFile) -> Result<PathBuf, Error> {
    let mut path = hub.path(file)?.into_os_string();
    path.push(".unfinished");
    Ok(path.into())
}

impl Lane {
    /// A file that is gone, though the table was opened before this batch, is folded again from the log; so is one that is so
    /// old that the log does not hold what follows, and one whose folding again has not come to its end.
    pub(super) async fn recover(&self, batch: &[Arc<Item>], mark: &mut Option<Mark>) -> Result<(), LaneError> {
        let Some(first) = batch.first() else { return Ok(()) };
        let gone = mark.is_none() && first.seq > self.id.created_seq + 1;
        if gone || self.is_below_floor(mark.as_ref()) || self.is_unfinished().await? {
            self.refold(first.seq, mark).await
        } else {
            Ok(())
        }
    }

    /// Whether the file was being folded again when that failed, or when the process ended: it lacks what lies between its mark
    /// and the next batch.
    pub(super) async fn is_unfinished(&self) -> Result<bool, LaneError> {
        self.blocking(|hub, file| Ok(unfinished(hub, file)?.exists())).await
    }

    /// Folds the table's part of the log up to before a sequence.
    pub(super) async fn refold(&self, before: u64, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        tracing::warn!(table.id = %self.id.uid, "the table has no file that could go on: folding it again from the log");
        // What is applied was decided on, here or before: who may write today does not matter for it.
        let undecided = self.progress.oldest(&self.id.uid).map_or(before, |oldest| oldest.min(before));
        self.decided.fetch_max(undecided - 1, Ordering::Relaxed);
        self.blocking(|hub, file| {
            let note = unfinished(hub, file)?;
            let made = note.parent().map_or(Ok(()), std::fs::create_dir_all);
            made.and_then(|()| std::fs::File::create(&note)?.sync_all())
                .map_err(|source| Error::Io { path: note, source }.into())
        })
        .await?;
        self.fold_history(before, mark).await?;
        self.blocking(|hub, file| {
            let note = unfinished(hub, file)?;
            std::fs::remove_file(&note).map_err(|source| Error::Io { path: note, source }.into())
        })
        .await
    }

    /// Folds on from where the file is, else from a checkpoint, else from the table's creation.
    async fn fold_history(&self, before: u64, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        loop {
            self.rebase(u64::MAX, mark).await?;
            // The message at the mark is read again, because the file may hold only a part of its events.
            let from = mark.as_ref().map_or(self.id.created_seq, |mark| mark.seq);
            let mut history = History::open(&self.js, &self.id, from, before).await?;
            while let Some(batch) = history.next().await? {
                self.take_recovered(&batch, mark).await?;
            }
            if !self.was_purged_above(from).await? {
                return Ok(());
            }
            // Rows may have been taken away while they were read: once more, from where nothing is missing.
            self.blocking(|hub, file| Ok(hub.drop(file)?)).await?;
            *mark = None;
        }
    }

    /// Whether rows above a sequence may be gone, as the leader has it now. A purge is said there before it begins.
    pub(super) async fn was_purged_above(&self, seq: u64) -> Result<bool, LaneError> {
        let kept = self.effects.kept();
        kept.refresh(&self.js, &self.id).await?;
        Ok(kept.floor(&self.id.uid) > seq)
    }

    /// Brings the file of a table that came here up to `until`: from what a file of an earlier time holds, else from a
    /// checkpoint or the table's creation.
    pub(super) async fn catch_up(&self, until: u64) -> Result<(), LaneError> {
        if self.effects.kept().is_gone(&self.id) {
            return Ok(());
        }
        let mut mark = self.look().await?;
        if mark.as_ref().is_some_and(|mark| mark.stream_created_micros != self.stream_created_micros) {
            tracing::warn!(table.id = %self.id.uid, "a file of another log is thrown away");
            self.blocking(|hub, file| Ok(hub.drop(file)?)).await?;
            mark = None;
        }
        self.fold_history(until + 1, &mut mark).await
    }

    /// The same until it succeeds or can never; false when the process is ending or the table leaves.
    pub(super) async fn caught_up(&self, until: u64, stop: &CancellationToken) -> bool {
        let mut pause = RETRY_MS_MIN;
        loop {
            let caught_up = tokio::select! {
                () = stop.cancelled() => return false,
                caught_up = self.catch_up(until) => caught_up,
            };
            match caught_up {
                Ok(()) => {
                    self.set_trouble(None);
                    self.queue.caught_up(&self.progress);
                    return true;
                }
                Err(error) => {
                    self.report(&error);
                    if error.is_final() {
                        self.park(&error);
                        return true;
                    }
                    self.move_aside_if_corrupt(&error).await;
                    tokio::select! {
                        () = stop.cancelled() => return false,
                        () = tokio::time::sleep(Duration::from_millis(pause)) => {}
                    }
                    pause = (pause * 2).min(RETRY_MS_MAX);
                }
            }
        }
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
