//! What is told of programs.

use rstest::rstest;
use serde_json::{Value, json};

use super::compiled;
use crate::column_type;
use crate::types::ColumnType;

#[test]
fn programs_are_told_as_the_contract_says() {
    let text = "CREATE TABLE \"R\" (id INT PRIMARY KEY);
CREATE TABLE t (
  id INT NOT NULL PRIMARY KEY,
  ts TIMESTAMP LATENESS INTERVAL '1' HOUR WATERMARK INTERVAL '2' HOUR,
  n DECIMAL(10, 2) DEFAULT 1.5,
  r INT FOREIGN KEY REFERENCES \"R\" (id)
) WITH (
  'materialized' = 'true',
  'connectors' = '[{\"name\": \"c\", \"transport\": {\"name\": \"datagen\", \"config\": {}}}]'
);
CREATE LOCAL VIEW l AS SELECT * FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id, \"R\".id AS \"Other\" FROM l, \"R\";
CREATE VIEW v WITH ('emit_final' = 'ts') AS SELECT ts, n, r FROM t;";
    let compiled = compiled(text);
    assert_eq!(compiled.messages, []);
    let info = serde_json::to_value(compiled.program_info()).expect("JSON");
    let field = |name: &str, columntype: Value| json!({"name": name, "case_sensitive": false, "columntype": columntype, "unused": false});
    let with = |mut object: Value, key: &str, value: &str| {
        object[key] = json!(value);
        object
    };
    let integer = |nullable: bool| json!({"type": "INTEGER", "nullable": nullable});
    let timestamp = json!({"type": "TIMESTAMP", "nullable": true, "precision": 0});
    let decimal = json!({"type": "DECIMAL", "nullable": true, "precision": 10, "scale": 2});
    let text_type = json!({"type": "VARCHAR", "nullable": false, "precision": -1});
    let place = |line: u32, start: u32, end: u32| json!({"start_line_number": line, "start_column": start, "end_line_number": line, "end_column": end});
    let connectors = r#"[{"name": "c", "transport": {"name": "datagen", "config": {}}}]"#;
    let end = 18 + connectors.len() as u32 + 1;
    let inputs = json!([
        {
            "name": "R", "case_sensitive": true, "materialized": false, "properties": {}, "primary_key": ["id"],
            "fields": [field("id", integer(false))],
        },
        {
            "name": "t", "case_sensitive": false, "materialized": true, "primary_key": ["id"],
            "foreign_keys": [{"columns": ["r"], "refers": "R", "tocolumns": ["id"]}],
            "fields": [
                field("id", integer(false)),
                with(with(field("ts", timestamp.clone()), "lateness", "INTERVAL '1' HOUR"), "watermark", "INTERVAL '2' HOUR"),
                with(field("n", decimal.clone()), "default", "1.5"),
                field("r", integer(true)),
            ],
            "properties": {
                "materialized": {"value": "true", "key_position": place(8, 3, 16), "value_position": place(8, 20, 25)},
                "connectors": {"value": connectors, "key_position": place(9, 3, 14), "value_position": place(9, 18, end)},
            },
        },
    ]);
    assert_eq!(info["schema"]["inputs"], inputs);
    let other = json!({"name": "Other", "case_sensitive": true, "columntype": integer(false), "unused": false});
    let outputs = json!([
        {
            "name": "error_view", "case_sensitive": false, "materialized": false, "properties": {},
            "fields": [field("table_or_view_name", text_type.clone()), field("message", text_type.clone()), field("metadata", text_type)],
        },
        {
            "name": "m", "case_sensitive": false, "materialized": true, "properties": {},
            "fields": [field("id", integer(false)), other],
        },
        {
            "name": "v", "case_sensitive": false, "materialized": false,
            "fields": [field("ts", timestamp), field("n", decimal), field("r", integer(true))],
            "properties": {
                "emit_final": {"value": "ts", "key_position": place(13, 21, 32), "value_position": place(13, 36, 39)},
            },
        },
    ]);
    assert_eq!(info["schema"]["outputs"], outputs);
    assert_eq!(info["udf_stubs"], "");
    assert_eq!(info["input_connectors"]["t.c"]["stream"], "t");
    assert_eq!(info["output_connectors"], json!({}));
    let mut keys: Vec<&String> = info.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["input_connectors", "output_connectors", "schema", "udf_stubs"]);
}

