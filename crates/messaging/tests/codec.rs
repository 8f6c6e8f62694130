//! The mapping between Rust and Avro, the formats on the wire, and what a reader makes of another writer's schema.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "codec/agree.rs"]
mod agree;
#[path = "codec/evolution.rs"]
mod evolution;
#[cfg(feature = "registry")]
#[path = "codec/http.rs"]
mod http;
#[path = "codec/mapping.rs"]
mod mapping;
#[path = "codec/messages.rs"]
mod messages;
#[path = "codec/source.rs"]
mod source;
