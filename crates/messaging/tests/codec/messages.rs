use alluvium_messaging::headers::{CONTENT_TYPE, SCHEMA, TOMBSTONE, TYPE};
use alluvium_messaging::{
    AvroType, CodecConfig, Codecs, Headers, Message, Payload, ReadWire, Vars, Wire, export_models, models,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(
    subject = "shop.{tenant}.orders.{key}",
    group = "billing",
    key = "order_id",
    namespace = "com.example.shop",
    id = "order_id",
    time = "at",
    validate = "positive"
)]
/// An order was placed.
pub struct OrderPlaced {
    pub order_id: Uuid,
    #[avro(precision = 18, scale = 2)]
    pub total: rust_decimal::Decimal,
    pub note: Option<String>,
    #[avro(default = "EUR", alias = "curr")]
    pub currency: String,
    pub lines: Vec<OrderLine>,
    pub at: jiff::Timestamp,
}

fn positive(order: &OrderPlaced) -> Result<(), &'static str> {
    if order.total.is_sign_negative() { Err("a negative total") } else { Ok(()) }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "com.example.shop")]
pub struct OrderLine {
    pub sku: String,
}

pub fn order() -> OrderPlaced {
    OrderPlaced {
        order_id: Uuid::from_u128(1),
        total: "12.50".parse().unwrap(),
        note: None,
        currency: "EUR".to_owned(),
        lines: vec![OrderLine { sku: "a".to_owned() }],
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
    }
}

#[test]
fn attributes_become_what_they_say() {
    let meta = OrderPlaced::meta();
    assert_eq!(OrderPlaced::TOPIC, "shop.orders");
    assert_eq!(OrderPlaced::NAME, "com.example.shop.OrderPlaced");
    assert_eq!(meta.filter, "shop.*.orders.*");
    assert_eq!(meta.group, Some("billing"));
    assert_eq!(meta.value_subject(), "shop.orders-value");
    let order = order();
    let key = order.key().unwrap().unwrap();
    assert_eq!(key, "00000000-0000-0000-0000-000000000001");
    assert_eq!(
        order.subject(&Vars::tenant("a.b ü")).unwrap(),
        "shop.a%2Eb%20%C3%BC.orders.00000000-0000-0000-0000-000000000001"
    );
    assert_eq!(order.subject(&Vars::new()).unwrap_err().to_string(), "placeholder {tenant} has no value");
    assert_eq!(order.subject(&Vars::tenant("")).unwrap_err().to_string(), "placeholder {tenant} has no value");
    assert_eq!(order.id().unwrap(), Some("00000000-0000-0000-0000-000000000001".to_owned()));
    assert_eq!(order.time().unwrap().unwrap().micros(), 1_767_323_045_000_000);
    (meta.check)().unwrap();
}

#[test]
fn the_schema_has_what_was_written() {
    let schema: serde_json::Value = serde_json::from_str(OrderPlaced::schema().text()).unwrap();
    assert_eq!(schema["doc"], "An order was placed.");
    assert_eq!(schema["namespace"], "com.example.shop");
    let fields = schema["fields"].as_array().unwrap();
    assert_eq!(fields[2], serde_json::json!({"name": "note", "type": ["null", "string"], "default": null}));
    assert_eq!(
        fields[3],
        serde_json::json!({"name": "currency", "type": "string", "default": "EUR", "aliases": ["curr"]})
    );
    alluvium_avro::Schema::parse(OrderPlaced::schema().text()).unwrap();
}

#[test]
fn linked_models_are_listed() {
    assert!(models().iter().any(|meta| meta.name == "com.example.shop.OrderPlaced"));
    let mut out = Vec::new();
    export_models(&mut out).unwrap();
    let exported: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(exported["version"], 1);
    for meta in models() {
        (meta.check)().unwrap();
    }
}

#[tokio::test]
async fn every_format_without_a_registry() {
    let codecs = Codecs::new(CodecConfig::default());
    for wire in [Wire::SingleObject, Wire::Raw, Wire::Json] {
        let encoded = codecs.encode(&order(), wire).await.unwrap();
        assert_eq!(encoded.headers.get_str(TYPE), Some("com.example.shop.OrderPlaced"));
        assert_eq!(encoded.headers.get_str(CONTENT_TYPE), Some(wire.content_type()));
        assert_eq!(encoded.headers.get_str(SCHEMA), Some(OrderPlaced::schema().label()));
        let read = codecs.decode::<OrderPlaced>(Some(&encoded.payload), &encoded.headers, wire).await.unwrap();
        assert_eq!(read, Payload::Value(order()));
        let auto = codecs.decode::<OrderPlaced>(Some(&encoded.payload), &encoded.headers, ReadWire::Auto).await;
        if wire == Wire::Raw {
            assert_eq!(auto.unwrap_err().code(), "messaging.decode_unknown_format", "a bare datum is never guessed");
        } else {
            assert_eq!(auto.unwrap(), Payload::Value(order()));
        }
    }
    for wire in [Wire::Confluent, Wire::ConfluentHeader] {
        assert_eq!(codecs.encode(&order(), wire).await.unwrap_err().code(), "messaging.no_registry");
    }
}

