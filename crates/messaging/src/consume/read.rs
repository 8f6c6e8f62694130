//! From bytes to what a handler takes.

use bytes::Bytes;

use super::outcome::error_chain;
use crate::{
    bus::Bus,
    model::Message,
    transport::{DeadReason, Incoming},
    wire::{Payload, ReadWire},
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

/// What a handler can take.
pub trait Readable: Send + Sized + 'static {
    /// Reads a payload.
    fn read(
        bus: &Bus,
        incoming: &Incoming,
        wire: Option<ReadWire>,
    ) -> impl Future<Output = Result<Payload<Self>, Unreadable>> + Send;
}

/// Bytes as they are, without any codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque(pub Bytes);

impl Readable for Opaque {
    async fn read(_bus: &Bus, incoming: &Incoming, _wire: Option<ReadWire>) -> Result<Payload<Self>, Unreadable> {
        Ok(incoming.payload.clone().map_or(Payload::Tombstone, |bytes| Payload::Value(Self(bytes))))
    }
}

impl<M: Message> Readable for M {
    async fn read(bus: &Bus, incoming: &Incoming, wire: Option<ReadWire>) -> Result<Payload<Self>, Unreadable> {
        let codecs = bus.codecs();
        let decoder = codecs.decoder::<M>(wire.unwrap_or_else(|| codecs.wire_of::<M>().into()));
        let result = match decoder.decode_now(incoming.payload.as_deref(), &incoming.headers) {
            Some(result) => result,
            None => decoder.decode(incoming.payload.as_ref(), &incoming.headers).await,
        };
        result.map_err(|error| Unreadable {
            reason: if error.is_schema() { DeadReason::Schema } else { DeadReason::Decode },
            passes: error.retryable(),
            chain: error_chain(&error),
        })
    }
}
