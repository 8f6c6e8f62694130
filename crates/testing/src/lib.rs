//! Real servers for tests, private and restartable, and the Alluvium binary itself.
//!
//! Nothing here is a mock. Every value stops what it started when it is dropped, and the kernel does when the test
//! process is killed; directories that a killed test left behind are removed by the next one. Everything panics with
//! a clear sentence when it cannot do its work: in a test, that is the failure to show.
//!
//! ```no_run
//! # async fn example() {
//! use alluvium_testing::{NatsServer, Postgres};
//!
//! let mut nats = NatsServer::start().await;
//! let postgres = Postgres::shared().await;
//! let database = postgres.database().await; // a URL
//! nats.kill();
//! nats.restart().await;
//! # }
//! ```

mod binary;
mod cluster;
mod kafka;
mod nats;
mod postgres;
mod scratch;

pub use alluvium_servers::pick_port;
pub use binary::{Alluvium, AlluviumBuilder};
pub use cluster::NatsCluster;
pub use kafka::KafkaBroker;
pub use nats::NatsServer;
pub use postgres::Postgres;
pub use scratch::Scratch;

/// Gives rustls the provider that HTTP clients of tests ask for: built with the features of the whole workspace they can do
/// TLS, and then need one even for plain HTTP.
pub(crate) fn provide_tls() {
    // Somebody was first: fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The value, or a panic that says what could not be done.
fn must<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
