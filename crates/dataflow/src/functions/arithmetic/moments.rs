//! Dates, times and intervals.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, IntervalUnits, Type};
use arrow::array::{Array, ArrayRef, PrimitiveArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, DurationMicrosecondType, Int64Type, IntervalYearMonthType, Time64NanosecondType,
    TimestampMicrosecondType,
};

use super::super::cast::{DAY_MICROS, DAY_NANOS, civil_of_days, days_of_civil};
use super::super::support::strict;
use super::super::{Call, Outcome, failure};
use super::Operator;

const LONG: Type = Type::Interval(IntervalUnits::YearToMonth);
const SHORT: Type = Type::Interval(IntervalUnits::DayToSecond);
const BIG: Type = Type::Int(IntWidth::Big);

fn normal(kind: &Type) -> Type {
    match kind {
        Type::Interval(units) => {
            if units.is_long() {
                LONG
            } else {
                SHORT
            }
        }
        other => other.clone(),
    }
}

/// The parameters and the result of an operator on such types, None if they are none of ours.
pub(super) fn shape(operator: Operator, left: &Type, right: &Type) -> Option<(Vec<Type>, Type)> {
    let is_whole = |kind: &Type| matches!(kind, Type::Int(_) | Type::UInt(_));
    let is_moment = |kind: &Type| matches!(kind, Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz);
    match (operator, left, right) {
        (Operator::Add | Operator::Subtract, Type::Interval(a), Type::Interval(b)) if a.is_long() == b.is_long() => {
            Some((vec![normal(left), normal(right)], normal(left)))
        }
        (Operator::Multiply | Operator::Divide, Type::Interval(_), right) if is_whole(right) => {
            Some((vec![normal(left), BIG], normal(left)))
        }
        (Operator::Multiply, left, Type::Interval(_)) if is_whole(left) => {
            Some((vec![BIG, normal(right)], normal(right)))
        }
        (Operator::Add | Operator::Subtract, moment, Type::Interval(units))
            if is_moment(moment) && (*moment != Type::Time || !units.is_long()) =>
        {
            Some((vec![moment.clone(), normal(right)], moment.clone()))
        }
        (Operator::Add, Type::Interval(units), moment)
            if is_moment(moment) && (*moment != Type::Time || !units.is_long()) =>
        {
            Some((vec![normal(left), moment.clone()], moment.clone()))
        }
        _ => None,
    }
}

pub(super) fn kernel(operator: Operator, call: &Call<'_>) -> Outcome<ArrayRef> {
    let (left, right) = (call.param(0)?, call.param(1)?);
    if let Type::Interval(_) = &call.shape.result.kind {
        let is_long = call.shape.result.kind == LONG;
        let wide = |at: usize| -> Outcome<Vec<Option<i64>>> {
            match call.param(at)? {
                Type::Int(_) => Ok(call.numbers::<Int64Type>(at)?.iter().collect()),
                kind if *kind == LONG => {
                    Ok(call.numbers::<IntervalYearMonthType>(at)?.iter().map(|each| each.map(i64::from)).collect())
                }
                _ => Ok(call.numbers::<DurationMicrosecondType>(at)?.iter().collect()),
            }
        };
        return intervals(operator, &wide(0)?, &wide(1)?, is_long);
    }
    // The moment is on the left, but for an interval that is added to from the left.
    let (moment, interval) = if matches!(left, Type::Interval(_)) { (1, 0) } else { (0, 1) };
    let sign = if operator == Operator::Subtract { -1 } else { 1 };
    let kind = if moment == 0 { left } else { right };
    if call.param(interval)? == &LONG {
        let months = call.numbers::<IntervalYearMonthType>(interval)?;
        return add_months(call, moment, kind, |row| {
            (!months.is_null(row)).then(|| sign * i64::from(months.value(row)))
        });
    }
    let micros = call.numbers::<DurationMicrosecondType>(interval)?;
    match kind {
        Type::Date => {
            let days = call.numbers::<Date32Type>(moment)?;
            Ok(strict!(call.rows, PrimitiveArray<Date32Type>; day in days, span in micros => {
                let moved = i64::from(day) + (sign * span).div_euclid(DAY_MICROS);
                Some(i32::try_from(moved).map_err(|_| failure!("a date moves out of what dates hold"))?)
            }))
        }
        Type::Time => {
            let times = call.numbers::<Time64NanosecondType>(moment)?;
            Ok(strict!(call.rows, PrimitiveArray<Time64NanosecondType>; time in times, span in micros => {
                Some((time + sign * (span % DAY_MICROS) * 1000).rem_euclid(DAY_NANOS))
            }))
        }
        _ => {
            let moments = call.numbers::<TimestampMicrosecondType>(moment)?;
            let mut values = Vec::with_capacity(call.rows);
            for row in 0..call.rows {
                values.push(if moments.is_null(row) || micros.is_null(row) {
                    None
                } else {
                    Some(span_added(moments.value(row), micros.value(row), sign)?)
                });
            }
            Ok(timestamps(values, kind))
        }
    }
}

