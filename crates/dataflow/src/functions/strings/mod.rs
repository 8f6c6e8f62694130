//! Functions of texts. Places and lengths count characters.

mod parts;
mod patterns;

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{ArrayRef, BooleanArray, Int32Array, LargeListBuilder, StringArray, StringBuilder};
use arrow::datatypes::Int32Type;
use md5::{Digest, Md5};

use super::support::{Kind, fixed, strict};
use super::{Arg, Call, Function, Outcome, Shape, failure};

/// Bytes that one value made by a function of texts may have.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

macro_rules! text_to_text {
    ($name:literal, $apply:expr) => {
        Function::new($name, |args| fixed(args, &[Kind::Text], 1, 1, Kind::Text), |call| {
            let values = call.texts(0)?;
            let apply: fn(&str) -> String = $apply;
            Ok(strict!(call.rows, StringArray; text in values => Some(apply(text))))
        })
    };
}

macro_rules! text_to_int {
    ($name:literal, $apply:expr) => {
        Function::new($name, |args| fixed(args, &[Kind::Text], 1, 1, Kind::Int), |call| {
            let values = call.texts(0)?;
            let apply: fn(&str) -> i32 = $apply;
            Ok(strict!(call.rows, Int32Array; text in values => Some(apply(text))))
        })
    };
}

fn length(text: &str) -> i32 {
    text.chars().count() as i32
}

pub(super) const FUNCTIONS: [Function; 21] = [
    text_to_text!("upper", str::to_uppercase),
    text_to_text!("lower", str::to_lowercase),
    text_to_text!("reverse", |text| text.chars().rev().collect()),
    text_to_text!("initcap", |text| capitals(text, |before| !before.is_alphanumeric())),
    text_to_text!("initcap_spaces", |text| capitals(text, char::is_whitespace)),
    text_to_text!("md5", |text| Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()),
    text_to_int!("char_length", length),
    text_to_int!("character_length", length),
    text_to_int!("length", length),
    text_to_int!("len", length),
    text_to_int!("ascii", |text| text.chars().next().map_or(0, |first| first as i32)),
    Function::new("chr", |args| fixed(args, &[Kind::Int], 1, 1, Kind::Text), chr),
    Function::new("repeat", repeat_shape, repeat),
    Function::new("replace", |args| fixed(args, &[Kind::Text], 3, 3, Kind::Text), replace),
    Function::new("__concat", concat_shape, concat),
    Function::new("concat", concat_shape, concat),
    Function::new("concat_ws", concat_ws_shape, concat_ws),
    Function::new("split", split_shape, split),
    Function::new("split_part", split_part_shape, split_part),
    Function::new(
        "starts_with",
        |args| fixed(args, &[Kind::Text], 2, 2, Kind::Boolean),
        |call| {
            let (texts, parts) = (call.texts(0)?, call.texts(1)?);
            Ok(strict!(call.rows, BooleanArray; text in texts, part in parts => Some(text.starts_with(part))))
        },
    ),
    Function::new(
        "ends_with",
        |args| fixed(args, &[Kind::Text], 2, 2, Kind::Boolean),
        |call| {
            let (texts, parts) = (call.texts(0)?, call.texts(1)?);
            Ok(strict!(call.rows, BooleanArray; text in texts, part in parts => Some(text.ends_with(part))))
        },
    ),
];

pub(super) use parts::FUNCTIONS as PARTS;
pub(super) use patterns::FUNCTIONS as PATTERNS;

/// Letters that begin a word as capitals, the others small.
fn capitals(text: &str, ends_word: fn(char) -> bool) -> String {
    let mut made = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        if begins {
            made.extend(letter.to_uppercase());
        } else {
            made.extend(letter.to_lowercase());
        }
        begins = ends_word(letter);
    }
    made
}

fn chr(call: &Call<'_>) -> Outcome<ArrayRef> {
    let codes = call.numbers::<Int32Type>(0)?;
    Ok(strict!(call.rows, StringArray; code in codes => {
        let letter = u32::try_from(code).ok().filter(|code| *code > 0).and_then(char::from_u32);
        Some(letter.map(String::from).unwrap_or_default())
    }))
}

fn repeat_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    fixed(args, &[Kind::Text, Kind::Int], 2, 2, Kind::Text)
}

fn repeat(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (texts, counts) = (call.texts(0)?, call.numbers::<Int32Type>(1)?);
    Ok(strict!(call.rows, StringArray; text in texts, times in counts => {
        let times = usize::try_from(times).unwrap_or(0);
        if text.len().saturating_mul(times) > TEXT_BYTES_MAX {
            return Err(failure!("a text of more than {TEXT_BYTES_MAX} bytes would be made"));
        }
        Some(text.repeat(times))
    }))
}

