//! Tables.

use alluvium_kernel::Problem;

use super::{Listed, Page, Queries, TableView, parsed, unavailable};
use crate::model::problem;

const TABLE: &str = "
    SELECT uid, bucket, name, columns, primary_key, created_at, changed_seq
    FROM {schema}.tables WHERE tenant = $1 AND project = $2 AND bucket = $3 AND name = $4";
const TABLES: &str = "
    SELECT uid, bucket, name, columns, primary_key, created_at, changed_seq
    FROM {schema}.tables WHERE tenant = $1 AND project = $2 AND bucket = $3 ORDER BY name LIMIT $4 OFFSET $5";
const COUNT_TABLES: &str = "SELECT count(*) FROM {schema}.tables WHERE tenant = $1 AND project = $2 AND bucket = $3";
const PROJECT_TABLES: &str = "
    SELECT uid, bucket, name, columns, primary_key, created_at, changed_seq
    FROM {schema}.tables WHERE tenant = $1 AND project = $2 ORDER BY bucket, name";

/// In the order of the statements: uid, bucket, name, columns, primary key, created, changed.
type TableRow = (String, String, String, String, String, i64, i64);

impl Queries {
    fn table_view(&self, row: TableRow) -> Result<TableView, Problem> {
        let (uid, bucket, name, columns, primary_key, created_at, changed_seq) = row;
        let (columns, primary_key) = (parsed(&columns)?, parsed(&primary_key)?);
        let (row_count, size_bytes) = self.stats.stats(&uid).unwrap_or_default();
        Ok(TableView { uid, bucket, name, columns, primary_key, created_at, changed_seq, row_count, size_bytes })
    }

    /// A table; `project_not_found`, `bucket_not_found` or `table_not_found` without, looked for in this order.
    pub async fn table(&self, tenant: &str, project: &str, bucket: &str, table: &str) -> Result<TableView, Problem> {
        let row: Option<TableRow> = sqlx::query_as(self.schema().sql(TABLE))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .bind(table)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return self.table_view(row);
        }
        self.bucket(tenant, project, bucket).await?;
        Err(problem::table_not_found(bucket, table))
    }

    /// Tables of a bucket by name.
    pub async fn tables(
        &self,
        tenant: &str,
        project: &str,
        bucket: &str,
        page: Page,
    ) -> Result<Listed<TableView>, Problem> {
        self.bucket(tenant, project, bucket).await?;
        let schema = self.schema();
        let rows: Vec<TableRow> = sqlx::query_as(schema.sql(TABLES))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .bind(page.limit)
            .bind(page.offset)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let total = sqlx::query_scalar(schema.sql(COUNT_TABLES))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(Listed { items: rows.into_iter().map(|row| self.table_view(row)).collect::<Result<_, _>>()?, total })
    }

    /// Every table of a project, for queries over it.
    pub async fn project_tables(&self, tenant: &str, project: &str) -> Result<Vec<TableView>, Problem> {
        self.require_project(tenant, project).await?;
        let rows: Vec<TableRow> = sqlx::query_as(self.schema().sql(PROJECT_TABLES))
            .bind(tenant)
            .bind(project)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.into_iter().map(|row| self.table_view(row)).collect()
    }
}
