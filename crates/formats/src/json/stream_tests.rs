//! Streams of JSON: where records end, and what is behind bad ones.

use proptest::prelude::*;

use super::scan::{Scanner, Step, is_value};
use super::tests::{ARRAY, ARRAY_SINGLE, BAG, DEBEZIUM, JSON, KEYED, RAW, RAW_ARRAY, RAW_SINGLE, check};
use crate::InputTable;
use crate::error::Tag::{Encoding, Envelope, Null, Syntax, Value};
use crate::tests::{Case, parsed, parser, shown, table};

#[test]
fn values_follow_one_another_or_stand_on_lines() {
    let (one, two) = ("+ id=1 name=NULL", "+ id=2 name=NULL");
    check(
        BAG,
        RAW,
        &[
            ("", &[], &[]),
            (" \n\t\r ", &[], &[]),
            (r#"{"id":1}{"id":2}"#, &[one, two], &[]),
            ("{\"id\":1} [2]\n", &[one, two], &[]),
            ("{\r\n  \"id\":\n1\n}\n\n{\"id\":2}", &[one, two], &[]),
            ("[1][2]", &[one, two], &[]),
        ],
    );
    check(
        BAG,
        RAW_SINGLE,
        &[
            ("\n\r\n{\"id\":1}\r\n \t\n{\"id\":2}", &[one, two], &[]),
            ("{\"id\":1}{\"id\":2}\n{\"id\":2}", &[one, two], &[(2, Syntax, None)]),
            ("{\"id\":\n1}\n{\"id\":2}\n", &[two], &[(1, Syntax, None), (2, Envelope, None), (3, Syntax, None)]),
            ("{\"id\":1}\n{\"id\":2", &[one], &[(2, Syntax, None)]),
            ("{\"id\":1}\n\"a\nb\"\n[2]\n", &[one, two], &[(2, Syntax, None), (3, Syntax, None)]),
            ("{\"id\":1}\n}{\"id\":3}\n[2]\n", &[one, two], &[(2, Syntax, None)]),
            ("7\n[2]\n-", &[two], &[(1, Envelope, None), (3, Syntax, None)]),
        ],
    );
}

#[test]
fn good_records_behind_bad_ones_are_found() {
    let (one, two) = ("+ id=1 name=NULL", "+ id=2 name=NULL");
    check(
        BAG,
        RAW,
        &[
            // A bracket is missing, too many, or wrong.
            ("{\"id\":5\n{\"id\":1}\n{\"id\":2}\n", &[one, two], &[(1, Syntax, None)]),
            ("{\"id\":1}}\n{\"id\":2}\n", &[one, two], &[(2, Syntax, None)]),
            ("{\"id\":[5}\n{\"id\":1}\n", &[one], &[(1, Syntax, None)]),
            ("{\"id\":tru}\n  {\"id\":5}\n{\"id\":1}\n", &[one], &[(1, Syntax, None)]),
            // A text does not go over lines.
            ("{\"name\":\"a\n{\"id\":1}\n{\"id\":2}\n", &[one, two], &[(1, Syntax, None)]),
            ("garbage\nmore\n{\"id\":1}", &[one], &[(1, Syntax, None)]),
            ("garbage {\"id\":1}", &[], &[(1, Syntax, None)]),
            ("[1]\n[2", &[one], &[(2, Syntax, None)]),
            ("{\"id\":1}\ntru", &[one], &[(2, Syntax, None)]),
            ("{\"id\":1},{\"id\":2}\n[2]", &[one, two], &[(2, Syntax, None)]),
            ("{'id':1}\n[2]", &[two], &[(1, Syntax, None)]),
            ("{\"id\":01}\n[2]", &[two], &[(1, Syntax, None)]),
            ("{\"id\":1,}\n[2]", &[two], &[(1, Syntax, None)]),
            ("NaN\n[2]", &[two], &[(1, Syntax, None)]),
        ],
    );
    for (input, errors) in [
        (&b"{\"name\":\"\xff\"}\n[1]"[..], [(1, Encoding, None)]),
        (b"{\"name\":\"\\ud800\"}\n[1]", [(1, Encoding, Some("name"))]),
        (b"\xff\xfe\n[1]", [(1, Syntax, None)]),
    ] {
        Case { table: BAG, format: RAW, input, rows: &[one], errors: &errors }.check(&[]);
    }
}

#[test]
fn an_array_is_taken_as_a_whole() {
    let (one, two) = ("+ id=1 name=NULL", "+ id=2 name=NULL");
    check(
        BAG,
        ARRAY,
        &[
            (r#"[{"insert":{"id":1}},{"insert":{"id":2}}]"#, &[one, two], &[]),
            ("[]", &[], &[]),
            ("[ ] [\n]\n", &[], &[]),
            (r#"[{"insert":{"id":1}}] [ {"insert":{"id":2}} ] "#, &[one, two], &[]),
            // One bad record drops its array and no other.
            (
                r#"[{"insert":{"id":1}}][{"insert":{"id":5}},{"insert":{"id":"x"}},{"delete":{}}][{"insert":{"id":2}}]"#,
                &[one, two],
                &[(3, Value, Some("id"))],
            ),
            (r#"[{"insert":{"id":5}},5,{"x":1}]"#, &[], &[(2, Envelope, None), (3, Envelope, None)]),
            ("[{\"insert\":{\"id\":5}},\n{\"insert\":}]\n[{\"insert\":{\"id\":1}}]", &[one], &[(2, Syntax, None)]),
            ("[{\"insert\":{\"id\":5}}\n[{\"insert\":{\"id\":1}}]", &[one], &[(2, Syntax, None)]),
            ("[{\"insert\":{\"id\":1}}]\n[{\"insert\":{\"id\":5}},", &[one], &[(3, Syntax, None)]),
            ("[{\"insert\":{\"id\":5}}", &[], &[(2, Syntax, None)]),
            ("[{\"insert\":{\"id\":5", &[], &[(1, Syntax, None)]),
            ("[,]\n[{\"insert\":{\"id\":1}}]", &[one], &[(1, Syntax, None)]),
            ("[{\"insert\":{}},]", &[], &[(2, Syntax, None)]),
            (r#"{"insert":{"id":1}} [{"insert":{"id":2}}]"#, &[two], &[(1, Envelope, None)]),
        ],
    );
    check(
        BAG,
        ARRAY_SINGLE,
        &[
            ("[{\"insert\":{\"id\":1}}]\n[{\"insert\":{\"id\":2}}]\n", &[one, two], &[]),
            (
                "[{\"insert\":{\"id\":5}},\n{\"insert\":{\"id\":6}}]\n[{\"insert\":{\"id\":1}}]",
                &[one],
                &[(2, Syntax, None), (3, Envelope, None), (4, Syntax, None)],
            ),
            ("[{\"insert\":{\"id\":1}}][]\n[]", &[one], &[(2, Syntax, None)]),
            ("[{\"insert\":\n[]", &[], &[(1, Syntax, None)]),
        ],
    );
    check(BAG, RAW_ARRAY, &[("[[1],{\"id\":2}]", &[one, two], &[]), ("[1]", &[], &[(1, Envelope, None)])]);
}

#[test]
fn rows_of_an_array_that_is_dropped_leave_earlier_ones_alone() {
    // The kinds change, so that what is dropped is spread over several changes.
    let input = r#"[{"insert":{"id":1,"n":1}},{"insert":{"id":2,"n":1}}]
[{"insert":{"id":5,"n":1}},{"delete":{"id":6}},{"update":{"id":7,"n":1}},{"insert":{"id":8,"n":1}},{"insert":{}}]
[{"delete":{"id":3}}]
[{"delete":{"id":5}},{"insert":{"id":6,"n":1}},{}]
[{"delete":{"id":4}}]"#;
    let rows = &["+ id=1 name=NULL n=1", "+ id=2 name=NULL n=1", "- id=3", "- id=4"];
    let errors = &[(7, Null, Some("id")), (11, Envelope, None)];
    Case { table: KEYED, format: ARRAY, input: input.as_bytes(), rows, errors }.check(&[]);
}

#[test]
fn values_end_where_json_says() {
    for (text, step) in [
        ("{} x", Step::Done(2)),
        ("  [1, 2]", Step::Done(8)),
        ("\"a\\\"b\"c", Step::Done(6)),
        ("12 ", Step::Done(2)),
        ("-0.5e+7,", Step::Done(7)),
        ("true", Step::Done(4)),
        ("12", Step::More),
        ("", Step::More),
        ("[", Step::More),
        ("-", Step::More),
    ] {
        assert_eq!(Scanner::new(0).scan(text.as_bytes()), step, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What is a value is what another reader says.
    #[test]
    fn values_are_those_of_json(text in "[\\[\\]{}\",:0-9eE+\\-.tfnulrase\\\\ u]{0,12}") {
        let other = serde_json::from_str::<serde_json::Value>(&text);
        // That one also refuses numbers that are too large, and halves of characters.
        let refuses = |error: &serde_json::Error| {
            let text = error.to_string();
            text.contains("out of range") || text.contains("surrogate") || text.contains("hex escape")
        };
        if !other.as_ref().is_err_and(refuses) {
            prop_assert_eq!(is_value(&text), other.is_ok(), "{}", text);
        }
    }

    /// What becomes of input does not depend on its pieces, and nothing panics.
    #[test]
    fn any_input_is_parsed(
        input in proptest::collection::vec(prop_oneof![
            Just("{\"insert\":"), Just("{"), Just("}"), Just("["), Just("]"), Just("\"id\":"), Just("1"), Just("\n"), Just(","),
            Just("\"a\""), Just("null"), Just(" "), Just("\"delete\":"), Just("{\"insert\":{\"id\":1,\"n\":2}}"), Just("\\"), Just("é"),
            Just("\""), Just("-1.5e3"), Just("\n{"), Just("\n["),
        ], 0..40),
        format in prop_oneof![
            Just(JSON), Just(RAW), Just(RAW_SINGLE), Just(ARRAY), Just(ARRAY_SINGLE), Just(RAW_ARRAY), Just(DEBEZIUM),
        ],
        piece in 1_usize..20,
    ) {
        let input = input.concat();
        let whole = parsed(parser(format, InputTable::new(table(KEYED)).unwrap()), input.as_bytes(), 1 << 20);
        let pieces = parsed(parser(format, InputTable::new(table(KEYED)).unwrap()), input.as_bytes(), piece);
        prop_assert_eq!(shown(&whole.changes), shown(&pieces.changes));
        let described = |parsed: &crate::Parsed| -> Vec<(Option<u64>, String)> {
            parsed.errors.kept().iter().map(|error| (error.event_number, error.description.clone())).collect()
        };
        prop_assert_eq!(described(&whole), described(&pieces));
    }

    #[test]
    fn any_bytes_are_parsed(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in [JSON, RAW, RAW_SINGLE, ARRAY, DEBEZIUM] {
            let parsed = parsed(parser(format, InputTable::new(table(KEYED)).unwrap()), &input, 64);
            prop_assert_eq!(parsed.bytes, input.len() as u64);
        }
    }
}
