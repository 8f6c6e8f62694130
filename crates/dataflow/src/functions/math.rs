//! Functions of mathematics.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, Float64Array};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type, Int32Type};

use super::decimal::power_128;
use super::support::{Kind, count, fixed, strict, wrong};
use super::{Arg, Call, Function, Outcome, Shape, failure};

macro_rules! double {
    ($name:literal, $apply:expr) => {
        Function::new($name, |args| fixed(args, &[Kind::Double], 1, 1, Kind::Double), |call| {
            let values = call.numbers::<Float64Type>(0)?;
            let apply: fn(f64) -> f64 = $apply;
            Ok(strict!(call.rows, Float64Array; x in values => Some(canonical(apply(x)))))
        })
    };
}

pub(super) const FUNCTIONS: [Function; 42] = [
    double!("acos", f64::acos),
    double!("acosh", f64::acosh),
    double!("asin", f64::asin),
    double!("asinh", f64::asinh),
    double!("atan", f64::atan),
    double!("atanh", f64::atanh),
    double!("cbrt", f64::cbrt),
    double!("cos", f64::cos),
    double!("cosh", f64::cosh),
    double!("cot", |x| 1.0 / x.tan()),
    double!("coth", |x| 1.0 / x.tanh()),
    double!("csc", |x| 1.0 / x.sin()),
    double!("csch", |x| 1.0 / x.sinh()),
    double!("degrees", f64::to_degrees),
    double!("exp", f64::exp),
    double!("radians", f64::to_radians),
    double!("sec", |x| 1.0 / x.cos()),
    double!("sech", |x| 1.0 / x.cosh()),
    double!("sin", f64::sin),
    double!("sinh", f64::sinh),
    double!("sqrt", f64::sqrt),
    double!("tan", f64::tan),
    double!("tanh", f64::tanh),
    Function::new(
        "atan2",
        |args| fixed(args, &[Kind::Double], 2, 2, Kind::Double),
        |call| {
            let (y, x) = (call.numbers::<Float64Type>(0)?, call.numbers::<Float64Type>(1)?);
            Ok(strict!(call.rows, Float64Array; y in y, x in x => Some(canonical(y.atan2(x)))))
        },
    ),
    Function::new("power", |args| fixed(args, &[Kind::Double], 2, 2, Kind::Double), power),
    Function::new("pow", |args| fixed(args, &[Kind::Double], 2, 2, Kind::Double), power),
    Function::new(
        "pi",
        |args| fixed(args, &[], 0, 0, Kind::Double),
        |call| Ok(Arc::new(Float64Array::from(vec![std::f64::consts::PI; call.rows]))),
    ),
    Function::new("ln", |args| fixed(args, &[Kind::Double], 1, 1, Kind::Double), |call| logarithm(call, "LN", f64::ln)),
    Function::new(
        "log10",
        |args| fixed(args, &[Kind::Double], 1, 1, Kind::Double),
        |call| logarithm(call, "LOG10", f64::log10),
    ),
    Function::new("log", |args| fixed(args, &[Kind::Double], 1, 2, Kind::Double), log),
    Function::new("is_nan", float_shape, |call| tested(call, f64::is_nan)),
    Function::new("is_inf", float_shape, |call| tested(call, f64::is_infinite)),
    Function::new("finite_or_null", finite_shape, finite_or_null),
    Function::new("sign", sign_shape, sign),
    Function::new("ceil", round_shape, |call| rounded(call, Rounding::Up)),
    Function::new("ceiling", round_shape, |call| rounded(call, Rounding::Up)),
    Function::new("floor", round_shape, |call| rounded(call, Rounding::Down)),
    Function::new("round", round_shape, |call| rounded(call, Rounding::HalfAway)),
    Function::new("bround", round_shape, |call| rounded(call, Rounding::HalfEven)),
    Function::new("trunc", round_shape, |call| rounded(call, Rounding::Cut)),
    Function::new("truncate", round_shape, |call| rounded(call, Rounding::Cut)),
    Function::new("sequence", sequence_shape, sequence),
];

/// One zero, one not-a-number.
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

fn power(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (base, exponent) = (call.numbers::<Float64Type>(0)?, call.numbers::<Float64Type>(1)?);
    Ok(strict!(call.rows, Float64Array; base in base, exponent in exponent => Some(canonical(base.powf(exponent)))))
}

