//! Relations that are more than tables and joins: sessions, latest matches, pivots, views that read themselves; and how much may be kept.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use alluvium_dataflow::{Change, ChangeKind, Compiler, Engine, PartEngine, Step, Table, rows_from_texts};
use alluvium_sql::compile;
use common::{Running, lines, table};
use proptest::prelude::*;

struct Sql {
    tables: BTreeMap<String, Table>,
    engine: PartEngine,
    held: BTreeMap<String, BTreeMap<common::Row, i64>>,
}

impl Sql {
    fn new(text: &str) -> Self {
        let mut compiler = Compiler::default();
        let compiled = compile(text, &mut compiler);
        assert_eq!(compiled.exit_code(), 0, "{text}: {:?}", compiled.messages);
        let program = compiler.finish(&compiled.catalog).unwrap();
        Self { tables: program.tables().clone(), engine: PartEngine::new(program).unwrap(), held: BTreeMap::new() }
    }

    fn push(&mut self, table: &str, kind: ChangeKind, rows: &str) {
        let rows: Vec<Vec<Option<&str>>> = rows
            .split(';')
            .map(|row| row.split(',').map(|value| (!value.is_empty()).then_some(value)).collect())
            .collect();
        let batch = rows_from_texts(&self.tables[table], &rows).unwrap();
        self.engine.push(table, Change { kind, ..Change::insert(batch) }).unwrap();
    }

    fn insert(&mut self, table: &str, rows: &str) {
        self.push(table, ChangeKind::Insert, rows);
    }

    fn delete(&mut self, table: &str, rows: &str) {
        self.push(table, ChangeKind::Delete, rows);
    }

    fn step(&mut self) -> Step {
        let step = self.engine.step().unwrap_or_else(|error| panic!("{error}"));
        for (view, rows) in &step.views {
            let held = self.held.entry(view.clone()).or_default();
            for (row, weight) in rows.to_texts() {
                *held.entry(row).or_default() += weight;
            }
            held.retain(|_, weight| *weight != 0);
            assert!(held.values().all(|weight| *weight > 0), "{view}: {held:?}");
        }
        step
    }

    /// The rows of a view now, which are also those that the engine says.
    fn rows(&self, view: &str) -> Vec<String> {
        let held = self.held.get(view).cloned().unwrap_or_default();
        let said: BTreeMap<_, _> = self.engine.view(view).unwrap().to_texts().into_iter().collect();
        assert_eq!(said, held, "{view}");
        lines(&held.into_iter().collect::<Vec<_>>())
    }
}

