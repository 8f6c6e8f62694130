//! A private nats-server.

use std::path::PathBuf;

use alluvium_servers::NatsOptions;

use crate::{Scratch, must};

/// A private nats-server with JetStream, in a directory of its own.
#[derive(Debug)]
pub struct NatsServer {
    // Before the directory: fields are dropped in order, and the server must be gone before its files are.
    server: alluvium_servers::NatsServer,
    scratch: Scratch,
}

impl NatsServer {
    /// Starts one that anyone on this machine may use.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one with changed options: a login, another `sync_interval`.
    pub async fn start_with(change: impl FnOnce(&mut NatsOptions)) -> Self {
        crate::provide_tls();
        let scratch = Scratch::new();
        let mut options = NatsOptions::scratch(scratch.path().join("nats"));
        change(&mut options);
        let server = must("starting nats-server", alluvium_servers::NatsServer::start(options).await);
        Self { server, scratch }
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A client connected to it.
    pub async fn connect(&self) -> async_nats::Client {
        must("connecting to nats-server", async_nats::connect(self.url()).await)
    }

    /// Its directory; the store is below `nats/jetstream/`.
    pub fn directory(&self) -> PathBuf {
        self.scratch.path().to_owned()
    }

    /// Its log, so far.
    pub fn output(&self) -> String {
        must("reading the log of nats-server", std::fs::read_to_string(self.server.log()))
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        must("killing nats-server", self.server.kill());
    }

    /// Starts it again on the same port and store.
    pub async fn restart(&mut self) {
        must("restarting nats-server", self.server.restart().await);
    }

    /// Stops it in its tracks (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&mut self) {
        must("pausing nats-server", self.server.pause());
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        must("resuming nats-server", self.server.resume());
    }
}
