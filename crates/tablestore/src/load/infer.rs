//! Which type the texts of a column have. All of them are looked at, and a type is only given where every value survives it: what
//! `007`, `1,5` or thirty digits would lose stays text.

use crate::column::ColumnType;

/// Every value of a column is of at least one of these kinds; a bit each.
const WHOLE_SHORT: i64 = 1;
/// More digits than a double holds.
const WHOLE_LONG: i64 = 1 << 1;
/// A fraction that both a double and a decimal hold.
const FRACTION: i64 = 1 << 2;
/// One that only a double holds.
const FLOATING: i64 = 1 << 3;
/// A number that only a decimal holds.
const EXACT: i64 = 1 << 4;
const DATE: i64 = 1 << 5;
const TIMESTAMP: i64 = 1 << 6;
const BOOLEAN: i64 = 1 << 7;
const TEXT: i64 = 1 << 8;

/// Digits that a double holds whatever they are.
const DOUBLE_DIGITS: usize = 15;
/// Digits of a decimal before and after its point.
const DECIMAL_DIGITS: (u8, u8) = (29, 9);

/// The kinds of a text column's values, all together as bits; NULL when it has none.
pub(super) fn kinds_sql(column: &str) -> String {
    let (whole, scale) = (DECIMAL_DIGITS.0 - 1, DECIMAL_DIGITS.1);
    let matches = |pattern: &str| format!("regexp_full_match({column}, '{pattern}')");
    // Zeros at the front are no digits of a number.
    let digits = format!("length(ltrim(regexp_replace(split_part(lower({column}), 'e', 1), '[^0-9]', '', 'g'), '0'))");
    let floating = |pattern: &str| format!("{} AND {digits} <= {DOUBLE_DIGITS}", matches(pattern));
    let cast = |pattern: &str, kind: &str| format!("{} AND TRY_CAST({column} AS {kind}) IS NOT NULL", matches(pattern));
    let day = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let kinds = [
        (format!("lower({column}) IN ('true', 'false')"), BOOLEAN),
        // Most texts begin with something else than digit, minus or point: nothing more need be tried.
        (format!("coalesce(ascii({column}), 0) NOT BETWEEN 45 AND 57"), TEXT),
        (matches("0|-?[1-9][0-9]{0,14}"), WHOLE_SHORT),
        (cast("-?[1-9][0-9]{15,18}", "BIGINT"), WHOLE_LONG),
        (floating(&format!(r"-?(0|[1-9][0-9]*)\.[0-9]{{1,{scale}}}")), FRACTION),
        (floating(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"), FLOATING),
        (matches(&format!(r"-?(0|[1-9][0-9]{{0,{whole}}})(\.[0-9]{{1,{scale}}})?")), EXACT),
        (cast(day, "DATE"), DATE),
        (cast(&format!(r"{day}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,6}})?"), "TIMESTAMP"), TIMESTAMP),
    ];
    let cases: Vec<String> = kinds.iter().map(|(is, kind)| format!("WHEN {is} THEN {kind}")).collect();
    format!("bit_or(CASE WHEN {column} IS NULL THEN 0 {} ELSE {TEXT} END)", cases.join(" "))
}

/// The narrowest type that takes all these kinds.
pub(super) fn type_of(kinds: i64) -> ColumnType {
    let only = |allowed: i64| kinds & !allowed == 0;
    let (width, scale) = (DECIMAL_DIGITS.0 + DECIMAL_DIGITS.1, DECIMAL_DIGITS.1);
    match kinds {
        // Nobody knows of a column without values.
        0 => ColumnType::Varchar,
        BOOLEAN => ColumnType::Boolean,
        DATE => ColumnType::Date,
        _ if only(WHOLE_SHORT | WHOLE_LONG) => ColumnType::BigInt,
        _ if only(WHOLE_SHORT | FRACTION | FLOATING) => ColumnType::Double,
        _ if only(WHOLE_SHORT | WHOLE_LONG | FRACTION | EXACT) => ColumnType::Decimal { width, scale },
        _ if only(DATE | TIMESTAMP) => ColumnType::Timestamp,
        _ => ColumnType::Varchar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(texts: &[&str]) -> String {
        let connection = duckdb::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (c VARCHAR)").unwrap();
        for text in texts {
            connection.execute("INSERT INTO t VALUES (?)", [text]).unwrap();
        }
        connection.execute_batch("INSERT INTO t VALUES (NULL)").unwrap();
        let sql = format!("SELECT CAST({} AS BIGINT) FROM t", kinds_sql("c"));
        type_of(connection.query_row(&sql, [], |row| row.get(0)).unwrap()).to_string()
    }

    #[test]
    fn a_type_is_given_where_every_value_survives_it() {
        let thirty = "123456789012345678901234567890";
        let cases: [(&[&str], &str); 25] = [
            (&[], "VARCHAR"),
            (&["1", "-20", "0"], "BIGINT"),
            (&["1", "9223372036854775807"], "BIGINT"),
            (&["1", "9223372036854775808"], "DECIMAL(38,9)"),
            (&["1", thirty], "VARCHAR"),
            (&["007", "1"], "VARCHAR"),
            (&["+1"], "VARCHAR"),
            (&["1", "2.5"], "DOUBLE"),
            (&["1e5", "2.5"], "DOUBLE"),
            (&["0.12345678901"], "DOUBLE"),
            (&["1e400"], "VARCHAR"),
            (&["1234567890123.123456"], "DECIMAL(38,9)"),
            (&["1234567890123.123456", "1e5"], "VARCHAR"),
            (&["1234567890123456", "0.5"], "DECIMAL(38,9)"),
            (&["1,5"], "VARCHAR"),
            (&["true", "FALSE"], "BOOLEAN"),
            (&["true", "1"], "VARCHAR"),
            (&["2024-02-29"], "DATE"),
            (&["2023-02-29"], "VARCHAR"),
            (&["2024-02-29 01:02:03", "2024-02-29T01:02:03.5"], "TIMESTAMP"),
            (&["2024-02-29", "2024-02-29 01:02:03"], "TIMESTAMP"),
            (&["2024-02-29 01:02:03+02:00"], "VARCHAR"),
            (&["2024-02-29", "1"], "VARCHAR"),
            (&["", "1"], "VARCHAR"),
            (&["1 ", "1"], "VARCHAR"),
        ];
        for (texts, expected) in cases {
            assert_eq!(kind(texts), expected, "{texts:?}");
        }
    }
}
