//! Who may link a bucket and who does, and what a project may link.

use alluvium_kernel::Problem;

use super::paged::paged;
use super::{Listed, Page, Queries, unavailable};
use crate::model::Level;

const GRANTS: &str = "
    SELECT s.target_project, s.by_level FROM {schema}.shares AS s
    JOIN {schema}.projects AS p ON p.tenant = s.tenant AND p.id = s.target_project AND p.uid = s.target_uid
    WHERE s.tenant = $1 AND s.project = $2 AND s.bucket = $3 ORDER BY s.target_project";
const LEVEL: &str = "SELECT sharing FROM {schema}.buckets WHERE tenant = $1 AND project = $2 AND name = $3";
/// Links to this very bucket that its source has not cut.
macro_rules! linking {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM {schema}.links AS l
              JOIN {schema}.buckets AS source ON source.tenant = l.tenant AND source.project = l.source_project
                AND source.name = l.source_bucket AND source.uid = l.source_uid
              JOIN {schema}.projects AS p ON p.tenant = l.tenant AND p.id = l.project
              JOIN {schema}.buckets AS b ON b.tenant = l.tenant AND b.project = l.project AND b.name = l.bucket
              LEFT JOIN {schema}.open_links AS o ON o.tenant = l.tenant AND o.project = l.project AND o.bucket = l.bucket
              WHERE l.tenant = $1 AND l.source_project = $2 AND l.source_bucket = $3 AND NOT l.is_closed ",
            $rest
        )
    };
}
const LINKING: &str = linking!(
    "l.project, p.name, l.bucket, b.created_at, o.bucket IS NOT NULL",
    "ORDER BY l.project, l.bucket LIMIT $4 OFFSET $5"
);
const COUNT_LINKING: &str = linking!("count(*)", "");
/// Buckets that were shared with the very project that has the id now, and those of its organisation that every project of it may
/// link. A bucket is found by either once.
macro_rules! shared {
    ($what:literal, $rest:literal) => {
        concat!(
            "WITH me AS (SELECT tenant, id, uid, organization FROM {schema}.projects WHERE tenant = $1 AND id = $2),
              may AS (
                SELECT s.tenant, s.project, s.bucket, s.uid FROM me JOIN {schema}.shares AS s
                  ON s.tenant = me.tenant AND s.target_project = me.id AND s.target_uid = me.uid AND NOT s.by_level
                UNION
                SELECT b.tenant, b.project, b.name, b.uid FROM me
                JOIN {schema}.projects AS p ON p.tenant = me.tenant AND p.organization = me.organization AND p.id <> me.id
                JOIN {schema}.buckets AS b ON b.tenant = p.tenant AND b.project = p.id AND b.sharing IS NOT NULL)
              SELECT ",
            $what,
            " FROM may
              JOIN {schema}.buckets AS b
                ON b.tenant = may.tenant AND b.project = may.project AND b.name = may.bucket AND b.uid = may.uid
              JOIN {schema}.projects AS p ON p.tenant = b.tenant AND p.id = b.project ",
            $rest
        )
    };
}
const SHARED: &str = shared!(
    "b.project, p.name, b.name, b.description, b.sharing,
      ARRAY(SELECT t.uid FROM {schema}.tables AS t WHERE t.tenant = b.tenant AND t.project = b.project
        AND t.bucket = b.name AND t.branch = 'default'),
      ARRAY(SELECT l.bucket FROM {schema}.links AS l WHERE l.tenant = b.tenant AND l.project = $2
        AND l.source_project = b.project AND l.source_bucket = b.name AND l.source_uid = b.uid AND NOT l.is_closed
        ORDER BY l.bucket)",
    "ORDER BY b.project, b.name LIMIT $3 OFFSET $4"
);
const COUNT_SHARED: &str = shared!("count(*)", "");

/// A project that may link a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantView {
    /// Its id.
    pub project: String,
    /// Whether only because it has a link that the bucket's level let it make.
    pub by_level: bool,
}

