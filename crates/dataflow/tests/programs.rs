//! Programs as text, through the front end, to running views.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::fmt::Write;

use alluvium_dataflow::{Change, Compiler, Engine, PartEngine, rows_from_texts};
use alluvium_sql::compile;
use common::lines;

const SHOP: &str = "
CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR NOT NULL, country CHAR(2)) WITH ('materialized' = 'true');
CREATE TABLE sale (customer INT, cents BIGINT NOT NULL, at TIMESTAMP);
CREATE LOCAL VIEW by_customer AS
SELECT c.country, c.name, SUM(s.cents) AS total, COUNT(*) AS n
FROM sale s JOIN customer c ON s.customer = c.id GROUP BY c.country, c.name;
CREATE MATERIALIZED VIEW best AS
SELECT country, name, total FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY country ORDER BY total DESC) AS place FROM by_customer
) WHERE place = 1;
CREATE VIEW late (customer, since) AS
SELECT customer, CAST(MAX(at) AS DATE) FROM sale WHERE at IS NOT NULL GROUP BY customer;
";

#[test]
fn a_program_runs() {
    let mut compiler = Compiler::default();
    let compiled = compile(SHOP, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let program = compiler.finish(&compiled.catalog).unwrap();
    let tables = program.tables().clone();
    assert_eq!(program.views().len(), 3);
    assert!(program.views().iter().all(|view| view.recomputed.is_empty()), "{:?}", program.views());
    let mut engine = PartEngine::new(program).unwrap();
    let push = |engine: &mut PartEngine, table: &str, rows: &[[Option<&str>; 3]]| {
        let rows: Vec<Vec<Option<&str>>> = rows.iter().map(|row| row.to_vec()).collect();
        engine.push(table, Change::insert(rows_from_texts(&tables[table], &rows).unwrap())).unwrap();
    };
    push(&mut engine, "customer", &[[Some("1"), Some("Ann"), Some("AT")], [Some("2"), Some("Bob"), Some("AT")]]);
    push(&mut engine, "sale", &[[Some("1"), Some("100"), Some("2020-01-01 10:00:00")], [Some("2"), Some("70"), None]]);
    let step = engine.step().unwrap();
    assert_eq!(lines(&step.views["best"].to_texts()), ["AT,Ann,100*1"]);
    assert_eq!(lines(&step.views["late"].to_texts()), ["1,2020-01-01*1"]);
    push(&mut engine, "sale", &[[Some("2"), Some("40"), None]]);
    let step = engine.step().unwrap();
    assert_eq!(lines(&step.views["best"].to_texts()), ["AT,Ann,100*-1", "AT,Bob,110*1"]);
    // A customer who moves takes the sales along.
    push(&mut engine, "customer", &[[Some("2"), Some("Bob"), Some("DE")]]);
    let step = engine.step().unwrap();
    assert_eq!(lines(&step.views["best"].to_texts()), ["AT,Ann,100*1", "AT,Bob,110*-1", "DE,Bob,110*1"]);
}

#[test]
fn windows_of_time_are_relations() {
    let text = "
CREATE TABLE bid (at TIMESTAMP, price BIGINT);
CREATE VIEW tumbled AS SELECT window_start, window_end, SUM(price) AS s
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(at), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end;
CREATE VIEW shifted AS SELECT window_start, COUNT(*) AS n
  FROM TABLE(TUMBLE(data => TABLE bid, timecol => DESCRIPTOR(at), size => INTERVAL 10 MINUTES, offset => INTERVAL 5 MINUTES)) GROUP BY window_start;
CREATE VIEW hopped AS SELECT w.window_start, COUNT(*) AS n
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(at), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE)) AS w GROUP BY w.window_start;
";
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let program = compiler.finish(&compiled.catalog).unwrap();
    let bid = program.tables()["bid"].clone();
    let mut engine = PartEngine::new(program).unwrap();
    let rows: Vec<Vec<Option<&str>>> = vec![
        vec![Some("2020-01-01 10:01:00"), Some("5")],
        vec![Some("2020-01-01 10:09:00"), Some("6")],
        vec![Some("2020-01-01 10:10:00"), Some("7")],
        vec![None, Some("8")],
    ];
    engine.push("bid", Change::insert(rows_from_texts(&bid, &rows).unwrap())).unwrap();
    let step = engine.step().unwrap();
    let of = |view: &str| lines(&step.views[view].to_texts());
    assert_eq!(
        of("tumbled"),
        ["2020-01-01T10:00:00,2020-01-01T10:10:00,11*1", "2020-01-01T10:10:00,2020-01-01T10:20:00,7*1"]
    );
    assert_eq!(of("shifted"), ["2020-01-01T09:55:00,1*1", "2020-01-01T10:05:00,2*1"]);
    assert_eq!(
        of("hopped"),
        ["2020-01-01T09:55:00,1*1", "2020-01-01T10:00:00,2*1", "2020-01-01T10:05:00,2*1", "2020-01-01T10:10:00,1*1"]
    );
}

