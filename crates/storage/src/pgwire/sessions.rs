//! Who is logged in: a side table that all processes share, and what ends a session of this one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alluvium_kernel::Problem;
use alluvium_pgwire::Failure;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::SessionLimits;
use crate::routes::now;

/// Makes those who begin a session take turns; any number of ours that nothing else locks.
const LOCK: i64 = 0x616c_765f_7067_7769;
/// How often those who say nothing are ended, in seconds.
const CLEANUP_EVERY_SECONDS: u64 = 300;
/// How long sessions that have ended are shown, in seconds.
const SHOWN_SECONDS: i64 = 7 * 86_400;
/// Sessions that a list shows.
const LIST_MAX: i64 = 1_000;

const CREATE: &str = include_str!("create_sessions.sql");
const COUNT: &str = "
    SELECT count(*), count(*) FILTER (WHERE workspace_uid = $1) FROM pgwire.sessions WHERE status = 'active'";
const INSERT: &str = "
    INSERT INTO pgwire.sessions
      (session_id, workspace_uid, workspace_id, client_ip, node, connected_at, last_activity_at, username)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT DO NOTHING";
const TOUCH: &str = "
    UPDATE pgwire.sessions SET last_activity_at = $2, query_count = query_count + $3
    WHERE session_id = $1 AND status = 'active' RETURNING session_id";
const END: &str = "
    UPDATE pgwire.sessions SET status = $2 WHERE session_id = $1 AND status = 'active' RETURNING session_id";
const END_OF_WORKSPACE: &str = "
    UPDATE pgwire.sessions SET status = $2 WHERE workspace_uid = $1 AND status = 'active' RETURNING session_id";
/// Of whom it is not known who logged in, goes as well.
const END_OF_USER: &str = "
    UPDATE pgwire.sessions SET status = $3
    WHERE workspace_uid = $1 AND (username = $2 OR username IS NULL) AND status = 'active' RETURNING session_id";
const END_OF_NODE: &str = "UPDATE pgwire.sessions SET status = 'terminated' WHERE node = $1 AND status = 'active'";
const END_IDLE: &str = "
    UPDATE pgwire.sessions SET status = 'timeout' WHERE status = 'active' AND last_activity_at < $1 RETURNING session_id";
const FORGET: &str = "DELETE FROM pgwire.sessions WHERE status <> 'active' AND last_activity_at < $1";
const SHOW: &str = "
    SELECT session_id, workspace_id, client_ip, connected_at, last_activity_at, query_count, status
    FROM pgwire.sessions WHERE session_id = $1";
const LIST: &str = "
    SELECT session_id, workspace_id, client_ip, connected_at, last_activity_at, query_count, status
    FROM pgwire.sessions
    WHERE ($1::text IS NULL OR workspace_id = $1) AND ($2::text IS NULL OR status = $2)
    ORDER BY connected_at DESC, session_id LIMIT $3";

/// A session, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionView {
    pub session_id: String,
    pub workspace_id: String,
    pub client_ip: Option<String>,
    pub connected_at: i64,
    pub last_activity_at: i64,
    pub query_count: i64,
    pub status: String,
}

/// In the order of the statements.
type Row = (String, String, Option<String>, i64, i64, i64, String);

fn view(
    (session_id, workspace_id, client_ip, connected_at, last_activity_at, query_count, status): Row,
) -> SessionView {
    SessionView { session_id, workspace_id, client_ip, connected_at, last_activity_at, query_count, status }
}

/// What the sessions of this process are told when they are ended.
type Ends = Arc<Mutex<HashMap<String, watch::Sender<Option<Failure>>>>>;

/// The sessions of all workspaces. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    pool: PgPool,
    node: String,
    limits: SessionLimits,
    here: Ends,
}

fn unavailable(error: sqlx::Error) -> Problem {
    tracing::warn!(error = %error, "the sessions cannot be read or noted");
    Problem::unavailable("storage.catalogue_unavailable", "The catalogue does not answer now. Try again.")
}

