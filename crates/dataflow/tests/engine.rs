//! What an engine promises: what tables take, steps that are all or nothing, what is told of memory.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use alluvium_dataflow::{Change, ChangeKind, Engine, PartEngine, Program, PushError, rows_from_texts};
use common::{Running, lines, program, query, table};

const COPY: (&str, &str) = ("v", "SELECT * FROM t");

fn keyed() -> Running {
    Running::new(&[table("t", "id INT!!; a INT; b VARCHAR")], &[COPY])
}

#[test]
fn rows_with_a_key_take_each_others_place() {
    let mut running = keyed();
    running.insert("t", "1,10,x;2,20,y");
    assert_eq!(running.changes("v"), ["1,10,x*1", "2,20,y*1"]);
    running.insert("t", "1,11,x");
    assert_eq!(running.changes("v"), ["1,10,x*-1", "1,11,x*1"]);
    // The same row again changes nothing.
    running.insert("t", "1,11,x");
    assert_eq!(running.changes("v"), Vec::<String>::new());
    // Within a step the last one counts.
    running.insert("t", "3,30,z;3,31,z");
    running.delete("t", "2");
    running.insert("t", "2,22,y");
    assert_eq!(running.changes("v"), ["2,20,y*-1", "2,22,y*1", "3,31,z*1"]);
    // A key that is not there is deleted in vain.
    running.delete("t", "9");
    assert_eq!(running.changes("v"), Vec::<String>::new());
}

/// Sets some columns of a row, by number.
fn update(running: &mut Running, columns: &[usize], rows: &str) {
    let own = running.tables[0].clone();
    let part = alluvium_dataflow::Table {
        columns: columns.iter().map(|at| own.columns[*at].clone()).collect(),
        key: Vec::new(),
        ..own
    };
    let rows: Vec<Vec<Option<&str>>> =
        rows.split(';').map(|row| row.split(',').map(|value| (!value.is_empty()).then_some(value)).collect()).collect();
    let batch = rows_from_texts(&part, &rows).unwrap();
    running.engine.push("t", Change { kind: ChangeKind::Update, batch, columns: columns.to_vec() }).unwrap();
}

#[test]
fn updates_leave_the_columns_that_they_do_not_name() {
    let mut running = keyed();
    running.insert("t", "1,10,x;2,20,y");
    running.changes("v");
    update(&mut running, &[0, 1], "1,11;9,99");
    assert_eq!(running.changes("v"), ["1,10,x*-1", "1,11,x*1"]);
    // NULL is a value too, and two updates of one key count one after the other.
    update(&mut running, &[0, 2], "1,;2,a;2,b");
    assert_eq!(running.changes("v"), ["1,11,NULL*1", "1,11,x*-1", "2,20,b*1", "2,20,y*-1"]);
    // An update sees what came before it in the step.
    running.insert("t", "5,50,q");
    update(&mut running, &[0, 1], "5,51");
    assert_eq!(running.changes("v"), ["5,51,q*1"]);
}

