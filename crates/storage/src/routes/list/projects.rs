//! Projects, and questions over their tables.

use alluvium_http::{Afterwards, Op, Route};

use super::{BAD_NAME, NO_PROJECT, Routes, admin, administers, lists_project, past, sees};
use crate::routes::query::QUERY_TIMEOUT;
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, projects, query};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "projects", what);
    vec![
        Route::post(
            paths::PROJECTS,
            admin,
            projects::create,
            op("createProject", "Create a project; the answer holds its first key")
                .body::<wire::ProjectCreate>()
                .json::<wire::ProjectCreated>(201, "The project with its first key, shown this once")
                .errors(&["storage.project_exists", BAD_NAME, "storage.invalid_request"]),
        )
        .afterwards(Afterwards::BeginsProject)
        .timeout(WRITE_TIMEOUT),
        Route::get(
            paths::PROJECTS,
            admin,
            projects::list,
            past(
                op("listProjects", "List projects, newest first")
                    .query::<wire::PageQuery>()
                    .query::<wire::ProjectsQuery>()
                    .json::<wire::Projects>(200, "One page of projects"),
            ),
        ),
        Route::get(
            paths::PROJECT,
            sees,
            projects::get,
            past(
                op("getProject", "Show a project")
                    .json::<wire::Project>(200, "The project")
                    .errors(&["storage.not_found"]),
            ),
        )
        .placed(),
        Route::get(
            paths::STATS,
            sees,
            projects::stats,
            op("getProjectStats", "Count a project's buckets, tables and bytes")
                .json::<wire::ProjectStats>(200, "The counters")
                .errors(&["storage.not_found"]),
        )
        .placed(),
        Route::put(
            paths::PROJECT,
            administers,
            projects::update,
            op("updateProject", "Change a project's name or settings; the admin also changes its organisation")
                .body::<wire::ProjectUpdate>()
                .json::<wire::Project>(200, "The project")
                .errors(&["storage.not_found", BAD_NAME, "storage.invalid_request"])
                .errors(&["storage.organization_by_admin", "storage.organization_in_use"]),
        )
        .placed()
        .timeout(WRITE_TIMEOUT),
        Route::delete(
            paths::PROJECT,
            administers,
            projects::delete,
            op("deleteProject", "Delete a project with all it holds; its id is free again")
                .empty(204, "Gone")
                .errors(&["storage.not_found"]),
        )
        .afterwards(Afterwards::EndsProject)
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::QUERY,
            lists_project,
            query::query,
            op("queryProject", "Ask one SELECT over the project's tables, named `bucket.table`")
                .description(
                    "A query that is wrong or fails answers 200 with `status: \"error\"`, `message` and `error`.",
                )
                .body::<wire::QueryBody>()
                .json_either::<wire::QueryAnswer, wire::QueryFailed>(200, "Columns and rows, or why there are none")
                .errors(&[NO_PROJECT, "storage.version_over_budget"]),
        )
        .asks()
        .placed()
        .timeout(QUERY_TIMEOUT),
    ]
}
