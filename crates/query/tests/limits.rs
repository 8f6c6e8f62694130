//! What queries may use, and how they are stopped.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_query::{
    Batches, BoxError, Engine, Format, Limits, QueryErrorKind, RelationInfo, RelationKind, Relations, Spill,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use common::{Kept, Memory, ask, ask_with, engine, json, memory, numbers, refusal};
use futures::StreamExt;
use rstest::rstest;

fn limited(change: impl FnOnce(&mut Limits)) -> Engine {
    let mut limits = Limits::default();
    change(&mut limits);
    Engine::new(limits).unwrap()
}

#[rstest]
#[case("SELECT n FROM many ORDER BY n % 7, n")]
#[case("SELECT n, count(*) FROM many GROUP BY n")]
#[case("SELECT count(*) FROM many AS a JOIN many AS b ON a.n = b.n + 1")]
#[case("INSERT INTO many SELECT n + 1 FROM many")]
#[tokio::test]
async fn memory_is_limited(#[case] sql: &str) {
    let memory = Memory::default().with("many", numbers(50, 2_000));
    let small = limited(|limits| limits.memory_bytes = 200_000);
    let error = match ask_with(&small, &memory, &Kept::default(), sql, Format::Hash).await {
        Ok(body) => body.error.expect("too large"),
        Err(error) => error,
    };
    assert_eq!(
        (error.kind, error.code(), error.status()),
        (QueryErrorKind::TooLarge, "AdHocQueryError", 400),
        "{error}"
    );
    let large = ask_with(&engine(), &memory, &Kept::default(), sql, Format::Hash).await.unwrap();
    assert!(large.error.is_none());
}

#[tokio::test]
async fn memory_is_free_again_behind_a_query() {
    let memory = Memory::default().with("many", numbers(50, 2_000));
    let engine = limited(|limits| limits.memory_bytes = 4_000_000);
    for _ in 0..20 {
        let body =
            ask_with(&engine, &memory, &Kept::default(), "SELECT n FROM many ORDER BY -n", Format::Hash).await.unwrap();
        assert_eq!(body.error, None);
    }
}

#[tokio::test]
async fn sorts_spill_where_they_may() {
    let memory = Memory::default().with("many", numbers(200, 2_000));
    let directory = tempfile::tempdir().unwrap();
    let spill = Spill { directory: directory.path().to_owned(), bytes_max: 1 << 30 };
    let engine = limited(|limits| (limits.memory_bytes, limits.spill) = (12_000_000, Some(spill)));
    let sql = "SELECT n, repeat('x', 50) AS t FROM many ORDER BY n % 7, n";
    let body = ask_with(&engine, &memory, &Kept::default(), sql, Format::Json).await.unwrap();
    assert_eq!(body.text().lines().count(), 400_000, "{:?}", body.text().lines().last());
    assert!(body.text().starts_with("{\"n\":0,"));
    assert_eq!(
        std::fs::read_dir(directory.path())
            .unwrap()
            .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()))
            .flatten()
            .count(),
        0
    );
}

#[tokio::test]
async fn rows_are_limited() {
    let memory = Memory::default().with("many", numbers(3, 10));
    for (rows_max, is_refused) in [(29, true), (30, false)] {
        let engine = limited(|limits| limits.rows_max = Some(rows_max));
        let body = ask_with(&engine, &memory, &Kept::default(), "SELECT * FROM many", Format::Hash).await.unwrap();
        assert_eq!(body.error.is_some(), is_refused);
        let body =
            ask_with(&engine, &memory, &Kept::default(), "SELECT count(*) FROM many", Format::Hash).await.unwrap();
        assert_eq!(body.error, None, "rows that are only read do not count");
    }
}

/// A relation without end.
struct Endless;

impl Relations for Endless {
    fn relations(&self) -> Vec<RelationInfo> {
        let (name, schema) = ("endless".to_owned(), numbers(1, 1)[0].schema());
        vec![RelationInfo { name, kind: RelationKind::View, schema, is_materialized: true, defaults: Vec::new() }]
    }

    fn scan(&self, _name: &str, _projection: Option<&[usize]>, batch_rows: usize) -> Result<Batches, BoxError> {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..batch_rows as i64));
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        Ok(Box::new(std::iter::repeat_with(move || Ok(batch.clone()))))
    }
}

