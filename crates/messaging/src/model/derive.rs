//! What the derive macros write into other crates. No interface of its own: it changes with them.

pub use alluvium_kernel::Timestamp;
pub use bytes::Bytes;
pub use {inventory, serde};

pub use super::avro_type::{AvroType, BranchSeed, De, Ser, absent, put, take, unknown_symbol};
pub use super::builder::{DefaultSource, FieldHead, Head, Place, SchemaBuilder, SchemaText};
pub use super::default::{FieldDefault, default_text};
pub use super::kind::{
    Kind, Literal, all_differ, branch_name, default_fits, kinds_equal, logical_equal, logical_is, no_unions,
};
pub use super::message::{KeyFormat, Linked, MessageMeta, SubjectStrategy, check};
pub use super::scalar::{key_of, text_of, time_of};
pub use super::schema::MessageSchema;
pub use super::subject::{SubjectError, SubjectText, Vars};
pub use crate::wire::{EncodeError, Wire};

/// Tells the record of a variant from a type of the same name.
pub fn variant_of(owner: &str, variant: &str) -> String {
    format!("{owner}::{variant}")
}
