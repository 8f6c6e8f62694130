//! Changes, from columns to bytes.

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use serde_json::{Value, json};
use std::sync::Arc;

use super::*;
use crate::tests::{parser, table};
use crate::{InputTable, Table};

/// Rows of a table, from a JSON array of rows.
fn rows(table: &Table, rows: &str) -> RecordBatch {
    let format = r#"{"name":"json","config":{"update_format":"raw","array":true}}"#;
    let parsed = parser(format, InputTable::new(table.clone()).unwrap()).parse(rows.as_bytes());
    assert!(parsed.errors.is_empty(), "{}", parsed.errors);
    parsed.changes[0].batch.clone()
}

fn encoder(format: &Value, table: &Table) -> Encoder {
    let options = EncoderOptions { relation: "v".to_owned(), stream_id: 77, ..EncoderOptions::default() };
    FormatConfig::from_json(format).unwrap().encoder(&table.columns, options).unwrap()
}

fn json(config: Value) -> Value {
    json!({"name": "json", "config": config})
}

/// The chunks that are written.
fn chunks(encoder: &mut Encoder, batch: &RecordBatch, weights: &[i64]) -> Vec<String> {
    let mut records = encoder.records(batch, weights).unwrap();
    let mut found = Vec::new();
    loop {
        let mut out = Vec::new();
        let Some(chunk) = records.chunk(&mut out) else { return found };
        assert!(chunk.errors.is_empty(), "{chunk:?}");
        found.push(String::from_utf8(out).unwrap());
    }
}

fn messages(encoder: &mut Encoder, batch: &RecordBatch, weights: &[i64]) -> Vec<(String, Option<String>)> {
    let mut records = encoder.records(batch, weights).unwrap();
    let mut found = Vec::new();
    let (mut key, mut value) = (Vec::new(), Vec::new());
    while let Some(message) = records.message(&mut key, &mut value) {
        let message = message.unwrap();
        assert_eq!((message.has_key, message.has_value), (!key.is_empty(), !value.is_empty()));
        let text = |bytes: &mut Vec<u8>| String::from_utf8(std::mem::take(bytes)).unwrap();
        found.push((text(&mut key), message.has_value.then(|| text(&mut value))));
    }
    found
}

const THREE: &str = r#"[{"id":1,"name":"a"},{"id":2,"name":null},{"id":3,"name":"é\"\n"}]"#;

#[test]
fn what_went_is_before_what_came_in_chunks_of_a_size() {
    let table = table("id INTEGER, name VARCHAR");
    let batch = rows(&table, THREE);
    let (one, two, three) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":null}"#, r#"{"id":3,"name":"é\"\n"}"#);
    let (in1, out2, in3) =
        (format!("{{\"insert\":{one}}}"), format!("{{\"delete\":{two}}}"), format!("{{\"insert\":{three}}}"));
    for (config, chunked) in [
        (json!({}), vec![format!("{out2}\n{in1}\n{in1}\n{in3}\n")]),
        (json!({"buffer_size_records": 2}), vec![format!("{out2}\n{in1}\n"), format!("{in1}\n{in3}\n")]),
        (json!({"buffer_size_records": 3}), vec![format!("{out2}\n{in1}\n{in1}\n"), format!("{in3}\n")]),
        (json!({"array": true}), vec![format!("[{out2},{in1},{in1},{in3}]")]),
        (json!({"array": true, "buffer_size_records": 3}), vec![format!("[{out2},{in1},{in1}]"), format!("[{in3}]")]),
    ] {
        assert_eq!(chunks(&mut encoder(&json(config.clone()), &table), &batch, &[2, -1, 1]), chunked, "{config}");
    }
    assert!(chunks(&mut encoder(&json(json!({"array": true})), &table), &batch, &[0, 0, 0]).is_empty());
    let empty = batch.slice(0, 0);
    assert!(chunks(&mut encoder(&json(json!({})), &table), &empty, &[]).is_empty());
}

