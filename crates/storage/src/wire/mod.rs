//! Bodies as the surface fixes them, and how request bodies are read: leniently in scalars, exactly in what is reported.

mod branch;
mod bucket;
mod file;
mod list;
mod project;
mod query;
mod shape;
mod snapshot;
mod table;
mod transfer;

pub use branch::{Branch, BranchCreate, BranchDetail, Branches, CopiedTable, DeletedTable};
pub use bucket::{Bucket, BucketCreate, Buckets};
pub use file::{File, Files, PrepareBody, Prepared, RegisterBody, Uploaded};
pub use list::{PageQuery, page};
pub use project::{Project, ProjectCreate, ProjectCreated, ProjectStats, ProjectUpdate, Projects};
pub use query::{QueryAnswer, QueryBody, QueryColumn, QueryData, QueryFailed};
pub use shape::{Query, Shape, read};
pub use snapshot::{
    RestoredTo, Snapshot, SnapshotColumn, SnapshotCreate, SnapshotDetail, SnapshotQuery, SnapshotRestore,
    SnapshotRestored, Snapshots,
};
pub use table::{
    ColumnAdd, ColumnAlter, ColumnDef, ColumnView, Filters, KeySet, Preview, PreviewBody, PreviewColumn, RowsDelete,
    RowsDeleted, Table, TableCreate, Tables,
};
pub use transfer::{ExportBody, Exported, ImportBody, Imported};

pub(crate) use query::ROWS_MAX;
pub(crate) use table::{PREVIEW_ROWS, PREVIEW_ROWS_MAX};
