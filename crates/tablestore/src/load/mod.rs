//! Loading files: CSV and Parquet into a table, all or nothing.
//!
//! Without a primary key the file streams straight into the table with the table's own types, which is what the engine's own
//! `COPY` does; with one it is staged first, because keys have to be compared. Several files are loaded as one, in their order.

mod csv;
mod infer;
mod keyed;
mod look;
mod parquet;
mod scan;
mod transcode;
mod unpacked;

use std::path::{Path, PathBuf};

use serde_json::json;

pub use csv::{CSV_DELIMITER_BYTES_MAX, CsvOptions};
pub use look::{FileColumn, LookSpec};

use crate::alter;
use crate::append::{columns_of, missing_columns};
use crate::apply::{ChangeReport, Moment, Work, plain};
use crate::column::{COLUMNS_MAX, Column, ColumnError};
use crate::error::{ApplyError, Error, Kind, code, kind, store_error, text};
use crate::stamp;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadFormat {
    /// Delimited text.
    Csv(CsvOptions),
    /// Apache Parquet.
    Parquet,
}

/// What happens to rows of equal key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DedupMode {
    /// The last row in file order wins; stored rows are updated.
    #[default]
    UpdateDuplicates,
    /// An equal key in the file or the table refuses the load.
    InsertDuplicates,
    /// As `InsertDuplicates`.
    FailOnDuplicates,
}

impl std::str::FromStr for DedupMode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "update_duplicates" => Ok(Self::UpdateDuplicates),
            "insert_duplicates" => Ok(Self::InsertDuplicates),
            "fail_on_duplicates" => Ok(Self::FailOnDuplicates),
            _ => Err(Error::invalid("invalid_dedup_mode", format!("there is no dedup_mode {text:?}"))),
        }
    }
}

/// What happens to columns of the file that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtraColumns {
    /// They refuse the load.
    #[default]
    Fail,
    /// They are read over.
    Ignore,
    /// The table gets them, at its end: as text, or as what a Parquet file says they are.
    Add,
}

/// One load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSpec {
    /// The file, inside the hub's blob directory.
    pub path: PathBuf,
    /// Files whose rows follow, written the same way and with the same columns.
    pub more: Vec<PathBuf>,
    /// What they hold.
    pub format: LoadFormat,
    /// Adds to the table instead of replacing its rows.
    pub incremental: bool,
    /// For tables with a primary key.
    pub dedup_mode: DedupMode,
    /// For columns the table does not have.
    pub extra_columns: ExtraColumns,
    /// A merge by key: rows that are there are updated where they differ, and those whose key the file has not are deleted.
    pub delete_missing: bool,
    /// Loads only these columns; without a header it is also their order in the file.
    pub columns: Option<Vec<String>>,
    /// For defaults.
    pub moment: Moment,
}

impl LoadSpec {
    /// All its files, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.more).map(PathBuf::as_path)
    }
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LoadReport {
    /// Full load: rows read. Incremental: net growth of the table.
    pub imported_rows: u64,
    /// Rows that are new.
    pub inserted_rows: u64,
    /// Rows whose key was there and whose values changed.
    pub updated_rows: u64,
    /// Rows that were there as they are.
    pub unchanged_rows: u64,
    /// Rows of the file that a later row of equal key replaced.
    pub duplicates_in_file: u64,
    /// Rows that a merge deleted because the file has them not.
    #[serde(default)]
    pub deleted_rows: u64,
    /// Columns that the table got, by name.
    #[serde(default)]
    pub added_columns: Vec<String>,
    /// Things a person may want to know.
    pub warnings: Vec<String>,
}

/// A file ready to be selected from.
pub(crate) struct Source {
    /// The file itself.
    pub path: PathBuf,
    /// What stands behind `FROM`.
    pub from_sql: String,
    /// The table's columns the file brings, each with the SQL of its value.
    pub given: Vec<(Column, String)>,
    /// Those of them that the table has yet to get.
    pub added: Vec<Column>,
    pub warnings: Vec<String>,
    /// Header names by position, to say which column an engine message means.
    pub names: Vec<String>,
    /// Lines of the file that are not in what the engine reads.
    pub lines_left_out: u64,
    /// Holds a rewritten copy of the file until the load has ended.
    pub _copy: Option<tempfile::NamedTempFile>,
}

