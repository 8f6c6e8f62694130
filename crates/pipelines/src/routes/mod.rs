//! The HTTP surface: `/v0/pipelines` and what else clients of Feldera ask for.

mod bundle;
mod cluster;
mod config;
mod demos;
mod events;
mod facade;
mod health;
mod keys;
mod lifecycle;
mod list;
mod older;
mod pipelines;
mod platform;
mod program;
mod state;
#[cfg(test)]
mod tests;

pub use demos::Demo;
pub use health::{Health, Service};
pub use keys::{ApiKeys, IssuedApiKey, KeyRole, NamedKey};
pub use list::routes;
pub use state::{PipelineRoutes, RouteParts};
