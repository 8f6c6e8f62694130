//! INSERT.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use alluvium_query::{Format, QueryErrorKind};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use common::{Kept, Memory, ask_with, engine, held, memory, people};
use rstest::rstest;

fn rows(ids: &[i32], names: &[Option<&str>], heights: &[Option<f64>]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(ids.to_vec())),
        Arc::new(StringArray::from(names.to_vec())),
        Arc::new(Float64Array::from(heights.to_vec())),
    ];
    RecordBatch::try_new(people().schema(), columns).unwrap()
}

#[rstest]
#[case("INSERT INTO people VALUES (4, 'd', 1.5), (5, NULL, NULL)", &[0, 1, 2], rows(&[4, 5], &[Some("d"), None], &[Some(1.5), None]))]
#[case("INSERT INTO people (name, id) VALUES ('d', 4)", &[0, 1], rows(&[4], &[Some("d")], &[None]))]
#[case("INSERT INTO people (\"Height\", ID) SELECT 2, 7", &[0, 2], rows(&[7], &[None], &[Some(2.0)]))]
#[case("INSERT INTO people SELECT id + 10, name, 0 FROM people WHERE id < 3 ORDER BY id", &[0, 1, 2], rows(&[11, 12], &[Some("ann"), None], &[Some(0.0), Some(0.0)]))]
#[case("INSERT INTO PEOPLE VALUES ('6', 7, '8')", &[0, 1, 2], rows(&[6], &[Some("7")], &[Some(8.0)]))]
#[case("PREPARE p AS INSERT INTO people VALUES ($1, $2, 3); EXECUTE p(9, 'x')", &[0, 1, 2], rows(&[9], &[Some("x")], &[Some(3.0)]))]
#[case("PREPARE p AS INSERT INTO people (id) VALUES ($1); EXECUTE p(9)", &[0], rows(&[9], &[None], &[None]))]
#[tokio::test]
async fn rows_go_to_the_sink_as_the_table_has_them(
    #[case] sql: &str,
    #[case] given: &[usize],
    #[case] expected: RecordBatch,
) {
    let kept = Kept::default();
    let body = ask_with(&engine(), &memory(), &kept, sql, Format::Json).await.unwrap();
    assert_eq!(body.text(), format!("{{\"count\":{}}}\n", expected.num_rows()));
    assert_eq!(kept.rows(), [("people".to_owned(), given.to_vec(), expected)]);
}

#[tokio::test]
async fn inserts_may_go_to_tables_that_are_not_materialized() {
    let kept = Kept::default();
    ask_with(&engine(), &memory(), &kept, "INSERT INTO hidden VALUES (4, 'd', 1.5)", Format::Text).await.unwrap();
    assert_eq!(kept.rows()[0].0, "hidden");
}

#[tokio::test]
async fn a_request_reads_what_was_there_before_it() {
    let kept = Kept::default();
    let sql = "INSERT INTO people VALUES (4, 'd', 1); INSERT INTO closed SELECT * FROM people WHERE id > 3; \
               SELECT count(*) AS c FROM people";
    // Nothing is inserted into `closed`, for the new row is not seen, so it does not fail either.
    let body = ask_with(&engine(), &memory(), &kept, sql, Format::Json).await.unwrap();
    assert_eq!(body.text(), "{\"c\":3}\n");
    assert_eq!(kept.rows().len(), 1);
}

#[tokio::test]
async fn the_last_of_several_inserts_is_counted() {
    let kept = Kept::default();
    let sql = "INSERT INTO people VALUES (4, 'd', 1), (5, 'e', 1); INSERT INTO \"People\" VALUES (1); PREPARE p AS SELECT 1; \
               INSERT INTO people SELECT * FROM people WHERE false";
    let body = ask_with(&engine(), &memory(), &kept, sql, Format::Text).await.unwrap();
    assert_eq!(body.text(), "+-------+\n| count |\n+-------+\n| 0     |\n+-------+\n");
    let tables: Vec<_> = kept.rows().into_iter().map(|(table, _, rows)| (table, rows.num_rows())).collect();
    assert_eq!(tables, [("people".to_owned(), 2), ("People".to_owned(), 1)]);
}

