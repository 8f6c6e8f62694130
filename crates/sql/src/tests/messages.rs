//! Messages, their places and their snippets.

use rstest::rstest;

use super::{compiled, said, said_of};
use crate::{MESSAGES_MAX, PROGRAM_BYTES_MAX};

#[test]
fn the_message_of_an_unknown_name_is_that_of_the_contract() {
    let text = "CREATE TABLE t (\n   a INT\n\n);\nCREATE VIEW w AS SELECT a FROM nope;\n";
    let compiled = compiled(text);
    let json = serde_json::to_value(&compiled.messages).expect("JSON");
    let wanted = serde_json::json!([{
        "start_line_number": 5,
        "start_column": 32,
        "end_line_number": 5,
        "end_column": 35,
        "warning": false,
        "error_type": "Compilation error",
        "message": "From line 5, column 32 to line 5, column 35: Object 'nope' not found",
        "snippet": "    4|);\n    5|CREATE VIEW w AS SELECT a FROM nope;\n                                     ^^^^\n",
    }]);
    assert_eq!(json, wanted);
    assert_eq!(compiled.exit_code(), 1);
}

#[test]
fn the_message_of_a_nullable_key() {
    let text = "CREATE TABLE t (\n   c INT NULL PRIMARY KEY\n);\n";
    let compiled = compiled(text);
    let message = &compiled.messages[0];
    assert_eq!(message.error_type, "PRIMARY KEY cannot be nullable");
    assert_eq!(message.message, "PRIMARY KEY column 'c' has type INTEGER, which is nullable");
    let snippet = "    2|   c INT NULL PRIMARY KEY\n         ^^^^^^^^^^^^^^^^^^^^^^\n    3|);\n";
    assert_eq!(message.snippet.as_deref(), Some(snippet));
}

#[test]
fn each_bad_statement_gives_its_error_and_the_others_are_checked() {
    let text = "CREATE TABLE t (a INT);
CREATE TABLE u (a INTT);
CREATE VIEW v AS SELECT a FROM t WHERE;
CREATE VIEW w AS SELECT a FROM t;
NONSENSE;
CREATE VIEW x AS SELECT a FROM nope;
CREATE VIEW y AS SELECT a FROM w;
CREATE VIEW z AS SELECT 'open";
    let wanted = [
        "E 2:19-2:22 Compilation error: From line 2, column 19 to line 2, column 22: Object 'intt' not found",
        "E 3:39-3:39 Error parsing SQL: Expected: an expression, found: ;",
        "E 5:1-5:8 Error parsing SQL: Expected: CREATE, DECLARE RECURSIVE VIEW, LATENESS or SET, found: NONSENSE",
        "E 6:32-6:35 Compilation error: From line 6, column 32 to line 6, column 35: Object 'nope' not found",
        "E 8:25-8:25 Error parsing SQL: Unterminated string literal",
    ];
    assert_eq!(said(text), wanted);
    let views = compiled(text).catalog;
    assert!(views.relation("w").is_some() && views.relation("y").is_some() && views.relation("x").is_none());
}

#[test]
fn what_depends_on_a_bad_statement_is_not_told_again() {
    let text = "CREATE TABLE t (a FLOAT);
CREATE TYPE y AS (a FLOAT);
CREATE VIEW v AS SELECT a FROM t;
CREATE VIEW w AS SELECT a FROM v;
CREATE TABLE u (b y);
CREATE INDEX i ON w (a);
LATENESS w.a 1;
CREATE TABLE f (a INT FOREIGN KEY REFERENCES t (a));";
    let wanted = "Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)";
    assert_eq!(said(text), [format!("E 1:19-1:23 {wanted}"), format!("E 2:21-2:25 {wanted}")]);
}

#[rstest]
#[case::end(
    "CREATE VIEW v AS SELECT a FROM t WHERE a >",
    "E 1:42-1:42 Error parsing SQL: Expected: an expression, found: EOF"
)]
#[case::bracket("CREATE TABLE t (a INT;", "E 1:22-1:22 Error parsing SQL: Expected: ), found: ;")]
#[case::subquery(
    "CREATE VIEW v AS SELECT 1 FROM (SELECT a,, b FROM t) AS x;",
    "E 1:42-1:42 Error parsing SQL: Expected: an expression, found: ,"
)]
#[case::deeper(
    "CREATE VIEW v AS SELECT 1 WHERE 1 IN (SELECT 1 FROM (SELECT a FROM t GROUP) x);",
    "E 1:70-1:74 Error parsing SQL: Expected: ), found: GROUP"
)]
#[case::words("CREATE VIEW v AS SELECT 1 1;", "E 1:27-1:27 Error parsing SQL: Expected: end of statement, found: 1")]
#[case::not_create(
    "SELECT 1;",
    "E 1:1-1:6 Error parsing SQL: Expected: CREATE, DECLARE RECURSIVE VIEW, LATENESS or SET, found: SELECT"
)]
#[case::kind(
    "CREATE SCHEMA s;",
    "E 1:8-1:13 Error parsing SQL: Expected: TABLE, VIEW, TYPE, FUNCTION, INDEX or AGGREGATE, found: SCHEMA"
)]
#[case::if_not_exists(
    "CREATE TABLE IF NOT EXISTS t (a INT);",
    "E 1:21-1:26 Not supported: IF NOT EXISTS is not supported: a program defines each of its names once"
)]
#[case::schema(
    "CREATE TABLE s.t (a INT);",
    "E 1:14-1:14 Not supported: names of two parts are not supported: there are no schemas"
)]
#[case::lines(
    "CREATE TABLE t (\n  a\n  FLOAT);",
    "E 3:3-3:7 Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)"
)]
#[case::after_tabs(
    "\t\tNO;",
    "E 1:3-1:4 Error parsing SQL: Expected: CREATE, DECLARE RECURSIVE VIEW, LATENESS or SET, found: NO"
)]
#[case::after_letters("SET é = 1; é", "W 1:5-1:5 Unknown setting: there is no setting 'é'")]
#[case::backtick("CREATE TABLE `t` (a INT);", "E 1:14-1:14 Error parsing SQL: Expected: a name, found: `")]
#[case::empty_name(
    "CREATE TABLE \"\" (a INT);",
    "E 1:14-1:15 Error parsing SQL: Expected: a name that is not empty, found: \"\""
)]
fn errors_of_syntax_have_their_place(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said_of(text).first().map(String::as_str), Some(wanted));
}

