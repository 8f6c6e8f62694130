//! CREATE TABLE.

use rstest::rstest;

use super::{compiled, said};
use crate::catalog::Relation;

#[test]
fn columns_have_all_their_options() {
    let text = "CREATE TABLE r (id BIGINT PRIMARY KEY);
CREATE TABLE t (
    id INT NOT NULL PRIMARY KEY,
    r BIGINT FOREIGN KEY REFERENCES r (id),
    ts TIMESTAMP NOT NULL LATENESS INTERVAL '1' HOUR WATERMARK INTERVAL 5 MINUTES,
    n INT DEFAULT 1 + 2 NOT NULL,
    k VARCHAR DEFAULT CONNECTOR_METADATA()['kafka_topic'],
    s INT LATENESS 10 DEFAULT NULL
);";
    let compiled = compiled(text);
    assert_eq!(compiled.messages, []);
    let Some(Relation::Table(table)) = compiled.catalog.relation("t") else {
        panic!("a table");
    };
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let text =
                |term: &Option<crate::statement::Term>| term.as_ref().map_or("-".to_owned(), |term| term.text.clone());
            let (lateness, watermark, default) = (&column.lateness, &column.watermark, &column.default);
            format!("{} {}|{}|{}|{}", column.name, column.column_type, text(lateness), text(watermark), text(default))
        })
        .collect();
    let wanted = [
        "id INTEGER NOT NULL|-|-|-",
        "r BIGINT|-|-|-",
        "ts TIMESTAMP NOT NULL|INTERVAL '1' HOUR|INTERVAL 5 MINUTES|-",
        "n INTEGER NOT NULL|-|-|1 + 2",
        "k VARCHAR|-|-|CONNECTOR_METADATA()['kafka_topic']",
        "s INTEGER|10|-|NULL",
    ];
    assert_eq!(columns, wanted);
    assert_eq!(table.primary_key.as_ref().map(Vec::len), Some(1));
    assert_eq!(table.foreign_keys.len(), 1);
}

