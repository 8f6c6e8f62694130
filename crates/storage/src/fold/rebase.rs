//! A table whose rows are gone from the log below a floor begins at a checkpoint, whenever its file is made again: in a rebuild,
//! when the file is lost, on another node, at an earlier point. Never without one, and never with another than was noted.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_tablestore::{Error, Mark};

use super::kept::Checkpoint;
use super::lane::{Lane, LaneError};
use super::queue::{Body, Item};
use crate::contract::TableEvent;

/// Code of a table that cannot be folded again, because what it must begin at is not there.
pub const CHECKPOINT_LOST: &str = "storage.checkpoint_lost";

impl Lane {
    /// Whether the file cannot be folded on by what the log still has.
    pub(super) fn is_below_floor(&self, mark: Option<&Mark>) -> bool {
        let floor = self.effects.kept().floor(&self.id.uid);
        floor > mark.map_or(0, |mark| mark.seq)
    }

    /// Makes the newest checkpoint before `before` the table's file, if its rows are gone below where the file is.
    pub(super) async fn rebase(&self, before: u64, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        if !self.is_below_floor(mark.as_ref()) {
            return Ok(());
        }
        let table = self.effects.kept().table(&self.id.uid).unwrap_or_default();
        let usable = |checkpoint: &&Checkpoint| checkpoint.seq >= table.floor && checkpoint.seq < before;
        let mut causes: Vec<String> = Vec::new();
        for checkpoint in table.checkpoints.iter().rev().filter(usable) {
            match self.adopt(checkpoint).await {
                Ok(adopted) => {
                    tracing::info!(table.id = %self.id.uid, checkpoint.seq, "the table begins at a checkpoint");
                    *mark = Some(adopted);
                    return Ok(());
                }
                Err(LaneError::Store(error @ (Error::NotFound(_) | Error::Corrupt { .. }))) => {
                    tracing::error!(table.id = %self.id.uid, checkpoint.seq, blob = %checkpoint.blob, error = ?error, "a checkpoint cannot be used");
                    let what = if matches!(error, Error::NotFound(_)) { "is not there" } else { "is damaged" };
                    causes.push(format!("the blob {} of its checkpoint at {} {what}", checkpoint.blob, checkpoint.seq));
                }
                Err(error) => return Err(error),
            }
        }
        *mark = None;
        Err(LaneError::Effect(self.checkpoint_lost(table.floor, &causes)))
    }

    fn checkpoint_lost(&self, floor: u64, causes: &[String]) -> Problem {
        let why = if causes.is_empty() { "none was noted".to_owned() } else { causes.join(", and ") };
        let (table, bucket) = (self.id.table.decode(), self.id.bucket.decode());
        let detail = format!(
            "table {table} of bucket {bucket} cannot be folded again: its rows up to {floor} were purged, and {why}; put the \
             blob back from a backup, then retry the table"
        );
        Problem::new(CHECKPOINT_LOST, 503, detail)
    }

    async fn adopt(&self, checkpoint: &Checkpoint) -> Result<Mark, LaneError> {
        let from = self.effects.blob_path(checkpoint.blob.as_str())?;
        let original = checkpoint.original.clone();
        self.blocking(move |hub, file| Ok(hub.adopt(file, &from, &original)?)).await?;
        let Some(found) = self.look().await? else { return Err(Error::NotFound(self.file.to_string()).into()) };
        if found.stream_created_micros == self.stream_created_micros {
            return Ok(found);
        }
        // The log was restored from a backup: it is the same, but the server made its stream anew.
        let here = self.mark(found.seq, found.hash.clone());
        Ok(self.apply(Some(&found), here, Vec::new()).await?.0)
    }

    /// Lets a dropped table pass whose rows are gone: nobody asks for it any more. True when this closes it.
    pub(super) async fn pass_gone(&self, batch: &[Arc<Item>]) -> Result<bool, LaneError> {
        let closes = |item: &Arc<Item>| match &item.body {
            Body::Commit { events, .. } => events.iter().any(|event| matches!(event.event, TableEvent::TableClosed(_))),
            Body::Rows { .. } | Body::Unreadable { .. } => false,
        };
        if !batch.iter().any(closes) {
            return Ok(false);
        }
        self.blocking(|hub, file| Ok(hub.drop(file)?)).await?;
        Ok(true)
    }
}
