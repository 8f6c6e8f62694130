//! What of a table's past is still needed whatever the window says: snapshots, and restores and copies that a replay comes by.

use std::collections::{HashMap, HashSet};

use alluvium_kernel::{Problem, Timestamp, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage, direct};
use async_nats::jetstream;

use super::unavailable;
use crate::contract::ProjectEvent;
use crate::fold::{Kept, Routing, STREAM, TableId};
use crate::model::names::PINNED;

/// Where names come and go.
const PROJECTS: &str = "ev.*.storage.*.project.*";

/// All that projects say about earlier content, up to some message.
#[derive(Debug, Default)]
pub struct Pins {
    /// Every table there ever was.
    tables: HashMap<String, TableId>,
    /// By tenant, project and id.
    snapshots: HashMap<(String, String, String), Snapshot>,
    restores: Vec<Restore>,
    /// Pinned branches by tenant, project and id: what their tables began with can be asked for as long as they are there.
    pinned: HashSet<(String, String, String)>,
    last: u64,
}

#[derive(Clone, Debug)]
struct Snapshot {
    branch: String,
    uid: String,
    /// No message of the table stands between this one and the moment it is of.
    seq: u64,
    expires_at: i64,
}

#[derive(Clone, Debug)]
struct Restore {
    target: String,
    /// Its request stands right behind this message.
    at: u64,
    source: String,
    seq: u64,
}

/// Content of a table with a message, which somebody needs.
struct Pin<'a> {
    table: &'a TableId,
    seq: u64,
}

impl Pins {
    /// Reads on to where the leader of the stream is.
    pub async fn read_on(&mut self, js: &jetstream::Context) -> Result<(), Problem> {
        loop {
            let page = direct::history(js, STREAM, PROJECTS, self.last + 1).await.map_err(unavailable)?;
            let more = page.last().is_some_and(|last| last.pending > 0);
            for message in &page {
                self.take(message)?;
            }
            if !more {
                break;
            }
        }
        // The pages may come from a copy that is behind.
        while let Some(message) = direct::leader_next(js, STREAM, PROJECTS, self.last + 1).await.map_err(unavailable)? {
            self.take(&message)?;
        }
        Ok(())
    }

    fn take(&mut self, message: &LogMessage) -> Result<(), Problem> {
        let unreadable = |reason: &dyn std::fmt::Display| {
            Problem::new("storage.malformed_commit", 500, format!("commit {} cannot be read: {reason}", message.seq))
        };
        let Some(subject::Parsed::Event { tenant, .. }) = subject::parse(&message.subject) else {
            self.last = self.last.max(message.seq);
            return Ok(());
        };
        let commit = Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?;
        for entry in commit.entries {
            let event = ProjectEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
            self.event(&tenant, event, message.seq).map_err(|error| unreadable(&error))?;
        }
        self.last = self.last.max(message.seq);
        Ok(())
    }

