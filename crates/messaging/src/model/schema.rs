//! A schema, parsed once, with everything that codecs ask of it.

use std::sync::Arc;

use alluvium_avro::{Named, ParseErrors, Schema, Strictness};

use super::avro_as::Plain;
use super::avro_type::AvroType;
use super::builder::{Place, SchemaBuilder};

/// Why a text cannot be used as a schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no Avro schema.
    #[error("{0}")]
    Invalid(#[from] ParseErrors),
    /// It is one, but the codec cannot use it.
    #[error("the codec cannot use this schema: {0}")]
    Unusable(String),
}

/// A parsed schema: its text, canonical form, fingerprints, and what encodes and decodes with it. A clone shares everything.
#[derive(Clone)]
pub struct MessageSchema(Arc<Inner>);

struct Inner {
    parsed: Schema,
    canonical: String,
    fp64: u64,
    sha256: [u8; 32],
    label: String,
    /// Of the canonical form. Logical types are the business of [`AvroType`], which is exact where a codec may not be.
    fast: serde_avro_fast::Schema,
}

impl MessageSchema {
    /// Reads a schema that stands alone.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        Self::parse_with(text, &[], Strictness::Strict)
    }

    /// Reads a schema that uses types of others.
    pub fn parse_with(text: &str, references: &[Named], strictness: Strictness) -> Result<Self, SchemaError> {
        Self::from_parsed(Schema::parse_with(text, references, strictness)?)
    }

    /// Of a schema that was read already.
    pub fn of_parsed(parsed: Schema) -> Result<Self, SchemaError> {
        Self::from_parsed(parsed)
    }

    fn from_parsed(parsed: Schema) -> Result<Self, SchemaError> {
        let canonical = parsed.canonical_form();
        let fast = canonical
            .parse()
            .map_err(|error: serde_avro_fast::schema::SchemaError| SchemaError::Unusable(error.to_string()))?;
        let sha256 = parsed.identity();
        let hex: String = sha256[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Arc::new(Inner {
            fp64: parsed.fingerprint64(),
            canonical,
            sha256,
            label: format!("sha256:{hex}"),
            fast,
            parsed,
        })))
    }

    /// The schema of a Rust type: `file` where one leads, else what follows from the type.
    ///
    /// # Panics
    /// If the type has no valid schema in spite of all that was checked at compile time, for instance when two types inside it
    /// have one name. That is found by [`MessageMeta::check`](super::MessageMeta) in a test, not by data.
    pub fn of<T: AvroType>(file: Option<&str>) -> Self {
        match file {
            None => Self::of_type::<T, Plain>(),
            Some(text) => Self::parse(text)
                .unwrap_or_else(|error| panic!("schema file of {}: {error}", std::any::type_name::<T>())),
        }
    }

    /// The schema of a type in one of its mappings, by inference.
    pub fn of_type<T: AvroType<As>, As>() -> Self {
        let name = std::any::type_name::<T>();
        Self::infer::<T, As>().unwrap_or_else(|error| panic!("schema of {name}: {error}"))
    }

    /// The schema of a type in one of its mappings, or why it has none.
    pub fn infer<T: AvroType<As>, As>() -> Result<Self, SchemaError> {
        let place = Place { namespace: "", record: "Value", field: "" };
        let (text, problems) = SchemaBuilder::build(|builder| T::avro_schema(builder, &place));
        if let Some(problem) = problems.first() {
            return Err(SchemaError::Unusable(problem.clone()));
        }
        Self::from_parsed(Schema::parse(&text)?)
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        self.0.parsed.text()
    }

    /// The parsed model.
    pub fn parsed(&self) -> &Schema {
        &self.0.parsed
    }

    /// Avro's Parsing Canonical Form, which has no defaults, aliases, docs and logical types: no identity.
    pub fn canonical_form(&self) -> &str {
        &self.0.canonical
    }

    /// CRC-64-AVRO of the canonical form.
    pub fn fp64(&self) -> u64 {
        self.0.fp64
    }

    /// SHA-256 of the normalised text with references written out: the identity.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.0.sha256
    }

    /// What header `Alv-Schema` says of it: `sha256:<first 32 hex>`.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// What encodes and decodes with it.
    pub(crate) fn fast(&self) -> &serde_avro_fast::Schema {
        &self.0.fast
    }

    /// Whether both are the very same in memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for MessageSchema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("MessageSchema").field(&self.text()).finish()
    }
}

impl PartialEq for MessageSchema {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.0.sha256 == other.0.sha256
    }
}

impl Eq for MessageSchema {}
