//! `+`, `-`, `*`, `/`, `%` and signs: on whole numbers checked, on decimals by the rules of their digits, on floating-point
//! numbers as their standard says, and on dates and times with intervals.

mod floats;
mod moments;
mod wholes;

pub(crate) use moments::{days_plus_months, timestamp_plus_months};

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{Decimal128Type, i256};

use super::decimal::{decimal_text, fit, rescale};
use super::support::{count, types_text};
use super::{Arg, Call, Function, Outcome, Shape, failure};
use crate::types::{decimal_of, decimal_product, decimal_quotient, decimal_sum, numeric_common, type_text};

/// An operator on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
            Self::Remainder => '%',
        }
    }
}

macro_rules! binary {
    ($name:literal, $operator:expr) => {
        Function::new($name, |args| shape($operator, args), |call| kernel($operator, call))
    };
}

pub(super) const FUNCTIONS: [Function; 10] = [
    binary!("__add", Operator::Add),
    binary!("__subtract", Operator::Subtract),
    binary!("__multiply", Operator::Multiply),
    binary!("__divide", Operator::Divide),
    binary!("__remainder", Operator::Remainder),
    binary!("mod", Operator::Remainder),
    Function::new("__negate", negate_shape, negate),
    Function::new("__plus", plus_shape, |call| Ok(call.column(0)?.clone())),
    Function::new("div_null", div_null_shape, div_null),
    Function::new("abs", abs_shape, abs),
];

pub(super) fn is_number(kind: &Type) -> bool {
    matches!(kind, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double)
}

fn shape(operator: Operator, args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let (left, right) = (&args[0].column.kind, &args[1].column.kind);
    if let Some((params, result)) = moments::shape(operator, left, right) {
        return Ok(Shape::strict(args, params, result));
    }
    let (left, right) = match (left, right) {
        (Type::Null, other) | (other, Type::Null) => (other, other),
        both => both,
    };
    let refused = || failure!("‘{}’ is not defined for {}", operator.sign(), types_text(args));
    if !is_number(left) || !is_number(right) {
        return Err(refused());
    }
    let common = numeric_common(left, right).ok_or_else(refused)?;
    let (Type::Decimal(..), Some(one), Some(two)) = (&common, decimal_of(left), decimal_of(right)) else {
        return Ok(Shape::strict(args, vec![common.clone(), common.clone()], common));
    };
    let result = match operator {
        Operator::Add | Operator::Subtract => decimal_sum(one, two),
        Operator::Multiply => decimal_product(one, two),
        Operator::Divide => decimal_quotient(one, two),
        Operator::Remainder => {
            let scale = one.1.max(two.1);
            Type::Decimal(((one.0 - one.1).min(two.0 - two.1) + scale).max(1), scale)
        }
    };
    Ok(Shape::strict(args, vec![Type::Decimal(one.0, one.1), Type::Decimal(two.0, two.1)], result))
}

fn kernel(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef> {
    match (call.param(0)?, call.param(1)?) {
        (Type::Decimal(_, s1), Type::Decimal(_, s2)) => decimals(operator, call, *s1, *s2),
        (Type::Real | Type::Double, Type::Real | Type::Double) => floats::kernel(operator, call),
        (Type::Int(_) | Type::UInt(_), Type::Int(_) | Type::UInt(_)) => wholes::kernel(operator, call),
        _ => moments::kernel(operator, call),
    }
}

fn decimals(operator: Operator, call: &Call<'_>, s1: u8, s2: u8) -> Outcome<ArrayRef> {
    let Type::Decimal(digits, scale) = call.shape.result.kind else { return Err(failure!("a decimal is planned")) };
    let (left, right) = (call.numbers::<Decimal128Type>(0)?, call.numbers::<Decimal128Type>(1)?);
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if left.is_null(row) || right.is_null(row) {
            values.push(None);
            continue;
        }
        let (a, b) = (left.value(row), right.value(row));
        let shown = || format!("'{} {} {}'", decimal_text(a, s1), operator.sign(), decimal_text(b, s2));
        if b == 0 && matches!(operator, Operator::Divide | Operator::Remainder) {
            return Err(failure!("{} divides by zero", shown()));
        }
        let value = exact(operator, (i256::from_i128(a), s1), (i256::from_i128(b), s2), scale);
        let value = value.ok().and_then(|value| fit(value, digits));
        let kind = &call.shape.result.kind;
        values.push(Some(value.ok_or_else(|| failure!("{} causes overflow for type {}", shown(), type_text(kind)))?));
    }
    let values = arrow::array::Decimal128Array::from(values).with_precision_and_scale(digits, scale as i8)?;
    Ok(std::sync::Arc::new(values))
}

