use alluvium_messaging::wire::{Plan, PlanKind, frame};
use alluvium_messaging::{AvroType, CodecConfig, Codecs, Headers, Message, MessageSchema, Payload, Wire, headers};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum State {
    #[avro(default)]
    Unknown,
    Open,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Either {
    Number(i64),
    Text(String),
    Part { name: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType, Default)]
#[avro(namespace = "t")]
#[serde(default)]
struct Size {
    wide: i32,
    high: i32,
}

fn thirty() -> i32 {
    30
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "new", name = "Thing", namespace = "t")]
struct Thing {
    id: i64,
    rate: f64,
    note: Option<String>,
    #[avro(default = "EUR", alias = "curr")]
    currency: String,
    #[avro(default = 7)]
    count: i32,
    #[avro(default = "[1, 2]")]
    list: Vec<i64>,
    #[avro(default = "{\"wide\": 3, \"high\": 4}")]
    size: Size,
    #[avro(default)]
    size_of_default: Size,
    #[serde(default = "thirty")]
    age: i32,
    #[avro(default = "five")]
    nullable: Option<String>,
    #[avro(default = "Open")]
    state: State,
    #[avro(default = "ÿ")]
    bytes: Vec<u8>,
    #[avro(default = "x")]
    either: Either,
    #[avro(default = 1.5)]
    float: f32,
    #[avro(default = true)]
    yes: bool,
    #[avro(default = "1")]
    #[avro(as = "long")]
    wide: u64,
}

fn defaults(id: i64) -> Thing {
    Thing {
        id,
        rate: 2.0,
        note: None,
        currency: "EUR".to_owned(),
        count: 7,
        list: vec![1, 2],
        size: Size { wide: 3, high: 4 },
        size_of_default: Size::default(),
        age: 30,
        nullable: Some("five".to_owned()),
        state: State::Open,
        bytes: vec![255],
        either: Either::Text("x".to_owned()),
        float: 1.5,
        yes: true,
        wide: 1,
    }
}

fn writer(fields: Value) -> MessageSchema {
    MessageSchema::parse(&json!({"type": "record", "name": "Thing", "namespace": "t", "fields": fields}).to_string())
        .unwrap()
}

fn written(schema: &MessageSchema, value: Value) -> Bytes {
    let datum = alluvium_messaging::model::json_to_datum(schema.parsed(), &value).unwrap();
    [&frame::single_object_prefix(schema.fp64())[..], &datum].concat().into()
}

async fn read<M: Message>(schema: &MessageSchema, value: Value) -> Result<M, alluvium_messaging::DecodeError> {
    let codecs = Codecs::new(CodecConfig::default());
    codecs.add_schema(schema);
    let payload = written(schema, value);
    codecs.decode::<M>(Some(&payload), &Headers::new(), Wire::SingleObject).await.map(|read| read.value().unwrap())
}

fn kind(schema: &MessageSchema) -> PlanKind {
    Plan::of(schema, Thing::schema()).kind()
}

#[tokio::test]
async fn missing_fields_take_their_defaults_on_every_path() {
    let small = writer(json!([{"name": "id", "type": "int"}, {"name": "rate", "type": "int"}]));
    assert_eq!(kind(&small), PlanKind::Direct);
    assert_eq!(read::<Thing>(&small, json!({"id": 5, "rate": 2})).await.unwrap(), defaults(5));
    // A union whose branches lie otherwise takes the long way.
    let other = writer(json!([
        {"name": "id", "type": "long"}, {"name": "rate", "type": "float"}, {"name": "either", "type": ["int", "string"]}
    ]));
    assert_eq!(kind(&other), PlanKind::Resolved);
    let read = read::<Thing>(&other, json!({"id": 5, "rate": 2, "either": "x"})).await.unwrap();
    assert_eq!(read, defaults(5));
}

#[tokio::test]
async fn differences_that_cost_nothing() {
    let schema = writer(json!([
        {"name": "gone", "type": {"type": "array", "items": {"type": "map", "values": "string"}}},
        {"name": "curr", "type": "string"},
        {"name": "rate", "type": ["null", "long"]},
        {"name": "note", "type": "string"},
        {"name": "bytes", "type": "string"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["Open", "Closed"]}},
        {"name": "id", "type": "long"},
    ]));
    assert_eq!(kind(&schema), PlanKind::Direct);
    let value = json!({
        "gone": [{"a": "b"}], "curr": "CHF", "rate": 2, "note": "n", "bytes": "b", "state": "Closed", "id": 1
    });
    let expected = Thing {
        currency: "CHF".to_owned(),
        note: Some("n".to_owned()),
        bytes: b"b".to_vec(),
        state: State::Unknown,
        ..defaults(1)
    };
    assert_eq!(read::<Thing>(&schema, value.clone()).await.unwrap(), expected);
    let mut null = value;
    null["rate"] = Value::Null;
    assert_eq!(read::<Thing>(&schema, null).await.unwrap_err().code(), "messaging.decode_malformed");
}

