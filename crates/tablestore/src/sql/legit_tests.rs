//! Queries that must pass, with the answer they would have had without the guard.

use arrow::record_batch::RecordBatch;

use super::guard_query;
use crate::quote::ident;

fn connection() -> duckdb::Connection {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "SET TimeZone = 'UTC'; CREATE SCHEMA sales; CREATE SCHEMA \"in.c-crm\";
             CREATE TABLE sales.orders (id INT, customer VARCHAR, amount DECIMAL(10,2), ts TIMESTAMP, tags VARCHAR[],
                 s STRUCT(a INT, b VARCHAR), j JSON, m MAP(VARCHAR, INT), \"we ird\" INT);
             INSERT INTO sales.orders SELECT i, 'c' || (i % 3), i * 1.5, TIMESTAMP '2026-01-01' + i * INTERVAL 1 DAY,
                 ['t' || i, 'x'], {'a': i, 'b': 'b' || i}, '{\"k\": [' || i || ', 2]}', MAP {'k': i}, i * 2 FROM range(10) r(i);
             CREATE TABLE \"in.c-crm\".\"customers\" (name VARCHAR, city VARCHAR);
             INSERT INTO \"in.c-crm\".customers VALUES ('c0', 'Oslo'), ('c1', 'Brno'), ('c9', NULL);
             CREATE SCHEMA phys; CREATE TABLE phys.t1 AS FROM sales.orders; CREATE TABLE phys.t2 AS FROM \"in.c-crm\".customers;",
        )
        .unwrap();
    connection
}

fn resolve(parts: &[String]) -> Option<String> {
    let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let table = match parts.as_slice() {
        ["sales", "orders"] => "t1",
        ["in.c-crm", "customers"] => "t2",
        _ => return None,
    };
    Some(format!("{}.{}", ident("phys"), ident(table)))
}

fn run(connection: &duckdb::Connection, sql: &str) -> Vec<RecordBatch> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    statement.query_arrow([]).unwrap_or_else(|error| panic!("{sql}: {error}")).collect()
}

