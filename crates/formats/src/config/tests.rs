//! Configurations.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::tests::table;
use crate::{EncoderOptions, Flavor, InputTable};

fn code<T>(result: Result<T, FormatError>) -> Option<&'static str> {
    result.err().map(|error| error.code())
}

#[test]
fn formats_are_read_from_json() {
    for (format, wrong) in [
        (json!({"name": "json"}), None),
        (json!({"name": "json", "config": null}), None),
        (json!({"name": "json", "config": {}}), None),
        (
            json!({"name": "json", "config": {"update_format": "raw", "json_flavor": "pandas", "array": true, "lines": "single"}}),
            None,
        ),
        (json!({"name": "json", "config": {"array": null}}), None),
        (json!({"name": "csv", "config": {"delimiter": "|", "trim": "all"}}), None),
        (json!({"name": "raw", "config": {"mode": "lines", "column_name": "a"}}), None),
        (json!("json"), Some("InvalidFormatMember")),
        (json!({}), Some("InvalidFormatMember")),
        (json!({"name": 5}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": []}), Some("InvalidFormatMember")),
        (json!({"name": "json", "more": {}}), Some("UnknownFormatMember")),
        (json!({"name": "xml"}), Some("UnknownFormat")),
        (json!({"name": "avro"}), Some("FormatNotSupported")),
        (json!({"name": "parquet"}), Some("FormatNotSupported")),
        (json!({"name": "json", "config": {"delimiter": ","}}), Some("UnknownFormatMember")),
        (json!({"name": "csv", "config": {"array": true}}), Some("UnknownFormatMember")),
        (json!({"name": "raw", "config": {"lines": true}}), Some("UnknownFormatMember")),
        (json!({"name": "json", "config": {"update_format": "diff"}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"json_flavor": "vanilla"}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"array": "true"}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"lines": "none"}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"buffer_size_records": 0}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"key_fields": "id"}}), Some("InvalidFormatMember")),
        (json!({"name": "json", "config": {"key_fields": [1]}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"delimiter": ""}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"delimiter": "é"}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"delimiter": "\n"}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"delimiter": "\""}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"comment": ","}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"comment": "\""}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"escape": ","}}), Some("InvalidFormatMember")),
        (json!({"name": "csv", "config": {"quoting": false, "delimiter": "\""}}), None),
        (json!({"name": "raw", "config": {"mode": "file"}}), Some("InvalidFormatMember")),
    ] {
        assert_eq!(code(FormatConfig::from_json(&format)), wrong, "{format}");
    }
    let error = FormatConfig::from_json(&json!({"name": "raw", "config": {"path": 1}})).unwrap_err();
    assert_eq!(error.to_string(), "the format raw has no member 'path'; it has mode, column_name");
    let error = FormatConfig::from_json(&json!({"name": "json", "config": {"lines": "all"}})).unwrap_err();
    assert_eq!(error.to_string(), "'lines' is \"all\"; it is one of multiple, single");
}

#[test]
fn every_flavor_and_update_format_has_its_name() {
    for (name, flavor) in Flavor::ALL {
        let format = FormatConfig::from_json(&json!({"name": "json", "config": {"json_flavor": name}})).unwrap();
        let FormatConfig::Json(config) = format else { panic!("{format:?}") };
        assert_eq!(config.json_flavor, Some(flavor));
    }
}

type Parameters = &'static [(&'static str, &'static str)];

