//! Tables that are made of a file.

use alluvium_kernel::Problem;
use alluvium_tablestore::FileColumn;
use serde_json::Value;
use utoipa::ToSchema;

use super::docs::CsvOptionsDoc;
use super::transfer::{ImportOptions, csv_of, csv_options, import_options};
use super::{Shape, base_type, read};
use crate::contract::{ColumnSpec, CsvOptions};

/// Of what to make a table, and how.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableFromFile)]
pub struct TableFromFile {
    /// A file of the project.
    pub file_id: String,
    /// 1 to 96 letters, digits, `_` or `-`.
    pub name: String,
    /// Columns that together identify a row.
    pub primary_key: Option<Vec<String>>,
    /// `csv` or `parquet`.
    #[schema(default = "csv", required = false)]
    pub format: String,
    /// How the CSV is written.
    #[schema(value_type = Option<CsvOptionsDoc>)]
    pub csv_options: Option<CsvOptions>,
    /// The columns of the table, in their order: all that the file has when null. Without a header, what its fields are called.
    pub columns: Option<Vec<FileColumnDef>>,
    /// Of columns whose type nobody says: `infer` finds one that every value in the file has, `text` takes all as text.
    #[schema(default = "infer", required = false, pattern = "^(infer|text)$")]
    pub column_types: String,
    /// How the rows are read.
    #[schema(required = false)]
    pub import_options: FirstLoadOptions,
}

/// How the rows of a new table are read.
#[derive(Clone, Debug, Default, PartialEq, ToSchema)]
#[schema(as = StorageFirstLoadOptions)]
pub struct FirstLoadOptions {
    /// `update_duplicates`, `insert_duplicates` or `fail_on_duplicates`.
    #[schema(default = "update_duplicates", required = false)]
    pub dedup_mode: String,
    /// The first record holds values, not names: another word for `header: false` of a CSV file.
    pub without_headers: Option<bool>,
    /// So many lines of a CSV file are left out before anything is read, its header included.
    #[schema(default = 0, minimum = 0, maximum = 1_000_000, required = false)]
    pub ignored_lines_count: i64,
    /// Texts that stand for NULL in a CSV file, besides `null_string`.
    #[schema(required = false)]
    pub treat_values_as_null: Vec<String>,
}

/// A column that is taken from a file; its name alone may stand for it.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageFileColumnDef)]
pub struct FileColumnDef {
    /// 1 to 64 characters; found in the file without regard to case.
    pub name: String,
    /// Any type of DuckDB.
    pub r#type: Option<String>,
    /// `STRING`, `INTEGER`, `NUMERIC`, `FLOAT`, `BOOLEAN`, `DATE` or `TIMESTAMP`: instead of `type`, or what `type` is one of.
    pub base_type: Option<String>,
    /// Whether NULL is allowed.
    #[schema(default = true)]
    pub nullable: Option<bool>,
    /// A literal, a cast of one, `now()`, `current_date` or `uuid()`.
    pub default: Option<String>,
}

impl FileColumnDef {
    fn read(shape: &Shape<'_>) -> Self {
        Self {
            name: shape.string("name"),
            r#type: base_type::asked(shape),
            base_type: None,
            nullable: shape.opt_bool("nullable"),
            default: shape.opt_string("default"),
        }
    }

    fn named(name: String) -> Self {
        Self { name, r#type: None, base_type: None, nullable: None, default: None }
    }
}

impl TableFromFile {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| {
            let types = |value: &Value| ["infer", "text"].into_iter().find(|word| value.as_str() == Some(*word));
            let types = body.opt_read("column_types", "literal_error", "Input should be 'infer' or 'text'", types);
            let options = body.opt_shape("import_options", import_options).unwrap_or_default();
            let columns = if body.lists_texts("columns") {
                body.opt_strings("columns").map(|names| names.into_iter().map(FileColumnDef::named).collect())
            } else {
                body.opt_shapes("columns", FileColumnDef::read)
            };
            let ImportOptions { dedup_mode, without_headers, ignored_lines_count, treat_values_as_null, .. } = options;
            Self {
                file_id: body.string("file_id"),
                name: body.string("name"),
                primary_key: body.opt_strings("primary_key"),
                format: body.opt_string("format").unwrap_or_else(|| "csv".to_owned()),
                csv_options: body.opt_shape("csv_options", csv_options),
                columns,
                column_types: types.unwrap_or("infer").to_owned(),
                import_options: FirstLoadOptions {
                    dedup_mode,
                    without_headers,
                    ignored_lines_count,
                    treat_values_as_null,
                },
            }
        })
    }

    /// How the CSV is written, by both kinds of options; none when nobody says anything of it.
    pub(crate) fn csv(&self) -> Option<CsvOptions> {
        let FirstLoadOptions { without_headers, ignored_lines_count, treat_values_as_null, .. } = &self.import_options;
        csv_of(self.csv_options.as_ref(), *without_headers, *ignored_lines_count, treat_values_as_null)
    }

    /// The columns of the table, of those that were found in the file.
    pub(crate) fn specs(&self, found: Vec<FileColumn>) -> Vec<ColumnSpec> {
        let said = |at: usize| self.columns.as_ref().and_then(|columns| columns.get(at));
        let spec = |(at, found): (usize, FileColumn)| {
            let said = said(at);
            ColumnSpec {
                name: found.name,
                r#type: said.and_then(|said| said.r#type.clone()).unwrap_or_else(|| found.column_type.to_string()),
                nullable: said.and_then(|said| said.nullable).unwrap_or(true),
                default: said.and_then(|said| said.default.clone()),
            }
        };
        found.into_iter().enumerate().map(spec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alluvium_tablestore::ColumnType;

    #[test]
    fn columns_are_named_or_described() {
        let plain = TableFromFile::parse(br#"{"file_id": "f", "name": "t"}"#).unwrap();
        assert_eq!((plain.format.as_str(), plain.column_types.as_str(), plain.csv()), ("csv", "infer", None));
        let found = |name: &str, column_type| FileColumn { name: name.into(), column_type };
        assert_eq!(plain.specs(vec![found("a", ColumnType::Date)])[0].r#type, "DATE");
        let body = br#"{"fileId": "f", "name": "t", "columnTypes": "text", "columns": [
            {"name": "a", "baseType": "INTEGER", "nullable": false}, {"name": "b"}],
            "importOptions": {"withoutHeaders": true, "incremental": true}}"#;
        let full = TableFromFile::parse(body).unwrap();
        assert!(!full.csv().unwrap().header && full.column_types == "text");
        let specs = full.specs(vec![found("a", ColumnType::Varchar), found("b", ColumnType::Varchar)]);
        assert_eq!((specs[0].r#type.as_str(), specs[0].nullable), ("BIGINT", false));
        assert_eq!((specs[1].r#type.as_str(), specs[1].nullable), ("VARCHAR", true));
        let names = TableFromFile::parse(br#"{"file_id": "f", "name": "t", "columns": ["a", "b"]}"#).unwrap();
        assert_eq!(names.columns.unwrap()[1], FileColumnDef::named("b".into()));
        for wrong in [
            &br#"{"file_id": "f"}"#[..],
            br#"{"file_id": "f", "name": "t", "column_types": "guess"}"#,
            br#"{"file_id": "f", "name": "t", "columns": ["a", 1]}"#,
        ] {
            assert_eq!(TableFromFile::parse(wrong).unwrap_err().status, 422);
        }
    }
}
