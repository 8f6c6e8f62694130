//! Kafka to JetStream: exactly once by message id.

use std::{future::Future, sync::Arc};

use alluvium_kernel::BoxFuture;
use async_nats::jetstream;

use super::{
    BRIDGE, BRIDGE_NOTE, Bridge, BridgeError, Buried, OnUndecodable, Report,
    pump::{self, Turn, Turned},
    recover::{self, Stored},
    rewrap::Rewrapper,
    template::{Template, token, topic_tokens},
};
use crate::{
    headers::{self, Headers, check_name},
    transport::{Incoming, Outgoing, StartFrom, SubscribeSpec},
};

/// The topic a message came from.
pub const KAFKA_TOPIC: &str = "Kafka-Topic";
/// Its partition there.
pub const KAFKA_PARTITION: &str = "Kafka-Partition";
/// Its offset there.
pub const KAFKA_OFFSET: &str = "Kafka-Offset";
/// When Kafka had it, in milliseconds since 1970.
pub const KAFKA_TIMESTAMP: &str = "Kafka-Timestamp";

/// The way from a topic to subjects.
#[derive(Clone, Debug)]
pub struct ToJetStream {
    /// The topic.
    pub topic: String,
    /// Subjects by `{topic}`, `{partition}` and `{key}`.
    pub subject: String,
    /// The stream that takes them.
    pub stream: String,
}

/// Runs a bridge from Kafka to JetStream until `stop`. `js` is for looking at what the stream holds already.
pub async fn run_to_jetstream(
    bridge: &Bridge,
    way: &ToJetStream,
    js: jetstream::Context,
    stop: impl Future<Output = ()>,
) -> Result<Report, BridgeError> {
    let turn = Inward {
        bridge: bridge.clone(),
        topic: way.topic.as_str().into(),
        subject: Template::parse(&way.subject, &["topic", "partition", "key"])?,
        stream: way.stream.as_str().into(),
        rewrapper: bridge.rewrap.clone().map(Rewrapper::new),
        js,
        stored: Stored::new(),
    };
    let spec = SubscribeSpec {
        topic: way.topic.as_str().into(),
        filters: vec![],
        stream: None,
        group: Some(bridge.name.clone()),
        from: StartFrom::Stored,
        partition_token: None,
        settings: bridge.settings.clone(),
    };
    pump::run(bridge, spec, turn, stop).await
}

struct Inward {
    bridge: Bridge,
    topic: Arc<str>,
    subject: Template,
    stream: Arc<str>,
    rewrapper: Option<Rewrapper>,
    js: jetstream::Context,
    stored: Stored,
}

impl Turn for Inward {
    fn begin(&mut self) -> BoxFuture<'_, Result<(), BridgeError>> {
        Box::pin(async move {
            self.stored = recover::stored(&self.js, &self.stream, &self.topic).await?;
            Ok(())
        })
    }

    fn turn(&self, message: Incoming) -> BoxFuture<'_, Result<Turned, BridgeError>> {
        Box::pin(async move {
            if self.bridge.has_passed(&message.headers) {
                return Ok(Turned::Own);
            }
            let offset = message.position.number();
            if self.stored.get(&message.partition).is_some_and(|offsets| offsets.contains(&offset)) {
                return Ok(Turned::Duplicate);
            }
            let mut headers = allowed(&message.headers);
            headers.insert(KAFKA_TOPIC, self.topic.to_string());
            headers.insert(KAFKA_PARTITION, message.partition.to_string());
            headers.insert(KAFKA_OFFSET, offset.to_string());
            headers.insert(KAFKA_TIMESTAMP, (message.time.micros() / 1000).to_string());
            headers.append(BRIDGE, self.bridge.name.clone());
            let mut payload = message.payload;
            let mut note = None;
            if let (Some(rewrapper), Some(bytes)) = (&self.rewrapper, &payload) {
                match rewrapper.to_fingerprint(bytes).await? {
                    Ok(rewrapped) => payload = Some(rewrapped),
                    Err(why) => note = Some(why),
                }
            }
            let mut subject = self.subject.fill(|name| match name {
                "topic" => topic_tokens(&self.topic),
                "partition" => message.partition.to_string(),
                _ => token(message.key.as_deref()),
            });
            let mut stream = Some(self.stream.clone());
            let undecodable = note.is_some();
            if let Some(why) = &note {
                headers.insert(BRIDGE_NOTE, why.clone());
                if let OnUndecodable::DeadLetter(to) = &self.bridge.on_undecodable {
                    let origin = message.position.to_string();
                    let (time, subject_of, topic) = (message.time, message.subject.as_str(), &*self.topic);
                    self.bridge.bury(&mut headers, &Buried { why, time, origin: &origin, subject: subject_of, topic });
                    (subject, stream) = (to.clone(), None);
                }
            }
            let outgoing = Outgoing {
                subject,
                stream,
                key: message.key,
                payload,
                headers,
                id: Some(format!("{}-{}-{offset}", self.topic, message.partition)),
                ..Outgoing::new(self.topic.clone(), "")
            };
            let outgoing = Box::new(outgoing);
            Ok(if undecodable { Turned::Undecodable(outgoing) } else { Turned::Forward(outgoing) })
        })
    }
}

/// The headers under names that every broker takes; a name that had to change is noted.
pub fn allowed(headers: &Headers) -> Headers {
    let mut all = Headers::with_capacity(headers.len() + 6);
    for (name, value) in headers.iter() {
        // The other side has ids of its own.
        if name == headers::NATS_MESSAGE_ID || name.starts_with("Nats-Expected-") {
            continue;
        }
        if check_name(name).is_ok() {
            all.append(name.to_owned(), value.clone());
            continue;
        }
        let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let renamed: String = name
            .chars()
            .take(headers::HEADER_NAME_BYTES_MAX)
            .map(|letter| if good(letter) { letter } else { '_' })
            .collect();
        all.append(if renamed.is_empty() { "_".to_owned() } else { renamed }, value.clone());
    }
    all
}
