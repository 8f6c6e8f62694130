//! Tables and buckets that come back, and tables that are made of what another one held. The worker fills in what the log says.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Bucket, Catalogue, Project};
use crate::contract::{
    BucketCreated, BucketOfProject, ColumnSpec, CopyTable, ProjectCreated, ProjectEvent, RestorePlanned, TableCreated,
    TableOfBucket, UndeleteProject, UndropBucket, UndropTable,
};
use crate::model::{names, problem};

/// Content of a table, and the new table that gets it.
struct Recalled {
    table: String,
    uid: String,
    source: String,
    position: i64,
    columns: Vec<ColumnSpec>,
    primary_key: Vec<String>,
}

impl Recalled {
    /// In a bucket of the main line that has no table of this name.
    fn into_place(
        self,
        state: &Project,
        project: &str,
        branch: &str,
        bucket: &str,
    ) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(project)?;
        live.main_only(branch)?;
        let bucket = live.bucket(&names::bucket_name(bucket))?;
        live.takes(bucket, &self.table)?;
        Ok(self.events(project, branch, &bucket.name).into())
    }

    fn events(self, project: &str, branch: &str, bucket: &str) -> [ProjectEvent; 2] {
        let Self { table, uid, source, position, columns, primary_key } = self;
        let (project, branch, bucket) = (project.to_owned(), branch.to_owned(), bucket.to_owned());
        let created = TableCreated {
            project: project.clone(),
            branch: branch.clone(),
            bucket: bucket.clone(),
            table: table.clone(),
            uid: uid.clone(),
            columns,
            primary_key,
            copy_of: None,
            awaits: None,
        };
        let snapshot = String::new();
        let planned = RestorePlanned { project, branch, bucket, table, uid, snapshot, source, position };
        [created.into(), planned.into()]
    }
}

impl Catalogue {
    /// Whether a bucket may get one more table of this name.
    fn takes(&self, bucket: &Bucket, table: &str) -> Result<(), Problem> {
        names::valid_table(table)?;
        self.check_free(names::MAIN_BRANCH, bucket, table)?;
        self.check_room(1)
    }
}

impl Decide<Project> for UndropTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Self { project, branch, bucket, table, source, position, columns, primary_key, .. } = self;
        let recalled = Recalled { table, uid: at.new_uid(0), source, position, columns, primary_key };
        recalled.into_place(state, &project, &branch, &bucket)
    }
}

impl Decide<Project> for CopyTable {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Self { project, branch, bucket, table, source, position, columns, primary_key, .. } = self;
        let recalled = Recalled { table, uid: at.new_uid(0), source, position, columns, primary_key };
        recalled.into_place(state, &project, &branch, &bucket)
    }
}

impl Decide<Project> for UndeleteProject {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        names::project_id(&self.project)?;
        if let Some(live) = &state.live {
            return Err(problem::project_exists(&live.id));
        }
        let Self { project, name, settings, buckets, organization } = self;
        let mut ids = (0..).map(|n| at.new_uid(n));
        let mut uid = || ids.next().unwrap_or_default();
        let created = ProjectCreated { project: project.clone(), uid: uid(), name, settings, organization };
        let mut events = vec![created.into()];
        for BucketOfProject { bucket, description, tables } in buckets {
            let created = BucketCreated { project: project.clone(), bucket: bucket.clone(), uid: uid(), description };
            events.push(created.into());
            for TableOfBucket { table, source, position, columns, primary_key } in tables {
                let recalled = Recalled { table, uid: uid(), source, position, columns, primary_key };
                events.extend(recalled.events(&project, names::MAIN_BRANCH, &bucket));
            }
        }
        Ok(events)
    }
}

