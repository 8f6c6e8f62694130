//! Source code from schemas: the text is what was looked at once, and what it says is what the schema said.

use alluvium_avro::{ChangeKind, Schema, diff};
use alluvium_messaging::generate::codegen::{Language, generate};
use alluvium_messaging::{Message as _, MessageSchema};

/// Generated, and compiled: what is written to files is what users get.
mod order {
    include!("codegen/order.rs.txt");
}

mod everything {
    include!("codegen/everything.rs.txt");
}

const ORDER: &str = include_str!("codegen/order.avsc");

fn order() -> Vec<Schema> {
    vec![Schema::parse(ORDER).unwrap_or_else(|errors| panic!("{errors}"))]
}

fn everything() -> Vec<Schema> {
    let text = include_str!("codegen/everything.avsc");
    vec![Schema::parse(text).unwrap_or_else(|errors| panic!("{errors}"))]
}

/// From Rust back to a schema: canonical form, defaults, docs, aliases and logical types are what they were. Attributes of
/// our own are in `#[message]` by then.
#[test]
fn a_schema_comes_back_from_the_types_made_of_it() {
    let derived = |text: &str| Schema::parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    let changes = |before: &Schema, after: &Schema| -> Vec<String> {
        let all = diff(before, after).into_iter();
        let told = all.filter(|change| change.kind != ChangeKind::AttributeChanged || !change.pointer.contains("alv."));
        told.map(|change| format!("{} {} {:?} {:?}", change.pointer, change.kind, change.before, change.after))
            .collect()
    };
    let back = derived(order::OrderPlaced::schema().text());
    assert_eq!(back.canonical_form(), order()[0].canonical_form());
    assert_eq!(changes(&order()[0], &back), [""; 0]);
    assert_eq!(order::OrderPlaced::TOPIC, "orders");
    let schema = MessageSchema::infer::<everything::Everything, alluvium_messaging::avro_as::Plain>().unwrap();
    let back = derived(schema.text());
    assert_eq!(back.canonical_form(), everything()[0].canonical_form());
    assert_eq!(changes(&everything()[0], &back), [""; 0]);
}

#[test]
fn the_text_is_what_was_agreed() {
    for (language, schemas, file) in [
        (Language::Rust, order(), "order.rs.txt"),
        (Language::Rust, everything(), "everything.rs.txt"),
        (Language::TypeScript, order(), "order.ts.txt"),
        (Language::Python, order(), "order.py.txt"),
    ] {
        let path = format!("{}/tests/codegen/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = generate(language, &schemas).unwrap().text;
        if std::env::var_os("UPDATE_CODEGEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{file}: run with UPDATE_CODEGEN=1 and look at it");
    }
}

#[test]
fn the_order_of_schemas_does_not_matter() {
    let other = Schema::parse(r#"{"type":"record","name":"a.Other","fields":[{"name":"x","type":"int"}]}"#).unwrap();
    let (one, two) = (vec![order().remove(0), other.clone()], vec![other, order().remove(0)]);
    for language in [Language::Rust, Language::TypeScript, Language::Python] {
        assert_eq!(generate(language, &one).unwrap(), generate(language, &two).unwrap());
    }
}

#[test]
fn types_of_one_name_are_told_apart_and_of_one_full_name_must_be_alike() {
    let of = |text: &str| Schema::parse(text).unwrap();
    let one = of(r#"{"type":"record","name":"a.X","fields":[]}"#);
    let two = of(r#"{"type":"record","name":"b.X","fields":[]}"#);
    let text = generate(Language::Rust, &[one.clone(), two]).unwrap().text;
    assert!(text.contains("pub struct AX") && text.contains("pub struct BX"), "{text}");
    let changed = of(r#"{"type":"record","name":"a.X","fields":[{"name":"f","type":"int"}]}"#);
    assert!(generate(Language::Rust, &[one, changed]).is_err());
}

#[test]
fn what_rust_cannot_say_is_told() {
    let schema = Schema::parse(
        r#"{"type":"record","name":"X","custom":1,"fields":[
            {"name":"mac","type":{"type":"fixed","name":"Mac","size":6},"x":2},
            {"name":"big","type":{"type":"bytes","logicalType":"decimal","precision":60}}]}"#,
    )
    .unwrap();
    let notes = generate(Language::Rust, &[schema]).unwrap().notes;
    assert_eq!(notes.len(), 4, "{notes:?}");
    let single = Schema::parse(r#"{"type":"record","name":"X","fields":[{"name":"u","type":["int"]}]}"#).unwrap();
    assert!(generate(Language::Rust, &[single]).is_err());
}
