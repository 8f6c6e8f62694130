//! Comparing tables: is a rebuilt file the same as the live one?

use crate::error::{Result, store_error};
use crate::file::TableFile;
use crate::hub::{Hub, Pinned};
use crate::instance::Session;
use crate::json::write_value;
use crate::read::each_batch;
use crate::stamp;

/// What a table holds, whatever the order of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Rows.
    pub rows: u64,
    /// Sum of the hashes of all rows; comparable between files of one engine version.
    pub hash: String,
}

impl Hub {
    /// Reads the whole table, as a reader would who wants everything; [`crate::Error::Corrupt`] when that cannot be done.
    pub fn check(&self, file: &TableFile) -> Result<()> {
        let (attached, session) = self.open_file(file)?;
        let sql = format!("SELECT count(d) FROM {} AS d", attached.relation("data"));
        session.count(&sql).map(drop).map_err(|error| store_error(&error))
    }

    /// The logical checksum of a table.
    pub fn checksum(&self, file: &TableFile) -> Result<Checksum> {
        let (attached, session) = self.open_file(file)?;
        checksum_of(&session, &attached.relation("data")).map_err(|error| store_error(&error))
    }

    /// The first thing in which two tables differ, in words; `None` when they hold the same.
    pub fn first_difference(&self, left: &TableFile, right: &TableFile) -> Result<Option<String>> {
        self.pair(left, right)?.first_difference()
    }

    /// Two tables as they are now, to be compared while both go on.
    pub fn pair(&self, left: &TableFile, right: &TableFile) -> Result<TablePair> {
        let (this, other) = (self.meta(left)?, self.meta(right)?);
        let same_schema = this.as_ref().map(|meta| &meta.schema) == other.as_ref().map(|meta| &meta.schema);
        let is_stamped = [this, other].iter().flatten().all(|meta| meta.is_stamped);
        let pinned = self.pin(&[left.clone(), right.clone()])?;
        let session = pinned.instance.session()?;
        let pair = TablePair { session, pinned, same_schema, is_stamped };
        pair.session.run("BEGIN TRANSACTION").map_err(|error| store_error(&error))?;
        // The first look at a file is what fixes the moment that the transaction sees of it.
        for relation in pair.relations().into_iter().flatten() {
            let look = format!("SELECT count(*) FROM (SELECT 1 FROM {relation} LIMIT 1)");
            pair.session.count(&look).map_err(|error| store_error(&error))?;
        }
        Ok(pair)
    }
}

/// Two tables as they were at one moment.
pub struct TablePair {
    session: Session,
    pinned: Pinned,
    same_schema: bool,
    is_stamped: bool,
}

impl TablePair {
    pub(crate) fn relations(&self) -> [Option<String>; 2] {
        [self.pinned.physical(0), self.pinned.physical(1)]
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The first thing in which they differ, in words; `None` when they hold the same.
    pub fn first_difference(&self) -> Result<Option<String>> {
        if !self.same_schema {
            return Ok(Some("the schemas differ".into()));
        }
        let [Some(a), Some(b)] = self.relations() else { return Ok(None) };
        let stamps = if self.knows_stamps()? { format!(", {} AS \"(changed)\"", stamp::name()) } else { String::new() };
        let rows = |relation: &str| format!("SELECT {}{stamps} FROM {relation}", stamp::VISIBLE);
        for (this, other, place) in [(&a, &b, "first"), (&b, &a, "second")] {
            let sql = format!("SELECT x FROM ({} EXCEPT ALL {}) AS x LIMIT 1", rows(this), rows(other));
            let mut found = None;
            each_batch(&self.session, &sql, &[], |batch| {
                if found.is_none() && batch.num_rows() > 0 {
                    let mut row = String::new();
                    write_value(&mut row, batch.column(0).as_ref(), 0, None);
                    found = Some(format!("only the {place} table has the row {row}"));
                }
            })
            .map_err(|error| store_error(&error))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether the time of change of every row is known in both. What an earlier release wrote has none, until it is folded again.
    fn knows_stamps(&self) -> Result<bool> {
        if !self.is_stamped {
            return Ok(false);
        }
        for relation in self.relations().into_iter().flatten() {
            let sql = format!("SELECT count(*) FROM {relation} WHERE {} IS NULL", stamp::name());
            if self.session.count(&sql).map_err(|error| store_error(&error))? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for TablePair {
    fn drop(&mut self) {
        // A transaction that failed has rolled back already, and saying so again is an error that says nothing.
        let _ = self.session.run("ROLLBACK");
    }
}

/// The checksum of a relation, as its session sees it: of what people wrote, as in releases that kept no times of change.
pub(crate) fn checksum_of(session: &Session, relation: &str) -> Result<Checksum, duckdb::Error> {
    let rows = format!("(SELECT {} FROM {relation})", stamp::VISIBLE);
    let sql = format!("SELECT count(*), CAST(coalesce(sum(hash(d)), 0) AS VARCHAR) FROM {rows} AS d");
    session.row(&sql, |row| Ok(Checksum { rows: row.get::<_, i64>(0)? as u64, hash: row.get(1)? }))
}
