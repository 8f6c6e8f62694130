//! Casts to numbers, to true or false, and to dates and times.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DurationMicrosecondArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, IntervalYearMonthArray, Time64NanosecondArray,
    TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::i256;

use super::super::decimal::{fit, from_double, parse_decimal, power_128, rescale};
use super::super::{FunctionError, Outcome, failure};
use super::calendar::{DAY_MICROS, parse_date, parse_time, parse_timestamp, parse_timestamp_tz};
use super::readers::{Reader, collect, float, interval_unit, whole};
use super::{Failing, texts_of};
use crate::types::{data_type, type_text};

/// Microseconds of a millisecond: numbers and points in time meet in milliseconds.
const MILLISECOND_MICROS: i128 = 1_000;

/// Casts to whole, decimal and floating-point numbers.
pub(super) fn to_number(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    if is_lossless(from, to) {
        return Ok(arrow::compute::cast(array, &data_type(to))?);
    }
    match to {
        Type::Real | Type::Double => to_float(array, from, to, failing),
        Type::Decimal(digits, scale) => to_decimal(array, from, *digits, *scale, failing),
        _ => to_whole(array, from, to, failing),
    }
}

/// Casts that the library does as we do: no value fails, and none is rounded.
fn is_lossless(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Int(a), Type::Int(b)) | (Type::UInt(a), Type::UInt(b)) => a <= b,
        (Type::UInt(a), Type::Int(b)) => a < b,
        (Type::Int(_) | Type::UInt(_) | Type::Real, Type::Double) | (Type::Int(_) | Type::UInt(_), Type::Real) => true,
        _ => false,
    }
}

fn to_float(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    let values = match from {
        Type::Char(_) | Type::Varchar(_) => {
            let texts = texts_of(array)?;
            collect(array, failing, |row| parse_float(texts.value(row)))?
        }
        Type::Real | Type::Double => {
            let read = float(array, from)?;
            collect(array, failing, |row| Ok(read(row)))?
        }
        Type::Decimal(_, scale) => {
            let read = whole(array, from)?;
            // Through text: a division by a power of ten would round twice.
            collect(array, failing, |row| parse_float(&super::super::decimal::decimal_text(read(row), *scale)))?
        }
        _ => {
            let read = whole(array, from)?;
            let unit = unit_of(from);
            collect(array, failing, |row| Ok(read(row) as f64 / unit as f64))?
        }
    };
    let one = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 };
    let values = values.into_iter().map(|value| value.map(one));
    Ok(match to {
        Type::Real => Arc::new(values.map(|value| value.map(|value| value as f32)).collect::<Float32Array>()),
        _ => Arc::new(values.collect::<Float64Array>()),
    })
}

fn parse_float(text: &str) -> Outcome<f64> {
    text.trim().parse().map_err(|_| failure!("'{text}' is not a number"))
}

/// How many units in memory one is when the value counts as a number.
fn unit_of(from: &Type) -> i128 {
    match from {
        Type::Timestamp | Type::TimestampTz => MILLISECOND_MICROS,
        Type::Interval(units) => interval_unit(*units),
        _ => 1,
    }
}

fn to_decimal(array: &ArrayRef, from: &Type, digits: u8, scale: u8, failing: Failing) -> Outcome<ArrayRef> {
    let misfit = |value: &str| failure!("{value} does not fit DECIMAL({digits}, {scale})");
    let values = match from {
        Type::Char(_) | Type::Varchar(_) => {
            let texts = texts_of(array)?;
            collect(array, failing, |row| parse_decimal(texts.value(row), digits, scale))?
        }
        Type::Real | Type::Double => {
            let read = float(array, from)?;
            collect(array, failing, |row| from_double(read(row), digits, scale))?
        }
        _ => {
            let read = whole(array, from)?;
            let own = if let Type::Decimal(_, own) = from { *own } else { 0 };
            let unit = unit_of(from);
            collect(array, failing, |row| {
                let value = read(row) / unit;
                let shown = || super::super::decimal::decimal_text(value, own);
                let scaled = rescale(i256::from_i128(value), own, scale).map_err(|_| misfit(&shown()))?;
                fit(scaled, digits).ok_or_else(|| misfit(&shown()))
            })?
        }
    };
    Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(digits, scale as i8)?))
}

fn to_whole(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    let read = as_whole(array, from, to)?;
    macro_rules! narrow {
        ($values:ty, $number:ty) => {{
            Arc::new(<$values>::from(collect(array, failing, |row| {
                let value = read(row)?;
                <$number>::try_from(value).map_err(|_| misfit(&value, to))
            })?)) as ArrayRef
        }};
    }
    Ok(match to {
        Type::Int(IntWidth::Tiny) => narrow!(Int8Array, i8),
        Type::Int(IntWidth::Small) => narrow!(Int16Array, i16),
        Type::Int(IntWidth::Normal) => narrow!(Int32Array, i32),
        Type::Int(IntWidth::Big) => narrow!(Int64Array, i64),
        Type::UInt(IntWidth::Tiny) => narrow!(UInt8Array, u8),
        Type::UInt(IntWidth::Small) => narrow!(UInt16Array, u16),
        Type::UInt(IntWidth::Normal) => narrow!(UInt32Array, u32),
        _ => narrow!(UInt64Array, u64),
    })
}

fn misfit(value: &dyn std::fmt::Display, to: &Type) -> FunctionError {
    failure!("{value} does not fit {}", type_text(to))
}

