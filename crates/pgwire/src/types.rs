//! Types and values: DuckDB's, as JSON, and PostgreSQL's, as text or binary.

use bytes::{BufMut as _, Bytes, BytesMut};
use jiff::civil::{Date, DateTime, Time};
use serde_json::value::RawValue;

use crate::messages::Field;
use crate::{Column, Failure};

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// None.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text, and what has no other place here: the engine takes it for what stands beside it.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A type of PostgreSQL's, by its object id.
pub(crate) type Oid = u32;

/// The format of values that are no text.
const FORMAT_CODE_BINARY: i16 = 1;

const BOOL: Oid = 16;
const BYTEA: Oid = 17;
const INT8: Oid = 20;
const INT2: Oid = 21;
/// A list of numbers that is written `1 2`, as the catalogue has some.
const INT2VECTOR: Oid = 22;
const INT4: Oid = 23;
pub(crate) const TEXT: Oid = 25;
const JSON: Oid = 114;
const FLOAT4: Oid = 700;
const FLOAT8: Oid = 701;
const BPCHAR: Oid = 1042;
const VARCHAR: Oid = 1043;
const DATE: Oid = 1082;
const TIME: Oid = 1083;
const TIMESTAMP: Oid = 1114;
const TIMESTAMPTZ: Oid = 1184;
const NUMERIC: Oid = 1700;
const UUID: Oid = 2950;
const UNKNOWN: Oid = 705;
const NAME: Oid = 19;

/// The day that binary dates and times count from.
const EPOCH: Date = jiff::civil::date(2000, 1, 1);
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Decimal digits in one of a binary number's.
const NUMERIC_DIGITS: usize = 4;

/// The type that clients are told for one of DuckDB's, and its size in bytes, -1 for none.
pub(crate) fn oid(kind: &str) -> (Oid, i16) {
    let base = kind.split('(').next().unwrap_or_default();
    if kind.ends_with(']') {
        return (JSON, -1);
    }
    match base {
        "BOOLEAN" | "BOOL" => (BOOL, 1),
        "TINYINT" | "UTINYINT" | "SMALLINT" | "INT2" => (INT2, 2),
        "INT2VECTOR" => (INT2VECTOR, -1),
        "INTEGER" | "INT" | "INT4" | "USMALLINT" => (INT4, 4),
        "BIGINT" | "INT8" | "UINTEGER" => (INT8, 8),
        "UBIGINT" | "HUGEINT" | "UHUGEINT" | "DECIMAL" | "NUMERIC" => (NUMERIC, -1),
        "FLOAT" | "REAL" | "FLOAT4" => (FLOAT4, 4),
        "DOUBLE" | "FLOAT8" => (FLOAT8, 8),
        "DATE" => (DATE, 4),
        "TIME" => (TIME, 8),
        "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => (TIMESTAMP, 8),
        "TIMESTAMP WITH TIME ZONE" | "TIMESTAMPTZ" => (TIMESTAMPTZ, 8),
        "UUID" => (UUID, 16),
        "BLOB" | "BYTEA" => (BYTEA, -1),
        "STRUCT" | "MAP" | "JSON" | "UNION" => (JSON, -1),
        _ => (TEXT, -1),
    }
}

/// The type of a parameter that is cast where it stands.
pub(crate) fn cast_to(kind: &str) -> Oid {
    oid(kind).0
}

/// How the columns are announced; `formats` as the client asked: none, one for all, or one each.
pub(crate) fn fields<'a>(columns: &'a [Column], formats: &[i16]) -> Vec<Field<'a>> {
    let field = |(index, column): (usize, &'a Column)| {
        let (kind, size) = oid(&column.kind);
        Field { name: &column.name, kind, size, format: format_of(formats, index) }
    };
    columns.iter().enumerate().map(field).collect()
}

pub(crate) fn format_of(formats: &[i16], index: usize) -> i16 {
    match formats {
        [] => 0,
        [all] => *all,
        each => each.get(index).copied().unwrap_or(0),
    }
}

