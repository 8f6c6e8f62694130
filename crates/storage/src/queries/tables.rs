//! Tables and aliases.

use alluvium_kernel::Problem;
use alluvium_tablestore::Lens;

use super::aliases::{alias_columns, shown_aliases};
use super::paged::paged;
use super::{AliasView, Listed, Page, Queries, Source, TableView, parsed, unavailable};
use crate::contract::ColumnSpec;
use crate::model::names::MAIN_BRANCH;
use crate::model::problem;

/// Tables as a branch shows them: its own, and those of the main line whose names it neither has itself nor hides. Names are the
/// same without case. What linked buckets show is among those of the main line. A pinned branch shows its own and no
/// others. Takes tenant, project and branch as `$1` to `$3`.
macro_rules! shown_tables {
    () => {
        " FROM {schema}.named_tables AS t
    WHERE t.tenant = $1 AND t.project = $2
      AND (t.branch = $3 OR (t.branch = 'default' AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')
        AND (t.bucket, lower(t.name)) NOT IN (
        SELECT o.bucket, lower(o.name) FROM {schema}.tables AS o
        WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
        UNION ALL
        SELECT l.bucket, lower(l.name) FROM {schema}.aliases AS l
        WHERE l.tenant = $1 AND l.project = $2 AND l.branch = $3
        UNION ALL
        SELECT h.bucket, lower(h.name) FROM {schema}.hidden_tables AS h
        WHERE h.tenant = $1 AND h.project = $2 AND h.branch = $3)))"
    };
}

macro_rules! table_columns {
    () => {
        "t.uid, t.branch, t.is_linked, t.bucket, t.name, t.columns, t.primary_key, t.created_at, t.changed_seq,
    NULL::text AS alias_uid, NULL::text AS source_bucket, NULL::text AS source_table, NULL::text AS alias_columns,
    NULL::text AS alias_filter"
    };
}

/// The same and the aliases that the branch shows.
macro_rules! shown {
    ($table:literal, $alias:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            table_columns!(),
            shown_tables!(),
            $table,
            " UNION ALL SELECT ",
            alias_columns!(),
            shown_aliases!(),
            $alias,
            $rest
        )
    };
}

const TABLE: &str = concat!("SELECT ", table_columns!(), shown_tables!(), " AND t.bucket = $4 AND t.name = $5");
const ALIAS: &str = concat!("SELECT ", alias_columns!(), shown_aliases!(), " AND a.bucket = $4 AND a.name = $5");
const TABLES: &str = shown!(" AND t.bucket = $4", " AND a.bucket = $4", " ORDER BY name LIMIT $5 OFFSET $6");
const COUNT_TABLES: &str = concat!(
    "SELECT (SELECT count(*)",
    shown_tables!(),
    " AND t.bucket = $4) + (SELECT count(*) ",
    shown_aliases!(),
    " AND a.bucket = $4)"
);
const PROJECT_TABLES: &str = shown!("", "", " ORDER BY bucket, name");

