//! Where windows of time begin: counted from 1970 on, moved by an offset.

use std::sync::Arc;

use alluvium_sql::types::{IntervalUnits, Type};
use arrow::array::{ArrayRef, LargeListBuilder, TimestampMicrosecondBuilder};

use super::super::support::{count, wrong};
use super::super::{Arg, Call, Function, Outcome, Shape, failure};
use super::{column, micros};

/// How many windows a row may be in.
const WINDOWS_MAX: i64 = 10_000;

pub(in super::super) const FUNCTIONS: [Function; 3] = [
    Function::new("__tumble", |args| shape(args, 2), tumble),
    Function::new("__hop", |args| shape(args, 3), hop),
    // The time is a column when the plan is lowered; before, nobody knows it.
    Function::new(crate::circuit::NOW, now_shape, |_| Err(failure!("the time is not known while a query is planned"))),
];

fn now_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 0, 0)?;
    Ok(Shape::strict(args, Vec::new(), Type::Timestamp))
}

/// A point in time, one or two lengths, and an offset if there is one.
fn shape(args: &[Arg<'_>], required: usize) -> Outcome<Shape> {
    count(args, required, required + 1)?;
    if !matches!(args[0].column.kind, Type::Timestamp | Type::Null) {
        return Err(wrong(args, 0, "TIMESTAMP"));
    }
    let is_short = |kind: &Type| matches!(kind, Type::Interval(units) if !units.is_long());
    if let Some(at) = (1..args.len()).find(|at| !is_short(&args[*at].column.kind)) {
        return Err(wrong(args, at, "an interval of days or less"));
    }
    let lengths = vec![Type::Interval(IntervalUnits::DayToSecond); args.len() - 1];
    let params = std::iter::once(Type::Timestamp).chain(lengths).collect();
    let result = if required == 3 { Type::Array(Box::new(Type::Timestamp)) } else { Type::Timestamp };
    Ok(Shape::strict(args, params, result))
}

/// The values of a row, None if one is NULL.
fn rows(call: &Call<'_>) -> Outcome<Vec<Option<Vec<i64>>>> {
    let columns = (0..call.args.len()).map(|at| micros(call, at)).collect::<Outcome<Vec<_>>>()?;
    Ok((0..call.rows).map(|row| columns.iter().map(|column| column[row]).collect()).collect())
}

/// Where the last window that begins no later than a point in time begins.
fn start(moment: i64, slide: i64, offset: i64) -> Outcome<i64> {
    if slide <= 0 {
        return Err(failure!("windows of time are longer than nothing"));
    }
    let from = i128::from(moment) - i128::from(offset);
    let start = from.div_euclid(i128::from(slide)) * i128::from(slide) + i128::from(offset);
    i64::try_from(start).map_err(|_| failure!("a window begins before what timestamps hold"))
}

fn tumble(call: &Call<'_>) -> Outcome<ArrayRef> {
    let begin = |row: &Option<Vec<i64>>| match row.as_deref() {
        Some([moment, size, offset @ ..]) => start(*moment, *size, offset.first().copied().unwrap_or(0)).map(Some),
        _ => Ok(None),
    };
    column(rows(call)?.iter().map(begin).collect::<Outcome<Vec<_>>>()?, &Type::Timestamp)
}

fn hop(call: &Call<'_>) -> Outcome<ArrayRef> {
    let mut builder = LargeListBuilder::new(TimestampMicrosecondBuilder::new());
    for row in rows(call)? {
        let Some([moment, slide, size, offset @ ..]) = row.as_deref() else {
            builder.append(false);
            continue;
        };
        let last = start(*moment, *slide, offset.first().copied().unwrap_or(0))?;
        if *size <= 0 || size / slide >= WINDOWS_MAX {
            return Err(failure!("a row is in at most {WINDOWS_MAX} windows of time, and in one at least"));
        }
        let earliest = moment.saturating_sub(*size);
        let mut starts: Vec<i64> = std::iter::successors(Some(last), |start| start.checked_sub(*slide))
            .take_while(|start| *start > earliest)
            .collect();
        starts.reverse();
        builder.values().append_slice(&starts);
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}
