//! Bodies as the surface fixes them, and how request bodies are read: leniently in scalars, exactly in what is reported.

mod alias;
mod base_type;
mod branch;
mod bucket;
mod changed;
mod changes;
mod credentials;
mod csv;
mod docs;
mod file;
mod from_file;
mod import_table;
mod job;
mod levels;
mod list;
mod merge;
mod metadata;
mod mistake;
mod params;
mod pgwire;
mod profile;
mod project;
mod query;
mod search;
mod settings;
mod shape;
mod sharing;
mod snapshot;
mod table;
mod transfer;
mod version;
mod workspace;

pub use alias::{AliasCreate, AliasSource};
pub use branch::{Branch, BranchCreate, BranchDetail, Branches, CopiedTable, DeletedTable, PulledTable};
pub use bucket::{Bucket, BucketCreate, Buckets};
pub use changed::ChangedWords;
pub use changes::ChangesQuery;
pub use credentials::{Credentials, CredentialsCreate, CredentialsCreated, CredentialsList};
pub use docs::{BucketDeleteQuery, FilesQuery, FormatQuery, PageQuery, PreviewQuery, ProjectsQuery};
pub use file::{File, Files, PrepareBody, Prepared, RegisterBody, TagBody, Uploaded};
pub use from_file::{FileColumnDef, FirstLoadOptions, TableFromFile};
pub use import_table::{RowsSource, TableImportBody};
pub use job::{Job, JobCreator, JobMetrics, Jobs, JobsQuery};
pub use levels::{BucketLinks, BucketSharing, BucketSharingSet, LinkingBucket, SharedBucket, SharedBuckets};
pub use list::page;
pub use merge::{
    BranchDiff, BranchMerge, BranchMerged, MergeTableDoc, MergedTable, RebasedTable, Strategy, TableDiff, TableRebase,
};
pub use metadata::{Metadata, MetadataBody, MetadataPair, TableMetadataBody};
pub use params::Query;
pub use pgwire::{
    PgwireActivity, PgwireActivityQuery, PgwireAdmitted, PgwireAuth, PgwireCleanup, PgwireCleanupQuery, PgwireEndQuery,
    PgwireSession, PgwireSessionCreate, PgwireSessionsQuery, PgwireTable,
};
pub use profile::{Profile, ProfileQuery};
pub use project::{Project, ProjectCreate, ProjectCreated, ProjectStats, ProjectUpdate, Projects};
pub use query::{QueryAnswer, QueryBody, QueryColumn, QueryData, QueryFailed};
pub use search::{SearchQuery, SearchResult, SearchResults};
pub use settings::{SnapshotRetention, SnapshotSettingsAnswer, SnapshotSettingsBody, SnapshotTriggers};
pub use shape::{Shape, read};
pub use sharing::{BucketLink, BucketReadOnly, BucketShare, BucketShares, PipelineLink, UnshareQuery};
pub use snapshot::{
    RestoredTo, Snapshot, SnapshotColumn, SnapshotCreate, SnapshotDetail, SnapshotQuery, SnapshotRestore,
    SnapshotRestored, Snapshots,
};
pub use table::{
    ColumnAdd, ColumnAlter, ColumnDef, ColumnView, KeySet, Preview, PreviewBody, PreviewColumn, RowsDelete,
    RowsDeleted, Table, TableCreate, Tables,
};
pub use transfer::{ExportBody, Exported, ImportBody, Imported, WorkspaceUnload};
pub use version::{TableVersion, TableVersions, TimeTravel};
pub use workspace::{
    Workspace, WorkspaceConnection, WorkspaceCreate, WorkspaceCreated, WorkspaceDetail, WorkspaceLoad,
    WorkspaceLoadError, WorkspaceLoadTable, WorkspaceLoaded, WorkspaceLoadedTable, WorkspaceObject, WorkspaceQuery,
    WorkspaceTable, Workspaces,
};

pub(crate) use changes::{ARROW_STREAM, ChangesWanted, JSON_LINES};
pub(crate) use csv::rows_as_csv;
pub(crate) use file::file_filter;
pub(crate) use job::{job_filter, kept_answer};
pub(crate) use metadata::MetadataSaid;
pub(crate) use pgwire::{cleanup, is_plain};
pub(crate) use profile::profile_mode;
pub(crate) use query::ROWS_MAX;
pub(crate) use search::search_filter;
pub(crate) use settings::{patched, replaced};
