//! Snapshots.

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::read;
use crate::queries::SnapshotView;

/// Of which table a snapshot is taken.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageSnapshotCreate)]
pub struct SnapshotCreate {
    /// Bucket of the table.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// What it is for.
    pub description: Option<String>,
}

impl SnapshotCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            bucket: body.string("bucket"),
            table: body.string("table"),
            description: body.opt_string("description"),
        })
    }
}

/// Which snapshots of a branch are listed.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the route reads")]
pub struct SnapshotQuery {
    /// Those taken in this bucket.
    bucket: Option<String>,
    /// Those of tables of this name.
    table: Option<String>,
    /// Those made by this: `manual`, or a kind of automatic ones.
    r#type: Option<String>,
    /// How many, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: i64,
    /// How many to leave out first.
    #[param(default = 0, minimum = 0)]
    offset: i64,
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSnapshot)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Snapshot {
    pub id: String,
    pub project_id: String,
    pub bucket_name: String,
    pub table_name: String,
    /// `manual`, or what made it.
    pub snapshot_type: String,
    pub row_count: i64,
    /// What the table's file took then.
    pub size_bytes: i64,
    pub created_at: String,
    /// Id of the key that took it.
    pub created_by: Option<String>,
    /// When it goes by itself.
    pub expires_at: Option<String>,
    pub description: Option<String>,
}

impl Snapshot {
    pub(crate) fn of(project: &str, view: &SnapshotView) -> Self {
        let time = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
        Self {
            id: view.id.clone(),
            project_id: project.to_owned(),
            bucket_name: view.bucket.clone(),
            table_name: view.table.clone(),
            snapshot_type: view.kind.clone(),
            row_count: view.row_count,
            size_bytes: view.size_bytes,
            created_at: time(view.created_at),
            created_by: Some(view.created_by.clone()),
            expires_at: Some(time(view.expires_at)),
            description: view.description.clone(),
        }
    }
}

/// A column that a snapshot's content has.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSnapshotColumn)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct SnapshotColumn {
    pub name: String,
    pub r#type: String,
    pub nullable: bool,
}

/// A snapshot with the shape of its content.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSnapshotDetail)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct SnapshotDetail {
    #[serde(flatten)]
    pub snapshot: Snapshot,
    pub schema_columns: Vec<SnapshotColumn>,
    pub primary_key: Vec<String>,
}

impl SnapshotDetail {
    pub(crate) fn of(project: &str, view: SnapshotView) -> Self {
        let snapshot = Snapshot::of(project, &view);
        let column = |column: crate::contract::ColumnSpec| SnapshotColumn {
            name: column.name,
            r#type: column.r#type,
            nullable: column.nullable,
        };
        let schema_columns = view.columns.into_iter().map(column).collect();
        Self { snapshot, schema_columns, primary_key: view.primary_key }
    }
}

/// One page of snapshots.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSnapshots)]
pub struct Snapshots {
    /// Newest first.
    pub snapshots: Vec<Snapshot>,
    /// How many there are that meet the conditions.
    pub total: i64,
}

/// Where a snapshot goes; nothing named is where it was taken.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageSnapshotRestore)]
pub struct SnapshotRestore {
    /// Bucket of the table that is made.
    pub target_bucket: Option<String>,
    /// Name of the table that is made.
    pub target_table: Option<String>,
}

impl SnapshotRestore {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            target_bucket: body.opt_string("target_bucket"),
            target_table: body.opt_string("target_table"),
        })
    }
}

/// Where a snapshot went.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageRestoredTo)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct RestoredTo {
    pub bucket: String,
    pub table: String,
}

/// A restored snapshot.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSnapshotRestored)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct SnapshotRestored {
    pub restored_to: RestoredTo,
    pub row_count: u64,
}
