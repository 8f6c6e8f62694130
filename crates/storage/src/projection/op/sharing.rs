//! What events do to shares and links.

use super::Key;
use crate::contract::{BucketLinked, BucketShared, BucketUnlinked, BucketUnshared};

/// A change of who may show which bucket, and of who does.
#[derive(Clone, Debug)]
pub(in crate::projection) enum SharingOp {
    Share(Box<Shared>),
    Unshare(Unshared),
    Link(Box<Linked>),
    Unlink { tenant: String, event: BucketUnlinked },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct Shared {
    pub tenant: String,
    pub project: String,
    pub bucket: String,
    pub uid: String,
    /// Empty for the bucket's role.
    pub target_project: String,
    pub target_uid: String,
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct Unshared {
    pub tenant: String,
    pub project: String,
    pub bucket: String,
    pub target_project: String,
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct Linked {
    pub tenant: String,
    pub event: BucketLinked,
    pub time: i64,
}

pub(super) fn shared(event: BucketShared, tenant: String) -> SharingOp {
    let BucketShared { project, bucket, uid, target_project, target_uid } = event;
    let (target_project, target_uid) = (target_project.unwrap_or_default(), target_uid.unwrap_or_default());
    SharingOp::Share(Box::new(Shared { tenant, project, bucket, uid, target_project, target_uid }))
}

pub(super) fn unshared(event: BucketUnshared, tenant: String) -> SharingOp {
    let BucketUnshared { project, bucket, target_project, .. } = event;
    SharingOp::Unshare(Unshared { tenant, project, bucket, target_project: target_project.unwrap_or_default() })
}

pub(super) fn linked(event: BucketLinked, tenant: String, time: i64) -> SharingOp {
    SharingOp::Link(Box::new(Linked { tenant, event, time }))
}

impl SharingOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Share(_) => 90,
            Self::Unshare(_) => 91,
            Self::Link(_) => 92,
            Self::Unlink { .. } => 93,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Share(row) => Key::Share(&row.tenant, &row.project, &row.bucket, &row.target_project),
            Self::Unshare(row) => Key::Share(&row.tenant, &row.project, &row.bucket, &row.target_project),
            Self::Link(row) => Key::Bucket(&row.tenant, &row.event.project, &row.event.bucket),
            Self::Unlink { tenant, event } => Key::Bucket(tenant, &event.project, &event.bucket),
        }
    }

    /// A share goes with either project.
    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        match self {
            Self::Share(row) => {
                [Some(Key::Project(&row.tenant, &row.project)), Some(Key::Project(&row.tenant, &row.target_project))]
            }
            Self::Unshare(row) => {
                [Some(Key::Project(&row.tenant, &row.project)), Some(Key::Project(&row.tenant, &row.target_project))]
            }
            Self::Link(row) => [Some(Key::Project(&row.tenant, &row.event.project)), None],
            Self::Unlink { tenant, event } => [Some(Key::Project(tenant, &event.project)), None],
        }
    }
}
