//! What tables were: their versions, tables made of one, and tables and buckets that come back after they were dropped.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::past;
use super::state::{StorageRoutes, tenant_text};
use crate::context::STREAM;
use crate::contract::{Command, CopyTable, ProjectCommand, UndeleteProject, UndropBucket, UndropTable};
use crate::model::{names, problem};
use crate::recall;
use crate::wire::{self, Bucket, Project, ProjectCreated, Table, TableVersion, TableVersions, TimeTravel};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<TableVersions>> {
    let page = wire::page(query.as_deref())?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let table = state.table(&place).await?;
    let versions = recall::versions(&state.past, &place.tenant, &table.uid).await?;
    let total = versions.len();
    let part = |n: i64| usize::try_from(n).unwrap_or(0);
    let shown = versions.into_iter().rev().skip(part(page.offset)).take(part(page.limit));
    Ok(Json(TableVersions { versions: shown.map(|version| TableVersion::of(STREAM, version)).collect(), total }))
}

pub(super) async fn copy(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Table>)>> {
    let body = TimeTravel::parse(&body)?;
    let mut place = state.place(&principal, &params).await?;
    let tenant = tenant_text(&place.tenant);
    state.queries.shown_bucket(&tenant, &place.project, &place.branch, &place.bucket).await?;
    let position = past::resolved(&state, body.point()?).await?;
    place.table.clone_from(&body.name);
    let copy = CopyTable {
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: place.bucket.clone(),
        table: body.name,
        source_bucket: body.source_bucket,
        source_table: body.source_table,
        position: i64::try_from(position).map_err(|_| Problem::internal())?,
        source: String::new(),
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    let (accepted, table) = state.write_table(&principal, &place, command(copy)).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(table.into()))))
}

pub(super) async fn undrop_table(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<Json<Table>>> {
    let place = state.place(&principal, &params).await?;
    let undrop = UndropTable {
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        source: String::new(),
        position: 0,
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    let (accepted, table) = state.write_table(&principal, &place, command(undrop)).await?;
    Ok(WithPosition(accepted.position, Json(table.into())))
}

pub(super) async fn undrop_bucket(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<Json<Bucket>>> {
    let place = state.place(&principal, &params).await?;
    if place.branch != names::MAIN_BRANCH {
        return Err(problem::operation_not_allowed("Undropping a bucket", &place.branch).into());
    }
    let (project, bucket) = (place.project.clone(), place.bucket.clone());
    let undrop = UndropBucket { project, bucket, description: None, tables: Vec::new() };
    let accepted = state.write(&principal, command(undrop)).await?;
    let position = state.came_back(&principal, accepted).await?;
    let bucket = state.queries.bucket(&tenant_text(&place.tenant), &place.project, &place.bucket).await?;
    Ok(WithPosition(position, Json(bucket.into())))
}

pub(super) async fn undelete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<Json<ProjectCreated>>> {
    let project = params.owned("project_id");
    let (settings, buckets) = ("{}".to_owned(), Vec::new());
    let undelete = UndeleteProject { project: project.clone(), name: None, settings, buckets, organization: None };
    let accepted = state.write(&principal, command(undelete)).await?;
    let position = state.came_back(&principal, accepted).await?;
    // The keys that it had are dead for good.
    let (api_key, keyed) = state.keys.issue_first_key(&principal, &project).await?;
    let project = Project::from(state.queries.project(&tenant_text(&principal.tenant), &project).await?);
    Ok(WithPosition(position.join(&keyed), Json(ProjectCreated { project, api_key })))
}
