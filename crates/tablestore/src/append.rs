//! Rows by the columnar road: whole record batches through the engine's appender, inside the transaction of the fold.

use arrow::record_batch::RecordBatch;

use crate::apply::{ChangeReport, Moment, Work, refuse};
use crate::column::{Column, TableSchema};
use crate::error::{ApplyError, code, store_error};
use crate::load::default_of;
use crate::quote::ident;
use crate::{repeat, stamp};

/// Where rows wait that cannot go straight into the table.
pub(crate) const STAGE: &str = "temp.main.alv_stage";
const STAGE_NAME: &str = "alv_stage";

pub(crate) fn append(work: &mut Work<'_>, batch: &RecordBatch, moment: &Moment) -> Result<ChangeReport, ApplyError> {
    if batch.num_rows() == 0 {
        return Ok(ChangeReport::default());
    }
    let given = given_columns(&work.schema, batch)?;
    let batch = &stamp::stamped(batch, |_| moment.event_time_micros);
    let missing_default = missing_columns(&work.schema, &given).any(|column| column.default.is_some());
    if work.schema.primary_key.is_empty() && !missing_default {
        append_to(work, &work.file.alias, "data", &names(batch), batch)?;
        return Ok(ChangeReport { inserted: batch.num_rows() as u64, ..ChangeReport::default() });
    }
    stage(work, &given, batch)?;
    let report = merge(work, &given, moment, batch.num_rows())?;
    drop_stage(work)?;
    Ok(report)
}

/// The table's columns that the batch brings, in the batch's order.
fn given_columns(schema: &TableSchema, batch: &RecordBatch) -> Result<Vec<Column>, ApplyError> {
    let mut given = Vec::with_capacity(batch.num_columns());
    for field in batch.schema_ref().fields().iter().filter(|field| field.name() != stamp::COLUMN) {
        let column = schema.columns.iter().find(|column| column.name == *field.name()).ok_or_else(|| {
            ApplyError::refused(code::ROWS_SCHEMA_MISMATCH, format!("the table has no column {:?}", field.name()))
        })?;
        given.push(column.clone());
    }
    Ok(given)
}

pub(crate) fn missing_columns<'a>(schema: &'a TableSchema, given: &'a [Column]) -> impl Iterator<Item = &'a Column> {
    schema.columns.iter().filter(|column| !given.iter().any(|other| other.name == column.name))
}

/// Appends the batch; the appender works in the open transaction of the connection.
pub(crate) fn append_to(
    work: &Work<'_>,
    catalog: &str,
    table: &str,
    names: &[&str],
    batch: &RecordBatch,
) -> Result<(), ApplyError> {
    let connection = work.session.connection();
    let run = || -> duckdb::Result<()> {
        // The stage was made for this batch.
        let mut appender = if table == STAGE_NAME {
            connection.appender_to_catalog_and_db(table, catalog, "main")?
        } else {
            connection.appender_with_columns_to_catalog_and_db(table, catalog, "main", names)?
        };
        appender.append_record_batch(batch.clone())?;
        appender.flush()
    };
    work.session.noted(run()).map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH))
}

fn stage(work: &Work<'_>, given: &[Column], batch: &RecordBatch) -> Result<(), ApplyError> {
    let columns = given.iter().map(|column| format!("{} {}", ident(&column.name), column.column_type.to_sql()));
    // Batches have their stamps behind all else.
    let columns: Vec<String> = columns.chain([stamp::definition()]).collect();
    work.session
        .run(&format!("CREATE OR REPLACE TEMP TABLE {STAGE_NAME} ({})", columns.join(", ")))
        .map_err(|error| store_error(&error))?;
    append_to(work, "temp", STAGE_NAME, &names(batch), batch)
}

/// Appends to the stage, which has just the columns of the batch.
pub(crate) fn append_to_stage(work: &Work<'_>, batch: &RecordBatch) -> Result<(), ApplyError> {
    append_to(work, "temp", STAGE_NAME, &[], batch)
}

fn names(batch: &RecordBatch) -> Vec<&str> {
    batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
}

pub(crate) fn drop_stage(work: &Work<'_>) -> Result<(), ApplyError> {
    work.session.run(&format!("DROP TABLE IF EXISTS {STAGE}")).map(|_| ()).map_err(|error| store_error(&error).into())
}

/// `a.k IS NOT DISTINCT FROM b.k` would be wrong here: key columns are never NULL, and `=` lets the engine hash-join.
pub(crate) fn keys_equal(keys: &[String], left: &str, right: &str) -> String {
    let parts: Vec<String> = keys.iter().map(|key| format!("{left}.{0} = {right}.{0}", ident(key))).collect();
    parts.join(" AND ")
}

pub(crate) fn ident_list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ")
}