#[tokio::test]
async fn the_count_is_unsigned() {
    let sql = "INSERT INTO people VALUES (4, 'd', 1)";
    let body = ask_with(&engine(), &memory(), &Kept::default(), sql, Format::ArrowIpc).await.unwrap();
    let batch = arrow::ipc::reader::StreamReader::try_new(&body.bytes[..], None).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.schema().field(0), &Field::new("count", DataType::UInt64, false));
    assert_eq!(batch.column(0).as_primitive::<UInt64Type>().values(), &[1]);
}

#[rstest]
#[case::too_few("INSERT INTO people VALUES (1, 'a')", "got 2 values in row 0 but expected 3")]
#[case::too_many("INSERT INTO people (id) VALUES (1, 2)", "got 2 values in row 0 but expected 1")]
#[case::unknown("INSERT INTO people (nothing) VALUES (1)", "nothing")]
#[case::twice("INSERT INTO people (id, id) VALUES (1, 2)", "id")]
#[case::not_null("INSERT INTO people (name) VALUES ('a')", "column id of people is NOT NULL and has no default")]
#[case::null("INSERT INTO people VALUES (NULL, 'a', 1)", "column id is NOT NULL")]
#[case::null_in_one_row(
    "INSERT INTO people SELECT CASE WHEN id > 1 THEN id END, 'a', 1 FROM people",
    "column id is NOT NULL"
)]
#[case::not_a_number("INSERT INTO people VALUES ('x', 'a', 1)", "")]
#[case::too_large("INSERT INTO people VALUES (3000000000, 'a', 1)", "")]
#[case::too_large_in_one_row("INSERT INTO people SELECT id * 2000000000::BIGINT, 'a', 1 FROM people", "")]
#[tokio::test]
async fn wrong_rows_insert_nothing(#[case] sql: &str, #[case] words: &str) {
    let kept = Kept::default();
    let error = ask_with(&engine(), &memory(), &kept, sql, Format::Text).await.err().expect("refused");
    assert_eq!((error.kind, error.status()), (QueryErrorKind::Rejected, 400), "{error}");
    assert!(error.message.contains(words), "{error}");
    assert!(kept.rows().is_empty());
}

#[tokio::test]
async fn what_the_sink_refuses_is_told_and_ends_the_request() {
    let kept = Kept::default();
    let sql = "INSERT INTO people VALUES (4, 'd', 1); INSERT INTO closed VALUES (4, 'd', 1); INSERT INTO people VALUES (5, 'e', 1)";
    let error = ask_with(&engine(), &memory(), &kept, sql, Format::Text).await.err().unwrap();
    assert!(error.message.contains("the table is closed"), "{error}");
    assert_eq!((error.kind, kept.rows().len()), (QueryErrorKind::Internal, 1));
}

#[tokio::test]
async fn columns_with_defaults_may_be_left_out_though_they_are_not_null() {
    let fields = vec![
        Field::new("id", DataType::Int32, false),
        Field::new("kind", DataType::Utf8, false).with_metadata([("k".to_owned(), "v".to_owned())].into()),
    ];
    let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![1])), Arc::new(StringArray::from(vec!["a"]))];
    let mut table = held("t", vec![RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()]);
    table.info.defaults = vec![1];
    let memory = Memory { relations: vec![table], ..Memory::default() };
    let kept = Kept::default();
    ask_with(&engine(), &memory, &kept, "INSERT INTO t (id) VALUES (7)", Format::Text).await.unwrap();
    let (_, given, rows) = kept.rows().remove(0);
    assert_eq!((given, rows.column(1).null_count()), (vec![0], 1));
    assert_eq!(rows.schema().field(1).metadata()["k"], "v");
    let error =
        ask_with(&engine(), &memory, &kept, "INSERT INTO t (kind) VALUES ('x')", Format::Text).await.err().unwrap();
    assert!(error.message.contains("column id"), "{error}");
    let error =
        ask_with(&engine(), &memory, &kept, "INSERT INTO t VALUES (1, NULL)", Format::Text).await.err().unwrap();
    assert!(error.message.contains("column kind"), "{error}");
}
