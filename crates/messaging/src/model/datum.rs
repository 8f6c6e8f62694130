//! Avro data as JSON and back, by a schema: what defaults, tools and messages without a Rust type need.
//!
//! The JSON is that of defaults: bytes are texts of U+0000 to U+00FF, enums symbols, a union the bare value of the first branch
//! that it fits.

use alluvium_avro::{Name, NodeId, Schema, Type};
use serde_json::{Map, Value};

use crate::wire::varint;

/// How deep data may nest.
pub const DATUM_DEPTH_MAX: usize = 64;
/// Items of one array or map, at most: items that take no bytes could be any number.
const ITEMS_MAX: u64 = 16 * 1024 * 1024;

/// Encodes JSON by a schema.
pub fn json_to_datum(schema: &Schema, json: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    encode(schema, schema.root_id(), json, &mut out, 0)?;
    Ok(out)
}

/// Encodes JSON by one type of a schema.
pub(crate) fn encode(schema: &Schema, id: NodeId, json: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
    if depth > DATUM_DEPTH_MAX {
        return Err(format!("nests deeper than {DATUM_DEPTH_MAX}"));
    }
    let node = schema.node(id);
    let wrong = || {
        let mut shown = json.to_string();
        shown.truncate(shown.char_indices().nth(100).map_or(shown.len(), |(at, _)| at));
        Err(format!("{shown} is no {}", node.kind.name().map_or(node.kind.word(), alluvium_avro::Name::full)))
    };
    match (&node.kind, json) {
        (Type::Null, Value::Null) => {}
        (Type::Boolean, Value::Bool(yes)) => out.push(u8::from(*yes)),
        (Type::Int, Value::Number(number)) => match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => varint::write(out, number.into()),
            None => return wrong(),
        },
        (Type::Long, Value::Number(number)) => match number.as_i64() {
            Some(number) => varint::write(out, number),
            None => return wrong(),
        },
        (Type::Float | Type::Double, Value::Number(_) | Value::String(_)) => {
            let Some(number) = float(json) else { return wrong() };
            if matches!(node.kind, Type::Float) {
                out.extend_from_slice(&(number as f32).to_le_bytes());
            } else {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        (Type::String, Value::String(text)) => {
            varint::write(out, text.len() as i64);
            out.extend_from_slice(text.as_bytes());
        }
        (Type::Bytes, Value::String(text)) => {
            let Some(bytes) = latin(text) else { return wrong() };
            varint::write(out, bytes.len() as i64);
            out.extend_from_slice(&bytes);
        }
        (Type::Fixed(fixed), Value::String(text)) => match latin(text) {
            Some(bytes) if bytes.len() == fixed.size as usize => out.extend_from_slice(&bytes),
            _ => return wrong(),
        },
        (Type::Enum(of), Value::String(symbol)) => match of.symbols.iter().position(|each| each == symbol) {
            Some(at) => varint::write(out, at as i64),
            None => return wrong(),
        },
        (Type::Array(items), Value::Array(values)) => {
            if !values.is_empty() {
                varint::write(out, values.len() as i64);
                for value in values {
                    encode(schema, *items, value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        (Type::Map(values), Value::Object(members)) => {
            if !members.is_empty() {
                varint::write(out, members.len() as i64);
                for (key, value) in members {
                    varint::write(out, key.len() as i64);
                    out.extend_from_slice(key.as_bytes());
                    encode(schema, *values, value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        (Type::Union(branches), _) => {
            for (at, branch) in branches.iter().enumerate() {
                let start = out.len();
                varint::write(out, at as i64);
                if encode(schema, *branch, json, out, depth + 1).is_ok() {
                    return Ok(());
                }
                out.truncate(start);
            }
            return wrong();
        }
        (Type::Record(record), Value::Object(members)) => {
            if let Some(unknown) = members.keys().find(|key| record.field(key).is_none()) {
                return Err(format!("{} has no field `{unknown}`", record.name.full()));
            }
            for field in &record.fields {
                let given = members.get(&field.name).cloned();
                let value = given.or_else(|| field.default.as_ref().map(alluvium_avro::Json::to_value));
                let value =
                    value.ok_or_else(|| format!("field `{}` of {} is missing", field.name, record.name.full()))?;
                encode(schema, field.kind, &value, out, depth + 1)
                    .map_err(|reason| format!("{}: {reason}", field.name))?;
            }
        }
        _ => return wrong(),
    }
    Ok(())
}

fn float(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}

/// Decodes data by a schema; all of it must be used up.
pub fn json_from_datum(schema: &Schema, datum: &[u8]) -> Result<Value, String> {
    whole(schema, datum, Unions::Bare)
}

/// The same in Avro's own JSON encoding: a union's value stands under the name of its branch, unless it is null.
pub fn tagged_json_from_datum(schema: &Schema, datum: &[u8]) -> Result<Value, String> {
    whole(schema, datum, Unions::Tagged)
}

/// How the values of unions are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unions {
    Bare,
    Tagged,
}

fn whole(schema: &Schema, datum: &[u8], unions: Unions) -> Result<Value, String> {
    let mut rest = datum;
    let value = decode(schema, schema.root_id(), unions, &mut rest, 0)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes are left over", rest.len())) }
}

fn decode(schema: &Schema, id: NodeId, unions: Unions, rest: &mut &[u8], depth: usize) -> Result<Value, String> {
    if depth > DATUM_DEPTH_MAX {
        return Err(format!("nests deeper than {DATUM_DEPTH_MAX}"));
    }
    Ok(match &schema.node(id).kind {
        Type::Null => Value::Null,
        Type::Boolean => Value::Bool(bytes(rest, 1)?[0] != 0),
        Type::Int | Type::Long => Value::from(number(rest)?),
        Type::Float => {
            let number = f32::from_le_bytes(bytes(rest, 4)?.try_into().map_err(|_| SHORT)?);
            float_text(number.into()).unwrap_or_else(|| shortest(number))
        }
        Type::Double => {
            let number = f64::from_le_bytes(bytes(rest, 8)?.try_into().map_err(|_| SHORT)?);
            float_text(number).unwrap_or_else(|| Value::from(number))
        }
        Type::String => Value::from(text(rest)?),
        Type::Bytes => {
            let length = length(rest)?;
            from_latin(bytes(rest, length)?)
        }
        Type::Fixed(fixed) => from_latin(bytes(rest, fixed.size as usize)?),
        Type::Enum(of) => {
            let symbol = usize::try_from(number(rest)?).ok().and_then(|at| of.symbols.get(at));
            Value::from(symbol.ok_or("an enum's symbol is out of range")?.as_str())
        }
        Type::Array(items) => {
            let mut all = Vec::new();
            blocks(rest, |rest| {
                all.push(decode(schema, *items, unions, rest, depth + 1)?);
                Ok(())
            })?;
            Value::Array(all)
        }
        Type::Map(values) => {
            let mut all = Map::new();
            blocks(rest, |rest| {
                let key = text(rest)?.to_owned();
                all.insert(key, decode(schema, *values, unions, rest, depth + 1)?);
                Ok(())
            })?;
            Value::Object(all)
        }
        Type::Union(branches) => {
            let branch = usize::try_from(number(rest)?).ok().and_then(|at| branches.get(at));
            let branch = *branch.ok_or("a union's branch is out of range")?;
            let value = decode(schema, branch, unions, rest, depth + 1)?;
            let kind = &schema.node(branch).kind;
            if unions == Unions::Bare || matches!(kind, Type::Null) {
                value
            } else {
                let name = kind.name().map_or(kind.word(), Name::full);
                Value::Object(Map::from_iter([(name.to_owned(), value)]))
            }
        }
        Type::Record(record) => {
            let mut all = Map::new();
            for field in &record.fields {
                let value = decode(schema, field.kind, unions, rest, depth + 1)
                    .map_err(|reason| format!("{}: {reason}", field.name))?;
                all.insert(field.name.clone(), value);
            }
            Value::Object(all)
        }
    })
}

/// Text of the error of data that ends early.
pub(crate) const SHORT: &str = "the data ends early";

/// Reads the blocks of an array or map.
pub(crate) fn blocks<'d>(
    rest: &mut &'d [u8],
    mut item: impl FnMut(&mut &'d [u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut items = 0_u64;
    loop {
        let count = number(rest)?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            number(rest)?;
        }
        items = items.saturating_add(count.unsigned_abs());
        if items > ITEMS_MAX {
            return Err(format!("more than {ITEMS_MAX} items"));
        }
        for _ in 0..count.unsigned_abs() {
            item(rest)?;
        }
    }
}

/// Takes bytes off.
pub(crate) fn bytes<'d>(rest: &mut &'d [u8], count: usize) -> Result<&'d [u8], String> {
    let (taken, left) = rest.split_at_checked(count).ok_or(SHORT)?;
    *rest = left;
    Ok(taken)
}

/// Takes a number off.
pub(crate) fn number(rest: &mut &[u8]) -> Result<i64, String> {
    varint::read(rest).ok_or_else(|| SHORT.to_owned())
}

/// Takes a length off.
pub(crate) fn length(rest: &mut &[u8]) -> Result<usize, String> {
    usize::try_from(number(rest)?).map_err(|_| "a negative length".to_owned())
}

fn text<'d>(rest: &mut &'d [u8]) -> Result<&'d str, String> {
    let length = length(rest)?;
    std::str::from_utf8(bytes(rest, length)?).map_err(|_| "a string that is no UTF-8".to_owned())
}

fn from_latin(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().copied().map(char::from).collect())
}

/// JSON has no numbers for these.
fn float_text(number: f64) -> Option<Value> {
    if number.is_nan() {
        Some(Value::from("NaN"))
    } else if number.is_infinite() {
        Some(Value::from(if number > 0.0 { "Infinity" } else { "-Infinity" }))
    } else {
        None
    }
}

/// The shortest number that is this float, not the longest double that is.
fn shortest(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or_else(|_| Value::from(f64::from(number)), Value::from)
}

/// Appends a field's default.
pub(crate) fn json_default(
    schema: &Schema,
    id: NodeId,
    default: &alluvium_avro::Json,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    encode(schema, id, &default.to_value(), out, 0)
}
