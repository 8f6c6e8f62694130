//! What columns a table needs to take a file: their names, and the types that all their values have.

use std::path::{Path, PathBuf};

use super::csv::{self, CsvOptions};
use super::{LoadFormat, Source, import_failed, infer, parquet, unreadable};
use crate::column::{COLUMNS_MAX, Column, ColumnType};
use crate::error::ApplyError;
use crate::hub::Hub;
use crate::instance::Session;

/// Columns whose types are found in one pass over a file.
const COLUMNS_A_PASS: usize = 200;

/// Which files to look at, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookSpec {
    /// In the order they are loaded in; at least one.
    pub files: Vec<PathBuf>,
    /// What they hold.
    pub format: LoadFormat,
    /// Only these columns, in this order; without a header, what the fields are called. All, as the first file has them, when `None`.
    pub columns: Option<Vec<String>>,
    /// Finds the type of each column; else all are text.
    pub types: bool,
}

/// A column that a file brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileColumn {
    /// As the file spells it, or whoever asked.
    pub name: String,
    /// What all its values are.
    pub column_type: ColumnType,
}

impl Hub {
    /// Looks at files that a table is to be made of. What is wrong with them is refused as a load would.
    pub fn look(&self, spec: &LookSpec) -> Result<Vec<FileColumn>, ApplyError> {
        let session = self.instance()?.session()?;
        let outcome = look(&session, spec, &self.config().temp_dir());
        if outcome.is_err() {
            // As after a failed load: it may hold a half-read file.
            session.discard();
        }
        outcome
    }
}

fn look(session: &Session, spec: &LookSpec, temp_dir: &Path) -> Result<Vec<FileColumn>, ApplyError> {
    let mut found: Vec<FileColumn> = Vec::new();
    let mut kinds: Vec<i64> = Vec::new();
    for (index, path) in spec.files.iter().enumerate() {
        let one = |error| match error {
            ApplyError::Refused { code, message, details } if spec.files.len() > 1 => {
                let message = format!("file {} of {}: {message}", index + 1, spec.files.len());
                ApplyError::refused_with(code, message, details)
            }
            other => other,
        };
        match &spec.format {
            LoadFormat::Csv(options) => {
                let source = text(path, options, spec, temp_dir).map_err(one)?;
                if index == 0 {
                    found = named(&source.names, spec)?;
                    kinds = vec![0; found.len()];
                }
                if spec.types {
                    add_kinds(session, &source, &found, &mut kinds).map_err(one)?;
                }
            }
            LoadFormat::Parquet => {
                let (_, described) = parquet::described(session, path).map_err(one)?;
                if index == 0 {
                    found = of_parquet(&described, spec)?;
                }
            }
        }
    }
    if spec.types && matches!(spec.format, LoadFormat::Csv(_)) {
        for (column, kinds) in found.iter_mut().zip(kinds) {
            column.column_type = infer::type_of(kinds);
        }
    }
    Ok(found)
}

/// A CSV file as text, with what its fields are called.
fn text(path: &Path, options: &CsvOptions, spec: &LookSpec, temp_dir: &Path) -> Result<Source, ApplyError> {
    let readable = csv::readable(path, options, temp_dir)?;
    let line = options.ignored_lines + 1;
    let names: Vec<String> = match (&readable.first, &spec.columns) {
        (None, _) if options.header => return Err(csv::no_header()),
        (Some(record), _) if options.header => record.iter().map(|name| name.trim().to_owned()).collect(),
        (first, Some(columns)) => {
            first.as_ref().map_or(Ok(()), |record| csv::check_count(record.len(), columns.len(), line))?;
            columns.clone()
        }
        (_, None) => {
            return Err(import_failed(
                "the file has no header, and nobody says what its columns are called",
                None,
                None,
            ));
        }
    };
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| position(&names[..*at], name).is_some()) {
        let message = format!("column {:?} is named twice", twice.1);
        return Err(import_failed(message, Some(line), Some(twice.1)));
    }
    csv::as_text(path, options, readable, names)
}

fn position(names: &[String], name: &str) -> Option<usize> {
    names.iter().position(|other| other.eq_ignore_ascii_case(name))
}

/// The columns of the table, as text.
fn named(names: &[String], spec: &LookSpec) -> Result<Vec<FileColumn>, ApplyError> {
    let chosen = spec.columns.as_deref().unwrap_or(names);
    if chosen.len() > COLUMNS_MAX {
        return Err(import_failed(format!("a table has at most {COLUMNS_MAX} columns"), None, None));
    }
    let column = |name: &String| {
        if position(names, name).is_none() {
            return Err(import_failed(format!("the file has no column {name:?}"), None, Some(name)));
        }
        Column::new(name, "VARCHAR", true, None)
            .map_err(|error| import_failed(error.to_string(), None, Some(name)))
            .map(|column| FileColumn { name: column.name, column_type: column.column_type })
    };
    chosen.iter().map(column).collect()
}

fn of_parquet(described: &[(String, String)], spec: &LookSpec) -> Result<Vec<FileColumn>, ApplyError> {
    let names: Vec<String> = described.iter().map(|(name, _)| name.clone()).collect();
    if let Some((_, twice)) = names.iter().enumerate().find(|(at, name)| position(&names[..*at], name).is_some()) {
        return Err(import_failed(format!("the file has column {twice:?} twice"), None, Some(twice)));
    }
    let mut found = named(&names, spec)?;
    if spec.types {
        for column in &mut found {
            let kind = position(&names, &column.name).map(|at| parquet::kept_as(&described[at].1));
            column.column_type = kind.and_then(|kind| ColumnType::parse(&kind).ok()).unwrap_or(ColumnType::Varchar);
        }
    }
    Ok(found)
}

/// Adds what the values of one file are. A column that it has not is the load's matter.
fn add_kinds(session: &Session, source: &Source, found: &[FileColumn], kinds: &mut [i64]) -> Result<(), ApplyError> {
    let there: Vec<(usize, usize)> = found
        .iter()
        .enumerate()
        .filter_map(|(index, column)| Some((index, position(&source.names, &column.name)?)))
        .collect();
    for columns in there.chunks(COLUMNS_A_PASS) {
        let wanted: Vec<String> = columns
            .iter()
            .map(|(_, at)| format!("CAST(coalesce({}, 0) AS BIGINT)", infer::kinds_sql(&format!("c{at}"))))
            .collect();
        let sql = format!("SELECT {} FROM {}", wanted.join(", "), source.from_sql);
        let read = session.connection().query_row(&sql, [], |row| {
            (0..columns.len()).map(|at| row.get::<_, i64>(at)).collect::<duckdb::Result<Vec<i64>>>()
        });
        let read = session.noted(read).map_err(|error| unreadable(&error, source))?;
        for ((index, _), kind) in columns.iter().zip(read) {
            kinds[*index] |= kind;
        }
    }
    Ok(())
}
