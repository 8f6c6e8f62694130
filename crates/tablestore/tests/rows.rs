//! Rows in every form they may travel in, friendly and hostile.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_tablestore::{Change, RowsDecoder, TableSchema};
use apache_avro::types::Value;
use apache_avro::{Codec, Schema, Writer};
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use common::{Bench, moment, schema};

const AVRO: &str = r#"{"type":"record","name":"Row","fields":[{"name":"id","type":"long"},
    {"name":"name","type":["null","string"],"default":null}]}"#;
const OLD: &str = r#"{"type":"record","name":"Row","fields":[{"name":"id","type":"long"}]}"#;

fn table() -> TableSchema {
    schema(&[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None)], &[])
}

fn decoder() -> RowsDecoder {
    let schemas = [AVRO, OLD].map(|text| (RowsDecoder::fingerprint(text).unwrap(), text.to_owned()));
    RowsDecoder::new(table(), HashMap::from(schemas))
}

fn single(text: &str, fields: Vec<(&str, Value)>) -> Vec<u8> {
    let schema = Schema::parse_str(text).unwrap();
    let record = Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let mut out = vec![0xc3, 0x01];
    out.extend(RowsDecoder::fingerprint(text).unwrap().to_le_bytes());
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build().unwrap();
    out.extend(writer.write_value_to_vec(record).unwrap());
    out
}

fn row(id: i64, name: &str) -> Vec<u8> {
    single(AVRO, vec![("id", Value::Long(id)), ("name", Value::Union(1, Box::new(Value::String(name.into()))))])
}

/// What the table holds after appending the rows.
fn stored(payload: &[u8]) -> Vec<String> {
    let bench = Bench::new();
    let table = bench.table(&[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None)], &[]);
    for batch in decoder().decode(payload).unwrap() {
        table.apply(vec![Change::Append { batch, moment: moment() }]).unwrap();
    }
    table.rows()
}

fn code(payload: &[u8]) -> &'static str {
    decoder().decode(payload).unwrap_err().code
}

#[test]
fn single_objects_decode_many_at_a_time_and_bad_ones_stand_alone() {
    let mut unknown = row(9, "x");
    unknown[3] ^= 1;
    let mut cut = row(4, "four");
    cut.pop();
    let mut long = row(5, "five");
    long.push(0);
    let old = single(OLD, vec![("id", Value::Long(7))]);
    let messages =
        [row(1, "one"), row(2, "two"), cut, row(3, "three"), unknown, old, long, row(6, "six"), b"junk".to_vec()];
    let payloads: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let many = decoder().decode_many(&payloads);
    let bad: Vec<(usize, &str)> = many.errors.iter().map(|(index, error)| (*index, error.code)).collect();
    assert_eq!(bad, [(2, "rows_malformed"), (4, "rows_unknown_schema"), (6, "rows_malformed"), (8, "rows_malformed")]);
    let good: Vec<_> = many.runs.iter().map(|run| (run.messages.clone(), run.batches[0].num_rows())).collect();
    assert_eq!(good, [(0..2, 2), (3..4, 1), (5..6, 1), (7..8, 1)]);
    let thousand: Vec<Vec<u8>> = (0..1000).map(|n| row(n, "x")).collect();
    let thousand: Vec<&[u8]> = thousand.iter().map(Vec::as_slice).collect();
    let many = decoder().decode_many(&thousand);
    assert_eq!((many.runs.len(), many.runs[0].batches[0].num_rows()), (1, 1000), "one columnar pass");
    assert!(many.errors.is_empty());
}

#[test]
fn containers_of_any_codec_and_writer_decode() {
    let writer_schema = Schema::parse_str(
        r#"{"type":"record","name":"Other","fields":[{"name":"name","type":"string"},{"name":"id","type":"int"}]}"#,
    )
    .unwrap();
    for codec in [Codec::Null, Codec::Deflate(apache_avro::DeflateSettings::default())] {
        let mut writer = Writer::with_codec(&writer_schema, Vec::new(), codec).unwrap();
        for id in 0..3 {
            let mut record = apache_avro::types::Record::new(writer.schema()).unwrap();
            record.put("id", id);
            record.put("name", format!("n{id}"));
            writer.append_value(record).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        assert_eq!(stored(&bytes)[2], r#"{"id":2,"name":"n2"}"#);
        for cut in 5..bytes.len() {
            let _ = decoder().decode(&bytes[..cut]);
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0x55;
            let _ = decoder().decode(&flipped);
        }
        assert_eq!(code(&bytes[..bytes.len() - 3]), "rows_malformed");
    }
}

/// A container by hand: header, then one block of `count` rows.
fn container(schema: &str, codec: &str, count: i64, block: &[u8]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    let long = |out: &mut Vec<u8>, value: i64| {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    };
    long(&mut out, 2);
    for text in ["avro.schema", schema, "avro.codec", codec] {
        long(&mut out, text.len() as i64);
        out.extend(text.as_bytes());
    }
    long(&mut out, 0);
    out.extend([9; 16]);
    long(&mut out, count);
    long(&mut out, block.len() as i64);
    out.extend(block);
    out.extend([9; 16]);
    out
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0u8; 300 * 1024 * 1024];
    let zstd = zstd::encode_all(&zeros[..], 19).unwrap();
    assert!(zstd.len() < 100_000);
    assert_eq!(code(&container(OLD, "zstandard", 10, &zstd)), "rows_too_large");
    assert_eq!(code(&container(OLD, "null", i64::MAX, &[0])), "rows_too_large");
    assert_eq!(code(&container(OLD, "null", -1, &[0])), "rows_malformed");
    let nulls = r#"{"type":"record","name":"R","fields":[{"name":"id","type":{"type":"array","items":"null"}}]}"#;
    assert_eq!(code(&container(nulls, "null", 1, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f, 0])), "rows_malformed");
    // An Arrow stream that claims a body of exabytes.
    let mut stream =
        ipc(&RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap());
    for at in 8..stream.len() {
        let kept = stream[at];
        stream[at] = 0x7f;
        let _ = decoder().decode(&stream);
        stream[at] = kept;
    }
    assert!(decoder().decode(&stream).is_ok());
}