#[rstest]
#[case("SELECT sum(n) FROM endless")]
#[case("SELECT n FROM endless WHERE n < 0")]
#[case("SELECT sum(a.n * b.n) FROM endless AS a, (SELECT * FROM endless LIMIT 100) AS b")]
#[case("SELECT sum(value) FROM generate_series(1, 1000000000000000)")]
#[case("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 0 FROM r) SELECT count(*) FROM r")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_limited(#[case] sql: &str) {
    let engine = limited(|limits| limits.time_max = Some(Duration::from_millis(300)));
    let session = engine.session(Arc::new(Endless), Arc::new(Kept::default()));
    let answer = session.plan(sql).await.unwrap().run(Format::Hash).await.unwrap();
    let chunks: Vec<_> = answer.into_chunks().collect().await;
    let error = chunks.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::TooLarge, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_answer_stops_the_query() {
    let engine = limited(|limits| limits.queries_max = 1);
    for sql in ["SELECT * FROM endless", "SELECT sum(n) FROM endless"] {
        let session = engine.session(Arc::new(Endless), Arc::new(Kept::default()));
        let answer = session.plan(sql).await.unwrap().run(Format::Json).await.unwrap();
        let busy =
            engine.session(Arc::new(Endless), Arc::new(Kept::default())).plan(sql).await.err().expect("one at a time");
        assert_eq!((busy.kind, busy.code(), busy.status()), (QueryErrorKind::Busy, "ApiConnectionLimit", 429));
        let mut chunks = Box::pin(answer.into_body());
        if sql.starts_with("SELECT *") {
            assert!(chunks.next().await.unwrap().is_ok());
        }
        drop(chunks);
        // Its place is free when it has stopped; without end, it would never be.
        loop {
            let session = engine.session(Arc::new(Endless), Arc::new(Kept::default()));
            match session.plan("SELECT 1").await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind, QueryErrorKind::Busy),
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_stops_the_reading() {
    let memory = Memory::default().with("many", numbers(1_000, 2_000));
    let asked = memory.asked.clone();
    let session = engine().session(Arc::new(memory), Arc::new(Kept::default()));
    let answer = session.plan("SELECT * FROM many").await.unwrap().run(Format::Json).await.unwrap();
    let mut chunks = Box::pin(answer.into_body());
    assert!(chunks.next().await.unwrap().is_ok());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(asked.load(Ordering::SeqCst) < 20, "{asked:?}");
    assert_eq!(chunks.count().await, 999);
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_told() {
    /// Breaks.
    struct Broken(bool);
    impl Relations for Broken {
        fn relations(&self) -> Vec<RelationInfo> {
            Endless.relations()
        }

        fn scan(&self, _: &str, _: Option<&[usize]>, _: usize) -> Result<Batches, BoxError> {
            if self.0 {
                return Err("no such file".into());
            }
            Ok(Box::new(std::iter::repeat_with(|| -> Result<RecordBatch, BoxError> { panic!("in the middle") })))
        }
    }
    for (fails, words) in [(true, "the rows of endless cannot be read: no such file"), (false, "reading rows failed")] {
        let session = engine().session(Arc::new(Broken(fails)), Arc::new(Kept::default()));
        let answer = session.plan("SELECT * FROM endless").await.unwrap().run(Format::Hash).await.unwrap();
        let chunks: Vec<_> = answer.into_chunks().collect().await;
        let error = chunks.last().unwrap().as_ref().unwrap_err();
        assert_eq!((error.kind, error.status()), (QueryErrorKind::Internal, 500));
        assert!(error.message.contains(words), "{error}");
    }
}

#[rstest]
#[case("SELECT repeat('x', 2000000000)")]
#[case("SELECT repeat(repeat('x', 4000000), id * 1000) FROM people")]
#[case("SELECT length(repeat('x', 2000000000))")]
#[case("SELECT lpad('x', 2000000000)")]
#[case("SELECT rpad('x', 1000000000 + id, 'y') FROM people")]
#[case("SELECT replace(repeat('x', 100000), 'x', repeat('y', 100000))")]
#[case("SELECT regexp_replace(repeat('x', 100000), 'x', repeat('y', 100000), 'g')")]
#[case("SELECT array_repeat(1, 2000000000)")]
#[case("SELECT array_repeat(array_repeat(1, 10000), 100000)")]
#[case("SELECT range(1, 100000000000)")]
#[case("SELECT generate_series(1, 100000000000, 2)")]
#[case("SELECT generate_series(0, -100000000000, -1)")]
#[case("SELECT range(DATE '0001-01-01', DATE '9999-01-01', INTERVAL '1' DAY)")]
#[case("SELECT generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', INTERVAL '1' SECOND)")]
#[case("SELECT array_resize([1], 2000000000, 5)")]
#[case("SELECT array_to_string(range(1, 100000), repeat('x', 100000))")]
#[case("SELECT concat_ws(repeat('x', 1000000), 1, 2, 3, 4, 5, 6, 7, 8)")]
#[case("WITH a AS (SELECT repeat('x', 3000000) AS s), b AS (SELECT s || s AS s FROM a) SELECT length(s || s) FROM b")]
#[case("WITH a AS (SELECT repeat('x', 3000000) AS s) SELECT length(concat(s, s)) FROM a")]
#[case("WITH a AS (SELECT repeat('x', 3000000) AS s) SELECT cardinality([s, s]) FROM a")]
#[case("PREPARE p AS SELECT repeat($1, 2000000000); EXECUTE p('x')")]
#[case("SELECT repeat('x', 100000), id FROM people")]
#[tokio::test]
async fn little_cannot_make_much(#[case] sql: &str) {
    let error = match ask(&memory(), sql, Format::Hash).await {
        Ok(body) => body.error.unwrap_or_else(|| panic!("not refused: {sql}")),
        Err(error) => error,
    };
    assert_eq!(error.kind, QueryErrorKind::TooLarge, "{sql}: {error}");
}

#[rstest]
#[case("SELECT * FROM generate_series(1, length(repeat('x', 2000000000)))")]
#[case("PREPARE p AS SELECT $1; EXECUTE p(repeat('x', 2000000000))")]
#[tokio::test]
async fn what_would_be_much_is_not_made_to_find_out_what_is_asked(#[case] sql: &str) {
    assert_eq!(refusal(&memory(), sql).await.kind, QueryErrorKind::Rejected, "{sql}");
}

#[rstest]
#[case("SELECT length(repeat('ab', 1000)) AS x", "2000")]
#[case("SELECT sum(length(repeat('ab', id))) AS x FROM people", "12")]
#[case("SELECT sum(length(regexp_replace(repeat('x', 2000), 'y', repeat('z', 300)))) AS x FROM many", "400000000")]
#[case("SELECT sum(length(lpad('a', 1000, '-'))) AS x FROM many", "200000000")]
#[case("SELECT count(repeat(NULL, 5)) AS x", "0")]
#[case("SELECT cardinality(range(5, 1)) AS x", "0")]
#[case("SELECT array_to_string([1, 2, NULL], ',', '-') AS x", "\"1,2,-\"")]
#[case("SELECT replace('aXbX', 'X', 'yy') AS x", "\"ayybyy\"")]
#[case("SELECT concat('a', NULL, 1) AS x", "\"a1\"")]
#[case("SELECT concat_ws('-', 'a', NULL, 'b') AS x", "\"a-b\"")]
#[case("SELECT max(concat('a', n)) AS x FROM many", "\"a99999\"")]
#[case("SELECT encode('a', 'hex') AS x", "\"61\"")]
#[case("SELECT overlay('Txxxxas' PLACING 'hom' FROM 2 FOR 4) AS x", "\"Thomas\"")]
#[case("SELECT array_length(string_to_array('a,b', ',')) AS x", "2")]
#[case("SELECT count(*) AS x FROM many WHERE n IN (1, 2, 3)", "3")]
#[tokio::test]
async fn limited_functions_work_as_before(#[case] sql: &str, #[case] expected: &str) {
    let memory = memory().with("many", numbers(100, 2_000));
    let rows = json(&memory, sql).await;
    assert_eq!(rows[0]["x"].to_string(), expected, "{sql}");
}

#[rstest]
#[case::brackets(format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)))]
#[case::tables(format!("SELECT * FROM {}people{}", "(".repeat(40), ")".repeat(40)))]
#[case::queries(format!("SELECT * FROM {}people{}", "(SELECT * FROM ".repeat(60), ")".repeat(60)))]
#[case::sum(format!("SELECT 1{}", " + 1".repeat(100_000)))]
#[case::either(format!("SELECT true{}", " OR true".repeat(50_000)))]
#[case::unions(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(10_000)))]
#[case::signs(format!("SELECT {}1", "- ".repeat(100_000)))]
#[case::not(format!("SELECT {}true", "NOT ".repeat(100_000)))]
#[case::casts(format!("SELECT 1{}", "::INT".repeat(50_000)))]
#[case::intervals(format!("SELECT {}'1 day'", "INTERVAL ".repeat(100_000)))]
#[case::cases(format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(10_000), " END".repeat(10_000)))]
#[case::doubling((0..40).fold("WITH q0 AS (SELECT 1 AS x)".to_owned(), |text, n| {
    text + &format!(", q{} AS (SELECT l.x FROM q{n} AS l, q{n} AS r)", n + 1)
}) + " SELECT * FROM q40")]
#[case::relations(format!("SELECT 1 FROM people{}", ", people".repeat(3_000)))]
#[tokio::test]
async fn tangled_texts_are_refused(#[case] sql: String) {
    let error = refusal(&memory(), &sql).await;
    assert_eq!(error.kind, QueryErrorKind::Rejected, "{error}");
}

