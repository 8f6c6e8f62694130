//! The grammar of types. Nothing outside it ever reaches the engine as a type.

use super::lexer::{Token, Tokens};
use super::types::ColumnType;
use super::{ColumnError, valid_column_name};

/// How deep types may nest: `INTEGER[]` is 2.
pub const TYPE_DEPTH_MAX: usize = 16;
/// How long a type may be, as written and as printed.
pub const TYPE_BYTES_MAX: usize = 4096;
/// DuckDB's limit on fixed-size arrays.
pub const ARRAY_LENGTH_MAX: u32 = 100_000;

const CODE: &str = "invalid_column_type";

impl ColumnType {
    /// Reads a type in any of DuckDB's spellings; anything else is `invalid_column_type`.
    pub fn parse(text: &str) -> Result<Self, ColumnError> {
        let mut tokens = Tokens::of(text, TYPE_BYTES_MAX, CODE)?;
        let (parsed, _) = parse_type(&mut tokens, 1)?;
        tokens.expect_end()?;
        // Aliases print longer than they are written, and what we print must be readable again.
        if parsed.to_string().len() > TYPE_BYTES_MAX {
            return Err(tokens.error(format!("the type is longer than {TYPE_BYTES_MAX} bytes when written out")));
        }
        Ok(parsed)
    }
}

/// A type and the height of its tree. `depth` counts from the root and bounds the recursion, the height bounds the suffixes.
pub(super) fn parse_type(tokens: &mut Tokens, depth: usize) -> Result<(ColumnType, usize), ColumnError> {
    if depth > TYPE_DEPTH_MAX {
        return Err(too_deep(tokens));
    }
    let word = match tokens.take() {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        other => return Err(tokens.error(format!("expected a type name, found {other:?}"))),
    };
    let (mut parsed, mut height) = match word.as_str() {
        "STRUCT" | "ROW" => parse_struct(tokens, depth)?,
        "MAP" => {
            tokens.expect_symbol('(')?;
            let (key, key_height) = parse_type(tokens, depth + 1)?;
            tokens.expect_symbol(',')?;
            let (value, value_height) = parse_type(tokens, depth + 1)?;
            tokens.expect_symbol(')')?;
            (ColumnType::Map(Box::new(key), Box::new(value)), 1 + key_height.max(value_height))
        }
        "ENUM" => (parse_enum(tokens)?, 1),
        "DECIMAL" | "NUMERIC" | "DEC" => (parse_decimal(tokens)?, 1),
        _ => (parse_plain(tokens, &word)?, 1),
    };
    loop {
        let array_word = tokens.take_words(&["ARRAY"]);
        if tokens.take_symbol('[') {
            parsed = if tokens.take_symbol(']') {
                ColumnType::List(Box::new(parsed))
            } else {
                let length = parse_integer(tokens, ARRAY_LENGTH_MAX)?;
                tokens.expect_symbol(']')?;
                if length == 0 {
                    return Err(tokens.error("an array has at least one element"));
                }
                ColumnType::Array(Box::new(parsed), length)
            };
        } else if array_word {
            parsed = ColumnType::List(Box::new(parsed));
        } else {
            return Ok((parsed, height));
        }
        height += 1;
        if depth + height - 1 > TYPE_DEPTH_MAX {
            return Err(too_deep(tokens));
        }
    }
}

fn too_deep(tokens: &Tokens) -> ColumnError {
    tokens.error(format!("the type nests deeper than {TYPE_DEPTH_MAX}"))
}

fn parse_struct(tokens: &mut Tokens, depth: usize) -> Result<(ColumnType, usize), ColumnError> {
    tokens.expect_symbol('(')?;
    let mut fields: Vec<(String, ColumnType)> = Vec::new();
    let mut height = 0;
    loop {
        let name = match tokens.take() {
            Some(Token::Word(name) | Token::Quoted(name)) => name,
            other => return Err(tokens.error(format!("expected a field name, found {other:?}"))),
        };
        valid_column_name(&name).map_err(|error| tokens.error(error.message))?;
        if fields.iter().any(|(seen, _)| seen.eq_ignore_ascii_case(&name)) {
            return Err(tokens.error(format!("the struct has two fields {name:?}")));
        }
        let (field, field_height) = parse_type(tokens, depth + 1)?;
        height = height.max(field_height);
        fields.push((name, field));
        if !tokens.take_symbol(',') {
            break;
        }
    }
    tokens.expect_symbol(')')?;
    Ok((ColumnType::Struct(fields), height + 1))
}

fn parse_enum(tokens: &mut Tokens) -> Result<ColumnType, ColumnError> {
    tokens.expect_symbol('(')?;
    let mut labels: Vec<String> = Vec::new();
    loop {
        match tokens.take() {
            Some(Token::Text(label)) if labels.contains(&label) => {
                return Err(tokens.error(format!("the enum has two labels {label:?}")));
            }
            Some(Token::Text(label)) => labels.push(label),
            other => {
                return Err(tokens.error(format!("expected an enum label in quotes, found {other:?}")));
            }
        }
        if !tokens.take_symbol(',') {
            break;
        }
    }
    tokens.expect_symbol(')')?;
    Ok(ColumnType::Enum(labels))
}