    fn event(&mut self, tenant: &Token, event: ProjectEvent, seq: u64) -> Result<(), alluvium_kernel::TokenError> {
        let key = |project: &str, snapshot: &str| (tenant.to_string(), project.to_owned(), snapshot.to_owned());
        match event {
            ProjectEvent::TableCreated(ref created) => {
                if let Some(source) = &created.copy_of {
                    let (target, source) = (created.uid.clone(), source.clone());
                    if self.pinned.contains(&key(&created.project, &created.branch)) {
                        let (branch, uid) = (created.branch.clone(), source.clone());
                        let began = Snapshot { branch, uid, seq, expires_at: i64::MAX };
                        self.snapshots.insert(key(&created.project, &beginning(&target)), began);
                    }
                    self.restores.push(Restore { target, at: seq, source, seq });
                }
                let mut routing = Routing::default();
                routing.apply(tenant, &event, seq)?;
                self.tables.extend(routing.tables().map(|id| (id.uid.clone(), id.clone())));
            }
            ProjectEvent::SnapshotTaken(e) => {
                let taken = Snapshot { branch: e.branch, uid: e.uid, seq, expires_at: e.expires_at };
                self.snapshots.insert(key(&e.project, &e.snapshot), taken);
            }
            // With the rows up to the drop itself, which go when nothing else needs them, the content before it would go.
            ProjectEvent::TableDropped(e) => {
                self.snapshots.remove(&key(&e.project, &beginning(&e.uid)));
                if let Some(left) = e.snapshot {
                    let taken = Snapshot { branch: e.branch, uid: e.uid, seq: seq - 1, expires_at: left.expires_at };
                    self.snapshots.insert(key(&e.project, &left.snapshot), taken);
                }
            }
            ProjectEvent::SnapshotDeleted(e) => drop(self.snapshots.remove(&key(&e.project, &e.snapshot))),
            ProjectEvent::SnapshotExpired(e) => drop(self.snapshots.remove(&key(&e.project, &e.snapshot))),
            ProjectEvent::ProjectDeleted(e) => {
                let of = (tenant.to_string(), e.project);
                self.snapshots.retain(|(tenant, project, _), _| (tenant, project) != (&of.0, &of.1));
                self.pinned.retain(|(tenant, project, _)| (tenant, project) != (&of.0, &of.1));
            }
            ProjectEvent::BranchCreated(e) => {
                if e.mode == PINNED {
                    self.pinned.insert(key(&e.project, &e.branch));
                }
            }
            ProjectEvent::BranchDeleted(e) => {
                self.pinned.remove(&key(&e.project, &e.branch));
                let of = (tenant.to_string(), e.project);
                self.snapshots.retain(|(tenant, project, _), taken| {
                    (tenant, project) != (&of.0, &of.1) || taken.branch != e.branch
                });
            }
            ProjectEvent::TableMerged(e) => {
                self.restores.push(Restore { target: e.uid, at: seq, source: e.source, seq });
            }
            ProjectEvent::RestorePlanned(e) => {
                let restore = Restore { target: e.uid, at: seq, source: e.source, seq: e.position as u64 };
                self.restores.push(restore);
            }
            ProjectEvent::ProjectCreated(_)
            | ProjectEvent::ProjectUpdated(_)
            | ProjectEvent::BucketCreated(_)
            | ProjectEvent::BucketDeleted(_)
            | ProjectEvent::TableHidden(_)
            | ProjectEvent::AliasCreated(_)
            | ProjectEvent::AliasDropped(_)
            | ProjectEvent::TablePulled(_)
            | ProjectEvent::SnapshotSettingsSet(_)
            | ProjectEvent::SnapshotSettingsCleared(_)
            | ProjectEvent::BucketShared(_)
            | ProjectEvent::BucketUnshared(_)
            | ProjectEvent::LinkAdmitted(_)
            | ProjectEvent::LinkReleased(_)
            | ProjectEvent::LinkClosed(_)
            | ProjectEvent::BucketSharingSet(_)
            | ProjectEvent::BucketLinked(_)
            | ProjectEvent::BucketUnlinked(_)
            | ProjectEvent::BucketMarkedReadOnly(_)
            | ProjectEvent::BucketUnmarkedReadOnly(_) => {}
        }
        Ok(())
    }