/// The whole number that a value becomes; fractions are cut.
fn as_whole<'a>(array: &'a ArrayRef, from: &Type, to: &Type) -> Outcome<Reader<'a, Outcome<i128>>> {
    let to = to.clone();
    Ok(match from {
        Type::Char(_) | Type::Varchar(_) => {
            let texts = texts_of(array)?;
            Box::new(move |row| {
                let text = texts.value(row);
                text.trim().parse().map_err(|_| failure!("'{text}' is not a value of type {}", type_text(&to)))
            })
        }
        Type::Real | Type::Double => {
            let read = float(array, from)?;
            Box::new(move |row| {
                let value = read(row);
                if value.is_nan() || value.abs() >= 1e38 { Err(misfit(&value, &to)) } else { Ok(value.trunc() as i128) }
            })
        }
        _ => {
            let read = whole(array, from)?;
            let unit = if let Type::Decimal(_, scale) = from { power_128(u32::from(*scale))? } else { unit_of(from) };
            Box::new(move |row| Ok(read(row) / unit))
        }
    })
}

/// Casts to true or false: numbers are true unless they are 0, texts only `true` and `false`.
pub(super) fn to_boolean(array: &ArrayRef, from: &Type, failing: Failing) -> Outcome<ArrayRef> {
    let values = match from {
        Type::Char(_) | Type::Varchar(_) => {
            let texts = texts_of(array)?;
            collect(array, failing, |row| {
                let text = texts.value(row);
                match text.trim() {
                    word if word.eq_ignore_ascii_case("true") => Ok(true),
                    word if word.eq_ignore_ascii_case("false") => Ok(false),
                    _ => Err(failure!("'{text}' is neither true nor false")),
                }
            })?
        }
        Type::Real | Type::Double => {
            let read = float(array, from)?;
            collect(array, failing, |row| Ok(read(row) != 0.0))?
        }
        _ => {
            let read = whole(array, from)?;
            collect(array, failing, |row| Ok(read(row) != 0))?
        }
    };
    Ok(Arc::new(BooleanArray::from(values)))
}

/// Casts to days, times of day, points in time and intervals.
pub(super) fn to_time(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    if matches!(from, Type::Char(_) | Type::Varchar(_)) {
        let texts = texts_of(array)?;
        return Ok(match to {
            Type::Date => Arc::new(Date32Array::from(collect(array, failing, |row| parse_date(texts.value(row)))?)),
            Type::Time => {
                Arc::new(Time64NanosecondArray::from(collect(array, failing, |row| parse_time(texts.value(row)))?))
            }
            Type::Timestamp => timestamps(collect(array, failing, |row| parse_timestamp(texts.value(row)))?, false),
            Type::TimestampTz => timestamps(collect(array, failing, |row| parse_timestamp_tz(texts.value(row)))?, true),
            _ => return Err(failure!("a text cannot be cast to {}", type_text(to))),
        });
    }
    if let (Type::Real | Type::Double, Type::Timestamp) = (from, to) {
        let read = float(array, from)?;
        let micros = |value: f64| narrowed((value * MILLISECOND_MICROS as f64).trunc() as i128, to);
        return Ok(timestamps(collect(array, failing, |row| micros(read(row)))?, false));
    }
    let read = whole(array, from)?;
    let value = |row: usize| moved(read(row), from, to);
    Ok(match to {
        Type::Date => Arc::new(Date32Array::from(collect(array, failing, |row| narrowed::<i32>(value(row)?, to))?)),
        Type::Time => Arc::new(Time64NanosecondArray::from(collect(array, failing, |row| narrowed(value(row)?, to))?)),
        Type::Timestamp => timestamps(collect(array, failing, |row| narrowed(value(row)?, to))?, false),
        Type::TimestampTz => timestamps(collect(array, failing, |row| narrowed(value(row)?, to))?, true),
        Type::Interval(units) if units.is_long() => {
            Arc::new(IntervalYearMonthArray::from(collect(array, failing, |row| narrowed::<i32>(value(row)?, to))?))
        }
        Type::Interval(_) => {
            Arc::new(DurationMicrosecondArray::from(collect(array, failing, |row| narrowed::<i64>(value(row)?, to))?))
        }
        _ => return Err(failure!("{} cannot be cast to {}", type_text(from), type_text(to))),
    })
}

/// A value in the units that the other type has in memory.
fn moved(value: i128, from: &Type, to: &Type) -> Outcome<i128> {
    let day = i128::from(DAY_MICROS);
    Ok(match (from, to) {
        (Type::Date, Type::Timestamp | Type::TimestampTz) => value * day,
        (Type::Timestamp | Type::TimestampTz, Type::Date) => value.div_euclid(day),
        (Type::Timestamp | Type::TimestampTz, Type::Time) => value.rem_euclid(day) * 1000,
        (Type::Decimal(_, scale), Type::Timestamp) => {
            value.checked_mul(MILLISECOND_MICROS).ok_or_else(|| misfit(&value, to))? / power_128(u32::from(*scale))?
        }
        (Type::Int(_) | Type::UInt(_), Type::Timestamp) => value * MILLISECOND_MICROS,
        (Type::Int(_) | Type::UInt(_), Type::Interval(units)) => value * interval_unit(*units),
        _ => value,
    })
}

fn narrowed<T: TryFrom<i128>>(value: i128, to: &Type) -> Outcome<T> {
    T::try_from(value).map_err(|_| misfit(&value, to))
}

fn timestamps(values: Vec<Option<i64>>, with_zone: bool) -> ArrayRef {
    let values = TimestampMicrosecondArray::from(values);
    Arc::new(if with_zone { values.with_timezone("UTC") } else { values })
}
