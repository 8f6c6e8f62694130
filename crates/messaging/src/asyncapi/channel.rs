//! Channels and operations: a topic, and beside it where its retries and dead letters go.

use serde_json::{Map, Value, json};

use super::{Channel, Protocol, Server, message};
use crate::{consume::retry_topic, dead_letter};

/// The edition of the Kafka bindings.
pub const KAFKA_BINDING: &str = "0.5.0";
/// The edition of the NATS bindings.
const NATS_BINDING: &str = "0.1.0";

/// Adds the channels and operations of one message type on one protocol.
pub fn add(
    channel: &Channel,
    protocol: Protocol,
    servers: &[&Server],
    channels: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    let id = format!("{}.{}", protocol.name(), channel.topic);
    let address = match protocol {
        Protocol::Nats => &channel.subject,
        Protocol::Kafka => &channel.topic,
    };
    let entry = channels.entry(id.clone()).or_insert_with(|| json_of(channel, protocol, servers, address));
    // Several types may share one topic: one channel, several messages.
    entry["messages"][&channel.name] = reference(&["components", "messages", &message::id(channel, protocol)]);
    operation(operations, &id, channel, protocol, "send");
    let Some(group) = &channel.group else { return };
    operation(operations, &id, channel, protocol, "receive");
    for (role, address) in side_channels(channel, protocol, group) {
        channels.insert(format!("{id}.{role}"), {
            let mut json = json_of(channel, protocol, servers, &address);
            json["x-alv-role"] = json!(role);
            json["messages"][&channel.name] = reference(&["components", "messages", &message::id(channel, protocol)]);
            json
        });
    }
}

/// Where messages of a group go that could not be handled. JetStream retries where the message is, so it has no retry channel.
fn side_channels(channel: &Channel, protocol: Protocol, group: &str) -> Vec<(&'static str, String)> {
    match protocol {
        Protocol::Nats => vec![("dlq", dead_letter::subject("{tenant}", &channel.topic, group))],
        Protocol::Kafka => vec![
            ("retry", retry_topic(&channel.topic, group, "{tier}")),
            ("dlq", dead_letter::kafka_topic(&channel.topic, group)),
        ],
    }
}

fn json_of(channel: &Channel, protocol: Protocol, servers: &[&Server], address: &str) -> Value {
    let mut json = json!({
        "address": address,
        "servers": servers.iter().map(|server| reference(&["servers", &server.name])).collect::<Vec<_>>(),
        "messages": {},
    });
    let parameters: Map<String, Value> =
        placeholders(address).map(|name| (name.to_owned(), json!({ "description": meaning(name, channel) }))).collect();
    if !parameters.is_empty() {
        json["parameters"] = Value::Object(parameters);
    }
    if protocol == Protocol::Kafka {
        let mut binding = json!({ "topic": address, "bindingVersion": KAFKA_BINDING });
        let shape = &channel.shape;
        if let Some(partitions) = shape.partitions {
            binding["partitions"] = json!(partitions);
        }
        if let Some(replicas) = shape.replicas {
            binding["replicas"] = json!(replicas);
        }
        if !shape.configuration.is_empty() {
            binding["topicConfiguration"] = json!(shape.configuration);
        }
        json["bindings"] = json!({ "kafka": binding });
    }
    json
}

fn operation(operations: &mut Map<String, Value>, id: &str, channel: &Channel, protocol: Protocol, action: &str) {
    let entry = operations.entry(format!("{action}.{id}")).or_insert_with(|| {
        let mut json = json!({ "action": action, "channel": reference(&["channels", id]), "messages": [] });
        if let (Some(group), "receive") = (&channel.group, action) {
            json["bindings"] = match protocol {
                Protocol::Nats => json!({ "nats": { "queue": group, "bindingVersion": NATS_BINDING } }),
                Protocol::Kafka => {
                    json!({ "kafka": { "groupId": { "type": "string", "enum": [group] }, "bindingVersion": KAFKA_BINDING } })
                }
            };
        }
        json
    });
    if let Some(messages) = entry["messages"].as_array_mut() {
        messages.push(reference(&["channels", id, "messages", &channel.name]));
    }
}

/// The names between braces.
fn placeholders(address: &str) -> impl Iterator<Item = &str> {
    address.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn meaning(placeholder: &str, channel: &Channel) -> String {
    match placeholder {
        "key" => channel.key.as_ref().map_or("the key".to_owned(), |field| format!("the key, field `{field}`")),
        "tenant" => "the tenant".to_owned(),
        "tier" => "how long the retry waits: 1, 2, 3 for 5 s, 1 min, 10 min".to_owned(),
        field => format!("field `{field}`"),
    }
}

/// A reference inside the document; `/` and `~` in names are escaped.
fn reference(path: &[&str]) -> Value {
    let escaped: Vec<String> = path.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    json!({ "$ref": format!("#/{}", escaped.join("/")) })
}
