//! Parts of texts, and of bytes where both are alike.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, LargeBinaryArray, StringArray};
use arrow::datatypes::Int64Type;

use super::super::support::{Kind, count, fixed, strict, wrong};
use super::super::{Arg, Call, Function, Outcome, Shape, failure};

pub(in super::super) const FUNCTIONS: [Function; 8] = [
    Function::new("left", end_shape, |call| {
        sliced(call, |length, n, _| (0, if n < 0 { (length + n).max(0) } else { n }))
    }),
    Function::new("right", end_shape, |call| {
        sliced(call, |length, n, _| {
            let kept = if n < 0 { (length + n).max(0) } else { n.min(length) };
            (length - kept, kept)
        })
    }),
    Function::new("substr", part_shape, |call| sliced(call, |length, from, count| part(length, from, count, true))),
    Function::new("substring", part_shape, |call| sliced(call, |length, from, count| part(length, from, count, false))),
    Function::new("overlay", overlay_shape, overlay),
    Function::new("position", position_shape, position),
    Function::new("__trim", |args| fixed(args, &[Kind::Text], 3, 3, Kind::Text), trim),
    Function::new("octet_length", octet_shape, octet_length),
];

const BIG: Type = Type::Int(IntWidth::Big);

fn is_bytes(kind: &Type) -> bool {
    matches!(kind, Type::Binary(_) | Type::Varbinary(_))
}

/// Text or bytes first, then whole numbers.
fn sliced_shape(args: &[Arg<'_>], min: usize, max: usize) -> Outcome<Shape> {
    count(args, min, max)?;
    let kind = if is_bytes(&args[0].column.kind) { Type::Varbinary(None) } else { Type::Varchar(None) };
    if !is_bytes(&args[0].column.kind) && !Kind::Text.takes(&args[0].column.kind) {
        return Err(wrong(args, 0, "VARCHAR or VARBINARY"));
    }
    if let Some(at) = (1..args.len()).find(|at| !Kind::Big.takes(&args[*at].column.kind)) {
        return Err(wrong(args, at, "BIGINT"));
    }
    let params = std::iter::once(kind.clone()).chain(std::iter::repeat_n(BIG, args.len() - 1)).collect();
    Ok(Shape::strict(args, params, kind))
}

fn end_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    sliced_shape(args, 2, 2)
}

fn part_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    sliced_shape(args, 2, 3)
}

/// Where a part begins, from 0, and how long it is.
fn part(length: i64, from: i64, count: Option<i64>, counts_from_end: bool) -> (i64, i64) {
    if counts_from_end && from < 0 {
        let start = length.saturating_add(from);
        return if start < 0 { (0, 0) } else { (start, count.unwrap_or(i64::MAX)) };
    }
    let start = from.saturating_sub(1);
    let end = count.map_or(i64::MAX, |count| start.saturating_add(count));
    (start.max(0), end.saturating_sub(start.max(0)))
}

/// Cuts a part out of each value: of the value's length and the numbers, where it begins and how long it is.
fn sliced(call: &Call<'_>, place: fn(i64, i64, Option<i64>) -> (i64, i64)) -> Outcome<ArrayRef> {
    let firsts = call.numbers::<Int64Type>(1)?;
    let seconds = if call.args.len() > 2 { Some(call.numbers::<Int64Type>(2)?) } else { None };
    let numbers = |row: usize| -> Outcome<Option<(i64, Option<i64>)>> {
        if firsts.is_null(row) || seconds.is_some_and(|seconds| seconds.is_null(row)) {
            return Ok(None);
        }
        let second = seconds.map(|seconds| seconds.value(row));
        if second.is_some_and(|second| second < 0) {
            return Err(failure!("the length of a part is not negative"));
        }
        Ok(Some((firsts.value(row), second)))
    };
    let bounds = |length: usize, (first, second): (i64, Option<i64>)| {
        let (start, count) = place(length as i64, first, second);
        let start = start.clamp(0, length as i64) as usize;
        (start, count.clamp(0, (length - start) as i64) as usize)
    };
    if let Some(values) = call.column(0)?.as_binary_opt::<i64>() {
        let mut column = Vec::with_capacity(call.rows);
        for row in 0..call.rows {
            column.push(numbers(row)?.filter(|_| values.is_valid(row)).map(|numbers| {
                let value = values.value(row);
                let (start, count) = bounds(value.len(), numbers);
                &value[start..start + count]
            }));
        }
        return Ok(Arc::new(column.into_iter().collect::<LargeBinaryArray>()));
    }
    let values = call.texts(0)?;
    let mut column = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        column.push(numbers(row)?.filter(|_| values.is_valid(row)).map(|numbers| {
            let value = values.value(row);
            let (start, count) = bounds(value.chars().count(), numbers);
            value.chars().skip(start).take(count).collect::<String>()
        }));
    }
    Ok(Arc::new(column.into_iter().collect::<StringArray>()))
}

