//! What goes over the wire.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a schema is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "their names")]
pub enum SchemaType {
    #[default]
    Avro,
    Json,
    Protobuf,
}

impl SchemaType {
    /// As registries write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_avro(&self) -> bool {
        *self == Self::Avro
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The newest that is not deleted.
    Latest,
    /// This one.
    Number(u32),
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => formatter.write_str("latest"),
            Self::Number(number) => write!(formatter, "{number}"),
        }
    }
}

impl From<u32> for Version {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

/// A schema that another one uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The name by which it is used.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its version; −1 is the newest.
    pub version: i32,
}

/// A schema on its way to the registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSchema {
    /// Its text.
    pub schema: String,
    /// What it is written in.
    #[serde(skip_serializing_if = "SchemaType::is_avro")]
    pub schema_type: SchemaType,
    /// What it uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// Metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<Value>,
    /// The id it is to have; only in mode IMPORT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The version it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
}

impl NewSchema {
    /// An Avro schema.
    pub fn avro(text: impl Into<String>) -> Self {
        Self { schema: text.into(), ..Self::default() }
    }
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Registered {
    /// The schema's id.
    pub id: u32,
    /// Its version, where the server says it.
    #[serde(default)]
    pub version: Option<u32>,
    /// Its GUID, where the server has such.
    #[serde(default)]
    pub guid: Option<uuid::Uuid>,
}

/// A version of a subject with its schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: u32,
    /// The schema's id.
    pub id: u32,
    /// Its GUID, where the server has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<uuid::Uuid>,
    /// Its text.
    pub schema: String,
    /// What it is written in.
    #[serde(default, skip_serializing_if = "SchemaType::is_avro")]
    pub schema_type: SchemaType,
    /// What it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// Metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<Value>,
    /// Whether it is deleted, softly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// A schema by its id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaById {
    /// Its text.
    pub schema: String,
    /// What it is written in.
    #[serde(default)]
    pub schema_type: SchemaType,
    /// What it uses.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// Its GUID, where the server has such.
    #[serde(default)]
    pub guid: Option<uuid::Uuid>,
    /// Metadata.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// Rules.
    #[serde(default)]
    pub rule_set: Option<Value>,
    /// The highest id, where it was asked for.
    #[serde(default)]
    pub max_id: Option<u32>,
}

/// An id with the context that it counts in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextId {
    /// The context.
    pub context: String,
    /// The id.
    pub id: u32,
}

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Compatibility {
    /// The verdict.
    pub is_compatible: bool,
    /// All reasons, where they were asked for or the server tells them.
    #[serde(default)]
    pub messages: Vec<String>,
}

/// Settings of a scope: only those that are set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The level.
    #[serde(alias = "compatibilityLevel", skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<String>,
    /// Whether schemas are normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// The subject that is meant instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The metadata property whose equals are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_group: Option<String>,
    /// How strictly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_policy: Option<String>,
    /// The other settings by name.
    #[serde(flatten)]
    pub others: serde_json::Map<String, Value>,
}

impl Config {
    /// A level alone.
    pub fn level(level: alluvium_avro::Level) -> Self {
        Self { compatibility: Some(level.to_string()), ..Self::default() }
    }
}

/// What may be written in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "their names")]
pub enum Mode {
    ReadWrite,
    ReadOnly,
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    Import,
}
