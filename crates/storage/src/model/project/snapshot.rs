//! Snapshots: names for the content that tables had. The project has the names; of which moment each is, the table's own event
//! says by its place on the log.

use std::collections::BTreeSet;

use alluvium_kernel::{Actor, Decide, DecisionContext, Evolve, Problem, Timestamp};

use super::{Bucket, Catalogue, Project, SnapshotRef, TableRef};
use crate::contract::{
    BackUpTable, DeleteSnapshot, ExpireSnapshots, ProjectEvent, SnapshotDeleted, SnapshotExpired, SnapshotOfDrop,
    SnapshotTaken, TableDropped, TakeSnapshot,
};
use crate::model::limits::{DESCRIPTION_BYTES_MAX, SNAPSHOTS_EXPIRED_AT_ONCE_MAX, SNAPSHOTS_PER_PROJECT_MAX};
use crate::model::{names, problem};

/// What somebody asked for.
const MANUAL: &str = "manual";
/// What a drop leaves of its table.
pub(crate) const BEFORE_DROP: &str = "auto_predrop";
/// What is kept of a table that loses a column.
const BEFORE_DROP_COLUMN: &str = "auto_predrop_column";
/// What is kept of a table that loses all rows.
const BEFORE_DELETE_ALL: &str = "auto_pretruncate";
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Gives ids to the snapshots of one decision.
pub(super) struct Ids<'a> {
    live: &'a Catalogue,
    now: Timestamp,
    room: usize,
    given: BTreeSet<String>,
}

impl<'a> Ids<'a> {
    pub(super) fn new(live: &'a Catalogue, at: &DecisionContext) -> Self {
        // Those whose time is over are gone for everybody; the sweep only says so.
        let standing = live.snapshots.values().filter(|found| found.expires_at > at.time.micros()).count();
        let room = SNAPSHOTS_PER_PROJECT_MAX.saturating_sub(standing);
        Self { live, now: at.time, room, given: BTreeSet::new() }
    }

    /// `snap_orders_20260102_030405_678`, with a number behind it when that is taken.
    fn next(&mut self, table: &str) -> Result<String, Problem> {
        if self.given.len() >= self.room {
            return Err(problem::quota_exceeded("snapshots", SNAPSHOTS_PER_PROJECT_MAX));
        }
        let digits: String = self.now.to_rfc3339().chars().take(23).filter(char::is_ascii_digit).collect();
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        let id = format!("snap_{table}_{}_{}_{}", part(0, 8), part(8, 14), part(14, 17));
        let (mut free, mut n) = (id.clone(), 0_u32);
        while self.live.snapshots.contains_key(&free) || self.given.contains(&free) {
            n += 1;
            free = format!("{id}_{n}");
        }
        self.given.insert(free.clone());
        Ok(free)
    }

    fn after_days(&self, days: i64) -> i64 {
        self.now.micros().saturating_add(days.saturating_mul(DAY_MICROS))
    }
}

impl Catalogue {
    /// The drop of a table, with the snapshot that the settings want of it. It is part of the drop, so that a bucket of many
    /// tables still goes in one commit.
    pub(super) fn dropped(
        &self,
        branch: &str,
        bucket: &Bucket,
        table: &TableRef,
        ids: &mut Ids<'_>,
    ) -> Result<TableDropped, Problem> {
        let rules = self.snapshot_rules(&bucket.name, &table.name);
        let snapshot = if rules.before_drop() {
            let expires_at = ids.after_days(rules.auto_days.value);
            Some(SnapshotOfDrop { snapshot: ids.next(&table.name)?, expires_at })
        } else {
            None
        };
        let (project, branch, uid) = (self.id.clone(), branch.to_owned(), table.uid.clone());
        Ok(TableDropped {
            project,
            branch,
            bucket: bucket.name.clone(),
            table: table.name.clone(),
            uid,
            snapshot,
            abandoned: false,
        })
    }

    /// Notes the snapshot that a drop leaves.
    pub(super) fn left_by(&mut self, drop: &TableDropped) {
        if let Some(SnapshotOfDrop { snapshot, expires_at }) = &drop.snapshot {
            let TableDropped { branch, bucket, table, uid, .. } = drop.clone();
            self.snapshots
                .insert(snapshot.clone(), SnapshotRef { branch, bucket, table, uid, expires_at: *expires_at });
        }
    }
}

