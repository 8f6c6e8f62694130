//! Pinned branches: dev branches that show the main line as it was when they were made. Such a branch has everything that it shows of
//! its own, from the commit that makes it on, so there is no way by which something later of the main line could come through.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{DecisionContext, Problem};

use super::{AliasRef, Branch, Bucket, Catalogue, TableRef};
use crate::contract::{AliasCreated, PinnedTable, ProjectEvent, PullTable, RestorePlanned, TableCreated};
use crate::model::limits::ALIASES_PER_PROJECT_MAX;
use crate::model::names::{MAIN_BRANCH, bucket_name, fold};
use crate::model::problem;

impl Branch {
    /// Whether it is pinned and shows a bucket.
    pub(super) fn pins(&self, bucket: &str) -> bool {
        self.pinned.as_ref().is_some_and(|buckets| buckets.contains(&fold(bucket)))
    }
}

impl Catalogue {
    /// Whether a branch shows nothing of the main line but what it began with.
    pub fn is_pinned(&self, branch: &str) -> bool {
        self.branches.get(branch).is_some_and(|branch| branch.pinned.is_some())
    }

    /// The bucket of exactly this name, if the branch shows it: a pinned one shows those that it began with.
    pub fn bucket_on(&self, branch: &str, name: &str) -> Result<&Bucket, Problem> {
        let hides = self.branches.get(branch).is_some_and(|found| found.pinned.is_some() && !found.pins(name));
        if hides { Err(problem::bucket_not_found(name)) } else { self.bucket(name) }
    }

    /// The buckets that a branch which is pinned now shows: what links show is other projects', and theirs to take back.
    pub(super) fn buckets_to_pin(&self) -> BTreeSet<String> {
        self.buckets.iter().filter(|(_, bucket)| bucket.link.is_none()).map(|(name, _)| name.clone()).collect()
    }

    /// The tables that it begins with, each with its bucket.
    pub fn to_pin(&self) -> impl Iterator<Item = (&Bucket, &TableRef)> {
        let own = self.buckets.values().filter(|bucket| bucket.link.is_none());
        own.flat_map(|bucket| bucket.tables.values().map(move |table| (bucket, table)))
    }

