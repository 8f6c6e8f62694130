//! Every read of a file as it was after an earlier step.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/zset.rs"]
mod zset;

use alluvium_tablestore::sql::WhereFilter;
use alluvium_tablestore::{
    Change, CreateOptions, Error, ExtractSpec, Hub, Lens, PreviewSpec, ProfileMode, QuerySpec, Step, TableFile,
};
use common::{Bench, batch, file, mark, schema, uuid};
use serde_json::json;
use zset::weighted;

const COLUMNS: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)];

fn at(number: u64) -> Step {
    Step { number, program_version: 1 }
}

fn rows(rows: &[(i64, &str)], weights: &[i64]) -> Change {
    let ids: Vec<Option<i64>> = rows.iter().map(|row| Some(row.0)).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| Some(row.1)).collect();
    weighted(batch(&ids, &names), weights)
}

/// A file that has gone from step 0 to 3.
fn gone(hub: &Hub, keys: &[&str]) -> TableFile {
    let file = file(&uuid());
    let options = CreateOptions { step: Some(at(0)), keeps_steps: true };
    hub.create_with(&file, &schema(COLUMNS, keys), &mark(1), options).unwrap();
    let steps = [
        rows(&[(1, "a"), (2, "b")], &[1, 1]),
        rows(&[(2, "b"), (2, "c"), (3, "d")], &[-1, 1, 1]),
        rows(&[(1, "a"), (3, "d"), (4, "e")], &[-1, -1, 1]),
    ];
    for (step, change) in (1..).zip(steps) {
        hub.apply_step(&file, &mark(step), &mark(step + 1), at(step), vec![change]).unwrap();
    }
    file
}

fn lens(step: u64) -> Lens {
    Lens { step: Some(step), ..Lens::default() }
}

fn previewed(hub: &Hub, file: &TableFile, lens: Lens) -> Result<(Vec<String>, u64), Error> {
    let preview = hub.preview(file, &PreviewSpec { lens: Some(lens), limit: 100, ..PreviewSpec::default() })?;
    let mut rows: Vec<String> = preview.rows.iter().map(|row| row.get().to_owned()).collect();
    rows.sort();
    Ok((rows, preview.total))
}

fn asked(hub: &Hub, file: &TableFile, lens: &Lens) -> Result<Vec<String>, Error> {
    let pinned = hub.pin(std::slice::from_ref(file))?;
    let relation = pinned.seen(0, lens)?.unwrap();
    let sql = format!("SELECT id, name FROM {relation} AS x ORDER BY ALL");
    let rows = pinned.query(&QuerySpec { sql, timeout_ms: 10_000, rows_max: 100, bytes_max: 10_000 })?.rows;
    Ok(rows.iter().map(|row| row.get().to_owned()).collect())
}

fn shown(rows: &[(i64, &str)]) -> Vec<String> {
    rows.iter().map(|(id, name)| json!([id, name]).to_string()).collect()
}

#[test]
fn all_reads_show_the_step_that_is_asked_for() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let then: [&[(i64, &str)]; 4] =
        [&[], &[(1, "a"), (2, "b")], &[(1, "a"), (2, "c"), (3, "d")], &[(2, "c"), (4, "e")]];
    for keys in [&[][..], &["id"]] {
        let file = gone(hub, keys);
        for (step, rows) in (0..).zip(then) {
            let (found, total) = previewed(hub, &file, lens(step)).unwrap();
            let objects: Vec<String> =
                rows.iter().map(|(id, name)| format!(r#"{{"id":"{id}","name":"{name}"}}"#)).collect();
            let plain = |rows: &[String]| rows.iter().map(|row| row.replace('"', "")).collect::<Vec<_>>();
            assert_eq!((plain(&found), total), (plain(&objects), rows.len() as u64), "{keys:?} {step}");
            assert_eq!(asked(hub, &file, &lens(step)).unwrap(), shown(rows), "{keys:?} {step}");
            let profile = hub.profile_through(&file, Some(&lens(step)), ProfileMode::Basic).unwrap();
            assert_eq!(profile.row_count, rows.len() as u64);
            let spec = ExtractSpec {
                columns: None,
                predicate_sql: None,
                changed: alluvium_tablestore::Changed::default(),
                lens: Some(lens(step)),
            };
            let to = hub.config().export_dir.join(uuid());
            assert_eq!(hub.extract(&file, &spec, &to).unwrap().rows, rows.len() as u64);
        }
        assert_eq!(asked(hub, &file, &lens(99)).unwrap(), shown(then[3]), "nothing came later");
    }
}

#[test]
fn a_part_of_the_rows_of_a_step_is_seen_through_filters() {
    let bench = Bench::new();
    let file = gone(&bench.hub, &[]);
    let filters: Vec<WhereFilter> = serde_json::from_value(json!([{ "column": "id", "values": ["1", "3"] }])).unwrap();
    let part = Lens { columns: Some(vec!["name".into()]), filters, step: Some(2) };
    let (rows, total) = previewed(&bench.hub, &file, part).unwrap();
    assert_eq!((rows, total), (vec![r#"{"name":"a"}"#.to_owned(), r#"{"name":"d"}"#.to_owned()], 2));
}

#[test]
fn a_query_keeps_its_step_while_the_file_goes_on() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let file = gone(hub, &[]);
    let pinned = hub.pin(std::slice::from_ref(&file)).unwrap();
    let relation = pinned.seen(0, &lens(3)).unwrap().unwrap();
    hub.apply_step(&file, &mark(4), &mark(5), at(4), vec![rows(&[(9, "z")], &[2])]).unwrap();
    let sql = format!("SELECT count(*) FROM {relation} AS x");
    let spec = QuerySpec { sql, timeout_ms: 10_000, rows_max: 1, bytes_max: 100 };
    assert_eq!(pinned.query(&spec).unwrap().rows[0].get().replace('"', ""), "[2]");
    assert_eq!(asked(hub, &file, &lens(4)).unwrap().len(), 4);
}

#[test]
fn a_step_that_is_not_kept_is_refused() {
    let bench = Bench::new();
    let hub = &bench.hub;
    let file = gone(hub, &[]);
    hub.trim_steps(&file, 3).unwrap();
    assert_eq!(previewed(hub, &file, lens(1)).unwrap_err().code(), "steps_trimmed");
    assert_eq!(asked(hub, &file, &lens(1)).unwrap_err().code(), "steps_trimmed");
    assert_eq!(asked(hub, &file, &lens(2)).unwrap().len(), 3);
    let plain = bench.table(COLUMNS, &[]);
    plain.apply(vec![rows(&[(1, "a")], &[1])]).unwrap();
    assert_eq!(asked(hub, &plain.file, &lens(0)).unwrap(), shown(&[(1, "a")]), "it has no steps to go back to");
}
