//! Projects and buckets.

use alluvium_kernel::{BucketReach, Problem};

use super::paged::paged;
use super::{BucketView, Listed, Page, ProjectView, Queries, unavailable};
use crate::model::problem;

const PROJECT: &str = "
    SELECT id, uid, name, settings, organization, created_at, updated_at,
      (SELECT count(*) FROM {schema}.buckets AS b WHERE b.tenant = p.tenant AND b.project = p.id) AS bucket_count,
      (SELECT count(*) FROM {schema}.named_tables AS t WHERE t.tenant = p.tenant AND t.project = p.id
        AND t.branch = 'default') + (SELECT count(*) FROM {schema}.aliases AS a
        WHERE a.tenant = p.tenant AND a.project = p.id AND a.branch = 'default') AS table_count,
      ARRAY(SELECT t.uid FROM {schema}.tables AS t WHERE t.tenant = p.tenant AND t.project = p.id
        AND t.branch = 'default') AS tables
    FROM {schema}.projects AS p WHERE tenant = $1 AND id = $2";
const PROJECTS: &str = "
    SELECT id, uid, name, settings, organization, created_at, updated_at,
      (SELECT count(*) FROM {schema}.buckets AS b WHERE b.tenant = p.tenant AND b.project = p.id) AS bucket_count,
      (SELECT count(*) FROM {schema}.named_tables AS t WHERE t.tenant = p.tenant AND t.project = p.id
        AND t.branch = 'default') + (SELECT count(*) FROM {schema}.aliases AS a
        WHERE a.tenant = p.tenant AND a.project = p.id AND a.branch = 'default') AS table_count,
      ARRAY(SELECT t.uid FROM {schema}.tables AS t WHERE t.tenant = p.tenant AND t.project = p.id
        AND t.branch = 'default') AS tables
    FROM {schema}.projects AS p WHERE tenant = $1 ORDER BY created_at DESC, id LIMIT $2 OFFSET $3";
const PROJECTS_BY_ID: &str = "
    SELECT id, created_at FROM {schema}.projects
    WHERE tenant = $1 AND id > $2 AND ($3::text[] IS NULL OR id = ANY ($3)) ORDER BY id LIMIT $4";
const COUNT_PROJECTS: &str = "SELECT count(*) FROM {schema}.projects WHERE tenant = $1";
/// Those that can be brought back. Postgres' clock says how long that is, for all processes alike.
macro_rules! deleted {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM {schema}.deleted_projects WHERE tenant = $1
                AND deleted_at > (extract(epoch FROM clock_timestamp() - make_interval(secs => $2)) * 1000000)::bigint ",
            $rest
        )
    };
}
const DELETED_PROJECTS: &str = deleted!(
    "id, uid, name, settings, organization, created_at, deleted_at, bucket_count, table_count, ARRAY[]::text[]",
    "ORDER BY deleted_at DESC, id LIMIT $3 OFFSET $4"
);
const COUNT_DELETED_PROJECTS: &str = deleted!("count(*)", "");
/// Those that nobody can bring back any more, by when they were deleted.
const ENDED_PROJECTS: &str = "
    SELECT tenant, id, uid, deleted_at FROM {schema}.deleted_projects
    WHERE deleted_at <= (extract(epoch FROM clock_timestamp() - make_interval(secs => $1)) * 1000000)::bigint
      AND (deleted_at, tenant, id) > ($2, $3, $4)
    ORDER BY deleted_at, tenant, id LIMIT $5";
const PROJECT_EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM {schema}.projects WHERE tenant = $1 AND id = $2)";
const BUCKET: &str = "
    SELECT b.name, b.description, (SELECT count(*) FROM {schema}.named_tables AS t
      WHERE t.tenant = b.tenant AND t.project = b.project AND t.bucket = b.name
        AND t.branch = 'default') + (SELECT count(*) FROM {schema}.aliases AS a
      WHERE a.tenant = b.tenant AND a.project = b.project AND a.bucket = b.name
        AND a.branch = 'default') AS table_count, l.source_project, l.source_bucket
    FROM {schema}.buckets AS b
    LEFT JOIN {schema}.links AS l ON l.tenant = b.tenant AND l.project = b.project AND l.bucket = b.name
    WHERE b.tenant = $1 AND b.project = $2 AND b.name = $3";
const BUCKETS: &str = "
    SELECT b.name, b.description, (SELECT count(*) FROM {schema}.named_tables AS t
      WHERE t.tenant = b.tenant AND t.project = b.project AND t.bucket = b.name
        AND t.branch = 'default') + (SELECT count(*) FROM {schema}.aliases AS a
      WHERE a.tenant = b.tenant AND a.project = b.project AND a.bucket = b.name
        AND a.branch = 'default') AS table_count, l.source_project, l.source_bucket
    FROM {schema}.buckets AS b
    LEFT JOIN {schema}.links AS l ON l.tenant = b.tenant AND l.project = b.project AND l.bucket = b.name
    WHERE b.tenant = $1 AND b.project = $2 AND ($3::text[] IS NULL OR b.name = ANY ($3))
    ORDER BY b.name LIMIT $4 OFFSET $5";
const COUNT_BUCKETS: &str = "
    SELECT count(*) FROM {schema}.buckets
    WHERE tenant = $1 AND project = $2 AND ($3::text[] IS NULL OR name = ANY ($3))";

