//! CREATE VIEW and DECLARE RECURSIVE VIEW.

use rstest::rstest;

use super::{compiled, line, said, said_of};
use crate::catalog::{Catalog, Relation, View};
use crate::statement::ViewKind;
use crate::{Message, PlannedView, Planner, SourceRange, ViewStatement, compile};

const TABLE: &str = "CREATE TABLE t (a INT NOT NULL, b VARCHAR, \"C\" DATE) WITH ('materialized' = 'true');\n";

fn view<'c>(catalog: &'c Catalog, name: &str) -> &'c View {
    match catalog.relation(name) {
        Some(Relation::View(view)) => view,
        other => panic!("no view: {other:?}"),
    }
}

fn columns(view: &View) -> String {
    let columns: Vec<String> =
        view.columns.iter().map(|column| format!("{} {}", column.name, column.column_type)).collect();
    columns.join(", ")
}

#[rstest]
#[case::plain("SELECT a, b FROM t", "a INTEGER NOT NULL, b VARCHAR")]
#[case::all("SELECT * FROM t", "a INTEGER NOT NULL, b VARCHAR, C DATE")]
#[case::aliases("SELECT a AS X, b \"Y\" FROM t", "x INTEGER NOT NULL, Y VARCHAR")]
#[case::repeated(
    "SELECT a, a, b AS a0, a FROM t",
    "a INTEGER NOT NULL, a1 INTEGER NOT NULL, a0 VARCHAR, a2 INTEGER NOT NULL"
)]
#[case::cast("SELECT CAST(a AS BIGINT UNSIGNED) AS x FROM t", "x BIGINT UNSIGNED")]
fn columns_come_from_the_planner(#[case] query: &str, #[case] wanted: &str) {
    let compiled = compiled(&format!("{TABLE}CREATE VIEW v AS {query};"));
    assert_eq!(compiled.messages, []);
    assert_eq!(columns(view(&compiled.catalog, "v")), wanted);
}

#[test]
fn many_columns_of_one_name_get_fresh_ones_in_time() {
    let compiled = compiled(&format!("{TABLE}CREATE VIEW v AS SELECT a{} FROM t;", ", a".repeat(5_000)));
    assert_eq!(compiled.messages, []);
    let last = view(&compiled.catalog, "v").columns.last().map(|column| column.name.name.as_str());
    assert_eq!(last, Some("a4999"));
}

#[test]
fn columns_end_somewhere() {
    let said = said(&format!("{TABLE}CREATE VIEW v AS SELECT a{} FROM t;", ", a".repeat(10_000)));
    assert_eq!(said, ["E 2:13-2:13 Compiler error: the view has 10001 columns; at most 10000 are allowed"]);
}

#[test]
fn what_a_planner_says_without_a_place_is_said_of_the_view() {
    struct Refuses;

    impl Planner for Refuses {
        fn plan_view(&mut self, _: &Catalog, view: &ViewStatement) -> Result<PlannedView, Vec<Message>> {
            let warning = Message::warning("Noop", SourceRange::UNKNOWN, "nothing");
            match view.name.identifier.name.as_str() {
                "v" => Err(vec![Message::error("Compiler error", SourceRange::UNKNOWN, "no")]),
                _ => Ok(PlannedView { warnings: vec![warning], ..PlannedView::default() }),
            }
        }
    }

    let compiled = compile(&format!("{TABLE}CREATE VIEW v AS SELECT 1;\nCREATE VIEW w AS SELECT 1;"), &mut Refuses);
    let lines: Vec<String> = compiled.messages.iter().map(line).collect();
    assert_eq!(lines, ["E 2:13-2:13 Compiler error: no", "W 3:13-3:13 Noop: nothing"]);
}

#[test]
fn names_of_columns_can_be_given() {
    let compiled = compiled(&format!("{TABLE}CREATE VIEW v (X, \"Y\") AS SELECT a, b FROM t;"));
    assert_eq!(columns(view(&compiled.catalog, "v")), "x INTEGER NOT NULL, Y VARCHAR");
}

