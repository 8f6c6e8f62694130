//! What expressions are worth: operators, casts and functions by the rules of the dialect.

mod common;

use common::value;

/// Checks expressions against texts; `!` begins a part of an error's message.
fn check(table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, wanted) in table {
        let found = value(expression);
        let is_right = match (&found, wanted.strip_prefix('!')) {
            (Err(message), Some(part)) => message.contains(part),
            (Ok(value), None) => value.as_deref().unwrap_or("NULL") == *wanted,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{expression}: {found:?}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whole_numbers_are_checked() {
    check(&[
        ("1 + 2", "3"),
        ("CAST(120 AS TINYINT) + CAST(100 AS TINYINT)", "!'120 + 100' causes overflow for type TINYINT"),
        (
            "CAST(250 AS TINYINT UNSIGNED) + CAST(100 AS TINYINT UNSIGNED)",
            "!'250 + 100' causes overflow for type TINYINT UNSIGNED",
        ),
        ("2147483647 + 1", "!'2147483647 + 1' causes overflow for type INTEGER"),
        ("2147483647 + CAST(1 AS BIGINT)", "2147483648"),
        ("- CAST(-128 AS TINYINT)", "!'- -128' causes overflow for type TINYINT"),
        ("CAST(-128 AS TINYINT) / CAST(-1 AS TINYINT)", "!'-128 / -1' causes overflow for type TINYINT"),
        ("CAST(-128 AS TINYINT) % CAST(-1 AS TINYINT)", "0"),
        ("1 / 0", "!'1 / 0' divides by zero"),
        ("1 % 0", "!'1 % 0' divides by zero"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 % -3", "1"),
        ("MOD(7, 3)", "1"),
        ("ABS(-5)", "5"),
        ("ABS(CAST(-128 AS TINYINT))", "!causes overflow for type TINYINT"),
        ("CAST(1 AS TINYINT UNSIGNED) + CAST(1 AS TINYINT)", "2"),
        ("CAST(1 AS INT UNSIGNED) - CAST(2 AS INT UNSIGNED)", "!'1 - 2' causes overflow for type INTEGER UNSIGNED"),
        ("- CAST(1 AS INT UNSIGNED)", "!not defined for INTEGER UNSIGNED"),
        ("1 + NULL", "NULL"),
        ("1 + 'x'", "!‘+’ is not defined for INTEGER, VARCHAR"),
        ("6 & 3", "2"),
        ("6 | 3", "7"),
        ("DIV_NULL(7, 2)", "3"),
        ("DIV_NULL(7, 0)", "NULL"),
        ("DIV_NULL(CAST(-128 AS TINYINT), CAST(-1 AS TINYINT))", "NULL"),
    ]);
}

#[test]
fn decimals_follow_their_digits() {
    check(&[
        ("1.5 + 2.25", "3.75"),
        ("1.5 * 1.5", "2.25"),
        ("1.0 / 3.0", "0.333333"),
        ("CAST(7 AS DECIMAL(10, 2)) / 3", "2.3333333333333"),
        ("1.0 / 0.0", "!'1.0 / 0.0' divides by zero"),
        ("5.5 % 2.0", "1.5"),
        ("-5.5 % 2.0", "-1.5"),
        ("- 1.5", "-1.5"),
        ("1.5 + 1e0", "2.5"),
        ("CAST(1.999 AS DECIMAL(3, 1))", "1.9"),
        ("CAST(-1.999 AS DECIMAL(3, 1))", "-1.9"),
        ("CAST('1.25' AS DECIMAL(3, 1))", "1.2"),
        ("CAST('1.35' AS DECIMAL(3, 1))", "1.4"),
        ("CAST(1234.5 AS DECIMAL(3, 1))", "!does not fit DECIMAL(3, 1)"),
        (
            "CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) + 1",
            "!causes overflow for type DECIMAL(38, 0)",
        ),
        ("CAST(1.9 AS INT)", "1"),
        ("CAST(-1.9 AS INT)", "-1"),
        ("ROUND(2.5)", "3.0"),
        ("ROUND(-2.5)", "-3.0"),
        ("BROUND(2.5)", "2.0"),
        ("ROUND(1.255, 2)", "1.260"),
        ("TRUNCATE(1.259, 2)", "1.250"),
        ("CEIL(1.2)", "2.0"),
        ("FLOOR(-1.2)", "-2.0"),
        ("ROUND(1250, -2)", "1300"),
        ("BROUND(1250, -2)", "1200"),
        ("SIGN(-2.5)", "-1.0"),
    ]);
}

#[test]
fn floating_point_numbers_have_infinities() {
    check(&[
        ("1e0 / 0e0", "inf"),
        ("0e0 / 0e0", "NaN"),
        ("1e0 % 0e0", "NaN"),
        ("CAST(1e0 / 0e0 AS VARCHAR)", "Infinity"),
        ("CAST(1.5e0 AS VARCHAR)", "1.5"),
        ("CAST(0.1e0 AS VARCHAR)", "0.1"),
        ("LN(0e0)", "-inf"),
        ("LN(-1e0)", "!LN(-1) is not defined"),
        ("SQRT(-1e0)", "NaN"),
        ("ROUND(2.5e0)", "3.0"),
        ("ROUND(-2.5e0)", "-3.0"),
        ("0e0 = -0e0", "true"),
        ("0e0 / 0e0 = 0e0 / 0e0", "true"),
        ("0e0 / 0e0 > 1e300", "true"),
        ("IS_NAN(0e0 / 0e0)", "true"),
        ("IS_INF(1e0 / 0e0)", "true"),
        ("FINITE_OR_NULL(1e0 / 0e0)", "NULL"),
        ("POWER(2, 10)", "1024.0"),
        ("CAST(1e300 AS INT)", "!does not fit INTEGER"),
        ("CAST(-1.9e0 AS INT)", "-1"),
        ("ROUND(PI, 4)", "3.1416"),
    ]);
}

#[test]
fn casts_say_what_does_not_fit() {
    check(&[
        ("CAST('12' AS INT)", "12"),
        ("CAST(' 12 ' AS INT)", "12"),
        ("CAST('12x' AS INT)", "!'12x' is not a value of type INTEGER"),
        ("TRY_CAST('12x' AS INT)", "NULL"),
        ("SAFE_CAST('12x' AS INT)", "NULL"),
        ("SAFE_CAST('12' AS INT)", "12"),
        ("CAST(300 AS TINYINT)", "!300 does not fit TINYINT"),
        ("SAFE_CAST(300 AS TINYINT)", "NULL"),
        ("CAST('TRUE' AS BOOLEAN)", "true"),
        ("CAST(' false ' AS BOOLEAN)", "false"),
        ("CAST('1' AS BOOLEAN)", "!'1' is neither true nor false"),
        ("CAST(5 AS VARCHAR)", "5"),
        ("CAST('abcdef' AS VARCHAR(3))", "abc"),
        ("CAST('ab' AS CHAR(4)) || '|'", "ab  |"),
        ("CAST(CAST('ab' AS CHAR(4)) AS VARCHAR) || '|'", "ab|"),
        ("CAST('abcdef' AS CHAR(3))", "abc"),
        ("CAST(TIMESTAMP '1970-01-01 00:00:01.5' AS BIGINT)", "1500"),
        ("CAST(1500 AS TIMESTAMP)", "1970-01-01T00:00:01.500"),
        ("CAST(INTERVAL '90' MINUTE AS BIGINT)", "90"),
        ("CAST(DATE '2020-02-29' AS TIMESTAMP)", "2020-02-29T00:00:00"),
        ("CAST(TIMESTAMP '2020-02-29 10:11:12' AS DATE)", "2020-02-29"),
        ("CAST('2020-02-30' AS DATE)", "!'2020-02-30' is not a date"),
        ("TO_HEX(CAST(258 AS BINARY(2)))", "0102"),
        ("TO_HEX(CAST(258 AS BINARY(1)))", "02"),
        ("TO_HEX(CAST(258 AS BINARY(6)))", "000000000102"),
        ("CAST('6BA7B810-9DAD-11D1-80B4-00C04FD430C8' AS UUID)", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("CAST('x' AS UUID)", "!'x' is not a UUID"),
        ("CAST(1 AS NOPE)", "!\"NOPE\" is no type"),
        ("CAST(ARRAY[1, 2] AS VARCHAR ARRAY)", "[1, 2]"),
        ("CAST(NULL AS INT)", "NULL"),
    ]);
}

#[test]
fn choices_ask_only_what_they_need() {
    check(&[
        ("CASE WHEN 1 = 1 THEN 1 ELSE 1 / 0 END", "1"),
        ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "b"),
        ("CASE WHEN NULL THEN 1 END", "NULL"),
        ("CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END", "1.0"),
        ("CASE WHEN 1 = 1 THEN 1 ELSE 'x' END", "!no type in common"),
        ("COALESCE(NULL, 1, 1 / 0)", "1"),
        ("IFNULL(NULL, 2)", "2"),
        ("IF(1 > 2, 1 / 0, 3)", "3"),
        ("NULLIF(1, 1)", "NULL"),
        ("NULLIF(1, 2)", "1"),
        ("GREATEST(1, 2, 3)", "3"),
        ("GREATEST(1, NULL, 3)", "NULL"),
        ("GREATEST_IGNORE_NULLS(1, NULL, 3)", "3"),
        ("LEAST(2, 1.5)", "1.5"),
        ("LEAST_IGNORE_NULLS(NULL, 7)", "7"),
        ("1 = 2 AND 1 / 0 = 1", "false"),
        ("1 = 1 OR 1 / 0 = 1", "true"),
    ]);
}

#[test]
fn equality_and_order() {
    check(&[
        ("NULL = NULL", "NULL"),
        ("NULL <=> NULL", "true"),
        ("1 IS DISTINCT FROM NULL", "true"),
        ("1 IS NOT DISTINCT FROM 1", "true"),
        ("1 IS DISTINCT FROM 1 OR 2 = 2", "true"),
        ("1 IS NOT DISTINCT FROM 1 AND 1 = 2 OR 3 = 3", "true"),
        ("TRUE IS DISTINCT FROM (TRUE AND FALSE)", "true"),
        ("'a' < 'b'", "true"),
        ("1 = '1'", "true"),
        ("1 = 'x'", "!'x' is not a value of type INTEGER"),
        ("1.5 = 1.50", "true"),
        ("ROW(1, 2) = ROW(1, 2)", "!does not compare rows"),
        ("ROW(1, NULL) <=> ROW(1, NULL)", "true"),
        ("ROW(1, 2) < ROW(1, 3)", "true"),
        ("ROW(NULL) IS NULL", "false"),
        ("ARRAY[1, NULL] = ARRAY[1, NULL]", "true"),
        ("ARRAY[1, NULL] < ARRAY[1, 0]", "true"),
        ("1 IN (2, NULL)", "NULL"),
        ("1 IN (1, NULL)", "true"),
        ("1 NOT IN (2, 3)", "true"),
        ("5 BETWEEN 1 AND 10", "true"),
        ("5 NOT BETWEEN 1 AND 10", "false"),
        ("TRUE = 1", "!does not compare"),
        ("DATE '2020-01-01' = TIMESTAMP '2020-01-01 00:00:00'", "true"),
        ("CAST(200 AS TINYINT UNSIGNED) > CAST(-1 AS TINYINT)", "true"),
        ("CAST(1 AS BIGINT UNSIGNED) > CAST(-1 AS BIGINT)", "true"),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("'a' || 'b'", "ab"),
        ("'a' || NULL", "NULL"),
        ("'a' LIKE 'A'", "false"),
        ("'a%c' LIKE 'a\\%c'", "false"),
        ("'a%c' LIKE 'a!%c' ESCAPE '!'", "true"),
        ("'abc' LIKE 'a_c'", "true"),
        ("'abc' NOT LIKE '%b%'", "false"),
        ("'ABC' ILIKE 'abc'", "true"),
        ("'foobar' RLIKE 'o+b'", "true"),
        ("RLIKE('x', '(')", "!is not a pattern"),
        ("UPPER('aé')", "AÉ"),
        ("INITCAP('hello wORLD-x')", "Hello World-X"),
        ("INITCAP_SPACES('hello wORLD-x')", "Hello World-x"),
        ("CHAR_LENGTH('aé')", "2"),
        ("SUBSTRING('hello' FROM 2 FOR 3)", "ell"),
        ("SUBSTRING('hello' FROM -1 FOR 3)", "h"),
        ("SUBSTRING('hello' FROM -1)", "hello"),
        ("SUBSTR('hello', -3)", "llo"),
        ("SUBSTR('hello', -3, 2)", "ll"),
        ("LEFT('hello', 2)", "he"),
        ("RIGHT('hello', 2)", "lo"),
        ("TRIM(BOTH 'x' FROM 'xaxbx')", "axb"),
        ("TRIM('  a ')", "a"),
        ("TRIM(LEADING ' ' FROM '  a ')", "a "),
        ("POSITION('l' IN 'hello')", "3"),
        ("OVERLAY('hello' PLACING 'XX' FROM 2 FOR 3)", "hXXo"),
        ("REPLACE('aXbX', 'X', '--')", "a--b--"),
        ("REPEAT('ab', 3)", "ababab"),
        ("REPEAT('ab', -1)", ""),
        ("REPEAT('ab', 2147483647)", "!more than"),
        ("REVERSE('abc')", "cba"),
        ("CONCAT_WS(',', 'a', NULL, 'b')", "a,b"),
        ("CONCAT_WS(NULL, 'a')", "NULL"),
        ("SPLIT('a,b', ',')", "[a, b]"),
        ("SPLIT('', ',')", "[]"),
        ("SPLIT_PART('a,b,c', ',', -1)", "c"),
        ("SPLIT_PART('a,b,c', ',', 9)", ""),
        ("ASCII('a')", "97"),
        ("CHR(97)", "a"),
        ("MD5('')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("REGEXP_REPLACE('a1b22', '[0-9]+', '#')", "a#b#"),
        ("TO_HEX(X'0aff')", "0aff"),
        ("OCTET_LENGTH(X'0aff')", "2"),
        ("TO_HEX(X'0a' || X'ff')", "0aff"),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("DATE '2020-01-31' + INTERVAL 1 MONTH", "2020-02-29"),
        ("DATE '2020-01-01' + INTERVAL '36' HOUR", "2020-01-02"),
        ("DATE '2020-01-01' - INTERVAL '1' HOUR", "2019-12-31"),
        ("TIMESTAMP '2020-01-01 00:00:00' + INTERVAL '90' MINUTE", "2020-01-01T01:30:00"),
        ("TIME '23:30:00' + INTERVAL '1' HOUR", "00:30:00"),
        ("INTERVAL '1' DAY + INTERVAL '1' HOUR = INTERVAL '25' HOUR", "true"),
        ("2 * INTERVAL '1' DAY = INTERVAL '2' DAY", "true"),
        ("EXTRACT(DOW FROM DATE '2020-02-23')", "1"),
        ("EXTRACT(ISODOW FROM DATE '2020-02-23')", "7"),
        ("EXTRACT(WEEK FROM DATE '2021-01-03')", "53"),
        ("EXTRACT(QUARTER FROM DATE '2020-05-01')", "2"),
        ("EXTRACT(DECADE FROM DATE '2019-05-01')", "201"),
        ("EXTRACT(CENTURY FROM DATE '2000-05-01')", "20"),
        ("EXTRACT(MILLISECOND FROM TIMESTAMP '2020-01-01 00:00:12.345')", "12345"),
        ("EXTRACT(MICROSECOND FROM TIMESTAMP '2020-01-01 00:00:12.345')", "12345000"),
        ("EXTRACT(EPOCH FROM TIMESTAMP '1970-01-02 00:00:00')", "86400"),
        ("EXTRACT(YEAR FROM TIME '10:00:00')", "!TIME has no part YEAR"),
        ("YEAR(DATE '2020-02-23')", "2020"),
        ("DOY(DATE '2020-12-31')", "366"),
        ("DATE_TRUNC(TIMESTAMP '2020-05-17 10:11:12', MONTH)", "2020-05-01T00:00:00"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2020-05-17 10:11:12', HOUR)", "2020-05-17T10:00:00"),
        ("FLOOR(TIMESTAMP '2020-05-17 10:11:12' TO DAY)", "2020-05-17T00:00:00"),
        ("CEIL(TIMESTAMP '2020-05-17 10:11:12' TO DAY)", "2020-05-18T00:00:00"),
        ("TIMESTAMPDIFF(MONTH, DATE '2020-01-31', DATE '2020-02-29')", "1"),
        ("TIMESTAMPDIFF(MONTH, DATE '2020-01-15', DATE '2020-02-14')", "0"),
        ("TIMESTAMPDIFF(DAY, TIMESTAMP '2020-01-01 12:00:00', TIMESTAMP '2020-01-03 11:00:00')", "1"),
        ("TIMESTAMPDIFF(YEAR, DATE '2020-02-29', DATE '2019-02-28')", "-1"),
        ("TIMESTAMPADD(DAY, 3, DATE '2020-02-27')", "2020-03-01"),
        ("DATE_ADD(DATE '2020-02-27', INTERVAL '3' DAY)", "2020-03-01"),
        ("MAKE_DATE(2020, 2, 29)", "2020-02-29"),
        ("MAKE_DATE(2021, 2, 29)", "NULL"),
        ("MAKE_TIMESTAMP(2020, 2, 29, 1, 2, 3)", "2020-02-29T01:02:03"),
        ("PARSE_DATE('%Y/%m/%d', '2020/02/29')", "2020-02-29"),
        ("PARSE_DATE('%Y/%m/%d', 'x')", "NULL"),
        ("PARSE_TIMESTAMP('%Y-%m-%d %H:%M', '2020-02-29 10:11')", "2020-02-29T10:11:00"),
        ("FORMAT_DATE('%d.%m.%Y', DATE '2020-02-29')", "29.02.2020"),
        ("CAST(TIMESTAMP '2020-02-29 10:11:12.5' AS VARCHAR)", "2020-02-29 10:11:12.5"),
    ]);
}

#[test]
fn arrays() {
    check(&[
        ("ARRAY[1, 2, 3][1]", "1"),
        ("ARRAY[1, 2, 3][4]", "NULL"),
        ("ARRAY[1, 2, 3][0]", "NULL"),
        ("ARRAY[1, 2.5]", "[1.0, 2.5]"),
        ("CARDINALITY(ARRAY[1, NULL])", "2"),
        ("ELEMENT(ARRAY[7])", "7"),
        ("ELEMENT(ARRAY[7, 8])", "!not one"),
        ("ARRAY_APPEND(ARRAY[1], 2)", "[1, 2]"),
        ("ARRAY_PREPEND(ARRAY[1], 2)", "[2, 1]"),
        ("ARRAY_CONCAT(ARRAY[1], ARRAY[2, 3])", "[1, 2, 3]"),
        ("ARRAY_UNION(ARRAY[3, 1], ARRAY[2, 3])", "[1, 2, 3]"),
        ("ARRAY_INTERSECT(ARRAY[3, 1, 2], ARRAY[2, 3])", "[2, 3]"),
        ("ARRAY_EXCEPT(ARRAY[3, 1, 2, 1], ARRAY[2])", "[1, 3]"),
        ("ARRAY_DISTINCT(ARRAY[3, 1, 3])", "[3, 1]"),
        ("ARRAY_REVERSE(ARRAY[1, 2])", "[2, 1]"),
        ("ARRAY_COMPACT(ARRAY[1, NULL, 2])", "[1, 2]"),
        ("ARRAY_CONTAINS(ARRAY[1, 2], 2)", "true"),
        ("ARRAY_POSITION(ARRAY[1, 2], 2)", "2"),
        ("ARRAY_POSITION(ARRAY[1, 2], 3)", "0"),
        ("ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]"),
        ("ARRAY_MAX(ARRAY[1, NULL, 3])", "3"),
        ("ARRAY_MIN(ARRAY[2, NULL, 3])", "2"),
        ("ARRAY_REPEAT(1, 3)", "[1, 1, 1]"),
        ("ARRAY_INSERT(ARRAY[1, 3], 2, 2)", "[1, 2, 3]"),
        ("ARRAY_JOIN(ARRAY['a', NULL, 'b'], '-')", "a-b"),
        ("ARRAY_TO_STRING(ARRAY['a', NULL, 'b'], '-', '*')", "a-*-b"),
        ("ARRAYS_OVERLAP(ARRAY[1, 2], ARRAY[2, 3])", "true"),
        ("SORT_ARRAY(ARRAY[2, NULL, 1])", "[NULL, 1, 2]"),
        ("SORT_ARRAY(ARRAY[2, NULL, 1], FALSE)", "[2, 1, NULL]"),
        ("SEQUENCE(1, 4)", "[1, 2, 3, 4]"),
        ("SEQUENCE(4, 1)", "[]"),
    ]);
}

#[test]
fn variants() {
    check(&[
        (r#"PARSE_JSON('{"b": 1, "a": [1, 2]}')"#, r#"{"a":[1,2],"b":1}"#),
        ("PARSE_JSON('{')", "NULL"),
        (r#"PARSE_JSON('{"a": [1, 2]}')['a'][2]"#, "2"),
        (r#"PARSE_JSON('{"a": 1}')['A']"#, "NULL"),
        (r#"CAST(PARSE_JSON('{"a": "5"}')['a'] AS VARCHAR)"#, "5"),
        ("CAST(PARSE_JSON('5') AS INT)", "5"),
        ("CAST(PARSE_JSON('5.9') AS INT)", "5"),
        (r#"CAST(PARSE_JSON('"x"') AS INT)"#, "NULL"),
        ("CAST(PARSE_JSON('300') AS TINYINT)", "NULL"),
        (r#"CAST(PARSE_JSON('"2020-01-02"') AS DATE)"#, "2020-01-02"),
        ("CAST(PARSE_JSON('true') AS BOOLEAN)", "true"),
        ("TO_JSON(CAST(1.50 AS VARIANT))", "1.50"),
        ("TO_JSON(CAST('a' AS VARIANT))", "\"a\""),
        ("PARSE_JSON('null') = VARIANTNULL()", "true"),
        ("PARSE_JSON('null') IS NULL", "false"),
        ("TYPEOF(PARSE_JSON('-1'))", "BIGINT"),
        ("TYPEOF(PARSE_JSON('1'))", "BIGINT UNSIGNED"),
        ("TYPEOF(PARSE_JSON('1.5'))", "DECIMAL"),
        ("TYPEOF(PARSE_JSON('[]'))", "ARRAY"),
        ("TYPEOF(PARSE_JSON('{'))", "NULL"),
        (r#"JSON_OBJECT_KEYS(PARSE_JSON('{"b": 1, "a": 2}'))"#, "[a, b]"),
        ("PARSE_JSON('1') = 1", "true"),
    ]);
}

#[test]
fn what_is_not_there_is_refused() {
    check(&[
        ("NOPE(1)", "!Invalid function 'nope'"),
        ("UPPER(1)", "!UPPER: argument 1 is INTEGER where VARCHAR is wanted"),
        ("UPPER()", "!UPPER: it takes 1 arguments, not 0"),
        ("SQRT('x')", "!SQRT: argument 1 is VARCHAR where DOUBLE is wanted"),
        ("READ_CSV('x')", "!Invalid function"),
    ]);
}
