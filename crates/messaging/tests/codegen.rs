//! Source code from schemas: the text is what was looked at once, and what it says is what the schema said.

use alluvium_avro::Schema;
use alluvium_messaging::generate::codegen::{Language, generate};

const ORDER: &str = include_str!("codegen/order.avsc");

fn order() -> Vec<Schema> {
    vec![Schema::parse(ORDER).unwrap_or_else(|errors| panic!("{errors}"))]
}

#[test]
fn the_text_is_what_was_agreed() {
    for (language, file) in
        [(Language::Rust, "order.rs.txt"), (Language::TypeScript, "order.ts.txt"), (Language::Python, "order.py.txt")]
    {
        let path = format!("{}/tests/codegen/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = generate(language, &order()).unwrap().text;
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
