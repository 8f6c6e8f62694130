//! Rows that come and go by weight, one case after another.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/zset.rs"]
mod zset;

use std::sync::Arc;

use alluvium_tablestore::{
    Applied, ApplyError, COPIES_MAX, Change, ChangeReport, Column, ColumnType, CreateOptions, Error, ExportFormat,
    ExportSpec, Original, QuerySpec, Step, TableFile,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use common::{Bench, Table, append, batch, file, mark, moment, refused, schema, uuid};
use zset::{KINDS, batch_of, held, schema_of, weighted};

const ID_NAME: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)];

type Pair<'a> = (Option<i64>, Option<&'a str>, i64);

/// A step over `id` and `name`.
fn step(rows: &[Pair<'_>]) -> Change {
    let (ids, names): (Vec<_>, Vec<_>) = rows.iter().map(|(id, name, _)| (*id, *name)).unzip();
    let weights: Vec<i64> = rows.iter().map(|(_, _, weight)| *weight).collect();
    weighted(batch(&ids, &names), &weights)
}

fn row(id: i64, name: &str) -> String {
    format!(r#"{{"id":{id},"name":"{name}"}}"#)
}

/// Nothing was applied, and the error says that the file is not what the step goes on from.
fn inconsistent(table: &Table, outcome: Result<Applied, ApplyError>) -> String {
    let at = table.hub.mark(&table.file).unwrap().unwrap();
    assert_eq!(at, mark(table.at.get()), "the mark stays");
    match outcome {
        Err(ApplyError::Store(Error::Corrupt { reason, .. })) => reason,
        other => panic!("expected an inconsistency, got {other:?}"),
    }
}

#[test]
fn rows_come_and_go_as_often_as_they_say() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let (a, none) = (Some("a"), None);
    let applied =
        table.apply(vec![step(&[(Some(1), a, 3), (Some(2), none, 1), (None, none, 2), (Some(9), a, 0)])]).unwrap();
    assert_eq!(
        (applied.rows, applied.changes[0].clone()),
        (6, ChangeReport { inserted: 6, ..ChangeReport::default() })
    );
    let applied = table.apply(vec![step(&[(Some(1), a, -2), (None, none, -1), (Some(3), a, 1)])]).unwrap();
    let report = ChangeReport { inserted: 1, deleted: 3, ..ChangeReport::default() };
    assert_eq!((applied.rows, applied.changes[0].clone()), (4, report));
    let null = r#"{"id":2,"name":null}"#.to_owned();
    let nothing = r#"{"id":null,"name":null}"#.to_owned();
    assert_eq!(table.rows(), [row(1, "a"), null.clone(), nothing, row(3, "a")]);
    table.apply(vec![step(&[(Some(1), a, -1), (None, none, -1), (Some(3), a, -1)])]).unwrap();
    assert_eq!(table.rows(), [null]);
    table.apply(vec![step(&[(Some(2), none, -1)]), step(&[]), step(&[(Some(2), none, 1)])]).unwrap();
    assert_eq!(table.rows().len(), 1, "changes of one transaction see each other");
}

#[test]
fn what_is_not_there_does_not_go_and_nothing_else_happens() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![step(&[(Some(1), Some("a"), 2), (Some(2), Some("b"), 1)])]).unwrap();
    let before = table.rows();
    let cases: [&[Pair<'_>]; 5] = [
        &[(Some(1), Some("a"), -3)],
        &[(Some(1), None, -1)],
        &[(Some(5), Some("e"), -1), (Some(6), Some("f"), 1)],
        &[(Some(2), Some("b"), -1), (Some(2), Some("b"), -1)],
        &[(Some(3), Some("c"), 1), (Some(3), Some("c"), -1)],
    ];
    for case in cases {
        let reason = inconsistent(&table, table.apply(vec![append(&[Some(8)], &[None]), step(case)]));
        assert!(reason.contains("not there as often as they go"), "{reason}");
        assert_eq!(table.rows(), before, "{case:?}");
    }
    table.apply(vec![step(&[(Some(1), Some("a"), -1), (Some(1), Some("a"), -1)])]).unwrap();
    assert_eq!(table.rows(), before[2..], "a row may go in parts");
}

