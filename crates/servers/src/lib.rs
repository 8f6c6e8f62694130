//! Finds, starts and stops a private nats-server and a private Postgres under one directory.
//!
//! `alluvium dev` and the tests stand on the same two types, [`NatsServer`] and [`Postgres`]: real servers, children of
//! this process, reachable from this machine only. A child never outlives its parent (where `setpriv` of util-linux is
//! installed), is not hit by the terminal's Ctrl-C, and holds a lock on its directory for as long as it lives, so that
//! two servers never write to the same files.
//!
//! What this crate never does: download anything (`scripts/setup` does), listen on another address than 127.0.0.1, or
//! run Postgres as root.
//!
//! ```no_run
//! # async fn example() -> Result<(), alluvium_servers::Error> {
//! use alluvium_servers::{NatsOptions, NatsServer, Postgres, PostgresOptions};
//!
//! let nats = NatsServer::start(NatsOptions::durable("data/nats")).await?;
//! let postgres = Postgres::start(PostgresOptions::durable("data/postgres")).await?;
//! println!("{} {}", nats.url(), postgres.url());
//! postgres.stop().await?;
//! nats.stop().await?;
//! # Ok(()) }
//! ```

mod directory;
mod error;
mod find;
mod nats;
mod port;
mod postgres;
mod process;
mod user;

pub use directory::cache_directory;
pub use error::Error;
pub use find::{Rejected, Version};
pub use nats::{ClusterOptions, NatsOptions, NatsServer};
pub use port::pick_port;
pub use postgres::{Postgres, PostgresOptions};
pub use process::Process;

/// Short for what everything here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Runs a blocking part of a start or stop off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(Error::io("waiting for a start or stop to finish", std::io::Error::other(source))),
    }
}

/// Random bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|source| Error::io("asking the system for random bytes", std::io::Error::other(source.to_string())))?;
    Ok(bytes)
}
