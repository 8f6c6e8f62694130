//! What each event does to the read model, as data: so that many can be written at once.

mod alias;
mod job;
mod metadata;
mod multipart;
mod settings;
mod sharing;
mod snapshot;
mod workspace;

use alluvium_kernel::Timestamp;

use super::Place;
pub(super) use alias::AliasOp;
pub(super) use job::JobOp;
pub(super) use metadata::{MetadataOp, columns_of};
pub(super) use multipart::MultipartOp;
pub(super) use settings::{Level, SettingsOp};
pub(super) use sharing::SharingOp;
pub(super) use snapshot::{SnapshotOp, left_by};
pub(super) use workspace::WorkspaceOp;

use crate::contract::{
    ColumnSpec, Event, FileEvent, ProjectCreated, ProjectEvent, ProjectUpdated, RefusalEvent, RetentionEvent,
    ShelfEvent, TableCreated, TableEvent,
};
use crate::model::key_of;

/// A change of the read model.
#[derive(Clone, Debug)]
pub(super) enum Op {
    PutProject {
        tenant: String,
        event: ProjectCreated,
        time: i64,
    },
    UpdateProject {
        tenant: String,
        event: ProjectUpdated,
        time: i64,
    },
    DeleteProject {
        tenant: String,
        id: String,
        time: i64,
    },
    PutBranch(Box<BranchRow>),
    DeleteBranch {
        tenant: String,
        project: String,
        id: String,
    },
    PutBucket {
        tenant: String,
        project: String,
        name: String,
        uid: String,
        description: Option<String>,
        time: i64,
    },
    DeleteBucket {
        tenant: String,
        project: String,
        name: String,
    },
    PutTable(Box<TableRow>),
    /// It shows once its first rows are in.
    AwaitTable(Box<TableRow>),
    FillTable {
        uid: String,
        seq: i64,
    },
    DeleteTable {
        tenant: String,
        project: String,
        uid: String,
    },
    PatchTable {
        uid: String,
        columns: Option<String>,
        primary_key: Option<String>,
        seq: i64,
    },
    DropColumn {
        uid: String,
        column: String,
        seq: i64,
    },
    HideTable(Box<HiddenRow>),
    ShowTable(Box<HiddenRow>),
    PutFile(Box<FileRow>),
    StageFile {
        tenant: String,
        id: String,
        blob: String,
        size_bytes: i64,
        md5: Option<String>,
    },
    TagFile {
        tenant: String,
        id: String,
        tags: String,
    },
    ExpireFile {
        tenant: String,
        id: String,
    },
    DeleteFile {
        tenant: String,
        id: String,
    },
    Alias(AliasOp),
    Sharing(SharingOp),
    Snapshot(SnapshotOp),
    Settings(SettingsOp),
    Workspace(WorkspaceOp),
    Multipart(MultipartOp),
    Job(JobOp),
    Metadata(MetadataOp),
}

