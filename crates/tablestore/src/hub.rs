//! The door to all table files of the process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::column::TableSchema;
use crate::error::{Error, Result, store_error};
use crate::file::{Mark, TableFile, TableStats};
use crate::instance::{Attached, Instance, Session, lock};
use crate::lens::Lens;
use crate::marker::{self, Suspect};
use crate::meta;
use crate::stamp;
use crate::wal;
use crate::writing::Writing;

/// How long a restart of the engine waits for those who still use the broken one.
const DRAIN_MS_MAX: u64 = 2_000;
/// How often it looks.
const DRAIN_POLL_MS: u64 = 5;
/// Directory of the engine's spill files, below the data directory.
const TEMP_DIR: &str = ".engine-tmp";

/// Where a hub lives and what it may use.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Holds `g<generation>/…/*.duckdb`.
    pub data_dir: PathBuf,
    /// Where load files are read from.
    pub blob_dir: PathBuf,
    /// Where exports are written to.
    pub export_dir: PathBuf,
    /// Memory of the engine, in bytes, for all files together.
    pub memory_limit_bytes: u64,
    /// Threads of the engine.
    pub threads: usize,
    /// Files kept attached when idle.
    pub attached_max: usize,
    /// Started with a suspicious file's path appended; exit 0 means the file is healthy. Without it such a file is moved
    /// aside unprobed.
    pub probe_command: Option<Vec<OsString>>,
}

impl HubConfig {
    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.data_dir.join(TEMP_DIR)
    }
}

/// The DuckDB hub; cheap to clone, blocking, safe to call from many threads.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    config: HubConfig,
    current: Mutex<Arc<Instance>>,
    writers: Mutex<HashMap<PathBuf, Weak<Mutex<()>>>>,
    suspects: Vec<Suspect>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("data_dir", &self.inner.config.data_dir).finish_non_exhaustive()
    }
}

impl Hub {
    /// Opens the hub: makes its directories, settles markers of an earlier crash, starts the engine and locks it down.
    pub fn open(mut config: HubConfig) -> Result<Self> {
        for dir in [&mut config.data_dir, &mut config.blob_dir, &mut config.export_dir] {
            *dir = made(dir)?;
        }
        let temp = config.temp_dir();
        // Spill files of a killed process are garbage; a missing directory is the usual case.
        let _ = std::fs::remove_dir_all(&temp);
        made(&temp)?;
        let suspects = marker::settle_all(&config.data_dir, config.probe_command.as_deref())?;
        let current = Mutex::new(Instance::open(&config)?);
        Ok(Self { inner: Arc::new(Inner { config, current, writers: Mutex::default(), suspects }) })
    }

    /// Files that were being attached when the process last died, and what became of them. One that was moved aside has to be
    /// rebuilt from the log by the caller.
    pub fn suspects(&self) -> &[Suspect] {
        &self.inner.suspects
    }

    /// The configuration, with directories made absolute.
    pub fn config(&self) -> &HubConfig {
        &self.inner.config
    }

    /// Where the file of this table is (or would be).
    pub fn path(&self, file: &TableFile) -> Result<PathBuf> {
        file.path(&self.inner.config.data_dir)
    }

    /// Whether the engine has invalidated itself and will be restarted on the next use.
    pub fn is_fatal(&self) -> bool {
        lock(&self.inner.current).is_fatal()
    }

    /// How many files are attached now.
    pub fn attached(&self) -> usize {
        lock(&self.inner.current).attached()
    }

    /// The running engine; restarts it first when it broke. Callers queue behind a restart.
    pub(crate) fn instance(&self) -> Result<Arc<Instance>> {
        let mut current = lock(&self.inner.current);
        if current.is_fatal() {
            let deadline = Instant::now() + Duration::from_millis(DRAIN_MS_MAX);
            // Two engines on one file would ruin it, so the old one has to be out of everybody's hands first.
            while Arc::strong_count(&current) > 1 {
                if Instant::now() >= deadline {
                    return Err(Error::Unavailable("the engine restarts after a fatal error".into()));
                }
                std::thread::sleep(Duration::from_millis(DRAIN_POLL_MS));
            }
            *current = Instance::replace(&current, &self.inner.config)?;
            tracing::warn!("the table engine was restarted");
        }
        Ok(Arc::clone(&current))
    }

