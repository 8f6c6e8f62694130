//! The Avro schema in which rows for a table travel, and the Arrow schema they are decoded to.
//!
//! | DuckDB | Avro | Arrow |
//! |---|---|---|
//! | BOOLEAN, FLOAT, DOUBLE, VARCHAR, BLOB | the like | the like |
//! | up to 32 bits, signed (16 unsigned) | `int` | Int32 |
//! | BIGINT, UINTEGER | `long` | Int64 |
//! | UBIGINT, HUGEINT, UHUGEINT | `string`, decimal digits | Utf8 |
//! | DECIMAL | `bytes`, `decimal` | Decimal128 |
//! | DATE, TIME | `date`, `time-micros` | Date32, Time64 |
//! | TIMESTAMP, _S, _MS, _NS | `local-timestamp-*` | Timestamp |
//! | TIMESTAMP WITH TIME ZONE | `timestamp-micros` | Timestamp, UTC |
//! | UUID | `string`, `uuid` | FixedSizeBinary(16) |
//! | JSON, ENUM, INTERVAL, BIT, TIME WITH TIME ZONE | `string` as DuckDB writes it | Utf8 |
//! | lists, arrays | `array` | List |
//! | STRUCT | `record` | Struct |
//! | MAP | `map` if the key is text, else `array` of `key`, `value` records | Map |
//!
//! What does not match exactly (text to HUGEINT, bytes to UUID) the engine casts while appending. A NULL of a nullable
//! column is the `null` branch; elements and fields inside nested types are always nullable.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_array};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use serde_json::{Map, Value, json};

use crate::column::{ColumnError, ColumnType, TableSchema};

/// The attribute of an Avro field that holds the column's own name where Avro cannot.
pub const COLUMN_ATTRIBUTE: &str = "alluvium.column";
/// The name of the record of one row.
pub const ROW_RECORD: &str = "Row";

/// The Avro schema of one row, as JSON text. Equal schemas and namespaces give equal texts.
pub fn avro_schema(schema: &TableSchema, namespace: &str) -> String {
    let fields: Vec<(&str, &ColumnType, bool)> =
        schema.columns.iter().map(|column| (column.name.as_str(), &column.column_type, column.nullable)).collect();
    let mut records = HashSet::new();
    let mut record = record(ROW_RECORD, &fields, &mut records);
    let namespace = avro_namespace(namespace);
    if !namespace.is_empty() {
        record.insert("namespace".to_owned(), Value::String(namespace));
    }
    Value::Object(record).to_string()
}

/// Dotted Avro names, each part mangled like a column name.
pub fn avro_namespace(text: &str) -> String {
    let parts: Vec<String> =
        text.split('.').filter(|part| !part.is_empty()).map(|part| avro_names([part]).remove(0)).collect();
    parts.join(".")
}

/// The Arrow schema of decoded rows, with the columns' own names.
pub fn arrow_schema(schema: &TableSchema) -> Schema {
    let fields: Vec<Field> =
        schema.columns.iter().map(|column| arrow_field(&column.name, &column.column_type, column.nullable)).collect();
    Schema::new(fields)
}

/// Gives decoded rows (whose fields have Avro names) the table's own names, at every depth.
///
/// The batch must have been decoded with the schema of [`avro_schema`], or some of its fields in any order; a field that is
/// no column, or of another type, is refused.
pub fn with_column_names(batch: &RecordBatch, schema: &TableSchema) -> Result<RecordBatch, ColumnError> {
    let names = avro_names(schema.columns.iter().map(|column| column.name.as_str()));
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let column = names.iter().position(|name| name == field.name()).map(|index| &schema.columns[index]);
        let column = column.ok_or_else(|| mismatch(format!("the table has no column for field {:?}", field.name())))?;
        let target = arrow_field(&column.name, &column.column_type, column.nullable);
        if !same_layout(array.data_type(), target.data_type()) {
            let message = format!("column {:?} takes {}, not {}", column.name, target.data_type(), array.data_type());
            return Err(mismatch(message));
        }
        arrays.push(retyped(array, target.data_type()).map_err(|error| mismatch(error.to_string()))?);
        fields.push(target);
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|error| mismatch(error.to_string()))
}