#[test]
fn sessions_end_when_nothing_comes_for_a_while() {
    let text = |args: &str| {
        format!(
            "CREATE TABLE t (at TIMESTAMP, k VARCHAR, n INT);
             CREATE VIEW v AS SELECT k, SUBSTR(CAST(window_start AS VARCHAR), 12) AS s, SUBSTR(CAST(window_end AS VARCHAR), 12) AS e, SUM(n) AS n
             FROM TABLE(SESSION({args})) GROUP BY k, window_start, window_end;"
        )
    };
    for args in [
        "TABLE t, DESCRIPTOR(at), DESCRIPTOR(k), INTERVAL '10' MINUTE",
        "data => TABLE t, timecol => DESCRIPTOR(at), size => INTERVAL 10 MINUTES, key => DESCRIPTOR(k)",
    ] {
        let mut sql = Sql::new(&text(args));
        sql.insert(
            "t",
            "2020-01-01 10:00:00,a,1;2020-01-01 10:09:00,a,2;2020-01-01 10:30:00,a,4;2020-01-01 10:05:00,b,8;,a,99",
        );
        sql.step();
        assert_eq!(sql.rows("v"), ["a,10:00:00,10:19:00,3*1", "a,10:30:00,10:40:00,4*1", "b,10:05:00,10:15:00,8*1"]);
        // A row between two sessions makes them one; without it they are two again.
        sql.insert("t", "2020-01-01 10:19:00,a,16;2020-01-01 10:25:00,a,32");
        sql.step();
        assert_eq!(sql.rows("v"), ["a,10:00:00,10:40:00,55*1", "b,10:05:00,10:15:00,8*1"]);
        sql.delete("t", "2020-01-01 10:19:00,a,16;2020-01-01 10:05:00,b,8");
        sql.step();
        assert_eq!(sql.rows("v"), ["a,10:00:00,10:19:00,3*1", "a,10:25:00,10:40:00,36*1"]);
    }
    let mut sql = Sql::new(&text("TABLE t, DESCRIPTOR(at), INTERVAL '10' MINUTE"));
    sql.insert("t", "2020-01-01 10:00:00,a,1;2020-01-01 10:09:00,b,2;2020-01-01 10:09:00,b,2");
    sql.step();
    assert_eq!(sql.rows("v"), ["a,10:00:00,10:19:00,1*1", "b,10:00:00,10:19:00,4*1"]);
    let columns = "CREATE TABLE t (at TIMESTAMP, n INT); CREATE VIEW v AS SELECT * FROM TABLE(SESSION(TABLE t, DESCRIPTOR(at), INTERVAL 1 HOUR));";
    let sql = Sql::new(columns);
    let names: Vec<String> =
        sql.engine.view("v").unwrap().batch.schema().fields().iter().map(|each| each.name().clone()).collect();
    assert_eq!(names, ["at", "n", "window_start", "window_end"]);
}

#[test]
fn the_latest_match_is_joined() {
    let mut sql = Sql::new(
        "CREATE TABLE trade (id INT, sym VARCHAR, at INT);
         CREATE TABLE quote (sym VARCHAR, at INT, price INT);
         CREATE VIEW v AS SELECT l.id, r.at, r.price FROM trade l LEFT ASOF JOIN quote r MATCH_CONDITION(l.at >= r.at) ON l.sym = r.sym;
         CREATE VIEW cheap AS SELECT l.id, r.price FROM trade l LEFT ASOF JOIN quote r MATCH_CONDITION(l.at >= r.at) ON l.sym = r.sym AND r.price < 50;",
    );
    sql.insert("trade", "1,a,10;2,a,5;3,b,10;4,a,;5,,10");
    sql.insert("quote", "a,6,60;a,9,90;a,11,110;b,20,1;,1,1;a,,7");
    sql.step();
    assert_eq!(sql.rows("v"), ["1,9,90*1", "2,NULL,NULL*1", "3,NULL,NULL*1", "4,NULL,NULL*1", "5,NULL,NULL*1"]);
    assert_eq!(sql.rows("cheap"), ["1,NULL*1", "2,NULL*1", "3,NULL*1", "4,NULL*1", "5,NULL*1"]);
    // A later quote takes its place, as often as it is there; and gives it back.
    sql.insert("quote", "a,10,100;a,10,100;a,4,40;a,10,99");
    sql.step();
    assert_eq!(sql.rows("v")[..2], ["1,10,100*1", "2,4,40*1"]);
    assert_eq!(sql.rows("cheap")[..2], ["1,40*1", "2,40*1"]);
    sql.delete("quote", "a,10,100;a,10,100;a,10,99");
    sql.insert("trade", "1,a,10");
    sql.step();
    assert_eq!(sql.rows("v")[..2], ["1,9,90*2", "2,4,40*1"]);
    for (join, part) in [
        ("LEFT ASOF JOIN quote r MATCH_CONDITION(l.sym >= r.at) ON l.sym = r.sym AND l.id = 'x'", ""),
        ("LEFT ASOF JOIN quote r MATCH_CONDITION(l.at > r.at) ON l.sym = r.sym", "MATCH_CONDITION"),
        ("LEFT ASOF JOIN quote r MATCH_CONDITION(r.at >= l.at) ON l.sym = r.sym", "not found"),
    ] {
        let text = format!(
            "CREATE TABLE trade (id INT, sym VARCHAR, at INT); CREATE TABLE quote (sym VARCHAR, at INT, price INT);
             CREATE VIEW v AS SELECT l.id FROM trade l {join};"
        );
        let compiled = compile(&text, &mut Compiler::default());
        let found: Vec<&str> =
            compiled.messages.iter().filter(|each| !each.warning).map(|each| each.message.as_str()).collect();
        assert!(part.is_empty() || found.iter().any(|message| message.contains(part)), "{join}: {found:?}");
    }
}

