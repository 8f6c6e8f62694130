//! Applying changes to real files: marks, atomicity, keys, columns.

mod common;

use alluvium_tablestore::{ApplyError, Change, Column, Error};
use common::{Bench, append, batch, file, mark, moment, refused, schema};

const ID_NAME: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None)];

#[test]
fn rows_are_appended_and_the_mark_moves_with_them() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let applied = table.apply(vec![append(&[Some(2), Some(1)], &[Some("b"), None])]).unwrap();
    assert_eq!((applied.rows, applied.changes[0].inserted), (2, 2));
    assert!(applied.bytes_estimate > 0);
    assert_eq!(table.rows(), [r#"{"id":2,"name":"b"}"#, r#"{"id":1,"name":null}"#]);
    assert_eq!(bench.hub.mark(&table.file).unwrap(), Some(mark(2)));
}

#[test]
fn a_wrong_mark_changes_nothing_and_tells_the_right_one() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let outcome = bench.hub.apply(&table.file, &mark(5), &mark(6), vec![append(&[Some(1)], &[None])]);
    assert!(matches!(outcome, Err(ApplyError::WrongMark { found }) if found == mark(1)));
    assert!(table.rows().is_empty());
}

#[test]
fn a_refused_change_takes_the_ones_before_it_back() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1)], &[Some("a")])]).unwrap();
    let outcome = table.apply(vec![append(&[Some(2)], &[Some("b")]), append(&[None], &[Some("c")])]);
    let (code, details, message) = refused(outcome);
    assert_eq!((code, &details["column"]), ("rows_schema_mismatch", &serde_json::json!("id")), "{message}");
    assert_eq!(table.rows(), [r#"{"id":1,"name":"a"}"#]);
    assert_eq!(bench.hub.mark(&table.file).unwrap(), Some(mark(2)));
    table.apply(vec![append(&[Some(3)], &[None])]).unwrap();
    assert_eq!(table.rows().len(), 2);
}

#[test]
fn a_key_makes_appends_replace() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.apply(vec![append(&[Some(1), Some(2), Some(1)], &[Some("a"), Some("b"), Some("c")])]).unwrap();
    assert_eq!(table.rows(), [r#"{"id":1,"name":"c"}"#, r#"{"id":2,"name":"b"}"#]);
    let applied = table.apply(vec![append(&[Some(2), Some(3), Some(2)], &[Some("x"), Some("y"), Some("z")])]).unwrap();
    assert_eq!((applied.rows, applied.changes[0].inserted, applied.changes[0].updated), (3, 1, 1));
    assert_eq!(table.rows(), [r#"{"id":1,"name":"c"}"#, r#"{"id":2,"name":"z"}"#, r#"{"id":3,"name":"y"}"#]);
    assert_eq!(refused(table.apply(vec![append(&[None], &[None])])).0, "rows_schema_mismatch");
}

#[test]
fn missing_columns_take_their_default_the_same_in_every_replay() {
    let bench = Bench::new();
    let columns = &[
        ("id", "BIGINT", false, None),
        ("uid", "UUID", true, Some("uuid()")),
        ("at", "TIMESTAMP", true, Some("now()")),
        ("name", "VARCHAR", true, None),
        ("state", "VARCHAR", true, Some("'new'")),
    ];
    let (one, two) = (bench.table(columns, &[]), bench.table(columns, &["id"]));
    for table in [&one, &two] {
        table.apply(vec![append(&[Some(1), Some(2)], &[Some("a"), Some("b")])]).unwrap();
    }
    assert_eq!(one.rows(), two.rows());
    assert!(one.rows()[0].contains(r#""at":"2023-11-14T22:13:20","name":"a","state":"new""#), "{}", one.rows()[0]);
    assert_eq!(bench.hub.checksum(&one.file).unwrap().hash, bench.hub.checksum(&two.file).unwrap().hash);
}

#[test]
fn a_table_takes_over_what_another_file_holds_with_the_verdict_or_not_at_all() {
    let bench = Bench::new();
    let columns = &[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None), ("v", "INTEGER", true, Some("7"))];
    let source = bench.table(columns, &["id"]);
    source.apply(vec![append(&[Some(9), Some(8)], &[Some("b"), None])]).unwrap();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1), Some(2), Some(3)], &[None, None, None])]).unwrap();
    let replace = || Change::Replace { from: source.file.clone(), up_to: None, changed_at_micros: None };
    let refused_after = table.apply(vec![replace(), append(&[None], &[Some("no key")])]);
    assert!(refused_after.is_err());
    assert_eq!(table.rows().len(), 3, "nothing of it stays");
    let applied = table.apply(vec![replace()]).unwrap();
    assert_eq!((applied.rows, applied.changes[0].inserted, applied.changes[0].deleted), (2, 2, 3));
    assert_eq!(table.rows(), [r#"{"id":8,"name":null,"v":7}"#, r#"{"id":9,"name":"b","v":7}"#]);
    assert_eq!(bench.hub.schema(&table.file).unwrap(), bench.hub.schema(&source.file).unwrap());
    assert_eq!(bench.hub.checksum(&table.file).unwrap(), bench.hub.checksum(&source.file).unwrap());
    bench.hub.drop(&source.file).unwrap();
    assert!(matches!(table.apply(vec![replace()]), Err(ApplyError::Store(Error::NotFound(_)))));
    assert_eq!(table.rows().len(), 2);
}

#[test]
fn creating_is_idempotent_and_dropping_too() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    bench.hub.create(&table.file, &schema(ID_NAME, &[]), &mark(1)).unwrap();
    table.apply(vec![append(&[Some(1)], &[None])]).unwrap();
    bench.hub.create(&table.file, &schema(ID_NAME, &[]), &mark(1)).unwrap();
    assert_eq!(table.rows().len(), 1, "a file that has moved on is left alone");
    let other = schema(&[("x", "DATE", true, None)], &[]);
    assert_eq!(bench.hub.create(&table.file, &other, &mark(9)).unwrap_err().code(), "table_exists");
    bench.hub.drop(&table.file).unwrap();
    bench.hub.drop(&table.file).unwrap();
    assert!(!bench.hub.exists(&table.file).unwrap());
    assert!(bench.hub.mark(&table.file).unwrap().is_none());
    assert!(matches!(bench.hub.stats(&table.file), Err(Error::NotFound(_))));
}

#[test]
fn columns_come_go_and_change() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1), Some(2)], &[Some("10"), Some("20")])]).unwrap();
    let added = |column| Change::AddColumn { column, moment: moment() };
    // One transaction with everything in it: rows, columns, rows again.
    table
        .apply(vec![
            append(&[Some(3)], &[Some("30")]),
            added(Column::new("a", "INTEGER", true, None).unwrap()),
            added(Column::new("b", "VARCHAR", false, Some("'x'")).unwrap()),
            append(&[Some(4)], &[Some("40")]),
            Change::AlterColumn {
                name: "name".into(),
                new_name: Some("amount".into()),
                new_type: Some("INTEGER".parse().unwrap()),
                set_not_null: Some(true),
                set_default: None,
            },
            Change::DropColumn { name: "a".into() },
        ])
        .unwrap();
    assert_eq!(
        table.rows(),
        [
            r#"{"id":1,"amount":10,"b":"x"}"#,
            r#"{"id":2,"amount":20,"b":"x"}"#,
            r#"{"id":3,"amount":30,"b":"x"}"#,
            r#"{"id":4,"amount":40,"b":"x"}"#
        ]
    );
    let stored = bench.hub.schema(&table.file).unwrap().unwrap();
    assert!(!stored.columns[1].nullable && stored.columns[1].name == "amount");
}