fn mismatch(message: String) -> ColumnError {
    ColumnError { code: "rows_schema_mismatch", message }
}

/// Whether two types differ in nothing but names, nullability and metadata of fields.
pub(crate) fn same_layout(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::List(left), DataType::List(right)) => same_layout(left.data_type(), right.data_type()),
        // Entries in an array are laid out as a map is.
        (DataType::Map(left, _) | DataType::List(left), DataType::Map(right, _)) => {
            same_layout(left.data_type(), right.data_type())
        }
        (DataType::Struct(left), DataType::Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same_layout(left.data_type(), right.data_type()))
        }
        (DataType::Timestamp(left, left_zone), DataType::Timestamp(right, right_zone)) => {
            left == right && left_zone.is_some() == right_zone.is_some()
        }
        _ => left == right,
    }
}

pub(crate) fn retyped(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    let data = array.to_data();
    let children: Vec<_> = match target {
        DataType::List(field) | DataType::Map(field, _) => data
            .child_data()
            .iter()
            .map(|child| retyped(&make_array(child.clone()), field.data_type()).map(|array| array.to_data()))
            .collect::<Result<_, _>>()?,
        DataType::Struct(fields) => data
            .child_data()
            .iter()
            .zip(fields)
            .map(|(child, field)| retyped(&make_array(child.clone()), field.data_type()).map(|array| array.to_data()))
            .collect::<Result<_, _>>()?,
        _ => data.child_data().to_vec(),
    };
    Ok(make_array(data.into_builder().data_type(target.clone()).child_data(children).build()?))
}

fn record(name: &str, fields: &[(&str, &ColumnType, bool)], records: &mut HashSet<String>) -> Map<String, Value> {
    let mut own = name.to_owned();
    let mut number = 2;
    while !records.insert(own.clone()) {
        own = format!("{name}_{number}");
        number += 1;
    }
    let names = avro_names(fields.iter().map(|(name, ..)| *name));
    let fields = fields
        .iter()
        .zip(names)
        .map(|((original, column_type, nullable), avro_name)| {
            let inner = avro_type(column_type, &format!("{own}_{avro_name}"), records);
            let mut field = Map::new();
            field.insert("name".to_owned(), json!(avro_name));
            if *nullable {
                field.insert("type".to_owned(), json!(["null", inner]));
                field.insert("default".to_owned(), Value::Null);
            } else {
                field.insert("type".to_owned(), inner);
            }
            if avro_name != *original {
                field.insert(COLUMN_ATTRIBUTE.to_owned(), json!(original));
            }
            Value::Object(field)
        })
        .collect();
    let mut record = Map::new();
    record.insert("type".to_owned(), json!("record"));
    record.insert("name".to_owned(), json!(own));
    record.insert("fields".to_owned(), Value::Array(fields));
    record
}

