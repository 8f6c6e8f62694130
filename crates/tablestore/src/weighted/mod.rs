//! Rows that come and go by weight: a step of a pipeline, applied to its table.
//!
//! Rows that go are found by the primary key, or else by the number that [`digest`] makes of a whole row and that such tables keep beside
//! each row. What is found is looked at before it counts: a number that is not there, or stands for another row, costs time and is never
//! taken for an answer.

mod digest;
mod exact;
mod fit;
mod gone;
mod keyed;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema};

use crate::append::append_to;
use crate::apply::{ChangeReport, Moment, Work};
use crate::column::Column;
use crate::error::{ApplyError, Error};
use crate::{stamp, steps};

pub(crate) use exact::rows_equal;
pub(crate) use gone::Search;

/// Half of a row's number; NULL in tables with a key, and for rows that came otherwise than by weight.
pub(crate) const COLUMN: &str = "\u{1}digest";
/// Its line in a `CREATE TABLE`.
pub(crate) const DEFINITION: &str = "\"\u{1}digest\" UBIGINT";
/// How many rows one change may make of the rows it brings.
pub const COPIES_MAX: u64 = 1 << 32;
/// How many of them are made at once.
const CHUNK_ROWS: usize = 1 << 16;

/// The rows of a step.
pub(crate) struct Rows {
    /// All columns of the table in their order.
    pub batch: RecordBatch,
    pub weights: Vec<i64>,
    /// A number for each row: of the key in a table that has one, else of the whole row.
    pub digests: Vec<u128>,
    /// How many rows come.
    pub come: u64,
    /// How many rows go.
    pub gone: u64,
}

impl Rows {
    fn of(work: &Work<'_>, batch: &RecordBatch, weights: Vec<i64>) -> Result<Self, ApplyError> {
        if weights.len() != batch.num_rows() {
            let message = format!("{} weights for {} rows", weights.len(), batch.num_rows());
            return Err(Error::invalid("invalid_weights", message).into());
        }
        if u32::try_from(weights.len()).is_err() {
            return Err(Error::invalid("invalid_weights", "a step has more rows than one change takes").into());
        }
        let total = |is_meant: fn(i64) -> bool| {
            let copies = weights.iter().filter(|weight| is_meant(**weight)).map(|weight| weight.unsigned_abs());
            let total = copies.fold(0, u64::saturating_add);
            let message = format!("a step of {total} rows; one change brings or takes at most {COPIES_MAX}");
            if total > COPIES_MAX { Err(Error::invalid("invalid_weights", message)) } else { Ok(total) }
        };
        let (come, gone) = (total(|weight| weight > 0)?, total(|weight| weight < 0)?);
        let batch = fit::fit(batch, work.schema.columns.iter())?;
        let told = told(work);
        let arrays = told.iter().filter_map(|column| batch.column_by_name(&column.name));
        let digests = digest::of_rows(arrays, batch.num_rows());
        Ok(Self { batch, weights, digests, come, gone })
    }

    /// The places of the rows that come, or of those that go.
    fn places(&self, comes: bool) -> Vec<u32> {
        let is_meant = |weight: i64| if comes { weight > 0 } else { weight < 0 };
        let places = self.weights.iter().enumerate().filter(|(_, weight)| is_meant(**weight));
        places.map(|(place, _)| place as u32).collect()
    }

    /// Some of the rows.
    fn picked(&self, places: Vec<u32>) -> Result<RecordBatch, ApplyError> {
        take_record_batch(&self.batch, &UInt32Array::from(places)).map_err(|error| broken(&error.to_string()))
    }
}

/// The columns that tell a row: the key, else all, but for those of which equal values may be given in several ways.
fn told<'a>(work: &'a Work<'_>) -> Vec<&'a Column> {
    let keys = &work.schema.primary_key;
    let tells = |column: &&Column| keys.is_empty() || keys.contains(&column.name);
    work.schema.columns.iter().filter(tells).filter(|column| digest::is_told(&column.column_type)).collect()
}

/// Whether the numbers of rows alone tell which are equal.
fn is_told_whole(work: &Work<'_>) -> bool {
    let keys = work.schema.primary_key.len();
    told(work).len() == if keys == 0 { work.schema.columns.len() } else { keys }
}

/// Applies a step. Rows that go must have been there before it.
pub(crate) fn weighted(
    work: &mut Work<'_>,
    batch: &RecordBatch,
    weights: Vec<i64>,
    moment: &Moment,
) -> Result<ChangeReport, ApplyError> {
    let rows = Rows::of(work, batch, weights)?;
    if work.schema.primary_key.is_empty() {
        gone::take(work, &rows)?;
    } else {
        keyed::settle(work, &rows)?;
    }
    insert(work, &rows, moment)?;
    steps::note(work, &rows)?;
    if rows.weights.iter().any(|weight| *weight > 1) {
        work.search.has_repeats.set(true);
    }
    Ok(ChangeReport { inserted: rows.come, deleted: rows.gone, ..ChangeReport::default() })
}

fn insert(work: &Work<'_>, rows: &Rows, moment: &Moment) -> Result<(), ApplyError> {
    if rows.come == 0 {
        return Ok(());
    }
    let mut batch = stamp::stamped(&rows.batch, |_| moment.event_time_micros);
    if work.schema.primary_key.is_empty() {
        batch = beside(&batch, COLUMN, Arc::new(kept_of(&rows.digests)))?;
    }
    let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let append = |batch: &RecordBatch| append_to(work, &work.file.alias, "data", &names, batch);
    if rows.weights.iter().all(|weight| *weight == 1) {
        return append(&batch);
    }
    let copies = rows.weights.iter().enumerate();
    let mut copies = copies.flat_map(|(place, weight)| std::iter::repeat_n(place as u32, (*weight).max(0) as usize));
    loop {
        let chunk: Vec<u32> = copies.by_ref().take(CHUNK_ROWS).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let some = take_record_batch(&batch, &UInt32Array::from(chunk)).map_err(|error| broken(&error.to_string()))?;
        append(&some)?;
    }
}

fn kept_of(digests: &[u128]) -> UInt64Array {
    digests.iter().map(|digest| digest::kept(*digest)).collect::<Vec<u64>>().into()
}

/// The batch with one more column behind the others.
pub(crate) fn beside(batch: &RecordBatch, name: &str, array: ArrayRef) -> Result<RecordBatch, ApplyError> {
    let mut fields: Vec<Arc<Field>> = batch.schema_ref().fields().iter().cloned().collect();
    let kind: DataType = array.data_type().clone();
    fields.push(Arc::new(Field::new(name, kind, true)));
    let mut arrays = batch.columns().to_vec();
    arrays.push(array);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|error| broken(&error.to_string()))
}

/// The table does not hold what a step says it does.
fn inconsistent(work: &Work<'_>, reason: impl Into<String>) -> ApplyError {
    let reason = format!("it is not what a step goes on from: {}", reason.into());
    tracing::error!(table.id = %work.file.alias, reason, "a step does not fit its table");
    Error::Corrupt { table: work.file.alias.clone(), reason }.into()
}

fn broken(what: &str) -> ApplyError {
    Error::Unavailable(format!("rows of a step cannot be put together: {what}")).into()
}

/// Whether no two are equal.
fn all_differ(digests: impl ExactSizeIterator<Item = u128>) -> bool {
    let mut seen = HashSet::with_capacity(digests.len());
    let count = digests.len();
    seen.extend(digests);
    seen.len() == count
}