#[test]
fn values_become_columns_and_columns_values() {
    let mut sql = Sql::new(
        "CREATE TABLE sale (shop VARCHAR, day VARCHAR, n INT);
         CREATE VIEW wide AS SELECT * FROM sale PIVOT (SUM(n) FOR day IN ('mon' AS mon, 'tue'));
         CREATE VIEW two AS SELECT * FROM sale PIVOT (SUM(n) AS s, COUNT(*) AS c FOR day IN ('mon' AS mon));
         CREATE VIEW long AS SELECT * FROM wide UNPIVOT (n FOR day IN (mon, tue AS tuesday));
         CREATE VIEW longer AS SELECT * FROM wide UNPIVOT INCLUDE NULLS (n FOR day IN (mon, tue));",
    );
    sql.insert("sale", "x,mon,1;x,mon,2;x,tue,4;y,mon,8;z,sun,16");
    sql.step();
    assert_eq!(sql.rows("wide"), ["x,3,4*1", "y,8,NULL*1", "z,NULL,NULL*1"]);
    assert_eq!(sql.rows("two"), ["x,3,2*1", "y,8,1*1", "z,NULL,0*1"]);
    assert_eq!(sql.rows("long"), ["x,mon,3*1", "x,tuesday,4*1", "y,mon,8*1"]);
    assert_eq!(sql.rows("longer").len(), 6);
    sql.delete("sale", "x,tue,4;z,sun,16");
    sql.step();
    assert_eq!(sql.rows("wide"), ["x,3,NULL*1", "y,8,NULL*1"]);
    assert_eq!(sql.rows("long"), ["x,mon,3*1", "y,mon,8*1"]);
    let names = |view: &str| -> Vec<String> {
        sql.engine.view(view).unwrap().batch.schema().fields().iter().map(|each| each.name().clone()).collect()
    };
    assert_eq!(names("wide"), ["shop", "mon", "tue"]);
    assert_eq!(names("two"), ["shop", "mon_s", "mon_c"]);
    assert_eq!(names("long"), ["shop", "day", "n"]);
}

const PATHS: &str = "
CREATE TABLE edge (x INT, y INT);
DECLARE RECURSIVE VIEW path (x INT, y INT);
CREATE VIEW longer AS SELECT e.x, p.y FROM edge e JOIN path p ON e.y = p.x;
CREATE VIEW path AS (SELECT x, y FROM edge) UNION ALL (SELECT x, y FROM longer);
CREATE VIEW from_one AS SELECT y FROM path WHERE x = 1;
";

#[test]
fn views_may_read_themselves() {
    let mut sql = Sql::new(PATHS);
    sql.insert("edge", "1,2;2,3;3,4;7,8;1,2");
    sql.step();
    assert_eq!(sql.rows("path"), ["1,2*1", "1,3*1", "1,4*1", "2,3*1", "2,4*1", "3,4*1", "7,8*1"]);
    assert_eq!(sql.rows("from_one"), ["2*1", "3*1", "4*1"]);
    assert_eq!(sql.rows("longer"), ["1,3*2", "1,4*2", "2,4*1"]);
    // A circle, and its end.
    sql.insert("edge", "4,1");
    sql.step();
    assert_eq!(sql.rows("from_one"), ["1*1", "2*1", "3*1", "4*1"]);
    sql.delete("edge", "2,3");
    let step = sql.step();
    assert_eq!(sql.rows("from_one"), ["2*1"]);
    assert_eq!(sql.rows("path"), ["1,2*1", "3,1*1", "3,2*1", "3,4*1", "4,1*1", "4,2*1", "7,8*1"]);
    assert_eq!(lines(&step.views["from_one"].to_texts()), ["1*-1", "3*-1", "4*-1"]);
    let compiled = compile(PATHS, &mut Compiler::default());
    let warned = compiled.messages.iter().filter(|each| each.error_type == "Not incremental");
    assert_eq!(warned.map(|each| each.message.clone()).collect::<Vec<_>>().len(), 1, "{:?}", compiled.messages);
}

