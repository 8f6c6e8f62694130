//! Which step a file is at, what steps did, and reading whole tables.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/zset.rs"]
mod zset;

use std::path::Path;

use alluvium_tablestore::{
    ApplyError, Change, CreateOptions, Error, Hub, Mark, Step, StepMark, TableFile, TableSchema,
};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use common::{Bench, append, batch, config, file, mark, moment, schema, uuid};
use zset::weighted;

const COLUMNS: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)];

fn at(number: u64) -> Step {
    Step { number, program_version: 1 }
}

/// A file at step 10 and mark 10 that keeps its steps.
fn kept(hub: &Hub) -> TableFile {
    let file = file(&uuid());
    let options = CreateOptions { step: Some(at(10)), keeps_steps: true };
    hub.create_with(&file, &schema(COLUMNS, &[]), &mark(10), options).unwrap();
    file
}

fn rows(ids: &[i64], weights: &[i64]) -> Change {
    let ids: Vec<Option<i64>> = ids.iter().copied().map(Some).collect();
    weighted(batch(&ids, &vec![None; ids.len()]), weights)
}

/// Goes from one step to the next, whose marks are the same numbers.
fn go(hub: &Hub, file: &TableFile, from: u64, changes: Vec<Change>) {
    hub.apply_step(file, &mark(from), &mark(from + 1), at(from + 1), changes).unwrap();
}

fn ids(batches: impl Iterator<Item = Result<RecordBatch, Error>>) -> Vec<i64> {
    let mut ids: Vec<i64> =
        batches.flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    ids.sort_unstable();
    ids
}

fn code<T>(outcome: Result<T, Error>) -> &'static str {
    outcome.err().unwrap().code()
}

#[test]
fn a_file_says_which_step_it_is_at() {
    let bench = Bench::new();
    let hub = &bench.hub;
    assert_eq!(hub.step(&file("none")).unwrap(), None);
    let plain = bench.table(COLUMNS, &[]);
    assert_eq!(hub.step(&plain.file).unwrap(), None);
    plain.apply(vec![rows(&[1], &[1])]).unwrap();
    assert_eq!(hub.step(&plain.file).unwrap(), None, "weights need no step");
    let step = |number, program_version| Step { number, program_version };
    let to = |from: u64, step| hub.apply_step(&plain.file, &mark(from), &mark(from + 1), step, vec![]);
    to(2, step(7, 1)).unwrap();
    let found = hub.step(&plain.file).unwrap();
    assert_eq!(found, Some(StepMark { step: 7, program_version: 1, mark: mark(3) }));
    to(3, step(7, 2)).unwrap();
    for wrong in [step(6, 2), step(u64::MAX, 2), step(8, u64::MAX)] {
        assert!(
            matches!(to(4, wrong), Err(ApplyError::Store(Error::Invalid { code: "invalid_step", .. }))),
            "{wrong:?}"
        );
    }
    plain.at.set(4);
    plain.apply(vec![rows(&[1], &[-1])]).unwrap();
    let found = hub.step(&plain.file).unwrap();
    assert_eq!(found, Some(StepMark { step: 7, program_version: 2, mark: mark(5) }), "the mark goes on alone");
    let outcome = hub.apply_step(&plain.file, &mark(2), &mark(3), step(9, 1), vec![]);
    assert!(matches!(outcome, Err(ApplyError::WrongMark { .. })));
    assert_eq!(hub.step(&plain.file).unwrap().unwrap().step, 7);
}

#[test]
fn steps_are_kept_until_they_are_trimmed() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let file = kept(hub);
    go(hub, &file, 10, vec![rows(&[1, 2, 3], &[1, 2, 0])]);
    go(hub, &file, 11, vec![]);
    go(hub, &file, 12, vec![rows(&[2], &[-1]), rows(&[4], &[1])]);
    let then = |step| hub.as_of_step(&file, step).map(ids);
    assert_eq!([10, 11, 12, 13].map(|step| then(step).unwrap()), [vec![], vec![1, 2, 2], vec![1, 2, 2], vec![1, 2, 4]]);
    assert_eq!((code(then(9)), code(then(14))), ("steps_trimmed", "invalid_step"));
    let since = |step: u64| -> Vec<(u64, Vec<i64>)> {
        hub.steps_since(&file, step).unwrap().map(|rows| rows.unwrap()).map(|rows| (rows.step, rows.weights)).collect()
    };
    let last = (13, vec![-1, 1]);
    assert_eq!(since(10), [(11, vec![1, 2]), last.clone()]);
    assert_eq!((since(12), since(13), since(u64::MAX)), (vec![last.clone()], vec![], vec![]));
    assert_eq!(hub.as_of_step(&file, 11).unwrap().step().unwrap().step, 13, "which it was reckoned from");

    assert_eq!(hub.trim_steps(&file, 5).unwrap(), 0);
    assert_eq!(then(10).unwrap(), [0; 0]);
    assert_eq!(hub.trim_steps(&file, 12).unwrap(), 2);
    assert_eq!((code(then(10)), then(11).unwrap(), since(11)), ("steps_trimmed", vec![1, 2, 2], vec![last]));
    assert_eq!(code(hub.steps_since(&file, 10)), "steps_trimmed");
    assert_eq!(hub.trim_steps(&file, u64::MAX).unwrap(), 2);
    assert_eq!((code(then(12)), then(13).unwrap()), ("steps_trimmed", vec![1, 2, 4]));
    go(hub, &file, 13, vec![rows(&[1, 2, 4], &[-1, -1, -1])]);
    assert_eq!((then(13).unwrap(), then(14).unwrap()), (vec![1, 2, 4], vec![]));
}

