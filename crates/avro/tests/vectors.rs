//! Every rule of schema resolution, as data: a reader, a writer, and what must be found.

use alluvium_avro::{Policy, Schema, can_read};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    rule: String,
    reader: serde_json::Value,
    writer: serde_json::Value,
    findings: Vec<Expected>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct Expected {
    kind: String,
    pointer: String,
    message: Option<String>,
}

/// Vectors that must be there, so that a lost file is noticed.
const VECTORS_MIN: usize = 300;

#[test]
fn every_rule_of_schema_resolution_holds() {
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap() {
        let path = entry.unwrap().path();
        let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for vector in vectors {
            count += 1;
            if let Some(reason) = judge(&vector) {
                wrong.push(format!("{}: {}: {reason}", path.file_name().unwrap().display(), vector.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= VECTORS_MIN, "only {count} vectors");
}

fn judge(vector: &Vector) -> Option<String> {
    let parse = |value: &serde_json::Value| Schema::parse(&value.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let (reader, writer) = (parse(&vector.reader), parse(&vector.writer));
    let policy: Policy = vector
        .policy
        .as_deref()
        .map_or(Policy::Strict, |policy| policy.parse().unwrap_or_else(|error| panic!("{error}")));
    let found = can_read(&reader, &writer, policy);
    let as_expected = found.len() == vector.findings.len()
        && found.iter().zip(&vector.findings).all(|(found, expected)| {
            found.kind.as_str() == expected.kind
                && found.pointer == expected.pointer
                && expected.message.as_ref().is_none_or(|message| *message == found.message)
        });
    (!as_expected).then(|| format!("found {found:?}"))
}
