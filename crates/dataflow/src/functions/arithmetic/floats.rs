//! Floating-point numbers: divided by zero they are infinite or not a number. There is one zero and one not-a-number.

use alluvium_sql::types::Type;
use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Float32Type, Float64Type};

use super::super::support::strict;
use super::super::{Call, Outcome};
use super::Operator;

/// What both widths can do.
trait Float: Copy {
    fn apply(self, operator: Operator, other: Self) -> Self;
    fn negated(self) -> Self;
    fn absolute(self) -> Self;
}

macro_rules! float {
    ($kind:ty) => {
        impl Float for $kind {
            fn apply(self, operator: Operator, other: Self) -> Self {
                let value = match operator {
                    Operator::Add => self + other,
                    Operator::Subtract => self - other,
                    Operator::Multiply => self * other,
                    Operator::Divide => self / other,
                    Operator::Remainder => self % other,
                };
                // What is not a number has a sign too; adding zero makes the negative zero the positive one.
                if value.is_nan() { <$kind>::NAN } else { value + 0.0 }
            }

            fn negated(self) -> Self {
                0.0 - self
            }

            fn absolute(self) -> Self {
                self.abs()
            }
        }
    };
}
float!(f32);
float!(f64);

pub(super) fn kernel(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef> {
    fn binary<T: ArrowPrimitiveType<Native: Float>>(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef> {
        let (left, right) = (call.numbers::<T>(0)?, call.numbers::<T>(1)?);
        Ok(strict!(call.rows, PrimitiveArray<T>; a in left, b in right => Some(a.apply(operator, b))))
    }
    if call.shape.result.kind == Type::Real {
        return binary::<Float32Type>(operator, call);
    }
    binary::<Float64Type>(operator, call)
}

pub(super) fn negate(call: &Call<'_>) -> Outcome<ArrayRef> {
    unary(call, Float::negated, Float::negated)
}

pub(super) fn abs(call: &Call<'_>) -> Outcome<ArrayRef> {
    unary(call, Float::absolute, Float::absolute)
}

fn unary(call: &Call<'_>, single: fn(f32) -> f32, double: fn(f64) -> f64) -> Outcome<ArrayRef> {
    if call.shape.result.kind == Type::Real {
        let values = call.numbers::<Float32Type>(0)?;
        return Ok(strict!(call.rows, PrimitiveArray<Float32Type>; value in values => Some(single(value))));
    }
    let values = call.numbers::<Float64Type>(0)?;
    Ok(strict!(call.rows, PrimitiveArray<Float64Type>; value in values => Some(double(value))))
}
