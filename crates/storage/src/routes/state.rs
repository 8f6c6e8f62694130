//! What handlers work with, and the steps they share: find the place, send the command, wait until it shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_eventlog::blob::BlobStore;
use alluvium_eventlog::{CommandClient, CommandRequest, Past};
use alluvium_http::{MinPosition, PathParams, Principal};
use alluvium_kernel::{Actor, Authorizer, BoxFuture, BucketReach, Position, Problem, Timestamp, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_projection::{Freshness, Projections};
use alluvium_workspaces::Workspaces;
use serde_json::Value;

use super::counts::Queued;
use crate::context::STREAM;
use crate::contract::Command;
use crate::fold::{Lane, Tables, project_key};
use crate::model::names;
use crate::pgwire::Sessions;
use crate::projection;
use crate::queries::{FileReach, Queries, TableStats, TableView, WorkspaceView};
use crate::snapshots::IMPLIED;

/// How long an outcome is waited for, in seconds: what the surface gives a table's queue.
const OUTCOME_WAIT_SECONDS: u64 = 240;
/// How long the folds are waited for after it, in seconds.
pub(super) const VISIBLE_WAIT_SECONDS: u64 = 30;
/// How long the counts of snapshots are waited for that came with a change, in seconds.
const COUNT_WAIT_SECONDS: u64 = 10;
/// How long a route that changes something may take until its answer begins.
pub(crate) const WRITE_TIMEOUT: Duration =
    Duration::from_secs(OUTCOME_WAIT_SECONDS + VISIBLE_WAIT_SECONDS + COUNT_WAIT_SECONDS + 5);

/// What storage needs of the context that has the keys; the binary wires it.
pub trait ProjectKeys: Send + Sync + 'static {
    /// Issues the key that comes with a new project; its secret and where it stands on the log.
    fn issue_first_key<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>>;

    /// Issues a key of a project whose own secret nobody learns: its id names a pair of S3 credentials, and revoking the key revokes
    /// the pair. Its id and where it stands on the log.
    fn issue_s3_key<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>>;

    /// The project that a caller's key is of; none for callers without a key.
    fn project_of(&self, caller: &Principal) -> Result<Option<String>, Problem>;

    /// The files that a caller reaches: of its branch, of its key, or all.
    fn files_of(&self, caller: &Principal) -> Result<FileReach, Problem>;

    /// The live key that has what was made with this one: itself, or the one that came in its place; itself, where none is live.
    fn present(&self, tenant: &Token, key: &str) -> Result<String, Problem>;

    /// Makes every key of a project that was issued up to `before` dead.
    fn revoke_all<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
        before: Timestamp,
    ) -> BoxFuture<'a, Result<Position, Problem>>;

    /// Makes every key of a branch dead.
    fn revoke_branch<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Position, Problem>>;
}

/// Sizes of tables that other processes keep.
pub trait RemoteSizes: Send + Sync + 'static {
    /// Asks the others; they answer once they hold what the position names.
    fn refresh<'a>(&'a self, wanted: &'a MinPosition) -> BoxFuture<'a, Result<(), Problem>>;
}

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct StorageRoutes {
    /// Sends commands and hears their outcomes.
    pub client: CommandClient,
    /// Reads the catalogue.
    pub queries: Queries,
    /// Folds the catalogue, also to earlier points.
    pub projections: Projections,
    /// The past of the stream that tables and catalogue are folded from.
    pub past: Past,
    /// Reads the tables that are kept here; none in a process that keeps none.
    pub tables: Option<Arc<Tables>>,
    /// Learns the sizes of tables that are kept elsewhere, before a list needs them.
    pub sizes: Option<Arc<dyn RemoteSizes>>,
    /// Where content is.
    pub blobs: BlobStore,
    /// How far the catalogue is.
    pub freshness: Freshness,
    /// Who issues and revokes keys.
    pub keys: Arc<dyn ProjectKeys>,
    /// Who may, where what a path names says of which branch it is.
    pub authorizer: Arc<dyn Authorizer>,
    /// What lies in workspaces; none in a process that keeps no tables.
    pub workspaces: Option<WorkspacePlace>,
    /// Who is logged in to them.
    pub sessions: Option<Sessions>,
    /// Whether the installation has an admin key; without one, routes for admins say so.
    pub admin_configured: bool,
}

