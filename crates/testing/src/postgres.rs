//! A private Postgres.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU32, Ordering},
};

use alluvium_servers::PostgresOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::{Scratch, must};

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

    /// Starts it again on the same port and files.
    pub async fn restart(&mut self) {
        must("restarting Postgres", self.server.restart().await);
    }
}
