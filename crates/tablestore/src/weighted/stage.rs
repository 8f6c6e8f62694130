//! Where rows of a step wait to be compared with those of the table, and lists of numbers in SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Rows, beside, broken, digest};
use crate::append::{STAGE, append_to_stage};
use crate::apply::Work;
use crate::column::Column;
use crate::error::{ApplyError, store_error};
use crate::quote::ident;

/// The place of a staged row.
pub(super) const PLACE: &str = "\"\u{1}place\"";
/// How many copies of it go.
pub(super) const COPIES: &str = "\"\u{1}copies\"";
const COPIES_NAME: &str = "\u{1}copies";
const PLACE_NAME: &str = "\u{1}place";
/// How many numbers are written into a statement; more go by a table.
pub(super) const LITERALS_MAX: usize = 1_000;
const NUMBERS: &str = "temp.main.alv_numbers";

/// Stages the rows at these places with the columns of the table, how often each is meant, and its number.
pub(super) fn whole(work: &Work<'_>, rows: &Rows, places: Vec<u32>) -> Result<(), ApplyError> {
    let copies: Vec<i64> = places.iter().map(|place| rows.weights[*place as usize].abs()).collect();
    let digests: Vec<u64> = places.iter().map(|place| digest::kept(rows.digests[*place as usize])).collect();
    let numbers: Vec<i64> = (0..places.len() as i64).collect();
    let batch = rows.picked(places)?;
    let batch = beside(&batch, PLACE_NAME, Arc::new(Int64Array::from(numbers)))?;
    let batch = beside(&batch, COPIES_NAME, Arc::new(Int64Array::from(copies)))?;
    let batch = beside(&batch, super::COLUMN, Arc::new(UInt64Array::from(digests)))?;
    let more = [format!("{PLACE} BIGINT"), format!("{COPIES} BIGINT"), super::DEFINITION.to_owned()];
    fill(work, work.schema.columns.iter(), &more, &batch)
}

/// Stages the keys of the rows at these places.
pub(super) fn keys(work: &Work<'_>, rows: &Rows, places: Vec<u32>) -> Result<(), ApplyError> {
    let keys = work.schema.primary_key.iter();
    let columns: Vec<&Column> = keys.filter_map(|key| work.schema.column(key)).collect();
    let indices: Vec<usize> = columns.iter().filter_map(|column| work.schema.position(&column.name)).collect();
    let all = places.len() == rows.weights.len();
    let batch = rows.batch.project(&indices).map_err(|error| broken(&error.to_string()))?;
    let batch = if all {
        batch
    } else {
        arrow::compute::take_record_batch(&batch, &UInt32Array::from(places))
            .map_err(|error| broken(&error.to_string()))?
    };
    fill(work, columns.into_iter(), &[], &batch)
}

fn fill<'a>(
    work: &Work<'_>,
    columns: impl Iterator<Item = &'a Column>,
    more: &[String],
    batch: &RecordBatch,
) -> Result<(), ApplyError> {
    work.search.is_staged.set(true);
    let columns = columns.map(|column| format!("{} {}", ident(&column.name), column.column_type.to_sql()));
    let columns: Vec<String> = columns.chain(more.iter().cloned()).collect();
    run(work, &format!("CREATE OR REPLACE TEMP TABLE {STAGE} ({})", columns.join(", ")))?;
    append_to_stage(work, batch)
}

/// What stands behind `IN` for these numbers.
pub(super) fn among(work: &Work<'_>, numbers: &[u64]) -> Result<String, ApplyError> {
    if numbers.len() <= LITERALS_MAX {
        let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
        return Ok(format!("({})", list.join(", ")));
    }
    work.search.is_staged.set(true);
    run(work, &format!("CREATE OR REPLACE TEMP TABLE {NUMBERS} (n UBIGINT)"))?;
    let array: ArrayRef = Arc::new(UInt64Array::from(numbers.to_vec()));
    let schema = Schema::new(vec![Field::new("n", DataType::UInt64, false)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array]).map_err(|error| broken(&error.to_string()))?;
    let append = || {
        let mut appender = work.session.connection().appender_to_catalog_and_db("alv_numbers", "temp", "main")?;
        appender.append_record_batch(batch)?;
        appender.flush()
    };
    work.session.noted(append()).map_err(|error| store_error(&error))?;
    Ok(format!("(SELECT n FROM {NUMBERS})"))
}

/// Forgets what was staged.
pub(super) fn clear(work: &Work<'_>) -> Result<(), ApplyError> {
    if !work.search.is_staged.replace(false) {
        return Ok(());
    }
    for table in [STAGE, NUMBERS] {
        run(work, &format!("DROP TABLE IF EXISTS {table}"))?;
    }
    Ok(())
}

pub(super) fn run(work: &Work<'_>, sql: &str) -> Result<u64, ApplyError> {
    work.session.run(sql).map(|rows| rows as u64).map_err(|error| store_error(&error).into())
}
