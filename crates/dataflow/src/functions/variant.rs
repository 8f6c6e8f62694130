//! Values that carry their type: JSON, as text in one form for each value, so that equal values have equal texts.
//!
//! What JSON has no type for, like dates, becomes its text. `null` inside is a value equal to itself; NULL is not.

use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::Int64Type;
use serde_json::Value;

use super::cast::{Failing, cast};
use super::support::{Kind, count, fixed, strict, wrong};
use super::{Arg, Call, Function, Outcome, Shape, failure};

const TEXT: Type = Type::Varchar(None);

pub(super) const FUNCTIONS: [Function; 6] = [
    Function::new("parse_json", parse_shape, parse),
    Function::new("to_json", to_json_shape, |call| call.column(0).cloned()),
    Function::new("typeof", typeof_shape, type_names),
    Function::new("variantnull", null_shape, |call| Ok(Arc::new(StringArray::from(vec!["null"; call.rows])))),
    Function::new("json_object_keys", keys_shape, keys),
    Function::new("json_keys", keys_shape, keys),
];

fn parse_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = fixed(args, &[Kind::Text], 1, 1, Kind::Text)?;
    shape.result.kind = Type::Variant;
    shape.result.is_nullable = true;
    Ok(shape)
}

fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn parse(call: &Call<'_>) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    Ok(strict!(call.rows, StringArray; text in texts => read(text).map(|value| value.to_string())))
}

fn variant_shape(args: &[Arg<'_>], result: Type) -> Outcome<Shape> {
    count(args, 1, 1)?;
    match args[0].column.kind {
        Type::Variant | Type::Null => Ok(Shape::strict(args, vec![Type::Variant], result)),
        _ => Err(wrong(args, 0, "VARIANT")),
    }
}

fn to_json_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    variant_shape(args, TEXT)
}

fn typeof_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = variant_shape(args, TEXT)?;
    shape.result.is_nullable = false;
    Ok(shape)
}

fn null_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 0, 0)?;
    Ok(Shape::strict(args, Vec::new(), Type::Variant))
}

fn type_names(call: &Call<'_>) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    let name = |row: usize| {
        if texts.is_null(row) {
            return "NULL";
        }
        match read(texts.value(row)) {
            None | Some(Value::Null) => "VARIANT",
            Some(Value::Bool(_)) => "BOOLEAN",
            Some(Value::Number(number)) if number.is_i64() && number.as_i64().is_some_and(|number| number < 0) => {
                "BIGINT"
            }
            Some(Value::Number(number)) if number.is_u64() => "BIGINT UNSIGNED",
            Some(Value::Number(_)) => "DECIMAL",
            Some(Value::String(_)) => "VARCHAR",
            Some(Value::Array(_)) => "ARRAY",
            Some(Value::Object(_)) => "MAP",
        }
    };
    Ok(Arc::new((0..call.rows).map(|row| Some(name(row))).collect::<StringArray>()))
}

fn keys_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = variant_shape(args, Type::Array(Box::new(TEXT)))?;
    shape.result.is_nullable = true;
    Ok(shape)
}

fn keys(call: &Call<'_>) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    let mut builder = arrow::array::LargeListBuilder::new(arrow::array::StringBuilder::new());
    for row in 0..call.rows {
        match (!texts.is_null(row)).then(|| read(texts.value(row))).flatten() {
            Some(Value::Object(parts)) => {
                parts.keys().for_each(|key| builder.values().append_value(key));
                builder.append(true);
            }
            _ => builder.append(false),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Plans `v['key']`, `v[place]` and `v.key`.
pub(super) fn at_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let by = match &args[1].column.kind {
        Type::Int(_) | Type::UInt(_) => Type::Int(IntWidth::Big),
        Type::Char(_) | Type::Varchar(_) | Type::Null => TEXT,
        _ => return Err(wrong(args, 1, "VARCHAR or BIGINT")),
    };
    Ok(Shape::nullable(vec![Type::Variant, by], Type::Variant))
}

/// A part of each value, NULL where there is none. Places count from 1.
pub(super) fn at(call: &Call<'_>, ignores_case: bool) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    let places = call.column(1)?;
    if let Some(places) = places.as_primitive_opt::<Int64Type>() {
        return Ok(strict!(call.rows, StringArray; text in texts, place in places => {
            let at = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
            read(text).and_then(|value| value.get(at?).map(Value::to_string))
        }));
    }
    let names = call.texts(1)?;
    Ok(strict!(call.rows, StringArray; text in texts, name in names => {
        read(text).and_then(|value| {
            let exact = value.get(name).map(Value::to_string);
            let folded = || value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_string());
            if ignores_case { exact.or_else(folded) } else { exact }
        })
    }))
}

/// Casts to `VARIANT`.
pub(super) fn from_kind(array: &ArrayRef, from: &Type) -> Outcome<ArrayRef> {
    let texts = cast(array, from, &TEXT, Failing::Error)?;
    let texts: &StringArray = texts.as_string_opt().ok_or_else(|| failure!("a text is expected"))?;
    let is_plain = match from {
        Type::Int(_) | Type::UInt(_) | Type::Decimal(..) => true,
        Type::Boolean => {
            return Ok(Arc::new(texts.iter().map(|text| text.map(str::to_lowercase)).collect::<StringArray>()));
        }
        Type::Real | Type::Double => {
            // JSON has no infinite numbers.
            let number = |text: &str| {
                serde_json::from_str::<Value>(text).map_or_else(|_| "null".to_owned(), |value| value.to_string())
            };
            return Ok(Arc::new(texts.iter().map(|text| text.map(number)).collect::<StringArray>()));
        }
        _ => false,
    };
    let written = |text: &str| if is_plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() };
    Ok(Arc::new(texts.iter().map(|text| text.map(written)).collect::<StringArray>()))
}

/// Casts from `VARIANT`: what does not fit is NULL.
pub(super) fn to_kind(array: &ArrayRef, to: &Type) -> Outcome<ArrayRef> {
    let texts: &StringArray = array.as_string_opt().ok_or_else(|| failure!("a text is expected"))?;
    let is_text = matches!(to, Type::Char(_) | Type::Varchar(_));
    let is_number = matches!(to, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real | Type::Double);
    let simple = |text: &str| match read(text)? {
        Value::String(text) if !is_number => Some(text),
        Value::Number(number) if is_number || is_text => Some(number.to_string()),
        Value::Bool(truth) if *to == Type::Boolean || is_text => Some(truth.to_string()),
        _ => None,
    };
    let simple: ArrayRef = Arc::new(texts.iter().map(|text| text.and_then(simple)).collect::<StringArray>());
    if matches!(to, Type::Int(_) | Type::UInt(_)) {
        // A number with a fraction is cut, as decimals are.
        let decimals = cast(&simple, &TEXT, &Type::Decimal(38, 10), Failing::Null)?;
        return cast(&decimals, &Type::Decimal(38, 10), to, Failing::Null);
    }
    cast(&simple, &TEXT, to, Failing::Null)
}