/// The snapshot that a drop leaves, as if it had been taken by an event of its own.
pub(crate) fn dropped_with(drop: &TableDropped, actor: &Actor) -> Option<SnapshotTaken> {
    let TableDropped { project, branch, bucket, table, uid, snapshot, .. } = drop.clone();
    let SnapshotOfDrop { snapshot, expires_at } = snapshot?;
    let description = Some(format!("Auto-backup before DROP TABLE {bucket}.{table}"));
    let (kind, created_by) = (BEFORE_DROP.to_owned(), by(actor));
    Some(SnapshotTaken { project, branch, bucket, table, uid, snapshot, kind, description, created_by, expires_at })
}

impl Decide<Project> for TakeSnapshot {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let bucket = live.bucket_on(&self.branch, &names::bucket_name(&self.bucket))?;
        let linked = self.uid.filter(|_| bucket.link.is_some());
        let shown = linked.map(|uid| TableRef { name: self.table.clone(), uid, ..TableRef::default() });
        let table = match &shown {
            Some(shown) => shown,
            None => live.table(&self.branch, bucket, &self.table)?.table(),
        };
        if self.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0')) {
            let detail = format!("A description takes at most {DESCRIPTION_BYTES_MAX} bytes, none of them NUL.");
            return Err(problem::invalid_request(detail));
        }
        let rules = live.snapshot_rules(&bucket.name, &table.name);
        if !rules.enabled.value {
            return Err(problem::snapshots_disabled(&bucket.name, &table.name));
        }
        let mut ids = Ids::new(live, at);
        let taken = SnapshotTaken {
            snapshot: ids.next(&table.name)?,
            bucket: bucket.name.clone(),
            table: table.name.clone(),
            uid: table.uid.clone(),
            project: self.project,
            branch: self.branch,
            kind: MANUAL.to_owned(),
            description: self.description,
            created_by: by(&at.actor),
            expires_at: ids.after_days(rules.manual_days.value),
        };
        Ok(vec![taken.into()])
    }
}

impl Decide<Project> for BackUpTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let Self { project, branch, bucket, table, uid, column } = self;
        let rules = live.snapshot_rules(&bucket, &table);
        let (wanted, kind, what) = match column {
            Some(column) => {
                (rules.before_drop_column(), BEFORE_DROP_COLUMN, format!("DROP COLUMN {bucket}.{table}.{column}"))
            }
            None => (rules.before_delete_all(), BEFORE_DELETE_ALL, format!("DELETE ALL ROWS from {bucket}.{table}")),
        };
        if !wanted {
            return Ok(Vec::new());
        }
        let mut ids = Ids::new(live, at);
        let taken = SnapshotTaken {
            snapshot: ids.next(&table)?,
            project,
            branch,
            bucket,
            table,
            uid,
            kind: kind.to_owned(),
            description: Some(format!("Auto-backup before {what}")),
            created_by: by(&at.actor),
            expires_at: ids.after_days(rules.auto_days.value),
        };
        Ok(vec![taken.into()])
    }
}

impl Decide<Project> for DeleteSnapshot {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let uid = live.snapshot_in(&self.branch, &self.snapshot, self.bucket.as_deref(), at.time)?.uid.clone();
        let Self { project, branch, snapshot, .. } = self;
        Ok(vec![SnapshotDeleted { project, branch, snapshot, uid }.into()])
    }
}

impl Decide<Project> for ExpireSnapshots {
    type Event = ProjectEvent;

    /// What is over now; more than fits into a commit is left for the next time.
    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Ok(live) = state.live(&self.project) else { return Ok(Vec::new()) };
        let over = live.snapshots.iter().filter(|(_, found)| found.expires_at <= at.time.micros());
        let expired = over.take(SNAPSHOTS_EXPIRED_AT_ONCE_MAX).map(|(snapshot, found)| {
            let (project, branch, uid) = (self.project.clone(), found.branch.clone(), found.uid.clone());
            SnapshotExpired { project, branch, snapshot: snapshot.clone(), uid }.into()
        });
        Ok(expired.collect())
    }
}

fn by(actor: &Actor) -> String {
    match actor {
        Actor::Key(id) => id.clone(),
        other @ (Actor::Admin | Actor::Login(_) | Actor::Owner(_) | Actor::Nats(_) | Actor::System(_)) => {
            other.to_string()
        }
    }
}

impl Evolve<Project> for SnapshotTaken {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            let Self { branch, bucket, table, uid, snapshot, expires_at, .. } = self;
            live.snapshots.insert(snapshot, SnapshotRef { branch, bucket, table, uid, expires_at });
        }
    }
}

impl Evolve<Project> for SnapshotDeleted {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.snapshots.remove(&self.snapshot);
        }
    }
}