#[test]
fn views_are_of_three_kinds_and_read_each_other() {
    let text = format!(
        "{TABLE}CREATE LOCAL VIEW l AS SELECT a FROM t;
CREATE MATERIALIZED VIEW m AS SELECT l.a FROM l, t;
CREATE VIEW p AS SELECT a FROM m;"
    );
    let compiled = compiled(&text);
    assert_eq!(compiled.messages, []);
    let kinds = ["l", "m", "p"].map(|name| view(&compiled.catalog, name).kind);
    assert_eq!(kinds, [ViewKind::Local, ViewKind::Materialized, ViewKind::Plain]);
    assert_eq!(view(&compiled.catalog, "m").reads, ["l", "t"]);
    let queryable = ["l", "m", "p"].map(|name| compiled.catalog.relation(name).is_some_and(Relation::is_queryable));
    assert_eq!(queryable, [false, true, false]);
}

#[rstest]
#[case::twice(
    "CREATE VIEW v (x, X) AS SELECT a, b FROM t;",
    "E 2:19-2:19 Duplicate name: Column with name 'x' already defined"
)]
#[case::count(
    "CREATE VIEW v (x) AS SELECT a, b FROM t;",
    "E 2:13-2:13 Compilation error: view 'v' names 1 columns, and its query has 2"
)]
#[case::column(
    "CREATE VIEW v AS SELECT nope FROM t;",
    "E 2:25-2:28 Compilation error: From line 2, column 25 to line 2, column 28: Column 'nope' not found"
)]
#[case::itself(
    "CREATE VIEW v AS SELECT a FROM v;",
    "E 2:32-2:32 Compilation error: From line 2, column 32 to line 2, column 32: Object 'v' not found"
)]
#[case::forward(
    "CREATE VIEW v AS SELECT a FROM w; CREATE VIEW w AS SELECT a FROM t;",
    "E 2:32-2:32 Compilation error: From line 2, column 32 to line 2, column 32: Object 'w' not found"
)]
#[case::case(
    "CREATE VIEW v AS SELECT a FROM \"T\";",
    "E 2:32-2:34 Compilation error: From line 2, column 32 to line 2, column 34: Object 'T' not found"
)]
#[case::taken(
    "CREATE VIEW t AS SELECT a FROM t;",
    "E 2:13-2:13 Duplicate declaration: table or view 't' is already defined"
)]
#[case::interval(
    "CREATE VIEW v AS SELECT INTERVAL 1 DAY AS i FROM t;",
    "E 2:13-2:13 Illegal type: column 'i' of view 'v' has type INTERVAL DAY, which only a LOCAL view may have"
)]
#[case::null(
    "CREATE VIEW v AS SELECT NULL AS n FROM t;",
    "E 2:13-2:13 Illegal type: column 'n' of view 'v' has type NULL, which only a LOCAL view may have"
)]
#[case::now(
    "CREATE VIEW now AS SELECT a FROM t;",
    "E 2:13-2:15 Duplicate declaration: table or view 'now' is already defined"
)]
#[case::local_connectors(
    "CREATE LOCAL VIEW v WITH ('connectors' = '[{\"name\": \"c\", \"transport\": {\"name\": \"null_output\"}}]') AS SELECT a FROM t;",
    "E 2:19-2:19 Error in SQL statement: a LOCAL view gives nothing out, so it has no connectors"
)]
#[case::local_final(
    "CREATE LOCAL VIEW v WITH ('emit_final' = 'a') AS SELECT a FROM t;",
    "E 2:42-2:44 Error in SQL statement: a LOCAL view gives nothing out, so it has no 'emit_final'"
)]
#[case::final_unknown(
    "CREATE VIEW v WITH ('emit_final' = 'z') AS SELECT a FROM t;",
    "E 2:36-2:38 Error in SQL statement: view 'v' has no column 'z'"
)]
#[case::final_number(
    "CREATE VIEW v WITH ('emit_final' = '1') AS SELECT a FROM t;",
    "E 2:36-2:38 Error in SQL statement: view 'v' has no column '1'"
)]
#[case::property(
    "CREATE VIEW v WITH ('materialized' = 'true') AS SELECT a FROM t;",
    "W 2:21-2:34 Unknown property: the property 'materialized' has no effect here"
)]
#[case::lateness_table(
    "LATENESS t.a 1;",
    "E 2:10-2:10 Error in SQL statement: the LATENESS of a table's column stands in its definition"
)]
#[case::lateness_unknown(
    "LATENESS nope.a 1;",
    "E 2:10-2:13 Compilation error: From line 2, column 10 to line 2, column 13: Object 'nope' not found"
)]
#[case::lateness_column(
    "CREATE VIEW v AS SELECT a FROM t; LATENESS v.z 1;",
    "E 2:46-2:46 Compilation error: From line 2, column 46 to line 2, column 46: Object 'z' not found"
)]
#[case::lateness_text(
    "CREATE VIEW v AS SELECT b FROM t; LATENESS v.b 1;",
    "E 2:48-2:48 Error in SQL statement: a column of type VARCHAR has no LATENESS"
)]
#[case::lateness_twice(
    "CREATE VIEW v AS SELECT a FROM t; LATENESS v.a 1; LATENESS v.a 2;",
    "E 2:62-2:62 Error in SQL statement: column 'a' has two times LATENESS"
)]
fn mistakes_are_told(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said(&format!("{TABLE}{text}")), [wanted]);
}

