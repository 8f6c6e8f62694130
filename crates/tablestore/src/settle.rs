//! Verdicts on requests, kept in the file that they are about.

use duckdb::params;

use crate::apply::{ChangeReport, Work};
use crate::error::{ApplyError, Error, store_error};
use crate::file::TableFile;
use crate::hub::Hub;

pub(crate) fn settle(
    work: &Work<'_>,
    request_seq: u64,
    verdict_json: &str,
    reports: &[ChangeReport],
) -> Result<ChangeReport, ApplyError> {
    let settlements = work.file.relation("_settlements");
    let store = |error: duckdb::Error| ApplyError::Store(store_error(&error));
    let changes = serde_json::to_string(reports).map_err(|error| Error::Unavailable(error.to_string()))?;
    // Requests are settled one after the other, so the verdicts on earlier messages are on the log by now.
    work.session
        .run_with(&format!("DELETE FROM {settlements} WHERE request_seq < ?"), params![request_seq as i64])
        .map_err(store)?;
    work.session
        .run_with(
            &format!("INSERT INTO {settlements} VALUES (?, ?, ?, ?)"),
            params![request_seq as i64, verdict_json, changes, work.rows],
        )
        .map_err(store)?;
    Ok(ChangeReport::default())
}

/// A verdict kept in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Sequence of the request.
    pub request_seq: u64,
    /// The verdict, JSON.
    pub verdict_json: String,
    /// What the changes before it in the same transaction did.
    pub changes: Vec<ChangeReport>,
    /// Rows in the table then.
    pub rows: u64,
}

impl Hub {
    /// The verdicts that were given on the last settled message.
    pub fn settlements(&self, file: &TableFile) -> Result<Vec<Settlement>, Error> {
        let (attached, session) = self.open_file(file)?;
        let sql = format!("SELECT request_seq, verdict, changes, row_count FROM {}", attached.relation("_settlements"));
        let read = || -> duckdb::Result<Vec<Settlement>> {
            let mut statement = session.connection().prepare(&sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Settlement {
                    request_seq: row.get::<_, i64>(0)? as u64,
                    verdict_json: row.get(1)?,
                    changes: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
                    rows: row.get::<_, i64>(3)? as u64,
                })
            })?;
            rows.collect()
        };
        session.noted(read()).map_err(|error| store_error(&error))
    }
}
