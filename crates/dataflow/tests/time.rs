//! Values that come late, rows that are given out when they are final, tables that only grow, and the time that goes on.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;

use alluvium_dataflow::{Change, ChangeKind, Compiler, Engine, PartEngine, Step, Table, rows_from_texts};
use alluvium_sql::compile;
use common::lines;

/// A running program from its text.
struct Sql {
    tables: BTreeMap<String, Table>,
    engine: PartEngine,
}

impl Sql {
    fn new(text: &str) -> Self {
        let mut compiler = Compiler::default();
        let compiled = compile(text, &mut compiler);
        assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
        let program = compiler.finish(&compiled.catalog).unwrap();
        Self { tables: program.tables().clone(), engine: PartEngine::new(program).unwrap() }
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

    fn at(&mut self, time: &str) {
        self.insert("now", &format!("2020-01-01 {time}"));
    }

    fn step(&mut self) -> Step {
        self.engine.step().unwrap_or_else(|error| panic!("{error}"))
    }

    fn changes(&mut self, view: &str) -> Vec<String> {
        of(&self.step(), view)
    }
}

fn of(step: &Step, view: &str) -> Vec<String> {
    step.views.get(view).map(|zset| lines(&zset.to_texts())).unwrap_or_default()
}

fn late(step: &Step) -> Vec<String> {
    step.late
        .iter()
        .flat_map(|each| lines(&each.rows.to_texts()).into_iter().map(|row| format!("{} {row}", each.table)))
        .collect()
}

fn rejected(step: &Step) -> Vec<String> {
    step.rejected
        .iter()
        .flat_map(|each| lines(&each.rows.to_texts()).into_iter().map(|row| format!("{}: {row}", each.reason)))
        .collect()
}

#[test]
fn rows_that_come_too_late_count_nowhere() {
    let mut sql = Sql::new(
        "CREATE TABLE t (at TIMESTAMP LATENESS INTERVAL '1' HOUR, n INT);
         CREATE VIEW v AS SELECT n FROM t;
         CREATE VIEW told AS SELECT table_or_view_name, message FROM error_view;",
    );
    sql.insert("t", "2020-01-01 10:00:00,1;2020-01-01 01:00:00,2;,3");
    // Within a step nothing is late: the mark moves behind it.
    assert_eq!(sql.changes("v"), ["1*1", "2*1", "3*1"]);
    sql.insert("t", "2020-01-01 08:59:59,4;2020-01-01 09:00:00,5;,6;2020-01-01 12:00:00,7");
    let step = sql.step();
    assert_eq!(of(&step, "v"), ["5*1", "6*1", "7*1"]);
    assert_eq!(late(&step), ["t 2020-01-01T08:59:59,4*1"]);
    let message = "the value of column 'at' came too late";
    assert_eq!(of(&step, "error_view"), [format!("t,{message},{{\"at\":\"2020-01-01T08:59:59\",\"n\":\"4\"}}*1")]);
    assert_eq!(of(&step, "told"), [format!("t,{message}*1")]);
    assert!(!step.tables.contains_key("error_view") && step.rejected.is_empty());
    // What is old stays: it cannot be deleted either.
    sql.push("t", ChangeKind::Delete, "2020-01-01 10:00:00,1;2020-01-01 12:00:00,7");
    let step = sql.step();
    assert_eq!(of(&step, "v"), ["7*-1"]);
    assert_eq!(late(&step), ["t 2020-01-01T10:00:00,1*1"]);
    // A step that fails or is empty tells nothing twice.
    assert!(sql.step().late.is_empty());
    assert_eq!(sql.engine.snapshot("t").unwrap().len(), 5);
    assert!(sql.engine.snapshot("error_view").is_none() && sql.engine.view("told").is_none());
}

#[test]
fn lateness_is_measured_in_the_units_of_the_column() {
    for (kind, lateness, first, taken, refused) in [
        ("INT", "10", "100", "90", "89"),
        ("BIGINT UNSIGNED", "10", "5", "0", ""),
        ("DECIMAL(10, 2)", "1.5", "10.00", "8.50", "8.49"),
        ("DATE", "INTERVAL 2 DAYS", "2020-01-10", "2020-01-08", "2020-01-07"),
        ("DATE", "INTERVAL 36 HOURS", "2020-01-10", "2020-01-08", "2020-01-07"),
        ("TIME", "INTERVAL '30' MINUTE", "10:00:00", "09:30:00", "09:29:59"),
        ("TIMESTAMP", "INTERVAL '0' SECOND", "2020-01-10 00:00:00", "2020-01-10 00:00:00", "2020-01-09 23:59:59"),
        (
            "TIMESTAMP WITH TIME ZONE",
            "INTERVAL '1' HOUR",
            "2020-01-10 01:00:00",
            "2020-01-10 00:00:00",
            "2020-01-09 23:59:59",
        ),
    ] {
        let mut sql = Sql::new(&format!(
            "CREATE TABLE t (x {kind} LATENESS {lateness}); CREATE VIEW v AS SELECT COUNT(*) AS n FROM t;"
        ));
        sql.insert("t", first);
        sql.step();
        sql.insert("t", taken);
        assert!(late(&sql.step()).is_empty(), "{kind}");
        if !refused.is_empty() {
            sql.insert("t", refused);
            assert_eq!(late(&sql.step()).len(), 1, "{kind}");
        }
    }
    for (column, part) in [
        ("x DOUBLE LATENESS 1e0", "LATENESS of column 'x'"),
        ("x TIMESTAMP LATENESS INTERVAL 1 MONTH", "is not there yet"),
        ("x TIMESTAMP LATENESS 5", "is not there yet"),
        ("x INT LATENESS INTERVAL 1 DAY", "is not there yet"),
        ("x INT LATENESS -1", "negative"),
        ("x INT LATENESS NULL", "a NULL as the LATENESS"),
        ("x TIMESTAMP WATERMARK INTERVAL 1 DAY", "WATERMARK is not there yet"),
    ] {
        let text = format!("CREATE TABLE t ({column}); CREATE VIEW v AS SELECT * FROM t;");
        let compiled = compile(&text, &mut Compiler::default());
        let found: Vec<&str> =
            compiled.messages.iter().filter(|each| !each.warning).map(|each| each.message.as_str()).collect();
        assert!(found.iter().any(|message| message.contains(part)), "{column}: {found:?}");
    }
}

#[test]
fn rows_with_a_key_are_not_changed_any_more_when_they_are_old() {
    let mut sql =
        Sql::new("CREATE TABLE t (id INT PRIMARY KEY, x INT LATENESS 10, n INT); CREATE VIEW v AS SELECT * FROM t;");
    sql.insert("t", "1,5,1;2,100,2;3,95,3");
    sql.step();
    // Old by what it was, old by what it would be, both new; and a key that is not there.
    sql.insert("t", "1,100,9;2,50,9;3,96,9;4,90,9");
    sql.push("t", ChangeKind::Delete, "1,,");
    let step = sql.step();
    assert_eq!(of(&step, "v"), ["3,95,3*-1", "3,96,9*1", "4,90,9*1"]);
    assert_eq!(late(&step), ["t 2,50,9*1", "t 1,5,1*1", "t 1,5,1*1"]);
    let table = sql.tables["t"].clone();
    let part = Table { columns: table.columns[..2].to_vec(), key: Vec::new(), ..table };
    let batch = rows_from_texts(&part, &[vec![Some("2"), Some("60")], vec![Some("3"), Some("110")]]).unwrap();
    sql.engine.push("t", Change { kind: ChangeKind::Update, batch, columns: vec![0, 1] }).unwrap();
    let step = sql.step();
    assert_eq!(of(&step, "v"), ["3,96,9*-1", "3,110,9*1"]);
    assert_eq!(late(&step), ["t 2,60,2*1"]);
}

#[test]
fn views_may_be_late_too() {
    let mut sql = Sql::new(
        "CREATE TABLE t (x INT, n INT);
         CREATE VIEW sums AS SELECT x, SUM(n) AS s FROM t GROUP BY x;
         CREATE VIEW above AS SELECT COUNT(*) AS n FROM sums;
         LATENESS sums.x 10;",
    );
    sql.insert("t", "1,1;100,1");
    let step = sql.step();
    assert_eq!(
        (of(&step, "sums"), of(&step, "above")),
        (vec!["1,1*1".to_owned(), "100,1*1".to_owned()], vec!["2*1".to_owned()])
    );
    sql.insert("t", "1,5;95,5");
    let step = sql.step();
    assert_eq!(
        (of(&step, "sums"), of(&step, "above")),
        (vec!["95,5*1".to_owned()], vec!["2*-1".to_owned(), "3*1".to_owned()])
    );
    assert_eq!(late(&step), ["sums 1,1*1", "sums 1,6*1"]);
    assert!(of(&step, "error_view").is_empty());
    // What views refuse is told with the next step.
    assert_eq!(sql.changes("error_view").len(), 2);
    assert!(sql.changes("error_view").is_empty());
}

#[test]
fn tables_that_only_grow_refuse_everything_else() {
    let mut sql = Sql::new(
        "CREATE TABLE t (a INT) WITH ('append_only' = 'true');
         CREATE TABLE k (id INT PRIMARY KEY, a INT) WITH ('append_only' = 'true');
         CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT * FROM k;",
    );
    sql.insert("t", "1;1");
    sql.insert("k", "1,1;2,2");
    sql.step();
    sql.push("t", ChangeKind::Delete, "1");
    sql.insert("t", "2");
    sql.push("k", ChangeKind::Delete, "1,");
    sql.insert("k", "1,1;2,9;3,3");
    let step = sql.step();
    assert_eq!((of(&step, "v"), of(&step, "w")), (vec!["2*1".to_owned()], vec!["3,3*1".to_owned()]));
    let reason = "rows of an append-only table stay as they are";
    assert_eq!(rejected(&step), [format!("{reason}: 1,NULL*1"), format!("{reason}: 2,9*1"), format!("{reason}: 1*1")]);
    assert_eq!(of(&step, "error_view").len(), 3);
}

#[test]
fn rows_are_given_out_when_they_are_final() {
    let mut sql = Sql::new(
        "CREATE TABLE bid (at TIMESTAMP LATENESS INTERVAL '1' MINUTE, price INT);
         CREATE LOCAL VIEW windowed AS SELECT window_start, window_end, price
           FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(at), INTERVAL '10' MINUTE));
         CREATE VIEW totals WITH ('emit_final' = 'window_start') AS
           SELECT window_start, SUM(price) AS s FROM windowed GROUP BY window_start;
         CREATE VIEW undelayed AS SELECT COUNT(*) AS n FROM totals;",
    );
    sql.insert("bid", "2020-01-01 10:01:00,1;2020-01-01 10:05:00,2");
    let step = sql.step();
    assert_eq!((of(&step, "totals"), of(&step, "undelayed")), (vec![], vec!["1*1".to_owned()]));
    sql.insert("bid", "2020-01-01 10:04:30,3;2020-01-01 10:10:59,4");
    assert!(sql.changes("totals").is_empty());
    // 10:11 less a minute: the first window ends there.
    sql.insert("bid", "2020-01-01 10:11:00,5");
    assert_eq!(sql.changes("totals"), ["2020-01-01T10:00:00,6*1"]);
    sql.insert("bid", "2020-01-01 10:09:59,7;2020-01-01 10:30:00,1");
    assert_eq!(sql.changes("totals"), ["2020-01-01T10:10:00,9*1"]);
    assert_eq!(sql.engine.view("totals").unwrap().len(), 3);
    sql.insert("bid", "2020-01-01 12:00:00,1");
    let step = sql.step();
    assert_eq!(of(&step, "totals"), ["2020-01-01T10:30:00,1*1"]);
    let kept = sql.engine.memory();
    assert!(kept.state_bytes > kept.operations.values().map(|each| each.bytes).sum());
}