    #[cfg(test)]
    pub(crate) fn break_for_test(&self) {
        lock(&self.inner.current).break_for_test();
    }

    /// The lock of all who change this file.
    pub(crate) fn writer(&self, path: &Path) -> Arc<Mutex<()>> {
        let mut writers = lock(&self.inner.writers);
        if let Some(writer) = writers.get(path).and_then(Weak::upgrade) {
            return writer;
        }
        writers.retain(|_, writer| writer.strong_count() > 0);
        let writer = Arc::new(Mutex::new(()));
        writers.insert(path.to_owned(), Arc::downgrade(&writer));
        writer
    }

    /// Attaches the existing file of a table.
    pub(crate) fn attach(&self, file: &TableFile) -> Result<Attached> {
        let path = self.path(file)?;
        if !path.exists() {
            return Err(Error::NotFound(file.to_string()));
        }
        self.instance()?.attach(&path, &file.to_string())
    }

    /// Attaches the file and takes a connection.
    pub(crate) fn open_file(&self, file: &TableFile) -> Result<(Attached, Session)> {
        let attached = self.attach(file)?;
        let session = attached.instance.session()?;
        Ok((attached, session))
    }

    /// Whether the table has a file.
    pub fn exists(&self, file: &TableFile) -> Result<bool> {
        Ok(self.path(file)?.exists())
    }

    /// Removes the file of a table; fine when it is gone already. Waits for readers.
    pub fn drop(&self, file: &TableFile) -> Result<()> {
        let path = self.path(file)?;
        let writer = self.writer(&path);
        let _writing = Writing::begin(&writer);
        self.remove_files(&path)
    }

    /// Removes every file of a generation, waiting for readers. Nobody may apply changes to it any more.
    pub fn drop_generation(&self, generation: u32) -> Result<()> {
        self.drop_below(&self.inner.config.data_dir.join(format!("g{generation}")))
    }

    /// Removes every file that lies beside one, it too, waiting for readers. Nobody may apply changes to any of them any more.
    pub fn drop_beside(&self, file: &TableFile) -> Result<()> {
        let path = self.path(file)?;
        path.parent().map_or(Ok(()), |directory| self.drop_below(directory))
    }

