//! That rows are found the fast way: whatever is not comes right all the same, but slowly.

use arrow::record_batch::RecordBatch;

use super::gone::Finding;
use super::{Search, digest};
use crate::apply::{Change, Moment};
use crate::column::{Column, TableSchema};
use crate::file::{Mark, TableFile};
use crate::hub::{Hub, HubConfig};
use crate::read::few_batches;
use crate::steps::{self, CreateOptions};
use crate::transact::{Place, Target, searching};

const VALUES: &[(&str, &str)] = &[
    ("BOOLEAN", "TRUE; FALSE"),
    ("TINYINT", "-128; 127"),
    ("SMALLINT", "-1; 1"),
    ("INTEGER", "-1; 2147483647"),
    ("BIGINT", "-9223372036854775808; 0"),
    ("UTINYINT", "255; 0"),
    ("USMALLINT", "1; 2"),
    ("UINTEGER", "1; 2"),
    ("UBIGINT", "18446744073709551615; 2"),
    ("FLOAT", "1.5; 'NaN'; '-inf'"),
    ("DOUBLE", "1.5; 'NaN'; '-0.0'"),
    ("DECIMAL(4,1)", "-1.5; 999.9"),
    ("DECIMAL(9,0)", "-1; 5"),
    ("DECIMAL(18,3)", "1.001; 5"),
    ("DECIMAL(38,38)", "0.1; -0.1"),
    ("VARCHAR", "''; 'abc'; 'ä and more than twelve bytes'"),
    ("BLOB", "''; '\\x00\\xff'"),
    ("DATE", "'1969-12-31'; '9999-01-01'"),
    ("TIME", "'00:00:00'; '23:59:59.999999'"),
    ("TIMESTAMP", "'1969-12-31 23:59:59.999999'; '2024-01-01'"),
    ("TIMESTAMP_S", "'2024-01-01'; '1950-01-01'"),
    ("TIMESTAMP_MS", "'2024-01-01'; '1950-01-01'"),
    ("TIMESTAMP_NS", "'2024-01-01'; '1950-01-01 00:00:00.000000001'"),
    ("TIMESTAMP WITH TIME ZONE", "'2024-01-01 00:00:00+00'; '1950-01-01 00:00:00+00'"),
    ("UUID", "'00000000-0000-0000-0000-000000000000'; 'FFFFFFFF-0000-0000-0000-000000000000'"),
    ("JSON", "'{\"a\": [1]}'; '1'"),
    ("ENUM('a', 'b')", "'a'; 'b'"),
    ("VARCHAR[][]", "[[]]; [['x', NULL], NULL]; []"),
    ("DOUBLE[2]", "[1, 2]; [NULL, 'NaN']"),
    ("STRUCT(\"a b\" INTEGER, c STRUCT(d DATE))", "{'a b': 1, 'c': {'d': NULL}}; {'a b': NULL, 'c': NULL}"),
    ("MAP(VARCHAR, INTEGER[])", "MAP {}; MAP {'k': [1, NULL], 'l': NULL}"),
];

fn mark(seq: u64) -> Mark {
    Mark { seq, hash: String::new(), stream_created_micros: 0 }
}

