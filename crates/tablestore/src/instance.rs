//! The one engine instance of the process: its locked-down settings, its connections, and the files attached to it.
//!
//! Architecture invariant: a file somebody holds an [`Attached`] of is never detached, and the alias it is attached under
//! is a number of ours, never a word of a user.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use duckdb::Connection;

use crate::background::give_way;
use crate::error::{Error, Kind, Result, kind, store_error, text};
use crate::hub::HubConfig;
use crate::marker;
use crate::meta::Meta;
use crate::quote_path::literal_path;
use crate::wal;

/// Block size of table files, in bytes. Most tables are small; with the engine's default of 256 KiB one of them takes a megabyte.
const BLOCK_BYTES: u32 = 16_384;
/// How many files, of a hundred that may stay, are attached beyond them before whoever attaches one more has to detach another.
const BEYOND_PERCENT_MAX: usize = 25;
/// Connections kept open for the next caller.
const IDLE_CONNECTIONS_MAX: usize = 16;

/// Takes a lock whose holder may have panicked; what we guard stays consistent between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Instance {
    root: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    files: Mutex<Files>,
    changed: Condvar,
    fatal: AtomicBool,
    attached_max: usize,
    /// Wakes the thread that detaches what is too much.
    surplus: SyncSender<()>,
    data_dir: PathBuf,
    memory_limit_bytes: u64,
}

#[derive(Default)]
struct Files {
    by_path: HashMap<PathBuf, Entry>,
    aliases: u64,
    clock: u64,
}

struct Entry {
    alias: String,
    users: usize,
    used_at: u64,
    /// Being attached or detached by somebody; everyone else waits.
    busy: bool,
    /// What `_meta` holds after the last change made here, so that the next one need not read it first.
    known: Option<Arc<Meta>>,
}

impl Instance {
    pub(crate) fn open(config: &HubConfig) -> Result<Arc<Self>> {
        let root = started(settings(config)?)?;
        let (surplus, told) = sync_channel(1);
        let instance = Arc::new(Self {
            root: Mutex::new(root),
            idle: Mutex::default(),
            files: Mutex::default(),
            changed: Condvar::new(),
            fatal: AtomicBool::new(false),
            attached_max: config.attached_max.max(1),
            surplus,
            data_dir: config.data_dir.clone(),
            memory_limit_bytes: config.memory_limit_bytes,
        });
        let own = Arc::downgrade(&instance);
        let thread = std::thread::Builder::new().name("detach".into()).spawn(move || detach_surplus(&own, &told));
        thread.map_err(|_| Error::Unavailable("no thread to detach tables on".into()))?;
        Ok(instance)
    }

    /// A new engine in the place of a broken one nobody uses any more: the old connections are closed first, because closing
    /// them is what lets go of the files.
    pub(crate) fn replace(old: &Arc<Self>, config: &HubConfig) -> Result<Arc<Self>> {
        lock(&old.idle).clear();
        let parked = Connection::open_in_memory().map_err(|error| store_error(&error))?;
        drop(std::mem::replace(&mut *lock(&old.root), parked));
        Self::open(config)
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal.load(Ordering::Acquire)
    }

    /// Remembers that the engine invalidated itself; the hub then makes a new one.
    pub(crate) fn note(&self, error: &duckdb::Error) {
        if kind(error) == Kind::Fatal && !self.fatal.swap(true, Ordering::AcqRel) {
            tracing::error!(error = %text(error), "the table engine stopped after a fatal error and will be restarted");
            metrics::counter!("alluvium_table_engine_fatal_total").increment(1);
        }
    }

    #[cfg(test)]
    pub(crate) fn break_for_test(&self) {
        self.fatal.store(true, Ordering::Release);
    }