#[tokio::test]
async fn json_knows_its_fields() {
    let codecs = Codecs::new(CodecConfig::default());
    let mut json = serde_json::to_value(order()).unwrap();
    json["lines"][0]["colour"] = "red".into();
    let payload = Bytes::from(json.to_string());
    let error = codecs.decode::<OrderPlaced>(Some(&payload), &Headers::new(), Wire::Json).await.unwrap_err();
    assert_eq!(error.to_string(), "the message is malformed: unknown fields: lines.0.colour");
    json["lines"][0].as_object_mut().unwrap().remove("colour");
    let bare = Bytes::from(json.to_string());
    let read = codecs.decode::<OrderPlaced>(Some(&bare), &Headers::new(), ReadWire::AutoOrBareJson).await.unwrap();
    assert_eq!(read, Payload::Value(order()));
    let error = codecs.decode::<OrderPlaced>(Some(&bare), &Headers::new(), ReadWire::Auto).await.unwrap_err();
    assert_eq!(error.code(), "messaging.decode_unknown_format");
}

#[tokio::test]
async fn tombstones_are_delivered() {
    let codecs = Codecs::new(CodecConfig::default());
    let read = codecs.decode::<OrderPlaced>(None, &Headers::new(), Wire::Confluent).await.unwrap();
    assert_eq!(read, Payload::Tombstone);
    let mut headers = Headers::new();
    headers.insert(TOMBSTONE, "1");
    let read = codecs.decode::<OrderPlaced>(Some(&Bytes::new()), &headers, ReadWire::Auto).await.unwrap();
    assert_eq!(read, Payload::Tombstone);
}

#[tokio::test]
async fn what_the_type_refuses_is_not_sent() {
    let codecs = Codecs::new(CodecConfig::default());
    let order = OrderPlaced { total: "-1".parse().unwrap(), ..order() };
    assert_eq!(codecs.encode(&order, Wire::SingleObject).await.unwrap_err().code(), "messaging.encode_refused");
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "keyed", key = "id", key_format = "avro", namespace = "t")]
struct AvroKeyed {
    id: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "keyed8", key = "inner.id", key_format = "i64be", namespace = "t")]
struct NumberKeyed {
    inner: Inner,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
struct Inner {
    id: Option<i64>,
}

#[tokio::test]
async fn keys_in_their_formats() {
    let codecs = Codecs::new(CodecConfig::default());
    let keyed = codecs.encode(&AvroKeyed { id: 1 }, Wire::SingleObject).await.unwrap();
    let key = keyed.key.unwrap();
    assert_eq!((&key[..2], &key[10..]), (&[0xC3, 0x01][..], &[2][..]));
    assert_eq!(AvroKeyed::meta().key_schema.unwrap()().text(), "\"long\"");
    let number = |id| NumberKeyed { inner: Inner { id } };
    assert_eq!(number(Some(258)).key().unwrap().unwrap(), &[0, 0, 0, 0, 0, 0, 1, 2][..]);
    assert_eq!(number(None).key().unwrap(), None);
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "meters")]
enum Unit {
    #[avro(rename = "M3")]
    M3,
    #[avro(default, rename = "KWH")]
    Kwh,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "readings", schema = "tests/codec/schemas/reading.avsc")]
struct Reading {
    // In another order than in the file: names decide.
    note: Option<String>,
    meter: String,
    #[avro(logical = "timestamp-millis")]
    at: jiff::Timestamp,
    #[avro(default = "KWH")]
    unit: Unit,
}

#[tokio::test]
async fn a_schema_file_leads() {
    assert_eq!(Reading::NAME, "meters.Reading");
    assert_eq!(Reading::schema().text(), include_str!("schemas/reading.avsc"));
    assert_eq!(Reading::meta().schema_file, Some("tests/codec/schemas/reading.avsc"));
    let codecs = Codecs::new(CodecConfig::default());
    for unit in [Unit::M3, Unit::Kwh] {
        let reading =
            Reading { note: None, meter: "7".to_owned(), at: "2026-01-02T03:04:05.678Z".parse().unwrap(), unit };
        let encoded = codecs.encode(&reading, Wire::SingleObject).await.unwrap();
        let read = codecs.decode::<Reading>(Some(&encoded.payload), &encoded.headers, ReadWire::Auto).await.unwrap();
        assert_eq!(read, Payload::Value(reading));
    }
    let report = alluvium_messaging::validate::model_file::<Reading>("tests/codec/schemas/reading.avsc").unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn messages_without_a_type() {
    use alluvium_messaging::DynMessage;
    let codecs = Codecs::new(CodecConfig::default());
    let encoded = codecs.encode(&order(), Wire::SingleObject).await.unwrap();
    let read = codecs.decode_dyn(Some(&encoded.payload), &encoded.headers, ReadWire::Auto, None).await.unwrap();
    let message = read.value().unwrap();
    assert_eq!(message.schema.parsed().full_name(), Some("com.example.shop.OrderPlaced"));
    assert_eq!(message.fields().key("order_id").unwrap().unwrap(), order().key().unwrap().unwrap());
    assert_eq!(
        message.fields().subject("shop.{tenant}.orders.{key}", Some("order_id"), &Vars::tenant("a.b")).unwrap(),
        order().subject(&Vars::tenant("a.b")).unwrap()
    );
    let again = codecs.encode_dyn(&message, Wire::SingleObject, "").await.unwrap();
    assert_eq!(again.payload, encoded.payload);
    let wrong = serde_json::json!({"order_id": 5});
    let error = DynMessage::new(message.schema.clone(), wrong).unwrap_err();
    assert_eq!(error.code(), "messaging.encode_invalid");
}

#[test]
fn text_for_files_is_stable() {
    use alluvium_messaging::schema::{Style, infer, to_avsc};
    let inferred = infer::<OrderLine>().unwrap();
    let text = to_avsc(&inferred, Style::Pretty);
    let again = alluvium_messaging::MessageSchema::parse(&text).unwrap();
    assert_eq!(again, inferred);
    assert_eq!(to_avsc(&again, Style::Pretty), text);
}