/// A bucket of another project that shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct LinkingView {
    pub project: String,
    pub project_name: Option<String>,
    pub bucket: String,
    pub linked_at: i64,
    /// Whether it may be read through.
    pub is_open: bool,
}

/// A bucket of another project that a project may link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct SharedView {
    pub project: String,
    pub project_name: Option<String>,
    pub bucket: String,
    pub description: Option<String>,
    pub sharing: String,
    pub table_count: usize,
    pub row_count: u64,
    pub size_bytes: u64,
    /// The buckets by which it is linked already.
    pub linked_as: Vec<String>,
}

/// Project, its name, the bucket that it links as, when, whether the share still stands.
type LinkingRow = (String, Option<String>, String, i64, bool);

/// Project, its name, bucket, description, level, uids of its tables, links to it.
type SharedRow = (String, Option<String>, String, Option<String>, Option<String>, Vec<String>, Vec<String>);

impl Queries {
    fn shared_view(&self, row: SharedRow) -> SharedView {
        let (project, project_name, bucket, description, level, tables, linked_as) = row;
        let stats = tables.iter().filter_map(|uid| self.stats.stats(uid));
        let (row_count, size_bytes) = stats.fold((0, 0), |sum, (rows, bytes)| (sum.0 + rows, sum.1 + bytes));
        let sharing = level.unwrap_or_else(|| Level::SELECTED.to_owned());
        let table_count = tables.len();
        SharedView {
            project,
            project_name,
            bucket,
            description,
            sharing,
            table_count,
            row_count,
            size_bytes,
            linked_as,
        }
    }

    /// The projects that may link a bucket and read through their links, by id.
    pub async fn grants(&self, tenant: &str, project: &str, bucket: &str) -> Result<Vec<GrantView>, Problem> {
        let rows: Vec<(String, bool)> = sqlx::query_as(self.schema().sql(GRANTS))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(|(project, by_level)| GrantView { project, by_level }).collect())
    }

    /// Those of them that were named.
    pub async fn shared_with(&self, tenant: &str, project: &str, bucket: &str) -> Result<Vec<String>, Problem> {
        let grants = self.grants(tenant, project, bucket).await?;
        Ok(grants.into_iter().filter(|grant| !grant.by_level).map(|grant| grant.project).collect())
    }

    /// How a bucket is shared as a whole, and with whom besides; no word for one that nobody may link.
    pub async fn sharing(
        &self,
        tenant: &str,
        project: &str,
        bucket: &str,
    ) -> Result<(Option<String>, Vec<String>), Problem> {
        let level: Option<(Option<String>,)> = sqlx::query_as(self.schema().sql(LEVEL))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        let shared_with = self.shared_with(tenant, project, bucket).await?;
        let selected = (!shared_with.is_empty()).then(|| Level::SELECTED.to_owned());
        Ok((level.and_then(|(level,)| level).or(selected), shared_with))
    }

    /// The links to a bucket, by project and name.
    pub async fn linking(
        &self,
        tenant: &str,
        project: &str,
        bucket: &str,
        page: Page,
    ) -> Result<Listed<LinkingView>, Problem> {
        let (rows, total): (Vec<LinkingRow>, i64) =
            paged!(self, page, (LINKING, COUNT_LINKING), (tenant, project, bucket));
        let view = |(project, project_name, bucket, linked_at, is_open)| LinkingView {
            project,
            project_name,
            bucket,
            linked_at,
            is_open,
        };
        Ok(Listed { items: rows.into_iter().map(view).collect(), total })
    }

    /// The buckets of other projects that a project may link, by project and name.
    pub async fn shared_buckets(&self, tenant: &str, project: &str, page: Page) -> Result<Listed<SharedView>, Problem> {
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<SharedRow>, i64) = paged!(self, page, (SHARED, COUNT_SHARED), (tenant, project));
        Ok(Listed { items: rows.into_iter().map(|row| self.shared_view(row)).collect(), total })
    }
}
