//! What a query may say, and how planners get it.

use rstest::rstest;

use super::planner::Nothing;
use super::said_of;
use crate::{StatementKind, compile};

const TABLES: &str = "CREATE TABLE t (a INT, b VARCHAR, c TIMESTAMP, d INT ARRAY, e MAP<VARCHAR, INT>, v VARIANT);
CREATE TABLE u (a INT, b VARCHAR, c TIMESTAMP, f TIMESTAMP);
";

/// The query as a planner gets it.
fn planned(query: &str) -> String {
    let compiled = compile(&format!("{TABLES}CREATE VIEW w AS {query}"), &mut Nothing);
    let errors: Vec<_> = compiled.messages.iter().filter(|message| !message.warning).collect();
    assert!(errors.is_empty(), "{query}: {errors:?}");
    match &compiled.statements.last().expect("a statement").kind {
        StatementKind::View(view) => view.query.to_string(),
        _ => panic!("a view"),
    }
}

fn expression(text: &str) -> String {
    planned(&format!("SELECT {text} FROM t")).replace("SELECT ", "").replace(" FROM t", "")
}

#[rstest]
#[case::cast("CAST(a AS DECIMAL(10,2))", "__cast('DECIMAL(10, 2)', a)")]
#[case::safe_cast("SAFE_CAST(b AS INT UNSIGNED)", "__safe_cast('INTEGER UNSIGNED', b)")]
#[case::colons("b::INT::VARCHAR(3)", "__cast('VARCHAR(3)', __cast('INTEGER', b))")]
#[case::cast_binds("a + b::INT * 2", "a + __cast('INTEGER', b) * 2")]
#[case::cast_of_cast("CAST(CAST(a AS BIGINT) AS INT ARRAY)", "__cast('INTEGER ARRAY', __cast('BIGINT', a))")]
#[case::row_type(
    "CAST(v AS ROW(x INT NULL, \"Y\" MAP<INT, INT>))",
    "__cast('ROW(x INTEGER NULL, \"Y\" MAP<INTEGER, INTEGER>)', v)"
)]
#[case::zone("CAST(b AS TIMESTAMP WITH TIME ZONE)", "__cast('TIMESTAMP WITH TIME ZONE', b)")]
#[case::date("DATE '2024-01-31'", "__cast('DATE', '2024-01-31')")]
#[case::timestamp("TIMESTAMP '2024-01-31 10:00:00'", "__cast('TIMESTAMP', '2024-01-31 10:00:00')")]
#[case::zoned(
    "TIMESTAMP WITH TIME ZONE '2024-01-31 10:00:00 UTC'",
    "__cast('TIMESTAMP WITH TIME ZONE', '2024-01-31 10:00:00 UTC')"
)]
#[case::uuid("UUID '550e8400-e29b-41d4-a716-446655440000'", "__cast('UUID', '550e8400-e29b-41d4-a716-446655440000')")]
#[case::date_is_a_name("date + 1", "date + 1")]
#[case::float("1.5e3", "__cast('DOUBLE', '1.5e3')")]
#[case::decimal("1.5", "1.5")]
#[case::interval("INTERVAL '7' DAY", "__interval('INTERVAL DAY', 604800000000)")]
#[case::unquoted("c - INTERVAL 7 DAYS", "c - __interval('INTERVAL DAY', 604800000000)")]
#[case::negative("INTERVAL -1 HOUR", "__interval('INTERVAL HOUR', -3600000000)")]
#[case::twice_negative("INTERVAL -'-1' HOUR", "__interval('INTERVAL HOUR', 3600000000)")]
#[case::long("INTERVAL '1-2' YEAR TO MONTH", "__interval('INTERVAL YEAR TO MONTH', 14)")]
#[case::times("2 * INTERVAL 1 MONTH", "2 * __interval('INTERVAL MONTH', 1)")]
#[case::difference("(c - f) DAY", "__difference('INTERVAL DAY', c, f)")]
#[case::difference_to(
    "(c - f) MINUTE TO SECOND < INTERVAL 1 HOUR",
    "__difference('INTERVAL MINUTE TO SECOND', c, f) < __interval('INTERVAL HOUR', 3600000000)"
)]
#[case::alias_behind_brackets("(a + 1) day", "(a + 1) AS day")]
#[case::alias_behind_call("abs(a - 1) day", "abs(a - 1) AS day")]
#[case::lambda("TRANSFORM(d, x -> x + 1)", "TRANSFORM(d, x -> x + 1)")]
#[case::lambda_of_two("VARIANT_MAP(v, (k, x) -> k)", "VARIANT_MAP(v, (k, x) -> k)")]
#[case::lambda_in_lambda(
    "TRANSFORM(d, x -> ARRAY_EXISTS(d, y -> y > x))",
    "TRANSFORM(d, x -> ARRAY_EXISTS(d, y -> y > x))"
)]
#[case::subscript("d[1]", "d[1]")]
#[case::safe_offset("d[SAFE_OFFSET(a)]", "d[SAFE_OFFSET(a)]")]
#[case::subscript_of_call("f(d)[1][2]", "f(d)[1][2]")]
#[case::key("v['k'][1].x", "v['k'][1].x")]
#[case::field("(t.v).x", "(t.v).x")]
#[case::arg_min("ARG_MIN(a, b)", "ARG_MIN(a, b)")]
#[case::map("MAP['a', 1, 'b', 2]", "__map('a', 1, 'b', 2)")]
#[case::empty_map("MAP[]", "__map()")]
#[case::map_query("MAP(SELECT b, a FROM t)", "MAP(b, a)")]
#[case::array("ARRAY[1, 2][1]", "ARRAY[1, 2][1]")]
#[case::array_query("ARRAY(SELECT a FROM t)", "ARRAY(a)")]
#[case::row("ROW(1, 'x') <=> (2, 'y')", "ROW(1, 'x') <=> (2, 'y')")]
#[case::contains("(c, f) CONTAINS c", "__period_contains(c, f, c)")]
#[case::contains_period("(c, f) CONTAINS (f, c)", "__period_contains(c, f, f, c)")]
#[case::overlaps("NOT (c, f) OVERLAPS PERIOD (f, c)", "NOT __period_overlaps(c, f, f, c)")]
#[case::equals("PERIOD (c, f) EQUALS (f, c) AND TRUE", "__period_equals(c, f, f, c) AND true")]
#[case::precedes("(c, f) PRECEDES (f, c)", "__period_precedes(c, f, f, c)")]
#[case::succeeds("(c, f) SUCCEEDS (f, c)", "__period_succeeds(c, f, f, c)")]
#[case::at_once("(c, f) IMMEDIATELY PRECEDES (f, c)", "__period_immediately_precedes(c, f, f, c)")]
#[case::at_once_behind("(c, f) IMMEDIATELY SUCCEEDS (f, c)", "__period_immediately_succeeds(c, f, f, c)")]
#[case::contains_is_a_name("f(a) contains", "f(a) AS contains")]
#[case::within_distinct("SUM(a) WITHIN DISTINCT (b, c)", "__within_distinct(SUM(a), b, c)")]
#[case::rlike("b RLIKE 'a.c'", "b RLIKE 'a.c'")]
#[case::not_rlike("b NOT RLIKE 'a.c'", "b NOT RLIKE 'a.c'")]
#[case::like("b LIKE 'a!%' ESCAPE '!'", "b LIKE 'a!%' ESCAPE '!'")]
#[case::ilike("b ILIKE 'a%'", "b ILIKE 'a%'")]
#[case::distinct_from("a IS NOT DISTINCT FROM b", "a IS NOT DISTINCT FROM b")]
#[case::in_list("(a, b) IN ((1, 'x'), (2, 'y'))", "(a, b) IN ((1, 'x'), (2, 'y'))")]
#[case::filter("COUNT(DISTINCT a) FILTER (WHERE b IS NULL)", "COUNT(DISTINCT a) FILTER (WHERE b IS NULL)")]
#[case::array_agg("ARRAY_AGG(DISTINCT a ORDER BY b DESC)", "ARRAY_AGG(DISTINCT a ORDER BY b DESC)")]
#[case::ignore_nulls("ARRAY_AGG(a IGNORE NULLS)", "ARRAY_AGG(a IGNORE NULLS)")]
#[case::ignore_nulls_behind("LAG(a, 1) IGNORE NULLS OVER (ORDER BY c)", "LAG(a, 1) IGNORE NULLS OVER (ORDER BY c)")]
#[case::rows(
    "SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
)]
#[case::range(
    "SUM(a) OVER (ORDER BY c RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND INTERVAL '1-1' YEAR TO MONTH FOLLOWING)",
    "SUM(a) OVER (ORDER BY c RANGE BETWEEN INTERVAL '3600000000 microseconds' PRECEDING AND INTERVAL '13 months' FOLLOWING)"
)]
#[case::case(
    "CASE a WHEN 1 THEN 'x' ELSE CASE WHEN b IS NULL THEN 'y' END END",
    "CASE a WHEN 1 THEN 'x' ELSE CASE WHEN b IS NULL THEN 'y' END END"
)]
#[case::extract("EXTRACT(ISODOW FROM c)", "EXTRACT(ISODOW FROM c)")]
#[case::floor("FLOOR(c TO DAY)", "FLOOR(c TO DAY)")]
#[case::ceil("CEIL(a)", "CEIL(a)")]
#[case::timestampdiff("TIMESTAMPDIFF(DAY, c, f)", "TIMESTAMPDIFF(DAY, c, f)")]
#[case::substring("SUBSTRING(b FROM 2 FOR 3)", "SUBSTRING(b FROM 2 FOR 3)")]
#[case::substr("SUBSTR(b, 2)", "SUBSTR(b, 2)")]
#[case::trim("TRIM(BOTH 'x' FROM b)", "TRIM(BOTH 'x' FROM b)")]
#[case::trim_blanks("TRIM(LEADING FROM b)", "TRIM(LEADING b)")]
#[case::trim_plain("TRIM(b)", "TRIM(b)")]
#[case::overlay("OVERLAY(b PLACING 'x' FROM 2)", "OVERLAY(b PLACING 'x' FROM 2)")]
#[case::position("POSITION('x' IN b)", "POSITION('x' IN b)")]
#[case::left_call("LEFT(b, 2)", "LEFT(b, 2)")]
#[case::if_call("IF(a = 1, 2, 3)", "IF(a = 1, 2, 3)")]
#[case::now("NOW() - INTERVAL 1 DAY", "NOW() - __interval('INTERVAL DAY', 86400000000)")]
#[case::current("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP")]
#[case::hint("/*+ INDEX(t) */ a", "a")]
#[case::hex("X'0aff'", "X'0aff'")]
#[case::escape("E'a\\nb'", "'a\nb'")]
#[case::unicode("U&'\\00e9'", "'é'")]
#[case::exists("NOT EXISTS (SELECT 1)", "NOT EXISTS (1)")]
#[case::some("a = SOME (SELECT a FROM t)", "a = SOME(a)")]
#[case::quoted("\"date\"", "\"date\"")]
#[case::keyword_names("t.interval_, t.year, value, name", "t.interval_, t.year, value, name")]
fn expressions(#[case] written: &str, #[case] planned: &str) {
    assert_eq!(expression(written), planned);
}