/// The result in units of the wanted scale; digits beyond it are cut.
fn exact(operator: Operator, (a, s1): (i256, u8), (b, s2): (i256, u8), scale: u8) -> Outcome<i256> {
    let wide = s1.max(s2);
    let missing = || failure!("a decimal number is too large");
    match operator {
        Operator::Add => {
            rescale(rescale(a, s1, wide)?.checked_add(rescale(b, s2, wide)?).ok_or_else(missing)?, wide, scale)
        }
        Operator::Subtract => {
            rescale(rescale(a, s1, wide)?.checked_sub(rescale(b, s2, wide)?).ok_or_else(missing)?, wide, scale)
        }
        Operator::Multiply => rescale(a.checked_mul(b).ok_or_else(missing)?, s1 + s2, scale),
        Operator::Remainder => {
            rescale(rescale(a, s1, wide)?.checked_rem(rescale(b, s2, wide)?).ok_or_else(missing)?, wide, scale)
        }
        Operator::Divide => {
            // a / 10^s1 divided by b / 10^s2, in units of 10^-scale.
            let (up, down) = (scale + s2, s1);
            let (a, b) = if up >= down { (rescale(a, 0, up - down)?, b) } else { (a, rescale(b, 0, down - up)?) };
            a.checked_div(b).ok_or_else(missing)
        }
    }
}

fn negate_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = &args[0].column.kind;
    match kind {
        Type::UInt(_) => Err(failure!("‘-’ is not defined for {}, which has no negative numbers", type_text(kind))),
        kind if is_number(kind) || matches!(kind, Type::Interval(_) | Type::Null) => {
            Ok(Shape::strict(args, vec![kind.clone()], kind.clone()))
        }
        _ => Err(failure!("‘-’ is not defined for {}", type_text(kind))),
    }
}

fn plus_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = &args[0].column.kind;
    if is_number(kind) || matches!(kind, Type::Interval(_) | Type::Null) {
        return Ok(Shape::strict(args, vec![kind.clone()], kind.clone()));
    }
    Err(failure!("‘+’ is not defined for {}", type_text(kind)))
}

fn negate(call: &Call<'_>) -> Outcome<ArrayRef> {
    match call.param(0)? {
        Type::Decimal(digits, scale) => {
            let values = call.numbers::<Decimal128Type>(0)?;
            let values: arrow::array::Decimal128Array = values.iter().map(|value| value.map(|value| -value)).collect();
            Ok(std::sync::Arc::new(values.with_precision_and_scale(*digits, *scale as i8)?))
        }
        Type::Real | Type::Double => floats::negate(call),
        Type::Interval(_) => moments::negate(call),
        Type::Null => Ok(call.column(0)?.clone()),
        _ => wholes::negate(call),
    }
}

fn div_null_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut planned = shape(Operator::Divide, args)?;
    planned.result.is_nullable = true;
    Ok(planned)
}

/// A quotient row by row, NULL where there is none.
fn div_null(call: &Call<'_>) -> Outcome<ArrayRef> {
    if let Ok(all) = kernel(Operator::Divide, call) {
        return Ok(all);
    }
    let mut parts = Vec::with_capacity(call.rows);
    let nothing = arrow::array::new_null_array(&crate::types::data_type(&call.shape.result.kind), 1);
    for row in 0..call.rows {
        let args: Vec<ArrayRef> = call.args.iter().map(|arg| arg.slice(row, 1)).collect();
        let one = Call { args: &args, shape: call.shape, rows: 1 };
        parts.push(kernel(Operator::Divide, &one).unwrap_or_else(|_| nothing.clone()));
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::concat(&parts)?)
}

fn abs_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = &args[0].column.kind;
    if is_number(kind) || *kind == Type::Null {
        return Ok(Shape::strict(args, vec![kind.clone()], kind.clone()));
    }
    Err(failure!("ABS is not defined for {}", type_text(kind)))
}

fn abs(call: &Call<'_>) -> Outcome<ArrayRef> {
    match call.param(0)? {
        Type::Decimal(digits, scale) => {
            let values = call.numbers::<Decimal128Type>(0)?;
            let values: arrow::array::Decimal128Array = values.iter().map(|value| value.map(i128::abs)).collect();
            Ok(std::sync::Arc::new(values.with_precision_and_scale(*digits, *scale as i8)?))
        }
        Type::Real | Type::Double => floats::abs(call),
        Type::UInt(_) | Type::Null => Ok(call.column(0)?.clone()),
        _ => wholes::abs(call),
    }
}
