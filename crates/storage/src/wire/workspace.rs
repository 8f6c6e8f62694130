//! Workspaces.

use alluvium_kernel::{Problem, Timestamp};
use alluvium_tablestore::sql::WhereFilter;
use serde::Serialize;
use utoipa::ToSchema;

use super::ChangedWords;
use super::docs::{ChangedDoc, WhereFilterDoc};
use super::query::{ROWS_MAX, TIMEOUT_SECONDS, TIMEOUT_SECONDS_MAX};
use super::read;
use crate::model::limits::GIGABYTE;
use crate::model::names::MAIN_BRANCH;
use crate::queries::{TableView, WorkspaceView};

/// The longest life of a workspace, in hours.
const TTL_HOURS_MAX: i64 = 168;
/// The largest limit of a workspace, in gigabytes.
const SIZE_GB_MAX: i64 = 100;
/// The limit of a workspace when not told, in gigabytes.
const SIZE_GB: i64 = 10;

/// What to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageWorkspaceCreate)]
pub struct WorkspaceCreate {
    /// 1 to 128 printable characters.
    pub name: String,
    /// How long it stays, in hours; for ever when null.
    #[schema(minimum = 1, maximum = 168)]
    pub ttl_hours: Option<i64>,
    /// What its objects may take, in gigabytes.
    #[schema(default = 10, minimum = 1, maximum = 100, required = false)]
    pub size_limit_gb: i64,
    /// Tables to bring in at once, each `bucket.table`.
    #[schema(required = false)]
    pub preload_tables: Vec<String>,
}

impl WorkspaceCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            name: body.string("name"),
            ttl_hours: body.opt_int("ttl_hours", 1, TTL_HOURS_MAX),
            size_limit_gb: body.opt_int("size_limit_gb", 1, SIZE_GB_MAX).unwrap_or(SIZE_GB),
            preload_tables: body.opt_strings("preload_tables").unwrap_or_default(),
        })
    }
}

/// How to reach a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceConnection)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct WorkspaceConnection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub username: String,
    /// Shown when it is made, and never again.
    pub password: Option<String>,
    pub ssl_mode: &'static str,
    pub connection_string: Option<String>,
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageWorkspace)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Workspace {
    pub id: String,
    pub name: String,
    pub project_id: String,
    /// Null for the main line.
    pub branch_id: Option<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
    /// What its objects take.
    pub size_bytes: u64,
    pub size_limit_gb: i64,
    /// `active`, `expired` or `error`.
    pub status: &'static str,
    pub connection: WorkspaceConnection,
}

impl Workspace {
    /// As it is at `at`, reached at `host` and `port`.
    pub(crate) fn of(view: WorkspaceView, size_bytes: u64, (host, port): (&str, u16), at: Timestamp) -> Self {
        let status = if view.is_over(at) { "expired" } else { "active" };
        let shown = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
        let connection = WorkspaceConnection {
            host: host.to_owned(),
            port,
            database: view.database(),
            username: view.username,
            password: None,
            ssl_mode: "prefer",
            connection_string: None,
        };
        Self {
            id: view.id,
            name: view.name,
            project_id: view.project,
            branch_id: Some(view.branch).filter(|branch| branch != MAIN_BRANCH),
            created_at: shown(view.created_at),
            expires_at: view.expires_at.map(shown),
            size_bytes,
            // What is set by hand may be less than one of these.
            size_limit_gb: (view.size_limit_bytes + GIGABYTE - 1) / GIGABYTE,
            status,
            connection,
        }
    }
}

/// A new workspace, with what was brought into it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceCreated)]
pub struct WorkspaceCreated {
    /// The workspace.
    #[serde(flatten)]
    pub workspace: Workspace,
    /// What came of each table that was named.
    pub preloaded: Vec<WorkspaceLoadedTable>,
}

/// One page of workspaces.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageWorkspaces)]
pub struct Workspaces {
    /// The workspaces, newest first, also those whose time is over.
    pub workspaces: Vec<Workspace>,
    /// How many are on this page.
    pub count: usize,
    /// How many there are in all.
    pub total: i64,
}

/// A workspace with what is in it and what can be brought in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceDetail)]
pub struct WorkspaceDetail {
    /// The workspace.
    #[serde(flatten)]
    pub workspace: Workspace,
    /// How many are logged in.
    pub active_sessions: u64,
    /// Tables of the project, as the workspace's branch shows them.
    pub attached_tables: Vec<WorkspaceTable>,
    /// Its own objects, by name.
    pub workspace_objects: Vec<WorkspaceObject>,
}

/// A table of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct WorkspaceTable {
    /// The bucket.
    pub schema: String,
    pub table: String,
    /// Null for an alias with a filter: nobody counts what it shows.
    pub rows: Option<u64>,
}

impl From<TableView> for WorkspaceTable {
    fn from(table: TableView) -> Self {
        let rows = table.counted_rows();
        Self { schema: table.bucket, table: table.name, rows }
    }
}

/// An object of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceObject)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct WorkspaceObject {
    pub name: String,
    /// `table` or `view`
    pub r#type: String,
    /// 0 for a view.
    pub rows: u64,
}

