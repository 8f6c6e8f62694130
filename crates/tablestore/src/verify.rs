//! Comparing tables: is a rebuilt file the same as the live one?

use crate::error::{Result, store_error};
use crate::file::TableFile;
use crate::hub::{Hub, Pinned};
use crate::instance::Session;
use crate::json::write_value;
use crate::read::each_batch;

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
        let same_schema = self.schema(left)? == self.schema(right)?;
        let pinned = self.pin(&[left.clone(), right.clone()])?;
        let session = pinned.instance.session()?;
        let pair = TablePair { session, pinned, same_schema };
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
}

impl TablePair {
    pub(crate) fn relations(&self) -> [Option<String>; 2] {
        [self.pinned.relation(0), self.pinned.relation(1)]
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
        for (this, other, place) in [(&a, &b, "first"), (&b, &a, "second")] {
            let sql = format!("SELECT x FROM (SELECT * FROM {this} EXCEPT ALL SELECT * FROM {other}) AS x LIMIT 1");
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
}

impl Drop for TablePair {
    fn drop(&mut self) {
        // A transaction that failed has rolled back already, and saying so again is an error that says nothing.
        let _ = self.session.run("ROLLBACK");
    }
}

/// The checksum of a relation, as its session sees it.
pub(crate) fn checksum_of(session: &Session, relation: &str) -> Result<Checksum, duckdb::Error> {
    let sql = format!("SELECT count(*), CAST(coalesce(sum(hash(d)), 0) AS VARCHAR) FROM {relation} AS d");
    session.row(&sql, |row| Ok(Checksum { rows: row.get::<_, i64>(0)? as u64, hash: row.get(1)? }))
}
