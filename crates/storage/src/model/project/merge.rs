//! Merging: the main line's table gets what a branch has in a table of its own.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Catalogue, Project, TableRef};
use crate::contract::{MergeTable, ProjectEvent, TableCreated, TableMerged};
use crate::model::names::{MAIN_BRANCH, bucket_name, fold};
use crate::model::problem;

impl Catalogue {
    /// The branch's own table of exactly this name, and the main line's, if there is one.
    pub fn to_merge(&self, branch: &str, bucket: &str, table: &str) -> Result<(&TableRef, Option<&TableRef>), Problem> {
        self.has_branch(branch)?;
        let bucket = self.bucket_on(branch, &bucket_name(bucket))?;
        Ok((self.own(branch, bucket, table)?, bucket.tables.get(&fold(table))))
    }
}

impl Decide<Project> for MergeTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let (own, main) = live.to_merge(&self.branch, &self.bucket, &self.table)?;
        // A table that the main line has dropped, or has made since, is not the one that the branch took.
        if !self.force && own.copy_of.as_ref() != main.map(|main| &main.uid) {
            return Err(problem::merge_conflict(&self.table));
        }
        let (table, source) = (own.name.clone(), own.uid.clone());
        let bucket = bucket_name(&self.bucket);
        if let Some(main) = main {
            let Self { project, branch, .. } = self;
            return Ok(vec![TableMerged { project, branch, bucket, table, uid: main.uid.clone(), source }.into()]);
        }
        live.check_free(MAIN_BRANCH, live.bucket(&bucket)?, &table)?;
        live.check_room(1)?;
        let Self { project, columns, primary_key, .. } = self;
        let (branch, uid, copy_of) = (MAIN_BRANCH.to_owned(), at.new_uid(0), Some(source));
        Ok(vec![
            TableCreated { project, branch, bucket, table, uid, columns, primary_key, copy_of, awaits: None }.into(),
        ])
    }
}

impl Evolve<Project> for TableMerged {
    // What the table becomes is its own.
    fn evolve(self, _: &mut Project) {}
}

#[cfg(test)]
mod tests {
    use super::super::branch::tests::BRANCH;
    use super::super::overlay::tests::{and, before, columns, own};
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::TableDropped;
    use crate::model::spec::{given, refused};

    #[test]
    fn a_branchs_table_is_merged_into_the_one_it_was_taken_from() {
        let merge = |table: &str, force| MergeTable {
            project: "Shop".into(),
            branch: BRANCH.into(),
            bucket: "sales".into(),
            table: table.into(),
            force,
            columns: columns(),
            primary_key: vec![],
        };
        let when =
            |before, table: &str, force| given::<Project>(before).when(merge(table, force).into()).inspect_result();
        refused(when(before(), "Orders", true), 404, "storage.table_not_found");
        let forked = and(before(), vec![own("Orders", "t2", Some("t1"))]);
        let events = when(forked.clone(), "Orders", false).unwrap();
        let [ProjectEvent::TableMerged(merged)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((merged.uid.as_str(), merged.source.as_str()), ("t1", "t2"));
        let new = and(before(), vec![own("new", "t2", None)]);
        let events = when(new.clone(), "new", false).unwrap();
        let [ProjectEvent::TableCreated(made)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((made.branch.as_str(), made.copy_of.as_deref()), (MAIN_BRANCH, Some("t2")));
        // The main line made one of the name as well, or dropped the one that was taken.
        let both = and(new, vec![table_created("sales", "new", "t3")]);
        let gone = TableDropped {
            project: "Shop".into(),
            branch: MAIN_BRANCH.into(),
            bucket: "sales".into(),
            table: "Orders".into(),
            uid: "t1".into(),
            snapshot: None,
            abandoned: false,
        };
        for (before, table) in [(both, "new"), (and(forked, vec![gone.into()]), "Orders")] {
            refused(when(before.clone(), table, false), 409, "storage.merge_conflict");
            assert_eq!(when(before, table, true).unwrap().len(), 1);
        }
    }
}
