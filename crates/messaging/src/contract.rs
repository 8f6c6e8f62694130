//! Contracts: the Rust side of `schemas/`. The types are generated; this is what they all can do.

use std::fmt::Debug;

use alluvium_kernel::sealed::SealedField;
use serde::{Serialize, de::DeserializeOwned};
use serde_avro_fast::Schema;

use crate::commit::{Commit, Entry};
use crate::wire::frame::{self, SINGLE_OBJECT_HEADER_BYTES, SINGLE_OBJECT_MAGIC};
use crate::wire::{DecodeError, core};

/// Why a payload is not the message it should be.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// No message of this name is in the contract.
    #[error("there is no `{name}`; known here: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// What there is, comma-separated.
        known: String,
    },
    /// Neither Avro single-object encoding nor a JSON object.
    #[error("`{name}` must be Avro single-object encoded (C3 01 …) or one JSON object")]
    Unrecognised {
        /// The message's name.
        name: &'static str,
    },
    /// Written with a schema that no release knew.
    #[error(
        "`{name}` was written with the unknown schema {fingerprint}; `alluvium schemas show {name}` prints the current one"
    )]
    UnknownSchema {
        /// The message's name.
        name: &'static str,
        /// Hex CRC-64-AVRO as it stands in the message.
        fingerprint: String,
    },
    /// The bytes do not hold what the schema says.
    #[error("`{name}` is malformed: {reason}")]
    Malformed {
        /// The message's name.
        name: &'static str,
        /// What is wrong, with place where the format knows one.
        reason: String,
    },
}

/// One message type of the contract.
pub trait Contract: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync + 'static {
    /// The record's name, e.g. `BucketCreated`.
    const NAME: &'static str;
    /// Its schema now, as JSON with every named type inlined.
    const SCHEMA: &'static str;
    /// The schemas of earlier releases; what they wrote stays readable for ever.
    const HISTORY: &'static [&'static str];
    /// Its fields that must be sealed on the log, as its schema marks them.
    const SEALED: &'static [&'static str] = &[];

    /// Those of them that hold a text.
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        Vec::new()
    }

    /// The parsed schemas, parsed once.
    fn codec() -> &'static Codec;

    /// Avro single-object encoding.
    fn to_avro(&self) -> Vec<u8> {
        Self::codec().encode(self)
    }

    /// Reads Avro single-object encoding, written with this or any earlier schema.
    fn from_avro(payload: &[u8]) -> Result<Self, CodecError> {
        let unknown = || CodecError::UnknownSchema {
            name: Self::NAME,
            fingerprint: hex(payload.get(2..SINGLE_OBJECT_HEADER_BYTES).unwrap_or_default()),
        };
        let (fingerprint, datum) = frame::single_object(payload).ok_or_else(unknown)?;
        let schema = Self::codec().writer(fingerprint).ok_or_else(unknown)?;
        core::decode(datum, schema).map_err(|error| CodecError::Malformed {
            name: Self::NAME,
            reason: match error {
                DecodeError::Malformed(reason) => reason,
                other => other.to_string(),
            },
        })
    }

    /// Reads Avro single-object encoding or one JSON object, told apart by the first byte.
    fn from_payload(payload: &[u8]) -> Result<Self, CodecError> {
        if payload.starts_with(&SINGLE_OBJECT_MAGIC) {
            return Self::from_avro(payload);
        }
        if payload.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(CodecError::Unrecognised { name: Self::NAME });
        }
        serde_json::from_slice(payload)
            .map_err(|reason| CodecError::Malformed { name: Self::NAME, reason: reason.to_string() })
    }
}

/// What [`Commit::to_avro`](Contract::to_avro) gives for a [`Commit`] of `entries`, which need not be copied into one.
pub fn commit_to_avro(entries: &[Entry]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename = "Commit")]
    struct Borrowed<'a> {
        entries: &'a [Entry],
    }
    Commit::codec().encode(&Borrowed { entries })
}

