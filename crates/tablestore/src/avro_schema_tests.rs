//! Rows written by another Avro library come out of the decoder as promised, and the engine takes them.

use apache_avro::types::Value as Avro;
use apache_avro::{Decimal, Schema as AvroSchemaTree, writer::datum::GenericDatumWriter};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};

use super::{COLUMN_ATTRIBUTE, arrow_schema, avro_names, avro_namespace, avro_schema, with_column_names};
use crate::column::{Column, TableSchema};

fn table(columns: &[(&str, &str)]) -> TableSchema {
    let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
    TableSchema::new(columns, &[]).unwrap()
}

fn some(value: Avro) -> Avro {
    Avro::Union(1, Box::new(value))
}

fn none() -> Avro {
    Avro::Union(0, Box::new(Avro::Null))
}

fn decode(json: &str, rows: &[Vec<(String, Avro)>]) -> RecordBatch {
    let tree = AvroSchemaTree::parse_str(json).unwrap();
    let schema = AvroSchema::new(json.to_owned());
    let mut store = SchemaStore::new();
    let Fingerprint::Rabin(fingerprint) = store.register(schema).unwrap() else { panic!("Rabin") };
    assert_eq!(
        Fingerprint::Rabin(fingerprint),
        AvroSchema::new(json.to_owned()).fingerprint(FingerprintAlgorithm::Rabin).unwrap()
    );
    let mut decoder = ReaderBuilder::new().with_writer_schema_store(store).build_decoder().unwrap();
    for row in rows {
        let datum =
            GenericDatumWriter::builder(&tree).build().unwrap().write_value_to_vec(Avro::Record(row.clone())).unwrap();
        let mut message = vec![0xC3, 0x01];
        message.extend(fingerprint.to_le_bytes());
        message.extend(datum);
        assert_eq!(decoder.decode(&message).unwrap(), message.len());
    }
    decoder.flush().unwrap().unwrap()
}

