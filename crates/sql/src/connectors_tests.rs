use rstest::rstest;
use serde_json::json;

use super::*;

/// A program that is nothing but the value of a property.
fn parsed(value: &str, direction: Direction) -> (Vec<Connector>, Vec<Message>) {
    let written = format!("'{value}'");
    let source = Source::new(&written);
    let lines = written.lines().count() as u32;
    let end = Position { line: lines, column: written.lines().last().map_or(0, |last| last.chars().count()) as u32 };
    let value_range = SourceRange { start: Position { line: 1, column: 1 }, end };
    let property = Property {
        key: "connectors".to_owned(),
        value: value.to_owned(),
        key_range: SourceRange::UNKNOWN,
        value_range,
    };
    let mut messages = Vec::new();
    let found = parse(&Identifier::folded("T"), &property, direction, &source, &mut messages);
    (found, messages)
}

#[test]
fn defaults_are_filled_in() {
    let value = r#"[{"name": "c", "transport": {"name": "kafka_input", "config": {"topic": "x"}},
        "format": {"name": "json"}, "start_after": "a", "paused": true, "extra": 1}]"#;
    let (connectors, messages) = parsed(value, Direction::Input);
    assert_eq!(messages, []);
    assert_eq!((connectors[0].name.as_str(), connectors[0].transport.as_str()), ("c", "kafka_input"));
    let wanted = json!({
        "stream": "t",
        "transport": {"name": "kafka_input", "config": {"topic": "x"}},
        "format": {"name": "json"},
        "index": null,
        "paused": true,
        "labels": [],
        "start_after": ["a"],
        "max_queued_records": 1_000_000,
        "max_queued_bytes": null,
        "max_batch_size": null,
        "max_worker_batch_size": null,
        "send_snapshot": false,
        "soft_delete": false,
        "enable_output_buffer": false,
        "max_output_buffer_time_millis": u64::MAX,
        "max_output_buffer_size_records": 10_000_000,
        "preprocessor": null,
        "postprocessor": null,
        "extra": 1,
    });
    assert_eq!(Value::Object(connectors[0].config.clone()), wanted);
}

#[test]
fn connectors_without_a_name_are_named_for_their_place() {
    let value = r#"[{"name": "c", "transport": {"name": "null_output"}}, {"transport": {"name": "null_output"}}]"#;
    let (connectors, messages) = parsed(value, Direction::Output);
    assert_eq!(connectors[1].name, "unnamed-1");
    assert_eq!(messages.len(), 1);
    assert!(messages[0].warning);
    assert_eq!(messages[0].error_type, "Unnamed connector");
}

#[rstest]
#[case::object("{}", "the connectors of 't' are no JSON list")]
#[case::text("[1]", "connector 0 of 't': it is no JSON object")]
#[case::no_transport(r#"[{"name": "c"}]"#, "connector 0 of 't': it has no transport with a name")]
#[case::unknown(
    r#"[{"name": "c", "transport": {"name": "fax_input"}}]"#,
    "connector 0 of 't': there is no transport 'fax_input'"
)]
#[case::output(
    r#"[{"name": "c", "transport": {"name": "kafka_output"}}]"#,
    "connector 0 of 't': 'kafka_output' takes data out of views and fills no table"
)]
#[case::config(
    r#"[{"name": "c", "transport": {"name": "datagen", "config": 1}}]"#,
    "connector 0 of 't': the configuration of its transport 'datagen' is no JSON object"
)]
#[case::format(
    r#"[{"name": "c", "transport": {"name": "datagen"}, "format": {}}]"#,
    "connector 0 of 't': its format has no name"
)]
#[case::name(
    r#"[{"name": "a.b", "transport": {"name": "datagen"}}]"#,
    "connector 0 of 't': its name is \"a.b\"; a name has 1 to 100 letters, digits, `_` and `-`"
)]
#[case::number_for_name(
    r#"[{"name": 1, "transport": {"name": "datagen"}}]"#,
    "connector 0 of 't': its name is 1 and no text"
)]
#[case::flag(
    r#"[{"name": "c", "transport": {"name": "datagen"}, "paused": "yes"}]"#,
    "connector 0 of 't': `paused` is \"yes\" and not true or false"
)]
#[case::count(
    r#"[{"name": "c", "transport": {"name": "datagen"}, "max_batch_size": -1}]"#,
    "connector 0 of 't': `max_batch_size` is -1 and not a whole number"
)]
#[case::labels(
    r#"[{"name": "c", "transport": {"name": "datagen"}, "labels": [1]}]"#,
    "connector 0 of 't': `labels` is [1] and not a list of texts"
)]
#[case::twice(
    r#"[{"name": "c", "transport": {"name": "datagen"}}, {"name": "c", "transport": {"name": "nexmark"}}]"#,
    "'t' has two connectors of the name 'c'"
)]
fn bad_connectors_are_refused(#[case] value: &str, #[case] message: &str) {
    let (_, messages) = parsed(value, Direction::Input);
    let errors: Vec<&Message> = messages.iter().filter(|message| !message.warning).collect();
    assert_eq!(errors.len(), 1, "{messages:?}");
    assert_eq!((errors[0].error_type.as_str(), errors[0].message.as_str()), ("ConnectorGenerationError", message));
}

#[test]
fn a_transport_that_fills_tables_is_no_output() {
    let (_, messages) = parsed(r#"[{"name": "c", "transport": {"name": "datagen"}}]"#, Direction::Output);
    assert_eq!(messages[0].message, "connector 0 of 't': 'datagen' fills tables and takes no data out of views");
}

#[rstest]
#[case::first_line("[1,]", (1, 5))]
#[case::later_line("[\n  {\"é\": x}]", (2, 9))]
#[case::empty("", (1, 1))]
fn errors_of_json_are_where_they_are(#[case] value: &str, #[case] place: (u32, u32)) {
    let (_, messages) = parsed(value, Direction::Input);
    assert_eq!((messages[0].start_line_number, messages[0].start_column), place, "{}", messages[0].message);
}

#[test]
fn every_transport_has_one_direction() {
    for (name, direction) in TRANSPORTS {
        let value = format!(r#"[{{"name": "c", "transport": {{"name": "{name}", "config": {{}}}}}}]"#);
        let good = parsed(&value, *direction);
        assert_eq!(good.1, [], "{name}");
        let other = if *direction == Direction::Input { Direction::Output } else { Direction::Input };
        assert_eq!(parsed(&value, other).0, [], "{name}");
    }
}
