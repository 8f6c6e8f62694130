//! What events do to snapshots.

use alluvium_kernel::Actor;

use super::{Key, Op, Place, columns, json};
use crate::contract::{Event, ProjectEvent, Settled, SnapshotRequested, SnapshotTaken};
use crate::model::dropped_with;

/// A change of a snapshot's row. The project names it, the table says of what columns it is, the fold counts it.
#[derive(Clone, Debug)]
pub(in crate::projection) enum SnapshotOp {
    Put(Box<SnapshotRow>),
    Shape { uid: String, id: String, columns: String, primary_key: String },
    Count { uid: String, id: String, row_count: i64, size_bytes: i64 },
    Delete { uid: String, id: String },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct SnapshotRow {
    pub tenant: String,
    pub event: SnapshotTaken,
    pub time: i64,
}

/// The snapshot that the drop of a table leaves.
pub(in crate::projection) fn left_by(event: &Event, at: &Place<'_>, actor: &str) -> Option<Op> {
    let Event::Project(ProjectEvent::TableDropped(drop)) = event else { return None };
    let actor = Actor::try_from(actor.to_owned()).unwrap_or_else(|_| Actor::System("unknown".to_owned()));
    dropped_with(drop, &actor).map(|event| Op::Snapshot(taken(event, at.tenant.decode(), at.time)))
}

pub(super) fn taken(event: SnapshotTaken, tenant: String, time: i64) -> SnapshotOp {
    SnapshotOp::Put(Box::new(SnapshotRow { tenant, event, time }))
}

pub(super) fn shaped(event: SnapshotRequested, uid: String) -> SnapshotOp {
    let (columns, primary_key) = (columns(&event.columns), json(&event.primary_key));
    SnapshotOp::Shape { uid, id: event.snapshot, columns, primary_key }
}

/// The counts of a snapshot, when that is what was asked for.
pub(super) fn counted(event: &Settled, uid: &str) -> Option<SnapshotOp> {
    let result: serde_json::Value = serde_json::from_str(&event.result).ok()?;
    let id = result.get("snapshot")?.as_str()?.to_owned();
    let number = |name: &str| result.get(name).and_then(serde_json::Value::as_i64);
    Some(SnapshotOp::Count {
        uid: uid.to_owned(),
        id,
        row_count: number("row_count")?,
        size_bytes: number("size_bytes")?,
    })
}

impl SnapshotOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Put(_) => 20,
            Self::Shape { .. } => 21,
            Self::Count { .. } => 22,
            Self::Delete { .. } => 23,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Put(row) => Key::Snapshot(&row.event.uid, &row.event.snapshot),
            Self::Shape { uid, id, .. } | Self::Count { uid, id, .. } | Self::Delete { uid, id } => {
                Key::Snapshot(uid, id)
            }
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        let project = match self {
            Self::Put(row) => Some(Key::Project(&row.tenant, &row.event.project)),
            Self::Shape { .. } | Self::Count { .. } | Self::Delete { .. } => None,
        };
        [project, Some(self.row())]
    }
}
