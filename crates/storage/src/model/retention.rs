//! `retention`: the checkpoints of one table, and which of its rows were taken off the log.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::problem;
use super::table::is_sha256;
use crate::contract::{RecordCheckpoint, RecordPurge, RetentionEvent, RowsPurged, TableCheckpointed};

/// What is kept of one incarnation of a table; the aggregate's id is the table's uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Sequences of the checkpoints that a replay can begin at, oldest first.
    pub checkpoints: Vec<i64>,
    /// Rows at or below are taken off the log; 0 before the first purge.
    pub purged_up_to: i64,
    /// Whether the table was dropped and is not folded any more.
    pub dropped: bool,
}

impl Decide<Retention> for RecordCheckpoint {
    type Event = RetentionEvent;

    fn decide(self, state: &Retention, _: &DecisionContext) -> Result<Vec<RetentionEvent>, Problem> {
        if !is_sha256(&self.blob) || self.size_bytes <= 0 {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored copy, with its size."));
        }
        // A copy of what is kept already brings nothing; one below the floor could not be folded on.
        if state.dropped || self.seq <= state.newest().max(state.purged_up_to) {
            return Ok(Vec::new());
        }
        let Self { uid, subject, since, seq, hash, stream_created_micros, blob, size_bytes, rows, checksum, engine } =
            self;
        Ok(vec![
            TableCheckpointed {
                uid,
                subject,
                since,
                seq,
                hash,
                stream_created_micros,
                blob,
                size_bytes,
                rows,
                checksum,
                engine,
            }
            .into(),
        ])
    }
}

impl Decide<Retention> for RecordPurge {
    type Event = RetentionEvent;

    fn decide(self, state: &Retention, _: &DecisionContext) -> Result<Vec<RetentionEvent>, Problem> {
        if state.dropped || self.up_to <= state.purged_up_to {
            return Ok(Vec::new());
        }
        if !self.dropped && !state.checkpoints.contains(&self.up_to) {
            let detail = format!("There is no checkpoint at {}: rows are purged up to one only.", self.up_to);
            return Err(Problem::new("storage.purge_without_checkpoint", 409, detail));
        }
        let Self { uid, subject, since, up_to, messages, dropped } = self;
        Ok(vec![RowsPurged { uid, subject, since, up_to, messages, dropped }.into()])
    }
}

impl Retention {
    fn newest(&self) -> i64 {
        self.checkpoints.last().copied().unwrap_or(0)
    }
}

impl Evolve<Retention> for TableCheckpointed {
    fn evolve(self, state: &mut Retention) {
        state.checkpoints.push(self.seq);
    }
}

impl Evolve<Retention> for RowsPurged {
    fn evolve(self, state: &mut Retention) {
        state.purged_up_to = self.up_to;
        state.dropped = self.dropped;
        state.checkpoints.retain(|seq| *seq >= self.up_to && !self.dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn record(seq: i64) -> RecordCheckpoint {
        RecordCheckpoint {
            uid: "t1".into(),
            subject: "rows.default.p.b.t".into(),
            since: 3,
            seq,
            hash: "h".into(),
            stream_created_micros: 5,
            blob: "0a".repeat(32),
            size_bytes: 10,
            rows: 1,
            checksum: "7".into(),
            engine: "v1".into(),
        }
    }

    fn checkpointed(seq: i64) -> RetentionEvent {
        let RecordCheckpoint {
            uid,
            subject,
            since,
            seq,
            hash,
            stream_created_micros,
            blob,
            size_bytes,
            rows,
            checksum,
            engine,
        } = record(seq);
        TableCheckpointed {
            uid,
            subject,
            since,
            seq,
            hash,
            stream_created_micros,
            blob,
            size_bytes,
            rows,
            checksum,
            engine,
        }
        .into()
    }

    fn purge(up_to: i64, dropped: bool) -> RecordPurge {
        RecordPurge { uid: "t1".into(), subject: "rows.default.p.b.t".into(), since: 3, up_to, messages: 4, dropped }
    }

    fn purged(up_to: i64, dropped: bool) -> RetentionEvent {
        let RecordPurge { uid, subject, since, up_to, messages, dropped } = purge(up_to, dropped);
        RowsPurged { uid, subject, since, up_to, messages, dropped }.into()
    }

    #[test]
    fn checkpoints_go_forward() {
        given::<Retention>(nothing()).when(record(9).into()).then_expect_events(vec![checkpointed(9)]);
        given::<Retention>(vec![checkpointed(9)]).when(record(9).into()).then_expect_events(nothing());
        given::<Retention>(vec![checkpointed(9)]).when(record(12).into()).then_expect_events(vec![checkpointed(12)]);
        let bad = RecordCheckpoint { blob: "../x".into(), ..record(9) };
        refused(given::<Retention>(nothing()).when(bad.into()).inspect_result(), 400, "storage.invalid_request");
    }

    #[test]
    fn rows_are_purged_up_to_a_checkpoint_only() {
        let result = given::<Retention>(nothing()).when(purge(9, false).into()).inspect_result();
        refused(result, 409, "storage.purge_without_checkpoint");
        let kept = || vec![checkpointed(9), checkpointed(12)];
        let result = given::<Retention>(kept()).when(purge(10, false).into()).inspect_result();
        refused(result, 409, "storage.purge_without_checkpoint");
        given::<Retention>(kept()).when(purge(9, false).into()).then_expect_events(vec![purged(9, false)]);
        let after = || kept().into_iter().chain([purged(12, false)]).collect::<Vec<_>>();
        given::<Retention>(after()).when(purge(12, false).into()).then_expect_events(nothing());
        given::<Retention>(after()).when(purge(9, false).into()).then_expect_events(nothing());
    }

    #[test]
    fn a_dropped_table_needs_no_checkpoint_and_gets_none_any_more() {
        given::<Retention>(nothing()).when(purge(9, true).into()).then_expect_events(vec![purged(9, true)]);
        given::<Retention>(vec![purged(9, true)]).when(record(12).into()).then_expect_events(nothing());
        given::<Retention>(vec![purged(9, true)]).when(purge(12, true).into()).then_expect_events(nothing());
    }
}
