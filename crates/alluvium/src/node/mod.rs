//! A running process: the roles, laid together.
//!
//! Everything starts in the order commands, projections, tables, HTTP, and stops the other way round: first nobody new is
//! let in, then what was begun is finished, then the folds save where they are.

mod audit;
mod contexts;
mod endings;
mod expiry;
mod identity;
mod logins;
pub mod nats;
mod parts;
mod peers;
mod pgwire;
mod pipelines;
mod places;
pub mod postgres;
mod remedies;
mod retention;
mod roles;
pub mod room;
mod routes;
mod schemas;
mod shown;
mod tables;
mod tasks;
mod upgrade;
mod vouch;
mod workspaces;

use std::net::SocketAddr;
use std::time::Duration;

use alluvium_kernel::Problem;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use contexts::{CONTEXTS, ContextInfo, PROJECTIONS, TABLES, context, sealed};
pub use parts::Parts;
pub use remedies::obey_anew;
pub use routes::{WholeSurface, idempotency, jobs, placement, route_groups};
pub use tables::start as start_tables;

use crate::config::{Config, Role};
use crate::failure::{Exit, Failure};
use crate::secrets::Secrets;
use crate::telemetry::traces;
use tasks::Tasks;

/// How long workers and folds may take to finish what they have begun, in seconds.
const WORKERS_STOP_SECONDS: u64 = 15;

/// A process that runs its roles.
pub struct Node {
    parts: Parts,
    address: Option<SocketAddr>,
    registries: Vec<SocketAddr>,
    pgwire: Option<SocketAddr>,
    http: Tasks,
    workers: Tasks,
    folds: Tasks,
    followers: Tasks,
    traces: Option<traces::Sender>,
}

impl Node {
    /// Connects, makes what is missing, and starts the configured roles. Ends with exit code 7 when NATS or Postgres does not
    /// appear within the configured time.
    pub async fn start(config: &Config, secrets: &Secrets) -> Result<Self, Failure> {
        // The port first: whoever finds it taken should learn so at once, and not after the folds have caught up.
        let listener = listen(&format!("{}:{}", config.host, config.port)).await?;
        let registries = schemas::open(config).await?;
        let peers = match config.peers.listen.as_ref().filter(|_| config.roles.contains(&Role::Tables)) {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let pgwire = pgwire::open(config).await?;
        let mut parts = Parts::open(config, secrets).await?;
        parts.pgwire = pgwire.address();
        crate::platform::make_directories(&config.data_dir)?;
        let mut node = Self {
            parts,
            address: listener.local_addr().ok(),
            registries: Vec::new(),
            pgwire: pgwire.address(),
            http: Tasks::new("http"),
            workers: Tasks::new("workers"),
            folds: Tasks::new("folds"),
            followers: Tasks::new("followers"),
            traces: None,
        };
        node.traces = traces::Sender::start(&config.traces, node.parts.identity.name());
        roles::followers(&node.parts, &mut node.followers);
        if config.roles.contains(&Role::Commands) {
            roles::commands(&node.parts, &mut node.workers);
        }
        roles::folds(&mut node.parts, &mut node.folds).await?;
        if let Some(listener) = peers {
            roles::peers(&node.parts, &mut node.http, listener)?;
        }
        roles::http(&node.parts, &mut node.http, listener)?;
        node.registries = roles::registries(&node.parts, &mut node.http, registries)?;
        pgwire::serve(&node.parts, &mut node.http, pgwire)?;
        Ok(node)
    }

    /// What the roles share.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Where HTTP is served.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where the schema registry has listeners of its own.
    pub fn registries(&self) -> &[SocketAddr] {
        &self.registries
    }

    /// Where clients log in to workspaces.
    pub fn pgwire(&self) -> Option<SocketAddr> {
        self.pgwire
    }

    /// Resolves when a part ends that should run for ever, with its name.
    pub async fn broken(&mut self) -> &'static str {
        tokio::select! {
            name = self.http.ended() => name,
            name = self.workers.ended() => name,
            name = self.folds.ended() => name,
            name = self.followers.ended() => name,
        }
    }

    /// Stops everything in order.
    pub async fn stop(self) {
        let drain = Duration::from_secs(self.parts.config.drain_seconds);
        self.parts.stopping.cancel();
        self.http.stop(drain + Duration::from_secs(1)).await;
        let rest = Duration::from_secs(WORKERS_STOP_SECONDS);
        self.workers.stop(rest).await;
        self.folds.stop(rest).await;
        self.followers.stop(rest).await;
        if let Some(traces) = self.traces {
            traces.finish().await;
        }
        self.parts.pool.close().await;
        // What is still in the client's buffer goes out before the process does.
        if let Err(error) = self.parts.js.client().flush().await {
            tracing::debug!(nats.error = %error, "the connection was gone before the last flush");
        }
    }
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
            Failure::unavailable("platform.port_taken", format!("Port {port} on {host} is taken."))
                .help("stop what listens there, or choose another with `--port`")
        }
        _ => Failure::new(Exit::Usage, "config.invalid", format!("Cannot listen on {address}."))
            .because(&error)
            .help("check `host` and `port`, or `peers.listen`"),
    })
}

/// A problem at start, before anybody can be answered.
fn at_start(problem: Problem) -> Failure {
    Failure::from(problem).note("while starting")
}

/// A token that ends with the process.
fn token() -> CancellationToken {
    CancellationToken::new()
}
