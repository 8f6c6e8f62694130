//! A parsed schema of whichever kind.

use super::avro::AvroSchema;
use super::json::JsonSchema;
use super::protobuf::ProtobufSchema;
use super::{Direction, Finding, Invalid, Policy, Referenced, SchemaModel, SchemaType, Strictness};

/// A parsed schema.
#[expect(missing_docs, reason = "the kinds have their own")]
pub enum Model {
    Avro(AvroSchema),
    Json(JsonSchema),
    Protobuf(ProtobufSchema),
}

/// Asks the schema inside, whatever its kind.
macro_rules! inside {
    ($model:expr, $schema:ident => $answer:expr) => {
        match $model {
            Self::Avro($schema) => $answer,
            Self::Json($schema) => $answer,
            Self::Protobuf($schema) => $answer,
        }
    };
}

impl Model {
    /// Parses a text of a kind.
    pub fn parse(
        kind: SchemaType,
        text: &str,
        references: &[Referenced],
        strictness: Strictness,
    ) -> Result<Self, Invalid> {
        match kind {
            SchemaType::Avro => AvroSchema::parse(text, references, strictness).map(Self::Avro),
            SchemaType::Json => JsonSchema::parse(text, references, strictness).map(Self::Json),
            SchemaType::Protobuf => ProtobufSchema::parse(text, references, strictness).map(Self::Protobuf),
        }
    }

    /// See [`SchemaModel::stored_text`].
    pub fn stored_text(&self, submitted: &str) -> String {
        inside!(self, schema => schema.stored_text(submitted))
    }

    /// See [`SchemaModel::identity_text`].
    pub fn identity_text(&self) -> String {
        inside!(self, schema => schema.identity_text())
    }

    /// See [`SchemaModel::normalized_text`].
    pub fn normalized_text(&self) -> String {
        inside!(self, schema => schema.normalized_text())
    }

    /// See [`SchemaModel::equality_text`].
    pub fn equality_text(&self) -> String {
        inside!(self, schema => schema.equality_text())
    }

    /// See [`SchemaModel::formatted`].
    pub fn formatted(&self, format: &str) -> Option<String> {
        inside!(self, schema => schema.formatted(format))
    }

    /// See [`SchemaModel::fingerprint`].
    pub fn fingerprint(&self) -> Option<u64> {
        inside!(self, schema => schema.fingerprint())
    }

    /// See [`SchemaModel::weight`].
    pub fn weight(&self) -> usize {
        inside!(self, schema => schema.weight())
    }

    /// Every reason why `reader` cannot read what `writer` wrote; schemas of different kinds are one.
    pub fn can_read(reader: &Self, writer: &Self, reads: Direction, policy: Policy) -> Vec<Finding> {
        match (reader, writer) {
            (Self::Avro(reader), Self::Avro(writer)) => AvroSchema::can_read(reader, writer, reads, policy),
            (Self::Json(reader), Self::Json(writer)) => JsonSchema::can_read(reader, writer, reads, policy),
            (Self::Protobuf(reader), Self::Protobuf(writer)) => ProtobufSchema::can_read(reader, writer, reads, policy),
            (_, _) => {
                let short = "Incompatible because of different schema type".to_owned();
                let description = "the new schema is of another type than the old one".to_owned();
                vec![Finding { kind: "TYPE_MISMATCH".to_owned(), pointer: "/".to_owned(), short, description }]
            }
        }
    }
}
