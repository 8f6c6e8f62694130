//! Routes of workspaces. What has no branch in its path and is about one workspace is for every key of the project; which branches'
//! workspaces a key reaches, the handler asks.

use alluvium_http::{Op, Route};

use super::transfer::LOADS;
use super::{
    BAD_NAME, FULL, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, Routes, lists, lists_project, sees, works,
    works_in_project,
};
use crate::routes::query::QUERY_TIMEOUT;
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::workspace_unload::UNLOAD_TIMEOUT;
use crate::routes::{paths, workspace_credentials, workspace_query, workspace_unload, workspaces};
use crate::wire;

const NO_WORKSPACE: &str = "storage.workspace_not_found";
const OVER: &str = "storage.workspace_expired";
const ENGINE: &[&str] = &["storage.workspace_unavailable", "storage.table_moving"];
const FAILED: &[&str] = &["storage.workspace_failed", "storage.disk_full"];

/// What may be answered where rows are taken out of a workspace.
pub(super) const TAKEN_OUT: &[&str] = &[
    NO_WORKSPACE,
    OVER,
    "storage.object_not_found",
    "storage.query_not_allowed",
    "storage.workspace_failed",
    "storage.disk_full",
    "storage.workspace_unavailable",
    "storage.table_moving",
];

/// What may be wrong with the columns of a table that is made.
const COLUMNS: &[&str] = &["storage.invalid_column_type", "storage.duplicate_column", "storage.too_many_columns"];

fn op(id: &str, what: &str) -> Op {
    Op::new(id, "workspaces", what).errors(&[NO_PROJECT]).errors(ENGINE)
}

fn create(id: &str) -> Op {
    op(id, "Create a workspace; its password is shown this once")
        .body::<wire::WorkspaceCreate>()
        .json::<wire::WorkspaceCreated>(201, "The workspace")
        .errors(&[BAD_NAME, "storage.invalid_request"])
}

fn list(id: &str) -> Op {
    op(id, "List workspaces, newest first, also those whose time is over")
        .query::<wire::PageQuery>()
        .json::<wire::Workspaces>(200, "One page of workspaces")
}

fn get(id: &str) -> Op {
    op(id, "Show a workspace with its objects")
        .json::<wire::WorkspaceDetail>(200, "The workspace")
        .errors(&[NO_WORKSPACE, OVER])
        .errors(FAILED)
}

fn delete(id: &str) -> Op {
    op(id, "Delete a workspace with its objects").empty(204, "Gone").errors(&[NO_WORKSPACE])
}

pub(super) fn all() -> Routes {
    let all = [of_project(), of_branch(), work(), credentials()]
        .into_iter()
        .flatten()
        .map(|route| route.timeout(WRITE_TIMEOUT));
    all.chain(sql()).chain(unloads()).collect()
}

fn of_project() -> Routes {
    vec![
        Route::post(paths::WORKSPACES, works_in_project, workspaces::create, create("createWorkspace")),
        Route::get(paths::WORKSPACES, lists_project, workspaces::list, list("listWorkspaces")),
        Route::get(paths::WORKSPACE, sees, workspaces::get, get("getWorkspace")),
        Route::delete(paths::WORKSPACE, sees, workspaces::delete, delete("deleteWorkspace")),
    ]
}

fn of_branch() -> Routes {
    let op = |op: Op| op.errors(&[NO_BRANCH]);
    vec![
        Route::post(paths::BRANCH_WORKSPACES, works, workspaces::create, op(create("createBranchWorkspace"))),
        Route::get(paths::BRANCH_WORKSPACES, lists, workspaces::list, op(list("listBranchWorkspaces"))),
        Route::get(paths::BRANCH_WORKSPACE, lists, workspaces::get, op(get("getBranchWorkspace"))),
        Route::delete(paths::BRANCH_WORKSPACE, works, workspaces::delete, op(delete("deleteBranchWorkspace"))),
    ]
}

