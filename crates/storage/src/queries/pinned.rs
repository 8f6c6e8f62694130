//! Buckets as a branch shows them: a pinned one those that there were when it was made, any other those of the project.

use alluvium_kernel::{BucketReach, Problem};

use super::paged::paged;
use super::projects::{BucketRow, bucket_view};
use super::{BucketView, Listed, Page, Queries, unavailable};
use crate::model::names::{MAIN_BRANCH, PINNED};
use crate::model::problem;

const MODE: &str = "SELECT mode FROM {schema}.branches WHERE tenant = $1 AND project = $2 AND id = $3";

/// A pinned branch's buckets, with how many tables and aliases it has in each; no bucket of them is a link.
macro_rules! pinned_buckets {
    ($which:literal) => {
        concat!(
            "SELECT b.name, b.description, (SELECT count(*) FROM {schema}.tables AS t
      WHERE t.tenant = b.tenant AND t.project = b.project AND t.bucket = b.name AND t.branch = p.branch)
      + (SELECT count(*) FROM {schema}.aliases AS a
      WHERE a.tenant = b.tenant AND a.project = b.project AND a.bucket = b.name AND a.branch = p.branch) AS table_count,
      NULL::text, NULL::text
    FROM {schema}.pinned_buckets AS p
    JOIN {schema}.buckets AS b ON b.tenant = p.tenant AND b.project = p.project AND b.name = p.bucket
    WHERE p.tenant = $1 AND p.project = $2 AND p.branch = $3 ",
            $which
        )
    };
}

const BUCKET: &str = pinned_buckets!("AND p.bucket = $4");
const BUCKETS: &str =
    pinned_buckets!("AND ($4::text[] IS NULL OR p.bucket = ANY ($4)) ORDER BY p.bucket LIMIT $5 OFFSET $6");
const COUNT_BUCKETS: &str = "
    SELECT count(*) FROM {schema}.pinned_buckets AS p
    WHERE p.tenant = $1 AND p.project = $2 AND p.branch = $3 AND ($4::text[] IS NULL OR p.bucket = ANY ($4))";

impl Queries {
    /// Whether a branch is one that shows the main line as it was when the branch was made.
    pub async fn is_pinned(&self, tenant: &str, project: &str, branch: &str) -> Result<bool, Problem> {
        if branch == MAIN_BRANCH {
            return Ok(false);
        }
        let mode: Option<String> = sqlx::query_scalar(self.schema().sql(MODE))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(mode.is_some_and(|mode| mode == PINNED))
    }

    /// A bucket as a branch shows it; `project_not_found` or `bucket_not_found` without.
    pub async fn shown_bucket(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
    ) -> Result<BucketView, Problem> {
        if !self.is_pinned(tenant, project, branch).await? {
            return self.bucket(tenant, project, bucket).await;
        }
        let row: Option<BucketRow> = sqlx::query_as(self.schema().sql(BUCKET))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(bucket)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(bucket_view).ok_or_else(|| problem::bucket_not_found(bucket))
    }

    /// Buckets within reach as a branch shows them, by name.
    pub async fn shown_buckets(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        reach: &BucketReach,
        page: Page,
    ) -> Result<Listed<BucketView>, Problem> {
        if !self.is_pinned(tenant, project, branch).await? {
            return self.buckets(tenant, project, reach, page).await;
        }
        let names = reach.names();
        let (rows, total): (Vec<BucketRow>, i64) =
            paged!(self, page, (BUCKETS, COUNT_BUCKETS), (tenant, project, branch, &names));
        Ok(Listed { items: rows.into_iter().map(bucket_view).collect(), total })
    }
}