fn names_of(json: &str) -> Vec<String> {
    let tree: serde_json::Value = serde_json::from_str(json).unwrap();
    tree["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_type_arrives_in_the_engine() {
    let record =
        |fields: &[(&str, Avro)]| Avro::Record(fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect());
    let text = |text: &str| Avro::String(text.to_owned());
    let cases: Vec<(&str, Avro, &str)> = vec![
        ("BOOLEAN", Avro::Boolean(true), "true"),
        ("TINYINT", Avro::Int(-128), "-128"),
        ("SMALLINT", Avro::Int(-32768), "-32768"),
        ("INTEGER", Avro::Int(i32::MIN), "-2147483648"),
        ("BIGINT", Avro::Long(i64::MIN), "-9223372036854775808"),
        ("HUGEINT", text("-170141183460469231731687303715884105728"), "-170141183460469231731687303715884105728"),
        ("UTINYINT", Avro::Int(255), "255"),
        ("USMALLINT", Avro::Int(65535), "65535"),
        ("UINTEGER", Avro::Long(4_294_967_295), "4294967295"),
        ("UBIGINT", text("18446744073709551615"), "18446744073709551615"),
        ("UHUGEINT", text("340282366920938463463374607431768211455"), "340282366920938463463374607431768211455"),
        ("FLOAT", Avro::Float(1.5), "1.5"),
        ("DOUBLE", Avro::Double(-0.25), "-0.25"),
        ("DECIMAL(4,1)", Avro::Decimal(Decimal::from((-12_i16).to_be_bytes())), "-1.2"),
        (
            "DECIMAL(38,10)",
            Avro::Decimal(Decimal::from(12_345_678_901_234_567_890_i128.to_be_bytes())),
            "1234567890.1234567890",
        ),
        ("DECIMAL(9,0)", Avro::Decimal(Decimal::from(7_i8.to_be_bytes())), "7"),
        ("DECIMAL(18,3)", Avro::Decimal(Decimal::from(7_i64.to_be_bytes())), "0.007"),
        ("VARCHAR", text("ünï"), "ünï"),
        ("BLOB", Avro::Bytes(vec![0, 65]), "\\x00A"),
        ("BIT", text("0101"), "0101"),
        ("DATE", Avro::Date(20_455), "2026-01-02"),
        ("TIME", Avro::TimeMicros(11_045_000_001), "03:04:05.000001"),
        ("TIMETZ", text("03:04:05+02"), "03:04:05+02"),
        ("TIMESTAMP", Avro::LocalTimestampMicros(1_767_323_045_123_456), "2026-01-02 03:04:05.123456"),
        ("TIMESTAMP_S", Avro::LocalTimestampMicros(1_767_323_045_000_000), "2026-01-02 03:04:05"),
        ("TIMESTAMP_MS", Avro::LocalTimestampMillis(1_767_323_045_123), "2026-01-02 03:04:05.123"),
        ("TIMESTAMP_NS", Avro::LocalTimestampNanos(1_767_323_045_123_456_789), "2026-01-02 03:04:05.123456789"),
        ("TIMESTAMPTZ", Avro::TimestampMicros(1_767_323_045_123_456), "2026-01-02 03:04:05.123456+00"),
        ("INTERVAL", text("1 year 2 days 03:00:00"), "1 year 2 days 03:00:00"),
        (
            "UUID",
            Avro::Uuid("0cc175b9-c0f1-b6a8-31c3-99e269772661".parse().unwrap()),
            "0cc175b9-c0f1-b6a8-31c3-99e269772661",
        ),
        ("JSON", text("{\"a\": 1}"), "{\"a\": 1}"),
        ("ENUM('a','b c')", text("b c"), "b c"),
        ("INT[]", Avro::Array(vec![some(Avro::Int(1)), none()]), "[1, NULL]"),
        ("INT[2]", Avro::Array(vec![some(Avro::Int(1)), some(Avro::Int(2))]), "[1, 2]"),
        ("DATE[][]", Avro::Array(vec![some(Avro::Array(vec![some(Avro::Date(0))]))]), "[[1970-01-01]]"),
        (
            "STRUCT(a INT, \"b c\" TEXT)",
            record(&[("a", some(Avro::Int(1))), ("b_c_88593a34", some(text("x")))]),
            "{'a': 1, 'b c': x}",
        ),
        ("MAP(VARCHAR, INT)", Avro::Map([("k".to_owned(), some(Avro::Int(1)))].into()), "{k=1}"),
        ("MAP(INT, VARCHAR)", Avro::Array(vec![record(&[("key", Avro::Int(7)), ("value", some(text("v")))])]), "{7=v}"),
    ];
    let connection = duckdb::Connection::open_in_memory().unwrap();
    connection.execute_batch("SET TimeZone = 'UTC'").unwrap();
    for (kind, value, expected) in cases {
        let schema = table(&[("weird name", kind), ("n", "INT")]);
        let json = avro_schema(&schema, "a.b");
        let names = names_of(&json);
        let row = |value: Avro| vec![(names[0].clone(), value), ("n".to_owned(), some(Avro::Int(1)))];
        let batch = decode(&json, &[row(some(value)), row(none())]);
        let batch = with_column_names(&batch, &schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(*batch.schema(), without_metadata(&arrow_schema(&schema)), "{kind}");

        connection.execute_batch(&format!("CREATE OR REPLACE TABLE t (\"weird name\" {kind}, n INT)")).unwrap();
        let mut appender = connection.appender("t").unwrap();
        appender.append_record_batch(batch).unwrap_or_else(|error| panic!("{kind}: {error}"));
        appender.flush().unwrap_or_else(|error| panic!("{kind}: {error}"));
        let got: Vec<Option<String>> = connection
            .prepare("SELECT CAST(\"weird name\" AS VARCHAR) FROM t")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(got, [Some(expected.to_owned()), None], "{kind}");
    }
}

fn without_metadata(schema: &Schema) -> Schema {
    schema.clone().with_metadata(std::collections::HashMap::new())
}

#[test]
fn not_null_columns_have_no_null_branch() {
    let mut schema = table(&[("a", "INT")]);
    schema.columns[0].nullable = false;
    let json = avro_schema(&schema, "");
    assert_eq!(json, r#"{"fields":[{"name":"a","type":"int"}],"name":"Row","type":"record"}"#);
    let batch = decode(&json, &[vec![("a".to_owned(), Avro::Int(3))]]);
    assert_eq!(*with_column_names(&batch, &schema).unwrap().schema(), arrow_schema(&schema));
}

#[test]
fn names_are_mangled_once_and_for_all() {
    let names = avro_names(["ok", "b c", "b_c", "b.c", "1a", "ünï", "b_c_88593a34"]);
    assert!(names.iter().all(|name| super::is_avro_name(name)), "{names:?}");
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
    assert_eq!((names[0].as_str(), names[2].as_str()), ("ok", "b_c"));
    assert_eq!(names[1], "b_c_88593a34_2", "gives way to the column that has the name by right");
    assert_eq!(avro_namespace("in.c-sales..9x"), avro_namespace("in.c-sales.9x"));
    assert!(avro_namespace("in.c-sales").starts_with("in.c_sales_"));
    let json: serde_json::Value = serde_json::from_str(&avro_schema(&table(&[("b c", "INT")]), "x")).unwrap();
    assert_eq!(json["fields"][0][COLUMN_ATTRIBUTE], "b c");
}

#[test]
fn equal_struct_paths_give_unequal_records() {
    let schema =
        table(&[("a", "STRUCT(b STRUCT(x INT))"), ("a_b", "STRUCT(y INT)[]"), ("m", "MAP(INT, STRUCT(a INT))")]);
    AvroSchemaTree::parse_str(&avro_schema(&schema, "n")).unwrap();
}

#[test]
fn rows_of_another_shape_are_refused() {
    let json = avro_schema(&table(&[("a", "TEXT")]), "");
    let batch = decode(&json, &[vec![("a".to_owned(), some(Avro::String("x".into())))]]);
    for other in [table(&[("a", "INT")]), table(&[("b", "TEXT")])] {
        assert_eq!(with_column_names(&batch, &other).unwrap_err().code, "rows_schema_mismatch");
    }
    let wide = table(&[("z", "INT"), ("a", "TEXT")]);
    assert_eq!(with_column_names(&batch, &wide).unwrap().num_columns(), 1);
}