#[tokio::test]
async fn name_and_alias_both_written_is_no_trap() {
    let schema = writer(json!([
        {"name": "id", "type": "long"}, {"name": "rate", "type": "double"},
        {"name": "curr", "type": "string"}, {"name": "currency", "type": "string"}
    ]));
    assert_eq!(kind(&schema), PlanKind::Resolved);
    let value = json!({"id": 1, "rate": 2.0, "curr": "old", "currency": "new"});
    let expected = Thing { currency: "new".to_owned(), ..defaults(1) };
    assert_eq!(read::<Thing>(&schema, value).await.unwrap(), expected);
}

#[test]
fn impossible_pairs_tell_everything() {
    let schema = writer(json!([
        {"name": "id", "type": "string"},
        {"name": "count", "type": "long"},
        {"name": "state", "type": {"type": "enum", "name": "Other", "symbols": ["Open"]}},
        {"name": "either", "type": ["string", "boolean"]},
    ]));
    let plan = Plan::of(&schema, Thing::schema());
    let found: Vec<String> = plan.mismatches().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "/fields/0/type: long cannot be read from string",
            "/fields/1: the writer has no field `rate`, and it has no default",
            "/fields/4/type: int cannot be read from long",
            "/fields/10/type/name: t.State is not called t.Other and has no such alias",
            "/fields/12/type: no branch of the union reads the writer's boolean",
        ]
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "logical", name = "Logical", namespace = "t")]
struct Logical {
    at: jiff::Timestamp,
    #[avro(precision = 9, scale = 2)]
    sum: rust_decimal::Decimal,
}

#[test]
fn meanings_never_convert_by_themselves() {
    let schema =
        |at: &str, scale: u32| {
            MessageSchema::parse(&json!({"type": "record", "name": "Logical", "namespace": "t", "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": at}},
            {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}},
        ]}).to_string())
        .unwrap()
        };
    assert_eq!(Plan::of(&schema("timestamp-micros", 2), Logical::schema()).kind(), PlanKind::Direct);
    assert_eq!(Plan::of(&schema("timestamp-millis", 2), Logical::schema()).mismatches().len(), 1);
    assert_eq!(Plan::of(&schema("timestamp-micros", 3), Logical::schema()).mismatches().len(), 1);
    assert_eq!(Plan::of(&schema("timestamp-millis", 3), Logical::schema()).mismatches().len(), 2);
}

#[tokio::test]
async fn one_fingerprint_of_two_meanings_is_decided_or_refused() {
    let millis = MessageSchema::parse(
        &json!({"type": "record", "name": "Logical", "namespace": "t", "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        ]})
        .to_string(),
    )
    .unwrap();
    assert_eq!(millis.fp64(), Logical::schema().fp64());
    let codecs = Codecs::new(CodecConfig::default());
    let message = Logical { at: jiff::Timestamp::UNIX_EPOCH, sum: "1.00".parse().unwrap() };
    let encoded = codecs.encode(&message, Wire::SingleObject).await.unwrap();
    codecs.add_schema(&millis);
    let decode = |headers: Headers| {
        let (codecs, payload) = (codecs.clone(), encoded.payload.clone());
        async move { codecs.decode::<Logical>(Some(&payload), &headers, Wire::SingleObject).await }
    };
    assert_eq!(decode(encoded.headers.clone()).await.unwrap(), Payload::Value(message));
    assert_eq!(decode(Headers::new()).await.unwrap_err().code(), "messaging.schema_ambiguous");
    let mut theirs = Headers::new();
    theirs.insert(headers::SCHEMA, millis.label().to_owned());
    assert_eq!(decode(theirs).await.unwrap_err().code(), "messaging.schema_incompatible");
}

#[tokio::test]
async fn hostile_data_ends_in_errors() {
    let schema = MessageSchema::parse(
        r#"{"type": "record", "name": "Thing", "namespace": "t", "fields": [
            {"name": "id", "type": "long"}, {"name": "rate", "type": "double"},
            {"name": "list", "type": {"type": "array", "items": "long"}},
            {"name": "gone", "type": {"type": "array", "items": "null"}}]}"#,
    )
    .unwrap();
    let codecs = Codecs::new(CodecConfig::default());
    codecs.add_schema(&schema);
    let head = frame::single_object_prefix(schema.fp64());
    for datum in [
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1][..],
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0xFF; 40][..],
    ] {
        let payload: Bytes = [&head[..], datum].concat().into();
        let error = codecs.decode::<Thing>(Some(&payload), &Headers::new(), Wire::SingleObject).await.unwrap_err();
        assert_eq!(error.code(), "messaging.decode_malformed", "{error}");
    }
}
