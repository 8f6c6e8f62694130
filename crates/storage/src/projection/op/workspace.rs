//! What events do to workspaces.

use super::Key;
use crate::contract::{WorkspaceCreated, WorkspaceCredentialsAdded, WorkspaceEvent};
use crate::projection::Place;

/// A change of a workspace's row.
#[derive(Clone, Debug)]
pub(in crate::projection) enum WorkspaceOp {
    Put(Box<WorkspaceRow>),
    SetPassword { uid: String, hash: String },
    Admit(Box<CredentialsRow>),
    Dismiss { uid: String, id: String },
    LetGo { uid: String },
    Delete { uid: String },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct WorkspaceRow {
    pub tenant: String,
    pub uid: String,
    pub event: WorkspaceCreated,
    pub time: i64,
}

/// Who else may log in.
#[derive(Clone, Debug)]
pub(in crate::projection) struct CredentialsRow {
    pub uid: String,
    pub event: WorkspaceCredentialsAdded,
    pub time: i64,
}

pub(super) fn of(event: WorkspaceEvent, at: &Place<'_>) -> Option<WorkspaceOp> {
    let uid = at.id.decode();
    Some(match event {
        WorkspaceEvent::WorkspaceCreated(event) => {
            WorkspaceOp::Put(Box::new(WorkspaceRow { tenant: at.tenant.decode(), uid, event, time: at.time }))
        }
        WorkspaceEvent::WorkspaceCredentialsReset(e) => WorkspaceOp::SetPassword { uid, hash: e.password_hash },
        WorkspaceEvent::WorkspaceCredentialsAdded(event) => {
            WorkspaceOp::Admit(Box::new(CredentialsRow { uid, event, time: at.time }))
        }
        WorkspaceEvent::WorkspaceCredentialsRemoved(e) => WorkspaceOp::Dismiss { uid, id: e.credential },
        WorkspaceEvent::WorkspaceExpired(_) => WorkspaceOp::LetGo { uid },
        WorkspaceEvent::WorkspaceDeleted(_) => WorkspaceOp::Delete { uid },
        // What lies in it, its engine says.
        WorkspaceEvent::WorkspaceLoaded(_) | WorkspaceEvent::WorkspaceCleared(_) => return None,
    })
}

impl WorkspaceOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Put(_) => 50,
            Self::SetPassword { .. } => 51,
            Self::LetGo { .. } => 52,
            Self::Delete { .. } => 53,
            Self::Admit(_) => 130,
            Self::Dismiss { .. } => 131,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Put(row) => Key::Workspace(&row.uid),
            Self::SetPassword { uid, .. } | Self::LetGo { uid } | Self::Delete { uid } => Key::Workspace(uid),
            Self::Admit(row) => Key::Credentials(&row.uid, &row.event.credential),
            Self::Dismiss { uid, id } => Key::Credentials(uid, id),
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        match self {
            Self::Put(row) => [Some(Key::Project(&row.tenant, &row.event.project)), Some(Key::Workspace(&row.uid))],
            Self::SetPassword { .. } | Self::LetGo { .. } | Self::Delete { .. } => [None, Some(self.row())],
            Self::Admit(row) => [Some(Key::Workspace(&row.uid)), Some(self.row())],
            Self::Dismiss { uid, .. } => [Some(Key::Workspace(uid)), Some(self.row())],
        }
    }
}