/// One row as a message.
pub(crate) fn data_row(row: &str, columns: &[Column], formats: &[i16]) -> Result<BytesMut, Failure> {
    let values: Vec<&RawValue> =
        serde_json::from_str(row).map_err(|_| Failure::error("XX000", "a row is not what it should be"))?;
    let mut out = BytesMut::with_capacity(row.len() + values.len() * 4 + 16);
    out.put_u8(b'D');
    out.put_i32(0);
    out.put_i16(i16::try_from(values.len()).map_err(|_| Failure::error("54011", "a row has too many columns"))?);
    for (index, value) in values.iter().enumerate() {
        let kind = columns.get(index).map_or(TEXT, |column| oid(&column.kind).0);
        let Some(text) = text_of(value.get(), kind)? else {
            out.put_i32(-1);
            continue;
        };
        let at = out.len();
        out.put_i32(0);
        if format_of(formats, index) == FORMAT_CODE_BINARY {
            binary(&mut out, &text, kind)
                .ok_or_else(|| Failure::error("22P03", format!("{text} has no binary form; ask for text")))?;
        } else {
            out.put_slice(text.as_bytes());
        }
        let length = i32::try_from(out.len() - at - 4).map_err(|_| too_large())?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    let length = i32::try_from(out.len() - 1).map_err(|_| too_large())?;
    out[1..5].copy_from_slice(&length.to_be_bytes());
    Ok(out)
}

fn too_large() -> Failure {
    Failure::error("54000", "a row is too large")
}

/// A value as text.
fn text_of(json: &str, kind: Oid) -> Result<Option<String>, Failure> {
    let text = match json {
        "null" => return Ok(None),
        "true" if kind != JSON => "t".to_owned(),
        "false" if kind != JSON => "f".to_owned(),
        _ if json.starts_with('"') => {
            serde_json::from_str(json).map_err(|_| Failure::error("XX000", "a text is not what it should be"))?
        }
        _ => json.to_owned(),
    };
    Ok(Some(match kind {
        TIMESTAMP | TIMESTAMPTZ => text.replacen('T', " ", 1).replace("+00:00", "+00"),
        INT2VECTOR => text.trim_matches(['[', ']']).replace(',', " "),
        BYTEA => format!("\\x{}", hex::encode(base64(&text).unwrap_or_default())),
        _ => text.replace('\0', ""),
    }))
}

/// Bytes out of the padded alphabet that JSON has them in.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut out, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        bits = (bits << 6 | u32::from(digit(byte)?)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    Some(out)
}

/// A value in the binary form of its type.
fn binary(out: &mut BytesMut, text: &str, kind: Oid) -> Option<()> {
    match kind {
        BOOL => out.put_u8(u8::from(text == "t")),
        INT2 => out.put_i16(text.parse().ok()?),
        INT4 => out.put_i32(text.parse().ok()?),
        INT8 => out.put_i64(text.parse().ok()?),
        FLOAT4 => out.put_f32(text.parse().ok()?),
        FLOAT8 => out.put_f64(text.parse().ok()?),
        DATE => out.put_i32(days(text)?),
        TIME => out.put_i64(micros_of_day(text.parse().ok()?)),
        TIMESTAMP | TIMESTAMPTZ => out.put_i64(micros(text)?),
        UUID => out.put_slice(uuid::Uuid::parse_str(text).ok()?.as_bytes()),
        BYTEA => out.put_slice(&hex::decode(text.strip_prefix("\\x")?).ok()?),
        NUMERIC => numeric(out, text)?,
        INT2VECTOR => return None,
        _ => out.put_slice(text.as_bytes()),
    }
    Some(())
}

fn days(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        _ => Some(text.parse::<Date>().ok()?.since(EPOCH).ok()?.get_days()),
    }
}

fn micros(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let at: DateTime = text.trim_end_matches("+00").parse().ok()?;
    Some(i64::from(at.date().since(EPOCH).ok()?.get_days()) * MICROS_PER_DAY + micros_of_day(at.time()))
}

fn micros_of_day(at: Time) -> i64 {
    let seconds = i64::from(at.hour()) * 3_600 + i64::from(at.minute()) * 60 + i64::from(at.second());
    seconds * 1_000_000 + i64::from(at.subsec_nanosecond()) / 1_000
}

