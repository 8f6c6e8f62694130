//! The rules of pipelines, pure: state, command and context in, events or a problem out.
//!
//! Three aggregates: [`Pipeline`] is one pipeline with its program, its storage and its deployment; [`Directory`] says which names of a
//! tenant stand for which pipelines; [`Cluster`] is how the parts of the installation are.

mod cluster;
mod compile;
pub mod config;
mod create;
mod delete;
mod deployment;
mod desired;
mod directory;
mod edit;
mod names;
mod pipeline;
mod start;
mod status;
mod stop;
mod storage;

#[cfg(test)]
mod invariants;
#[cfg(test)]
pub(crate) mod spec;

pub use cluster::Cluster;
pub(crate) use cluster::SAME_MICROS;
pub(crate) use create::{new_id, uuid_v7};
pub use directory::Directory;
pub(crate) use edit::renamed;
pub use names::{NAME_CHARS_MAX, check_key_name};
pub use pipeline::{Deployment, Pipeline, Program, Settings};
pub use start::Initial;
pub use status::{
    BootstrapPolicy, Health, ProgramStatus, ResourcesDesired, ResourcesStatus, RuntimeDesired, RuntimeStatus,
    StorageStatus,
};

/// The version of the platform whose wire this is: what programs are compiled by.
pub const PLATFORM_VERSION: &str = "0.337.0";
