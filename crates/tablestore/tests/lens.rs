//! What an alias shows of a table: nothing that it leaves out comes to light, whichever way it is read.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use alluvium_tablestore::sql::{WhereFilter, guard_query};
use alluvium_tablestore::{Error, ExportFormat, ExportSpec, ExtractSpec, Lens, PreviewSpec, ProfileMode, QuerySpec};
use common::{Bench, Table, csv};
use serde_json::json;

const ROWS: &str = "id,name,region\n1,10,eu\n2,hidden,us\n3,30,eu\n4,hidden too,us\n";

fn table(bench: &Bench) -> Table {
    let columns = [("id", "BIGINT", false, None), ("name", "VARCHAR", true, None), ("region", "VARCHAR", true, None)];
    let table = bench.table(&columns, &["id"]);
    table.load(csv(bench.blob(ROWS.as_bytes()))).unwrap();
    table
}

fn europe(columns: &[&str]) -> Lens {
    let filter = json!([{ "column": "region", "values": ["eu"] }]);
    let filters: Vec<WhereFilter> = serde_json::from_value(filter).unwrap();
    Lens { columns: Some(columns.iter().map(|name| (*name).to_owned()).collect()), filters, step: None }
}

fn names() -> PreviewSpec {
    PreviewSpec { limit: 10, lens: Some(europe(&["name", "gone"])), ..PreviewSpec::default() }
}