/// Moves the stage into the table: the last row of a key wins and replaces the stored one. Each row counts by itself, whichever rows
/// come along with it, so that stamps do not tell how messages were put together.
fn merge(work: &Work<'_>, given: &[Column], moment: &Moment, rows: usize) -> Result<ChangeReport, ApplyError> {
    let keys = &work.schema.primary_key;
    let mut deleted = 0;
    let mut winners = String::new();
    if !keys.is_empty() {
        check_keys_given(keys, given)?;
        let repeats = rows > 1 && repeat::is_there(work)?;
        if repeats {
            repeat::leave_out(work, given)?;
            winners = format!("WHERE s.rowid IN (SELECT max(rowid) FROM {STAGE} GROUP BY {})", ident_list(keys));
        }
        deleted = replaced(work, given, moment, repeats)?;
    }
    let sql = insert_from_stage(&work.schema, &work.data(), given, moment, &stamp::of("s", true), &winners);
    let inserted = work.session.run(&sql).map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH))? as u64;
    Ok(ChangeReport { inserted: inserted - deleted.min(inserted), updated: deleted, ..ChangeReport::default() })
}

/// Takes away the rows whose key the stage has; one that comes again as it is hands its stamp on.
fn replaced(work: &Work<'_>, given: &[Column], moment: &Moment, repeats: bool) -> Result<u64, ApplyError> {
    if work.rows == 0 {
        return Ok(0);
    }
    let keys = &work.schema.primary_key;
    let (data, same_key) = (work.data(), keys_equal(keys, "d", "s"));
    let run = |sql: &str| work.session.run(sql).map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH));
    let stored = format!("{data} AS d WHERE EXISTS (SELECT 1 FROM {STAGE} AS s WHERE {same_key})");
    // Most rows are new. To look for their keys first is what it costs to delete none, and spares reading any other column.
    let found = work.session.count(&format!("SELECT count(*) FROM {stored}")).map_err(|error| store_error(&error))?;
    if found == 0 {
        return Ok(0);
    }
    let same = work.schema.columns.iter().filter(|column| !keys.contains(&column.name)).map(|column| {
        let is_given = given.iter().any(|other| other.name == column.name);
        let name = ident(&column.name);
        let value = if is_given { format!("s.{name}") } else { default_of(column, moment, "s.rowid") };
        format!("d.{name} IS NOT DISTINCT FROM {value}")
    });
    // A key that comes more than once has been something else in between.
    let once = format!("s.rowid IN (SELECT min(rowid) FROM {STAGE} GROUP BY {} HAVING count(*) = 1)", ident_list(keys));
    let conditions: Vec<String> = [same_key].into_iter().chain(same).chain(repeats.then_some(once)).collect();
    let (stamp, conditions) = (stamp::name(), conditions.join(" AND "));
    run(&format!("UPDATE {STAGE} AS s SET {stamp} = d.{stamp} FROM {data} AS d WHERE {conditions}"))?;
    run(&format!("DELETE FROM {stored}")).map(|deleted| deleted as u64)
}

/// The columns of the table as an `INSERT` names them, the stamp last: it need not be the last one in the file.
pub(crate) fn columns_of(schema: &TableSchema) -> String {
    let names = schema.columns.iter().map(|column| ident(&column.name)).chain([stamp::name()]);
    names.collect::<Vec<_>>().join(", ")
}

/// Fills the table from the stage in its order, from all of it or from the rows that `condition` picks; columns the stage lacks
/// take their default. `stamp` says when they changed.
pub(crate) fn insert_from_stage(
    schema: &TableSchema,
    data: &str,
    given: &[Column],
    moment: &Moment,
    stamp: &str,
    condition: &str,
) -> String {
    let values: Vec<String> = schema
        .columns
        .iter()
        .map(|column| {
            if given.iter().any(|other| other.name == column.name) {
                format!("s.{}", ident(&column.name))
            } else {
                default_of(column, moment, "s.rowid")
            }
        })
        .collect();
    // A plain scan keeps the order by itself, a join does not; sorting whole rows takes longer than all the rest.
    let order = if condition.is_empty() { "" } else { "ORDER BY s.rowid" };
    let (columns, values) = (columns_of(schema), values.join(", "));
    format!("INSERT INTO {data} ({columns}) SELECT {values}, {stamp} FROM {STAGE} AS s {condition} {order}")
}

fn check_keys_given(keys: &[String], given: &[Column]) -> Result<(), ApplyError> {
    match keys.iter().find(|key| !given.iter().any(|column| column.name == **key)) {
        None => Ok(()),
        Some(key) => Err(ApplyError::refused(
            code::ROWS_SCHEMA_MISMATCH,
            format!("the rows lack column {key:?} of the primary key"),
        )),
    }
}