fn avro_type(column_type: &ColumnType, path: &str, records: &mut HashSet<String>) -> Value {
    match column_type {
        ColumnType::Boolean => json!("boolean"),
        ColumnType::TinyInt
        | ColumnType::SmallInt
        | ColumnType::Integer
        | ColumnType::UTinyInt
        | ColumnType::USmallInt => json!("int"),
        ColumnType::BigInt | ColumnType::UInteger => json!("long"),
        ColumnType::Float => json!("float"),
        ColumnType::Double => json!("double"),
        ColumnType::Decimal { width, scale } => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": width, "scale": scale})
        }
        ColumnType::Blob => json!("bytes"),
        ColumnType::Date => json!({"type": "int", "logicalType": "date"}),
        ColumnType::Time => json!({"type": "long", "logicalType": "time-micros"}),
        ColumnType::Timestamp | ColumnType::TimestampS => {
            json!({"type": "long", "logicalType": "local-timestamp-micros"})
        }
        ColumnType::TimestampMs => json!({"type": "long", "logicalType": "local-timestamp-millis"}),
        ColumnType::TimestampNs => json!({"type": "long", "logicalType": "local-timestamp-nanos"}),
        ColumnType::TimestampTz => json!({"type": "long", "logicalType": "timestamp-micros"}),
        ColumnType::Uuid => json!({"type": "string", "logicalType": "uuid"}),
        ColumnType::UBigInt
        | ColumnType::HugeInt
        | ColumnType::UHugeInt
        | ColumnType::Varchar
        | ColumnType::Json
        | ColumnType::Bit
        | ColumnType::Enum(_)
        | ColumnType::Interval
        | ColumnType::TimeTz => json!("string"),
        ColumnType::List(element) | ColumnType::Array(element, _) => {
            json!({"type": "array", "items": nullable(avro_type(element, path, records))})
        }
        ColumnType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, field)| (name.as_str(), field, true)).collect();
            Value::Object(record(path, &fields, records))
        }
        ColumnType::Map(key, value) if **key == ColumnType::Varchar => {
            json!({"type": "map", "values": nullable(avro_type(value, path, records))})
        }
        ColumnType::Map(key, value) => {
            let entry = record(path, &[("key", key, false), ("value", value, true)], records);
            json!({"type": "array", "items": entry})
        }
    }
}

fn nullable(inner: Value) -> Value {
    json!(["null", inner])
}

fn arrow_field(name: &str, column_type: &ColumnType, nullable: bool) -> Field {
    Field::new(name, arrow_type(column_type), nullable)
}

pub(crate) fn arrow_type(column_type: &ColumnType) -> DataType {
    match column_type {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::TinyInt
        | ColumnType::SmallInt
        | ColumnType::Integer
        | ColumnType::UTinyInt
        | ColumnType::USmallInt => DataType::Int32,
        ColumnType::BigInt | ColumnType::UInteger => DataType::Int64,
        ColumnType::Float => DataType::Float32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { width, scale } => DataType::Decimal128(*width, *scale as i8),
        ColumnType::Blob => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp | ColumnType::TimestampS => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampMs => DataType::Timestamp(TimeUnit::Millisecond, None),
        ColumnType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        ColumnType::Uuid => DataType::FixedSizeBinary(16),
        ColumnType::UBigInt
        | ColumnType::HugeInt
        | ColumnType::UHugeInt
        | ColumnType::Varchar
        | ColumnType::Json
        | ColumnType::Bit
        | ColumnType::Enum(_)
        | ColumnType::Interval
        | ColumnType::TimeTz => DataType::Utf8,
        ColumnType::List(element) | ColumnType::Array(element, _) => list_of(arrow_field("item", element, true)),
        ColumnType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|(name, field)| arrow_field(name, field, true)).collect())
        }
        ColumnType::Map(key, value) => {
            let entries = Fields::from(vec![arrow_field("key", key, false), arrow_field("value", value, true)]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
        }
    }
}

fn list_of(item: Field) -> DataType {
    DataType::List(Arc::new(item))
}

/// Avro names for names: those Avro allows stay, the others get their forbidden characters replaced and a hash of the original
/// appended. No two are equal, and the same names in the same order always give the same result.
fn avro_names<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> Vec<String> {
    let mut taken: HashSet<String> =
        names.clone().into_iter().filter(|name| is_avro_name(name)).map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            if is_avro_name(name) {
                return name.to_owned();
            }
            let base: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let digit = base.starts_with(|c: char| c.is_ascii_digit());
            let base = format!("{}{base}_{:08x}", if digit { "_" } else { "" }, fnv1a(name.as_bytes()));
            let mut own = base.clone();
            let mut number = 2;
            while !taken.insert(own.clone()) {
                own = format!("{base}_{number}");
                number += 1;
            }
            own
        })
        .collect()
}

fn is_avro_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// FNV-1a, 32 bits: stable by definition, unlike the standard library's hasher.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
#[path = "avro_schema_tests.rs"]
mod tests;
