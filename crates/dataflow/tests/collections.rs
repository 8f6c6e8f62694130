//! Lambdas and maps, as programs write them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use alluvium_dataflow::{Change, ChangeKind, Compiler, Engine, PartEngine};
use alluvium_sql::compile;
use arrow::array::{ArrayRef, Int32Array, Int32Builder, MapBuilder, RecordBatch, StringBuilder};
use common::lines;

/// The entries of a map.
type Entries = Vec<(&'static str, Option<i32>)>;

/// The only value of an expression, or why there is none.
fn value(expression: &str) -> Result<Option<String>, String> {
    let mut compiler = Compiler::default();
    let compiled = compile(&format!("CREATE LOCAL VIEW v AS SELECT {expression} AS x;"), &mut compiler);
    if let Some(error) = compiled.messages.iter().find(|each| !each.warning) {
        return Err(error.message.clone());
    }
    let mut engine = PartEngine::new(compiler.finish(&compiled.catalog).unwrap()).unwrap();
    let step = engine.step().map_err(|error| error.message)?;
    Ok(step.views["v"].to_texts()[0].0[0].clone())
}

fn check(table: &[(&str, &str)]) {
    for (expression, wanted) in table {
        let found = value(expression).map(|found| found.unwrap_or_else(|| "NULL".to_owned()));
        assert_eq!(found, Ok((*wanted).to_owned()), "{expression}");
    }
}

fn refused(table: &[(&str, &str)]) {
    for (expression, part) in table {
        let found = value(expression);
        assert!(found.as_ref().is_err_and(|error| error.contains(part)), "{expression}: {found:?}");
    }
}

#[test]
fn lambdas_are_called_with_each_element() {
    check(&[
        ("TRANSFORM(ARRAY[1, 2, 3], x -> x * x)", "[1, 4, 9]"),
        ("TRANSFORM(ARRAY[1, NULL], x -> x + 1)", "[2, NULL]"),
        ("TRANSFORM(ARRAY['a', 'b'], x -> UPPER(x) || '!')", "[A!, B!]"),
        ("TRANSFORM(CAST(NULL AS INT ARRAY), x -> x + 1)", "NULL"),
        ("TRANSFORM(CAST(ARRAY[] AS INT ARRAY), x -> 1 / x)", "[]"),
        ("TRANSFORM(ARRAY[ARRAY[1, 2], ARRAY[3]], x -> TRANSFORM(x, y -> y + CARDINALITY(x)))", "[[3, 4], [4]]"),
        ("TRANSFORM(ARRAY[ARRAY[1, 2]], x -> TRANSFORM(x, x -> x * 10))", "[[10, 20]]"),
        ("ARRAY_EXISTS(ARRAY[1, 2, 3], x -> x > 2)", "true"),
        ("ARRAY_EXISTS(ARRAY[1, 2, 3], x -> x > 3)", "false"),
        ("ARRAY_EXISTS(ARRAY[1, NULL], x -> x > 3)", "NULL"),
        ("ARRAY_EXISTS(ARRAY[5, NULL], x -> x > 3)", "true"),
        ("ARRAY_EXISTS(CAST(NULL AS INT ARRAY), x -> x > 3)", "NULL"),
        ("ARRAY_EXISTS(CAST(ARRAY[] AS INT ARRAY), x -> x > 3)", "false"),
    ]);
    refused(&[
        ("TRANSFORM(ARRAY[1, 0], x -> 1 / x)", "divides by zero"),
        ("TRANSFORM(5, x -> x)", "where an array is wanted"),
        ("TRANSFORM(ARRAY[1], 5)", "lambda"),
        ("TRANSFORM(ARRAY[1])", "expected 2 arguments"),
        ("ARRAY_EXISTS(ARRAY[1], x -> x + 1)", "where BOOLEAN is wanted"),
        ("TRANSFORM(ARRAY[1], x -> y)", "not found"),
        ("TRANSFORM(ARRAY[1], (x, y) -> x)", "params"),
    ]);
}

#[test]
fn lambdas_see_the_columns_around_them() {
    let text = "CREATE TABLE t (a INT, l INT ARRAY, n INT);
        CREATE VIEW v AS SELECT n, TRANSFORM(l, x -> x * a + n) AS s FROM t WHERE ARRAY_EXISTS(l, x -> x = a);
        CREATE VIEW joined AS SELECT t.n FROM t JOIN t AS u ON t.n = u.n AND ARRAY_EXISTS(t.l, x -> x = u.a);";
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let program = compiler.finish(&compiled.catalog).unwrap();
    let t = program.tables()["t"].clone();
    let mut engine = PartEngine::new(program).unwrap();
    let list = |rows: Vec<Option<Vec<Option<i32>>>>| -> ArrayRef {
        let mut builder = arrow::array::LargeListBuilder::new(Int32Builder::new());
        rows.into_iter().for_each(|row| builder.append_option(row));
        Arc::new(builder.finish())
    };
    let rows = RecordBatch::try_new(
        t.schema(),
        vec![
            Arc::new(Int32Array::from(vec![2, 5, 7])),
            list(vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(1)]), None]),
            Arc::new(Int32Array::from(vec![10, 20, 30])),
        ],
    );
    engine.push("t", Change::insert(rows.unwrap())).unwrap();
    let step = engine.step().unwrap();
    assert_eq!(lines(&step.views["v"].to_texts()), ["10,[12, 14]*1"]);
    assert_eq!(lines(&step.views["joined"].to_texts()), ["10*1"]);
}

