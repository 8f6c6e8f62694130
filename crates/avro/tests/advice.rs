//! Differences, advice and reports.

use alluvium_avro::{Change, ChangeKind, Kind, ProblemKind, Rule, Schema, diff, lint, validate, verbose_messages};
use alluvium_avro::{Level, Policy, check};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn record(fields: &str) -> Schema {
    schema(&format!(r#"{{"type":"record","name":"Order","doc":"d","fields":[{fields}]}}"#))
}

fn told(changes: &[Change]) -> Vec<(&str, ChangeKind, bool, bool)> {
    changes.iter().map(|each| (each.pointer.as_str(), each.kind, each.backward, each.forward)).collect()
}

#[test]
fn every_kind_of_change_is_told() {
    let old = record(
        r#"{"name":"id","type":"int"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
           {"name":"gone","type":"string"},{"name":"was","type":"int"},{"name":"state","type":{"type":"enum","name":"S","symbols":["A","B"]}},
           {"name":"pick","type":["null","int"]},{"name":"mac","type":{"type":"fixed","name":"Mac","size":6}}"#,
    );
    let new = record(
        r#"{"name":"id","type":"long","doc":"now with a doc","default":0},{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
           {"name":"is","type":"int","aliases":["was"]},{"name":"state","type":{"type":"enum","name":"S","symbols":["A","C"],"default":"A"}},
           {"name":"pick","type":["null","string"]},{"name":"mac","type":{"type":"fixed","name":"Mac","size":8}},{"name":"fresh","type":"int"}"#,
    );
    assert_eq!(
        told(&diff(&old, &new)),
        [
            ("/fields/0/type", ChangeKind::TypeChanged, true, false),
            ("/fields/0/doc", ChangeKind::DocChanged, true, true),
            ("/fields/0/default", ChangeKind::DefaultChanged, true, true),
            ("/fields/1/type/logicalType", ChangeKind::LogicalTypeChanged, true, true),
            ("/fields/2/name", ChangeKind::FieldRenamed, true, false),
            ("/fields/2/aliases", ChangeKind::AliasesChanged, true, true),
            ("/fields/3/type/symbols", ChangeKind::SymbolAdded, true, false),
            ("/fields/3/type/symbols", ChangeKind::SymbolRemoved, true, true),
            ("/fields/3/type/default", ChangeKind::DefaultChanged, true, true),
            ("/fields/4/type/1", ChangeKind::BranchAdded, true, false),
            ("/fields/4/type/1", ChangeKind::BranchRemoved, false, true),
            ("/fields/5/type/size", ChangeKind::SizeChanged, false, false),
            ("/fields/6", ChangeKind::FieldAdded, false, true),
            ("/fields/2", ChangeKind::FieldRemoved, true, false),
        ]
    );
    assert_eq!(diff(&old, &new)[0].before.as_ref().unwrap().to_string(), "\"int\"");
}

#[test]
fn advice_on_one_schema() {
    let bad = schema(
        r#"{"type":"record","name":"bad_name","fields":[
            {"name":"OneField","type":["null","string"],"default":"x","doc":"d"},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["a_b"]},"doc":"d"},
            {"name":"n","type":{"type":"long","alv.rust":"u64"}}]}"#,
    );
    let found: Vec<(Rule, String)> =
        lint(&bad, None, &Rule::ALL).into_iter().map(|advice| (advice.rule, advice.pointer)).collect();
    let expected = [
        (Rule::NameStyle, "/name"),
        (Rule::MissingDoc, "/"),
        (Rule::NameStyle, "/fields/0/name"),
        (Rule::UnionDefaultNotFirst, "/fields/0/default"),
        (Rule::MissingDoc, "/fields/1/type"),
        (Rule::EnumWithoutDefault, "/fields/1/type"),
        (Rule::NameStyle, "/fields/1/type/symbols"),
        (Rule::MissingDoc, "/fields/2"),
        (Rule::UnsignedLong, "/fields/2/type"),
    ];
    assert_eq!(found, expected.map(|(rule, pointer)| (rule, pointer.to_owned())));
    assert!(lint(&bad, None, &[Rule::RequiredFieldAdded]).is_empty());
}