    /// A connection of one's own, given back when dropped.
    pub(crate) fn session(self: &Arc<Self>) -> Result<Session> {
        let kept = lock(&self.idle).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => lock(&self.root).try_clone().map_err(|error| self.store(&error))?,
        };
        Ok(Session { connection: Some(connection), instance: Arc::clone(self) })
    }

    fn store(&self, error: &duckdb::Error) -> Error {
        self.note(error);
        store_error(error)
    }

    /// Attaches the file (or finds it attached) and keeps it so until the answer is dropped.
    pub(crate) fn attach(self: &Arc<Self>, path: &Path, label: &str) -> Result<Attached> {
        let mut files = lock(&self.files);
        loop {
            files.clock += 1;
            let clock = files.clock;
            match files.by_path.get_mut(path) {
                Some(entry) if entry.busy => {
                    files = self.changed.wait(files).unwrap_or_else(PoisonError::into_inner);
                }
                Some(entry) => {
                    entry.users += 1;
                    entry.used_at = clock;
                    let alias = entry.alias.clone();
                    return Ok(Attached { instance: Arc::clone(self), path: path.to_owned(), alias });
                }
                None => break,
            }
        }
        files.aliases += 1;
        let alias = format!("t{}", files.aliases);
        let used_at = files.clock;
        files
            .by_path
            .insert(path.to_owned(), Entry { alias: alias.clone(), users: 1, used_at, busy: true, known: None });
        drop(files);

        let outcome = self.attach_now(path, &alias, label);
        let mut files = lock(&self.files);
        if outcome.is_ok() {
            if let Some(entry) = files.by_path.get_mut(path) {
                entry.busy = false;
            }
        } else {
            files.by_path.remove(path);
        }
        let attached = files.by_path.len();
        drop(files);
        self.changed.notify_all();
        outcome?;
        self.relieve(attached);
        if attached > self.attached_max + self.attached_max * BEYOND_PERCENT_MAX / 100 {
            self.detach_oldest();
        }
        Ok(Attached { instance: Arc::clone(self), path: path.to_owned(), alias })
    }

    /// Has files detached when this many are too many. Detaching may write and sync what the file's log holds, which nobody should
    /// wait for who only reads another table.
    fn relieve(&self, attached: usize) {
        if attached > self.attached_max {
            // It is full when the thread has been told already.
            let _ = self.surplus.try_send(());
        }
    }

    fn attach_now(&self, path: &Path, alias: &str, label: &str) -> Result<()> {
        let marker = match marker::write(&self.data_dir, path) {
            Ok(marker) => Some(marker),
            // Who only reads needs no space: the table stays readable, and goes without the marker for once.
            Err(Error::DiskFull) => None,
            Err(error) => return Err(error),
        };
        let session = lock(&self.root).try_clone().map_err(|error| self.store(&error))?;
        let sql = format!("ATTACH {} AS {alias} (BLOCK_SIZE {BLOCK_BYTES})", literal_path(path)?);
        // What breaks the engine that mends does not break this one.
        let outcome = wal::mend(path, self.memory_limit_bytes)
            .and_then(|()| session.execute_batch(&sql).inspect_err(|error| self.note(error)));
        // Reached only when the process survived the attach, which is all the marker wants to know.
        marker.as_deref().map_or(Ok(()), marker::remove)?;
        outcome.map_err(|error| {
            match kind(&error) {
                Kind::DiskFull | Kind::OutOfMemory | Kind::Interrupted => store_error(&error),
                // Another file broke the engine: this one is not to blame.
                Kind::Fatal if text(&error).contains("previous fatal error") => store_error(&error),
                _ => {
                    tracing::error!(table.id = label, error = %text(&error), "a table file cannot be attached");
                    Error::Corrupt { table: label.to_owned(), reason: text(&error) }
                }
            }
        })
    }

    /// Detaches the file longest unused. False when every file is in use.
    fn detach_oldest(&self) -> bool {
        let mut files = lock(&self.files);
        let oldest = files
            .by_path
            .iter()
            .filter(|(_, entry)| entry.users == 0 && !entry.busy)
            .min_by_key(|(_, entry)| entry.used_at)
            .map(|(path, _)| path.clone());
        let Some(path) = oldest else { return false };
        let Some(entry) = files.by_path.get_mut(&path) else { return false };
        entry.busy = true;
        let alias = entry.alias.clone();
        drop(files);
        self.detach_now(&path, &alias).is_ok()
    }

    fn detach_now(&self, path: &Path, alias: &str) -> Result<()> {
        let outcome = lock(&self.root)
            .try_clone()
            .and_then(|connection| connection.execute_batch(&format!("DETACH {alias}")))
            .map_err(|error| self.store(&error));
        let mut files = lock(&self.files);
        match &outcome {
            Ok(()) => {
                files.by_path.remove(path);
            }
            // Still attached: leave it usable.
            Err(_) => {
                if let Some(entry) = files.by_path.get_mut(path) {
                    entry.busy = false;
                }
            }
        }
        drop(files);
        self.changed.notify_all();
        outcome
    }

    /// Detaches one file, waiting for those who use it.
    pub(crate) fn detach(&self, path: &Path) -> Result<()> {
        let mut files = lock(&self.files);
        loop {
            match files.by_path.get_mut(path) {
                None => return Ok(()),
                Some(entry) if entry.users == 0 && !entry.busy => {
                    entry.busy = true;
                    let alias = entry.alias.clone();
                    drop(files);
                    return self.detach_now(path, &alias);
                }
                Some(_) => files = self.changed.wait(files).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The attached files below a directory.
    pub(crate) fn below(&self, directory: &Path) -> Vec<PathBuf> {
        lock(&self.files).by_path.keys().filter(|path| path.starts_with(directory)).cloned().collect()
    }

    /// How many files are attached now.
    pub(crate) fn attached(&self) -> usize {
        lock(&self.files).by_path.len()
    }
}

/// A file held attached.
pub(crate) struct Attached {
    pub(crate) instance: Arc<Instance>,
    path: PathBuf,
    pub(crate) alias: String,
}

impl Attached {
    /// The physical name of a relation of this file, safe to put into SQL as it is.
    pub(crate) fn relation(&self, table: &'static str) -> String {
        format!("{}.main.{table}", self.alias)
    }
}

impl Attached {
    /// What the file's `_meta` held after the last change. Whoever acts on it must still make its statement depend on the mark.
    pub(crate) fn known(&self) -> Option<Arc<Meta>> {
        lock(&self.instance.files).by_path.get(&self.path).and_then(|entry| entry.known.clone())
    }

    /// Remembers what `_meta` holds, or that it has to be read again.
    pub(crate) fn remember(&self, meta: Option<Meta>) {
        if let Some(entry) = lock(&self.instance.files).by_path.get_mut(&self.path) {
            entry.known = meta.map(Arc::new);
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut files = lock(&self.instance.files);
        if let Some(entry) = files.by_path.get_mut(&self.path) {
            entry.users -= 1;
        }
        let attached = files.by_path.len();
        drop(files);
        self.instance.changed.notify_all();
        self.instance.relieve(attached);
    }
}

/// A connection in use by one caller.
pub(crate) struct Session {
    connection: Option<Connection>,
    instance: Arc<Instance>,
}

impl Session {
    #[expect(clippy::expect_used, reason = "the connection is taken only in drop")]
    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a session has its connection until it is dropped")
    }

    /// Runs one statement; the engine's error comes back as it is, for the caller to judge.
    pub(crate) fn run(&self, sql: &str) -> Result<usize, duckdb::Error> {
        self.noted(self.connection().execute(sql, []))
    }

    /// Runs one statement with parameters.
    pub(crate) fn run_with<P: duckdb::Params>(&self, sql: &str, params: P) -> Result<usize, duckdb::Error> {
        self.noted(self.connection().execute(sql, params))
    }

    /// The first row of a query.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        read: impl FnOnce(&duckdb::Row<'_>) -> duckdb::Result<T>,
    ) -> Result<T, duckdb::Error> {
        self.noted(self.connection().query_row(sql, [], read))
    }

    /// One number.
    pub(crate) fn count(&self, sql: &str) -> Result<u64, duckdb::Error> {
        self.row(sql, |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64)
    }

    pub(crate) fn noted<T>(&self, outcome: duckdb::Result<T>) -> duckdb::Result<T> {
        if let Err(error) = &outcome {
            self.instance.note(error);
        }
        outcome
    }

    /// Begins a transaction that rolls back unless committed.
    pub(crate) fn begin(&self) -> Result<Transaction<'_>> {
        self.run("BEGIN TRANSACTION").map_err(|error| store_error(&error))?;
        Ok(Transaction { session: self, open: true })
    }

    /// Throws the connection away instead of giving it back.
    pub(crate) fn discard(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.instance.is_fatal() || std::thread::panicking() {
            return;
        }
        let mut idle = lock(&self.instance.idle);
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
    }
}

