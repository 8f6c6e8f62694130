//! Connectors of whole programs.

use rstest::rstest;

use super::{compiled, said};

fn list(connectors: &str) -> String {
    format!("WITH ('connectors' = '[{connectors}]')")
}

const DATAGEN: &str = r#"{"name": "c", "transport": {"name": "datagen", "config": {}}}"#;
const NOTHING: &str = r#"{"name": "o", "index": "i", "transport": {"name": "null_output"}}"#;

#[test]
fn endpoints_are_named_for_relation_and_connector() {
    let text = format!(
        "CREATE TABLE T (a INT) {};\nCREATE TABLE \"U\" (a INT) {};\nCREATE VIEW v {} AS SELECT a FROM t;\nCREATE INDEX I ON v (a);",
        list(DATAGEN),
        list(&format!("{DATAGEN}, {}", r#"{"transport": {"name": "nexmark"}}"#)),
        list(NOTHING),
    );
    let info = compiled(&text).program_info();
    let inputs: Vec<(&str, &str)> = info
        .input_connectors
        .iter()
        .map(|(endpoint, config)| (endpoint.as_str(), config["stream"].as_str().expect("a stream")))
        .collect();
    assert_eq!(inputs, [("U.c", "U"), ("U.unnamed-1", "U"), ("t.c", "t")]);
    assert_eq!(info.output_connectors.keys().collect::<Vec<_>>(), ["v.o"]);
    assert!(said(&text).iter().all(|line| line.contains("Unnamed connector") || line.contains("Unused column")));
}

#[rstest]
#[case::no_index("", "E 2:36-2:104 ConnectorGenerationError: 'v' has no index 'i', which its connector names")]
#[case::other_index(
    "CREATE INDEX i ON t (a);",
    "E 2:36-2:104 ConnectorGenerationError: 'v' has no index 'i', which its connector names"
)]
fn indexes_have_to_exist(#[case] index: &str, #[case] wanted: &str) {
    let text = format!("CREATE TABLE t (a INT);\nCREATE VIEW v {} AS SELECT a FROM t;\n{index}", list(NOTHING));
    assert_eq!(said(&text), [wanted]);
}

#[test]
fn a_view_is_not_filled_and_a_table_gives_nothing() {
    let text = format!(
        "CREATE TABLE t (a INT) {};\nCREATE TABLE u (a INT);\nCREATE VIEW v {} AS SELECT a FROM u;",
        list(NOTHING),
        list(DATAGEN)
    );
    let said = said(&text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line.contains("ConnectorGenerationError")), "{said:?}");
    let compiled = compiled(&text);
    assert_eq!(compiled.exit_code(), 1);
    assert!(compiled.catalog.inputs.is_empty() && compiled.catalog.outputs.is_empty());
}

#[test]
fn endpoints_of_two_relations_can_be_alike() {
    let other = r#"{"name": "c-d", "transport": {"name": "datagen"}}"#;
    let text = format!("CREATE TABLE \"t.c\" (a INT) {};\nCREATE TABLE t (a INT) {};", list(other), list(DATAGEN));
    assert_eq!(said(&text), Vec::<String>::new());
}

#[test]
fn bad_json_is_told_where_it_is() {
    let text = "CREATE TABLE t (a INT) WITH (\n  'connectors' = '[\n    {\"name\": nope}\n  ]'\n);";
    let said = said(text);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("E 3:15-3:15 ConnectorGenerationError: the connectors of 't' are no JSON"), "{said:?}");
}