#[test]
fn advice_on_a_change() {
    let old = record(r#"{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"d"}"#);
    let other_unit = record(r#"{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"},"doc":"d"}"#);
    let rules = |new: &Schema| -> Vec<Rule> {
        lint(new, Some(&old), &Rule::ALL).into_iter().map(|advice| advice.rule).collect()
    };
    assert_eq!(rules(&other_unit), [Rule::MeaningChanged]);
    let renamed = record(r#"{"name":"time","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"d"}"#);
    assert_eq!(rules(&renamed), [Rule::RequiredFieldAdded, Rule::RenamedWithoutAlias]);
    assert_eq!(rules(&old), []);
}

#[test]
fn a_model_is_held_against_its_schema() {
    let file = record(
        r#"{"name":"id","type":"int"},{"name":"note","type":["null","string"],"default":null},{"name":"must","type":"string"},
           {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}}},
           {"name":"state","type":{"type":"enum","name":"S","symbols":["A","B"]}}"#,
    );
    let model = record(
        r#"{"name":"id","type":"float"},{"name":"note","type":"string"},
           {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Lines","fields":[{"name":"price","type":"bytes"}]}}},
           {"name":"state","type":{"type":"enum","name":"S","symbols":["A"]}},{"name":"extra","type":["null","int"],"default":null}"#,
    );
    let report = validate(&model, &file);
    let list = |all: &[alluvium_avro::Problem]| -> Vec<(ProblemKind, String)> {
        all.iter().map(|problem| (problem.kind, problem.pointer.clone())).collect()
    };
    let errors = [
        (ProblemKind::Type, "/fields/0/type"),
        (ProblemKind::Nullability, "/fields/1/type"),
        (ProblemKind::Name, "/fields/2/type/items/name"),
        (ProblemKind::LogicalType, "/fields/2/type/items/fields/0/type/logicalType"),
        (ProblemKind::EnumSymbols, "/fields/3/type/symbols"),
        (ProblemKind::MissingField, "/fields/2"),
    ];
    assert_eq!(list(&report.errors), errors.map(|(kind, pointer)| (kind, pointer.to_owned())));
    let warnings = [(ProblemKind::Default, "/fields/1/default"), (ProblemKind::ExtraField, "/fields/4")];
    assert_eq!(list(&report.warnings), warnings.map(|(kind, pointer)| (kind, pointer.to_owned())));
}

#[test]
fn verbose_messages_are_those_of_registries() {
    let old = r#"{"type":"record","name":"R","fields":[]}"#;
    let new = schema(
        r#"{"type":"record","name":"R","fields":[{"name":"id","type":"int","default":0},{"name":"age","type":"int"}]}"#,
    );
    let found = check(&new, &[(3, schema(old))], Level::Backward, Policy::Strict);
    assert_eq!(found[0].findings[0].incompatibility.kind, Kind::ReaderFieldMissingDefaultValue);
    assert_eq!(
        verbose_messages(&found, Level::Backward, |_| old),
        [
            r#"{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'field "age" at /fields/1 of the new schema has no default and is absent from the old schema', additionalInfo:'age'}"#,
            "{oldSchemaVersion: 3}",
            r#"{oldSchema: '{"type":"record","name":"R","fields":[]}'}"#,
            "{validateFields: 'false', compatibility: 'BACKWARD'}"
        ]
    );
    let found = check(&schema("\"long\""), &[(1, schema("\"string\""))], Level::Backward, Policy::Strict);
    assert_eq!(found[0].short_messages(), ["reader type: long not compatible with writer type: string"]);
    assert!(
        found[0].findings[0]
            .verbose()
            .ends_with("additionalInfo:'reader type: LONG not compatible with writer type: STRING'}")
    );
}