    fn drop_below(&self, directory: &Path) -> Result<()> {
        let instance = self.instance()?;
        for path in instance.below(directory) {
            instance.detach(&path)?;
        }
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(directory, error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn remove_files(&self, path: &Path) -> Result<()> {
        self.instance()?.detach(path)?;
        // The logs first: one that outlives its file would be taken for the log of the next file of this name.
        for path in wal::beside(path).iter().map(PathBuf::as_path).chain([path]) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Moves the file of a table to `…corrupt-<n>`, so that the caller can rebuild it; answers where it went.
    pub fn move_aside(&self, file: &TableFile) -> Result<Option<PathBuf>> {
        let path = self.path(file)?;
        let writer = self.writer(&path);
        let _writing = Writing::begin(&writer);
        self.instance()?.detach(&path)?;
        if path.exists() { marker::move_aside(&path).map(Some) } else { Ok(None) }
    }

    /// How far the file has been folded; `None` when there is no file.
    pub fn mark(&self, file: &TableFile) -> Result<Option<Mark>> {
        self.meta(file).map(|meta| meta.map(|meta| meta.mark))
    }

    /// The schema in the file; `None` when there is no file.
    pub fn schema(&self, file: &TableFile) -> Result<Option<TableSchema>> {
        self.meta(file).map(|meta| meta.map(|meta| meta.schema))
    }

    pub(crate) fn meta(&self, file: &TableFile) -> Result<Option<meta::Meta>> {
        if !self.exists(file)? {
            return Ok(None);
        }
        let (attached, session) = self.open_file(file)?;
        meta::read(&session, &attached).map(Some)
    }

    /// Rows and bytes of the table.
    pub fn stats(&self, file: &TableFile) -> Result<TableStats> {
        let (attached, session) = self.open_file(file)?;
        let rows = meta::read(&session, &attached)?.rows;
        Ok(TableStats { rows, bytes: self.bytes(file)? })
    }

    /// Bytes on disk, log included.
    pub(crate) fn bytes(&self, file: &TableFile) -> Result<u64> {
        let path = self.path(file)?;
        Ok(std::fs::metadata(&path).map_or(0, |metadata| metadata.len()) + wal::bytes(&path))
    }

    /// Writes the log of the file into the file itself.
    pub fn checkpoint(&self, file: &TableFile) -> Result<()> {
        let (attached, session) = self.open_file(file)?;
        session.run(&format!("CHECKPOINT {}", attached.alias)).map(|_| ()).map_err(|error| store_error(&error))
    }

    /// Holds the files attached for the duration of a query, so that their names can be put into its text.
    pub fn pin(&self, files: &[TableFile]) -> Result<Pinned> {
        let instance = self.instance()?;
        let mut held = Vec::with_capacity(files.len());
        for file in files {
            let path = self.path(file)?;
            if !path.exists() {
                return Err(Error::NotFound(file.to_string()));
            }
            held.push(instance.attach(&path, &file.to_string())?);
        }
        Ok(Pinned { held, instance })
    }
}

/// Files held attached, in the order they were asked for.
pub struct Pinned {
    held: Vec<Attached>,
    pub(crate) instance: Arc<Instance>,
}

impl Pinned {
    /// The aliases, one a file.
    pub fn aliases(&self) -> Vec<String> {
        self.held.iter().map(|attached| attached.alias.clone()).collect()
    }

    /// What stands for the rows of the n-th file in SQL: their columns, without what the fold keeps beside them.
    pub fn relation(&self, index: usize) -> Option<String> {
        self.physical(index).map(|data| format!("(SELECT {} FROM {data})", stamp::VISIBLE))
    }

    /// The same for what is seen of it through a lens.
    pub fn seen(&self, index: usize, lens: &Lens) -> Result<Option<String>> {
        let Some(file) = self.held.get(index) else { return Ok(None) };
        let session = self.instance.session()?;
        lens.relation(file, &meta::read(&session, file)?).map(Some)
    }

    /// The table of the n-th file.
    pub(crate) fn physical(&self, index: usize) -> Option<String> {
        self.held.get(index).map(|attached| format!("\"{}\".\"main\".\"data\"", attached.alias))
    }
}

fn made(dir: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(dir).map_err(|source| Error::io(dir, source))?;
    dir.canonicalize().map_err(|source| Error::io(dir, source))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::apply::{Change, Moment};
    use crate::column::Column;
    use crate::rows::RowsDecoder;

    fn opened(dir: &Path) -> Hub {
        Hub::open(HubConfig {
            data_dir: dir.join("data"),
            blob_dir: dir.join("blobs"),
            export_dir: dir.join("exports"),
            memory_limit_bytes: 256 << 20,
            threads: 1,
            attached_max: 10,
            probe_command: None,
        })
        .unwrap()
    }

    #[test]
    fn after_a_fatal_error_the_engine_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let hub = opened(dir.path());
        let file = TableFile {
            generation: 1,
            tenant: "t".into(),
            project: "p".into(),
            bucket: "b".into(),
            table: "x".into(),
            uid: "u".into(),
        };
        let schema = TableSchema::new(vec![Column::new("id", "BIGINT", true, None).unwrap()], &[]).unwrap();
        let mark = |seq| Mark { seq, hash: String::new(), stream_created_micros: 0 };
        hub.create(&file, &schema, &mark(1)).unwrap();
        let add = |from: u64| {
            let batch = RowsDecoder::new(schema.clone(), HashMap::new()).decode(br#"{"id":1}"#).unwrap().remove(0);
            let moment = Moment { event_time_micros: 0, seed: "s".into() };
            hub.apply(&file, &mark(from), &mark(from + 1), vec![Change::Append { batch, moment }])
        };
        add(1).unwrap();
        hub.break_for_test();
        assert!(hub.is_fatal());
        add(2).unwrap();
        assert!(!hub.is_fatal());
        assert_eq!(hub.stats(&file).unwrap().rows, 2);

        let pinned = hub.pin(std::slice::from_ref(&file)).unwrap();
        hub.break_for_test();
        assert!(matches!(hub.stats(&file), Err(Error::Unavailable(_))), "the old engine is still in somebody's hands");
        drop(pinned);
        assert_eq!(hub.stats(&file).unwrap().rows, 2);
    }
}