fn failure(error: &Error) -> String {
    let told = error.to_string();
    assert!(!told.contains("hidden") && !told.contains("us'"), "{told}");
    match error {
        Error::Invalid { code, .. } => (*code).to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_preview_shows_what_the_lens_does() {
    let bench = Bench::new();
    let table = table(&bench);
    let rows = |spec: &PreviewSpec| {
        let preview = bench.hub.preview(&table.file, spec).unwrap();
        (preview.rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>(), preview.total)
    };
    let both = (vec![r#"{"name":"10"}"#.to_owned(), r#"{"name":"30"}"#.to_owned()], 2);
    assert_eq!(rows(&names()), both);
    assert_eq!(rows(&PreviewSpec { offset: 1, ..names() }).0, both.0[1..]);
    // Of what is not there nothing can be asked.
    for column in ["id", "region", "gone"] {
        let order_by = serde_json::from_value(json!([{ "column": column }])).unwrap();
        let filters = serde_json::from_value(json!([{ "column": column, "values": ["1"] }])).unwrap();
        for spec in [
            PreviewSpec { order_by, ..names() },
            PreviewSpec { filters, ..names() },
            PreviewSpec { columns: Some(vec![column.to_owned()]), ..names() },
        ] {
            assert_eq!(failure(&bench.hub.preview(&table.file, &spec).unwrap_err()), "column_not_found", "{column}");
        }
    }
    let stamped = bench.hub.preview(&table.file, &PreviewSpec { with_stamp: true, ..names() }).unwrap();
    assert!(stamped.rows[0].get().contains("_timestamp"), "{:?}", stamped.rows);
}

/// The reader's condition is tried on the rows that the lens shows alone: on others it would fail, and tell of the value.
#[test]
fn a_condition_fails_on_nothing_that_is_left_out() {
    let bench = Bench::new();
    let table = table(&bench);
    let failing = r#"CAST("name" AS BIGINT) > 10"#.to_owned();
    let whole = PreviewSpec { limit: 10, predicate_sql: Some(failing.clone()), ..PreviewSpec::default() };
    let told = bench.hub.preview(&table.file, &whole).unwrap_err().to_string();
    assert!(told.contains("hidden"), "the condition does fail on them: {told}");
    let preview = bench.hub.preview(&table.file, &PreviewSpec { predicate_sql: Some(failing), ..names() }).unwrap();
    assert_eq!((preview.total, preview.rows[0].get()), (1, r#"{"name":"30"}"#));
}

#[test]
fn queries_find_nothing_else() {
    let bench = Bench::new();
    let table = table(&bench);
    let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
    let relation = pinned.seen(0, &europe(&["name"])).unwrap();
    let ask = |sql: &str| {
        let guarded = guard_query(sql, &|_| relation.clone()).map_err(|error| error.message)?;
        let spec = QuerySpec { sql: guarded.sql, timeout_ms: 10_000, rows_max: 100, bytes_max: 1 << 20 };
        let rows = pinned.query(&spec).map_err(|error| error.to_string())?;
        Ok::<_, String>(rows.rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(ask("SELECT * FROM b.t ORDER BY ALL"), Ok(vec![r#"["10"]"#.into(), r#"["30"]"#.into()]));
    assert_eq!(ask("SELECT count(*) FROM b.t WHERE CAST(name AS BIGINT) > 10"), Ok(vec!["[1]".into()]));
    assert_eq!(ask("SELECT max(CAST(name AS BIGINT)) FROM b.t"), Ok(vec!["[30]".into()]));
    let joined = "SELECT count(*) FROM b.t AS x JOIN b.t AS y ON CAST(x.name AS BIGINT) = CAST(y.name AS BIGINT)";
    assert_eq!(ask(joined), Ok(vec!["[2]".into()]));
    let named = "WITH c AS (SELECT * FROM b.t) SELECT count(*) FROM c WHERE CAST(name AS BIGINT) > 10";
    assert_eq!(ask(named), Ok(vec!["[1]".into()]));
    for column in ["id", "region", "rowid"] {
        let told = ask(&format!("SELECT {column} FROM b.t")).unwrap_err();
        assert!(!told.contains("hidden") && !told.contains("\"t\".region"), "{told}");
    }
}

#[test]
fn exports_extracts_parcels_and_profiles_hold_nothing_else() {
    let bench = Bench::new();
    let table = table(&bench);
    let to = |name: &str| bench.hub.config().export_dir.join(name);
    let lens = Some(europe(&["name"]));
    let export = ExportSpec {
        format: ExportFormat::Csv { gzip: false },
        columns: None,
        predicate_sql: None,
        changed: alluvium_tablestore::Changed::default(),
        with_stamp: false,
        limit: None,
        lens: lens.clone(),
    };
    assert_eq!(bench.hub.export(&table.file, &export, &to("a.csv")).unwrap().rows, 2);
    assert_eq!(std::fs::read_to_string(to("a.csv")).unwrap(), "name\n10\n30\n");
    let hidden = ExportSpec { columns: Some(vec!["region".into()]), ..export };
    assert_eq!(failure(&bench.hub.export(&table.file, &hidden, &to("b.csv")).unwrap_err()), "column_not_found");

    let part = ExtractSpec { lens: lens.clone(), ..ExtractSpec::default() };
    assert_eq!(bench.hub.extract(&table.file, &part, &to("a.duckdb")).unwrap().rows, 2);
    let other = duckdb::Connection::open(to("a.duckdb")).unwrap();
    let columns =
        other.query_row("SELECT string_agg(column_name) FROM duckdb_columns() WHERE NOT internal", [], |row| {
            row.get::<_, String>(0)
        });
    assert_eq!(columns.unwrap(), "name");
    drop(other);
    let bytes = std::fs::read(to("a.duckdb")).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"hidden"), "not even in the file");
    assert_eq!(bench.hub.parcel(&table.file, &part, &to("a.parquet")).unwrap().rows, 2);

    let profile = bench.hub.profile_through(&table.file, lens.as_ref(), ProfileMode::Full).unwrap();
    let profile = serde_json::to_value(profile).unwrap();
    assert_eq!((&profile["row_count"], &profile["column_count"]), (&json!(2), &json!(1)));
    assert_eq!(profile["statistics"][0]["approx_unique"], json!(2));
    assert!(!profile.to_string().contains("hidden"), "{profile}");
}

#[test]
fn a_filter_that_cannot_be_kept_shows_nothing() {
    let bench = Bench::new();
    let table = table(&bench);
    let filters: Vec<WhereFilter> = serde_json::from_value(json!([{ "column": "gone", "values": ["eu"] }])).unwrap();
    let gone = Some(vec!["gone".into()]);
    for lens in [Lens { filters, ..Lens::default() }, Lens { columns: gone, ..Lens::default() }] {
        let spec = PreviewSpec { limit: 10, lens: Some(lens.clone()), ..PreviewSpec::default() };
        assert_eq!(failure(&bench.hub.preview(&table.file, &spec).unwrap_err()), "alias_outdated");
        let pinned = bench.hub.pin(std::slice::from_ref(&table.file)).unwrap();
        assert_eq!(failure(&pinned.seen(0, &lens).unwrap_err()), "alias_outdated");
    }
    // The key counts only where all of it is seen.
    let schema = bench.hub.schema(&table.file).unwrap().unwrap();
    assert_eq!(europe(&["Name", "ID"]).schema(&schema).unwrap().primary_key, ["id"]);
    assert_eq!(europe(&["name"]).schema(&schema).unwrap().primary_key, [""; 0]);
    assert_eq!(Lens::default().schema(&schema).unwrap(), schema);
}