#[test]
fn spans_between_points_in_time() {
    let text = "
CREATE TABLE t (a TIMESTAMP, b TIMESTAMP);
CREATE VIEW v AS SELECT CAST((a - b) DAY AS BIGINT) AS days, CAST((a - b) MONTH AS BIGINT) AS months,
  (a - b) HOUR > INTERVAL 30 HOURS AS is_long, b + INTERVAL '1-2' YEAR TO MONTH AS later FROM t;
";
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let program = compiler.finish(&compiled.catalog).unwrap();
    let t = program.tables()["t"].clone();
    let mut engine = PartEngine::new(program).unwrap();
    let rows =
        [vec![Some("2020-03-31 12:00:00"), Some("2020-02-29 13:00:00")], vec![None, Some("2020-01-31 00:00:00")]];
    engine.push("t", Change::insert(rows_from_texts(&t, &rows).unwrap())).unwrap();
    let step = engine.step().unwrap();
    let found = lines(&step.views["v"].to_texts());
    assert_eq!(found, ["NULL,NULL,NULL,2021-03-31T00:00:00*1", "30,1,true,2021-04-29T13:00:00*1"]);
}

/// The messages about a program that are no warnings: type, first line and column, text.
fn errors(text: &str) -> Vec<(String, u32, u32, String)> {
    let compiled = compile(text, &mut Compiler::default());
    let errors = compiled.messages.into_iter().filter(|message| !message.warning);
    errors.map(|each| (each.error_type, each.start_line_number, each.start_column, each.message)).collect()
}

#[test]
fn mistakes_have_places() {
    for (query, kind, column, part) in [
        ("SELECT nope FROM t", "Compilation error", 32, "Column 'nope' not found in any table"),
        ("SELECT t.nope FROM t", "Compilation error", 32, "Column 'nope' not found in table 't'"),
        ("SELECT a FROM nope", "Compilation error", 39, "Object 'nope' not found"),
        ("SELECT NOPE(a) FROM t", "Compilation error", 32, "Invalid function 'nope'"),
        ("SELECT a FROM t GROUP BY b", "Compilation error", 32, "Expression 'a' is not being grouped"),
        ("SELECT a + c FROM t", "Compilation error", 32, "‘+’ is not defined for INTEGER, VARCHAR"),
        ("SELECT a FROM t WHERE c = ARRAY[1]", "Compilation error", 47, "does not compare VARCHAR with INTEGER ARRAY"),
        ("SELECT a, ABS(b) + UPPER(ABS(a)) FROM t", "Compilation error", 44, "UPPER: argument 1 is INTEGER"),
        ("SELECT UPPER(a) FROM t", "Compilation error", 32, "UPPER: argument 1 is INTEGER where VARCHAR is wanted"),
        ("SELECT a FROM t WHERE c SIMILAR TO 'x'", "Not yet implemented", 47, "SIMILAR TO"),
    ] {
        let text = format!("CREATE TABLE t (a INT, b BIGINT, c VARCHAR);\nCREATE VIEW v        AS {query};");
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        let (found_kind, line, found_column, message) = &found[0];
        assert_eq!((found_kind.as_str(), *line), (kind, 2), "{query}: {found:?}");
        assert!(message.contains(part), "{query}: {message}");
        assert_eq!(*found_column, column, "{query}: {message}");
    }
}

