//! What tests of transports share.

use std::time::Duration;

use alluvium_sql::types::{ColumnType, Field as SqlField, Identifier, IntWidth, Type};
use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};

use crate::{ConnectorConfig, Context, Error, Handle, Input, Limits, Payload, Status, Table, start};

/// No test waits longer for anything.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// What came of an input.
pub(crate) struct Seen {
    pub chunks: Vec<(Payload, Value, Option<u64>)>,
    pub status: Status,
}

/// Runs an input to its end.
pub(crate) async fn run(input: Box<dyn Input>, position: Option<Value>) -> Seen {
    run_with(input, position, limits()).await
}

pub(crate) fn limits() -> Limits {
    Limits { records: 1_000_000, bytes: 1_000_000_000, batch_records: 10_000 }
}

pub(crate) async fn run_with(input: Box<dyn Input>, position: Option<Value>, limits: Limits) -> Seen {
    let (handle, mut receiver) = start(input, position, limits, false);
    let mut chunks = Vec::new();
    let all = async {
        while let Some(chunk) = receiver.next().await {
            chunks.push((chunk.payload.clone(), chunk.position.clone(), chunk.transaction));
        }
    };
    tokio::time::timeout(LONG, all).await.expect("the input ends");
    let status = ended(&handle).await;
    Seen { chunks, status }
}

/// The status of an input that ended.
pub(crate) async fn ended(handle: &Handle) -> Status {
    let wait = async {
        loop {
            let status = handle.status();
            if status.end_of_input || status.fatal_error.is_some() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("the input says how it ended")
}

impl Seen {
    /// All bytes of streams, in order.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.chunks.iter().flat_map(|(payload, ..)| bytes(payload)).collect();
        String::from_utf8(bytes).unwrap()
    }

    /// The rows, each column as text.
    pub fn rows(&self) -> Vec<Vec<String>> {
        self.chunks.iter().flat_map(|(payload, ..)| rows(payload)).collect()
    }

    pub fn last_position(&self) -> Value {
        self.chunks.last().unwrap().1.clone()
    }
}

pub(crate) fn bytes(payload: &Payload) -> Vec<u8> {
    match payload {
        Payload::Stream { bytes, .. } | Payload::JsonLines(bytes) => bytes.to_vec(),
        other => panic!("no stream: {other:?}"),
    }
}

/// The rows of a chunk, each column as text; NULL is `∅`.
pub(crate) fn rows(payload: &Payload) -> Vec<Vec<String>> {
    let Payload::Rows(batch) = payload else { panic!("no rows: {payload:?}") };
    batch_rows(batch)
}

fn batch_rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("∅");
    let columns: Vec<Vec<String>> = batch
        .columns()
        .iter()
        .map(|column| {
            // Zones are in no need of being shown.
            let column = match column.data_type() {
                DataType::Timestamp(unit, Some(_)) => {
                    arrow::compute::cast(column, &DataType::Timestamp(*unit, None)).unwrap()
                }
                _ => column.clone(),
            };
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
            (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
        })
        .collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect()
}

/// A connector of a transport.
pub(crate) fn connector(name: &str, config: Value) -> Result<ConnectorConfig, Error> {
    ConnectorConfig::parse("c", &json!({"transport": {"name": name, "config": config}}), &Context::default())
}

/// A table of columns, each a name (quoted or not) and a type, `NOT NULL` behind it or not.
pub(crate) fn table(columns: &[(&str, &str)]) -> Table {
    let field = |(name, text): &(&str, &str)| {
        let (text, is_nullable) = text.strip_suffix(" NOT NULL").map_or((*text, true), |text| (text, false));
        let name = match name.strip_prefix('"') {
            Some(quoted) => Identifier::quoted(quoted.trim_end_matches('"')),
            None => Identifier::folded(name),
        };
        SqlField { name, column_type: ColumnType { kind: kind(text), is_nullable } }
    };
    let columns: Vec<SqlField> = columns.iter().map(field).collect();
    let schema = Schema::new(columns.iter().map(arrow_field).collect::<Vec<_>>());
    Table { name: "t".to_owned(), columns, schema: schema.into() }
}

pub(crate) fn kind(text: &str) -> Type {
    text.parse::<Type>().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn arrow_field(field: &SqlField) -> Field {
    Field::new(&field.name.name, data_type(&field.column_type.kind), field.column_type.is_nullable)
}

/// What values of a type are in memory, as the rest of the pipeline has them.
fn data_type(kind: &Type) -> DataType {
    let nested = |name: &str, kind: &Type, is_nullable| Field::new(name, data_type(kind), is_nullable);
    match kind {
        Type::Boolean => DataType::Boolean,
        Type::Int(IntWidth::Tiny) => DataType::Int8,
        Type::Int(IntWidth::Small) => DataType::Int16,
        Type::Int(IntWidth::Normal) => DataType::Int32,
        Type::Int(IntWidth::Big) => DataType::Int64,
        Type::UInt(IntWidth::Tiny) => DataType::UInt8,
        Type::UInt(IntWidth::Small) => DataType::UInt16,
        Type::UInt(IntWidth::Normal) => DataType::UInt32,
        Type::UInt(IntWidth::Big) => DataType::UInt64,
        Type::Decimal(digits, scale) => DataType::Decimal128(*digits, *scale as i8),
        Type::Real => DataType::Float32,
        Type::Double => DataType::Float64,
        Type::Char(_) | Type::Varchar(_) | Type::Uuid | Type::Variant => DataType::Utf8,
        Type::Binary(_) | Type::Varbinary(_) => DataType::LargeBinary,
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Nanosecond),
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Array(item) => DataType::LargeList(nested("item", item, true).into()),
        Type::Map(key, value) => {
            let entry = vec![nested("key", key, false), nested("value", value, true)];
            DataType::LargeList(Field::new("entry", DataType::Struct(entry.into()), false).into())
        }
        Type::Row(fields) => DataType::Struct(fields.iter().map(arrow_field).collect()),
        other => panic!("no column of {other}"),
    }
}
