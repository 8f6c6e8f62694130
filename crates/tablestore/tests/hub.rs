//! The hub under stress: many files, readers beside writers, killed processes, broken files, locked-down settings.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alluvium_tablestore::{Change, Error, ExtractSpec, Hub, PreviewSpec, QuerySpec, TableFile};
use common::{Bench, append, batch, config, file, mark, moment, schema};

const ID_NAME: &[(&str, &str, bool, Option<&str>)] = &[("id", "BIGINT", false, None), ("name", "VARCHAR", true, None)];
const CHILD_DIR: &str = "ALLUVIUM_TEST_CHILD_DIR";

#[test]
fn three_hundred_tables_share_fifty_attachments() {
    let bench = Bench::new();
    let files: Vec<TableFile> = (0..300).map(|n| file(&format!("many{n}"))).collect();
    std::thread::scope(|scope| {
        for part in files.chunks(75) {
            let hub = bench.hub.clone();
            scope.spawn(move || {
                for (n, file) in part.iter().enumerate() {
                    hub.create(file, &schema(ID_NAME, &[]), &mark(1)).unwrap();
                    hub.apply(file, &mark(1), &mark(2), vec![append(&[Some(n as i64)], &[None])]).unwrap();
                }
                for file in part {
                    assert_eq!(hub.stats(file).unwrap().rows, 1);
                }
            });
        }
    });
    assert!(bench.hub.attached() <= 66, "{} attached: a quarter beyond, and one for each thread", bench.hub.attached());
    only_fifty_stay(&bench.hub);
    let pinned = bench.hub.pin(&files[..60]).unwrap();
    assert!(bench.hub.attached() >= 60, "files in use stay attached whatever the limit");
    let sql = format!("SELECT count(*) FROM {}", pinned.relation(59).unwrap());
    let rows = pinned.query(&query(&sql)).unwrap();
    assert_eq!(rows.rows[0].get(), "[1]");
    drop(pinned);
    only_fifty_stay(&bench.hub);
}

fn only_fifty_stay(hub: &Hub) {
    let began = Instant::now();
    while hub.attached() > 50 {
        assert!(began.elapsed() < Duration::from_mins(1), "{} stay attached", hub.attached());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn query(sql: &str) -> QuerySpec {
    QuerySpec { sql: sql.into(), timeout_ms: 10_000, rows_max: 1000, bytes_max: 1_000_000 }
}

#[test]
fn readers_see_whole_versions_while_a_writer_goes_on() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let (hub, file) = (bench.hub.clone(), table.file.clone());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (hub, file, done) = (&hub, &file, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let preview = hub.preview(file, &PreviewSpec { limit: 10_000, ..PreviewSpec::default() }).unwrap();
                    assert_eq!(preview.total % 10, 0, "half of an append was seen");
                    assert_eq!(preview.total, preview.rows.len() as u64);
                }
            });
        }
        for _ in 0..60 {
            table.apply(vec![append(&[Some(1); 10], &[Some("x"); 10])]).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(hub.stats(&file).unwrap().rows, 600);
}

#[test]
fn dropping_waits_for_readers() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1)], &[None])]).unwrap();
    let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    let sql = format!("SELECT * FROM {}", pinned.relation(0).unwrap());
    std::thread::scope(|scope| {
        let (hub, file) = (bench.hub.clone(), table.file.clone());
        let dropper = scope.spawn(move || hub.drop(&file));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!dropper.is_finished());
        assert_eq!(pinned.query(&query(&sql)).unwrap().rows[0].get(), "[1,null]");
        drop(pinned);
        dropper.join().unwrap().unwrap();
    });
    assert!(!bench.hub.exists(&table.file).unwrap());
}

/// What the process does that the test below kills.
fn write_until_killed(dir: &std::path::Path) -> ! {
    let hub = Hub::open(config(dir)).unwrap();
    let file = file("killed");
    hub.create(&file, &schema(ID_NAME, &["id"]), &mark(1)).unwrap();
    let mut seq = hub.mark(&file).unwrap().unwrap().seq;
    loop {
        // One new row and one replaced one in every step, and now and then a rewrite of the whole table.
        let mut changes = vec![Change::Append {
            batch: batch(&[Some(seq as i64), Some(1)], &[Some("n"), Some("r")]),
            moment: moment(),
        }];
        if seq.is_multiple_of(7) {
            changes.push(Change::AlterColumn {
                name: "name".into(),
                new_name: None,
                new_type: None,
                set_not_null: Some(seq.is_multiple_of(14)),
                set_default: None,
            });
        }
        hub.apply(&file, &mark(seq), &mark(seq + 1), changes).unwrap();
        seq += 1;
        if seq.is_multiple_of(50) {
            hub.checkpoint(&file).unwrap();
        }
    }
}

