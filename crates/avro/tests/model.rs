//! Parsing, texts and fingerprints.

use std::fmt::Write as _;

use alluvium_avro::{Algorithm, Fault, Level, Logical, Named, Policy, Schema, Strictness, Type, can_read, check};

const ORDER: &str = r#"{
  "namespace": "com.shop", "type": "record", "doc": "An order", "name": "Order", "alv.topic": "orders",
  "aliases": ["OldOrder", "other.Order"],
  "fields": [
    {"doc": "its id", "type": {"type": "string", "name": "ignored", "logicalType": "uuid"}, "name": "id"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"}, "default": "NEW"},
    {"name": "before", "type": ["null", "State"], "default": null, "aliases": ["previous"], "order": "ignore"},
    {"name": "next", "type": ["null", "Order"], "default": null},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}}
  ]
}"#;

#[test]
fn the_identity_text_is_that_of_java() {
    let schema = Schema::parse(ORDER).unwrap();
    let expected = concat!(
        r#"{"type":"record","name":"Order","namespace":"com.shop","doc":"An order","fields":["#,
        r#"{"name":"id","type":{"type":"string","logicalType":"uuid"},"doc":"its id"},"#,
        r#"{"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID"],"default":"NEW"},"default":"NEW"},"#,
        r#"{"name":"before","type":["null","State"],"default":null,"order":"ignore","aliases":["previous"]},"#,
        r#"{"name":"next","type":["null","Order"],"default":null},"#,
        r#"{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}],"#,
        r#""alv.topic":"orders","aliases":["OldOrder","other.Order"]}"#
    );
    assert_eq!(schema.identity_text(), expected);
    assert_eq!(Schema::parse(expected).unwrap().identity_text(), expected);
    assert_eq!(schema.inlined_text(), expected);
}

#[test]
fn the_normal_form_has_full_names_and_one_order() {
    let schema = Schema::parse(ORDER).unwrap();
    let expected = concat!(
        r#"{"name":"com.shop.Order","type":"record","fields":["#,
        r#"{"name":"id","type":{"type":"string","logicalType":"uuid"},"doc":"its id"},"#,
        r#"{"name":"state","type":{"name":"com.shop.State","type":"enum","symbols":["NEW","PAID"],"default":"NEW"},"default":"NEW"},"#,
        r#"{"name":"before","type":["null","com.shop.State"],"order":"ignore","aliases":["previous"],"default":null},"#,
        r#"{"name":"next","type":["null","com.shop.Order"],"default":null},"#,
        r#"{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}}],"#,
        r#""doc":"An order","aliases":["com.shop.OldOrder","other.Order"],"alv.topic":"orders"}"#
    );
    assert_eq!(schema.normalized_text(), expected);
    assert_eq!(Schema::parse(expected).unwrap().normalized_text(), expected);
}

