//! What we print is what the engine prints; what we refuse has its code.

use super::{COLUMNS_MAX, Column, ColumnType, DefaultExpr, TableSchema, valid_column_name};
use proptest::prelude::*;

const FORMS: &[&str] = &[
    "BOOLEAN",
    "bool",
    "LOGICAL",
    "TINYINT",
    "int1",
    "SMALLINT",
    "INT2",
    "INT16",
    "short",
    "INTEGER",
    "INT",
    "INT4",
    "INT32",
    "integral",
    "signed",
    "BIGINT",
    "INT8",
    "INT64",
    "LONG",
    "oid",
    "HUGEINT",
    "INT128",
    "UTINYINT",
    "UINT8",
    "USMALLINT",
    "UINT16",
    "UINTEGER",
    "UINT32",
    "UBIGINT",
    "UINT64",
    "UHUGEINT",
    "UINT128",
    "FLOAT",
    "FLOAT4",
    "REAL",
    "FLOAT(3)",
    "FLOAT(24)",
    "FLOAT(25)",
    "FLOAT(53)",
    "DOUBLE",
    "double",
    "FLOAT8",
    "DOUBLE PRECISION",
    "DECIMAL",
    "NUMERIC",
    "DEC(3)",
    "DECIMAL(10, 2)",
    "NUMERIC(38,38)",
    "DECIMAL(1,0)",
    "VARCHAR",
    "VARCHAR(10)",
    "TEXT",
    "STRING",
    "CHAR",
    "CHAR(3)",
    "BPCHAR",
    "NVARCHAR(5)",
    "CHARACTER",
    "CHARACTER VARYING(10)",
    "BLOB",
    "BINARY",
    "BYTEA",
    "VARBINARY",
    "BIT",
    "BITSTRING",
    "DATE",
    "TIME",
    "TIME WITHOUT TIME ZONE",
    "TIMETZ",
    "TIME WITH TIME ZONE",
    "TIMESTAMP",
    "DATETIME",
    "TIMESTAMP(0)",
    "TIMESTAMP(2)",
    "TIMESTAMP(6)",
    "TIMESTAMP(9)",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_US",
    "TIMESTAMP_NS",
    "TIMESTAMPTZ",
    "timestamp with time zone",
    "TIMESTAMP WITHOUT TIME ZONE",
    "INTERVAL",
    "UUID",
    "GUID",
    "JSON",
    "ENUM('a', 'b''c', '', 'ü')",
    "INTEGER[]",
    "INT[][]",
    "INT[3]",
    "TEXT[][3][]",
    "INTEGER ARRAY",
    "INTEGER ARRAY[4]",
    "STRUCT(a INT, \"b c\" TEXT, \"x\"\"y\" JSON)",
    "STRUCT(\"select\" INT, Abc INT, \"1a\" INT, \"é\" DATE, _x TIME, \"value\" BIT)[]",
    "ROW(a DECIMAL(3,1)[])",
    "MAP(VARCHAR, INT)",
    "MAP(INT[], MAP(UUID, STRUCT(z ENUM('q'))))",
];

#[test]
fn every_form_is_spelled_as_the_engine_spells_it() {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    for form in FORMS {
        let ours = ColumnType::parse(form).unwrap_or_else(|error| panic!("{form}: {error}"));
        for written in [(*form).to_owned(), ours.to_string(), ours.to_sql()] {
            connection.execute_batch(&format!("CREATE OR REPLACE TABLE t (c {written})")).unwrap();
            let theirs: String =
                connection.query_row("SELECT column_type FROM (DESCRIBE t)", [], |row| row.get(0)).unwrap();
            assert_eq!(ours.to_string(), theirs, "written {written}");
        }
        assert_eq!(ColumnType::parse(&ours.to_string()).unwrap(), ours);
        assert_eq!(ColumnType::parse(&ours.to_sql()).unwrap(), ours);
    }
}

