//! What is kept of tables instead of all their rows: checkpoints, and up to where rows were taken off the log. All of it is
//! on the log, a purge before it begins, so what is missing without a word there was taken by somebody else.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use alluvium_eventlog::blob::BlobId;
use alluvium_eventlog::check::Recorded;
use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::{Commit, Contract, ContractSet, LogMessage, direct};
use alluvium_tablestore::{Checksum, Mark, Original};
use async_nats::jetstream;

use super::fold::STREAM;
use super::routing::TableId;
use crate::contract::{RetentionEvent, RowsPurged, TableCheckpointed};

/// Where all of it is said.
const SUBJECTS: &str = "ev.*.storage.*.retention.*";

/// A copy of a table's file, from which the table can be folded on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last message whose effects it holds.
    pub seq: u64,
    /// Its content.
    pub blob: BlobId,
    /// Its size.
    pub bytes: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What it must hold.
    pub original: Original,
}

/// One incarnation of a table of which anything is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptTable {
    /// Subject of its rows.
    pub subject: String,
    /// Sequence of the commit that created it.
    pub since: u64,
    /// The checkpoints that a replay can begin at, oldest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Rows at or below may be gone; 0 before the first purge.
    pub floor: u64,
    /// Messages of rows that were there for its purges to take.
    pub purged: u64,
    /// Sequence of the event that says so of the last one.
    pub noted: u64,
    /// Whether it was dropped, and no replay folds it any more.
    pub dropped: bool,
    /// Sequence of the last of these events.
    pub last: u64,
}

/// All tables of which anything is kept, as far as the log has been read.
#[derive(Debug, Default)]
pub struct Kept {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: HashMap<String, KeptTable>,
    /// By subject of rows: the floor there, and since when the table is that it was recorded for.
    subjects: HashMap<String, Floor>,
    /// All events up to here are in.
    last: u64,
}

/// Up to where the rows of a subject may be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Floor {
    seq: u64,
    since: u64,
}

impl Kept {
    /// As the log has it.
    pub async fn read(js: &jetstream::Context) -> Result<Self, Problem> {
        let kept = Self::default();
        let mut from = 1;
        loop {
            let page = direct::history(js, STREAM, SUBJECTS, from).await.map_err(unavailable)?;
            for message in &page {
                kept.note(message)?;
            }
            match page.last() {
                Some(last) if last.pending > 0 => from = last.seq + 1,
                _ => break,
            }
        }
        kept.refresh_all(js).await?;
        Ok(kept)
    }

    /// Takes in one commit of these events; again changes nothing. Call in order of the stream.
    pub fn note(&self, message: &LogMessage) -> Result<(), Problem> {
        self.take(message)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.last = state.last.max(message.seq);
        Ok(())
    }

    /// Brings one table up to what the leader has.
    pub async fn refresh(&self, js: &jetstream::Context, id: &TableId) -> Result<(), Problem> {
        let subject = id.retention_subject().map_err(|_| Problem::internal())?;
        let mut from = self.lock().tables.get(&id.uid).map_or(0, |table| table.last) + 1;
        while let Some(message) = direct::leader_next(js, STREAM, &subject, from).await.map_err(unavailable)? {
            from = message.seq + 1;
            self.take(&message)?;
        }
        Ok(())
    }

    /// Brings everything up to what the leader has.
    pub async fn refresh_all(&self, js: &jetstream::Context) -> Result<(), Problem> {
        let mut from = self.lock().last + 1;
        while let Some(message) = direct::leader_next(js, STREAM, SUBJECTS, from).await.map_err(unavailable)? {
            from = message.seq + 1;
            self.note(&message)?;
        }
        Ok(())
    }

    /// What is kept of a table; none when all its rows are on the log.
    pub fn table(&self, uid: &str) -> Option<KeptTable> {
        self.lock().tables.get(uid).cloned()
    }

    /// Up to where a table's rows may be gone; 0 when they never are.
    pub fn floor(&self, uid: &str) -> u64 {
        self.lock().tables.get(uid).map_or(0, |table| table.floor)
    }

    /// Dropped tables whose rows may be gone.
    pub fn dropped(&self) -> Vec<KeptTable> {
        self.lock().tables.values().filter(|table| table.dropped).cloned().collect()
    }

    /// Whether a table was dropped, and what it was folded from is gone: no replay needs it.
    pub fn is_gone(&self, id: &TableId) -> bool {
        let state = self.lock();
        if state.subjects.is_empty() {
            return false;
        }
        let dropped = state.tables.get(&id.uid).is_some_and(|table| table.dropped);
        // A later table of the name lost rows: then the earlier one's are gone too.
        let later = |floor: &Floor| floor.since > id.created_seq;
        dropped || state.subjects.get(&id.rows_subject()).is_some_and(later)
    }

    /// What purges may have taken.
    pub fn purges(&self) -> Recorded {
        let state = self.lock();
        Recorded {
            messages: state.tables.values().map(|table| table.purged).sum(),
            up_to: state.tables.values().map(|table| table.floor).max().unwrap_or(0),
            floors: state.subjects.iter().map(|(subject, floor)| (subject.clone(), floor.seq)).collect(),
        }
    }

    /// Messages of the stream that are missing and that no purge can have taken.
    pub async fn lost(&self, js: &jetstream::Context) -> Result<u64, Problem> {
        let missing = direct::extent(js, STREAM).await?.missing();
        if missing > self.purges().messages {
            // A purge is on the log before it begins, so whatever is gone by now is said there by now.
            self.refresh_all(js).await?;
        }
        Ok(missing.saturating_sub(self.purges().messages))
    }