#[test]
fn rows_without_a_key_are_counted() {
    let mut running = Running::new(&[table("t", "a INT; b VARCHAR")], &[COPY]);
    running.insert("t", "1,x;1,x;2,y");
    assert_eq!(running.changes("v"), ["1,x*2", "2,y*1"]);
    running.delete("t", "1,x");
    assert_eq!(running.changes("v"), ["1,x*-1"]);
    // More deletes than rows: those that are too many are refused, the others count.
    running.delete("t", "1,x;1,x;7,q");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["v"].to_texts()), ["1,x*-1"]);
    assert_eq!(step.rejected.len(), 1);
    assert_eq!(step.rejected[0].table, "t");
    assert_eq!(lines(&step.rejected[0].rows.to_texts()), ["1,x*1", "7,q*1"]);
    assert!(step.rejected[0].reason.contains("not there"));
    // What comes in the same step makes up for what goes, in whichever order.
    running.delete("t", "8,z");
    running.insert("t", "8,z");
    let step = running.step().unwrap();
    assert!(step.rejected.is_empty() && step.views.is_empty() && step.tables.is_empty());
    assert_eq!(lines(&running.engine.snapshot("t").unwrap().to_texts()), ["2,y*1"]);
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let tables = [table("t", "a INT; b INT"), table("u", "a INT; c INT")];
    let views = [
        ("sums", "SELECT a, SUM(b) AS s FROM t GROUP BY a"),
        ("joined", "SELECT t.a, t.b, u.c FROM t LEFT JOIN u ON t.a = u.a"),
        ("inner_joined", "SELECT t.a, t.b, u.c FROM t JOIN u ON t.a = u.a"),
        ("shares", "SELECT a, 100 / s AS x FROM sums"),
        ("all_shares", "SELECT SUM(x) AS y FROM shares"),
        ("extremes", "SELECT MIN(b) AS l, MAX(b) AS m, AVG(b) AS a, COUNT(DISTINCT b) AS d FROM t"),
    ];
    let mut running = Running::new(&tables, &views);
    running.insert("t", "1,5;2,4");
    running.insert("u", "1,7");
    running.step().unwrap();
    let before = (running.engine.memory(), running.engine.snapshot("t").unwrap().to_texts());
    running.insert("t", "1,-5;2,1");
    running.insert("u", "2,9");
    let error = running.step().unwrap_err();
    assert_eq!((error.view.as_str(), error.operation.as_str()), ("shares", "project"), "{error}");
    assert!(error.message.contains("'100 / 0' divides by zero"), "{error}");
    assert_eq!((running.engine.memory(), running.engine.snapshot("t").unwrap().to_texts()), before);
    // What was pushed is still there: with something to make up for it, the step goes through.
    running.insert("t", "1,1");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["sums"].to_texts()), ["1,1*1", "1,5*-1", "2,4*-1", "2,5*1"]);
    assert_eq!(lines(&step.views["shares"].to_texts()), ["1,20*-1", "1,100*1", "2,20*1", "2,25*-1"]);
    assert_eq!(lines(&step.views["all_shares"].to_texts()), ["45*-1", "120*1"]);
    assert_eq!(lines(&step.views["joined"].to_texts()), ["1,-5,7*1", "1,1,7*1", "2,1,9*1", "2,4,NULL*-1", "2,4,9*1"]);
    // Or it is dropped.
    running.insert("t", "1,-1");
    running.step().unwrap_err();
    running.engine.discard();
    let step = running.step().unwrap();
    assert!(step.views.is_empty() && step.tables.is_empty());
}

#[test]
fn values_over_no_rows_are_there_from_the_first_step_on() {
    let tables = [table("t", "a INT")];
    let views =
        [("n", "SELECT COUNT(*) AS n, SUM(a) AS s FROM t"), ("one", "SELECT 1 AS x"), ("none", "SELECT a FROM t")];
    let mut running = Running::new(&tables, &views);
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["n"].to_texts()), ["0,NULL*1"]);
    assert_eq!(lines(&step.views["one"].to_texts()), ["1*1"]);
    assert!(!step.views.contains_key("none"));
    assert!(running.step().unwrap().views.is_empty());
    running.insert("t", "4");
    assert_eq!(running.changes("n"), ["0,NULL*-1", "1,4*1"]);
}

