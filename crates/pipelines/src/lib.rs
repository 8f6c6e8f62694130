//! SQL programs that are kept up to date: their texts, their compilation, and where they run.
//!
//! * **Pipeline**: a program with its configuration, and at most one deployment of it.
//! * **Deployment**: from when room is made for a pipeline until it is taken away.
//! * **Storage**: what a pipeline keeps between deployments.
//! * **Compiler**, **Runner**: what understands programs and what runs them. They are given to this context and report to it by
//!   commands; the [`Driver`] asks them for what the log says is due, so that a process which starts anew goes on where another ended.
//!
//! It speaks the REST API that clients of Feldera know. It never plans a query and never holds rows.
//!
//! ```
//! use alluvium_pipelines::model::{RuntimeDesired, RuntimeStatus};
//! assert!(RuntimeDesired::Paused.may_become(RuntimeDesired::Running));
//! assert_eq!(RuntimeStatus::Running.as_str(), "Running");
//! ```

mod context;
pub mod contract;
mod error;
mod interaction;
pub mod model;
mod projection;
mod queries;
mod reactors;
mod routes;
mod wire;

pub use context::{PipelinesContext, STREAM};
pub use error::ERRORS;
pub use interaction::Standing;
pub use projection::{PROJECTION, PipelinesProjection};
pub use queries::PipelineQueries;
pub use reactors::{
    ClusterWatch, Collection, CompileOutcome, Compiler, DataflowGraph, Deployed, DeploymentError, Driver, DriverParts,
    NotCompared, Observation, PIPELINES, Packaging, Part, PartKind, PipelineDiff, Pipelines, Place, ProgramDiff,
    Runner, Source, SqlCompilation, Telemetry, Understood, Validated, Wanted, WatchParts,
};
pub use routes::{ApiKeys, Demo, Health, IssuedApiKey, KeyRole, NamedKey, PipelineRoutes, RouteParts, Service, routes};
