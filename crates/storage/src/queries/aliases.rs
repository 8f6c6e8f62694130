//! Aliases: what they show of which table, as a branch shows both.

use std::collections::HashMap;

use alluvium_kernel::Problem;
use alluvium_tablestore::Lens;

use super::{Queries, TableView, unavailable};

/// The aliases that a branch shows, as `a`, each with the table that the branch shows under the names of its source, as `s`; one whose
/// source is not there is not there either. Takes tenant, project and branch as `$1` to `$3`.
macro_rules! shown_aliases {
    () => {
        "FROM {schema}.aliases AS a
    JOIN {schema}.tables AS s ON s.tenant = a.tenant AND s.project = a.project AND s.bucket = a.source_bucket
      AND s.name = a.source_table AND (s.branch = $3 OR (s.branch = 'default'
        AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')
        AND NOT EXISTS (SELECT 1 FROM {schema}.tables AS o WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
          AND o.bucket = s.bucket AND lower(o.name) = lower(s.name))
        AND NOT EXISTS (SELECT 1 FROM {schema}.aliases AS o WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
          AND o.bucket = s.bucket AND lower(o.name) = lower(s.name))
        AND NOT EXISTS (SELECT 1 FROM {schema}.hidden_tables AS o WHERE o.tenant = $1 AND o.project = $2
          AND o.branch = $3 AND o.bucket = s.bucket AND lower(o.name) = lower(s.name))))
    WHERE a.tenant = $1 AND a.project = $2 AND (a.branch = $3 OR (a.branch = 'default'
        AND NOT EXISTS (SELECT 1 FROM {schema}.branches AS p
        WHERE p.tenant = $1 AND p.project = $2 AND p.id = $3 AND p.mode = 'pinned')
        AND NOT EXISTS (SELECT 1 FROM {schema}.tables AS o WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
          AND o.bucket = a.bucket AND lower(o.name) = lower(a.name))
        AND NOT EXISTS (SELECT 1 FROM {schema}.aliases AS o WHERE o.tenant = $1 AND o.project = $2 AND o.branch = $3
          AND o.bucket = a.bucket AND lower(o.name) = lower(a.name))
        AND NOT EXISTS (SELECT 1 FROM {schema}.hidden_tables AS o WHERE o.tenant = $1 AND o.project = $2
          AND o.branch = $3 AND o.bucket = a.bucket AND lower(o.name) = lower(a.name))))"
    };
}
pub(crate) use shown_aliases;

/// The columns of [`super::tables`]' statements, and what makes an alias of a table.
macro_rules! alias_columns {
    () => {
        "s.uid, a.branch, false AS is_linked, a.bucket, a.name, s.columns, s.primary_key, a.created_at, s.changed_seq,
    a.uid AS alias_uid, a.source_bucket, a.source_table, a.columns AS alias_columns, a.filter AS alias_filter "
    };
}
pub(crate) use alias_columns;

const ALIASES: &str = concat!("SELECT ", alias_columns!(), shown_aliases!());

/// What an alias is besides what a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasView {
    /// Its own uid; that of the table is its source's.
    pub uid: String,
    /// Bucket of its source.
    pub source_bucket: String,
    /// Name of its source.
    pub source_table: String,
    /// What it shows of that.
    pub lens: Lens,
}

/// The aliases of a project by bucket and name, for queries over its tables.
#[derive(Clone, Debug, Default)]
pub struct Aliases(HashMap<(String, String), TableView>);

impl Aliases {
    /// The alias of these names.
    pub(crate) fn get(&self, bucket: &str, name: &str) -> Option<(&TableView, &AliasView)> {
        let view = self.0.get(&(bucket.to_owned(), name.to_owned()))?;
        Some((view, view.alias.as_ref()?))
    }
}

impl TableView {
    /// What tells it from every other table and alias.
    pub fn key(&self) -> &str {
        self.alias.as_ref().map_or(&self.uid, |alias| &alias.uid)
    }

    /// How many rows it has, as far as somebody counts them.
    pub fn counted_rows(&self) -> Option<u64> {
        let is_part = self.lens().is_some_and(|lens| !lens.filters.is_empty());
        (!is_part).then_some(self.row_count)
    }

    /// What of the table with its uid it shows; all of it when `None`.
    pub fn lens(&self) -> Option<&Lens> {
        let of_pipeline = || self.pipeline.as_ref().map(|of| &of.lens);
        self.alias.as_ref().map(|alias| &alias.lens).or_else(of_pipeline)
    }
}

impl Queries {
    /// The aliases that a branch shows.
    pub async fn aliases(&self, tenant: &str, project: &str, branch: &str) -> Result<Aliases, Problem> {
        let rows: Vec<super::tables::TableRow> = sqlx::query_as(self.schema().sql(ALIASES))
            .bind(tenant)
            .bind(project)
            .bind(branch)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let views = rows.into_iter().map(|row| self.table_view(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Aliases(views.into_iter().map(|view| ((view.bucket.clone(), view.name.clone()), view)).collect()))
    }
}
