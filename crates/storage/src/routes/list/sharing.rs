//! Buckets of other projects.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BAD_NAME, HAS_ALIASES, NO_BRANCH, NO_BUCKET, NO_PROJECT, NOT_ON_BRANCH, Routes, administers_buckets,
    administers_buckets_and_reads_pipelines, both,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, sharing};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "bucket-sharing", what);
    vec![
        both(
            Method::POST,
            &paths::SHARE,
            administers_buckets,
            sharing::share,
            op("shareBucket", "Let another project link a bucket")
                .body::<wire::BucketShare>()
                .json::<wire::BucketShares>(200, "Who may link it")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH, "storage.already_shared"])
                .errors(&["storage.invalid_request", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::DELETE,
            &paths::SHARE,
            administers_buckets,
            sharing::unshare,
            op("unshareBucket", "Take a share back; links that stand show nothing until it is given again")
                .query::<wire::UnshareQuery>()
                .empty(204, "Not shared")
                .errors(&[NO_PROJECT, NO_BRANCH, NOT_ON_BRANCH]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::LINK,
            administers_buckets,
            sharing::link,
            op("linkBucket", "Show another project's bucket under a new name")
                .body::<wire::BucketLink>()
                .json::<wire::Bucket>(201, "The linked bucket")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH, BAD_NAME])
                .errors(&["storage.bucket_exists", "storage.bucket_already_linked", "storage.bucket_not_shared"])
                .errors(&["storage.invalid_request", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::LINK_PIPELINE,
            administers_buckets_and_reads_pipelines,
            sharing::link_pipeline,
            op("linkPipeline", "Show the tables and views of a pipeline as those of a bucket")
                .description(
                    "They can be read as tables are, and by `as_of_step`; unlink the bucket as any that is a link.",
                )
                .body::<wire::PipelineLink>()
                .json::<wire::Bucket>(201, "The linked bucket")
                .errors(&[NO_PROJECT, NO_BRANCH, NOT_ON_BRANCH, BAD_NAME])
                .errors(&["storage.bucket_exists", "storage.bucket_already_linked", "storage.pipeline_not_found"])
                .errors(&["storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::DELETE,
            &paths::LINK,
            administers_buckets,
            sharing::unlink,
            op("unlinkBucket", "Remove a linked bucket with the tables of its own").empty(204, "Gone").errors(&[
                NO_PROJECT,
                NO_BRANCH,
                NOT_ON_BRANCH,
                "storage.link_not_found",
                HAS_ALIASES,
            ]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::READ_ONLY,
            administers_buckets,
            sharing::grant_readonly,
            op("grantReadOnly", "Note that a bucket is read only; that changes nobody's rights")
                .json::<wire::BucketReadOnly>(200, "Noted")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::DELETE,
            &paths::READ_ONLY,
            administers_buckets,
            sharing::revoke_readonly,
            op("revokeReadOnly", "Take that note back").empty(204, "Not noted").errors(&[
                NO_PROJECT,
                NO_BRANCH,
                NOT_ON_BRANCH,
            ]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