    /// What makes a branch show what the main line has now; `tables` says what each table looks like.
    pub(super) fn begins(
        &self,
        branch: &str,
        tables: Vec<PinnedTable>,
        at: &DecisionContext,
    ) -> Result<Vec<ProjectEvent>, Problem> {
        self.check_room(self.to_pin().count())?;
        let mut shapes: BTreeMap<String, PinnedTable> =
            tables.into_iter().map(|table| (table.uid.clone(), table)).collect();
        let mut ids = (0..).map(|n| at.new_uid(n));
        let mut events = Vec::new();
        for (bucket, table) in self.to_pin() {
            // The worker looked at every one.
            let shape = shapes.remove(&table.uid).ok_or_else(|| problem::table_busy(&table.name))?;
            let created = TableCreated {
                project: self.id.clone(),
                branch: branch.to_owned(),
                bucket: bucket.name.clone(),
                table: table.name.clone(),
                uid: ids.next().unwrap_or_default(),
                columns: shape.columns,
                primary_key: shape.primary_key,
                copy_of: Some(table.uid.clone()),
                awaits: None,
            };
            events.push(created.into());
        }
        let aliases: Vec<&AliasRef> = self.aliases_to_pin().collect();
        if self.aliases.count() + aliases.len() > ALIASES_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("aliases", ALIASES_PER_PROJECT_MAX));
        }
        for alias in aliases {
            let AliasRef { bucket, name: table, source_bucket, source_table, columns, filter, .. } = alias.clone();
            let (project, branch, uid) = (self.id.clone(), branch.to_owned(), ids.next().unwrap_or_default());
            let created =
                AliasCreated { project, branch, bucket, table, uid, source_bucket, source_table, columns, filter };
            events.push(created.into());
        }
        Ok(events)
    }

    /// The main line's aliases of tables that go along.
    fn aliases_to_pin(&self) -> impl Iterator<Item = &AliasRef> {
        let goes_along =
            move |bucket: &str| self.buckets.get(&fold(bucket)).is_some_and(|bucket| bucket.link.is_none());
        let main = self.aliases.of(MAIN_BRANCH).map(|(_, alias)| alias);
        main.filter(move |alias| goes_along(&alias.bucket) && goes_along(&alias.source_bucket))
    }

    /// A pinned branch's own table of exactly this name, when it is one that the branch began with.
    pub fn pinned_table(&self, branch: &str, bucket: &str, table: &str) -> Result<&TableRef, Problem> {
        let bucket = self.bucket_on(branch, &bucket_name(bucket))?;
        let own = self.own(branch, bucket, table)?;
        if own.copy_of.is_some() { Ok(own) } else { Err(problem::table_not_found(&bucket.name, table)) }
    }

    /// What a pinned branch pulls is what it began with: the table stays, and gets that content again.
    pub(super) fn back(&self, pull: PullTable) -> Result<Vec<ProjectEvent>, Problem> {
        let own = self.pinned_table(&pull.branch, &pull.bucket, &pull.table)?;
        let PullTable { project, branch, bucket, position, .. } = pull;
        let planned = RestorePlanned {
            bucket: bucket_name(&bucket),
            table: own.name.clone(),
            uid: own.uid.clone(),
            source: own.copy_of.clone().unwrap_or_default(),
            snapshot: String::new(),
            project,
            branch,
            position,
        };
        Ok(vec![planned.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Project;
    use super::super::branch::tests::BRANCH;
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::overlay::tests::{and, columns};
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::{
        BranchCreated, CreateAlias, CreateBranch, CreateTable, DeleteBucket, DropTable, TableDropped,
    };
    use crate::model::names::PINNED;
    use crate::model::spec::{given, refused};

    fn create(tables: Vec<PinnedTable>) -> CreateBranch {
        CreateBranch { project: "Shop".into(), name: "then".into(), description: None, mode: PINNED.into(), tables }
    }

    fn shape(uid: &str) -> PinnedTable {
        PinnedTable { uid: uid.into(), columns: columns(), primary_key: vec![] }
    }

    /// A project with `sales.Orders` (t1) and an alias of it.
    fn main_line() -> Vec<ProjectEvent> {
        let before = vec![created(), bucket_created("sales"), table_created("sales", "Orders", "t1")];
        let alias = CreateAlias {
            project: "Shop".into(),
            branch: MAIN_BRANCH.into(),
            bucket: "sales".into(),
            table: "all".into(),
            source_bucket: "sales".into(),
            source_table: "Orders".into(),
            columns: None,
            filter: vec![],
        };
        let alias = given::<Project>(before.clone()).when(alias.into()).inspect_result().unwrap();
        and(before, alias)
    }

    /// The same with a pinned branch, and its id.
    fn pinned() -> (Vec<ProjectEvent>, String) {
        let events = given::<Project>(main_line()).when(create(vec![shape("t1")]).into()).inspect_result().unwrap();
        let ProjectEvent::BranchCreated(BranchCreated { branch, mode, .. }) = &events[0] else { panic!("{events:?}") };
        assert_eq!(mode, PINNED);
        let branch = branch.clone();
        (and(main_line(), events), branch)
    }

    fn drop_in(branch: &str) -> DropTable {
        DropTable { project: "Shop".into(), branch: branch.into(), bucket: "sales".into(), table: "Orders".into() }
    }

    #[test]
    fn a_pinned_branch_begins_with_all_that_the_main_line_has() {
        let (events, branch) = pinned();
        let [.., ProjectEvent::TableCreated(table), ProjectEvent::AliasCreated(alias)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((table.copy_of.as_deref(), &table.branch, table.table.as_str()), (Some("t1"), &branch, "Orders"));
        assert_eq!((&alias.branch, alias.table.as_str(), alias.source_table.as_str()), (&branch, "all", "Orders"));
        assert_ne!(table.uid, alias.uid);
        let unseen = given::<Project>(main_line()).when(create(vec![shape("t2")]).into()).inspect_result();
        refused(unseen, 503, "storage.table_busy");
    }

    #[test]
    fn what_the_main_line_gets_later_is_not_there() {
        let (before, branch) = pinned();
        let later = and(
            before,
            vec![bucket_created("new"), table_created("new", "t", "t3"), table_created("sales", "late", "t4")],
        );
        let state = later.clone();
        let drop = |bucket: &str, table: &str| DropTable {
            project: "Shop".into(),
            branch: branch.clone(),
            bucket: bucket.into(),
            table: table.into(),
        };
        let when = |command: DropTable| given::<Project>(state.clone()).when(command.into()).inspect_result();
        refused(when(drop("new", "t")), 404, "storage.bucket_not_found");
        refused(when(drop("sales", "late")), 404, "storage.table_not_found");
        // The name is free there.
        let own = CreateTable {
            project: "Shop".into(),
            branch: branch.clone(),
            bucket: "sales".into(),
            table: "late".into(),
            columns: columns(),
            primary_key: vec![],
        };
        assert_eq!(given::<Project>(later).when(own.into()).inspect_result().unwrap().len(), 1);
    }

    #[test]
    fn a_bucket_stays_for_as_long_as_a_pinned_branch_shows_it() {
        let (before, _) = pinned();
        for force in [false, true] {
            let delete = DeleteBucket { project: "Shop".into(), bucket: "sales".into(), cascade: true, force };
            let result = given::<Project>(before.clone()).when(delete.into()).inspect_result();
            refused(result, 409, "storage.bucket_pinned");
        }
    }

    #[test]
    fn what_is_dropped_on_one_side_stays_on_the_other() {
        let (before, branch) = pinned();
        let mine = DropTable { table: "all".into(), ..drop_in(&branch) };
        let unaliased = given::<Project>(before.clone()).when(mine.into()).inspect_result().unwrap();
        assert!(matches!(&unaliased[..], [ProjectEvent::AliasDropped(gone)] if gone.branch == branch), "{unaliased:?}");
        let dropped = given::<Project>(and(before.clone(), unaliased)).when(drop_in(&branch).into()).inspect_result();
        let dropped = dropped.unwrap();
        assert!(
            matches!(&dropped[..], [ProjectEvent::TableDropped(_), ProjectEvent::TableHidden(hidden)] if hidden.branch == branch),
            "{dropped:?}"
        );
        let gone = TableDropped {
            project: "Shop".into(),
            branch: MAIN_BRANCH.into(),
            bucket: "sales".into(),
            table: "Orders".into(),
            uid: "t1".into(),
            snapshot: None,
            abandoned: false,
        };
        let after = and(before, vec![gone.into()]);
        let pull = PullTable {
            project: "Shop".into(),
            branch: branch.clone(),
            bucket: "sales".into(),
            table: "Orders".into(),
            position: 7,
            columns: columns(),
            primary_key: vec![],
        };
        let when = |pull: PullTable| given::<Project>(after.clone()).when(pull.into()).inspect_result();
        let back = when(pull.clone()).unwrap();
        let [ProjectEvent::RestorePlanned(planned)] = &back[..] else { panic!("{back:?}") };
        assert_eq!((planned.source.as_str(), planned.position), ("t1", 7));
        refused(when(PullTable { table: "late".into(), ..pull.clone() }), 404, "storage.table_not_found");
        refused(when(PullTable { branch: BRANCH.into(), ..pull }), 404, "storage.branch_not_found");
    }
}
