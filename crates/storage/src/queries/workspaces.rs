//! Workspaces.

use std::collections::HashSet;

use alluvium_kernel::{Problem, Timestamp};

use super::paged::paged;
use super::{Listed, Page, Queries, unavailable};
use crate::model::problem;

/// A workspace. The password's verifier stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct WorkspaceView {
    pub uid: String,
    pub project: String,
    pub branch: String,
    pub id: String,
    pub name: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub size_limit_bytes: i64,
    pub username: String,
    /// Whether its objects are let go.
    pub is_let_go: bool,
    /// The key whose it is; empty when it is of all keys of its branch.
    pub holder: String,
}

impl WorkspaceView {
    /// Whether its time is over, also when nobody has let it go yet.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.is_let_go || self.expires_at.is_some_and(|end| end <= at.micros())
    }

    /// What clients of PostgreSQL call it.
    pub fn database(&self) -> String {
        format!("workspace_{}", self.id)
    }
}

/// Who may log in to a workspace besides the user that it was made with. The password's verifier stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct CredentialsView {
    pub id: String,
    pub name: String,
    pub username: String,
    pub created_at: i64,
}

/// A workspace whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names")]
pub struct EndedWorkspace {
    pub tenant: String,
    pub project: String,
    pub workspace: String,
}

const WORKSPACE: &str = "
    SELECT uid, project, branch, id, name, created_at, expires_at, size_limit_bytes, username, is_let_go, holder
    FROM {schema}.workspaces WHERE tenant = $1 AND project = $2 AND id = $3";
const OF_USER: &str = "
    SELECT uid, project, branch, id, name, created_at, expires_at, size_limit_bytes, username, is_let_go, holder,
      password_hash
    FROM {schema}.workspaces WHERE tenant = $1 AND username = $2
    UNION ALL
    SELECT w.uid, w.project, w.branch, w.id, w.name, w.created_at, w.expires_at, w.size_limit_bytes, c.username, w.is_let_go,
      w.holder, c.password_hash
    FROM {schema}.workspace_credentials AS c JOIN {schema}.workspaces AS w ON w.uid = c.uid
    WHERE w.tenant = $1 AND c.username = $2
    ORDER BY uid LIMIT $3";
const CREDENTIALS: &str = "
    SELECT id, name, username, created_at FROM {schema}.workspace_credentials WHERE uid = $1 ORDER BY created_at, id";
const ANYWHERE: &str = "
    SELECT uid, project, branch, id, name, created_at, expires_at, size_limit_bytes, username, is_let_go, holder
    FROM {schema}.workspaces WHERE tenant = $1 AND id = $2 ORDER BY created_at DESC, uid LIMIT 1";
const WORKSPACES: &str = "
    SELECT uid, project, branch, id, name, created_at, expires_at, size_limit_bytes, username, is_let_go, holder
    FROM {schema}.workspaces WHERE tenant = $1 AND project = $2 AND ($3::text IS NULL OR branch = $3)
      AND ($4::text IS NULL OR holder = $4)
    ORDER BY created_at DESC, id LIMIT $5 OFFSET $6";
const COUNT_WORKSPACES: &str = "
    SELECT count(*) FROM {schema}.workspaces
    WHERE tenant = $1 AND project = $2 AND ($3::text IS NULL OR branch = $3)
      AND ($4::text IS NULL OR holder = $4)";
const ENDED: &str = "
    SELECT tenant, project, id FROM {schema}.workspaces
    WHERE expires_at IS NOT NULL AND NOT is_let_go
      AND expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    ORDER BY expires_at LIMIT $1";
const KEPT: &str = "SELECT uid FROM {schema}.workspaces WHERE uid = ANY ($1::text[]) AND NOT is_let_go";

/// In the order of the statements.
type WorkspaceRow = (String, String, String, String, String, i64, Option<i64>, i64, String, bool, String);

/// The same, with the password's verifier.
type OfUserRow = (String, String, String, String, String, i64, Option<i64>, i64, String, bool, String, String);

