//! A private Postgres.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU32, Ordering},
};

use alluvium_servers::PostgresOptions;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::{Scratch, must};

/// The processes whose parent is this one.
fn children(parent: u32) -> Vec<i32> {
    let of = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        (line.trim().parse() == Ok(parent)).then_some(pid)
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| of(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// A private Postgres in a directory of its own, with `fsync` off.
#[derive(Debug)]
pub struct Postgres {
    // Before the directory: fields are dropped in order, and the server must be gone before its files are.
    server: alluvium_servers::Postgres,
    _scratch: Scratch,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts one of your own, to kill and restart.
    pub async fn start() -> Self {
        let scratch = Scratch::new();
        let options = PostgresOptions::scratch(scratch.path().join("postgres"));
        let server = must("starting Postgres", alluvium_servers::Postgres::start(options).await);
        Self { server, _scratch: scratch, databases: AtomicU32::new(0) }
    }

    /// The one that the tests of this process share; it stops when the last of them drops it.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&started);
        started
    }

    /// The URL of the maintenance database.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Makes a fresh database and returns its URL.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = must("connecting to Postgres", PgConnection::connect(&self.url()).await);
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        must("creating a database", sqlx::raw_sql(create).execute(&mut connection).await);
        must("closing a connection", connection.close().await);
        self.server.url_of(&name)
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        must("killing Postgres", self.server.kill());
    }

    /// Stops it and all its backends in their tracks (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&mut self) {
        self.signal_all(Signal::SIGSTOP);
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        self.signal_all(Signal::SIGCONT);
    }

    /// The postmaster first, so that it starts no backend meanwhile; a backend that is gone by then needs no signal.
    fn signal_all(&mut self, signal: Signal) {
        let postmaster = self.server.process().id();
        must("signalling Postgres", kill(Pid::from_raw(postmaster.cast_signed()), signal));
        for backend in children(postmaster) {
            let _ = kill(Pid::from_raw(backend), signal);
        }
    }

    /// Starts it again on the same port and files.
    pub async fn restart(&mut self) {
        must("restarting Postgres", self.server.restart().await);
    }
}
