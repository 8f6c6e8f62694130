//! Encodes and decodes message types: the one place that knows schemas, ids and plans together.

mod decode;
mod encode;
mod fetch;
mod locate;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;

pub use decode::Decoder;
pub use encode::Encoder;
use encode::Prepared;
pub(super) use encode::id_header;
pub(super) use locate::Located;

use super::Wire;
use super::cache::{Plans, Schemas};
use super::source::SchemaSource;
use crate::headers::Headers;
use crate::model::{Message, MessageSchema};

/// Schemas that are kept by id, GUID or fingerprint unless configured otherwise.
pub const SCHEMA_CACHE_ENTRIES: u64 = 4096;
/// How long an unknown schema may still appear before its messages are poison, unless configured otherwise.
pub const SCHEMA_WAIT: Duration = Duration::from_secs(30);

/// What producing may do to the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Register {
    /// Register what is not there. For development.
    #[default]
    IfMissing,
    /// Only look up; what is not there is an error at the start. For production.
    Lookup,
    /// Register without looking first.
    Always,
}

/// How a [`Codecs`] works.
#[derive(Clone)]
pub struct CodecConfig {
    /// The format of types that name none.
    pub wire: Wire,
    /// What producing may do to the registry.
    pub register: Register,
    /// Whether the registry is to compare in normal form.
    pub normalize: bool,
    /// How long an unknown schema may still appear before its messages are poison.
    pub schema_wait: Duration,
    /// How many fetched schemas are kept.
    pub cache_entries: u64,
    /// Write the newest schema of the subject instead of the type's own, looked up again after this long.
    pub use_latest: Option<Duration>,
    /// The registry.
    pub source: Option<Arc<dyn SchemaSource>>,
}

impl Default for CodecConfig {
    fn default() -> Self {
        Self {
            wire: Wire::SingleObject,
            register: Register::default(),
            normalize: false,
            schema_wait: SCHEMA_WAIT,
            cache_entries: SCHEMA_CACHE_ENTRIES,
            use_latest: None,
            source: None,
        }
    }
}

impl std::fmt::Debug for CodecConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CodecConfig")
            .field("wire", &self.wire)
            .field("register", &self.register)
            .field("normalize", &self.normalize)
            .field("schema_wait", &self.schema_wait)
            .field("cache_entries", &self.cache_entries)
            .field("use_latest", &self.use_latest)
            .field("source", &self.source.is_some())
            .finish()
    }
}

/// An encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its bytes.
    pub payload: Bytes,
    /// What says how to read them: `Alv-Type`, `Alv-Schema`, `content-type`, and where the format has it there the schema's id.
    pub headers: Headers,
    /// Its key, framed like the payload where it is Avro.
    pub key: Option<Bytes>,
}

/// A decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<M> {
    /// A message.
    Value(M),
    /// The end of its key.
    Tombstone,
}

impl<M> Payload<M> {
    /// The message, if it is one.
    pub fn value(self) -> Option<M> {
        match self {
            Self::Value(message) => Some(message),
            Self::Tombstone => None,
        }
    }
}

/// Encodes and decodes; owns schemas and plans. A clone shares them.
#[derive(Clone)]
pub struct Codecs(Arc<Inner>);

struct Inner {
    config: CodecConfig,
    schemas: Schemas,
    plans: Plans,
    prepared: RwLock<HashMap<(TypeId, Wire), Arc<Prepared>>>,
    /// Whether any fingerprint has more than one schema here.
    shared_fingerprints: AtomicBool,
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Codecs").field(&self.0.config).finish()
    }
}

impl Codecs {
    /// With nothing known yet.
    pub fn new(config: CodecConfig) -> Self {
        Self(Arc::new(Inner {
            schemas: Schemas::new(config.cache_entries),
            config,
            plans: Plans::default(),
            prepared: RwLock::default(),
            shared_fingerprints: AtomicBool::new(false),
        }))
    }

    /// How it works.
    pub fn config(&self) -> &CodecConfig {
        &self.0.config
    }

    /// The format that a type is written in.
    pub fn wire_of<M: Message>(&self) -> Wire {
        M::meta().wire.unwrap_or(self.0.config.wire)
    }

    /// Adds a schema that messages may be written with, like one of an earlier release.
    pub fn add_schema(&self, schema: &MessageSchema) {
        self.0.schemas.add(schema);
        self.note_shared(schema.fp64());
    }

    fn note_shared(&self, fingerprint: u64) {
        if self.0.schemas.of_fingerprint(fingerprint).len() > 1 {
            self.0.shared_fingerprints.store(true, Ordering::Release);
        }
    }
}
