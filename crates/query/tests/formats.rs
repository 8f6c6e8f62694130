//! The formats of results, read back.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::HashSet;
use std::sync::Arc;

use alluvium_query::{Format, Frame, QueryErrorKind};
use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Builder, LargeListArray, MapBuilder, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow::ipc::reader::StreamReader;
use arrow::util::pretty::pretty_format_batches;
use bytes::Bytes;
use common::{Kept, Memory, ask, engine, json, memory, numbers, people, types};
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rstest::rstest;
use serde_json::json;

fn from_ipc(bytes: &[u8]) -> RecordBatch {
    let reader = StreamReader::try_new(bytes, None).unwrap();
    let schema = reader.schema();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn from_parquet(bytes: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    for group in builder.metadata().row_groups() {
        for column in group.columns() {
            assert_eq!(column.compression(), parquet::basic::Compression::SNAPPY);
        }
    }
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Lists, rows and maps.
fn nested() -> RecordBatch {
    let list = LargeListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let row = StructArray::from(vec![
        (
            Arc::new(Field::new("a", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("B", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![Some("x"), Some("y"), None])) as ArrayRef,
        ),
    ]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("list", Arc::new(list)), ("row", Arc::new(row)), ("map", Arc::new(map.finish()))];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn all() -> Memory {
    memory().with("nested", vec![nested()]).with("many", numbers(40, 3_000))
}

#[rstest]
#[case("SELECT * FROM types", types())]
#[case("SELECT * FROM nested", nested())]
#[case("SELECT * FROM people", people())]
#[case("SELECT * FROM people WHERE id > 5", people().slice(0, 0))]
#[case("SELECT * FROM many", concat_batches(&numbers(1, 1)[0].schema(), &numbers(40, 3_000)).unwrap())]
#[tokio::test]
async fn files_hold_what_was_read(#[case] sql: &str, #[case] expected: RecordBatch) {
    // Both formats keep NaN.
    let same = |read: &RecordBatch| {
        assert_eq!(read.schema(), expected.schema());
        assert_eq!(format!("{:?}", read.columns()), format!("{:?}", expected.columns()));
    };
    same(&from_ipc(&ask(&all(), sql, Format::ArrowIpc).await.unwrap().bytes));
    same(&from_parquet(ask(&all(), sql, Format::Parquet).await.unwrap().bytes));
}

#[tokio::test]
async fn types_are_those_that_users_know() {
    let sql = "SELECT 1 AS i, 1.5 AS f, 'a' AS t, now() AS at, arrow_cast('a', 'Utf8View') AS v, [1] AS l, X'00' AS b, \
               CAST('12:00' AS TIME) AS c, DATE '2024-01-01' AS d, TIMESTAMP '2024-01-01 00:00:00' AS s, 1.5::DECIMAL(5, 2) AS n, \
               arrow_cast('a', 'Dictionary(Int32, Utf8)') AS y, upper('a') AS u, arrow_cast(1, 'UInt8') AS q";
    let read = from_ipc(&ask(&memory(), sql, Format::ArrowIpc).await.unwrap().bytes);
    let kinds: Vec<_> = read.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    let expected = [
        DataType::Int64,
        DataType::Float64,
        DataType::Utf8,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Utf8,
        DataType::LargeList(item),
        DataType::LargeBinary,
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal128(5, 2),
        DataType::Utf8,
        DataType::Utf8,
        DataType::UInt8,
    ];
    assert_eq!(kinds, expected);
    assert!(read.schema().fields().iter().all(|field| field.metadata().is_empty()));
}

#[tokio::test]
async fn json_has_a_line_for_each_row_and_a_null_for_each_null() {
    let body = ask(&all(), "SELECT * FROM people", Format::Json).await.unwrap();
    let lines = "{\"id\":1,\"name\":\"ann\",\"Height\":1.5}\n{\"id\":2,\"name\":null,\"Height\":null}\n\
                 {\"id\":3,\"name\":\"bob\",\"Height\":null}\n";
    assert_eq!(body.text(), lines);
    let rows = json(&all(), "SELECT * FROM types").await;
    assert_eq!(
        rows[0],
        json!({"boolean": true, "integer": -1, "unsigned": u64::MAX, "decimal": 123.45, "double": null, "text": "ä\"\n",
               "bytes": "00ff", "day": "2024-01-01", "time": "01:00:00.000000001", "stamp": "2024-01-01T00:00:00.000001",
               "zoned": "2024-01-01T00:00:00.000001Z"})
    );
    assert!(rows[1].as_object().unwrap().values().all(serde_json::Value::is_null));
    assert_eq!(rows[1].as_object().unwrap().len(), types().num_columns());
    let rows = json(&all(), "SELECT * FROM nested").await;
    assert_eq!(
        json!(rows),
        json!([{"list": [1, null], "row": {"a": 1, "B": "x"}, "map": {"k": 1}},
               {"list": null, "row": {"a": null, "B": "y"}, "map": null},
               {"list": [], "row": {"a": 3, "B": null}, "map": {}}])
    );
}

#[rstest]
#[case("SELECT MAP {1: 'a'} AS m", Format::Json, "column m cannot be written as JSON: the keys of a MAP must be texts")]
#[case("SELECT [MAP {1: 'a'}] AS m", Format::Json, "the keys of a MAP must be texts")]
#[tokio::test]
async fn formats_refuse_what_they_have_no_place_for(#[case] sql: &str, #[case] format: Format, #[case] words: &str) {
    let error = ask(&memory(), sql, format).await.err().expect("refused");
    assert_eq!((error.kind, error.status()), (QueryErrorKind::Rejected, 400));
    assert!(error.message.contains(words), "{error}");
    // Others have.
    assert!(ask(&memory(), sql, Format::ArrowIpc).await.unwrap().error.is_none());
    assert!(ask(&memory(), sql, Format::Text).await.unwrap().error.is_none());
    assert!(ask(&memory(), sql, Format::Hash).await.unwrap().error.is_none());
}

#[rstest]
#[case("SELECT * FROM people", pretty(&people()))]
#[case("SELECT * FROM types", pretty(&types()))]
#[case("SELECT * FROM nested", pretty(&nested()))]
#[case("SELECT * FROM people WHERE false", pretty(&people().slice(0, 0)))]
#[case("SELECT '日本' AS \"Ünï\", 'a\nbcd\n' AS lines, '' AS empty", pretty(&RecordBatch::try_from_iter([
    ("Ünï", Arc::new(StringArray::from(vec!["日本"])) as ArrayRef),
    ("lines", Arc::new(StringArray::from(vec!["a\nbcd\n"])) as ArrayRef),
    ("empty", Arc::new(StringArray::from(vec![""])) as ArrayRef),
]).unwrap()))]
#[tokio::test]
async fn text_is_the_grid_that_arrow_draws(#[case] sql: &str, #[case] expected: String) {
    assert_eq!(ask(&all(), sql, Format::Text).await.unwrap().text(), expected);
}

