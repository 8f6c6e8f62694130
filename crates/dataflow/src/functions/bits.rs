//! `&`, `|`, `^` and shifts of whole numbers, and of bytes of the same length.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array, ArrayRef, AsArray, LargeBinaryArray};

use super::support::{count, types_text};
use super::{Arg, Call, Function, Outcome, Shape, failure};
use crate::numbers::{from_wide, wide};
use crate::types::{common_type, numeric_common};

pub(super) const FUNCTIONS: [Function; 5] = [
    Function::new("__bit_and", shape, |call| kernel(call, |a, b| a & b, |a, b| a & b)),
    Function::new("__bit_or", shape, |call| kernel(call, |a, b| a | b, |a, b| a | b)),
    Function::new("__bit_xor", shape, |call| kernel(call, |a, b| a ^ b, |a, b| a ^ b)),
    Function::new("__shift_left", shape, |call| kernel(call, |a, b| a.checked_shl(b as u32).unwrap_or(0), |a, _| a)),
    Function::new("__shift_right", shape, |call| kernel(call, |a, b| a.checked_shr(b as u32).unwrap_or(0), |a, _| a)),
];

fn shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let (a, b) = (&args[0].column.kind, &args[1].column.kind);
    let is_whole = |kind: &Type| matches!(kind, Type::Int(_) | Type::UInt(_));
    let is_bytes = |kind: &Type| matches!(kind, Type::Binary(_) | Type::Varbinary(_));
    let common = if is_whole(a) && is_whole(b) {
        numeric_common(a, b)
    } else if is_bytes(a) && is_bytes(b) {
        common_type(a, b)
    } else {
        None
    };
    let common = common.ok_or_else(|| failure!("operators on bits are not defined for {}", types_text(args)))?;
    Ok(Shape::strict(args, vec![common.clone(), common.clone()], common))
}

fn kernel(call: &Call<'_>, whole: fn(i128, i128) -> i128, byte: fn(u8, u8) -> u8) -> Outcome<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    let kind = &call.shape.result.kind;
    let is_there = |row: usize| left.is_valid(row) && right.is_valid(row);
    if matches!(kind, Type::Binary(_) | Type::Varbinary(_)) {
        let bytes =
            |array: &ArrayRef| array.as_binary_opt::<i64>().cloned().ok_or_else(|| failure!("bytes are expected"));
        let (a, b) = (bytes(left)?, bytes(right)?);
        let mut column = Vec::with_capacity(call.rows);
        for row in 0..call.rows {
            if !is_there(row) {
                column.push(None);
                continue;
            }
            let (a, b) = (a.value(row), b.value(row));
            if a.len() != b.len() {
                return Err(failure!("{} and {} bytes cannot be put together", a.len(), b.len()));
            }
            column.push(Some(a.iter().zip(b).map(|(a, b)| byte(*a, *b)).collect::<Vec<u8>>()));
        }
        return Ok(Arc::new(column.iter().map(|each| each.as_deref()).collect::<LargeBinaryArray>()));
    }
    let (a, b) = (wide(left, kind)?, wide(right, kind)?);
    let column: Vec<Option<i128>> = (0..call.rows).map(|row| is_there(row).then(|| whole(a[row], b[row]))).collect();
    from_wide(&column, kind)
}