/// A closed set of messages: the commands or events of an aggregate or a context.
pub trait ContractSet: Clone + PartialEq + Debug + Send + Sync + Sized + 'static {
    /// Names of all members.
    fn names() -> &'static [&'static str];
    /// The name of this one.
    fn name(&self) -> &'static str;
    /// Avro single-object encoding.
    fn to_avro(&self) -> Vec<u8>;
    /// As people read it.
    fn to_json(&self) -> serde_json::Value;
    /// Reads the member called `name`, from Avro single-object encoding or JSON.
    fn decode(name: &str, payload: &[u8]) -> Result<Self, CodecError>;

    /// The Avro schema of the member called `name`, for documentation; `None` when there is none of that name.
    fn schema_of(_name: &str) -> Option<&'static str> {
        None
    }

    /// Fields of the member called `name` that must be sealed on the log.
    fn sealed_of(_name: &str) -> &'static [&'static str] {
        &[]
    }

    /// Those fields of this one that hold a text.
    fn sealed_fields(&mut self) -> Vec<SealedField<'_>> {
        Vec::new()
    }

    /// The error for a name that is not in the set.
    fn unknown(name: &str) -> CodecError {
        CodecError::Unknown { name: name.to_owned(), known: Self::names().join(", ") }
    }
}

/// The parsed schemas of one message type, by fingerprint: the one of now first.
pub struct Codec {
    now: (u64, Schema),
    history: Vec<(u64, Schema)>,
}

impl Codec {
    /// Parses the schemas of `T`, which the generator has checked.
    pub fn of<T: Contract>() -> Self {
        let parse = |text: &str| {
            let schema: Schema = text.parse().expect("the generator writes valid schemas only");
            (u64::from_le_bytes(*schema.rabin_fingerprint()), schema)
        };
        Self { now: parse(T::SCHEMA), history: T::HISTORY.iter().copied().map(parse).collect() }
    }

    fn encode(&self, value: &impl Serialize) -> Vec<u8> {
        let (fingerprint, schema) = &self.now;
        let mut out = frame::single_object_prefix(*fingerprint).to_vec();
        core::encode(value, schema, &mut out).expect("a generated type fits the schema it was generated from");
        out
    }

    /// The schema that a single-object payload names, if it is one of ours.
    fn writer(&self, fingerprint: u64) -> Option<&Schema> {
        let mut all = std::iter::once(&self.now).chain(&self.history);
        all.find(|(known, _)| *known == fingerprint).map(|(_, schema)| schema)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Ties a generated record to its schemas.
#[macro_export]
macro_rules! contract {
    ($type:ty, $name:literal, $schema:expr, $history:expr $(, sealed { $($place:literal: $field:ident by $by:ident),+ })?) => {
        impl $crate::Contract for $type {
            const NAME: &'static str = $name;
            const SCHEMA: &'static str = $schema;
            const HISTORY: &'static [&'static str] = $history;
            $(
                const SEALED: &'static [&'static str] = &[$(stringify!($field)),+];

                fn sealed_fields(&mut self) -> Vec<$crate::SealedField<'_>> {
                    let project = self.project.clone();
                    let mut fields = Vec::new();
                    $(if let Some(text) = $crate::Sealable::text(&mut self.$field) {
                        let (by, project) = ($crate::SealedBy::$by, project.clone());
                        fields.push($crate::SealedField { place: $place, by, project, text });
                    })+
                    fields
                }
            )?

            fn codec() -> &'static $crate::Codec {
                static CODEC: std::sync::OnceLock<$crate::Codec> = std::sync::OnceLock::new();
                CODEC.get_or_init($crate::Codec::of::<$type>)
            }
        }
    };
    ($type:ty, $name:literal, $schema:expr, $history:expr, sealed by tenant { $($place:literal: $field:ident),+ }) => {
        impl $crate::Contract for $type {
            const NAME: &'static str = $name;
            const SCHEMA: &'static str = $schema;
            const HISTORY: &'static [&'static str] = $history;
            const SEALED: &'static [&'static str] = &[$(stringify!($field)),+];

            fn sealed_fields(&mut self) -> Vec<$crate::SealedField<'_>> {
                let mut fields = Vec::new();
                $(if let Some(text) = $crate::Sealable::text(&mut self.$field) {
                    let (by, project) = ($crate::SealedBy::Tenant, String::new());
                    fields.push($crate::SealedField { place: $place, by, project, text });
                })+
                fields
            }

            fn codec() -> &'static $crate::Codec {
                static CODEC: std::sync::OnceLock<$crate::Codec> = std::sync::OnceLock::new();
                CODEC.get_or_init($crate::Codec::of::<$type>)
            }
        }
    };
}