fn overlay_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 3, 4)?;
    let kinds = if is_bytes(&args[0].column.kind) {
        ([Kind::Bytes, Kind::Bytes, Kind::Big, Kind::Big], Kind::Bytes)
    } else {
        ([Kind::Text, Kind::Text, Kind::Big, Kind::Big], Kind::Text)
    };
    fixed(args, &kinds.0, 3, 4, kinds.1)
}

/// Puts a text into another one from a place on, in the place of so many characters: as many as it has, unless said otherwise.
fn overlay(call: &Call<'_>) -> Outcome<ArrayRef> {
    let froms = call.numbers::<Int64Type>(2)?;
    let counts = if call.args.len() > 3 { Some(call.numbers::<Int64Type>(3)?) } else { None };
    let is_there = |row: usize| call.args.iter().all(|arg| arg.is_valid(row));
    let ends = |row: usize, length: usize, new: usize| {
        let start = froms.value(row).saturating_sub(1).clamp(0, length as i64) as usize;
        let count = counts.map_or(new as i64, |counts| counts.value(row));
        (start, (start as i64).saturating_add(count).clamp(0, length as i64) as usize)
    };
    if let (Some(olds), Some(news)) = (call.column(0)?.as_binary_opt::<i64>(), call.column(1)?.as_binary_opt::<i64>()) {
        let column = (0..call.rows).map(|row| {
            is_there(row).then(|| {
                let (old, new) = (olds.value(row), news.value(row));
                let (start, end) = ends(row, old.len(), new.len());
                [&old[..start], new, &old[end..]].concat()
            })
        });
        return Ok(Arc::new(
            column.collect::<Vec<_>>().iter().map(|each| each.as_deref()).collect::<LargeBinaryArray>(),
        ));
    }
    let (olds, news) = (call.texts(0)?, call.texts(1)?);
    let column = (0..call.rows).map(|row| {
        is_there(row).then(|| {
            let (old, new) = (olds.value(row), news.value(row));
            let (start, end) = ends(row, old.chars().count(), new.chars().count());
            old.chars().take(start).chain(new.chars()).chain(old.chars().skip(end)).collect::<String>()
        })
    });
    Ok(Arc::new(column.collect::<StringArray>()))
}

fn position_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let kind = if is_bytes(&args[1].column.kind) { Kind::Bytes } else { Kind::Text };
    fixed(args, &[kind], 2, 2, Kind::Int)
}

/// The first place of a part, from 1; 0 if it is not there.
fn position(call: &Call<'_>) -> Outcome<ArrayRef> {
    if let (Some(parts), Some(values)) =
        (call.column(0)?.as_binary_opt::<i64>(), call.column(1)?.as_binary_opt::<i64>())
    {
        return Ok(strict!(call.rows, Int32Array; part in parts, value in values => {
            let found = if part.is_empty() { Some(0) } else { value.windows(part.len()).position(|window| window == part) };
            Some(found.map_or(0, |at| at as i32 + 1))
        }));
    }
    let (parts, values) = (call.texts(0)?, call.texts(1)?);
    Ok(strict!(call.rows, Int32Array; part in parts, value in values => {
        Some(value.find(part).map_or(0, |at| value[..at].chars().count() as i32 + 1))
    }))
}

fn trim(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (sides, whats, values) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    Ok(strict!(call.rows, StringArray; side in sides, what in whats, value in values => {
        let is_trimmed = |letter: char| what.contains(letter);
        Some(match side {
            "LEADING" => value.trim_start_matches(is_trimmed),
            "TRAILING" => value.trim_end_matches(is_trimmed),
            _ => value.trim_matches(is_trimmed),
        }
        .to_owned())
    }))
}

fn octet_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = if is_bytes(&args[0].column.kind) { Kind::Bytes } else { Kind::Text };
    fixed(args, &[kind], 1, 1, Kind::Int)
}

fn octet_length(call: &Call<'_>) -> Outcome<ArrayRef> {
    if let Some(values) = call.column(0)?.as_binary_opt::<i64>() {
        return Ok(strict!(call.rows, Int32Array; value in values => Some(value.len() as i32)));
    }
    let values = call.texts(0)?;
    Ok(strict!(call.rows, Int32Array; value in values => Some(value.len() as i32)))
}
