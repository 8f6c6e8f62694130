//! The catalogue of a project as the log had it: which names stood for which tables.

use alluvium_eventlog::{Owner, Past, Shown, Stored};
use alluvium_kernel::{Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};

use crate::context::STREAM;
use crate::contract::ProjectEvent;
use crate::fold::{Routing, TableId};
use crate::model::{
    File, Job, JobStage, Link, Metadata, Multipart, MultipartStage, Project, Refusal, Retention, Shelf, Stage, Table,
    Workspace, WorkspaceStage, names, problem,
};
use crate::queries::TableView;

impl Shown for Project {
    fn owner(&self) -> Option<Owner> {
        self.live.as_ref().map(|live| Owner { project: live.id.clone(), uid: Some(live.uid.clone()) })
    }
}

impl Shown for Table {
    fn owner(&self) -> Option<Owner> {
        self.identity.as_ref().map(|identity| Owner { project: identity.project.clone(), uid: None })
    }
}

impl Shown for File {
    fn owner(&self) -> Option<Owner> {
        let uid = Some(self.project_uid.clone()).filter(|uid| !uid.is_empty());
        (self.stage != Stage::Absent).then(|| Owner { project: self.project.clone(), uid })
    }
}

impl Shown for Multipart {
    fn owner(&self) -> Option<Owner> {
        let uid = Some(self.project_uid.clone());
        (self.stage != MultipartStage::Absent).then(|| Owner { project: self.project.clone(), uid })
    }
}

impl Shown for Workspace {
    fn owner(&self) -> Option<Owner> {
        let uid = Some(self.project_uid.clone());
        (self.stage != WorkspaceStage::Absent).then(|| Owner { project: self.project.clone(), uid })
    }
}

impl Shown for Job {
    fn owner(&self) -> Option<Owner> {
        let uid = Some(self.project_uid.clone());
        (self.stage != JobStage::Absent).then(|| Owner { project: self.project.clone(), uid })
    }
}

impl Shown for Metadata {
    fn owner(&self) -> Option<Owner> {
        let uid = Some(self.project_uid.clone());
        (!self.project.is_empty()).then(|| Owner { project: self.project.clone(), uid })
    }
}

impl Shown for Shelf {}

impl Shown for Refusal {}

impl Shown for Retention {}

/// A project at a point of the log.
pub struct CatalogueThen {
    project: Project,
    routing: Routing,
    id: String,
}

impl CatalogueThen {
    /// The project that has this id now, as it was with message `up_to`. A project of the same id that was deleted before is
    /// another one, and is not found.
    pub async fn of_living(past: &Past, tenant: &Token, project: &str, up_to: u64) -> Result<Self, Problem> {
        let (then, born) = Self::read(past, tenant, project, up_to).await?;
        if born.is_none_or(|born| born > up_to) {
            return Err(problem::project_not_found(project));
        }
        Ok(then)
    }

    /// Whatever project had the id with message `up_to`.
    pub async fn at(past: &Past, tenant: &Token, project: &str, up_to: u64) -> Result<Self, Problem> {
        Ok(Self::read(past, tenant, project, up_to).await?.0)
    }

    /// Where the project that has this id now was created.
    pub async fn born(past: &Past, tenant: &Token, project: &str) -> Result<Option<u64>, Problem> {
        Ok(Self::read(past, tenant, project, 0).await?.1)
    }