fn logarithm(call: &Call<'_>, name: &str, apply: fn(f64) -> f64) -> Outcome<ArrayRef> {
    let values = call.numbers::<Float64Type>(0)?;
    Ok(strict!(call.rows, Float64Array; x in values => {
        if x < 0.0 {
            return Err(failure!("{name}({x}) is not defined: the number is negative"));
        }
        Some(canonical(apply(x)))
    }))
}

fn log(call: &Call<'_>) -> Outcome<ArrayRef> {
    if call.args.len() == 1 {
        return logarithm(call, "LOG", f64::ln);
    }
    let (values, bases) = (call.numbers::<Float64Type>(0)?, call.numbers::<Float64Type>(1)?);
    Ok(strict!(call.rows, Float64Array; x in values, base in bases => {
        if x < 0.0 || base < 0.0 {
            return Err(failure!("LOG({x}, {base}) is not defined: a number is negative"));
        }
        Some(canonical(x.ln() / base.ln()))
    }))
}

fn float_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    fixed(args, &[Kind::Double], 1, 1, Kind::Boolean)
}

fn tested(call: &Call<'_>, test: fn(f64) -> bool) -> Outcome<ArrayRef> {
    let values = call.numbers::<Float64Type>(0)?;
    Ok(strict!(call.rows, BooleanArray; x in values => Some(test(x))))
}

fn finite_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    match &args[0].column.kind {
        kind @ (Type::Real | Type::Double) => Ok(Shape::nullable(vec![kind.clone()], kind.clone())),
        _ => Err(wrong(args, 0, "REAL or DOUBLE")),
    }
}

fn finite_or_null(call: &Call<'_>) -> Outcome<ArrayRef> {
    if call.shape.result.kind == Type::Real {
        let values = call.numbers::<Float32Type>(0)?;
        return Ok(strict!(call.rows, Float32Array; x in values => x.is_finite().then_some(x)));
    }
    let values = call.numbers::<Float64Type>(0)?;
    Ok(strict!(call.rows, Float64Array; x in values => x.is_finite().then_some(x)))
}

fn sign_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = &args[0].column.kind;
    if super::arithmetic::is_number(kind) {
        Ok(Shape::strict(args, vec![kind.clone()], kind.clone()))
    } else {
        Err(wrong(args, 0, "a number"))
    }
}

fn sign(call: &Call<'_>) -> Outcome<ArrayRef> {
    let kind = &call.shape.result.kind;
    match kind {
        Type::Real => {
            let values = call.numbers::<Float32Type>(0)?;
            Ok(
                strict!(call.rows, Float32Array; x in values => Some(if x == 0.0 || x.is_nan() { x } else { x.signum() })),
            )
        }
        Type::Double => {
            let values = call.numbers::<Float64Type>(0)?;
            Ok(
                strict!(call.rows, Float64Array; x in values => Some(if x == 0.0 || x.is_nan() { x } else { x.signum() })),
            )
        }
        _ => {
            let unit = if let Type::Decimal(_, scale) = kind { power_128(u32::from(*scale))? } else { 1 };
            let array = call.column(0)?;
            let values = crate::numbers::wide(array, kind)?;
            let column: Vec<Option<i128>> = values
                .into_iter()
                .enumerate()
                .map(|(row, x)| arrow::array::Array::is_valid(array, row).then(|| x.signum() * unit))
                .collect();
            crate::numbers::from_wide(&column, kind)
        }
    }
}

/// What becomes of the digits that go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Up,
    Down,
    HalfAway,
    HalfEven,
    Cut,
}

impl Rounding {
    fn double(self, x: f64) -> f64 {
        match self {
            Self::Up => x.ceil(),
            Self::Down => x.floor(),
            Self::HalfAway => x.round(),
            Self::HalfEven => x.round_ties_even(),
            Self::Cut => x.trunc(),
        }
    }

    /// A number in units of which so many make a unit that is kept, rounded to those.
    fn whole(self, x: i128, unit: i128) -> i128 {
        let (quotient, rest) = (x.div_euclid(unit), x.rem_euclid(unit));
        let up = match self {
            Self::Up => rest > 0,
            Self::Down => false,
            Self::Cut => rest > 0 && x < 0,
            Self::HalfAway => rest > unit - rest || (rest == unit - rest && x > 0),
            Self::HalfEven => rest > unit - rest || (rest == unit - rest && quotient % 2 != 0),
        };
        (quotient + i128::from(up && rest != 0)).saturating_mul(unit)
    }
}

