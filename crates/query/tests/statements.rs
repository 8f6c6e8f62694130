//! Which statements there are, and what names mean in them.

mod common;

use alluvium_query::{Format, QueryErrorKind, SQL_BYTES_MAX, STATEMENTS_MAX};
use common::{Kept, ask, ask_with, engine, json, memory, refusal};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case("SELECT id FROM people ORDER BY id DESC LIMIT 1", json!([{"id": 3}]))]
#[case("SELECT ID FROM PEOPLE WHERE id = 1", json!([{"id": 1}]))]
#[case("SELECT \"Height\" FROM people WHERE id = 1;", json!([{"Height": 1.5}]))]
#[case("SELECT count(*) AS c FROM \"People\"", json!([{"c": 2}]))]
#[case("SELECT count(*) AS c FROM public.people", json!([{"c": 3}]))]
#[case("SELECT count(*) AS c FROM datafusion.public.people", json!([{"c": 3}]))]
#[case("VALUES (1), (2)", json!([{"column1": 1}, {"column1": 2}]))]
#[case("WITH a AS (SELECT 1 AS x) SELECT a.x, b.x AS y FROM a, a AS b", json!([{"x": 1, "y": 1}]))]
#[case("(SELECT 1 AS x) UNION ALL SELECT 2 ORDER BY x", json!([{"x": 1}, {"x": 2}]))]
#[case("SELECT p.id FROM people AS p JOIN tall USING (id) ORDER BY 1", json!([{"id": 1}, {"id": 2}, {"id": 3}]))]
#[case("SELECT id FROM people WHERE id > (SELECT min(id) FROM tall) ORDER BY id", json!([{"id": 2}, {"id": 3}]))]
#[case("SELECT sum(value) AS s FROM generate_series(1, 10)", json!([{"s": 55}]))]
#[case("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT max(n) AS m FROM r", json!([{"m": 4}]))]
#[case("SELECT 1.0 / 0.0 AS x, 0.5 AS y", json!([{"x": null, "y": 0.5}]))]
#[case("SELECT 'a' || name || 'z' AS n FROM people ORDER BY id LIMIT 2", json!([{"n": "aannz"}, {"n": null}]))]
#[case("SELECT 1 || 'x' AS a, [1] || [2] AS b", json!([{"a": "1x", "b": [1, 2]}]))]
#[case("PREPARE p AS SELECT id FROM people WHERE id = $1; EXECUTE p(2)", json!([{"id": 2}]))]
#[case("PREPARE p(INT) AS SELECT $1 + 1 AS x; EXECUTE p('41')", json!([{"x": 42}]))]
#[case("PREPARE p AS SELECT 1 AS x; EXECUTE p", json!([{"x": 1}]))]
#[case("PREPARE p AS SELECT $1 AS x; PREPARE q AS SELECT 2 AS x; EXECUTE p(1 + 2)", json!([{"x": 3}]))]
#[case("PREPARE p AS SELECT 1", json!([]))]
#[case("SELECT 1 AS a WHERE false", json!([]))]
#[tokio::test]
async fn statements_give_their_rows(#[case] sql: &str, #[case] expected: serde_json::Value) {
    assert_eq!(json!(json(&memory(), sql).await), expected, "{sql}");
}

