//! Whole numbers: what does not fit fails.

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::super::support::strict;
use super::super::{Call, FunctionError, Outcome, failure};
use super::Operator;
use crate::types::type_text;

/// Runs a body with the type of memory that a whole number has.
macro_rules! by_width {
    ($kind:expr, $body:ident $(, $arg:expr)*) => {
        match $kind {
            Type::Int(IntWidth::Tiny) => $body::<Int8Type>($($arg),*),
            Type::Int(IntWidth::Small) => $body::<Int16Type>($($arg),*),
            Type::Int(IntWidth::Normal) => $body::<Int32Type>($($arg),*),
            Type::Int(IntWidth::Big) => $body::<Int64Type>($($arg),*),
            Type::UInt(IntWidth::Tiny) => $body::<UInt8Type>($($arg),*),
            Type::UInt(IntWidth::Small) => $body::<UInt16Type>($($arg),*),
            Type::UInt(IntWidth::Normal) => $body::<UInt32Type>($($arg),*),
            Type::UInt(IntWidth::Big) => $body::<UInt64Type>($($arg),*),
            other => Err(failure!("{} is not a whole number", type_text(other))),
        }
    };
}

pub(super) fn kernel(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef> {
    by_width!(&call.shape.result.kind, binary, operator, call)
}

fn binary<T: ArrowPrimitiveType>(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    let (left, right) = (call.numbers::<T>(0)?, call.numbers::<T>(1)?);
    Ok(strict!(call.rows, PrimitiveArray<T>; a in left, b in right => {
        let value = match operator {
            Operator::Add => a.add_checked(b),
            Operator::Subtract => a.sub_checked(b),
            Operator::Multiply => a.mul_checked(b),
            Operator::Divide => a.div_checked(b),
            // The least number divided by -1 leaves nothing over, though the quotient does not fit.
            Operator::Remainder if b.is_zero() => a.mod_checked(b),
            Operator::Remainder => Ok(a.mod_wrapping(b)),
        };
        Some(value.map_err(|_| failed(operator, a, b, &call.shape.result.kind))?)
    }))
}

fn failed<N: ArrowNativeTypeOp + std::fmt::Display>(operator: Operator, a: N, b: N, kind: &Type) -> FunctionError {
    if b.is_zero() && matches!(operator, Operator::Divide | Operator::Remainder) {
        return failure!("'{a} {} {b}' divides by zero", operator.sign());
    }
    failure!("'{a} {} {b}' causes overflow for type {}", operator.sign(), type_text(kind))
}

pub(super) fn negate(call: &Call<'_>) -> Outcome<ArrayRef> {
    by_width!(&call.shape.result.kind, negate_as, call)
}

fn negate_as<T: ArrowPrimitiveType>(call: &Call<'_>) -> Outcome<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    let values = call.numbers::<T>(0)?;
    let kind = &call.shape.result.kind;
    Ok(strict!(call.rows, PrimitiveArray<T>; value in values => {
        Some(value.neg_checked().map_err(|_| failure!("'- {value}' causes overflow for type {}", type_text(kind)))?)
    }))
}

pub(super) fn abs(call: &Call<'_>) -> Outcome<ArrayRef> {
    by_width!(&call.shape.result.kind, abs_as, call)
}

fn abs_as<T: ArrowPrimitiveType>(call: &Call<'_>) -> Outcome<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    let values = call.numbers::<T>(0)?;
    let kind = &call.shape.result.kind;
    Ok(strict!(call.rows, PrimitiveArray<T>; value in values => {
        let overflow = || failure!("'ABS({value})' causes overflow for type {}", type_text(kind));
        Some(if value.is_lt(T::Native::ZERO) { value.neg_checked().map_err(|_| overflow())? } else { value })
    }))
}
