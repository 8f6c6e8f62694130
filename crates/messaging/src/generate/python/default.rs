//! Defaults of fields as Python expressions, of the types that annotations promise.

use alluvium_avro::{Json, Logical, NodeId, Schema, Type};

use super::super::codegen::Set;
use super::literal;

/// The day that Python counts as 719,163 is the first of 1970.
const EPOCH_ORDINAL: i64 = 719_163;
/// Days that Python knows, counted from 1970: those of the years 1 to 9999.
const DAYS: std::ops::RangeInclusive<i64> = (1 - EPOCH_ORDINAL)..=2_932_896;
const DAY_MICROS: i64 = 86_400_000_000;
/// Bytes of a decimal that is written out as a number.
const DECIMAL_BYTES_MAX: usize = 16;

/// A default as an expression, and whether each object needs its own: one that can be changed, or names a class that may stand
/// further below.
pub(super) fn default_of(set: &Set<'_>, schema: &Schema, id: NodeId, default: &Json) -> (String, bool) {
    let own = matches!(default, Json::Array(_) | Json::Object(_))
        || matches!(schema.node(branch(schema, id, default)).kind, Type::Enum(_));
    (expression(set, schema, id, default), own)
}

/// The branch that a default is of, where there are several.
fn branch(schema: &Schema, id: NodeId, value: &Json) -> NodeId {
    match &schema.node(id).kind {
        Type::Union(branches) => branches.iter().copied().find(|branch| fits(schema, *branch, value)).unwrap_or(id),
        _ => id,
    }
}

fn fits(schema: &Schema, id: NodeId, value: &Json) -> bool {
    match value {
        Json::Null => matches!(schema.node(id).kind, Type::Null),
        Json::Bool(_) => matches!(schema.node(id).kind, Type::Boolean),
        Json::Number(_) => matches!(schema.node(id).kind, Type::Int | Type::Long | Type::Float | Type::Double),
        Json::Text(_) => matches!(schema.node(id).kind, Type::String | Type::Bytes | Type::Enum(_) | Type::Fixed(_)),
        Json::Array(_) => matches!(schema.node(id).kind, Type::Array(_)),
        Json::Object(_) => matches!(schema.node(id).kind, Type::Map(_) | Type::Record(_)),
    }
}

fn expression(set: &Set<'_>, schema: &Schema, id: NodeId, value: &Json) -> String {
    let node = schema.node(branch(schema, id, value));
    if let Some(text) = node.logical.and_then(|logical| of_logical(logical, &node.kind, value)) {
        return text;
    }
    let name = |full: &str| &set.names[full];
    match (&node.kind, value) {
        (Type::Enum(of), Json::Text(symbol)) => format!("{}({symbol:?})", name(of.name.full())),
        (Type::Bytes | Type::Fixed(_), Json::Text(text)) => bytes(text),
        (Type::Float | Type::Double, Json::Text(text)) => format!("float({text:?})"),
        (Type::Array(items), Json::Array(values)) => {
            let all: Vec<String> = values.iter().map(|value| expression(set, schema, *items, value)).collect();
            format!("[{}]", all.join(", "))
        }
        (Type::Map(values), Json::Object(members)) => {
            members_of(members.iter().map(|(key, value)| (key, expression(set, schema, *values, value))))
        }
        (Type::Record(record), Json::Object(members)) => {
            let kind = |key: &str| record.fields.iter().find(|field| field.name == key).map(|field| field.kind);
            let members = members.iter().map(|(key, value)| {
                let text = kind(key).map_or_else(|| literal(value), |kind| expression(set, schema, kind, value));
                (key, text)
            });
            format!("{}.model_validate({})", name(record.name.full()), members_of(members))
        }
        _ => literal(value),
    }
}

fn members_of<'a>(members: impl Iterator<Item = (&'a String, String)>) -> String {
    let all: Vec<String> = members.map(|(key, text)| format!("{}: {text}", Json::Text(key.clone()))).collect();
    format!("{{{}}}", all.join(", "))
}

/// A value of a logical type; none for those that come as they are, and for what Python has no value for.
fn of_logical(logical: Logical, kind: &Type, value: &Json) -> Option<String> {
    let number = || match value {
        Json::Number(text) => text.parse::<i64>().ok(),
        _ => None,
    };
    match (logical, value) {
        (Logical::Date, _) => {
            let day = number().filter(|day| DAYS.contains(day))?;
            Some(format!("datetime.date.fromordinal({})", day + EPOCH_ORDINAL))
        }
        (Logical::TimeMillis, _) => time(number()?.checked_mul(1_000)?),
        (Logical::TimeMicros, _) => time(number()?),
        (Logical::TimestampMillis, _) => moment(number()?.checked_mul(1_000)?, ", tzinfo=datetime.timezone.utc"),
        (Logical::TimestampMicros, _) => moment(number()?, ", tzinfo=datetime.timezone.utc"),
        (Logical::LocalTimestampMillis, _) => moment(number()?.checked_mul(1_000)?, ""),
        (Logical::LocalTimestampMicros, _) => moment(number()?, ""),
        (Logical::Uuid, Json::Text(text)) if matches!(kind, Type::String) => {
            uuid::Uuid::parse_str(text).ok().map(|id| format!("uuid.UUID(\"{id}\")"))
        }
        (Logical::Decimal { scale, .. }, Json::Text(text)) if text.chars().count() <= DECIMAL_BYTES_MAX => {
            let negative = text.chars().next().is_some_and(|first| first as u32 & 0x80 != 0);
            let begin = if negative { -1_i128 } else { 0 };
            let unscaled = text.chars().fold(begin, |sum, byte| (sum << 8) | i128::from(byte as u32 & 0xFF));
            Some(format!("decimal.Decimal(\"{unscaled}E-{scale}\")"))
        }
        _ => None,
    }
}

fn time(micros: i64) -> Option<String> {
    (0..DAY_MICROS)
        .contains(&micros)
        .then(|| format!("(datetime.datetime.min + datetime.timedelta(microseconds={micros})).time()"))
}

fn moment(micros: i64, zone: &str) -> Option<String> {
    DAYS.contains(&micros.div_euclid(DAY_MICROS))
        .then(|| format!("datetime.datetime(1970, 1, 1{zone}) + datetime.timedelta(microseconds={micros})"))
}

/// Bytes as Avro's JSON has them: a letter each.
fn bytes(text: &str) -> String {
    let all: String = text.chars().map(|letter| format!("\\x{:02x}", letter as u32 & 0xFF)).collect();
    format!("b\"{all}\"")
}
