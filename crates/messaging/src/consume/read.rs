//! From bytes to what a handler takes.

use bytes::Bytes;

use super::outcome::error_chain;
use crate::{
    bus::Bus,
    headers::SCHEMA,
    model::Message,
    transport::{DeadReason, Incoming},
    wire::{DecodeError, Payload, ReadWire, frame},
};

/// A payload that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The reason of its dead letter.
    pub reason: DeadReason,
    /// Whether it may pass, as when a schema is not known yet.
    pub passes: bool,
    /// What is wrong and why, outermost first.
    pub chain: Vec<String>,
}

/// The way that a payload was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodePath {
    /// By the schema of the reader itself.
    Own,
    /// By another schema, which was known.
    Other,
    /// By a schema that had to be fetched first.
    Fetched,
}

impl DecodePath {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Own, Self::Other, Self::Fetched];

    /// As in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
            Self::Fetched => "fetched",
        }
    }
}

/// What a handler can take.
pub trait Readable: Send + Sized + 'static {
    /// Reads a payload, and says by which way.
    fn read(
        bus: &Bus,
        incoming: &Incoming,
        wire: Option<ReadWire>,
    ) -> impl Future<Output = (Result<Payload<Self>, Unreadable>, DecodePath)> + Send;
}

/// Bytes as they are, without any codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque(pub Bytes);

impl Readable for Opaque {
    async fn read(
        _bus: &Bus,
        incoming: &Incoming,
        _wire: Option<ReadWire>,
    ) -> (Result<Payload<Self>, Unreadable>, DecodePath) {
        let payload = incoming.payload.clone().map_or(Payload::Tombstone, |bytes| Payload::Value(Self(bytes)));
        (Ok(payload), DecodePath::Own)
    }
}

impl<M: Message> Readable for M {
    async fn read(
        bus: &Bus,
        incoming: &Incoming,
        wire: Option<ReadWire>,
    ) -> (Result<Payload<Self>, Unreadable>, DecodePath) {
        let codecs = bus.codecs();
        let decoder = codecs.decoder::<M>(wire.unwrap_or_else(|| codecs.wire_of::<M>().into()));
        let (result, path) = match decoder.decode_now(incoming.payload.as_deref(), &incoming.headers) {
            Some(result) => (result, path_of::<M>(incoming)),
            None => (decoder.decode(incoming.payload.as_ref(), &incoming.headers).await, DecodePath::Fetched),
        };
        (result.map_err(Unreadable::from), path)
    }
}

/// The way of what was decoded without fetching anything: of another schema where a fingerprint or a registry's id says so.
fn path_of<M: Message>(incoming: &Incoming) -> DecodePath {
    let Some(payload) = incoming.payload.as_deref() else { return DecodePath::Own };
    let own = match frame::single_object(payload) {
        Some((fingerprint, _)) => fingerprint == M::schema().fp64(),
        None => incoming.headers.get_str(SCHEMA).is_none_or(|label| label == M::schema().label()),
    };
    if own { DecodePath::Own } else { DecodePath::Other }
}

impl From<DecodeError> for Unreadable {
    fn from(error: DecodeError) -> Self {
        Self {
            reason: if error.is_schema() { DeadReason::Schema } else { DeadReason::Decode },
            passes: error.retryable(),
            chain: error_chain(&error),
        }
    }
}
