//! Comparing tables: is a rebuilt file the same as the live one?

use crate::error::{Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
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
        let (left_meta, right_meta) = (self.schema(left)?, self.schema(right)?);
        if left_meta != right_meta {
            return Ok(Some("the schemas differ".into()));
        }
        let pinned = self.pin(&[left.clone(), right.clone()])?;
        let session = pinned.instance.session()?;
        let (Some(a), Some(b)) = (pinned.relation(0), pinned.relation(1)) else { return Ok(None) };
        for (this, other, place) in [(&a, &b, "first"), (&b, &a, "second")] {
            let sql = format!("SELECT x FROM (SELECT * FROM {this} EXCEPT ALL SELECT * FROM {other}) AS x LIMIT 1");
            let mut found = None;
            each_batch(&session, &sql, &[], |batch| {
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

/// The checksum of a relation, as its session sees it.
pub(crate) fn checksum_of(session: &Session, relation: &str) -> Result<Checksum, duckdb::Error> {
    let sql = format!("SELECT count(*), CAST(coalesce(sum(hash(d)), 0) AS VARCHAR) FROM {relation} AS d");
    session.row(&sql, |row| Ok(Checksum { rows: row.get::<_, i64>(0)? as u64, hash: row.get(1)? }))
}