#[test]
fn nothing_is_fine() {
    for text in ["", " \n\t", "-- nothing\n", ";;;", "/* nothing */"] {
        assert_eq!(said(text), Vec::<String>::new());
        assert_eq!(compiled(text).exit_code(), 0);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_program() {
    assert_eq!(said("\u{feff}CREATE TABLE t (a INT);"), Vec::<String>::new());
    assert!(said("CREATE TABLE \u{feff} (a INT);")[0].contains("Expected: a name"));
}

#[test]
fn warnings_alone_are_no_failure() {
    let compiled = compiled("INSERT INTO t VALUES (1);\nDELETE FROM t WHERE;\nSET x = 1;");
    let titles: Vec<&str> = compiled.messages.iter().map(|message| message.error_type.as_str()).collect();
    assert_eq!(titles, ["Statement ignored", "Statement ignored", "Unknown setting"]);
    assert_eq!(compiled.messages[0].range().end.column, 24);
    assert_eq!(compiled.exit_code(), 0);
}

#[rstest]
#[case::division("SELECT 1 / 0 FROM t", "W 2:28-2:32 Division by zero: division by the constant 0")]
#[case::remainder("SELECT a % (0) FROM t", "W 2:25-2:29 Division by zero: division by the constant 0")]
#[case::modulo("SELECT MOD(a, 0) FROM t", "W 2:25-2:27 Division by zero: division by the constant 0")]
#[case::order(
    "SELECT a FROM t ORDER BY a",
    "W 2:43-2:43 ORDER BY is ignored: the rows of a view have no order: ORDER BY without LIMIT has no effect"
)]
#[case::map(
    "SELECT MAP['a', 1, 'b', 2, 'a', 3] FROM t",
    "W 2:45-2:47 Duplicate MAP key: the key 'a' stands twice in the map; the last value counts"
)]
#[case::decimal(
    "SELECT CAST(a AS DECIMAL) FROM t",
    "W 2:35-2:41 DECIMAL precision and scale unspecified: DECIMAL without precision and scale is DECIMAL(38, 0): it has no digits behind the point"
)]
#[case::format(
    "SELECT FORMAT_DATE('yyyy-mm', NOW()) FROM t",
    "W 2:37-2:45 Suspicious argument: the format \"yyyy-mm\" has no directive such as %Y: it means the same for every value"
)]
fn suspicious_queries_are_told(#[case] query: &str, #[case] wanted: &str) {
    let said = said_of(&format!("CREATE TABLE t (a INT);\nCREATE VIEW v AS {query};"));
    assert_eq!(said.len(), 1, "{said:?}");
    let place = |line: &str| {
        line.split_once(' ').map(|(kind, rest)| (kind.to_owned(), rest.split_once(' ').expect("a place").1.to_owned()))
    };
    assert_eq!(place(&said[0]), place(wanted), "{said:?}");
}

#[rstest]
#[case("SELECT a / 1 FROM t")]
#[case("SELECT a / 0e0 FROM t")]
#[case("SELECT MAP['a', 1, 'b', 1] FROM t")]
#[case("SELECT a FROM t ORDER BY a LIMIT 1")]
#[case("SELECT FORMAT_DATE('%Y', NOW()) FROM t")]
#[case("SELECT CAST(a AS DECIMAL(5)) FROM t")]
fn plain_queries_are_not(#[case] query: &str) {
    assert_eq!(said_of(&format!("CREATE TABLE t (a INT);\nCREATE VIEW v AS {query};")), Vec::<String>::new());
}

#[test]
fn messages_end_somewhere() {
    let compiled = compiled(&"NONSENSE;\n".repeat(MESSAGES_MAX + 100));
    assert_eq!(compiled.messages.len(), MESSAGES_MAX + 1);
    let last = compiled.messages.last().expect("a message");
    assert_eq!((last.error_type.as_str(), last.snippet.as_ref()), ("Compiler error", None));
}

#[test]
fn messages_quote_so_much_and_no_more() {
    let compiled = compiled(&format!("CREATE '{}'", "é".repeat(100_000)));
    assert_eq!(compiled.messages[0].message.chars().count(), crate::message::MESSAGE_CHARS_MAX + 1);
}

#[test]
fn a_function_that_is_bad_is_not_told_by_its_callers() {
    let text = "CREATE TABLE t (a INT);\nCREATE FUNCTION f(a INT) RETURNS INT AS b;\nCREATE VIEW v AS SELECT a FROM t WHERE F(a) > 1;";
    assert_eq!(
        said(text),
        ["E 2:41-2:41 Compilation error: From line 2, column 41 to line 2, column 41: Object 'b' not found"]
    );
}

#[test]
fn programs_end_somewhere() {
    let compiled = compiled(&" ".repeat(PROGRAM_BYTES_MAX + 1));
    assert_eq!(compiled.messages.len(), 1);
    assert_eq!(compiled.messages[0].error_type, "Compiler error");
}
