//! Imports and exports.

use alluvium_kernel::Problem;
use alluvium_tablestore::sql::WhereFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::docs::{ChangedDoc, CsvOptionsDoc, WhereFilterDoc};
use super::{ChangedWords, Shape, read};
use crate::contract::CsvOptions;
use crate::model::limits::IGNORED_LINES_MAX;

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
    /// The first record holds values, not names: another word for `header: false` of a CSV file.
    pub without_headers: Option<bool>,
    /// So many lines of a CSV file are left out before anything is read, its header included.
    #[schema(default = 0, minimum = 0, maximum = 1_000_000, required = false)]
    pub ignored_lines_count: i64,
    /// Texts that stand for NULL in a CSV file, besides `null_string`.
    #[schema(required = false)]
    pub treat_values_as_null: Vec<String>,
    /// What is done with columns that the table has not: `error`, `ignore`, or `add` them to it.
    #[schema(default = "error", required = false)]
    pub extra_columns: String,
    /// A merge by primary key: rows whose key the file has not are deleted.
    #[schema(default = false, required = false)]
    pub delete_missing: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            incremental: false,
            dedup_mode: "update_duplicates".to_owned(),
            columns: None,
            without_headers: None,
            ignored_lines_count: 0,
            treat_values_as_null: Vec::new(),
            extra_columns: "error".to_owned(),
            delete_missing: false,
        }
    }
}

pub(super) fn import_options(shape: &Shape<'_>) -> ImportOptions {
    let default = ImportOptions::default();
    ImportOptions {
        incremental: shape.opt_bool("incremental").unwrap_or(default.incremental),
        dedup_mode: shape.opt_string("dedup_mode").unwrap_or(default.dedup_mode),
        columns: shape.opt_strings("columns"),
        without_headers: shape.opt_bool("without_headers"),
        ignored_lines_count: shape.opt_int("ignored_lines_count", 0, IGNORED_LINES_MAX).unwrap_or(0),
        treat_values_as_null: shape.opt_strings("treat_values_as_null").unwrap_or_default(),
        extra_columns: shape.opt_string("extra_columns").unwrap_or(default.extra_columns),
        delete_missing: shape.opt_bool("delete_missing").unwrap_or(false),
    }
}

/// A CSV file of which nobody says anything.
fn plain_csv() -> CsvOptions {
    CsvOptions {
        delimiter: ",".to_owned(),
        quote: "\"".to_owned(),
        escape: "\\".to_owned(),
        header: true,
        null_string: String::new(),
        allow_quoted_nulls: true,
        ignored_lines_count: 0,
        null_strings: Vec::new(),
    }
}

