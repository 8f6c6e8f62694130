//! Routes that compare and merge dev branches.

use alluvium_http::{Op, Route};

use super::{BUSY, FULL, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, reads_project, writes_project};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{merge, paths};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "branches", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]);
    vec![
        Route::get(
            paths::DIFF,
            // It tells of what the main line has become, which keys of the branch do not see.
            reads_project,
            merge::diff,
            op("diffBranch", "Show in which tables a dev branch differs from the main line, and how much")
                .json::<wire::BranchDiff>(200, "The tables that are not the main line's"),
        )
        .timeout(merge::DIFF_TIMEOUT),
        Route::post(
            paths::MERGE,
            writes_project,
            merge::merge,
            op("mergeBranch", "Make a dev branch's tables the main line's")
                .description(
                    "Each table is merged at once and whole; several are merged one after the other. A merged table is shown \
                     by the branch as the main line's again. Deleted tables are not merged.",
                )
                .body::<wire::BranchMerge>()
                .json::<wire::BranchMerged>(200, "What became of each table")
                .errors(&["storage.merge_conflict", "storage.invalid_request", "storage.version_expired", FULL, BUSY]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
