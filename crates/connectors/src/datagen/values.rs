//! Values as they are configured, for columns of any type.

use alluvium_sql::types::Type;
use serde_json::Value;

use super::ranges;
use crate::cells::Cell;
use crate::table;

/// The value of a type that JSON stands for. Values nest no deeper than their types.
///
/// # Errors
///
/// It is not of the type.
pub(super) fn cell(kind: &Type, value: &Value) -> Result<Cell, String> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let wrong = || format!("{value} in its `values` is not of the type {kind}");
    let text = || value.as_str().map(ToOwned::to_owned).ok_or_else(wrong);
    let int = |value: Option<i128>| value.map(Cell::Int).ok_or_else(wrong);
    match kind {
        Type::Null => Err(wrong()),
        Type::Boolean => value.as_bool().map(Cell::Bool).ok_or_else(wrong),
        Type::Int(_) | Type::UInt(_) => int(ranges::whole(value)),
        Type::Decimal(_, scale) => int(ranges::decimal(value, *scale)),
        Type::Real | Type::Double => value.as_f64().map(Cell::Float).ok_or_else(wrong),
        Type::Char(_) | Type::Varchar(_) => text().map(Cell::Text),
        Type::Uuid => text().and_then(|text| is_uuid(&text).then(|| Cell::Text(text.to_lowercase())).ok_or_else(wrong)),
        Type::Variant => Ok(Cell::Text(value.to_string())),
        Type::Binary(_) | Type::Varbinary(_) => {
            let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes = value.as_array().and_then(|all| all.iter().map(byte).collect::<Option<Vec<u8>>>());
            bytes.map(Cell::Bytes).ok_or_else(wrong)
        }
        Type::Date => int(ranges::days(value)),
        Type::Time => {
            int(ranges::time_ms(value).filter(|ms| (0..ranges::DAY_MS).contains(ms)).map(|ms| ms * 1_000_000))
        }
        Type::Timestamp | Type::TimestampTz => int(ranges::moment_ms(value).map(|ms| ms * 1000)),
        Type::Interval(_) => Err(format!("values of the type {kind} cannot be made")),
        Type::Array(element) => {
            let all = value.as_array().ok_or_else(wrong)?;
            all.iter().map(|each| cell(element, each)).collect::<Result<_, _>>().map(Cell::List)
        }
        Type::Map(key, each) => {
            let all = value.as_object().ok_or_else(wrong)?;
            let entry =
                |(name, value): (&String, &Value)| Ok((cell(key, &Value::String(name.clone()))?, cell(each, value)?));
            all.iter().map(entry).collect::<Result<_, String>>().map(Cell::Map)
        }
        Type::Row(fields) => {
            let all = value.as_object().ok_or_else(wrong)?;
            let mut row = vec![Cell::Null; fields.len()];
            for (name, value) in all {
                let at = table::position(fields, name).ok_or_else(wrong)?;
                row[at] = cell(&fields[at].column_type.kind, value)?;
            }
            Ok(Cell::Row(row))
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let is_good = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_good)
}
