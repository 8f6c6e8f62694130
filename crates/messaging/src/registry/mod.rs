//! The typed client of a schema registry: this platform's own, Confluent's, Karapace.
//!
//! Everything of the Confluent Schema Registry's REST API v1, with failover over several URLs, retries with full jitter, and
//! secrets that no error, log or `Debug` shows.

mod client;
mod config;
mod copy;
mod error;
mod http;
mod source;
#[cfg(feature = "registry-tls")]
pub mod tls;
mod types;

pub use client::{RegistryClient, SchemaVersions};
pub use config::{Auth, ConfigError, RegistryConfig, RegistryTarget};
pub use copy::{EXPORT_VERSION, Export, Ids, Imported, Settings};
pub use error::RegistryError;
pub use types::{
    Compatibility, Config, ContextId, Mode, NewSchema, Reference, Registered, SchemaById, SchemaType, SubjectVersion,
    Version,
};
