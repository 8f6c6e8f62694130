//! When rows last changed: kept through loads, rows, shapes and copies, and hidden from whoever does not ask.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::HashMap;

use alluvium_tablestore::{
    Change, Changed, Column, ExportFormat, ExportSpec, ExtractSpec, LoadSpec, Moment, PreviewSpec, QuerySpec,
    RowsDecoder, SHOWN_AS,
};
use common::{Bench, Table, csv, file, mark, refused, schema};

const ID_NAME: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)];

fn at(second: i64) -> Moment {
    Moment { event_time_micros: second * 1_000_000, seed: second.to_string() }
}

fn loading(bench: &Bench, text: &str, second: i64, incremental: bool) -> LoadSpec {
    LoadSpec { incremental, moment: at(second), ..csv(bench.blob(text.as_bytes())) }
}

/// `id` and the second of the last change of every row, by id.
fn stamps(table: &Table) -> Vec<(i64, Option<i64>)> {
    let spec = PreviewSpec { limit: 1_000, with_stamp: true, ..PreviewSpec::default() };
    let preview = table.hub.preview(&table.file, &spec).unwrap();
    assert_eq!(preview.columns.last().unwrap().name, SHOWN_AS);
    let mut stamps: Vec<(i64, Option<i64>)> = preview.rows.iter().map(|row| stamp(row.get())).collect();
    stamps.sort_unstable();
    stamps
}

fn stamp(row: &str) -> (i64, Option<i64>) {
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    let second = row[SHOWN_AS].as_str().map(|text| {
        let (hour, rest) = text.split_once('T').unwrap().1.split_once(':').unwrap();
        let (minute, second) = rest.split_once(':').unwrap();
        let number = |text: &str| text.parse::<i64>().unwrap();
        number(hour) * 3_600 + number(minute) * 60 + number(&second[..2])
    });
    (row["id"].as_i64().unwrap(), second)
}

/// Ids of the rows that changed then.
fn changed(table: &Table, since: Option<i64>, until: Option<i64>) -> Vec<i64> {
    let spec = PreviewSpec { limit: 1_000, changed: between(since, until), ..PreviewSpec::default() };
    let preview = table.hub.preview(&table.file, &spec).unwrap();
    assert_eq!(preview.total as usize, preview.rows.len());
    preview.rows.iter().map(|row| stamp(row.get()).0).collect()
}

fn between(since: Option<i64>, until: Option<i64>) -> Changed {
    let micros = |second: i64| second * 1_000_000;
    Changed { since_micros: since.map(micros), until_micros: until.map(micros) }
}

#[test]
fn loads_stamp_what_they_change() {
    let bench = Bench::new();
    for key in [&[][..], &["id"]] {
        let table = bench.table(ID_NAME, key);
        table.load(loading(&bench, "id,name\n1,a\n2,b\n", 10, false)).unwrap();
        assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(10))]);
        table.load(loading(&bench, "id,name\n1,a\n2,b\n", 20, false)).unwrap();
        assert_eq!(stamps(&table), [(1, Some(20)), (2, Some(20))], "a full load is a change of every row");
    }
    let table = bench.table(ID_NAME, &["id"]);
    table.load(loading(&bench, "id,name\n1,a\n2,b\n4,\n", 10, false)).unwrap();
    table.load(loading(&bench, "id,name\n3,d\n2,c\n1,a\n4,\n", 20, true)).unwrap();
    assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(20)), (3, Some(20)), (4, Some(10))]);
    let merge = LoadSpec { delete_missing: true, ..loading(&bench, "id,name\n1,a\n2,x\n", 30, false) };
    table.load(merge).unwrap();
    assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(30))], "a merge is an upsert too");
    assert_eq!(changed(&table, Some(30), None), [2]);
    assert_eq!(changed(&table, None, Some(30)), [1]);
    assert_eq!(changed(&table, Some(10), Some(11)), [1]);
    assert_eq!(changed(&table, Some(11), Some(30)), [0; 0]);
}

/// Message `n` is of second `n`; each group is folded at once.
fn folded(bench: &Bench, key: &[&str], columns: &[(&str, &str, bool, Option<&str>)], groups: &[&[&str]]) -> Table {
    let table = bench.table(columns, key);
    let mut decoder = RowsDecoder::new(schema(columns, key), HashMap::new());
    let mut next = 1;
    for group in groups {
        let payloads: Vec<&[u8]> = group.iter().map(|text| text.as_bytes()).collect();
        let decoded = decoder.decode_many(&payloads);
        assert!(decoded.errors.is_empty());
        let second = |index: usize| next + index as i64;
        let changes =
            decoder.appends(decoded.runs, |index| at(second(index)), |index| at(second(index)).event_time_micros);
        table.apply(changes).unwrap();
        next += group.len() as i64;
    }
    table
}

