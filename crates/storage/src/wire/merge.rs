//! How a dev branch differs from the main line, and bringing it there.

use alluvium_kernel::Problem;
use alluvium_tablestore::RowsDiffer;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shape, read};
use crate::contract::ColumnSpec;
use crate::model::{names, problem};
use crate::queries::TableView;

/// What happens where the main line's table has changed since the branch took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing at all is merged.
    Fail,
    /// The branch's table wins.
    Branch,
    /// The main line's table stays.
    Main,
}

/// What to merge.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBranchMerge)]
pub struct BranchMerge {
    /// Tables that the branch has of its own; all of them when left out.
    #[schema(value_type = Option<Vec<MergeTableDoc>>)]
    pub tables: Option<Vec<(String, String)>>,
    /// `fail`, `branch` or `main`: whose table counts where the main line's has changed since the branch took it.
    #[schema(value_type = Option<String>, pattern = "^(fail|branch|main)$", default = "fail")]
    pub strategy: Strategy,
}

/// A table to merge.
#[derive(ToSchema)]
#[schema(as = StorageMergeTable)]
#[expect(dead_code, reason = "only documents what the route reads")]
pub struct MergeTableDoc {
    bucket_name: String,
    table_name: String,
}

impl BranchMerge {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let (tables, strategy) = read(bytes, |body| {
            let table =
                |entry: &Shape<'_>| (names::bucket_name(&entry.string("bucket_name")), entry.string("table_name"));
            (body.opt_shapes("tables", table), body.opt_string("strategy"))
        })?;
        Ok(Self { tables, strategy: Strategy::read(strategy.as_deref())? })
    }
}

impl Strategy {
    fn read(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("fail") => Ok(Self::Fail),
            Some("branch") => Ok(Self::Branch),
            Some("main") => Ok(Self::Main),
            Some(_) => Err(problem::invalid_request("`strategy` is `fail`, `branch` or `main`.")),
        }
    }
}

/// How to rebase.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableRebase)]
pub struct TableRebase {
    /// `fail`, `branch` or `main`: whose row counts where both have changed it.
    #[schema(value_type = Option<String>, pattern = "^(fail|branch|main)$", default = "fail")]
    pub strategy: Strategy,
}

impl TableRebase {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = if bytes.is_empty() { b"{}" } else { bytes };
        let strategy = read(bytes, |body| body.opt_string("strategy"))?;
        Ok(Self { strategy: Strategy::read(strategy.as_deref())? })
    }
}

/// What became of a table that was rebased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageRebasedTable)]
pub struct RebasedTable {
    /// Name of the bucket.
    pub bucket_name: String,
    /// Name of the table.
    pub table_name: String,
    /// `rebased`, or `up_to_date` where the main line has nothing that the branch does not show.
    pub result: &'static str,
    /// Rows that both had changed, so that `strategy` decided.
    pub conflicts: u64,
    /// Rows that came.
    pub inserted_rows: u64,
    /// Rows that hold something else now.
    pub updated_rows: u64,
    /// Rows that went.
    pub deleted_rows: u64,
}

/// A table in which a branch differs from the main line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageTableDiff)]
pub struct TableDiff {
    /// Name of the bucket.
    pub bucket_name: String,
    /// Name of the table.
    pub table_name: String,
    /// `copied`: taken from the main line and changed; `created`: the branch's alone; `deleted`: not shown by the branch.
    pub state: &'static str,
    /// Whether a merge meets a conflict: the main line's table has changed, came or went since the branch took it.
    pub main_changed: bool,
    /// Rows that only the branch has; null for a deleted table.
    pub rows_added: Option<u64>,
    /// Rows of the same key that hold something else; null where the tables have no key in common.
    pub rows_changed: Option<u64>,
    /// Rows that only the main line has.
    pub rows_removed: Option<u64>,
    /// Columns that only the branch has.
    pub columns_added: Vec<String>,
    /// Columns of another type, or with other constraints or default.
    pub columns_changed: Vec<String>,
    /// Columns that only the main line has.
    pub columns_removed: Vec<String>,
    /// Whether the keys differ.
    pub primary_key_changed: bool,
}

impl TableDiff {
    /// A table of the branch's own beside the main line's, if that has one.
    pub(crate) fn of(own: &TableView, main: Option<&TableView>, main_changed: bool, rows: RowsDiffer) -> Self {
        let (none, no_key) = (Vec::new(), Vec::new());
        let (before, key) = main.map_or((&none, &no_key), |main| (&main.columns, &main.primary_key));
        let find = |columns: &'_ [ColumnSpec], name: &str| {
            columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).cloned()
        };
        let only = |these: &[ColumnSpec], others: &[ColumnSpec]| {
            let missing = |column: &&ColumnSpec| find(others, &column.name).is_none();
            these.iter().filter(missing).map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        let differs = |column: &&ColumnSpec| find(before, &column.name).is_some_and(|other| other != **column);
        Self {
            bucket_name: own.bucket.clone(),
            table_name: own.name.clone(),
            state: if main.is_some() { "copied" } else { "created" },
            main_changed,
            rows_added: Some(rows.added),
            rows_changed: rows.changed,
            rows_removed: Some(rows.removed),
            columns_added: only(&own.columns, before),
            columns_changed: own.columns.iter().filter(differs).map(|column| column.name.clone()).collect(),
            columns_removed: only(before, &own.columns),
            primary_key_changed: own.primary_key != *key,
        }
    }

    pub(crate) fn deleted(bucket_name: String, table_name: String) -> Self {
        Self {
            bucket_name,
            table_name,
            state: "deleted",
            main_changed: false,
            rows_added: None,
            rows_changed: None,
            rows_removed: None,
            columns_added: Vec::new(),
            columns_changed: Vec::new(),
            columns_removed: Vec::new(),
            primary_key_changed: false,
        }
    }
}

/// Where a branch differs from the main line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBranchDiff)]
pub struct BranchDiff {
    /// Id of the branch.
    pub branch_id: String,
    /// Its own tables by bucket and name, then those it does not show.
    pub tables: Vec<TableDiff>,
}

/// What became of a table in a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageMergedTable)]
pub struct MergedTable {
    /// Name of the bucket.
    pub bucket_name: String,
    /// Name of the table.
    pub table_name: String,
    /// `merged`: the main line has what the branch had, and the branch, unless it is pinned, shows the main line again; `conflict`:
    /// the main line's table has changed, and nothing was done.
    pub result: &'static str,
}

/// What became of a branch's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBranchMerged)]
pub struct BranchMerged {
    /// Id of the branch.
    pub branch_id: String,
    /// Each table, in the order in which they were merged.
    pub tables: Vec<MergedTable>,
}
