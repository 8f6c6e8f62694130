//! What queries give: all kinds of joins, groups, windows and subqueries, over the same few rows.

mod common;

use common::{Running, program, table};

const T: &str = "1,10,x,1.50;1,20,y,2.25;2,5,x,;,7,,3.00;3,,zz,0.10";
const U: &str = "1,one,1.5;2,two,;4,four,4.25;,none,0";

/// What a query gives for the rows, pushed in two steps so that changes are followed too.
fn rows(text: &str) -> Vec<String> {
    let tables = [table("t", "a INT; b BIGINT; c VARCHAR; d DECIMAL(10, 2)"), table("u", "a INT; e VARCHAR; f DOUBLE")];
    let mut running = Running::new(&tables, &[("v", text)]);
    // First rows that go again, then all at once, then the rest.
    running.insert("t", "1,999,x,1.00;8,8,8,8");
    running.insert("u", "1,gone,9;8,gone,8");
    let mut sums = std::collections::BTreeMap::new();
    let mut take = |running: &mut Running| {
        for (row, weight) in running
            .step()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .views
            .get("v")
            .map(alluvium_dataflow::Zset::to_texts)
            .unwrap_or_default()
        {
            *sums.entry(row).or_insert(0) += weight;
        }
    };
    take(&mut running);
    running.delete("t", "1,999,x,1.00;8,8,8,8");
    running.delete("u", "1,gone,9;8,gone,8");
    running.insert("t", T);
    take(&mut running);
    running.insert("u", U);
    take(&mut running);
    let rows: Vec<_> = sums.into_iter().filter(|(_, weight)| *weight != 0).collect();
    common::lines(&rows)
}