#[test]
fn how_messages_were_put_together_does_not_show() {
    let bench = Bench::new();
    let messages = [
        r#"{"id":1,"name":"a"}"#,
        r#"[{"id":2,"name":"b"},{"id":3,"name":"c"}]"#,
        r#"{"id":1,"name":"a"}"#,
        r#"[{"id":2,"name":"x"},{"id":3,"name":"c"},{"id":4,"name":null}]"#,
        r#"{"id":2,"name":"b"}"#,
        r#"{"id":4}"#,
        r#"{"id":3,"name":"d"}"#,
        r#"[{"id":3,"name":"d"},{"id":5,"name":"e"},{"id":5,"name":"e"}]"#,
        r#"{"id":4,"name":"f"}"#,
    ];
    let expected = [(1, Some(1)), (2, Some(5)), (3, Some(7)), (4, Some(9)), (5, Some(8))];
    let single: Vec<&[&str]> = messages.chunks(1).collect();
    let splits = [vec![&messages[..]], single, messages.chunks(2).collect(), messages.chunks(4).collect()];
    let tables: Vec<Table> = splits.iter().map(|groups| folded(&bench, &["id"], ID_NAME, groups)).collect();
    for (table, groups) in tables.iter().zip(&splits) {
        assert_eq!(stamps(table), expected, "{} batches", groups.len());
        let differs = bench.hub.first_difference(&tables[0].file, &table.file).unwrap();
        assert_eq!(differs, None);
    }
    let keyless = folded(&bench, &[], ID_NAME, &[&messages[..2], &messages[2..3]]);
    assert_eq!(stamps(&keyless), [(1, Some(1)), (1, Some(3)), (2, Some(2)), (3, Some(2))]);
    // Rows that have to be put beside the table first, because a column takes its default.
    let with_default =
        [ID_NAME, &[("day", "DATE", true, Some("current_date")), ("n", "BIGINT", true, Some("7"))]].concat();
    let [together, apart] = [&[&messages[..]][..], &messages.chunks(1).collect::<Vec<_>>()]
        .map(|groups| stamps(&folded(&bench, &["id"], &with_default, groups)));
    assert_eq!((&together, together.as_slice()), (&apart, &expected[..]));
}

#[test]
fn what_a_difference_of_stamps_means_to_a_comparison() {
    let bench = Bench::new();
    let [one, other] = [10, 11].map(|second| {
        let table = bench.table(ID_NAME, &["id"]);
        table.load(loading(&bench, "id,name\n1,a\n", second, false)).unwrap();
        table
    });
    assert!(bench.hub.first_difference(&one.file, &other.file).unwrap().is_some());
    assert_eq!(bench.hub.checksum(&one.file).unwrap(), bench.hub.checksum(&other.file).unwrap());
    let differ = bench.hub.rows_differ(&one.file, &other.file).unwrap();
    assert_eq!((differ.added, differ.changed, differ.removed), (0, Some(0), 0));
}

#[test]
fn another_shape_is_no_change_of_a_row() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.load(loading(&bench, "id,name\n1,a\n2,b\n", 10, false)).unwrap();
    table.load(loading(&bench, "id,name\n3,c\n", 20, true)).unwrap();
    let column = |name: &str, default| Column::new(name, "BIGINT", true, default).unwrap();
    let changes = [
        Change::AddColumn { column: column("plain", None), moment: at(30) },
        Change::AddColumn { column: column("filled", Some("5")), moment: at(31) },
        Change::SetPrimaryKey { columns: vec!["id".into()] },
        Change::DropColumn { name: "plain".into() },
    ];
    let expected = [(1, Some(10)), (2, Some(10)), (3, Some(20))];
    for change in changes {
        table.apply(vec![change]).unwrap();
        assert_eq!(stamps(&table), expected);
    }
    // The hidden column is not the last one any more.
    table.apply(vec![Change::AddColumn { column: column("last", None), moment: at(32) }]).unwrap();
    table.load(loading(&bench, "id,name,filled,last\n1,a,5,\n4,d,5,1\n", 40, true)).unwrap();
    assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(10)), (3, Some(20)), (4, Some(40))]);
    let copy = file("copy");
    let copied = bench.hub.copy(&table.file, &copy).unwrap();
    assert_eq!(copied.checksum, bench.hub.checksum(&table.file).unwrap());
    assert_eq!(bench.hub.first_difference(&table.file, &copy).unwrap(), None, "a checkpoint keeps stamps");
}