impl Evolve<Project> for SnapshotExpired {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.snapshots.remove(&self.snapshot);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alluvium_messaging::ContractSet as _;

    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::settings::NOTHING;
    use super::super::settings::tests::was_set;
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::{DeleteBucket, DropTable, SnapshotSettings};
    use crate::model::limits::TABLES_PER_PROJECT_MAX;
    use crate::model::spec::{at, given, nothing, refused};

    pub(crate) fn before() -> Vec<ProjectEvent> {
        vec![created(), bucket_created("sales"), table_created("sales", "orders", "t1")]
    }

    pub(crate) fn taken(snapshot: &str, expires_at: i64) -> ProjectEvent {
        SnapshotTaken {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            snapshot: snapshot.into(),
            kind: MANUAL.into(),
            description: None,
            created_by: "k".into(),
            expires_at,
        }
        .into()
    }

    /// What the drop of a table leaves where nobody set anything.
    pub(crate) fn left(table: &str) -> SnapshotOfDrop {
        let expires_at = at().time.micros() + 7 * DAY_MICROS;
        SnapshotOfDrop { snapshot: format!("snap_{table}_20270115_080000_000"), expires_at }
    }

    fn take() -> TakeSnapshot {
        TakeSnapshot {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            description: None,
            uid: None,
        }
    }

