//! Taking rows off the log: said there first, so that a crash in between leaves something to finish and never something to
//! explain.

use std::sync::Arc;

use alluvium_kernel::{Actor, Problem, Token};
use alluvium_messaging::snapshot;
use serde_json::Value;

use super::checkpoint::at;
use super::{Retention, busy, unavailable};
use crate::contract::RecordPurge;
use crate::fold::{Checkpoint, Lane, STREAM, TableId};
use crate::model;

impl Retention {
    /// Whether the server lets anybody purge the stream at all.
    pub(super) async fn is_allowed(&self) -> Result<(), Problem> {
        let described = snapshot::describe(&self.tables.js, STREAM).await.map_err(unavailable)?;
        let denied = described.is_some_and(|stream| stream.config.get("deny_purge") == Some(&Value::Bool(true)));
        if denied { Err(denied_problem()) } else { Ok(()) }
    }

    /// Purges rows of a table up to a checkpoint; gives how many messages went.
    pub(super) async fn purge(&self, lane: &Arc<Lane>, up_to: u64, actor: &Actor) -> Result<u64, Problem> {
        self.is_well(lane)?;
        let fold = self.tables.fold();
        let table = fold.kept().table(&lane.id.uid).unwrap_or_default();
        let base = table.checkpoints.iter().find(|checkpoint| checkpoint.seq == up_to);
        let base = base.ok_or_else(Problem::internal)?;
        if self.folded(lane).await? < up_to {
            return Err(Problem::unavailable("storage.table_unavailable", "the table is behind its own checkpoint"));
        }
        self.is_whole(base).await?;
        let noted = self.note(&lane.id, up_to, false, actor).await?;
        self.take_away(&lane.id.rows_subject(), up_to, noted).await
    }

    /// Purges all rows of a table that was dropped at `up_to`.
    pub(super) async fn purge_dropped(&self, id: &TableId, up_to: u64, actor: &Actor) -> Result<u64, Problem> {
        let noted = self.note(id, up_to, true, actor).await?;
        self.take_away(&id.rows_subject(), up_to, noted).await
    }

    /// Says on the log what will go; gives where.
    async fn note(&self, id: &TableId, up_to: u64, dropped: bool, actor: &Actor) -> Result<u64, Problem> {
        // A rebuild that is under way reads what is to go; one that begins after this note begins at the checkpoint.
        let _still = self.tables.rebuilding.try_lock().map_err(|_| busy())?;
        self.is_allowed().await?;
        let fold = self.tables.fold();
        let kept = fold.kept();
        let lost = kept.lost(&self.tables.js).await?;
        if lost > fold.accepted_loss() {
            let detail =
                format!("{lost} messages are missing on {STREAM} that no recorded purge took; nothing was purged.");
            return Err(Problem::new("storage.rows_lost", 409, detail));
        }
        let subject = id.rows_subject();
        let messages = self.count(&subject, up_to).await?;
        let command = RecordPurge {
            uid: id.uid.clone(),
            subject,
            since: id.created_seq as i64,
            up_to: up_to as i64,
            messages: messages as i64,
            dropped,
        };
        let uid = Token::encode(&id.uid).map_err(|_| Problem::internal())?;
        let live = &self.tables.live;
        let noted = live.log.decide::<model::Retention>(&uid, command.into(), &at(&id.tenant, actor)).await?;
        kept.refresh(&self.tables.js, id).await?;
        if kept.floor(&id.uid) < up_to {
            return Err(Problem::internal());
        }
        Ok(noted)
    }

    /// Takes rows away that the log says may go: the only purge there is. `noted` is where it says so.
    pub(super) async fn take_away(&self, subject: &str, up_to: u64, noted: u64) -> Result<u64, Problem> {
        // Whoever remembers one of these messages as the last one seen would miss it.
        self.followers.passed(noted).await?;
        let failed = |error: &dyn std::fmt::Display| {
            let detail = format!("purging {subject} up to {up_to} failed ({error}); the next run goes on with it");
            Problem::unavailable("storage.log_unavailable", detail)
        };
        let stream = self.tables.js.get_stream_no_info(STREAM).await.map_err(|error| failed(&error))?;
        let purged = stream.purge().filter(subject).sequence(up_to + 1).await.map_err(|error| failed(&error))?.purged;
        metrics::counter!("alluvium_retention_purged_messages_total").increment(purged);
        tracing::info!(subject, up_to, messages = purged, "rows were purged");
        Ok(purged)
    }

    /// Whether a checkpoint's content is still what it was: from now on it is all there is.
    async fn is_whole(&self, checkpoint: &Checkpoint) -> Result<(), Problem> {
        if self.blobs.is_whole(&checkpoint.blob).await {
            return Ok(());
        }
        let detail = format!("the blob {} of the checkpoint at {} is gone or damaged", checkpoint.blob, checkpoint.seq);
        tracing::error!(checkpoint.seq, blob = %checkpoint.blob, "a checkpoint is not what it was; nothing is purged below it");
        Err(Problem::unavailable(crate::fold::CHECKPOINT_LOST, detail))
    }
}

fn denied_problem() -> Problem {
    let detail = format!("The stream {STREAM} denies every purge, and nats-server never takes that off a stream.");
    Problem::new("storage.purge_denied", 409, detail)
}
