//! Kinds of schemas: what the registry asks of Avro, JSON Schema and Protobuf. Pure functions of texts.
//!
//! Each kind is one type that implements [`SchemaModel`]; the registry itself knows no grammar.

mod avro;
pub mod json;
mod model;
pub mod protobuf;

use std::fmt;
use std::str::FromStr;

pub use alluvium_avro::Direction;
pub use avro::AvroSchema;
pub use model::Model;

/// Which language a schema is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaType {
    /// Avro, the type that is meant when none is named.
    #[default]
    Avro,
    /// JSON Schema.
    Json,
    /// Protocol Buffers.
    Protobuf,
}

impl SchemaType {
    /// As the wire writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for SchemaType {
    type Err = ();

    /// Only the wire's own spelling, in upper case.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "AVRO" => Ok(Self::Avro),
            "JSON" => Ok(Self::Json),
            "PROTOBUF" => Ok(Self::Protobuf),
            _ => Err(()),
        }
    }
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referenced {
    /// The name by which the referrer means it: a full name, a `$ref`, an import path.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How much is asked of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// All rules: for what is registered.
    Strict,
    /// All rules but those for default values.
    AnyDefault,
    /// Names and default values are taken as they are: for what was registered somewhere before, and for looking up.
    Lenient,
}

/// How compatibility is judged beyond the level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The rules of each kind as every client knows them.
    #[default]
    Strict,
    /// JSON Schema: an optional property may be added to an open model.
    Lenient,
    /// Avro: logical types must agree, or widen without loss.
    Logical,
}

/// Why a text is no schema: one sentence that holds all findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One reason why data written with one schema cannot be read with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `TYPE_MISMATCH`, `PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL`, …
    pub kind: String,
    /// Where in the reader's schema, as a JSON pointer (`/` is the root).
    pub pointer: String,
    /// The short text: `reader type: STRING not compatible with writer type: INT`.
    pub short: String,
    /// A sentence with the pointer, and whether the new or the old schema is at fault.
    pub description: String,
}

/// A parsed schema of one kind, with its references resolved. Parsing bounds depth and size: no text makes it panic.
pub trait SchemaModel: Sized + Send + Sync + 'static {
    /// Parses. `references` come depth-first, each name once, each before whoever refers to it.
    fn parse(text: &str, references: &[Referenced], strictness: Strictness) -> Result<Self, Invalid>;

    /// The submitted text as it is stored and answered: insignificant whitespace removed where the language has any, and a
    /// descriptor that came encoded written out.
    fn stored_text(&self, submitted: &str) -> String;

    /// Two schemas are one content, with one id, exactly if this text, the type, references, metadata and rules agree.
    /// References stay by name in it.
    fn identity_text(&self) -> String;

    /// What is stored for `normalize=true`.
    fn normalized_text(&self) -> String;

    /// Equal for two schemas that mean the same once references are written out: an inlined or canonical form.
    fn equality_text(&self) -> String;

    /// The text in one of the API's formats (`resolved`, `serialized`, `ignore_extensions`); `None` for one it does not know.
    fn formatted(&self, format: &str) -> Option<String>;

    /// CRC-64-AVRO of the canonical form, where the language has one.
    fn fingerprint(&self) -> Option<u64>;

    /// Why `reader` cannot read what `writer` wrote: every finding, none if it can.
    fn can_read(reader: &Self, writer: &Self, reads: Direction, policy: Policy) -> Vec<Finding>;

    /// Roughly the memory this takes, in bytes, for the cache of parsed schemas.
    fn weight(&self) -> usize;
}

/// Removes whitespace outside strings from a JSON text; any other text comes out with its strings' contents unharmed too.
pub fn compact_json(text: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::with_capacity(text.len()), false, false);
    for letter in text.chars() {
        if inside {
            out.push(letter);
            (inside, escaped) = (escaped || letter != '"', !escaped && letter == '\\');
        } else if !matches!(letter, ' ' | '\t' | '\n' | '\r') {
            out.push(letter);
            inside = letter == '"';
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_goes_and_strings_stay() {
        assert_eq!(
            compact_json("{ \"a b\" :\n[1, 2] , \"c\\\" d\": \"\\\\\" }"),
            "{\"a b\":[1,2],\"c\\\" d\":\"\\\\\"}"
        );
        assert_eq!(compact_json(""), "");
        assert_eq!(compact_json("\"open "), "\"open ");
    }
}
