//! The mapping between Rust and Avro, the formats on the wire, and what a reader makes of another writer's schema.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "codec/evolution.rs"]
mod evolution;
#[path = "codec/mapping.rs"]
mod mapping;
#[path = "codec/messages.rs"]
mod messages;