#[test]
fn with_a_key_rows_go_by_it_and_no_two_have_the_same() {
    let bench = Bench::new();
    for key in [&["id"][..], &["name", "id"][..]] {
        let table = bench.table(ID_NAME, key);
        let (a, b) = (Some("a"), Some("b"));
        table.apply(vec![step(&[(Some(1), a, 1), (Some(2), b, 1), (Some(3), a, 1)])]).unwrap();
        let before = table.rows();
        let taken: Pair<'_> = (Some(2), b, 1);
        let cases: [(&[Pair<'_>], &str); 6] = [
            (&[taken], "are there already"),
            (&[(Some(7), a, -1)], "0 of their keys are there"),
            (&[(Some(7), a, -1), taken], "0 of their keys are there"),
            (&[(Some(5), a, 1), (Some(5), a, 1)], "comes more than once"),
            (&[(Some(2), b, -1), (Some(2), b, -1)], "goes more than once"),
            (&[(Some(6), a, 2)], "comes or goes more than once"),
        ];
        for (case, expected) in cases {
            let reason = inconsistent(&table, table.apply(vec![step(case)]));
            assert!(reason.contains(expected), "{case:?}: {reason}");
            assert_eq!(table.rows(), before);
        }
        table.apply(vec![step(&[(Some(2), b, -1), (Some(2), b, 1), (Some(3), a, -1), (Some(4), a, 1)])]).unwrap();
        let mut rows = table.rows();
        rows.sort();
        assert_eq!(rows, [row(1, "a"), row(2, "b"), row(4, "a")]);
    }
    let table = bench.table(ID_NAME, &["id"]);
    table.apply(vec![step(&[(Some(1), Some("old"), 1)])]).unwrap();
    table.apply(vec![step(&[(Some(1), Some("old"), -1), (Some(1), Some("new"), 1)])]).unwrap();
    assert_eq!(table.rows(), [row(1, "new")]);
}

#[test]
fn rows_that_came_otherwise_go_too() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let (a, b) = (Some("a"), Some("b"));
    table.apply(vec![append(&[Some(1), Some(1), Some(2)], &[a, a, b])]).unwrap();
    table.apply(vec![step(&[(Some(1), a, 1), (Some(3), a, 1)])]).unwrap();
    table.apply(vec![step(&[(Some(1), a, -3), (Some(2), b, -1)])]).unwrap();
    assert_eq!(table.rows(), [row(3, "a")]);
    let column = Column { name: "more".into(), column_type: ColumnType::Integer, nullable: true, default: None };
    table.apply(vec![Change::AddColumn { column, moment: moment() }]).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![3]));
    let more: ArrayRef = Arc::new(Int64Array::from(vec![None::<i64>]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let rows = RecordBatch::try_from_iter([("more", more), ("name", names), ("id", ids)]).unwrap();
    table.apply(vec![weighted(rows.clone(), &[4])]).unwrap();
    table.apply(vec![weighted(rows, &[-5])]).unwrap();
    assert!(table.rows().is_empty(), "the order of columns says nothing, nor when one was added");
}

#[test]
fn a_column_may_be_called_as_the_place_of_a_row() {
    let bench = Bench::new();
    for name in ["rowid", "RowId"] {
        let table = bench.table(&[(name, "BIGINT", true, None)], &[]);
        let step = |weight| {
            let ids: ArrayRef = Arc::new(Int64Array::from(vec![5, 6]));
            weighted(RecordBatch::try_from_iter([(name, ids)]).unwrap(), &[weight, weight])
        };
        table.apply(vec![step(4)]).unwrap();
        table.apply(vec![step(-3)]).unwrap();
        assert_eq!(table.hub.stats(&table.file).unwrap().rows, 2);
        table.apply(vec![step(-1)]).unwrap();
        inconsistent(&table, table.apply(vec![step(-1)]));
    }
}

#[test]
fn values_that_arrow_holds_as_text_go_by_what_they_mean() {
    let bench = Bench::new();
    let kinds = ["HUGEINT", "INTERVAL", "TIME WITH TIME ZONE", "BIT"];
    let values = [["1", "001"], ["1 month", "30 days"], ["12:00:00+00", "12:00:00+00:00"], ["01", "01"]];
    for (kind, [one, other]) in kinds.into_iter().zip(values) {
        let table = bench.table(&[("v", kind, true, None)], &[]);
        let step = |value: &str, weight| {
            let values: ArrayRef = Arc::new(StringArray::from(vec![Some(value), None]));
            weighted(RecordBatch::try_from_iter([("v", values)]).unwrap(), &[weight, weight])
        };
        table.apply(vec![step(one, 2)]).unwrap();
        table.apply(vec![step(other, -1)]).unwrap();
        assert_eq!(table.rows().len(), 2, "{kind}");
        table.apply(vec![step(one, -1)]).unwrap();
        assert!(table.rows().is_empty(), "{kind}");
    }
}

#[test]
fn many_rows_go_at_once_and_many_copies() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let many = |weight: i64| {
        let ids: Vec<Option<i64>> = (0..5_000).map(Some).collect();
        let names: Vec<Option<String>> = ids.iter().map(|id| id.map(|id| format!("n{}", id % 7))).collect();
        let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        weighted(batch(&ids, &names), &vec![weight; 5_000])
    };
    table.apply(vec![many(1)]).unwrap();
    table.apply(vec![many(-1)]).unwrap();
    table.apply(vec![many(3), step(&[(Some(-1), None, 100_000)])]).unwrap();
    table.apply(vec![many(-2), step(&[(Some(-1), None, -99_999)])]).unwrap();
    assert_eq!(table.hub.stats(&table.file).unwrap().rows, 5_001);
    assert_eq!(table.hub.checksum(&table.file).unwrap().rows, 5_001);
    table.apply(vec![many(-1), step(&[(Some(-1), None, -1)])]).unwrap();
    assert!(table.rows().is_empty());
}