#[test]
fn chunks_have_no_more_bytes_than_they_may() {
    let table = table("id INTEGER, name VARCHAR");
    let batch = rows(&table, r#"[[1,"a"],[2,"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"],[3,"c"],[4,"d"]]"#);
    for (config, sizes) in [(json!({}), [1, 1, 2]), (json!({"array": true}), [1, 1, 2])] {
        let is_array = config.get("array").is_some();
        let mut encoder = encoder(&json(config), &table);
        let mut records = encoder.records(&batch, &[1, 1, 1, 1]).unwrap();
        let one = r#"{"insert":{"id":1,"name":"a"}}"#.len();
        let limits = ChunkLimits { records: 100, bytes: 2 * (one + 1) + usize::from(is_array) };
        let mut found = Vec::new();
        let mut all = b"before".to_vec();
        let mut written = all.len();
        while let Some(chunk) = records.limited_chunk(&mut all, limits) {
            found.push(chunk.records);
            assert!(chunk.records == 1 || all.len() - written <= limits.bytes);
            written = all.len();
        }
        assert_eq!(found, sizes);
    }
}

#[test]
fn csv_has_the_weight_behind() {
    let table = table("id INTEGER, name VARCHAR, b VARBINARY, d DOUBLE, t TIMESTAMP, l INTEGER ARRAY, v VARIANT");
    let batch = rows(
        &table,
        r#"[
            [1,"a,b",[],"NaN","2024-01-01 00:00:00",[1,2],{"x":"y"}],
            [null,null,null,null,null,null,null],
            [3,"say \"hi\"\r\n",[255],"-Infinity","2024-01-01 00:00:00.000001",[],"text"],
            [4,"NULL",[0],1,null,null,7]
        ]"#,
    );
    let lines = [
        ",,,,,,,-1\n",
        "1,\"a,b\",0x,NaN,2024-01-01 00:00:00.000,\"[1,2]\",\"{\"\"x\"\":\"\"y\"\"}\",1\n",
        "1,\"a,b\",0x,NaN,2024-01-01 00:00:00.000,\"[1,2]\",\"{\"\"x\"\":\"\"y\"\"}\",1\n",
        "3,\"say \"\"hi\"\"\r\n\",0xff,-Inf,2024-01-01 00:00:00.000001,[],\"\"\"text\"\"\",1\n",
        "4,NULL,0x00,1.0,,,7,1\n",
    ];
    let mut plain = encoder(&json!({"name": "csv"}), &table);
    assert_eq!(chunks(&mut plain, &batch, &[2, -1, 1, 1]), [lines.concat()]);
    let mut small = encoder(&json!({"name": "csv", "config": {"buffer_size_records": 2}}), &table);
    assert_eq!(chunks(&mut small, &batch, &[2, -1, 1, 1]).len(), 3);
    let mut bars = encoder(&json!({"name": "csv", "config": {"delimiter": "|"}}), &table);
    assert_eq!(chunks(&mut bars, &batch, &[0, 0, 0, 1]), ["4|NULL|0x00|1.0|||7|1\n"]);
    assert!(!plain.is_keyed());
    assert_eq!(messages(&mut plain, &batch, &[0, 0, 0, 1]), [(String::new(), Some(lines[4].to_owned()))]);
}

#[test]
fn snowflake_counts_its_records() {
    let table = table("id INTEGER, name VARCHAR");
    let batch = rows(&table, THREE);
    let mut encoder = encoder(&json(json!({"update_format": "snowflake"})), &table);
    let line = |row: &str, action: &str, number: u64| {
        format!("{row},\"__action\":\"{action}\",\"__stream_id\":77,\"__seq_number\":{number}}}\n")
    };
    let expected = line("{\"id\":2,\"name\":null", "delete", 1)
        + &line("{\"id\":1,\"name\":\"a\"", "insert", 2)
        + &line("{\"id\":1,\"name\":\"a\"", "insert", 3);
    assert_eq!(chunks(&mut encoder, &batch, &[2, -1, 0]), [expected]);
    assert_eq!(chunks(&mut encoder, &batch, &[1, 0, 0]), [line("{\"id\":1,\"name\":\"a\"", "insert", 4)]);
    assert_eq!(encoder.next_sequence(), Some(5));
    let clash = crate::tests::table("__action VARCHAR");
    let format = FormatConfig::from_json(&json(json!({"update_format": "snowflake"}))).unwrap();
    assert!(format.encoder(&clash.columns, EncoderOptions::default()).is_err());
}