#[test]
fn maps_are_read_by_their_keys() {
    check(&[
        ("CARDINALITY(MAP['b', 2, 'a', 1])", "2"),
        ("MAP['b', 2, 'a', 1]['a']", "1"),
        ("MAP['b', 2, 'a', 1]['c']", "NULL"),
        ("MAP[1, 'x', 2, NULL][2]", "NULL"),
        ("MAP['a', 1, 'a', 2]['a']", "2"),
        ("MAP_KEYS(MAP['b', 2, 'a', 1])", "[a, b]"),
        ("MAP_VALUES(MAP['b', 2, 'a', NULL])", "[NULL, 2]"),
        ("MAP_CONTAINS_KEY(MAP['b', 2], 'b')", "true"),
        ("MAP_CONTAINS_KEY(MAP['b', 2], 'c')", "false"),
        ("MAP_CONTAINS_KEY(CAST(NULL AS MAP<VARCHAR, INT>), 'c')", "NULL"),
        ("MAP_CONCAT(MAP['a', 1, 'b', 2], MAP['b', 3])['b']", "3"),
        ("CARDINALITY(MAP_CONCAT(MAP['a', 1], MAP['b', 3], MAP['a', 5]))", "2"),
        ("MAP['b', 2, 'a', 1] = MAP['a', 1, 'b', 2]", "true"),
        ("MAP['b', NULL] = MAP['b', NULL]", "true"),
        ("MAP['a', 1] < MAP['a', 2]", "true"),
        ("CAST(MAP['a', 1] AS MAP<VARCHAR, DOUBLE>)['a']", "1.0"),
        ("TYPEOF(CAST(MAP['10', 1, '9', 2]['9'] AS VARIANT))", "BIGINT UNSIGNED"),
        ("MAP_KEYS(CAST(MAP['10', 1, '9', 2] AS MAP<INT, INT>))", "[9, 10]"),
    ]);
    refused(&[
        ("MAP[CAST(NULL AS VARCHAR), 1]", "a key of a map is NULL"),
        ("MAP['a', 1, 'b']", "needs a value for each key"),
        ("MAP['a', 1][ARRAY[1]]", "have no type in common"),
        ("MAP_KEYS(5)", "where a map is wanted"),
    ]);
}

#[test]
fn maps_are_columns_keys_and_values_of_aggregates() {
    let text = "CREATE TABLE t (m MAP<VARCHAR, INT>, n INT);
        CREATE VIEW v AS SELECT CARDINALITY(m) AS c, m['a'] AS a, SUM(n) AS n FROM t GROUP BY m;
        CREATE VIEW d AS SELECT DISTINCT m FROM t;";
    let mut compiler = Compiler::default();
    let compiled = compile(text, &mut compiler);
    assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
    let program = compiler.finish(&compiled.catalog).unwrap();
    let mut engine = PartEngine::new(program).unwrap();
    let maps = |rows: &[Option<Entries>]| -> ArrayRef {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        for row in rows {
            for (key, value) in row.iter().flatten() {
                builder.keys().append_value(key);
                builder.values().append_option(*value);
            }
            builder.append(row.is_some()).unwrap();
        }
        Arc::new(builder.finish())
    };
    // Maps of Arrow are taken too, in whichever order their entries are.
    let column =
        maps(&[Some(vec![("a", Some(1)), ("b", None)]), Some(vec![("b", None), ("a", Some(1))]), None, Some(vec![])]);
    let batch =
        RecordBatch::try_from_iter([("m", column), ("n", Arc::new(Int32Array::from(vec![1, 2, 4, 8])) as ArrayRef)]);
    engine.push("t", Change::insert(batch.unwrap())).unwrap();
    let step = engine.step().unwrap();
    assert_eq!(lines(&step.views["v"].to_texts()), ["NULL,NULL,4*1", "0,NULL,8*1", "2,1,3*1"]);
    assert_eq!(step.views["d"].len(), 3);
    // What a snapshot gives can be pushed again.
    let stored = engine.snapshot("t").unwrap();
    let delete = Change { kind: ChangeKind::Delete, ..Change::insert(stored.batch) };
    engine.push("t", delete).unwrap();
    assert_eq!(lines(&engine.step().unwrap().views["d"].to_texts()).len(), 3);
}