fn pretty(batch: &RecordBatch) -> String {
    format!("{}\n", pretty_format_batches(std::slice::from_ref(batch)).unwrap())
}

#[tokio::test]
async fn a_grid_without_columns_is_drawn_too() {
    let body = ask(&memory(), "PREPARE p AS SELECT 1", Format::Text).await.unwrap();
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    assert_eq!(body.text(), pretty(&nothing));
    for format in [Format::Json, Format::Parquet, Format::ArrowIpc, Format::Hash] {
        assert!(ask(&memory(), "PREPARE p AS SELECT 1", format).await.unwrap().error.is_none());
    }
}

#[tokio::test]
async fn long_cells_are_cut() {
    let body = ask(&memory(), "SELECT repeat('ö', 64) AS a, repeat('ö', 65) AS b", Format::Text).await.unwrap();
    let line = body.text().lines().nth(3).unwrap().to_owned();
    assert_eq!(line, format!("| {} | {}... |", "ö".repeat(64), "ö".repeat(64)));
}

#[tokio::test]
async fn a_grid_of_many_rows_has_one_header() {
    let body = ask(&all(), "SELECT n FROM many ORDER BY n", Format::Text).await.unwrap();
    assert_eq!(body.text().lines().count(), 120_000 + 4);
    assert_eq!(body.text().matches('+').count(), 6);
    assert!(body.text().ends_with("| 119999 |\n+------+\n"), "wider than the first rows");
}

