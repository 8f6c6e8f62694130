//! What runs pipelines in this process: it understands their programs, reads what comes in for them from their stream, takes it in step
//! by step, and keeps their tables and views as files.
//!
//! * **Input**: rows for the tables of a pipeline, on `pl.<tenant>.<pipeline>.rows.<table>` of the stream [`STREAM`]. What is there is
//!   taken in exactly once, however often the process dies.
//! * **Step**: what was taken in together. Each step moves the files of what it changed, each in one transaction with its number and the
//!   place in the stream up to which it goes.
//! * **Deployment**: a pipeline with room to run in: an engine on a thread of its own, and its files.
//! * **Listener**: who is told how a table or view changes, step by step.
//!
//! Nothing is remembered but the stream and the files: a process that begins reads the files, takes in what came after them, and
//! compares what views should be with what they are.

mod activity;
mod adapt;
mod approval;
mod backlog;
mod checkpoints;
mod columns;
mod compile;
mod connectors;
mod dead;
mod deployment;
mod files;
mod heap;
mod histogram;
mod input;
mod listeners;
mod logs;
mod manifest;
mod marks;
mod metrics;
mod payload;
mod profile;
mod program;
mod recover;
mod routes;
mod runner;
mod sampling;
mod series;
mod shown;
mod stats;
mod telemetry;
mod token;
mod whole;
mod work;
mod writer;

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_kernel::Timestamp;

pub use compile::SqlCompiler;
pub use input::STREAM;
pub use routes::{DataRoutes, ERRORS, routes};
pub use runner::{ProgramRunner, RunnerParts};
pub use shown::Shown;

/// The clock of the machine.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
