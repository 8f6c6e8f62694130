//! Exports: in a stable order however the rows came, of one moment, and readable while they are written.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use alluvium_tablestore::{Change, Changed, ExportFormat, ExportSpec, ParquetCompression};
use common::{Bench, Table, csv, uuid};

/// More than the engine keeps together, so that several of its threads have something to do.
const ROWS: u64 = 300_000;
const COLUMNS: &[(&str, &str, bool, Option<&str>)] =
    &[("id", "BIGINT", false, None), ("part", "VARCHAR", false, None), ("note", "VARCHAR", true, None)];
const CSV: ExportFormat = ExportFormat::Csv { gzip: false };

fn load(bench: &Bench, table: &Table, ids: impl Iterator<Item = u64>, incremental: bool) {
    let mut text = String::from("id,part,note\n");
    text.extend(ids.map(|id| format!("{id},p{:06},note of {id}\n", id % 1000)));
    let mut spec = csv(bench.blob(text.as_bytes()));
    spec.incremental = incremental;
    table.load(spec).unwrap();
}

fn all(format: ExportFormat) -> ExportSpec {
    ExportSpec {
        format,
        columns: None,
        predicate_sql: None,
        changed: Changed::default(),
        with_stamp: false,
        limit: None,
        lens: None,
    }
}

fn destination(bench: &Bench) -> PathBuf {
    bench.hub.config().export_dir.join(uuid())
}

/// The ids in the order of the export.
fn ids(bench: &Bench, table: &Table, spec: &ExportSpec) -> Vec<u64> {
    let to = destination(bench);
    let exported = bench.hub.export(&table.file, spec, &to).unwrap();
    let text = std::fs::read_to_string(to).unwrap();
    let ids: Vec<u64> = text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(ids.len() as u64, exported.rows);
    ids
}

/// Every number below [`ROWS`], none in its place.
fn shuffled() -> impl Iterator<Item = u64> {
    (0..ROWS).map(|n| (n * 7_919 + 5) % ROWS)
}

#[test]
fn without_a_key_rows_come_as_they_were_inserted() {
    let bench = Bench::new();
    let table = bench.table(COLUMNS, &[]);
    load(&bench, &table, shuffled(), false);
    table.apply(vec![Change::DeleteRows { predicate_sql: "id % 3 = 0".into() }]).unwrap();
    load(&bench, &table, (0..ROWS).rev(), true);
    let expected: Vec<u64> = shuffled().filter(|id| id % 3 != 0).chain((0..ROWS).rev()).collect();
    assert_eq!(ids(&bench, &table, &all(CSV)), expected);
    let even = ExportSpec { predicate_sql: Some("id % 2 = 0".into()), ..all(CSV) };
    assert_eq!(ids(&bench, &table, &even), expected.iter().copied().filter(|id| id % 2 == 0).collect::<Vec<_>>());
    assert_eq!(ids(&bench, &table, &ExportSpec { limit: Some(5), ..even }).len(), 5);
    assert_eq!(ids(&bench, &table, &ExportSpec { limit: Some(7), ..all(CSV) }), expected[..7]);
}

#[test]
fn with_a_key_rows_come_in_its_order_however_they_lie() {
    let bench = Bench::new();
    let table = bench.table(COLUMNS, &["id"]);
    let in_order: Vec<u64> = (0..ROWS).collect();
    load(&bench, &table, 0..ROWS, false);
    assert_eq!(ids(&bench, &table, &all(CSV)), in_order);
    // One row that lies elsewhere is enough.
    table.apply(vec![Change::DeleteRows { predicate_sql: "id = 100000".into() }]).unwrap();
    load(&bench, &table, 100_000..100_001, true);
    assert_eq!(ids(&bench, &table, &all(CSV)), in_order);
    load(&bench, &table, shuffled(), false);
    assert_eq!(ids(&bench, &table, &all(CSV)), in_order);
    assert_eq!(ids(&bench, &table, &ExportSpec { limit: Some(3), ..all(CSV) }), [0, 1, 2]);
    let few = ExportSpec { predicate_sql: Some("id >= 299998".into()), ..all(CSV) };
    assert_eq!(ids(&bench, &table, &few), [299_998, 299_999]);

    let two = bench.table(COLUMNS, &["part", "id"]);
    let mut by_part = in_order.clone();
    by_part.sort_by_key(|id| (id % 1000, *id));
    load(&bench, &two, by_part.iter().copied(), false);
    assert_eq!(ids(&bench, &two, &all(CSV)), by_part);
    load(&bench, &two, 0..ROWS, false);
    assert_eq!(ids(&bench, &two, &all(CSV)), by_part, "in the order of one column of two is not in order");
}

#[test]
fn what_is_read_while_it_is_written_is_what_is_there_in_the_end() {
    let bench = Bench::new();
    let table = bench.table(COLUMNS, &[]);
    load(&bench, &table, shuffled(), false);
    let parquet = [ParquetCompression::Snappy, ParquetCompression::Gzip, ParquetCompression::Zstd];
    let formats = [CSV, ExportFormat::Csv { gzip: true }].into_iter().chain(parquet.map(ExportFormat::Parquet));
    for format in formats {
        let (to, ended) = (destination(&bench), AtomicBool::new(false));
        let followed = std::thread::scope(|scope| {
            let follower = scope.spawn(|| follow(&to, &ended));
            bench.hub.export(&table.file, &all(format), &to).unwrap();
            ended.store(true, Ordering::Release);
            follower.join().unwrap()
        });
        assert!(followed == std::fs::read(&to).unwrap(), "{format:?}");
    }
}

fn follow(path: &PathBuf, ended: &AtomicBool) -> Vec<u8> {
    let mut read = Vec::new();
    let mut file = loop {
        match std::fs::File::open(path) {
            Ok(file) => break file,
            Err(_) => std::thread::yield_now(),
        }
    };
    loop {
        let last = ended.load(Ordering::Acquire);
        file.read_to_end(&mut read).unwrap();
        if last {
            return read;
        }
        std::thread::yield_now();
    }
}
