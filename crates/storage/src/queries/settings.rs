//! What project, bucket and table say about snapshots, and snapshots whose time is over.

use alluvium_kernel::{Problem, Timestamp};

use super::{Queries, parsed, unavailable};
use crate::contract::SnapshotSettings;
use crate::model::problem;

const LEVELS: &str = "
    SELECT p.snapshot_settings, b.snapshot_settings, t.snapshot_settings
    FROM {schema}.projects AS p
    LEFT JOIN {schema}.buckets AS b ON b.tenant = p.tenant AND b.project = p.id AND b.name = $3
    LEFT JOIN {schema}.tables AS t ON t.tenant = p.tenant AND t.project = p.id AND t.bucket = $3 AND t.name = $4
      AND t.branch = 'default'
    WHERE p.tenant = $1 AND p.id = $2";
const OVER: &str = "
    SELECT tenant, project FROM {schema}.snapshots WHERE expires_at <= $1 GROUP BY tenant, project
    ORDER BY min(expires_at) LIMIT $2";

/// What each level says, if anything: project, bucket, table.
pub(crate) type SettingsLevels = [Option<SnapshotSettings>; 3];

impl Queries {
    /// What project, bucket and table of these names say; `project_not_found` without the first.
    pub(crate) async fn snapshot_settings(
        &self,
        tenant: &str,
        project: &str,
        bucket: Option<&str>,
        table: Option<&str>,
    ) -> Result<SettingsLevels, Problem> {
        let row: Option<(Option<String>, Option<String>, Option<String>)> = sqlx::query_as(self.schema().sql(LEVELS))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .bind(table)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        let (project, bucket, table) = row.ok_or_else(|| problem::project_not_found(project))?;
        let level = |text: Option<String>| text.as_deref().map(parsed).transpose();
        Ok([level(project)?, level(bucket)?, level(table)?])
    }

    /// Tenants and projects that have snapshots whose time is over, the longest over first.
    pub async fn projects_with_ended_snapshots(
        &self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(String, String)>, Problem> {
        sqlx::query_as(self.schema().sql(OVER))
            .bind(now.micros())
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }
}
