//! Clients that know nothing of us, only the registry's API: each registers, looks up, encodes for another and decodes what
//! another encoded, asks about compatibility, is refused, configures, deletes, and shows who it is.

use std::process::Command;

use alluvium_blackbox::registry::Registry;
use alluvium_blackbox::{ADMIN, repository};
use apache_avro::types::Value;
use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_schema_by_id, get_schema_by_subject_and_version, post_schema,
};
use schema_registry_converter::schema_registry_common::{
    SchemaType, SubjectNameStrategy, SuppliedReference, SuppliedSchema,
};

const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"com.example","fields":[{"name":"id","type":"string"},{"name":"count","type":"int"},{"name":"note","type":["null","string"],"default":null}]}"#;

/// A registry that asks who calls.
async fn closed() -> Registry {
    Registry::start_with(&[("ALLUVIUM_REGISTRY_OPEN", "false")]).await
}

fn settings(registry: &Registry, secret: &str) -> SrSettings {
    SrSettings::new_builder(registry.url.clone())
        .no_proxy()
        .set_basic_authorization("admin", Some(secret))
        .build()
        .expect("settings")
}

fn avro(schema: &str) -> SuppliedSchema {
    SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned())
}

fn topic(name: &str, schema: &str) -> SubjectNameStrategy {
    SubjectNameStrategy::TopicNameStrategyWithSchema(name.to_owned(), false, avro(schema))
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

/// A message for the others to decode.
async fn order(registry: &Registry) -> Vec<u8> {
    let encoder = AvroEncoder::new(settings(registry, ADMIN));
    let note = Value::Union(1, Box::new(text("from Rust")));
    let values = vec![("id", text("o-1")), ("count", Value::Int(3)), ("note", note)];
    encoder.encode(values, topic("orders", ORDER)).await.expect("encoded")
}

/// Runs a client's program, which gets the message of [`order`], and decodes the message that it answers.
async fn exchange(kind: &str, program: &[&str], path: &str) -> Vec<(String, Value)> {
    let registry = closed().await;
    let clients = Command::new(repository().join("scripts/clients")).arg(kind).output().expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    let packages = String::from_utf8_lossy(&clients.stdout).trim().to_owned();
    let order: String = order(&registry).await.iter().map(|byte| format!("{byte:02x}")).collect();
    let (first, arguments) = program.split_first().expect("a program");
    let mut command = Command::new(first);
    command
        .args(arguments)
        .arg(repository().join("tests/clients").join(path))
        .arg(order)
        .env("PYTHONPATH", &packages)
        .env("NODE_PATH", format!("{packages}/node_modules"))
        .env("REGISTRY_URL", &registry.url)
        .env("REGISTRY_USER", format!("admin:{ADMIN}"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", registry.world.alluvium.output());
    let hex = out.trim();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    let decoded = AvroDecoder::new(settings(&registry, ADMIN)).decode(Some(&bytes)).await.expect("decoded");
    match decoded.value {
        Value::Record(fields) => fields,
        other => panic!("a record: {other:?}"),
    }
}

fn fields(expected: &[(&str, Value)]) -> Vec<(String, Value)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn confluent_kafka_with_its_serializers_and_fastavro() {
    let payment = exchange("python", &["python3"], "python/confluent.py").await;
    let note = Value::Union(1, Box::new(text("from Python")));
    assert_eq!(payment, fields(&[("id", text("p-1")), ("amount", Value::Double(2.5)), ("note", note)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_schema_registry_client() {
    let visit = exchange("python", &["python3"], "python/community.py").await;
    assert_eq!(visit, fields(&[("page", text("/")), ("seconds", Value::Int(4))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn kafkajs_confluent_schema_registry() {
    let click = exchange("node", &["node"], "node/kafkajs.cjs").await;
    assert_eq!(click, fields(&[("x", Value::Int(9)), ("button", text("from Node"))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_registry_converter() {
    let registry = closed().await;
    let known = settings(&registry, ADMIN);
    let subject = "shop/orders eu-value";
    let first = post_schema(&known, "orders-value".to_owned(), avro(ORDER)).await.expect("registered");
    assert_eq!(post_schema(&known, "orders-value".to_owned(), avro(ORDER)).await.expect("again").id, first.id);
    let by_id = get_schema_by_id(first.id, &known).await.expect("by id");
    assert_eq!((by_id.schema.as_str(), by_id.schema_type), (ORDER, SchemaType::Avro));
    let latest = get_schema_by_subject_and_version(&known, "orders-value", None).await.expect("latest");
    assert_eq!((latest.id, latest.schema.as_str()), (first.id, ORDER));

    let broken = ORDER.replace(r#"{"name":"count","type":"int"}"#, r#"{"name":"count","type":"string"}"#);
    let refused = post_schema(&known, "orders-value".to_owned(), avro(&broken)).await.expect_err("incompatible");
    assert!(refused.to_string().contains("incompatible with an earlier schema"), "{refused}");
    assert!(!refused.retriable, "{refused}");
    let unknown = get_schema_by_id(99_999, &known).await.expect_err("no such id");
    assert!(unknown.to_string().contains("not found"), "{unknown}");
    let stranger = get_schema_by_id(first.id, &settings(&registry, "wrong")).await.expect_err("not let in");
    assert!(stranger.to_string().contains("401") || stranger.to_string().contains("Unauthorized"), "{stranger}");

    // A record that refers to another, both registered by the client itself. It puts the other in the place of its short name.
    let money =
        r#"{"type":"record","name":"Money","namespace":"com.example","fields":[{"name":"units","type":"long"}]}"#;
    let price =
        r#"{"type":"record","name":"Price","namespace":"com.example","fields":[{"name":"amount","type":"Money"}]}"#;
    let reference = SuppliedReference::new("com.example.Money".to_owned(), "money-value".to_owned(), money.to_owned());
    let supplied = SuppliedSchema::new(Some("com.example.Price".to_owned()), SchemaType::Avro, price.to_owned())
        .with_references(vec![reference]);
    let strategy = SubjectNameStrategy::TopicNameStrategyWithSchema("prices".to_owned(), false, supplied);
    let amount = Value::Record(vec![("units".to_owned(), Value::Long(5))]);
    let encoded =
        AvroEncoder::new(known.clone()).encode(vec![("amount", amount.clone())], strategy).await.expect("encoded");
    let decoded = AvroDecoder::new(known.clone()).decode(Some(&encoded)).await.expect("decoded");
    assert_eq!(decoded.value, Value::Record(fields(&[("amount", amount)])));

    // The other kinds, and a subject that needs escaping.
    let json = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    let schema = SuppliedSchema::new(None, SchemaType::Json, json.to_owned());
    let id = post_schema(&known, "bodies-value".to_owned(), schema).await.expect("registered").id;
    let stored = get_schema_by_id(id, &known).await.expect("by id");
    assert_eq!((stored.schema.as_str(), stored.schema_type), (json, SchemaType::Json));
    let proto = "syntax = \"proto3\";\nmessage Ping { int32 n = 1; }\n";
    let schema = SuppliedSchema::new(None, SchemaType::Protobuf, proto.to_owned());
    let id = post_schema(&known, "pings-value".to_owned(), schema).await.expect("registered").id;
    assert_eq!(get_schema_by_id(id, &known).await.expect("by id").schema_type, SchemaType::Protobuf);
    let escaped = subject.replace('/', "%2F").replace(' ', "%20");
    post_schema(&known, escaped.clone(), avro(ORDER)).await.expect("registered");
    let latest = get_schema_by_subject_and_version(&known, &escaped, None).await.expect("latest");
    assert_eq!(latest.id, first.id);

    // The id in a header instead of in front of the payload: it needs GUIDs, which are only answered to those who ask.
    let asking = SrSettings::new_builder(registry.url.clone())
        .no_proxy()
        .set_basic_authorization("admin", Some(ADMIN))
        .add_header("Confluent-Accept-Unknown-Properties", "true")
        .build()
        .expect("settings");
    let values = vec![("id", text("o")), ("count", Value::Int(1)), ("note", Value::Union(0, Box::new(Value::Null)))];
    let strategy = SubjectNameStrategy::TopicNameStrategy("orders".to_owned(), false);
    let (bytes, header) =
        AvroEncoder::new(asking.clone()).encode_with_header_id(values, strategy, false).await.expect("encoded");
    let decoder = AvroDecoder::new(asking);
    let decoded = decoder.decode_with_header_id(Some(&header.value), Some(&bytes)).await.expect("decoded");
    assert!(matches!(&decoded.value, Value::Record(fields) if fields[1].1 == Value::Int(1)));
}
