//! What holds for every schema.

use alluvium_avro::{Algorithm, Policy, Schema, Strictness, can_read, diff};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Types whose names are made unique afterwards.
fn types() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
            .prop_map(|word| json!(word)),
        prop::collection::vec("[A-Z]{1,3}", 1..4).prop_map(|mut symbols| {
            symbols.sort();
            symbols.dedup();
            json!({"type": "enum", "name": "E", "symbols": symbols, "doc": "an enum"})
        }),
        (1u32..20).prop_map(|size| json!({"type": "fixed", "name": "F", "size": size})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            inner.clone().prop_map(|values| json!({"values": values, "type": "map"})),
            inner
                .clone()
                .prop_filter("a union holds no union", |of| !of.is_array() && of != "null")
                .prop_map(|of| json!(["null", of])),
            (
                prop::collection::vec((inner, prop::option::of("[a-z \"é]{0,6}")), 0..4),
                prop::option::of("[a-z]{1,3}(\\.[a-z]{1,3})?")
            )
                .prop_map(|(fields, space)| {
                    let fields: Vec<Value> = fields
                        .into_iter()
                        .enumerate()
                        .map(|(index, (kind, doc))| {
                            let mut field = json!({"type": kind, "name": format!("f{index}")});
                            if let Some(doc) = doc {
                                field["doc"] = json!(doc);
                                field["aliases"] = json!([format!("old{index}")]);
                            }
                            field
                        })
                        .collect();
                    let mut record =
                        json!({"fields": fields, "name": "R", "type": "record", "custom": {"b": 1, "a": [1.50, null]}});
                    if let Some(space) = space {
                        record["namespace"] = json!(space);
                    }
                    record
                }),
        ]
    })
}

fn unique(value: &mut Value, next: &mut u32) {
    match value {
        Value::Object(object) => {
            if object.get("type").is_some_and(|kind| matches!(kind.as_str(), Some("record" | "enum" | "fixed"))) {
                *next += 1;
                let name = format!("{}{next}", object["name"].as_str().unwrap_or_default());
                object.insert("name".into(), json!(name));
            }
            for key in ["items", "values", "type", "fields"] {
                if let Some(inner) = object.get_mut(key) {
                    unique(inner, next);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| unique(item, next)),
        _ => {}
    }
}

fn schemas() -> impl Strategy<Value = String> {
    types().prop_map(|mut value| {
        unique(&mut value, &mut 0);
        value.to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_reads_itself_and_differs_in_nothing(text in schemas()) {
        let schema = Schema::parse(&text).unwrap();
        prop_assert_eq!(can_read(&schema, &schema, Policy::Strict), vec![]);
        prop_assert_eq!(can_read(&schema, &schema, Policy::Logical), vec![]);
        prop_assert_eq!(diff(&schema, &schema), vec![]);
        prop_assert!(alluvium_avro::validate(&schema, &schema).is_clean());
    }

    #[test]
    fn texts_are_fixed_points(text in schemas()) {
        let schema = Schema::parse(&text).unwrap();
        let identity = Schema::parse(&schema.identity_text()).unwrap();
        prop_assert_eq!(identity.identity_text(), schema.identity_text());
        prop_assert_eq!(identity.normalized_text(), schema.normalized_text());
        let normal = Schema::parse(&schema.normalized_text()).unwrap();
        prop_assert_eq!(normal.normalized_text(), schema.normalized_text());
        prop_assert_eq!(normal.canonical_form(), schema.canonical_form());
        prop_assert_eq!(normal.identity(), schema.identity());
        prop_assert_eq!(&schema, &identity);
    }

    #[test]
    fn canonical_form_and_fingerprints_agree_with_the_reference_library(text in schemas()) {
        let ours = Schema::parse(&text).unwrap();
        let theirs = apache_avro::Schema::parse_str(&text).unwrap();
        prop_assert_eq!(ours.canonical_form(), theirs.canonical_form());
        let rabin = theirs.fingerprint::<apache_avro::rabin::Rabin>().bytes;
        prop_assert_eq!(ours.fingerprint64().to_le_bytes().to_vec(), rabin);
        let digest = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sha = <sha2::Sha256 as sha2::Digest>::digest(theirs.canonical_form().as_bytes());
        prop_assert_eq!(ours.fingerprint(Algorithm::Sha256), digest(sha.to_vec()));
        let md5 = <md5::Md5 as md5::Digest>::digest(theirs.canonical_form().as_bytes());
        prop_assert_eq!(ours.fingerprint(Algorithm::Md5), digest(md5.to_vec()));
    }

    #[test]
    fn compatibility_and_differences_agree(a in schemas(), b in schemas()) {
        let (a, b) = (Schema::parse(&a).unwrap(), Schema::parse(&b).unwrap());
        let changes = diff(&a, &b);
        prop_assert_eq!(can_read(&b, &a, Policy::Strict).is_empty(), changes.iter().all(|change| change.backward), "backward {:?}", changes);
        prop_assert_eq!(can_read(&a, &b, Policy::Strict).is_empty(), changes.iter().all(|change| change.forward), "forward {:?}", changes);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Schema::parse(&text);
        let _ = Schema::parse_with(&text, &[], Strictness::Lenient);
    }

    #[test]
    fn no_damaged_schema_makes_it_panic(text in schemas(), at in 0usize..400, with in "[\\[\\]{}\",:a-z0-9]{0,3}") {
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let damaged = format!("{}{with}{}", &text[..at], text[at..].chars().skip(1).collect::<String>());
        for strictness in [Strictness::Strict, Strictness::Lenient] {
            if let Ok(schema) = Schema::parse_with(&damaged, &[], strictness) {
                let _ = (schema.identity_text(), schema.normalized_text(), schema.fingerprint64());
                prop_assert!(can_read(&schema, &schema, Policy::Strict).is_empty());
            }
        }
    }
}
