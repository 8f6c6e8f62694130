//! What a dev branch has in the place of the main line's tables: tables of its own, and names that it does not show.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::{Bucket, Catalogue, Project, TableRef};
use crate::contract::{ForkTable, ProjectEvent, PullTable, TableCreated, TableDropped, TableHidden, TablePulled};
use crate::model::limits::TABLES_PER_PROJECT_MAX;
use crate::model::names::{MAIN_BRANCH, bucket_name, fold};
use crate::model::problem;

/// Where a branch differs from the main line, by folded bucket and table: `bucket/table`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay(BTreeMap<String, Local>);

/// What a branch has under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Local {
    Own(TableRef),
    Hidden,
}

/// A table as a branch shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown<'a> {
    /// It is the branch's own; on the main line, every table is.
    Own(&'a TableRef),
    /// The branch shows the main line's.
    Main(&'a TableRef),
}

impl<'a> Shown<'a> {
    /// The table.
    pub fn table(self) -> &'a TableRef {
        match self {
            Self::Own(table) | Self::Main(table) => table,
        }
    }
}

pub(super) fn key(bucket: &str, table: &str) -> String {
    format!("{}/{}", fold(bucket), fold(table))
}

impl Overlay {
    /// The branch's own tables.
    pub fn tables(&self) -> impl Iterator<Item = &TableRef> {
        self.0.values().filter_map(|local| if let Local::Own(table) = local { Some(table) } else { None })
    }

    /// Its own tables of a bucket.
    pub fn tables_of(&self, bucket: &str) -> impl Iterator<Item = &TableRef> {
        let within = key(bucket, "");
        self.0.iter().filter(move |(key, _)| key.starts_with(&within)).filter_map(|(_, local)| match local {
            Local::Own(table) => Some(table),
            Local::Hidden => None,
        })
    }

    /// Whether the branch has something of its own under a name, or hides what the main line has.
    pub(super) fn has(&self, bucket: &str, table: &str) -> bool {
        self.0.contains_key(&key(bucket, table))
    }

    fn forget_bucket(&mut self, bucket: &str) {
        let within = key(bucket, "");
        self.0.retain(|key, _| !key.starts_with(&within));
    }
}

impl Catalogue {
    /// What stands for a name, in any spelling, on a branch.
    pub fn shown<'a>(&'a self, branch: &str, bucket: &'a Bucket, table: &str) -> Option<Shown<'a>> {
        let main = bucket.tables.get(&fold(table));
        let Some(branch) = self.branches.get(branch) else { return main.map(Shown::Own) };
        match branch.overlay.0.get(&key(&bucket.name, table)) {
            Some(Local::Own(table)) => Some(Shown::Own(table)),
            Some(Local::Hidden) => None,
            // A pinned branch has all that it shows of its own.
            None => main.filter(|_| branch.pinned.is_none()).map(Shown::Main),
        }
    }

    /// The table of exactly this name, as a branch shows it; an alias is none.
    pub fn table<'a>(&'a self, branch: &str, bucket: &'a Bucket, table: &str) -> Result<Shown<'a>, Problem> {
        if self.alias(branch, bucket, table).is_some_and(|alias| alias.name == table) {
            return Err(problem::table_is_alias(&bucket.name, table));
        }
        self.shown(branch, bucket, table)
            .filter(|shown| shown.table().name == table)
            .ok_or_else(|| problem::table_not_found(&bucket.name, table))
    }

    /// Whether there is room for so many more tables, on whichever branch.
    pub fn check_room(&self, more: usize) -> Result<(), Problem> {
        let full = self.table_count() + more > TABLES_PER_PROJECT_MAX;
        if full { Err(problem::quota_exceeded("tables", TABLES_PER_PROJECT_MAX)) } else { Ok(()) }
    }

    /// The branch's own table of exactly this name.
    pub fn own(&self, branch: &str, bucket: &Bucket, table: &str) -> Result<&TableRef, Problem> {
        let overlay = &self.branches.get(branch).ok_or_else(|| problem::branch_not_found(branch))?.overlay;
        match overlay.0.get(&key(&bucket.name, table)) {
            Some(Local::Own(own)) if own.name == table => Ok(own),
            _ => Err(problem::table_not_found(&bucket.name, table)),
        }
    }

