//! Moves messages between Kafka and JetStream, in order per partition and per key.
//!
//! Into JetStream each message has the id `<topic>-<partition>-<offset>`, so that one sent twice is stored once. The Kafka
//! offset is committed after JetStream has the message; what is stored already is looked up at the start, for pauses longer
//! than JetStream remembers ids. Into Kafka a message is acknowledged after Kafka has it, which may repeat some after a
//! crash: they are known by the sequence in their headers.

mod error;
mod pump;
mod recover;
mod rewrap;
mod template;
mod to_jetstream;
mod to_kafka;

use std::sync::Arc;

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

    /// Whether a message has passed this bridge already.
    fn has_passed(&self, headers: &Headers) -> bool {
        headers.iter().any(|(name, value)| name == BRIDGE && value.as_ref() == self.name.as_bytes())
    }
}