const QUERIES: &[&str] = &[
    "SELECT 1",
    "select 1 as a, 'x' b, null, true;",
    "SELECT * FROM sales.orders ORDER BY id",
    "SELECT id, amount FROM sales.orders WHERE amount > 3 AND customer = 'c1' ORDER BY id DESC LIMIT 2 OFFSET 1",
    "SELECT sales.orders.id, orders.customer FROM sales.orders ORDER BY 1",
    "SELECT orders.* FROM sales.orders ORDER BY orders.id",
    "SELECT o.* EXCLUDE (tags, j, m, s) FROM sales.orders o ORDER BY o.id",
    "SELECT * EXCLUDE (tags, j), * REPLACE (id + 1 AS id) FROM sales.orders ORDER BY orders.id",
    "SELECT customer, count(*), sum(amount), avg(amount) FROM sales.orders GROUP BY customer HAVING count(*) > 3 ORDER BY ALL",
    "SELECT customer, count(DISTINCT id) n FROM sales.orders GROUP BY ALL ORDER BY customer",
    "SELECT customer, sum(amount) FILTER (WHERE id > 3) FROM sales.orders GROUP BY 1 ORDER BY 1",
    "SELECT customer, ts, sum(amount) FROM sales.orders GROUP BY ROLLUP (customer, ts) ORDER BY ALL",
    "SELECT customer, id % 2, count(*) FROM sales.orders GROUP BY GROUPING SETS ((customer), (id % 2), ()) ORDER BY ALL",
    "SELECT id, row_number() OVER (PARTITION BY customer ORDER BY id DESC) FROM sales.orders ORDER BY id",
    "SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM sales.orders ORDER BY id",
    "SELECT id, lag(id, 1) OVER w, first_value(id) OVER w FROM sales.orders WINDOW w AS (PARTITION BY customer ORDER BY id) ORDER BY id",
    "SELECT id, customer FROM sales.orders QUALIFY row_number() OVER (PARTITION BY customer ORDER BY id) = 1 ORDER BY id",
    "SELECT o.id, c.city FROM sales.orders o JOIN \"in.c-crm\".customers c ON o.customer = c.name ORDER BY 1",
    "SELECT o.id, c.city FROM sales.orders AS o LEFT JOIN \"in.c-crm\".\"customers\" AS c ON c.name = o.customer WHERE c.city IS NULL ORDER BY 1",
    "SELECT count(*) FROM sales.orders o FULL OUTER JOIN \"in.c-crm\".customers c ON o.customer = c.name",
    "SELECT count(*) FROM sales.orders, \"in.c-crm\".customers WHERE orders.customer = customers.name",
    "SELECT count(*) FROM sales.orders CROSS JOIN \"in.c-crm\".customers",
    "SELECT id FROM sales.orders o SEMI JOIN \"in.c-crm\".customers c ON o.customer = c.name ORDER BY 1",
    "SELECT id FROM sales.orders o ANTI JOIN \"in.c-crm\".customers c ON o.customer = c.name ORDER BY 1",
    "SELECT a.id FROM sales.orders a JOIN sales.orders b USING (id) ORDER BY 1",
    "WITH big AS (SELECT * FROM sales.orders WHERE id > 5) SELECT id FROM big ORDER BY id",
    "WITH a(x) AS (SELECT 1), b AS (SELECT x + 1 AS y FROM a) SELECT a.x, b.y FROM a, b",
    "WITH orders AS (SELECT 42 AS id) SELECT orders.id FROM orders",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r",
    "WITH x AS (SELECT 1 AS a) SELECT (WITH x AS (SELECT 2 AS a) SELECT a FROM x) AS inner_a, a FROM x",
    "WITH x AS (SELECT 1 AS a) SELECT * FROM x UNION ALL SELECT * FROM x",
    "SELECT id FROM sales.orders WHERE id IN (SELECT max(id) FROM sales.orders) OR id = (SELECT min(id) FROM sales.orders) ORDER BY 1",
    "SELECT name FROM \"in.c-crm\".customers c WHERE EXISTS (SELECT 1 FROM sales.orders o WHERE o.customer = c.name) ORDER BY 1",
    "SELECT name FROM \"in.c-crm\".customers c WHERE NOT EXISTS (SELECT 1 FROM sales.orders WHERE customer = c.name)",
    "SELECT id FROM sales.orders WHERE id = ANY (SELECT 3) OR id >= ALL (SELECT id FROM sales.orders) ORDER BY 1",
    "SELECT 1 UNION SELECT 2 UNION ALL SELECT 2 EXCEPT SELECT 1 ORDER BY 1",
    "(SELECT 1 AS a) UNION ALL (SELECT 2) ORDER BY a DESC",
    "SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 2 ORDER BY 1",
    "SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS a ORDER BY a",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, t) ORDER BY n",
    "FROM sales.orders SELECT id ORDER BY id",
    "SELECT count(*) FROM (FROM sales.orders)",
    "SELECT * FROM range(3) ORDER BY 1",
    "SELECT * FROM generate_series(1, 3) AS g(i) ORDER BY 1",
    "SELECT * FROM unnest([1, 2, 3]) AS u(x) ORDER BY 1",
    "SELECT id, unnest(tags) FROM sales.orders ORDER BY ALL",
    "SELECT o.id, t.x FROM sales.orders o, LATERAL (SELECT o.id * 2 AS x) t ORDER BY 1",
    "SELECT tags[1], tags[-1], tags[1:1], s.a, s['b'], m['k'] FROM sales.orders ORDER BY id",
    "SELECT j->>'$.k[0]', j->'$.k', json_extract(j, '$.k[1]') FROM sales.orders ORDER BY id",
    "SELECT list_transform([1, 2, 3], lambda x: x * 2), list_filter([1, 2, 3], lambda x: x > 1)",
    "SELECT list_reduce([1, 2, 3], lambda a, b: a + b)",
    "SELECT {'a': 1, 'b c': [1, 2]}, MAP {'k': 1}, [1, 2, NULL], ARRAY[1]",
    "SELECT struct_pack(a := 1, b := 'x'), row(1, 2)",
    "SELECT CASE WHEN id > 5 THEN 'big' WHEN id > 2 THEN 'mid' ELSE 'small' END, CASE id WHEN 1 THEN 'one' END FROM sales.orders ORDER BY id",
    "SELECT CAST(id AS VARCHAR), id::DOUBLE, TRY_CAST('x' AS INT), '2026-01-01'::DATE + INTERVAL 1 DAY FROM sales.orders ORDER BY id",
    "SELECT DATE '2026-01-31' + INTERVAL '1' MONTH, TIMESTAMP '2026-01-01 00:00:00', INTERVAL '3 hours', INTERVAL (1 + 1) DAY",
    "SELECT EXTRACT(year FROM ts), date_trunc('month', ts), strftime(ts, '%Y-%m'), date_diff('day', ts, TIMESTAMP '2026-02-01') FROM sales.orders ORDER BY id",
    "SELECT upper(customer), customer || '!', length(customer), substring(customer, 1, 1), trim('  x '), replace('abc', 'b', 'x'), position('b' IN 'abc') FROM sales.orders ORDER BY id",
    "SELECT customer LIKE 'c%', customer ILIKE 'C1', customer SIMILAR TO 'c[0-9]', customer ~ '1', customer NOT LIKE '%2' FROM sales.orders ORDER BY id",
    "SELECT -id, +id, NOT id = 1, id BETWEEN 2 AND 4, id NOT IN (1, 2), id IS DISTINCT FROM 3, id % 3, id // 2, id / 2, 2 ^ 3, ~id, id & 1, id | 1, id << 1 FROM sales.orders ORDER BY id",
    "SELECT -2 ^ 2, NOT 1 = 2, 1 + 2 * 3 - 4 / 2, 'a' || 'b' = 'ab'",
    "SELECT string_agg(customer, ',' ORDER BY id DESC), list(id ORDER BY id), array_agg(DISTINCT customer ORDER BY customer) FROM sales.orders",
    "SELECT quantile_cont(amount, 0.5), median(id), mode(customer), stddev(id), arg_max(id, amount), approx_count_distinct(id) FROM sales.orders",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FROM sales.orders",
    "SELECT COLUMNS(*) FROM (SELECT id, amount FROM sales.orders) ORDER BY 1",
    "SELECT max(COLUMNS('id|amount')) FROM sales.orders",
    "SELECT DISTINCT customer FROM sales.orders ORDER BY customer NULLS LAST",
    "SELECT DISTINCT ON (customer) customer, id FROM sales.orders ORDER BY customer, id DESC",
    "SELECT id AS x, x + 1 AS y FROM sales.orders ORDER BY y",
    "SELECT \"we ird\", \"id\" FROM sales.orders ORDER BY \"we ird\"",
    "SELECT 'it''s', E'tab\\there', $$dollar 'quoted'$$, 'back\\slash\\', 'uni ü', '\\''', 'a\\\\'",
    "SELECT 1_000, 1.5e3, .5, 0.1 + 0.2, 123456789012345678901234567890",
    "SELECT /* a comment */ 1 -- and another",
    "SELECT (SELECT count(*) FROM sales.orders), (SELECT 1) + 1",
    "SELECT ARRAY(SELECT id FROM sales.orders ORDER BY id)",
    "SELECT (1, 'a'), (id, customer) IN ((1, 'c1')) FROM sales.orders ORDER BY id",
    "SELECT coalesce(NULL, 1), nullif(1, 1), greatest(1, 2), ifnull(NULL, 2), if(true, 1, 2)",
    "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' AT TIME ZONE 'Europe/Prague'",
    "SELECT ceil(1.2), floor(1.8), round(1.55, 1), abs(-1), sqrt(4), mod(5, 3), pow(2, 3)",
    "SELECT last_value(id IGNORE NULLS) OVER (ORDER BY id) FROM sales.orders ORDER BY id",
    "SELECT customer COLLATE NOCASE FROM sales.orders WHERE id = 1",
    "SELECT count() FROM sales.orders",
    "SELECT o.s.a, orders2.s.b FROM sales.orders o JOIN sales.orders orders2 ON o.id = orders2.id ORDER BY 1",
    "SELECT a.id FROM (sales.orders a JOIN \"in.c-crm\".customers c ON a.customer = c.name) ORDER BY 1",
    "SELECT current_date = current_date, now() = now(), current_timestamp IS NOT NULL",
    "SELECT id = 1 AND customer = 'c1' OR NOT (id > 3) FROM sales.orders ORDER BY id",
    "SELECT sum(CASE WHEN customer = 'c1' THEN amount END) FROM sales.orders",
    "SELECT count(id = 1) FROM sales.orders",
];

