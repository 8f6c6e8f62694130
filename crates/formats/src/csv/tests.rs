//! CSV, from bytes to changes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringArray};
use proptest::prelude::*;

use crate::error::Tag::{self, Encoding, Limit, Null, Syntax, Value};
use crate::tests::{Case, parsed, parser, shown, table, wrong};
use crate::{InputTable, RECORD_BYTES_MAX};

const CSV: &str = r#"{"name":"csv"}"#;
const COLUMNS: &str = "id INTEGER NOT NULL, name VARCHAR, n INTEGER";

type Errors<'a> = &'a [(u64, Tag, Option<&'a str>)];

fn check(table: &str, config: &str, cases: &[(&str, &[&str], Errors<'_>)]) {
    let format = format!(r#"{{"name":"csv","config":{{{config}}}}}"#);
    for (input, rows, errors) in cases {
        Case { table, format: &format, input: input.as_bytes(), rows, errors }.check(&[]);
    }
}

#[test]
fn records_are_rows_in_the_order_of_columns() {
    let one = "+ id=1 name=a n=2";
    check(
        COLUMNS,
        "",
        &[
            ("1,a,2\n", &[one], &[]),
            ("1,a,2", &[one], &[]),
            ("1,a,2\r\n\r\n1,a,2\r\n", &[one; 2], &[]),
            ("", &[], &[]),
            // Fields behind are ignored, missing ones are NULL.
            ("1,a,2,x,y\n", &[one], &[]),
            ("1,a\n1\n", &["+ id=1 name=a n=NULL", "+ id=1 name=NULL n=NULL"], &[]),
            // Nothing is NULL, but for texts.
            (
                "1,,\n1,NULL,NULL\n1,null,null",
                &["+ id=1 name= n=NULL", "+ id=1 name=NULL n=NULL", "+ id=1 name=null n=NULL"],
                &[],
            ),
            (",a,2\nNULL,a,2\n", &[], &[(1, Null, Some("id")), (2, Null, Some("id"))]),
            ("1,\"a\"\"b,\r\nc\",2\n", &["+ id=1 name=a\"b,\r\nc n=2"], &[]),
            // Good records around bad ones stay.
            ("1,a,2\nx,a,2\n1,a, 2\n1,a,2\n", &[one; 2], &[(2, Value, Some("id")), (3, Value, Some("n"))]),
        ],
    );
    for (input, errors) in [
        (&b"1,\xff,2\n1,a,2"[..], [(1, Encoding, Some("name"))]),
        (b"1,\xc3,\xa9\n1,a,2", [(1, Encoding, Some("name"))]),
    ] {
        Case { table: COLUMNS, format: CSV, input, rows: &[one], errors: &errors }.check(&[]);
    }
}

#[test]
fn every_member_counts() {
    let one = "+ id=1 name=a n=2";
    for (config, input, rows, errors) in [
        (r#""delimiter":";""#, "1;a;2", &[one][..], &[][..]),
        (r#""delimiter":"\t""#, "1\ta\t2", &[one], &[]),
        (r#""headers":true"#, "n,name,id\n1,a,2\n", &[one], &[]),
        (r#""headers":true"#, "1,a,2\n", &[], &[]),
        (r#""quote":"'""#, "1,'a,b',2", &["+ id=1 name=a,b n=2"], &[]),
        (r#""escape":"\\""#, "1,\"a\\\"b\",2", &["+ id=1 name=a\"b n=2"], &[]),
        (r#""double_quote":true"#, "1,\"a\"\"b\",2", &["+ id=1 name=a\"b n=2"], &[]),
        (r#""double_quote":false,"escape":"\\""#, "1,\"a\\\"b\",2", &["+ id=1 name=a\"b n=2"], &[]),
        (r#""quoting":false"#, "1,\"a\",2", &["+ id=1 name=\"a\" n=2"], &[]),
        (r##""comment":"#""##, "#1,x,2\n1,a,2\n", &[one], &[]),
        (r#""flexible":false"#, "1,a,2\n1,a\n1,a,2,3\n1,a,2", &[one; 2], &[(2, Syntax, None), (3, Syntax, None)]),
        (r#""trim":"none""#, "1, a,2", &["+ id=1 name= a n=2"], &[]),
        (r#""trim":"all""#, " 1 ,\ta , 2", &[one], &[]),
        (r#""trim":"fields""#, " 1 ,\" a \", 2", &[one], &[]),
        (r#""trim":"headers""#, "1, a,2", &["+ id=1 name= a n=2"], &[]),
    ] {
        check(COLUMNS, config, &[(input, rows, errors)]);
    }
}

#[test]
fn values_of_every_type() {
    for (kind, cases) in [
        ("BOOLEAN", &[("true", Some("true")), ("FALSE", Some("false")), ("1", None), ("t", None)][..]),
        ("TINYINT", &[("-128", Some("-128")), ("128", None), ("1.0", None)]),
        ("BIGINT UNSIGNED", &[("18446744073709551615", Some("18446744073709551615")), ("-1", None)]),
        ("DECIMAL(4,2)", &[("1.005", Some("1.00")), ("99.99", Some("99.99")), ("100", None), ("x", None)]),
        (
            "DOUBLE",
            &[
                ("1e3", Some("1000.0")),
                ("nan", Some("NaN")),
                ("Inf", Some("inf")),
                ("-INF", Some("-inf")),
                ("1e999", None),
                ("x", None),
            ],
        ),
        ("REAL", &[("0.1", Some("0.1")), ("-inf", Some("-inf"))]),
        ("CHAR(2)", &[("abc", Some("abc")), ("", Some(""))]),
        (
            "VARBINARY",
            &[("0x00fF", Some("00ff")), ("00ff", Some("00ff")), ("0x", Some("")), ("", Some("NULL")), ("0", None)],
        ),
        ("DATE", &[("2024-02-29", Some("2024-02-29")), ("2024-02-30", None)]),
        ("TIME", &[("01:02:03.5", Some("01:02:03.500")), ("1", None)]),
        ("TIMESTAMP", &[(" 2024-02-29 01:02:03 ", Some("2024-02-29T01:02:03")), ("2024-02-29", None)]),
        ("TIMESTAMP WITH TIME ZONE", &[("2024-02-29T01:02:03+01:00", Some("2024-02-29T00:02:03Z"))]),
        ("UUID", &[("67e5504410b1426f9247bb680e5fe0c8", Some("67e55044-10b1-426f-9247-bb680e5fe0c8")), ("x", None)]),
        (
            "VARIANT",
            &[
                ("\"{\"\"b\"\":1}\"", Some("{\"b\":1}")),
                ("null", Some("NULL")),
                ("x", None),
                ("\"\"\"x\"\"\"", Some("\"x\"")),
            ],
        ),
        ("VARIANT NOT NULL", &[("null", Some("null")), ("", None), ("NULL", None)]),
        (
            "INTEGER ARRAY",
            &[("\"[1,null]\"", Some("[1, NULL]")), ("1", None), ("[1", None), ("null", Some("NULL")), ("[]x", None)],
        ),
        ("MAP<VARCHAR,INTEGER>", &[("\"{\"\"a\"\":1}\"", Some("{a: 1}"))]),
        ("ROW(x INTEGER)", &[("\"{\"\"x\"\":1}\"", Some("{x: 1}")), ("{}", None)]),
    ] {
        for (written, found) in cases {
            let table = table(&format!("k VARCHAR, a {kind}"));
            let parsed =
                parsed(parser(CSV, InputTable::new(table).unwrap()), format!("k,{written}\n").as_bytes(), 4096);
            match found {
                Some(found) => assert_eq!(shown(&parsed.changes), [format!("+ k=k a={found}")], "{kind} {written}"),
                None => assert!(
                    matches!(wrong(&parsed)[..], [(1, Value | Null, Some("a"))]),
                    "{kind} {written}: {}",
                    parsed.errors
                ),
            }
        }
    }
}

#[test]
fn defaults_are_for_missing_fields() {
    let defaults: Vec<(usize, ArrayRef)> = vec![
        (0, Arc::new(Int32Array::from(vec![9]))),
        (1, Arc::new(StringArray::from(vec!["x"]))),
        (2, Arc::new(Int32Array::from(vec![8]))),
    ];
    let rows = &["+ id=9 name= n=NULL", "+ id=1 name=x n=8", "+ id=9 name=a n=8"];
    Case { table: COLUMNS, format: CSV, input: b",,\n1\n,a", rows, errors: &[] }.check(&defaults);
}

#[test]
fn the_next_input_begins_anew() {
    let format = r#"{"name":"csv","config":{"headers":true,"flexible":false}}"#;
    let mut parser = parser(format, InputTable::new(table(COLUMNS)).unwrap());
    assert_eq!(shown(&parser.parse(b"a,b,c\n1,a,2").changes), ["+ id=1 name=a n=2"]);
    assert_eq!(shown(&parser.parse(b"").changes).len(), 0);
    assert_eq!(shown(&parser.parse(b"a\n1,\"a").changes), ["+ id=1 name=a n=NULL"]);
    assert_eq!(wrong(&parser.parse(b"h\nx")), [(3, Value, Some("id"))]);
}

#[test]
fn records_are_limited() {
    let long = format!("1,{},2\n1,a,2\n", "x".repeat(RECORD_BYTES_MAX + 1));
    for piece in [1 << 16, 1 << 30] {
        let parsed = parsed(parser(CSV, InputTable::new(table(COLUMNS)).unwrap()), long.as_bytes(), piece);
        assert_eq!(shown(&parsed.changes), ["+ id=1 name=a n=2"]);
        assert_eq!(wrong(&parsed), [(1, Limit, None)]);
    }
    let wide = format!("1,a,2{}\n1,a,2\n", ",".repeat(200_000));
    let parsed = parsed(parser(CSV, InputTable::new(table(COLUMNS)).unwrap()), wide.as_bytes(), 1 << 30);
    assert_eq!(shown(&parsed.changes), ["+ id=1 name=a n=2"; 2]);
}

#[test]
fn errors_quote_the_record() {
    let mut parser = parser(CSV, InputTable::new(table(COLUMNS)).unwrap());
    let errors = parser.parse(b"x,\"a\",2\n").errors;
    assert_eq!(
        errors.kept()[0].to_string(),
        "Parse error (event #1) in field 'id': 'x' is no INTEGER\nInvalid fragment: 'x,a,2'"
    );
}

proptest! {
    /// Nothing panics, and what becomes of input does not depend on its pieces.
    #[test]
    fn any_input_is_parsed(input in "[,\"\r\n1a#\\\\ ;\u{e9}]{0,60}", piece in 1_usize..20, config in prop_oneof![
        Just(""), Just(r#""headers":true,"flexible":false"#), Just(r##""comment":"#","escape":"\\""##), Just(r#""quoting":false,"trim":"all""#),
    ]) {
        let format = format!(r#"{{"name":"csv","config":{{{config}}}}}"#);
        let read = |piece| parsed(parser(&format, InputTable::new(table(COLUMNS)).unwrap()), input.as_bytes(), piece);
        let (whole, pieces) = (read(1 << 20), read(piece));
        prop_assert_eq!(shown(&whole.changes), shown(&pieces.changes));
        prop_assert_eq!(whole.errors, pieces.errors);
    }

    #[test]
    fn any_bytes_are_parsed(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let parsed = parsed(parser(CSV, InputTable::new(table(COLUMNS)).unwrap()), &input, 64);
        prop_assert_eq!(parsed.bytes, input.len() as u64);
    }
}