#[test]
fn what_cannot_be_final_is_refused() {
    let tables = "CREATE TABLE t (x INT LATENESS 5, y INT, k INT); CREATE TABLE u (x INT LATENESS 7, z INT);";
    for (query, column, is_final) in [
        ("SELECT * FROM t", "x", true),
        ("SELECT * FROM t", "0", true),
        ("SELECT * FROM t", "y", false),
        ("SELECT x + 1 AS q FROM t WHERE y > 2", "q", true),
        ("SELECT 0 - x AS q FROM t", "q", false),
        ("SELECT x, MAX(y) AS m FROM t GROUP BY x", "x", true),
        ("SELECT x, MAX(y) AS m FROM t GROUP BY x", "m", false),
        ("SELECT MAX(x) AS m FROM t", "m", false),
        ("SELECT t.x, u.z FROM t JOIN u ON t.x = u.x", "x", true),
        ("SELECT t.x, u.z FROM t LEFT JOIN u ON t.x = u.x", "x", true),
        ("SELECT t.x, u.z FROM t JOIN u ON t.k = u.z", "x", false),
        ("SELECT u.x FROM t LEFT JOIN u ON t.x = u.x", "x", false),
        ("SELECT x FROM t UNION ALL SELECT x FROM u", "x", true),
        ("SELECT x FROM t UNION ALL SELECT z FROM u", "x", false),
        ("SELECT DISTINCT x FROM t", "x", true),
        ("SELECT x, ROW_NUMBER() OVER (PARTITION BY x ORDER BY y) AS n FROM t", "x", true),
        ("SELECT x, ROW_NUMBER() OVER (PARTITION BY k ORDER BY y) AS n FROM t", "x", false),
    ] {
        let text = format!("{tables}\nCREATE VIEW v WITH ('emit_final' = '{column}') AS {query};");
        let compiled = compile(&text, &mut Compiler::default());
        let errors: Vec<_> = compiled.messages.iter().filter(|each| !each.warning).collect();
        assert_eq!(errors.is_empty(), is_final, "{query} by {column}: {errors:?}");
        if let Some(error) = errors.first() {
            assert!(error.message.contains("does not follow from any LATENESS"), "{error:?}");
            assert_eq!((error.start_line_number, error.start_column), (2, 36), "{error:?}");
        }
    }
    // Lateness of a view counts too, wherever it is said.
    let text = "CREATE TABLE t (x INT); CREATE VIEW a AS SELECT x FROM t;
        CREATE VIEW v WITH ('emit_final' = 'x') AS SELECT x FROM a; LATENESS a.x 3;";
    let mut sql = Sql::new(text);
    sql.insert("t", "1;10");
    assert_eq!(sql.changes("v"), ["1*1"]);
    sql.insert("t", "8;14");
    assert_eq!(sql.changes("v"), ["8*1", "10*1"]);
}

