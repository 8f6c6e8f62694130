//! The Avro schema model: parse, identity, normal form, canonical form, fingerprints, compatibility, differences, lint.
//!
//! It reads `.avsc` text and keeps everything in it: docs, aliases, defaults, unknown attributes and their order. All
//! findings of a text are told at once, each with line, column and JSON pointer. It never does IO, never encodes data, and
//! never panics or runs out of stack on a hostile text.
//!
//! ```
//! use alluvium_avro::{Level, Policy, Schema, check};
//! let old = Schema::parse(r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "int"}]}"#)?;
//! let new = Schema::parse(r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}"#)?;
//! let found = check(&new, &[(1, old)], Level::Backward, Policy::Strict);
//! assert_eq!(found[0].findings[0].incompatibility.pointer, "/fields/0/type");
//! assert_eq!(
//!     found[0].findings[0].incompatibility.message,
//!     "reader type: string not compatible with writer type: int"
//! );
//! # Ok::<(), alluvium_avro::ParseErrors>(())
//! ```

mod brief;
mod compat;
mod diff;
mod fingerprint;
pub mod json;
mod lint;
mod name;
mod parse;
mod pointer;
mod schema;
mod text;
mod validate;

pub use compat::{
    DirectedIncompatibility, Direction, INCOMPATIBILITIES_MAX, Incompatibility, Kind, Level, LevelError,
    OLD_SCHEMA_CHARS_MAX, PAIRS_MAX, Policy, VersionFindings, can_read, check, verbose_messages,
};
pub use diff::{Change, ChangeKind, diff};
pub use fingerprint::{Algorithm, crc64_avro};
pub use json::Json;
pub use lint::{Advice, Rule, lint};
pub use name::{Name, is_valid_name};
pub use parse::{FINDINGS_MAX, Fault, Finding, Named, ParseErrors, REFERENCES_MAX, SCHEMA_BYTES_MAX, Strictness};
pub use schema::{Enum, Field, Fixed, Logical, Node, NodeId, Order, Record, Schema, Type};
pub use validate::{Problem, ProblemKind, Report, validate};

/// Runs a step of a recursion that follows a schema's types, with more stack where it is short: how deep types nest is up
/// to who wrote the schema.
pub(crate) fn deep<T>(step: impl FnOnce() -> T) -> T {
    const RED_ZONE_BYTES: usize = 128 * 1024;
    const SEGMENT_BYTES: usize = 2 * 1024 * 1024;
    stacker::maybe_grow(RED_ZONE_BYTES, SEGMENT_BYTES, step)
}
