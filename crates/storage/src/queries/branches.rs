//! Dev branches.

use alluvium_kernel::Problem;

use super::paged::paged;
use super::{BranchTables, BranchView, Listed, OwnTable, Page, Queries, unavailable};
use crate::model::problem;

const BRANCH: &str = "
    SELECT id, project, name, description, created_at, created_by, mode, ARRAY(SELECT t.uid FROM {schema}.tables AS t
      WHERE t.tenant = b.tenant AND t.project = b.project AND t.branch = b.id) AS tables
    FROM {schema}.branches AS b WHERE tenant = $1 AND project = $2 AND id = $3";
const BRANCHES: &str = "
    SELECT id, project, name, description, created_at, created_by, mode, ARRAY(SELECT t.uid FROM {schema}.tables AS t
      WHERE t.tenant = b.tenant AND t.project = b.project AND t.branch = b.id) AS tables
    FROM {schema}.branches AS b WHERE tenant = $1 AND project = $2 ORDER BY created_at DESC, id LIMIT $3 OFFSET $4";
const COUNT_BRANCHES: &str = "SELECT count(*) FROM {schema}.branches WHERE tenant = $1 AND project = $2";

const COPIED: &str = "
    SELECT bucket, name, created_at FROM {schema}.tables
    WHERE tenant = $1 AND project = $2 AND branch = $3 AND copy_of IS NOT NULL ORDER BY created_at, uid";
const HIDDEN: &str = "
    SELECT bucket, name FROM {schema}.hidden_tables
    WHERE tenant = $1 AND project = $2 AND branch = $3 ORDER BY hidden_at, bucket, name";

const OWN: &str = "
    SELECT t.bucket, t.name, t.copy_of, m.name FROM {schema}.tables AS t
    LEFT JOIN {schema}.tables AS m ON m.tenant = t.tenant AND m.project = t.project AND m.branch = 'default'
      AND m.bucket = t.bucket AND lower(m.name) = lower(t.name)
    WHERE t.tenant = $1 AND t.project = $2 AND t.branch = $3 ORDER BY t.bucket, t.name";

const MAIN: &str = "
    SELECT bucket, name FROM {schema}.tables
    WHERE tenant = $1 AND project = $2 AND branch = 'default' ORDER BY bucket, name";

/// In the order of the statements; the last are the uids of its tables.
type BranchRow = (String, String, String, Option<String>, i64, String, String, Vec<String>);

impl Queries {
    fn branch_view(&self, row: BranchRow) -> BranchView {
        let (id, project, name, description, created_at, created_by, mode, tables) = row;
        let size_bytes = tables.iter().filter_map(|uid| self.stats.stats(uid)).map(|(_, bytes)| bytes).sum();
        let table_count = tables.len() as u64;
        BranchView { id, project, name, description, created_at, created_by, mode, table_count, size_bytes }
    }

    /// A dev branch; `project_not_found` or `branch_not_found` without. The main line is none.
    pub async fn branch(&self, tenant: &str, project: &str, branch: &str) -> Result<BranchView, Problem> {
        let row: Option<BranchRow> = sqlx::query_as(self.schema().sql(BRANCH))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return Ok(self.branch_view(row));
        }
        self.require_project(tenant, project).await?;
        Err(problem::branch_not_found(branch))
    }

    /// Where a dev branch differs from the main line.
    pub async fn branch_tables(&self, tenant: &str, project: &str, branch: &str) -> Result<BranchTables, Problem> {
        let copied =
            sqlx::query_as(self.schema().sql(COPIED)).bind(tenant).bind(project).bind(branch).fetch_all(&self.pool);
        let hidden =
            sqlx::query_as(self.schema().sql(HIDDEN)).bind(tenant).bind(project).bind(branch).fetch_all(&self.pool);
        Ok(BranchTables { copied: copied.await.map_err(unavailable)?, hidden: hidden.await.map_err(unavailable)? })
    }

    /// The tables that a dev branch has of its own, by bucket and name.
    pub async fn own_tables(&self, tenant: &str, project: &str, branch: &str) -> Result<Vec<OwnTable>, Problem> {
        let rows: Vec<(String, String, Option<String>, Option<String>)> = sqlx::query_as(self.schema().sql(OWN))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let own = |(bucket, name, copy_of, main)| OwnTable { bucket, name, copy_of, main };
        Ok(rows.into_iter().map(own).collect())
    }

    /// Names of the main line's own tables: bucket and table.
    pub async fn main_tables(&self, tenant: &str, project: &str) -> Result<Vec<(String, String)>, Problem> {
        sqlx::query_as(self.schema().sql(MAIN))
            .bind(tenant)
            .bind(project)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }

    /// Dev branches of a project, newest first.
    pub async fn branches(&self, tenant: &str, project: &str, page: Page) -> Result<Listed<BranchView>, Problem> {
        self.require_project(tenant, project).await?;
        let (rows, total): (Vec<BranchRow>, i64) = paged!(self, page, (BRANCHES, COUNT_BRANCHES), (tenant, project));
        Ok(Listed { items: rows.into_iter().map(|row| self.branch_view(row)).collect(), total })
    }
}