#[test]
fn anything_else_is_no_type() {
    let deep = format!("{}INT{}", "STRUCT(a ".repeat(17), ")".repeat(17));
    let suffixes = format!("INT{}", "[]".repeat(16));
    let hostile = "MAP(".repeat(1000);
    let long = format!("ENUM('{}')", "x".repeat(5000));
    for bad in [
        "",
        " ",
        "nonsense",
        "INT; DROP TABLE x",
        "INT DEFAULT 1",
        "INT NOT NULL",
        "INT PRIMARY KEY",
        "INT --",
        "DECIMAL(39,2)",
        "DECIMAL(0,0)",
        "DECIMAL(3,4)",
        "DECIMAL(3,-1)",
        "DECIMAL(1e1,0)",
        "INT[0]",
        "INT[100001]",
        "INT[",
        "ENUM()",
        "ENUM('a','a')",
        "ENUM(a)",
        "STRUCT()",
        "STRUCT(a)",
        "STRUCT(a INT, A INT)",
        "STRUCT(a INT,)",
        "MAP(INT)",
        "MAP(INT, INT, INT)",
        "UNION(a INT)",
        "VARIANT",
        "GEOMETRY",
        "VARCHAR COLLATE NOCASE",
        "VARCHAR(0)",
        "INT(3)",
        "TIMESTAMP(10)",
        "\"INT\"",
        "STRUCT(\"\u{1}\" INT)",
        "ENUM('\0')",
        "INT AS (1)",
        "main.INT",
        "FLOAT(54)",
        "INTéGER",
        "UNION",
        "NULL",
        "TYPE",
        "ANY",
        deep.as_str(),
        suffixes.as_str(),
        hostile.as_str(),
        long.as_str(),
    ] {
        assert_eq!(ColumnType::parse(bad).unwrap_err().code, "invalid_column_type", "{bad}");
    }
    assert!(ColumnType::parse(&format!("INT{}", "[]".repeat(15))).is_ok());
}

#[test]
fn defaults_are_canonical_and_the_same_at_every_replay() {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    connection.execute_batch("SET TimeZone = 'America/New_York'").unwrap();
    let micros = 1_767_323_045_123_456; // 2026-01-02 03:04:05.123456 UTC
    let nil = "f6e4fbc6-4dab-a42f-4c51-4e2d9cc0d0a5";
    for (column_type, default, canonical, value) in [
        ("INT", "42", "42", Some("42")),
        ("INT", "-7", "-7", Some("-7")),
        ("DOUBLE", "1.5e3", "1.5e3", Some("1500.0")),
        ("TEXT", "'it''s'", "'it''s'", Some("it's")),
        ("TEXT", "null", "NULL", None),
        ("BOOLEAN", "True", "TRUE", Some("true")),
        ("DATE", "DATE '2026-01-02'", "CAST('2026-01-02' AS DATE)", Some("2026-01-02")),
        ("DATE", "'2026-01-02'::date", "CAST('2026-01-02' AS DATE)", Some("2026-01-02")),
        ("BIGINT", "CAST('5' AS int)", "CAST('5' AS INTEGER)", Some("5")),
        ("TIMESTAMP", "now()", "now()", Some("2026-01-02 03:04:05.123456")),
        ("TIMESTAMPTZ", "(CURRENT_TIMESTAMP)", "now()", Some("2026-01-01 22:04:05.123456-05")),
        ("VARCHAR", "now()", "now()", Some("2026-01-02 03:04:05.123456")),
        ("DATE", "current_date", "current_date", Some("2026-01-02")),
        ("DATE", "now()", "now()", Some("2026-01-02")),
        ("UUID", "uuid()", "uuid()", Some(nil)),
        (
            "UUID",
            "UUID 'f6e4fbc6-4dab-a42f-4c51-4e2d9cc0d0a5'",
            "CAST('f6e4fbc6-4dab-a42f-4c51-4e2d9cc0d0a5' AS UUID)",
            Some(nil),
        ),
        ("INT[]", "'[1, 2]'", "'[1, 2]'", Some("[1, 2]")),
    ] {
        let column =
            Column::new("c", column_type, true, Some(default)).unwrap_or_else(|error| panic!("{default}: {error}"));
        let parsed = column.default.clone().unwrap();
        assert_eq!(parsed.to_string(), canonical, "{default}");
        assert_eq!(DefaultExpr::parse(canonical).unwrap(), parsed);
        let sql = column.default_sql(micros, "it's a seed", Some("41 + 1"));
        let got: Option<String> =
            connection.query_row(&format!("SELECT CAST({sql} AS VARCHAR)"), [], |row| row.get(0)).unwrap();
        if default == "uuid()" {
            let again: Option<String> = connection
                .query_row("SELECT CAST(CAST(md5('it''s a seed/c/42') AS UUID) AS VARCHAR)", [], |row| row.get(0))
                .unwrap();
            assert_eq!(got, again);
        } else {
            assert_eq!(got.as_deref(), value, "{default} as {column_type}");
        }
    }
}