impl Decide<Project> for UndropBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.takes_bucket(&self.bucket)?;
        live.check_room(self.tables.len())?;
        let Self { project, description, tables, .. } = self;
        let created =
            BucketCreated { project: project.clone(), bucket: bucket.clone(), uid: at.new_uid(0), description };
        let mut events = vec![created.into()];
        for (nth, gone) in tables.into_iter().enumerate() {
            let uid = at.new_uid(1 + nth as u32);
            let TableOfBucket { table, source, position, columns, primary_key } = gone;
            let recalled = Recalled { table, uid, source, position, columns, primary_key };
            events.extend(recalled.events(&project, names::MAIN_BRANCH, &bucket));
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::tests::bucket_created;
    use super::super::snapshot::tests::before;
    use super::*;
    use crate::model::spec::{at, given, refused};

    fn column() -> ColumnSpec {
        ColumnSpec { name: "id".into(), r#type: "BIGINT".into(), nullable: true, default: None }
    }

    fn undrop(bucket: &str, table: &str) -> UndropTable {
        UndropTable {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: bucket.into(),
            table: table.into(),
            source: "t0".into(),
            position: 7,
            columns: vec![column()],
            primary_key: vec!["id".into()],
        }
    }

    fn when(command: UndropTable) -> Result<Vec<ProjectEvent>, Problem> {
        given::<Project>(before()).when(command.into()).inspect_result()
    }

    #[test]
    fn what_comes_back_is_a_new_table_with_the_content_of_the_old_one() {
        let events = when(undrop("sales", "gone")).unwrap();
        let [ProjectEvent::TableCreated(created), ProjectEvent::RestorePlanned(planned)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((&created.uid, &planned.uid), (&at().new_uid(0), &at().new_uid(0)));
        assert_eq!((planned.source.as_str(), planned.position, planned.snapshot.as_str()), ("t0", 7, ""));
        assert_eq!((created.columns.len(), created.primary_key.len()), (1, 1));
        refused(when(undrop("x", "gone")), 404, "storage.bucket_not_found");
        refused(when(undrop("sales", "ORDERS")), 409, "storage.table_exists");
    }

    #[test]
    fn a_project_comes_back_unless_another_has_its_id() {
        let undelete = || UndeleteProject {
            project: "Shop".into(),
            name: Some("A shop".into()),
            settings: "{}".into(),
            buckets: vec![BucketOfProject { bucket: "sales".into(), description: None, tables: vec![] }],
            organization: Some("acme".into()),
        };
        refused(given::<Project>(before()).when(undelete().into()).inspect_result(), 409, "storage.project_exists");
        let events = given::<Project>(vec![]).when(undelete().into()).inspect_result().unwrap();
        let [ProjectEvent::ProjectCreated(project), ProjectEvent::BucketCreated(bucket)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((project.uid.as_str(), bucket.uid.as_str()), (&*at().new_uid(0), &*at().new_uid(1)));
        assert_eq!(project.organization.as_deref(), Some("acme"));
    }

    #[test]
    fn a_bucket_comes_back_with_its_tables_unless_its_name_is_taken() {
        let undrop = |bucket: &str| UndropBucket {
            project: "Shop".into(),
            bucket: bucket.into(),
            description: Some("raw".into()),
            tables: ["a", "b"]
                .map(|table| TableOfBucket {
                    table: table.into(),
                    source: format!("old-{table}"),
                    position: 9,
                    columns: vec![column()],
                    primary_key: vec![],
                })
                .into(),
        };
        let events = given::<Project>(before()).when(undrop("in.c-old").into()).inspect_result().unwrap();
        assert!(matches!(&events[0], ProjectEvent::BucketCreated(e) if e.bucket == "in_c_old"), "{events:?}");
        let sources: Vec<_> = events
            .iter()
            .filter_map(
                |event| if let ProjectEvent::RestorePlanned(e) = event { Some(e.source.as_str()) } else { None },
            )
            .collect();
        assert_eq!((events.len(), sources), (5, vec!["old-a", "old-b"]));
        let taken = before().into_iter().chain([bucket_created("old")]).collect();
        refused(given::<Project>(taken).when(undrop("OLD").into()).inspect_result(), 409, "storage.bucket_exists");
    }
}
