//! What events do to shares and links.

use super::Key;
use crate::contract::{BucketLinked, BucketShared, BucketSharingSet, BucketUnlinked, BucketUnshared, LinkClosed};
use crate::model::Level;

/// A change of who may show which bucket, and of who does.
#[derive(Clone, Debug)]
pub(in crate::projection) enum SharingOp {
    Share(Box<Shared>),
    Unshare(Unshared),
    Link(Box<Linked>),
    Unlink { tenant: String, event: BucketUnlinked },
    Set(SharingSet),
    Close { tenant: String, event: LinkClosed },
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
    pub by_level: bool,
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct SharingSet {
    pub tenant: String,
    pub project: String,
    pub bucket: String,
    /// None where only those may link that a share names.
    pub sharing: Option<String>,
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
    let BucketShared { project, bucket, uid, target_project, target_uid, by_level } = event;
    let (target_project, target_uid) = (target_project.unwrap_or_default(), target_uid.unwrap_or_default());
    SharingOp::Share(Box::new(Shared { tenant, project, bucket, uid, target_project, target_uid, by_level }))
}

pub(super) fn unshared(event: BucketUnshared, tenant: String) -> SharingOp {
    let BucketUnshared { project, bucket, target_project, .. } = event;
    SharingOp::Unshare(Unshared { tenant, project, bucket, target_project: target_project.unwrap_or_default() })
}

pub(super) fn set(event: BucketSharingSet, tenant: String) -> SharingOp {
    let BucketSharingSet { project, bucket, sharing, .. } = event;
    SharingOp::Set(SharingSet {
        tenant,
        project,
        bucket,
        sharing: Some(sharing).filter(|word| word != Level::SELECTED),
    })
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
            Self::Set(_) => 110,
            Self::Close { .. } => 111,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Share(row) => Key::Share(&row.tenant, &row.project, &row.bucket, &row.target_project),
            Self::Unshare(row) => Key::Share(&row.tenant, &row.project, &row.bucket, &row.target_project),
            Self::Link(row) => Key::Bucket(&row.tenant, &row.event.project, &row.event.bucket),
            Self::Unlink { tenant, event } => Key::Bucket(tenant, &event.project, &event.bucket),
            Self::Set(row) => Key::Bucket(&row.tenant, &row.project, &row.bucket),
            Self::Close { tenant, event } => Key::Bucket(tenant, &event.project, &event.bucket),
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
            Self::Set(row) => [Some(Key::Project(&row.tenant, &row.project)), None],
            Self::Close { tenant, event } => [Some(Key::Project(tenant, &event.project)), None],
        }
    }
}