impl From<alluvium_workspaces::Object> for WorkspaceObject {
    fn from(object: alluvium_workspaces::Object) -> Self {
        Self { name: object.name, r#type: object.kind, rows: object.rows }
    }
}

/// What to bring in.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageWorkspaceLoad)]
pub struct WorkspaceLoad {
    /// The tables, one after another.
    pub tables: Vec<WorkspaceLoadTable>,
}

/// One table to bring in.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
#[schema(as = StorageWorkspaceLoadTable)]
pub struct WorkspaceLoadTable {
    /// `bucket.table`
    pub source: String,
    /// The object that it becomes; the table's own name when not told. One that is there is replaced.
    pub destination: Option<String>,
    /// Only these columns.
    pub columns: Option<Vec<String>>,
    /// A boolean expression over the table's columns; excludes `where_filters`.
    pub r#where: Option<String>,
    /// Conditions that must all hold.
    #[schema(value_type = Vec<WhereFilterDoc>, required = false)]
    pub where_filters: Vec<WhereFilter>,
    /// When their last change was.
    #[serde(flatten)]
    #[schema(value_type = ChangedDoc)]
    pub changed: ChangedWords,
}

impl WorkspaceLoad {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            tables: body.shapes("tables", |table| WorkspaceLoadTable {
                source: table.string("source"),
                destination: table.opt_string("destination"),
                columns: table.opt_strings("columns"),
                r#where: table.opt_string("where"),
                where_filters: table.opt_value("where_filters").unwrap_or_default(),
                changed: ChangedWords::read(table),
            }),
        })
    }
}

/// What came of a load.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceLoaded)]
pub struct WorkspaceLoaded {
    /// One for each table that was asked for.
    pub loaded: Vec<WorkspaceLoadedTable>,
    /// What the workspace's objects take now.
    pub workspace_size_bytes: u64,
}

/// What came of one table.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceLoadedTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct WorkspaceLoadedTable {
    pub source: String,
    pub destination: String,
    /// 0 also when it could not be brought in: `error` says so.
    pub rows: u64,
    pub size_bytes: u64,
    /// Why it could not be brought in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<WorkspaceLoadError>,
}

/// Why a table could not be brought in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageWorkspaceLoadError)]
pub struct WorkspaceLoadError {
    /// For programs, as the code of an error answer.
    pub code: String,
    /// For people.
    pub message: String,
}

impl From<Problem> for WorkspaceLoadError {
    fn from(problem: Problem) -> Self {
        let code = problem.code.rsplit('.').next().unwrap_or_default().to_owned();
        Self { code, message: problem.detail }
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageWorkspaceQuery)]
pub struct WorkspaceQuery {
    /// Any one statement over the workspace's own objects, and over `bucket.table` names of the project.
    pub query: String,
    /// Show only so many rows of the answer.
    #[schema(minimum = 1, maximum = 100_000)]
    pub limit: Option<i64>,
    /// How long it may run, 1 to 300.
    #[schema(default = 30, minimum = 1, maximum = 300, required = false)]
    pub timeout_seconds: i64,
}

impl WorkspaceQuery {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            query: body.string("query"),
            limit: body.opt_int("limit", 1, ROWS_MAX),
            timeout_seconds: body.opt_int("timeout_seconds", 1, TIMEOUT_SECONDS_MAX).unwrap_or(TIMEOUT_SECONDS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_workspace_reads_as_clients_know_it() {
        let view = WorkspaceView {
            uid: "u".into(),
            project: "p".into(),
            branch: "default".into(),
            id: "ws_00c0ffee".into(),
            name: "a/b".into(),
            created_at: 1_767_322_245_123_456,
            expires_at: Some(1_767_322_245_123_457),
            size_limit_bytes: 10 * GIGABYTE,
            username: "ws_ws_00c0ffee_12345678".into(),
            is_let_go: false,
            holder: String::new(),
        };
        let at = Timestamp::from_micros(1_767_322_245_123_456);
        let shown = Workspace::of(view.clone(), 5, ("localhost", 5432), at);
        let expected = json!({
            "id": "ws_00c0ffee", "name": "a/b", "project_id": "p", "branch_id": null,
            "created_at": "2026-01-02T02:50:45.123456+00:00", "expires_at": "2026-01-02T02:50:45.123457+00:00",
            "size_bytes": 5, "size_limit_gb": 10, "status": "active",
            "connection": {
                "host": "localhost", "port": 5432, "database": "workspace_ws_00c0ffee",
                "username": "ws_ws_00c0ffee_12345678", "password": null, "ssl_mode": "prefer",
                "connection_string": null
            }
        });
        assert_eq!(serde_json::to_value(shown).unwrap(), expected);
        let later = Workspace::of(view, 5, ("localhost", 5432), Timestamp::from_micros(1_767_322_245_123_457));
        assert_eq!(later.status, "expired");
    }

    #[test]
    fn limits_are_those_of_the_surface() {
        let parsed = WorkspaceCreate::parse(br#"{"name":"a"}"#).unwrap();
        let expected = WorkspaceCreate { name: "a".into(), ttl_hours: None, size_limit_gb: 10, preload_tables: vec![] };
        assert_eq!(parsed, expected);
        for wrong in [
            "{}",
            r#"{"name":"a","ttl_hours":0}"#,
            r#"{"name":"a","ttl_hours":169}"#,
            r#"{"name":"a","size_limit_gb":101}"#,
        ] {
            assert_eq!(WorkspaceCreate::parse(wrong.as_bytes()).unwrap_err().status, 422, "{wrong}");
        }
        assert_eq!(WorkspaceLoad::parse(br#"{"tables":[{"destination":"x"}]}"#).unwrap_err().status, 422);
    }
}
