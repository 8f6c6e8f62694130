//! Every rule of loading files, on real files.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write as _;

use alluvium_tablestore::{
    Changed, CsvOptions, DedupMode, ExportFormat, ExportSpec, ExtraColumns, LoadFormat, LoadSpec, ParquetCompression,
};
use common::{Bench, append, csv, csv_with, moment, refused};

const AB: &[(&str, &str, bool, Option<&str>)] = &[("a", "BIGINT", true, None), ("b", "VARCHAR", true, None)];

fn options(change: impl FnOnce(&mut CsvOptions)) -> CsvOptions {
    let mut options = CsvOptions::default();
    change(&mut options);
    options
}

/// Loads text with options into a fresh table of `a` and `b` and gives its rows.
fn loaded(text: &str, change: impl FnOnce(&mut CsvOptions)) -> Vec<String> {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    table.load(csv_with(bench.blob(text.as_bytes()), options(change))).unwrap();
    table.rows()
}

#[test]
fn a_full_load_replaces_and_an_incremental_one_adds() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let one = csv(bench.blob(b"a,b\n1,x\n2,y\n"));
    assert_eq!(table.load(one.clone()).unwrap().imported_rows, 2);
    assert_eq!(table.load(one.clone()).unwrap().imported_rows, 2);
    assert_eq!(table.rows().len(), 2);
    let report = table.load(LoadSpec { incremental: true, ..one }).unwrap();
    assert_eq!((report.imported_rows, report.inserted_rows), (2, 2));
    assert_eq!(table.rows().len(), 4, "without a key duplicates are kept");
}