    fn overlay_mut(&mut self, branch: &str) -> Option<&mut Overlay> {
        self.branches.get_mut(branch).map(|branch| &mut branch.overlay)
    }

    /// A name of a branch stands for a table of its own from now on.
    pub(super) fn put_own(&mut self, branch: &str, bucket: &str, mut table: TableRef) {
        if let Some(overlay) = self.overlay_mut(branch) {
            let key = key(bucket, &table.name);
            table.hides = matches!(overlay.0.get(&key), Some(Local::Hidden));
            overlay.0.insert(key, Local::Own(table));
        }
    }

    /// A table of a branch never came to be: the branch shows under its name what it showed before.
    pub(super) fn take_back(&mut self, branch: &str, bucket: &str, table: &str) {
        let Some(overlay) = self.overlay_mut(branch) else { return };
        let key = key(bucket, table);
        let was_hidden = matches!(overlay.0.get(&key), Some(Local::Own(own)) if own.hides);
        if was_hidden {
            overlay.0.insert(key, Local::Hidden);
        } else {
            overlay.0.remove(&key);
        }
    }

    /// A branch has nothing of its own under a name any more.
    pub(super) fn clear_local(&mut self, branch: &str, bucket: &str, table: &str) {
        if let Some(overlay) = self.overlay_mut(branch) {
            overlay.0.remove(&key(bucket, table));
        }
    }

    /// A bucket is gone, for every branch.
    pub(super) fn forget_bucket(&mut self, bucket: &str) {
        self.branches.values_mut().for_each(|branch| branch.overlay.forget_bucket(bucket));
    }
}

impl Decide<Project> for ForkTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let bucket = live.bucket_on(&self.branch, &bucket_name(&self.bucket))?;
        let Shown::Main(source) = live.table(&self.branch, bucket, &self.table)? else { return Ok(Vec::new()) };
        live.check_room(1)?;
        let created = TableCreated {
            bucket: bucket.name.clone(),
            table: source.name.clone(),
            copy_of: Some(source.uid.clone()),
            uid: at.new_uid(0),
            project: self.project,
            branch: self.branch,
            columns: self.columns,
            primary_key: self.primary_key,
            awaits: None,
        };
        Ok(vec![created.into()])
    }
}

impl Decide<Project> for PullTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let overlay = live
            .branches
            .get(&self.branch)
            .ok_or_else(|| problem::branch_not_found(&self.branch))
            .map(|b| &b.overlay)?;
        if live.is_pinned(&self.branch) {
            return live.back(self);
        }
        let bucket = live.bucket(&bucket_name(&self.bucket))?;
        let table = match bucket.table(&self.table) {
            Ok(table) => table.name.clone(),
            Err(missing) => {
                let alias = live.alias(MAIN_BRANCH, bucket, &self.table).filter(|alias| alias.name == self.table);
                alias.ok_or(missing)?.name.clone()
            }
        };
        let (project, branch, bucket) = (self.project, self.branch, bucket.name.clone());
        let mut events = Vec::new();
        match overlay.0.get(&key(&bucket, &table)) {
            None => return Ok(events),
            Some(Local::Hidden) => {}
            Some(Local::Own(own)) => events.push(
                TableDropped {
                    project: project.clone(),
                    branch: branch.clone(),
                    bucket: bucket.clone(),
                    table: own.name.clone(),
                    uid: own.uid.clone(),
                    snapshot: None,
                    abandoned: false,
                }
                .into(),
            ),
        }
        events.push(TablePulled { project, branch, bucket, table }.into());
        Ok(events)
    }
}

impl Evolve<Project> for TableHidden {
    fn evolve(self, state: &mut Project) {
        if let Some(overlay) = state.live.as_mut().and_then(|live| live.overlay_mut(&self.branch)) {
            overlay.0.insert(key(&self.bucket, &self.table), Local::Hidden);
        }
    }
}

