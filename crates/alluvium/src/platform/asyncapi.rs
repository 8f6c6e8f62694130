//! `/asyncapi.json`: what travels over NATS, described as `/openapi.json` describes HTTP.

use std::sync::OnceLock;

use alluvium_http::{Json, Op, Route};
use alluvium_messaging::MessageSchema;
use alluvium_messaging::asyncapi::{Channel, Document, Edition, Protocol, Server, TopicShape};
use serde_json::Value;

use super::{Platform, authenticated};
use crate::node::{CONTEXTS, ContextInfo};

pub fn routes() -> Vec<Route<Platform>> {
    let op = Op::new("getAsyncApi", "platform", "Channels and messages of the platform's commands, as AsyncAPI 3")
        .json::<Value>(200, "The document");
    vec![Route::get("/asyncapi.json", authenticated, self::document, op)]
}

async fn document() -> Json<Value> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Json(DOCUMENT.get_or_init(|| of_platform().to_json()).clone())
}

/// Every command, on the subject where anybody who may can publish it.
fn of_platform() -> Document {
    Document {
        edition: Edition::V3_0,
        title: "Alluvium".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Where NATS is differs by installation and is not for everybody who may read this.
        servers: vec![Server {
            name: "nats".to_owned(),
            host: "nats".to_owned(),
            protocol: Protocol::Nats,
            registry_url: None,
        }],
        channels: CONTEXTS
            .iter()
            .flat_map(|context| (context.commands)().iter().filter_map(|name| channel(context, name)))
            .collect(),
    }
}

fn channel(context: &ContextInfo, command: &str) -> Option<Channel> {
    let text = (context.schema)(command)?;
    let schema: Value = serde_json::from_str(text).ok()?;
    let fingerprint = MessageSchema::parse(text).ok()?.fp64();
    Some(Channel {
        topic: format!("{}.{command}", context.name),
        subject: format!("cmd.{{tenant}}.{}.{command}", context.name),
        name: command.to_owned(),
        doc: schema["doc"].as_str().map(str::to_owned),
        schema,
        fingerprint,
        wire: None,
        group: None,
        key: None,
        schema_subject: command.to_owned(),
        registered: None,
        shape: TopicShape::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_channel_and_a_message() {
        let document = of_platform().to_json();
        let commands: usize = CONTEXTS.iter().map(|context| (context.commands)().len()).sum();
        assert_eq!(document["channels"].as_object().unwrap().len(), commands);
        assert_eq!(document["components"]["messages"].as_object().unwrap().len(), commands, "no two share a name");
        let create = &document["channels"]["nats.storage.CreateBucket"];
        assert_eq!(create["address"], "cmd.{tenant}.storage.CreateBucket");
    }
}