#[rstest]
#[case::joins(
    "SELECT * FROM t LEFT JOIN u ON t.a = u.a RIGHT OUTER JOIN u AS u2 USING(a) FULL JOIN u AS u3 ON true CROSS JOIN u AS u4 NATURAL JOIN u AS u5"
)]
#[case::lateral("SELECT * FROM t, LATERAL (SELECT t.a + 1 AS x) AS l")]
#[case::apply("SELECT * FROM t CROSS APPLY (SELECT t.a + 1 AS x) AS l")]
#[case::unnest("SELECT * FROM t CROSS JOIN UNNEST(t.d) WITH ORDINALITY AS n (x, i)")]
#[case::unnest_comma("SELECT x FROM t, UNNEST(d) AS n (x)")]
#[case::set_operators("SELECT a FROM t UNION ALL SELECT a FROM u INTERSECT SELECT 1 EXCEPT ALL SELECT 2")]
#[case::distinct("SELECT DISTINCT a FROM t")]
#[case::distinct_on("SELECT DISTINCT ON (a) a, b FROM t")]
#[case::values("VALUES (1, 'a'), (2, 'b')")]
#[case::values_in_from("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (x, y)")]
#[case::with("WITH x AS (SELECT 1 AS a), y AS (SELECT a FROM x) SELECT * FROM y")]
#[case::scalar("SELECT (SELECT MAX(a) FROM u WHERE u.b = t.b) AS m FROM t WHERE a > (SELECT MIN(a) FROM u)")]
#[case::in_query("SELECT * FROM t WHERE a NOT IN (SELECT a FROM u) AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a)")]
#[case::grouping_sets("SELECT a, b, GROUPING(a), COUNT(*) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())")]
#[case::cube("SELECT a, b FROM t GROUP BY CUBE (a, b)")]
#[case::rollup("SELECT a, b FROM t GROUP BY ROLLUP (a, b)")]
#[case::group_by_all("SELECT a, COUNT(*) FROM t GROUP BY ALL")]
#[case::having("SELECT a, COUNT(*) FROM t GROUP BY 1 HAVING COUNT(*) > 1")]
#[case::qualify("SELECT a FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY c) = 1")]
#[case::window("SELECT SUM(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c)")]
#[case::pivot("SELECT * FROM t PIVOT(SUM(a) FOR b IN ('x' AS x, 'y' AS y)) AS p")]
#[case::unpivot("SELECT * FROM t UNPIVOT(value FOR name IN (a, g)) AS p")]
#[case::exclude("SELECT * EXCLUDE (a, b) FROM t")]
#[case::replace("SELECT * REPLACE (a + 1 AS a) FROM t")]
#[case::qualified("SELECT t.*, u.a FROM t, u")]
#[case::limit("SELECT a FROM t ORDER BY a DESC NULLS LAST LIMIT 10")]
#[case::top_k("SELECT * FROM (SELECT a, RANK() OVER (ORDER BY c) AS r FROM t) WHERE r <= 3")]
#[case::brackets("(SELECT a FROM t) UNION (SELECT a FROM u)")]
#[case::nested_join("SELECT * FROM (t JOIN u ON t.a = u.a) JOIN u AS u2 ON true")]
#[case::connector("SELECT CONNECTOR_METADATA()['kafka_topic'] FROM t")]
fn queries_come_through_as_they_are(#[case] query: &str) {
    assert_eq!(planned(query), query);
}

