//! Rows of a view that came too late are dropped before anybody reads them.

use arrow::array::Array;

use super::changes::RejectedRows;
use super::zset::Zset;
use crate::functions::{Outcome, failure};
use crate::numbers::ordinals;
use crate::program::Lateness;
use crate::types::column_type;

/// The greatest values so far.
pub(super) type Marks = Vec<Option<i128>>;

/// What decides whether rows came too late.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) lateness: Vec<Lateness>,
    pub(super) marks: Marks,
}

impl Gate {
    pub(super) fn new(lateness: Vec<Lateness>) -> Self {
        Self { marks: vec![None; lateness.len()], lateness }
    }

    /// The place among them of the column that makes a row late, for each row.
    pub(super) fn late(&self, rows: &Zset) -> Outcome<Vec<Option<usize>>> {
        let mut late = vec![None; rows.len()];
        for (at, lateness) in self.lateness.iter().enumerate() {
            let Some(mark) = self.marks[at] else { continue };
            let least = mark.saturating_sub(lateness.distance);
            let (values, column) = column(rows, lateness.column)?;
            for (row, late) in late.iter_mut().enumerate() {
                if late.is_none() && column.is_valid(row) && values[row] < least {
                    *late = Some(at);
                }
            }
        }
        Ok(late)
    }

    /// The greatest values after rows were added.
    pub(super) fn marks_after(&self, rows: &Zset) -> Outcome<Marks> {
        let mut marks = self.marks.clone();
        for (mark, lateness) in marks.iter_mut().zip(&self.lateness) {
            let (values, column) = column(rows, lateness.column)?;
            let came = (0..rows.len()).filter(|row| rows.weights[*row] > 0 && column.is_valid(*row));
            *mark = came.map(|row| values[row]).max().max(*mark);
        }
        Ok(marks)
    }

    /// The rows that are not late, and those that are.
    pub(super) fn parted(&self, relation: &str, rows: &Zset) -> Outcome<(Zset, Vec<RejectedRows>)> {
        let late = self.late(rows)?;
        if late.iter().all(Option::is_none) {
            return Ok((rows.clone(), Vec::new()));
        }
        let chosen = |wanted: Option<usize>| {
            (0..late.len() as u32).filter(|row| late[*row as usize] == wanted).collect::<Vec<_>>()
        };
        let mut refused = Vec::new();
        for at in 0..self.lateness.len() {
            let found = chosen(Some(at));
            if !found.is_empty() {
                let mut rows = rows.take(&found)?;
                rows.weights.iter_mut().for_each(|weight| *weight = weight.abs());
                refused.push(RejectedRows { table: relation.to_owned(), reason: self.reason(at, &rows), rows });
            }
        }
        Ok((rows.take(&chosen(None))?, refused))
    }

    /// Why rows are refused for one of the columns.
    pub(super) fn reason(&self, at: usize, rows: &Zset) -> String {
        let name = self.lateness.get(at).map(|lateness| rows.batch.schema().field(lateness.column).name().clone());
        format!("the value of column '{}' came too late", name.unwrap_or_default())
    }
}

fn column(rows: &Zset, at: usize) -> Outcome<(Vec<i128>, &arrow::array::ArrayRef)> {
    let schema = rows.batch.schema();
    let (Some(column), Some(field)) = (rows.batch.columns().get(at), schema.fields().get(at)) else {
        return Err(failure!("there is no column {at} that could be late"));
    };
    let kind = column_type(field).map_err(|error| failure!("{error}"))?.kind;
    Ok((ordinals(column, &kind)?, column))
}
