//! Parquet: columns always by name.

use std::path::Path;

use super::{ExtraColumns, LoadSpec, Source, import_failed, new_column, open_blob, unpacked, unreadable};
use crate::apply::Work;
use crate::column::{Column, ColumnType};
use crate::error::{ApplyError, Error};
use crate::instance::Session;
use crate::quote::ident;
use crate::quote_path::literal_file;

pub(super) fn open(work: &Work<'_>, spec: &LoadSpec, path: &Path, wanted: &[Column]) -> Result<Source, ApplyError> {
    let (mut source, described) = described(work.session, path)?;
    for (name, kind) in described {
        if let Some(column) = wanted.iter().find(|column| column.name.eq_ignore_ascii_case(&name)) {
            if source.given.iter().any(|(other, _)| other.name == column.name) {
                return Err(import_failed(format!("the file has column {name:?} twice"), None, Some(&name)));
            }
            let value = format!("CAST({} AS {})", ident(&name), column.column_type.to_sql());
            source.given.push((column.clone(), value));
        } else if work.schema.column(&name).is_none() {
            match spec.extra_columns {
                ExtraColumns::Fail => {
                    return Err(import_failed(format!("the table has no column {name:?}"), None, Some(&name)));
                }
                ExtraColumns::Ignore => source.warnings.push(format!("column {name:?} of the file was ignored")),
                ExtraColumns::Add => {
                    let column = new_column(work, &source.added, &name, &kept_as(&kind))?;
                    let value = format!("CAST({} AS {})", ident(&name), column.column_type.to_sql());
                    source.given.push((column.clone(), value));
                    source.added.push(column);
                }
            }
        }
        source.names.push(name);
    }
    if source.given.is_empty() {
        return Err(import_failed("no column of the file is a column of the table", None, None));
    }
    Ok(source)
}

/// The file and its columns with their types, if it does not hold too much.
pub(super) fn described(session: &Session, path: &Path) -> Result<(Source, Vec<(String, String)>), ApplyError> {
    let packed = open_blob(path)?.metadata().map_err(|source| Error::io(path, source))?.len();
    let file = literal_file(path)?;
    let source = Source {
        path: path.to_path_buf(),
        from_sql: format!("read_parquet({file})"),
        given: Vec::new(),
        added: Vec::new(),
        warnings: Vec::new(),
        names: Vec::new(),
        lines_left_out: 0,
        _copy: None,
    };
    let columns = columns_of(session, &source).map_err(|error| match unreadable(&error, &source) {
        ApplyError::Refused { .. } => import_failed("the file is not a readable Parquet file", None, None),
        other => other,
    })?;
    let bytes_max = unpacked::bytes_max(packed);
    if unpacked_bytes(session, &file).map_err(|error| unreadable(&error, &source))? > bytes_max {
        return Err(unpacked::refused(bytes_max));
    }
    Ok((source, columns))
}

/// What the file says it holds: the bytes of its pages, and a byte for every row, as a run of equal ones takes no bytes.
fn unpacked_bytes(session: &Session, file: &str) -> duckdb::Result<u64> {
    let sql = format!(
        "SELECT CAST(greatest((SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata({file})), \
         (SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({file}))) AS BIGINT)"
    );
    let found = session.connection().query_row(&sql, [], |row| row.get::<_, i64>(0));
    session.noted(found).map(i64::unsigned_abs)
}

/// Its columns with their types.
fn columns_of(session: &Session, source: &Source) -> duckdb::Result<Vec<(String, String)>> {
    let read = || {
        let mut statement = session.connection().prepare(&format!("DESCRIBE SELECT * FROM {}", source.from_sql))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    session.noted(read())
}

/// The column type for a type of the file; one that tables do not have is kept as text.
pub(super) fn kept_as(kind: &str) -> String {
    ColumnType::parse(kind).map_or_else(|_| "VARCHAR".to_owned(), |kind| kind.to_string())
}
