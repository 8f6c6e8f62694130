//! What is said of objects, as a branch shows it: its own words over those of the main line.

use alluvium_kernel::Problem;

use super::{Queries, unavailable};
use crate::model::{MetadataOf, problem};

/// What a branch says of an entry stands before what the main line says; without a value it hides that. A pinned branch has what the
/// main line said when the branch was made among its own.
const METADATA: &str = "
    SELECT id, key, value, provider, changed_at FROM (
      SELECT DISTINCT ON (m.id) m.* FROM {schema}.metadata AS m
      WHERE m.tenant = $1 AND m.kind = $2 AND m.object = $3 AND m.column_name = $4
        AND (m.branch = $5 OR (m.branch = 'default' AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
          WHERE p.tenant = m.tenant AND p.project = m.project AND p.id = $5 AND p.mode = 'pinned')))
      ORDER BY m.id, m.branch = 'default') AS said
    WHERE value IS NOT NULL ORDER BY provider, key, id";
const PROJECT_UID: &str = "SELECT uid FROM {schema}.projects WHERE tenant = $1 AND id = $2";
const BUCKET_UID: &str = "SELECT uid FROM {schema}.buckets WHERE tenant = $1 AND project = $2 AND name = $3";
/// The table under which is kept what the branch of a table says of it.
const TABLE_ROOT: &str = "
    SELECT CASE WHEN branch = 'default' THEN uid ELSE coalesce(copy_of, uid) END FROM {schema}.tables WHERE uid = $1";
const SAYS: &str = "
    SELECT EXISTS (SELECT 1 FROM {schema}.tables AS t
      JOIN {schema}.metadata AS m ON m.tenant = t.tenant AND m.kind = 'table' AND m.object = coalesce(t.copy_of, t.uid)
        AND m.branch = t.branch AND NOT m.pinned
      WHERE t.tenant = $1 AND t.project = $2 AND t.branch = $3 AND t.bucket = $4 AND t.name = $5)";

/// What metadata is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it is said of.
    pub of: MetadataOf,
    /// Uid of the project, the bucket, or the table under which it is kept.
    pub object: String,
    /// Name of a column in small letters; empty for the object itself.
    pub column: String,
    /// Id of the branch that is looked through.
    pub branch: String,
}

/// An entry of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct MetadataView {
    pub id: String,
    pub key: String,
    pub value: String,
    pub provider: String,
    pub changed_at: i64,
}

impl Queries {
    /// What is said of an object, by provider and key.
    pub async fn metadata(&self, tenant: &str, said: &Said) -> Result<Vec<MetadataView>, Problem> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(self.schema().sql(METADATA))
            .bind(tenant)
            .bind(said.of.as_str())
            .bind(&said.object)
            .bind(&said.column)
            .bind(&said.branch)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let view = |(id, key, value, provider, changed_at)| MetadataView { id, key, value, provider, changed_at };
        Ok(rows.into_iter().map(view).collect())
    }

    /// The uid of a project; `project_not_found` without.
    pub async fn project_uid(&self, tenant: &str, project: &str) -> Result<String, Problem> {
        let uid: Option<String> = sqlx::query_scalar(self.schema().sql(PROJECT_UID))
            .bind(tenant)
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        uid.ok_or_else(|| problem::project_not_found(project))
    }

    /// The uid of a bucket; `project_not_found` or `bucket_not_found` without.
    pub async fn bucket_uid(&self, tenant: &str, project: &str, bucket: &str) -> Result<String, Problem> {
        let uid: Option<String> = sqlx::query_scalar(self.schema().sql(BUCKET_UID))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(uid) = uid {
            return Ok(uid);
        }
        self.require_project(tenant, project).await?;
        Err(problem::bucket_not_found(bucket))
    }

    /// The table under which is kept what the branch of a table says of it; the table itself, when it is gone meanwhile.
    pub async fn metadata_root(&self, uid: &str) -> Result<String, Problem> {
        let root: Option<String> = sqlx::query_scalar(self.schema().sql(TABLE_ROOT))
            .bind(uid)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(root.unwrap_or_else(|| uid.to_owned()))
    }

    /// Whether a dev branch says something of a table of its own, or hides what the main line says.
    pub async fn says(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        table: &str,
    ) -> Result<bool, Problem> {
        sqlx::query_scalar(self.schema().sql(SAYS))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(bucket)
            .bind(table)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)
    }
}