#[rstest]
#[case("", "no statement")]
#[case(" ; -- nothing\n;", "no statement")]
#[case("SELECT", "")]
#[case("SELECT 'open", "Unterminated string")]
#[case("SELECT * FROM nobody", "nobody")]
#[case("SELECT * FROM peopl", "not found")]
#[case("SELECT * FROM \"PEOPLE\"", "not found")]
#[case("SELECT height FROM people", "height")]
#[case("SELECT * FROM other.people", "not found")]
#[case("SELECT * FROM hidden", "Tried to SELECT from a non-materialized source")]
#[case("SELECT 1 WHERE EXISTS (SELECT * FROM hidden)", "Tried to SELECT from a non-materialized source")]
#[case("SELECT * FROM hidden WHERE false", "Tried to SELECT from a non-materialized source")]
#[case("PREPARE p AS SELECT * FROM hidden", "Tried to SELECT from a non-materialized source")]
#[case("INSERT INTO people SELECT * FROM hidden", "Tried to SELECT from a non-materialized source")]
#[case("EXPLAIN SELECT * FROM hidden", "Tried to SELECT from a non-materialized source")]
#[case("SELECT 1; SELECT 2", "only the last statement may give rows")]
#[case("SELECT 1; INSERT INTO people VALUES (1, 'a', 1)", "only the last statement may give rows")]
#[case("PREPARE p AS SELECT 1; EXECUTE p; EXECUTE p", "only the last statement may give rows")]
#[case("SELECT 1 SELECT 2", "")]
#[case("EXECUTE p", "no statement is prepared under the name p")]
#[case("PREPARE p AS SELECT 1; PREPARE p AS SELECT 2", "already")]
#[case("PREPARE p AS SELECT $1; EXECUTE p", "1 parameters, and 0 are given")]
#[case("PREPARE p AS SELECT $1; EXECUTE p(1, 2)", "1 parameters, and 2 are given")]
#[case("PREPARE p(INT, INT) AS SELECT $1", "")]
#[case("PREPARE p(INT) AS SELECT $1; EXECUTE p('x')", "")]
#[case("PREPARE p AS SELECT $1; EXECUTE p((SELECT 1))", "")]
#[case("SELECT $1", "")]
#[case("SELECT id FROM people GROUP BY name", "")]
#[case("SELECT nothing(1)", "nothing")]
#[tokio::test]
async fn wrong_texts_are_refused_before_anything_is_done(#[case] sql: &str, #[case] words: &str) {
    let error = refusal(&memory(), sql).await;
    assert_eq!(
        (error.kind, error.code(), error.status()),
        (QueryErrorKind::Rejected, "AdHocQueryError", 400),
        "{sql}: {error}"
    );
    assert!(error.message.contains(words), "{sql}: {error}");
}

#[rstest]
#[case("CREATE TABLE t (a INT)")]
#[case("CREATE VIEW v AS SELECT 1")]
#[case("CREATE TABLE t AS SELECT 1")]
#[case("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'")]
#[case("CREATE UNBOUNDED EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION '/etc/passwd'")]
#[case("CREATE FUNCTION f(INT) RETURNS INT RETURN $1")]
#[case("CREATE SCHEMA s")]
#[case("CREATE DATABASE d")]
#[case("DROP TABLE people")]
#[case("DROP VIEW tall")]
#[case("ALTER TABLE people ADD COLUMN x INT")]
#[case("TRUNCATE TABLE people")]
#[case("DELETE FROM people")]
#[case("UPDATE people SET id = 1")]
#[case("MERGE INTO people USING tall ON true WHEN MATCHED THEN DELETE")]
#[case("COPY people TO 'x.csv'")]
#[case("COPY (SELECT 1) TO '/tmp/x.parquet' STORED AS PARQUET")]
#[case("COPY INTO people FROM 'x'")]
#[case("SET datafusion.execution.batch_size = 1")]
#[case("SET a = 1; SELECT 1")]
#[case("RESET datafusion.execution.batch_size")]
#[case("SHOW TABLES")]
#[case("SHOW ALL")]
#[case("SHOW COLUMNS FROM people")]
#[case("SHOW FUNCTIONS")]
#[case("DESCRIBE people")]
#[case("EXPLAIN INSERT INTO people VALUES (1, 'a', 1)")]
#[case("EXPLAIN DROP TABLE people")]
#[case("EXPLAIN EXPLAIN SELECT 1")]
#[case("BEGIN")]
#[case("COMMIT")]
#[case("USE other")]
#[case("PREPARE p AS DROP TABLE people")]
#[case("PREPARE p AS DELETE FROM people")]
#[case("PREPARE p AS PREPARE q AS SELECT 1")]
#[case("PREPARE p AS SELECT 1; PREPARE q AS EXECUTE p")]
#[case("DEALLOCATE p")]
#[case("EXECUTE IMMEDIATE 'SELECT 1'")]
#[case("SELECT * INTO t FROM people")]
#[case("INSERT OVERWRITE people SELECT * FROM tall")]
#[case("REPLACE INTO people VALUES (1, 'a', 1)")]
#[case("INSERT OR REPLACE INTO people VALUES (1, 'a', 1)")]
#[case("INSERT INTO people VALUES (1, 'a', 1) ON CONFLICT DO NOTHING")]
#[case("INSERT INTO people VALUES (1, 'a', 1) RETURNING id")]
#[case("INSERT INTO people DEFAULT VALUES")]
#[case("INSERT INTO tall VALUES (1, 'a', 1)")]
#[case("INSERT INTO nobody VALUES (1)")]
#[case("INSERT INTO generate_series VALUES (1)")]
#[case("WITH x AS (DELETE FROM people) SELECT 1")]
#[case("WITH x AS (INSERT INTO people VALUES (1, 'a', 1)) SELECT 1")]
#[case("SELECT * FROM read_parquet('/etc/passwd')")]
#[case("SELECT * FROM read_csv('/etc/passwd')")]
#[case("SELECT * FROM parquet_metadata('/etc/passwd')")]
#[case("SELECT * FROM '/etc/passwd'")]
#[case("SELECT * FROM \"/etc/passwd\"")]
#[case("SELECT * FROM \"file:///etc/passwd\"")]
#[case("SELECT * FROM information_schema.tables")]
#[case("SELECT * FROM datafusion.information_schema.df_settings")]
#[case("SELECT @@version")]
#[case("LOAD DATA INPATH 'x' INTO TABLE people")]
#[case("ATTACH DATABASE 'x' AS y")]
#[case("INSTALL httpfs")]
#[case("VACUUM people")]
#[case("ANALYZE TABLE people")]
#[case("CALL something()")]
#[case("KILL 1")]
#[case("GRANT ALL ON people TO you")]
#[tokio::test]
async fn what_is_not_offered_is_refused(#[case] sql: &str) {
    let error = refusal(&memory(), sql).await;
    assert_eq!((error.kind, error.status()), (QueryErrorKind::Rejected, 400), "{sql}: {error}");
    assert!(!error.message.is_empty());
    // Nor behind a statement that is offered.
    let error = refusal(&memory(), &format!("PREPARE first AS SELECT 1; {sql}")).await;
    assert_eq!(error.kind, QueryErrorKind::Rejected, "{sql}: {error}");
}