#[test]
fn impossible_alterations_are_refused_and_leave_the_table() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.apply(vec![append(&[Some(1), Some(2)], &[Some("x"), None])]).unwrap();
    let alter = |new_type: Option<&str>, set_not_null| Change::AlterColumn {
        name: "name".into(),
        new_name: None,
        new_type: new_type.map(|text| text.parse().unwrap()),
        set_not_null,
        set_default: None,
    };
    let code = |change| refused(table.apply(vec![change])).0;
    assert_eq!(code(alter(Some("INTEGER"), None)), "invalid_cast");
    assert_eq!(code(alter(None, Some(true))), "null_values_present");
    assert_eq!(code(Change::DropColumn { name: "id".into() }), "column_in_primary_key");
    assert_eq!(code(Change::DropColumn { name: "nope".into() }), "column_not_found");
    let column = Column::new("c", "INTEGER", false, None).unwrap();
    assert_eq!(code(Change::AddColumn { column, moment: moment() }), "default_required");
    let column = Column::new("NAME", "INTEGER", true, None).unwrap();
    assert_eq!(code(Change::AddColumn { column, moment: moment() }), "column_exists");
    assert_eq!(table.rows().len(), 2);
    assert_eq!(bench.hub.schema(&table.file).unwrap().unwrap(), schema(ID_NAME, &["id"]));
}

