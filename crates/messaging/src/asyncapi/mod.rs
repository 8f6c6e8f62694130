//! An AsyncAPI 3 document of message types: what is sent where, in which bytes, and who receives it.
//!
//! The document is a function of its input: the same channels give the same text, so a file of it can be checked in and compared.

mod channel;
mod message;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{MessageMeta, MessageSchema};
use crate::wire::Wire;

/// Which edition of AsyncAPI the document follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// 3.0.0
    #[default]
    V3_0,
    /// 3.1.0
    V3_1,
}

impl Edition {
    fn text(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0.0",
            Self::V3_1 => "3.1.0",
        }
    }
}

impl std::str::FromStr for Edition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "3.0.0" => Ok(Self::V3_0),
            "3.1.0" => Ok(Self::V3_1),
            other => Err(format!("`{other}` is no edition of AsyncAPI known here; 3.0.0 and 3.1.0 are")),
        }
    }
}

/// The protocol of a server and of all channels on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// NATS JetStream.
    Nats,
    /// Kafka.
    Kafka,
}

impl Protocol {
    /// Its name in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Kafka => "kafka",
        }
    }
}

/// Where messages travel.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in the document, e.g. `production`.
    pub name: String,
    /// `host:port`.
    pub host: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The schema registry that its clients use.
    pub registry_url: Option<String>,
}

/// Where a schema stands in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The version of its subject.
    pub version: u32,
    /// The id of the schema.
    pub id: u32,
}

/// What a Kafka topic is like, where that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicShape {
    /// How many partitions.
    pub partitions: Option<u32>,
    /// How many copies of each.
    pub replicas: Option<u16>,
    /// Its settings, e.g. `cleanup.policy`.
    pub configuration: BTreeMap<String, String>,
}

/// One message type and its channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The logical name.
    pub topic: String,
    /// The subject template of JetStream; placeholders become parameters.
    pub subject: String,
    /// The full Avro name of the message.
    pub name: String,
    /// What it is, from the schema's `doc`.
    pub doc: Option<String>,
    /// Its schema.
    pub schema: Value,
    /// CRC-64-AVRO of the schema's canonical form.
    pub fingerprint: u64,
    /// The bytes on the wire; the protocol's default when none.
    pub wire: Option<Wire>,
    /// Who receives it.
    pub group: Option<String>,
    /// The field that is its key.
    pub key: Option<String>,
    /// What its schema is called in a registry.
    pub schema_subject: String,
    /// Where it is registered.
    pub registered: Option<Registered>,
    /// What its Kafka topic is like.
    pub shape: TopicShape,
}

impl Channel {
    /// The channel of a message type, as it is declared.
    pub fn of(meta: &MessageMeta) -> Self {
        let schema = (meta.schema)();
        let value: Value = serde_json::from_str(schema.text()).unwrap_or(Value::Null);
        Self {
            topic: meta.topic.to_owned(),
            subject: meta.subject.to_owned(),
            name: meta.name.to_owned(),
            doc: value.get("doc").and_then(Value::as_str).map(str::to_owned),
            schema: value,
            fingerprint: schema.fp64(),
            wire: meta.wire,
            group: meta.group.map(str::to_owned),
            key: meta.key.map(str::to_owned),
            schema_subject: meta.value_subject(),
            registered: None,
            shape: TopicShape::default(),
        }
    }

    /// The channel of a message type as [`export_models`](crate::export_models) writes it; `None` if that is not what it is.
    pub fn exported(model: &Value) -> Option<Self> {
        let text = |name: &str| model[name].as_str().map(str::to_owned);
        let schema = MessageSchema::parse(model["schema"].as_str()?).ok()?;
        let value: Value = serde_json::from_str(schema.text()).ok()?;
        Some(Self {
            topic: text("topic")?,
            subject: text("subject")?,
            name: text("name")?,
            doc: value.get("doc").and_then(Value::as_str).map(str::to_owned),
            schema: value,
            fingerprint: schema.fp64(),
            wire: text("wire").and_then(|wire| wire.parse().ok()),
            group: text("group"),
            key: text("key"),
            schema_subject: text("schema_subject")?,
            registered: None,
            shape: TopicShape::default(),
        })
    }

    /// How the schema's name follows from topic and type, as clients call the rule; `None` where none of them leads to it.
    fn lookup_strategy(&self) -> Option<&'static str> {
        let Self { topic, name, schema_subject: subject, .. } = self;
        if *subject == format!("{topic}-value") {
            Some("TopicNameStrategy")
        } else if subject == name {
            Some("RecordNameStrategy")
        } else if *subject == format!("{topic}-{name}") {
            Some("TopicRecordNameStrategy")
        } else {
            None
        }
    }

    /// The bytes on the wire of a protocol.
    fn wire_on(&self, protocol: Protocol) -> Wire {
        self.wire.unwrap_or(match protocol {
            Protocol::Nats => Wire::SingleObject,
            Protocol::Kafka => Wire::Confluent,
        })
    }
}

/// Everything that a document tells.
#[derive(Clone, Debug)]
pub struct Document {
    /// The edition it follows.
    pub edition: Edition,
    /// What the service is called.
    pub title: String,
    /// The service's version.
    pub version: String,
    /// Where messages travel; channels are described once for each protocol among these.
    pub servers: Vec<Server>,
    /// What travels.
    pub channels: Vec<Channel>,
}

impl Document {
    /// The document as JSON.
    pub fn to_json(&self) -> Value {
        let mut channels = Map::new();
        let mut operations = Map::new();
        let mut messages = Map::new();
        for protocol in [Protocol::Nats, Protocol::Kafka] {
            let servers: Vec<&Server> = self.servers.iter().filter(|server| server.protocol == protocol).collect();
            if servers.is_empty() {
                continue;
            }
            for channel in &self.channels {
                channel::add(channel, protocol, &servers, &mut channels, &mut operations);
                messages.insert(message::id(channel, protocol), message::json(channel, protocol));
            }
        }
        json!({
            "asyncapi": self.edition.text(),
            "info": { "title": self.title, "version": self.version },
            "defaultContentType": "avro/binary",
            "servers": self.servers.iter().map(|server| (server.name.clone(), server_json(server))).collect::<Map<_, _>>(),
            "channels": channels,
            "operations": operations,
            "components": { "messages": messages },
        })
    }
}

fn server_json(server: &Server) -> Value {
    let mut json = json!({ "host": server.host, "protocol": server.protocol.name() });
    if let (Protocol::Kafka, Some(url)) = (server.protocol, &server.registry_url) {
        json["bindings"] = json!({ "kafka": {
            "schemaRegistryUrl": url, "schemaRegistryVendor": "confluent", "bindingVersion": channel::KAFKA_BINDING,
        } });
    }
    json
}

#[cfg(test)]
mod tests;