#[tokio::test]
async fn refused_statements_are_named() {
    for (sql, name) in [
        ("DROP TABLE people", "DROP TABLE is not supported"),
        ("DELETE FROM people", "DELETE FROM is not supported"),
        ("UPDATE people SET id = 1", "UPDATE is not supported"),
        ("COPY people TO 'x'", "COPY is not supported"),
        ("SET a = 1", "SET is not supported"),
    ] {
        let error = refusal(&memory(), sql).await;
        assert!(error.message.starts_with(name), "{error}");
        assert!(error.message.contains("SELECT, INSERT, PREPARE, EXECUTE"), "{error}");
    }
}

#[tokio::test]
async fn explain_tells_the_plan() {
    let body = ask(&memory(), "EXPLAIN SELECT id FROM people WHERE id > 1", Format::Text).await.unwrap();
    assert!(body.text().contains("TableScan: people"), "{}", body.text());
    let body = ask(&memory(), "EXPLAIN ANALYZE SELECT id FROM people WHERE id > 1", Format::Text).await.unwrap();
    assert!(body.text().contains("output_rows"), "{}", body.text());
}

#[tokio::test]
async fn only_the_columns_that_are_needed_are_read() {
    for (sql, expected) in [
        ("SELECT * FROM people", None),
        ("SELECT name FROM people", Some(vec![1])),
        ("SELECT id FROM people WHERE \"Height\" > 1", Some(vec![0, 2])),
        ("SELECT count(*) FROM people", Some(vec![0])),
    ] {
        let memory = memory();
        ask(&memory, sql, Format::Hash).await.unwrap();
        assert_eq!(*memory.projections.lock().unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn now_is_one_moment() {
    let rows = json(&memory(), "SELECT now() = now() AS same, count(DISTINCT now()) AS c FROM people").await;
    assert_eq!(json!(rows), json!([{"same": true, "c": 1}]));
}

#[tokio::test]
async fn texts_are_limited() {
    let error = refusal(&memory(), &format!("SELECT 1 --{}", " ".repeat(SQL_BYTES_MAX))).await;
    assert!(error.message.contains("bytes"), "{error}");
    let error = refusal(&memory(), &"PREPARE p AS SELECT 1;".repeat(STATEMENTS_MAX + 1)).await;
    assert!(error.message.contains("statements") || error.message.contains("already"), "{error}");
}

#[tokio::test]
async fn a_request_is_planned_as_a_whole_before_its_inserts_are_done() {
    let kept = Kept::default();
    let sql = "INSERT INTO people VALUES (4, 'd', 1); SELECT * FROM nobody";
    let error = ask_with(&engine(), &memory(), &kept, sql, Format::Json).await.err().unwrap();
    assert!(error.message.contains("nobody"), "{error}");
    assert!(kept.rows().is_empty());
}
