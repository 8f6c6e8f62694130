//! Making a checkpoint: a verified copy, kept as a blob, and only then noted on the log.

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::DecisionContext;
use alluvium_kernel::{Actor, Position, Problem, Timestamp, Token};
use alluvium_tablestore::Copied;
use uuid::Uuid;

use super::Retention;
use super::plan::now_micros;
use crate::contract::RecordCheckpoint;
use crate::fold::{Lane, STREAM, store_problem};
use crate::model;

/// The largest table that a checkpoint is made of, in bytes.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 40;
/// How long what the copy holds may take to be decided on the log, in seconds.
const DECIDED_WAIT_SECONDS: u64 = 30;

impl Retention {
    /// Copies a table as it is now; gives the sequence up to which the copy is folded.
    pub(super) async fn checkpoint(&self, lane: &Arc<Lane>, actor: &Actor) -> Result<u64, Problem> {
        let scratch = crate::fold::next_generation();
        let (hub, from, to) = (self.tables.hub().clone(), lane.file.clone(), lane.id.file(scratch));
        let copying = tokio::task::spawn_blocking(move || hub.copy(&from, &to));
        let noted = match copying.await.map_err(|_| Problem::internal())? {
            Ok(copied) => self.note_checkpoint(lane, copied, actor).await,
            Err(error) => Err(store_problem(error)),
        };
        let hub = self.tables.hub().clone();
        let removed = tokio::task::spawn_blocking(move || hub.drop_generation(scratch)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(table.id = %lane.id.uid, "the copy of a table is left behind; the next start removes it");
        }
        noted
    }

    async fn note_checkpoint(&self, lane: &Lane, copied: Copied, actor: &Actor) -> Result<u64, Problem> {
        let seq = copied.mark.seq;
        let disk = |error: &dyn std::fmt::Display| {
            tracing::error!(path = %copied.path.display(), error = %error, "a copy of a table cannot be read");
            Problem::internal()
        };
        let file = tokio::fs::File::open(&copied.path).await.map_err(|error| disk(&error))?;
        let blob = self.blobs.put(file, CHECKPOINT_BYTES_MAX).await?;
        // A verdict on what the copy holds may still be on its way to the log: until it is there, another could be given.
        let wait = Duration::from_secs(DECIDED_WAIT_SECONDS);
        self.tables.wait_table(&lane.id.uid, &Position::of(STREAM, seq), wait).await?;
        let command = RecordCheckpoint {
            uid: lane.id.uid.clone(),
            subject: lane.id.rows_subject(),
            since: lane.id.created_seq as i64,
            seq: seq as i64,
            hash: copied.mark.hash,
            stream_created_micros: copied.mark.stream_created_micros,
            blob: blob.id.to_string(),
            size_bytes: blob.bytes as i64,
            rows: copied.checksum.rows as i64,
            checksum: copied.checksum.hash,
            engine: copied.engine,
        };
        let uid = Token::encode(&lane.id.uid).map_err(|_| Problem::internal())?;
        self.tables.live.log.decide::<model::Retention>(&uid, command.into(), &at(&lane.id.tenant, actor)).await?;
        let fold = self.tables.fold();
        fold.kept().refresh(&self.tables.js, &lane.id).await?;
        tracing::info!(table.id = %lane.id.uid, checkpoint.seq = seq, checkpoint.bytes = blob.bytes, blob = %blob.id, "a checkpoint was made");
        Ok(seq)
    }
}

/// Who notes something, and when.
pub(super) fn at(tenant: &Token, actor: &Actor) -> DecisionContext {
    DecisionContext {
        tenant: tenant.clone(),
        command_id: format!("retention:{}", Uuid::now_v7()),
        actor: actor.clone(),
        time: Timestamp::from_micros(now_micros()),
    }
}
