//! Steps of a pipeline: which one a file is at, and, if wanted, what each of them did to the rows.

mod read;

use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array};
use arrow::compute::filter_record_batch;
use duckdb::params;

use crate::append::append_to;
use crate::apply::Work;
use crate::column::{Column, TableSchema};
use crate::error::{ApplyError, Error, Result, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::meta;
use crate::weighted::{self, Rows, beside};

pub use read::{StepRows, Steps};
pub(crate) use read::{numbered, reaches, rewound};

/// The journal's table.
pub(crate) const JOURNAL: &str = "_steps";
/// Its columns beside those of the table.
const STEP: &str = "\u{1}step";
const WEIGHT: &str = "\u{1}weight";
/// The last number a step may have: the engine counts with a sign.
const STEP_NUMBER_MAX: u64 = i64::MAX as u64;

/// A step of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Steps of one pipeline never go back.
    pub number: u64,
    /// Version of the program that made it.
    pub program_version: u64,
}

/// Where a file stands in its pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepMark {
    /// Number of the step whose rows it has.
    pub step: u64,
    /// Version of the program that made it.
    pub program_version: u64,
    /// How far the file has been folded; it moved in the same transaction.
    pub mark: Mark,
}

/// How a file is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// The step it begins at, for a file of a pipeline.
    pub step: Option<Step>,
    /// Keeps of each step from then on which rows came and went.
    pub keeps_steps: bool,
}

impl CreateOptions {
    pub(crate) fn stepping(self) -> Option<Stepping> {
        let kept_from = self.keeps_steps.then(|| self.step.map_or(0, |step| step.number));
        let stepping = Stepping { at: self.step, kept_from, has_repeats: false };
        (self.step.is_some() || self.keeps_steps).then_some(stepping)
    }
}

/// What `_meta` of a pipeline's file holds more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stepping {
    pub at: Option<Step>,
    /// The journal has all steps after this one; `None` without a journal.
    pub kept_from: Option<u64>,
    /// Whether some row has been there more than once.
    pub has_repeats: bool,
}

/// The journal's `CREATE TABLE`.
pub(crate) fn create_journal_sql(relation: &str, schema: &TableSchema) -> String {
    let columns = schema.columns.iter().map(Column::definition_sql);
    let own = [format!("\"{STEP}\" BIGINT NOT NULL"), format!("\"{WEIGHT}\" BIGINT NOT NULL")];
    let columns: Vec<String> = columns.chain(own).collect();
    format!("CREATE TABLE {relation} ({})", columns.join(", "))
}

/// Refuses a step that the file cannot go to.
pub(crate) fn check(next: Step, before: Option<Step>) -> Result<()> {
    if next.number > STEP_NUMBER_MAX || next.program_version > STEP_NUMBER_MAX {
        return Err(Error::invalid("invalid_step", format!("steps and versions are at most {STEP_NUMBER_MAX}")));
    }
    match before {
        Some(before) if before.number > next.number => {
            let message = format!("the file is at step {} and does not go back to {}", before.number, next.number);
            Err(Error::invalid("invalid_step", message))
        }
        _ => Ok(()),
    }
}

/// Makes a file of tables that of a pipeline, before rows come and go by weight for the first time.
pub(crate) fn ensure(session: &Session, file: &Attached) -> Result<()> {
    let mut found = match file.known() {
        Some(known) => meta::Meta::clone(&known),
        None => meta::read(session, file)?,
    };
    if found.steps.is_some() {
        return Ok(());
    }
    let stepping = Stepping::default();
    let run = |sql: &str| session.run(sql).map(drop).map_err(|error| store_error(&error));
    let transaction = session.begin()?;
    run(&format!("ALTER TABLE {} ADD COLUMN {}", file.relation("data"), weighted::DEFINITION))?;
    meta::widen(session, file).map_err(|error| store_error(&error))?;
    transaction.commit().map_err(|error| store_error(&error))?;
    found.steps = Some(stepping);
    file.remember(Some(found));
    Ok(())
}

/// Writes a step into the journal, where one is kept.
pub(crate) fn note(work: &Work<'_>, rows: &Rows) -> Result<(), ApplyError> {
    if work.steps.kept_from.is_none() {
        return Ok(());
    }
    let Some(step) = work.step else {
        let message = "the file keeps its steps, and rows that come and go need the number of theirs";
        return Err(Error::invalid("invalid_step", message).into());
    };
    let count = rows.weights.len();
    let batch = beside(&rows.batch, STEP, Arc::new(Int64Array::from(vec![step.number as i64; count])))?;
    let mut batch = beside(&batch, WEIGHT, Arc::new(Int64Array::from(rows.weights.clone())))?;
    if rows.weights.contains(&0) {
        let moves: BooleanArray = rows.weights.iter().map(|weight| Some(*weight != 0)).collect();
        batch = filter_record_batch(&batch, &moves)
            .map_err(|error| Error::Unavailable(format!("rows of a step cannot be picked: {error}")))?;
    }
    let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    append_to(work, &work.file.alias, JOURNAL, &names, &batch)
}

/// Begins the journal anew, after a change that it cannot tell.
pub(crate) fn restart(work: &mut Work<'_>, before: &TableSchema) -> Result<(), ApplyError> {
    if work.steps.kept_from.is_none() {
        return Ok(());
    }
    let journal = work.file.relation(JOURNAL);
    let run = |sql: &str| work.session.run(sql).map(drop).map_err(|error| ApplyError::Store(store_error(&error)));
    if work.schema == *before {
        run(&format!("DELETE FROM {journal}"))?;
    } else {
        run(&format!("DROP TABLE {journal}"))?;
        run(&create_journal_sql(&journal, &work.schema))?;
    }
    work.steps.kept_from = Some(work.step.or(work.steps.at).map_or(0, |step| step.number));
    Ok(())
}

impl Hub {
    /// Which step of its pipeline the file is at; `None` when there is no file, or it is not one of a pipeline.
    pub fn step(&self, file: &TableFile) -> Result<Option<StepMark>> {
        Ok(self.meta(file)?.and_then(|meta| meta.step_mark()))
    }

    /// Forgets what steps before `below` did; answers how many rows the journal lost. The file can then be shown as it was at step
    /// `below - 1` and later.
    pub fn trim_steps(&self, file: &TableFile, below: u64) -> Result<u64> {
        let path = self.path(file)?;
        let writer = self.writer(&path);
        let _writing = crate::writing::Writing::begin(&writer);
        let (attached, session) = self.open_file(file)?;
        let transaction = session.begin()?;
        let found = meta::read(&session, &attached)?;
        let (kept_from, at) = read::kept(&found)?;
        let from = below.saturating_sub(1).clamp(kept_from, at);
        let failed = |error: duckdb::Error| store_error(&error);
        let sql = format!("DELETE FROM {} WHERE \"{STEP}\" <= ?", attached.relation(JOURNAL));
        let removed = session.run_with(&sql, params![from as i64]).map_err(failed)?;
        let sql = format!("UPDATE {} SET steps_from = ?", attached.relation("_meta"));
        session.run_with(&sql, params![from as i64]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        attached.remember(None);
        Ok(removed as u64)
    }
}
