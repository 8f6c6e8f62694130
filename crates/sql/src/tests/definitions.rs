//! Types, functions, aggregates and indexes.

use rstest::rstest;

use super::planner::Nothing;
use super::{compiled, said, said_of};
use crate::{StatementKind, compile};

#[test]
fn types_can_be_built_of_each_other() {
    let text = "CREATE TYPE point AS (x INT, \"Y\" INT NOT NULL);
CREATE TYPE line AS (a point NOT NULL, b POINT);
CREATE TYPE names AS VARCHAR(10) ARRAY;
CREATE TABLE t (l line, n names, p point ARRAY NOT NULL);";
    let compiled = compiled(text);
    assert_eq!(compiled.messages, []);
    let columns = compiled.catalog.relation("t").expect("a table").columns();
    let kinds: Vec<String> = columns.iter().map(|column| column.column_type.to_string()).collect();
    let point = "ROW(x INTEGER NULL, \"Y\" INTEGER)";
    let wanted =
        [format!("ROW(a {point}, b {point} NULL)"), "VARCHAR(10) ARRAY".to_owned(), format!("{point} ARRAY NOT NULL")];
    assert_eq!(kinds, wanted);
}

#[rstest]
#[case::twice(
    "CREATE TYPE a AS INT; CREATE TYPE A AS INT;",
    "E 1:35-1:35 Duplicate declaration: type 'a' is already defined"
)]
#[case::itself(
    "CREATE TYPE a AS (x a);",
    "E 1:21-1:21 Compilation error: From line 1, column 21 to line 1, column 21: Object 'a' not found"
)]
#[case::field_twice(
    "CREATE TYPE a AS (x INT, X INT);",
    "E 1:26-1:26 Duplicate name: Field 'x' stands twice in the row"
)]
#[case::reserved(
    "CREATE TYPE feldera AS INT;",
    "E 1:13-1:19 Reserved name: 'feldera': names that begin with `feldera` or `__` are reserved"
)]
#[case::aggregate(
    "CREATE LINEAR AGGREGATE f(a INT) RETURNS INT;",
    "E 1:25-1:25 Not yet implemented: aggregates of a program's own are not implemented yet"
)]
#[case::plain_aggregate(
    "CREATE AGGREGATE f(a INT NOT NULL) RETURNS INT NOT NULL;",
    "E 1:18-1:18 Not yet implemented: aggregates of a program's own are not implemented yet"
)]
#[case::parameter_twice(
    "CREATE FUNCTION f(a INT, A INT) RETURNS INT AS a;",
    "E 1:26-1:26 Duplicate name: parameter 'a' stands twice"
)]
#[case::function_twice(
    "CREATE FUNCTION f() RETURNS INT AS 1; CREATE FUNCTION F() RETURNS INT AS 2;",
    "E 1:55-1:55 Duplicate declaration: function 'f' is already defined"
)]
#[case::unknown_name(
    "CREATE FUNCTION f(a INT) RETURNS INT AS a + b;",
    "E 1:45-1:45 Compilation error: From line 1, column 45 to line 1, column 45: Object 'b' not found"
)]
#[case::lambda_name(
    "CREATE FUNCTION f(a INT ARRAY) RETURNS INT AS TRANSFORM(a, x -> x) || x;",
    "E 1:71-1:71 Compilation error: From line 1, column 71 to line 1, column 71: Object 'x' not found"
)]
#[case::query(
    "CREATE FUNCTION f() RETURNS INT AS (SELECT 1);",
    "E 1:37-1:44 Not yet implemented: a query inside a function is not implemented yet"
)]
#[case::json_parameters(
    "CREATE FUNCTION jsonstring_as_x() RETURNS ROW(a INT);",
    "E 1:17-1:31 Error in SQL statement: a function that reads JSON has one parameter"
)]
#[case::json_text(
    "CREATE FUNCTION jsonstring_as_x(a INT) RETURNS ROW(a INT);",
    "E 1:17-1:31 Error in SQL statement: the parameter of a function that reads JSON is a VARCHAR"
)]
#[case::json_row(
    "CREATE FUNCTION jsonstring_as_x(a VARCHAR) RETURNS INT;",
    "E 1:17-1:31 Error in SQL statement: a function that reads JSON returns a row type"
)]
#[case::index_unknown(
    "CREATE INDEX i ON nope (a);",
    "E 1:19-1:22 Compilation error: From line 1, column 19 to line 1, column 22: Object 'nope' not found"
)]
#[case::index_column(
    "CREATE TABLE t (a INT); CREATE INDEX i ON t (b);",
    "E 1:46-1:46 Compilation error: From line 1, column 46 to line 1, column 46: Object 'b' not found"
)]
#[case::index_column_twice(
    "CREATE TABLE t (a INT); CREATE INDEX i ON t (a, a);",
    "E 1:49-1:49 Duplicate name: column 'a' stands twice in the index"
)]
#[case::index_twice(
    "CREATE TABLE t (a INT); CREATE INDEX i ON t (a); CREATE INDEX i ON t (a);",
    "E 1:63-1:63 Duplicate declaration: index 'i' is already defined"
)]
fn mistakes_are_told(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said(text), [wanted]);
}

