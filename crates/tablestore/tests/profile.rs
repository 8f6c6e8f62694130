//! Profiles against figures that were computed elsewhere, and columns that are hard to compute.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use alluvium_tablestore::{ProfileMode, TableSchema};
use common::{Bench, csv};
use serde_json::{Value, json};

type Columns<'a> = &'a [(&'a str, &'a str, bool, Option<&'a str>)];

fn profile(columns: Columns<'_>, rows: &str, mode: ProfileMode) -> Value {
    let bench = Bench::new();
    let table = bench.table(columns, &[]);
    let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
    table.load(csv(bench.blob(format!("{}\n{rows}", names.join(",")).as_bytes()))).unwrap();
    serde_json::to_value(bench.hub.profile(&table.file, mode).unwrap()).unwrap()
}

fn some(value: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| value[*name].clone()).collect()
}

const NUMBERS: Columns<'_> =
    &[("a", "INTEGER", true, None), ("b", "DECIMAL(9,2)", true, None), ("c", "DOUBLE", true, None)];
const ROWS: &str = "1,3,5\n2,3,3\n3,7,8\n4,7,1\n5,11,9\n6,11,2\n7,15,7\n8,15,4\n9,19,6\n10,19,10\n100,201,5\n,,\n";

/// The figures are those of Python's `statistics` and of the textbook's formulas for samples.
#[test]
fn numbers_have_the_figures_of_the_textbook() {
    let profile = profile(NUMBERS, ROWS, ProfileMode::Basic);
    assert_eq!(some(&profile, &["row_count", "column_count", "correlations"]), [json!(12), json!(3), Value::Null]);
    let a = &profile["statistics"][0];
    let names = ["column_name", "column_type", "min", "max", "approx_unique", "count", "null_percentage"];
    let expected = [json!("a"), json!("INTEGER"), json!(1), json!(100), json!(11), json!(11), json!(8.33)];
    assert_eq!(some(a, &names), expected);
    assert_eq!(some(a, &["avg", "std", "skewness", "kurtosis"]), [14.0909, 28.6372, 3.2556, 10.7067].map(|x| json!(x)));
    assert_eq!(some(a, &["q01", "q05", "q25", "q50", "q75", "q95"]), [1.1, 1.5, 3.5, 6.0, 8.5, 55.0].map(|x| json!(x)));
    assert!((a["q99"].as_f64().unwrap() - 91.0).abs() < 1e-9);
    let outliers = ["outlier_count", "outlier_lower_bound", "outlier_upper_bound"];
    assert_eq!(some(a, &outliers), [json!(1), json!(-4.0), json!(16.0)]);
    assert_eq!(some(a, &["cardinality_ratio", "cardinality_class"]), [json!(1.0), json!("unique")]);
    assert_eq!(some(a, &["histogram", "detected_patterns", "avg_length"]), [Value::Null, Value::Null, Value::Null]);
    let b = &profile["statistics"][1];
    assert_eq!(some(b, &["min", "max", "approx_unique"]), [json!("3.00"), json!("201.00"), json!(6)]);
    assert_eq!(some(b, &["avg", "std", "skewness", "kurtosis"]), [28.2727, 57.5658, 3.2581, 10.7184].map(|x| json!(x)));
    assert_eq!(some(b, &["cardinality_ratio", "cardinality_class"]), [json!(0.5455), json!("medium")]);
    // Two columns of three have more outliers than one row in twenty.
    assert_eq!(profile["quality_score"], json!(96.0));
    let issues: Vec<_> = profile["quality_issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| some(i, &["column", "type", "severity"]))
        .collect();
    let issue = |column: &str, kind: &str, severity: &str| vec![json!(column), json!(kind), json!(severity)];
    let expected =
        [("a", "outliers", "warning"), ("a", "skewed", "info"), ("b", "outliers", "warning"), ("b", "skewed", "info")];
    assert_eq!(issues, expected.map(|(column, kind, severity)| issue(column, kind, severity)));
}

#[test]
fn columns_that_move_together_are_found() {
    for mode in [ProfileMode::Full, ProfileMode::Quality] {
        let found = profile(NUMBERS, ROWS, mode)["correlations"].clone();
        let pair = json!({ "column1": "a", "column2": "b", "correlation": 0.9998, "strength": "strong" });
        assert_eq!(found, json!([pair]));
    }
}

#[test]
fn values_are_counted_and_many_of_them_by_range() {
    let few = profile(NUMBERS, ROWS, ProfileMode::Distribution);
    let b = serde_json::to_string(&few["statistics"][1]["histogram"]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&b).unwrap()["3.00"], 2);
    let rows: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let many = profile(&[("n", "INTEGER", true, None)], &rows, ProfileMode::Full);
    let histogram = many["statistics"][0]["histogram"].as_object().unwrap();
    assert_eq!(histogram.len(), 20);
    assert_eq!(histogram.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 1000);
    assert_eq!((&histogram["[0, 49.95)"], &histogram["[949.05, 999]"]), (&json!(50), &json!(50)));
}

#[test]
fn texts_have_lengths_and_patterns() {
    let rows = "me@example.org,2024-01-15\n\"\",2024-01-15T10:00:00Z\n\"  \",https://example.org/a?b=1\n\
                c2c1b0de-7c22-4d57-b2a5-8a8de2c1c2f3,192.168.0.1\nplain,+420 777 123 456\n";
    let columns: Columns<'_> = &[("a", "VARCHAR", true, None), ("b", "VARCHAR", true, None)];
    let bench = Bench::new();
    let table = bench.table(columns, &[]);
    let options = alluvium_tablestore::CsvOptions { allow_quoted_nulls: false, ..Default::default() };
    table.load(common::csv_with(bench.blob(format!("a,b\n{rows}").as_bytes()), options)).unwrap();
    let profile = serde_json::to_value(bench.hub.profile(&table.file, ProfileMode::Full).unwrap()).unwrap();
    let a = &profile["statistics"][0];
    let names = ["avg_length", "min_length", "max_length", "empty_count", "whitespace_only_count"];
    assert_eq!(some(a, &names), [json!(11.4), json!(0), json!(36), json!(1), json!(1)]);
    let patterns = |column: &Value| -> Vec<String> {
        column["detected_patterns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["pattern"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(patterns(a), ["email", "uuid"]);
    assert_eq!(a["detected_patterns"][0]["match_percentage"], json!(20.0));
    assert_eq!(patterns(&profile["statistics"][1]), ["url", "phone", "ipv4", "date_iso", "datetime_iso"]);
    assert_eq!(a["histogram"], Value::Null);
}

/// Nothing, only NULL, infinities, the ends of what numbers there are: figures or null, never an error.
#[test]
fn what_cannot_be_computed_is_null() {
    let columns: Columns<'_> = &[
        ("none", "INTEGER", true, None),
        ("odd", "DOUBLE", true, None),
        ("wide", "DOUBLE", true, None),
        ("huge", "HUGEINT", true, None),
        ("flat", "INTEGER", true, None),
        ("uh", "UHUGEINT", true, None),
        ("f", "FLOAT", true, None),
    ];
    let rows = ",nan,1.7e308,170141183460469231731687303715884105727,7,0,inf\n\
                ,inf,-1.7e308,-170141183460469231731687303715884105727,7,340282366920938463463374607431768211455,3e38\n\
                ,-inf,1e-308,0,7,1,-3e38\n,5,0,1,7,2,nan\n";
    for mode in [ProfileMode::Basic, ProfileMode::Full, ProfileMode::Distribution, ProfileMode::Quality] {
        let profile = profile(columns, rows, mode);
        let of = |index: usize| profile["statistics"][index].clone();
        assert_eq!(
            some(&of(0), &["min", "approx_unique", "cardinality_class", "avg"]),
            [json!(null), json!(0), json!(null), json!(null)]
        );
        assert_eq!(of(0)["null_percentage"], json!(100.0));
        assert_eq!(some(&of(1), &["avg", "std", "q50", "count"]), [json!(5.0), json!(null), json!(5.0), json!(4)]);
        assert_eq!(
            of(3)["max"].to_string(),
            "170141183460469231731687303715884105727".parse::<Value>().unwrap().to_string()
        );
        assert_eq!(
            some(&of(4), &["std", "skewness", "cardinality_class"]),
            [json!(0.0), json!(null), json!("constant")]
        );
        assert_eq!(of(5)["approx_unique"], json!(4));
    }
    let empty = profile(columns, "", ProfileMode::Full);
    assert_eq!(some(&empty, &["row_count", "quality_score", "correlations"]), [json!(0), json!(100.0), json!([])]);
}

#[test]
fn every_type_has_a_profile() {
    let kinds = [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "UBIGINT",
        "DECIMAL(38,9)",
        "BLOB",
        "BIT",
        "DATE",
        "TIME",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMP_NS",
        "TIMESTAMPTZ",
        "INTERVAL",
        "UUID",
        "JSON",
        "ENUM('a', 'b')",
        "INTEGER[]",
        "INTEGER[2]",
        "STRUCT(x INTEGER, y VARCHAR)",
        "MAP(VARCHAR, INTEGER)",
    ];
    let names: Vec<String> = (0..kinds.len()).map(|n| format!("c{n}")).collect();
    let columns: Vec<_> = names.iter().zip(kinds).map(|(name, kind)| (name.as_str(), kind, true, None)).collect();
    let bench = Bench::new();
    let table = bench.table(&columns, &[]);
    let values = "true,1,1,1,1.5,\\x00ab,101,2024-01-01,10:00,10:00:00+01,2024-01-01,2024-01-01,2024-01-01 00:00:00+00,1 day,\
                  c2c1b0de-7c22-4d57-b2a5-8a8de2c1c2f3,\"{\"\"k\"\": 1}\",a,\"[1]\",\"[1, 2]\",\"{'x': 1, 'y': z}\",\"{k=1}\"\n";
    table.load(csv(bench.blob(format!("{}\n{values}", names.join(",")).as_bytes()))).unwrap();
    let profile = serde_json::to_value(bench.hub.profile(&table.file, ProfileMode::Full).unwrap()).unwrap();
    for (column, kind) in profile["statistics"].as_array().unwrap().iter().zip(kinds) {
        assert_eq!((column["count"].as_u64(), column["approx_unique"].as_u64()), (Some(1), Some(1)), "{kind}");
        assert!(kind.starts_with("MAP") || !column["min"].is_null(), "{kind}: {column}");
    }
    let schema: TableSchema = bench.hub.schema(&table.file).unwrap().unwrap();
    assert_eq!(profile["column_count"], schema.columns.len());
}
