//! Casts: between numbers, from and to text, between dates and times.

mod calendar;
mod numbers;
mod readers;
mod texts;

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, StringArray, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field};

pub(crate) use calendar::{DAY_MICROS, DAY_NANOS, civil_of_days, days_of_civil};

use super::{Arg, Call, Function, Outcome, Shape, failure, support};
use crate::types::{data_type, parse_type, type_text};

/// How deep values may lie in one another when they are cast.
const NESTING_DEPTH_MAX: usize = 32;

/// What becomes of a value that cannot be cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// The step fails.
    Error,
    /// It becomes NULL.
    Null,
}

pub(super) const FUNCTIONS: [Function; 2] = [
    Function::new("__cast", |args| shape(args, Failing::Error), |call| kernel(call, Failing::Error)),
    Function::new("__safe_cast", |args| shape(args, Failing::Null), |call| kernel(call, Failing::Null)),
];

fn shape(args: &[Arg<'_>], failing: Failing) -> Outcome<Shape> {
    support::count(args, 2, 2)?;
    let text = args[0].text().ok_or_else(|| failure!("the type of a cast is a constant text"))?;
    let to = parse_type(text).map_err(|error| failure!("{error}"))?;
    let from = args[1].column.kind.clone();
    if !is_castable(&from, &to, 0) {
        return Err(failure!("{} cannot be cast to {}", type_text(&from), type_text(&to)));
    }
    let params = vec![Type::Varchar(None), from];
    Ok(match failing {
        Failing::Error => Shape::strict(&args[1..], params, to),
        Failing::Null => Shape::nullable(params, to),
    })
}

fn kernel(call: &Call<'_>, failing: Failing) -> Outcome<ArrayRef> {
    cast(call.column(1)?, call.param(1)?, &call.shape.result.kind, failing)
}

/// Whether there is a cast, as far as the types tell.
fn is_castable(from: &Type, to: &Type, depth: usize) -> bool {
    if depth > NESTING_DEPTH_MAX {
        return false;
    }
    let number =
        |kind: &Type| matches!(kind, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double);
    let text = |kind: &Type| matches!(kind, Type::Char(_) | Type::Varchar(_));
    let bytes = |kind: &Type| matches!(kind, Type::Binary(_) | Type::Varbinary(_));
    match (from, to) {
        (Type::Null, _) => true,
        (from, to) if from == to => true,
        (Type::Variant, other) | (other, Type::Variant) => {
            !matches!(other, Type::Array(_) | Type::Map(..) | Type::Row(_) | Type::Interval(_) | Type::Variant)
        }
        (from, to) if number(from) && number(to) => true,
        (from, Type::Boolean) if number(from) || text(from) => true,
        (Type::Boolean, to) if number(to) => true,
        (Type::Timestamp | Type::Interval(_), to) if number(to) => true,
        (from, Type::Timestamp) if number(from) => true,
        (Type::Int(_) | Type::UInt(_), Type::Interval(_)) => true,
        (Type::Interval(a), Type::Interval(b)) => a.is_long() == b.is_long(),
        (Type::Date | Type::Time | Type::TimestampTz, Type::Timestamp)
        | (Type::Timestamp, Type::Date | Type::Time | Type::TimestampTz)
        | (Type::TimestampTz, Type::Date | Type::Time)
        | (Type::Date, Type::TimestampTz) => !matches!((from, to), (Type::Time, Type::Timestamp)),
        (from, to) if text(from) => !matches!(to, Type::Array(_) | Type::Map(..) | Type::Row(_) | Type::Interval(_)),
        (from, to) if text(to) => !matches!(from, Type::Array(_) | Type::Map(..) | Type::Row(_)),
        (from, to) if bytes(from) && bytes(to) => true,
        (Type::Int(_) | Type::UInt(_), to) if bytes(to) => true,
        (Type::Uuid, to) if bytes(to) => true,
        (Type::Array(a), Type::Array(b)) => is_castable(a, b, depth + 1),
        (Type::Map(a, x), Type::Map(b, y)) => is_castable(a, b, depth + 1) && is_castable(x, y, depth + 1),
        (Type::Row(a), Type::Row(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| is_castable(&a.column_type.kind, &b.column_type.kind, depth + 1))
        }
        _ => false,
    }
}

/// Casts a column.
pub(crate) fn cast(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    let wanted = data_type(to);
    if from == to {
        return Ok(Arc::clone(array));
    }
    if *from == Type::Null || *array.data_type() == DataType::Null {
        return Ok(new_null_array(&wanted, array.len()));
    }
    match (from, to) {
        (Type::Variant, to) => super::variant::to_kind(array, to),
        (from, Type::Variant) => super::variant::from_kind(array, from),
        (Type::Array(a), Type::Array(b)) => list(array, a, b, failing, &wanted),
        (Type::Map(a, x), Type::Map(b, y)) => super::maps::cast_map(array, to, |part, at| {
            if at == 0 { cast(part, a, b, failing) } else { cast(part, x, y, failing) }
        }),
        (Type::Row(a), Type::Row(b)) => row(array, a, b, failing),
        (_, Type::Char(_) | Type::Varchar(_)) => texts::to_text(array, from, to),
        (_, Type::Binary(_) | Type::Varbinary(_)) => texts::to_bytes(array, from, to, failing),
        (_, Type::Uuid) => texts::to_uuid(array, failing),
        (_, Type::Boolean) => numbers::to_boolean(array, from, failing),
        (_, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double) => {
            numbers::to_number(array, from, to, failing)
        }
        _ => numbers::to_time(array, from, to, failing),
    }
}

fn list(array: &ArrayRef, from: &Type, to: &Type, failing: Failing, wanted: &DataType) -> Outcome<ArrayRef> {
    let list = array.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    let DataType::LargeList(item) = wanted else { return Err(failure!("an array is wanted")) };
    let values = cast(list.values(), from, to, failing)?;
    Ok(Arc::new(LargeListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?))
}

fn row(
    array: &ArrayRef,
    from: &[alluvium_sql::types::Field],
    to: &[alluvium_sql::types::Field],
    failing: Failing,
) -> Outcome<ArrayRef> {
    let row = array.as_struct_opt().ok_or_else(|| failure!("a row is expected"))?;
    let mut columns = Vec::with_capacity(to.len());
    for ((column, from), to) in row.columns().iter().zip(from).zip(to) {
        columns.push(cast(column, &from.column_type.kind, &to.column_type.kind, failing)?);
    }
    let fields: Vec<Field> = to.iter().map(|each| crate::types::field(&each.name.name, &each.column_type)).collect();
    Ok(Arc::new(StructArray::try_new(fields.into(), columns, row.nulls().cloned())?))
}

/// A column of texts.
fn texts_of(array: &ArrayRef) -> Outcome<&StringArray> {
    array.as_string_opt().ok_or_else(|| failure!("a text is expected, not {}", array.data_type()))
}
