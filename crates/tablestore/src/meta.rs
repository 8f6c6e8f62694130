//! The tables inside a table file: the rows, the mark, the verdicts.

use duckdb::params;

use crate::column::{Column, TableSchema};
use crate::error::{Error, Result, store_error};
use crate::file::Mark;
use crate::instance::{Attached, Session};
use crate::stamp;

/// Shape of a file whose rows carry no time of their last change, as releases before wrote it.
const PLAIN_VERSION: i32 = 1;
/// Shape of a file whose rows carry it. A file of any other shape is rebuilt from the log.
pub(crate) const STAMPED_VERSION: i32 = 2;

/// The one row of `_meta`.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub mark: Mark,
    pub rows: u64,
    pub schema: TableSchema,
    /// Whether its rows carry the time of their last change.
    pub is_stamped: bool,
}

/// `CREATE TABLE` of the rows under a physical name, the time of their last change behind the columns. There is never an index: the engine's ART indexes are slow to fill and the
/// part of it most reported for corruption.
pub(crate) fn create_data_sql(relation: &str, schema: &TableSchema) -> String {
    let columns = schema.columns.iter().map(Column::definition_sql).chain([stamp::definition()]);
    format!("CREATE TABLE {relation} ({})", columns.collect::<Vec<_>>().join(", "))
}

pub(crate) fn create(
    session: &Session,
    file: &Attached,
    schema: &TableSchema,
    mark: &Mark,
    generation: u32,
) -> Result<(), duckdb::Error> {
    session.run(&create_data_sql(&file.relation("data"), schema))?;
    let meta = file.relation("_meta");
    session.run(&format!(
        "CREATE TABLE {meta} (seq BIGINT NOT NULL, hash VARCHAR NOT NULL, stream_created_micros BIGINT NOT NULL, \
         generation INTEGER NOT NULL, row_count BIGINT NOT NULL, schema VARCHAR NOT NULL, schema_version INTEGER NOT NULL)"
    ))?;
    session.run(&format!(
        "CREATE TABLE {} (request_seq BIGINT NOT NULL, verdict VARCHAR NOT NULL, changes VARCHAR NOT NULL, row_count BIGINT NOT NULL)",
        file.relation("_settlements")
    ))?;
    session.run_with(
        &format!("INSERT INTO {meta} VALUES (?, ?, ?, ?, 0, ?, ?)"),
        params![
            mark.seq as i64,
            mark.hash,
            mark.stream_created_micros,
            generation,
            schema_text(schema),
            STAMPED_VERSION
        ],
    )?;
    Ok(())
}

#[expect(clippy::expect_used, reason = "names and types always have a JSON form")]
pub(crate) fn schema_text(schema: &TableSchema) -> String {
    serde_json::to_string(schema).expect("a table schema has a JSON form")
}

/// Reads `_meta`; a file without it is corrupt.
pub(crate) fn read(session: &Session, file: &Attached) -> Result<Meta> {
    let sql = format!(
        "SELECT seq, hash, stream_created_micros, row_count, schema, schema_version FROM {}",
        file.relation("_meta")
    );
    let corrupt = |reason: String| Error::Corrupt { table: file.alias.clone(), reason };
    let row = session.row(&sql, |row| {
        let mark = Mark { seq: row.get::<_, i64>(0)? as u64, hash: row.get(1)?, stream_created_micros: row.get(2)? };
        Ok((mark, row.get::<_, i64>(3)? as u64, row.get::<_, String>(4)?, row.get::<_, i32>(5)?))
    });
    let (mark, rows, schema, version) = match row {
        Ok(row) => row,
        Err(duckdb::Error::QueryReturnedNoRows) => return Err(corrupt("_meta is empty".into())),
        Err(error) if crate::error::text(&error).starts_with("Catalog Error") => {
            return Err(corrupt(crate::error::text(&error)));
        }
        Err(error) => return Err(store_error(&error)),
    };
    if !matches!(version, PLAIN_VERSION | STAMPED_VERSION) {
        return Err(corrupt(format!("_meta has version {version}")));
    }
    let schema = serde_json::from_str(&schema).map_err(|error| corrupt(error.to_string()))?;
    Ok(Meta { mark, rows, schema, is_stamped: version == STAMPED_VERSION })
}

/// Reads `_meta`, or says that the file was never finished (created, but its first transaction not committed).
pub(crate) fn read_if_there(session: &Session, file: &Attached) -> Result<Option<Meta>> {
    let tables = session
        .count(&format!("SELECT count(*) FROM duckdb_tables() WHERE database_name = '{}'", file.alias))
        .map_err(|error| store_error(&error))?;
    if tables == 0 { Ok(None) } else { read(session, file).map(Some) }
}
