//! Sharing as a whole: who may link a bucket, who does, and what a project may link.

use alluvium_http::{Op, Route};
use axum::http::Method;

use super::{NO_BRANCH, NO_BUCKET, NO_PROJECT, NOT_ON_BRANCH, Routes, administers_buckets, both};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{levels, paths};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "bucket-sharing", what);
    vec![
        both(
            Method::PUT,
            &paths::SHARE,
            administers_buckets,
            levels::set,
            op("setBucketSharing", "Say who may link a bucket, in place of whatever was said before")
                .description("Nobody's link is cut by it: who would be left out and has one is named by the refusal.")
                .body::<wire::BucketSharingSet>()
                .json::<wire::BucketSharing>(200, "Who may link it")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH, "storage.sharing_in_use"])
                .errors(&["storage.sharing_by_user", "storage.no_organization"])
                .errors(&["storage.invalid_request", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::LINKS,
            administers_buckets,
            levels::links,
            op("listBucketLinks", "List the buckets of other projects that show a bucket, and who may link it")
                .query::<wire::PageQuery>()
                .json::<wire::BucketLinks>(200, "Who may, and one page of links")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH]),
        ),
        both(
            Method::DELETE,
            &paths::LINKS_OF,
            administers_buckets,
            levels::cut,
            op("cutBucketLinks", "Cut every link that another project has to a bucket, and its share with it")
                .description(
                    "Reads through them end at once and for good. Whom the organisation lets in, or a new share, may link anew.",
                )
                .empty(204, "Cut")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NOT_ON_BRANCH, "storage.link_not_found"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::get(
            paths::SHARED_BUCKETS,
            administers_buckets,
            levels::shared,
            op("listSharedBuckets", "List the buckets of other projects that the project may link")
                .query::<wire::PageQuery>()
                .json::<wire::SharedBuckets>(200, "One page of buckets")
                .errors(&[NO_PROJECT]),
        ),
    ]
}