impl Sessions {
    /// The sessions that `node` may serve. Makes their table where it is missing; those of an earlier life of the process are over.
    pub async fn open(pool: PgPool, node: String, limits: SessionLimits) -> Result<Self, sqlx::Error> {
        let mut tx = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
        sqlx::raw_sql(CREATE).execute(&mut *tx).await?;
        sqlx::query(END_OF_NODE).bind(&node).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Self { pool, node, limits, here: Ends::default() })
    }

    /// What a session may take.
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// Ends those that say nothing, again and again until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let every = Duration::from_secs(CLEANUP_EVERY_SECONDS);
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            let idle_seconds = i64::try_from(self.limits.idle_seconds).unwrap_or(i64::MAX);
            match self.cleanup(idle_seconds).await {
                Ok(0) => {}
                Ok(ended) => tracing::info!(sessions = ended, "sessions that said nothing were ended"),
                Err(problem) => tracing::warn!(%problem, "sessions that say nothing stay; it is tried again"),
            }
        }
    }

    /// Notes a session, if there is room for one more: of a user who logged in here, or of whoever a server beside this one let in.
    pub(crate) async fn begin(
        &self,
        session_id: &str,
        (workspace_uid, workspace_id): (&str, &str),
        client_ip: Option<&str>,
        user: Option<&str>,
    ) -> Result<(), Problem> {
        let mut tx = self.pool.begin().await.map_err(unavailable)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await.map_err(unavailable)?;
        let (all, own): (i64, i64) =
            sqlx::query_as(COUNT).bind(workspace_uid).fetch_one(&mut *tx).await.map_err(unavailable)?;
        self.room(workspace_id, all, own)?;
        let inserted = sqlx::query(INSERT)
            .bind(session_id)
            .bind(workspace_uid)
            .bind(workspace_id)
            .bind(client_ip)
            .bind(user.map(|_| &self.node))
            .bind(now().micros())
            .bind(user)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        if inserted.rows_affected() == 0 {
            return Err(Problem::new("storage.session_exists", 409, "There is a session with this id already."));
        }
        tx.commit().await.map_err(unavailable)
    }

    /// Whether one more would fit, without taking its place.
    pub(crate) async fn has_room(&self, workspace_uid: &str, workspace_id: &str) -> Result<(), Problem> {
        let counted = sqlx::query_as(COUNT).bind(workspace_uid).fetch_one(&self.pool).await;
        let (all, own): (i64, i64) = counted.map_err(unavailable)?;
        self.room(workspace_id, all, own)
    }

    fn room(&self, workspace_id: &str, all: i64, own: i64) -> Result<(), Problem> {
        let SessionLimits { per_workspace_max, total_max, .. } = self.limits;
        let (active, limit) = if own >= per_workspace_max { (own, per_workspace_max) } else { (all, total_max) };
        if active < limit {
            return Ok(());
        }
        let problem = Problem::new("storage.connection_limit_reached", 429, "Too many connections");
        Err(problem.with_details(json!({ "workspace_id": workspace_id, "active_sessions": active, "limit": limit })))
    }

    /// How many are logged in to a workspace.
    pub(crate) async fn active(&self, workspace_uid: &str) -> Result<u64, Problem> {
        let counted = sqlx::query_as(COUNT).bind(workspace_uid).fetch_one(&self.pool).await;
        let (_, own): (i64, i64) = counted.map_err(unavailable)?;
        Ok(own.unsigned_abs())
    }

    /// Notes that a session does something; whether it is still one.
    pub(crate) async fn touch(&self, session_id: &str, queries: i64) -> Result<bool, Problem> {
        let touched: Option<(String,)> = sqlx::query_as(TOUCH)
            .bind(session_id)
            .bind(now().micros())
            .bind(queries)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(touched.is_some())
    }

    /// Ends one; whether it was one.
    pub(crate) async fn end(&self, session_id: &str, reason: &str) -> Result<bool, Problem> {
        let ended: Option<(String,)> =
            sqlx::query_as(END).bind(session_id).bind(reason).fetch_optional(&self.pool).await.map_err(unavailable)?;
        self.tell(ended.iter().map(|(id,)| id), &Failure::fatal("57P01", "the session was ended"));
        Ok(ended.is_some())
    }

    /// Ends all of a workspace.
    pub(crate) async fn end_all(&self, workspace_uid: &str, reason: &str, told: &str) -> Result<(), Problem> {
        let ended: Vec<(String,)> = sqlx::query_as(END_OF_WORKSPACE)
            .bind(workspace_uid)
            .bind(reason)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        self.tell(ended.iter().map(|(id,)| id), &Failure::fatal("57P01", told));
        Ok(())
    }

    /// Ends those of one user of a workspace.
    pub(crate) async fn end_of_user(
        &self,
        workspace_uid: &str,
        username: &str,
        reason: &str,
        told: &str,
    ) -> Result<(), Problem> {
        let ended: Vec<(String,)> = sqlx::query_as(END_OF_USER)
            .bind(workspace_uid)
            .bind(username)
            .bind(reason)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        self.tell(ended.iter().map(|(id,)| id), &Failure::fatal("57P01", told));
        Ok(())
    }

    /// Ends those that have said nothing for so long; how many.
    pub(crate) async fn cleanup(&self, idle_seconds: i64) -> Result<u64, Problem> {
        let before = |seconds: i64| now().micros().saturating_sub(seconds.saturating_mul(1_000_000));
        let ended: Vec<(String,)> =
            sqlx::query_as(END_IDLE).bind(before(idle_seconds)).fetch_all(&self.pool).await.map_err(unavailable)?;
        self.tell(ended.iter().map(|(id,)| id), &Failure::fatal("57P05", "the session was idle for too long"));
        sqlx::query(FORGET).bind(before(SHOWN_SECONDS)).execute(&self.pool).await.map_err(unavailable)?;
        Ok(ended.len() as u64)
    }

    pub(crate) async fn show(&self, session_id: &str) -> Result<Option<SessionView>, Problem> {
        let row: Option<Row> =
            sqlx::query_as(SHOW).bind(session_id).fetch_optional(&self.pool).await.map_err(unavailable)?;
        Ok(row.map(view))
    }

    /// The newest, of a workspace or with a status.
    pub(crate) async fn list(
        &self,
        workspace: Option<&str>,
        status: Option<&str>,
    ) -> Result<Vec<SessionView>, Problem> {
        let rows: Vec<Row> = sqlx::query_as(LIST)
            .bind(workspace)
            .bind(status)
            .bind(LIST_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// What a session of this process is told by whoever ends it.
    pub(super) fn watch(&self, session_id: &str) -> watch::Receiver<Option<Failure>> {
        let (sender, receiver) = watch::channel(None);
        self.here().insert(session_id.to_owned(), sender);
        receiver
    }

    pub(super) fn forget(&self, session_id: &str) {
        self.here().remove(session_id);
    }

    fn tell<'a>(&self, ids: impl Iterator<Item = &'a String>, failure: &Failure) {
        let here = self.here();
        for id in ids {
            if let Some(session) = here.get(id) {
                session.send_replace(Some(failure.clone()));
            }
        }
    }

    fn here(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<Option<Failure>>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
