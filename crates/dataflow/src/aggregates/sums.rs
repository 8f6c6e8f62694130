//! Counts, sums, means and spreads.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array};
use arrow::datatypes::{Float32Type, Float64Type, i256};

use super::Groups;
use crate::functions::{FunctionError, Outcome, failure, from_double};
use crate::numbers::{from_wide, wide};
use crate::types::type_text;

/// Rows where no argument is NULL.
#[expect(clippy::unnecessary_wraps, reason = "all aggregates are computed by functions of this form")]
pub(super) fn count(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let counts = groups.rows.iter().map(|rows| {
        rows.iter()
            .filter(|(row, _)| groups.args.iter().all(|arg| is_there(arg, *row)))
            .map(|(_, weight)| weight)
            .sum::<i64>()
    });
    Ok(Arc::new(counts.collect::<Int64Array>()))
}

fn is_there(arg: &ArrayRef, row: u32) -> bool {
    !matches!(arg.data_type(), arrow::datatypes::DataType::Null) && arg.is_valid(row as usize)
}

/// Rows where the argument is true.
pub(super) fn count_if(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let array = groups.arg(0)?;
    let values = array.as_boolean_opt().ok_or_else(|| failure!("a condition is expected"))?;
    let count = |rows: Vec<(usize, i64)>| {
        rows.iter().filter(|(row, _)| values.value(*row)).map(|(_, weight)| weight).sum::<i64>()
    };
    Ok(Arc::new(groups.present(array).map(count).collect::<Int64Array>()))
}

fn overflow(groups: &Groups<'_>, what: &str) -> FunctionError {
    failure!("{what} causes overflow for type {}", type_text(&groups.shape.result.kind))
}

/// The sum of each group and how many rows it has, exactly.
fn exact(groups: &Groups<'_>) -> Outcome<Vec<Option<(i256, i64)>>> {
    let array = groups.arg(0)?;
    let values = wide(array, groups.shape.params.first().unwrap_or(&Type::Null))?;
    let mut sums = Vec::with_capacity(groups.rows.len());
    for rows in groups.present(array) {
        let mut sum = None;
        for (row, weight) in rows {
            let (total, count) = sum.get_or_insert((i256::ZERO, 0_i64));
            let part = i256::from_i128(values[row]).checked_mul(i256::from_i128(i128::from(weight)));
            *total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| overflow(groups, "a sum"))?;
            *count += weight;
        }
        sums.push(sum);
    }
    Ok(sums)
}

fn is_float(groups: &Groups<'_>) -> bool {
    matches!(groups.shape.result.kind, Type::Real | Type::Double)
}

/// The values of floating-point rows, each as often as it is there.
fn floats(array: &ArrayRef) -> Outcome<Vec<f64>> {
    if let Some(values) = array.as_primitive_opt::<Float32Type>() {
        return Ok(values.values().iter().map(|value| f64::from(*value)).collect());
    }
    let values = array.as_primitive_opt::<Float64Type>().ok_or_else(|| failure!("a number is expected"))?;
    Ok(values.values().to_vec())
}

fn float_column(values: Vec<Option<f64>>, kind: &Type) -> ArrayRef {
    let one = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
    let values = values.into_iter().map(|value| value.map(one));
    if *kind == Type::Real {
        return Arc::new(values.map(|value| value.map(|value| value as f32)).collect::<Float32Array>());
    }
    Arc::new(values.collect::<Float64Array>())
}

fn float_sums(groups: &Groups<'_>, finish: fn(f64, i64) -> f64) -> Outcome<ArrayRef> {
    let array = groups.arg(0)?;
    let values = floats(array)?;
    let sum = |rows: Vec<(usize, i64)>| {
        let total: f64 = rows.iter().map(|(row, weight)| values[*row] * *weight as f64).sum();
        (!rows.is_empty()).then(|| finish(total, rows.iter().map(|(_, weight)| weight).sum()))
    };
    Ok(float_column(groups.present(array).map(sum).collect(), &groups.shape.result.kind))
}

pub(super) fn sum(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    if is_float(groups) {
        return float_sums(groups, |total, _| total);
    }
    let narrowed = exact(groups)?
        .into_iter()
        .map(|sum| match sum {
            None => Ok(None),
            Some((total, _)) => total.to_i128().map(Some).ok_or_else(|| overflow(groups, "a sum")),
        })
        .collect::<Outcome<Vec<_>>>()?;
    from_wide(&narrowed, &groups.shape.result.kind)
}

