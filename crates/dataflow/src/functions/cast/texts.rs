//! Casts to text, to bytes and to UUIDs.

use std::sync::Arc;

use alluvium_sql::types::{IntervalUnits, Type};
use arrow::array::{ArrayRef, AsArray, LargeBinaryArray, StringArray};

use super::super::decimal::decimal_text;
use super::super::{Outcome, failure};
use super::calendar::{DAY_MICROS, format_date, format_time, format_timestamp};
use super::readers::{Reader, collect, float, interval_unit, whole};
use super::{Failing, texts_of};

/// Characters that blanks may fill a text up to.
const PADDED_CHARS_MAX: u32 = 1_000_000;

/// Casts to `CHAR` and `VARCHAR`.
pub(super) fn to_text(array: &ArrayRef, from: &Type, to: &Type) -> Outcome<ArrayRef> {
    let read = written(array, from)?;
    let drops_blanks = matches!(from, Type::Char(_)) && matches!(to, Type::Varchar(_));
    let values = collect(array, Failing::Error, |row| {
        let mut text = read(row)?;
        if drops_blanks {
            text.truncate(text.trim_end_matches(' ').len());
        }
        match to {
            Type::Char(length) => padded(text, *length),
            Type::Varchar(Some(length)) => {
                cut(&mut text, *length);
                Ok(text)
            }
            _ => Ok(text),
        }
    })?;
    Ok(Arc::new(StringArray::from(values)))
}

fn cut(text: &mut String, length: u32) {
    if let Some((at, _)) = text.char_indices().nth(length as usize) {
        text.truncate(at);
    }
}

fn padded(mut text: String, length: u32) -> Outcome<String> {
    cut(&mut text, length);
    let missing = (length as usize).saturating_sub(text.chars().count());
    if missing > 0 && length > PADDED_CHARS_MAX {
        return Err(failure!("a text is not filled up to {length} characters, only to {PADDED_CHARS_MAX}"));
    }
    text.extend(std::iter::repeat_n(' ', missing));
    Ok(text)
}

