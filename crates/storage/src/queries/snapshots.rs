//! Snapshots that are whole and whose time is not over.

use alluvium_kernel::{Problem, Timestamp};

use super::paged::paged;
use super::{Listed, Page, Queries, SnapshotView, parsed, unavailable};
use crate::model::problem;

const SNAPSHOT: &str = "
    SELECT id, bucket, table_name, kind, description, created_by, created_at, expires_at, row_count, size_bytes, columns,
      primary_key
    FROM {schema}.snapshots
    WHERE tenant = $1 AND project = $2 AND branch = $3 AND id = $4 AND expires_at > $5 AND row_count IS NOT NULL
      AND columns IS NOT NULL";
const SNAPSHOTS: &str = "
    SELECT id, bucket, table_name, kind, description, created_by, created_at, expires_at, row_count, size_bytes, columns,
      primary_key
    FROM {schema}.snapshots
    WHERE tenant = $1 AND project = $2 AND branch = $3 AND expires_at > $4 AND row_count IS NOT NULL
      AND columns IS NOT NULL AND ($5::text IS NULL OR bucket = $5) AND ($6::text IS NULL OR table_name = $6)
      AND ($7::text IS NULL OR kind = $7) AND ($8::text[] IS NULL OR bucket = ANY ($8))
    ORDER BY created_at DESC, id LIMIT $9 OFFSET $10";
const COUNT_SNAPSHOTS: &str = "
    SELECT count(*) FROM {schema}.snapshots
    WHERE tenant = $1 AND project = $2 AND branch = $3 AND expires_at > $4 AND row_count IS NOT NULL
      AND columns IS NOT NULL AND ($5::text IS NULL OR bucket = $5) AND ($6::text IS NULL OR table_name = $6)
      AND ($7::text IS NULL OR kind = $7) AND ($8::text[] IS NULL OR bucket = ANY ($8))";

/// Which snapshots of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotFilter {
    /// Taken in this bucket.
    pub bucket: Option<String>,
    /// Taken of a table of this name.
    pub table: Option<String>,
    /// Made by this.
    pub kind: Option<String>,
    /// Taken in any of these buckets.
    pub buckets: Option<Vec<String>>,
}

/// In the order of the statements: id, bucket, table, kind, description, created by, created, expires, rows, bytes, columns, key.
type SnapshotRow = (String, String, String, String, Option<String>, String, i64, i64, i64, i64, String, String);

fn snapshot_view(row: SnapshotRow) -> Result<SnapshotView, Problem> {
    let (id, bucket, table, kind, description, created_by, created_at, expires_at, row_count, size_bytes, columns, key) =
        row;
    Ok(SnapshotView {
        id,
        bucket,
        table,
        kind,
        description,
        created_by,
        created_at,
        expires_at,
        row_count,
        size_bytes,
        columns: parsed(&columns)?,
        primary_key: parsed(&key)?,
    })
}

impl Queries {
    /// A snapshot of a branch; `project_not_found` or `snapshot_not_found` without.
    pub async fn snapshot(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        snapshot: &str,
        now: Timestamp,
    ) -> Result<SnapshotView, Problem> {
        let row: Option<SnapshotRow> = sqlx::query_as(self.schema().sql(SNAPSHOT))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(snapshot)
            .bind(now.micros())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return snapshot_view(row);
        }
        self.require_project(tenant, project).await?;
        Err(problem::snapshot_not_found(snapshot))
    }

    /// Snapshots of a branch, newest first.
    pub async fn snapshots(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        filter: &SnapshotFilter,
        now: Timestamp,
        page: Page,
    ) -> Result<Listed<SnapshotView>, Problem> {
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<SnapshotRow>, i64) = paged!(
            self,
            page,
            (SNAPSHOTS, COUNT_SNAPSHOTS),
            (tenant, project, branch, now.micros(), &filter.bucket, &filter.table, &filter.kind, &filter.buckets)
        );
        Ok(Listed { items: rows.into_iter().map(snapshot_view).collect::<Result<_, _>>()?, total })
    }
}