fn workspace_view(row: WorkspaceRow) -> WorkspaceView {
    let (uid, project, branch, id, name, created_at, expires_at, size_limit_bytes, username, is_let_go, holder) = row;
    WorkspaceView {
        uid,
        project,
        branch,
        id,
        name,
        created_at,
        expires_at,
        size_limit_bytes,
        username,
        is_let_go,
        holder,
    }
}

/// Workspaces that may share a user's name: it has chance in it, so there is one.
const OF_USER_MAX: i64 = 4;

impl Queries {
    /// The workspaces of a user's name, also those that are over, with the verifiers of their passwords.
    pub(crate) async fn workspaces_of_user(
        &self,
        tenant: &str,
        username: &str,
    ) -> Result<Vec<(WorkspaceView, String)>, Problem> {
        let rows: Vec<OfUserRow> = sqlx::query_as(self.schema().sql(OF_USER))
            .bind(tenant)
            .bind(username)
            .bind(OF_USER_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let known = |row: OfUserRow| {
            let (uid, project, branch, id, name, created, expires, size_limit, username, let_go, holder, hash) = row;
            let row = (uid, project, branch, id, name, created, expires, size_limit, username, let_go, holder);
            (workspace_view(row), hash)
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// The further credentials of a workspace, in the order in which they were made; there are no more than a workspace may have.
    pub(crate) async fn credentials(&self, uid: &str) -> Result<Vec<CredentialsView>, Problem> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(self.schema().sql(CREDENTIALS))
            .bind(uid)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let view = |(id, name, username, created_at)| CredentialsView { id, name, username, created_at };
        Ok(rows.into_iter().map(view).collect())
    }

    /// A workspace, also one that is over; `project_not_found` or `workspace_not_found` without.
    pub async fn workspace(&self, tenant: &str, project: &str, id: &str) -> Result<WorkspaceView, Problem> {
        let row: Option<WorkspaceRow> = sqlx::query_as(self.schema().sql(WORKSPACE))
            .bind(tenant)
            .bind(project)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return Ok(workspace_view(row));
        }
        self.require_project(tenant, project).await?;
        Err(problem::workspace_not_found(id))
    }

    /// A workspace of whatever project, by its id; the newest where several projects have chosen the same.
    pub(crate) async fn workspace_anywhere(&self, tenant: &str, id: &str) -> Result<WorkspaceView, Problem> {
        if id.contains('\0') {
            return Err(problem::workspace_not_found(id));
        }
        let row: Option<WorkspaceRow> = sqlx::query_as(self.schema().sql(ANYWHERE))
            .bind(tenant)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(workspace_view).ok_or_else(|| problem::workspace_not_found(id))
    }

    /// Workspaces of a project, or of one branch of it, or of one key, newest first.
    pub async fn workspaces(
        &self,
        tenant: &str,
        project: &str,
        branch: Option<&str>,
        holder: Option<&str>,
        page: Page,
    ) -> Result<Listed<WorkspaceView>, Problem> {
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<WorkspaceRow>, i64) =
            paged!(self, page, (WORKSPACES, COUNT_WORKSPACES), (tenant, project, branch, holder));
        Ok(Listed { items: rows.into_iter().map(workspace_view).collect(), total })
    }

    /// Workspaces of any tenant whose time is over and that nobody has let go yet, the longest over first.
    pub async fn ended_workspaces(&self, limit: i64) -> Result<Vec<EndedWorkspace>, Problem> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(self.schema().sql(ENDED)).bind(limit).fetch_all(&self.pool).await.map_err(unavailable)?;
        let ended = |(tenant, project, workspace)| EndedWorkspace { tenant, project, workspace };
        Ok(rows.into_iter().map(ended).collect())
    }

    /// Which of these workspaces still have objects to keep.
    pub async fn kept_workspaces(&self, uids: &[String]) -> Result<HashSet<String>, Problem> {
        let rows: Vec<String> =
            sqlx::query_scalar(self.schema().sql(KEPT)).bind(uids).fetch_all(&self.pool).await.map_err(unavailable)?;
        Ok(rows.into_iter().collect())
    }
}