fn written<'a>(array: &'a ArrayRef, from: &Type) -> Outcome<Reader<'a, Outcome<String>>> {
    Ok(match from {
        Type::Char(_) | Type::Varchar(_) | Type::Uuid => {
            let texts = texts_of(array)?;
            Box::new(move |row| Ok(texts.value(row).to_owned()))
        }
        Type::Binary(_) | Type::Varbinary(_) => {
            let bytes = array.as_binary_opt::<i64>().ok_or_else(|| failure!("bytes are expected"))?;
            Box::new(move |row| Ok(hex(bytes.value(row))))
        }
        Type::Boolean => {
            let values = array.as_boolean_opt().ok_or_else(|| failure!("a boolean is expected"))?;
            Box::new(move |row| Ok(if values.value(row) { "TRUE" } else { "FALSE" }.to_owned()))
        }
        Type::Real => {
            let values = array
                .as_primitive_opt::<arrow::datatypes::Float32Type>()
                .ok_or_else(|| failure!("a number is expected"))?;
            Box::new(move |row| Ok(float_text(&values.value(row).to_string())))
        }
        Type::Double => {
            let read = float(array, from)?;
            Box::new(move |row| Ok(float_text(&read(row).to_string())))
        }
        _ => {
            let read = whole(array, from)?;
            let from = from.clone();
            Box::new(move |row| Ok(whole_text(read(row), &from)))
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a floating-point number; the infinite ones have their names.
pub(crate) fn float_text(text: &str) -> String {
    match text {
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        text => text.to_owned(),
    }
}

fn whole_text(value: i128, from: &Type) -> String {
    match from {
        Type::Decimal(_, scale) => decimal_text(value, *scale),
        Type::Date => format_date(value as i64),
        Type::Time => format_time(value as i64),
        Type::Timestamp => format_timestamp(value as i64),
        Type::TimestampTz => format!("{} UTC", format_timestamp(value as i64)),
        Type::Interval(units) => interval_text(value, *units),
        _ => value.to_string(),
    }
}

/// An interval in its units, signed: `+1 02:03:04`.
fn interval_text(value: i128, units: IntervalUnits) -> String {
    let sign = if value < 0 { '-' } else { '+' };
    let value = value.abs();
    let day = i128::from(DAY_MICROS);
    let clock = |micros: i128| format_time((micros * 1000) as i64);
    match units {
        IntervalUnits::YearToMonth => format!("{sign}{}-{}", value / 12, value % 12),
        IntervalUnits::DayToHour => format!("{sign}{} {:02}", value / day, value % day / 3_600_000_000),
        IntervalUnits::DayToMinute => {
            format!("{sign}{} {:02}:{:02}", value / day, value % day / 3_600_000_000, value / 60_000_000 % 60)
        }
        IntervalUnits::DayToSecond => format!("{sign}{} {}", value / day, clock(value % day)),
        IntervalUnits::HourToMinute => format!("{sign}{}:{:02}", value / 3_600_000_000, value / 60_000_000 % 60),
        IntervalUnits::HourToSecond => {
            format!("{sign}{}:{}", value / 3_600_000_000, &clock(value % 3_600_000_000)[3..])
        }
        IntervalUnits::MinuteToSecond => format!("{sign}{}:{}", value / 60_000_000, &clock(value % 60_000_000)[6..]),
        IntervalUnits::Second => {
            let fraction = value % 1_000_000;
            let whole = format!("{sign}{}", value / 1_000_000);
            if fraction == 0 { whole } else { format!("{whole}.{fraction:06}") }
        }
        _ => format!("{sign}{}", value / interval_unit(units)),
    }
}

/// Casts to `BINARY` and `VARBINARY`: texts as they are encoded, whole numbers with the greatest part first.
pub(super) fn to_bytes(array: &ArrayRef, from: &Type, to: &Type, failing: Failing) -> Outcome<ArrayRef> {
    let (length, is_fixed) = match to {
        Type::Binary(length) => (Some(*length as usize), true),
        Type::Varbinary(length) => (length.map(|length| length as usize), false),
        _ => (None, false),
    };
    let shorten = |mut bytes: Vec<u8>| {
        if let Some(length) = length {
            bytes.truncate(length);
            if is_fixed {
                bytes.resize(length, 0);
            }
        }
        bytes
    };
    let values = match from {
        Type::Char(_) | Type::Varchar(_) => {
            let texts = texts_of(array)?;
            collect(array, failing, |row| Ok(shorten(texts.value(row).as_bytes().to_vec())))?
        }
        Type::Uuid => {
            let texts = texts_of(array)?;
            collect(array, failing, |row| Ok(shorten(uuid_bytes(texts.value(row))?.to_vec())))?
        }
        Type::Int(width) | Type::UInt(width) => {
            let read = whole(array, from)?;
            let own = 1_usize << (*width as usize);
            collect(array, failing, |row| Ok(number_bytes(read(row), own, length, is_fixed)))?
        }
        _ => {
            let bytes = array.as_binary_opt::<i64>().ok_or_else(|| failure!("bytes are expected"))?;
            collect(array, failing, |row| Ok(shorten(bytes.value(row).to_vec())))?
        }
    };
    Ok(Arc::new(values.iter().map(|each| each.as_deref()).collect::<LargeBinaryArray>()))
}

/// The bytes of a number, cut or filled up at the left.
fn number_bytes(value: i128, own: usize, length: Option<usize>, is_fixed: bool) -> Vec<u8> {
    let all = value.to_be_bytes();
    let bytes = &all[all.len() - own..];
    let Some(length) = length else { return bytes.to_vec() };
    if length <= bytes.len() {
        return bytes[bytes.len() - length..].to_vec();
    }
    let filling = if is_fixed { length - bytes.len() } else { 0 };
    [vec![0; filling], bytes.to_vec()].concat()
}

/// Casts texts and bytes to UUIDs, written in lower case with hyphens.
pub(super) fn to_uuid(array: &ArrayRef, failing: Failing) -> Outcome<ArrayRef> {
    let values = if let Some(bytes) = array.as_binary_opt::<i64>() {
        collect(array, failing, |row| {
            let bytes: [u8; 16] = bytes.value(row).try_into().map_err(|_| failure!("a UUID has 16 bytes"))?;
            Ok(uuid_text(&bytes))
        })?
    } else {
        let texts = texts_of(array)?;
        collect(array, failing, |row| Ok(uuid_text(&uuid_bytes(texts.value(row))?)))?
    };
    Ok(Arc::new(StringArray::from(values)))
}

fn uuid_bytes(text: &str) -> Outcome<[u8; 16]> {
    let bad = || failure!("'{text}' is not a UUID");
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad());
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    Ok(bytes)
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let digits = hex(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