#[test]
fn canonical_form_and_fingerprints_agree_with_the_reference_library() {
    use apache_avro::rabin::Rabin;
    // That library keeps precision, scale and order in its canonical form, which the specification strips.
    let text = ORDER.replace(r#", "logicalType": "uuid""#, "").replace(r#", "order": "ignore""#, "");
    let text = text.replace(r#"{"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}"#, "\"bytes\"");
    let text = text.replace(r#"{"type": "string", "name": "ignored"}"#, "\"string\"");
    let ours = Schema::parse(&text).unwrap();
    let theirs = apache_avro::Schema::parse_str(&text).unwrap();
    assert_eq!(ours.canonical_form(), theirs.canonical_form());
    let rabin = theirs.fingerprint::<Rabin>().bytes;
    assert_eq!(ours.canonical_form(), Schema::parse(ORDER).unwrap().canonical_form());
    assert_eq!(ours.fingerprint64().to_le_bytes().as_slice(), rabin.as_slice());
    assert_eq!(Schema::parse(r#""int""#).unwrap().fingerprint(Algorithm::Crc64Avro), "7275d51a3f395c8f");
    assert_eq!(Schema::parse(r#""int""#).unwrap().fingerprint(Algorithm::Md5), "ef524ea1b91e73173d938ade36c1db32");
    assert_eq!(
        Schema::parse(r#""int""#).unwrap().fingerprint(Algorithm::Sha256),
        "3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45"
    );
}

#[test]
fn all_findings_are_told_with_their_places() {
    let text = "{\"type\": \"record\", \"name\": \"a-b\", \"fields\": [\n  {\"name\": \"x\", \"type\": \"strin\"},\n  \
                {\"name\": \"x\", \"type\": \"int\", \"default\": \"é\"},\n  {\"name\": \"y\", \"type\": [\"int\", \"int\"]}\n]}";
    let errors = Schema::parse(text).unwrap_err();
    let found: Vec<_> =
        errors.findings.iter().map(|each| (each.fault, each.line, each.column, each.pointer.as_str())).collect();
    assert_eq!(
        found,
        [
            (Fault::Name, 1, 28, "/name"),
            (Fault::Type, 2, 25, "/fields/0/type"),
            (Fault::Duplicate, 3, 3, "/fields/1"),
            (Fault::Default, 3, 43, "/fields/1/default"),
            (Fault::Union, 4, 33, "/fields/2/type/1"),
        ]
    );
    assert_eq!(
        errors.detail(),
        "a-b is not a valid Avro name because it does not match the pattern (?:^|\\.)[A-Za-z_][A-Za-z0-9_]*$"
    );
}

#[test]
fn references_are_used_by_full_or_relative_name() {
    let money = Named {
        name: "com.shop.Money".into(),
        text: r#"{"type":"record","name":"Money","namespace":"com.shop","fields":[{"name":"cents","type":"long"}]}"#
            .into(),
    };
    let text = r#"{"type":"record","name":"Bill","namespace":"com.shop","fields":[{"name":"a","type":"Money"},{"name":"b","type":"com.shop.Money"}]}"#;
    assert!(Schema::parse(text).is_err());
    let schema = Schema::parse_with(text, std::slice::from_ref(&money), Strictness::Strict).unwrap();
    assert_eq!(
        schema.identity_text(),
        r#"{"type":"record","name":"Bill","namespace":"com.shop","fields":[{"name":"a","type":"Money"},{"name":"b","type":"Money"}]}"#
    );
    let inlined = schema.inlined_text();
    assert!(inlined.contains("cents"));
    let alone = Schema::parse(&inlined).unwrap();
    assert_eq!(alone.canonical_form(), schema.canonical_form());
    assert_eq!(alone.inlined_text(), inlined);
    assert_eq!(alone.identity(), schema.identity());
}

#[test]
fn invalid_logical_types_are_kept_and_ignored() {
    let schema = Schema::parse(r#"{"type":"int","logicalType":"timestamp-millis","unit":"day"}"#).unwrap();
    assert!(matches!(schema.root().kind, Type::Int));
    assert_eq!(schema.root().logical, None);
    assert_eq!(schema.identity_text(), r#"{"type":"int","logicalType":"timestamp-millis","unit":"day"}"#);
    let date = Schema::parse(r#"{"type":"int","logicalType":"date"}"#).unwrap();
    assert_eq!(date.root().logical, Some(Logical::Date));
}

#[test]
fn lenient_takes_names_and_defaults_as_they_are() {
    let text = r#"{"type":"record","name":"a-b","fields":[{"name":"x y","type":"int","default":"no"}]}"#;
    assert_eq!(Schema::parse(text).unwrap_err().findings.len(), 3);
    let schema = Schema::parse_with(text, &[], Strictness::Lenient).unwrap();
    assert_eq!(schema.identity_text(), text);
}

#[test]
fn hostile_texts_are_refused_or_read_but_never_crash() {
    let deep = "[".repeat(500_000);
    assert_eq!(Schema::parse(&deep).unwrap_err().findings[0].fault, Fault::Syntax);
    let wrapped = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(255), "}".repeat(255));
    let schema = Schema::parse(&wrapped).unwrap();
    assert!(can_read(&schema, &schema, Policy::Strict).is_empty());
    // A chain of ten thousand records, each in the next: flat as text, deep as type.
    let mut chain = String::from(r#"[{"type":"record","name":"R0","fields":[]}"#);
    for index in 1..10_000 {
        let before = index - 1;
        let field = format!(r#"{{"name":"f","type":"R{before}"}}"#);
        write!(chain, r#",{{"type":"record","name":"R{index}","fields":[{field}]}}"#).unwrap();
    }
    chain.push(']');
    let parts = [Named { name: "chain".into(), text: chain }];
    let schema = Schema::parse_with(r#"{"type":"array","items":"R9999"}"#, &parts, Strictness::Strict).unwrap();
    assert!(schema.inlined_text().len() > 500_000);
    assert!(schema.fingerprint64() != 0);
    assert!(can_read(&schema, &schema, Policy::Strict).is_empty());
    assert!(Schema::parse(&format!("\"{}\"", "x".repeat(1024 * 1024))).is_err());
}

#[test]
fn levels_choose_versions_and_directions() {
    let version =
        |fields: &str| Schema::parse(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)).unwrap();
    let history = [(1, version(r#"{"name":"a","type":"int"}"#)), (2, version(r#"{"name":"a","type":"long"}"#))];
    let new = version(r#"{"name":"a","type":"int"}"#);
    let versions = |level: Level| -> Vec<u32> {
        check(&new, &history, level, Policy::Strict).iter().map(|found| found.version).collect()
    };
    assert_eq!(versions(Level::None), [0; 0]);
    assert_eq!(versions(Level::Backward), [2]);
    assert_eq!(versions(Level::BackwardTransitive), [2]);
    assert_eq!(versions(Level::Forward), [0; 0]);
    assert_eq!(versions(Level::Full), [2]);
    assert_eq!("full_Transitive".parse::<Level>().unwrap().to_string(), "FULL_TRANSITIVE");
    assert!("sideways".parse::<Level>().is_err());
}