#[rstest]
#[case::tumble(
    "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), INTERVAL 1 HOUR, INTERVAL 5 MINUTES)) AS w",
    "SELECT * FROM TABLE(TUMBLE(__table(t), DESCRIPTOR(c), __interval('INTERVAL HOUR', 3600000000), __interval('INTERVAL MINUTE', 300000000))) AS w"
)]
#[case::hop(
    "SELECT * FROM TABLE(HOP(TABLE t, DESCRIPTOR(c), INTERVAL 1 MINUTE, INTERVAL 1 HOUR))",
    "SELECT * FROM TABLE(HOP(__table(t), DESCRIPTOR(c), __interval('INTERVAL MINUTE', 60000000), __interval('INTERVAL HOUR', 3600000000)))"
)]
#[case::session(
    "SELECT * FROM TABLE(SESSION(TABLE t, DESCRIPTOR(c), DESCRIPTOR(a), INTERVAL 1 MINUTE))",
    "SELECT * FROM TABLE(SESSION(__table(t), DESCRIPTOR(c), DESCRIPTOR(a), __interval('INTERVAL MINUTE', 60000000)))"
)]
#[case::named_arguments(
    "SELECT * FROM TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(c), SIZE => INTERVAL 1 HOUR))",
    "SELECT * FROM TABLE(TUMBLE(DATA => __table(t), TIMECOL => DESCRIPTOR(c), SIZE => __interval('INTERVAL HOUR', 3600000000)))"
)]
#[case::asof(
    "SELECT * FROM t LEFT ASOF JOIN u MATCH_CONDITION (t.c >= u.c) ON t.a = u.a",
    "SELECT * FROM t ASOF JOIN u MATCH_CONDITION (t.c >= u.c) ON t.a = u.a"
)]
#[case::fetch("SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t LIMIT 5")]
#[case::fetch_inside(
    "SELECT a FROM (SELECT a FROM t FETCH FIRST 5 ROWS ONLY) AS x",
    "SELECT a FROM (SELECT a FROM t LIMIT 5) AS x"
)]
#[case::fetch_offset("SELECT a FROM t OFFSET 2 ROWS FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1 OFFSET 2 ROWS")]
#[case::named_frame(
    "SELECT SUM(a) OVER w FROM t WINDOW w AS (ORDER BY c RANGE INTERVAL 1 DAY PRECEDING)",
    "SELECT SUM(a) OVER w FROM t WINDOW w AS (ORDER BY c RANGE INTERVAL '86400000000 microseconds' PRECEDING)"
)]
#[case::order("SELECT a FROM t ORDER BY a", "SELECT a FROM t")]
fn queries_come_through_in_other_words(#[case] query: &str, #[case] wanted: &str) {
    assert_eq!(planned(query), wanted);
}

