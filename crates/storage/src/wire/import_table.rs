//! Loads of rows that no file holds.

use alluvium_kernel::Problem;
use alluvium_tablestore::sql::WhereFilter;
use utoipa::ToSchema;

use super::docs::{RowsSourceDoc, WhereFilterDoc};
use super::transfer::{ImportOptions, import_options};
use super::{Shape, read};
use crate::model::problem;

/// Fields that name a table.
const OF_TABLE: [&str; 2] = ["source_bucket", "source_table"];
/// Fields that name an object of a workspace.
const OF_OBJECT: [&str; 2] = ["source_workspace", "source_object"];

/// What to load from another table, or from a workspace, and how.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableImportBody)]
pub struct TableImportBody {
    /// Where the rows are.
    #[serde(flatten)]
    #[schema(value_type = RowsSourceDoc)]
    pub source: RowsSource,
    /// Only rows that meet all these conditions.
    #[schema(value_type = Vec<WhereFilterDoc>, required = false)]
    pub where_filters: Vec<WhereFilter>,
    /// Only these columns, which both have; all of the source when null.
    pub columns: Option<Vec<String>>,
    /// `false` replaces all rows, `true` adds to them.
    #[schema(default = false, required = false)]
    pub incremental: bool,
    /// `update_duplicates`, `insert_duplicates` or `fail_on_duplicates`.
    #[schema(default = "update_duplicates", required = false)]
    pub dedup_mode: String,
    /// What is done with columns that the table has not: `error`, `ignore`, or `add` them to it.
    #[schema(default = "error", required = false)]
    pub extra_columns: String,
    /// A merge by primary key: rows whose key the source has not are deleted.
    #[schema(default = false, required = false)]
    pub delete_missing: bool,
}

/// Where rows are that no file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsSource {
    /// In a table of the project.
    Table {
        /// Its bucket, as it is written.
        bucket: String,
        /// Its name.
        table: String,
    },
    /// In a table or a view of a workspace.
    Object {
        /// The workspace's id.
        workspace: String,
        /// The object, as it is shown among the workspace's.
        object: String,
    },
}

impl RowsSource {
    fn read(body: &Shape<'_>) -> Result<Self, Problem> {
        let is_said = |names: [&str; 2]| names.into_iter().any(|name| body.says(name));
        match (is_said(OF_TABLE), is_said(OF_OBJECT)) {
            (true, true) => Err(problem::invalid_request(
                "A load has one source: `source_bucket` and `source_table`, or `source_workspace` and `source_object`.",
            )),
            (false, true) => {
                let [workspace, object] = OF_OBJECT.map(|name| body.string(name));
                Ok(Self::Object { workspace, object })
            }
            (_, false) => {
                let [bucket, table] = OF_TABLE.map(|name| body.string(name));
                Ok(Self::Table { bucket, table })
            }
        }
    }
}

impl TableImportBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| -> Result<Self, Problem> {
            let ImportOptions { incremental, dedup_mode, columns, extra_columns, delete_missing, .. } =
                import_options(body);
            let where_filters = body.opt_value("where_filters").unwrap_or_default();
            let source = RowsSource::read(body)?;
            Ok(Self { source, where_filters, columns, incremental, dedup_mode, extra_columns, delete_missing })
        })?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_one_source() {
        let parse = |body: &str| TableImportBody::parse(body.as_bytes());
        let source = |body: &str| parse(body).unwrap().source;
        let table = RowsSource::Table { bucket: "in.c-b".into(), table: "t".into() };
        assert_eq!(source(r#"{"source_bucket": "in.c-b", "source_table": "t"}"#), table);
        assert_eq!(source(r#"{"sourceBucket": "in.c-b", "sourceTable": "t", "source_workspace": null}"#), table);
        let object = RowsSource::Object { workspace: "ws_1".into(), object: "s.v".into() };
        assert_eq!(source(r#"{"source_workspace": "ws_1", "source_object": "s.v"}"#), object);
        let body = r#"{"sourceWorkspace": "ws_1", "sourceObject": "s.v", "sourceTable": null, "columns": ["a"],
            "whereFilters": [{"column": "a", "values": ["1"]}], "incremental": "yes", "deleteMissing": 1}"#;
        let full = parse(body).unwrap();
        assert_eq!((full.source, full.columns, full.where_filters.len()), (object, Some(vec!["a".into()]), 1));
        assert!(full.incremental && full.delete_missing && full.extra_columns == "error");

        for (wrong, status) in [
            (r#"{"source_bucket": "b", "source_table": "t", "source_workspace": "w", "source_object": "o"}"#, 400),
            (r#"{"source_bucket": "b", "source_object": "o"}"#, 400),
            ("{}", 422),
            (r#"{"source_bucket": "b"}"#, 422),
            (r#"{"source_object": "o"}"#, 422),
            (r#"{"source_workspace": 1, "source_object": "o"}"#, 422),
            (r#"{"source_workspace": "w", "source_object": "o", "incremental": "maybe"}"#, 422),
        ] {
            assert_eq!(parse(wrong).unwrap_err().status, status, "{wrong}");
        }
    }
}
