//! Which table a subject of rows stands for, at each point of the stream: a fold of the projects' catalogues.

use std::collections::{BTreeSet, HashMap};

use alluvium_kernel::{Token, TokenError, subject};
use alluvium_tablestore::TableFile;
use serde::{Deserialize, Serialize};

use super::owned::project_key;
use crate::contract::{ProjectEvent, TableCreated, TableDropped};
use crate::model::names::MAIN_BRANCH;

/// Names of tables as they are at one sequence of the stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// By the subject that carries the table's rows.
    by_subject: HashMap<String, String>,
    by_uid: HashMap<String, TableId>,
}

/// One incarnation of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableId {
    /// Whose it is.
    pub tenant: Token,
    /// Id of the project.
    pub project: Token,
    /// Id of the branch.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: Token,
    /// Name of the table.
    pub table: Token,
    /// Internal id of the incarnation.
    pub uid: String,
    /// Sequence of the commit that created it.
    pub created_seq: u64,
}

/// Where tables of releases without branches are.
fn main_branch() -> String {
    MAIN_BRANCH.to_owned()
}

impl TableId {
    /// What its project is claimed by.
    pub fn project_key(&self) -> String {
        project_key(&self.tenant, &self.project)
    }

    /// The subject that carries its rows. Rows by their names are for tables of the main line; one of a dev branch has a
    /// subject of its own that nobody may publish to, so that it never takes, counts or purges anybody else's.
    pub fn rows_subject(&self) -> String {
        if self.branch == MAIN_BRANCH {
            subject::rows(&self.tenant, &self.project, &self.bucket, &self.table)
        } else {
            let named = subject::event(&self.tenant, "storage", "rows", &self.table);
            format!("{named}.{}", self.uid)
        }
    }

    /// The subject of the table's own events.
    pub fn event_subject(&self) -> Result<String, TokenError> {
        Ok(subject::event(&self.tenant, "storage", "table", &Token::encode(&self.uid)?))
    }

    /// The subject of what is kept of the table.
    pub fn retention_subject(&self) -> Result<String, TokenError> {
        Ok(subject::event(&self.tenant, "storage", "retention", &Token::encode(&self.uid)?))
    }

    /// Its file in a generation.
    pub fn file(&self, generation: u32) -> TableFile {
        TableFile {
            generation,
            tenant: self.tenant.to_string(),
            project: self.project.to_string(),
            bucket: self.bucket.to_string(),
            table: self.table.to_string(),
            uid: self.uid.clone(),
        }
    }
}

impl Routing {
    /// Takes in one event of a project.
    pub fn apply(&mut self, tenant: &Token, event: &ProjectEvent, seq: u64) -> Result<(), TokenError> {
        match event {
            ProjectEvent::TableCreated(created) => self.created(tenant, created, seq)?,
            ProjectEvent::TableDropped(dropped) => self.dropped(dropped),
            // The tables of a bucket or project are dropped one by one before it, in the same commit.
            ProjectEvent::ProjectCreated(_)
            | ProjectEvent::ProjectUpdated(_)
            | ProjectEvent::ProjectDeleted(_)
            | ProjectEvent::BranchCreated(_)
            | ProjectEvent::BranchDeleted(_)
            | ProjectEvent::BucketCreated(_)
            | ProjectEvent::BucketDeleted(_)
            | ProjectEvent::TableHidden(_)
            | ProjectEvent::AliasCreated(_)
            | ProjectEvent::AliasDropped(_)
            | ProjectEvent::TableMerged(_)
            | ProjectEvent::TablePulled(_)
            | ProjectEvent::BucketShared(_)
            | ProjectEvent::BucketUnshared(_)
            | ProjectEvent::LinkAdmitted(_)
            | ProjectEvent::LinkReleased(_)
            | ProjectEvent::LinkClosed(_)
            | ProjectEvent::BucketSharingSet(_)
            | ProjectEvent::BucketLinked(_)
            | ProjectEvent::BucketUnlinked(_)
            | ProjectEvent::BucketMarkedReadOnly(_)
            | ProjectEvent::BucketUnmarkedReadOnly(_)
            | ProjectEvent::SnapshotTaken(_)
            | ProjectEvent::SnapshotDeleted(_)
            | ProjectEvent::SnapshotExpired(_)
            | ProjectEvent::SnapshotSettingsSet(_)
            | ProjectEvent::SnapshotSettingsCleared(_)
            | ProjectEvent::RestorePlanned(_) => {}
        }
        Ok(())
    }

    /// The table that rows on `subject` are for.
    pub fn by_subject(&self, subject: &str) -> Option<&TableId> {
        self.by_uid.get(self.by_subject.get(subject)?)
    }

