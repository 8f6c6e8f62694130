//! Choices between values: `CASE`, `COALESCE`, `NULLIF`, the greatest and the least.

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, BooleanArray, new_null_array};

use super::compare::encode;
use super::support::{count, types_text, wrong};
use super::{Arg, Call, Evaluation, Function, Outcome, Shape, failure};
use crate::types::{common_type, comparable_type, data_type};

pub(super) const FUNCTIONS: [Function; 9] = [
    Function { evaluation: Evaluation::Cases, ..Function::new("__case", case_shape, case) },
    Function { evaluation: Evaluation::Cases, ..Function::new("if", case_shape, case) },
    Function { evaluation: Evaluation::FirstValue, ..Function::new("coalesce", coalesce_shape, coalesce) },
    Function { evaluation: Evaluation::FirstValue, ..Function::new("ifnull", coalesce_shape, coalesce) },
    Function::new("nullif", nullif_shape, nullif),
    Function::new("greatest", |args| extreme_shape(args, false), |call| extreme(call, true, false)),
    Function::new("least", |args| extreme_shape(args, false), |call| extreme(call, false, false)),
    Function::new("greatest_ignore_nulls", |args| extreme_shape(args, true), |call| extreme(call, true, true)),
    Function::new("least_ignore_nulls", |args| extreme_shape(args, true), |call| extreme(call, false, true)),
];

fn common_of<'a>(args: &[Arg<'_>], kinds: impl Iterator<Item = &'a Type>) -> Outcome<Type> {
    let mut common = Type::Null;
    for kind in kinds {
        common = common_type(&common, kind).ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    }
    Ok(common)
}

/// `condition, value, …[, otherwise]`.
fn case_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.len() < 2 {
        return Err(failure!("a choice needs a condition and a value"));
    }
    let is_value = |at: usize| at % 2 == 1 || at + 1 == args.len();
    let common =
        common_of(args, args.iter().enumerate().filter(|(at, _)| is_value(*at)).map(|(_, arg)| &arg.column.kind))?;
    let mut params = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        if is_value(at) {
            params.push(common.clone());
        } else if matches!(arg.column.kind, Type::Boolean | Type::Null) {
            params.push(Type::Boolean);
        } else {
            return Err(wrong(args, at, "BOOLEAN"));
        }
    }
    let has_otherwise = args.len() % 2 == 1;
    let mut shape = Shape::nullable(params, common);
    shape.result.is_nullable = !has_otherwise
        || args
            .iter()
            .enumerate()
            .any(|(at, arg)| is_value(at) && (arg.column.is_nullable || arg.column.kind == Type::Null));
    Ok(shape)
}

fn case(call: &Call<'_>) -> Outcome<ArrayRef> {
    let mut chosen = vec![None; call.rows];
    for at in (0..call.args.len().saturating_sub(1)).step_by(2) {
        let condition = call.booleans(at)?;
        for (row, chosen) in chosen.iter_mut().enumerate() {
            if chosen.is_none() && condition.is_valid(row) && condition.value(row) {
                *chosen = Some(at + 1);
            }
        }
    }
    if call.args.len() % 2 == 1 {
        chosen.iter_mut().for_each(|chosen| *chosen = chosen.or(Some(call.args.len() - 1)));
    }
    pick(call, &chosen)
}

/// The column whose rows come from the arguments that were chosen, or are NULL.
fn pick(call: &Call<'_>, chosen: &[Option<usize>]) -> Outcome<ArrayRef> {
    let nothing = new_null_array(&data_type(&call.shape.result.kind), 1);
    let mut sources: Vec<&dyn Array> = call.args.iter().map(AsRef::as_ref).collect();
    // Arguments that are never chosen, like conditions, are of other kinds.
    for source in &mut sources {
        if source.data_type() != nothing.data_type() {
            *source = nothing.as_ref();
        }
    }
    sources.push(nothing.as_ref());
    let places: Vec<(usize, usize)> =
        chosen.iter().enumerate().map(|(row, chosen)| chosen.map_or((call.args.len(), 0), |at| (at, row))).collect();
    Ok(arrow::compute::interleave(&sources, &places)?)
}

fn coalesce_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.is_empty() {
        return Err(failure!("it takes one argument or more"));
    }
    let common = common_of(args, args.iter().map(|arg| &arg.column.kind))?;
    let mut shape = Shape::strict(args, vec![common.clone(); args.len()], common);
    shape.result.is_nullable = args.iter().all(|arg| arg.column.is_nullable || arg.column.kind == Type::Null);
    Ok(shape)
}

fn coalesce(call: &Call<'_>) -> Outcome<ArrayRef> {
    let chosen: Vec<Option<usize>> =
        (0..call.rows).map(|row| call.args.iter().position(|arg| arg.is_valid(row))).collect();
    pick(call, &chosen)
}

fn nullif_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let common = comparable_type(&args[0].column.kind, &args[1].column.kind)
        .ok_or_else(|| failure!("NULLIF does not compare {}", types_text(args)))?;
    if matches!(common, Type::Row(_)) {
        return Err(failure!("NULLIF does not compare rows"));
    }
    Ok(Shape::nullable(vec![common.clone(), common.clone()], common))
}

fn nullif(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (value, other) = (call.column(0)?, call.column(1)?);
    let (a, b) = (encode(value)?, encode(other)?);
    let equal: BooleanArray = (0..call.rows)
        .map(|row| Some(value.is_valid(row) && other.is_valid(row) && a.row(row) == b.row(row)))
        .collect();
    Ok(arrow::compute::nullif(value, &equal)?)
}

fn extreme_shape(args: &[Arg<'_>], ignores_nulls: bool) -> Outcome<Shape> {
    if args.is_empty() {
        return Err(failure!("it takes one argument or more"));
    }
    let common = common_of(args, args.iter().map(|arg| &arg.column.kind))?;
    let mut shape = Shape::strict(args, vec![common.clone(); args.len()], common);
    if ignores_nulls {
        shape.result.is_nullable = args.iter().all(|arg| arg.column.is_nullable || arg.column.kind == Type::Null);
    }
    Ok(shape)
}

fn extreme(call: &Call<'_>, greatest: bool, ignores_nulls: bool) -> Outcome<ArrayRef> {
    let encoded = call.args.iter().map(encode).collect::<Outcome<Vec<_>>>()?;
    let best = |row: usize| {
        let mut values = (0..call.args.len()).filter(|at| call.args[*at].is_valid(row));
        if !ignores_nulls && call.args.iter().any(|arg| arg.is_null(row)) {
            return None;
        }
        let first = values.next()?;
        Some(values.fold(first, |best, at| {
            let order = encoded[at].row(row).cmp(&encoded[best].row(row));
            if if greatest { order.is_gt() } else { order.is_lt() } { at } else { best }
        }))
    };
    let chosen: Vec<Option<usize>> = (0..call.rows).map(best).collect();
    pick(call, &chosen)
}
