//! Restoring a snapshot: onto the table it was taken of, in the place where that was, or as a new table.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Project, Shown};
use crate::contract::{ProjectEvent, RestorePlanned, RestoreTable, TableCreated};
use crate::model::{names, problem};

impl Decide<Project> for RestoreTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        live.has_branch(&self.branch)?;
        let snapshot = live.snapshot_in(&self.branch, &self.snapshot, self.bucket.as_deref(), at.time)?;
        let bucket = self.target_bucket.as_deref().map_or_else(|| snapshot.bucket.clone(), names::bucket_name);
        let bucket = live.bucket_on(&self.branch, &bucket)?;
        let table = self.target_table.unwrap_or_else(|| snapshot.table.clone());
        if let Some(alias) = live.alias(&self.branch, bucket, &table) {
            return Err(problem::table_exists(&bucket.name, &alias.name));
        }
        let there = live.shown(&self.branch, bucket, &table);
        let is_home = bucket.name == snapshot.bucket && table == snapshot.table;
        if let Some(there) = there.map(Shown::table).filter(|there| !is_home || there.name != table) {
            return Err(problem::table_exists(&bucket.name, &there.name));
        }
        let (uid, copy_of) = match there {
            Some(Shown::Own(own)) => (own.uid.clone(), None),
            // What a branch only shows is the main line's: its own takes the place.
            Some(Shown::Main(main)) => (at.new_uid(0), Some(main.uid.clone())),
            None => (at.new_uid(0), None),
        };
        let mut events = Vec::new();
        if !matches!(there, Some(Shown::Own(_))) {
            names::valid_table(&table)?;
            live.check_room(1)?;
            let created = TableCreated {
                project: self.project.clone(),
                branch: self.branch.clone(),
                bucket: bucket.name.clone(),
                table: table.clone(),
                uid: uid.clone(),
                columns: self.columns,
                primary_key: self.primary_key,
                copy_of,
                awaits: None,
            };
            events.push(created.into());
        }
        let planned = RestorePlanned {
            bucket: bucket.name.clone(),
            source: snapshot.uid.clone(),
            project: self.project,
            branch: self.branch,
            table,
            uid,
            snapshot: self.snapshot,
            position: self.position,
        };
        events.push(planned.into());
        Ok(events)
    }
}

impl Evolve<Project> for RestorePlanned {
    // What the table becomes is its own; the names are as the events before it say.
    fn evolve(self, _: &mut Project) {}
}

#[cfg(test)]
mod tests {
    use super::super::bucket::tests::bucket_created;
    use super::super::snapshot::tests::{before, taken};
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::{ColumnSpec, TableDropped};
    use crate::model::spec::{at, given, refused};

    fn restore(bucket: Option<&str>, table: Option<&str>) -> RestoreTable {
        RestoreTable {
            project: "Shop".into(),
            branch: "default".into(),
            snapshot: "s".into(),
            target_bucket: bucket.map(Into::into),
            target_table: table.map(Into::into),
            position: 7,
            columns: vec![ColumnSpec { name: "id".into(), r#type: "BIGINT".into(), nullable: true, default: None }],
            primary_key: vec![],
            bucket: None,
        }
    }

    fn snapped() -> Vec<ProjectEvent> {
        before().into_iter().chain([taken("s", i64::MAX)]).collect()
    }

    fn when(before: Vec<ProjectEvent>, command: RestoreTable) -> Result<Vec<ProjectEvent>, Problem> {
        given::<Project>(before).when(command.into()).inspect_result()
    }

    #[test]
    fn the_table_it_was_taken_of_gets_its_content_back() {
        for command in [restore(None, None), restore(Some("sales"), Some("orders"))] {
            let events = when(snapped(), command).unwrap();
            let [ProjectEvent::RestorePlanned(planned)] = &events[..] else { panic!("{events:?}") };
            assert_eq!((planned.uid.as_str(), planned.source.as_str(), planned.position), ("t1", "t1", 7));
        }
    }

    #[test]
    fn a_dropped_table_comes_back_and_another_name_is_a_new_one() {
        let dropped = TableDropped {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            snapshot: None,
            abandoned: false,
        };
        let gone: Vec<_> = snapped().into_iter().chain([dropped.into()]).collect();
        for (before, command) in [(gone, restore(None, None)), (snapped(), restore(None, Some("copy")))] {
            let events = when(before, command).unwrap();
            let [ProjectEvent::TableCreated(created), ProjectEvent::RestorePlanned(planned)] = &events[..] else {
                panic!("{events:?}")
            };
            assert_eq!((&created.uid, &planned.uid), (&at().new_uid(0), &at().new_uid(0)));
            assert_eq!((created.columns.len(), planned.source.as_str()), (1, "t1"));
        }
    }

    #[test]
    fn a_restore_destroys_no_other_table() {
        refused(when(before(), restore(None, None)), 404, "storage.snapshot_not_found");
        let past: Vec<_> = before().into_iter().chain([taken("s", at().time.micros())]).collect();
        refused(when(past, restore(None, None)), 404, "storage.snapshot_not_found");
        refused(when(snapped(), restore(Some("x"), None)), 404, "storage.bucket_not_found");
        let mut other = snapped();
        other.extend([bucket_created("more"), table_created("more", "orders", "t2")]);
        refused(when(other.clone(), restore(Some("more"), None)), 409, "storage.table_exists");
        refused(when(other, restore(None, Some("Orders"))), 409, "storage.table_exists");
        refused(when(snapped(), restore(None, Some("../x"))), 400, "storage.invalid_name");
    }
}