/// What ops may have in common; borrowed from them, as many are looked at in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Project(&'a str, &'a str),
    Branch(&'a str, &'a str, &'a str),
    Bucket(&'a str, &'a str, &'a str),
    Table(&'a str),
    Hidden(&'a str, &'a str, &'a str, &'a str, &'a str),
    File(&'a str, &'a str),
    Share(&'a str, &'a str, &'a str, &'a str),
    Snapshot(&'a str, &'a str),
    Workspace(&'a str),
    Credentials(&'a str, &'a str),
    Multipart(&'a str, &'a str),
    Part(&'a str, &'a str, i32),
    Job(&'a str),
    Metadata(&'a str, &'a str, &'a str, &'a str),
    Alias(&'a str),
}

#[derive(Clone, Debug)]
pub(super) struct BranchRow {
    pub tenant: String,
    pub project: String,
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub time: i64,
    pub created_by: String,
    pub mode: String,
}

#[derive(Clone, Debug)]
pub(super) struct TableRow {
    pub tenant: String,
    pub project: String,
    pub branch: String,
    pub bucket: String,
    pub name: String,
    pub uid: String,
    pub copy_of: Option<String>,
    pub columns: String,
    pub primary_key: String,
    pub time: i64,
    pub seq: i64,
}

/// A name that a dev branch does not show.
#[derive(Clone, Debug)]
pub(super) struct HiddenRow {
    pub tenant: String,
    pub project: String,
    pub branch: String,
    pub bucket: String,
    pub name: String,
    pub time: i64,
}

/// A file or an upload; written only while the incarnation of the project that it belongs to lives.
#[derive(Clone, Debug)]
pub(super) struct FileRow {
    pub tenant: String,
    pub project: String,
    pub project_uid: String,
    pub id: String,
    pub name: String,
    pub content_type: Option<String>,
    pub blob: Option<String>,
    pub size_bytes: Option<i64>,
    pub tags: String,
    pub is_registered: bool,
    pub time: i64,
    pub expires_at: Option<i64>,
    pub md5: Option<String>,
    pub key: Option<String>,
    pub run_id: Option<String>,
    pub branch: String,
    pub is_sliced: bool,
}

/// JSON text of values that hold nothing JSON cannot.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn columns(columns: &[ColumnSpec]) -> String {
    json(&columns)
}

/// What `event` changes; nothing for events that only the tables' own folds read.
pub(super) fn of(event: Event, at: &Place<'_>) -> Option<Op> {
    match event {
        Event::Project(event) => of_project(event, at),
        Event::Table(event) => of_table(event, at),
        Event::File(event) => Some(of_file(event, at)),
        Event::Workspace(event) => workspace::of(event, at).map(Op::Workspace),
        Event::Multipart(event) => Some(Op::Multipart(multipart::of(event, at))),
        Event::Job(event) => Some(Op::Job(job::of(event, at))),
        Event::Metadata(event) => Some(Op::Metadata(metadata::of(event, at))),
        Event::Shelf(ShelfEvent::FilesCounted(_))
        | Event::Refusal(RefusalEvent::RowsRefused(_))
        | Event::Retention(RetentionEvent::TableCheckpointed(_) | RetentionEvent::RowsPurged(_)) => None,
    }
}

fn of_project(event: ProjectEvent, at: &Place<'_>) -> Option<Op> {
    let (tenant, time) = (at.tenant.decode(), at.time);
    Some(match event {
        ProjectEvent::ProjectCreated(event) => Op::PutProject { tenant, event, time },
        ProjectEvent::ProjectUpdated(event) => Op::UpdateProject { tenant, event, time },
        ProjectEvent::ProjectDeleted(e) => Op::DeleteProject { tenant, id: e.project, time },
        ProjectEvent::BranchCreated(e) => Op::PutBranch(Box::new(BranchRow {
            tenant,
            project: e.project,
            id: e.branch,
            name: e.name,
            description: e.description,
            time,
            created_by: e.created_by,
            mode: e.mode,
        })),
        ProjectEvent::BranchDeleted(e) => Op::DeleteBranch { tenant, project: e.project, id: e.branch },
        ProjectEvent::BucketCreated(e) => {
            Op::PutBucket { tenant, project: e.project, name: e.bucket, uid: e.uid, description: e.description, time }
        }
        ProjectEvent::BucketDeleted(e) => Op::DeleteBucket { tenant, project: e.project, name: e.bucket },
        ProjectEvent::TableCreated(e) => table_made(e, tenant, at),
        ProjectEvent::TableDropped(e) => Op::DeleteTable { tenant, project: e.project, uid: e.uid },
        ProjectEvent::TableHidden(e) => {
            let (project, branch, bucket, name) = (e.project, e.branch, e.bucket, e.table);
            Op::HideTable(Box::new(HiddenRow { tenant, project, branch, bucket, name, time }))
        }
        ProjectEvent::TablePulled(e) => {
            let (project, branch, bucket, name) = (e.project, e.branch, e.bucket, e.table);
            Op::ShowTable(Box::new(HiddenRow { tenant, project, branch, bucket, name, time }))
        }
        ProjectEvent::AliasCreated(e) => Op::Alias(alias::created(e, tenant, time)),
        ProjectEvent::AliasDropped(e) => Op::Alias(alias::dropped(e, tenant)),
        ProjectEvent::BucketShared(e) => Op::Sharing(sharing::shared(e, tenant)),
        ProjectEvent::BucketUnshared(e) => Op::Sharing(sharing::unshared(e, tenant)),
        ProjectEvent::BucketLinked(e) => Op::Sharing(sharing::linked(e, tenant, time)),
        ProjectEvent::BucketUnlinked(event) => Op::Sharing(SharingOp::Unlink { tenant, event }),
        ProjectEvent::BucketSharingSet(e) => Op::Sharing(sharing::set(e, tenant)),
        ProjectEvent::LinkClosed(event) => Op::Sharing(SharingOp::Close { tenant, event }),
        ProjectEvent::SnapshotTaken(e) => Op::Snapshot(snapshot::taken(e, tenant, time)),
        ProjectEvent::SnapshotDeleted(e) => Op::Snapshot(SnapshotOp::Delete { uid: e.uid, id: e.snapshot }),
        ProjectEvent::SnapshotExpired(e) => Op::Snapshot(SnapshotOp::Delete { uid: e.uid, id: e.snapshot }),
        ProjectEvent::SnapshotSettingsSet(e) => Op::Settings(settings::set(e, tenant)),
        ProjectEvent::SnapshotSettingsCleared(e) => Op::Settings(settings::cleared(e, tenant)),
        // The names are as they were, or as the event before it says; the rest is the table's own.
        ProjectEvent::RestorePlanned(_)
        | ProjectEvent::TableMerged(_)
        // Who links a bucket shows in their own projects; the marker shows nowhere.
        | ProjectEvent::LinkAdmitted(_)
        | ProjectEvent::LinkReleased(_)
        | ProjectEvent::BucketMarkedReadOnly(_)
        | ProjectEvent::BucketUnmarkedReadOnly(_) => return None,
    })
}

fn table_made(made: TableCreated, tenant: String, at: &Place<'_>) -> Op {
    let is_awaited = made.awaits.is_some();
    let row = Box::new(TableRow {
        tenant,
        project: made.project,
        branch: made.branch,
        bucket: made.bucket,
        name: made.table,
        uid: made.uid,
        copy_of: made.copy_of,
        columns: columns(&made.columns),
        primary_key: json(&made.primary_key),
        time: at.time,
        seq: at.seq,
    });
    if is_awaited { Op::AwaitTable(row) } else { Op::PutTable(row) }
}

fn of_table(event: TableEvent, at: &Place<'_>) -> Option<Op> {
    let (uid, seq) = (at.id.decode(), at.seq);
    let patch = |columns, primary_key| Some(Op::PatchTable { uid: at.id.decode(), columns, primary_key, seq });
    match event {
        TableEvent::ColumnDropped(e) => Some(Op::DropColumn { uid, column: e.column, seq }),
        TableEvent::PrimaryKeyDropped(_) => patch(None, Some("[]".to_owned())),
        TableEvent::SnapshotRequested(e) => Some(Op::Snapshot(snapshot::shaped(e, uid))),
        TableEvent::Settled(e) if e.accepted && e.fills => Some(Op::FillTable { uid, seq }),
        TableEvent::Settled(e) if e.accepted && e.columns.is_none() && e.primary_key.is_none() => {
            snapshot::counted(&e, &uid).map(Op::Snapshot).or_else(|| patch(None, None))
        }
        TableEvent::Settled(e) if e.accepted => {
            patch(e.columns.as_deref().map(columns), e.primary_key.as_ref().map(json))
        }
        // Opened and closed echo the catalogue; requests change nothing before they are settled.
        TableEvent::Settled(_)
        | TableEvent::TableOpened(_)
        | TableEvent::TableClosed(_)
        | TableEvent::ColumnAddRequested(_)
        | TableEvent::ColumnAlterRequested(_)
        | TableEvent::PrimaryKeyRequested(_)
        | TableEvent::LoadRequested(_)
        | TableEvent::RowsDeleteRequested(_)
        | TableEvent::RestoreRequested(_) => None,
    }
}

fn of_file(event: FileEvent, at: &Place<'_>) -> Op {
    let (tenant, time) = (at.tenant.decode(), at.time);
    match event {
        FileEvent::UploadPrepared(e) => Op::PutFile(Box::new(FileRow {
            tenant,
            project: e.project,
            project_uid: e.project_uid,
            id: e.file,
            name: e.filename,
            content_type: e.content_type,
            blob: None,
            size_bytes: None,
            tags: json(&e.tags),
            is_registered: false,
            time,
            expires_at: Some(e.expires_at),
            md5: None,
            key: None,
            run_id: e.run_id,
            branch: e.branch,
            is_sliced: e.is_sliced,
        })),
        FileEvent::UploadStaged(e) => {
            Op::StageFile { tenant, id: e.file, blob: e.blob, size_bytes: e.size_bytes, md5: e.md5 }
        }
        FileEvent::FileRegistered(e) => Op::PutFile(Box::new(FileRow {
            key: Some(e.key.unwrap_or_else(|| key_of(Timestamp::from_micros(time), &e.file, &e.name))),
            tenant,
            project: e.project,
            project_uid: e.project_uid,
            id: e.file,
            name: e.name,
            content_type: e.content_type,
            blob: Some(e.blob),
            size_bytes: Some(e.size_bytes),
            tags: json(&e.tags),
            is_registered: true,
            time,
            expires_at: e.expires_at,
            md5: e.md5,
            run_id: e.run_id,
            branch: e.branch,
            is_sliced: e.is_sliced,
        })),
        FileEvent::FileTagged(e) => Op::TagFile { tenant, id: e.file, tags: json(&e.tags) },
        FileEvent::FileExpired(e) => Op::ExpireFile { tenant, id: e.file },
        FileEvent::FileDeleted(e) => Op::DeleteFile { tenant, id: e.file },
    }
}

impl Op {
    /// What kind of statement writes it.
    pub fn kind(&self) -> u8 {
        match self {
            Self::PutProject { .. } => 0,
            Self::UpdateProject { .. } => 1,
            Self::DeleteProject { .. } => 2,
            Self::PutBucket { .. } => 3,
            Self::DeleteBucket { .. } => 4,
            Self::PutTable(_) => 5,
            Self::DeleteTable { .. } => 6,
            Self::PatchTable { .. } => 7,
            Self::DropColumn { .. } => 8,
            Self::PutFile(_) => 9,
            Self::StageFile { .. } => 10,
            Self::DeleteFile { .. } => 11,
            Self::PutBranch(_) => 30,
            Self::DeleteBranch { .. } => 31,
            Self::HideTable(_) => 32,
            Self::ShowTable(_) => 33,
            Self::Alias(op) => op.kind(),
            Self::Sharing(op) => op.kind(),
            Self::Snapshot(op) => op.kind(),
            Self::Settings(op) => op.kind(),
            Self::Workspace(op) => op.kind(),
            Self::Multipart(op) => op.kind(),
            Self::Job(op) => op.kind(),
            Self::Metadata(op) => op.kind(),
            Self::TagFile { .. } => 40,
            Self::ExpireFile { .. } => 41,
            Self::AwaitTable(_) => 125,
            Self::FillTable { .. } => 126,
        }
    }

    /// The row it writes, unique among ops of its kind: one statement may touch a row once.
    pub fn row(&self) -> Key<'_> {
        match self {
            Self::PutProject { tenant, event, .. } => Key::Project(tenant, &event.project),
            Self::UpdateProject { tenant, event, .. } => Key::Project(tenant, &event.project),
            Self::DeleteProject { tenant, id, .. } => Key::Project(tenant, id),
            Self::PutBranch(row) => Key::Branch(&row.tenant, &row.project, &row.id),
            Self::DeleteBranch { tenant, project, id } => Key::Branch(tenant, project, id),
            Self::PutBucket { tenant, project, name, .. } | Self::DeleteBucket { tenant, project, name } => {
                Key::Bucket(tenant, project, name)
            }
            Self::PutTable(row) | Self::AwaitTable(row) => Key::Table(&row.uid),
            Self::HideTable(row) | Self::ShowTable(row) => {
                Key::Hidden(&row.tenant, &row.project, &row.branch, &row.bucket, &row.name)
            }
            Self::DeleteTable { uid, .. }
            | Self::PatchTable { uid, .. }
            | Self::DropColumn { uid, .. }
            | Self::FillTable { uid, .. } => Key::Table(uid),
            Self::PutFile(row) => Key::File(&row.tenant, &row.id),
            Self::StageFile { tenant, id, .. }
            | Self::TagFile { tenant, id, .. }
            | Self::ExpireFile { tenant, id }
            | Self::DeleteFile { tenant, id } => Key::File(tenant, id),
            Self::Alias(op) => op.row(),
            Self::Sharing(op) => op.row(),
            Self::Snapshot(op) => op.row(),
            Self::Settings(op) => op.row(),
            Self::Workspace(op) => op.row(),
            Self::Multipart(op) => op.row(),
            Self::Job(op) => op.row(),
            Self::Metadata(op) => op.row(),
        }
    }

    /// What it depends on: two ops that share one of these stay in order.
    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        match self {
            Self::PutProject { tenant, event, .. } => [Some(Key::Project(tenant, &event.project)), None],
            Self::UpdateProject { tenant, event, .. } => [Some(Key::Project(tenant, &event.project)), None],
            Self::DeleteProject { tenant, id, .. } => [Some(Key::Project(tenant, id)), None],
            Self::PutBranch(row) => [Some(Key::Project(&row.tenant, &row.project)), None],
            Self::HideTable(row) | Self::ShowTable(row) => [Some(Key::Project(&row.tenant, &row.project)), None],
            Self::PutBucket { tenant, project, .. }
            | Self::DeleteBucket { tenant, project, .. }
            | Self::DeleteBranch { tenant, project, .. } => [Some(Key::Project(tenant, project)), None],
            Self::PutTable(row) | Self::AwaitTable(row) => {
                [Some(Key::Project(&row.tenant, &row.project)), Some(Key::Table(&row.uid))]
            }
            Self::DeleteTable { tenant, project, uid } => [Some(Key::Project(tenant, project)), Some(Key::Table(uid))],
            Self::PatchTable { uid, .. } | Self::DropColumn { uid, .. } | Self::FillTable { uid, .. } => {
                [Some(Key::Table(uid)), None]
            }
            Self::PutFile(row) => {
                [Some(Key::Project(&row.tenant, &row.project)), Some(Key::File(&row.tenant, &row.id))]
            }
            Self::StageFile { tenant, id, .. }
            | Self::TagFile { tenant, id, .. }
            | Self::ExpireFile { tenant, id }
            | Self::DeleteFile { tenant, id } => [Some(Key::File(tenant, id)), None],
            Self::Alias(op) => op.order(),
            Self::Sharing(op) => op.order(),
            Self::Snapshot(op) => op.order(),
            Self::Settings(op) => op.order(),
            Self::Workspace(op) => op.order(),
            Self::Multipart(op) => op.order(),
            Self::Job(op) => op.order(),
            Self::Metadata(op) => op.order(),
        }
    }

    /// A third thing that it depends on, where there is one: of which table the main line's columns count for a copy.
    pub fn also(&self) -> Option<Key<'_>> {
        match self {
            Self::PutTable(row) => row.copy_of.as_deref().map(Key::Table),
            Self::Metadata(op) => op.also(),
            _ => None,
        }
    }
}