#[test]
fn a_killed_process_leaves_rows_and_mark_together() {
    // The test starts itself as the process to kill, and tells it so by this variable.
    if let Some(dir) = std::env::var_os(CHILD_DIR) {
        write_until_killed(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut last = 1;
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_process_leaves_rows_and_mark_together", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(700 + round * 137));
        child.kill().unwrap();
        child.wait().unwrap();
        let hub = Hub::open(config(dir.path())).unwrap();
        assert!(hub.suspects().is_empty(), "{:?}", hub.suspects());
        let target = file("killed");
        let seq = hub.mark(&target).unwrap().map_or(1, |mark| mark.seq);
        assert!(seq > last, "round {round}: no progress past {last}");
        last = seq;
        let stats = hub.stats(&target).unwrap();
        let counted = hub.checksum(&target).unwrap().rows;
        assert_eq!((stats.rows, counted), (seq - 1, seq - 1), "one row for each step");
    }
}

#[test]
fn a_file_that_was_being_attached_at_a_crash_is_probed_or_moved() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let path = bench.hub.path(&table.file).unwrap();
    let (dir, target) = (bench.dir, table.file.clone());
    drop(table);
    drop(bench.hub);
    let leave_marker = || std::fs::write(dir.path().join("data/.attaching/0000"), path.to_str().unwrap()).unwrap();
    let open = |probe: Option<&str>| {
        let probe_command = probe.map(|program| vec![program.into()]);
        Hub::open(alluvium_tablestore::HubConfig { probe_command, ..config(dir.path()) }).unwrap()
    };
    leave_marker();
    let hub = open(Some("true"));
    assert_eq!((hub.suspects().len(), hub.suspects()[0].moved_to.is_none()), (1, true));
    assert_eq!(hub.mark(&target).unwrap(), Some(mark(1)));
    drop(hub);
    for probe in [Some("false"), None] {
        leave_marker();
        let hub = open(probe);
        let moved = hub.suspects()[0].moved_to.clone().unwrap();
        assert!(moved.exists() && moved.to_str().unwrap().contains("corrupt-"), "{moved:?}");
        assert!(!hub.exists(&target).unwrap());
        hub.create(&target, &schema(ID_NAME, &[]), &mark(1)).unwrap();
        drop(hub);
        assert!(open(probe).suspects().is_empty(), "a settled marker is gone");
    }
    alluvium_tablestore::probe_file(&path).unwrap();
    std::fs::write(&path, b"not a database").unwrap();
    assert!(alluvium_tablestore::probe_file(&path).is_err());
}

#[test]
fn a_corrupt_file_is_told_and_the_others_go_on() {
    let bench = Bench::new();
    let (good, bad) = (bench.table(ID_NAME, &[]), file("bad"));
    let path = bench.hub.path(&bad).unwrap();
    std::fs::write(&path, vec![7; 40_000]).unwrap();
    assert!(matches!(bench.hub.mark(&bad), Err(Error::Corrupt { .. })));
    assert!(!bench.hub.is_fatal());
    good.apply(vec![append(&[Some(1)], &[None])]).unwrap();
    assert!(bench.hub.move_aside(&bad).unwrap().unwrap().exists());
    bench.hub.create(&bad, &schema(ID_NAME, &[]), &mark(1)).unwrap();
    assert_eq!(bench.hub.mark(&bad).unwrap(), Some(mark(1)));
}

