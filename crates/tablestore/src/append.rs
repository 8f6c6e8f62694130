//! Rows by the columnar road: whole record batches through the engine's appender, inside the transaction of the fold.

use arrow::record_batch::RecordBatch;

use crate::apply::{ChangeReport, Moment, Work, refuse};
use crate::column::{Column, TableSchema};
use crate::error::{ApplyError, code, store_error};
use crate::load::default_of;
use crate::quote::ident;

/// Where rows wait that cannot go straight into the table.
pub(crate) const STAGE: &str = "temp.main.alv_stage";
const STAGE_NAME: &str = "alv_stage";

pub(crate) fn append(work: &mut Work<'_>, batch: &RecordBatch, moment: &Moment) -> Result<ChangeReport, ApplyError> {
    if batch.num_rows() == 0 {
        return Ok(ChangeReport::default());
    }
    let given = given_columns(&work.schema, batch)?;
    let missing_default = missing_columns(&work.schema, &given).any(|column| column.default.is_some());
    if work.schema.primary_key.is_empty() && !missing_default {
        let names: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
        append_to(work, &work.file.alias, "data", &names, work.schema.columns.len(), batch)?;
        return Ok(ChangeReport { inserted: batch.num_rows() as u64, ..ChangeReport::default() });
    }
    stage(work, &given, batch)?;
    let report = merge(work, &given, moment)?;
    drop_stage(work)?;
    Ok(report)
}

/// The table's columns that the batch brings, in the batch's order.
fn given_columns(schema: &TableSchema, batch: &RecordBatch) -> Result<Vec<Column>, ApplyError> {
    let mut given = Vec::with_capacity(batch.num_columns());
    for field in batch.schema_ref().fields() {
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
fn append_to(
    work: &Work<'_>,
    catalog: &str,
    table: &str,
    names: &[&str],
    columns_of_table: usize,
    batch: &RecordBatch,
) -> Result<(), ApplyError> {
    let connection = work.session.connection();
    let in_order = names.len() == columns_of_table
        && (table == STAGE_NAME || work.schema.columns.iter().zip(names).all(|(column, name)| column.name == *name));
    let run = || -> duckdb::Result<()> {
        let mut appender = if in_order {
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
    let columns: Vec<String> =
        given.iter().map(|column| format!("{} {}", ident(&column.name), column.column_type.to_sql())).collect();
    work.session
        .run(&format!("CREATE OR REPLACE TEMP TABLE {STAGE_NAME} ({})", columns.join(", ")))
        .map_err(|error| store_error(&error))?;
    let names: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
    append_to(work, "temp", STAGE_NAME, &names, given.len(), batch)
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

/// Moves the stage into the table: the last row of a key wins and replaces the stored one.
fn merge(work: &Work<'_>, given: &[Column], moment: &Moment) -> Result<ChangeReport, ApplyError> {
    let keys = &work.schema.primary_key;
    let data = work.data();
    let mut deleted = 0;
    let mut winners = String::new();
    if !keys.is_empty() {
        check_keys_given(keys, given)?;
        deleted = work
            .session
            .run(&format!(
                "DELETE FROM {data} AS d WHERE EXISTS (SELECT 1 FROM {STAGE} AS s WHERE {})",
                keys_equal(keys, "d", "s")
            ))
            .map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH))?;
        winners = format!("WHERE s.rowid IN (SELECT max(rowid) FROM {STAGE} GROUP BY {})", ident_list(keys));
    }
    let inserted = work
        .session
        .run(&insert_from_stage(&work.schema, &data, given, moment, &winners))
        .map_err(|error| refuse(&error, code::ROWS_SCHEMA_MISMATCH))?;
    Ok(ChangeReport {
        inserted: (inserted - deleted.min(inserted)) as u64,
        updated: deleted as u64,
        ..ChangeReport::default()
    })
}

/// Fills the table from the stage in its order, from all of it or from the rows that `condition` picks; columns the stage lacks
/// take their default.
pub(crate) fn insert_from_stage(
    schema: &TableSchema,
    data: &str,
    given: &[Column],
    moment: &Moment,
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
    format!("INSERT INTO {data} SELECT {values} FROM {STAGE} AS s {condition} {order}", values = values.join(", "))
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