#[test]
fn steps_that_are_no_rows_of_the_table_are_refused() {
    let bench = Bench::new();
    let table = bench.table(&[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None)], &[]);
    let one = || batch(&[Some(1)], &[Some("a")]);
    for (rows, weights) in
        [(one(), &[1, 1][..]), (one(), &[][..]), (one(), &[COPIES_MAX as i64 + 1][..]), (one(), &[i64::MIN][..])]
    {
        match table.apply(vec![weighted(rows, weights)]) {
            Err(ApplyError::Store(Error::Invalid { code, .. })) => assert_eq!(code, "invalid_weights"),
            other => panic!("{weights:?}: {other:?}"),
        }
    }
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let lacking = RecordBatch::try_from_iter([("id", Arc::clone(&ids))]).unwrap();
    let other = RecordBatch::try_from_iter([("id", Arc::clone(&ids)), ("nom", Arc::clone(&ids))]).unwrap();
    let misfit =
        RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["x"])) as ArrayRef), ("name", ids)])
            .unwrap();
    for rows in [lacking, other, misfit] {
        assert_eq!(refused(table.apply(vec![weighted(rows, &[1])])).0, "rows_schema_mismatch");
    }
    let outcome = refused(table.apply(vec![step(&[(None, Some("a"), 1)])]));
    assert_eq!((outcome.0, outcome.1["column"].as_str()), ("rows_schema_mismatch", Some("id")));
    assert!(table.rows().is_empty());
}

