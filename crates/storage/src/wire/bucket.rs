//! Buckets.

use alluvium_kernel::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::read;
use crate::pipelines::PIPELINES;
use crate::queries::BucketView;

/// What to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBucketCreate)]
pub struct BucketCreate {
    /// 1 to 96 letters, digits, `_` or `-`; a Keboola id `in.c-x` becomes `in_c_x`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

impl BucketCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self { name: body.string("name"), description: body.opt_string("description") })
    }
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageBucket)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Bucket {
    pub name: String,
    pub table_count: i64,
    pub description: Option<String>,
    pub is_linked: bool,
    pub source_project_id: Option<String>,
    pub source_bucket_name: Option<String>,
    /// Name that the pipeline had whose tables and views it shows; left out where it shows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_pipeline: Option<String>,
}

impl From<BucketView> for Bucket {
    fn from(view: BucketView) -> Self {
        let BucketView { name, description, table_count, source } = view;
        let is_linked = source.is_some();
        let (of_pipeline, of_project) = if source.as_ref().is_some_and(|(project, _)| project == PIPELINES) {
            (source, None)
        } else {
            (None, source)
        };
        let (source_project_id, source_bucket_name) = of_project.unzip();
        let source_pipeline = of_pipeline.map(|(_, pipeline)| pipeline);
        Self { name, table_count, description, is_linked, source_project_id, source_bucket_name, source_pipeline }
    }
}

/// One page of buckets.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageBuckets)]
pub struct Buckets {
    /// The buckets by name.
    pub buckets: Vec<Bucket>,
    /// How many there are in all.
    pub total: i64,
}