    /// What would still be needed if the rows of `id` went up to `up_to`.
    fn pins<'a>(
        &'a self,
        kept: &'a Kept,
        id: &'a TableId,
        up_to: u64,
        now: Timestamp,
    ) -> impl Iterator<Item = Pin<'a>> {
        let snapshots = self.snapshots.values().filter(move |taken| taken.expires_at > now.micros());
        // A table that begins behind its restore, or is not folded any more, never comes by it again.
        let passed = move |restore: &Restore| {
            let begins_behind = restore.target == id.uid && up_to > restore.at;
            begins_behind
                || kept.table(&restore.target).is_some_and(|target| target.dropped || target.floor > restore.at)
        };
        let restores = self.restores.iter().filter(move |restore| !passed(restore));
        snapshots
            .map(|taken| (&taken.uid, taken.seq))
            .chain(restores.map(|restore| (&restore.source, restore.seq)))
            .filter_map(|(uid, seq)| Some(Pin { table: self.tables.get(uid)?, seq }))
    }

    /// Whether a table came by content of another, which is needed for as long as it is folded from its beginning.
    pub fn comes_by(&self, uid: &str) -> bool {
        self.restores.iter().any(|restore| restore.target == uid)
    }

    /// Whether the rows of a table may go up to `up_to`, where it has a checkpoint, or has been dropped. What earlier tables of
    /// its name had goes too.
    pub fn allow(&self, kept: &Kept, id: &TableId, up_to: u64, now: Timestamp) -> bool {
        let subject = id.rows_subject();
        self.pins(kept, id, up_to, now)
            .filter(|pin| pin.table.rows_subject() == subject && pin.table.created_seq <= up_to)
            .all(|pin| pin.table.uid == id.uid && up_to <= pin.seq)
    }
}