/// A decimal number as digits of base 10,000.
fn numeric(out: &mut BytesMut, text: &str) -> Option<()> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let front = whole.len().next_multiple_of(NUMERIC_DIGITS);
    let back = fraction.len().next_multiple_of(NUMERIC_DIGITS);
    let padded = format!("{whole:0>front$}{fraction:0<back$}");
    let groups: Vec<i16> = (0..padded.len())
        .step_by(NUMERIC_DIGITS)
        .map_while(|at| padded.get(at..at + NUMERIC_DIGITS)?.parse().ok())
        .collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |at| at + 1);
    let weight = i16::try_from(front / NUMERIC_DIGITS).ok()? - 1 - i16::try_from(first).ok()?;
    out.put_i16(i16::try_from(last - first).ok()?);
    out.put_i16(if first == last { 0 } else { weight });
    out.put_u16(if is_negative && first != last { 0x4000 } else { 0 });
    out.put_i16(i16::try_from(fraction.len()).ok()?);
    groups[first..last].iter().for_each(|group| out.put_i16(*group));
    Some(())
}

/// A parameter as it came.
pub(crate) fn param(value: Option<&Bytes>, kind: Oid, format: i16) -> Result<Param, Failure> {
    let Some(value) = value else { return Ok(Param::Null) };
    let read = if format == FORMAT_CODE_BINARY { from_binary(value, kind) } else { from_text(value, kind) };
    read.ok_or_else(|| {
        let code = if format == FORMAT_CODE_BINARY { "22P03" } else { "22P02" };
        Failure::error(code, format!("a parameter of type {kind} is not readable"))
    })
}

fn from_text(value: &[u8], kind: Oid) -> Option<Param> {
    let text = std::str::from_utf8(value).ok()?;
    Some(match kind {
        BOOL => Param::Bool(match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "on" | "yes" | "y" | "1" => true,
            "f" | "false" | "off" | "no" | "n" | "0" => false,
            _ => return None,
        }),
        INT2 | INT4 | INT8 => Param::Int(text.trim().parse().ok()?),
        FLOAT4 | FLOAT8 => Param::Float(text.trim().parse().ok()?),
        BYTEA => Param::Bytes(hex::decode(text.strip_prefix("\\x")?).ok()?),
        _ => Param::Text(text.to_owned()),
    })
}

fn from_binary(value: &[u8], kind: Oid) -> Option<Param> {
    Some(match kind {
        BOOL => Param::Bool(*value.first()? != 0),
        INT2 => Param::Int(i16::from_be_bytes(value.try_into().ok()?).into()),
        INT4 => Param::Int(i32::from_be_bytes(value.try_into().ok()?).into()),
        INT8 => Param::Int(i64::from_be_bytes(value.try_into().ok()?)),
        FLOAT4 => Param::Float(f32::from_be_bytes(value.try_into().ok()?).into()),
        FLOAT8 => Param::Float(f64::from_be_bytes(value.try_into().ok()?)),
        BYTEA => Param::Bytes(value.to_vec()),
        UUID => Param::Text(uuid::Uuid::from_slice(value).ok()?.to_string()),
        DATE => {
            let days = i32::from_be_bytes(value.try_into().ok()?);
            Param::Text(EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?.to_string())
        }
        TIMESTAMP | TIMESTAMPTZ => {
            let micros = jiff::Span::new().try_microseconds(i64::from_be_bytes(value.try_into().ok()?)).ok()?;
            let at = EPOCH.at(0, 0, 0, 0).checked_add(micros).ok()?;
            let zone = if kind == TIMESTAMPTZ { "+00" } else { "" };
            Param::Text(format!("{} {}{zone}", at.date(), at.time()))
        }
        TIME => {
            let micros = jiff::Span::new().try_microseconds(i64::from_be_bytes(value.try_into().ok()?)).ok()?;
            Param::Text(Time::midnight().checked_add(micros).ok()?.to_string())
        }
        NUMERIC => Param::Text(from_numeric(value)?),
        TEXT | VARCHAR | BPCHAR | NAME | UNKNOWN | JSON | 0 => Param::Text(std::str::from_utf8(value).ok()?.to_owned()),
        _ => return None,
    })
}