#[test]
fn aggregates_that_add_up_follow_without_their_rows() {
    let calls = "COUNT(*) AS n, COUNT(b) AS nb, SUM(b) AS s, AVG(b) AS a, MIN(c) AS l, MAX(c) AS m, COUNT(*) FILTER (WHERE b > 1) AS f, COUNTIF(c = 'x') AS x";
    let views = [("all", format!("SELECT {calls} FROM t")), ("by", format!("SELECT k, {calls} FROM t GROUP BY k"))];
    let views: Vec<(&str, &str)> = views.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let tables = [table("t", "k INT; b INT; c VARCHAR")];
    let whole = program(&tables, &views).unwrap();
    assert!(whole.operations().iter().all(|operation| operation.is_incremental), "{:?}", whole.operations());
    let mut running = Running::new(&tables, &views);
    running.insert("t", "1,1,x;1,3,y;1,3,y;2,,;,7,z");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["all"].to_texts()), ["5,4,14,3,x,z,3,1*1"]);
    assert_eq!(
        lines(&step.views["by"].to_texts()),
        ["NULL,1,1,7,7,z,z,1,0*1", "1,3,3,7,2,x,y,2,1*1", "2,1,0,NULL,NULL,NULL,NULL,0,0*1"]
    );
    running.delete("t", "1,1,x;,7,z");
    running.insert("t", "2,2,w");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["all"].to_texts()), ["4,3,8,2,w,y,3,0*1", "5,4,14,3,x,z,3,1*-1"]);
    assert_eq!(
        lines(&step.views["by"].to_texts()),
        [
            "NULL,1,1,7,7,z,z,1,0*-1",
            "1,2,2,6,3,y,y,2,0*1",
            "1,3,3,7,2,x,y,2,1*-1",
            "2,1,0,NULL,NULL,NULL,NULL,0,0*-1",
            "2,2,1,2,2,w,w,1,0*1"
        ]
    );
    running.delete("t", "1,3,y;1,3,y;2,,;2,2,w");
    let step = running.step().unwrap();
    assert_eq!(lines(&step.views["all"].to_texts()), ["0,0,NULL,NULL,NULL,NULL,0,0*1", "4,3,8,2,w,y,3,0*-1"]);
    assert_eq!(running.engine.memory().state_bytes, 0);
}

#[test]
fn the_first_rows_follow_without_the_others() {
    let views = [("v", "SELECT a, b FROM t ORDER BY b DESC, a LIMIT 2 OFFSET 1")];
    let mut running = Running::new(&[table("t", "a INT; b INT")], &views);
    let whole = program(&[table("t", "a INT; b INT")], &views).unwrap();
    assert!(whole.operations().iter().all(|operation| operation.is_incremental));
    running.insert("t", "1,10;2,20;3,30;4,40;5,");
    assert_eq!(running.changes("v"), ["2,20*1", "3,30*1"]);
    running.insert("t", "6,35;6,35");
    assert_eq!(running.changes("v"), ["2,20*-1", "3,30*-1", "6,35*2"]);
    running.insert("t", "7,1");
    assert_eq!(running.changes("v"), Vec::<String>::new());
    running.delete("t", "6,35;4,40");
    assert_eq!(running.changes("v"), ["2,20*1", "3,30*1", "6,35*-2"]);
    running.delete("t", "1,10;2,20;3,30;5,;6,35;7,1");
    assert_eq!(running.changes("v"), ["2,20*-1", "3,30*-1"]);
    assert_eq!(running.engine.memory().state_bytes, 0);
}

