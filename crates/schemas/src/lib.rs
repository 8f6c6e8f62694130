//! The schema registry: subjects with versions, ids that never change, and rules for what may follow what.
//!
//! It speaks the REST API that Kafka clients know, and is event-sourced like every context: one aggregate for each context of
//! a tenant, an index in memory on every node that is a fold of the log, and tables for people.
//!
//! * **Subject**: a name with versions, in a context.
//! * **Content**: a text with its references, metadata and rules; equal content has one id in a context, for ever.
//! * **Assessment**: what a submitted text means, made where the command is decided.
//! * **View**: all contexts of a tenant in memory, as they are now or were at a point of the log.
//!
//! It never fetches anything over the network, and never executes the rules that clients attach to schemas.
//!
//! ```
//! use alluvium_schemas::kinds::{AvroSchema, SchemaModel as _, Strictness};
//! let schema = AvroSchema::parse(r#"{"type": "int"}"#, &[], Strictness::Strict).unwrap();
//! assert_eq!(schema.identity_text(), r#""int""#);
//! ```

mod assess;
mod content;
mod context;
pub mod contract;
mod error;
mod index;
pub mod kinds;
mod library;
pub mod model;
mod projection;
pub mod server;
pub mod subject;
mod world;

pub use assess::Settings;
pub use content::SCHEMA_BYTES_MAX;
pub use context::SchemasContext;
pub use error::ERRORS;
pub use index::{Follower, LIVE, PastViews, STREAM};
pub use library::Library;
pub use projection::{PROJECTION, SchemasProjection};