fn check(table: &[(&str, &[&str])]) {
    for (text, wanted) in table {
        let mut found = rows(text);
        found.sort();
        let mut wanted: Vec<String> =
            wanted.iter().map(|row| if row.contains('*') { (*row).to_owned() } else { format!("{row}*1") }).collect();
        wanted.sort();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn joins() {
    check(&[
        ("SELECT t.a, e FROM t JOIN u ON t.a = u.a", &["1,one*2", "2,two"]),
        ("SELECT t.a, e FROM t LEFT JOIN u ON t.a = u.a", &["NULL,NULL", "1,one*2", "2,two", "3,NULL"]),
        ("SELECT t.a, e FROM t RIGHT JOIN u ON t.a = u.a", &["1,one*2", "2,two", "NULL,four", "NULL,none"]),
        (
            "SELECT t.a, u.a, e FROM t FULL JOIN u ON t.a = u.a",
            &["NULL,NULL,NULL", "NULL,NULL,none", "NULL,4,four", "1,1,one*2", "2,2,two", "3,NULL,NULL"],
        ),
        ("SELECT a, b, e FROM t NATURAL JOIN u", &["1,10,one", "1,20,one", "2,5,two"]),
        ("SELECT a, b, e FROM t JOIN u USING (a)", &["1,10,one", "1,20,one", "2,5,two"]),
        ("SELECT t.a, u.a FROM t CROSS JOIN u WHERE t.b > 10", &["1,NULL", "1,1", "1,2", "1,4"]),
        ("SELECT t.a, u.a FROM t JOIN u ON t.a < u.a", &["1,2*2", "1,4*2", "2,4", "3,4"]),
        ("SELECT t.a FROM t JOIN u ON t.a <=> u.a", &["NULL", "1*2", "2"]),
        ("SELECT t.b, u.f FROM t JOIN u ON t.d = u.f", &["10,1.5"]),
        (
            "SELECT x.a, y.m FROM t x, LATERAL (SELECT MAX(f) AS m FROM u WHERE u.a = x.a) y",
            &["NULL,NULL", "1,1.5*2", "2,NULL", "3,NULL"],
        ),
        ("SELECT t1.a FROM t t1, t t2 WHERE t1.a = t2.a", &["1*4", "2", "3"]),
    ]);
}

#[test]
fn sets_and_distinct() {
    check(&[
        ("SELECT a FROM t UNION SELECT a FROM u", &["NULL", "1", "2", "3", "4"]),
        ("SELECT a FROM t UNION ALL SELECT f FROM u", &["NULL*2", "0.0", "1.0*2", "1.5", "2.0", "3.0", "4.25"]),
        ("SELECT a FROM t INTERSECT SELECT a FROM u", &["NULL", "1", "2"]),
        ("SELECT a FROM t EXCEPT SELECT a FROM u", &["3"]),
        ("SELECT a FROM t EXCEPT ALL SELECT a FROM u", &["1", "3"]),
        ("SELECT a FROM t INTERSECT ALL SELECT a FROM u", &["NULL", "1", "2"]),
        ("SELECT a FROM t INTERSECT ALL SELECT a FROM t", &["NULL", "1*2", "2", "3"]),
        ("SELECT a, c FROM t EXCEPT ALL SELECT 1, 'x'", &["NULL,NULL", "1,y", "2,x", "3,zz"]),
        ("SELECT b FROM t EXCEPT ALL (SELECT DISTINCT a FROM u)", &["5", "7", "10", "20"]),
        ("SELECT DISTINCT a FROM t", &["NULL", "1", "2", "3"]),
        ("SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC", &["NULL,7", "1,20", "2,5", "3,NULL"]),
        ("SELECT * FROM (VALUES (1, 'a'), (2, NULL), (2.5, 'b')) AS v(x, y)", &["1.0,a", "2.0,NULL", "2.5,b"]),
        ("SELECT a + 1 AS n FROM (SELECT 1 AS a UNION ALL SELECT 2.5) AS s", &["2.0", "3.5"]),
    ]);
}

#[test]
fn groups() {
    check(&[
        (
            "SELECT COUNT(*), COUNT(a), COUNT(DISTINCT c), SUM(b), AVG(b), MIN(c), MAX(d) FROM t",
            &["5,4,3,42,10,x,3.00"],
        ),
        (
            "SELECT a, COUNT(*) FILTER (WHERE b > 5) FROM t GROUP BY a HAVING COUNT(*) > 0",
            &["NULL,1", "1,2", "2,0", "3,0"],
        ),
        ("SELECT a, SUM(b) FROM t GROUP BY GROUPING SETS ((a), ())", &["NULL,7", "NULL,42", "1,30", "2,5", "3,NULL"]),
        (
            "SELECT a, c, SUM(b), GROUPING(a) FROM t WHERE a = 1 GROUP BY ROLLUP (a, c)",
            &["NULL,NULL,30,1", "1,NULL,30,0", "1,x,10,0", "1,y,20,0"],
        ),
        (
            "SELECT a, c, SUM(b) FROM t WHERE b > 9 GROUP BY CUBE (a, c)",
            &["NULL,NULL,30", "NULL,x,10", "NULL,y,20", "1,NULL,30", "1,x,10", "1,y,20"],
        ),
        ("SELECT a, SUM(b) FROM t GROUP BY ALL", &["NULL,7", "1,30", "2,5", "3,NULL"]),
        ("SELECT a + 1 AS q, COUNT(*) FROM t GROUP BY q HAVING q > 1", &["2,2", "3,1", "4,1"]),
        ("SELECT a AS q, q + 1 AS r, r * 2 FROM t WHERE b = 5", &["2,3,6"]),
        (
            "SELECT MODE(a), STDDEV(b), VAR_POP(b), BOOL_AND(a > 0), EVERY(b > 1), BIT_XOR(b), ARG_MIN(c, b), ARG_MAX(c, b), COUNTIF(b > 6), COUNT(a, b) FROM t",
            &["1,6,33,true,true,28,x,y,3,3"],
        ),
        ("SELECT ARRAY_AGG(b ORDER BY b DESC) FROM t", &["[20, 10, 7, 5, NULL]"]),
        ("SELECT ARRAY_AGG(b) IGNORE NULLS FROM t WHERE a = 3", &["NULL"]),
        ("SELECT SUM(f), AVG(f) FROM u", &["5.75,1.9166666666666667"]),
        ("SELECT COVAR_POP(a, b), REGR_COUNT(a, b) FROM t", &["-2,3"]),
        ("SELECT SUM(CAST(100 AS TINYINT)) FROM u WHERE a = 1", &["100"]),
    ]);
}

#[test]
fn windows() {
    check(&[
        (
            "SELECT a, b, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t",
            &["NULL,7,1", "1,10,1", "1,20,2", "2,5,1", "3,NULL,1"],
        ),
        (
            "SELECT b, SUM(b) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), LAG(b, 1, 0) OVER (ORDER BY b) FROM t",
            &["NULL,NULL,0", "5,5,NULL", "7,12,5", "10,17,7", "20,30,10"],
        ),
        (
            "SELECT b, SUM(b) OVER (ORDER BY b RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) FROM t",
            &["NULL,NULL", "5,5", "7,12", "10,22", "20,20"],
        ),
        (
            "SELECT b, SUM(b) OVER (ORDER BY at RANGE BETWEEN INTERVAL '5' HOUR PRECEDING AND CURRENT ROW),
               SUM(b) OVER (ORDER BY at RANGE BETWEEN CURRENT ROW AND INTERVAL '0 05:00' DAY TO MINUTE FOLLOWING), COUNT(*) OVER w
             FROM (SELECT b, TIMESTAMP '2020-01-01 00:00:00' + INTERVAL '1' HOUR * b AS at FROM t WHERE b > 0) AS q
             WINDOW w AS (ORDER BY at DESC RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND INTERVAL '3600000000 microseconds' FOLLOWING)",
            &["5,5,22,4", "7,12,17,3", "10,22,10,2", "20,20,20,1"],
        ),
        (
            "SELECT b, FIRST_VALUE(c) OVER w, LAST_VALUE(c) OVER w FROM t WHERE a = 1 WINDOW w AS (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
            &["10,x,y", "20,x,y"],
        ),
        (
            "SELECT a, b FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1",
            &["NULL,7", "1,10", "2,5", "3,NULL"],
        ),
        (
            "SELECT b, RANK() OVER (ORDER BY c), DENSE_RANK() OVER (ORDER BY c) FROM t",
            &["7,1,1", "10,2,2", "5,2,2", "20,4,3", "NULL,5,4"],
        ),
        ("SELECT b, NTILE(2) OVER (ORDER BY b) FROM t", &["NULL,1", "5,1", "7,1", "10,2", "20,2"]),
        ("SELECT a FROM t ORDER BY b DESC LIMIT 2", &["1*2"]),
        ("SELECT a FROM t ORDER BY b LIMIT 2 OFFSET 1", &["NULL", "2"]),
        ("SELECT b FROM t ORDER BY a DESC, b DESC FETCH FIRST 2 ROWS ONLY", &["NULL", "5"]),
    ]);
}

#[test]
fn subqueries() {
    check(&[
        ("SELECT a FROM t WHERE a IN (SELECT a FROM u)", &["1*2", "2"]),
        ("SELECT a FROM t WHERE a NOT IN (SELECT a FROM u)", &[]),
        ("SELECT a FROM t WHERE a NOT IN (SELECT a FROM u WHERE a IS NOT NULL)", &["3"]),
        ("SELECT a FROM t WHERE a NOT IN (SELECT a FROM u) OR b = 7", &["NULL"]),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", &["1*2", "2"]),
        ("SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", &["NULL", "3"]),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a) OR b = 7", &["NULL", "1*2", "2"]),
        ("SELECT a, (SELECT MAX(f) FROM u WHERE u.a = t.a) FROM t", &["NULL,NULL", "1,1.5*2", "2,NULL", "3,NULL"]),
        ("SELECT a, (SELECT COUNT(*) FROM u WHERE u.a = t.a) FROM t", &["NULL,0", "1,1*2", "2,1", "3,0"]),
        ("SELECT a, (SELECT MAX(e) FROM u) FROM t WHERE b = 5", &["2,two"]),
        ("SELECT a FROM t WHERE b > (SELECT AVG(b) FROM t)", &["1"]),
        ("SELECT b FROM t WHERE b > ALL (SELECT a FROM u WHERE a IS NOT NULL)", &["5", "7", "10", "20"]),
        ("SELECT b FROM t WHERE b = ANY (SELECT b FROM t WHERE a = 1)", &["10", "20"]),
        ("WITH x AS (SELECT a, SUM(b) AS s FROM t GROUP BY a) SELECT * FROM x WHERE s > 5", &["NULL,7", "1,30"]),
        // A condition guards what may fail, wherever it was written.
        ("SELECT * FROM (SELECT a, b / (a - 1) AS q FROM t WHERE a <> 1) AS z WHERE q > 1", &["2,5"]),
        ("SELECT x FROM UNNEST(ARRAY[1, 2, 2]) AS x", &["1", "2*2"]),
        (
            "SELECT a, x FROM (SELECT a, ARRAY_AGG(b) AS l FROM t GROUP BY a) AS g, UNNEST(g.l) AS x WHERE a = 1",
            &["1,10", "1,20"],
        ),
    ]);
}

#[test]
fn fields_of_rows_and_variants() {
    let tables = [table("t", "v VARIANT; r ROW(x INT NULL, y VARCHAR NULL)")];
    let columns = program(&tables, &[("v", "SELECT t.v.name AS n, t.r.x AS x, (t.r).y AS y FROM t")]);
    let columns = columns.unwrap_or_else(|error| panic!("{error}"));
    let kinds: Vec<String> =
        columns.views()[0].columns.iter().map(|column| column.column_type.kind.to_string()).collect();
    assert_eq!(kinds, ["VARIANT", "INTEGER", "VARCHAR"]);
}

#[test]
fn more_than_one_value_fails_the_step() {
    let tables = [table("u", "a INT")];
    let mut running = Running::new(&tables, &[("v", "SELECT (SELECT a FROM u) AS x")]);
    running.insert("u", "1");
    running.step().unwrap();
    running.insert("u", "2");
    let error = running.step().unwrap_err();
    assert!(error.message.contains("more than one row"), "{error}");
}

#[test]
fn columns_have_names_and_types() {
    let tables = [table("t", "a INT!; b BIGINT; u UUID; c CHAR(3); l INT ARRAY")];
    for (text, wanted) in [
        ("SELECT * FROM t", "a INTEGER NOT NULL, b BIGINT, u UUID, c CHAR(3), l INTEGER ARRAY"),
        (
            "SELECT a, a, a + 1, b AS x, 1.5, 2e0 FROM t",
            "a INTEGER NOT NULL, a0 INTEGER NOT NULL, EXPR$2 INTEGER NOT NULL, x BIGINT, EXPR$4 DECIMAL(2, 1) NOT NULL, EXPR$5 DOUBLE NOT NULL",
        ),
        (
            "SELECT COUNT(*), SUM(a), AVG(b), MAX(u) FROM t",
            "EXPR$0 BIGINT NOT NULL, EXPR$1 INTEGER, EXPR$2 BIGINT, EXPR$3 UUID",
        ),
        (
            "SELECT CASE WHEN a = 1 THEN u END AS x, COALESCE(b, 0) AS y, l[1] AS z FROM t",
            "x UUID, y BIGINT NOT NULL, z INTEGER",
        ),
        ("SELECT u FROM t UNION ALL SELECT u FROM t", "u UUID"),
        (
            "SELECT CAST(a AS DECIMAL(5, 2)) / 3 AS q, a * 1.5 AS p FROM t",
            "q DECIMAL(16, 13) NOT NULL, p DECIMAL(12, 1) NOT NULL",
        ),
        (
            "SELECT INTERVAL '1' DAY AS i, NULL AS n, TRUE AS b FROM t",
            "i INTERVAL DAY NOT NULL, n NULL, b BOOLEAN NOT NULL",
        ),
    ] {
        let program = program(&tables, &[("v", text)]).unwrap_or_else(|error| panic!("{text}: {error}"));
        let columns: Vec<String> = program.views()[0]
            .columns
            .iter()
            .map(|column| {
                let not_null = if column.column_type.is_nullable { "" } else { " NOT NULL" };
                format!("{} {}{not_null}", column.name.name, column.column_type.kind)
            })
            .collect();
        assert_eq!(columns.join(", "), wanted, "{text}");
    }
}