#[test]
fn queries_have_limits() {
    let bench = Bench::new();
    let (one, two) = (bench.table(ID_NAME, &[]), bench.table(ID_NAME, &[]));
    one.apply(vec![append(&[Some(1), Some(2)], &[Some("a"), Some("b")])]).unwrap();
    two.apply(vec![append(&[Some(2)], &[Some("z")])]).unwrap();
    let pinned = bench.hub.pin(&[one.file.clone(), two.file.clone()]).unwrap();
    let (a, b) = (pinned.relation(0).unwrap(), pinned.relation(1).unwrap());
    let joined = pinned.query(&query(&format!("SELECT x.name, y.name FROM {a} x JOIN {b} y USING (id)"))).unwrap();
    assert_eq!(joined.rows[0].get(), r#"["b","z"]"#);
    assert_eq!((joined.columns.len(), joined.columns[0].column_type.as_str()), (2, "VARCHAR"));
    assert_eq!(pinned.query_arrow(&query(&format!("SELECT * FROM {a}"))).unwrap().batches[0].num_rows(), 2);

    let endless = "SELECT sum(a.range * b.range) FROM range(100000000) a, range(100000000) b";
    let began = Instant::now();
    let outcome = pinned.query(&QuerySpec { timeout_ms: 100, ..query(endless) });
    assert!(matches!(outcome, Err(Error::QueryTimeout { limit_ms: 100 })), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    let many = "SELECT * FROM range(100000)";
    assert_eq!(pinned.query(&query(many)).unwrap_err().code(), "result_too_large");
    let wide = QuerySpec { rows_max: u64::MAX, bytes_max: 1000, ..query(many) };
    assert_eq!(pinned.query(&wide).unwrap_err().code(), "result_too_large");
    assert_eq!(pinned.query_arrow(&wide).unwrap_err().code(), "result_too_large");
    for bad in ["SELECT nope", "SELECT 1/", "SELECT CAST('x' AS INTEGER)", "SELECT error('boom')"] {
        assert_eq!(pinned.query(&query(bad)).unwrap_err().code(), "query_failed", "{bad}");
    }
    assert_eq!(pinned.query(&query("SELECT 1 AS x")).unwrap().rows[0].get(), "[1]", "still in working order");
}

#[test]
fn the_engine_itself_is_locked_down() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    let relation = pinned.relation(0).unwrap();
    for bad in [
        "SELECT * FROM read_csv('/etc/passwd')".to_owned(),
        "SELECT * FROM read_text('/etc/passwd')".to_owned(),
        "SELECT * FROM glob('/etc/*')".to_owned(),
        format!("INSERT INTO {relation} VALUES (1, 'x')"),
        format!("DELETE FROM {relation}"),
        "SET memory_limit = '1GB'".to_owned(),
        "SET enable_external_access = true".to_owned(),
        "ATTACH '/tmp/somewhere-else.duckdb' AS x".to_owned(),
        "COPY (SELECT 1) TO '/tmp/somewhere-else.csv'".to_owned(),
        "INSTALL httpfs".to_owned(),
        "LOAD httpfs".to_owned(),
    ] {
        assert!(pinned.query(&query(&bad)).is_err(), "{bad}");
    }
    assert!(table.rows().is_empty());
    assert!(!std::path::Path::new("/tmp/somewhere-else.csv").exists());
}

#[test]
fn json_values_are_exact() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    for (sql, json) in [
        ("9223372036854775807::BIGINT", "9223372036854775807"),
        ("(-170141183460469231731687303715884105727)::HUGEINT", "-170141183460469231731687303715884105727"),
        ("18446744073709551615::UBIGINT", "18446744073709551615"),
        ("1.5::DECIMAL(5,2)", r#""1.50""#),
        ("(-0.05)::DECIMAL(5,2)", r#""-0.05""#),
        ("5::DECIMAL(38,0)", r#""5""#),
        ("'nan'::DOUBLE", "null"),
        ("'-inf'::DOUBLE", "null"),
        ("0.1::FLOAT", "0.1"),
        ("DATE '2024-02-29'", r#""2024-02-29""#),
        ("DATE '0001-01-01'", r#""0001-01-01""#),
        ("TIMESTAMP '2024-01-15 14:30:00'", r#""2024-01-15T14:30:00""#),
        ("TIMESTAMP '1969-12-31 23:59:59.5'", r#""1969-12-31T23:59:59.500000""#),
        ("TIMESTAMP_NS '2024-01-15 14:30:00.123456789'", r#""2024-01-15T14:30:00.123456789""#),
        ("TIMESTAMPTZ '2024-01-15 14:30:00+02'", r#""2024-01-15T12:30:00+00:00""#),
        ("TIMESTAMP 'infinity'", r#""infinity""#),
        ("TIME '01:02:03.4'", r#""01:02:03.400000""#),
        ("'\\x00\\xFF'::BLOB", r#""AP8=""#),
        ("'10110'::BIT", r#""10110""#),
        ("[1, NULL, 3]", "[1,null,3]"),
        ("{'a': 1.5::DECIMAL(3,1), 'b': [DATE '2024-01-01']}", r#"{"a":"1.5","b":["2024-01-01"]}"#),
        ("MAP {'k': 1, 'l': NULL}", r#"{"k":1,"l":null}"#),
        ("MAP {2: 'x'}", r#"{"2":"x"}"#),
        ("INTERVAL '14 months 3 days 04:05:06'", r#""1 year 2 months 3 days 04:05:06""#),
        ("'x'::ENUM('x', 'y')", r#""x""#),
        ("'{\"a\": [1]}'::JSON", r#""{\"a\": [1]}""#),
        ("'quote \" and \u{1f600}'", "\"quote \\\" and \u{1f600}\""),
        ("NULL", "null"),
    ] {
        let rows = pinned.query(&query(&format!("SELECT {sql}"))).unwrap().rows;
        assert_eq!(rows[0].get(), format!("[{json}]"), "{sql}");
    }
}

#[test]
fn previews_choose_filter_sort_and_page() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &["id"]);
    table.apply(vec![append(&[Some(3), Some(1), Some(2)], &[Some("c"), Some("a"), Some("a")])]).unwrap();
    let rows = |spec: PreviewSpec| {
        let preview = bench.hub.preview(&table.file, &spec).unwrap();
        (preview.rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>(), preview.total)
    };
    let all = PreviewSpec { limit: 10, ..PreviewSpec::default() };
    let only = |columns: &[&str]| Some(columns.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(
        rows(PreviewSpec { columns: only(&["ID"]), limit: 2, offset: 1, ..all.clone() }),
        (vec![r#"{"id":2}"#.to_owned(), r#"{"id":3}"#.to_owned()], 3)
    );
    let equal = |value: &str| {
        let filter = serde_json::json!([{ "column": "id", "operator": "eq", "values": [value] }]);
        PreviewSpec { filters: serde_json::from_value(filter).unwrap(), ..all.clone() }
    };
    assert_eq!(rows(equal("2")).0, [r#"{"id":2,"name":"a"}"#]);
    let order_by = serde_json::from_value(serde_json::json!([{ "column": "name", "order": "DESC" }])).unwrap();
    let sorted = PreviewSpec { order_by, columns: only(&["id"]), ..all.clone() };
    assert_eq!(rows(sorted).0, [r#"{"id":3}"#, r#"{"id":1}"#, r#"{"id":2}"#]);
    let filtered = PreviewSpec { predicate_sql: Some("\"name\" = 'a'".into()), ..all.clone() };
    assert_eq!(rows(filtered).1, 2);
    let code = |spec: PreviewSpec| bench.hub.preview(&table.file, &spec).unwrap_err().code();
    assert_eq!(code(equal("x' OR 1=1")), "invalid_where_filter");
    assert_eq!(code(PreviewSpec { columns: only(&["nope"]), ..all }), "column_not_found");
}

#[test]
fn a_part_of_a_table_comes_out_as_a_file_of_its_own_while_the_table_goes_on() {
    let bench = Bench::new();
    let table = bench.table(ID_NAME, &[]);
    table.apply(vec![append(&[Some(1), Some(2), Some(3)], &[Some("a"), None, Some("c")])]).unwrap();
    let to = bench.hub.config().export_dir.join("part.duckdb");
    let spec = ExtractSpec {
        columns: Some(vec!["name".into()]),
        predicate_sql: Some("d.\"id\" > 1".into()),
        ..ExtractSpec::default()
    };
    let reader = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    let taken = bench.hub.extract(&table.file, &spec, &to).unwrap();
    drop(reader);
    assert_eq!((taken.rows, Some(taken.mark)), (2, bench.hub.mark(&table.file).unwrap()));
    assert_eq!(taken.bytes, std::fs::metadata(&to).unwrap().len());
    let opened = duckdb::Connection::open(&to).unwrap();
    let names: String = opened
        .query_row("SELECT string_agg(coalesce(name, '-') ORDER BY rowid) FROM main.data", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, "-,c");
    table.apply(vec![append(&[Some(4)], &[None])]).unwrap();

    let wrong = bench.hub.config().export_dir.join("wrong.duckdb");
    let unknown = ExtractSpec { columns: Some(vec!["nope".into()]), predicate_sql: None, ..ExtractSpec::default() };
    assert!(matches!(bench.hub.extract(&table.file, &unknown, &wrong), Err(Error::Invalid { .. })));
    assert!(!wrong.exists(), "nothing is left of a failure");
}