#[test]
fn what_a_journal_cannot_tell_begins_it_anew() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let column = alluvium_tablestore::Column::new("more", "INTEGER", true, None).unwrap();
    let others = [
        append(&[Some(8)], &[None]),
        Change::DeleteRows { predicate_sql: "d.\"id\" = 1".into() },
        Change::AddColumn { column, moment: moment() },
        Change::DropColumn { name: "name".into() },
    ];
    for other in others {
        let file = kept(hub);
        go(hub, &file, 10, vec![rows(&[1, 2], &[1, 1])]);
        let settled = Change::Settle { request_seq: 1, verdict_json: "{}".into() };
        go(hub, &file, 11, vec![settled]);
        assert_eq!(hub.steps_since(&file, 10).unwrap().count(), 1);
        go(hub, &file, 12, vec![other.clone()]);
        assert_eq!(code(hub.as_of_step(&file, 12)), "steps_trimmed", "{other:?}");
        assert_eq!(hub.as_of_step(&file, 13).unwrap().count(), 1);
        let names = hub.schema(&file).unwrap().unwrap();
        let kept_columns: Vec<usize> = names
            .columns
            .iter()
            .filter_map(|column| ["id", "name"].iter().position(|name| *name == column.name))
            .collect();
        let mut added = batch(&[Some(5)], &[None]).project(&kept_columns).unwrap();
        if names.column("more").is_some() {
            let mut fields = added.schema().fields().to_vec();
            fields.push(std::sync::Arc::new(arrow::datatypes::Field::new(
                "more",
                arrow::datatypes::DataType::Null,
                true,
            )));
            let mut columns = added.columns().to_vec();
            columns.push(arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 1));
            added = RecordBatch::try_new(std::sync::Arc::new(arrow::datatypes::Schema::new(fields)), columns).unwrap();
        }
        go(hub, &file, 13, vec![weighted(added, &[2])]);
        let before = ids(hub.as_of_step(&file, 13).unwrap());
        let after = ids(hub.as_of_step(&file, 14).unwrap());
        assert_eq!(after.len(), before.len() + 2, "{other:?}");
    }
    let file = kept(hub);
    let outcome = hub.apply(&file, &mark(10), &mark(11), vec![rows(&[1], &[1])]);
    assert!(matches!(outcome, Err(ApplyError::Store(Error::Invalid { code: "invalid_step", .. }))), "{outcome:?}");
    let plain = bench.table(COLUMNS, &[]);
    assert_eq!(code(hub.steps_since(&plain.file, 0)), "steps_not_kept");
    assert_eq!(code(hub.as_of_step(&plain.file, 0)), "steps_not_kept");
    assert_eq!(code(hub.trim_steps(&plain.file, 0)), "steps_not_kept");
}

#[test]
fn with_a_key_the_rows_of_then_are_those_of_then() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let file = file(&uuid());
    let options = CreateOptions { step: Some(at(10)), keeps_steps: true };
    hub.create_with(&file, &schema(COLUMNS, &["id"]), &mark(10), options).unwrap();
    let change = |rows: &[(i64, &str, i64)]| {
        let ids: Vec<Option<i64>> = rows.iter().map(|row| Some(row.0)).collect();
        let names: Vec<Option<&str>> = rows.iter().map(|row| Some(row.1)).collect();
        weighted(batch(&ids, &names), &rows.iter().map(|row| row.2).collect::<Vec<_>>())
    };
    go(hub, &file, 10, vec![change(&[(1, "a", 1), (2, "b", 1)])]);
    go(hub, &file, 11, vec![change(&[(1, "a", -1), (1, "z", 1), (2, "b", -1), (3, "c", 1)])]);
    go(hub, &file, 12, vec![change(&[(1, "z", -1), (1, "a", 1)])]);
    let then = |step| {
        let mut rows: Vec<String> = Vec::new();
        for batch in hub.as_of_step(&file, step).unwrap() {
            let batch = batch.unwrap();
            let (ids, names) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_string::<i32>());
            rows.extend(ids.values().iter().zip(names).map(|(id, name)| format!("{id}{}", name.unwrap())));
        }
        rows.sort();
        rows
    };
    assert_eq!([10, 11, 12, 13].map(then), [vec![], vec!["1a", "2b"], vec!["1z", "3c"], vec!["1a", "3c"]]);
}

