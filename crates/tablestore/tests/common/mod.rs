//! A hub in a directory of its own, and short words for what every test does.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test file uses its part, so an expectation would fail in those that use all")]

use std::path::PathBuf;
use std::sync::Arc;

use alluvium_tablestore::{
    Applied, ApplyError, Change, Column, CsvOptions, DedupMode, ExtraColumns, Hub, HubConfig, LoadFormat, LoadReport,
    LoadSpec, Mark, Moment, PreviewSpec, TableFile, TableSchema,
};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub hub: Hub,
}

pub fn config(dir: &std::path::Path) -> HubConfig {
    HubConfig {
        data_dir: dir.join("data"),
        blob_dir: dir.join("blobs"),
        export_dir: dir.join("exports"),
        memory_limit_bytes: 512 * 1024 * 1024,
        threads: 2,
        attached_max: 50,
        probe_command: None,
    }
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(config(dir.path())).unwrap();
        Self { dir, hub }
    }

    pub fn blob(&self, content: &[u8]) -> PathBuf {
        let path = self.hub.config().blob_dir.join(uuid());
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A table made and ready at mark 1.
    pub fn table(&self, columns: &[(&str, &str, bool, Option<&str>)], key: &[&str]) -> Table {
        let file = file(&uuid());
        let schema = schema(columns, key);
        self.hub.create(&file, &schema, &mark(1)).unwrap();
        Table { hub: self.hub.clone(), file, at: std::cell::Cell::new(1) }
    }
}

pub struct Table {
    pub hub: Hub,
    pub file: TableFile,
    pub at: std::cell::Cell<u64>,
}

impl Table {
    pub fn apply(&self, changes: Vec<Change>) -> Result<Applied, ApplyError> {
        let at = self.at.get();
        let applied = self.hub.apply(&self.file, &mark(at), &mark(at + 1), changes)?;
        self.at.set(at + 1);
        Ok(applied)
    }

    pub fn load(&self, spec: LoadSpec) -> Result<LoadReport, ApplyError> {
        let applied = self.apply(vec![Change::Load(spec)])?;
        Ok(applied.changes[0].load.clone().unwrap())
    }

    /// All rows as compact JSON, one a line.
    pub fn rows(&self) -> Vec<String> {
        let preview = self.hub.preview(&self.file, &PreviewSpec { limit: 1000, ..PreviewSpec::default() }).unwrap();
        assert_eq!(self.hub.stats(&self.file).unwrap().rows, preview.total);
        preview.rows.iter().map(|row| row.get().to_owned()).collect()
    }
}

pub fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("u{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn file(uid: &str) -> TableFile {
    TableFile {
        generation: 1,
        tenant: "default".into(),
        project: "p1".into(),
        bucket: "in_c-main".into(),
        table: "orders".into(),
        uid: uid.into(),
    }
}

pub fn mark(seq: u64) -> Mark {
    Mark { seq, hash: format!("h{seq}"), stream_created_micros: 7 }
}

pub fn moment() -> Moment {
    Moment { event_time_micros: 1_700_000_000_000_000, seed: "event-1".into() }
}

pub fn schema(columns: &[(&str, &str, bool, Option<&str>)], key: &[&str]) -> TableSchema {
    let columns = columns
        .iter()
        .map(|(name, kind, nullable, default)| Column::new(name, kind, *nullable, *default).unwrap())
        .collect();
    let key: Vec<String> = key.iter().map(|key| (*key).to_owned()).collect();
    TableSchema::new(columns, &key).unwrap()
}

pub fn batch(ids: &[Option<i64>], names: &[Option<&str>]) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(names.to_vec()))];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

pub fn append(ids: &[Option<i64>], names: &[Option<&str>]) -> Change {
    Change::Append { batch: batch(ids, names), moment: moment() }
}

pub fn csv(path: PathBuf) -> LoadSpec {
    csv_with(path, CsvOptions::default())
}

pub fn csv_with(path: PathBuf, options: CsvOptions) -> LoadSpec {
    LoadSpec {
        path,
        more: Vec::new(),
        format: LoadFormat::Csv(options),
        incremental: false,
        dedup_mode: DedupMode::UpdateDuplicates,
        extra_columns: ExtraColumns::Fail,
        delete_missing: false,
        columns: None,
        moment: moment(),
    }
}

/// The code and details of a refusal; anything else fails the test.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, ApplyError>) -> (&'static str, serde_json::Value, String) {
    match outcome {
        Err(ApplyError::Refused { code, details, message }) => (code, details, message),
        other => panic!("expected a refusal, got {other:?}"),
    }
}
