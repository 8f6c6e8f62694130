//! What a load may be told beyond the file: lines left out, further texts for NULL, columns that are new, and merges.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write as _;
use std::path::PathBuf;

use alluvium_tablestore::{
    ApplyError, Change, CsvOptions, DedupMode, Error, ExtraColumns, ExtractSpec, Fault, Hub, LoadFormat, LoadSpec,
};
use common::{Bench, append, csv, csv_with, mark, refused};

const AB: &[(&str, &str, bool, Option<&str>)] = &[("a", "BIGINT", true, None), ("b", "VARCHAR", true, None)];
const KEYED: &[(&str, &str, bool, Option<&str>)] = &[("k", "BIGINT", false, None), ("v", "VARCHAR", true, None)];

fn ignoring(path: PathBuf, ignored_lines: u64, header: bool) -> LoadSpec {
    csv_with(path, CsvOptions { ignored_lines, header, ..CsvOptions::default() })
}

#[test]
fn lines_before_the_header_are_left_out_whatever_they_hold() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let expected = [r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"q\"r"}"#];
    for text in [
        "a \"report\"\nof \"today,\n\"b\",a\nx,1\n\"q\"\"r\",2\n",
        "a \"report\"\r\nof \"today,\r\nb,a\r\nx,1\r\n\"q\\\"r\",2\r\n",
        "x\r\rb,a\rx,1\r\"q\"\"r\",2\r",
    ] {
        table.load(ignoring(bench.blob(text.as_bytes()), 2, true)).unwrap();
        assert_eq!(table.rows(), expected, "{text:?}");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        table.load(ignoring(bench.blob(&packed.finish().unwrap()), 2, true)).unwrap();
        assert_eq!(table.rows(), expected, "{text:?} packed");
    }
    table.load(ignoring(bench.blob(b"a,b\n7,x\n"), 1, false)).unwrap();
    assert_eq!(table.rows(), [r#"{"a":7,"b":"x"}"#]);
    let (code, details, _) = refused(table.load(ignoring(bench.blob(b"one\ntwo\na,b\n1,x\nno,y\n"), 2, true)));
    assert_eq!((code, details["line"].as_u64()), ("import_failed", Some(5)), "lines are counted as the file has them");
    assert_eq!(refused(table.load(ignoring(bench.blob(b"a,b\n1,x\n"), 9, true))).0, "import_failed");
    assert_eq!(table.load(ignoring(bench.blob(b"1,x\n"), 9, false)).unwrap().imported_rows, 0);
}

#[test]
fn several_texts_stand_for_null() {
    let bench = Bench::new();
    let table = bench.table(AB, &[]);
    let options = |allow_quoted_nulls| CsvOptions {
        null_strings: vec!["N/A".into(), "-".into(), "it's".into()],
        allow_quoted_nulls,
        ..CsvOptions::default()
    };
    let file = bench.blob(b"a,b\n-,x\nN/A,it's\n3,\n4,\"-\"\n5,N/A.\n");
    table.load(csv_with(file.clone(), options(true))).unwrap();
    let rows = |quoted: &str| {
        [r#"{"a":null,"b":"x"}"#, r#"{"a":null,"b":null}"#, r#"{"a":3,"b":null}"#, quoted, r#"{"a":5,"b":"N/A."}"#]
            .map(str::to_owned)
    };
    assert_eq!(table.rows(), rows(r#"{"a":4,"b":null}"#));
    table.load(csv_with(file.clone(), options(false))).unwrap();
    assert_eq!(table.rows(), rows(r#"{"a":4,"b":"-"}"#));
    let bad = CsvOptions { null_strings: vec!["a,b".into()], ..CsvOptions::default() };
    assert_eq!(refused(table.load(csv_with(file, bad))).0, "invalid_csv_options");
}

#[test]
fn new_columns_come_at_the_end_and_only_with_a_load_that_succeeds() {
    let bench = Bench::new();
    let adding = |path, incremental| LoadSpec { extra_columns: ExtraColumns::Add, incremental, ..csv(path) };
    let plain = bench.table(AB, &[]);
    plain.load(csv(bench.blob(b"a,b\n1,x\n"))).unwrap();
    assert_eq!(refused(plain.load(adding(bench.blob(b"a,new\nno number,y\n"), true))).0, "import_failed");
    assert_eq!(plain.hub.schema(&plain.file).unwrap().unwrap().columns.len(), 2, "nothing stays of a refused load");
    let report = plain.load(adding(bench.blob(b"New one,a,z\ny,2,9\n"), true)).unwrap();
    assert_eq!((report.imported_rows, report.added_columns), (1, vec!["New one".to_owned(), "z".to_owned()]));
    assert_eq!(
        plain.rows(),
        [r#"{"a":1,"b":"x","New one":null,"z":null}"#, r#"{"a":2,"b":null,"New one":"y","z":"9"}"#]
    );
    // A full load, over rows that go.
    plain.load(adding(bench.blob(b"a,more\n3,m\n"), false)).unwrap();
    assert_eq!(plain.rows(), [r#"{"a":3,"b":null,"New one":null,"z":null,"more":"m"}"#]);
    assert!(plain.load(adding(bench.blob(b"a,MORE\n4,m\n"), true)).unwrap().added_columns.is_empty());
    for bad in ["a,n,N\n1,2,3\n", "a,\n1,2\n"] {
        assert_eq!(refused(plain.load(adding(bench.blob(bad.as_bytes()), true))).0, "import_failed", "{bad:?}");
    }

    let keyed = bench.table(KEYED, &["k"]);
    keyed.load(csv(bench.blob(b"k,v\n1,a\n2,b\n"))).unwrap();
    let report = keyed.load(adding(bench.blob(b"k,w\n2,W\n3,X\n"), true)).unwrap();
    assert_eq!((report.inserted_rows, report.updated_rows), (1, 1));
    assert_eq!(
        keyed.rows(),
        [r#"{"k":1,"v":"a","w":null}"#, r#"{"k":2,"v":"b","w":"W"}"#, r#"{"k":3,"v":null,"w":"X"}"#]
    );

    // Parquet says what its columns are.
    let source = bench.table(&[("k", "BIGINT", true, None), ("d", "DECIMAL(10,2)", true, None)], &[]);
    source.load(csv(bench.blob(b"k,d\n4,1.5\n"))).unwrap();
    let path = parcel(&bench.hub, &source.file, &ExtractSpec::default());
    keyed.load(LoadSpec { format: LoadFormat::Parquet, ..adding(path, true) }).unwrap();
    let schema = keyed.hub.schema(&keyed.file).unwrap().unwrap();
    assert_eq!(schema.column("d").unwrap().column_type.to_string(), "DECIMAL(10,2)");
    assert_eq!(keyed.rows()[3], r#"{"k":4,"v":null,"w":null,"d":"1.50"}"#);
}

#[test]
fn a_merge_deletes_what_the_file_has_not() {
    let bench = Bench::new();
    let table = bench.table(KEYED, &["k"]);
    table.load(csv(bench.blob(b"k,v\n1,a\n2,b\n3,c\n"))).unwrap();
    let merge = |text: &[u8], incremental| LoadSpec { delete_missing: true, incremental, ..csv(bench.blob(text)) };
    let report = table.load(merge(b"k,v\n2,b\n3,C\n4,d\n4,D\n", false)).unwrap();
    assert_eq!(table.rows(), [r#"{"k":2,"v":"b"}"#, r#"{"k":3,"v":"C"}"#, r#"{"k":4,"v":"D"}"#]);
    assert_eq!((report.imported_rows, report.inserted_rows, report.updated_rows), (4, 1, 1));
    assert_eq!((report.deleted_rows, report.unchanged_rows, report.duplicates_in_file), (1, 1, 1));
    let report = table.load(merge(b"k,v\n9,x\n8,y\n", true)).unwrap();
    assert_eq!((report.imported_rows, report.deleted_rows, report.inserted_rows), (0, 3, 2), "the table shrank");
    table.load(merge(b"k,v\n", false)).unwrap();
    assert!(table.rows().is_empty(), "a file without rows has none of them");

    let keyless = bench.table(AB, &[]);
    let spec = LoadSpec { delete_missing: true, ..csv(bench.blob(b"a,b\n1,x\n")) };
    assert_eq!(refused(keyless.load(spec)).0, "import_failed");
}

fn parcel(hub: &Hub, file: &alluvium_tablestore::TableFile, spec: &ExtractSpec) -> PathBuf {
    let path = hub.config().export_dir.join(common::uuid());
    hub.parcel(file, spec, &path).unwrap();
    let blob = hub.config().blob_dir.join(common::uuid());
    std::fs::rename(path, &blob).unwrap();
    blob
}

#[test]
fn a_parcel_carries_every_type_exactly_and_in_order() {
    let bench = Bench::new();
    let columns = &[
        ("h", "HUGEINT", true, None),
        ("u", "UHUGEINT", true, None),
        ("i", "INTERVAL", true, None),
        ("tz", "TIMESTAMPTZ", true, None),
        ("ns", "TIMESTAMP_NS", true, None),
        ("s", "TIMESTAMP_S", true, None),
        ("bits", "BIT", true, None),
        ("deep", "STRUCT(a HUGEINT[], b VARCHAR)", true, None),
        ("l", "INTEGER[2]", true, None),
        ("e", "ENUM('x', 'y')", true, None),
        ("bl", "BLOB", true, None),
    ];
    let source = bench.table(columns, &[]);
    let text = "h;u;i;tz;ns;s;bits;deep;l;e;bl\n\
        170141183460469231731687303715884105727;340282366920938463463374607431768211455;1 day 00:00:00.000001;\
        2024-01-01 10:00:00.000001+02;2024-01-01 10:00:00.000000001;2024-01-01 10:00:00;10101;\
        {'a': [170141183460469231731687303715884105727], 'b': z};[1, 2];y;abc\n;;;;;;;;;;\n";
    let options = CsvOptions { delimiter: ";".into(), ..CsvOptions::default() };
    source.load(csv_with(bench.blob(text.as_bytes()), options)).unwrap();
    let target = bench.table(columns, &[]);
    let path = parcel(&bench.hub, &source.file, &ExtractSpec::default());
    target.load(LoadSpec { format: LoadFormat::Parquet, ..csv(path) }).unwrap();
    assert_eq!(target.rows(), source.rows());
    assert_eq!(bench.hub.first_difference(&source.file, &target.file).unwrap(), None);

    let part = ExtractSpec {
        columns: Some(vec!["l".into(), "h".into()]),
        predicate_sql: Some("\"h\" IS NOT NULL".into()),
        ..ExtractSpec::default()
    };
    let some = bench.table(&[("h", "DOUBLE", true, None), ("l", "INTEGER[]", true, None)], &[]);
    let spec = LoadSpec { format: LoadFormat::Parquet, ..csv(parcel(&bench.hub, &source.file, &part)) };
    some.load(spec).unwrap();
    assert_eq!(some.rows(), [r#"{"h":1.7014118346046923e+38,"l":[1,2]}"#]);
}

#[test]
fn a_load_that_needs_more_memory_than_there_is_says_so_and_changes_nothing() {
    let mut bench = Bench::new();
    let text = wide_rows(200_000);
    let table = bench.table(KEYED, &["k"]);
    table.apply(vec![append_one()]).unwrap();
    let (file, path) = (table.file.clone(), bench.blob(text.as_bytes()));
    let config = alluvium_tablestore::HubConfig { memory_limit_bytes: 40 << 20, ..common::config(bench.dir.path()) };
    drop(table);
    bench.hub = Hub::open(config).unwrap();
    for mode in [DedupMode::UpdateDuplicates, DedupMode::FailOnDuplicates] {
        let spec = LoadSpec { dedup_mode: mode, ..csv(path.clone()) };
        let failed = bench.hub.apply(&file, &mark(2), &mark(3), vec![Change::Load(spec)]).unwrap_err();
        assert!(matches!(failed, ApplyError::Store(Error::Failed(Fault::OutOfMemory))), "{failed:?}");
        assert_eq!(bench.hub.mark(&file).unwrap(), Some(mark(2)));
        assert_eq!(bench.hub.stats(&file).unwrap().rows, 1);
    }
}

fn append_one() -> Change {
    let Change::Append { batch, moment } = append(&[Some(1)], &[Some("old")]) else { unreachable!() };
    let names = vec!["k".to_owned(), "v".to_owned()];
    let fields: Vec<arrow::datatypes::Field> =
        batch.schema().fields().iter().zip(names).map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
    let batch = arrow::record_batch::RecordBatch::try_new(schema, batch.columns().to_vec()).unwrap();
    Change::Append { batch, moment }
}

/// So many rows of about 200 bytes.
fn wide_rows(rows: u32) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("k,v\n");
    for row in 0..rows {
        let _ = writeln!(text, "{row},{:0>190}", row.wrapping_mul(2_654_435_761));
    }
    text
}