impl Evolve<Project> for TablePulled {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.clear_local(&self.branch, &self.bucket, &self.table);
        }
    }
}

/// Whether a branch is one that has an overlay.
pub(super) fn is_dev(branch: &str) -> bool {
    branch != MAIN_BRANCH
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::branch::tests::{BRANCH, branch_created};
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::snapshot::tests::left;
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::{
        BranchDeleted, BucketDeleted, ColumnSpec, CreateTable, DeleteBranch, DeleteBucket, DropTable, RestoreTable,
        SnapshotOfDrop, SnapshotTaken, TakeSnapshot,
    };
    use crate::model::spec::{at, given, nothing, refused};

    const OTHER: &str = "0badf00d";

    pub(crate) fn columns() -> Vec<ColumnSpec> {
        vec![ColumnSpec { name: "id".into(), r#type: "BIGINT".into(), nullable: true, default: None }]
    }

    /// Project, two branches, a bucket with `Orders` (t1).
    pub(crate) fn before() -> Vec<ProjectEvent> {
        vec![
            created(),
            branch_created(BRANCH, "a"),
            branch_created(OTHER, "b"),
            bucket_created("sales"),
            table_created("sales", "Orders", "t1"),
        ]
    }

    pub(crate) fn own(table: &str, uid: &str, copy_of: Option<&str>) -> ProjectEvent {
        TableCreated {
            project: "Shop".into(),
            branch: BRANCH.into(),
            bucket: "sales".into(),
            table: table.into(),
            uid: uid.into(),
            columns: columns(),
            primary_key: vec![],
            copy_of: copy_of.map(Into::into),
            awaits: None,
        }
        .into()
    }

    fn dropped(table: &str, uid: &str) -> ProjectEvent {
        let (project, branch, bucket) = ("Shop".into(), BRANCH.into(), "sales".into());
        TableDropped { project, branch, bucket, table: table.into(), uid: uid.into(), snapshot: None, abandoned: false }
            .into()
    }

    /// The same by somebody who wants the table gone: it leaves a snapshot.
    fn dropped_for_good(table: &str, uid: &str, snapshot: &str) -> ProjectEvent {
        let ProjectEvent::TableDropped(event) = dropped(table, uid) else { unreachable!() };
        let left = SnapshotOfDrop { snapshot: snapshot.into(), ..left(table) };
        TableDropped { snapshot: Some(left), ..event }.into()
    }

    fn hidden() -> ProjectEvent {
        let (project, branch, bucket, table) = ("Shop".into(), BRANCH.into(), "sales".into(), "Orders".into());
        TableHidden { project, branch, bucket, table }.into()
    }

    fn pulled() -> ProjectEvent {
        let (project, branch, bucket, table) = ("Shop".into(), BRANCH.into(), "sales".into(), "Orders".into());
        TablePulled { project, branch, bucket, table }.into()
    }

    fn fork(branch: &str, table: &str) -> ForkTable {
        ForkTable {
            project: "Shop".into(),
            branch: branch.into(),
            bucket: "sales".into(),
            table: table.into(),
            columns: columns(),
            primary_key: vec![],
        }
    }

    fn pull(table: &str) -> PullTable {
        PullTable {
            project: "Shop".into(),
            branch: BRANCH.into(),
            bucket: "sales".into(),
            table: table.into(),
            position: 0,
            columns: vec![],
            primary_key: vec![],
        }
    }

    fn create(table: &str) -> CreateTable {
        CreateTable {
            project: "Shop".into(),
            branch: BRANCH.into(),
            bucket: "sales".into(),
            table: table.into(),
            columns: columns(),
            primary_key: vec![],
        }
    }

    fn drop_in(branch: &str, table: &str) -> DropTable {
        DropTable { project: "Shop".into(), branch: branch.into(), bucket: "sales".into(), table: table.into() }
    }

    pub(crate) fn and(mut before: Vec<ProjectEvent>, more: Vec<ProjectEvent>) -> Vec<ProjectEvent> {
        before.extend(more);
        before
    }

    #[test]
    fn the_first_write_gives_a_branch_its_own_table_once() {
        let expected = own("Orders", &at().new_uid(0), Some("t1"));
        given::<Project>(before()).when(fork(BRANCH, "Orders").into()).then_expect_events(vec![expected.clone()]);
        let forked = || and(before(), vec![expected.clone()]);
        given::<Project>(forked()).when(fork(BRANCH, "Orders").into()).then_expect_events(nothing());
        assert!(matches!(
            &given::<Project>(forked()).when(fork(OTHER, "Orders").into()).inspect_result().unwrap()[..],
            [ProjectEvent::TableCreated(other)] if other.branch == OTHER
        ));
        refused(
            given::<Project>(before()).when(fork(BRANCH, "orders").into()).inspect_result(),
            404,
            "storage.table_not_found",
        );
    }

    #[test]
    fn a_branch_creates_what_it_does_not_show() {
        let when = |before, table: &str| given::<Project>(before).when(create(table).into()).inspect_result();
        refused(when(before(), "orders"), 409, "storage.table_exists");
        refused(when(and(before(), vec![own("new", "t2", None)]), "NEW"), 409, "storage.table_exists");
        assert!(when(and(before(), vec![hidden()]), "orders").is_ok(), "it was deleted there");
        let main = given::<Project>(and(before(), vec![own("new", "t2", None)]))
            .when(CreateTable { branch: MAIN_BRANCH.into(), ..create("new") }.into())
            .inspect_result();
        assert!(main.is_ok(), "the main line knows nothing of it");
    }

    #[test]
    fn what_a_branch_deletes_is_gone_there_alone() {
        let when = |before, branch: &str, table: &str| {
            given::<Project>(before).when(drop_in(branch, table).into()).inspect_result()
        };
        assert_eq!(when(before(), BRANCH, "Orders").unwrap(), [hidden()]);
        let forked = and(before(), vec![own("Orders", "t2", Some("t1"))]);
        let gone_for_good = |table| dropped_for_good(table, "t2", &left(table).snapshot);
        assert_eq!(when(forked.clone(), BRANCH, "Orders").unwrap(), [gone_for_good("Orders"), hidden()]);
        let new = and(before(), vec![own("new", "t2", None)]);
        assert_eq!(when(new, BRANCH, "new").unwrap(), [gone_for_good("new")]);
        let gone = and(forked.clone(), vec![dropped("Orders", "t2"), hidden()]);
        refused(when(gone.clone(), BRANCH, "Orders"), 404, "storage.table_not_found");
        assert_eq!(when(gone, OTHER, "Orders").unwrap().len(), 1, "the other branch still shows it");
        // The main line's drop leaves the copy.
        let main = when(forked, MAIN_BRANCH, "Orders").unwrap();
        let [ProjectEvent::TableDropped(event)] = &main[..] else { panic!("{main:?}") };
        assert_eq!((event.uid.as_str(), event.branch.as_str()), ("t1", MAIN_BRANCH));
    }

    #[test]
    fn a_pull_shows_the_main_line_again() {
        let when = |before, table: &str| given::<Project>(before).when(pull(table).into()).inspect_result();
        assert_eq!(when(before(), "Orders").unwrap(), nothing());
        assert_eq!(when(and(before(), vec![hidden()]), "Orders").unwrap(), [pulled()]);
        let forked = and(before(), vec![own("Orders", "t2", Some("t1"))]);
        assert_eq!(when(forked.clone(), "Orders").unwrap(), [dropped("Orders", "t2"), pulled()]);
        let after = and(forked, vec![dropped("Orders", "t2"), pulled()]);
        assert_eq!(when(after, "Orders").unwrap(), nothing());
        refused(when(and(before(), vec![own("new", "t2", None)]), "new"), 404, "storage.table_not_found");
        let main = given::<Project>(before()).when(PullTable { branch: MAIN_BRANCH.into(), ..pull("Orders") }.into());
        refused(main.inspect_result(), 404, "storage.branch_not_found");
    }

    #[test]
    fn a_branch_or_bucket_takes_the_branchs_tables_with_it() {
        let forked = || and(before(), vec![own("Orders", "t2", Some("t1")), own("new", "t3", None)]);
        let delete = DeleteBranch { project: "Shop".into(), branch: BRANCH.into() };
        let gone = BranchDeleted { project: "Shop".into(), branch: BRANCH.into() };
        given::<Project>(forked()).when(delete.into()).then_expect_events(vec![
            dropped("new", "t3"),
            dropped("Orders", "t2"),
            gone.into(),
        ]);
        let delete = |cascade| DeleteBucket { project: "Shop".into(), bucket: "sales".into(), cascade, force: false };
        let events = given::<Project>(forked()).when(delete(true).into()).inspect_result().unwrap();
        // The main line's table of the name leaves one, too.
        let second = format!("{}_1", left("Orders").snapshot);
        let new = dropped_for_good("new", "t3", &left("new").snapshot);
        assert_eq!(events[1..3], [new, dropped_for_good("Orders", "t2", &second)]);
        assert!(matches!(&events[3], ProjectEvent::BucketDeleted(BucketDeleted { .. })));
        let again = and(and(forked(), events), vec![bucket_created("sales"), table_created("sales", "Orders", "t9")]);
        let shown = given::<Project>(again).when(drop_in(BRANCH, "Orders").into()).inspect_result().unwrap();
        assert_eq!(shown, [hidden()], "the new bucket's table is shown");
        let only =
            and(vec![created(), branch_created(BRANCH, "a"), bucket_created("sales")], vec![own("new", "t3", None)]);
        refused(given::<Project>(only).when(delete(false).into()).inspect_result(), 409, "storage.bucket_not_empty");
    }

    #[test]
    fn every_branchs_tables_take_room() {
        let more = (1..TABLES_PER_PROJECT_MAX).map(|n| own(&format!("t{n}"), "u", None)).collect();
        let full = and(before(), more);
        for command in [fork(BRANCH, "Orders").into(), create("one_more").into()] {
            let result = given::<Project>(full.clone()).when(command).inspect_result();
            refused(result, 403, "storage.quota_exceeded");
        }
    }

    #[test]
    fn snapshots_are_of_what_the_branch_shows_and_come_back_there() {
        let take = TakeSnapshot {
            project: "Shop".into(),
            branch: BRANCH.into(),
            bucket: "sales".into(),
            table: "Orders".into(),
            uid: None,
            description: None,
        };
        let taken_of = |before: Vec<ProjectEvent>| -> SnapshotTaken {
            let events = given::<Project>(before).when(take.clone().into()).inspect_result().unwrap();
            let [ProjectEvent::SnapshotTaken(taken)] = &events[..] else { panic!("{events:?}") };
            taken.clone()
        };
        assert_eq!(taken_of(before()).uid, "t1");
        let forked = and(before(), vec![own("Orders", "t2", Some("t1"))]);
        let taken = taken_of(forked.clone());
        assert_eq!((taken.uid.as_str(), taken.branch.as_str()), ("t2", BRANCH));

        let restore = |branch: &str| RestoreTable {
            project: "Shop".into(),
            branch: branch.into(),
            snapshot: taken.snapshot.clone(),
            target_bucket: None,
            target_table: None,
            position: 7,
            columns: columns(),
            primary_key: vec![],
            bucket: None,
        };
        let when = |before: Vec<ProjectEvent>, branch: &str| {
            given::<Project>(and(before, vec![taken.clone().into()])).when(restore(branch).into()).inspect_result()
        };
        let events = when(forked, BRANCH).unwrap();
        assert!(matches!(&events[..], [ProjectEvent::RestorePlanned(e)] if e.uid == "t2"), "{events:?}");
        // What the branch only shows of the main line is not what changes.
        let events = when(before(), BRANCH).unwrap();
        let [ProjectEvent::TableCreated(created), ProjectEvent::RestorePlanned(planned)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((created.copy_of.as_deref(), created.branch.as_str()), (Some("t1"), BRANCH));
        assert_eq!(planned.uid, created.uid);
        refused(when(before(), OTHER), 404, "storage.snapshot_not_found");
        refused(when(before(), MAIN_BRANCH), 404, "storage.snapshot_not_found");
    }
}
