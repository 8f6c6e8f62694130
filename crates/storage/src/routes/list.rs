//! The routes as data: where, who may, what for.

mod aliases;
mod branches;
mod buckets;
mod columns;
mod files;
mod jobs;
mod levels;
mod merge;
mod metadata;
mod projects;
mod rows;
mod sharing;
mod snapshot_settings;
mod snapshots;
mod tables;
mod transfer;
mod versions;
mod workspaces;

use alluvium_http::{Op, PathParams, Route};
use alluvium_kernel::Requirement;
use axum::http::Method;

use super::past::{AsOf, AsOfStep};
use super::paths::{Both, MAIN};
use super::state::StorageRoutes;
use crate::model::names;

type Routes = Vec<Route<StorageRoutes>>;

fn admin(_: &PathParams) -> Requirement {
    Requirement::Admin
}

fn administers(params: &PathParams) -> Requirement {
    Requirement::ProjectAdmin(params.owned("project_id"))
}

/// The project as a whole, for every key of it.
fn sees(params: &PathParams) -> Requirement {
    Requirement::ProjectMember(params.owned("project_id"))
}

/// What has no branch in its path: keys of branches do not reach it.
fn reads_project(params: &PathParams) -> Requirement {
    Requirement::ProjectRead(params.owned("project_id"))
}

/// The whole project, to change it.
fn writes_project(params: &PathParams) -> Requirement {
    Requirement::ProjectWrite(params.owned("project_id"))
}

/// What has no branch in its path; what of it keys of branches reach, the handlers and the commands say.
fn contributes(params: &PathParams) -> Requirement {
    Requirement::AnyBranchWrite(params.owned("project_id"))
}

/// What of the project is open, to look at it.
fn lists_project(params: &PathParams) -> Requirement {
    Requirement::ProjectList(params.owned("project_id"))
}

/// What of the project is open, to make something beside it.
fn works_in_project(params: &PathParams) -> Requirement {
    Requirement::ProjectWork(params.owned("project_id"))
}

fn lists(params: &PathParams) -> Requirement {
    Requirement::BranchList(params.owned("project_id"), params.owned("branch_id"))
}

/// What the body names, or the handler finds; the command asks for it.
fn works(params: &PathParams) -> Requirement {
    Requirement::BranchWork(params.owned("project_id"), params.owned("branch_id"))
}

fn reads_bucket(params: &PathParams) -> Requirement {
    let bucket = names::bucket_name(params.get("bucket_name"));
    Requirement::BucketRead(params.owned("project_id"), params.owned("branch_id"), bucket)
}

fn writes_bucket(params: &PathParams) -> Requirement {
    let bucket = names::bucket_name(params.get("bucket_name"));
    Requirement::BucketWrite(params.owned("project_id"), params.owned("branch_id"), bucket)
}

fn administers_buckets(params: &PathParams) -> Requirement {
    Requirement::BucketAdmin(params.owned("project_id"))
}

/// Who shows a pipeline, may look at it.
fn administers_buckets_and_reads_pipelines(params: &PathParams) -> Requirement {
    Requirement::Every(vec![administers_buckets(params), Requirement::PipelineRead])
}

fn reads(params: &PathParams) -> Requirement {
    Requirement::BranchRead(params.owned("project_id"), params.owned("branch_id"))
}

fn writes_branch(params: &PathParams) -> Requirement {
    Requirement::BranchWrite(params.owned("project_id"), params.owned("branch_id"))
}

const NO_PROJECT: &str = "storage.project_not_found";
const NO_BRANCH: &str = "storage.branch_not_found";
const NOT_ON_BRANCH: &str = "storage.operation_not_allowed";
/// A first write through a dev branch makes a table.
const FULL: &str = "storage.quota_exceeded";
const NO_BUCKET: &str = "storage.bucket_not_found";
const NO_TABLE: &str = "storage.table_not_found";
const BUSY: &str = "storage.table_busy";
/// What a change of rows or columns may come to that the engine cannot do.
const TOO_MUCH: &str = "storage.change_failed";
const BAD_NAME: &str = "storage.invalid_name";
/// What a linked bucket, or an alias, may answer when a table is read.
const LINKED: &[&str] = &[
    "storage.share_revoked",
    "storage.source_not_found",
    "storage.alias_outdated",
    IS_ALIAS,
    "storage.pipeline_not_found",
    "storage.pipeline_empty",
    "storage.pipeline_unavailable",
    "storage.source_elsewhere",
];
/// And when it is to be changed.
const READ_ONLY: &[&str] = &[
    "storage.share_revoked",
    "storage.source_not_found",
    "storage.bucket_readonly",
    IS_ALIAS,
    "storage.bucket_of_pipeline",
];
/// What an alias answers to who asks more of it than to show its rows.
const IS_ALIAS: &str = "storage.table_is_alias";
/// What a table answers that is to go while aliases show it.
const HAS_ALIASES: &str = "storage.table_has_aliases";
/// The name under which the time of changes is shown may be that of a column.
const STAMP_TAKEN: &str = "storage.timestamp_column_taken";
/// What may be wrong with a condition on rows.
const CONDITIONS: &[&str] = &[
    "storage.invalid_where_clause",
    "storage.invalid_where_filter",
    "storage.column_not_found",
    "storage.invalid_request",
];

/// A read that may also be of an earlier point.
fn past(op: Op) -> Op {
    op.query::<AsOf>().errors(&[
        "platform.invalid_point",
        "platform.point_in_future",
        "storage.version_expired",
        "storage.version_over_budget",
        "projection.history_over_budget",
    ])
}

/// A read that may also be of an earlier step of a pipeline.
fn step(op: Op) -> Op {
    op.query::<AsOfStep>().errors(STEPS)
}

/// What may be wrong with the step.
const STEPS: &[&str] = &["storage.steps_not_kept", "storage.steps_trimmed", "storage.invalid_step"];

/// Every route. What reads or waits for table files is placed where the project's tables are kept; the content of files is
/// everywhere.
pub(super) fn all() -> Routes {
    let tables =
        [tables::all(), aliases::all(), columns::all(), rows::all(), transfer::all(), merge::all(), workspaces::all()]
            .into_iter()
            .flatten()
            .map(Route::placed);
    let catalogue = projects::all().into_iter().chain(branches::all()).chain(buckets::all()).chain(sharing::all());
    let catalogue = catalogue.chain(levels::all());
    catalogue
        .chain(tables)
        .chain(snapshots::all())
        .chain(snapshot_settings::all())
        .chain(versions::all())
        .chain(metadata::all())
        .chain(files::all())
        .chain(jobs::all())
        .map(jobs::or_later)
        .collect()
}

/// A route below a branch, also served in its older form.
fn both<H, T>(method: Method, at: &Both, who: alluvium_http::RequirementFn, handler: H, op: Op) -> Route<StorageRoutes>
where
    H: axum::handler::Handler<T, StorageRoutes>,
    T: 'static,
{
    Route::new(method, at.0, who, handler, op).alias(at.1, MAIN)
}