#[test]
fn memory_comes_and_goes_with_rows() {
    let mut running = Running::new(&[table("t", "a INT; b INT")], &[("v", "SELECT a, SUM(b) AS s FROM t GROUP BY a")]);
    assert_eq!(running.engine.memory().table_bytes, 0);
    running.insert("t", "1,1;1,2;2,3");
    running.step().unwrap();
    let memory = running.engine.memory();
    assert!(memory.table_bytes > 0 && memory.state_bytes > 0);
    assert_eq!(memory.operations.values().map(|each| each.rows).sum::<usize>(), 2, "a sum keeps groups");
    running.delete("t", "1,1;1,2;2,3");
    running.step().unwrap();
    let memory = running.engine.memory();
    assert_eq!((memory.table_bytes, memory.state_bytes), (0, 0));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut running = keyed();
    let other = table("t", "id INT!!; a BIGINT; b VARCHAR");
    let rows = rows_from_texts(&other, &[vec![Some("1"), Some("2"), Some("x")]]).unwrap();
    let refused = |result: Result<(), PushError>| result.unwrap_err().to_string();
    assert!(
        refused(running.engine.push("t", Change::insert(rows.clone())))
            .contains("column a is Int64 where Int32 is wanted")
    );
    assert!(refused(running.engine.push("nope", Change::insert(rows.clone()))).contains("there is no table nope"));
    let part = Change { kind: ChangeKind::Insert, batch: rows.project(&[0]).unwrap(), columns: vec![0] };
    assert!(refused(running.engine.push("t", part.clone())).contains("column a is missing"));
    let misplaced = Change { columns: vec![7], ..part.clone() };
    assert!(refused(running.engine.push("t", misplaced)).contains("there is no column 7"));
    let uneven = Change { columns: vec![0, 1], ..part };
    assert!(refused(running.engine.push("t", uneven)).contains("2 columns are named, 1 are there"));
    let nullable = rows_from_texts(&table("t", "id INT; a INT; b VARCHAR"), &[vec![None, None, None]]).unwrap();
    assert!(refused(running.engine.push("t", Change::insert(nullable))).contains("column id may not be NULL"));
    let mut keyless = Running::new(&[table("t", "a INT")], &[COPY]);
    let rows = rows_from_texts(&keyless.tables[0], &[vec![Some("1")]]).unwrap();
    let update = Change { kind: ChangeKind::Update, ..Change::insert(rows) };
    assert!(refused(keyless.engine.push("t", update)).contains("cannot be updated"));
}

#[test]
fn the_same_is_computed_once() {
    let tables = [table("t", "a INT; b INT")];
    let views = [
        ("v", "SELECT a, SUM(b) AS s FROM t GROUP BY a"),
        ("w", "SELECT a, SUM(b) AS s FROM t GROUP BY a"),
        ("x", "SELECT s FROM (SELECT a, SUM(b) AS s FROM t GROUP BY a) WHERE s > 1"),
    ];
    let operations = program(&tables, &views).unwrap().operations();
    assert_eq!(operations.iter().filter(|each| each.name == "aggregate").count(), 1, "{operations:?}");
    assert!(operations.iter().all(|each| each.is_incremental && each.inputs.iter().all(|input| *input < each.id)));
}

#[test]
fn time_is_a_table() {
    let mut program = Program::new();
    program.add_table(table("t", "at TIMESTAMP")).unwrap();
    program.add_clock().unwrap();
    let view = program.add_view("v", None, query("SELECT at FROM t WHERE at >= NOW() - INTERVAL '1' HOUR")).unwrap();
    assert!(view.reads_clock);
    let clock = program.tables()["now"].clone();
    let mut running =
        Running { tables: vec![table("t", "at TIMESTAMP"), clock], engine: PartEngine::new(program).unwrap() };
    running.insert("t", "2020-01-01 10:00:00;2020-01-01 11:30:00");
    running.insert("now", "2020-01-01 10:30:00");
    assert_eq!(running.changes("v"), ["2020-01-01T10:00:00*1", "2020-01-01T11:30:00*1"]);
    running.delete("now", "2020-01-01 10:30:00");
    running.insert("now", "2020-01-01 12:00:00");
    assert_eq!(running.changes("v"), ["2020-01-01T10:00:00*-1"]);
}

#[test]
fn relations_are_checked_when_they_are_added() {
    let mut program = Program::new();
    program.add_table(table("t", "a INT")).unwrap();
    assert!(program.add_table(table("t", "a INT")).unwrap_err().message.contains("already there"));
    assert!(program.add_view("t", None, query("SELECT 1 AS x")).unwrap_err().message.contains("already there"));
    let mut nullable = table("k", "a INT");
    nullable.key = vec![0];
    assert!(program.add_table(nullable).unwrap_err().message.contains("may be NULL"));
    let names = [alluvium_sql::types::Identifier::folded("x")];
    let error = program.add_view("v", Some(&names), query("SELECT a, a FROM t")).unwrap_err();
    assert!(error.message.contains("names 1 columns, its query gives 2"));
    // A view that failed left nothing behind.
    program.add_view("v", Some(&names), query("SELECT a FROM t")).unwrap();
}
