//! Jobs, and which routes may be answered by one.

use alluvium_http::{Op, Route};

use super::{NO_PROJECT, Routes, sees};
use crate::routes::state::StorageRoutes;
use crate::routes::{jobs, paths};
use crate::wire;

/// Operations that may be answered later, and what the job is called.
const LATER: [(&str, &str); 17] = [
    ("importFile", "tableImport"),
    ("importTable", "tableImport"),
    ("exportTable", "tableExport"),
    ("deleteRows", "tableRowsDelete"),
    ("addColumn", "tableColumnAdd"),
    ("alterColumn", "tableColumnUpdate"),
    ("dropColumn", "tableColumnDelete"),
    ("setPrimaryKey", "tablePrimaryKeyAdd"),
    ("dropPrimaryKey", "tablePrimaryKeyDelete"),
    ("createSnapshot", "tableSnapshotCreate"),
    ("restoreSnapshot", "tableCreateFromSnapshot"),
    ("createTableFromFile", "tableCreateFromFile"),
    ("createTableFromTimeTravel", "tableCreateFromTimeTravel"),
    ("deleteBucket", "bucketDelete"),
    ("loadWorkspace", "workspaceLoad"),
    ("unloadWorkspace", "workspaceUnload"),
    ("unloadBranchWorkspace", "workspaceUnload"),
];

/// The route; answered later by who asks for that, if it is one of these.
pub(super) fn or_later(route: Route<StorageRoutes>) -> Route<StorageRoutes> {
    match LATER.iter().find(|(id, _)| *id == route.operation_id()) {
        Some((_, job)) => route.later::<wire::Job>(job, &["storage.too_many_jobs", "storage.invalid_request"]),
        None => route,
    }
}

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "jobs", what).errors(&[NO_PROJECT]);
    vec![
        Route::get(
            paths::JOBS,
            sees,
            jobs::list,
            op("listJobs", "List jobs, newest first; a key of a branch sees those of its branch")
                .query::<wire::JobsQuery>()
                .json::<wire::Jobs>(200, "One page of jobs"),
        ),
        Route::get(
            paths::JOB,
            sees,
            jobs::get,
            op("getJob", "Show a job; with `Prefer: wait=<seconds>` as soon as it is answered, or after that time")
                .json::<wire::Job>(200, "The job")
                .errors(&["storage.job_not_found"]),
        ),
    ]
}
