//! Engines that begin with tables that are there: what they give first, what a step costs then, what views hold.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;

use alluvium_dataflow::{Engine, PartEngine, Zset, rows_from_texts};
use common::{Running, lines, program, table};

const VIEWS: [(&str, &str); 12] = [
    ("copied", "SELECT * FROM t"),
    ("filtered", "SELECT a + 1 AS x FROM t WHERE b > 1"),
    ("sums", "SELECT a, SUM(b) AS s, COUNT(*) AS n, MIN(c) AS l FROM t GROUP BY a"),
    ("all_sums", "SELECT SUM(s) AS s, COUNT(*) AS n FROM sums"),
    ("modes", "SELECT a, MODE(b) AS m FROM t GROUP BY a"),
    ("joined", "SELECT t.a, t.b, u.g FROM t JOIN u ON t.a = u.id"),
    ("outer_joined", "SELECT t.a, t.b, u.g FROM t LEFT JOIN u ON t.a = u.id"),
    ("distinct_rows", "SELECT DISTINCT a FROM t"),
    ("places", "SELECT a, b, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b, c) AS p FROM t"),
    ("first_rows", "SELECT a, b FROM t ORDER BY b DESC, a LIMIT 3"),
    ("both", "SELECT a FROM t UNION ALL SELECT g FROM u"),
    ("one", "SELECT 1 AS x"),
];

fn tables() -> Vec<alluvium_dataflow::Table> {
    vec![table("t", "a INT; b BIGINT; c VARCHAR"), table("u", "id INT!!; g INT")]
}

/// The rows of all views after some steps, summed.
fn summed(steps: &[alluvium_dataflow::Step]) -> BTreeMap<String, BTreeMap<common::Row, i64>> {
    let mut sums: BTreeMap<String, BTreeMap<common::Row, i64>> = BTreeMap::new();
    for step in steps {
        for (name, zset) in &step.views {
            let view = sums.entry(name.clone()).or_default();
            for (row, weight) in zset.to_texts() {
                *view.entry(row).or_default() += weight;
            }
        }
    }
    sums.values_mut().for_each(|rows| rows.retain(|_, weight| *weight != 0));
    sums
}

fn held(engine: &PartEngine) -> BTreeMap<String, BTreeMap<common::Row, i64>> {
    VIEWS
        .iter()
        .map(|(name, _)| ((*name).to_owned(), engine.view(name).unwrap().to_texts().into_iter().collect()))
        .collect()
}

#[test]
fn the_first_output_is_every_view_in_full_and_views_can_be_read() {
    let mut running = Running::new(&tables(), &VIEWS);
    assert!(VIEWS.iter().all(|(name, _)| running.engine.view(name).unwrap().is_empty()));
    assert!(running.engine.view("nope").is_none() && running.engine.view("t").is_none());
    let mut steps = Vec::new();
    running.insert("t", "1,5,x;1,5,x;1,7,;2,1,y;,3,z");
    running.insert("u", "1,10;2,20;3,30");
    steps.push(running.step().unwrap());
    assert_eq!(held(&running.engine), summed(&steps));
    running.delete("t", "1,5,x;2,1,y");
    running.insert("u", "1,11");
    running.delete("u", "3");
    steps.push(running.step().unwrap());
    let wanted = summed(&steps);
    assert_eq!(held(&running.engine), wanted);

    let stored: BTreeMap<String, Zset> =
        ["t", "u"].iter().map(|name| ((*name).to_owned(), running.engine.snapshot(name).unwrap())).collect();
    let mut fresh = Running::new(&tables(), &VIEWS);
    let first = fresh.engine.hydrate(stored.clone()).unwrap();
    assert!(first.tables.is_empty() && first.rejected.is_empty());
    assert_eq!(summed(std::slice::from_ref(&first)), wanted);
    assert_eq!(held(&fresh.engine), wanted);
    assert_eq!(fresh.engine.memory().table_bytes, running.engine.memory().table_bytes);
    // Both go on alike.
    for engine in [&mut running, &mut fresh] {
        engine.insert("t", "3,9,q");
        engine.delete("u", "2");
    }
    let (old, new) = (running.step().unwrap(), fresh.step().unwrap());
    assert_eq!(summed(&[old]), summed(std::slice::from_ref(&new)));
    assert_eq!(held(&fresh.engine), summed(&[first, new]));
    // Once is enough.
    let error = fresh.engine.hydrate(stored).unwrap_err();
    assert!(error.message.contains("before the first step"), "{error}");
}

