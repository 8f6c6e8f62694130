//! Values of every type in every flavor.

use crate::error::Tag::{Encoding, Null, Value};
use crate::tests::{parsed, parser, shown, table, wrong};
use crate::{Flavor, InputTable};

/// What a column shows of a value as it is written, or none if it is wrong.
fn read(kind: &str, flavor: &str, written: &str) -> Option<String> {
    let format = format!(r#"{{"name":"json","config":{{"update_format":"raw","json_flavor":"{flavor}"}}}}"#);
    let input = format!("{{\"a\":{written}}}");
    let parsed = parsed(parser(&format, InputTable::new(table(&format!("a {kind}"))).unwrap()), input.as_bytes(), 4096);
    match &shown(&parsed.changes)[..] {
        [] => {
            let [(1, tag, Some("a"))] = wrong(&parsed)[..] else {
                panic!("{kind} {flavor} {written}: {}", parsed.errors)
            };
            assert!(matches!(tag, Value | Null | Encoding), "{kind} {flavor} {written}: {tag:?}");
            None
        }
        [row] => Some(row.strip_prefix("+ a=").unwrap().to_owned()),
        more => panic!("{more:?}"),
    }
}

fn check(flavors: &[&str], kind: &str, cases: &[(&str, Option<&str>)]) {
    for flavor in flavors {
        for (written, found) in cases {
            assert_eq!(read(kind, flavor, written).as_deref(), *found, "{kind} {flavor} {written}");
        }
    }
}

const ALL: [&str; 11] = [
    "default",
    "debezium_mysql",
    "debezium_postgres",
    "snowflake",
    "kafka_connect_json_converter",
    "pandas",
    "blockchain",
    "c_hex",
    "datagen",
    "postgres",
    "clock",
];

#[test]
fn all_flavors_are_there() {
    assert_eq!(Flavor::ALL.map(|(name, _)| name), ALL);
    assert!(Flavor::ALL.iter().all(|(name, flavor)| flavor.name() == *name));
}

#[test]
fn numbers() {
    for (kind, least, most, below, above) in [
        ("TINYINT", "-128", "127", "-129", "128"),
        ("SMALLINT", "-32768", "32767", "-32769", "32768"),
        ("INTEGER", "-2147483648", "2147483647", "-2147483649", "2147483648"),
        ("BIGINT", "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"),
        ("TINYINT UNSIGNED", "0", "255", "-1", "256"),
        ("SMALLINT UNSIGNED", "0", "65535", "-1", "65536"),
        ("INTEGER UNSIGNED", "0", "4294967295", "-1", "4294967296"),
        ("BIGINT UNSIGNED", "0", "18446744073709551615", "-1", "18446744073709551616"),
    ] {
        check(
            &ALL,
            kind,
            &[
                (least, Some(least)),
                (most, Some(most)),
                (below, None),
                (above, None),
                ("1.0", None),
                ("1e2", None),
                ("\"1\"", None),
                ("true", None),
                ("[1]", None),
                ("{}", None),
                ("null", Some("NULL")),
            ],
        );
    }
    check(
        &ALL,
        "DOUBLE",
        &[
            ("1", Some("1.0")),
            ("-2.5e3", Some("-2500.0")),
            ("0.1", Some("0.1")),
            ("1.7976931348623157e308", Some("1.7976931348623157e308")),
            ("5e-324", Some("5e-324")),
            ("1e309", None),
            ("\"NaN\"", Some("NaN")),
            ("\"-Infinity\"", Some("-inf")),
            ("\"inf\"", Some("inf")),
            ("\"1\"", None),
            ("\"\"", None),
            ("false", None),
        ],
    );
    check(&ALL, "REAL", &[("0.1", Some("0.1")), ("1e39", None), ("\"Infinity\"", Some("inf"))]);
    check(&ALL, "BOOLEAN", &[("true", Some("true")), ("false", Some("false")), ("\"true\"", None), ("1", None)]);
}

#[test]
fn decimals_are_numbers_or_texts() {
    check(
        &ALL,
        "DECIMAL(5,2)",
        &[
            ("1", Some("1.00")),
            ("-123.45", Some("-123.45")),
            ("\"123.45\"", Some("123.45")),
            ("1.005", Some("1.00")),
            ("1.015", Some("1.02")),
            ("1.5e1", Some("15.00")),
            ("\"+1\"", Some("1.00")),
            ("999.99", Some("999.99")),
            ("999.999", None),
            ("1000", None),
            ("\"\"", None),
            ("\"x\"", None),
            ("true", None),
        ],
    );
    let most = "99999999999999999999999999999999999999";
    check(
        &ALL,
        "DECIMAL(38,0)",
        &[(most, Some(most)), (&format!("-{most}"), Some(&format!("-{most}"))), (&format!("{most}0"), None)],
    );
}

#[test]
fn texts_are_taken_as_they_are() {
    check(
        &ALL,
        "VARCHAR(2)",
        &[
            ("\"longer than that\"", Some("longer than that")),
            (r#""\u00e9\ud834\udd1e\n\"\\\/\b\f\r\t""#, Some("é𝄞\n\"\\/\u{8}\u{c}\r\t")),
            ("\"\"", Some("")),
            (r#""\ud834""#, None),
            (r#""\ud834x""#, None),
            (r#""\udd1e\ud834""#, None),
            (r#""\ud834\ud834""#, None),
            ("1", None),
            ("{}", None),
        ],
    );
    check(&ALL, "CHAR(3)", &[("\"a\"", Some("a"))]);
    check(
        &ALL,
        "UUID",
        &[
            ("\"67E55044-10b1-426f-9247-bb680e5fe0c8\"", Some("67e55044-10b1-426f-9247-bb680e5fe0c8")),
            ("\"67e55044\"", None),
            ("1", None),
        ],
    );
}

#[test]
fn days_and_times() {
    let text = ["default", "snowflake", "pandas", "blockchain", "c_hex", "datagen", "postgres", "clock"];
    let days = ["debezium_mysql", "debezium_postgres", "kafka_connect_json_converter"];
    check(
        &text,
        "DATE",
        &[
            ("\"2024-02-29\"", Some("2024-02-29")),
            ("\"2023-02-29\"", None),
            ("\"2024-02-29 00:00:00\"", None),
            ("19782", None),
        ],
    );
    check(
        &days,
        "DATE",
        &[
            ("19782", Some("2024-02-29")),
            ("-1", Some("1969-12-31")),
            ("2932896", Some("9999-12-31")),
            ("2932897", None),
            ("1.5", None),
            ("\"2024-02-29\"", None),
        ],
    );
    check(
        &text,
        "TIME",
        &[
            ("\"13:02:03\"", Some("13:02:03")),
            ("\"13:02:03.123456789\"", Some("13:02:03.123456789")),
            ("\"24:00:00\"", None),
            ("1", None),
        ],
    );
    check(
        &days[..2],
        "TIME",
        &[
            ("46923000001", Some("13:02:03.000001")),
            ("86399999999", Some("23:59:59.999999")),
            ("86400000000", None),
            ("-1", None),
            ("9223372036854775807", None),
            ("\"13:02:03\"", None),
        ],
    );
    check(&days[2..], "TIME", &[("46923001", Some("13:02:03.001")), ("86400000", None)]);
}

#[test]
fn points_in_time() {
    let text = ["default", "debezium_mysql", "snowflake", "blockchain", "c_hex", "datagen", "postgres"];
    let millis = ["debezium_postgres", "kafka_connect_json_converter", "pandas", "clock"];
    check(
        &text,
        "TIMESTAMP",
        &[
            ("\"2024-02-29 13:02:03\"", Some("2024-02-29T13:02:03")),
            ("\" 2024-02-29 13:02:03.123456 \"", Some("2024-02-29T13:02:03.123456")),
            ("\"2024-02-29T13:02:03Z\"", Some("2024-02-29T13:02:03")),
            ("\"2024-02-29T13:02:03.5+02:00\"", Some("2024-02-29T11:02:03.500")),
            ("\"2024-02-29\"", None),
            ("\"0001-01-01T00:00:00+01:00\"", None),
            ("1709211723000", None),
        ],
    );
    check(
        &millis,
        "TIMESTAMP",
        &[
            ("1709211723123", Some("2024-02-29T13:02:03.123")),
            ("-1", Some("1969-12-31T23:59:59.999")),
            ("253402300799999", Some("9999-12-31T23:59:59.999")),
            ("253402300800000", None),
            ("9223372036854775807", None),
            ("1.5", None),
            ("\"2024-02-29 13:02:03\"", None),
        ],
    );
    let zoned: Vec<&str> = ALL.into_iter().filter(|flavor| *flavor != "pandas").collect();
    check(
        &zoned,
        "TIMESTAMP WITH TIME ZONE",
        &[
            ("\"2024-02-29T13:02:03+02:00\"", Some("2024-02-29T11:02:03Z")),
            ("\"2024-02-29 13:02:03.5Z\"", Some("2024-02-29T13:02:03.500Z")),
            ("1709211723000", None),
        ],
    );
    check(&["pandas"], "TIMESTAMP WITH TIME ZONE", &[("1709211723123", Some("2024-02-29T13:02:03.123Z"))]);
}

#[test]
fn bytes() {
    let numbers = [
        "default",
        "debezium_mysql",
        "debezium_postgres",
        "snowflake",
        "kafka_connect_json_converter",
        "pandas",
        "datagen",
        "clock",
    ];
    for kind in ["VARBINARY", "BINARY(2)"] {
        check(
            &numbers,
            kind,
            &[
                ("[0,255,16]", Some("00ff10")),
                ("[]", Some("")),
                ("[256]", None),
                ("[-1]", None),
                ("[null]", None),
                ("[\"1\"]", None),
                ("\"00\"", None),
            ],
        );
        check(
            &["c_hex"],
            kind,
            &[
                ("\"0x00Ff\"", Some("00ff")),
                ("\"00ff\"", Some("00ff")),
                ("\"0x\"", Some("")),
                ("\"0\"", None),
                ("[1]", None),
            ],
        );
        check(&["postgres"], kind, &[(r#""\\x00ff""#, Some("00ff")), ("\"00ff\"", Some("00ff")), ("\"0x00\"", None)]);
        check(
            &["blockchain"],
            kind,
            &[("\"StV1DL6CwTryKyV\"", Some("68656c6c6f20776f726c64")), ("\"0\"", None), ("[1]", None)],
        );
    }
}

#[test]
fn variants() {
    let inline = ["default", "blockchain", "c_hex", "datagen", "postgres", "clock"];
    let text = ["debezium_mysql", "debezium_postgres", "snowflake", "kafka_connect_json_converter", "pandas"];
    check(
        &inline,
        "VARIANT",
        &[
            (r#"{ "b" : [1.50, null] , "a" : "x" }"#, Some(r#"{"a":"x","b":[1.5,null]}"#)),
            ("\"x\"", Some("\"x\"")),
            ("5", Some("5")),
            ("true", Some("true")),
            ("null", Some("NULL")),
            ("1e999", None),
            (r#""\ud800""#, None),
        ],
    );
    // Where NULL is none of its values, null is one.
    check(&inline, "VARIANT NOT NULL", &[("null", Some("null"))]);
    check(&text, "VARIANT NOT NULL", &[("null", None), ("\"null\"", Some("null"))]);
    check(
        &text,
        "VARIANT",
        &[
            (r#""{ \"b\" : 1 , \"a\" : [] }""#, Some(r#"{"a":[],"b":1}"#)),
            ("\"null\"", Some("null")),
            ("null", Some("NULL")),
            ("\"x\"", None),
            ("\"\"", None),
            ("{}", None),
            ("1", None),
        ],
    );
}

#[test]
fn arrays_maps_and_rows() {
    check(
        &ALL,
        "INTEGER ARRAY ARRAY",
        &[
            ("[[1,null],[],null]", Some("[[1, NULL], [], NULL]")),
            ("[]", Some("[]")),
            ("[1]", None),
            ("[[\"1\"]]", None),
            ("{}", None),
        ],
    );
    check(
        &ALL,
        "MAP<VARCHAR,INTEGER>",
        &[
            // Entries are in the order of keys, the last one of each key counts.
            (r#"{"b":1,"a":2,"b":3,"":null}"#, Some("{: NULL, a: 2, b: 3}")),
            ("{}", Some("{}")),
            (r#"{"a":"x"}"#, None),
            ("[]", None),
        ],
    );
    check(
        &ALL,
        "MAP<INTEGER,VARCHAR>",
        &[
            (r#"{"10":"a","9":"b"}"#, Some("{9: b, 10: a}")),
            (r#"{"x":"a"}"#, None),
            (r#"{"null":"a"}"#, None),
            (r#"{"":"a"}"#, None),
            (r#"{"1 2":"a"}"#, None),
        ],
    );
    check(
        &["default"],
        "MAP<DATE,INTEGER ARRAY>",
        &[(r#"{"2024-01-02":[1],"2024-01-01":[]}"#, Some("{2024-01-01: [], 2024-01-02: [1]}"))],
    );
    check(&["debezium_mysql"], "MAP<DATE,INTEGER>", &[(r#"{"1":2,"0":1}"#, Some("{1970-01-01: 1, 1970-01-02: 2}"))]);
    check(
        &ALL,
        "MAP<ROW(x INTEGER),BOOLEAN>",
        &[
            (r#"{"{\"x\":2}":true,"{\"X\": 1}":false}"#, Some("{{x: 1}: false, {x: 2}: true}")),
            (r#"{"{\"x\":null}":true}"#, None),
        ],
    );
    check(
        &ALL,
        "ROW(x INTEGER,\"Y\" VARCHAR NULL,z INTEGER ARRAY NULL)",
        &[
            (r#"{"X":1,"Y":"a","z":[1]}"#, Some("{x: 1, Y: a, z: [1]}")),
            (r#"{"x":1,"y":"a","other":{}}"#, Some("{x: 1, Y: NULL, z: NULL}")),
            (r#"{"x":1,"x":2}"#, Some("{x: 2, Y: NULL, z: NULL}")),
            (r#"{"Y":"a"}"#, None),
            (r#"{"x":null}"#, None),
            ("[1]", None),
            ("null", Some("NULL")),
        ],
    );
    check(
        &ALL,
        "ROW(x ROW(y INTEGER)) ARRAY",
        &[(r#"[{"x":{"y":1}},null]"#, Some("[{x: {y: 1}}, NULL]")), (r#"[{"x":{"y":"1"}}]"#, None)],
    );
}

#[test]
fn errors_in_parts_say_which() {
    let format = r#"{"name":"json","config":{"update_format":"raw"}}"#;
    let mut parser = parser(format, InputTable::new(table("a MAP<VARCHAR,ROW(x INTEGER)>")).unwrap());
    let parsed = parser.parse(br#"{"a":{"k":{"x":true}}}"#);
    assert_eq!(parsed.errors.kept()[0].description, "in 'k': in 'x': a INTEGER is expected, not a truth value");
}
