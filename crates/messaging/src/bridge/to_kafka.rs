//! JetStream to Kafka: acknowledged after Kafka has it; what is repeated after a crash is known by its sequence.

use std::{future::Future, sync::Arc};

use alluvium_kernel::BoxFuture;
use bytes::Bytes;

use super::{
    BRIDGE, BRIDGE_NOTE, Bridge, BridgeError, Buried, OnUndecodable, Report,
    pump::{self, Turn, Turned},
    rewrap::Rewrapper,
    template::Template,
};
use crate::transport::{Incoming, Outgoing, StartFrom, SubscribeSpec};

/// The stream a message came from.
pub const NATS_STREAM: &str = "Nats-Stream";
/// Its subject there.
pub const NATS_SUBJECT: &str = "Nats-Subject";
/// Its sequence there.
pub const NATS_SEQUENCE: &str = "Nats-Sequence";
/// When the stream took it in, RFC 3339.
pub const NATS_TIME_STAMP: &str = "Nats-Time-Stamp";

/// Where the key of a Kafka record comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyFrom {
    /// The message's own key; without one, its subject, so that the order of a subject is kept.
    #[default]
    KeyOrSubject,
    /// This token of the subject, from 0.
    Token(usize),
}

/// The way from subjects to topics.
#[derive(Clone, Debug)]
pub struct ToKafka {
    /// The stream.
    pub stream: String,
    /// Subjects of it; all when empty.
    pub filters: Vec<String>,
    /// The topic by `{subject}` and `{stream}`.
    pub topic: String,
    /// Where keys come from.
    pub key: KeyFrom,
}

impl ToKafka {
    fn spec(&self, bridge: &Bridge) -> SubscribeSpec {
        SubscribeSpec {
            topic: self.stream.as_str().into(),
            filters: if self.filters.is_empty() { vec![">".to_owned()] } else { self.filters.clone() },
            stream: Some(self.stream.as_str().into()),
            group: Some(bridge.name.clone()),
            from: StartFrom::Stored,
            partition_token: None,
            settings: bridge.settings.clone(),
        }
    }
}

/// Runs a bridge from JetStream to Kafka until `stop`.
pub async fn run_to_kafka(
    bridge: &Bridge,
    way: &ToKafka,
    stop: impl Future<Output = ()>,
) -> Result<Report, BridgeError> {
    pump::run(bridge, way.spec(bridge), Outward::new(bridge, way)?, stop).await
}

/// What a transactional bridge reads: everything, from a sequence that it keeps itself.
pub fn spec_from(bridge: &Bridge, way: &ToKafka, seq: u64) -> SubscribeSpec {
    SubscribeSpec { group: None, from: StartFrom::Seq(seq), ..way.spec(bridge) }
}

pub struct Outward {
    bridge: Bridge,
    stream: String,
    topic: Template,
    key: KeyFrom,
    rewrapper: Option<Rewrapper>,
}

impl Outward {
    pub fn new(bridge: &Bridge, way: &ToKafka) -> Result<Self, BridgeError> {
        Ok(Self {
            bridge: bridge.clone(),
            stream: way.stream.clone(),
            topic: Template::parse(&way.topic, &["subject", "stream"])?,
            key: way.key,
            rewrapper: bridge.rewrap.clone().map(Rewrapper::new),
        })
    }
}

impl Turn for Outward {
    fn begin(&mut self) -> BoxFuture<'_, Result<(), BridgeError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn turn(&self, message: Incoming) -> BoxFuture<'_, Result<Turned, BridgeError>> {
        Box::pin(async move {
            if self.bridge.has_passed(&message.headers) {
                return Ok(Turned::Own);
            }
            let mut topic = self
                .topic
                .fill(|name| if name == "subject" { topic_name(&message.subject) } else { topic_name(&self.stream) });
            let key = match self.key {
                KeyFrom::KeyOrSubject => message.key.clone().or_else(|| Some(Bytes::from(message.subject.clone()))),
                KeyFrom::Token(at) => message.subject.split('.').nth(at).map(|token| Bytes::from(token.to_owned())),
            };
            let mut headers = message.headers;
            headers.insert(NATS_STREAM, self.stream.clone());
            headers.insert(NATS_SUBJECT, message.subject.clone());
            headers.insert(NATS_SEQUENCE, message.position.number().to_string());
            headers.insert(NATS_TIME_STAMP, message.time.to_rfc3339());
            headers.append(BRIDGE, self.bridge.name.clone());
            let mut payload = message.payload;
            let mut undecodable = false;
            if let (Some(rewrapper), Some(bytes)) = (&self.rewrapper, &payload) {
                match rewrapper.to_id(&topic, bytes).await? {
                    Ok(rewrapped) => payload = Some(rewrapped),
                    Err(why) => {
                        undecodable = true;
                        headers.insert(BRIDGE_NOTE, why.clone());
                        if let OnUndecodable::DeadLetter(to) = &self.bridge.on_undecodable {
                            let (why, origin) = (why.as_str(), message.position.to_string());
                            let (time, subject) = (message.time, message.subject.as_str());
                            let buried = Buried { why, time, origin: &origin, subject, topic: &self.stream };
                            self.bridge.bury(&mut headers, &buried);
                            topic.clone_from(to);
                        }
                    }
                }
            }
            let topic: Arc<str> = topic.into();
            let outgoing =
                Box::new(Outgoing { key, payload, headers, time: Some(message.time), ..Outgoing::new(topic, "") });
            Ok(if undecodable { Turned::Undecodable(outgoing) } else { Turned::Forward(outgoing) })
        })
    }
}

/// A subject as Kafka allows names of topics: other characters than `[A-Za-z0-9._-]` become `_`.
fn topic_name(subject: &str) -> String {
    subject
        .chars()
        .map(|each| if each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-') { each } else { '_' })
        .collect()
}