    fn id_of(before: Vec<ProjectEvent>) -> String {
        let events = given::<Project>(before).when(take().into()).inspect_result().unwrap();
        let [ProjectEvent::SnapshotTaken(taken)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((taken.uid.as_str(), taken.kind.as_str()), ("t1", "manual"));
        assert_eq!(taken.expires_at, at().time.micros() + 90 * DAY_MICROS);
        taken.snapshot.clone()
    }

    #[test]
    fn a_snapshot_is_named_after_table_and_time() {
        let first = id_of(before());
        assert!(first.starts_with("snap_orders_") && first.len() == "snap_orders_20260102_030405_678".len(), "{first}");
        let mut events = before();
        events.push(taken(&first, i64::MAX));
        assert_eq!(id_of(events), format!("{first}_1"));
    }

    #[test]
    fn there_is_no_snapshot_of_what_is_not_there() {
        let when = |before: Vec<ProjectEvent>, command: TakeSnapshot| {
            given::<Project>(before).when(command.into()).inspect_result()
        };
        refused(when(nothing(), take()), 404, "storage.project_not_found");
        refused(when(before(), TakeSnapshot { branch: "x".into(), ..take() }), 404, "storage.branch_not_found");
        refused(when(before(), TakeSnapshot { bucket: "x".into(), ..take() }), 404, "storage.bucket_not_found");
        refused(when(before(), TakeSnapshot { table: "x".into(), ..take() }), 404, "storage.table_not_found");
    }

    #[test]
    fn a_snapshot_over_its_time_is_gone_and_is_let_go_of() {
        let delete = |snapshot: &str| DeleteSnapshot {
            project: "Shop".into(),
            branch: "default".into(),
            snapshot: snapshot.into(),
            bucket: None,
        };
        let mut events = before();
        events.extend([taken("old", at().time.micros()), taken("new", i64::MAX)]);
        let gone = given::<Project>(events.clone()).when(delete("old").into()).inspect_result();
        let of_bucket = |bucket: &str| DeleteSnapshot { bucket: Some(bucket.into()), ..delete("new") };
        let other = given::<Project>(events.clone()).when(of_bucket("other").into()).inspect_result();
        refused(other, 404, "storage.snapshot_not_found");
        refused(gone, 404, "storage.snapshot_not_found");
        let deleted = SnapshotDeleted {
            project: "Shop".into(),
            branch: "default".into(),
            snapshot: "new".into(),
            uid: "t1".into(),
        };
        given::<Project>(events.clone()).when(delete("new").into()).then_expect_events(vec![deleted.into()]);
        let expire = || ExpireSnapshots { project: "Shop".into() };
        let swept = given::<Project>(events.clone()).when(expire().into()).inspect_result().unwrap();
        let [ProjectEvent::SnapshotExpired(expired)] = &swept[..] else { panic!("{swept:?}") };
        assert_eq!(expired.snapshot, "old");
        events.extend(swept);
        given::<Project>(events).when(expire().into()).then_expect_events(nothing());
        given::<Project>(nothing()).when(expire().into()).then_expect_events(nothing());
    }

    fn says(settings: SnapshotSettings) -> Vec<ProjectEvent> {
        before().into_iter().chain([was_set(None, None, settings)]).collect()
    }

    #[test]
    fn a_drop_leaves_a_snapshot_unless_settings_say_otherwise() {
        let drop = || DropTable {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
        };
        let left = |events: Vec<ProjectEvent>| {
            let dropped = given::<Project>(events).when(drop().into()).inspect_result().unwrap();
            let [ProjectEvent::TableDropped(dropped)] = &dropped[..] else { panic!("{dropped:?}") };
            dropped.clone()
        };
        let dropped = left(before());
        let snapshot = dropped.snapshot.clone().unwrap();
        assert!(snapshot.snapshot.starts_with("snap_orders_"), "{snapshot:?}");
        assert_eq!(snapshot.expires_at, at().time.micros() + 7 * DAY_MICROS);
        let shown = dropped_with(&dropped, &Actor::Key("k1".into())).unwrap();
        assert_eq!((shown.kind.as_str(), shown.created_by.as_str()), ("auto_predrop", "k1"));
        assert_eq!(shown.description.as_deref(), Some("Auto-backup before DROP TABLE sales.orders"));
        let after = before().into_iter().chain([dropped.into(), table_created("sales", "orders", "t2")]).collect();
        assert_ne!(left(after).snapshot.unwrap().snapshot, snapshot.snapshot, "each has a name of its own");
        for off in [
            SnapshotSettings { drop_table: Some(false), ..NOTHING },
            SnapshotSettings { enabled: Some(false), ..NOTHING },
        ] {
            assert_eq!(left(says(off)).snapshot, None);
        }
    }

    #[test]
    fn a_bucket_of_the_most_tables_with_the_longest_names_still_fits_into_one_commit() {
        let (long, entry) = ("n".repeat(80), 64 + 36 + 64 + 60 + 20);
        let mut events = vec![created(), bucket_created(&long)];
        let table = |n: usize| format!("{}{n:016}", &long);
        events.extend((0..TABLES_PER_PROJECT_MAX).map(|n| table_created(&long, &table(n), &at().new_uid(n as u32))));
        let delete = DeleteBucket { project: "Shop".into(), bucket: long.clone(), cascade: true, force: false };
        let deleted = given::<Project>(events).when(delete.into()).inspect_result().unwrap();
        assert_eq!(deleted.len(), TABLES_PER_PROJECT_MAX + 1);
        let bytes: usize = deleted.iter().map(|event| event.to_avro().len() + entry).sum();
        assert!(bytes < 700 * 1024, "{bytes}");
    }

    #[test]
    fn other_changes_leave_one_only_where_settings_want_it() {
        let back_up = |column: Option<&str>| BackUpTable {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            column: column.map(Into::into),
        };
        let when = |events: Vec<ProjectEvent>, column: Option<&str>| {
            given::<Project>(events).when(back_up(column).into()).inspect_result().unwrap()
        };
        assert_eq!((when(before(), None), when(before(), Some("id"))), (nothing(), nothing()));
        let all = SnapshotSettings { truncate_table: Some(true), delete_all_rows: Some(true), ..NOTHING };
        let column = SnapshotSettings { drop_column: Some(true), auto_days: Some(2), ..NOTHING };
        assert_eq!((when(says(all.clone()), Some("id")), when(says(column.clone()), None)), (nothing(), nothing()));
        let taken = |events: Vec<ProjectEvent>| {
            let [ProjectEvent::SnapshotTaken(taken)] = &events[..] else { panic!("{events:?}") };
            taken.clone()
        };
        let emptied = taken(when(says(all), None));
        assert_eq!(emptied.kind, "auto_pretruncate");
        assert_eq!(emptied.description.as_deref(), Some("Auto-backup before DELETE ALL ROWS from sales.orders"));
        let narrowed = taken(when(says(column), Some("id")));
        assert_eq!(narrowed.kind, "auto_predrop_column");
        assert_eq!(narrowed.description.as_deref(), Some("Auto-backup before DROP COLUMN sales.orders.id"));
        assert_eq!(narrowed.expires_at, at().time.micros() + 2 * DAY_MICROS);
    }

    #[test]
    fn settings_say_whether_one_can_be_taken_and_how_long_it_stays() {
        let off = given::<Project>(says(SnapshotSettings { enabled: Some(false), ..NOTHING }));
        refused(off.when(take().into()).inspect_result(), 400, "storage.snapshots_disabled");
        let short = given::<Project>(says(SnapshotSettings { manual_days: Some(1), ..NOTHING }));
        let events = short.when(take().into()).inspect_result().unwrap();
        let [ProjectEvent::SnapshotTaken(taken)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(taken.expires_at, at().time.micros() + DAY_MICROS);
    }
}