/// In the order of the statements: id, uid, name, settings, organisation, created, updated, buckets, tables with those that links
/// show, uids of its own tables.
type ProjectRow = (String, String, Option<String>, String, Option<String>, i64, i64, i64, i64, Vec<String>);

/// Name, description, tables, what it shows of which project.
pub(super) type BucketRow = (String, Option<String>, i64, Option<String>, Option<String>);

/// A project that was deleted for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedProject {
    /// Its tenant.
    pub tenant: String,
    /// The id that it had.
    pub project: String,
    /// The project itself.
    pub uid: String,
    /// When it was deleted, in microseconds since 1970.
    pub deleted_at: i64,
}

pub(super) fn bucket_view((name, description, table_count, project, bucket): BucketRow) -> BucketView {
    BucketView { name, description, table_count, source: project.zip(bucket) }
}

impl Queries {
    fn project_view(&self, row: ProjectRow) -> ProjectView {
        let (id, uid, name, settings, organization, created_at, updated_at, bucket_count, table_count, tables) = row;
        // What links show takes its room in another project.
        let size_bytes = tables.iter().filter_map(|uid| self.stats.stats(uid)).map(|(_, bytes)| bytes).sum();
        ProjectView {
            id,
            uid,
            name,
            settings,
            organization,
            created_at,
            updated_at,
            table_count,
            bucket_count,
            size_bytes,
        }
    }

    /// A project, or `project_not_found`.
    pub async fn project(&self, tenant: &str, project: &str) -> Result<ProjectView, Problem> {
        let row: Option<ProjectRow> = sqlx::query_as(self.schema().sql(PROJECT))
            .bind(tenant)
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(|row| self.project_view(row)).ok_or_else(|| problem::project_not_found(project))
    }

    /// Projects, newest first.
    pub async fn projects(&self, tenant: &str, page: Page) -> Result<Listed<ProjectView>, Problem> {
        let (rows, total): (Vec<ProjectRow>, i64) = paged!(self, page, (PROJECTS, COUNT_PROJECTS), (tenant));
        Ok(Listed { items: rows.into_iter().map(|row| self.project_view(row)).collect(), total })
    }

    /// Projects that are deleted and can be brought back, the one that was deleted last first; it was changed last when it was deleted.
    pub async fn deleted_projects(&self, tenant: &str, page: Page) -> Result<Listed<ProjectView>, Problem> {
        let seconds = self.undrop.0.as_secs_f64();
        let (rows, total): (Vec<ProjectRow>, i64) =
            paged!(self, page, (DELETED_PROJECTS, COUNT_DELETED_PROJECTS), (tenant, seconds));
        Ok(Listed { items: rows.into_iter().map(|row| self.project_view(row)).collect(), total })
    }

    /// Projects that can no longer be brought back, behind one, in the order in which they were deleted.
    pub async fn ended_projects(&self, behind: &EndedProject, limit: i64) -> Result<Vec<EndedProject>, Problem> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(self.schema().sql(ENDED_PROJECTS))
            .bind(self.undrop.0.as_secs_f64())
            .bind(behind.deleted_at)
            .bind(&behind.tenant)
            .bind(&behind.project)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let ended = |(tenant, project, uid, deleted_at)| EndedProject { tenant, project, uid, deleted_at };
        Ok(rows.into_iter().map(ended).collect())
    }

    /// Ids of projects behind one, in the order of their bytes, and when they were made; only some, or all.
    pub async fn projects_by_id(
        &self,
        tenant: &str,
        behind: &str,
        only: Option<&[String]>,
        limit: i64,
    ) -> Result<Vec<(String, i64)>, Problem> {
        sqlx::query_as(self.schema().sql(PROJECTS_BY_ID))
            .bind(tenant)
            .bind(behind)
            .bind(only)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }

    /// `Ok` when the project is there, else `project_not_found`.
    pub async fn require_project(&self, tenant: &str, project: &str) -> Result<(), Problem> {
        let exists: bool = sqlx::query_scalar(self.schema().sql(PROJECT_EXISTS))
            .bind(tenant)
            .bind(project)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        if exists { Ok(()) } else { Err(problem::project_not_found(project)) }
    }

    /// A bucket; `project_not_found` or `bucket_not_found` without.
    pub async fn bucket(&self, tenant: &str, project: &str, bucket: &str) -> Result<BucketView, Problem> {
        let row: Option<BucketRow> = sqlx::query_as(self.schema().sql(BUCKET))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return Ok(self.counting_pipelines(tenant, project, bucket_view(row)).await);
        }
        self.require_project(tenant, project).await?;
        Err(problem::bucket_not_found(bucket))
    }

    /// Buckets of a project within reach, by name.
    pub async fn buckets(
        &self,
        tenant: &str,
        project: &str,
        reach: &BucketReach,
        page: Page,
    ) -> Result<Listed<BucketView>, Problem> {
        let names = reach.names();
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<BucketRow>, i64) =
            paged!(self, page, (BUCKETS, COUNT_BUCKETS), (tenant, project, &names));
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.counting_pipelines(tenant, project, bucket_view(row)).await);
        }
        Ok(Listed { items, total })
    }
}