pub(crate) fn load(work: &mut Work<'_>, spec: &LoadSpec) -> Result<ChangeReport, ApplyError> {
    let first = open(work, spec, &spec.path).map_err(|error| in_file(error, spec, 0))?;
    let given: Vec<Column> = first.given.iter().map(|(column, _)| column.clone()).collect();
    let added_columns: Vec<String> = first.added.iter().map(|column| column.name.clone()).collect();
    alter::add_nullable(work, &first.added)?;
    let mut sources = vec![first];
    for (index, path) in spec.files().enumerate().skip(1) {
        let source = open(work, spec, path).and_then(|source| alike(source, &given));
        sources.push(source.map_err(|error| in_file(error, spec, index))?);
    }
    if let Some(column) =
        missing_columns(&work.schema, &given).find(|column| !column.nullable && column.default.is_none())
    {
        return Err(import_failed(
            format!("the file lacks column {:?}, which must not be NULL and has no default", column.name),
            None,
            Some(&column.name),
        ));
    }
    let mut report = if !work.schema.primary_key.is_empty() {
        keyed::load(work, spec, sources, &given)?
    } else if spec.delete_missing {
        return Err(import_failed("without a primary key nobody can tell which rows the file has not", None, None));
    } else {
        keyless(work, spec, sources)?
    };
    if let Some(load) = &mut report.load {
        load.added_columns = added_columns;
    }
    Ok(report)
}

fn open(work: &Work<'_>, spec: &LoadSpec, path: &Path) -> Result<Source, ApplyError> {
    let wanted = wanted_columns(work, spec)?;
    match &spec.format {
        LoadFormat::Csv(options) => csv::open(work, spec, path, options, &wanted),
        LoadFormat::Parquet => parquet::open(work, spec, path, &wanted),
    }
}

/// A further file, its columns in the order of the first one's: it must bring the same ones.
fn alike(mut source: Source, first: &[Column]) -> Result<Source, ApplyError> {
    let place = |column: &Column| first.iter().position(|other| other.name == column.name);
    if source.given.len() != first.len() || source.given.iter().any(|(column, _)| place(column).is_none()) {
        return Err(import_failed("the file has other columns than the first one", None, None));
    }
    source.given.sort_by_key(|(column, _)| place(column));
    Ok(source)
}

/// Of several files, says which.
fn in_file(error: ApplyError, spec: &LoadSpec, index: usize) -> ApplyError {
    match error {
        ApplyError::Refused { code, message, mut details } if !spec.more.is_empty() => {
            let (file, files) = (index + 1, spec.more.len() + 1);
            match &mut details {
                serde_json::Value::Object(details) => drop(details.insert("file".to_owned(), file.into())),
                other => *other = json!({ "file": file }),
            }
            ApplyError::refused_with(code, format!("file {file} of {files}: {message}"), details)
        }
        other => other,
    }
}

/// A column of the file that the table is to get.
fn new_column(work: &Work<'_>, added: &[Column], name: &str, column_type: &str) -> Result<Column, ApplyError> {
    let name = name.trim();
    if added.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
        return Err(import_failed(format!("the file names column {name:?} twice"), None, Some(name)));
    }
    if work.schema.columns.len() + added.len() >= COLUMNS_MAX {
        return Err(import_failed(format!("a table has at most {COLUMNS_MAX} columns"), None, Some(name)));
    }
    let no_column = |error: ColumnError| import_failed(error.to_string(), None, Some(name));
    Column::new(name, column_type, true, None).map_err(no_column)
}

/// The columns a load may fill, in their order.
fn wanted_columns(work: &Work<'_>, spec: &LoadSpec) -> Result<Vec<Column>, ApplyError> {
    let Some(names) = &spec.columns else { return Ok(work.schema.columns.clone()) };
    let mut wanted: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        let column = work.schema.column(name).ok_or_else(|| {
            ApplyError::refused_with(
                code::COLUMN_NOT_FOUND,
                format!("there is no column {name:?}"),
                json!({ "column": name }),
            )
        })?;
        if wanted.iter().any(|other| other.name == column.name) {
            return Err(import_failed(format!("column {name:?} is listed twice"), None, Some(name)));
        }
        wanted.push(column.clone());
    }
    Ok(wanted)
}