#[rstest]
#[case::sum(format!("SELECT 1{} AS x", " + 1".repeat(390)), "391")]
#[case::columns(format!("SELECT id{} AS x FROM people WHERE id = 1", " + id".repeat(390)), "391")]
#[case::either(format!("SELECT count(*) AS x FROM people WHERE id = 1{}", " OR id = 3".repeat(190)), "2")]
#[case::unions(format!("SELECT sum(y) AS x FROM (SELECT 1 AS y{})", " UNION ALL SELECT 1".repeat(90)), "91")]
#[case::brackets(format!("SELECT {}1{} AS x", "(".repeat(16), ")".repeat(16)), "1")]
#[case::queries(format!("SELECT count(*) AS x FROM {}people{}", "(SELECT * FROM ".repeat(20), ")".repeat(20)), "3")]
#[case::values(format!("SELECT sum(column1) AS x FROM (VALUES (1){})", ", (1)".repeat(20_000)), "20001")]
#[case::list(format!("SELECT count(*) AS x FROM people WHERE id IN (1{})", ", 100000".repeat(30_000)), "1")]
#[tokio::test]
async fn large_texts_work(#[case] sql: String, #[case] expected: &str) {
    assert_eq!(json(&memory(), &sql).await[0]["x"].to_string(), expected);
}