#[test]
fn redis_has_a_key_and_a_row_or_nothing() {
    let table = table("id INTEGER, name VARCHAR, day DATE, x DOUBLE");
    let batch = rows(&table, r#"[[1,"a:\"b\"","2024-01-01",1.5],[2,null,null,null]]"#);
    let config = json!({"update_format": "redis", "key_fields": ["Name", "id", "day"]});
    let mut encoder = encoder(&json(config), &table);
    assert!(encoder.is_keyed());
    let row = r#"{"id":1,"name":"a:\"b\"","day":"2024-01-01","x":1.5}"#;
    assert_eq!(
        messages(&mut encoder, &batch, &[1, -1]),
        [("null:2:null".to_owned(), None), ("a:\"b\":1:2024-01-01".to_owned(), Some(format!("{row}\n")))]
    );
    let mut out = Vec::new();
    let chunk = encoder.records(&batch, &[1, -1]).unwrap().chunk(&mut out).unwrap();
    assert_eq!((chunk.records, chunk.errors.len(), out), (1, 1, format!("{row}\n").into_bytes()));
}

#[test]
fn debezium_has_schemas_beside_values() {
    let table = table(
        "id INTEGER NOT NULL, name VARCHAR, day DATE, at TIMESTAMP, n DECIMAL(5,2), l BIGINT ARRAY, m MAP<DATE,UUID>, r ROW(x REAL)",
    );
    let batch = rows(
        &table,
        r#"[[1,"a","1970-01-02","1970-01-01 00:00:01",1.5,[1],{"1970-01-02":"67e5504410b1426f9247bb680e5fe0c8"},{"x":1}],[2]]"#,
    );
    let config = json!({"update_format": "debezium", "key_fields": ["id"]});
    let found = messages(&mut encoder(&json(config), &table), &batch, &[1, -1]);
    let parsed: Vec<(Value, Value)> = found
        .into_iter()
        .map(|(key, value)| (serde_json::from_str(&key).unwrap(), serde_json::from_str(&value.unwrap()).unwrap()))
        .collect();
    assert_eq!(
        parsed[0].0,
        json!({
            "schema": {"type": "struct", "optional": false, "name": "v.Key",
                       "fields": [{"field": "id", "type": "int32", "optional": false}]},
            "payload": {"id": 2},
        })
    );
    let row = json!({"id": 2, "name": null, "day": null, "at": null, "n": null, "l": null, "m": null, "r": null});
    assert_eq!(parsed[0].1["payload"], json!({"before": row, "after": null, "op": "d"}));
    let row = json!({"id": 1, "name": "a", "day": 1, "at": 1000, "n": "1.50", "l": [1],
                     "m": {"1": "67e55044-10b1-426f-9247-bb680e5fe0c8"}, "r": {"x": 1.0}});
    assert_eq!(parsed[1].1["payload"], json!({"before": null, "after": row, "op": "c"}));
    let schema = &parsed[1].1["schema"];
    assert_eq!(schema["name"], "v.Envelope");
    assert_eq!(schema["fields"][2], json!({"field": "op", "type": "string", "optional": false}));
    let after = &schema["fields"][1];
    assert_eq!((&after["field"], &after["optional"]), (&json!("after"), &json!(true)));
    let day = json!({"type": "int32", "name": "org.apache.kafka.connect.data.Date", "version": 1});
    let mut expected = vec![
        json!({"field": "id", "type": "int32"}),
        json!({"field": "name", "type": "string"}),
        day,
        json!({"field": "at", "type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "version": 1}),
        json!({"field": "n", "type": "string"}),
        json!({"field": "l", "type": "array", "items": {"type": "int64", "optional": true}}),
        json!({"field": "m", "type": "map", "keys": {"type": "string", "optional": false},
               "values": {"type": "string", "name": "io.debezium.data.Uuid", "version": 1, "optional": true}}),
        json!({"field": "r", "type": "struct", "fields": [{"field": "x", "type": "float", "optional": false}]}),
    ];
    expected[2]["field"] = json!("day");
    for (at, each) in expected.iter_mut().enumerate() {
        each["optional"] = json!(at > 0);
    }
    assert_eq!(after["fields"], json!(expected));

    // Without a key, all columns are it; chunks have the values alone, on lines.
    let mut encoder = encoder(&json(json!({"update_format": "debezium"})), &table);
    let key: Value = serde_json::from_str(&messages(&mut encoder, &batch, &[0, 1])[0].0).unwrap();
    assert_eq!(key["payload"]["id"], 2);
    assert_eq!(key["schema"]["fields"].as_array().unwrap().len(), 8);
    assert_eq!(chunks(&mut encoder, &batch, &[1, 1])[0].lines().count(), 2);
}

#[test]
fn rows_that_cannot_be_written_are_left_out() {
    let table = table("id INTEGER, b VARBINARY");
    let long = format!("[[1,[{}0]],[2,[1]]]", "0,".repeat(5_000));
    let batch = rows(&table, &long);
    for array in [false, true] {
        let mut encoder = encoder(&json(json!({"json_flavor": "blockchain", "array": array})), &table);
        let mut records = encoder.records(&batch, &[3, 1]).unwrap();
        let mut out = Vec::new();
        let chunk = records.chunk(&mut out).unwrap();
        assert_eq!((chunk.records, chunk.errors.len()), (1, 1));
        let line = r#"{"insert":{"id":2,"b":"2"}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), if array { format!("[{line}]") } else { format!("{line}\n") });
        assert!(records.chunk(&mut Vec::new()).is_none());
        drop(records);
        let mut records = encoder.records(&batch, &[3, 0]).unwrap();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        assert!(records.message(&mut key, &mut value).unwrap().is_err());
        assert!(key.is_empty() && value.is_empty());
        assert!(records.message(&mut key, &mut value).is_none());
    }
}

#[test]
fn values_are_written_as_the_flavor_has_them() {
    let table = table(
        "d DATE, t TIME, p TIMESTAMP, z TIMESTAMP WITH TIME ZONE, n DECIMAL(5,2), b VARBINARY, v VARIANT, m MAP<INTEGER,REAL>",
    );
    let batch = rows(
        &table,
        r#"[["2024-02-29","01:02:03.456789012","2024-02-29 01:02:03.456789","2024-02-29T00:00:00Z",-1.5,[0,1],{"a":"x"},{"2":1,"1":2.5}]]"#,
    );
    let maps = r#"{"1":2.5,"2":1.0}"#;
    let zulu = "\"2024-02-29T00:00:00Z\"";
    let (time, inline, text) = ("\"01:02:03.456789012\"", r#"{"a":"x"}"#, r#""{\"a\":\"x\"}""#);
    let blank = "\"2024-02-29 01:02:03.456789\"";
    for (flavor, d, t, p, z, n, b, v) in [
        ("default", "\"2024-02-29\"", time, blank, zulu, "-1.50", "[0,1]", inline),
        ("debezium_mysql", "19782", "3723456789", "\"2024-02-29T01:02:03.456789Z\"", zulu, "\"-1.50\"", "[0,1]", text),
        ("debezium_postgres", "19782", "3723456789", "1709168523456", zulu, "\"-1.50\"", "[0,1]", text),
        (
            "snowflake",
            "\"2024-02-29\"",
            time,
            "\"2024-02-29T01:02:03.456789+00:00\"",
            "\"2024-02-29T00:00:00+00:00\"",
            "\"-1.50\"",
            "[0,1]",
            text,
        ),
        ("kafka_connect_json_converter", "19782", "3723456", "1709168523456", zulu, "\"-1.50\"", "[0,1]", text),
        ("pandas", "\"2024-02-29\"", time, "1709168523456", "1709164800000", "\"-1.50\"", "[0,1]", text),
        ("blockchain", "\"2024-02-29\"", time, blank, zulu, "-1.50", "\"12\"", inline),
        ("c_hex", "\"2024-02-29\"", time, blank, zulu, "-1.50", "\"0x0001\"", inline),
        ("datagen", "\"2024-02-29\"", time, "\"2024-02-29T01:02:03.456789Z\"", zulu, "-1.50", "[0,1]", inline),
        ("postgres", "\"2024-02-29\"", time, blank, zulu, "\"-1.50\"", r#""\\x0001""#, inline),
        ("clock", "\"2024-02-29\"", time, "1709168523456", zulu, "-1.50", "[0,1]", inline),
    ] {
        let mut encoder = encoder(&json(json!({"json_flavor": flavor})), &table);
        let row = format!(
            "{{\"insert\":{{\"d\":{d},\"t\":{t},\"p\":{p},\"z\":{z},\"n\":{n},\"b\":{b},\"v\":{v},\"m\":{maps}}}}}\n"
        );
        assert_eq!(chunks(&mut encoder, &batch, &[1]), [row], "{flavor}");
    }
}

#[test]
fn variants_stay_on_their_line() {
    let table = table("v VARIANT");
    for (text, written) in [("{\"a\":\n1}", "{\"a\":1}"), ("no json", "\"no json\""), ("{}", "{}"), ("a\n", "\"a\\n\"")]
    {
        let schema = Arc::new(Schema::new(vec![crate::types::field("v", &table.columns[0].column_type)]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![text]))]).unwrap();
        let found = chunks(&mut encoder(&json(json!({})), &table), &batch, &[1]);
        assert_eq!(found, [format!("{{\"insert\":{{\"v\":{written}}}}}\n")]);
    }
}

#[test]
fn rows_of_something_else_are_refused() {
    let table = table("id INTEGER, name VARCHAR");
    let batch = rows(&table, THREE);
    let mut encoder = encoder(&json!({"name": "csv"}), &table);
    assert!(encoder.records(&batch, &[1]).is_err());
    assert!(encoder.records(&batch.project(&[0]).unwrap(), &[1, 1, 1]).is_err());
    let names = batch.column(1).clone();
    let other = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _), ("name", names)]);
    assert!(encoder.records(&other.unwrap(), &[1, 1, 1]).is_err());
}
