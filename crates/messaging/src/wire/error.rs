//! Why bytes did not become a message, or a message bytes.

use super::plan::Mismatch;
use super::source::SourceError;
use crate::model::{OUT_OF_RANGE, SchemaError};

/// A message that could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value that its Avro type cannot hold without loss.
    #[error("{0}")]
    Range(String),
    /// The value does not fit the schema.
    #[error("the message does not fit its schema: {0}")]
    Invalid(String),
    /// Its own `validate` refuses it.
    #[error("the message is not valid: {0}")]
    Refused(String),
    /// Its key cannot be written.
    #[error("the key cannot be written: {0}")]
    Key(String),
    /// It cannot be JSON.
    #[error("the message cannot be JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// Its schema cannot be used.
    #[error("the schema of {name} cannot be used: {source}")]
    Schema {
        /// The message type.
        name: String,
        /// Why.
        source: SchemaError,
    },
    /// The format needs a registry and none is configured.
    #[error("{0} needs a schema registry; configure SCHEMA_REGISTRY_URL or choose single_object")]
    NoRegistry(super::Wire),
    /// The registry does not have the schema, and registering was not allowed.
    #[error(
        "the schema of {name} is not registered under {subject}; register it, or produce with register = if_missing"
    )]
    NotRegistered {
        /// The message type.
        name: String,
        /// The schema subject.
        subject: String,
    },
    /// The schema asked for cannot be written by this type.
    #[error("{name} cannot write the latest schema of {subject}: {}", super::plan::list(.mismatches))]
    Incompatible {
        /// The message type.
        name: String,
        /// The schema subject.
        subject: String,
        /// What keeps it from it.
        mismatches: Vec<Mismatch>,
    },
    /// The registry did not do what it was asked.
    #[error("the schema registry did not serve {subject}: {source}")]
    Registry {
        /// The schema subject.
        subject: String,
        /// What it said.
        source: SourceError,
    },
}

impl EncodeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Range(_) => "messaging.encode_range",
            Self::Invalid(_) | Self::Json(_) => "messaging.encode_invalid",
            Self::Refused(_) => "messaging.encode_refused",
            Self::Key(_) => "messaging.encode_key",
            Self::Schema { .. } => "messaging.schema_invalid",
            Self::NoRegistry(_) => "messaging.no_registry",
            Self::NotRegistered { .. } => "messaging.schema_not_registered",
            Self::Incompatible { .. } => "messaging.schema_incompatible",
            Self::Registry { .. } => "messaging.registry",
        }
    }

    /// Whether the same message may be encoded later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Registry { source, .. } if source.retryable())
    }

    /// Of a codec's words.
    pub(crate) fn from_reason(reason: String) -> Self {
        if reason.contains(OUT_OF_RANGE) { Self::Range(reason) } else { Self::Invalid(reason) }
    }
}

/// Bytes that are no message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Nothing says which format it is.
    #[error("nothing says which format these {bytes} bytes have: no schema header, no C3 01, no known id behind 00")]
    UnknownFormat {
        /// How many bytes.
        bytes: usize,
    },
    /// It is not the format that it must be.
    #[error("these bytes are not {wire}: {reason}")]
    WrongFormat {
        /// The format.
        wire: super::Wire,
        /// What is wrong.
        reason: String,
    },
    /// The schema it names is not known, not even to the registry.
    #[error("the schema {schema} is not known{}", if *.transient { " yet" } else { "" })]
    UnknownSchema {
        /// What names it.
        schema: String,
        /// Whether it may become known: only a while after it was first asked for.
        transient: bool,
    },
    /// Several known schemas have this fingerprint, and nothing says which it is.
    #[error(
        "{count} schemas with different meanings have the fingerprint {fingerprint:016x}, and no header says which it is"
    )]
    Ambiguous {
        /// The fingerprint.
        fingerprint: u64,
        /// How many.
        count: usize,
    },
    /// The type cannot read what was written with that schema.
    #[error("{name} cannot read what was written with {schema}: {}", super::plan::list(.mismatches))]
    Incompatible {
        /// The message type.
        name: String,
        /// The writer's schema.
        schema: String,
        /// All that keeps it from it.
        mismatches: Vec<Mismatch>,
    },
    /// Bytes are left after the message.
    #[error("{left} bytes are left over after the message")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// The bytes do not hold what the schema says.
    #[error("the message is malformed: {0}")]
    Malformed(String),
    /// A schema that is needed cannot be used.
    #[error("the schema {schema} cannot be used: {reason}")]
    Schema {
        /// What names it.
        schema: String,
        /// Why.
        reason: String,
    },
    /// The registry did not answer.
    #[error("the schema {schema} could not be fetched: {source}")]
    Registry {
        /// What names it.
        schema: String,
        /// What went wrong.
        source: SourceError,
    },
}

impl DecodeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => "messaging.decode_unknown_format",
            Self::WrongFormat { .. } => "messaging.decode_wrong_format",
            Self::UnknownSchema { .. } => "messaging.schema_unknown",
            Self::Ambiguous { .. } => "messaging.schema_ambiguous",
            Self::Incompatible { .. } => "messaging.schema_incompatible",
            Self::Trailing { .. } => "messaging.decode_trailing",
            Self::Malformed(_) => "messaging.decode_malformed",
            Self::Schema { .. } => "messaging.schema_invalid",
            Self::Registry { .. } => "messaging.registry",
        }
    }

    /// Whether the same bytes may be decoded later; everything else is poison.
    pub fn retryable(&self) -> bool {
        match self {
            Self::UnknownSchema { transient, .. } => *transient,
            Self::Registry { source, .. } => source.retryable(),
            _ => false,
        }
    }

    /// Whether it is about the schema rather than the bytes.
    pub fn is_schema(&self) -> bool {
        matches!(
            self,
            Self::UnknownSchema { .. }
                | Self::Ambiguous { .. }
                | Self::Incompatible { .. }
                | Self::Schema { .. }
                | Self::Registry { .. }
        )
    }
}