fn keyless(work: &Work<'_>, spec: &LoadSpec, sources: Vec<Source>) -> Result<ChangeReport, ApplyError> {
    let mut deleted = 0;
    if !spec.incremental && work.rows > 0 {
        deleted = work.session.run(&format!("TRUNCATE {}", work.data())).map_err(|error| store_error(&error))?;
    }
    let (columns, stamp) = (columns_of(&work.schema), stamp::at(spec.moment.event_time_micros));
    let (data, mut inserted, mut warnings) = (work.data(), 0, Vec::new());
    for (index, source) in sources.into_iter().enumerate() {
        let number = match inserted {
            0 => "row_number() OVER ()".to_owned(),
            before => format!("(row_number() OVER () + {before})"),
        };
        let value = |column: &Column| {
            let found = source.given.iter().find(|(other, _)| other.name == column.name);
            found.map_or_else(|| default_of(column, &spec.moment, &number), |(_, sql)| sql.clone())
        };
        let values = work.schema.columns.iter().map(value).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {data} ({columns}) SELECT {values}, {stamp} FROM {}", source.from_sql);
        let run = work.session.run(&sql);
        inserted += run.map_err(|error| in_file(unreadable(&error, &source), spec, index))? as u64;
        say(&mut warnings, source.warnings);
    }
    Ok(ChangeReport {
        inserted,
        deleted: deleted as u64,
        load: Some(LoadReport { imported_rows: inserted, inserted_rows: inserted, warnings, ..LoadReport::default() }),
        ..ChangeReport::default()
    })
}

/// What is the same of several files is said once.
fn say(warnings: &mut Vec<String>, more: Vec<String>) {
    for warning in more {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

pub(crate) fn default_of(column: &Column, moment: &Moment, row_number: &str) -> String {
    column.default_sql(moment.event_time_micros, &moment.seed, Some(row_number))
}

pub(crate) fn import_failed(message: impl Into<String>, line: Option<u64>, column: Option<&str>) -> ApplyError {
    let details = match (line, column) {
        (None, None) => serde_json::Value::Null,
        _ => json!({ "line": line, "column": column }),
    };
    ApplyError::refused_with(code::IMPORT_FAILED, message, details)
}

/// What an engine error while reading the file means to the person who sent it.
pub(crate) fn unreadable(error: &duckdb::Error, source: &Source) -> ApplyError {
    let message = text(error);
    match kind(error) {
        Kind::DiskFull | Kind::OutOfMemory | Kind::Interrupted | Kind::Fatal | Kind::Damaged => {
            store_error(error).into()
        }
        Kind::Io if !names_the_file(&message, &source.path) => store_error(error).into(),
        Kind::Io => import_failed("the file cannot be read; its content is damaged", None, None),
        Kind::Constraint | Kind::Conversion | Kind::Other => {
            if let Some((_, rest)) = message.split_once("NOT NULL constraint failed: ") {
                let name = rest.lines().next().unwrap_or_default();
                let column = name.split_once('.').map_or(name, |(_, column)| column);
                return import_failed(format!("column {column:?} must not be NULL"), None, Some(column));
            }
            csv::failure(&message, source).unwrap_or_else(|| import_failed(hide_path(&plain(&message)), None, None))
        }
    }
}

fn names_the_file(message: &str, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    ["GZIP", "ZSTD", "gzip", "zstd", "parquet", "Parquet"].iter().any(|word| message.contains(word))
        || (!name.is_empty() && message.contains(name))
}

/// Engine messages may quote the path of the file, which is nobody's business.
fn hide_path(message: &str) -> String {
    let hidden: Vec<&str> = message
        .split_inclusive([' ', '\'', '"'])
        .map(|word| if word.starts_with('/') { "(file) " } else { word })
        .collect();
    hidden.concat()
}

/// Opens the blob, so that a file that is gone is told from one that is damaged.
pub(crate) fn open_blob(path: &Path) -> Result<std::fs::File, ApplyError> {
    std::fs::File::open(path).map_err(|source| ApplyError::Store(Error::io(path, source)))
}