#[rstest]
#[case("BOOLEAN", json!({"type": "BOOLEAN"}))]
#[case("TINYINT", json!({"type": "TINYINT"}))]
#[case("SMALLINT", json!({"type": "SMALLINT"}))]
#[case("INT", json!({"type": "INTEGER"}))]
#[case("BIGINT", json!({"type": "BIGINT"}))]
#[case("TINYINT UNSIGNED", json!({"type": "UTINYINT"}))]
#[case("SMALLINT UNSIGNED", json!({"type": "USMALLINT"}))]
#[case("INT UNSIGNED", json!({"type": "UINTEGER"}))]
#[case("BIGINT UNSIGNED", json!({"type": "UBIGINT"}))]
#[case("REAL", json!({"type": "REAL"}))]
#[case("DOUBLE", json!({"type": "DOUBLE"}))]
#[case("DECIMAL(5, 3)", json!({"type": "DECIMAL", "precision": 5, "scale": 3}))]
#[case("CHAR(7)", json!({"type": "CHAR", "precision": 7}))]
#[case("VARCHAR", json!({"type": "VARCHAR", "precision": -1}))]
#[case("VARCHAR(7)", json!({"type": "VARCHAR", "precision": 7}))]
#[case("BINARY(7)", json!({"type": "BINARY", "precision": 7}))]
#[case("VARBINARY", json!({"type": "VARBINARY", "precision": -1}))]
#[case("DATE", json!({"type": "DATE"}))]
#[case("TIME", json!({"type": "TIME", "precision": 0}))]
#[case("TIMESTAMP", json!({"type": "TIMESTAMP", "precision": 0}))]
#[case("TIMESTAMP WITH TIME ZONE", json!({"type": "TIMESTAMP_TZ", "precision": 0}))]
#[case("INTERVAL YEAR", json!({"type": "INTERVAL_YEAR"}))]
#[case("INTERVAL YEAR TO MONTH", json!({"type": "INTERVAL_YEAR_MONTH"}))]
#[case("INTERVAL MONTH", json!({"type": "INTERVAL_MONTH"}))]
#[case("INTERVAL DAY", json!({"type": "INTERVAL_DAY"}))]
#[case("INTERVAL DAY TO HOUR", json!({"type": "INTERVAL_DAY_HOUR"}))]
#[case("INTERVAL DAY TO MINUTE", json!({"type": "INTERVAL_DAY_MINUTE"}))]
#[case("INTERVAL DAY TO SECOND", json!({"type": "INTERVAL_DAY_SECOND"}))]
#[case("INTERVAL HOUR", json!({"type": "INTERVAL_HOUR"}))]
#[case("INTERVAL HOUR TO MINUTE", json!({"type": "INTERVAL_HOUR_MINUTE"}))]
#[case("INTERVAL HOUR TO SECOND", json!({"type": "INTERVAL_HOUR_SECOND"}))]
#[case("INTERVAL MINUTE", json!({"type": "INTERVAL_MINUTE"}))]
#[case("INTERVAL MINUTE TO SECOND", json!({"type": "INTERVAL_MINUTE_SECOND"}))]
#[case("INTERVAL SECOND", json!({"type": "INTERVAL_SECOND"}))]
#[case("UUID", json!({"type": "UUID"}))]
#[case("VARIANT", json!({"type": "VARIANT"}))]
#[case("NULL", json!({"type": "NULL"}))]
#[case("INT ARRAY", json!({"type": "ARRAY", "component": {"type": "INTEGER", "nullable": true}}))]
#[case("MAP<VARCHAR(3), INT>", json!({
    "type": "MAP",
    "key": {"type": "VARCHAR", "nullable": false, "precision": 3},
    "value": {"type": "INTEGER", "nullable": true},
}))]
#[case("ROW(a INT NULL, \"B\" DATE)", json!({
    "type": "STRUCT",
    "fields": [
        {"name": "a", "case_sensitive": false, "columntype": {"type": "INTEGER", "nullable": true}, "unused": false},
        {"name": "B", "case_sensitive": true, "columntype": {"type": "DATE", "nullable": false}, "unused": false},
    ],
}))]
fn types_are_told_as_the_contract_says(#[case] text: &str, #[case] mut wanted: Value) {
    for is_nullable in [true, false] {
        wanted["nullable"] = json!(is_nullable);
        assert_eq!(column_type(&ColumnType { kind: text.parse().expect("a type"), is_nullable }), wanted);
    }
}
