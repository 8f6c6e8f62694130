//! Message types: a Rust type, its Avro schema, and what ties it to a topic.

pub mod avro_as;
mod avro_type;
mod builder;
mod datum;
mod default;
mod kind;
mod message;
mod scalar;
mod schema;
mod subject;
mod types;

#[doc(hidden)]
pub mod derive;

pub use avro_type::{AvroType, De, Ser};
pub use builder::{FieldHead, Head, Place, SchemaBuilder, SchemaText};
pub use datum::{DATUM_DEPTH_MAX, json_from_datum, json_to_datum, tagged_json_from_datum};
pub use kind::Kind;
pub use message::{KeyFormat, Message, MessageMeta, SubjectStrategy, export_models, models};
pub use schema::{MessageSchema, SchemaError};
pub use subject::{SubjectError, Vars};
pub use types::CalendarDuration;

pub(crate) use avro_type::OUT_OF_RANGE;
pub(crate) use datum::{
    blocks as walk_blocks, bytes as take_bytes, json_default, length as take_length, number as take_number,
};
