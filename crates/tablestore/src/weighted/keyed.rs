//! Rows that come and go in a table with a primary key: found by the key, and never two of one.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::gone::Finding;
use super::stage::{LITERALS_MAX, clear, keys, run};
use super::{Rows, all_differ, digest, fit, inconsistent, is_told_whole};
use crate::append::{STAGE, ident_list, keys_equal};
use crate::apply::Work;
use crate::column::Column;
use crate::error::{ApplyError, store_error};
use crate::quote::ident;
use crate::read::few_batches;

/// Deletes the rows that go, and makes sure that those that come find no other of their key.
pub(super) fn settle(work: &Work<'_>, rows: &Rows) -> Result<(), ApplyError> {
    if rows.weights.iter().any(|weight| weight.unsigned_abs() > 1) {
        return Err(inconsistent(work, "a row with a primary key comes or goes more than once"));
    }
    let (come, gone) = (rows.places(true), rows.places(false));
    let digests = |places: &[u32]| places.iter().map(|place| rows.digests[*place as usize]).collect::<Vec<u128>>();
    let differ = all_differ(digests(&come).into_iter()) && all_differ(digests(&gone).into_iter());
    if work.search.finding.get() == Finding::Exact || !is_told_whole(work) || !differ {
        return one_after_the_other(work, rows, come, gone);
    }
    if work.rows == 0 && gone.is_empty() {
        return Ok(());
    }
    // One pass over the keys: whatever has one of them has to be just what goes.
    let moved: Vec<u32> = (0..rows.weights.len() as u32).filter(|place| rows.weights[*place as usize] != 0).collect();
    let condition = if let Some(condition) = few_numbers(work, rows, &moved) {
        condition
    } else {
        keys(work, rows, moved)?;
        staged(work)
    };
    let mut deleted = delete_returning(work, &condition)?;
    let mut expected = digests(&gone);
    deleted.sort_unstable();
    expected.sort_unstable();
    if deleted != expected {
        // Which it is and what is wrong is said by the other way.
        return Err(work.search.again(Finding::Exact));
    }
    clear(work)
}

/// The condition on rows whose keys are staged.
fn staged(work: &Work<'_>) -> String {
    format!("EXISTS (SELECT 1 FROM {STAGE} AS s WHERE {})", keys_equal(&work.schema.primary_key, "d", "s"))
}

/// The same for a few keys that are whole numbers: the engine looks for those without a join.
fn few_numbers(work: &Work<'_>, rows: &Rows, places: &[u32]) -> Option<String> {
    let [key] = work.schema.primary_key.as_slice() else { return None };
    let column = work.schema.column(key).filter(|column| column.column_type.is_integer())?;
    if places.is_empty() || places.len() > LITERALS_MAX {
        return None;
    }
    let numbers = rows.batch.column_by_name(&column.name)?;
    let texts = cast(numbers, &DataType::Utf8).ok()?;
    let texts = texts.as_string_opt::<i32>().filter(|texts| texts.null_count() == 0)?;
    let list: Vec<&str> = places.iter().map(|place| texts.value(*place as usize)).collect();
    Some(format!("d.{} IN ({})", ident(key), list.join(", ")))
}

fn stored(work: &Work<'_>, condition: &str) -> String {
    format!("FROM {} AS d WHERE {condition}", work.data())
}

/// Deletes rows, and says which keys these were.
fn delete_returning(work: &Work<'_>, condition: &str) -> Result<Vec<u128>, ApplyError> {
    let sql = format!("DELETE {} RETURNING {}", stored(work, condition), ident_list(&work.schema.primary_key));
    let mut batches = Vec::new();
    few_batches(work.session, &sql, &[], |batch| batches.push(batch.clone())).map_err(|error| store_error(&error))?;
    // In the order of the table's columns, as in a step.
    let columns: Vec<&Column> =
        work.schema.columns.iter().filter(|column| work.schema.primary_key.contains(&column.name)).collect();
    let mut digests = Vec::new();
    for batch in batches {
        let batch = fit::fit(&batch, columns.iter().copied())?;
        digests.extend(digest::of_rows(batch.columns().iter(), batch.num_rows()));
    }
    Ok(digests)
}

/// The same by the engine's own comparisons, with a reason where it fails.
fn one_after_the_other(work: &Work<'_>, rows: &Rows, come: Vec<u32>, gone: Vec<u32>) -> Result<(), ApplyError> {
    let count = |sql: &str| work.session.count(sql).map_err(|error| ApplyError::Store(store_error(&error)));
    let differing =
        format!("SELECT count(*) FROM (SELECT DISTINCT {} FROM {STAGE})", ident_list(&work.schema.primary_key));
    if !gone.is_empty() {
        let going = gone.len() as u64;
        keys(work, rows, gone)?;
        if count(&differing)? != going {
            return Err(inconsistent(work, "a primary key goes more than once"));
        }
        let deleted = run(work, &format!("DELETE {}", stored(work, &staged(work))))?;
        if deleted != going {
            return Err(inconsistent(work, format!("{going} rows go, and {deleted} of their keys are there")));
        }
    }
    if !come.is_empty() {
        let coming = come.len() as u64;
        keys(work, rows, come)?;
        if count(&differing)? != coming {
            return Err(inconsistent(work, "a primary key comes more than once"));
        }
        match count(&format!("SELECT count(*) {}", stored(work, &staged(work))))? {
            0 => {}
            there => return Err(inconsistent(work, format!("{there} keys that come are there already"))),
        }
    }
    clear(work)
}
