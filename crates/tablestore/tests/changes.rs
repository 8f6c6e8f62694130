//! What became of rows between two states of a table: by key and by content, in lines and as a stream, within limits.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Read as _;
use std::time::{Duration, Instant};

use alluvium_tablestore::{Changes, ChangesFormat, ChangesSpec, Error, Stop};
use arrow::array::AsArray as _;
use arrow::ipc::reader::StreamReader;
use common::{Bench, Table, csv};
use serde_json::{Value, json};

const LINES: ChangesSpec = ChangesSpec { format: ChangesFormat::JsonLines, timeout_ms: 60_000, bytes_max: 64 << 20 };
const ARROW: ChangesSpec = ChangesSpec { format: ChangesFormat::Arrow, ..LINES };

type Columns<'a> = &'a [(&'a str, &'a str, bool, Option<&'a str>)];

fn made(bench: &Bench, columns: Columns<'_>, key: &[&str], rows: &str) -> Table {
    let table = bench.table(columns, key);
    table.load(csv(bench.blob(rows.as_bytes()))).unwrap();
    table
}

fn changes(earlier: &Table, later: &Table, spec: ChangesSpec) -> Changes {
    earlier.hub.changes(&earlier.file, &later.file, spec, &Stop::default()).unwrap()
}

/// The lines, in the order they came in.
fn lines(earlier: &Table, later: &Table) -> Vec<Value> {
    let mut found = changes(earlier, later, LINES);
    let mut text = String::new();
    found.file.read_to_string(&mut text).unwrap();
    assert_eq!((text.len() as u64, text.lines().count() as u64), (found.bytes, found.rows));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sorted(mut lines: Vec<Value>) -> Vec<Value> {
    lines.sort_by_key(Value::to_string);
    lines
}

#[test]
fn rows_are_matched_by_their_key_and_come_in_its_order() {
    let bench = Bench::new();
    let columns: Columns<'_> = &[("id", "BIGINT", false, None), ("na\"me", "VARCHAR", true, None)];
    let old = made(&bench, columns, &["id"], "id,\"na\"\"me\"\n1,a\n2,\n3,c\n4,d\n");
    let new = made(&bench, columns, &["id"], "id,\"na\"\"me\"\n9,z\n4,\n3,c\n2,b\n");
    let row = |id: i64, name: Option<&str>| json!({ "id": id, "na\"me": name });
    let line = |kind: &str, row: Value| json!({ "kind": kind, "row": row });
    let expected = [
        line("delete", row(1, Some("a"))),
        line("update_before", row(2, None)),
        line("update_after", row(2, Some("b"))),
        line("update_before", row(4, Some("d"))),
        line("update_after", row(4, None)),
        line("insert", row(9, Some("z"))),
    ];
    assert_eq!(lines(&old, &new), expected);
    assert_eq!(lines(&old, &old), [] as [Value; 0]);
    // Of columns that are all in the key, rows only come and go.
    let keys: Columns<'_> = &[("a", "BIGINT", false, None), ("b", "VARCHAR", false, None)];
    let old = made(&bench, keys, &["a", "b"], "a,b\n1,x\n1,y\n");
    let new = made(&bench, keys, &["a", "b"], "a,b\n1,y\n2,x\n");
    let expected = [line("delete", json!({"a": 1, "b": "x"})), line("insert", json!({"a": 2, "b": "x"}))];
    assert_eq!(lines(&old, &new), expected);
}

#[test]
fn without_a_key_in_common_rows_are_counted() {
    let bench = Bench::new();
    let columns: Columns<'_> = &[("id", "BIGINT", true, None), ("note", "VARCHAR", true, None)];
    let old = made(&bench, columns, &[], "id,note\n1,a\n1,a\n1,a\n2,b\n,\n,\n");
    let new = made(&bench, columns, &[], "id,note\n1,a\n2,b\n2,b\n3,c\n,\n");
    let line = |kind: &str, id: Option<i64>, note: Option<&str>| json!({"kind": kind, "row": {"id": id, "note": note}});
    let expected = vec![
        line("delete", Some(1), Some("a")),
        line("delete", Some(1), Some("a")),
        line("delete", None, None),
        line("insert", Some(2), Some("b")),
        line("insert", Some(3), Some("c")),
    ];
    assert_eq!(sorted(lines(&old, &new)), sorted(expected));
    // A key that only one of them has tells nothing of the other's rows.
    let keyed = made(&bench, columns, &["id"], "id,note\n1,a\n2,x\n");
    let found = sorted(lines(&keyed, &new));
    assert!(found.iter().all(|line| matches!(line["kind"].as_str(), Some("insert" | "delete"))), "{found:?}");
    assert_eq!(found.len(), 5, "x goes; b twice, c and an empty one come: {found:?}");
}

#[test]
fn columns_are_those_of_the_later_state() {
    let bench = Bench::new();
    let old = made(
        &bench,
        &[
            ("id", "BIGINT", false, None),
            ("gone", "VARCHAR", true, None),
            ("Size", "VARCHAR", true, None),
            ("nested", "STRUCT(a INTEGER)", true, None),
        ],
        &["id"],
        "id,gone,Size,nested\n1,x,10,{'a': 1}\n2,y,much,\n3,z,30,\n",
    );
    let new = made(
        &bench,
        &[
            ("id", "BIGINT", false, None),
            ("size", "INTEGER", true, None),
            ("added", "VARCHAR", true, None),
            ("nested", "STRUCT(b INTEGER)", true, None),
        ],
        &["id"],
        "id,size,added,nested\n1,10,,\n2,20,,\n3,30,new,\n",
    );
    let line = |kind: &str, id: i64, size: Option<i64>, added: Option<&str>| json!({"kind": kind, "row": {"id": id, "size": size, "added": added, "nested": null}});
    // What differs only in a column that is gone, or by a type that says the same, did not change.
    let expected = [
        line("update_before", 2, None, None),
        line("update_after", 2, Some(20), None),
        line("update_before", 3, Some(30), None),
        line("update_after", 3, Some(30), Some("new")),
    ];
    assert_eq!(lines(&old, &new), expected);
}

#[test]
fn values_are_exact_in_lines_and_in_the_stream() {
    let bench = Bench::new();
    let columns: Columns<'_> = &[
        ("id", "BIGINT", false, None),
        ("huge", "HUGEINT", true, None),
        ("uhuge", "UHUGEINT", true, None),
        ("price", "DECIMAL(10,2)", true, None),
        ("colour", "ENUM('red','blue')", true, None),
        ("tags", "VARCHAR[]", true, None),
        ("at", "TIMESTAMP WITH TIME ZONE", true, None),
        ("zoned", "TIME WITH TIME ZONE", true, None),
        ("kind", "JSON", true, None),
    ];
    let head = "id,huge,uhuge,price,colour,tags,at,zoned,kind\n";
    let old = made(&bench, columns, &["id"], head);
    let big = "170141183460469231731687303715884105727";
    let rows = format!(
        "{head}1,{big},{big},12.50,blue,\"['a','b']\",2026-01-02 03:04:05+00,03:04:05+01,\"{{\"\"a\"\": 1}}\"\n2,,,,red,,,,\n"
    );
    let new = made(&bench, columns, &["id"], &rows);
    let mut found = changes(&old, &new, LINES);
    let mut text = String::new();
    found.file.read_to_string(&mut text).unwrap();
    let first = text.lines().next().unwrap();
    let expected = format!(
        r#"{{"kind":"insert","row":{{"id":1,"huge":{big},"uhuge":{big},"price":"12.50","colour":"blue","tags":["a","b"],"at":"2026-01-02T03:04:05+00:00","zoned":"03:04:05+01","kind":"{{\"a\": 1}}"}}}}"#
    );
    assert_eq!(first, expected);

    let stream = changes(&old, &new, ARROW);
    assert_eq!(stream.rows, 2);
    let batches: Vec<_> = StreamReader::try_new(stream.file, None).unwrap().map(Result::unwrap).collect();
    let batch = &batches[0];
    assert_eq!(batch.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["kind", "row"]);
    assert_eq!(batch.column(0).as_string::<i32>().value(1), "insert");
    let row = batch.column(1).as_struct();
    let names: Vec<&str> = row.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, columns.iter().map(|column| column.0).collect::<Vec<_>>());
    let colours = row.column_by_name("colour").unwrap().as_any_dictionary();
    let names = colours.values().as_string::<i32>();
    assert_eq!(colours.normalized_keys().iter().map(|key| names.value(*key)).collect::<Vec<_>>(), ["blue", "red"]);

    // Without changes there still are columns, and a row that comes often comes often.
    let empty = StreamReader::try_new(changes(&new, &new, ARROW).file, None).unwrap();
    assert_eq!((empty.schema().fields().len(), empty.count()), (2, 0));
    let plain: Columns<'_> = &[("v", "VARCHAR", true, None)];
    let (none, many) =
        (made(&bench, plain, &[], "v\n"), made(&bench, plain, &[], &format!("v\n{}", "x\n".repeat(20_000))));
    let stream = changes(&none, &many, ARROW);
    let rows: usize = StreamReader::try_new(stream.file, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!((rows, stream.rows), (20_000, 20_000));
}

#[test]
fn answers_have_limits_and_can_be_given_up() {
    let bench = Bench::new();
    let columns: Columns<'_> = &[("id", "BIGINT", false, None), ("text", "VARCHAR", true, None)];
    let empty = made(&bench, columns, &["id"], "id,text\n");
    let mut rows = String::from("id,text\n");
    rows.extend((0..400_000_u64).map(|id| format!("{},{id:0100}\n", id * 7_919 % 400_000)));
    let full = made(&bench, columns, &["id"], &rows);
    let asked = |spec: ChangesSpec, stop: &Stop| bench.hub.changes(&empty.file, &full.file, spec, stop).map(|_| ());
    for format in [ChangesFormat::JsonLines, ChangesFormat::Arrow] {
        let small = ChangesSpec { bytes_max: 1 << 20, format, ..LINES };
        assert!(matches!(asked(small, &Stop::default()), Err(Error::ResultTooLarge { .. })), "{format:?}");
    }
    let short = ChangesSpec { timeout_ms: 1, ..LINES };
    assert!(matches!(asked(short, &Stop::default()), Err(Error::QueryTimeout { limit_ms: 1 })));

    // Given up before it begins, and while it runs.
    let stop = Stop::default();
    stop.now();
    assert!(matches!(asked(LINES, &stop), Err(Error::Unavailable(_))));
    let began = Instant::now();
    asked(LINES, &Stop::default()).unwrap();
    let whole = began.elapsed();
    let stop = Stop::default();
    let outcome = std::thread::scope(|scope| {
        let working = scope.spawn(|| asked(LINES, &stop));
        std::thread::sleep(Duration::from_millis(30).min(whole / 4));
        stop.now();
        working.join().unwrap()
    });
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    assert_eq!(std::fs::read_dir(&bench.hub.config().export_dir).unwrap().count(), 0, "nothing is left behind");
    // And the connection is not hurt for whoever has it next.
    asked(LINES, &Stop::default()).unwrap();
}
