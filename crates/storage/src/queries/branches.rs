//! Dev branches.

use alluvium_kernel::Problem;

use super::{BranchView, Listed, Page, Queries, unavailable};
use crate::model::problem;

const BRANCH: &str = "
    SELECT id, project, name, description, created_at, created_by
    FROM {schema}.branches WHERE tenant = $1 AND project = $2 AND id = $3";
const BRANCHES: &str = "
    SELECT id, project, name, description, created_at, created_by
    FROM {schema}.branches WHERE tenant = $1 AND project = $2 ORDER BY created_at DESC, id LIMIT $3 OFFSET $4";
const COUNT_BRANCHES: &str = "SELECT count(*) FROM {schema}.branches WHERE tenant = $1 AND project = $2";

/// In the order of the statements.
type BranchRow = (String, String, String, Option<String>, i64, String);

fn branch_view(row: BranchRow) -> BranchView {
    let (id, project, name, description, created_at, created_by) = row;
    BranchView { id, project, name, description, created_at, created_by }
}

impl Queries {
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
            return Ok(branch_view(row));
        }
        self.require_project(tenant, project).await?;
        Err(problem::branch_not_found(branch))
    }

    /// Dev branches of a project, newest first.
    pub async fn branches(&self, tenant: &str, project: &str, page: Page) -> Result<Listed<BranchView>, Problem> {
        self.require_project(tenant, project).await?;
        let schema = self.schema();
        let rows: Vec<BranchRow> = sqlx::query_as(schema.sql(BRANCHES))
            .bind(tenant)
            .bind(project)
            .bind(page.limit)
            .bind(page.offset)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let total = sqlx::query_scalar(schema.sql(COUNT_BRANCHES))
            .bind(tenant)
            .bind(project)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(Listed { items: rows.into_iter().map(branch_view).collect(), total })
    }
}
