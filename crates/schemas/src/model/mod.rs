//! What may happen to schemas. Pure: time, ids and the actor come in through `DecisionContext`, and what a text means comes in
//! as an [`Assessment`](crate::contract::Assessment).

mod config;
mod contexts;
mod delete;
mod digest;
pub mod metadata;
mod mode;
mod modes;
mod references;
mod register;
mod registry;
mod settings;
mod shards;
#[cfg(test)]
mod specs;

pub use alluvium_avro::Level;
pub use config::{Config, effective, effective_mode};
pub use digest::Digest;
pub use mode::Mode;
pub use registry::{Content, Reference, Referrer, Registry, Subject, Version};
pub use shards::Shards;