/// Makes an enum over message types a [`ContractSet`].
#[macro_export]
macro_rules! contract_set {
    ($set:ident { $($member:ident),+ $(,)? }) => {
        impl $crate::ContractSet for $set {
            fn names() -> &'static [&'static str] {
                &[$(<$member as $crate::Contract>::NAME),+]
            }
            fn schema_of(name: &str) -> Option<&'static str> {
                $(if name == <$member as $crate::Contract>::NAME {
                    return Some(<$member as $crate::Contract>::SCHEMA);
                })+
                None
            }
            fn sealed_of(name: &str) -> &'static [&'static str] {
                $(if name == <$member as $crate::Contract>::NAME {
                    return <$member as $crate::Contract>::SEALED;
                })+
                &[]
            }
            fn sealed_fields(&mut self) -> Vec<$crate::SealedField<'_>> {
                match self { $(Self::$member(message) => $crate::Contract::sealed_fields(message)),+ }
            }
            fn name(&self) -> &'static str {
                match self { $(Self::$member(_) => <$member as $crate::Contract>::NAME),+ }
            }
            fn to_avro(&self) -> Vec<u8> {
                match self { $(Self::$member(message) => $crate::Contract::to_avro(message)),+ }
            }
            fn to_json(&self) -> serde_json::Value {
                match self { $(Self::$member(message) => serde_json::to_value(message)),+ }
                    .expect("contract types hold nothing that JSON cannot")
            }
            fn decode(name: &str, payload: &[u8]) -> Result<Self, $crate::CodecError> {
                $(if name == <$member as $crate::Contract>::NAME {
                    return <$member as $crate::Contract>::from_payload(payload).map(Self::$member);
                })+
                Err(Self::unknown(name))
            }
        }
    };
}

/// Makes an enum over other sets a [`ContractSet`]: the commands or events of a whole context.
#[macro_export]
macro_rules! contract_union {
    ($union:ident { $($part:ident($set:ident)),+ $(,)? }) => {
        impl $crate::ContractSet for $union {
            fn names() -> &'static [&'static str] {
                static NAMES: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
                NAMES.get_or_init(|| [$(<$set as $crate::ContractSet>::names()),+].concat())
            }
            fn schema_of(name: &str) -> Option<&'static str> {
                None$(.or_else(|| <$set as $crate::ContractSet>::schema_of(name)))+
            }
            fn sealed_of(name: &str) -> &'static [&'static str] {
                $(if <$set as $crate::ContractSet>::names().contains(&name) {
                    return <$set as $crate::ContractSet>::sealed_of(name);
                })+
                &[]
            }
            fn sealed_fields(&mut self) -> Vec<$crate::SealedField<'_>> {
                match self { $(Self::$part(set) => $crate::ContractSet::sealed_fields(set)),+ }
            }
            fn name(&self) -> &'static str {
                match self { $(Self::$part(set) => $crate::ContractSet::name(set)),+ }
            }
            fn to_avro(&self) -> Vec<u8> {
                match self { $(Self::$part(set) => $crate::ContractSet::to_avro(set)),+ }
            }
            fn to_json(&self) -> serde_json::Value {
                match self { $(Self::$part(set) => $crate::ContractSet::to_json(set)),+ }
            }
            fn decode(name: &str, payload: &[u8]) -> Result<Self, $crate::CodecError> {
                $(if <$set as $crate::ContractSet>::names().contains(&name) {
                    return <$set as $crate::ContractSet>::decode(name, payload).map(Self::$part);
                })+
                Err(Self::unknown(name))
            }
        }
    };
}
