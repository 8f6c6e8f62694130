//! What became of a table's rows between two of its states: found by the engine, written as it comes to a file that nobody sees
//! but who asked. So an answer needs no memory for its rows, and no engine waits for a slow reader.

mod sink;
mod sql;

use std::fs::File;

use arrow::record_batch::RecordBatch;

use self::sink::Sink;
use crate::column::{ColumnType, TableSchema};
use crate::error::{Error, Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::meta;
use crate::watchdog::{Stop, Watchdog};

/// How changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesFormat {
    /// One JSON object a line: `kind`, and `row` with the columns.
    JsonLines,
    /// An Arrow IPC stream of the same two columns, `row` being a struct.
    Arrow,
}

/// How to look for changes.
#[derive(Debug, Clone, Copy)]
pub struct ChangesSpec {
    /// How they are written.
    pub format: ChangesFormat,
    /// How long that may take, in milliseconds.
    pub timeout_ms: u64,
    /// How much they may take, in bytes.
    pub bytes_max: u64,
}

/// The changes that were found.
#[derive(Debug)]
pub struct Changes {
    /// What was written; it has no name, and is gone when this is dropped.
    pub file: File,
    /// Its size.
    pub bytes: u64,
    /// Inserted, deleted and updated rows; an update counts twice, as it is written twice.
    pub rows: u64,
}

impl Hub {
    /// What became of the rows of `earlier` in `later`, in the columns of `later`.
    ///
    /// Where both have the same primary key, rows are matched by it and come in its order; an update is the row before and the row
    /// after. Otherwise rows have no identity: each comes as often as there are more, or less, of it, in no order.
    pub fn changes(&self, earlier: &TableFile, later: &TableFile, spec: ChangesSpec, stop: &Stop) -> Result<Changes> {
        let (before, session) = self.open_file(earlier)?;
        let after = self.attach(later)?;
        let watchdog = Watchdog::start(&session, spec.timeout_ms, stop.clone())?;
        let outcome = self.compare(&session, (earlier, &before), (later, &after), spec);
        if watchdog.stop() {
            // The interrupt may reach the connection late and must not hit its next user.
            session.discard();
            return Err(match outcome {
                Err(error @ Error::ResultTooLarge { .. }) => error,
                _ if stop.is_given_up() => Error::Unavailable("nobody waits for the changes any more".into()),
                _ => Error::QueryTimeout { limit_ms: spec.timeout_ms },
            });
        }
        outcome
    }

    fn compare(
        &self,
        session: &Session,
        (earlier, before): (&TableFile, &Attached),
        (later, after): (&TableFile, &Attached),
        spec: ChangesSpec,
    ) -> Result<Changes> {
        let directory = &self.config().export_dir;
        let file = tempfile::tempfile_in(directory).map_err(|source| Error::io(directory, source))?;
        let transaction = session.begin()?;
        // The first look at a file decides of which moment the rest is.
        let old = meta::read(session, before)?.schema;
        let new = meta::read(session, after)?.schema;
        let mut sql = sql::changes(&old, &before.relation("data"), &new, &after.relation("data"));
        if earlier == later {
            sql.push_str(" LIMIT 0");
        }
        let sink = write(session, &sql, &new, file, spec)?;
        drop(transaction);
        sink.finish()
    }
}

fn write(session: &Session, sql: &str, new: &TableSchema, file: File, spec: ChangesSpec) -> Result<Sink> {
    let failed = |error: duckdb::Error| store_error(&error);
    let fields = new.columns.iter().map(|column| (column.name.clone(), column.column_type.clone()));
    let row = ColumnType::Struct(fields.collect());
    let mut statement = session.noted(session.connection().prepare(sql)).map_err(failed)?;
    // The iterator this returns panics on an error; stepping by hand gives the error.
    drop(session.noted(statement.stream_arrow([])).map_err(failed)?);
    let mut sink = Sink::new(file, spec, &statement.schema())?;
    while let Some(array) = session.noted(statement.step()).map_err(failed)? {
        sink.take(&RecordBatch::from(&array), &row)?;
    }
    Ok(sink)
}