#[test]
fn a_scan_is_of_one_moment_and_of_the_columns_asked_for() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let file = kept(hub);
    let all: Vec<i64> = (0..50_000).collect();
    go(hub, &file, 10, vec![rows(&all, &vec![1; all.len()])]);
    let mut scan = hub.scan(&file, Some(&[1, 0, 0])).unwrap();
    let names: Vec<&str> = scan.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["name", "id", "id"]);
    assert_eq!((scan.mark().clone(), scan.step().unwrap().step), (mark(11), 11));
    let first = scan.next().unwrap().unwrap();
    go(hub, &file, 11, vec![rows(&all[..100], &[-1; 100])]);
    let rest: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!((first.num_columns(), first.num_rows() + rest), (3, 50_000), "as it was when the scan began");
    assert!(scan.next().is_none());
    let batches: Vec<RecordBatch> = hub.scan(&file, None).unwrap().map(Result::unwrap).collect();
    let in_order: Vec<i64> =
        batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(in_order, all[100..]);
    assert_eq!(code(hub.scan(&file, Some(&[2]))), "column_not_found");
    assert_eq!(code(hub.scan(&file, Some(&[]))), "invalid_request");
    assert_eq!(code(hub.scan(&common::file("absent"), None)), "table_not_found");
    // One that is not read to its end lets go of the file.
    drop(hub.scan(&file, None).unwrap());
    hub.drop(&file).unwrap();
}

/// Makes a file as an earlier release did.
fn earlier(path: &Path, version: i32, schema: &TableSchema) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let stamp = if version == 2 { ", \"\u{1}changed\" TIMESTAMP WITH TIME ZONE" } else { "" };
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let columns: Vec<String> = schema.columns.iter().map(alluvium_tablestore::Column::definition_sql).collect();
    let sql = format!(
        "ATTACH '{}' AS f (BLOCK_SIZE 16384); CREATE TABLE f.main.data ({}{stamp});
         CREATE TABLE f.main._meta (seq BIGINT NOT NULL, hash VARCHAR NOT NULL, stream_created_micros BIGINT NOT NULL,
             generation INTEGER NOT NULL, row_count BIGINT NOT NULL, schema VARCHAR NOT NULL, schema_version INTEGER NOT NULL);
         CREATE TABLE f.main._settlements (request_seq BIGINT NOT NULL, verdict VARCHAR NOT NULL, changes VARCHAR NOT NULL,
             row_count BIGINT NOT NULL);
         INSERT INTO f.main.data (id, name) VALUES (1, 'a'), (1, 'a'), (2, NULL);
         INSERT INTO f.main._meta VALUES (1, 'h1', 7, 1, 3, '{}', {version}); DETACH f",
        path.display(),
        columns.join(", "),
        serde_json::to_string(schema).unwrap(),
    );
    connection.execute_batch(&sql).unwrap();
}

#[test]
fn files_of_earlier_releases_become_those_of_pipelines() {
    for version in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        let file = file("old");
        let schema = schema(COLUMNS, &[]);
        earlier(&file.path(&dir.path().join("data")).unwrap(), version, &schema);
        let hub = Hub::open(config(dir.path())).unwrap();
        assert_eq!(hub.step(&file).unwrap(), None);
        assert_eq!(ids(hub.scan(&file, None).unwrap()), [1, 1, 2]);
        let change = weighted(batch(&[Some(1), Some(2), Some(3)], &[Some("a"), None, None]), &[-1, -1, 1]);
        hub.apply_step(&file, &mark(1), &mark(2), at(1), vec![change]).unwrap();
        drop(hub);
        let hub = Hub::open(config(dir.path())).unwrap();
        assert_eq!(ids(hub.scan(&file, None).unwrap()), [1, 3], "version {version}");
        let found = hub.step(&file).unwrap().unwrap();
        assert_eq!((found.step, found.mark.clone()), (1, mark(2)));
        assert_eq!(hub.schema(&file).unwrap(), Some(schema));
        let none: Mark = found.mark;
        hub.apply(&file, &none, &mark(3), vec![append(&[Some(4)], &[None])]).unwrap();
        assert_eq!(hub.stats(&file).unwrap().rows, 3);
    }
}
