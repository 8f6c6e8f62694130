//! The rules of storage, pure: state, command and context in, events or a problem out.
//!
//! Ten aggregates: [`Project`] is a project's catalogue (which names stand for which buckets and tables), [`Table`] one
//! incarnation of a table (columns, key, requests that wait for the rows), [`File`] a file from upload to deletion,
//! [`Multipart`] an object on its way in parts, [`Shelf`] how many files a project holds, [`Workspace`] a place for scratch
//! work, [`Job`] a request that is answered later, [`Metadata`] what a branch says of an object, [`Refusal`] the note that a rows
//! message does not count, [`Retention`] the checkpoints of a table and what was purged below.

mod file;
mod job;
pub mod limits;
mod metadata;
mod multipart;
pub mod names;
pub(crate) mod problem;
mod project;
mod refusal;
mod retention;
mod shelf;
mod table;
mod workspace;

#[cfg(test)]
mod spec;

pub use file::{File, Stage};
pub(crate) use file::{check_key, key_of, named_file, object_file};
pub use job::{Job, JobStage};
pub use metadata::{Metadata, MetadataOf};
pub use multipart::{Multipart, MultipartStage, Part};
pub(crate) use multipart::{etag_of, fits};
pub(crate) use project::BEFORE_DROP;
pub(crate) use project::dropped_with;
pub(crate) use project::settings::{Effective, Inherited, NOTHING};
pub use project::{
    AliasRef, Aliases, Branch, Bucket, Catalogue, Level, Link, Overlay, Project, Sharing, Shown, SnapshotRef, TableRef,
};
pub use refusal::Refusal;
pub use retention::Retention;
pub use shelf::Shelf;
pub use table::{Change, Identity, Pending, Table};
pub(crate) use table::{schema_of, spec_of};
pub(crate) use workspace::workspace_uid;
pub use workspace::{Workspace, WorkspaceStage};
