//! Taking rows away from a table without a key: exactly as many of the equal rows as say so.
//!
//! The engine deletes in one pass over the numbers, and gives back what it deleted, which costs little. What comes back is looked at.
//! If it is not just what should go, the transaction is undone and the way after it tried.

use std::cell::Cell;
use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};

use super::stage::{among, clear};
use super::{Rows, digest, exact, fit, is_told_whole};
use crate::append::ident_list;
use crate::apply::Work;
use crate::error::{ApplyError, Error, Kind, kind, store_error};
use crate::quote::ident;
use crate::read::{batches_while, few_batches};

/// How rows that go are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Finding {
    /// By their numbers, all copies: right where no row is there more often than it goes.
    #[default]
    All,
    /// By their numbers, as many as go.
    Counted,
    /// By their values.
    Exact,
}

/// What is known of the rows of a table, through all attempts of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub finding: Cell<Finding>,
    /// Whether some row has been there more than once.
    pub has_repeats: Cell<bool>,
    /// Whether something has been staged.
    pub is_staged: Cell<bool>,
}

impl Search {
    /// Has the transaction undone and made again.
    pub(super) fn again(&self, next: Finding) -> ApplyError {
        self.finding.set(next);
        Error::Unavailable("rows have to be found another way".to_owned()).into()
    }
}

pub(super) fn take(work: &Work<'_>, rows: &Rows) -> Result<(), ApplyError> {
    if rows.gone == 0 {
        return Ok(());
    }
    let mut finding = work.search.finding.get();
    if finding == Finding::All && work.search.has_repeats.get() {
        finding = Finding::Counted;
    }
    // The place of a row is hidden by a column of that name.
    if !is_told_whole(work) || (finding == Finding::Counted && work.schema.column("rowid").is_some()) {
        finding = Finding::Exact;
    }
    let mut wanted = Wanted::of(rows);
    let found = match finding {
        Finding::All => all(work, &wanted)?,
        Finding::Counted => counted(work, &wanted)?,
        Finding::Exact => return exact::take(work, rows),
    };
    let outcome = match found {
        Some(batches) => wanted.meet(work, &batches)?,
        None => Outcome::Missing,
    };
    match outcome {
        Outcome::Met => clear(work),
        Outcome::TooMany if finding == Finding::All => {
            work.search.has_repeats.set(true);
            Err(work.search.again(Finding::Counted))
        }
        Outcome::TooMany | Outcome::Missing => Err(work.search.again(Finding::Exact)),
    }
}

enum Outcome {
    Met,
    TooMany,
    Missing,
}

/// How many copies go, by number.
struct Wanted {
    /// By the whole number.
    rows: HashMap<u128, u64>,
    /// By the half that is kept.
    kept: HashMap<u64, u64>,
}

impl Wanted {
    fn of(rows: &Rows) -> Self {
        let (mut whole, mut kept): (HashMap<u128, u64>, HashMap<u64, u64>) = Default::default();
        for (digest, weight) in rows.digests.iter().zip(&rows.weights).filter(|(_, weight)| **weight < 0) {
            *whole.entry(*digest).or_default() += weight.unsigned_abs();
            *kept.entry(digest::kept(*digest)).or_default() += weight.unsigned_abs();
        }
        Self { rows: whole, kept }
    }

    fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.kept.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    /// Compares the rows that were deleted with those that go.
    fn meet(&mut self, work: &Work<'_>, deleted: &[RecordBatch]) -> Result<Outcome, ApplyError> {
        let mut is_over = false;
        for batch in deleted {
            let batch = fit::fit(batch, work.schema.columns.iter())?;
            for digest in digest::of_rows(batch.columns().iter(), batch.num_rows()) {
                match self.rows.get_mut(&digest) {
                    Some(left) if *left > 0 => *left -= 1,
                    _ => is_over = true,
                }
            }
        }
        let is_missing = self.rows.values().any(|left| *left > 0);
        Ok(if is_missing {
            Outcome::Missing
        } else if is_over {
            Outcome::TooMany
        } else {
            Outcome::Met
        })
    }
}

/// Deletes every row that has one of the numbers.
fn all(work: &Work<'_>, wanted: &Wanted) -> Result<Option<Vec<RecordBatch>>, ApplyError> {
    let condition = format!("{} IN {}", ident(super::COLUMN), among(work, &wanted.numbers())?);
    match delete(work, &condition) {
        // There may be millions of copies of a row, and all come back.
        Err(error) if kind(&error) == Kind::OutOfMemory => {
            work.search.has_repeats.set(true);
            Err(work.search.again(Finding::Counted))
        }
        deleted => deleted.map(Some).map_err(|error| store_error(&error).into()),
    }
}

/// Deletes as many rows of each number as go; `None` when there are not so many. The first ones go, and what lies behind the last of
/// them is not read.
fn counted(work: &Work<'_>, wanted: &Wanted) -> Result<Option<Vec<RecordBatch>>, ApplyError> {
    let mut left = wanted.kept.clone();
    let mut open = left.len();
    let mut places = Vec::new();
    let name = ident(super::COLUMN);
    let sql = format!("SELECT rowid, {name} FROM {} WHERE {name} IN {}", work.data(), among(work, &wanted.numbers())?);
    batches_while(work.session, &sql, |batch| {
        let (rows, numbers) =
            (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<UInt64Type>());
        for (place, number) in rows.values().iter().zip(numbers.values()) {
            if let Some(left) = left.get_mut(number).filter(|left| **left > 0) {
                *left -= 1;
                open -= usize::from(*left == 0);
                places.push(*place as u64);
            }
        }
        open > 0
    })
    .map_err(|error| store_error(&error))?;
    if open > 0 {
        return Ok(None);
    }
    let condition = format!("rowid IN {}", among(work, &places)?);
    delete(work, &condition).map(Some).map_err(|error| store_error(&error).into())
}

fn delete(work: &Work<'_>, condition: &str) -> duckdb::Result<Vec<RecordBatch>> {
    let columns = ident_list(work.schema.columns.iter().map(|column| &column.name));
    let sql = format!("DELETE FROM {} WHERE {condition} RETURNING {columns}", work.data());
    let mut deleted = Vec::new();
    few_batches(work.session, &sql, &[], |batch| deleted.push(batch.clone()))?;
    Ok(deleted)
}