#[test]
fn views_may_read_one_another_and_be_declared_for_nothing() {
    let mut sql = Sql::new(
        "CREATE TABLE step (x INT, y INT);
         DECLARE RECURSIVE VIEW even (x INT); DECLARE RECURSIVE VIEW odd (x INT); DECLARE RECURSIVE VIEW later (x INT);
         CREATE VIEW before AS SELECT x + 1 AS x FROM later;
         CREATE VIEW even AS SELECT 0 AS x UNION SELECT s.y FROM step s JOIN odd ON s.x = odd.x;
         CREATE VIEW odd AS SELECT s.y AS x FROM step s JOIN even ON s.x = even.x;
         CREATE VIEW later AS SELECT y AS x FROM step WHERE y > 3;",
    );
    sql.insert("step", "0,1;1,2;2,3;3,4");
    sql.step();
    assert_eq!(
        (sql.rows("even"), sql.rows("odd")),
        (vec!["0*1".into(), "2*1".into(), "4*1".into()], vec!["1*1".to_owned(), "3*1".to_owned()])
    );
    assert_eq!((sql.rows("later"), sql.rows("before")), (vec!["4*1".to_owned()], vec!["5*1".to_owned()]));
    sql.delete("step", "1,2");
    sql.step();
    assert_eq!((sql.rows("even"), sql.rows("odd")), (vec!["0*1".to_owned()], vec!["1*1".to_owned()]));
    sql.insert("step", "0,3");
    sql.step();
    assert_eq!(
        (sql.rows("even"), sql.rows("odd")),
        (vec!["0*1".to_owned(), "4*1".to_owned()], vec!["1*1".to_owned(), "3*1".to_owned()])
    );
}

#[test]
fn recursion_that_has_no_end_or_no_meaning_is_refused() {
    let mut sql = Sql::new(
        "CREATE TABLE t (x BIGINT); DECLARE RECURSIVE VIEW r (x BIGINT);
         CREATE VIEW r AS SELECT x FROM t UNION SELECT x * 2 FROM r;",
    );
    sql.insert("t", "0");
    sql.step();
    assert_eq!(sql.rows("r"), ["0*1"]);
    sql.insert("t", "1");
    let error = sql.engine.step().unwrap_err();
    assert_eq!((error.view.as_str(), error.operation.as_str()), ("r", "recursion"), "{error}");
    assert!(error.message.contains("overflow"), "{error}");
    sql.engine.discard();
    sql.insert("t", "0");
    sql.step();
    assert_eq!(sql.rows("r"), ["0*1"]);
    for query in [
        "SELECT x FROM t EXCEPT SELECT x FROM r",
        "SELECT MAX(x) AS x FROM r",
        "SELECT t.x FROM t LEFT JOIN r ON t.x = r.x WHERE r.x IS NULL",
        "SELECT x FROM r ORDER BY x LIMIT 1",
    ] {
        let text = format!("CREATE TABLE t (x INT); DECLARE RECURSIVE VIEW r (x INT); CREATE VIEW r AS {query};");
        let compiled = compile(&text, &mut Compiler::default());
        let found: Vec<_> = compiled.messages.iter().filter(|each| !each.warning).collect();
        assert!(found.iter().any(|each| each.error_type == "Not yet implemented"), "{query}: {found:?}");
    }
}

