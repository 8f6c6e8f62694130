//! Functions of bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, LargeBinaryArray, StringArray};

use super::support::{Kind, fixed, strict};
use super::{Call, Function, Outcome, failure};

/// Bytes that one value put together may have.
const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) const FUNCTIONS: [Function; 4] = [
    Function::new("__hex", |args| fixed(args, &[Kind::Text], 1, 1, Kind::Bytes), from_hex),
    Function::new(
        "to_hex",
        |args| fixed(args, &[Kind::Bytes], 1, 1, Kind::Text),
        |call| {
            let values = bytes(call, 0)?;
            Ok(strict!(call.rows, StringArray; value in values => {
                Some(value.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }))
        },
    ),
    Function::new(
        "bin2utf8",
        |args| fixed(args, &[Kind::Bytes], 1, 1, Kind::Text),
        |call| {
            let values = bytes(call, 0)?;
            Ok(strict!(call.rows, StringArray; value in values => {
                Some(std::str::from_utf8(value).map_err(|error| failure!("the bytes are not UTF-8: {error}"))?.to_owned())
            }))
        },
    ),
    Function::new(
        "to_int",
        |args| fixed(args, &[Kind::Bytes], 1, 1, Kind::Int),
        |call| {
            let values = bytes(call, 0)?;
            // The first byte is the greatest part; what is too long loses its greatest parts.
            Ok(strict!(call.rows, Int32Array; value in values => {
                Some(value.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) as i32)
            }))
        },
    ),
];

fn bytes<'a>(call: &Call<'a>, at: usize) -> Outcome<&'a LargeBinaryArray> {
    call.args
        .get(at)
        .and_then(|arg| arg.as_binary_opt::<i64>())
        .ok_or_else(|| failure!("argument {} is not bytes", at + 1))
}

/// Bytes that are written with two digits each.
fn from_hex(call: &Call<'_>) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    Ok(strict!(call.rows, LargeBinaryArray; text in texts => {
        let bad = || failure!("X'{text}' does not have two digits for each byte");
        let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>().ok_or_else(bad)?;
        if digits.len() % 2 != 0 {
            return Err(bad());
        }
        Some(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect::<Vec<u8>>())
    }))
}

/// Bytes one after the other.
pub(super) fn concat(call: &Call<'_>) -> Outcome<ArrayRef> {
    let parts = (0..call.args.len()).map(|at| bytes(call, at)).collect::<Outcome<Vec<_>>>()?;
    let mut column = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if parts.iter().any(|part| part.is_null(row)) {
            column.push(None);
            continue;
        }
        let joined = parts.iter().map(|part| part.value(row)).collect::<Vec<_>>().concat();
        if joined.len() > VALUE_BYTES_MAX {
            return Err(failure!("a value of more than {VALUE_BYTES_MAX} bytes would be made"));
        }
        column.push(Some(joined));
    }
    Ok(Arc::new(column.iter().map(|each| each.as_deref()).collect::<LargeBinaryArray>()))
}
