use serde_json::{Value, json};

use super::*;

fn orders() -> Channel {
    Channel {
        topic: "orders".to_owned(),
        subject: "shop.{tenant}.orders.{key}".to_owned(),
        name: "com.example.shop.OrderPlaced".to_owned(),
        doc: Some("A customer has paid.".to_owned()),
        schema: json!({ "type": "record", "name": "OrderPlaced", "namespace": "com.example.shop",
                        "fields": [{ "name": "order_id", "type": "string" }] }),
        fingerprint: 0xab,
        wire: None,
        group: Some("billing".to_owned()),
        key: Some("order_id".to_owned()),
        schema_subject: "orders-value".to_owned(),
        registered: Some(Registered { version: 3, id: 7 }),
        shape: TopicShape { partitions: Some(6), ..TopicShape::default() },
    }
}

fn document(channels: Vec<Channel>) -> Value {
    let server = |name: &str, protocol| Server {
        name: name.to_owned(),
        host: "broker.example:4222".to_owned(),
        protocol,
        registry_url: Some("http://registry.example:8081".to_owned()),
    };
    let servers = vec![server("log", Protocol::Nats), server("bus", Protocol::Kafka)];
    let document =
        Document { edition: Edition::V3_0, title: "Shop".to_owned(), version: "1.0.0".to_owned(), servers, channels };
    document.to_json()
}

/// Where a reference of the document leads.
fn follow<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let path =
        reference["$ref"].as_str().and_then(|text| text.strip_prefix('#')).expect("a reference inside the document");
    document.pointer(path).unwrap_or_else(|| panic!("{path} leads nowhere"))
}

#[test]
fn a_message_is_described_on_both_protocols() {
    let document = document(vec![orders()]);
    let (nats, kafka) = (&document["channels"]["nats.orders"], &document["channels"]["kafka.orders"]);
    assert_eq!(nats["address"], "shop.{tenant}.orders.{key}");
    assert_eq!(nats["parameters"].as_object().unwrap().keys().collect::<Vec<_>>(), ["key", "tenant"]);
    assert_eq!((&kafka["address"], &kafka["bindings"]["kafka"]["partitions"]), (&json!("orders"), &json!(6)));

    let on_nats = &document["components"]["messages"]["nats.com.example.shop.OrderPlaced"];
    let on_kafka = &document["components"]["messages"]["kafka.com.example.shop.OrderPlaced"];
    assert_eq!((&on_nats["x-alv-wire"], &on_kafka["x-alv-wire"]), (&json!("single_object"), &json!("confluent")));
    assert_eq!(
        on_kafka["x-alv-schema"],
        json!({ "subject": "orders-value", "fp64": "00000000000000ab", "version": 3, "id": 7 })
    );
    assert_eq!(on_kafka["bindings"]["kafka"]["schemaLookupStrategy"], "TopicNameStrategy");
    assert_eq!(on_kafka["bindings"]["kafka"]["schemaIdLocation"], "payload");
    assert_eq!(on_nats["payload"]["schema"]["name"], "OrderPlaced");
}

#[test]
fn retries_and_dead_letters_have_channels_of_their_own() {
    let document = document(vec![orders()]);
    let role = |id: &str| document["channels"][id]["x-alv-role"].clone();
    assert_eq!(document["channels"]["kafka.orders.retry"]["address"], "orders.billing.retry.{tier}");
    assert_eq!(
        (role("kafka.orders.retry"), role("kafka.orders.dlq"), role("nats.orders.dlq")),
        (json!("retry"), json!("dlq"), json!("dlq"))
    );
    assert_eq!(role("nats.orders.retry"), Value::Null, "JetStream retries where the message is");
    let receive = &document["operations"]["receive.kafka.orders"];
    assert_eq!(receive["bindings"]["kafka"]["groupId"]["enum"], json!(["billing"]));
}

#[test]
fn every_reference_leads_somewhere_and_types_may_share_a_topic() {
    let refund = Channel { name: "com.example/shop.Refund~ed".to_owned(), group: None, ..orders() };
    let document = document(vec![orders(), refund]);
    let mut followed = 0;
    for operation in document["operations"].as_object().unwrap().values() {
        assert!(follow(&document, &operation["channel"])["address"].is_string());
        for message in operation["messages"].as_array().unwrap() {
            assert!(follow(&document, follow(&document, message))["payload"].is_object());
            followed += 1;
        }
    }
    // Two types sent and one received, on two protocols.
    assert_eq!(followed, 6);
    for channel in document["channels"].as_object().unwrap().values() {
        for server in channel["servers"].as_array().unwrap() {
            assert!(follow(&document, server)["host"].is_string());
        }
    }
}