fn span_added(moment: i64, span: i64, sign: i64) -> Outcome<i64> {
    span.checked_mul(sign)
        .and_then(|span| moment.checked_add(span))
        .ok_or_else(|| failure!("a timestamp moves out of what timestamps hold"))
}

fn timestamps(values: Vec<Option<i64>>, kind: &Type) -> ArrayRef {
    let values = TimestampMicrosecondArray::from(values);
    Arc::new(if *kind == Type::TimestampTz { values.with_timezone("UTC") } else { values })
}

fn add_months(call: &Call<'_>, moment: usize, kind: &Type, months: impl Fn(usize) -> Option<i64>) -> Outcome<ArrayRef> {
    if *kind == Type::Date {
        let days = call.numbers::<Date32Type>(moment)?;
        let mut values = Vec::with_capacity(call.rows);
        for row in 0..call.rows {
            values.push(match months(row) {
                Some(months) if !days.is_null(row) => {
                    let moved = days_plus_months(i64::from(days.value(row)), months)?;
                    Some(i32::try_from(moved).map_err(|_| failure!("a date moves out of what dates hold"))?)
                }
                _ => None,
            });
        }
        return Ok(Arc::new(values.into_iter().collect::<PrimitiveArray<Date32Type>>()));
    }
    let moments = call.numbers::<TimestampMicrosecondType>(moment)?;
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        values.push(match months(row) {
            Some(months) if !moments.is_null(row) => Some(timestamp_plus_months(moments.value(row), months)?),
            _ => None,
        });
    }
    Ok(timestamps(values, kind))
}

/// A point in time so many months later, on the month's last day if it has no such day.
pub(crate) fn timestamp_plus_months(micros: i64, months: i64) -> Outcome<i64> {
    let moved = days_plus_months(micros.div_euclid(DAY_MICROS), months)?;
    moved
        .checked_mul(DAY_MICROS)
        .and_then(|start| start.checked_add(micros.rem_euclid(DAY_MICROS)))
        .ok_or_else(|| failure!("a timestamp moves out of what timestamps hold"))
}

/// A day so many months later, the month's last if it has no such day.
pub(crate) fn days_plus_months(days: i64, months: i64) -> Outcome<i64> {
    let (year, month, day) = civil_of_days(days);
    let total = year * 12 + i64::from(month) - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) as u32 + 1);
    (28..=day.max(28))
        .rev()
        .map(|last| day.min(last))
        .find_map(|day| days_of_civil(year, month, day))
        .ok_or_else(|| failure!("a date moves out of what dates hold"))
}

fn intervals(operator: Operator, left: &[Option<i64>], right: &[Option<i64>], is_long: bool) -> Outcome<ArrayRef> {
    let mut values = Vec::with_capacity(left.len());
    for (a, b) in left.iter().zip(right) {
        let (Some(a), Some(b)) = (*a, *b) else {
            values.push(None);
            continue;
        };
        let value = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            _ => a.checked_div(b),
        };
        let fits = |value: &i64| !is_long || i32::try_from(*value).is_ok();
        let failed = || failure!("'{a} {} {b}' causes overflow for an interval", operator.sign());
        values.push(Some(value.filter(fits).ok_or_else(failed)?));
    }
    Ok(interval_column(values, is_long))
}

fn interval_column(values: Vec<Option<i64>>, is_long: bool) -> ArrayRef {
    fn made<T: ArrowPrimitiveType>(values: impl Iterator<Item = Option<T::Native>>) -> ArrayRef {
        Arc::new(values.collect::<PrimitiveArray<T>>())
    }
    if is_long {
        made::<IntervalYearMonthType>(values.into_iter().map(|value| value.map(|value| value as i32)))
    } else {
        made::<DurationMicrosecondType>(values.into_iter())
    }
}

pub(super) fn negate(call: &Call<'_>) -> Outcome<ArrayRef> {
    let Type::Interval(units) = call.param(0)? else { return Err(failure!("an interval is planned")) };
    let overflow = || failure!("an interval's opposite does not fit");
    if units.is_long() {
        let values = call.numbers::<IntervalYearMonthType>(0)?;
        return Ok(strict!(call.rows, PrimitiveArray<IntervalYearMonthType>; value in values => {
            Some(value.checked_neg().ok_or_else(overflow)?)
        }));
    }
    let values = call.numbers::<DurationMicrosecondType>(0)?;
    Ok(strict!(call.rows, PrimitiveArray<DurationMicrosecondType>; value in values => {
        Some(value.checked_neg().ok_or_else(overflow)?)
    }))
}
