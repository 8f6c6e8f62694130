//! Shares, links, and the note that a bucket is read only.

use alluvium_kernel::Problem;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::read;
use crate::queries::BucketView;

/// Whom to share with.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBucketShare)]
pub struct BucketShare {
    /// Id of the project that may link the bucket.
    pub target_project_id: String,
}

impl BucketShare {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self { target_project_id: body.string("target_project_id") })
    }
}

/// Whom to share with no more.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct UnshareQuery {
    /// Id of the project.
    target_project_id: String,
}

/// What to link.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBucketLink)]
pub struct BucketLink {
    /// Id of the project that has the bucket.
    pub source_project_id: String,
    /// Name of the bucket there.
    pub source_bucket_name: String,
}

impl BucketLink {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            source_project_id: body.string("source_project_id"),
            source_bucket_name: body.string("source_bucket_name"),
        })
    }
}

/// Which pipeline to show.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StoragePipelineLink)]
pub struct PipelineLink {
    /// Name of the pipeline.
    pub pipeline: String,
}

impl PipelineLink {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self { pipeline: body.string("pipeline") })
    }
}

/// Who may link a bucket, and what it shows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBucketShares)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct BucketShares {
    /// Ids of projects.
    pub shared_with: Vec<String>,
    pub is_linked: bool,
    pub source_project_id: Option<String>,
    pub source_bucket_name: Option<String>,
}

impl BucketShares {
    pub(crate) fn of(bucket: BucketView, shared_with: Vec<String>) -> Self {
        let is_linked = bucket.source.is_some();
        let (source_project_id, source_bucket_name) = bucket.source.unzip();
        Self { shared_with, is_linked, source_project_id, source_bucket_name }
    }
}

/// The note that a bucket is read only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBucketReadOnly)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct BucketReadOnly {
    pub status: &'static str,
    pub message: String,
    pub bucket_name: String,
}

impl BucketReadOnly {
    pub(crate) fn of(bucket: &str) -> Self {
        let message = format!(
            "Noted that bucket {bucket} is read only. Links always read as if by ATTACH READ_ONLY; this changes nobody's rights."
        );
        Self { status: "success", message, bucket_name: bucket.to_owned() }
    }
}
