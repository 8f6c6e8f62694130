//! What the fold counts when it settles a request for the first time, whoever asked for it and by whatever way.

use std::time::Duration;

use alluvium_kernel::Timestamp;
use metrics::{counter, histogram};

use super::queue::CommitEvent;
use super::request::Verdict;
use crate::contract::TableEvent;
use crate::routes::now;

/// A verdict that the log did not have before.
pub(super) fn settled(event: &CommitEvent, verdict: &Verdict) {
    if verdict.problem.is_some() {
        return;
    }
    match &event.event {
        TableEvent::SnapshotRequested(asked) => {
            let (kind, trigger) = labels(&asked.kind);
            counter!("duckdb_snapshots_created_total", "type" => kind, "trigger" => trigger).increment(1);
            histogram!("duckdb_snapshot_create_duration_seconds").record(since(event.time));
        }
        TableEvent::RestoreRequested(asked) if !asked.snapshot.is_empty() => {
            counter!("duckdb_snapshots_restored_total").increment(1);
            histogram!("duckdb_snapshot_restore_duration_seconds").record(since(event.time));
        }
        _ => {}
    }
}

/// The known words only: an event may say any.
fn labels(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "manual" => ("manual", "manual"),
        "auto_predrop" => ("auto_predrop", "drop_table"),
        "auto_predrop_column" => ("auto_predrop_column", "drop_column"),
        "auto_pretruncate" => ("auto_pretruncate", "delete_all_rows"),
        _ => ("other", "other"),
    }
}

/// How long ago a command was taken in.
fn since(time: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(now().micros() - time.micros()).unwrap_or(0))
}