/// An open transaction.
pub(crate) struct Transaction<'session> {
    session: &'session Session,
    open: bool,
}

impl Transaction<'_> {
    pub(crate) fn commit(mut self) -> Result<(), duckdb::Error> {
        let outcome = self.session.run("COMMIT");
        // A failed commit has rolled back already.
        self.open = false;
        outcome.map(|_| ())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // After a failed commit or a fatal error there is nothing to roll back, and saying so is an error too.
            let _ = self.session.run("ROLLBACK");
        }
    }
}

/// Detaches what is too much whenever told so, until the instance is no more.
fn detach_surplus(instance: &Weak<Instance>, told: &Receiver<()>) {
    give_way();
    while told.recv().is_ok() {
        let Some(instance) = instance.upgrade() else { return };
        while instance.attached() > instance.attached_max && instance.detach_oldest() {}
    }
}

/// Starts the engine. Its workers come from a thread that gives way, so they give way too: whoever asks for a little works on it on a
/// thread of their own and is not held up by somebody's large load.
fn started(settings: String) -> Result<Connection> {
    let start = move || {
        give_way();
        let root = Connection::open_in_memory()?;
        root.execute_batch(&settings).map(|()| root)
    };
    let thread = std::thread::Builder::new().name("engine-start".into()).spawn(start);
    let ended = thread.map_err(|_| Error::Unavailable("no thread to start the table engine on".into()))?.join();
    let started = ended.map_err(|_| Error::Unavailable("the table engine did not start".into()))?;
    started.map_err(|error| store_error(&error))
}

fn settings(config: &HubConfig) -> Result<String> {
    let mut directories = Vec::new();
    for path in [&config.data_dir, &config.blob_dir, &config.export_dir] {
        directories.push(literal_path(path)?);
    }
    let temp = literal_path(&config.temp_dir())?;
    directories.push(temp.clone());
    Ok(format!(
        "SET threads = {threads};
         SET memory_limit = '{memory}B';
         SET temp_directory = {temp};
         SET GLOBAL TimeZone = 'UTC';
         SET preserve_insertion_order = true;
         SET autoinstall_known_extensions = false;
         SET autoload_known_extensions = false;
         SET allow_community_extensions = false;
         SET allowed_directories = [{directories}];
         SET enable_external_access = false;
         SET lock_configuration = true;",
        threads = config.threads.max(1),
        memory = config.memory_limit_bytes,
        directories = directories.join(", "),
    ))
}
