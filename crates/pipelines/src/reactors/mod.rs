//! What acts on the log: the compiler and the runner are asked for what is due, and what they report goes back as commands.
//!
//! Nothing of it is remembered anywhere else. A process that begins reads the log, sees what is due, and goes on.

mod cluster;
mod compiler;
mod diff;
mod driver;
mod due;
mod fold;
mod runner;
mod steps;
mod telemetry;

pub use cluster::{ClusterWatch, WatchParts};
pub use compiler::{
    CompileOutcome, Compiler, DataflowGraph, NotCompared, Packaging, Source, SqlCompilation, Understood, Validated,
};
pub use diff::{PipelineDiff, ProgramDiff};
pub use driver::{Driver, DriverParts};
pub(crate) use due::{Step, due};
pub use fold::{PIPELINES, Pipelines};
pub use runner::{Deployed, DeploymentError, Observation, Place, Runner};
pub use telemetry::{Collection, Part, PartKind, Telemetry, Wanted};
