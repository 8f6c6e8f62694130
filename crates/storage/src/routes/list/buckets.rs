//! Buckets.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BAD_NAME, HAS_ALIASES, NO_BRANCH, NO_BUCKET, NO_PROJECT, NOT_ON_BRANCH, Routes, administers_buckets, both, lists,
    past, reads_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{buckets, paths};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "buckets", what);
    vec![
        both(
            Method::POST,
            &paths::BUCKETS,
            administers_buckets,
            buckets::create,
            op("createBucket", "Create a bucket")
                .body::<wire::BucketCreate>()
                .json::<wire::Bucket>(201, "The bucket")
                .errors(&[
                    NO_PROJECT,
                    NO_BRANCH,
                    BAD_NAME,
                    "storage.branch_pinned",
                    "storage.bucket_exists",
                    "storage.quota_exceeded",
                ]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::BUCKETS,
            lists,
            buckets::list,
            past(
                op("listBuckets", "List buckets by name")
                    .query::<wire::PageQuery>()
                    .json::<wire::Buckets>(200, "One page of buckets")
                    .errors(&[NO_PROJECT, NO_BRANCH]),
            ),
        ),
        both(
            Method::GET,
            &paths::BUCKET,
            reads_bucket,
            buckets::get,
            past(
                op("getBucket", "Show a bucket")
                    .json::<wire::Bucket>(200, "The bucket")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET]),
            ),
        ),
        both(
            Method::DELETE,
            &paths::BUCKET,
            administers_buckets,
            buckets::delete,
            op("deleteBucket", "Delete a bucket; its tables go too unless `cascade=false`")
                .query::<wire::BucketDeleteQuery>()
                .empty(204, "Gone")
                .errors(&[
                    NO_PROJECT,
                    NO_BRANCH,
                    NO_BUCKET,
                    NOT_ON_BRANCH,
                    "storage.bucket_not_empty",
                    "storage.quota_exceeded",
                ])
                .errors(&["storage.bucket_linked", "storage.bucket_is_linked", "storage.bucket_pinned", HAS_ALIASES]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
