//! Values as JSON text, exact: whole numbers of any width, decimals as text, bytes as base64.
//!
//! Text is written directly, because a JSON number of 38 digits does not fit the number type of the usual value tree.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::column::ColumnType;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Writes one value. `kind` is the engine's type where it is known; Arrow alone does not tell HUGEINT from DECIMAL(38,0).
pub(crate) fn write_value(out: &mut String, array: &dyn Array, row: usize, kind: Option<&ColumnType>) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => show(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => show(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => show(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => show(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => show(out, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => show(out, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => show(out, array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => show(out, array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => float(out, &array.as_primitive::<Float16Type>().value(row).to_f32()),
        DataType::Float32 => float(out, &array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float(out, &array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(width, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            let whole = *width == 38 && *scale == 0 && !matches!(kind, Some(ColumnType::Decimal { .. }));
            if whole { show(out, value) } else { string(out, &decimal(value, *scale)) }
        }
        DataType::Utf8 => text(out, array.as_string::<i32>().value(row), kind),
        DataType::LargeUtf8 => text(out, array.as_string::<i64>().value(row), kind),
        DataType::Utf8View => text(out, array.as_string_view().value(row), kind),
        DataType::Binary => bytes(out, array.as_binary::<i32>().value(row), kind),
        DataType::LargeBinary => bytes(out, array.as_binary::<i64>().value(row), kind),
        DataType::BinaryView => bytes(out, array.as_binary_view().value(row), kind),
        DataType::FixedSizeBinary(_) => bytes(out, array.as_fixed_size_binary().value(row), kind),
        DataType::List(_) => list(out, &array.as_list::<i32>().value(row), kind),
        DataType::LargeList(_) => list(out, &array.as_list::<i64>().value(row), kind),
        DataType::FixedSizeList(..) => list(out, &array.as_fixed_size_list().value(row), kind),
        DataType::Struct(_) => structure(out, array, row, kind),
        DataType::Map(..) => map(out, array, row, kind),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            write_value(out, dictionary.values().as_ref(), key, kind);
        }
        _ => temporal(out, array, row),
    }
}

fn temporal(out: &mut String, array: &dyn Array, row: usize) {
    let shown = match array.data_type() {
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row))),
        DataType::Time64(TimeUnit::Microsecond) => time(array.as_primitive::<Time64MicrosecondType>().value(row), 0),
        DataType::Time64(TimeUnit::Nanosecond) => {
            let nanos = array.as_primitive::<Time64NanosecondType>().value(row);
            time(nanos / 1000, nanos % 1000)
        }
        DataType::Timestamp(unit, zone) => {
            let (micros, nanos) = match unit {
                TimeUnit::Second => seconds(array.as_primitive::<TimestampSecondType>().value(row), 1_000_000),
                TimeUnit::Millisecond => seconds(array.as_primitive::<TimestampMillisecondType>().value(row), 1000),
                TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), 0),
                TimeUnit::Nanosecond => {
                    let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
                    (nanos.div_euclid(1000), nanos.rem_euclid(1000))
                }
            };
            timestamp(micros, nanos, zone.is_some())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            interval(value.months, value.days, value.nanoseconds / 1000)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            interval(0, 0, array.as_primitive::<DurationMicrosecondType>().value(row))
        }
        // What the engine has no type for cannot come out of it; a name says more than nothing.
        other => format!("<{other}>"),
    };
    string(out, &shown);
}

/// `infinity` stays what it is when the unit is widened.
fn seconds(value: i64, factor: i64) -> (i64, i64) {
    (value.checked_mul(factor).unwrap_or(if value < 0 { -i64::MAX } else { i64::MAX }), 0)
}

fn show(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn float(out: &mut String, value: &impl serde::Serialize) {
    // NaN and infinities become null, as the surface wants it.
    out.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
}

/// A JSON string.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".into()));
}

fn text(out: &mut String, value: &str, kind: Option<&ColumnType>) {
    // Values of these types travel as text because Arrow cannot hold them, and are numbers all the same.
    if matches!(kind, Some(ColumnType::HugeInt | ColumnType::UHugeInt)) {
        out.push_str(value);
    } else {
        string(out, value);
    }
}

fn bytes(out: &mut String, value: &[u8], kind: Option<&ColumnType>) {
    if let (Some(ColumnType::Bit), Some((padding, rest))) = (kind, value.split_first()) {
        let bits: String = rest.iter().map(|byte| format!("{byte:08b}")).collect();
        string(out, bits.get(usize::from(*padding)..).unwrap_or_default());
        return;
    }
    string(out, &STANDARD.encode(value));
}

fn list(out: &mut String, items: &ArrayRef, kind: Option<&ColumnType>) {
    let element = match kind {
        Some(ColumnType::List(element) | ColumnType::Array(element, _)) => Some(element.as_ref()),
        _ => None,
    };
    out.push('[');
    for index in 0..items.len() {
        if index > 0 {
            out.push(',');
        }
        write_value(out, items.as_ref(), index, element);
    }
    out.push(']');
}

fn structure(out: &mut String, array: &dyn Array, row: usize, kind: Option<&ColumnType>) {
    let array = array.as_struct();
    out.push('{');
    for (index, field) in array.fields().iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        string(out, field.name());
        out.push(':');
        let kind = match kind {
            Some(ColumnType::Struct(fields)) => fields.get(index).map(|(_, kind)| kind),
            _ => None,
        };
        write_value(out, array.column(index).as_ref(), row, kind);
    }
    out.push('}');
}

fn map(out: &mut String, array: &dyn Array, row: usize, kind: Option<&ColumnType>) {
    let entries = array.as_map().value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    let (key_kind, value_kind) = match kind {
        Some(ColumnType::Map(key, value)) => (Some(key.as_ref()), Some(value.as_ref())),
        _ => (None, None),
    };
    out.push('{');
    for index in 0..entries.len() {
        if index > 0 {
            out.push(',');
        }
        let mut key = String::new();
        write_value(&mut key, keys.as_ref(), index, key_kind);
        // Names of a JSON object are strings; a key of another type is written as the text of its JSON.
        if key.starts_with('"') {
            out.push_str(&key);
        } else {
            string(out, &key);
        }
        out.push(':');
        write_value(out, values.as_ref(), index, value_kind);
    }
    out.push('}');
}

fn decimal(value: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Days since 1970 as `YYYY-MM-DD`.
fn date(days: i64) -> String {
    match days {
        2_147_483_647 => return "infinity".into(),
        -2_147_483_647 => return "-infinity".into(),
        _ => {}
    }
    // The proleptic Gregorian calendar in 400-year eras, counted from 1 March of year 0.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..=9999).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+}-{month:02}-{day:02}")
    }
}

fn time(micros: i64, nanos: i64) -> String {
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let mut out = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if nanos != 0 {
        let _ = write!(out, ".{fraction:06}{nanos:03}");
    } else if fraction != 0 {
        let _ = write!(out, ".{fraction:06}");
    }
    out
}

fn timestamp(micros: i64, nanos: i64, zoned: bool) -> String {
    if micros == i64::MAX {
        return "infinity".into();
    }
    if micros == -i64::MAX {
        return "-infinity".into();
    }
    let day = date(micros.div_euclid(MICROS_PER_DAY));
    let zone = if zoned { "+00:00" } else { "" };
    format!("{day}T{}{zone}", time(micros.rem_euclid(MICROS_PER_DAY), nanos))
}

/// As the engine prints intervals: `1 year 2 months 3 days 04:05:06.5`.
fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut parts = Vec::new();
    let mut part = |count: i32, unit: &str| {
        if count != 0 {
            parts.push(format!("{count} {unit}{}", if count == 1 || count == -1 { "" } else { "s" }));
        }
    };
    part(months / 12, "year");
    part(months % 12, "month");
    part(days, "day");
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { "" };
        let shown = time(micros.saturating_abs(), 0);
        let shown = if shown.contains('.') { shown.trim_end_matches('0').to_owned() } else { shown };
        parts.push(format!("{sign}{shown}"));
    }
    parts.join(" ")
}