#[test]
fn types_cannot_grow_without_end() {
    let mut text = "CREATE TYPE t0 AS (a INT, b INT);\n".to_owned();
    text.extend((1..40).map(|number| format!("CREATE TYPE t{number} AS (a t{0}, b t{0});\n", number - 1)));
    let said = said(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("has more than"), "{said:?}");
}

/// The last view of the program, whose functions are expanded.
fn expanded(functions: &str, expression: &str) -> String {
    let text = format!(
        "CREATE TABLE t (a INT, x INT, d INT ARRAY, r ROW(f INT));\n{functions}\nCREATE VIEW v AS SELECT {expression} FROM t;"
    );
    let compiled = compile(&text, &mut Nothing);
    assert_eq!(compiled.messages, []);
    match &compiled.statements.last().expect("a statement").kind {
        StatementKind::View(view) => view.query.to_string().replace("SELECT ", "").replace(" FROM t", ""),
        _ => panic!("a view"),
    }
}

#[rstest]
#[case::constant("CREATE FUNCTION f() RETURNS INT AS 1 + 1;", "F()", "__cast('INTEGER', (1 + 1))")]
#[case::parameter(
    "CREATE FUNCTION f(p INT, q BIGINT NOT NULL) RETURNS DECIMAL(5,2) AS p * q + P;",
    "f(a, x + 1)",
    "__cast('DECIMAL(5, 2)', (__cast('INTEGER', a) * __cast('BIGINT', x + 1) + __cast('INTEGER', a)))"
)]
#[case::of_other(
    "CREATE FUNCTION f(p INT) RETURNS INT AS p + 1; CREATE FUNCTION g(p INT) RETURNS INT AS f(p) * 2;",
    "g(a)",
    "__cast('INTEGER', (__cast('INTEGER', (__cast('INTEGER', __cast('INTEGER', a)) + 1)) * 2))"
)]
#[case::in_itself(
    "CREATE FUNCTION f(p INT) RETURNS INT AS p + 1;",
    "f(f(a))",
    "__cast('INTEGER', (__cast('INTEGER', __cast('INTEGER', (__cast('INTEGER', a) + 1))) + 1))"
)]
#[case::lambda_does_not_capture(
    "CREATE FUNCTION f(p INT, q INT ARRAY) RETURNS INT ARRAY AS TRANSFORM(q, x -> x + p);",
    "f(x, d)",
    "__cast('INTEGER ARRAY', (TRANSFORM(__cast('INTEGER ARRAY', d), \"__x\" -> \"__x\" + __cast('INTEGER', x))))"
)]
#[case::lambda_hides(
    "CREATE FUNCTION f(x INT, q INT ARRAY) RETURNS INT ARRAY AS TRANSFORM(q, x -> x + 1);",
    "f(a, d)",
    "__cast('INTEGER ARRAY', (TRANSFORM(__cast('INTEGER ARRAY', d), \"__x\" -> \"__x\" + 1)))"
)]
#[case::field(
    "CREATE FUNCTION f(p ROW(f INT)) RETURNS INT AS p.f;",
    "f(r)",
    "__cast('INTEGER', (__cast('ROW(f INTEGER)', r).f))"
)]
#[case::json(
    "CREATE TYPE y AS (a INT); CREATE FUNCTION jsonstring_as_y(text VARCHAR) RETURNS y;",
    "jsonstring_as_y('{}')",
    "__cast('ROW(a INTEGER NULL)', (__jsonstring_as('ROW(a INTEGER NULL)', __cast('VARCHAR', '{}'))))"
)]
fn calls_become_bodies(#[case] functions: &str, #[case] written: &str, #[case] wanted: &str) {
    assert_eq!(expanded(functions, written), wanted);
}

