//! What events do to metadata.

use super::{Key, Place, json};
use crate::contract::{Event, MetadataEvent, MetadataMerged, ProjectEvent, TableEvent};
use crate::model::names::{MAIN_BRANCH, fold};

/// A change of what is said of an object.
#[derive(Clone, Debug)]
pub(in crate::projection) enum MetadataOp {
    /// Entries of one object on one branch.
    Put(Box<Said>),
    Delete(Box<Entry>),
    /// All that a branch says of a table.
    Clear {
        tenant: String,
        project: String,
        object: String,
        branch: String,
    },
    /// What is said of columns that a table has not any more: of one that is `gone`, or of all but those that are `kept`, which is a
    /// JSON list. In small letters.
    Columns {
        uid: String,
        gone: Option<String>,
        kept: Option<String>,
    },
    Merge(Box<MergedRow>),
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct Said {
    pub tenant: String,
    pub project: String,
    pub kind: String,
    pub object: String,
    pub branch: String,
    /// The table that the branch shows.
    pub uid: String,
    pub provider: String,
    /// Column, id, key and value; one without a value hides.
    pub entries: Vec<(String, String, String, Option<String>)>,
    pub time: i64,
}

/// One that is not said any more.
#[derive(Clone, Debug)]
pub(in crate::projection) struct Entry {
    pub tenant: String,
    pub project: String,
    pub kind: String,
    pub object: String,
    pub branch: String,
    pub uid: String,
    pub column: String,
    pub id: String,
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct MergedRow {
    pub tenant: String,
    pub event: MetadataMerged,
    pub time: i64,
}

pub(super) fn of(event: MetadataEvent, at: &Place<'_>) -> MetadataOp {
    let (tenant, time) = (at.tenant.decode(), at.time);
    match event {
        MetadataEvent::MetadataSet(e) => MetadataOp::Put(Box::new(Said {
            tenant,
            project: e.project,
            kind: e.kind,
            object: e.object,
            branch: e.branch,
            uid: e.uid,
            provider: e.provider,
            entries: e.entries.into_iter().map(|said| (said.column, said.id, said.key, Some(said.value))).collect(),
            time,
        })),
        MetadataEvent::MetadataDeleted(e) if e.hides => MetadataOp::Put(Box::new(Said {
            tenant,
            project: e.project,
            kind: e.kind,
            object: e.object,
            branch: e.branch,
            uid: e.uid,
            provider: String::new(),
            entries: vec![(e.column, e.id, String::new(), None)],
            time,
        })),
        MetadataEvent::MetadataDeleted(e) => MetadataOp::Delete(Box::new(Entry {
            tenant,
            project: e.project,
            kind: e.kind,
            object: e.object,
            branch: e.branch,
            uid: e.uid,
            column: e.column,
            id: e.id,
        })),
        MetadataEvent::MetadataCleared(e) => {
            MetadataOp::Clear { tenant, project: e.project, object: e.object, branch: e.branch }
        }
        MetadataEvent::MetadataMerged(event) => MetadataOp::Merge(Box::new(MergedRow { tenant, event, time })),
    }
}

/// What an event leaves of a table's columns, where that may be less than there was.
pub(in crate::projection) fn columns_of(event: &Event, at: &Place<'_>) -> Option<super::Op> {
    let kept = |columns: &[crate::contract::ColumnSpec]| {
        Some(json(&columns.iter().map(|column| fold(&column.name)).collect::<Vec<_>>()))
    };
    let (uid, gone, kept) = match event {
        Event::Table(TableEvent::ColumnDropped(e)) => (at.id.decode(), Some(fold(&e.column)), None),
        Event::Table(TableEvent::Settled(e)) if e.accepted => (at.id.decode(), None, kept(e.columns.as_deref()?)),
        // A branch may begin its own with less than what it has taken.
        Event::Project(ProjectEvent::TableCreated(e)) if e.copy_of.is_some() && e.branch != MAIN_BRANCH => {
            (e.uid.clone(), None, kept(&e.columns))
        }
        _ => return None,
    };
    Some(super::Op::Metadata(MetadataOp::Columns { uid, gone, kept }))
}

impl MetadataOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Put(_) => 100,
            Self::Delete(_) => 101,
            Self::Clear { .. } => 102,
            Self::Columns { .. } => 103,
            Self::Merge(_) => 104,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Put(said) => Key::Metadata(&said.tenant, &said.object, &said.branch, &said.kind),
            Self::Delete(entry) => Key::Metadata(&entry.tenant, &entry.object, &entry.branch, &entry.kind),
            Self::Clear { tenant, object, branch, .. } => Key::Metadata(tenant, object, branch, ""),
            Self::Columns { uid, .. } => Key::Table(uid),
            Self::Merge(row) => Key::Metadata(&row.tenant, &row.event.object, MAIN_BRANCH, ""),
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        match self {
            Self::Put(said) => [Some(Key::Project(&said.tenant, &said.project)), Some(Key::Table(&said.uid))],
            Self::Delete(entry) => [Some(Key::Project(&entry.tenant, &entry.project)), Some(Key::Table(&entry.uid))],
            Self::Clear { tenant, project, object, .. } => {
                [Some(Key::Project(tenant, project)), Some(Key::Table(object))]
            }
            Self::Columns { uid, .. } => [Some(Key::Table(uid)), None],
            Self::Merge(row) => {
                [Some(Key::Project(&row.tenant, &row.event.project)), Some(Key::Table(&row.event.object))]
            }
        }
    }

    /// What is merged is what the branch's table has columns for by then.
    pub fn also(&self) -> Option<Key<'_>> {
        match self {
            Self::Merge(row) => Some(Key::Table(&row.event.source_uid)),
            Self::Put(_) | Self::Delete(_) | Self::Clear { .. } | Self::Columns { .. } => None,
        }
    }
}
