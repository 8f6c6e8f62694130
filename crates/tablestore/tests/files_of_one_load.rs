//! Several files as one load, and what is found out about files that a table is to be made of.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use alluvium_tablestore::{CsvOptions, ExtraColumns, LoadFormat, LoadSpec, LookSpec};
use common::{Bench, csv, refused};

const KEYED: &[(&str, &str, bool, Option<&str>)] = &[("k", "BIGINT", false, None), ("v", "VARCHAR", true, None)];

fn several(bench: &Bench, texts: &[&str]) -> LoadSpec {
    let mut paths = texts.iter().map(|text| bench.blob(text.as_bytes()));
    let first = paths.next().unwrap();
    LoadSpec { more: paths.collect(), ..csv(first) }
}

#[test]
fn rows_come_in_the_order_of_the_files() {
    let bench = Bench::new();
    let texts = ["k,v\n1,a\n2,a\n", "v,k\nb,2\nb,3\n", "k,v\n3,c\n"];
    let keyed = bench.table(KEYED, &["k"]);
    let report = keyed.load(several(&bench, &texts)).unwrap();
    assert_eq!((report.imported_rows, report.duplicates_in_file), (5, 2));
    assert_eq!(keyed.rows(), [r#"{"k":1,"v":"a"}"#, r#"{"k":2,"v":"b"}"#, r#"{"k":3,"v":"c"}"#]);

    let columns = [KEYED[0], KEYED[1], ("u", "UUID", true, Some("uuid()"))];
    let keyless = bench.table(&columns, &[]);
    assert_eq!(keyless.load(several(&bench, &texts)).unwrap().inserted_rows, 5);
    let rows = keyless.rows();
    let values: Vec<&str> = rows.iter().map(|row| row.split(",\"u\"").next().unwrap()).collect();
    let expected =
        [r#"{"k":1,"v":"a""#, r#"{"k":2,"v":"a""#, r#"{"k":2,"v":"b""#, r#"{"k":3,"v":"b""#, r#"{"k":3,"v":"c""#];
    assert_eq!(values, expected);
    let ids: std::collections::HashSet<&str> = rows.iter().map(|row| row.split(",\"u\"").nth(1).unwrap()).collect();
    assert_eq!(ids.len(), 5, "a default of its own for every row: {rows:?}");

    let adding = LoadSpec { extra_columns: ExtraColumns::Add, ..several(&bench, &["k,w\n1,x\n", "w,k\ny,2\n"]) };
    assert_eq!(keyed.load(adding).unwrap().added_columns, ["w"]);
}

#[test]
fn what_is_wrong_with_one_file_is_told_of_that_file_and_undoes_all() {
    let bench = Bench::new();
    for key in [&["k"][..], &[]] {
        let table = bench.table(KEYED, key);
        table.load(csv(bench.blob(b"k,v\n9,z\n"))).unwrap();
        for (second, line) in [("k,v\n1,a\nx,b\n", Some(3)), ("k\n1\n", None), ("k,v,w\n1,a,b\n", Some(1)), ("", None)]
        {
            let (code, details, message) = refused(table.load(several(&bench, &["k,v\n1,a\n", second])));
            assert_eq!((code, &details["file"]), ("import_failed", &serde_json::json!(2)), "{second:?}: {message}");
            assert!(message.starts_with("file 2 of 2: "), "{message}");
            assert_eq!(details["line"].as_u64(), line, "{second:?}: {message}");
        }
        let adding =
            LoadSpec { extra_columns: ExtraColumns::Add, ..several(&bench, &["k,v\n1,a\n", "k,v,w\n1,a,b\n"]) };
        assert_eq!(refused(table.load(adding)).0, "import_failed", "the first file says which columns there are");
        assert_eq!(table.rows(), [r#"{"k":9,"v":"z"}"#]);
    }
}

fn look(bench: &Bench, texts: &[&str], options: CsvOptions, columns: Option<&[&str]>) -> LookSpec {
    LookSpec {
        files: texts.iter().map(|text| bench.blob(text.as_bytes())).collect(),
        format: LoadFormat::Csv(options),
        columns: columns.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        types: true,
    }
}

#[test]
fn all_of_all_files_says_what_the_columns_are() {
    let bench = Bench::new();
    let found = |spec: &LookSpec| -> Vec<String> {
        let columns = bench.hub.look(spec).unwrap();
        columns.into_iter().map(|column| format!("{} {}", column.name, column.column_type)).collect()
    };
    let plain = CsvOptions::default;
    let two = look(&bench, &["a, b ,c\n1,2,\n", "c,b,a\n,2.5,2\n"], plain(), None);
    assert_eq!(found(&two), ["a BIGINT", "b DOUBLE", "c VARCHAR"]);
    assert_eq!(found(&LookSpec { types: false, ..two }), ["a VARCHAR", "b VARCHAR", "c VARCHAR"]);
    assert_eq!(found(&look(&bench, &["a,b\n1,2024-01-01\n"], plain(), Some(&["B"]))), ["B DATE"]);
    let options = CsvOptions { header: false, null_strings: vec!["-".into()], ignored_lines: 1, ..plain() };
    let bare = look(&bench, &["x\n\"1\",\"a \\\"q\\\"\"\n-,b\n"], options.clone(), Some(&["n", "t"]));
    assert_eq!(found(&bare), ["n BIGINT", "t VARCHAR"]);
    assert_eq!(found(&look(&bench, &["x\n"], options.clone(), Some(&["n"]))), ["n VARCHAR"], "there is nothing to say");

    for (text, options, columns) in [
        ("", plain(), None),
        ("a,A\n1,2\n", plain(), None),
        ("a,\n1,2\n", plain(), None),
        ("a,b\n1\n", plain(), None),
        ("a\n1\n", plain(), Some(&["b"][..])),
        ("x\n1,2\n", options.clone(), Some(&["n"])),
        ("x\n1,2\n", options, None),
    ] {
        assert_eq!(refused(bench.hub.look(&look(&bench, &[text], options, columns))).0, "import_failed", "{text:?}");
    }
    let wide: Vec<String> = (0..450).map(|n| format!("c{n}")).collect();
    let values: Vec<String> = (0..450).map(|n| n.to_string()).collect();
    let text = format!("{}\n{}\n", wide.join(","), values.join(","));
    let columns = found(&look(&bench, &[&text], plain(), None));
    assert!(columns.len() == 450 && columns.iter().all(|column| column.ends_with(" BIGINT")), "more than one pass");
}
