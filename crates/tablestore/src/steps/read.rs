//! Reading the journal of a file: what steps did, and the rows as they were after one.

use std::collections::VecDeque;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::{JOURNAL, STEP, WEIGHT};
use crate::append::keys_equal;
use crate::column::TableSchema;
use crate::error::{Error, Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::meta::Meta;
use crate::quote::ident;
use crate::scan::{Batches, Scan, selected};
use crate::weighted::rows_equal;

/// What later steps did together to each row.
const NET: &str = "temp.main.alv_net";
/// How often such rows are there now.
const FOUND: &str = "temp.main.alv_net_found";
/// The same two within a query of somebody else, under names that no table or column of people can have.
const LATER: &str = "\"\u{1}later\"";
const LATER_FOUND: &str = "\"\u{1}later_found\"";
const PLACE: &str = "\"\u{1}place\"";

/// Rows of one step; a large step comes in several of these.
#[derive(Debug, Clone)]
pub struct StepRows {
    /// The step.
    pub step: u64,
    /// The rows.
    pub batch: RecordBatch,
    /// One a row: how often it came, negative if it went.
    pub weights: Vec<i64>,
}

/// Steps of a file in their order.
pub struct Steps {
    batches: Batches,
    ready: VecDeque<StepRows>,
}

impl Iterator for Steps {
    type Item = Result<StepRows>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(rows) = self.ready.pop_front() {
                return Some(Ok(rows));
            }
            match self.batches.next()? {
                Ok(batch) => self.ready = by_step(&batch),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Cuts a batch whose first two columns are step and weight.
fn by_step(batch: &RecordBatch) -> VecDeque<StepRows> {
    let numbers = |column: usize| batch.column(column).as_primitive::<Int64Type>().values();
    let (steps, weights) = (numbers(0), numbers(1));
    let mut runs = VecDeque::new();
    let mut from = 0;
    for run in steps.chunk_by(|one, other| one == other) {
        let mut rows = batch.slice(from, run.len());
        rows.remove_column(0);
        rows.remove_column(0);
        runs.push_back(StepRows {
            step: run[0] as u64,
            batch: rows,
            weights: weights[from..from + run.len()].to_vec(),
        });
        from += run.len();
    }
    runs
}

/// The step after which the journal is whole, and the one the file is at.
pub(super) fn kept(meta: &Meta) -> Result<(u64, u64)> {
    let steps = meta.steps.unwrap_or_default();
    let Some(kept_from) = steps.kept_from else {
        return Err(Error::invalid("steps_not_kept", "the file does not keep what its steps did"));
    };
    Ok((kept_from, steps.at.map_or(kept_from, |at| at.number.max(kept_from))))
}

/// The same for reading from the end of a step on.
fn reaching(meta: &Meta, step: u64) -> Result<(u64, u64)> {
    let (kept_from, at) = kept(meta)?;
    if step < kept_from {
        let message = format!("what steps up to {kept_from} did is not kept any more");
        return Err(Error::invalid("steps_trimmed", message));
    }
    Ok((kept_from, at))
}

impl Hub {
    /// What steps after `step` did, as of one moment; refused as `steps_not_kept` or `steps_trimmed` where nobody knows.
    pub fn steps_since(&self, file: &TableFile, step: u64) -> Result<Steps> {
        let (_, batches) = Batches::of(self, file, move |_, attached, meta| {
            reaching(meta, step)?;
            Ok(format!(
                "SELECT \"{STEP}\", \"{WEIGHT}\", {} FROM {} AS d WHERE \"{STEP}\" > {}",
                selected(&meta.schema.columns),
                attached.relation(JOURNAL),
                step.min(i64::MAX as u64)
            ))
        })?;
        Ok(Steps { batches, ready: VecDeque::new() })
    }

    /// The rows as they were after `step`, in no order: those of now without what came later, and with what went. Refused where that
    /// is not known, and for a step that the file has not come to (`invalid_step`).
    pub fn as_of_step(&self, file: &TableFile, step: u64) -> Result<Scan> {
        let (meta, batches) = Batches::of(self, file, move |session, attached, meta| {
            let (_, at) = reaching(meta, step)?;
            if step > at {
                return Err(Error::invalid("invalid_step", format!("the file is at step {at} and knows no {step}")));
            }
            then(session, attached, meta, step)
        })?;
        Ok(Scan::new(&meta, meta.schema.columns.clone(), batches))
    }
}

/// Whether the file shows the rows as they were after `step`: no later step has changed it. Else they have to be found, and it is
/// refused (`steps_not_kept`, `steps_trimmed`) where nobody knows them any more.
pub(crate) fn reaches(meta: &Meta, step: u64) -> Result<bool> {
    let at = meta.steps.and_then(|steps| steps.at);
    if at.is_none_or(|at| at.number <= step) {
        return Ok(true);
    }
    reaching(meta, step).map(|_| false)
}

/// A query for the rows as they were after `step`: those of now without what came later, and with what went.
pub(crate) fn rewound(file: &Attached, schema: &TableSchema, step: u64) -> String {
    let (columns, of_net) = (names_under("d", schema), names_under("n", schema));
    let (data, journal) = (file.relation("data"), file.relation(JOURNAL));
    let equal = same_row(schema);
    let came = format!("(SELECT * FROM {LATER} WHERE \"{WEIGHT}\" > 0) AS n");
    format!(
        "WITH {LATER} AS MATERIALIZED (SELECT row_number() OVER () AS {PLACE}, * FROM (SELECT {columns}, \
         CAST(sum(\"{WEIGHT}\") AS BIGINT) AS \"{WEIGHT}\" FROM {journal} AS d WHERE \"{STEP}\" > {step} GROUP BY {columns} \
         HAVING sum(\"{WEIGHT}\") <> 0) AS d), \
         {LATER_FOUND} AS (SELECT n.{PLACE} AS {PLACE}, count(*) AS copies FROM {data} AS d JOIN {came} ON {equal} GROUP BY n.{PLACE}) \
         SELECT {columns} FROM {data} AS d WHERE NOT EXISTS (SELECT 1 FROM {came} WHERE {equal}) \
         UNION ALL SELECT {columns} FROM (SELECT {of_net}, unnest(range(f.copies - n.\"{WEIGHT}\")) AS {PLACE} \
         FROM {LATER} AS n JOIN {LATER_FOUND} AS f ON f.{PLACE} = n.{PLACE}) AS d \
         UNION ALL SELECT {columns} FROM (SELECT {of_net}, unnest(range(-n.\"{WEIGHT}\")) AS {PLACE} FROM {LATER} AS n) AS d"
    )
}

/// The same with a number beside each row, under this name where no column has it: the order of their values.
pub(crate) fn numbered(file: &Attached, schema: &TableSchema, step: u64, place: &str) -> String {
    let (columns, rows) = (names_under("d", schema), rewound(file, schema, step));
    if schema.column(place).is_some() {
        return rows;
    }
    format!("SELECT {columns}, row_number() OVER (ORDER BY {columns}) AS {place} FROM ({rows}) AS d")
}

/// That a row `d` of the table is the row `n`.
fn same_row(schema: &TableSchema) -> String {
    if schema.primary_key.is_empty() {
        rows_equal(schema.columns.iter().map(|column| &column.name), "d", "n")
    } else {
        keys_equal(&schema.primary_key, "d", "n")
    }
}

fn names_under(alias: &str, schema: &TableSchema) -> String {
    let names: Vec<String> = schema.columns.iter().map(|column| format!("{alias}.{}", ident(&column.name))).collect();
    names.join(", ")
}

/// The query for the rows as they were.
fn then(session: &Session, file: &Attached, meta: &Meta, step: u64) -> Result<String> {
    let run = |sql: &str| session.run(sql).map(drop).map_err(|error| store_error(&error));
    let (schema, data) = (&meta.schema, file.relation("data"));
    let columns = names_under("d", schema);
    run(&format!(
        "CREATE OR REPLACE TEMP TABLE {NET} AS SELECT row_number() OVER () AS {PLACE}, * FROM (SELECT {columns}, \
         CAST(sum(\"{WEIGHT}\") AS BIGINT) AS \"{WEIGHT}\" FROM {} AS d WHERE \"{STEP}\" > {step} GROUP BY {columns} \
         HAVING sum(\"{WEIGHT}\") <> 0) AS d",
        file.relation(JOURNAL)
    ))?;
    let equal = same_row(schema);
    let came = format!("(SELECT * FROM {NET} WHERE \"{WEIGHT}\" > 0) AS n");
    run(&format!(
        "CREATE OR REPLACE TEMP TABLE {FOUND} AS SELECT n.{PLACE} AS {PLACE}, count(*) AS copies \
         FROM {data} AS d JOIN {came} ON {equal} GROUP BY n.{PLACE}"
    ))?;
    let lacking = format!(
        "SELECT count(*) FROM {came} LEFT JOIN {FOUND} AS f ON f.{PLACE} = n.{PLACE} \
         WHERE coalesce(f.copies, 0) < n.\"{WEIGHT}\""
    );
    if session.count(&lacking).map_err(|error| store_error(&error))? > 0 {
        let reason = "its journal says of rows that they came, which are not there".to_owned();
        return Err(Error::Corrupt { table: file.alias.clone(), reason });
    }
    let of_net = names_under("n", schema);
    // How often rows are repeated that stay of those that came, and those that went.
    let stay = format!(
        "SELECT {of_net}, unnest(range(f.copies - n.\"{WEIGHT}\")) FROM {NET} AS n JOIN {FOUND} AS f ON f.{PLACE} = n.{PLACE}"
    );
    let went = format!("SELECT {of_net}, unnest(range(-n.\"{WEIGHT}\")) FROM {NET} AS n");
    Ok(format!(
        "SELECT {} FROM (SELECT {columns} FROM {data} AS d WHERE NOT EXISTS (SELECT 1 FROM {came} WHERE {equal}) \
         UNION ALL SELECT {columns} FROM ({stay}) AS d UNION ALL SELECT {columns} FROM ({went}) AS d) AS d",
        selected(&schema.columns)
    ))
}