#[test]
fn local_views_may_have_intervals() {
    assert_eq!(
        said(&format!("{TABLE}CREATE LOCAL VIEW v AS SELECT INTERVAL 1 DAY AS i, NULL AS n FROM t;")),
        Vec::<String>::new()
    );
}

#[rstest]
#[case::name("a", "a")]
#[case::other_case("A", "a")]
#[case::quoted("\"C\"", "C")]
#[case::number("1", "C")]
fn emit_final_names_a_column(#[case] value: &str, #[case] column: &str) {
    let text = format!("{TABLE}CREATE VIEW v WITH ('emit_final' = '{value}') AS SELECT a, \"C\" FROM t;");
    let compiled = compiled(&text);
    assert_eq!(compiled.messages, []);
    let found = view(&compiled.catalog, "v").emit_final.as_ref().map(|name| name.name.as_str());
    assert_eq!(found, Some(column));
}

#[rstest]
#[case::before("LATENESS v.a 5; CREATE VIEW v AS SELECT a FROM t;")]
#[case::after("CREATE VIEW v AS SELECT a FROM t; LATENESS V.A 5;")]
fn lateness_of_views_may_stand_anywhere(#[case] text: &str) {
    let compiled = compiled(&format!("{TABLE}{text}"));
    assert_eq!(compiled.messages, []);
    let lateness = view(&compiled.catalog, "v").columns[0].lateness.as_ref().map(|term| term.text.as_str());
    assert_eq!(lateness, Some("5"));
}

#[test]
fn recursive_views_read_themselves_and_each_other() {
    let text = format!(
        "{TABLE}DECLARE RECURSIVE VIEW r (a INT NOT NULL);
DECLARE RECURSIVE VIEW s (a INT NOT NULL);
CREATE VIEW r AS SELECT a FROM t UNION SELECT a FROM s;
CREATE LOCAL VIEW s AS SELECT a FROM r;"
    );
    let compiled = compiled(&text);
    assert_eq!(compiled.messages, []);
    let r = view(&compiled.catalog, "r");
    assert_eq!((r.is_declared, r.is_defined, r.reads.clone()), (true, true, vec!["s".to_owned(), "t".to_owned()]));
    let outputs: Vec<String> = compiled.program_info().schema.outputs.iter().map(|view| view.name.clone()).collect();
    assert_eq!(outputs, ["error_view", "r"]);
}

