//! Messages as bytes: five formats, what names the schema in each, and how a reader copes with another writer's schema.

mod cache;
mod codecs;
pub(crate) mod core;
mod dynamic;
mod error;
pub mod frame;
mod plan;
mod resolve;
mod source;
pub(crate) mod varint;
mod view;

pub use codecs::{CodecConfig, Codecs, Decoder, Encoded, Encoder, Payload, Register};
pub use dynamic::{DynMessage, Fields};
pub use error::{DecodeError, EncodeError};
pub use plan::{Mismatch, Plan, PlanKind};
pub use source::{Fetched, SchemaRef, SchemaSource, SourceError};
pub use view::Datum;

/// A layout of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// `00`, the registry's id, the datum.
    Confluent,
    /// The datum alone; a header has the registry's id.
    ConfluentHeader,
    /// `C3 01`, the fingerprint, the datum.
    SingleObject,
    /// The datum alone.
    Raw,
    /// JSON by serde's names.
    Json,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Confluent, Self::ConfluentHeader, Self::SingleObject, Self::Raw, Self::Json];

    /// As in attributes and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confluent => "confluent",
            Self::ConfluentHeader => "confluent_header",
            Self::SingleObject => "single_object",
            Self::Raw => "raw",
            Self::Json => "json",
        }
    }

    /// What `content-type` says.
    pub fn content_type(self) -> &'static str {
        if matches!(self, Self::Json) { "application/json" } else { "avro/binary" }
    }

    /// Whether it cannot do without a registry.
    pub fn needs_registry(self) -> bool {
        matches!(self, Self::Confluent | Self::ConfluentHeader)
    }
}

impl std::fmt::Display for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for Wire {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|wire| wire.as_str() == text).ok_or_else(|| {
            format!("`{text}` is no wire format; there are confluent, confluent_header, single_object, raw, json")
        })
    }
}

/// What a reader expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadWire {
    /// This and nothing else.
    Only(Wire),
    /// Whatever names its schema or says that it is JSON. Never a bare datum.
    Auto,
    /// As `Auto`, and a first byte `{` is JSON: streams of commands, where people write by hand.
    AutoOrBareJson,
}

impl From<Wire> for ReadWire {
    fn from(wire: Wire) -> Self {
        Self::Only(wire)
    }
}
