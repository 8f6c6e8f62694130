//! The rules of storage, pure: state, command and context in, events or a problem out.
//!
//! Five aggregates: [`Project`] is a project's catalogue (which names stand for which buckets and tables), [`Table`] one
//! incarnation of a table (columns, key, requests that wait for the rows), [`File`] a file from upload to deletion,
//! [`Refusal`] the note that a rows message does not count, [`Retention`] the checkpoints of a table and what was purged below.

mod file;
pub mod limits;
pub mod names;
pub(crate) mod problem;
mod project;
mod refusal;
mod retention;
mod table;

#[cfg(test)]
mod spec;

pub use file::{File, Stage};
pub use project::{Branch, Bucket, Catalogue, Project, SnapshotRef, TableRef};
pub use refusal::Refusal;
pub use retention::Retention;
pub(crate) use table::schema_of;
pub use table::{Change, Identity, Pending, Table};
