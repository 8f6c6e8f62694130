//! Functions of dates, times and points in time. There is no time zone but UTC.

mod parts;
mod texts;
mod windows;

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, Time64NanosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    Date32Type, DurationMicrosecondType, Int64Type, IntervalYearMonthType, Time64NanosecondType,
    TimestampMicrosecondType,
};

use super::cast::{DAY_MICROS, DAY_NANOS, days_of_civil};
use super::support::{Kind, count, fixed, types_text, wrong};
use super::{Arg, Call, Function, Outcome, Shape, failure};

pub(super) use parts::between;
pub(super) use texts::FUNCTIONS as TEXTS;
pub(super) use windows::FUNCTIONS as WINDOWS;

const BIG: Type = Type::Int(IntWidth::Big);
const TEXT: Type = Type::Varchar(None);

macro_rules! part {
    ($name:literal, $unit:literal) => {
        Function::new($name, |args| part_shape(args, $unit), |call| extracted(call, 0, $unit))
    };
}

pub(super) const FUNCTIONS: [Function; 29] = [
    Function::new("__extract", extract_shape, |call| extracted(call, 1, &unit_of(call, 0)?)),
    Function::new("date_part", extract_shape, |call| extracted(call, 1, &unit_of(call, 0)?)),
    part!("year", "YEAR"),
    part!("quarter", "QUARTER"),
    part!("month", "MONTH"),
    part!("week", "WEEK"),
    part!("day", "DAY"),
    part!("dayofmonth", "DAY"),
    part!("dayofweek", "DOW"),
    part!("dow", "DOW"),
    part!("isodow", "ISODOW"),
    part!("doy", "DOY"),
    part!("dayofyear", "DOY"),
    part!("hour", "HOUR"),
    part!("minute", "MINUTE"),
    part!("second", "SECOND"),
    Function::new("date_trunc", trunc_shape, trunc),
    Function::new("timestamp_trunc", trunc_shape, trunc),
    Function::new("time_trunc", trunc_shape, trunc),
    Function::new("__floor_to", trunc_shape, trunc),
    Function::new("__ceil_to", trunc_shape, ceil),
    Function::new("timestampdiff", diff_shape, diff),
    Function::new("datediff", diff_shape, diff),
    Function::new("timestampadd", add_shape, add),
    Function::new("date_add", |args| shifted_shape(args, "__add"), |call| shifted(call, "__add")),
    Function::new("date_sub", |args| shifted_shape(args, "__subtract"), |call| shifted(call, "__subtract")),
    Function::new("make_date", |args| made_shape(args, 3, Kind::Date), make_date),
    Function::new("make_time", |args| made_shape(args, 3, Kind::Time), make_time),
    Function::new("make_timestamp", |args| made_shape(args, 6, Kind::Timestamp), make_timestamp),
];

/// What is told apart: a day with nothing else, a time of day, a point in time, or a span.
fn is_temporal(kind: &Type) -> bool {
    matches!(kind, Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz)
}

/// Points in time in microseconds, whatever they are: of times of day since midnight.
pub(super) fn micros(call: &Call<'_>, at: usize) -> Outcome<Vec<Option<i64>>> {
    let array = call.column(at)?;
    let misfit = || failure!("{} is not a date or a time", array.data_type());
    Ok(match call.param(at)? {
        Type::Date => {
            let days = array.as_primitive_opt::<Date32Type>().ok_or_else(misfit)?;
            days.iter().map(|day| day.map(|day| i64::from(day) * DAY_MICROS)).collect()
        }
        Type::Time => {
            let nanos = array.as_primitive_opt::<Time64NanosecondType>().ok_or_else(misfit)?;
            nanos.iter().map(|nanos| nanos.map(|nanos| nanos / 1000)).collect()
        }
        Type::Interval(units) if units.is_long() => {
            let months = array.as_primitive_opt::<IntervalYearMonthType>().ok_or_else(misfit)?;
            months.iter().map(|months| months.map(i64::from)).collect()
        }
        Type::Interval(_) => array.as_primitive_opt::<DurationMicrosecondType>().ok_or_else(misfit)?.iter().collect(),
        _ => array.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(misfit)?.iter().collect(),
    })
}

