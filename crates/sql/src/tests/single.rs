//! Queries by themselves.

use rstest::rstest;

use super::{compiled, line};
use crate::{PROGRAM_BYTES_MAX, parse_query};

const PROGRAM: &str = "CREATE TABLE t (a INT, c TIMESTAMP);
CREATE TYPE y AS (a INT);
CREATE FUNCTION f(p INT) RETURNS INT AS p + 1;
CREATE VIEW v AS SELECT a FROM t;";

#[rstest]
#[case::view("SELECT a FROM v ORDER BY a;", "SELECT a FROM v ORDER BY a")]
#[case::function("SELECT f(a) FROM t", "SELECT __cast('INTEGER', (__cast('INTEGER', a) + 1)) FROM t")]
#[case::user_type(
    "SELECT CAST(a AS y) FROM t FETCH FIRST ROW ONLY",
    "SELECT __cast('ROW(a INTEGER NULL)', a) FROM t LIMIT 1"
)]
#[case::asof(
    "SELECT 1 FROM t LEFT ASOF JOIN t AS u MATCH_CONDITION (t.c >= u.c) ON TRUE",
    "SELECT 1 FROM t ASOF JOIN t AS u MATCH_CONDITION (t.c >= u.c) ON true"
)]
#[case::values("VALUES (1)", "VALUES (1)")]
fn queries_are_read_as_those_of_views(#[case] text: &str, #[case] wanted: &str) {
    let query = parse_query(text, &compiled(PROGRAM).catalog).expect("a query");
    assert_eq!(query.to_string(), wanted);
}

#[rstest]
#[case::unknown(
    "SELECT *\nFROM nope",
    "E 2:6-2:9 Compilation error: From line 2, column 6 to line 2, column 9: Object 'nope' not found"
)]
#[case::nothing(" ", "E 0:0-0:0 Error parsing SQL: one query is expected")]
#[case::two("SELECT 1; SELECT 2", "E 0:0-0:0 Error parsing SQL: one query is expected")]
#[case::rest("SELECT 1 1", "E 1:10-1:10 Error parsing SQL: Expected: end of query, found: 1")]
#[case::no_query(
    "INSERT INTO t VALUES (1)",
    "E 1:1-1:24 Not supported: a statement that is no query is not supported in a view"
)]
#[case::drop(
    "DROP TABLE t",
    "E 1:1-1:4 Error parsing SQL: Expected: SELECT, VALUES, or a subquery in the query body, found: DROP"
)]
#[case::inner(
    "SELECT 1 FROM (SELECT CAST(a AS FLOAT) FROM t) x",
    "E 1:33-1:37 Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)"
)]
#[case::string("SELECT 'x", "E 1:8-1:8 Error parsing SQL: Unterminated string literal")]
fn other_texts_are_refused(#[case] text: &str, #[case] wanted: &str) {
    let messages = parse_query(text, &compiled(PROGRAM).catalog).expect_err("no query");
    assert_eq!(messages.iter().map(line).collect::<Vec<_>>(), [wanted]);
    assert_eq!(messages[0].snippet.is_some(), messages[0].range().is_known());
}

#[test]
fn queries_end_somewhere() {
    let messages = parse_query(&" ".repeat(PROGRAM_BYTES_MAX + 1), &compiled(PROGRAM).catalog).expect_err("too long");
    assert_eq!(messages[0].error_type, "Compiler error");
}