#[test]
fn legitimate_queries_give_the_same_answers() {
    let connection = connection();
    let mut wrong = Vec::new();
    for query in QUERIES {
        let guarded = match guard_query(query, &resolve) {
            Ok(guarded) => guarded,
            Err(error) => {
                wrong.push(format!("{query}\n   {}: {error}", error.code));
                continue;
            }
        };
        let attempt = connection.prepare(&guarded.sql).map(|_| ());
        if let Err(error) = attempt {
            wrong.push(format!("{query}\n   {}\n   {error}", guarded.sql));
            continue;
        }
        let (ours, theirs) = (run(&connection, &guarded.sql), run(&connection, query));
        let strip = |batches: &[RecordBatch]| -> Vec<Vec<arrow::array::ArrayRef>> {
            batches.iter().map(|batch| batch.columns().to_vec()).collect()
        };
        if strip(&ours) != strip(&theirs) {
            wrong.push(format!("{query}\n   {}\n   {ours:?}\n   {theirs:?}", guarded.sql));
        }
        // What we wrote is itself within the rules: guarding it again changes nothing but the relations.
        let again = guard_query(&guarded.sql, &|parts: &[String]| {
            Some(parts.iter().map(|part| ident(part)).collect::<Vec<_>>().join("."))
        });
        if let Err(error) = again {
            wrong.push(format!("{query}\n   {} is refused: {error}", guarded.sql));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), QUERIES.len(), wrong.join("\n"));
}

#[test]
fn relations_are_reported_once() {
    let guarded = guard_query(
        "WITH x AS (SELECT * FROM sales.orders) SELECT * FROM x JOIN sales.orders o ON true JOIN \"in.c-crm\".customers ON true",
        &resolve,
    )
    .unwrap();
    assert_eq!(
        guarded.relations,
        [vec!["sales".to_owned(), "orders".to_owned()], vec!["in.c-crm".to_owned(), "customers".to_owned()]]
    );
}