/// DuckDB's limits: width 1–38, scale not above the width; `DECIMAL` alone is `DECIMAL(18,3)`.
fn parse_decimal(tokens: &mut Tokens) -> Result<ColumnType, ColumnError> {
    if !tokens.take_symbol('(') {
        return Ok(ColumnType::Decimal { width: 18, scale: 3 });
    }
    let width = parse_integer(tokens, 38)?;
    let scale = if tokens.take_symbol(',') { parse_integer(tokens, 38)? } else { 0 };
    tokens.expect_symbol(')')?;
    if width == 0 || scale > width {
        return Err(tokens.error(format!("DECIMAL({width},{scale}) is outside of DuckDB's limits")));
    }
    Ok(ColumnType::Decimal { width: width as u8, scale: scale as u8 })
}

fn parse_integer(tokens: &mut Tokens, max: u32) -> Result<u32, ColumnError> {
    match tokens.take() {
        Some(Token::Number(digits)) => digits
            .parse::<u32>()
            .ok()
            .filter(|number| *number <= max)
            .ok_or_else(|| tokens.error(format!("{digits} is not a whole number up to {max}"))),
        other => Err(tokens.error(format!("expected a number, found {other:?}"))),
    }
}

/// `(n)` after a type that DuckDB lets have a length or precision.
fn optional_size(tokens: &mut Tokens, max: u32) -> Result<Option<u32>, ColumnError> {
    if !tokens.take_symbol('(') {
        return Ok(None);
    }
    let size = parse_integer(tokens, max)?;
    tokens.expect_symbol(')')?;
    Ok(Some(size))
}

fn parse_plain(tokens: &mut Tokens, word: &str) -> Result<ColumnType, ColumnError> {
    Ok(match word {
        "BOOLEAN" | "BOOL" | "LOGICAL" => ColumnType::Boolean,
        "TINYINT" | "INT1" => ColumnType::TinyInt,
        "SMALLINT" | "INT2" | "INT16" | "SHORT" => ColumnType::SmallInt,
        "INTEGER" | "INT" | "INT4" | "INT32" | "INTEGRAL" | "SIGNED" => ColumnType::Integer,
        "BIGINT" | "INT8" | "INT64" | "LONG" | "OID" => ColumnType::BigInt,
        "HUGEINT" | "INT128" => ColumnType::HugeInt,
        "UTINYINT" | "UINT8" => ColumnType::UTinyInt,
        "USMALLINT" | "UINT16" => ColumnType::USmallInt,
        "UINTEGER" | "UINT32" => ColumnType::UInteger,
        "UBIGINT" | "UINT64" => ColumnType::UBigInt,
        "UHUGEINT" | "UINT128" => ColumnType::UHugeInt,
        "FLOAT" => match optional_size(tokens, 53)? {
            Some(0) => return Err(tokens.error("a FLOAT has at least one bit")),
            Some(25..) => ColumnType::Double,
            _ => ColumnType::Float,
        },
        "REAL" | "FLOAT4" => ColumnType::Float,
        "DOUBLE" => {
            tokens.take_words(&["PRECISION"]);
            ColumnType::Double
        }
        "FLOAT8" => ColumnType::Double,
        "VARCHAR" | "TEXT" | "STRING" | "CHAR" | "CHARACTER" | "BPCHAR" | "NVARCHAR" => {
            if word == "CHAR" || word == "CHARACTER" {
                tokens.take_words(&["VARYING"]);
            }
            // DuckDB takes a length and does not keep it.
            if optional_size(tokens, i32::MAX as u32)? == Some(0) {
                return Err(tokens.error("a text has a length of at least 1"));
            }
            ColumnType::Varchar
        }
        "BLOB" | "BINARY" | "BYTEA" | "VARBINARY" => ColumnType::Blob,
        "BIT" | "BITSTRING" => ColumnType::Bit,
        "DATE" => ColumnType::Date,
        "TIMETZ" => ColumnType::TimeTz,
        "TIME" => {
            if tokens.take_words(&["WITH", "TIME", "ZONE"]) {
                ColumnType::TimeTz
            } else {
                tokens.take_words(&["WITHOUT", "TIME", "ZONE"]);
                ColumnType::Time
            }
        }
        "TIMESTAMP" | "DATETIME" => parse_timestamp(tokens)?,
        "TIMESTAMP_S" => ColumnType::TimestampS,
        "TIMESTAMP_MS" => ColumnType::TimestampMs,
        "TIMESTAMP_US" => ColumnType::Timestamp,
        "TIMESTAMP_NS" => ColumnType::TimestampNs,
        "TIMESTAMPTZ" => ColumnType::TimestampTz,
        "INTERVAL" => ColumnType::Interval,
        "UUID" | "GUID" => ColumnType::Uuid,
        "JSON" => ColumnType::Json,
        other => return Err(tokens.error(format!("{other:?} is not a type that columns can have"))),
    })
}

fn parse_timestamp(tokens: &mut Tokens) -> Result<ColumnType, ColumnError> {
    let precision = optional_size(tokens, 9)?;
    if precision.is_none() && tokens.take_words(&["WITH", "TIME", "ZONE"]) {
        return Ok(ColumnType::TimestampTz);
    }
    tokens.take_words(&["WITHOUT", "TIME", "ZONE"]);
    Ok(match precision {
        None | Some(4..=6) => ColumnType::Timestamp,
        Some(0) => ColumnType::TimestampS,
        Some(1..=3) => ColumnType::TimestampMs,
        Some(_) => ColumnType::TimestampNs,
    })
}