fn round_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, 2)?;
    let kind = args[0].column.kind.clone();
    if !super::arithmetic::is_number(&kind) {
        return Err(wrong(args, 0, "a number"));
    }
    let mut params = vec![kind.clone()];
    if let Some(digits) = args.get(1) {
        if !matches!(digits.column.kind, Type::Int(_) | Type::Null) {
            return Err(wrong(args, 1, "INTEGER"));
        }
        params.push(Type::Int(IntWidth::Normal));
    }
    Ok(Shape::strict(args, params, kind))
}

fn rounded(call: &Call<'_>, how: Rounding) -> Outcome<ArrayRef> {
    let digits = if call.args.len() > 1 { Some(call.numbers::<Int32Type>(1)?) } else { None };
    let is_null = |row: usize| digits.is_some_and(|digits| arrow::array::Array::is_null(digits, row));
    let at = |row: usize| digits.map_or(0, |digits| digits.value(row));
    let fraction = |x: f64, digits: i32| {
        let factor = 10_f64.powi(digits.clamp(-308, 308));
        let scaled = x * factor;
        // Beyond what the number holds nothing is left to be rounded.
        canonical(if !scaled.is_finite() || factor == 0.0 { x } else { how.double(scaled) / factor })
    };
    match &call.shape.result.kind {
        Type::Real => {
            let values = call.numbers::<Float32Type>(0)?;
            let column = values
                .iter()
                .enumerate()
                .map(|(row, x)| x.filter(|_| !is_null(row)).map(|x| fraction(f64::from(x), at(row)) as f32));
            Ok(Arc::new(column.collect::<Float32Array>()))
        }
        Type::Double => {
            let values = call.numbers::<Float64Type>(0)?;
            let column =
                values.iter().enumerate().map(|(row, x)| x.filter(|_| !is_null(row)).map(|x| fraction(x, at(row))));
            Ok(Arc::new(column.collect::<Float64Array>()))
        }
        Type::Decimal(digits, scale) => {
            let values = call.numbers::<Decimal128Type>(0)?;
            let column = values.iter().enumerate().map(|(row, x)| {
                let dropped = i64::from(*scale) - i64::from(at(row));
                x.filter(|_| !is_null(row)).map(|x| round_whole(how, x, dropped))
            });
            let column: Vec<Option<i128>> = column.collect();
            crate::numbers::from_wide(&column, &Type::Decimal(*digits, *scale))
        }
        kind => {
            let array = call.column(0)?;
            let values = crate::numbers::wide(array, kind)?;
            let value = |(row, x): (usize, i128)| {
                let is_there = arrow::array::Array::is_valid(array, row) && !is_null(row);
                is_there.then(|| round_whole(how, x, -i64::from(at(row))))
            };
            let column: Vec<Option<i128>> = values.into_iter().enumerate().map(value).collect();
            crate::numbers::from_wide(&column, kind)
        }
    }
}

/// A number without its last digits: zeros stand for them.
fn round_whole(how: Rounding, x: i128, dropped: i64) -> i128 {
    if dropped <= 0 {
        return x;
    }
    match u32::try_from(dropped).ok().and_then(|dropped| 10_i128.checked_pow(dropped)) {
        Some(unit) => how.whole(x, unit),
        None => 0,
    }
}

fn sequence_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    fixed(args, &[Kind::Int], 2, 2, Kind::Int)?;
    let whole = Type::Int(IntWidth::Normal);
    Ok(Shape::strict(args, vec![whole.clone(), whole.clone()], Type::Array(Box::new(whole))))
}

/// How many elements one call of SEQUENCE gives for all rows together.
const SEQUENCE_ELEMENTS_MAX: i64 = 100_000_000;

fn sequence(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (starts, ends) = (call.numbers::<Int32Type>(0)?, call.numbers::<Int32Type>(1)?);
    let mut total = 0;
    let mut builder = arrow::array::LargeListBuilder::new(arrow::array::Int32Builder::new());
    for (start, end) in starts.iter().zip(ends) {
        let (Some(start), Some(end)) = (start, end) else {
            builder.append(false);
            continue;
        };
        total += (i64::from(end) - i64::from(start) + 1).max(0);
        if total > SEQUENCE_ELEMENTS_MAX {
            return Err(failure!("SEQUENCE({start}, {end}) gives too many elements"));
        }
        (start..=end).for_each(|value| builder.values().append_value(value));
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}