pub(super) fn average(groups: &Groups<'_>) -> Outcome<ArrayRef> {
    if is_float(groups) {
        return float_sums(groups, |total, count| total / count as f64);
    }
    let means = exact(groups)?
        .into_iter()
        .map(|sum| match sum {
            None | Some((_, 0)) => Ok(None),
            Some((total, count)) => {
                let mean = total.checked_div(i256::from_i128(i128::from(count))).and_then(i256::to_i128);
                mean.map(Some).ok_or_else(|| overflow(groups, "a mean"))
            }
        })
        .collect::<Outcome<Vec<_>>>()?;
    from_wide(&means, &groups.shape.result.kind)
}

/// The values of an argument as fractions.
fn fractions(groups: &Groups<'_>, at: usize) -> Outcome<Vec<f64>> {
    let kind = groups.shape.params.get(at).ok_or_else(|| failure!("argument {} is missing", at + 1))?;
    if is_float(groups) {
        return floats(groups.arg(at)?);
    }
    let unit = if let Type::Decimal(_, scale) = kind { 10_f64.powi(i32::from(*scale)) } else { 1.0 };
    Ok(wide(groups.arg(at)?, kind)?.into_iter().map(|value| value as f64 / unit).collect())
}

/// A column of fractions as the result's type, cut toward zero.
fn cut_column(values: Vec<Option<f64>>, groups: &Groups<'_>) -> Outcome<ArrayRef> {
    let kind = &groups.shape.result.kind;
    let (digits, scale) = match kind {
        Type::Real | Type::Double => return Ok(float_column(values, kind)),
        Type::Decimal(digits, scale) => (*digits, *scale),
        _ => (38, 0),
    };
    let cut = values
        .into_iter()
        .map(|value| value.map(|value| from_double(value, digits, scale)).transpose())
        .collect::<Outcome<Vec<_>>>()
        .map_err(|_| overflow(groups, "a spread"))?;
    from_wide(&cut, kind)
}

/// The variance or, with `is_root`, the standard deviation; of a sample or of all.
pub(super) fn spread(groups: &Groups<'_>, is_sample: bool, is_root: bool) -> Outcome<ArrayRef> {
    let array = groups.arg(0)?;
    let values = fractions(groups, 0)?;
    let spread = |rows: Vec<(usize, i64)>| {
        let pairs: Vec<(f64, f64, f64)> =
            rows.iter().map(|(row, weight)| (values[*row], values[*row], *weight as f64)).collect();
        let variance = moment(&pairs, is_sample)?;
        Some(if is_root { variance.max(0.0).sqrt() } else { variance })
    };
    cut_column(groups.present(array).map(spread).collect(), groups)
}

/// What is computed of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paired {
    CovarPop,
    CovarSamp,
    Sxx,
    Syy,
}

/// Values over the pairs of (y, x) where neither is NULL.
pub(super) fn paired(groups: &Groups<'_>, what: Paired) -> Outcome<ArrayRef> {
    let (ys, xs) = (groups.arg(0)?, groups.arg(1)?);
    let (y, x) = (fractions(groups, 0)?, fractions(groups, 1)?);
    let value = |rows: Vec<(usize, i64)>| {
        let rows = rows.into_iter().filter(|(row, _)| xs.is_valid(*row));
        let pairs: Vec<(f64, f64, f64)> = rows
            .map(|(row, weight)| match what {
                Paired::Sxx => (x[row], x[row], weight as f64),
                Paired::Syy => (y[row], y[row], weight as f64),
                _ => (y[row], x[row], weight as f64),
            })
            .collect();
        let count: f64 = pairs.iter().map(|(_, _, weight)| weight).sum();
        let mean = moment(&pairs, what == Paired::CovarSamp)?;
        Some(if matches!(what, Paired::Sxx | Paired::Syy) { mean * count } else { mean })
    };
    cut_column(groups.present(ys).map(value).collect(), groups)
}

/// The mean product of the deviations of both parts of weighted pairs.
fn moment(pairs: &[(f64, f64, f64)], is_sample: bool) -> Option<f64> {
    let count: f64 = pairs.iter().map(|(_, _, weight)| weight).sum();
    if count == 0.0 || (is_sample && count <= 1.0) {
        return None;
    }
    let mean = |part: fn(&(f64, f64, f64)) -> f64| pairs.iter().map(|pair| part(pair) * pair.2).sum::<f64>() / count;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let total: f64 = pairs.iter().map(|pair| (pair.0 - a) * (pair.1 - b) * pair.2).sum();
    Some(total / if is_sample { count - 1.0 } else { count })
}
