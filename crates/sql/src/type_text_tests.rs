use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::type_grammar::{TYPE_DEPTH_MAX, TYPE_PARTS_MAX};
use crate::types::DECIMAL_DIGITS_MAX;

#[rstest]
#[case("boolean", "BOOLEAN")]
#[case("BOOL", "BOOLEAN")]
#[case("TINYINT", "TINYINT")]
#[case("SMALLINT UNSIGNED", "SMALLINT UNSIGNED")]
#[case("INT", "INTEGER")]
#[case("INTEGER UNSIGNED", "INTEGER UNSIGNED")]
#[case("BIGINT UNSIGNED ARRAY", "BIGINT UNSIGNED ARRAY")]
#[case("DECIMAL", "DECIMAL(38, 0)")]
#[case("NUMERIC(5)", "DECIMAL(5, 0)")]
#[case("DECIMAL(38,38)", "DECIMAL(38, 38)")]
#[case("REAL", "REAL")]
#[case("FLOAT4", "REAL")]
#[case("FLOAT32", "REAL")]
#[case("DOUBLE", "DOUBLE")]
#[case("DOUBLE PRECISION", "DOUBLE")]
#[case("FLOAT8", "DOUBLE")]
#[case("FLOAT64", "DOUBLE")]
#[case("CHAR", "CHAR(1)")]
#[case("CHARACTER(7)", "CHAR(7)")]
#[case("CHARACTER VARYING(7)", "VARCHAR(7)")]
#[case("VARCHAR", "VARCHAR")]
#[case("VARCHAR(255)", "VARCHAR(255)")]
#[case("TEXT", "VARCHAR")]
#[case("STRING", "VARCHAR")]
#[case("BINARY", "BINARY(1)")]
#[case("BINARY(16)", "BINARY(16)")]
#[case("VARBINARY", "VARBINARY")]
#[case("BYTEA", "VARBINARY")]
#[case("DATE", "DATE")]
#[case("TIME(3)", "TIME")]
#[case("TIMESTAMP(3)", "TIMESTAMP")]
#[case("TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP")]
#[case("TIMESTAMP(6) WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE")]
#[case("INTERVAL DAY(3) TO SECOND(6)", "INTERVAL DAY TO SECOND")]
#[case("INTERVAL WEEK", "INTERVAL DAY")]
#[case("INTERVAL YEAR TO MONTH", "INTERVAL YEAR TO MONTH")]
#[case("UUID", "UUID")]
#[case("VARIANT", "VARIANT")]
#[case("INT ARRAY ARRAY", "INTEGER ARRAY ARRAY")]
#[case("MAP<INT,MAP<INT,MAP<INT,INT>>>", "MAP<INTEGER, MAP<INTEGER, MAP<INTEGER, INTEGER>>>")]
#[case("MAP<VARCHAR, INT ARRAY> ARRAY", "MAP<VARCHAR, INTEGER ARRAY> ARRAY")]
#[case("MAP<VARCHAR, MAP<INT, INT>> ARRAY", "MAP<VARCHAR, MAP<INTEGER, INTEGER>> ARRAY")]
#[case(
    "ROW(A INT, \"B\" ROW(c INT NULL) NULL, d INT NOT NULL)",
    "ROW(a INTEGER, \"B\" ROW(c INTEGER NULL) NULL, d INTEGER)"
)]
#[case("ROW(select INT, \"a\"\"b\" INT)", "ROW(select INTEGER, \"a\"\"b\" INTEGER)")]
#[case("NULL", "NULL")]
fn types_are_written_in_one_way(#[case] written: &str, #[case] canonical: &str) {
    let kind: Type = written.parse().expect("a type");
    assert_eq!(kind.to_string(), canonical);
    assert_eq!(canonical.parse(), Ok(kind));
}

#[rstest]
#[case("", "Expected: a type, found: EOF")]
#[case("FLOAT", "FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)")]
#[case("DECIMAL(39)", "DECIMAL has from 1 to 38 digits, not 39")]
#[case("DECIMAL(0)", "DECIMAL has from 1 to 38 digits, not 0")]
#[case("DECIMAL(3, 4)", "DECIMAL(3, 4) has more digits behind the point than in all")]
#[case("DECIMAL(99999999999)", "99999999999 is no length or precision")]
#[case("CHAR(0)", "a length is from 1 to 65536, not 0")]
#[case("BINARY(65537)", "a length is from 1 to 65536, not 65537")]
#[case("VARCHAR(2147483648)", "a length is from 1 to 2147483647, not 2147483648")]
#[case("VARCHAR(1.5)", "1.5 is no length or precision")]
#[case("VARCHAR(x)", "Expected: a whole number, found: x")]
#[case("MAP<INT, INT", "Expected: >, found: EOF")]
#[case("MAP<INT, INT>>", "one `>` too many")]
#[case("MAP<MAP<INT, INT>>, INT>", "Expected: ,, found: >>")]
#[case("ROW()", "Expected: a name, found: )")]
#[case("ROW(a INT, A INT)", "Field 'a' stands twice in the row")]
#[case("INTERVAL", "Expected: a unit from YEAR to SECOND, found: EOF")]
#[case("INTERVAL MONTH TO DAY", "Expected: a shorter unit of the same kind, found: DAY")]
#[case("INT INT", "unexpected INT")]
#[case("TIME WITH TIME ZONE", "TIME WITH TIME ZONE is not supported")]
#[case("\"INT\"", "From line 1, column 1 to line 1, column 5: Object 'INT' not found")]
#[case("money", "From line 1, column 1 to line 1, column 5: Object 'money' not found")]
#[case("'", "Unterminated string literal")]
fn other_texts_are_no_types(#[case] text: &str, #[case] reason: &str) {
    let refused = text.parse::<Type>().expect_err("no type");
    assert_eq!(refused.reason, reason);
}