#[test]
fn what_is_computed_as_a_whole_is_told() {
    let text = "CREATE TABLE t (a INT, b BIGINT); CREATE VIEW v AS SELECT MODE(b) AS m FROM t;";
    let compiled = compile(text, &mut Compiler::default());
    let mut warnings: Vec<&str> = compiled.messages.iter().map(|message| message.error_type.as_str()).collect();
    warnings.sort_unstable();
    assert_eq!(warnings, ["Not incremental", "Unused column"], "{:?}", compiled.messages);
}

/// A program of so many views, each over the one before or over tables.
fn large(views: usize) -> String {
    let mut text = "CREATE TABLE t (a INT, b BIGINT, c VARCHAR);\nCREATE TABLE u (a INT, e VARCHAR);\n".to_owned();
    for at in 0..views {
        let from = if at % 7 == 0 { "t".to_owned() } else { format!("v{}", at - 1) };
        writeln!(text, "CREATE VIEW v{at} AS\nSELECT x.a, SUM(x.b) AS b, MIN(x.c) AS c\nFROM {from} x JOIN u ON x.a = u.a\nWHERE x.b > {at} AND u.e LIKE 'x%'\nGROUP BY x.a;").unwrap();
    }
    text
}

#[test]
fn large_programs_are_planned() {
    let text = large(100);
    assert!(text.lines().count() > 500);
    let mut compiler = Compiler::default();
    let start = std::time::Instant::now();
    let compiled = compile(&text, &mut compiler);
    // How long it took is told and not judged: machines differ.
    println!("{} lines, {} views: {:?}", text.lines().count(), 100, start.elapsed());
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let engine = PartEngine::new(compiler.finish(&compiled.catalog).unwrap()).unwrap();
    assert_eq!(engine.memory().state_bytes, 0);
}

#[test]
fn hostile_queries_are_refused_or_planned_and_never_end_the_process() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let chain = |operator: &str, length: usize| vec!["a"; length].join(operator);
    let queries = [
        format!("SELECT {} FROM t", nested("(", ")", 5_000)),
        format!("SELECT {} FROM t", nested("ABS(", ")", 500)),
        format!("SELECT {} FROM t", nested("- ", "", 5_000)),
        format!("SELECT {} FROM t", chain(" + ", 3_000)),
        format!("SELECT a FROM t WHERE {}", chain(" = 1 OR ", 3_000) + " = 1"),
        format!("SELECT {} FROM t", nested("CASE ", " WHEN 1 THEN 1 END", 40)),
        format!("SELECT a FROM t WHERE {} BETWEEN 1 AND 2", nested("(", " BETWEEN 1 AND 2)", 40)),
        std::iter::repeat_n("SELECT a FROM t", 3_000).collect::<Vec<_>>().join(" UNION ALL "),
        format!("SELECT a FROM t WHERE a IN ({})", chain(", ", 5_000)),
        "SELECT a AS b1, b1 + b1 AS b2, b2 + b2 AS b3, b3 + b3 AS b4, b4 + b4 AS b5 FROM t".to_owned(),
        format!("SELECT {} FROM t GROUP BY CUBE ({})", chain(", ", 3), chain(", ", 60)),
        "SELECT a FROM t WHERE a LIKE 5".to_owned(),
        "SELECT SUM(SUM(a)) FROM t".to_owned(),
        "SELECT * FROM t WHERE ROW_NUMBER() OVER () = 1".to_owned(),
        "SELECT COUNT(DISTINCT *) FROM t".to_owned(),
        "SELECT a FROM t LIMIT -1".to_owned(),
        "SELECT a FROM t LIMIT a".to_owned(),
        "SELECT LAG(a, 99999999999999999999) OVER (ORDER BY a) FROM t".to_owned(),
        "SELECT ''::INT, X'1', INTERVAL '' DAY FROM t".to_owned(),
    ];
    for query in queries {
        let text = format!("CREATE TABLE t (a INT, b BIGINT, c VARCHAR); CREATE VIEW v AS {query};");
        let mut compiler = Compiler::default();
        let compiled = compile(&text, &mut compiler);
        if compiled.exit_code() == 0 {
            let mut engine = PartEngine::new(compiler.finish(&compiled.catalog).unwrap()).unwrap();
            let _ = engine.step();
        } else {
            let internal = compiled.messages.iter().any(|message| message.message.contains("mistake of ours"));
            assert!(!internal, "{}: {:?}", query.chars().take(80).collect::<String>(), compiled.messages);
        }
    }
}