/// Where workspaces are, and where clients reach them.
#[derive(Clone, Debug)]
pub struct WorkspacePlace {
    /// Works in them.
    pub engines: Workspaces,
    /// The host that clients are told.
    pub host: String,
    /// The port that clients are told.
    pub port: u16,
}

/// An accepted command.
pub(crate) struct Accepted {
    pub position: Position,
    pub result: Value,
}

impl Accepted {
    /// The requests that came with the command.
    fn requests(&self) -> impl Iterator<Item = &str> {
        self.result.get(IMPLIED).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// The names in a path, the bucket's as it is stored.
pub(super) struct Place {
    pub tenant: Token,
    pub project: String,
    pub branch: String,
    pub bucket: String,
    pub table: String,
}

impl TableStats for Tables {
    fn stats(&self, uid: &str) -> Option<(u64, u64)> {
        self.size(uid)
    }
}

impl StorageRoutes {
    /// The tables; a process that keeps none says who is to be asked again.
    pub(crate) fn tables(&self) -> Result<&Tables, Problem> {
        self.tables.as_deref().ok_or_else(moving)
    }

    /// The workspaces, which are where the tables are.
    pub(crate) fn workspaces(&self) -> Result<&WorkspacePlace, Problem> {
        self.workspaces.as_ref().ok_or_else(moving)
    }

    /// Refuses what is about a project whose tables, and so whose workspaces, are kept by another process.
    pub(crate) fn keeps(&self, tenant: &Token, project: &str) -> Result<(), Problem> {
        let project = Token::encode(project).map_err(|_| moving())?;
        let served = self.tables()?.owned().serves(&project_key(tenant, &project));
        if served.is_some() && self.workspaces.is_some() { Ok(()) } else { Err(moving()) }
    }

    /// Who is logged in to workspaces.
    pub(crate) fn sessions(&self) -> Result<&Sessions, Problem> {
        self.sessions.as_ref().ok_or_else(Problem::internal)
    }

    /// The files that a caller reaches.
    pub(crate) fn files_of(&self, caller: &Principal) -> Result<FileReach, Problem> {
        self.keys.files_of(caller)
    }

    /// The buckets whose tables a caller may read, in what of the project is open to it.
    pub(super) async fn readable(&self, caller: &Principal, project: &str) -> Result<BucketReach, Problem> {
        self.authorizer.readable_buckets(&caller.tenant, &caller.actor, project).await
    }

    /// The buckets whose tables are read in a workspace by whoever logs in to it: those that the key reads that it belongs to, all
    /// where it belongs to the project.
    pub(crate) async fn readable_in(&self, tenant: &Token, view: &WorkspaceView) -> Result<BucketReach, Problem> {
        if view.holder.is_empty() {
            return Ok(BucketReach::everything());
        }
        let key = Actor::Key(self.keys.present(tenant, &view.holder)?);
        self.authorizer.readable_buckets(tenant, &key, &view.project).await
    }

    /// The names in the path; `project_not_found` or `branch_not_found` when they lead nowhere.
    pub(super) async fn place(&self, principal: &Principal, params: &PathParams) -> Result<Place, Problem> {
        let place = Place {
            tenant: principal.tenant.clone(),
            project: params.owned("project_id"),
            branch: params.owned("branch_id"),
            bucket: names::bucket_name(params.get("bucket_name")),
            table: params.owned("table_name"),
        };
        if place.branch != names::MAIN_BRANCH {
            self.queries.branch(&tenant_text(&place.tenant), &place.project, &place.branch).await?;
        }
        Ok(place)
    }

    /// Sends a command and gives its outcome; a rejection is an error.
    pub(super) async fn send(&self, principal: &Principal, command: impl Into<Command>) -> Result<Accepted, Problem> {
        let command = command.into();
        self.send_as(principal, command.name(), &command).await
    }

    /// The same, under a name that sets it apart from the request's others.
    async fn send_as(&self, principal: &Principal, name: &str, command: &Command) -> Result<Accepted, Problem> {
        let project = project_of(command).map(ToOwned::to_owned);
        let request = CommandRequest {
            tenant: principal.tenant.clone(),
            context: "storage".to_owned(),
            command: command.name().to_owned(),
            command_id: principal.seed.command_id(name),
            actor: principal.actor.clone(),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        let _queued = project.as_deref().map(Queued::begin);
        let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        let outcome = if principal.seed.is_again() {
            self.client.send_again(&request, wait).await?
        } else {
            self.client.send(&request, wait).await?
        };
        match outcome.verdict {
            Verdict::Accepted { position, result, .. } => Ok(Accepted { position, result }),
            Verdict::Rejected { problem } => Err(problem),
        }
    }

    /// Sends a command and waits until the catalogue shows it.
    pub(crate) async fn write(&self, principal: &Principal, command: impl Into<Command>) -> Result<Accepted, Problem> {
        let accepted = self.send(principal, command).await?;
        self.catalogue_at(&accepted.position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
        Ok(accepted)
    }

    /// The same for one of several commands of a kind.
    pub(crate) async fn write_as(
        &self,
        principal: &Principal,
        name: &str,
        command: Command,
    ) -> Result<Accepted, Problem> {
        let accepted = self.send_as(principal, name, &command).await?;
        self.catalogue_at(&accepted.position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
        Ok(accepted)
    }

    /// Whether a command of this request was accepted when the request was made before; waits `patience` for one on its way.
    pub(super) async fn was_accepted(
        &self,
        principal: &Principal,
        name: &str,
        patience: Duration,
    ) -> Result<bool, Problem> {
        if !principal.seed.is_again() {
            return Ok(false);
        }
        let id = principal.seed.command_id(name);
        let outcome = match self.client.known(&principal.tenant, &id).await? {
            None if !patience.is_zero() => {
                tokio::time::timeout(patience, self.client.outcome(&principal.tenant, &id)).await.ok().transpose()?
            }
            known => known,
        };
        Ok(matches!(outcome.map(|outcome| outcome.verdict), Some(Verdict::Accepted { .. })))
    }

    /// Sends a command on one table and waits until catalogue and file show it. Gives the table as it is then.
    pub(super) async fn write_table(
        &self,
        principal: &Principal,
        place: &Place,
        command: impl Into<Command>,
    ) -> Result<(Accepted, TableView), Problem> {
        let accepted = self.send_to_table(principal, place, command).await?;
        let accepted = self.backed_up(principal, accepted).await;
        self.catalogue_at(&accepted.position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
        let table = self.table(place).await?;
        let budget = Duration::from_secs(VISIBLE_WAIT_SECONDS);
        self.tables()?.wait_table(&table.uid, &accepted.position, budget).await?;
        // Asked again because its counts come from the file that was just waited for.
        let table = self.table(place).await?;
        Ok((accepted, table))
    }

    /// Sends a command on one table, unless its disk is full; stops waiting when it turns out to be.
    async fn send_to_table(
        &self,
        principal: &Principal,
        place: &Place,
        command: impl Into<Command>,
    ) -> Result<Accepted, Problem> {
        let Some(lane) = self.lane_of(place).await else { return self.send(principal, command).await };
        if let Some(full) = lane.full() {
            return Err(Problem { detail: format!("Nothing was sent: {}", full.detail), ..full });
        }
        tokio::select! {
            accepted = self.send(principal, command) => accepted,
            full = lane.found_full() => {
                Err(Problem { detail: format!("The request is on the log and waits: {}", full.detail), ..full })
            }
        }
    }

    /// The fold of the table that a path names, if it is kept here.
    async fn lane_of(&self, place: &Place) -> Option<Arc<Lane>> {
        let tables = self.tables.as_ref()?;
        if place.branch == names::MAIN_BRANCH {
            return tables.find(&place.tenant, &place.project, &place.bucket, &place.table);
        }
        let table = self.table(place).await.ok()?;
        tables.fold().lane(&table.uid)
    }

    /// Waits a while until the catalogue shows the snapshots that came with a change, and gives where it is then. The change is
    /// done whether or not they are counted: of a table that stands still they are counted when it goes on.
    pub(super) async fn backed_up(&self, principal: &Principal, accepted: Accepted) -> Accepted {
        let counted = async {
            let mut position = accepted.position.clone();
            for request in accepted.requests() {
                let outcome = self.client.outcome(&principal.tenant, request).await?;
                if let Verdict::Accepted { position: at, .. } = outcome.verdict {
                    position = position.join(&at);
                }
            }
            self.catalogue_at(&position, Duration::from_secs(COUNT_WAIT_SECONDS)).await?;
            Ok::<_, Problem>(position)
        };
        match tokio::time::timeout(Duration::from_secs(COUNT_WAIT_SECONDS), counted).await {
            Ok(Ok(position)) => Accepted { position, ..accepted },
            Ok(Err(problem)) => {
                tracing::warn!(%problem, "a snapshot that was taken by itself does not show yet");
                accepted
            }
            Err(_) => accepted,
        }
    }

    /// Waits until everything that came back with a change is there, and gives where that is. The first that cannot is the answer.
    pub(super) async fn came_back(&self, principal: &Principal, accepted: Accepted) -> Result<Position, Problem> {
        let settled = async {
            let mut position = accepted.position.clone();
            for request in accepted.requests() {
                match self.client.outcome(&principal.tenant, request).await?.verdict {
                    Verdict::Accepted { position: at, .. } => position = position.join(&at),
                    Verdict::Rejected { problem } => return Err(problem),
                }
            }
            Ok(position)
        };
        let budget = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        let position = tokio::time::timeout(budget, settled).await.map_err(|_| {
            let detail = "Not all of it is there yet; it goes on by itself. Look at the tables.";
            Problem::unavailable("command.timeout", detail)
        })??;
        self.catalogue_at(&position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
        Ok(position)
    }

    /// Waits until the catalogue is as far as a position.
    async fn catalogue_at(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.freshness.wait(position, &[projection::NAME], budget).await
    }

    /// Waits until the catalogue is as far as a read demands.
    pub(crate) async fn fresh(&self, wanted: &MinPosition) -> Result<(), Problem> {
        self.catalogue_at(&wanted.position, wanted.budget).await
    }

    /// The same, and all tables that are kept here too: for reads over many of them.
    pub(super) async fn fresh_tables(&self, wanted: &MinPosition) -> Result<(), Problem> {
        self.fresh(wanted).await?;
        match &self.tables {
            Some(tables) if wanted.position.seq(STREAM) > 0 => tables.wait_all(&wanted.position, wanted.budget).await,
            _ => Ok(()),
        }
    }

    /// The same, and those that are kept elsewhere: for lists over many projects.
    pub(super) async fn fresh_everywhere(&self, wanted: &MinPosition) -> Result<(), Problem> {
        self.fresh_tables(wanted).await?;
        match &self.sizes {
            Some(sizes) => sizes.refresh(wanted).await,
            None => Ok(()),
        }
    }

    /// The table or the alias that a path names: for reads that look through its lens.
    pub(super) async fn table_or_alias(&self, place: &Place) -> Result<TableView, Problem> {
        let Place { tenant, project, branch, bucket, table } = place;
        self.queries.table_or_alias(&tenant_text(tenant), project, branch, bucket, table).await
    }

    /// The table that a path names; an alias is refused.
    pub(super) async fn table(&self, place: &Place) -> Result<TableView, Problem> {
        self.queries
            .table(&tenant_text(&place.tenant), &place.project, &place.branch, &place.bucket, &place.table)
            .await
    }

    /// The table or the alias, both catalogue and file as far as a read demands.
    pub(super) async fn fresh_table(&self, place: &Place, wanted: &MinPosition) -> Result<TableView, Problem> {
        self.fresh(wanted).await?;
        let table = self.table_or_alias(place).await?;
        if wanted.position.seq(STREAM) == 0 || table.pipeline.is_some() {
            return Ok(table);
        }
        self.tables()?.wait_table(&table.uid, &wanted.position, wanted.budget).await?;
        self.table_or_alias(place).await
    }
}

fn moving() -> Problem {
    Problem::unavailable("storage.table_moving", "No process keeps the tables of this project now. Try again.")
}

/// The tenant's name as the catalogue keeps it.
pub(crate) fn tenant_text(tenant: &Token) -> String {
    tenant.decode()
}

/// The project whose writes a command queues with.
fn project_of(command: &Command) -> Option<&str> {
    match command {
        Command::Project(command) => Some(command.project()),
        Command::Table(command) => command.project(),
        Command::File(command) => Some(command.project()),
        Command::Multipart(command) => Some(command.project()),
        Command::Workspace(command) => Some(command.project()),
        Command::Job(command) => Some(command.project()),
        Command::Metadata(command) => Some(command.project()),
        Command::Shelf(_) | Command::Refusal(_) | Command::Retention(_) => None,
    }
}

/// The edge's clock: commands carry what it says.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A file of the export directory that goes when nobody needs it any more.
pub(super) struct Scratch(pub PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone already when the export failed; what a killed process leaves is cleared by whoever clears the directory.
        let _ = std::fs::remove_file(&self.0);
    }
}