    async fn read(past: &Past, tenant: &Token, project: &str, up_to: u64) -> Result<(Self, Option<u64>), Problem> {
        let id = names::project_aggregate_id(project).map_err(|_| problem::project_not_found(project))?;
        let subject = subject::event(tenant, "storage", "project", &id);
        let mut whole: Stored<Project> = Stored::default();
        let (mut then, mut routing, mut born) = (Project::default(), Routing::default(), None);
        past.walk(&subject, 1, u64::MAX, |message| {
            whole.fold(&message)?;
            let commit = Commit::from_avro(&message.payload).map_err(|error| unreadable(message.seq, &error))?;
            for entry in &commit.entries {
                let event = ProjectEvent::decode(&entry.r#type, &entry.event)
                    .map_err(|error| unreadable(message.seq, &error))?;
                if matches!(event, ProjectEvent::ProjectCreated(_)) {
                    born = Some(message.seq);
                }
                if message.seq <= up_to {
                    routing.apply(tenant, &event, message.seq).map_err(|error| unreadable(message.seq, &error))?;
                }
            }
            if message.seq <= up_to {
                then.clone_from(&whole.state);
            }
            Ok(true)
        })
        .await?;
        let born = born.filter(|_| whole.state.live(project).is_ok());
        Ok((Self { project: then, routing, id: project.to_owned() }, born))
    }

    /// What a bucket showed besides tables of its own, when a name in it stood for none of these on a branch.
    pub fn link(&self, branch: &str, bucket: &str, table: &str) -> Option<&Link> {
        let live = self.project.live(&self.id).ok()?;
        let bucket = live.bucket_on(branch, &names::bucket_name(bucket)).ok()?;
        bucket.link.as_ref().filter(|_| live.shown(branch, bucket, table).is_none())
    }

    /// `Ok` when this project had what a link of another showed, and shared it with that one.
    pub fn shares(&self, link: &Link, with: &Self) -> Result<(), Problem> {
        let live = self.project.live(&self.id).ok();
        let bucket = live.and_then(|live| live.bucket(&link.bucket).ok()).filter(|bucket| bucket.uid == link.uid);
        let bucket = bucket.ok_or_else(|| problem::source_not_found(&link.project, &link.bucket))?;
        let target = with.project.live(&with.id)?;
        let is_shared = !link.is_closed && bucket.sharing.admits(&target.id, &target.uid);
        if is_shared { Ok(()) } else { Err(problem::share_revoked(&link.project, &link.bucket)) }
    }

    /// The source of an alias of now, as it was then; `table_not_found` where it was not there or another table had its name: who was
    /// let in to an alias was not let in to that one.
    pub fn source(&self, branch: &str, view: &TableView) -> Result<&TableId, Problem> {
        let not_found = || problem::table_not_found(&view.bucket, &view.name);
        let alias = view.alias.as_ref().ok_or_else(not_found)?;
        let found = self.table(branch, &alias.source_bucket, &alias.source_table).ok();
        found.filter(|id| id.uid == view.uid).ok_or_else(not_found)
    }

    /// The table that these names stood for on a branch; `project_not_found`, `bucket_not_found` or `table_not_found` without.
    /// Before there was the branch, it shows what the main line was.
    pub fn table(&self, branch: &str, bucket: &str, table: &str) -> Result<&TableId, Problem> {
        let live = self.project.live(&self.id)?;
        let uid = &live.table(branch, live.bucket_on(branch, &names::bucket_name(bucket))?, table)?.table().uid;
        self.routing.by_uid(uid).ok_or_else(|| problem::table_not_found(bucket, table))
    }
}

/// The id of the aggregate that people mean by a name: a project by its id, a table by `project.bucket.table` or by uid.
pub(crate) async fn locate(
    past: &Past,
    tenant: &Token,
    aggregate: &str,
    name: &str,
    up_to: u64,
) -> Result<Token, Problem> {
    if aggregate == "project" {
        return names::project_aggregate_id(name).map_err(|_| problem::project_not_found(name));
    }
    if aggregate == "table"
        && let Some((project, bucket, table)) = table_names(name)
    {
        let then = CatalogueThen::at(past, tenant, project, up_to).await?;
        return token(&then.table(names::MAIN_BRANCH, bucket, table)?.uid);
    }
    token(name)
}

/// `project/bucket/table`, or with dots: only the project's id may hold some itself.
fn table_names(name: &str) -> Option<(&str, &str, &str)> {
    let separator = if name.contains('/') { '/' } else { '.' };
    let (rest, table) = name.rsplit_once(separator)?;
    let (project, bucket) = rest.rsplit_once(separator)?;
    Some((project, bucket, table))
}

fn token(text: &str) -> Result<Token, Problem> {
    Token::encode(text).map_err(|error| {
        Problem::new("platform.unknown_aggregate", 404, format!("`{text}` is no id of an aggregate: {error}."))
    })
}

fn unreadable(seq: u64, error: &dyn std::fmt::Display) -> Problem {
    let detail = format!("Message {seq} of stream {STREAM} cannot be used: {error}.");
    Problem::new("platform.log_damaged", 500, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_with_dots_or_slashes() {
        assert_eq!(table_names("my.shop.sales.orders"), Some(("my.shop", "sales", "orders")));
        assert_eq!(table_names("shop/in.c-sales/orders"), Some(("shop", "in.c-sales", "orders")));
        assert_eq!(table_names("0190-uid"), None);
        assert_eq!(table_names("a.b"), None);
    }
}