pub(super) fn csv_options(shape: &Shape<'_>) -> CsvOptions {
    let plain = plain_csv();
    CsvOptions {
        delimiter: shape.opt_string("delimiter").unwrap_or(plain.delimiter),
        quote: shape.opt_string("quote").unwrap_or(plain.quote),
        escape: shape.opt_string("escape").unwrap_or(plain.escape),
        header: shape.opt_bool("header").unwrap_or(plain.header),
        null_string: shape.opt_string("null_string").unwrap_or(plain.null_string),
        allow_quoted_nulls: shape.opt_bool("allow_quoted_nulls").unwrap_or(plain.allow_quoted_nulls),
        ignored_lines_count: plain.ignored_lines_count,
        null_strings: plain.null_strings,
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

    /// How the CSV is written, by both kinds of options; none when nobody says anything of it.
    pub(crate) fn csv(&self) -> Option<CsvOptions> {
        let ImportOptions { without_headers, ignored_lines_count, treat_values_as_null, .. } = &self.import_options;
        csv_of(self.csv_options.as_ref(), *without_headers, *ignored_lines_count, treat_values_as_null)
    }
}

/// How a CSV is written, by both kinds of options; none when nobody says anything of it.
pub(super) fn csv_of(
    said: Option<&CsvOptions>,
    without_headers: Option<bool>,
    ignored_lines_count: i64,
    null_strings: &[String],
) -> Option<CsvOptions> {
    if without_headers.is_none() && ignored_lines_count == 0 && null_strings.is_empty() {
        return said.cloned();
    }
    let csv = said.cloned().unwrap_or_else(plain_csv);
    Some(CsvOptions {
        header: without_headers.map_or(csv.header, |without| !without),
        ignored_lines_count,
        null_strings: null_strings.to_vec(),
        ..csv
    })
}

/// What to take out of a workspace, and where it goes.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageWorkspaceUnload)]
pub struct WorkspaceUnload {
    /// A table or a view of the workspace, as it is shown among its objects.
    pub source: String,
    /// A bucket that the workspace's branch shows.
    pub target_bucket: String,
    /// A table in it; made with the object's columns if it is not there.
    pub target_table: String,
    /// `false` replaces all rows, `true` adds to them.
    #[schema(default = false, required = false)]
    pub incremental: bool,
    /// `update_duplicates`, `insert_duplicates` or `fail_on_duplicates`.
    #[schema(default = "update_duplicates", required = false)]
    pub dedup_mode: String,
    /// What is done with columns that the table has not: `error`, `ignore`, or `add` them to it.
    #[schema(default = "error", required = false)]
    pub extra_columns: String,
    /// A merge by primary key: rows whose key the object has not are deleted.
    #[schema(default = false, required = false)]
    pub delete_missing: bool,
}

impl WorkspaceUnload {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| {
            let options = import_options(body);
            Self {
                source: body.string("source"),
                target_bucket: body.string("target_bucket"),
                target_table: body.string("target_table"),
                incremental: options.incremental,
                dedup_mode: options.dedup_mode,
                extra_columns: options.extra_columns,
                delete_missing: options.delete_missing,
            }
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
    /// Rows that `delete_missing` took away.
    #[serde(default)]
    pub deleted_rows: u64,
    /// Columns that `extra_columns` added, by name.
    #[serde(default)]
    pub added_columns: Vec<String>,
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
    /// When their last change was.
    #[serde(flatten)]
    #[schema(value_type = ChangedDoc)]
    pub changed: ChangedWords,
    /// Writes when each row last changed, as a last column `_timestamp`.
    #[schema(default = false, required = false)]
    pub include_internal_timestamp: bool,
    /// At most so many rows.
    pub limit: Option<i64>,
    /// The table as it was at `STREAM:SEQUENCE`, a position token or an RFC 3339 time.
    pub as_of: Option<String>,
    /// Of a table or view of a pipeline: as it was after this step.
    #[schema(minimum = 0)]
    pub as_of_step: Option<i64>,
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
            changed: ChangedWords::read(body),
            include_internal_timestamp: body.opt_bool("include_internal_timestamp").unwrap_or(false),
            limit: body.opt_int("limit", 1, i64::MAX),
            as_of: body.opt_string("as_of"),
            as_of_step: body.opt_int("as_of_step", 0, i64::MAX),
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
            import_options: ImportOptions::default(),
        };
        assert_eq!(plain, expected);
        let body = br#"{"file_id": "f", "csv_options": {"delimiter": ";", "header": "no"},
            "import_options": {"incremental": true, "columns": ["a"]}}"#;
        let full = ImportBody::parse(body).unwrap();
        let csv = full.csv_options.unwrap();
        assert_eq!((csv.delimiter.as_str(), csv.quote.as_str(), csv.header), (";", "\"", false));
        assert!(full.import_options.incremental && full.import_options.columns == Some(vec!["a".into()]));
    }

    #[test]
    fn options_of_a_load_are_taken_in_keboolas_words_and_say_how_the_csv_is_written() {
        let body = br#"{"fileId": "f", "csvOptions": {"delimiter": ";"}, "importOptions": {"withoutHeaders": true,
            "ignoredLinesCount": 2, "treatValuesAsNull": ["-"], "extraColumns": "add", "deleteMissing": 1}}"#;
        let full = ImportBody::parse(body).unwrap();
        let csv = full.csv().unwrap();
        assert_eq!((csv.delimiter.as_str(), csv.header, csv.ignored_lines_count), (";", false, 2));
        assert_eq!(csv.null_strings, ["-"]);
        assert!(full.import_options.delete_missing && full.import_options.extra_columns == "add");
        assert_eq!(ImportBody::parse(br#"{"file_id": "f"}"#).unwrap().csv(), None);
        let ignoring = ImportBody::parse(br#"{"file_id": "f", "import_options": {"ignored_lines_count": 1}}"#).unwrap();
        assert!(ignoring.csv().unwrap().header, "the others stay what they are without being told");
        let wrong = br#"{"file_id": "f", "import_options": {"ignored_lines_count": -1}}"#;
        assert_eq!(ImportBody::parse(wrong).unwrap_err().status, 422);
    }
}