/// A table with rows at each full hour of a day.
fn hours(queries: &[&str]) -> Sql {
    let views: Vec<String> =
        queries.iter().enumerate().map(|(at, query)| format!("CREATE VIEW v{at} AS {query};")).collect();
    let mut sql = Sql::new(&format!("CREATE TABLE t (at TIMESTAMP, n INT);{}", views.join("\n")));
    let rows: Vec<String> = (0..24).map(|hour| format!("2020-01-01 {hour:02}:00:00,{hour}")).collect();
    sql.insert("t", &rows.join(";"));
    sql
}

#[test]
fn rows_enter_and_leave_as_the_time_goes_on() {
    let cases: [(&str, &[&str], &[&str]); 12] = [
        ("SELECT n FROM t WHERE at >= NOW() - INTERVAL '2' HOUR AND at < NOW()", &["8*1", "9*1"], &["8*-1", "10*1"]),
        ("SELECT n FROM t WHERE at BETWEEN NOW() - INTERVAL 1 HOUR AND NOW()", &["9*1", "10*1"], &["9*-1", "11*1"]),
        ("SELECT n FROM t WHERE NOW() = at", &["10*1"], &["10*-1", "11*1"]),
        ("SELECT n FROM t WHERE at + INTERVAL 1 HOUR = NOW()", &["9*1"], &["9*-1", "10*1"]),
        ("SELECT n FROM t WHERE n > 21 AND NOT at <= NOW()", &["22*1", "23*1"], &[]),
        ("SELECT n FROM t WHERE at <= NOW() AND at <> NOW() AND n > 8", &["9*1"], &["10*1"]),
        (
            "SELECT n FROM t WHERE (at = NOW() OR at = NOW() - INTERVAL 5 HOURS) AND n > 0",
            &["5*1", "10*1"],
            &["5*-1", "6*1", "10*-1", "11*1"],
        ),
        (
            "SELECT COUNT(*) FILTER (WHERE at > NOW()) AS a, COUNT(*) AS b FROM t",
            &["13,24*1"],
            &["12,24*1", "13,24*-1"],
        ),
        ("SELECT SUM(CASE WHEN at <= NOW() THEN n ELSE 0 END) AS s FROM t", &["55*1"], &["55*-1", "66*1"]),
        ("SELECT n FROM t WHERE EXTRACT(HOUR FROM NOW()) = n", &["10*1"], &["10*-1", "11*1"]),
        ("SELECT MAX(n) AS m FROM t WHERE at <= NOW()", &["10*1"], &["10*-1", "11*1"]),
        (
            "SELECT NOW() AS x, CURRENT_DATE AS d, LOCALTIMESTAMP AS l",
            &["2020-01-01T10:00:00,2020-01-01,2020-01-01T10:00:00*1"],
            &[
                "2020-01-01T10:00:00,2020-01-01,2020-01-01T10:00:00*-1",
                "2020-01-01T11:00:00,2020-01-01,2020-01-01T11:00:00*1",
            ],
        ),
    ];
    let queries: Vec<&str> = cases.iter().map(|(query, ..)| *query).collect();
    let mut sql = hours(&queries);
    // Without a time there are no rows that have to do with it.
    let step = sql.step();
    assert!(of(&step, "v0").is_empty() && of(&step, "v11").is_empty());
    sql.at("10:00:00");
    let first = sql.step();
    sql.at("11:00:00");
    let second = sql.step();
    for (at, (query, came, changed)) in cases.iter().enumerate() {
        let view = format!("v{at}");
        let came_now: Vec<String> = of(&first, &view).into_iter().filter(|row| row.ends_with("*1")).collect();
        assert_eq!(came_now, *came, "{query}");
        assert_eq!(of(&second, &view), *changed, "{query}");
        let held = lines(&sql.engine.view(&view).unwrap().to_texts());
        let mut wanted: Vec<String> = came
            .iter()
            .filter(|row| !changed.contains(&format!("{}-1", row.trim_end_matches('1')).as_str()))
            .map(|row| (*row).to_owned())
            .collect();
        wanted.extend(changed.iter().filter(|row| row.ends_with("*1")).map(|row| (*row).to_owned()));
        let sorted = |mut rows: Vec<String>| {
            rows.sort();
            rows
        };
        assert_eq!(sorted(held), sorted(wanted), "{query}");
    }
    // The time stands still or goes back: nothing happens, and it is told.
    sql.at("11:00:00");
    assert!(sql.step().views.is_empty());
    sql.at("09:00:00");
    let step = sql.step();
    assert_eq!(rejected(&step), ["the time does not go back: 2020-01-01T09:00:00*1"]);
    assert!(step.views.keys().eq(["error_view"]) && step.tables.is_empty());
}

