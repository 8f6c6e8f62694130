//! When each row last changed: a column that no user can name, kept by the fold and shown only to who asks for it.
//!
//! A stamp is the time of the event that made the row what it is, never that of a clock, so that a replay gives every row the same
//! again. Rows that a release before wrote have none: NULL, which counts as longer ago than any moment.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use serde_json::json;

use crate::apply::Work;
use crate::column::{Column, ColumnType, TableSchema, timestamptz_sql};
use crate::error::{ApplyError, Error, Result, code, store_error};
use crate::instance::{Attached, Session};
use crate::meta;
use crate::quote::ident;

/// Its name in the files. Names of columns hold no control character, so no column of a user has it.
pub(crate) const COLUMN: &str = "\u{1}changed";
/// What people see it as, who ask for it.
pub const SHOWN_AS: &str = "_timestamp";
/// All columns but it, also where a file does not have it yet.
pub(crate) const VISIBLE: &str = r"COLUMNS('^[^\x01]')";

/// The column for SQL, in double quotes.
pub(crate) fn name() -> String {
    ident(COLUMN)
}

/// Its line in a `CREATE TABLE`.
pub(crate) fn definition() -> String {
    format!("{} TIMESTAMP WITH TIME ZONE", name())
}

/// The stamp of a change at this moment, for SQL.
pub(crate) fn at(event_time_micros: i64) -> String {
    timestamptz_sql(event_time_micros)
}

/// The stamps of a relation under `alias`, also where its file has none yet.
pub(crate) fn of(alias: &str, is_stamped: bool) -> String {
    if is_stamped { format!("{alias}.{}", name()) } else { "CAST(NULL AS TIMESTAMP WITH TIME ZONE)".to_owned() }
}

/// How it is shown; refused for a table that has a column of that name.
pub(crate) fn shown(schema: &TableSchema) -> Result<Column> {
    if schema.column(SHOWN_AS).is_some() {
        let message =
            format!("the table has a column {SHOWN_AS} of its own; leave out the time of changes or rename it");
        return Err(Error::invalid("timestamp_column_taken", message));
    }
    Ok(Column { name: SHOWN_AS.to_owned(), column_type: ColumnType::TimestampTz, nullable: true, default: None })
}

/// When rows last changed: from one moment on, before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Not before this, microseconds since 1970.
    pub since_micros: Option<i64>,
    /// Before this.
    pub until_micros: Option<i64>,
}

impl Changed {
    /// Whether it picks every row.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// The condition on rows under `alias`; `None` when every row meets it.
    pub(crate) fn to_sql(self, alias: &str, is_stamped: bool) -> Option<String> {
        let stamp = of(alias, is_stamped);
        let since = self.since_micros.map(|since| format!("{stamp} >= {}", at(since)));
        let until = self.until_micros.map(|until| format!("({stamp} < {} OR {stamp} IS NULL)", at(until)));
        match (since, until) {
            (Some(since), Some(until)) => Some(format!("({since} AND {until})")),
            (one, other) => one.or(other),
        }
    }
}

/// `WHERE` for a predicate, if any, and a time of change, if any.
pub(crate) fn condition(predicate_sql: Option<&String>, changed: Changed, is_stamped: bool) -> String {
    let predicate = predicate_sql.map(|sql| format!("({sql})"));
    let parts: Vec<String> = predicate.into_iter().chain(changed.to_sql("d", is_stamped)).collect();
    if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) }
}

/// Gives a file of an earlier release the column, before it is changed for the first time. Only who may write it calls this.
pub(crate) fn ensure(session: &Session, file: &Attached) -> Result<()> {
    if file.known().is_some() {
        // Every change since it was attached has come by here.
        return Ok(());
    }
    let mut found = meta::read(session, file)?;
    if !found.is_stamped {
        add_to(session, file)?;
        found.is_stamped = true;
    }
    file.remember(Some(found));
    Ok(())
}

/// `Ok` when every row of the table has its stamp.
pub(crate) fn check_known(work: &Work<'_>) -> Result<(), ApplyError> {
    let sql = format!("SELECT count(*) FROM {} WHERE {} IS NULL", work.data(), name());
    match work.session.count(&sql).map_err(|error| store_error(&error))? {
        0 => Ok(()),
        rows => Err(ApplyError::refused_with(
            code::CHANGE_TIMES_UNKNOWN,
            format!("{rows} rows were written by an earlier release, and when they changed is not known"),
            json!({ "rows": rows }),
        )),
    }
}

/// In a transaction of its own: the engine alters no table that the same transaction has emptied.
fn add_to(session: &Session, file: &Attached) -> Result<()> {
    let run = |sql: &str| session.run(sql).map_err(|error| store_error(&error));
    let transaction = session.begin()?;
    run(&format!("ALTER TABLE {} ADD COLUMN {}", file.relation("data"), definition()))?;
    run(&format!("UPDATE {} SET schema_version = {}", file.relation("_meta"), meta::STAMPED_VERSION))?;
    transaction.commit().map_err(|error| store_error(&error))
}

/// The batch with a stamp for each of its rows, behind all else; as it is when it has them already.
#[expect(clippy::expect_used, reason = "the stamps are as many as the rows")]
pub(crate) fn stamped(batch: &RecordBatch, micros: impl Fn(usize) -> i64) -> RecordBatch {
    if batch.schema_ref().column_with_name(COLUMN).is_some() {
        return batch.clone();
    }
    let stamps = (0..batch.num_rows()).map(|row| micros(row).max(0));
    let stamps = TimestampMicrosecondArray::from_iter_values(stamps).with_timezone("+00:00");
    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let mut fields: Vec<Arc<Field>> = batch.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(COLUMN, kind, true)));
    let mut arrays = batch.columns().to_vec();
    arrays.push(Arc::new(stamps) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("every row has its stamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_columns_take_no_part_in_the_hash_of_a_row() {
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        connection
            .execute_batch("CREATE TABLE t AS SELECT range AS id, 'x' || range AS \"na me\" FROM range(100)")
            .unwrap();
        let plain = one("SELECT CAST(sum(hash(d)) AS VARCHAR) FROM t AS d");
        connection
            .execute_batch(&format!(
                "ALTER TABLE t ADD COLUMN {0}; UPDATE t SET {1} = {2}",
                definition(),
                name(),
                at(7)
            ))
            .unwrap();
        let visible = one(&format!("SELECT CAST(sum(hash(d)) AS VARCHAR) FROM (SELECT {VISIBLE} FROM t) AS d"));
        assert_eq!(plain, visible, "checkpoints of earlier releases are compared with this");
        assert_ne!(plain, one("SELECT CAST(sum(hash(d)) AS VARCHAR) FROM t AS d"));
    }

    #[test]
    fn what_has_no_stamp_is_longer_ago_than_any_moment() {
        let since = Changed { since_micros: Some(1_000_000), ..Changed::default() };
        let until = Changed { until_micros: Some(1_000_000), ..Changed::default() };
        let connection = duckdb::Connection::open_in_memory().unwrap();
        let meets = |changed: Changed| {
            let condition = changed.to_sql("d", false).unwrap();
            let sql = format!("SELECT count(*) FROM range(1) AS d WHERE {condition}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() == 1
        };
        assert!(!meets(since) && meets(until));
        assert_eq!(Changed::default().to_sql("d", true), None);
    }
}