/// A column of a type of dates and times, from microseconds.
fn column(values: Vec<Option<i64>>, kind: &Type) -> Outcome<ArrayRef> {
    Ok(match kind {
        Type::Date => {
            let day = |micros: i64| {
                i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| failure!("a date is out of what dates hold"))
            };
            Arc::new(Date32Array::from(
                values.into_iter().map(|value| value.map(day).transpose()).collect::<Outcome<Vec<_>>>()?,
            ))
        }
        Type::Time => {
            let nanos = |micros: i64| (micros.rem_euclid(DAY_MICROS) * 1000).min(DAY_NANOS - 1);
            Arc::new(Time64NanosecondArray::from(values.into_iter().map(|value| value.map(nanos)).collect::<Vec<_>>()))
        }
        Type::TimestampTz => Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")),
        _ => Arc::new(TimestampMicrosecondArray::from(values)),
    })
}

/// The unit of a call, which is the same in all rows.
fn unit_of(call: &Call<'_>, at: usize) -> Outcome<String> {
    let texts = call.texts(at)?;
    Ok(if texts.is_empty() { "DAY".to_owned() } else { texts.value(0).to_uppercase() })
}

fn extract_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let unit = args[0].text().ok_or_else(|| failure!("the unit is a constant"))?;
    let mut shape = part_shape(&args[1..], &unit.to_uppercase())?;
    shape.params.insert(0, TEXT);
    Ok(shape)
}

fn part_shape(args: &[Arg<'_>], unit: &str) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let kind = match &args[0].column.kind {
        Type::Null => Type::Timestamp,
        kind if is_temporal(kind) || matches!(kind, Type::Interval(_)) => kind.clone(),
        _ => return Err(wrong(args, 0, "a date or a time")),
    };
    if parts::part(0, &kind, unit).is_none() {
        return Err(failure!("{} has no part {unit}", crate::types::type_text(&kind)));
    }
    Ok(Shape::strict(args, vec![kind], BIG))
}

fn extracted(call: &Call<'_>, at: usize, unit: &str) -> Outcome<ArrayRef> {
    let kind = call.param(at)?;
    let values = micros(call, at)?;
    if values.is_empty() {
        return Ok(Arc::new(Int64Array::from(Vec::<i64>::new())));
    }
    Ok(Arc::new(
        values.into_iter().map(|value| value.and_then(|value| parts::part(value, kind, unit))).collect::<Int64Array>(),
    ))
}

/// A unit and a value, in either order.
fn unit_and_value<'a>(args: &'a [Arg<'a>]) -> Outcome<(usize, String)> {
    count(args, 2, 2)?;
    let at = usize::from(!is_temporal(&args[0].column.kind) && args[0].column.kind != Type::Null);
    if !is_temporal(&args[at].column.kind) && args[at].column.kind != Type::Null {
        return Err(failure!("it is not defined for {}", types_text(args)));
    }
    let unit = args[1 - at].text().ok_or_else(|| failure!("the unit is a constant"))?;
    Ok((at, unit.to_uppercase()))
}

fn trunc_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let (at, unit) = unit_and_value(args)?;
    let kind = if args[at].column.kind == Type::Null { Type::Timestamp } else { args[at].column.kind.clone() };
    if parts::start(0, &kind, &unit).is_none() {
        return Err(failure!("{} is not cut at {unit}", crate::types::type_text(&kind)));
    }
    let mut params = vec![TEXT, TEXT];
    params[at] = kind.clone();
    Ok(Shape::strict(args, params, kind))
}

/// Where the unit is among the arguments, and where the value is.
fn sides(call: &Call<'_>) -> Outcome<(String, usize)> {
    let at = usize::from(*call.param(0)? == TEXT);
    Ok((unit_of(call, 1 - at)?, at))
}

fn trunc(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (unit, at) = sides(call)?;
    let kind = &call.shape.result.kind;
    let cut = micros(call, at)?.into_iter().map(|value| value.and_then(|value| parts::start(value, kind, &unit)));
    column(cut.collect(), kind)
}

fn ceil(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (unit, at) = sides(call)?;
    let kind = &call.shape.result.kind;
    let raised = micros(call, at)?.into_iter().map(|value| value.and_then(|value| parts::end(value, kind, &unit)));
    column(raised.collect(), kind)
}

fn diff_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 3, 3)?;
    let unit = args[0].text().ok_or_else(|| failure!("the unit is a constant"))?;
    if parts::between(0, 0, &unit.to_uppercase()).is_none() {
        return Err(failure!("{unit} is not a unit of differences"));
    }
    let (left, right) = (&args[1].column.kind, &args[2].column.kind);
    let common = crate::types::common_type(left, right).filter(|kind| is_temporal(kind) || *kind == Type::Null);
    let common = common.ok_or_else(|| failure!("it is not defined for {}", types_text(args)))?;
    let common = if common == Type::Null { Type::Timestamp } else { common };
    Ok(Shape::strict(args, vec![TEXT, common.clone(), common], BIG))
}

