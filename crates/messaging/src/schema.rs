//! Schemas as values: from files and types, as text for people, and what tools ask of them.

use std::path::Path;

pub use alluvium_avro::{
    Advice, Algorithm, Change, Incompatibility, Level, Policy, Report, Rule, VersionFindings, can_read, check, diff,
    lint,
};

use crate::avro_as::Plain;
use crate::model::{AvroType, MessageSchema, SchemaError};

/// A schema file that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no schema.
    #[error("{path}: {source}")]
    Schema {
        /// The file.
        path: String,
        /// All that is wrong with it, each with line, column and JSON pointer.
        source: SchemaError,
    },
}

/// The schema of a file.
pub fn load_file(path: impl AsRef<Path>) -> Result<MessageSchema, LoadError> {
    let shown = path.as_ref().display().to_string();
    let size = std::fs::metadata(&path).map_err(|source| LoadError::File { path: shown.clone(), source })?.len();
    if size > alluvium_avro::SCHEMA_BYTES_MAX as u64 {
        let reason = format!("{size} bytes; {} are the most", alluvium_avro::SCHEMA_BYTES_MAX);
        return Err(LoadError::Schema { path: shown, source: SchemaError::Unusable(reason) });
    }
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::File { path: shown.clone(), source })?;
    MessageSchema::parse(&text).map_err(|source| LoadError::Schema { path: shown, source })
}

/// The schema that follows from a Rust type, whatever file may lead.
pub fn infer<T: AvroType>() -> Result<MessageSchema, SchemaError> {
    MessageSchema::infer::<T, Plain>()
}

/// How a schema is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// On many lines, for people and for version control.
    #[default]
    Pretty,
    /// On one line.
    Compact,
}

/// The text of a schema for an `.avsc` file; the same schema always gives the same text.
pub fn to_avsc(schema: &MessageSchema, style: Style) -> String {
    let text = schema.parsed().inlined_text();
    match (style, alluvium_avro::Json::parse(&text)) {
        (Style::Pretty, Ok(json)) => {
            let mut text = json.to_pretty();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text
        }
        _ => text,
    }
}