#[test]
fn readers_see_a_table_like_any_other() {
    let bench = Bench::new();
    let (ours, plain) = (bench.table(ID_NAME, &[]), bench.table(ID_NAME, &[]));
    let (a, b) = (Some("a"), Some("b"));
    ours.apply(vec![step(&[(Some(1), a, 2), (Some(2), b, 1), (Some(3), None, 1)])]).unwrap();
    ours.apply(vec![step(&[(Some(2), b, -1)])]).unwrap();
    plain.apply(vec![append(&[Some(1), Some(1), Some(3)], &[a, a, None])]).unwrap();
    assert_eq!(ours.rows(), plain.rows());
    assert_eq!(bench.hub.checksum(&ours.file).unwrap(), bench.hub.checksum(&plain.file).unwrap());
    assert_eq!(bench.hub.first_difference(&ours.file, &plain.file).unwrap(), None);
    let query = |file: &TableFile| {
        let pinned = bench.hub.pin(std::slice::from_ref(file)).unwrap();
        let sql = format!("SELECT * FROM {}", pinned.relation(0).unwrap());
        let found = pinned.query(&QuerySpec { sql, timeout_ms: 60_000, rows_max: 100, bytes_max: 10_000 }).unwrap();
        let rows: Vec<String> = found.rows.iter().map(|row| row.get().to_owned()).collect();
        (found.columns, rows)
    };
    assert_eq!(query(&ours.file), query(&plain.file));
    let export = |file: &TableFile| {
        let spec = ExportSpec {
            format: ExportFormat::Csv { gzip: false },
            columns: None,
            predicate_sql: None,
            changed: alluvium_tablestore::Changed::default(),
            with_stamp: false,
            limit: None,
            lens: None,
        };
        let to = bench.hub.config().export_dir.join(uuid());
        bench.hub.export(file, &spec, &to).unwrap();
        std::fs::read_to_string(to).unwrap()
    };
    assert_eq!(export(&ours.file), export(&plain.file));
    let applied = plain.apply(vec![Change::Replace { from: ours.file.clone(), up_to: None, changed_at_micros: None }]);
    assert_eq!((applied.unwrap().rows, plain.rows()), (3, ours.rows()));
    let name = |new_type: &str| Change::AlterColumn {
        name: "id".into(),
        new_name: Some("nr".into()),
        new_type: Some(new_type.parse().unwrap()),
        set_not_null: Some(true),
        set_default: None,
    };
    let altered = ours.apply(vec![name("INTEGER")]).unwrap();
    assert_eq!((altered.rows, ours.rows()[0].as_str()), (3, r#"{"nr":1,"name":"a"}"#));
}

#[test]
fn a_copy_goes_on_as_its_original() {
    let bench = Bench::new();
    let kinds: Vec<usize> = (0..KINDS).collect();
    let (original, copy, adopted) = (file(&uuid()), file(&uuid()), file(&uuid()));
    let at = |number| Step { number, program_version: 2 };
    let options = CreateOptions { step: Some(at(4)), keeps_steps: true };
    bench.hub.create_with(&original, &schema_of(&kinds, 0), &mark(1), options).unwrap();
    let rows: Vec<Vec<usize>> = (0..5).map(|n| vec![n; KINDS]).collect();
    let change = |weights: &[i64]| vec![weighted(batch_of(&kinds, &rows), weights)];
    bench.hub.apply_step(&original, &mark(1), &mark(2), at(5), change(&[1, 2, 1, 1, 1])).unwrap();
    let copied = bench.hub.copy(&original, &copy).unwrap();
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(std::fs::read(&copied.path).unwrap()));
    let noted = Original { mark: copied.mark, checksum: copied.checksum, engine: copied.engine, sha256 };
    bench.hub.adopt(&adopted, &copied.path, &noted).unwrap();
    for file in [&original, &adopted] {
        assert_eq!(bench.hub.step(file).unwrap().unwrap().step, 5);
        bench.hub.apply_step(file, &mark(2), &mark(3), at(6), change(&[-1, -1, 0, -1, -1])).unwrap();
        assert_eq!(bench.hub.steps_since(file, 4).unwrap().count(), 2);
        let then: u64 = bench.hub.as_of_step(file, 5).unwrap().map(|batch| batch.unwrap().num_rows() as u64).sum();
        assert_eq!(then, 6);
    }
    assert_eq!(held(&bench.hub, &original, &kinds), held(&bench.hub, &adopted, &kinds));
    assert_eq!(held(&bench.hub, &original, &kinds).len(), 2);
}

#[test]
fn a_row_that_changes_keeps_no_stamp_and_others_do() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let at = |micros: i64, rows: &[Pair<'_>]| {
        let Change::Weighted { batch, weights, mut moment } = step(rows) else { unreachable!() };
        moment.event_time_micros = micros;
        Change::Weighted { batch, weights, moment }
    };
    table.apply(vec![at(1_000_000, &[(Some(1), Some("a"), 2), (Some(2), Some("b"), 1)])]).unwrap();
    table
        .apply(vec![at(2_000_000, &[(Some(1), Some("a"), -1), (Some(2), Some("b"), -1), (Some(2), Some("c"), 1)])])
        .unwrap();
    let changed = alluvium_tablestore::Changed { since_micros: Some(2_000_000), until_micros: None };
    let spec = alluvium_tablestore::PreviewSpec { limit: 10, changed, ..Default::default() };
    let preview = table.hub.preview(&table.file, &spec).unwrap();
    assert_eq!(preview.rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>(), [row(2, "c")]);
    let schema = schema(ID_NAME, &[]);
    assert_eq!(table.hub.schema(&table.file).unwrap(), Some(schema));
}