#[test]
fn formats_are_read_from_parameters() {
    let json = |config: JsonConfig| Ok(FormatConfig::Json(config));
    let csv = || Ok(FormatConfig::Csv(CsvConfig::default()));
    let cases: [(Parameters, Result<FormatConfig, &str>); 14] = [
        (&[], csv()),
        (&[("format", "csv")], csv()),
        (&[("format", "csv"), ("array", "false"), ("update_format", "raw")], csv()),
        (&[("format", "json")], json(JsonConfig::default())),
        (
            &[
                ("array", "true"),
                ("format", "json"),
                ("update_format", "raw"),
                ("json_flavor", "c_hex"),
                ("lines", "single"),
            ],
            json(JsonConfig {
                update_format: Some(UpdateFormat::Raw),
                json_flavor: Some(Flavor::CHex),
                array: Some(true),
                lines: Some(Lines::Single),
                ..JsonConfig::default()
            }),
        ),
        (
            &[("format", "raw"), ("mode", "lines")],
            Ok(FormatConfig::Raw(RawConfig { mode: RawMode::Lines, column_name: None })),
        ),
        (&[("format", "csv"), ("delimiter", ";")], Err("UnknownFormatMember")),
        (&[("format", "json"), ("force", "true")], Err("UnknownFormatMember")),
        (&[("format", "json"), ("array", "yes")], Err("InvalidFormatMember")),
        (&[("format", "json"), ("update_format", "x")], Err("InvalidFormatMember")),
        (&[("format", "json"), ("format", "json")], Err("InvalidFormatMember")),
        (&[("format", "json"), ("array", "true"), ("array", "true")], Err("InvalidFormatMember")),
        (&[("format", "JSON")], Err("UnknownFormat")),
        (&[("format", "avro")], Err("FormatNotSupported")),
    ];
    for (parameters, wanted) in cases {
        let found = FormatConfig::from_query(parameters.iter().copied());
        assert_eq!(found.map_err(|error| error.code()), wanted, "{parameters:?}");
    }
}

#[test]
fn what_is_for_one_direction_is_refused_in_the_other() {
    let refused = Some("FormatNotSupported");
    let misfit = Some("FormatMisfit");
    for (format, keyed_input, input, output) in [
        (json!({"name": "json"}), None, None, None),
        (json!({"name": "json", "config": {"update_format": "raw"}}), None, None, refused),
        (json!({"name": "json", "config": {"update_format": "weighted"}}), refused, None, refused),
        (json!({"name": "json", "config": {"update_format": "debezium"}}), None, None, None),
        (json!({"name": "json", "config": {"update_format": "snowflake"}}), refused, refused, None),
        (json!({"name": "json", "config": {"update_format": "redis"}}), refused, refused, misfit),
        (json!({"name": "json", "config": {"update_format": "redis", "key_fields": ["ID"]}}), refused, refused, None),
        (json!({"name": "json", "config": {"update_format": "redis", "key_fields": []}}), refused, refused, misfit),
        (json!({"name": "json", "config": {"update_format": "redis", "key_fields": ["x"]}}), refused, refused, misfit),
        (json!({"name": "json", "config": {"key_fields": ["id"]}}), refused, refused, refused),
        (json!({"name": "json", "config": {"update_format": "debezium", "array": true}}), None, None, refused),
        (json!({"name": "json", "config": {"lines": "single"}}), None, None, refused),
        (json!({"name": "json", "config": {"buffer_size_records": 5}}), refused, refused, None),
        (json!({"name": "csv"}), None, None, None),
        (json!({"name": "csv", "config": {"headers": false}}), None, None, refused),
        (json!({"name": "csv", "config": {"delimiter": "|"}}), None, None, None),
        (json!({"name": "csv", "config": {"buffer_size_records": 5}}), refused, refused, None),
        (json!({"name": "csv", "config": {"quoting": false, "delimiter": "\""}}), None, None, refused),
        (json!({"name": "raw", "config": {"column_name": "name"}}), misfit, None, refused),
    ] {
        let config = FormatConfig::from_json(&format).unwrap();
        let table_of = |text: &str| Arc::new(InputTable::new(table(text)).unwrap());
        assert_eq!(code(config.parser(table_of("id INTEGER KEY, name VARCHAR"))), keyed_input, "{format}");
        assert_eq!(code(config.parser(table_of("id INTEGER, name VARCHAR"))), input, "{format}");
        let columns = table("id INTEGER, name VARCHAR").columns;
        assert_eq!(code(config.encoder(&columns, EncoderOptions::default())), output, "{format}");
    }
}

#[test]
fn errors_show_no_long_values() {
    let long = Value::String("x".repeat(10_000));
    let error = FormatConfig::from_json(&json!({"name": "json", "config": {"lines": long}})).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}
