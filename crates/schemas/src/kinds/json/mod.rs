//! The JSON Schema kind: drafts 04 to 2020-12, parsed and checked without ever reading anything from the network.
//!
//! A schema is its own text and the texts it refers to by name. Two schemas are the same when they are the same JSON value.

mod contain;
mod keywords;
mod resolve;

use serde_json::Value;

use super::{Direction, Finding, Invalid, Policy, Referenced, SchemaModel, Strictness, compact_json};
pub use keywords::Draft;
use resolve::Documents;

/// Something wrong with a schema, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into the schema, empty for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    fn new(pointer: &str, message: String) -> Self {
        Self { pointer: pointer.to_owned(), message }
    }
}

/// A JSON Schema with all it refers to.
#[derive(Debug)]
pub struct JsonSchema {
    documents: Documents,
    /// Bytes of all the texts it was read from.
    text_bytes: usize,
}

/// Memory that a parsed value takes for each byte of its text, roughly.
const BYTES_PER_TEXT_BYTE: usize = 8;

impl JsonSchema {
    /// The targets of `$ref` outside the document itself, in order of their names, fragments cut off.
    pub fn referenced_names(&self) -> Vec<String> {
        self.documents.outside_names()
    }

    /// The draft of the root.
    pub fn draft(&self) -> Draft {
        self.documents.draft()
    }
}

impl SchemaModel for JsonSchema {
    fn parse(text: &str, references: &[Referenced], strictness: Strictness) -> Result<Self, Invalid> {
        let documents = Documents::read(text, references, strictness != Strictness::Lenient).map_err(|faults| {
            let told: Vec<String> = faults
                .into_iter()
                .map(
                    |Fault { pointer, message }| {
                        if pointer.is_empty() { message } else { format!("{pointer}: {message}") }
                    },
                )
                .collect();
            Invalid(told.join("; "))
        })?;
        let text_bytes = text.len() + references.iter().map(|each| each.text.len()).sum::<usize>();
        Ok(Self { documents, text_bytes })
    }

    fn stored_text(&self, submitted: &str) -> String {
        compact_json(submitted)
    }

    /// The value with its keys in order: key order and blanks are all that JSON leaves free.
    fn identity_text(&self) -> String {
        sorted(self.documents.root())
    }

    fn normalized_text(&self) -> String {
        self.identity_text()
    }

    fn equality_text(&self) -> String {
        let mut texts: Vec<String> =
            self.documents.referenced().map(|(name, value)| format!("{name}={}", sorted(value))).collect();
        texts.sort_unstable();
        texts.insert(0, self.identity_text());
        texts.join("\n")
    }

    fn formatted(&self, _format: &str) -> Option<String> {
        None
    }

    fn fingerprint(&self) -> Option<u64> {
        None
    }

    fn can_read(reader: &Self, writer: &Self, reads: Direction, policy: Policy) -> Vec<Finding> {
        let differences = contain::differences(&reader.documents, &writer.documents, policy == Policy::Lenient);
        let (reader, writer) = (reads.reader(), reads.writer());
        let found = differences.into_iter().map(|each| {
            let pointer = if each.pointer.is_empty() { "/".to_owned() } else { each.pointer };
            let description = format!(
                "at {pointer} of the {reader} schema, which reads what the {writer} one wrote: {}",
                each.message
            );
            Finding { kind: each.kind.to_owned(), pointer, short: each.message, description }
        });
        found.collect()
    }

    fn weight(&self) -> usize {
        self.text_bytes * BYTES_PER_TEXT_BYTE
    }
}

/// Compact text with every object's keys in order, whatever order the map of the parser keeps.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            let parts: Vec<String> =
                keys.into_iter().map(|key| format!("{}:{}", Value::from(key.as_str()), sorted(&object[key]))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(all) => format!("[{}]", all.iter().map(sorted).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}
