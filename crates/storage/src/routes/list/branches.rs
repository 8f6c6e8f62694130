//! Routes of dev branches.

use alluvium_http::{Op, Route};

use super::{
    BAD_NAME, BUSY, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, TOO_MUCH, administers, reads, reads_project,
    writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{branches, paths, pull};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "branches", what);
    vec![
        Route::post(
            paths::BRANCHES,
            administers,
            branches::create,
            op("createBranch", "Create a dev branch; it shows the main line as it is at every moment, or as it is now")
                .body::<wire::BranchCreate>()
                .json::<wire::Branch>(201, "The branch")
                .errors(&[
                    NO_PROJECT,
                    BAD_NAME,
                    "storage.branch_name_exists",
                    "storage.invalid_branch_mode",
                    BUSY,
                    "storage.invalid_request",
                    "storage.quota_exceeded",
                ]),
        )
        .timeout(branches::CREATE_TIMEOUT)
        // A pinned one is there when its tables are.
        .placed(),
        Route::get(
            paths::BRANCHES,
            reads_project,
            branches::list,
            op("listBranches", "List dev branches, newest first; `default` is none of them")
                .query::<wire::PageQuery>()
                .json::<wire::Branches>(200, "One page of branches")
                .errors(&[NO_PROJECT]),
        ),
        Route::get(
            paths::BRANCH,
            reads,
            branches::get,
            op("getBranch", "Show a dev branch")
                .json::<wire::BranchDetail>(200, "The branch")
                .errors(&[NO_PROJECT, NO_BRANCH]),
        ),
        Route::delete(
            paths::BRANCH,
            administers,
            branches::delete,
            op("deleteBranch", "Delete a dev branch with its tables, snapshots and keys")
                .empty(204, "Gone")
                .errors(&[NO_PROJECT, NO_BRANCH]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::PULL,
            writes_bucket,
            pull::pull,
            op("pullTable", "Let a dev branch show the main line's table again")
                .description(
                    "What the branch had in its place is dropped; its snapshots stay. A pinned branch's table gets what it had when \
                     the branch was made.",
                )
                .json::<wire::PulledTable>(200, "What the branch shows now")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, "storage.version_expired", TOO_MUCH, BUSY]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
