//! Words of the specs of sharing: `Shop` has the bucket `sales`, `other` is another project.

use alluvium_kernel::Problem;

use super::super::Project;
use super::super::bucket::tests::bucket_created;
use super::super::life::tests::created;
use super::Level;
use crate::contract::{
    AdmitLink, BucketLinked, BucketShared, BucketSharingSet, BucketUnshared, LinkAdmitted, LinkBucket, ProjectCommand,
    ProjectCreated, ProjectEvent, ShareBucket,
};
use crate::model::spec::{at, given};

pub(super) fn source() -> Vec<ProjectEvent> {
    vec![created(), bucket_created("sales")]
}

/// The same in the organisation `acme`.
pub(super) fn organized() -> Vec<ProjectEvent> {
    let organization = Some("acme".into());
    let (project, uid, settings) = ("Shop".into(), "p1".into(), "{}".into());
    vec![ProjectCreated { project, uid, name: None, settings, organization }.into(), bucket_created("sales")]
}

pub(super) fn shared_with(target: Option<&str>, target_uid: Option<&str>) -> BucketShared {
    BucketShared {
        project: "Shop".into(),
        bucket: "sales".into(),
        uid: "b-sales".into(),
        target_project: target.map(Into::into),
        target_uid: target_uid.map(Into::into),
        by_level: false,
    }
}

pub(super) fn shared() -> ProjectEvent {
    shared_with(Some("other"), Some("o1")).into()
}

/// The same as long as `other` has a link.
pub(super) fn by_level() -> ProjectEvent {
    BucketShared { by_level: true, ..shared_with(Some("other"), Some("o1")) }.into()
}

pub(super) fn not_shared(target: Option<&str>) -> ProjectEvent {
    let (bucket, uid) = ("sales".into(), "b-sales".into());
    BucketUnshared { project: "Shop".into(), bucket, uid, target_project: target.map(Into::into) }.into()
}

fn sharing_set(sharing: &str) -> ProjectEvent {
    let (bucket, uid) = ("sales".into(), "b-sales".into());
    BucketSharingSet { project: "Shop".into(), bucket, uid, sharing: sharing.into() }.into()
}

pub(super) fn on_level(level: Level) -> ProjectEvent {
    sharing_set(level.as_str())
}

pub(super) fn on_no_level() -> ProjectEvent {
    sharing_set("selected-projects")
}

pub(super) fn share(target: Option<&str>, target_uid: Option<&str>) -> ShareBucket {
    ShareBucket {
        project: "Shop".into(),
        bucket: "sales".into(),
        target_project: target.map(Into::into),
        target_uid: target_uid.map(Into::into),
    }
}

pub(super) fn admit(grant: bool) -> AdmitLink {
    AdmitLink {
        project: "Shop".into(),
        bucket: "sales".into(),
        target_project: "other".into(),
        target_uid: "o1".into(),
        target_bucket: "theirs".into(),
        grant,
        target_organization: None,
    }
}

pub(super) fn admitted() -> LinkAdmitted {
    LinkAdmitted {
        project: "Shop".into(),
        bucket: "sales".into(),
        uid: "b-sales".into(),
        target_project: "other".into(),
        target_uid: "o1".into(),
        target_bucket: "theirs".into(),
    }
}

pub(super) fn linked() -> BucketLinked {
    BucketLinked {
        project: "Shop".into(),
        bucket: "theirs".into(),
        uid: at().new_uid(0),
        description: Some("Linked from other.sales".into()),
        source_project: "other".into(),
        source_bucket: "sales".into(),
        source_uid: "b1".into(),
    }
}

pub(super) fn link() -> LinkBucket {
    LinkBucket {
        project: "Shop".into(),
        bucket: "theirs".into(),
        source_project: "other".into(),
        source_bucket: "sales".into(),
        source_uid: Some("b1".into()),
    }
}

pub(super) fn when(
    before: Vec<ProjectEvent>,
    command: impl Into<ProjectCommand>,
) -> Result<Vec<ProjectEvent>, Problem> {
    given::<Project>(before).when(command.into()).inspect_result()
}