fn work() -> Routes {
    vec![
        Route::post(
            paths::WORKSPACE_CLEAR,
            sees,
            workspaces::clear,
            op("clearWorkspace", "Drop all objects of a workspace")
                .empty(204, "Empty")
                .errors(&[NO_WORKSPACE, OVER])
                .errors(FAILED),
        ),
        Route::delete(
            paths::WORKSPACE_OBJECT,
            sees,
            workspaces::drop_object,
            op("dropWorkspaceObject", "Drop a table or a view of a workspace")
                .empty(204, "Gone")
                .errors(&[NO_WORKSPACE, OVER, "storage.object_not_found"])
                .errors(FAILED),
        ),
        Route::post(
            paths::WORKSPACE_LOAD,
            sees,
            workspaces::load,
            op("loadWorkspace", "Bring tables into a workspace")
                .description(
                    "A table that cannot be brought in has `rows: 0` and an `error`, and does not stand in the way of the others.",
                )
                .body::<wire::WorkspaceLoad>()
                .json::<wire::WorkspaceLoaded>(200, "What came of each")
                .errors(&[NO_WORKSPACE, OVER]),
        ),
        Route::post(
            paths::WORKSPACE_RESET,
            sees,
            workspaces::reset_credentials,
            op("resetWorkspaceCredentials", "Give a workspace another password, shown this once")
                .json::<wire::WorkspaceConnection>(200, "How to reach it")
                .errors(&[NO_WORKSPACE, OVER]),
        ),
    ]
}

fn credentials() -> Routes {
    let op = |id, what| op(id, what).errors(&[NO_WORKSPACE, OVER]);
    vec![
        Route::post(
            paths::WORKSPACE_CREDENTIALS,
            sees,
            workspace_credentials::create,
            op(
                "createWorkspaceCredentials",
                "Let a further user log in to a workspace; the password is shown this once",
            )
            .optional_body::<wire::CredentialsCreate>()
            .json::<wire::CredentialsCreated>(201, "The credentials")
            .errors(&[BAD_NAME, FULL]),
        ),
        Route::get(
            paths::WORKSPACE_CREDENTIALS,
            sees,
            workspace_credentials::list,
            op("listWorkspaceCredentials", "List a workspace's further credentials, without their passwords")
                .json::<wire::CredentialsList>(200, "The credentials"),
        ),
        Route::delete(
            paths::WORKSPACE_CREDENTIAL,
            sees,
            workspace_credentials::delete,
            op("deleteWorkspaceCredentials", "Delete further credentials of a workspace; their sessions end")
                .empty(204, "Gone")
                .errors(&["storage.credentials_not_found"]),
        ),
    ]
}

fn sql() -> Routes {
    let op = |id: &str| {
        op(id, "Run one statement over a workspace, which it may change, and the project's tables, which it may read")
            .description(
                "A statement that is wrong or fails answers 200 with `status: \"error\"`, `message` and `error`. One that changes \
                 rows answers with their `Count`.",
            )
            .body::<wire::WorkspaceQuery>()
            .json_either::<wire::QueryAnswer, wire::QueryFailed>(200, "Columns and rows, or why there are none")
            .errors(&[NO_WORKSPACE, OVER])
    };
    let of_branch = op("queryBranchWorkspace").errors(&[NO_BRANCH]);
    vec![
        Route::post(paths::WORKSPACE_QUERY, sees, workspace_query::query, op("queryWorkspace")).timeout(QUERY_TIMEOUT),
        Route::post(paths::BRANCH_WORKSPACE_QUERY, works, workspace_query::query, of_branch).timeout(QUERY_TIMEOUT),
    ]
}

fn unloads() -> Routes {
    let op = |id: &str| {
        op(id, "Load rows of a table or a view of a workspace into a table of the project, atomically")
            .description(
                "The table is the one that the workspace's branch shows. One that is not there is made with the object's columns and \
                 without a primary key; it shows with its rows, or not at all.",
            )
            .body::<wire::WorkspaceUnload>()
            .json::<wire::Imported>(200, "What the load did")
            .errors(TAKEN_OUT)
            .errors(&[NO_BUCKET, NO_BRANCH, BAD_NAME, "storage.table_exists"])
            .errors(COLUMNS)
            .errors(LINKED)
            .errors(LOADS)
    };
    let (of_project, of_branch) = (op("unloadWorkspace"), op("unloadBranchWorkspace"));
    vec![
        Route::post(paths::WORKSPACE_UNLOAD, sees, workspace_unload::unload, of_project).timeout(UNLOAD_TIMEOUT),
        Route::post(paths::BRANCH_WORKSPACE_UNLOAD, works, workspace_unload::unload, of_branch).timeout(UNLOAD_TIMEOUT),
    ]
}
