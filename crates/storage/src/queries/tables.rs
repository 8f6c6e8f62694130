//! Tables.

use alluvium_kernel::Problem;

use super::{Listed, Page, Queries, Source, TableView, parsed, unavailable};
use crate::model::names::MAIN_BRANCH;
use crate::model::problem;

/// Tables as a branch shows them: its own, and those of the main line whose names it neither has itself nor hides. Names are the
/// same without case. What linked buckets show is among those of the main line. Takes tenant, project and branch as `$1` to `$3`.
macro_rules! shown {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM {schema}.named_tables AS t
    WHERE t.tenant = $1 AND t.project = $2
      AND (t.branch = $3 OR (t.branch = 'default' AND (t.bucket, lower(t.name)) NOT IN (
        SELECT o.bucket, lower(o.name) FROM {schema}.tables AS o
        WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
        UNION ALL
        SELECT h.bucket, lower(h.name) FROM {schema}.hidden_tables AS h
        WHERE h.tenant = $1 AND h.project = $2 AND h.branch = $3))) ",
            $rest
        )
    };
    ($rest:literal) => {
        shown!("uid, branch, is_linked, bucket, name, columns, primary_key, created_at, changed_seq", $rest)
    };
}

const TABLE: &str = shown!("AND t.bucket = $4 AND t.name = $5");
const TABLES: &str = shown!("AND t.bucket = $4 ORDER BY t.name LIMIT $5 OFFSET $6");
const COUNT_TABLES: &str = shown!("count(*)", "AND t.bucket = $4");
const PROJECT_TABLES: &str = shown!("ORDER BY t.bucket, t.name");

/// In the order of the statements: uid, branch, linked, bucket, name, columns, primary key, created, changed.
type TableRow = (String, String, bool, String, String, String, String, i64, i64);

impl Queries {
    fn table_view(&self, row: TableRow) -> Result<TableView, Problem> {
        let (uid, branch, is_linked, bucket, name, columns, primary_key, created_at, changed_seq) = row;
        let (columns, primary_key) = (parsed(&columns)?, parsed(&primary_key)?);
        let (row_count, size_bytes) = self.stats.stats(&uid).unwrap_or_default();
        let source = if branch == MAIN_BRANCH { Source::Main } else { Source::Branch };
        Ok(TableView {
            uid,
            source,
            is_linked,
            bucket,
            name,
            columns,
            primary_key,
            created_at,
            changed_seq,
            row_count,
            size_bytes,
        })
    }

    /// A table as a branch shows it; `project_not_found`, `bucket_not_found` or `table_not_found` without, looked for in this
    /// order. That the branch is there is asked elsewhere.
    pub async fn table(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        table: &str,
    ) -> Result<TableView, Problem> {
        let row: Option<TableRow> = sqlx::query_as(self.schema().sql(TABLE))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(bucket)
            .bind(table)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        if let Some(row) = row {
            return self.table_view(row);
        }
        self.bucket(tenant, project, bucket).await?;
        self.readable(tenant, project, bucket).await?;
        Err(problem::table_not_found(bucket, table))
    }

    /// Tables of a bucket by name, as a branch shows them.
    pub async fn tables(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        page: Page,
    ) -> Result<Listed<TableView>, Problem> {
        self.bucket(tenant, project, bucket).await?;
        self.readable(tenant, project, bucket).await?;
        let rows: Vec<TableRow> = sqlx::query_as(self.schema().sql(TABLES))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(bucket)
            .bind(page.limit)
            .bind(page.offset)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let total = sqlx::query_scalar(self.schema().sql(COUNT_TABLES))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .bind(bucket)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(Listed { items: rows.into_iter().map(|row| self.table_view(row)).collect::<Result<_, _>>()?, total })
    }

    /// Every table of a project as a branch shows them, for queries over it.
    pub async fn project_tables(&self, tenant: &str, project: &str, branch: &str) -> Result<Vec<TableView>, Problem> {
        self.require_project(tenant, project).await?;
        let rows: Vec<TableRow> = sqlx::query_as(self.schema().sql(PROJECT_TABLES))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.into_iter().map(|row| self.table_view(row)).collect()
    }
}
