//! Connectors of pipelines: what fills tables from the world outside, and what takes changes of views there.
//!
//! [`ConnectorConfig::parse`] reads the JSON of one connector. [`input`] and [`output`] make what it says: files,
//! URLs, buckets, NATS streams, Kafka topics, Postgres tables, Redis keys, generated rows. [`start`] runs an input,
//! which gives [`Chunk`]s over a bounded channel, each with the position behind it; given back, the input goes on
//! exactly there. An [`Output`] takes encoded items or changed rows step by step and says how far it is; [`deliver`]
//! tries until it has a step. [`StartOrder`] says which inputs may run when.
//!
//! Nothing here parses or encodes rows, and nothing decides what is read when: that is the runner's.
//!
//! Configurations may be hostile: files are reached only below directories that the caller allows, secrets are in no
//! error and no debug output, what is queued and read at once is limited.
//!
//! ```
//! use alluvium_connectors::{ConnectorConfig, Context, Limits, Table, column, input, start};
//! use alluvium_sql::types::{ColumnType, IntWidth, Type};
//! use arrow::datatypes::{DataType, Field, Schema};
//! use serde_json::json;
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let config = json!({"transport": {"name": "datagen", "config": {"plan": [{"limit": 3}]}}});
//! let config = ConnectorConfig::parse("made", &config, &Context::default())?;
//! let table = Table {
//!     name: "numbers".to_owned(),
//!     columns: vec![column("id", ColumnType { kind: Type::Int(IntWidth::Big), is_nullable: false })],
//!     schema: Schema::new(vec![Field::new("id", DataType::Int64, false)]).into(),
//! };
//! let input = input(&config, &table, &Context::default())?;
//! let (handle, mut chunks) = start(input, None, Limits::of(&config.common, 1), config.common.paused);
//! assert_eq!(chunks.next().await.map(|chunk| chunk.payload.records()), Some(3));
//! assert!(chunks.next().await.is_none());
//! # handle.stop().await;
//! # Ok::<_, alluvium_connectors::Error>(())
//! # }).unwrap();
//! ```

mod build;
mod cells;
pub mod config;
mod context;
pub mod datagen;
mod error;
pub mod file;
mod http;
pub mod input;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod nats;
pub mod nexmark;
mod order;
pub mod output;
pub mod postgres;
pub mod redis;
pub mod s3;
mod secret;
mod status;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_http;
mod tls;
pub mod url_input;

pub use build::{input, output};
pub use config::{Common, ConnectorConfig, Direction, TRANSPORTS, Transport, TransportTag};
pub use context::Context;
pub use error::{Error, Exit, Fault};
pub use input::{Chunk, Chunks, Handle, Input, Limits, Message, Payload, start};
pub use order::{OrderError, StartOrder, Waiting};
pub use output::{ChangeKind, Item, Output, Reached, Wants, deliver, open};
pub use secret::Secret;
pub use status::{ERROR_BYTES_MAX, Health, HealthStatus, Monitor, RECENT_ERRORS_MAX, Status, TransportError};
pub use table::{Table, column};