/// In the order of the statements: uid, branch, linked, bucket, name, columns, primary key, created, changed; of an alias its uid, the
/// bucket and name of its source, its columns, its filter.
pub(super) type TableRow = (
    String,
    String,
    bool,
    String,
    String,
    String,
    String,
    i64,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Queries {
    pub(super) fn table_view(&self, row: TableRow) -> Result<TableView, Problem> {
        let (
            uid,
            branch,
            is_linked,
            bucket,
            name,
            columns,
            primary_key,
            created_at,
            changed_seq,
            alias_uid,
            source_bucket,
            source_table,
            alias_columns,
            filter,
        ) = row;
        let (mut columns, mut primary_key) = (parsed(&columns)?, parsed(&primary_key)?);
        let alias = match (alias_uid, source_bucket.zip(source_table), filter) {
            (None, ..) => None,
            (Some(uid), Some((source_bucket, source_table)), Some(filter)) => {
                let columns = alias_columns.as_deref().map(parsed).transpose()?;
                let lens = Lens { columns, filters: parsed(&filter)?, step: None };
                Some(AliasView { uid, source_bucket, source_table, lens })
            }
            // A part of an alias is not to pass for the whole table.
            (Some(_), ..) => return Err(Problem::internal()),
        };
        if let Some(alias) = &alias {
            (columns, primary_key) = seen(&alias.lens, columns, primary_key);
        }
        let (row_count, size_bytes) = self.stats.stats(&uid).unwrap_or_default();
        let source = if branch == MAIN_BRANCH { Source::Main } else { Source::Branch };
        Ok(TableView {
            uid,
            source,
            is_linked,
            alias,
            bucket,
            name,
            columns,
            primary_key,
            created_at,
            changed_seq,
            row_count,
            size_bytes,
            pipeline: None,
        })
    }

    /// A table as a branch shows it; `project_not_found`, `bucket_not_found`, `table_not_found` or, for an alias, `table_is_alias`
    /// without, looked for in this order. That the branch is there is asked elsewhere.
    pub async fn table(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        table: &str,
    ) -> Result<TableView, Problem> {
        let found = self.table_or_alias(tenant, project, branch, bucket, table).await?;
        if found.alias.is_some() { Err(problem::table_is_alias(bucket, table)) } else { Ok(found) }
    }

    /// The same, or an alias: for reads that look through its lens.
    pub async fn table_or_alias(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        table: &str,
    ) -> Result<TableView, Problem> {
        for statement in [TABLE, ALIAS] {
            let row: Option<TableRow> = sqlx::query_as(self.schema().sql(statement))
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
        }
        self.shown_bucket(tenant, project, branch, bucket).await?;
        match self.readable(tenant, project, bucket).await? {
            Some(pipeline) => self.pipeline_table(tenant, &pipeline, bucket, table).await,
            None => Err(problem::table_not_found(bucket, table)),
        }
    }

    /// Tables and aliases of a bucket by name, as a branch shows them.
    pub async fn tables(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        page: Page,
    ) -> Result<Listed<TableView>, Problem> {
        self.shown_bucket(tenant, project, branch, bucket).await?;
        if let Some(pipeline) = self.readable(tenant, project, bucket).await? {
            return Ok(page.of(self.tables_of_pipeline(tenant, &pipeline, bucket).await?));
        }
        let (rows, total): (Vec<TableRow>, i64) =
            paged!(self, page, (TABLES, COUNT_TABLES), (tenant, project, branch, bucket));
        Ok(Listed { items: rows.into_iter().map(|row| self.table_view(row)).collect::<Result<_, _>>()?, total })
    }

    /// Every table and alias of a project as a branch shows them, for queries over it.
    pub async fn project_tables(&self, tenant: &str, project: &str, branch: &str) -> Result<Vec<TableView>, Problem> {
        self.require_project(tenant, project).await?;
        let rows: Vec<TableRow> = sqlx::query_as(self.schema().sql(PROJECT_TABLES))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let mut tables = rows.into_iter().map(|row| self.table_view(row)).collect::<Result<Vec<_>, _>>()?;
        if !self.is_pinned(tenant, project, branch).await? {
            tables.extend(self.pipeline_tables(tenant, project).await?);
        }
        Ok(tables)
    }
}

/// Of a table's columns and key what is seen through a lens; a key counts when all of it is.
fn seen(lens: &Lens, columns: Vec<ColumnSpec>, primary_key: Vec<String>) -> (Vec<ColumnSpec>, Vec<String>) {
    let Some(names) = &lens.columns else { return (columns, primary_key) };
    let find = |name: &String| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).cloned();
    let shown: Vec<ColumnSpec> = names.iter().filter_map(find).collect();
    let is_whole = primary_key.iter().all(|key| shown.iter().any(|column| column.name == *key));
    (shown, if is_whole { primary_key } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lens_shows_columns_in_its_order_and_only_whole_keys() {
        let column =
            |name: &str| ColumnSpec { name: name.into(), r#type: "BIGINT".into(), nullable: true, default: None };
        let look = |names: Option<&[&str]>| {
            let columns = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let lens = Lens { columns, ..Lens::default() };
            let (columns, key) = seen(&lens, vec![column("a"), column("b"), column("c")], vec!["a".into(), "b".into()]);
            (columns.into_iter().map(|column| column.name).collect::<Vec<_>>().join(" "), key.len())
        };
        assert_eq!(look(None), ("a b c".into(), 2));
        assert_eq!(look(Some(&["B", "gone", "a"])), ("b a".into(), 2));
        assert_eq!(look(Some(&["c", "a"])), ("c a".into(), 0));
    }
}
