//! Snapshots: names for the content that tables had. The project has the names; of which moment each is, the table's own event
//! says by its place on the log.

use alluvium_kernel::{Actor, Decide, DecisionContext, Evolve, Problem, Timestamp};

use super::{Catalogue, Project, SnapshotRef, TableRef};
use crate::contract::{DeleteSnapshot, ProjectEvent, SnapshotDeleted, SnapshotExpired, SnapshotTaken, TakeSnapshot};
use crate::model::limits::{
    DESCRIPTION_BYTES_MAX, SNAPSHOT_MANUAL_DAYS, SNAPSHOTS_EXPIRED_AT_ONCE_MAX, SNAPSHOTS_PER_PROJECT_MAX,
};
use crate::model::{names, problem};

/// What somebody asked for.
const MANUAL: &str = "manual";
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

impl Decide<Project> for TakeSnapshot {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.branch(&self.branch)?;
        let bucket = live.bucket(&names::bucket_name(&self.bucket))?;
        let shown = self.uid.filter(|_| bucket.link.is_some()).map(|uid| TableRef { name: self.table.clone(), uid });
        let table = shown.as_ref().map_or_else(|| bucket.table(&self.table), Ok)?;
        if self.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0')) {
            let detail = format!("A description takes at most {DESCRIPTION_BYTES_MAX} bytes, none of them NUL.");
            return Err(problem::invalid_request(detail));
        }
        let expired = expired(live, at.time);
        if live.snapshots.len() - expired.len() >= SNAPSHOTS_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("snapshots", SNAPSHOTS_PER_PROJECT_MAX));
        }
        let taken = SnapshotTaken {
            snapshot: free_id(live, &table.name, at.time),
            bucket: bucket.name.clone(),
            table: table.name.clone(),
            uid: table.uid.clone(),
            project: self.project.clone(),
            branch: self.branch,
            kind: MANUAL.to_owned(),
            description: self.description,
            created_by: by(&at.actor),
            expires_at: at.time.micros().saturating_add(SNAPSHOT_MANUAL_DAYS * DAY_MICROS),
        };
        let expired = expired.into_iter().map(|(snapshot, found)| {
            let (branch, uid) = (found.branch.clone(), found.uid.clone());
            ProjectEvent::from(SnapshotExpired {
                project: self.project.clone(),
                branch,
                snapshot: snapshot.clone(),
                uid,
            })
        });
        Ok(expired.chain([taken.into()]).collect())
    }
}

impl Decide<Project> for DeleteSnapshot {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.branch(&self.branch)?;
        let uid = live.snapshot(&self.branch, &self.snapshot, at.time)?.uid.clone();
        let Self { project, branch, snapshot } = self;
        Ok(vec![SnapshotDeleted { project, branch, snapshot, uid }.into()])
    }
}

/// Snapshots whose time is over; nobody finds them any more, and the next one that is taken lets go of them.
fn expired(live: &Catalogue, now: Timestamp) -> Vec<(&String, &SnapshotRef)> {
    let over = |(_, found): &(&String, &SnapshotRef)| found.expires_at <= now.micros();
    live.snapshots.iter().filter(over).take(SNAPSHOTS_EXPIRED_AT_ONCE_MAX).collect()
}

/// `snap_orders_20260102_030405_678`, with a number behind it when that is taken.
fn free_id(live: &Catalogue, table: &str, now: Timestamp) -> String {
    let digits: String = now.to_rfc3339().chars().take(23).filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let id = format!("snap_{table}_{}_{}_{}", part(0, 8), part(8, 14), part(14, 17));
    let (mut free, mut n) = (id.clone(), 0_u32);
    while live.snapshots.contains_key(&free) {
        n += 1;
        free = format!("{id}_{n}");
    }
    free
}

fn by(actor: &Actor) -> String {
    match actor {
        Actor::Key(id) => id.clone(),
        other @ (Actor::Admin | Actor::Nats(_) | Actor::System(_)) => other.to_string(),
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
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::table::tests::table_created;
    use super::*;
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
    fn a_snapshot_over_its_time_is_gone_and_goes_with_the_next() {
        let delete = |snapshot: &str| DeleteSnapshot {
            project: "Shop".into(),
            branch: "default".into(),
            snapshot: snapshot.into(),
        };
        let mut events = before();
        events.extend([taken("old", at().time.micros()), taken("new", i64::MAX)]);
        let gone = given::<Project>(events.clone()).when(delete("old").into()).inspect_result();
        refused(gone, 404, "storage.snapshot_not_found");
        let deleted = SnapshotDeleted {
            project: "Shop".into(),
            branch: "default".into(),
            snapshot: "new".into(),
            uid: "t1".into(),
        };
        given::<Project>(events.clone()).when(delete("new").into()).then_expect_events(vec![deleted.into()]);
        let next = given::<Project>(events).when(take().into()).inspect_result().unwrap();
        let [ProjectEvent::SnapshotExpired(expired), ProjectEvent::SnapshotTaken(_)] = &next[..] else {
            panic!("{next:?}")
        };
        assert_eq!(expired.snapshot, "old");
    }
}
