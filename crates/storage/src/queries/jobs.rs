//! Jobs.

use alluvium_kernel::Problem;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use super::paged::paged;
use super::{Listed, Page, Queries, unavailable};
use crate::model::problem;

/// A job with the request that it carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct JobView {
    pub id: String,
    pub tenant: String,
    pub project: String,
    pub branch: String,
    pub operation: String,
    pub table_id: Option<String>,
    pub method: String,
    pub target: String,
    pub body: String,
    pub run_id: Option<String>,
    /// The process that took it in.
    pub node: String,
    /// Whoever asked, in an actor's printed form.
    pub created_by: String,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub is_success: Option<bool>,
    /// JSON text of the answer.
    pub answer: Option<String>,
}

impl FromRow<'_, PgRow> for JobView {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            project: row.try_get("project")?,
            branch: row.try_get("branch")?,
            operation: row.try_get("operation")?,
            table_id: row.try_get("table_id")?,
            method: row.try_get("method")?,
            target: row.try_get("target")?,
            body: row.try_get("body")?,
            run_id: row.try_get("run_id")?,
            node: row.try_get("node")?,
            created_by: row.try_get("created_by")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            is_success: row.try_get("is_success")?,
            answer: row.try_get("answer")?,
        })
    }
}

/// Which jobs of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those that the caller sees.
    pub reach: JobReach,
    /// Only in this state.
    pub status: Option<String>,
    /// Not in this one.
    pub excluded_status: Option<String>,
    /// Not before this moment, in microseconds since 1970.
    pub from: Option<i64>,
    /// Not after this one.
    pub to: Option<i64>,
}

/// Which jobs of a project a caller sees: all, or those of one branch, or those of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobReach {
    /// The branch that they are about.
    pub branch: Option<String>,
    /// Whoever asked for them, in an actor's printed form.
    pub created_by: Option<String>,
}

/// A statement that begins with what is read of a job.
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, tenant, project, branch, operation, table_id, method, target, body, run_id, node, created_by,
               created_at, started_at, ended_at, is_success, answer
             FROM {schema}.jobs ",
            $rest
        )
    };
}

/// Which jobs a list shows.
macro_rules! shown {
    () => {
        "WHERE tenant = $1 AND project = $2 AND ($3::text IS NULL OR branch = $3)
           AND ($4::text IS NULL OR created_by = $4)
           AND ($5::text IS NULL OR $5 = CASE WHEN is_success THEN 'success' WHEN ended_at IS NOT NULL THEN 'error'
             WHEN started_at IS NOT NULL THEN 'processing' ELSE 'waiting' END)
           AND ($6::text IS NULL OR $6 <> CASE WHEN is_success THEN 'success' WHEN ended_at IS NOT NULL THEN 'error'
             WHEN started_at IS NOT NULL THEN 'processing' ELSE 'waiting' END)
           AND ($7::bigint IS NULL OR created_at >= $7) AND ($8::bigint IS NULL OR created_at <= $8)"
    };
}

const JOB: &str = select!(
    "WHERE tenant = $1 AND project = $2 AND id = $3 AND ($4::text IS NULL OR branch = $4)
     AND ($5::text IS NULL OR created_by = $5)"
);
const JOBS: &str = select!(concat!(shown!(), " ORDER BY created_at DESC, id LIMIT $9 OFFSET $10"));
const COUNT_JOBS: &str = concat!("SELECT count(*) FROM {schema}.jobs ", shown!());
const OPEN: &str = select!("WHERE ended_at IS NULL ORDER BY created_at, id LIMIT $1");

impl Queries {
    /// A job; `project_not_found` or `job_not_found` without.
    pub async fn job(&self, tenant: &str, project: &str, id: &str, reach: &JobReach) -> Result<JobView, Problem> {
        let found: Option<JobView> = sqlx::query_as(self.schema().sql(JOB))
            .bind(tenant)
            .bind(project)
            .bind(id)
            .bind(&reach.branch)
            .bind(&reach.created_by)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        match found {
            Some(job) => Ok(job),
            None => self.require_project(tenant, project).await.and_then(|()| Err(problem::job_not_found(id))),
        }
    }

    /// Jobs of a project, newest first.
    pub async fn jobs(
        &self,
        tenant: &str,
        project: &str,
        filter: &JobFilter,
        page: Page,
    ) -> Result<Listed<JobView>, Problem> {
        self.require_project(tenant, project).await?;
        let (items, total) = paged!(
            self,
            page,
            (JOBS, COUNT_JOBS),
            (
                tenant,
                project,
                &filter.reach.branch,
                &filter.reach.created_by,
                &filter.status,
                &filter.excluded_status,
                filter.from,
                filter.to
            )
        );
        Ok(Listed { items, total })
    }

    /// Jobs of any tenant that have no answer yet, the oldest first.
    pub async fn open_jobs(&self, limit: i64) -> Result<Vec<JobView>, Problem> {
        sqlx::query_as(self.schema().sql(OPEN)).bind(limit).fetch_all(&self.pool).await.map_err(unavailable)
    }
}
