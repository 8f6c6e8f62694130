//! Where a snapshot's content stands on the log: the table's own event that asked for it says so by its place.

use alluvium_eventlog::{Past, Unit};
use alluvium_kernel::{DecisionContext, Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};

use crate::context::STREAM;
use crate::contract::{RestoreTable, SnapshotRequested, TableEvent};
use crate::model::{Project, problem};

/// The command with what the log says of its snapshot.
pub(crate) async fn sourced(
    command: &RestoreTable,
    project: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<RestoreTable, Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    live.has_branch(&command.branch)?;
    let uid = live.snapshot(&command.branch, &command.snapshot, at.time)?.uid.clone();
    let (seq, asked) = requested(&unit.past(STREAM), unit.tenant(), &uid, &command.snapshot).await?;
    let SnapshotRequested { columns, primary_key, .. } = asked;
    // What counts is what was there before it: the drop of a table may stand in the same commit.
    Ok(RestoreTable { position: seq.saturating_sub(1) as i64, columns, primary_key, ..command.clone() })
}

/// The event of a table that asked for a snapshot, and its sequence.
async fn requested(
    past: &Past,
    tenant: &Token,
    uid: &str,
    snapshot: &str,
) -> Result<(u64, SnapshotRequested), Problem> {
    let id = Token::encode(uid).map_err(|_| Problem::internal())?;
    let subject = subject::event(tenant, "storage", "table", &id);
    let mut found = None;
    past.walk(&subject, 1, u64::MAX, |message| {
        let unreadable = |error: &dyn std::fmt::Display| {
            let detail = format!("Message {} of stream {STREAM} cannot be used: {error}.", message.seq);
            Problem::new("platform.log_damaged", 500, detail)
        };
        for entry in &Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?.entries {
            let event = TableEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
            if let TableEvent::SnapshotRequested(asked) = event
                && asked.snapshot == snapshot
            {
                found = Some((message.seq, asked));
            }
        }
        Ok(found.is_none())
    })
    .await?;
    found.ok_or_else(|| problem::snapshot_not_found(snapshot))
}
