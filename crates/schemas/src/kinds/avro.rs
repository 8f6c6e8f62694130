//! Avro, by the model that the messaging kit uses too.

use alluvium_avro as avro;

use super::{Direction, Finding, Invalid, Policy, Referenced, SchemaModel, Strictness, compact_json};

/// Memory of a parsed schema for each byte of its text, roughly.
const MODEL_BYTES_PER_TEXT_BYTE: usize = 6;

/// A parsed Avro schema.
#[derive(Clone, Debug)]
pub struct AvroSchema(avro::Schema);

impl SchemaModel for AvroSchema {
    fn parse(text: &str, references: &[Referenced], strictness: Strictness) -> Result<Self, Invalid> {
        let named: Vec<avro::Named> =
            references.iter().map(|r| avro::Named { name: r.name.clone(), text: r.text.clone() }).collect();
        let parse = |strictness| avro::Schema::parse_with(text, &named, strictness);
        let only_defaults =
            |errors: &avro::ParseErrors| errors.findings.iter().all(|finding| finding.fault == avro::Fault::Default);
        let parsed = match strictness {
            Strictness::Strict => parse(avro::Strictness::Strict),
            Strictness::AnyDefault => match parse(avro::Strictness::Strict) {
                Err(errors) if errors.more == 0 && only_defaults(&errors) => parse(avro::Strictness::Lenient),
                parsed => parsed,
            },
            Strictness::Lenient => parse(avro::Strictness::Lenient),
        };
        parsed.map(Self).map_err(|errors| Invalid(errors.detail().to_owned()))
    }

    fn stored_text(&self, submitted: &str) -> String {
        compact_json(submitted)
    }

    fn identity_text(&self) -> String {
        self.0.identity_text()
    }

    fn normalized_text(&self) -> String {
        self.0.normalized_text()
    }

    fn equality_text(&self) -> String {
        self.0.inlined_text()
    }

    fn formatted(&self, format: &str) -> Option<String> {
        (format == "resolved").then(|| self.0.inlined_text())
    }

    fn fingerprint(&self) -> Option<u64> {
        Some(self.0.fingerprint64())
    }

    fn can_read(reader: &Self, writer: &Self, direction: Direction, policy: Policy) -> Vec<Finding> {
        let policy = match policy {
            Policy::Strict => avro::Policy::Strict,
            Policy::Lenient => avro::Policy::Lenient,
            Policy::Logical => avro::Policy::Logical,
        };
        let found = avro::can_read(&reader.0, &writer.0, policy).into_iter();
        found
            .map(|incompatibility| {
                let directed = avro::DirectedIncompatibility { direction, incompatibility };
                let description = directed.description();
                let avro::Incompatibility { kind, pointer, message } = directed.incompatibility;
                Finding { kind: kind.as_str().to_owned(), pointer, short: message, description }
            })
            .collect()
    }

    fn weight(&self) -> usize {
        self.0.text().len() * MODEL_BYTES_PER_TEXT_BYTE
    }
}