    fn take(&self, message: &LogMessage) -> Result<(), Problem> {
        let events = events(message).map_err(|reason| {
            tracing::error!(
                stream.name = STREAM,
                stream.seq = message.seq,
                reason,
                "what is kept of a table cannot be read"
            );
            Problem::new("storage.malformed_event", 500, format!("event {} cannot be read: {reason}", message.seq))
        })?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (event, at) in events {
            state.apply(event, at, message.seq)?;
        }
        Ok(())
    }

    fn lock(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, event: RetentionEvent, at: Timestamp, seq: u64) -> Result<(), Problem> {
        let uid = match &event {
            RetentionEvent::TableCheckpointed(event) => &event.uid,
            RetentionEvent::RowsPurged(event) => &event.uid,
        };
        let table = self.tables.entry(uid.clone()).or_default();
        // One commit holds one of these events: see `Retention`.
        if seq <= table.last {
            return Ok(());
        }
        table.last = seq;
        match event {
            RetentionEvent::TableCheckpointed(event) => {
                let blob = BlobId::try_from(event.blob.clone())
                    .map_err(|reason| Problem::new("storage.malformed_event", 500, reason))?;
                (table.subject, table.since) = (event.subject.clone(), event.since as u64);
                table.checkpoints.push(checkpoint(event, blob, at));
            }
            RetentionEvent::RowsPurged(RowsPurged { subject, since, up_to, messages, dropped, .. }) => {
                (table.subject, table.since, table.floor) = (subject.clone(), since as u64, up_to as u64);
                table.purged += messages as u64;
                table.noted = seq;
                table.dropped = dropped;
                table.checkpoints.retain(|checkpoint| checkpoint.seq >= up_to as u64 && !dropped);
                let floor = self.subjects.entry(subject).or_default();
                *floor = Floor { seq: floor.seq.max(up_to as u64), since: floor.since.max(since as u64) };
            }
        }
        Ok(())
    }
}

fn checkpoint(event: TableCheckpointed, blob: BlobId, at: Timestamp) -> Checkpoint {
    let seq = event.seq as u64;
    let stream_created_micros = event.stream_created_micros;
    let original = Original {
        mark: Mark { seq, hash: event.hash, stream_created_micros },
        checksum: Checksum { rows: event.rows as u64, hash: event.checksum },
        engine: event.engine,
        sha256: event.blob,
    };
    Checkpoint { seq, blob, bytes: event.size_bytes as u64, at, original }
}

fn events(message: &LogMessage) -> Result<Vec<(RetentionEvent, Timestamp)>, String> {
    let commit = Commit::from_avro(&message.payload).map_err(|error| error.to_string())?;
    let read = |entry: &alluvium_messaging::Entry| {
        let event = RetentionEvent::decode(&entry.r#type, &entry.event).map_err(|error| error.to_string())?;
        Ok((event, Timestamp::from_micros(entry.time)))
    };
    commit.entries.iter().map(read).collect()
}

fn unavailable(error: alluvium_messaging::Error) -> Problem {
    Problem::unavailable("storage.log_unavailable", error.to_string())
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::Token;

    use super::*;

    fn id(uid: &str, created_seq: u64) -> TableId {
        let token = |text: &str| Token::encode(text).unwrap();
        TableId {
            tenant: token("default"),
            project: token("p"),
            branch: "default".into(),
            bucket: token("b"),
            table: token("t"),
            uid: uid.into(),
            created_seq,
        }
    }

    fn checkpointed(uid: &str, seq: i64) -> RetentionEvent {
        TableCheckpointed {
            uid: uid.into(),
            subject: "rows.default.p.b.t".into(),
            since: 20,
            seq,
            hash: "h".into(),
            stream_created_micros: 5,
            blob: "0a".repeat(32),
            size_bytes: 10,
            rows: 1,
            checksum: "7".into(),
            engine: "v1".into(),
        }
        .into()
    }

    fn purged(uid: &str, since: i64, up_to: i64, dropped: bool) -> RetentionEvent {
        let subject = "rows.default.p.b.t".into();
        RowsPurged { uid: uid.into(), subject, since, up_to, messages: 4, dropped }.into()
    }

    fn state(events: &[(u64, RetentionEvent)]) -> Kept {
        let mut state = State::default();
        for (seq, event) in events {
            state.apply(event.clone(), Timestamp::from_micros(*seq as i64), *seq).unwrap();
        }
        Kept { state: RwLock::new(state) }
    }

    #[test]
    fn a_purge_lets_go_of_what_is_below_its_checkpoint() {
        let told = [(31, checkpointed("two", 25)), (32, checkpointed("two", 30)), (33, purged("two", 20, 30, false))];
        let kept = state(&told);
        let table = kept.table("two").unwrap();
        assert_eq!(table.checkpoints.iter().map(|checkpoint| checkpoint.seq).collect::<Vec<_>>(), [30]);
        assert_eq!((kept.floor("two"), kept.floor("other"), table.purged), (30, 0, 4));
        let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
        assert_eq!(state(&twice).table("two"), kept.table("two"), "told again it changes nothing");
        let purges = kept.purges();
        assert_eq!((purges.messages, purges.up_to, purges.floors["rows.default.p.b.t"]), (4, 30, 30));
    }

    #[test]
    fn earlier_tables_of_the_name_are_gone_with_its_rows() {
        let kept = state(&[(32, checkpointed("two", 30)), (33, purged("two", 20, 30, false))]);
        assert!(kept.is_gone(&id("one", 3)) && !kept.is_gone(&id("two", 20)) && !kept.is_gone(&id("three", 40)));
        let kept = state(&[(33, purged("one", 3, 10, true))]);
        assert!(kept.is_gone(&id("one", 3)) && !kept.is_gone(&id("two", 20)));
    }
}