#[test]
fn header_names_decide_in_any_order_and_case() {
    assert_eq!(loaded("B,A\nx,1\n", |_| {}), [r#"{"a":1,"b":"x"}"#]);
    assert_eq!(loaded("B\nx\n", |_| {}), [r#"{"a":null,"b":"x"}"#]);
    assert_eq!(loaded("\u{feff}a,b\n1,x\n", |_| {}), [r#"{"a":1,"b":"x"}"#], "a byte order mark is no part of a name");
    assert_eq!(loaded("\"a\",\"b\"\r\n1,x\r\n", |_| {}), [r#"{"a":1,"b":"x"}"#]);
    assert_eq!(loaded("a,b", |_| {}), Vec::<String>::new());
    assert_eq!(loaded("1,x\n2,y", |o| o.header = false).len(), 2);
    assert_eq!(loaded("", |o| o.header = false).len(), 0);
}

#[test]
fn unknown_headers_are_positional_with_a_warning_or_an_error() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let report = table.load(csv(bench.blob(b"foo,bar\n1,x\n"))).unwrap();
    assert_eq!((report.imported_rows, report.warnings.len()), (1, 1));
    assert_eq!(table.rows(), [r#"{"a":1,"b":"x"}"#]);
    let extra = csv(bench.blob(b"a,b,zzz\n1,x,9\n"));
    let (code, details, message) = refused(table.load(extra.clone()));
    assert_eq!((code, details["column"].as_str()), ("import_failed", Some("zzz")), "{message}");
    let report = table.load(LoadSpec { extra_columns: ExtraColumns::Ignore, ..extra }).unwrap();
    assert_eq!((report.imported_rows, report.warnings.len()), (1, 1));
    for bad in ["a,A\n1,2\n", "", "a,b,c,d\n"] {
        assert_eq!(refused(table.load(csv(bench.blob(bad.as_bytes())))).0, "import_failed", "{bad:?}");
    }
}

#[test]
fn missing_columns_take_defaults_and_not_null_ones_refuse() {
    let bench = Bench::new();
    let columns =
        &[("a", "BIGINT", false, None), ("s", "VARCHAR", true, Some("'new'")), ("u", "UUID", true, Some("uuid()"))];
    let table = bench.table(columns, &[]);
    table.load(csv(bench.blob(b"a\n1\n2\n"))).unwrap();
    let rows = table.rows();
    assert!(rows[0].contains(r#""s":"new""#) && rows[0] != rows[1].replace(":2,", ":1,"), "{rows:?}");
    let (code, details, _) = refused(table.load(csv(bench.blob(b"s\nx\n"))));
    assert_eq!((code, details["column"].as_str()), ("import_failed", Some("a")));
    let (code, details, _) = refused(table.load(csv(bench.blob(b"a,s\n,x\n"))));
    assert_eq!((code, details["column"].as_str()), ("import_failed", Some("a")));
    assert_eq!(table.rows(), rows, "a refused load leaves the table");
}

#[test]
fn columns_restrict_the_load() {
    let bench = Bench::new();
    let table = bench
        .table(&[("k", "BIGINT", false, None), ("x", "VARCHAR", true, None), ("y", "VARCHAR", true, None)], &["k"]);
    table.load(csv(bench.blob(b"k,x,y\n1,x1,y1\n"))).unwrap();
    let only = |path, columns: &[&str]| LoadSpec {
        columns: Some(columns.iter().map(|name| (*name).to_owned()).collect()),
        incremental: true,
        ..csv(path)
    };
    table.load(only(bench.blob(b"k,x,y\n1,x2,y2\n2,x3,y3\n"), &["k", "x"])).unwrap();
    assert_eq!(table.rows(), [r#"{"k":1,"x":"x2","y":"y1"}"#, r#"{"k":2,"x":"x3","y":null}"#]);
    let spec =
        LoadSpec { format: LoadFormat::Csv(options(|o| o.header = false)), ..only(bench.blob(b"y9,1\n"), &["y", "k"]) };
    table.load(spec).unwrap();
    assert_eq!(table.rows()[0], r#"{"k":1,"x":"x2","y":"y9"}"#, "without a header their order is the file's");
    assert_eq!(refused(table.load(only(bench.blob(b"k\n1\n"), &["k", "nope"]))).0, "column_not_found");
    assert_eq!(refused(table.load(only(bench.blob(b"x\n1\n"), &["x"]))).0, "import_failed", "the key is missing");
}

#[test]
fn nulls_quotes_and_escapes() {
    assert_eq!(loaded("a,b\n,\n1,\"\"\n", |_| {}), [r#"{"a":null,"b":null}"#, r#"{"a":1,"b":null}"#]);
    assert_eq!(
        loaded("a,b\n1,\"\"\n2,\n", |o| o.allow_quoted_nulls = false),
        [r#"{"a":1,"b":""}"#, r#"{"a":2,"b":null}"#]
    );
    assert_eq!(
        loaded("a,b\n1,NA\nNA,x\n2,\"\"\n", |o| o.null_string = "NA".into()),
        [r#"{"a":1,"b":null}"#, r#"{"a":null,"b":"x"}"#, r#"{"a":2,"b":""}"#]
    );
    assert_eq!(loaded("a,b\n1,\"{\"\"k\"\": 1}\"\n", |_| {}), [r#"{"a":1,"b":"{\"k\": 1}"}"#]);
    // Both escapes in one file; a backslash before anything else is itself.
    assert_eq!(
        loaded("a,b\n1,\"x \\\"y\\\" \"\"z\"\"\"\n2,\"c:\\temp\\\\\"\n3,d:\\\\x\n4,\"l1\nl2\"\n", |_| {}),
        [
            r#"{"a":1,"b":"x \"y\" \"z\""}"#,
            r#"{"a":2,"b":"c:\\temp\\"}"#,
            r#"{"a":3,"b":"d:\\\\x"}"#,
            r#"{"a":4,"b":"l1\nl2"}"#
        ]
    );
    assert_eq!(loaded("a,b\n1,\"x\n", |o| o.quote = String::new()), [r#"{"a":1,"b":"\"x"}"#]);
    assert_eq!(loaded("a,b\n1,'x, y'\n", |o| o.quote = "'".into()), [r#"{"a":1,"b":"x, y"}"#]);
}

#[test]
fn delimiters() {
    assert_eq!(loaded("a\tb\n1\tx\n", |o| o.delimiter = "\\t".into()), [r#"{"a":1,"b":"x"}"#]);
    assert_eq!(loaded("a;b\n1;x,y\n", |o| o.delimiter = ";".into()), [r#"{"a":1,"b":"x,y"}"#]);
    assert_eq!(loaded("a||b\n1||x|y\n", |o| o.delimiter = "||".into()), [r#"{"a":1,"b":"x|y"}"#]);
    assert_eq!(loaded("a|~|~b\n1|~|~\"x\\\"\"\n", |o| o.delimiter = "|~|~".into()), [r#"{"a":1,"b":"x\""}"#]);
}

#[test]
fn contradictory_options_are_refused() {
    type Change = Box<dyn Fn(&mut CsvOptions)>;
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let bad: Vec<Change> = vec![
        Box::new(|o| o.delimiter = String::new()),
        Box::new(|o| o.delimiter = "12345".into()),
        Box::new(|o| o.delimiter = "\n".into()),
        Box::new(|o| o.delimiter = "\"".into()),
        Box::new(|o| o.quote = "ab".into()),
        Box::new(|o| o.quote = "é".into()),
        Box::new(|o| o.escape = "\n".into()),
        Box::new(|o| o.escape = ",".into()),
        Box::new(|o| o.null_string = "a,b".into()),
        Box::new(|o| o.null_string = "\"".into()),
    ];
    for change in bad {
        let spec = csv_with(bench.blob(b"a,b\n1,x\n"), options(|o| change(o)));
        assert_eq!(refused(table.load(spec)).0, "invalid_csv_options");
    }
}

#[test]
fn bad_rows_are_named_and_nothing_is_loaded() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    table.load(csv(bench.blob(b"a,b\n7,keep\n"))).unwrap();
    for (text, line, column) in [
        ("a,b\n1,x\nzz,y\n", 3, Some("a")),
        ("b,a\nx,1\ny,zz\n", 3, Some("a")),
        ("a,b\n1,x\n2\n", 3, None),
        ("a,b\n1,x\n2,y,z\n", 3, None),
        ("a,b\n1,\"x\n", 2, None),
        ("a,b\n1,x\n99999999999999999999,y\n", 3, Some("a")),
    ] {
        let (code, details, message) = refused(table.load(csv(bench.blob(text.as_bytes()))));
        assert_eq!(code, "import_failed");
        assert_eq!((details["line"].as_u64(), details["column"].as_str()), (Some(line), column), "{text:?}: {message}");
        assert!(!message.contains("read_csv") && !message.contains('/'), "{message}");
    }
    assert_eq!(refused(table.load(csv(bench.blob(b"a,b\n1,\xff\xfe\n")))).0, "import_failed");
    assert_eq!(table.rows(), [r#"{"a":7,"b":"keep"}"#]);
}

#[test]
fn compressed_files_are_told_by_their_content() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let text = b"a,b\n1,\"x \\\"y\\\"\"\n2,z\n";
    let gzip = |text: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    };
    for bytes in [gzip(text), zstd::encode_all(&text[..], 0).unwrap()] {
        table.load(csv(bench.blob(&bytes))).unwrap();
        assert_eq!(table.rows(), [r#"{"a":1,"b":"x \"y\""}"#, r#"{"a":2,"b":"z"}"#]);
        // Read in place by the engine when the escape is the doubled quote.
        let spec = csv_with(bench.blob(&bytes), options(|o| o.escape = String::new()));
        let _ = table.load(spec);
        let cut = bench.blob(&bytes[..bytes.len() - 6]);
        for escape in ["\\", ""] {
            let outcome = table.load(csv_with(cut.clone(), options(|o| o.escape = escape.into())));
            assert_eq!(refused(outcome).0, "import_failed", "cut short, escape {escape:?}");
        }
    }
    let plain = gzip(b"a,b\n1,x\n");
    table.load(csv_with(bench.blob(&plain), options(|o| o.escape = "\"".into()))).unwrap();
    assert_eq!(table.rows(), [r#"{"a":1,"b":"x"}"#]);
}

#[test]
fn what_its_type_cannot_read_is_refused_and_never_null() {
    let bench = Bench::new();
    for kind in [
        "BOOLEAN",
        "TINYINT",
        "UHUGEINT",
        "DOUBLE",
        "DECIMAL(9,2)",
        "DATE",
        "TIME",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_NS",
        "TIMESTAMPTZ",
        "INTERVAL",
        "UUID",
        "BIT",
        "ENUM('a', 'b')",
        "INTEGER[]",
        "STRUCT(x INTEGER)",
        "MAP(VARCHAR, INTEGER)",
    ] {
        let table = bench.table(&[("a", kind, true, None)], &[]);
        let outcome = table.load(csv(bench.blob(b"a\nnot such a value\n")));
        assert!(outcome.is_err(), "{kind}: {:?}", table.rows());
        assert_eq!(refused(outcome).0, "import_failed", "{kind}");
        assert!(table.rows().is_empty(), "{kind}");
    }
    let table = bench.table(&[("a", "TIMETZ", true, None)], &[]);
    table.load(csv(bench.blob(b"a\n10:00:00+01\n\"\"\n"))).unwrap();
    assert_eq!(table.rows(), [r#"{"a":"10:00:00+01"}"#, r#"{"a":null}"#]);
    let table = bench.table(&[("a", "TIMESTAMPTZ", true, None)], &[]);
    table.load(csv(bench.blob(b"a\n2024-01-15 14:30:00+01\n2024-01-15 14:30:00\n2024-01-15T14:30:00Z\n"))).unwrap();
    let (early, late) = (r#"{"a":"2024-01-15T13:30:00+00:00"}"#, r#"{"a":"2024-01-15T14:30:00+00:00"}"#);
    assert_eq!(table.rows(), [early, late, late]);
}

#[test]
fn a_small_file_that_holds_too_much_is_refused() {
    const MIB: usize = 1024 * 1024;
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
    bomb.write_all(b"a,b\n").unwrap();
    let part = b"1,x\n".repeat(MIB / 4);
    for _ in 0..1025 {
        bomb.write_all(&part).unwrap();
    }
    let bomb = bench.blob(&bomb.finish().unwrap());
    assert!(std::fs::metadata(&bomb).unwrap().len() < MIB as u64);
    // Whether the engine would unpack it, or we to rewrite it.
    for escape in ["\"", "", "\\"] {
        let outcome = table.load(csv_with(bomb.clone(), options(|o| o.escape = escape.into())));
        let (code, _, message) = refused(outcome);
        assert_eq!((code, message.contains("unpacks to more than")), ("import_failed", true), "escape {escape:?}");
    }
    assert!(table.rows().is_empty());
}

#[test]
fn keys_in_the_file_and_in_the_table() {
    let bench = Bench::new();
    let keyed = || bench.table(&[("a", "BIGINT", false, None), ("b", "VARCHAR", true, None)], &["a"]);
    let table = keyed();
    let report = table.load(csv(bench.blob(b"a,b\n1,x\n2,y\n1,z\n"))).unwrap();
    assert_eq!((report.imported_rows, report.inserted_rows, report.duplicates_in_file), (3, 2, 1));
    assert_eq!(table.rows(), [r#"{"a":1,"b":"z"}"#, r#"{"a":2,"b":"y"}"#], "the last row of the file wins");
    let more = LoadSpec { incremental: true, ..csv(bench.blob(b"a,b\n1,z\n2,new\n3,n\n3,m\n")) };
    let report = table.load(more.clone()).unwrap();
    assert_eq!(
        (
            report.imported_rows,
            report.inserted_rows,
            report.updated_rows,
            report.unchanged_rows,
            report.duplicates_in_file
        ),
        (1, 1, 1, 1, 1)
    );
    assert_eq!(table.rows(), [r#"{"a":1,"b":"z"}"#, r#"{"a":2,"b":"new"}"#, r#"{"a":3,"b":"m"}"#]);
    let report = table.load(more).unwrap();
    assert_eq!((report.imported_rows, report.updated_rows, report.unchanged_rows), (0, 0, 3));

    for mode in [DedupMode::InsertDuplicates, DedupMode::FailOnDuplicates] {
        let spec = |text: &[u8], incremental| LoadSpec { dedup_mode: mode, incremental, ..csv(bench.blob(text)) };
        let (code, details, _) = refused(table.load(spec(b"a,b\n5,x\n5,y\n", false)));
        assert_eq!((code, details["example_keys"][0]["a"].as_str()), ("duplicate_key", Some("5")));
        let (code, details, _) = refused(table.load(spec(b"a,b\n9,x\n2,y\n", true)));
        assert_eq!((code, details["example_keys"][0]["a"].as_str()), ("duplicate_key", Some("2")));
        assert_eq!(table.rows().len(), 3);
    }
    assert_eq!(refused(table.load(csv(bench.blob(b"a,b\n,x\n")))).0, "import_failed", "a NULL in the key");
    let full = keyed();
    full.load(csv(bench.blob(b"a,b\n1,x\n"))).unwrap();
    full.load(csv(bench.blob(b"a,b\n2,x\n"))).unwrap();
    assert_eq!(full.rows(), [r#"{"a":2,"b":"x"}"#]);
}

#[test]
fn parquet_loads_by_name_and_exports_come_back() {
    let bench = Bench::new();
    let source = bench.table(AB, &[]);
    source
        .load(csv_with(bench.blob(b"a,b\n1,\"\"\n2,\n3,\"q\"\"z,\"\n"), options(|o| o.allow_quoted_nulls = false)))
        .unwrap();
    let target = bench.table(&[("B", "VARCHAR", true, None), ("A", "INTEGER", true, None)], &[]);
    for (format, load) in [
        (ExportFormat::Parquet(ParquetCompression::Snappy), LoadFormat::Parquet),
        (ExportFormat::Parquet(ParquetCompression::Zstd), LoadFormat::Parquet),
        (ExportFormat::Parquet(ParquetCompression::Gzip), LoadFormat::Parquet),
        (ExportFormat::Csv { gzip: false }, LoadFormat::Csv(options(|o| o.allow_quoted_nulls = false))),
        (ExportFormat::Csv { gzip: true }, LoadFormat::Csv(options(|o| o.allow_quoted_nulls = false))),
    ] {
        let path = bench.hub.config().export_dir.join(common::uuid());
        let spec = ExportSpec {
            format,
            columns: None,
            predicate_sql: None,
            changed: Changed::default(),
            with_stamp: false,
            limit: None,
            lens: None,
        };
        let exported = bench.hub.export(&source.file, &spec, &path).unwrap();
        assert_eq!((exported.rows, exported.bytes), (3, std::fs::metadata(&path).unwrap().len()));
        if format == (ExportFormat::Csv { gzip: false }) {
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,\"\"\n2,\n3,\"q\"\"z,\"\n");
        }
        let spec = LoadSpec { format: load, ..csv(path) };
        target.load(spec).unwrap();
        assert_eq!(target.rows(), [r#"{"B":"","A":1}"#, r#"{"B":null,"A":2}"#, r#"{"B":"q\"z,","A":3}"#]);
    }
    let junk = LoadSpec { format: LoadFormat::Parquet, ..csv(bench.blob(b"PAR1 this is not parquet PAR1")) };
    assert_eq!(refused(target.load(junk)).0, "import_failed");
    let outside = std::env::temp_dir().join("not-ours.csv");
    let spec = ExportSpec {
        format: ExportFormat::Csv { gzip: false },
        columns: None,
        predicate_sql: None,
        changed: Changed::default(),
        with_stamp: false,
        limit: None,
        lens: None,
    };
    assert!(bench.hub.export(&source.file, &spec, &outside).is_err());
    assert!(!outside.exists());
}

#[test]
fn exotic_types_load_from_text() {
    let bench = Bench::new();
    let columns = &[
        ("h", "HUGEINT", true, None),
        ("j", "JSON", true, None),
        ("l", "INTEGER[]", true, None),
        ("e", "ENUM('x', 'y''s')", true, None),
        ("s", "STRUCT(a INTEGER, b VARCHAR)", true, None),
        ("d", "DECIMAL(10,2)", true, None),
        ("t", "TIMESTAMPTZ", true, None),
        ("u", "UUID", true, None),
        ("i", "INTERVAL", true, None),
        ("bl", "BLOB", true, None),
    ];
    let table = bench.table(columns, &[]);
    let text = "h;j;l;e;s;d;t;u;i;bl\n170141183460469231731687303715884105727;\"{\"\"a\"\": 1}\";[1, 2];y's;{'a': 1, 'b': z};1.5;\
                2024-01-01 10:00:00+02;6ba7b810-9dad-11d1-80b4-00c04fd430c8;1 year 2 days 03:04:05.5;abc\n";
    table.load(csv_with(bench.blob(text.as_bytes()), options(|o| o.delimiter = ";".into()))).unwrap();
    assert_eq!(
        table.rows(),
        [concat!(
            r#"{"h":170141183460469231731687303715884105727,"j":"{\"a\": 1}","l":[1,2],"e":"y's","s":{"a":1,"b":"z"},"d":"1.50","#,
            r#""t":"2024-01-01T08:00:00+00:00","u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","i":"1 year 2 days 03:04:05.5","bl":"YWJj"}"#
        )]
    );
}

#[test]
fn a_load_and_an_append_share_one_transaction() {
    let bench = Bench::new();
    let table = bench.table(&[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)], &[]);
    let bad = alluvium_tablestore::Change::Load(LoadSpec { incremental: true, ..csv(bench.blob(b"id,name\nx,y\n")) });
    assert_eq!(refused(table.apply(vec![append(&[Some(1)], &[None]), bad])).0, "import_failed");
    assert!(table.rows().is_empty());
    let good = alluvium_tablestore::Change::Load(LoadSpec { incremental: true, ..csv(bench.blob(b"id,name\n2,y\n")) });
    assert_eq!(table.apply(vec![append(&[Some(1)], &[None]), good]).unwrap().rows, 2);
    let _ = moment();
}