#[rstest]
#[case::asof(
    "SELECT * FROM t ASOF JOIN u MATCH_CONDITION (t.c >= u.c) ON t.a = u.a",
    "Not yet implemented: only LEFT ASOF JOIN exists"
)]
#[case::asof_less(
    "SELECT * FROM t LEFT ASOF JOIN u MATCH_CONDITION (t.c > u.c) ON t.a = u.a",
    "Not supported: MATCH_CONDITION other than `left >= right` is not supported in a view"
)]
#[case::asof_on(
    "SELECT * FROM t LEFT ASOF JOIN u MATCH_CONDITION (t.c >= u.c)",
    "Not supported: ASOF JOIN without ON is not supported in a view"
)]
#[case::with_recursive(
    "WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x",
    "Not supported: WITH RECURSIVE (use DECLARE RECURSIVE VIEW) is not supported in a view"
)]
#[case::fetch_ties(
    "SELECT a FROM t FETCH FIRST 1 ROWS WITH TIES",
    "Not supported: FETCH is supported as `FETCH FIRST n ROWS ONLY`, instead of LIMIT"
)]
#[case::fetch_limit(
    "SELECT a FROM t LIMIT 1 FETCH FIRST 1 ROWS ONLY",
    "Not supported: FETCH is supported as `FETCH FIRST n ROWS ONLY`, instead of LIMIT"
)]
#[case::ordinality(
    "SELECT * FROM t WITH ORDINALITY",
    "Not supported: WITH ORDINALITY of a table is not supported in a view"
)]
#[case::sample("SELECT * FROM t TABLESAMPLE (10)", "Not supported: TABLESAMPLE is not supported in a view")]
#[case::lock("SELECT * FROM t FOR UPDATE", "Not supported: FOR is not supported in a view")]
#[case::into("SELECT a INTO u FROM t", "Not supported: INTO is not supported in a view")]
#[case::insert("INSERT INTO t SELECT 1", "Not supported: a statement that is no query is not supported in a view")]
#[case::placeholder("SELECT ?", "Error parsing SQL: Expected: an expression, found: ?")]
#[case::convert("SELECT CONVERT(a, INT) FROM t", "Not supported: CONVERT (use CAST) is not supported in a view")]
#[case::reserved_call(
    "SELECT __cast('INT', a) FROM t",
    "Reserved name: function names that begin with `__` are reserved"
)]
#[case::reserved_quoted(
    "SELECT \"__cast\"('INT', a) FROM t",
    "Reserved name: function names that begin with `__` are reserved"
)]
#[case::float(
    "SELECT CAST(a AS FLOAT) FROM t",
    "Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)"
)]
#[case::float_in_query(
    "SELECT a FROM t WHERE a IN (SELECT CAST(a AS FLOAT) FROM t)",
    "Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)"
)]
#[case::unknown_type(
    "SELECT a::nope FROM t",
    "Compilation error: From line 3, column 28 to line 3, column 31: Object 'nope' not found"
)]
#[case::bad_date("SELECT DATE '2024-02-30'", "Error in SQL statement: Illegal DATE literal \"2024-02-30\"")]
#[case::bad_interval("SELECT INTERVAL '1:2' DAY", "Error in SQL statement: \"1:2\" is no INTERVAL DAY")]
#[case::interval_of_column(
    "SELECT INTERVAL a DAY FROM t",
    "Error parsing SQL: Expected: a number or a string after INTERVAL, found: a"
)]
#[case::arrow(
    "SELECT a -> b + 1 -> c FROM t",
    "Error parsing SQL: before `->` stand the names of a lambda's parameters"
)]
#[case::odd_map("SELECT MAP[1, 2, 3]", "Error in SQL statement: MAP[…] needs a value for each key")]
#[case::reserved_word("SELECT a, FROM t", "Error parsing SQL: Expected: an expression, found: FROM")]
#[case::time_zone(
    "SELECT CAST(b AS TIME WITH TIME ZONE) FROM t",
    "Not supported: TIME WITH TIME ZONE is not supported"
)]
#[case::period(
    "SELECT (c) CONTAINS (c, f) FROM t",
    "Error parsing SQL: before this stands a period, as in `(from, to)`"
)]
#[case::period_behind(
    "SELECT (c, f) OVERLAPS c FROM t",
    "Error parsing SQL: behind this stands a period, as in `(from, to)`"
)]
#[case::number("SELECT 1_000", "Error parsing SQL: Expected: a blank between a number and a name, found: _000")]
#[case::typed_alias("SELECT * FROM t AS x (y INT)", "Not supported: a type in an alias is not supported in a view")]
#[case::typed_expression_alias(
    "WITH x (y INT) AS (SELECT 1) SELECT * FROM x",
    "Not supported: a type in an alias is not supported in a view"
)]
#[case::match_recognize(
    "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A) DEFINE A AS TRUE)",
    "Error parsing SQL: Expected: end of statement, found: MATCH_RECOGNIZE"
)]
fn refusals(#[case] query: &str, #[case] wanted: &str) {
    let messages = said_of(&format!("{TABLES}CREATE VIEW w AS {query};"));
    let first = messages.first().expect("an error");
    assert_eq!(first.splitn(3, ' ').nth(2), Some(wanted), "{first}");
    assert!(first.starts_with("E 3:"), "{first}");
}
