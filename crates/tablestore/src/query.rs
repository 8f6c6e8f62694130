//! Queries whose text has been guarded: one statement over pinned files, with limits on time, rows and bytes.

use arrow::record_batch::RecordBatch;
use serde_json::value::RawValue;

use crate::apply::plain;
use crate::column::ColumnType;
use crate::error::{Error, Kind, Result, kind, store_error, text};
use crate::hub::Pinned;
use crate::instance::Session;
use crate::json::write_value;
use crate::read::raw;
use crate::watchdog::{Stop, Watchdog};

/// A guarded query.
#[derive(Debug, Clone)]
pub struct QuerySpec {
    /// One SELECT in which [`Pinned::relation`] stands for tables.
    pub sql: String,
    /// How long it may run, in milliseconds.
    pub timeout_ms: u64,
    /// How many rows it may give.
    pub rows_max: u64,
    /// How many bytes they may take (as JSON text, or as Arrow buffers).
    pub bytes_max: u64,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name; two columns may share one.
    pub name: String,
    /// Type as the engine spells it.
    pub column_type: String,
}

/// A result as JSON.
#[derive(Debug)]
pub struct QueryRows {
    /// The columns.
    pub columns: Vec<ResultColumn>,
    /// One JSON array a row.
    pub rows: Vec<Box<RawValue>>,
}

/// A result as Arrow.
#[derive(Debug)]
pub struct QueryBatches {
    /// The columns.
    pub columns: Vec<ResultColumn>,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Pinned {
    /// Runs the query and gives its rows as JSON.
    pub fn query(&self, spec: &QuerySpec) -> Result<QueryRows> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        let columns = self.run(spec, |batch, kinds| {
            for row in 0..batch.num_rows() {
                let out = row_json(batch, row, kinds);
                bytes += out.get().len() as u64;
                if bytes > spec.bytes_max {
                    return Err(too_many_bytes(spec));
                }
                rows.push(out);
            }
            Ok(())
        })?;
        Ok(QueryRows { columns, rows })
    }

    /// Runs the query and gives its rows as Arrow batches.
    pub fn query_arrow(&self, spec: &QuerySpec) -> Result<QueryBatches> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        let columns = self.run(spec, |batch, _| {
            bytes += batch.get_array_memory_size() as u64;
            if bytes > spec.bytes_max {
                return Err(too_many_bytes(spec));
            }
            batches.push(batch.clone());
            Ok(())
        })?;
        Ok(QueryBatches { columns, batches })
    }

    fn run(
        &self,
        spec: &QuerySpec,
        mut take: impl FnMut(&RecordBatch, &[Option<ColumnType>]) -> Result<()>,
    ) -> Result<Vec<ResultColumn>> {
        let session = self.instance.session()?;
        let watchdog = Watchdog::start(&session, spec.timeout_ms, Stop::default())?;
        let outcome = run_in(&session, spec, &mut take);
        if watchdog.stop() {
            // The interrupt may reach the connection late and must not hit its next user.
            session.discard();
            return match outcome {
                Err(Error::ResultTooLarge { limit }) => Err(Error::ResultTooLarge { limit }),
                _ => Err(Error::QueryTimeout { limit_ms: spec.timeout_ms }),
            };
        }
        outcome
    }
}

/// A row as a JSON array; `kinds` are the engine's types, where they are known.
pub fn row_json(batch: &RecordBatch, row: usize, kinds: &[Option<ColumnType>]) -> Box<RawValue> {
    let mut out = String::from("[");
    for (index, kind) in kinds.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_value(&mut out, batch.column(index).as_ref(), row, kind.as_ref());
    }
    out.push(']');
    raw(out)
}

fn run_in(
    session: &Session,
    spec: &QuerySpec,
    take: &mut impl FnMut(&RecordBatch, &[Option<ColumnType>]) -> Result<()>,
) -> Result<Vec<ResultColumn>> {
    // The parser's guard lets only a SELECT through; the engine holds the same line.
    session.run("BEGIN TRANSACTION READ ONLY").map_err(|error| store_error(&error))?;
    let outcome = run_statement(session, spec, take);
    let ended = session.run("ROLLBACK").map_err(|error| store_error(&error));
    let columns = outcome?;
    ended.map(|_| columns)
}

fn run_statement(
    session: &Session,
    spec: &QuerySpec,
    take: &mut impl FnMut(&RecordBatch, &[Option<ColumnType>]) -> Result<()>,
) -> Result<Vec<ResultColumn>> {
    let failed = |error: duckdb::Error| query_error(&error);
    let columns = session.noted(describe(session, &spec.sql)).map_err(failed)?;
    let kinds: Vec<Option<ColumnType>> = columns.iter().map(|column| column.column_type.parse().ok()).collect();
    let mut statement = session.noted(session.connection().prepare(&spec.sql)).map_err(failed)?;
    drop(session.noted(statement.stream_arrow([])).map_err(failed)?);
    let mut rows = 0;
    loop {
        match session.noted(statement.step()).map_err(failed)? {
            None => return Ok(columns),
            Some(array) => {
                let batch = RecordBatch::from(&array);
                rows += batch.num_rows() as u64;
                if rows > spec.rows_max {
                    return Err(Error::ResultTooLarge { limit: format!("{} rows", spec.rows_max) });
                }
                take(&batch, &kinds)?;
            }
        }
    }
}

fn describe(session: &Session, sql: &str) -> duckdb::Result<Vec<ResultColumn>> {
    let mut statement = session.connection().prepare(&format!("DESCRIBE {sql}"))?;
    let rows = statement.query_map([], |row| Ok(ResultColumn { name: row.get(0)?, column_type: row.get(1)? }))?;
    rows.collect()
}

fn query_error(error: &duckdb::Error) -> Error {
    match kind(error) {
        Kind::DiskFull | Kind::Fatal | Kind::Damaged => store_error(error),
        Kind::OutOfMemory => Error::QueryFailed("the query needs more memory than it may use".into()),
        Kind::Io => {
            tracing::warn!(error = %text(error), "a query failed on a file");
            Error::QueryFailed("a file cannot be read".into())
        }
        _ => Error::QueryFailed(plain(&text(error))),
    }
}

fn too_many_bytes(spec: &QuerySpec) -> Error {
    Error::ResultTooLarge { limit: format!("{} bytes", spec.bytes_max) }
}
