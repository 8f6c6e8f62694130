//! Imports and exports.

use alluvium_kernel::Problem;
use alluvium_tablestore::sql::WhereFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::docs::{CsvOptionsDoc, WhereFilterDoc};
use super::{Shape, read};
use crate::contract::CsvOptions;

/// What to load, and how.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageImportBody)]
pub struct ImportBody {
    /// A file of the project.
    pub file_id: String,
    /// `csv` or `parquet`.
    #[schema(default = "csv", required = false)]
    pub format: String,
    /// How the CSV is written.
    #[schema(value_type = Option<CsvOptionsDoc>)]
    pub csv_options: Option<CsvOptions>,
    /// What to do with the rows.
    #[schema(required = false)]
    pub import_options: ImportOptions,
}

/// What to do with the rows of a file.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageImportOptions)]
pub struct ImportOptions {
    /// `false` replaces all rows, `true` adds to them.
    #[schema(default = false, required = false)]
    pub incremental: bool,
    /// `update_duplicates`, `insert_duplicates` or `fail_on_duplicates`.
    #[schema(default = "update_duplicates", required = false)]
    pub dedup_mode: String,
    /// Restricts the load to these columns.
    pub columns: Option<Vec<String>>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { incremental: false, dedup_mode: "update_duplicates".to_owned(), columns: None }
    }
}

fn import_options(shape: &Shape<'_>) -> ImportOptions {
    let default = ImportOptions::default();
    ImportOptions {
        incremental: shape.opt_bool("incremental").unwrap_or(default.incremental),
        dedup_mode: shape.opt_string("dedup_mode").unwrap_or(default.dedup_mode),
        columns: shape.opt_strings("columns"),
    }
}

fn csv_options(shape: &Shape<'_>) -> CsvOptions {
    let text = |name: &str, default: &str| shape.opt_string(name).unwrap_or_else(|| default.to_owned());
    CsvOptions {
        delimiter: text("delimiter", ","),
        quote: text("quote", "\""),
        escape: text("escape", "\\"),
        header: shape.opt_bool("header").unwrap_or(true),
        null_string: text("null_string", ""),
        allow_quoted_nulls: shape.opt_bool("allow_quoted_nulls").unwrap_or(true),
    }
}

impl ImportBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            file_id: body.string("file_id"),
            format: body.opt_string("format").unwrap_or_else(|| "csv".to_owned()),
            csv_options: body.opt_shape("csv_options", csv_options),
            import_options: body.opt_shape("import_options", import_options).unwrap_or_default(),
        })
    }
}

/// What a load did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StorageImported)]
pub struct Imported {
    /// Full load: rows read from the file; incremental: net growth of the table.
    pub imported_rows: u64,
    /// Rows in the table now.
    pub table_rows_after: u64,
    /// Bytes of the table now.
    pub table_size_bytes: u64,
    /// What a person may want to know.
    pub warnings: Vec<String>,
    /// Rows that are new.
    pub inserted_rows: u64,
    /// Rows whose values changed.
    pub updated_rows: u64,
    /// Rows that were there as they are.
    pub unchanged_rows: u64,
    /// Rows of the file that a later row of equal key replaced.
    pub duplicates_in_file: u64,
    /// The table as this load left it, for `as_of`.
    #[serde(default)]
    pub version: String,
}

/// What to export, and how.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageExportBody)]
pub struct ExportBody {
    /// `csv` or `parquet`.
    #[schema(default = "csv", required = false)]
    pub format: String,
    /// CSV: `gzip`; Parquet: `gzip`, `zstd` or `snappy`.
    pub compression: Option<String>,
    /// Only these columns.
    pub columns: Option<Vec<String>>,
    /// A boolean expression over the table's columns; excludes `where_filters`.
    pub where_filter: Option<String>,
    /// Conditions that must all hold.
    #[schema(value_type = Vec<WhereFilterDoc>, required = false)]
    pub where_filters: Vec<WhereFilter>,
    /// At most so many rows.
    pub limit: Option<i64>,
    /// The table as it was at `STREAM:SEQUENCE`, a position token or an RFC 3339 time.
    pub as_of: Option<String>,
}

impl ExportBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = if bytes.is_empty() { b"{}" } else { bytes };
        read(bytes, |body| Self {
            format: body.opt_string("format").unwrap_or_else(|| "csv".to_owned()),
            compression: body.opt_string("compression"),
            columns: body.opt_strings("columns"),
            where_filter: body.opt_string("where_filter"),
            where_filters: body.opt_value("where_filters").unwrap_or_default(),
            limit: body.opt_int("limit", 1, i64::MAX),
            as_of: body.opt_string("as_of"),
        })
    }
}

/// Where an export is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageExported)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Exported {
    pub file_id: String,
    pub file_path: String,
    pub rows_exported: u64,
    pub file_size_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_have_the_surfaces_defaults() {
        let plain = ImportBody::parse(br#"{"file_id": "f"}"#).unwrap();
        let expected = ImportBody {
            file_id: "f".into(),
            format: "csv".into(),
            csv_options: None,
            import_options: ImportOptions { incremental: false, dedup_mode: "update_duplicates".into(), columns: None },
        };
        assert_eq!(plain, expected);
        let body = br#"{"file_id": "f", "csv_options": {"delimiter": ";", "header": "no"},
            "import_options": {"incremental": true, "columns": ["a"]}}"#;
        let full = ImportBody::parse(body).unwrap();
        let csv = full.csv_options.unwrap();
        assert_eq!((csv.delimiter.as_str(), csv.quote.as_str(), csv.header), (";", "\"", false));
        assert!(full.import_options.incremental && full.import_options.columns == Some(vec!["a".into()]));
    }
}
