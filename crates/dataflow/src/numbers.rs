//! Columns of whole numbers and decimals as wide numbers, and back.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int8Array, Int16Array, Int32Array, Int64Array,
    Time64NanosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64NanosecondType,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::functions::{Outcome, failure};
use crate::types::type_text;

/// The numbers of a column, whatever stands for its NULLs.
pub(crate) fn wide(array: &ArrayRef, kind: &Type) -> Outcome<Vec<i128>> {
    macro_rules! widen {
        ($kind:ty) => {
            array
                .as_primitive_opt::<$kind>()
                .ok_or_else(|| failure!("{} is not what was planned", array.data_type()))?
                .values()
                .iter()
                .map(|value| i128::from(*value))
                .collect()
        };
    }
    Ok(match kind {
        Type::Int(IntWidth::Tiny) => widen!(Int8Type),
        Type::Int(IntWidth::Small) => widen!(Int16Type),
        Type::Int(IntWidth::Normal) => widen!(Int32Type),
        Type::Int(IntWidth::Big) => widen!(Int64Type),
        Type::UInt(IntWidth::Tiny) => widen!(UInt8Type),
        Type::UInt(IntWidth::Small) => widen!(UInt16Type),
        Type::UInt(IntWidth::Normal) => widen!(UInt32Type),
        Type::UInt(IntWidth::Big) => widen!(UInt64Type),
        Type::Decimal(..) => widen!(Decimal128Type),
        other => return Err(failure!("{} is not a number of digits", type_text(other))),
    })
}

/// The values of a column that has an order, as numbers in its units; whatever stands for its NULLs.
pub(crate) fn ordinals(column: &ArrayRef, kind: &Type) -> Outcome<Vec<i128>> {
    macro_rules! widen {
        ($kind:ty) => {{
            let values = column.as_primitive_opt::<$kind>();
            let values = values.ok_or_else(|| failure!("{} is not what was planned", column.data_type()))?;
            values.values().iter().map(|value| i128::from(*value)).collect()
        }};
    }
    Ok(match kind {
        Type::Date => widen!(Date32Type),
        Type::Time => widen!(Time64NanosecondType),
        Type::Timestamp | Type::TimestampTz => widen!(TimestampMicrosecondType),
        other => wide(column, other)?,
    })
}

/// A column of one value from its number; values beyond those of the type are its first or last ones.
pub(crate) fn from_ordinal(value: i128, kind: &Type) -> Outcome<ArrayRef> {
    let clamped = |least: i64, greatest: i64| value.clamp(i128::from(least), i128::from(greatest)) as i64;
    Ok(match kind {
        Type::Date => {
            Arc::new(Date32Array::from(vec![clamped(i64::from(i32::MIN), i64::from(i32::MAX)) as i32])) as ArrayRef
        }
        Type::Time => Arc::new(Time64NanosecondArray::from(vec![clamped(0, i64::MAX)])),
        Type::Timestamp => Arc::new(TimestampMicrosecondArray::from(vec![clamped(i64::MIN, i64::MAX)])),
        Type::TimestampTz => {
            Arc::new(TimestampMicrosecondArray::from(vec![clamped(i64::MIN, i64::MAX)]).with_timezone("UTC"))
        }
        Type::Int(width) => {
            let bits = 8 * (1 << (*width as u32));
            from_wide(&[Some(value.clamp(-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1))], kind)?
        }
        Type::UInt(width) => {
            let bits = 8 * (1 << (*width as u32));
            from_wide(&[Some(value.clamp(0, (1_i128 << bits) - 1))], kind)?
        }
        Type::Decimal(digits, _) => {
            let greatest = 10_i128.pow(u32::from(*digits).min(38)) - 1;
            from_wide(&[Some(value.clamp(-greatest, greatest))], kind)?
        }
        other => return Err(failure!("{} has no order of numbers", type_text(other))),
    })
}

/// A column of numbers; one that does not fit fails.
pub(crate) fn from_wide(values: &[Option<i128>], kind: &Type) -> Outcome<ArrayRef> {
    macro_rules! narrow {
        ($array:ty, $number:ty) => {{
            let narrowed = values
                .iter()
                .map(|value| match value {
                    None => Ok(None),
                    Some(value) => <$number>::try_from(*value).map(Some).map_err(|_| overflow(*value, kind)),
                })
                .collect::<Outcome<Vec<Option<$number>>>>()?;
            Arc::new(<$array>::from(narrowed)) as ArrayRef
        }};
    }
    Ok(match kind {
        Type::Int(IntWidth::Tiny) => narrow!(Int8Array, i8),
        Type::Int(IntWidth::Small) => narrow!(Int16Array, i16),
        Type::Int(IntWidth::Normal) => narrow!(Int32Array, i32),
        Type::Int(IntWidth::Big) => narrow!(Int64Array, i64),
        Type::UInt(IntWidth::Tiny) => narrow!(UInt8Array, u8),
        Type::UInt(IntWidth::Small) => narrow!(UInt16Array, u16),
        Type::UInt(IntWidth::Normal) => narrow!(UInt32Array, u32),
        Type::UInt(IntWidth::Big) => narrow!(UInt64Array, u64),
        Type::Decimal(digits, scale) => {
            let limit = 10_u128.pow(u32::from(*digits).min(38));
            if let Some(value) = values.iter().flatten().find(|value| value.unsigned_abs() >= limit) {
                return Err(overflow(*value, kind));
            }
            Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(*digits, *scale as i8)?)
        }
        other => return Err(failure!("{} is not a number of digits", type_text(other))),
    })
}

fn overflow(value: i128, kind: &Type) -> crate::functions::FunctionError {
    let text = match kind {
        Type::Decimal(_, scale) => crate::functions::decimal_text(value, *scale),
        _ => value.to_string(),
    };
    failure!("'{text}' causes overflow for type {}", type_text(kind))
}