#[test]
fn nobody_sees_it_who_does_not_ask() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.load(loading(&bench, "id,name\n1,a\n", 10, false)).unwrap();
    assert_eq!(table.rows(), [r#"{"id":1,"name":"a"}"#]);
    let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    let ask = |select: &str| {
        let sql = format!("SELECT {select} FROM {} AS t", pinned.relation(0).unwrap());
        pinned.query(&QuerySpec { sql, timeout_ms: 5_000, rows_max: 10, bytes_max: 10_000 })
    };
    assert_eq!(ask("*").unwrap().columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["id", "name"]);
    assert!(ask("\"\u{1}changed\"").is_err());
    let export = |with_stamp| {
        let format = ExportFormat::Csv { gzip: false };
        let spec = ExportSpec {
            format,
            columns: None,
            predicate_sql: None,
            changed: Changed::default(),
            with_stamp,
            limit: None,
            lens: None,
        };
        let to = bench.hub.config().export_dir.join("out.csv");
        bench.hub.export(&table.file, &spec, &to).unwrap();
        std::fs::read_to_string(to).unwrap()
    };
    assert_eq!(export(false), "id,name\n1,a\n");
    assert_eq!(export(true), "id,name,_timestamp\n1,a,1970-01-01 00:00:10+00\n");
    let part = ExtractSpec { changed: between(Some(11), None), ..ExtractSpec::default() };
    let to = bench.hub.config().export_dir.join("part.duckdb");
    assert_eq!(bench.hub.extract(&table.file, &part, &to).unwrap().rows, 0);
    std::fs::remove_file(&to).unwrap();
    let whole = bench.hub.extract(&table.file, &ExtractSpec::default(), &to).unwrap();
    let other = duckdb::Connection::open(&to).unwrap();
    let columns: i64 = other
        .query_row("SELECT count(*) FROM duckdb_columns() WHERE table_name = 'data'", [], |row| row.get(0))
        .unwrap();
    assert_eq!((whole.rows, columns), (1, 2));
    let own = bench.table(&[("id", "BIGINT", true, None), ("_Timestamp", "DATE", true, None)], &[]);
    let spec = PreviewSpec { limit: 1, with_stamp: true, ..PreviewSpec::default() };
    assert_eq!(bench.hub.preview(&own.file, &spec).unwrap_err().code(), "timestamp_column_taken");
    assert!(Column::new("\u{1}changed", "BIGINT", true, None).is_err());
}

#[test]
fn content_of_another_table_stamps_what_it_changes() {
    let bench = Bench::new();
    for key in [&["id"][..], &[]] {
        let (table, other) = (bench.table(ID_NAME, key), bench.table(ID_NAME, key));
        table.load(loading(&bench, "id,name\n1,a\n2,b\n3,\n", 10, false)).unwrap();
        other.load(loading(&bench, "id,name\n1,a\n2,x\n3,\n4,d\n", 20, false)).unwrap();
        let replace = |from: &Table, changed_at_micros| Change::Replace {
            from: from.file.clone(),
            up_to: None,
            changed_at_micros,
        };
        table.apply(vec![replace(&other, Some(30_000_000))]).unwrap();
        assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(30)), (3, Some(10)), (4, Some(30))], "{key:?}");
        // What a table begins with, it has as it is.
        let branch = bench.table(ID_NAME, key);
        branch.apply(vec![replace(&table, None)]).unwrap();
        assert_eq!(bench.hub.first_difference(&branch.file, &table.file).unwrap(), None);
        let column = Column::new("more", "BIGINT", true, Some("1")).unwrap();
        other.apply(vec![Change::AddColumn { column, moment: at(40) }]).unwrap();
        table.apply(vec![replace(&other, Some(50_000_000))]).unwrap();
        assert_eq!(stamps(&table), [1, 2, 3, 4].map(|id| (id, Some(50))), "each has got a value more");
    }
}