#[test]
fn types_nest_so_deep_and_no_deeper() {
    let nested = |depth| format!("INT{}", " ARRAY".repeat(depth - 1)).parse::<Type>();
    assert!(nested(TYPE_DEPTH_MAX).is_ok());
    assert!(nested(TYPE_DEPTH_MAX + 1).is_err());
    let maps = |depth: usize| format!("{}INT{}", "MAP<INT, ".repeat(depth - 1), ">".repeat(depth - 1)).parse::<Type>();
    assert!(maps(TYPE_DEPTH_MAX).is_ok());
    assert!(maps(TYPE_DEPTH_MAX + 1).is_err());
    assert!("MAP<INT, ".repeat(7_000).parse::<Type>().is_err());
}

#[test]
fn types_have_so_many_parts_and_no_more() {
    let wide = |fields: usize| {
        let fields: Vec<String> = (0..fields).map(|number| format!("f{number} INT")).collect();
        format!("ROW({})", fields.join(","))
    };
    assert!(wide(TYPE_PARTS_MAX - 1).parse::<Type>().is_ok());
    let reason = wide(TYPE_PARTS_MAX).parse::<Type>().expect_err("too many").reason;
    assert_eq!(reason, format!("the type has more than {TYPE_PARTS_MAX} parts"));
    let reason = " ".repeat(TYPE_TEXT_BYTES_MAX + 1).parse::<Type>().expect_err("too long").reason;
    assert_eq!(reason, format!("it has over {TYPE_TEXT_BYTES_MAX} bytes"));
}

fn leaf() -> impl Strategy<Value = Type> {
    let width = prop_oneof![Just(IntWidth::Tiny), Just(IntWidth::Small), Just(IntWidth::Normal), Just(IntWidth::Big)];
    let decimal = (1..=DECIMAL_DIGITS_MAX).prop_flat_map(|digits| (Just(digits), 0..=digits));
    let units = prop_oneof![
        Just(IntervalUnits::Year),
        Just(IntervalUnits::YearToMonth),
        Just(IntervalUnits::Month),
        Just(IntervalUnits::Day),
        Just(IntervalUnits::DayToHour),
        Just(IntervalUnits::DayToMinute),
        Just(IntervalUnits::DayToSecond),
        Just(IntervalUnits::Hour),
        Just(IntervalUnits::HourToMinute),
        Just(IntervalUnits::HourToSecond),
        Just(IntervalUnits::Minute),
        Just(IntervalUnits::MinuteToSecond),
        Just(IntervalUnits::Second),
    ];
    prop_oneof![
        Just(Type::Null),
        Just(Type::Boolean),
        width.clone().prop_map(Type::Int),
        width.prop_map(Type::UInt),
        decimal.prop_map(|(digits, scale)| Type::Decimal(digits, scale)),
        Just(Type::Real),
        Just(Type::Double),
        (1_u32..100).prop_map(Type::Char),
        proptest::option::of(1_u32..100).prop_map(Type::Varchar),
        (1_u32..100).prop_map(Type::Binary),
        proptest::option::of(1_u32..100).prop_map(Type::Varbinary),
        Just(Type::Date),
        Just(Type::Time),
        Just(Type::Timestamp),
        Just(Type::TimestampTz),
        units.prop_map(Type::Interval),
        Just(Type::Uuid),
        Just(Type::Variant),
    ]
}

fn identifier() -> impl Strategy<Value = Identifier> {
    prop_oneof![
        "[A-Za-z_éİß][A-Za-z0-9_$éİß]{0,6}".prop_map(|name| Identifier::folded(&name)),
        "[^\u{0}]{1,8}".prop_map(|name| Identifier::quoted(&name)),
    ]
}

fn row_of(fields: Vec<(Identifier, Type, bool)>) -> Type {
    let mut seen = std::collections::HashSet::new();
    let fields = fields.into_iter().filter(|(name, ..)| seen.insert(name.name.clone()));
    let field = |(name, kind, is_nullable)| Field { name, column_type: ColumnType { kind, is_nullable } };
    Type::Row(fields.map(field).collect())
}

fn any_type() -> impl Strategy<Value = Type> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Type::Array(Box::new(element))),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::Map(Box::new(key), Box::new(value))),
            proptest::collection::vec((identifier(), inner, any::<bool>()), 1..5).prop_map(row_of),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(kind in any_type()) {
        prop_assert_eq!(kind.to_string().parse::<Type>(), Ok(kind));
    }

    #[test]
    fn any_text_is_a_type_or_is_not(text in "[A-Za-z<>(), \"'0-9]{0,40}|\\PC{0,40}") {
        if let Ok(kind) = text.parse::<Type>() {
            prop_assert_eq!(kind.to_string().parse::<Type>(), Ok(kind));
        }
    }
}