#[test]
fn a_step_after_it_costs_what_it_touches() {
    let groups = 2_000;
    let rows: Vec<String> = (0..groups * 3).map(|at| format!("{},{at},x", at % groups)).collect();
    let keys: Vec<String> = (0..groups).map(|at| format!("{at},{at}")).collect();
    let all = tables();
    let of = |table: &alluvium_dataflow::Table, rows: &[String]| {
        let rows: Vec<Vec<Option<&str>>> = rows.iter().map(|row| row.split(',').map(Some).collect()).collect();
        let batch = rows_from_texts(table, &rows).unwrap();
        Zset { weights: vec![1; batch.num_rows()], batch }
    };
    let stored = BTreeMap::from([("t".to_owned(), of(&all[0], &rows)), ("u".to_owned(), of(&all[1], &keys))]);
    let mut running = Running::new(&all, &VIEWS);
    let first = running.engine.hydrate(stored).unwrap();
    assert_eq!(first.views["copied"].len(), rows.len());
    assert!(first.rows_seen > rows.len() as u64);
    running.insert("t", "7,1,y");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["joined"].to_texts()), ["7,1,7*1"]);
    assert!(step.rows_seen < 60, "{} rows were looked at for one", step.rows_seen);
    running.step().unwrap();
    assert_eq!(running.step().unwrap().rows_seen, 0);
}

#[test]
fn tables_that_cannot_have_been_are_refused_and_leave_the_engine_as_it_was() {
    let all = tables();
    let zset = |at: usize, rows: &[[Option<&str>; 3]], weights: &[i64]| {
        let width = all[at].columns.len();
        let rows: Vec<Vec<Option<&str>>> = rows.iter().map(|row| row[..width].to_vec()).collect();
        Zset { batch: rows_from_texts(&all[at], &rows).unwrap(), weights: weights.to_vec() }
    };
    let row = [Some("1"), Some("2"), None];
    let cases = [
        ("t", zset(0, &[row], &[0]), "a row is there 0 times"),
        ("t", zset(0, &[row], &[-1]), "a row is there -1 times"),
        ("t", zset(0, &[row], &[1, 1]), "1 rows have 2 weights"),
        ("u", zset(1, &[row], &[2]), "a key is there more than once"),
        ("u", zset(1, &[row, row], &[1, 1]), "a key is there more than once"),
        ("t", zset(1, &[row], &[1]), "column b is Int32 where Int64 is wanted"),
        ("nope", zset(1, &[row], &[1]), "there is no such table"),
    ];
    let mut running = Running::new(&all, &VIEWS);
    for (name, rows, part) in cases {
        let error = running.engine.hydrate(BTreeMap::from([(name.to_owned(), rows)])).unwrap_err();
        assert_eq!(error.operation, format!("table {name}"));
        assert!(error.message.contains(part), "{error}");
    }
    running.insert("t", "1,1,x");
    let error = running.engine.hydrate(BTreeMap::new()).unwrap_err();
    assert!(error.message.contains("before anything is pushed"), "{error}");
    running.engine.discard();
    let rows = BTreeMap::from([("t".to_owned(), zset(0, &[row], &[3]))]);
    let first = running.engine.hydrate(rows).unwrap();
    assert_eq!(lines(&first.views["copied"].to_texts()), ["1,2,NULL*3"]);
    // A view that fails leaves nothing behind either.
    let views = [("v", "SELECT 1 / a AS x FROM t"), ("n", "SELECT COUNT(*) AS n FROM t")];
    let mut engine = PartEngine::new(program(&all, &views).unwrap()).unwrap();
    let rows = BTreeMap::from([("t".to_owned(), zset(0, &[[Some("0"), None, None]], &[1]))]);
    assert!(engine.hydrate(rows).unwrap_err().message.contains("divides by zero"));
    let rows = BTreeMap::from([("t".to_owned(), zset(0, &[[Some("1"), None, None]], &[1]))]);
    let first = engine.hydrate(rows).unwrap();
    assert_eq!(lines(&first.views["n"].to_texts()), ["1*1"]);
}