#[test]
fn a_tick_costs_what_it_moves() {
    let mut sql = hours(&[
        "SELECT n FROM t WHERE at >= NOW() - INTERVAL '2' HOUR",
        "SELECT COUNT(*) FILTER (WHERE at > NOW()) AS n FROM t",
    ]);
    sql.at("10:00:00");
    sql.step();
    sql.at("10:30:00");
    let quiet = sql.step();
    assert_eq!(of(&quiet, "v0"), ["8*-1"]);
    assert!(quiet.rows_seen <= 4, "{}", quiet.rows_seen);
    // Rows that are over are not kept, and may come and go without anybody seeing it.
    let before = sql.engine.memory().state_bytes;
    sql.at("20:00:00");
    sql.step();
    assert!(sql.engine.memory().state_bytes < before);
    sql.push("t", ChangeKind::Delete, "2020-01-01 03:00:00,3");
    sql.insert("t", "2020-01-01 04:00:00,44;2020-01-01 21:00:00,21");
    let step = sql.step();
    assert_eq!(of(&step, "v0"), ["21*1"]);
    sql.push("t", ChangeKind::Delete, "2020-01-01 21:00:00,21;2020-01-01 21:00:00,21");
    assert_eq!(sql.changes("v0"), ["21*-2"]);
}

#[test]
fn a_step_that_fails_takes_the_time_back_too() {
    let mut sql = hours(&["SELECT n FROM t WHERE at = NOW()", "SELECT 1 / (n - 11) AS q FROM t WHERE at = NOW()"]);
    sql.at("10:00:00");
    sql.step();
    let before = sql.engine.memory();
    sql.at("11:00:00");
    assert!(sql.engine.step().unwrap_err().message.contains("divides by zero"));
    assert_eq!(sql.engine.memory(), before);
    sql.at("12:00:00");
    let step = sql.step();
    assert_eq!(of(&step, "v0"), ["10*-1", "12*1"]);
}
