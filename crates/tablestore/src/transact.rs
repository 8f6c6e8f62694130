//! The transaction of a fold: the mark and the rows move together, or not at all.

use std::path::Path;

use duckdb::params;

use crate::apply::{Change, ChangeReport, Work, apply_one};
use crate::error::{ApplyError, store_error};
use crate::file::{Mark, TableFile};
use crate::instance::{Attached, Session};
use crate::meta::{self, Meta};
use crate::steps::{self, Step};
use crate::weighted::Search;

/// Where changes are made.
pub(crate) struct Place<'a> {
    pub session: &'a Session,
    pub file: &'a Attached,
    /// Files that changes take content of, by which.
    pub sources: &'a [(TableFile, Attached)],
    pub temp_dir: &'a Path,
}

/// Where they bring the file.
pub(crate) struct Target<'a> {
    pub mark: &'a Mark,
    pub step: Option<Step>,
}

type Done = (Meta, Vec<ChangeReport>);

/// Makes the changes. Rows that are found otherwise than thought undo it, and it is made again.
pub(crate) fn transact(
    place: &Place<'_>,
    from: &Mark,
    to: &Target<'_>,
    changes: Vec<Change>,
) -> Result<Done, ApplyError> {
    searching(place, from, to, changes, &Search::default())
}

pub(crate) fn searching(
    place: &Place<'_>,
    from: &Mark,
    to: &Target<'_>,
    changes: Vec<Change>,
    search: &Search,
) -> Result<Done, ApplyError> {
    if !changes.iter().any(|change| matches!(change, Change::Weighted { .. })) {
        return attempt(place, from, to, changes, search);
    }
    loop {
        let tried = search.finding.get();
        let outcome = attempt(place, from, to, changes.clone(), search);
        if outcome.is_ok() || search.finding.get() == tried {
            return outcome;
        }
        tracing::debug!(table.id = %place.file.alias, finding = ?search.finding.get(), "a step is made again");
    }
}

fn attempt(
    place: &Place<'_>,
    from: &Mark,
    to: &Target<'_>,
    changes: Vec<Change>,
    search: &Search,
) -> Result<Done, ApplyError> {
    let Place { session, file, sources, temp_dir } = *place;
    let transaction = session.begin()?;
    let before = match file.known().filter(|known| known.mark == *from) {
        Some(known) => Meta::clone(&known),
        None => meta::read(session, file)?,
    };
    if before.mark != *from {
        return Err(ApplyError::WrongMark { found: before.mark });
    }
    let (is_stepped, kept) = (before.steps.is_some(), before.steps.unwrap_or_default());
    if let Some(step) = to.step {
        steps::check(step, kept.at)?;
    }
    if kept.has_repeats {
        search.has_repeats.set(true);
    }
    let (schema, rows) = (before.schema.clone(), before.rows as i64);
    let (steps, step) = (kept, to.step);
    let mut work = Work { session, file, schema, rows, temp_dir, sources, is_stepped, steps, step, search };
    let mut reports = Vec::with_capacity(changes.len());
    let is_untold = changes.iter().any(Change::is_untold);
    for change in changes {
        let report = apply_one(&mut work, change, &reports)?;
        work.rows += report.inserted as i64 - report.deleted as i64;
        reports.push(report);
    }
    if is_untold {
        steps::restart(&mut work, &before.schema)?;
    }
    work.steps.at = work.step.or(work.steps.at);
    work.steps.has_repeats |= search.has_repeats.get();
    move_mark(&work, from, to.mark)?;
    if work.schema != before.schema {
        let sql = format!("UPDATE {} SET schema = ?", file.relation("_meta"));
        session.run_with(&sql, params![meta::schema_text(&work.schema)]).map_err(|error| store_error(&error))?;
    }
    // What is wrong with data shows while changing; a commit fails for reasons of the store.
    transaction.commit().map_err(|error| store_error(&error))?;
    let steps = is_stepped.then_some(work.steps);
    let rows = work.rows.max(0) as u64;
    Ok((Meta { mark: to.mark.clone(), rows, schema: work.schema, is_stamped: true, steps }, reports))
}

/// What was known of the file may have been wrong; this statement is the one that keeps the promise.
fn move_mark(work: &Work<'_>, from: &Mark, to: &Mark) -> Result<(), ApplyError> {
    let meta = work.file.relation("_meta");
    let (mark, only) = ("seq = ?, hash = ?, stream_created_micros = ?, row_count = ?", "WHERE seq = ? AND hash = ?");
    let (seq, stream, before) = (to.seq as i64, to.stream_created_micros, from.seq as i64);
    let moved = if work.is_stepped {
        let sql = format!("UPDATE {meta} SET {mark}, {} {only}", meta::STEPS_SET);
        let (number, version, kept_from, has_repeats) = meta::steps_values(&work.steps);
        let values =
            params![seq, to.hash, stream, work.rows, number, version, kept_from, has_repeats, before, from.hash];
        work.session.run_with(&sql, values)
    } else {
        let values = params![seq, to.hash, stream, work.rows, before, from.hash];
        work.session.run_with(&format!("UPDATE {meta} SET {mark} {only}"), values)
    };
    let moved = moved.map_err(|error| store_error(&error))?;
    if moved != 1 {
        return Err(ApplyError::WrongMark { found: meta::read(work.session, work.file)?.mark });
    }
    Ok(())
}