#[test]
fn keys_can_stand_behind_the_columns() {
    let text = "CREATE TABLE r (x INT, y INT, PRIMARY KEY (x, y));
CREATE TABLE t (a INT, \"B\" INT NOT NULL, CONSTRAINT k PRIMARY KEY (\"B\", a), FOREIGN KEY (a, \"B\") REFERENCES r (x, y));";
    let compiled = compiled(text);
    assert_eq!(compiled.messages, []);
    let Some(Relation::Table(table)) = compiled.catalog.relation("t") else {
        panic!("a table");
    };
    let key: Vec<String> = table.primary_key.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(key, ["B", "a"]);
    assert!(table.columns.iter().all(|column| !column.column_type.is_nullable));
}

#[rstest]
#[case::column_twice(
    "CREATE TABLE t (a INT, A INT);",
    "E 1:24-1:24 Duplicate name: Column with name 'a' already defined"
)]
#[case::quoted_twice(
    "CREATE TABLE t (a INT, \"a\" INT);",
    "E 1:24-1:26 Duplicate name: Column with name 'a' already defined"
)]
#[case::two_keys(
    "CREATE TABLE t (a INT PRIMARY KEY, b INT PRIMARY KEY);",
    "E 1:42-1:52 Duplicate key: table 't' has two primary keys"
)]
#[case::key_twice(
    "CREATE TABLE t (a INT, PRIMARY KEY (a, a));",
    "E 1:40-1:40 Duplicate key: column 'a' stands twice in the primary key"
)]
#[case::key_unknown(
    "CREATE TABLE t (a INT, PRIMARY KEY (b));",
    "E 1:37-1:37 Compilation error: From line 1, column 37 to line 1, column 37: Object 'b' not found"
)]
#[case::key_null(
    "CREATE TABLE t (a INT NULL, PRIMARY KEY (a));",
    "E 1:17-1:26 PRIMARY KEY cannot be nullable: PRIMARY KEY column 'a' has type INTEGER, which is nullable"
)]
#[case::null_and_not(
    "CREATE TABLE t (a INT NULL NOT NULL);",
    "E 1:32-1:35 Error in SQL statement: the column is both NULL and NOT NULL"
)]
#[case::interval(
    "CREATE TABLE t (a INTERVAL DAY);",
    "E 1:19-1:30 Illegal type: a column of a table cannot be of type INTERVAL DAY"
)]
#[case::inner_interval(
    "CREATE TABLE t (a MAP<INT, INTERVAL DAY ARRAY>);",
    "E 1:19-1:46 Illegal type: a column of a table cannot be of type MAP<INTEGER, INTERVAL DAY ARRAY>"
)]
#[case::float(
    "CREATE TABLE t (a FLOAT);",
    "E 1:19-1:23 Illegal type: FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)"
)]
#[case::decimal(
    "CREATE TABLE t (a DECIMAL(40, 2));",
    "E 1:27-1:28 Illegal type: DECIMAL has from 1 to 38 digits, not 40"
)]
#[case::lateness_of_text(
    "CREATE TABLE t (a VARCHAR LATENESS 1);",
    "E 1:36-1:36 Error in SQL statement: a column of type VARCHAR has no LATENESS"
)]
#[case::lateness_twice(
    "CREATE TABLE t (a INT LATENESS 1 LATENESS 2);",
    "E 1:43-1:43 Error in SQL statement: the option is given twice"
)]
#[case::lateness_of_column(
    "CREATE TABLE t (a INT LATENESS b);",
    "E 1:32-1:32 Error in SQL statement: LATENESS cannot name a column"
)]
#[case::default_query(
    "CREATE TABLE t (a INT DEFAULT (SELECT 1));",
    "E 1:32-1:39 Error in SQL statement: DEFAULT cannot be a query"
)]
#[case::unique("CREATE TABLE t (a INT, UNIQUE (a));", "E 1:24-1:29 Not supported: UNIQUE and CHECK are not supported")]
#[case::reserved(
    "CREATE TABLE Feldera_t (a INT);",
    "E 1:14-1:22 Reserved name: 'feldera_t': names that begin with `feldera` or `__` are reserved"
)]
#[case::error_view(
    "CREATE TABLE error_view (a INT);",
    "E 1:14-1:23 Duplicate declaration: table or view 'error_view' is already defined"
)]
#[case::taken(
    "CREATE TABLE t (a INT); CREATE TABLE T (a INT);",
    "E 1:38-1:38 Duplicate declaration: table or view 't' is already defined"
)]
#[case::property_twice(
    "CREATE TABLE t (a INT) WITH ('x' = 'a', 'x' = 'b');",
    "E 1:41-1:43 Duplicate key: property 'x' is given twice"
)]
#[case::property_unknown(
    "CREATE TABLE t (a INT) WITH ('colour' = 'red');",
    "W 1:30-1:37 Unknown property: the property 'colour' has no effect here"
)]
#[case::property_flag(
    "CREATE TABLE t (a INT) WITH ('materialized' = 'yes');",
    "E 1:47-1:51 Error in SQL statement: the property 'materialized' is 'true' or 'false', not 'yes'"
)]
#[case::property_number(
    "CREATE TABLE t (a INT) WITH ('expected_size' = '-1');",
    "E 1:48-1:51 Error in SQL statement: the property 'expected_size' is a whole number, not '-1'"
)]
#[case::property_name(
    "CREATE TABLE t (a INT) WITH (materialized = 'true');",
    "E 1:30-1:41 Error parsing SQL: Expected: a string in single quotes, found: materialized"
)]
#[case::foreign_table(
    "CREATE TABLE t (a INT FOREIGN KEY REFERENCES nope (b));",
    "E 1:46-1:49 Compilation error: From line 1, column 46 to line 1, column 49: Object 'nope' not found"
)]
#[case::foreign_column(
    "CREATE TABLE r (b INT); CREATE TABLE t (a INT REFERENCES r (c));",
    "E 1:61-1:61 Compilation error: From line 1, column 61 to line 1, column 61: Object 'c' not found"
)]
#[case::foreign_count(
    "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES r (b, c));",
    "E 1:58-1:58 Error in SQL statement: the key has 1 columns and refers to 2"
)]
#[case::no_columns("CREATE TABLE t ();", "E 1:17-1:17 Error parsing SQL: Expected: a name, found: )")]
#[case::bare_decimal(
    "CREATE TABLE t (a DECIMAL);",
    "W 1:19-1:25 DECIMAL precision and scale unspecified: DECIMAL without precision and scale is DECIMAL(38, 0): it has no digits behind the point"
)]
fn mistakes_are_told(#[case] text: &str, #[case] wanted: &str) {
    assert_eq!(said(text), [wanted]);
}

#[rstest]
#[case::nothing("", false)]
#[case::materialized("WITH ('materialized' = 'true')", true)]
#[case::not_materialized("WITH ('materialized' = 'false')", false)]
fn materialized_tables_can_be_queried(#[case] properties: &str, #[case] is_queryable: bool) {
    let compiled = compiled(&format!("CREATE TABLE t (a INT) {properties};"));
    assert_eq!(compiled.catalog.relation("t").map(Relation::is_queryable), Some(is_queryable));
}

#[rstest]
#[case::key("a INT PRIMARY KEY", true)]
#[case::late_key("a INT LATENESS 1 PRIMARY KEY", false)]
#[case::late_other("a INT PRIMARY KEY, b INT LATENESS 1", true)]
fn tables_with_a_key_can_be_queried(#[case] columns: &str, #[case] is_queryable: bool) {
    let compiled = compiled(&format!("CREATE TABLE t ({columns});"));
    assert_eq!(compiled.catalog.relation("t").map(Relation::is_queryable), Some(is_queryable));
}

#[test]
fn references_may_point_forward() {
    let text = "CREATE TABLE t (a INT FOREIGN KEY REFERENCES r (b)); CREATE TABLE r (b INT PRIMARY KEY);";
    assert_eq!(said(text), Vec::<String>::new());
}

#[test]
fn words_of_the_grammar_are_names_too() {
    let text =
        "CREATE TABLE t (lateness INT, \"primary\" INT, date DATE, type VARCHAR, value INT, constraint INT, view INT);";
    assert_eq!(said(text), Vec::<String>::new());
}