fn from_numeric(value: &[u8]) -> Option<String> {
    let words: Vec<i16> = value.chunks_exact(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect();
    let [_, weight, sign, scale, groups @ ..] = words.as_slice() else { return None };
    if !matches!(*sign, 0 | 0x4000) || groups.iter().any(|group| !(0..10_000).contains(group)) {
        return None;
    }
    let (weight, scale) = (i64::from(*weight), usize::try_from(*scale).ok()?);
    let group = |at: i64| {
        let index = usize::try_from(weight - at).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0)).rev().map(|at| format!("{:04}", group(at))).collect();
    let fraction: String =
        (1..=scale.div_ceil(NUMERIC_DIGITS)).map(|at| format!("{:04}", group(-(at as i64)))).collect();
    let whole = whole.trim_start_matches('0');
    let sign = if *sign == 0 { "" } else { "-" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", fraction.get(..scale)?) })
}

/// A value of a parameter's type, for finding out what a statement would answer with.
pub(crate) fn sample(kind: Oid) -> Param {
    match kind {
        BOOL => Param::Bool(false),
        INT2 | INT4 | INT8 => Param::Int(0),
        FLOAT4 | FLOAT8 => Param::Float(0.0),
        _ => Param::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str, kinds: &[&str], formats: &[i16]) -> Vec<Option<Vec<u8>>> {
        let columns: Vec<Column> =
            kinds.iter().map(|kind| Column { name: "c".into(), kind: (*kind).to_owned() }).collect();
        let message = data_row(json, &columns, formats).unwrap();
        let (mut values, mut rest) = (Vec::new(), &message[7..]);
        while !rest.is_empty() {
            let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
            rest = &rest[4..];
            let length = usize::try_from(length).ok();
            values.push(length.map(|length| rest[..length].to_vec()));
            rest = &rest[length.unwrap_or(0)..];
        }
        values
    }

    #[test]
    fn values_read_as_text_as_postgres_writes_them() {
        let json =
            r#"[true,null,"a\"b","2026-01-02T03:04:05.000006","AP8=",[1,2],1.5,"2026-01-02T03:04:05+00:00",[3,1]]"#;
        let kinds = [
            "BOOLEAN",
            "BIGINT",
            "VARCHAR",
            "TIMESTAMP",
            "BLOB",
            "INTEGER[]",
            "DOUBLE",
            "TIMESTAMP WITH TIME ZONE",
            "INT2VECTOR",
        ];
        let texts: Vec<Option<String>> = row(json, &kinds, &[])
            .into_iter()
            .map(|value| value.map(|bytes| String::from_utf8(bytes).unwrap()))
            .collect();
        let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or("NULL")).collect();
        let expected = [
            "t",
            "NULL",
            "a\"b",
            "2026-01-02 03:04:05.000006",
            "\\x00ff",
            "[1,2]",
            "1.5",
            "2026-01-02 03:04:05+00",
            "3 1",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_is_written_in_binary_is_read_back() {
        for (json, kind, text) in [
            ("\"-12345.0600\"", "DECIMAL(18,4)", "-12345.0600"),
            ("\"0.00\"", "DECIMAL(4,2)", "0.00"),
            ("\"0.0001\"", "DECIMAL(9,4)", "0.0001"),
            ("170141183460469231731687303715884105727", "HUGEINT", "170141183460469231731687303715884105727"),
            ("\"1999-12-31\"", "DATE", "1999-12-31"),
            ("\"2026-01-02T03:04:05.123456\"", "TIMESTAMP", "2026-01-02 03:04:05.123456"),
            ("\"23:59:59.5\"", "TIME", "23:59:59.5"),
            ("\"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"", "UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ] {
            let value = row(&format!("[{json}]"), &[kind], &[1])[0].clone().unwrap();
            let read = param(Some(&value.into()), oid(kind).0, 1);
            assert_eq!(read, Ok(Param::Text(text.to_owned())), "{kind}");
        }
        let ints = row("[-7,7,1,true]", &["TINYINT", "INTEGER", "BIGINT", "BOOLEAN"], &[1]);
        assert_eq!(ints.iter().map(|value| value.as_ref().unwrap().len()).collect::<Vec<_>>(), [2, 4, 8, 1]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (value, kind, format) in
            [("x", INT4, 0), ("maybe", BOOL, 0), ("abc", INT8, 1), ("x", NUMERIC, 1), ("x", 4_000, 1)]
        {
            assert!(param(Some(&Bytes::from_static(value.as_bytes())), kind, format).is_err(), "{value} {kind}");
        }
        assert_eq!(param(None, INT4, 1), Ok(Param::Null));
    }
}