#[rstest]
#[case::arguments(
    "CREATE FUNCTION f(p INT) RETURNS INT AS p;",
    "f()",
    "E 3:25-3:25 Compilation error: function 'f' takes 1 arguments and nothing else"
)]
#[case::over(
    "CREATE FUNCTION f(p INT) RETURNS INT AS p;",
    "f(1) OVER (ORDER BY a)",
    "E 3:25-3:25 Compilation error: function 'f' takes 1 arguments and nothing else"
)]
#[case::foreign(
    "CREATE FUNCTION f(p INT) RETURNS INT;",
    "f(1)",
    "E 3:25-3:25 Not yet implemented: function 'f' has no body in SQL; others cannot be called yet"
)]
fn calls_that_do_not_fit_are_told(#[case] functions: &str, #[case] call: &str, #[case] wanted: &str) {
    let text = format!("CREATE TABLE t (a INT);\n{functions}\nCREATE VIEW v AS SELECT {call} FROM t;");
    assert_eq!(said_of(&text), [wanted]);
}

#[test]
fn bodies_cannot_grow_without_end() {
    let mut text = "CREATE FUNCTION f0(p INT) RETURNS INT AS p + p;\n".to_owned();
    let doubled = |n: u32| format!("CREATE FUNCTION f{n}(p INT) RETURNS INT AS f{0}(p) + f{0}(p);\n", n - 1);
    text.extend((1..60).map(doubled));
    let said = said_of(&text);
    assert!(said[0].contains("the expression gets too large"), "{said:?}");
    let calls = format!(
        "CREATE FUNCTION f(p INT) RETURNS INT AS p + p;\nCREATE VIEW v AS SELECT {}1{};",
        "f(".repeat(40),
        ")".repeat(40)
    );
    let said = said_of(&calls);
    assert!(said[0].contains("the expression gets too large"), "{said:?}");
}

#[test]
fn types_of_a_program_cannot_grow_without_end() {
    let fields: Vec<String> = (0..900).map(|number| format!("f{number} INT")).collect();
    let mut text = format!("CREATE TYPE y AS ({});\nCREATE TABLE t (a INT);\n", fields.join(", "));
    text.extend((0..300).map(|number| format!("CREATE VIEW v{number} AS SELECT CAST(NULL AS y);\n")));
    let said = said_of(&text);
    assert!(said[0].ends_with("the types of the program have more than 200000 parts"), "{}", said[0]);
}

#[test]
fn bodies_of_a_program_cannot_grow_without_end() {
    let body = "p + p".to_owned() + &" + p".repeat(200);
    let mut text = format!("CREATE FUNCTION f(p INT) RETURNS INT AS {body};\n");
    text.extend((0..1000).map(|number| format!("CREATE VIEW v{number} AS SELECT f(1);\n")));
    let said = said_of(&text);
    assert!(said[0].contains("the expression gets too large"), "{}", said[0]);
    let views = compile(&text, &mut Nothing).catalog.views().count();
    assert!((100..1000).contains(&views), "{views}");
}

#[test]
fn names_are_not_longer_than_a_line() {
    let text = |length: usize| said(&format!("CREATE TABLE {} (a INT);", "x".repeat(length)));
    assert_eq!(text(128), Vec::<String>::new());
    assert!(text(129)[0].contains("the name has over 128 characters"));
}

#[test]
fn a_function_that_nobody_calls_needs_no_body() {
    assert_eq!(said("CREATE FUNCTION f(p INT) RETURNS INT;"), Vec::<String>::new());
}
