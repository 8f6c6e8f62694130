//! Moves messages between Kafka and JetStream, in order per partition and per key.
//!
//! Into JetStream each message has the id `<topic>-<partition>-<offset>`, so that one sent twice is stored once. The Kafka
//! offset is committed after JetStream has the message; what is stored already is looked up at the start, for pauses longer
//! than JetStream remembers ids. Into Kafka a message is acknowledged after Kafka has it, which may repeat some after a
//! crash; with transactions, the messages and how far the bridge has come are one.

mod error;
mod pump;
mod recover;
mod rewrap;
mod template;
mod to_jetstream;
mod to_kafka;
mod transactional;

use std::sync::Arc;

use alluvium_kernel::Timestamp;

use crate::{
    headers::Headers,
    profile::{ConsumeSettings, Profile},
    transport::Transport,
    wire::SchemaSource,
};
pub use error::BridgeError;
pub use pump::Report;
pub use to_jetstream::{ToJetStream, run_to_jetstream};
pub use to_kafka::{KeyFrom, ToKafka, run_to_kafka};
pub use transactional::run_to_kafka_transactional;

/// Names the bridges that a message passed; one that finds its own name drops the message.
pub const BRIDGE: &str = "Alv-Bridge";
/// Why a message passed as it was.
pub const BRIDGE_NOTE: &str = "Alv-Bridge-Note";

/// What becomes of a message whose schema cannot be named on the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnUndecodable {
    /// It passes as it is, with a note.
    #[default]
    Pass,
    /// It goes to this subject or topic of the other side instead.
    DeadLetter(String),
}

/// What a dead letter tells about its message.
struct Buried<'a> {
    why: &'a str,
    time: Timestamp,
    origin: &'a str,
    subject: &'a str,
    topic: &'a str,
}

/// A bridge, whichever way it goes.
#[derive(Clone)]
pub struct Bridge {
    /// Its name: its consumer group, and what keeps messages from going round in circles.
    pub name: String,
    /// Where messages come from.
    pub from: Arc<dyn Transport>,
    /// Where they go.
    pub to: Arc<dyn Transport>,
    /// With a registry, schema ids and fingerprints are exchanged for each other; without, payloads stay as they are.
    pub rewrap: Option<Arc<dyn SchemaSource>>,
    /// What becomes of messages that cannot be.
    pub on_undecodable: OnUndecodable,
    /// How messages are read.
    pub settings: ConsumeSettings,
}

impl Bridge {
    /// A bridge that leaves payloads as they are.
    pub fn new(name: impl Into<String>, from: Arc<dyn Transport>, to: Arc<dyn Transport>) -> Self {
        let mut settings = Profile::Base.settings().consume;
        // Everything there is passes, also what was there before the bridge.
        settings.from_earliest = true;
        Self { name: name.into(), from, to, rewrap: None, on_undecodable: OnUndecodable::default(), settings }
    }

    /// Names a message a dead letter of this bridge, as the kit's own are, so that it is listed among them.
    fn bury(&self, headers: &mut Headers, message: &Buried<'_>) {
        use crate::dead_letter::names;
        let time = message.time.to_rfc3339();
        for (name, value) in [
            (names::REASON, "schema"),
            (names::ERROR, message.why),
            (names::CHAIN, message.why),
            (names::ATTEMPTS, "1"),
            (names::FIRST, &time),
            (names::LAST, &time),
            (names::ORIGIN, message.origin),
            (names::SUBJECT, message.subject),
            (names::TOPIC, message.topic),
            (names::GROUP, &self.name),
            (names::VERSION, env!("CARGO_PKG_VERSION")),
        ] {
            headers.insert(name, value.to_owned());
        }
    }

    /// Whether a message has passed this bridge already.
    fn has_passed(&self, headers: &Headers) -> bool {
        headers.iter().any(|(name, value)| name == BRIDGE && value.as_ref() == self.name.as_bytes())
    }
}
