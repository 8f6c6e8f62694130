//! Messages: their schema, their headers, and how the schema is named in the bytes.

use serde_json::{Map, Value, json};

use super::{Channel, Protocol};
use crate::wire::Wire;

/// What Avro's own schemas are called in AsyncAPI.
const AVRO_FORMAT: &str = "application/vnd.apache.avro+json;version=1.9.0";

/// Its key among the document's messages.
pub fn id(channel: &Channel, protocol: Protocol) -> String {
    format!("{}.{}", protocol.name(), channel.name)
}

/// One message as it travels on a protocol.
pub fn json(channel: &Channel, protocol: Protocol) -> Value {
    let wire = channel.wire_on(protocol);
    let mut json = json!({
        "name": channel.name,
        "contentType": if wire == Wire::Json { "application/json" } else { "avro/binary" },
        "headers": headers(wire, protocol),
        "payload": { "schemaFormat": AVRO_FORMAT, "schema": channel.schema },
        "x-alv-schema": schema(channel),
        "x-alv-wire": wire.as_str(),
    });
    if let Some(doc) = &channel.doc {
        json["summary"] = json!(doc);
    }
    if protocol == Protocol::Kafka {
        json["bindings"] = json!({ "kafka": kafka(channel, wire) });
    }
    json
}

fn schema(channel: &Channel) -> Value {
    let mut json = json!({ "subject": channel.schema_subject, "fp64": format!("{:016x}", channel.fingerprint) });
    if let Some(registered) = &channel.registered {
        json["version"] = json!(registered.version);
        json["id"] = json!(registered.id);
    }
    json
}

fn kafka(channel: &Channel, wire: Wire) -> Value {
    let mut binding = json!({ "bindingVersion": super::channel::KAFKA_BINDING });
    if channel.key.is_some() {
        binding["key"] = json!({ "type": "string" });
    }
    let location = match wire {
        Wire::Confluent => "payload",
        Wire::ConfluentHeader => "header",
        Wire::SingleObject | Wire::Raw | Wire::Json => return binding,
    };
    binding["schemaIdLocation"] = json!(location);
    if wire == Wire::Confluent {
        binding["schemaIdPayloadEncoding"] = json!("confluent");
    }
    if let Some(strategy) = channel.lookup_strategy() {
        binding["schemaLookupStrategy"] = json!(strategy);
    }
    binding
}

fn headers(wire: Wire, protocol: Protocol) -> Value {
    let id = match protocol {
        Protocol::Nats => "Nats-Msg-Id",
        Protocol::Kafka => "Alv-Id",
    };
    let mut properties = Map::new();
    for (name, meaning) in [
        (id, "the id of the message; the same id is the same message"),
        ("Alv-Type", "full Avro name of the type"),
        ("Alv-Schema", "the schema it was written with: id:<n> or sha256:<32 hex digits>"),
        ("Alv-Key", "its key"),
        ("Alv-Time", "when it happened, RFC 3339"),
        ("content-type", "avro/binary or application/json"),
        ("traceparent", "W3C trace context"),
    ] {
        properties.insert(name.to_owned(), json!({ "type": "string", "description": meaning }));
    }
    if wire == Wire::ConfluentHeader {
        let meaning = "01 and the schema's GUID, 17 bytes";
        properties.insert("__value_schema_id".to_owned(), json!({ "type": "string", "description": meaning }));
    }
    json!({ "type": "object", "properties": properties })
}