#[test]
fn rows_are_deleted_by_the_time_of_their_change() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.load(loading(&bench, "id,name\n1,a\n2,b\n", 10, false)).unwrap();
    table.load(loading(&bench, "id,name\n3,c\n4,d\n", 20, true)).unwrap();
    let delete = |predicate: &str, changed| Change::DeleteChanged { predicate_sql: predicate.into(), changed };
    let applied = table.apply(vec![delete("\"id\" <> 4", between(Some(20), None))]).unwrap();
    assert_eq!(applied.changes[0].deleted, 1);
    assert_eq!(stamps(&table), [(1, Some(10)), (2, Some(10)), (4, Some(20))]);
    table.apply(vec![delete("\"id\" = 1 OR \"id\" = 4", between(None, Some(20)))]).unwrap();
    assert_eq!(stamps(&table), [(2, Some(10)), (4, Some(20))]);
}

/// A file as releases before this one wrote it.
fn earlier(bench: &Bench, uid: &str) -> Table {
    let table = Table { hub: bench.hub.clone(), file: file(uid), at: std::cell::Cell::new(1) };
    let path = bench.hub.path(&table.file).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = duckdb::Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("ATTACH '{}' AS f (BLOCK_SIZE 16384); USE f", path.display())).unwrap();
    let text = serde_json::to_string(&schema(ID_NAME, &["id"])).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE data (id BIGINT NOT NULL, name VARCHAR);
             INSERT INTO data VALUES (1, 'a'), (2, 'b');
             CREATE TABLE _meta (seq BIGINT NOT NULL, hash VARCHAR NOT NULL, stream_created_micros BIGINT NOT NULL,
                 generation INTEGER NOT NULL, row_count BIGINT NOT NULL, schema VARCHAR NOT NULL,
                 schema_version INTEGER NOT NULL);
             CREATE TABLE _settlements (request_seq BIGINT NOT NULL, verdict VARCHAR NOT NULL, changes VARCHAR NOT NULL,
                 row_count BIGINT NOT NULL);
             INSERT INTO _meta VALUES ({}, '{}', {}, 1, 2, '{text}', 1);",
            mark(1).seq,
            mark(1).hash,
            mark(1).stream_created_micros
        ))
        .unwrap();
    table
}

#[test]
fn files_of_earlier_releases_go_on() {
    let bench = Bench::new();
    let table = earlier(&bench, "earlier");
    let before = bench.hub.checksum(&table.file).unwrap();
    let unknown = [(1, None), (2, None)];
    assert_eq!(stamps(&table), unknown, "read as it is");
    assert_eq!((changed(&table, Some(0), None), changed(&table, None, Some(1))), (vec![], vec![1, 2]));
    let copy = file("copied");
    assert_eq!(bench.hub.copy(&table.file, &copy).unwrap().checksum, before);
    let taken_over = bench.table(ID_NAME, &["id"]);
    let replace = Change::Replace { from: table.file.clone(), up_to: None, changed_at_micros: None };
    taken_over.apply(vec![replace]).unwrap();
    assert_eq!(stamps(&taken_over), unknown);

    // A full load right away: the engine would not alter what the same transaction has emptied.
    let full = earlier(&bench, "full");
    full.load(loading(&bench, "id,name\n1,a\n", 5, false)).unwrap();
    assert_eq!(stamps(&full), [(1, Some(5))]);

    table.load(loading(&bench, "id,name\n1,a\n2,x\n3,c\n", 10, true)).unwrap();
    assert_eq!(stamps(&table), [(1, None), (2, Some(10)), (3, Some(10))]);
    assert_ne!(bench.hub.checksum(&table.file).unwrap(), before);
    let delete = || Change::DeleteChanged { predicate_sql: "true".into(), changed: between(Some(10), None) };
    let (code, details, _) = refused(table.apply(vec![delete()]));
    assert_eq!((code, details), ("change_times_unknown", serde_json::json!({ "rows": 1 })));
    // Folded again from the log, all is known; that is no difference.
    let again = bench.table(ID_NAME, &["id"]);
    again.load(loading(&bench, "id,name\n1,a\n2,b\n", 1, false)).unwrap();
    again.load(loading(&bench, "id,name\n1,a\n2,x\n3,c\n", 10, true)).unwrap();
    assert_eq!(bench.hub.first_difference(&table.file, &again.file).unwrap(), None);
    again.apply(vec![delete()]).unwrap();
    assert_eq!(stamps(&again), [(1, Some(1))]);
    table.load(loading(&bench, "id,name\n9,z\n", 20, false)).unwrap();
    table.apply(vec![delete()]).unwrap();
    assert_eq!(stamps(&table), [(0, None); 0]);
}
