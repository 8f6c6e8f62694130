//! Tables that are made with the rows of a file: the name is taken at once, and shows, or is free again, with the verdict on the rows.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Project, Shown};
use crate::contract::{AbandonTable, CreateTable, CreateTableFromFile, ProjectEvent, TableCreated, TableDropped};
use crate::model::problem;

/// What may be done with columns of the file that the table has not: it has its columns from the start, so none are added.
const EXTRA_COLUMNS: [&str; 2] = ["error", "ignore"];

impl Decide<Project> for CreateTableFromFile {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Self { project, branch, bucket, table, columns, primary_key, extra_columns, .. } = self;
        let create = CreateTable { project, branch, bucket, table, columns, primary_key };
        let made = create.created(state, at)?;
        if !EXTRA_COLUMNS.contains(&extra_columns.as_str()) {
            let detail = format!("`extra_columns` is one of {}, not {extra_columns:?}.", EXTRA_COLUMNS.join(", "));
            return Err(problem::invalid_request(detail));
        }
        Ok(vec![TableCreated { awaits: Some(at.command_id.clone()), ..made }.into()])
    }
}

impl Decide<Project> for AbandonTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        // Gone already, by whoever did not wait: then there is nothing left to take back.
        let Ok(live) = state.live(&self.project) else { return Ok(Vec::new()) };
        let Ok(bucket) = live.bucket(&self.bucket) else { return Ok(Vec::new()) };
        match live.shown(&self.branch, bucket, &self.table) {
            Some(Shown::Own(own)) if own.uid == self.uid => {}
            _ => return Ok(Vec::new()),
        }
        let Self { project, branch, bucket, table, uid } = self;
        Ok(vec![TableDropped { project, branch, bucket, table, uid, snapshot: None, abandoned: true }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::branch::tests::BRANCH;
    use super::super::overlay::tests::{and, before, columns};
    use super::*;
    use crate::contract::{DropTable, TableHidden};
    use crate::model::spec::{at, given, nothing, refused};

    fn make(branch: &str, table: &str) -> CreateTableFromFile {
        CreateTableFromFile {
            project: "Shop".into(),
            branch: branch.into(),
            bucket: "sales".into(),
            table: table.into(),
            columns: columns(),
            primary_key: vec!["ID".into()],
            blob: "0a".repeat(32),
            size_bytes: 10,
            format: "csv".into(),
            csv: None,
            dedup_mode: "update_duplicates".into(),
            extra_columns: "error".into(),
            more: Vec::new(),
        }
    }

    fn abandon(branch: &str, table: &str, uid: &str) -> AbandonTable {
        let (project, bucket) = ("Shop".into(), "sales".into());
        AbandonTable { project, branch: branch.into(), bucket, table: table.into(), uid: uid.into() }
    }

    fn hidden() -> ProjectEvent {
        let (project, bucket, table) = ("Shop".into(), "sales".into(), "Orders".into());
        TableHidden { project, branch: BRANCH.into(), bucket, table }.into()
    }

    #[test]
    fn the_name_is_taken_until_the_rows_are_refused() {
        let events = given::<Project>(before()).when(make("default", "new").into()).inspect_result().unwrap();
        let [ProjectEvent::TableCreated(made)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((made.awaits.as_deref(), made.columns[0].nullable), (Some(at().command_id.as_str()), false));
        let made_too = || and(before(), events.clone());
        let again = given::<Project>(made_too()).when(make("default", "NEW").into()).inspect_result();
        refused(again, 409, "storage.table_exists");
        let gone =
            given::<Project>(made_too()).when(abandon("default", "new", &made.uid).into()).inspect_result().unwrap();
        let [ProjectEvent::TableDropped(dropped)] = &gone[..] else { panic!("{gone:?}") };
        assert!(dropped.abandoned && dropped.snapshot.is_none());
        let after = and(made_too(), gone);
        assert!(given::<Project>(after.clone()).when(make("default", "new").into()).inspect_result().is_ok());
        given::<Project>(after).when(abandon("default", "new", &made.uid).into()).then_expect_events(nothing());
    }

    #[test]
    fn only_the_table_that_was_to_be_made_goes() {
        for abandon in [abandon("default", "Orders", "t2"), abandon(BRANCH, "Orders", "t1"), abandon("x", "a", "b")] {
            given::<Project>(before()).when(abandon.into()).then_expect_events(nothing());
        }
        given::<Project>(nothing()).when(abandon("default", "a", "b").into()).then_expect_events(nothing());
        let adding = CreateTableFromFile { extra_columns: "add".into(), ..make("default", "new") };
        refused(given::<Project>(before()).when(adding.into()).inspect_result(), 400, "storage.invalid_request");
    }

    #[test]
    fn what_a_branch_did_not_show_stays_out_of_sight_there() {
        let seen = |before| {
            let drop = DropTable {
                project: "Shop".into(),
                branch: BRANCH.into(),
                bucket: "sales".into(),
                table: "Orders".into(),
            };
            given::<Project>(before).when(drop.into()).inspect_result().is_ok()
        };
        let hiding = || and(before(), vec![hidden()]);
        assert!(seen(before()) && !seen(hiding()));
        let events = given::<Project>(hiding()).when(make(BRANCH, "Orders").into()).inspect_result().unwrap();
        let [ProjectEvent::TableCreated(made)] = &events[..] else { panic!("{events:?}") };
        let uid = made.uid.clone();
        let gone = given::<Project>(and(hiding(), events.clone()))
            .when(abandon(BRANCH, "Orders", &uid).into())
            .inspect_result()
            .unwrap();
        assert!(!seen(and(hiding(), and(events, gone))), "the main line's does not come back into sight");
    }
}