/// Under which name the content is noted that a table of a pinned branch began with: no snapshot has it.
fn beginning(uid: &str) -> String {
    format!("began {uid}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{
        BranchCreated, BranchDeleted, ProjectDeleted, RestorePlanned, SnapshotDeleted, SnapshotOfDrop, SnapshotTaken,
        TableCreated, TableDropped,
    };

    const NOW: Timestamp = Timestamp::from_micros(100);

    fn pins(events: Vec<(u64, ProjectEvent)>) -> Pins {
        let (tenant, mut pins) = (Token::encode("default").unwrap(), Pins::default());
        for (seq, event) in events {
            pins.event(&tenant, event, seq).unwrap();
        }
        pins
    }

    fn created(table: &str, uid: &str) -> ProjectEvent {
        TableCreated {
            project: "p".into(),
            branch: "default".into(),
            bucket: "b".into(),
            table: table.into(),
            uid: uid.into(),
            columns: vec![],
            primary_key: vec![],
            copy_of: None,
            awaits: None,
        }
        .into()
    }

    fn taken(uid: &str, expires_at: i64) -> ProjectEvent {
        SnapshotTaken {
            project: "p".into(),
            branch: "default".into(),
            bucket: "b".into(),
            table: "t".into(),
            uid: uid.into(),
            snapshot: "s".into(),
            kind: "manual".into(),
            description: None,
            created_by: "k".into(),
            expires_at,
        }
        .into()
    }

    fn allowed(pins: &Pins, uid: &str, up_to: u64) -> bool {
        pins.allow(&Kept::default(), &pins.tables[uid], up_to, NOW)
    }

    #[test]
    fn rows_that_a_snapshot_needs_stay() {
        let before = || vec![(5, created("t", "one")), (20, taken("one", 101))];
        let kept = pins(before());
        assert!(allowed(&kept, "one", 20) && !allowed(&kept, "one", 21));
        let deleted =
            SnapshotDeleted { project: "p".into(), branch: "default".into(), snapshot: "s".into(), uid: "one".into() };
        let project = ProjectDeleted { project: "p".into(), uid: "u".into() };
        for end in [ProjectEvent::from(deleted), project.into()] {
            let gone = pins(before().into_iter().chain([(30, end)]).collect());
            assert!(allowed(&gone, "one", 21));
        }
        assert!(allowed(&pins(vec![(5, created("t", "one")), (20, taken("one", 100))]), "one", 21), "its time is over");
    }

    #[test]
    fn rows_stay_that_the_snapshot_of_a_drop_needs() {
        let dropped = |expires_at: Option<i64>| TableDropped {
            project: "p".into(),
            branch: "default".into(),
            bucket: "b".into(),
            table: "t".into(),
            uid: "one".into(),
            snapshot: expires_at.map(|expires_at| SnapshotOfDrop { snapshot: "s".into(), expires_at }),
            abandoned: false,
        };
        let kept = |expires_at| pins(vec![(5, created("t", "one")), (20, dropped(expires_at).into())]);
        assert!(!allowed(&kept(Some(101)), "one", 20) && allowed(&kept(Some(101)), "one", 19));
        assert!(allowed(&kept(Some(100)), "one", 20) && allowed(&kept(None), "one", 20));
    }

    #[test]
    fn a_later_table_of_the_name_takes_nothing_of_an_earlier_one() {
        let kept = pins(vec![
            (5, created("t", "one")),
            (20, taken("one", 101)),
            (40, created("t", "two")),
            (41, created("other", "three")),
        ]);
        assert!(!allowed(&kept, "two", 50) && allowed(&kept, "three", 50));
        let later = pins(vec![(5, created("t", "one")), (40, created("t", "two")), (50, taken("two", 101))]);
        assert!(allowed(&later, "one", 30), "the earlier one has nothing of the later one's");
    }

    #[test]
    fn a_branchs_copy_needs_its_source_and_takes_nothing_of_it() {
        let mut copy = created("t", "copy");
        let ProjectEvent::TableCreated(event) = &mut copy else { unreachable!() };
        (event.branch, event.copy_of) = ("0a1b2c3d".into(), Some("one".into()));
        let kept = pins(vec![(5, created("t", "one")), (30, copy)]);
        assert!(allowed(&kept, "one", 30) && !allowed(&kept, "one", 31));
        assert!(allowed(&kept, "copy", 99), "the copy has no rows by its names");
    }

    #[test]
    fn what_a_pinned_branch_began_with_stays_as_long_as_its_table() {
        let branch = "0a1b2c3d";
        let made = |mode: &str| BranchCreated {
            project: "p".into(),
            branch: branch.into(),
            name: "n".into(),
            description: None,
            created_by: "k".into(),
            mode: mode.into(),
        };
        let mut copy = created("t", "copy");
        let ProjectEvent::TableCreated(event) = &mut copy else { unreachable!() };
        (event.branch, event.copy_of) = (branch.into(), Some("one".into()));
        let before = |mode| vec![(5, created("t", "one")), (30, made(mode).into()), (30, copy.clone())];
        // Of a live branch's copy nobody asks what it began with once it begins behind that.
        let live = pins(before("live"));
        assert!(!live.snapshots.values().any(|taken| taken.uid == "one"));
        let pinned = pins(before(PINNED));
        assert!(pinned.snapshots.values().any(|taken| taken.uid == "one" && taken.seq == 30));
        assert!(allowed(&pinned, "one", 30) && !allowed(&pinned, "one", 31));
        let dropped = TableDropped {
            project: "p".into(),
            branch: branch.into(),
            bucket: "b".into(),
            table: "t".into(),
            uid: "copy".into(),
            snapshot: None,
            abandoned: false,
        };
        let deleted = BranchDeleted { project: "p".into(), branch: branch.into() };
        for end in [ProjectEvent::from(dropped), deleted.into()] {
            let gone = pins(before(PINNED).into_iter().chain([(40, end)]).collect());
            assert!(!gone.snapshots.values().any(|taken| taken.uid == "one"));
        }
    }

    #[test]
    fn a_restore_needs_its_source_until_its_table_begins_behind_it() {
        let restore = RestorePlanned {
            project: "p".into(),
            branch: "default".into(),
            bucket: "b".into(),
            table: "copy".into(),
            uid: "two".into(),
            snapshot: "s".into(),
            source: "one".into(),
            position: 20,
        };
        let kept = pins(vec![(5, created("t", "one")), (30, created("copy", "two")), (30, restore.clone().into())]);
        assert!(allowed(&kept, "one", 20) && !allowed(&kept, "one", 21) && allowed(&kept, "two", 99));
        let again = RestorePlanned { table: "t".into(), uid: "three".into(), ..restore };
        let kept = pins(vec![(5, created("t", "one")), (40, created("t", "three")), (40, again.into())]);
        assert!(!allowed(&kept, "one", 30), "the dropped table had what the one in its place got");
        assert!(!allowed(&kept, "three", 40) && allowed(&kept, "three", 41), "it begins behind its restore then");
    }
}
