//! Sessions in workspaces, for whoever serves them.

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{Query, read};
use crate::pgwire::SessionView;
use crate::queries::TableView;

/// The longest id of a session, and the longest reason of its end, in bytes.
const TEXT_BYTES_MAX: usize = 128;
/// The longest time that a cleanup can be asked for, in seconds: ten years.
const IDLE_SECONDS_MAX: i64 = 315_360_000;

/// Who wants in.
#[derive(Clone, ToSchema)]
#[schema(as = StoragePgwireAuth)]
pub struct PgwireAuth {
    /// The user of a workspace.
    pub username: String,
    /// The password.
    pub password: String,
    /// From where; only taken.
    pub client_ip: Option<String>,
}

impl PgwireAuth {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            username: body.string("username"),
            password: body.string("password"),
            client_ip: body.opt_string("client_ip"),
        })
    }
}

/// What who is let in can work with.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoragePgwireAdmitted)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct PgwireAdmitted {
    pub workspace_id: String,
    pub project_id: String,
    /// Null for the main line.
    pub branch_id: Option<String>,
    /// Names the workspace's file; no path.
    pub db_path: String,
    /// The project's own tables, as the workspace's branch shows them.
    pub tables: Vec<PgwireTable>,
    /// Tables of other projects, in linked buckets.
    pub linked_tables: Vec<PgwireTable>,
    pub memory_limit: String,
    pub query_timeout_seconds: u64,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoragePgwireTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct PgwireTable {
    pub bucket: String,
    pub name: String,
    /// Names the table's file; no path.
    pub path: String,
    /// Null for an alias with a filter: nobody counts what it shows.
    pub rows: Option<u64>,
}

impl From<TableView> for PgwireTable {
    fn from(table: TableView) -> Self {
        let (path, rows) = (table.key().to_owned(), table.counted_rows());
        Self { bucket: table.bucket, name: table.name, path, rows }
    }
}

/// A session to note.
#[derive(Clone, Debug, ToSchema)]
#[schema(as = StoragePgwireSessionCreate)]
pub struct PgwireSessionCreate {
    /// 1 to 128 printable characters.
    pub session_id: String,
    /// The workspace.
    pub workspace_id: String,
    /// From where.
    pub client_ip: Option<String>,
}

impl PgwireSessionCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let read = read(bytes, |body| Self {
            session_id: body.string("session_id"),
            workspace_id: body.string("workspace_id"),
            client_ip: body.opt_string("client_ip"),
        })?;
        let texts = [Some(&read.session_id), read.client_ip.as_ref()];
        if !texts.into_iter().flatten().all(|text| is_plain(text)) {
            let detail = format!("`session_id` and `client_ip` have 1 to {TEXT_BYTES_MAX} printable characters.");
            return Err(Problem::new("storage.invalid_request", 400, detail));
        }
        Ok(read)
    }
}

/// Whether a text can stand in the table of sessions.
pub(crate) fn is_plain(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoragePgwireSession)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct PgwireSession {
    pub session_id: String,
    pub workspace_id: String,
    pub client_ip: Option<String>,
    pub connected_at: String,
    pub last_activity_at: String,
    pub query_count: i64,
    /// `active`, or why it ended.
    pub status: String,
}

impl From<SessionView> for PgwireSession {
    fn from(view: SessionView) -> Self {
        let shown = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
        Self {
            session_id: view.session_id,
            workspace_id: view.workspace_id,
            client_ip: view.client_ip,
            connected_at: shown(view.connected_at),
            last_activity_at: shown(view.last_activity_at),
            query_count: view.query_count,
            status: view.status,
        }
    }
}

/// What a session did.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = StoragePgwireActivity)]
pub struct PgwireActivity {
    /// Whether it has asked something.
    #[schema(default = true, required = false)]
    pub increment_queries: bool,
}

impl PgwireActivity {
    /// From a body that may be left out; what a query says counts where there is none.
    pub(crate) fn parse(bytes: &[u8], query: Option<&str>) -> Result<Self, Problem> {
        let mut query = Query::of(query);
        let increment_queries = query.flag("increment_queries", true);
        query.finish()?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { increment_queries });
        }
        read(bytes, |body| Self { increment_queries: body.opt_bool("increment_queries").unwrap_or(increment_queries) })
    }
}

/// Which sessions to list.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct PgwireSessionsQuery {
    /// Of this workspace.
    workspace_id: Option<String>,
    /// With this status.
    status: Option<String>,
}

/// Why a session ends.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct PgwireEndQuery {
    /// Becomes its status; 1 to 128 printable characters.
    #[param(default = "disconnected")]
    reason: Option<String>,
}

/// Whether an activity is a query, where no body says so.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct PgwireActivityQuery {
    /// Whether the session has asked something.
    #[param(default = true)]
    increment_queries: Option<bool>,
}

/// Which sessions to end.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct PgwireCleanupQuery {
    /// Those that have said nothing for so long.
    #[param(minimum = 0, maximum = 315_360_000)]
    idle_timeout_seconds: Option<i64>,
}

/// The time that a cleanup is asked for.
pub(crate) fn cleanup(query: Option<&str>, default: i64) -> Result<i64, Problem> {
    let mut query = Query::of(query);
    let seconds = query.int("idle_timeout_seconds", default, (0, IDLE_SECONDS_MAX));
    query.finish().map(|()| seconds)
}

/// What a cleanup did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoragePgwireCleanup)]
pub struct PgwireCleanup {
    /// How many sessions it ended.
    pub cleaned_up: u64,
    /// Those that had said nothing for so long.
    pub idle_timeout_seconds: i64,
}