#[test]
fn a_primary_key_is_checked_before_it_is_declared() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1), Some(1), Some(2)], &[Some("a"), Some("b"), None])]).unwrap();
    let set = |column: &str| vec![Change::SetPrimaryKey { columns: vec![column.into()] }];
    let (code, details, _) = refused(table.apply(set("id")));
    assert_eq!((code, details["example_keys"][0]["id"].as_str()), ("duplicate_key", Some("1")));
    assert_eq!(refused(table.apply(set("name"))).0, "null_values_present");
    table.apply(vec![Change::DeleteRows { predicate_sql: "\"name\" IS NULL".into() }]).unwrap();
    table.apply(set("NAME")).unwrap();
    assert_eq!(refused(table.apply(set("id"))).0, "primary_key_exists");
    table.apply(vec![Change::DropPrimaryKey]).unwrap();
    assert_eq!(refused(table.apply(vec![Change::DropPrimaryKey])).0, "no_primary_key");
    assert!(!bench.hub.schema(&table.file).unwrap().unwrap().columns[1].nullable, "the column stays not-null");
}

#[test]
fn verdicts_are_kept_with_the_rows() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let settle = |request_seq| Change::Settle { request_seq, verdict_json: r#"{"ok":true}"#.into() };
    table.apply(vec![settle(9), settle(9)]).unwrap();
    let kept = bench.hub.settlements(&table.file).unwrap();
    assert_eq!((kept.len(), kept[0].request_seq, kept[0].verdict_json.as_str()), (2, 9, r#"{"ok":true}"#));
    table.apply(vec![Change::DeleteRows { predicate_sql: "true".into() }, settle(10)]).unwrap();
    let kept = bench.hub.settlements(&table.file).unwrap();
    assert_eq!((kept.len(), kept[0].request_seq, kept[0].changes.len()), (1, 10, 1), "earlier ones are on the log");
}

#[test]
fn a_reopened_hub_finds_everything() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.apply(vec![append(&[Some(1)], &[Some("a")])]).unwrap();
    let (dir, at) = (bench.dir, table.at.get());
    let target = table.file.clone();
    drop(table);
    drop(bench.hub);
    let hub = alluvium_tablestore::Hub::open(common::config(dir.path())).unwrap();
    assert!(hub.suspects().is_empty());
    assert_eq!(hub.mark(&target).unwrap(), Some(mark(at)));
    let changes = vec![Change::Append { batch: batch(&[Some(1)], &[Some("b")]), moment: moment() }];
    hub.apply(&target, &mark(at), &mark(at + 1), changes).unwrap();
    assert_eq!(hub.stats(&target).unwrap().rows, 1);
    assert!(hub.first_difference(&target, &target).unwrap().is_none());
    let other = file("other");
    hub.create(&other, &schema(ID_NAME, &["id"]), &mark(1)).unwrap();
    let difference = hub.first_difference(&target, &other).unwrap().unwrap();
    assert!(difference.contains(r#""name":"b""#), "{difference}");
}