fn ipc(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn arrow_streams_are_widened_but_never_rounded() {
    let batch = |id: ArrayRef| RecordBatch::try_from_iter([("ID", id)]).unwrap();
    assert_eq!(stored(&ipc(&batch(Arc::new(Int32Array::from(vec![1, 2])))))[1], r#"{"id":2,"name":null}"#);
    assert_eq!(stored(&ipc(&batch(Arc::new(Float64Array::from(vec![3.0])))))[0], r#"{"id":3,"name":null}"#);
    for bad in [
        Arc::new(Float64Array::from(vec![1.5])) as ArrayRef,
        Arc::new(StringArray::from(vec!["1"])),
        Arc::new(Int64Array::from(vec![None])),
    ] {
        assert_eq!(code(&ipc(&batch(bad))), "rows_schema_mismatch");
    }
    let extra = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("zzz", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
    ])
    .unwrap();
    assert_eq!(code(&ipc(&extra)), "rows_schema_mismatch");
    let _ = Field::new("x", DataType::Int8, true);
}

#[test]
fn json_rows_come_as_one_many_or_lines() {
    assert_eq!(stored(br#"{"id": 1, "name": "a"}"#), [r#"{"id":1,"name":"a"}"#]);
    assert_eq!(
        stored(br#" [{"id": 9223372036854775807}, {"name": null, "id": 2}]"#),
        [r#"{"id":9223372036854775807,"name":null}"#, r#"{"id":2,"name":null}"#]
    );
    assert_eq!(stored(b"{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":\"\\u00e9\"}\n")[1], "{\"id\":2,\"name\":\"é\"}");
    for bad in [
        &br#"{"id": 1.5}"#[..],
        br#"{"id": "x"}"#,
        br#"{"name": "a"}"#,
        br#"{"id": null}"#,
        br#"{"id": 1, "z": 1}"#,
        br#"{"id": 1, "name": 5}"#,
        br#"{"id": 99999999999999999999}"#,
        br#"{"id": [1]}"#,
        br#"{"id": true}"#,
    ] {
        assert_eq!(code(bad), "rows_schema_mismatch", "{}", String::from_utf8_lossy(bad));
    }
    for bad in [&b"{"[..], b"[1]", b"{}]", b"[", b"", b"hello", b"\xff\xff\xff\xff", b"\xc3\x01", b"Obj\x01"] {
        assert_eq!(code(bad), "rows_malformed", "{bad:?}");
    }
}

#[test]
fn json_values_of_every_type_arrive() {
    let bench = Bench::new();
    let columns = &[
        ("h", "HUGEINT", true, None),
        ("d", "DECIMAL(10,2)", true, None),
        ("b", "BLOB", true, None),
        ("j", "JSON", true, None),
        ("u", "UUID", true, None),
        ("e", "ENUM('x', 'y')", true, None),
        ("t", "TIMESTAMPTZ", true, None),
        ("n", "TIMESTAMP_NS", true, None),
        ("c", "TIME", true, None),
        ("l", "INTEGER[]", true, None),
        ("s", "STRUCT(a BIGINT, b VARCHAR)", true, None),
        ("i", "INTERVAL", true, None),
        ("f", "FLOAT", true, None),
        ("o", "BOOLEAN", true, None),
        ("y", "DATE", true, None),
        ("k", "UBIGINT", true, None),
    ];
    let table = bench.table(columns, &[]);
    let mut decoder = RowsDecoder::new(schema(columns, &[]), HashMap::new());
    let text = br#"{"h":170141183460469231731687303715884105727,"d":"1.50","b":"AP8=","j":{"a":[1]},
        "u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","e":"y","t":"2024-01-15T14:30:00+02:00","n":"2024-01-15T14:30:00.123456789",
        "c":"01:02:03","l":[1,null],"s":{"a":1,"b":"x"},"i":"1 year","f":0.5,"o":true,"y":"2024-02-29","k":18446744073709551615}"#;
    for batch in decoder.decode(text).unwrap() {
        table.apply(vec![Change::Append { batch, moment: moment() }]).unwrap();
    }
    assert_eq!(
        table.rows(),
        [concat!(
            r#"{"h":170141183460469231731687303715884105727,"d":"1.50","b":"AP8=","j":"{\"a\":[1]}","#,
            r#""u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","e":"y","t":"2024-01-15T12:30:00+00:00","#,
            r#""n":"2024-01-15T14:30:00.123456789","c":"01:02:03","l":[1,null],"s":{"a":1,"b":"x"},"i":"1 year","f":0.5,"o":true,"#,
            r#""y":"2024-02-29","k":18446744073709551615}"#
        )]
    );
    for bad in
        [r#"{"e":"z"}"#, r#"{"u":"nope"}"#, r#"{"d":1.234}"#, r#"{"b":"***"}"#, r#"{"j":"{"}"#, r#"{"y":"31.12.2024"}"#]
    {
        assert_eq!(decoder.decode(bad.as_bytes()).unwrap_err().code, "rows_schema_mismatch", "{bad}");
    }
}

#[test]
fn the_tables_own_avro_schema_carries_every_type_and_any_name() {
    let bench = Bench::new();
    let columns = &[
        ("id", "BIGINT", false, None),
        ("größe, netto", "DECIMAL(10,2)", true, None),
        ("tiny", "UTINYINT", true, None),
        ("big", "UBIGINT", true, None),
        ("u", "UUID", true, None),
        ("t", "TIMESTAMPTZ", true, None),
        ("l", "INTEGER[]", true, None),
        ("s", "STRUCT(\"a b\" BIGINT, c VARCHAR)", true, None),
        ("m", "MAP(INTEGER, VARCHAR)", true, None),
        ("n", "MAP(VARCHAR, DOUBLE)", true, None),
    ];
    let schema = schema(columns, &["id"]);
    let table = bench.table(columns, &["id"]);
    let text = alluvium_tablestore::avro_schema::avro_schema(&schema, "demo");
    let parsed = Schema::parse_str(&text).unwrap();
    let Schema::Record(record) = &parsed else { panic!("{text}") };
    let some = |value: Value| Value::Union(1, Box::new(value));
    let pair = |key: i32, value: &str| {
        let Schema::Union(union) = &record.fields[8].schema else { panic!("{text}") };
        let Schema::Array(array) = &union.variants()[1] else { panic!("{text}") };
        let Schema::Record(entry) = array.items.as_ref() else { panic!("{text}") };
        let key_value =
            if matches!(entry.fields[0].schema, Schema::Union(_)) { some(Value::Int(key)) } else { Value::Int(key) };
        let value = if matches!(entry.fields[1].schema, Schema::Union(_)) {
            some(Value::String(value.into()))
        } else {
            Value::String(value.into())
        };
        Value::Record(vec![(entry.fields[0].name.clone(), key_value), (entry.fields[1].name.clone(), value)])
    };
    let Schema::Union(union) = &record.fields[7].schema else { panic!("{text}") };
    let Schema::Record(inner) = &union.variants()[1] else { panic!("{text}") };
    let values = vec![
        Value::Long(1),
        some(Value::Decimal(apache_avro::Decimal::from(150_i64.to_be_bytes()))),
        some(Value::Int(255)),
        some(Value::String("18446744073709551615".into())),
        some(Value::String("6ba7b810-9dad-11d1-80b4-00c04fd430c8".into())),
        some(Value::TimestampMicros(1_700_000_000_000_000)),
        some(Value::Array(vec![some(Value::Int(1)), Value::Union(0, Box::new(Value::Null))])),
        some(Value::Record(vec![
            (inner.fields[0].name.clone(), some(Value::Long(7))),
            (inner.fields[1].name.clone(), some(Value::String("x".into()))),
        ])),
        some(Value::Array(vec![pair(2, "two")])),
        some(Value::Map(HashMap::from([("k".to_owned(), some(Value::Double(0.5)))]))),
    ];
    let fields = record.fields.iter().map(|field| field.name.clone()).zip(values).collect();
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&parsed).build().unwrap();
    let mut payload = vec![0xc3, 0x01];
    let fingerprint = RowsDecoder::fingerprint(&text).unwrap();
    payload.extend(fingerprint.to_le_bytes());
    payload.extend(writer.write_value_to_vec(Value::Record(fields)).unwrap());
    let mut decoder = RowsDecoder::new(schema, HashMap::from([(fingerprint, text)]));
    let batch = decoder.decode(&payload).unwrap().remove(0);
    table.apply(vec![Change::Append { batch, moment: moment() }]).unwrap();
    assert_eq!(
        table.rows(),
        [concat!(
            r#"{"id":1,"größe, netto":"1.50","tiny":255,"big":18446744073709551615,"u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","#,
            r#""t":"2023-11-14T22:13:20+00:00","l":[1,null],"s":{"a b":7,"c":"x"},"m":{"2":"two"},"n":{"k":0.5}}"#
        )]
    );
}
