//! JSON, from bytes to changes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};

use super::scan::NESTING_MAX;
use crate::error::Tag::{self, Envelope, Limit, Null, Syntax, Value};
use crate::tests::{Case, parsed, parser, shown, table, wrong};
use crate::{InputTable, RECORD_BYTES_MAX, WEIGHT_MAX};

pub(super) const KEYED: &str = "id INTEGER KEY, name VARCHAR, n INTEGER NOT NULL";
pub(super) const BAG: &str = "id INTEGER, name VARCHAR";
pub(super) const JSON: &str = r#"{"name":"json"}"#;
pub(super) const RAW: &str = r#"{"name":"json","config":{"update_format":"raw"}}"#;
pub(super) const RAW_SINGLE: &str = r#"{"name":"json","config":{"update_format":"raw","lines":"single"}}"#;
pub(super) const ARRAY: &str = r#"{"name":"json","config":{"array":true}}"#;
pub(super) const ARRAY_SINGLE: &str = r#"{"name":"json","config":{"array":true,"lines":"single"}}"#;
pub(super) const RAW_ARRAY: &str = r#"{"name":"json","config":{"update_format":"raw","array":true}}"#;
pub(super) const DEBEZIUM: &str = r#"{"name":"json","config":{"update_format":"debezium"}}"#;
pub(super) const WEIGHTED: &str = r#"{"name":"json","config":{"update_format":"weighted"}}"#;

