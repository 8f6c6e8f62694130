//! Routes that compare and merge dev branches.

use alluvium_http::{Op, Route};

use super::{
    BUSY, FULL, IS_ALIAS, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, reads_project, writes_bucket,
    writes_project,
};
use crate::routes::rebase::REBASE_TIMEOUT;
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{merge, paths, rebase};
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
                .description(
                    "A pinned branch is compared with the main line as it was when the branch was made, table by table that was \
                     changed since.",
                )
                .json::<wire::BranchDiff>(200, "The tables that are not the main line's")
                .errors(&["storage.version_expired", "storage.version_over_budget"]),
        )
        .timeout(merge::DIFF_TIMEOUT),
        Route::post(
            paths::MERGE,
            writes_project,
            merge::merge,
            op("mergeBranch", "Make a dev branch's tables the main line's")
                .description(
                    "Each table is merged at once and whole; several are merged one after the other. A merged table is shown \
                     by the branch as the main line's again; a pinned branch keeps its own. Deleted tables are not merged.",
                )
                .body::<wire::BranchMerge>()
                .json::<wire::BranchMerged>(200, "What became of each table")
                .errors(&["storage.merge_conflict", "storage.invalid_request", "storage.version_expired", FULL, BUSY]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::REBASE,
            writes_bucket,
            rebase::rebase,
            op("rebaseTable", "Bring what the main line's table has become under a dev branch's own changes")
                .description(
                    "Rows are told apart by the primary key. The branch's table becomes the main line's, with each row that the branch \
                     has added, changed or deleted since as the branch has it.",
                )
                .optional_body::<wire::TableRebase>()
                .json::<wire::RebasedTable>(200, "What came of it")
                .errors(&[
                    "storage.branch_pinned",
                    "storage.merge_conflict",
                    "storage.rebase_needs_key",
                    "storage.rebase_columns_differ",
                    "storage.rebase_outdated",
                    "storage.invalid_request",
                    "storage.version_expired",
                    "storage.version_over_budget",
                    "storage.import_failed",
                    "storage.disk_full",
                    IS_ALIAS,
                    BUSY,
                ]),
        )
        .timeout(REBASE_TIMEOUT),
    ]
}
