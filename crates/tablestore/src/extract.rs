//! A part of a table as a file of its own, for an engine in another process: the live file is nobody else's to open.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::Session;
use crate::lens::{Lens, through};
use crate::meta;
use crate::quote::ident;
use crate::read::{chosen, read_error};
use crate::stamp::{self, Changed};
use crate::wal;

/// What is taken out of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtractSpec {
    /// Only these columns, in this order; all when `None`.
    pub columns: Option<Vec<String>>,
    /// Only rows that meet this, a rendered [`crate::sql::Predicate`].
    pub predicate_sql: Option<String>,
    /// Only rows that last changed then.
    pub changed: Changed,
    /// What of the table is there at all; everything when `None`.
    pub lens: Option<Lens>,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// How many rows.
    pub rows: u64,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// How far the table had been folded.
    pub mark: Mark,
}

impl Hub {
    /// Writes rows of a table, as of one moment, to a DuckDB file inside the hub's export directory: they are its `main.data`. It is
    /// closed and whole afterwards; nothing is left there after a failure. Readers and writers of the table go on.
    pub fn extract(&self, file: &TableFile, spec: &ExtractSpec, destination: &Path) -> Result<Extracted> {
        let written = self.write_extract(file, spec, destination);
        let closed = self.instance()?.detach(destination);
        let outcome = written.and_then(|(rows, mark)| {
            closed?;
            let bytes = std::fs::metadata(destination).map_err(|source| Error::io(destination, source))?.len();
            Ok(Extracted { rows, bytes, mark })
        });
        if outcome.is_err() {
            for path in wal::beside(destination).iter().map(PathBuf::as_path).chain([destination]) {
                // Half a file may or may not be there.
                let _ = std::fs::remove_file(path);
            }
        }
        outcome
    }

    fn write_extract(&self, file: &TableFile, spec: &ExtractSpec, destination: &Path) -> Result<(u64, Mark)> {
        let source = self.attach(file)?;
        let target = source.instance.attach(destination, &file.to_string())?;
        let session = source.instance.session()?;
        let transaction = session.begin()?;
        // The first look at the table decides of which moment the rest is.
        let held = meta::read(&session, &source)?;
        let (from, held) = through(spec.lens.as_ref(), &source, held)?;
        let columns = chosen(&held.schema, spec.columns.as_deref())?;
        let names: Vec<String> = columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect();
        let condition = stamp::condition(spec.predicate_sql.as_ref(), spec.changed, held.is_stamped);
        let to = target.relation("data");
        let sql = format!("CREATE TABLE {to} AS SELECT {} FROM {from} AS d {condition}", names.join(", "));
        session.run(&sql).map_err(|error| read_error(&error))?;
        let rows = count(&session, &to)?;
        transaction.commit().map_err(|error| store_error(&error))?;
        session.run(&format!("CHECKPOINT {}", target.alias)).map_err(|error| store_error(&error))?;
        Ok((rows, held.mark))
    }
}

fn count(session: &Session, relation: &str) -> Result<u64> {
    session.count(&format!("SELECT count(*) FROM {relation}")).map_err(|error| store_error(&error))
}
