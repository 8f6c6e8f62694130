//! Retention: rows below a table's checkpoint are taken off the log once nobody may ask for them any more, and blobs that no
//! event needs then are swept.
//!
//! * **checkpoint**: a verified copy of a table's file, kept as a blob and noted on the log with its position and checksum.
//! * **floor**: rows of a table at or below may be gone. On the log before the first of them goes.
//! * **window**: how far back a table can still be read as it was.
//!
//! Domain events are never purged. This module holds the only purge of the stream there is.

mod checkpoint;
mod dropped;
mod marks;
mod pins;
mod plan;
mod policy;
mod purge;
mod run;
mod sweep;

use std::sync::Arc;

use alluvium_eventlog::blob::BlobStore;
use alluvium_kernel::{Actor, BoxFuture, Problem};
use tokio::sync::Mutex;

pub use marks::Marks;
pub use plan::TablePlan;
pub use policy::{MESSAGES_MIN, Policy};
pub use run::{Report, TableDone};
pub use sweep::{SweepReport, YOUNG_HOURS};

use crate::fold::Tables;

/// Those who follow the stream and remember a message of it: before rows go, they have to remember a later one.
pub trait Followers: Send + Sync + 'static {
    /// Waits until all of them are past `seq`.
    fn passed(&self, seq: u64) -> BoxFuture<'_, Result<(), Problem>>;
}

/// Retention of the tables that are kept here.
pub struct Retention {
    tables: Arc<Tables>,
    blobs: BlobStore,
    followers: Arc<dyn Followers>,
    /// One run at a time.
    running: Mutex<()>,
    /// What the window does not decide about.
    pins: Mutex<pins::Pins>,
}

impl Retention {
    /// For the tables of this process.
    pub fn new(tables: Arc<Tables>, blobs: BlobStore, followers: Arc<dyn Followers>) -> Self {
        Self { tables, blobs, followers, running: Mutex::default(), pins: Mutex::default() }
    }
}

/// On whose behalf something is noted on the log when nobody asked.
pub fn by_itself() -> Actor {
    Actor::System("retention".into())
}

fn busy() -> Problem {
    Problem::new("storage.retention_busy", 409, "Retention or a sweep is running already; wait for it.")
}

fn unavailable(error: alluvium_messaging::Error) -> Problem {
    Problem::unavailable("storage.log_unavailable", error.to_string())
}