fn diff(call: &Call<'_>) -> Outcome<ArrayRef> {
    let unit = unit_of(call, 0)?;
    let (lefts, rights) = (micros(call, 1)?, micros(call, 2)?);
    let value = |(left, right): (Option<i64>, Option<i64>)| parts::between(left?, right?, &unit);
    Ok(Arc::new(lefts.into_iter().zip(rights).map(value).collect::<Int64Array>()))
}

fn add_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 3, 3)?;
    let unit = args[0].text().ok_or_else(|| failure!("the unit is a constant"))?.to_uppercase();
    if parts::length(&unit).is_none() {
        return Err(failure!("{unit} is not a unit"));
    }
    if !Kind::Big.takes(&args[1].column.kind) {
        return Err(wrong(args, 1, "BIGINT"));
    }
    let kind = args[2].column.kind.clone();
    if !is_temporal(&kind) {
        return Err(wrong(args, 2, "a date or a time"));
    }
    Ok(Shape::strict(args, vec![TEXT, BIG, kind.clone()], kind))
}

fn add(call: &Call<'_>) -> Outcome<ArrayRef> {
    let unit = unit_of(call, 0)?;
    let counts = call.numbers::<Int64Type>(1)?;
    let kind = &call.shape.result.kind;
    let mut moved = Vec::with_capacity(call.rows);
    for (row, value) in micros(call, 2)?.into_iter().enumerate() {
        let (Some(value), false) = (value, counts.is_null(row)) else {
            moved.push(None);
            continue;
        };
        moved.push(Some(parts::moved(value, counts.value(row), &unit, kind)?));
    }
    column(moved, kind)
}

/// `DATE_ADD` and `DATE_SUB` are the operators under other names.
fn shifted_shape(args: &[Arg<'_>], operator: &str) -> Outcome<Shape> {
    let function = super::find(operator).ok_or_else(|| failure!("there is no operator {operator}"))?;
    (function.shape)(args)
}

fn shifted(call: &Call<'_>, operator: &str) -> Outcome<ArrayRef> {
    let function = super::find(operator).ok_or_else(|| failure!("there is no operator {operator}"))?;
    (function.kernel)(call)
}

fn made_shape(args: &[Arg<'_>], parts: usize, result: Kind) -> Outcome<Shape> {
    let mut shape = fixed(args, &[Kind::Big], parts, parts, result)?;
    shape.result.is_nullable = true;
    Ok(shape)
}

/// The numbers of a row, None if one of them is NULL.
fn numbers(call: &Call<'_>, row: usize) -> Outcome<Option<Vec<i64>>> {
    let mut all = Vec::with_capacity(call.args.len());
    for at in 0..call.args.len() {
        let values = call.numbers::<Int64Type>(at)?;
        if values.is_null(row) {
            return Ok(None);
        }
        all.push(values.value(row));
    }
    Ok(Some(all))
}

fn day_of(parts: &[i64]) -> Option<i64> {
    let (year, month, day) =
        (*parts.first()?, u32::try_from(*parts.get(1)?).ok()?, u32::try_from(*parts.get(2)?).ok()?);
    (1..=9_999).contains(&year).then(|| days_of_civil(year, month, day)).flatten()
}

fn clock_of(parts: &[i64]) -> Option<i64> {
    let (hour, minute, second) = (*parts.first()?, *parts.get(1)?, *parts.get(2)?);
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    fits.then_some((hour * 3600 + minute * 60 + second) * 1_000_000)
}

fn make(call: &Call<'_>, value: fn(&[i64]) -> Option<i64>) -> Outcome<ArrayRef> {
    let mut made = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        made.push(numbers(call, row)?.and_then(|parts| value(&parts)));
    }
    column(made, &call.shape.result.kind)
}

fn make_date(call: &Call<'_>) -> Outcome<ArrayRef> {
    make(call, |parts| day_of(parts).map(|day| day * DAY_MICROS))
}

fn make_time(call: &Call<'_>) -> Outcome<ArrayRef> {
    make(call, clock_of)
}

fn make_timestamp(call: &Call<'_>) -> Outcome<ArrayRef> {
    make(call, |parts| Some(day_of(parts)? * DAY_MICROS + clock_of(parts.get(3..)?)?))
}