pub(super) type Errors<'a> = &'a [(u64, Tag, Option<&'a str>)];

pub(super) fn check(table: &str, format: &str, cases: &[(&str, &[&str], Errors<'_>)]) {
    for (input, rows, errors) in cases {
        Case { table, format, input: input.as_bytes(), rows, errors }.check(&[]);
    }
}

#[test]
fn rows_are_put_in_taken_out_and_set_by_key() {
    check(
        KEYED,
        JSON,
        &[
            (r#"{"insert":{"id":1,"name":"a","n":2}}"#, &["+ id=1 name=a n=2"], &[]),
            // Missing and null are NULL, which not every column may be.
            (r#"{"insert":{"id":1,"n":2}}{"insert":{"id":1,"name":null,"n":2}}"#, &["+ id=1 name=NULL n=2"; 2], &[]),
            (r#"{"insert":{"id":1,"name":"a"}}"#, &[], &[(1, Null, Some("n"))]),
            (r#"{"insert":{"id":1,"n":null}}"#, &[], &[(1, Null, Some("n"))]),
            (r#"{"insert":{"id":null,"n":1}}"#, &[], &[(1, Null, Some("id"))]),
            // Members that are no columns do not matter.
            (r#"{"insert":{"x":{"id":[5]},"id":1,"n":2,"y":"}"}}"#, &["+ id=1 name=NULL n=2"], &[]),
            // Only the key counts.
            (r#"{"delete":{"id":1}}"#, &["- id=1"], &[]),
            (r#"{"delete":{"n":"no number","id":1,"name":5}}"#, &["- id=1"], &[]),
            (r#"{"delete":{"n":1}}"#, &[], &[(1, Null, Some("id"))]),
            (r#"{"delete":{"id":"1"}}"#, &[], &[(1, Value, Some("id"))]),
            // Columns that are not named stay, null sets NULL.
            (r#"{"update":{"id":1,"n":3}}"#, &["~ id=1 n=3"], &[]),
            (r#"{"update":{"id":1,"name":null}}"#, &["~ id=1 name=NULL"], &[]),
            (r#"{"update":{"name":"x","id":1}}"#, &["~ id=1 name=x"], &[]),
            (r#"{"update":{"id":1}}"#, &["~ id=1"], &[]),
            (r#"{"update":{"n":3}}"#, &[], &[(1, Envelope, Some("id"))]),
            (r#"{"update":{"id":1,"n":null}}"#, &[], &[(1, Null, Some("n"))]),
            (r#"{"update":{"id":null}}"#, &[], &[(1, Null, Some("id"))]),
            // All of one record: out, in, set, in this order, or nothing of it.
            (
                r#"{"update":{"id":3},"insert":{"id":2,"n":1},"delete":{"id":1}}"#,
                &["- id=1", "+ id=2 name=NULL n=1", "~ id=3"],
                &[],
            ),
            (r#"{"delete":{"id":1},"insert":{"id":2}}"#, &[], &[(1, Null, Some("n"))]),
            (r#"{"delete":null,"table":"t","insert":{"id":2,"n":1}}"#, &["+ id=2 name=NULL n=1"], &[]),
        ],
    );
}

#[test]
fn rows_without_a_key_are_whole() {
    check(
        BAG,
        JSON,
        &[
            (r#"{"delete":{"id":1,"name":"a"}}"#, &["- id=1 name=a"], &[]),
            (r#"{"delete":{"id":1}}"#, &["- id=1 name=NULL"], &[]),
            (r#"{"delete":{"id":1,"name":2}}"#, &[], &[(1, Value, Some("name"))]),
            (r#"{"update":{"id":1,"name":"a"}}"#, &[], &[(1, Envelope, None)]),
            (r#"{"insert":{}}"#, &["+ id=NULL name=NULL"], &[]),
        ],
    );
}

#[test]
fn records_that_say_no_change_are_told() {
    check(
        BAG,
        JSON,
        &[
            ("{}", &[], &[(1, Envelope, None)]),
            (r#"{"insert":null}"#, &[], &[(1, Envelope, None)]),
            (r#"{"inserts":{}}"#, &[], &[(1, Envelope, None)]),
            (r#"{"insert":{},"x":1}"#, &[], &[(1, Envelope, None)]),
            (r#"{"insert":5}"#, &[], &[(1, Envelope, None)]),
            (r#"{"insert":"row"}"#, &[], &[(1, Envelope, None)]),
            (r#"[{"insert":{}}]"#, &[], &[(1, Envelope, None)]),
            ("5 \"a\" true", &[], &[(1, Envelope, None), (2, Envelope, None), (3, Envelope, None)]),
            // Good ones around bad ones stay.
            (
                "{\"insert\":{\"id\":1}}\n{\"insert\":{\"id\":true}}\n{\"insert\":{\"id\":3}}\n",
                &["+ id=1 name=NULL", "+ id=3 name=NULL"],
                &[(2, Value, Some("id"))],
            ),
        ],
    );
}

#[test]
fn rows_are_objects_or_arrays() {
    check(
        BAG,
        RAW,
        &[
            (r#"{"id":1,"name":"a"}"#, &["+ id=1 name=a"], &[]),
            (r#"[1,"a"]"#, &["+ id=1 name=a"], &[]),
            ("[1]", &["+ id=1 name=NULL"], &[]),
            ("[]", &["+ id=NULL name=NULL"], &[]),
            ("[null,null]", &["+ id=NULL name=NULL"], &[]),
            (r#"[1,"a",2]"#, &[], &[(1, Envelope, None)]),
            (r#"["a",1]"#, &[], &[(1, Value, Some("id"))]),
            ("null", &[], &[(1, Envelope, None)]),
            // A name that comes again counts as it is last.
            (r#"{"id":1,"id":2,"ID":3}"#, &["+ id=3 name=NULL"], &[]),
            (r#"{"id":1,"id":"x"}"#, &[], &[(1, Value, Some("id"))]),
        ],
    );
    check(
        KEYED,
        JSON,
        &[
            (r#"{"insert":[1,"a",2]}"#, &["+ id=1 name=a n=2"], &[]),
            (r#"{"insert":[1]}"#, &[], &[(1, Null, Some("n"))]),
            (r#"{"delete":[1,"a"]}"#, &["- id=1"], &[]),
            (r#"{"update":[1,null]}"#, &["~ id=1 name=NULL"], &[]),
            (r#"{"update":[1,null,2,3]}"#, &[], &[(1, Envelope, None)]),
            (r#"{"update":5}"#, &[], &[(1, Envelope, None)]),
        ],
    );
}

#[test]
fn names_match_in_any_case_unless_quoted() {
    check(
        "id INTEGER, \"Name\" VARCHAR, \"ID\" INTEGER",
        RAW,
        &[
            (r#"{"Id":1,"Name":"a"}"#, &["+ id=1 Name=a ID=NULL"], &[]),
            (r#"{"ID":1,"name":"a","id":2}"#, &["+ id=2 Name=NULL ID=1"], &[]),
            (r#"{"\u0069d":1}"#, &["+ id=1 Name=NULL ID=NULL"], &[]),
        ],
    );
}

#[test]
fn defaults_are_for_what_is_missing() {
    let text = "id INTEGER KEY, name VARCHAR, n INTEGER NOT NULL, m INTEGER";
    let defaults: Vec<(usize, ArrayRef)> = vec![
        (1, Arc::new(StringArray::from(vec!["x"]))),
        (2, Arc::new(Int32Array::from(vec![7]))),
        (0, Arc::new(Int32Array::from(vec![9]))),
    ];
    let cases: [(&str, &[&str], Errors<'_>); 7] = [
        (r#"{"insert":{"id":1}}"#, &["+ id=1 name=x n=7 m=NULL"], &[]),
        (r#"{"insert":{}}"#, &["+ id=9 name=x n=7 m=NULL"], &[]),
        (r#"{"insert":[1]}"#, &["+ id=1 name=x n=7 m=NULL"], &[]),
        // NULL is a value where there may be one.
        (r#"{"insert":{"id":1,"name":null,"n":null}}"#, &["+ id=1 name=NULL n=7 m=NULL"], &[]),
        (r#"{"insert":{"id":1,"n":3}}"#, &["+ id=1 name=x n=3 m=NULL"], &[]),
        // What is set and what is taken out is said.
        (r#"{"update":{"id":1}}{"update":{"n":1}}"#, &["~ id=1"], &[(2, Envelope, Some("id"))]),
        (r#"{"delete":{}}"#, &[], &[(1, Null, Some("id"))]),
    ];
    for (input, rows, errors) in cases {
        Case { table: text, format: JSON, input: input.as_bytes(), rows, errors }.check(&defaults);
    }
}

#[test]
fn defaults_have_to_fit() {
    let input = || InputTable::new(table(KEYED)).unwrap();
    let number = |value: Vec<Option<i32>>| Arc::new(Int32Array::from(value)) as ArrayRef;
    assert!(input().with_default(2, number(vec![Some(1)])).is_ok());
    assert!(input().with_default(2, number(vec![None])).is_err());
    assert!(input().with_default(2, number(vec![Some(1), Some(2)])).is_err());
    assert!(input().with_default(1, number(vec![Some(1)])).is_err());
    assert!(input().with_default(3, number(vec![Some(1)])).is_err());
    let mut bad = table(BAG);
    bad.key = vec![5];
    assert!(InputTable::new(bad).is_err());
    for kind in ["INTERVAL DAY", "NULL", "ROW(a INTERVAL YEAR ARRAY)", "MAP<VARCHAR,NULL>"] {
        assert!(InputTable::new(table(&format!("a {kind}"))).is_err(), "{kind}");
    }
}

#[test]
fn debezium_says_what_was_and_what_is() {
    check(
        BAG,
        DEBEZIUM,
        &[
            (r#"{"payload":{"op":"c","before":null,"after":{"id":1}}}"#, &["+ id=1 name=NULL"], &[]),
            (r#"{"payload":{"before":{"id":1},"after":null,"op":"d"}}"#, &["- id=1 name=NULL"], &[]),
            (
                r#"{"schema":{"x":[]},"payload":{"op":"?","after":{"id":2},"before":{"id":1},"source":{}}}"#,
                &["- id=1 name=NULL", "+ id=2 name=NULL"],
                &[],
            ),
            (r#"{"before":null,"after":{"id":1},"ts_ms":1}"#, &["+ id=1 name=NULL"], &[]),
            (r#"null {"payload":null} {"payload":{"before":null,"after":null}}"#, &[], &[]),
            (r#"{"payload":{}} {}"#, &[], &[(1, Envelope, None), (2, Envelope, None)]),
            (r#"{"payload":{"before":{"id":1},"after":{"id":"x"}}}"#, &[], &[(1, Value, Some("id"))]),
            (r#"{"payload":[]} 5"#, &[], &[(1, Envelope, None), (2, Envelope, None)]),
        ],
    );
    check(
        KEYED,
        DEBEZIUM,
        &[
            // The row with the key is replaced anyway.
            (r#"{"payload":{"before":{"id":1,"n":0},"after":{"n":1,"ID":1}}}"#, &["+ id=1 name=NULL n=1"], &[]),
            (
                r#"{"payload":{"before":{"id":1,"n":0},"after":{"id":2,"n":1}}}"#,
                &["- id=1", "+ id=2 name=NULL n=1"],
                &[],
            ),
            (r#"{"payload":{"before":{"id":1,"n":null},"after":null}}"#, &["- id=1"], &[]),
        ],
    );
}

#[test]
fn weights_say_how_often_a_row_comes_or_goes() {
    check(
        BAG,
        WEIGHTED,
        &[
            (r#"{"weight":2,"data":{"id":1}}"#, &["+ id=1 name=NULL"; 2], &[]),
            (r#"{"data":{"id":1},"weight":-1}"#, &["- id=1 name=NULL"], &[]),
            (r#"{"weight":0,"data":{"id":1}}"#, &[], &[]),
            (r#"{"weight":0,"data":{"id":"x"}}"#, &[], &[(1, Value, Some("id"))]),
            (r#"{"weight":1.5,"data":{"id":1}}"#, &[], &[(1, Envelope, None)]),
            (r#"{"weight":"1","data":{"id":1}}"#, &[], &[(1, Envelope, None)]),
            (r#"{"weight":1}"#, &[], &[(1, Envelope, None)]),
            (r#"{"data":{"id":1}}"#, &[], &[(1, Envelope, None)]),
            (r#"{"weight":1,"data":{"id":1},"x":1}"#, &[], &[(1, Envelope, None)]),
            (r#"{"weight":100001,"data":{"id":1}}"#, &[], &[(1, Limit, None)]),
            (r#"{"weight":-9223372036854775808,"data":{"id":1}}"#, &[], &[(1, Limit, None)]),
        ],
    );
    let many = format!("{{\"weight\":-{WEIGHT_MAX},\"data\":{{\"id\":1}}}}");
    let parsed = parsed(parser(WEIGHTED, InputTable::new(table(BAG)).unwrap()), many.as_bytes(), 1000);
    assert_eq!(parsed.records, WEIGHT_MAX);
}

#[test]
fn rows_of_one_kind_stay_together() {
    let mut parser = parser(JSON, InputTable::new(table(KEYED)).unwrap());
    let input = r#"{"insert":{"id":1,"n":1}} {"insert":{"id":2,"n":1}} {"insert":{}} {"delete":{"id":1}} {"delete":{"id":2}}
        {"update":{"id":1,"n":1}} {"update":{"n":2,"id":1}} {"update":{"id":1}} {"insert":{"id":1,"n":1}}"#;
    let changes = parser.parse(input.as_bytes()).changes;
    let found: Vec<_> = changes.iter().map(|change| (change.batch.num_rows(), change.columns.clone())).collect();
    assert_eq!(found, [(2, vec![0, 1, 2]), (2, vec![0]), (2, vec![0, 2]), (1, vec![0]), (1, vec![0, 1, 2])]);
}

#[test]
fn a_parser_goes_on_with_the_next_input() {
    let mut parser = parser(RAW, InputTable::new(table(BAG)).unwrap());
    assert_eq!(shown(&parser.parse(b"[1").changes).len(), 0);
    assert_eq!(shown(&parser.parse(b"[1]").changes), ["+ id=1 name=NULL"]);
    let last = parser.parse(b"{");
    assert_eq!(wrong(&last), [(3, Syntax, None)]);
}

#[test]
fn sizes_are_limited() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let limits = "a VARIANT";
    let fits = format!("{{\"a\":{}}}", deep(NESTING_MAX - 2));
    let rows = parsed(parser(RAW, InputTable::new(table(limits)).unwrap()), fits.as_bytes(), 1 << 20);
    assert_eq!((rows.records, rows.errors.total()), (1, 0), "{}", rows.errors);
    let too_deep = format!("{{\"a\":{}}}\n[1]", deep(NESTING_MAX));
    Case { table: limits, format: RAW, input: too_deep.as_bytes(), rows: &["+ a=1"], errors: &[(1, Syntax, None)] }
        .check(&[]);

    let large = format!("{{\"name\":\"{}\"}}{{\"id\":1}}", "x".repeat(RECORD_BYTES_MAX));
    for piece in [1 << 16, 1 << 30] {
        let rows = parsed(parser(RAW, InputTable::new(table(BAG)).unwrap()), large.as_bytes(), piece);
        assert_eq!(shown(&rows.changes), ["+ id=1 name=NULL"]);
        assert_eq!(wrong(&rows), [(1, Limit, None)]);
        assert!(rows.errors.kept()[0].invalid_text.as_ref().unwrap().len() <= crate::QUOTED_BYTES_MAX);
    }

    // Few bytes that say nothing of many fields.
    let fields: Vec<String> = (0..1000).map(|at| format!("f{at} INTEGER NULL")).collect();
    let wide = table("a INTEGER");
    let mut wide = wide;
    wide.columns[0].column_type.kind = crate::types::parse_type(&format!("ROW({}) ARRAY", fields.join(", "))).unwrap();
    let input = format!("{{\"a\":[{}{{}}]}}\n{{\"a\":[{{}}]}}", "{},".repeat(20_000));
    let rows = parsed(parser(RAW, InputTable::new(wide).unwrap()), input.as_bytes(), 1 << 20);
    assert_eq!((rows.records, wrong(&rows)), (1, vec![(1, Limit, Some("a"))]));
}

#[test]
fn rows_are_taken_before_they_are_too_many() {
    let columns: Vec<String> = (0..1000).map(|at| format!("c{at} INTEGER")).collect();
    let mut parser = parser(RAW, InputTable::new(table(&columns.join(", "))).unwrap());
    let input = "{}".repeat(10_000);
    let (mut rest, mut records, mut rounds) = (input.as_bytes(), 0, 0);
    while !rest.is_empty() {
        let taken = parser.feed(rest);
        assert!(taken > 0);
        rest = &rest[taken..];
        let parsed = parser.take();
        assert!(parsed.records < 5_000);
        records += parsed.records;
        rounds += 1;
    }
    assert_eq!(records, 10_000);
    assert!(rounds > 1);
}

#[test]
fn errors_say_what_and_where() {
    let mut parser = parser(JSON, InputTable::new(table(KEYED)).unwrap());
    let parsed = parser.parse(b"{\"insert\":{\"id\":1,\"n\":\"x\"}}\n{\"insert\":{\"id\":1]}\n[{}]\n");
    let errors: Vec<String> = parsed.errors.kept().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "Parse error (event #1) in field 'n': a INTEGER is expected, not a text\nInvalid fragment: '{\"insert\":{\"id\":1,\"n\":\"x\"}}'",
            "Parse error (event #2): ',' or '}' is expected at byte 18 of the record\nInvalid fragment: '{\"insert\":{\"id\":1]'",
            "Parse error (event #3): a record is an object, not an array\nInvalid fragment: '[{}]'\nSuggestion: records in arrays need 'array' set to true",
        ]
    );
}
