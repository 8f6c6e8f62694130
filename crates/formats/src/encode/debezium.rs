//! The schemas that readers of change events of Kafka Connect expect beside the values.

use alluvium_sql::types::{ColumnType, Field, IntWidth, Type};
use serde_json::{Map, Value, json};

use crate::flavor::{BytesForm, DateForm, Encoding, TimeForm, TimestampForm};

/// The schema of the key of events.
pub(super) fn key_schema(relation: &str, columns: &[&Field], encoding: Encoding) -> Value {
    row_schema(columns.iter().copied(), &format!("{relation}.Key"), false, encoding)
}

/// The schema of the value of events.
pub(super) fn value_schema(relation: &str, columns: &[Field], encoding: Encoding) -> Value {
    let row = |member: &str| {
        let mut schema = row_schema(columns.iter(), &format!("{relation}.Value"), true, encoding);
        schema["field"] = json!(member);
        schema
    };
    json!({
        "type": "struct",
        "fields": [row("before"), row("after"), {"type": "string", "optional": false, "field": "op"}],
        "optional": false,
        "name": format!("{relation}.Envelope"),
    })
}

fn row_schema<'a>(
    columns: impl Iterator<Item = &'a Field>,
    name: &str,
    is_optional: bool,
    encoding: Encoding,
) -> Value {
    let fields: Vec<Value> = columns
        .map(|column| {
            let mut schema = schema_of(&column.column_type, encoding);
            schema["field"] = json!(column.name.name);
            schema
        })
        .collect();
    json!({"type": "struct", "fields": fields, "optional": is_optional, "name": name})
}

/// The schema of one value. Types nest no deeper than the parser of programs lets them.
fn schema_of(column: &ColumnType, encoding: Encoding) -> Value {
    let nested = |kind: &Type, is_nullable| schema_of(&ColumnType { kind: kind.clone(), is_nullable }, encoding);
    let mut schema = match &column.kind {
        Type::Array(item) => json!({"type": "array", "items": nested(item, true)}),
        Type::Map(key, value) => {
            let key =
                if encoding.is_text(key) { nested(key, false) } else { json!({"type": "string", "optional": false}) };
            json!({"type": "map", "keys": key, "values": nested(value, true)})
        }
        Type::Row(fields) => {
            let fields = fields.iter().map(|field| {
                let mut schema = schema_of(&field.column_type, encoding);
                schema["field"] = json!(field.name.name);
                schema
            });
            json!({"type": "struct", "fields": fields.collect::<Vec<_>>()})
        }
        kind => simple(kind, encoding),
    };
    schema["optional"] = json!(column.is_nullable);
    schema
}

fn simple(kind: &Type, encoding: Encoding) -> Value {
    let (name, meaning) = match kind {
        Type::Boolean => ("boolean", None),
        Type::Int(IntWidth::Tiny) => ("int8", None),
        Type::Int(IntWidth::Small) | Type::UInt(IntWidth::Tiny) => ("int16", None),
        Type::Int(IntWidth::Normal) | Type::UInt(IntWidth::Small) => ("int32", None),
        Type::Int(IntWidth::Big) | Type::UInt(IntWidth::Normal | IntWidth::Big) => ("int64", None),
        Type::Real => ("float", None),
        Type::Double => ("double", None),
        Type::Decimal(..) if !encoding.is_decimal_text => ("double", None),
        Type::Date if encoding.date == DateForm::Days => ("int32", Some("org.apache.kafka.connect.data.Date")),
        Type::Time if encoding.time == TimeForm::Millis => ("int32", Some("org.apache.kafka.connect.data.Time")),
        Type::Time if encoding.time == TimeForm::Micros => ("int64", Some("io.debezium.time.MicroTime")),
        Type::Timestamp if encoding.timestamp == TimestampForm::Millis => {
            ("int64", Some("org.apache.kafka.connect.data.Timestamp"))
        }
        Type::TimestampTz if encoding.zoned == TimestampForm::Millis => {
            ("int64", Some("org.apache.kafka.connect.data.Timestamp"))
        }
        Type::TimestampTz => ("string", Some("io.debezium.time.ZonedTimestamp")),
        Type::Uuid => ("string", Some("io.debezium.data.Uuid")),
        Type::Variant if encoding.is_variant_text => ("string", Some("io.debezium.data.Json")),
        Type::Binary(_) | Type::Varbinary(_) if encoding.bytes == BytesForm::Numbers => {
            return json!({"type": "array", "items": {"type": "int16", "optional": false}});
        }
        _ => ("string", None),
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!(name));
    if let Some(meaning) = meaning {
        schema.insert("name".to_owned(), json!(meaning));
        schema.insert("version".to_owned(), json!(1));
    }
    Value::Object(schema)
}