#[rstest]
#[case::unused(
    "DECLARE RECURSIVE VIEW r (a INT);",
    "W 2:24-2:24 Unused view declaration: view 'r' is declared, but no view needs the declaration"
)]
#[case::not_recursive(
    "DECLARE RECURSIVE VIEW r (a INT NOT NULL); CREATE VIEW r AS SELECT a FROM t;",
    "W 2:56-2:56 Unused view declaration: view 'r' is declared, but no view needs the declaration"
)]
#[case::undefined(
    "DECLARE RECURSIVE VIEW r (a INT); CREATE VIEW v AS SELECT a FROM r;",
    "E 2:24-2:24 Compilation error: view 'r' is declared and read, but never defined"
)]
#[case::twice(
    "DECLARE RECURSIVE VIEW r (a INT, a INT);",
    "E 2:34-2:34 Duplicate name: Column with name 'a' already defined"
)]
#[case::empty("DECLARE RECURSIVE VIEW r ();", "E 2:24-2:24 Error in SQL statement: a declared view needs its columns")]
#[case::other_type(
    "DECLARE RECURSIVE VIEW r (a BIGINT); CREATE VIEW r AS SELECT a FROM t UNION SELECT a FROM r;",
    "E 2:50-2:50 Compilation error: view 'r' has the columns (a INTEGER NOT NULL), and was declared with (a BIGINT)"
)]
#[case::more_nulls(
    "DECLARE RECURSIVE VIEW r (b VARCHAR NOT NULL); CREATE VIEW r AS SELECT b FROM t UNION SELECT b FROM r;",
    "E 2:60-2:60 Compilation error: view 'r' has the columns (b VARCHAR), and was declared with (b VARCHAR NOT NULL)"
)]
#[case::defined_twice(
    "DECLARE RECURSIVE VIEW r (a INT NOT NULL); CREATE VIEW r AS SELECT a FROM t UNION SELECT a FROM r; CREATE VIEW r AS SELECT a FROM t;",
    "E 2:112-2:112 Duplicate declaration: table or view 'r' is already defined"
)]
fn mistakes_of_declarations_are_told(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said(&format!("{TABLE}{text}")), [wanted]);
}

#[test]
fn a_declaration_whose_view_is_bad_is_not_told() {
    let text = format!(
        "{TABLE}DECLARE RECURSIVE VIEW r (a INT); CREATE VIEW r AS SELECT FROM r; CREATE VIEW v AS SELECT a FROM r;"
    );
    let said = said(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Error parsing SQL"), "{said:?}");
}

#[test]
fn the_time_is_a_table_of_programs_that_ask_for_it() {
    let inputs = |query: &str| -> Vec<String> {
        let compiled = compiled(&format!("CREATE TABLE t (a TIMESTAMP);\n{query}"));
        compiled.program_info().schema.inputs.iter().map(|table| table.name.clone()).collect()
    };
    assert_eq!(inputs("CREATE VIEW v AS SELECT a FROM t;"), ["t"]);
    assert_eq!(inputs("CREATE VIEW v AS SELECT a FROM t WHERE a > Now();"), ["now", "t"]);
    assert_eq!(inputs("CREATE VIEW v AS SELECT a FROM t WHERE a > CURRENT_TIMESTAMP;"), ["now", "t"]);
    assert_eq!(inputs("CREATE TABLE u (a TIMESTAMP DEFAULT NOW());"), ["now", "t", "u"]);
    assert_eq!(
        inputs("CREATE FUNCTION f() RETURNS TIMESTAMP AS NOW(); CREATE VIEW v AS SELECT a FROM t WHERE a > f();"),
        ["now", "t"]
    );
    assert_eq!(inputs("CREATE VIEW v AS SELECT a FROM t WHERE a > now(a);"), ["t"]);
    assert_eq!(inputs("CREATE VIEW v AS SELECT now FROM now;"), ["now", "t"]);
}

#[test]
fn errors_can_be_read() {
    assert_eq!(said_of("CREATE VIEW v AS SELECT message FROM ERROR_VIEW;"), Vec::<String>::new());
}

#[test]
fn columns_that_no_view_reads_are_told() {
    let text = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT);
CREATE TABLE m (a INT) WITH ('materialized' = 'true');
CREATE VIEW v AS SELECT a FROM t;";
    assert_eq!(said(text), ["W 1:44-1:44 Unused column: column 'b' of table 't' is read by no view"]);
    let info = compiled(text).program_info();
    let unused: Vec<bool> = info.schema.inputs[0].fields.iter().map(|field| field["unused"] == true).collect();
    assert_eq!(unused, [false, false, true]);
}

#[test]
fn a_planner_that_does_not_know_says_nothing_of_columns() {
    assert_eq!(said_of("CREATE TABLE t (a INT); CREATE VIEW v AS SELECT 1;"), Vec::<String>::new());
}