struct Bench {
    hub: Hub,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(HubConfig {
            data_dir: dir.path().join("data"),
            blob_dir: dir.path().join("blobs"),
            export_dir: dir.path().join("exports"),
            memory_limit_bytes: 256 << 20,
            threads: 2,
            attached_max: 100,
            probe_command: None,
        })
        .unwrap();
        Self { hub, _dir: dir }
    }

    fn table(&self, uid: &str, columns: &[(&str, &str)], keys: &[&str]) -> TableFile {
        let word = |text: &str| text.to_owned();
        let (tenant, project, bucket, table) = (word("t"), word("p"), word("b"), word("x"));
        let file = TableFile { generation: 1, tenant, project, bucket, table, uid: word(uid) };
        let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
        let keys: Vec<String> = keys.iter().map(|key| word(key)).collect();
        let schema = TableSchema::new(columns, &keys).unwrap();
        self.hub.create_with(&file, &schema, &mark(0), CreateOptions::default()).unwrap();
        file
    }

    /// Rows as the engine gives them.
    fn rows(&self, sql: &str) -> RecordBatch {
        let session = self.hub.instance().unwrap().session().unwrap();
        let mut batches = Vec::new();
        few_batches(&session, sql, &[], |batch| batches.push(batch.clone())).unwrap();
        arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
    }

    /// Applies a step in which all rows have this weight; says how those that go were found in the end.
    fn step(&self, file: &TableFile, seq: u64, batch: &RecordBatch, weight: i64) -> (Finding, bool) {
        let (attached, session) = self.hub.open_file(file).unwrap();
        steps::ensure(&session, &attached).unwrap();
        let search = Search::default();
        let moment = Moment { event_time_micros: 0, seed: String::new() };
        let change = Change::Weighted { batch: batch.clone(), weights: vec![weight; batch.num_rows()], moment };
        let place = Place { session: &session, file: &attached, sources: &[], temp_dir: std::path::Path::new("") };
        let to = Target { mark: &mark(seq + 1), step: None };
        let (after, _) = searching(&place, &mark(seq), &to, vec![change], &search).unwrap();
        attached.remember(Some(after));
        (search.finding.get(), search.has_repeats.get())
    }
}

#[test]
fn rows_of_every_type_whose_number_tells_them_are_found_by_it() {
    let bench = Bench::new();
    for (at, (kind, values)) in VALUES.iter().enumerate() {
        assert!(digest::is_told(&kind.parse().unwrap()), "{kind}");
        let file = bench.table(&format!("k{at}"), &[("v", kind)], &[]);
        let rows: Vec<String> =
            values.split("; ").chain(["NULL"]).map(|value| format!("SELECT CAST({value} AS {kind}) AS v")).collect();
        let rows = bench.rows(&rows.join(" UNION ALL "));
        bench.step(&file, 0, &rows, 1);
        assert_eq!(bench.step(&file, 1, &rows, -1), (Finding::All, false), "{kind}");
        bench.step(&file, 2, &rows, 3);
        // Cells say where a search ends; that it begins with counting is known from the file.
        assert_eq!(bench.step(&file, 3, &rows, -2), (Finding::All, true), "{kind}");
        assert_eq!(bench.hub.stats(&file).unwrap().rows, rows.num_rows() as u64);
    }
}

#[test]
fn a_row_that_is_there_twice_is_found_out_once() {
    let bench = Bench::new();
    let file = bench.table("twice", &[("v", "BIGINT")], &[]);
    let rows = bench.rows("SELECT unnest([1, 2]::BIGINT[]) AS v");
    bench.step(&file, 0, &rows, 1);
    assert_eq!(bench.step(&file, 1, &rows, 1), (Finding::All, false));
    assert_eq!(bench.step(&file, 2, &rows, -1), (Finding::Counted, true));
    assert_eq!(bench.step(&file, 3, &rows, -1), (Finding::All, true), "the file remembers");
    assert_eq!(bench.hub.checksum(&file).unwrap().rows, 0);
}

#[test]
fn keys_are_found_in_one_pass() {
    let bench = Bench::new();
    let columns = [("a", "VARCHAR"), ("v", "DOUBLE"), ("b", "UUID"), ("c", "DECIMAL(9,2)")];
    let file = bench.table("keyed", &columns, &["b", "a", "c"]);
    let rows = bench.rows(
        "SELECT 'x' || range AS a, range / 2 AS v, 'FFFFFFFF-0000-0000-0000-000000000000' AS b, CAST(range AS DECIMAL(9,2)) AS c \
         FROM range(3000)",
    );
    bench.step(&file, 0, &rows, 1);
    assert_eq!(bench.step(&file, 1, &rows.slice(7, 2000), -1), (Finding::All, false));
    assert_eq!(bench.step(&file, 2, &rows.slice(7, 2000), 1), (Finding::All, false));
    assert_eq!(bench.hub.checksum(&file).unwrap().rows, 3000);
}