fn replace(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (texts, olds, news) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    Ok(strict!(call.rows, StringArray; text in texts, old in olds, new in news => {
        if old.is_empty() {
            Some(text.to_owned())
        } else {
            let found = text.matches(old).count();
            if found.saturating_mul(new.len()).saturating_add(text.len()) > TEXT_BYTES_MAX {
                return Err(failure!("a text of more than {TEXT_BYTES_MAX} bytes would be made"));
            }
            Some(text.replace(old, new))
        }
    }))
}

/// Texts, and bytes, are put together; other values count as their texts.
fn concat_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.is_empty() {
        return Err(failure!("it takes one argument or more"));
    }
    let is_bytes = |arg: &Arg<'_>| matches!(arg.column.kind, Type::Binary(_) | Type::Varbinary(_));
    if args.iter().any(is_bytes) {
        return fixed(args, &[Kind::Bytes], 1, usize::MAX, Kind::Bytes);
    }
    let mut params = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        params.push(match &arg.column.kind {
            // Blanks that fill a text up stay.
            kind @ Type::Char(_) => kind.clone(),
            Type::Array(_) | Type::Map(..) | Type::Row(_) => return Err(super::support::wrong(args, at, "VARCHAR")),
            _ => Type::Varchar(None),
        });
    }
    Ok(Shape::strict(args, params, Type::Varchar(None)))
}

fn concat(call: &Call<'_>) -> Outcome<ArrayRef> {
    if call.shape.result.kind == Type::Varbinary(None) {
        return super::binary::concat(call);
    }
    let parts = (0..call.args.len()).map(|at| call.texts(at)).collect::<Outcome<Vec<_>>>()?;
    let joined = |row: usize| -> Outcome<Option<String>> {
        if parts.iter().any(|part| arrow::array::Array::is_null(*part, row)) {
            return Ok(None);
        }
        let size: usize = parts.iter().map(|part| part.value(row).len()).sum();
        if size > TEXT_BYTES_MAX {
            return Err(failure!("a text of more than {TEXT_BYTES_MAX} bytes would be made"));
        }
        Ok(Some(parts.iter().map(|part| part.value(row)).collect()))
    };
    Ok(Arc::new((0..call.rows).map(joined).collect::<Outcome<Vec<_>>>()?.into_iter().collect::<StringArray>()))
}

fn concat_ws_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = fixed(args, &[Kind::Text], 1, usize::MAX, Kind::Text)?;
    shape.result.is_nullable = args[0].column.is_nullable || args[0].column.kind == Type::Null;
    Ok(shape)
}

fn concat_ws(call: &Call<'_>) -> Outcome<ArrayRef> {
    let parts = (0..call.args.len()).map(|at| call.texts(at)).collect::<Outcome<Vec<_>>>()?;
    let Some((separators, parts)) = parts.split_first() else { return Err(failure!("a separator is missing")) };
    let is_there = |part: &StringArray, row: usize| arrow::array::Array::is_valid(part, row);
    let joined = |row: usize| {
        let texts: Vec<&str> = parts.iter().filter(|part| is_there(part, row)).map(|part| part.value(row)).collect();
        is_there(separators, row).then(|| texts.join(separators.value(row)))
    };
    Ok(Arc::new((0..call.rows).map(joined).collect::<StringArray>()))
}

fn split_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let mut shape = fixed(args, &[Kind::Text], 1, 2, Kind::Text)?;
    shape.result.kind = Type::Array(Box::new(Type::Varchar(None)));
    Ok(shape)
}

fn pieces<'a>(text: &'a str, separator: &'a str) -> Vec<&'a str> {
    if text.is_empty() {
        Vec::new()
    } else if separator.is_empty() {
        vec![text]
    } else {
        text.split(separator).collect()
    }
}

fn split(call: &Call<'_>) -> Outcome<ArrayRef> {
    let texts = call.texts(0)?;
    let separators = if call.args.len() > 1 { Some(call.texts(1)?) } else { None };
    let mut builder = LargeListBuilder::new(StringBuilder::new());
    for row in 0..call.rows {
        let is_null = |part: &StringArray| arrow::array::Array::is_null(part, row);
        if is_null(texts) || separators.is_some_and(is_null) {
            builder.append(false);
            continue;
        }
        let separator = separators.map_or(",", |separators| separators.value(row));
        pieces(texts.value(row), separator).into_iter().for_each(|piece| builder.values().append_value(piece));
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

fn split_part_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    fixed(args, &[Kind::Text, Kind::Text, Kind::Int], 3, 3, Kind::Text)
}

fn split_part(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (texts, separators, places) = (call.texts(0)?, call.texts(1)?, call.numbers::<Int32Type>(2)?);
    Ok(strict!(call.rows, StringArray; text in texts, separator in separators, place in places => {
        let pieces = pieces(text, separator);
        let at = if place < 0 { pieces.len() as i64 + i64::from(place) } else { i64::from(place) - 1 };
        let piece = usize::try_from(at).ok().and_then(|at| pieces.get(at).copied());
        Some(piece.unwrap_or_default().to_owned())
    }))
}
