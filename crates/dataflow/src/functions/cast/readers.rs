//! Values of any column as numbers, row by row.

use alluvium_sql::types::{IntWidth, IntervalUnits, Type};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalYearMonthType, Time64NanosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::super::{Outcome, failure};

/// Gives the value of a row that is not NULL.
pub(super) type Reader<'a, T> = Box<dyn Fn(usize) -> T + 'a>;

/// The whole number that a value is in memory: of whole numbers, unscaled decimals, days, microseconds and so on.
pub(super) fn whole<'a>(array: &'a ArrayRef, kind: &Type) -> Outcome<Reader<'a, i128>> {
    macro_rules! read {
        ($kind:ty) => {{
            let values = array
                .as_primitive_opt::<$kind>()
                .ok_or_else(|| failure!("{} is not what was planned", array.data_type()))?;
            Box::new(move |row| i128::from(values.value(row)))
        }};
    }
    Ok(match kind {
        Type::Int(IntWidth::Tiny) => read!(Int8Type),
        Type::Int(IntWidth::Small) => read!(Int16Type),
        Type::Int(IntWidth::Normal) => read!(Int32Type),
        Type::Int(IntWidth::Big) => read!(Int64Type),
        Type::UInt(IntWidth::Tiny) => read!(UInt8Type),
        Type::UInt(IntWidth::Small) => read!(UInt16Type),
        Type::UInt(IntWidth::Normal) => read!(UInt32Type),
        Type::UInt(IntWidth::Big) => read!(UInt64Type),
        Type::Decimal(..) => read!(Decimal128Type),
        Type::Date => read!(Date32Type),
        Type::Time => read!(Time64NanosecondType),
        Type::Timestamp | Type::TimestampTz => read!(TimestampMicrosecondType),
        Type::Interval(units) if units.is_long() => read!(IntervalYearMonthType),
        Type::Interval(_) => read!(DurationMicrosecondType),
        Type::Boolean => {
            let values = array.as_boolean_opt().ok_or_else(|| failure!("a boolean is expected"))?;
            Box::new(move |row| i128::from(values.value(row)))
        }
        _ => return Err(failure!("{} is not a whole number", array.data_type())),
    })
}

/// Floating-point numbers.
pub(super) fn float<'a>(array: &'a ArrayRef, kind: &Type) -> Outcome<Reader<'a, f64>> {
    let misfit = || failure!("{} is not what was planned", array.data_type());
    if *kind == Type::Real {
        let values = array.as_primitive_opt::<Float32Type>().ok_or_else(misfit)?;
        return Ok(Box::new(move |row| f64::from(values.value(row))));
    }
    let values = array.as_primitive_opt::<Float64Type>().ok_or_else(misfit)?;
    Ok(Box::new(move |row| values.value(row)))
}

/// How many units of memory one unit of an interval is.
pub(super) fn interval_unit(units: IntervalUnits) -> i128 {
    match units {
        IntervalUnits::Year => 12,
        IntervalUnits::YearToMonth | IntervalUnits::Month => 1,
        IntervalUnits::Day => 86_400_000_000,
        IntervalUnits::DayToHour | IntervalUnits::Hour => 3_600_000_000,
        IntervalUnits::DayToMinute | IntervalUnits::HourToMinute | IntervalUnits::Minute => 60_000_000,
        IntervalUnits::DayToSecond
        | IntervalUnits::HourToSecond
        | IntervalUnits::MinuteToSecond
        | IntervalUnits::Second => 1_000_000,
    }
}

/// Makes a column: NULL stays, and what fails fails or becomes NULL.
pub(super) fn collect<T>(
    array: &ArrayRef,
    failing: super::Failing,
    mut value: impl FnMut(usize) -> Outcome<T>,
) -> Outcome<Vec<Option<T>>> {
    let nulls = array.logical_nulls();
    let mut column = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            column.push(None);
            continue;
        }
        match value(row) {
            Ok(value) => column.push(Some(value)),
            Err(_) if failing == super::Failing::Null => column.push(None),
            Err(error) => return Err(error),
        }
    }
    Ok(column)
}