    /// The table with this uid, while its name stands for it.
    pub fn by_uid(&self, uid: &str) -> Option<&TableId> {
        self.by_uid.get(uid)
    }

    /// Every table there is.
    pub fn tables(&self) -> impl Iterator<Item = &TableId> {
        self.by_uid.values()
    }

    /// Whether a project has tables.
    pub fn has_project(&self, project: &str) -> bool {
        self.tables().any(|id| id.project_key() == project)
    }

    /// The projects that have tables.
    pub fn projects(&self) -> BTreeSet<String> {
        self.tables().map(TableId::project_key).collect()
    }

    fn created(&mut self, tenant: &Token, event: &TableCreated, seq: u64) -> Result<(), TokenError> {
        let id = TableId {
            tenant: tenant.clone(),
            project: Token::encode(&event.project)?,
            branch: event.branch.clone(),
            bucket: Token::encode(&event.bucket)?,
            table: Token::encode(&event.table)?,
            uid: event.uid.clone(),
            created_seq: seq,
        };
        self.by_subject.insert(id.rows_subject(), event.uid.clone());
        self.by_uid.insert(event.uid.clone(), id);
        Ok(())
    }

    fn dropped(&mut self, event: &TableDropped) {
        if let Some(id) = self.by_uid.remove(&event.uid) {
            self.by_subject.remove(&id.rows_subject());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(uid: &str) -> ProjectEvent {
        created_in(MAIN_BRANCH, uid)
    }

    fn created_in(branch: &str, uid: &str) -> ProjectEvent {
        ProjectEvent::TableCreated(TableCreated {
            branch: branch.into(),
            project: "p".into(),
            bucket: "b".into(),
            table: "t.1".into(),
            uid: uid.into(),
            columns: vec![],
            primary_key: vec![],
            copy_of: None,
            awaits: None,
        })
    }

    #[test]
    fn a_name_stands_for_its_newest_incarnation() {
        let tenant = Token::encode("default").unwrap();
        let mut routing = Routing::default();
        routing.apply(&tenant, &created("one"), 5).unwrap();
        assert_eq!(routing.by_subject("rows.default.p.b.t%2E1").unwrap().uid, "one");
        let dropped = TableDropped {
            branch: "default".into(),
            project: "p".into(),
            bucket: "b".into(),
            table: "t.1".into(),
            uid: "one".into(),
            snapshot: None,
            abandoned: false,
        };
        routing.apply(&tenant, &ProjectEvent::TableDropped(dropped), 6).unwrap();
        assert_eq!(routing.by_subject("rows.default.p.b.t%2E1"), None);
        routing.apply(&tenant, &created("two"), 7).unwrap();
        assert_eq!(routing.by_subject("rows.default.p.b.t%2E1").unwrap().created_seq, 7);
        assert_eq!(routing.tables().count(), 1);
    }

    #[test]
    fn a_table_of_a_branch_never_takes_the_rows_of_main() {
        let tenant = Token::encode("default").unwrap();
        let subject = "rows.default.p.b.t%2E1";
        let mut routing = Routing::default();
        routing.apply(&tenant, &created("main"), 5).unwrap();
        routing.apply(&tenant, &created_in("0a1b2c3d", "copy"), 6).unwrap();
        assert_eq!(routing.by_subject(subject).unwrap().uid, "main");
        let copy = routing.by_uid("copy").unwrap();
        assert_eq!(copy.branch, "0a1b2c3d");
        assert!(!copy.rows_subject().starts_with("rows."), "nobody may publish there");
        assert_eq!(routing.by_subject(&copy.rows_subject()).unwrap().uid, "copy");
        let dropped = |branch: &str, uid: &str| {
            let (branch, uid) = (branch.into(), uid.into());
            ProjectEvent::from(TableDropped {
                project: "p".into(),
                branch,
                bucket: "b".into(),
                table: "t.1".into(),
                uid,
                snapshot: None,
                abandoned: false,
            })
        };
        routing.apply(&tenant, &dropped("0a1b2c3d", "copy"), 7).unwrap();
        assert_eq!(routing.by_subject(subject).unwrap().uid, "main");
        routing.apply(&tenant, &created_in("0a1b2c3d", "own"), 8).unwrap();
        routing.apply(&tenant, &dropped(MAIN_BRANCH, "main"), 9).unwrap();
        assert_eq!(routing.by_subject(subject), None);
    }

    #[test]
    fn names_noted_before_there_were_branches_are_of_main() {
        let noted = r#"{"tenant":"default","project":"p","bucket":"b","table":"t","uid":"u","created_seq":3}"#;
        assert_eq!(serde_json::from_str::<TableId>(noted).unwrap().rows_subject(), "rows.default.p.b.t");
    }
}