#[rstest]
#[case(Format::Text, "ERROR: ")]
#[case(Format::Json, "{\"error\":\"")]
#[tokio::test]
async fn errors_stand_at_the_end_of_text_and_json(#[case] format: Format, #[case] begin: &str) {
    let body = ask(&memory(), "SELECT 1/0", format).await.unwrap();
    assert!(body.text().starts_with(begin), "{}", body.text());
    assert!(body.text().to_lowercase().contains("divide by zero"), "{}", body.text());
    assert!(body.text().ends_with('\n') && body.error.is_none());
    // Behind rows that were right.
    let many = Memory::default().with("many", numbers(40, 3_000));
    let body = ask(&many, "SELECT 1 / (100000 - n) AS x FROM many", format).await.unwrap();
    let lines: Vec<_> = body.text().lines().collect();
    assert!(lines.len() > 90_000 && lines[lines.len() - 1].starts_with(begin), "{:?}", lines.last());
    if format == Format::Json {
        for line in lines {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[rstest]
#[case(Format::Parquet)]
#[case(Format::ArrowIpc)]
#[case(Format::Hash)]
#[tokio::test]
async fn errors_break_off_what_has_no_words_for_them(#[case] format: Format) {
    let body = ask(&memory(), "SELECT 1 / (id - 3) FROM people", format).await.unwrap();
    let error = body.error.unwrap();
    assert!(error.message.to_lowercase().contains("divide by zero"), "{error}");
    assert_eq!(error.kind, QueryErrorKind::Rejected);
}

async fn hash(memory: &Memory, sql: &str) -> String {
    let body = ask(memory, sql, Format::Hash).await.unwrap();
    assert!(body.error.is_none());
    let hash = body.text().to_owned();
    assert!(hash.len() == 64 && hash.chars().all(|ch| matches!(ch, '0'..='9' | 'A'..='F')), "{hash}");
    hash
}

#[rstest]
#[case("SELECT id, name FROM people", "SELECT id, name FROM people ORDER BY id DESC")]
#[case("SELECT n FROM many", "SELECT n FROM many ORDER BY -n")]
#[case("SELECT 1 AS a UNION ALL SELECT 2", "VALUES (2), (1) ORDER BY 1")]
#[case("SELECT 'NaN'::DOUBLE AS x", "SELECT -('NaN'::DOUBLE) AS x")]
#[case("SELECT arrow_cast('a', 'Utf8View') AS x", "SELECT 'a' AS x")]
#[tokio::test]
async fn equal_rows_have_one_hash_in_any_order(#[case] left: &str, #[case] right: &str) {
    let right = right.replace("VALUES (2), (1) ORDER BY 1", "SELECT column1 AS a FROM (VALUES (2), (1))");
    assert_eq!(hash(&all(), left).await, hash(&all(), &right).await);
}

#[tokio::test]
async fn different_rows_have_different_hashes() {
    let queries = [
        "SELECT 1 AS a",
        "SELECT 1 AS b",
        "SELECT 2 AS a",
        "SELECT '1' AS a",
        "SELECT 1 AS a WHERE false",
        "SELECT '1' AS a WHERE false",
        "SELECT NULL::BIGINT AS a",
        "SELECT 1 AS a UNION ALL SELECT 1",
        "SELECT 1 AS a UNION ALL SELECT 1 UNION ALL SELECT 1",
        "SELECT '' AS a",
        "SELECT NULL::TEXT AS a",
        "SELECT 'a' AS a, '' AS b",
        "SELECT '' AS a, 'a' AS b",
        "SELECT [1, 2] AS a",
        "SELECT [2, 1] AS a",
        "SELECT [[1], [2]] AS a",
        "SELECT [[1, 2]] AS a",
        "SELECT [[1, 2], []] AS a",
        "SELECT ['a, b'] AS a",
        "SELECT ['a', 'b'] AS a",
        "SELECT {x: 1} AS a",
        "SELECT {y: 1} AS a",
        "SELECT MAP {'a': 1} AS a",
        "SELECT MAP {'a': 2} AS a",
        "SELECT true AS a",
        "SELECT false AS a",
        "SELECT 0.0 AS a",
        "SELECT DATE '2024-01-01' AS a",
        "SELECT DATE '2024-01-02' AS a",
        "SELECT INTERVAL '1 day' AS a",
        "SELECT INTERVAL '2 day' AS a",
        "SELECT X'00' AS a",
        "SELECT X'01' AS a",
    ];
    let mut seen = HashSet::new();
    for sql in queries {
        assert!(seen.insert(hash(&memory(), sql).await), "{sql}");
    }
}

#[tokio::test]
async fn a_slice_has_the_hash_of_its_rows() {
    let whole = Memory::default().with("t", vec![nested().slice(1, 2)]);
    let copied = arrow::compute::take_record_batch(&nested(), &Int32Array::from(vec![1, 2])).unwrap();
    let copied = Memory::default().with("t", vec![copied.slice(0, 1), copied.slice(1, 1)]);
    assert_eq!(hash(&whole, "SELECT * FROM t").await, hash(&copied, "SELECT * FROM t").await);
    let numbers = Memory::default().with("t", vec![types().slice(1, 1)]);
    let copied = arrow::compute::take_record_batch(&types(), &Int32Array::from(vec![1])).unwrap();
    assert_eq!(
        hash(&numbers, "SELECT * FROM t").await,
        hash(&Memory::default().with("t", vec![copied]), "SELECT * FROM t").await
    );
}

#[test]
fn formats_have_names_types_and_files() {
    let at = "2024-02-03T04:05:06.7Z".parse().unwrap();
    for (name, content_type, file, is_text) in [
        ("text", "text/plain", None, true),
        ("json", "application/json", None, true),
        ("parquet", "application/octet-stream", Some("results_20240203_040506.parquet"), false),
        ("arrow_ipc", "application/octet-stream", None, false),
        ("hash", "text/plain", None, true),
    ] {
        let format: Format = name.parse().unwrap();
        assert_eq!(
            (format.to_string().as_str(), format.content_type(), format.is_text()),
            (name, content_type, is_text)
        );
        assert_eq!(format.file_name(at).as_deref(), file);
    }
    assert_eq!(Format::default(), Format::Text);
    for wrong in ["", "TEXT", "csv", "arrow"] {
        let error = wrong.parse::<Format>().unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(error.message.contains("text, json, parquet, arrow_ipc, hash"), "{error}");
    }
}

#[tokio::test]
async fn frames_are_of_the_formats_kind_and_end_with_the_error() {
    let frames = async |sql: &str, format| {
        let session = engine().session(Arc::new(all()), Arc::new(Kept::default()));
        let answer = session.plan(sql).await.unwrap().run(format).await.unwrap();
        assert_eq!(answer.format(), format);
        answer.into_frames().collect::<Vec<_>>().await
    };
    assert_eq!(frames("SELECT 1 AS a", Format::Json).await, [Ok(Frame::Text("{\"a\":1}\n".to_owned()))]);
    let ipc = frames("SELECT 1 AS a", Format::ArrowIpc).await;
    assert!(!ipc.is_empty() && ipc.iter().all(|frame| matches!(frame, Ok(Frame::Binary(_)))));
    for format in [Format::Text, Format::Json, Format::Parquet] {
        let frames = frames("SELECT 1/0", format).await;
        let error = frames.last().unwrap().as_ref().unwrap_err();
        let said: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert!(said["error"].as_str().unwrap().to_lowercase().contains("divide by zero"));
    }
}

#[tokio::test]
async fn json_of_arrow_operators_is_text() {
    let rows = from_ipc(&ask(&memory(), "SELECT '{\"a\": [1]}' -> 'a' AS x", Format::ArrowIpc).await.unwrap().bytes);
    assert_eq!(rows.column(0).as_string::<i32>().value(0), "[1]");
    assert_eq!(rows.column(0).null_count(), 0);
    assert!(ask(&memory(), "SELECT '{\"a\": [1]}' -> 'a' AS x", Format::Parquet).await.unwrap().error.is_none());
}