/// Which nodes can be reached from which.
fn paths(edges: &[(u8, u8)]) -> BTreeSet<(u8, u8)> {
    let mut found: BTreeSet<(u8, u8)> = edges.iter().copied().collect();
    loop {
        let more: Vec<(u8, u8)> = edges
            .iter()
            .flat_map(|(x, y)| found.iter().filter(move |(from, _)| from == y).map(move |(_, to)| (*x, *to)))
            .filter(|pair| !found.contains(pair))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

proptest! {
    #[test]
    fn paths_are_found_as_edges_come_and_go(
        steps in proptest::collection::vec(proptest::collection::vec((any::<bool>(), 0_u8..6, 0_u8..6), 0..8), 1..6),
    ) {
        let mut sql = Sql::new(PATHS);
        let mut edges: Vec<(u8, u8)> = Vec::new();
        for step in steps {
            for (is_new, x, y) in step {
                let there = edges.iter().position(|edge| *edge == (x, y));
                if let (false, Some(at)) = (is_new, there) {
                    edges.swap_remove(at);
                    sql.delete("edge", &format!("{x},{y}"));
                } else {
                    edges.push((x, y));
                    sql.insert("edge", &format!("{x},{y}"));
                }
            }
            sql.step();
            let wanted: Vec<String> = paths(&edges).into_iter().map(|(x, y)| format!("{x},{y}*1")).collect();
            prop_assert_eq!(sql.rows("path"), wanted);
        }
    }
}

#[test]
fn steps_that_would_keep_too_much_fail() {
    let views =
        [("sums", "SELECT a, COUNT(*) AS n FROM t GROUP BY a"), ("joined", "SELECT t.b FROM t JOIN u ON t.a = u.id")];
    let mut running = Running::new(&[table("t", "a INT; b VARCHAR"), table("u", "id INT!!")], &views);
    let rows = |range: std::ops::Range<usize>| {
        range.map(|at| format!("{at},{}", "x".repeat(200))).collect::<Vec<_>>().join(";")
    };
    running.insert("t", &rows(0..10));
    running.step().unwrap();
    let kept = running.engine.memory();
    let all = kept.table_bytes + kept.state_bytes;
    running.engine.set_memory_limit(Some(all + 1_000));
    running.insert("t", &rows(10..100));
    let error = running.step().unwrap_err();
    assert_eq!((error.view.as_str(), error.operation.as_str()), ("joined", "join"), "{error}");
    assert!(error.message.contains(&format!("where {} are allowed", all + 1_000)), "{error}");
    assert_eq!(running.engine.memory(), kept);
    assert_eq!(running.engine.snapshot("t").unwrap().len(), 10);
    running.engine.discard();
    // What keeps less goes through, however low the limit is.
    running.engine.set_memory_limit(Some(10));
    running.delete("t", &rows(0..1));
    running.step().unwrap();
    running.insert("t", &rows(0..1));
    assert!(running.step().is_err());
    running.engine.set_memory_limit(None);
    running.step().unwrap();
    // Tables count too, and hydration.
    let mut plain = Running::new(&[table("t", "a INT; b VARCHAR")], &[("v", "SELECT * FROM t")]);
    plain.engine.set_memory_limit(Some(500));
    plain.insert("t", &rows(0..9));
    let error = plain.step().unwrap_err();
    assert_eq!(error.operation, "table t");
    let stored = BTreeMap::from([("t".to_owned(), running.engine.snapshot("t").unwrap())]);
    plain.engine.discard();
    assert_eq!(plain.engine.hydrate(stored.clone()).unwrap_err().operation, "table t");
    plain.engine.set_memory_limit(Some(100_000));
    assert_eq!(plain.engine.hydrate(stored).unwrap().views["v"].len(), 10);
}