#[test]
fn the_calendar_is_the_engines() {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    for micros in [0_i64, 951_782_400_000_000, 951_868_799_999_999, 4_107_542_400_000_000, 253_402_300_799_999_999] {
        let sql = format!("SELECT epoch_us({})", DefaultExpr::Now.to_sql(micros, "", None));
        let back: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(back, micros);
    }
}

#[test]
fn other_defaults_are_refused() {
    for bad in [
        "",
        "unknown",
        "1 + 1",
        "(SELECT 1)",
        "random()",
        "nextval('s')",
        "now() + INTERVAL 1 DAY",
        "1; DROP TABLE t",
        "1 -- c",
        "'open",
        "getenv('HOME')",
        "uuid",
        "uuid(1)",
        "CAST(now() AS DATE)",
        "CAST('x' AS nonsense)",
        "'x'::",
        "--1",
        "1e999",
        "1.2.3",
        "E'\\x41'",
        "$$x$$",
        "((1))",
        "1 2",
        "'a' 'b'",
        "read_text('/etc/passwd')",
        "-'x'",
        ".",
        "1e",
    ] {
        assert_eq!(DefaultExpr::parse(bad).unwrap_err().code, "invalid_default", "{bad}");
    }
}

fn column(name: &str) -> Column {
    Column::new(name, "INT", true, None).unwrap()
}

#[test]
fn names_counts_and_keys_are_checked() {
    assert!(valid_column_name(&"é".repeat(64)).is_ok());
    for bad in ["", "a\nb", "a\0", &"x".repeat(65)] {
        assert_eq!(valid_column_name(bad).unwrap_err().code, "invalid_name");
    }
    let code = |columns: Vec<Column>, key: &[&str]| {
        let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
        TableSchema::new(columns, &key).unwrap_err().code
    };
    assert_eq!(code(vec![column("a"), column("A")], &[]), "duplicate_column");
    assert_eq!(code(vec![column("a")], &["b"]), "invalid_primary_key");
    assert_eq!(code(vec![column("a")], &["a", "A"]), "invalid_primary_key");
    assert_eq!(code((0..10_000).map(|n| column(&format!("c{n}"))).collect(), &[]), "too_many_columns");
    assert!(TableSchema::new((0..COLUMNS_MAX).map(|n| column(&format!("c{n}"))).collect(), &[]).is_ok());
    let schema = TableSchema::new(vec![column("Id"), column("v")], &["ID".to_owned()]).unwrap();
    assert_eq!(schema.primary_key, ["Id"]);
    assert!(!schema.column("iD").unwrap().nullable);
    assert!(schema.validate().is_ok());
}

#[test]
fn json_is_texts() {
    let column = Column::new("a", "int[]", false, Some("null")).unwrap();
    let json = serde_json::to_value(&column).unwrap();
    assert_eq!(json, serde_json::json!({"name": "a", "type": "INTEGER[]", "nullable": false, "default": "NULL"}));
    assert_eq!(serde_json::from_value::<Column>(json).unwrap(), column);
    assert!(serde_json::from_value::<Column>(serde_json::json!({"name": "a", "type": "file"})).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}", pieces in prop::collection::vec(prop::sample::select(vec![
        "INT", "STRUCT", "(", ")", "[", "]", ",", "a", "'x'", "\"y\"", "MAP", "ENUM", "1", "3", "DECIMAL", "::", "CAST", "AS", "-", "now", " ",
    ]), 0..24)) {
        for candidate in [text, pieces.join(" ")] {
            if let Ok(parsed) = ColumnType::parse(&candidate) {
                prop_assert_eq!(&ColumnType::parse(&parsed.to_string()).unwrap(), &parsed);
            }
            if let Ok(parsed) = DefaultExpr::parse(&candidate) {
                prop_assert_eq!(&DefaultExpr::parse(&parsed.to_string()).unwrap(), &parsed);
            }
        }
    }
}
