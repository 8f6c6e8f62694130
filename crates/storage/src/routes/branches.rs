//! Dev branches.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, CreateBranch, DeleteBranch, ProjectCommand};
use crate::wire::{self, Branch, BranchCreate, BranchDetail, Branches};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Branch>)>> {
    let BranchCreate { name, description } = BranchCreate::parse(&body)?;
    let project = params.owned("project_id");
    let create = CreateBranch { project: project.clone(), name, description };
    let accepted = state.write(&principal, command(create)).await?;
    let id = accepted.result["branch"].as_str().ok_or_else(|| {
        tracing::error!(project, "the outcome of a branch does not name it");
        Problem::internal()
    })?;
    let branch = state.queries.branch(&tenant_text(&principal.tenant), &project, id).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(branch.into()))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Branches>> {
    let page = wire::page(query.as_deref())?;
    state.fresh_everywhere(&wanted).await?;
    let listed = state.queries.branches(&tenant_text(&principal.tenant), params.get("project_id"), page).await?;
    Ok(Json(listed.into()))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<BranchDetail>> {
    state.fresh_everywhere(&wanted).await?;
    let (tenant, project, branch) = (tenant_text(&principal.tenant), params.get("project_id"), params.get("branch_id"));
    let found = state.queries.branch(&tenant, project, branch).await?;
    let tables = state.queries.branch_tables(&tenant, project, branch).await?;
    Ok(Json((found, tables).into()))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let (project, branch) = (params.owned("project_id"), params.owned("branch_id"));
    let delete = DeleteBranch { project: project.clone(), branch: branch.clone() };
    let accepted = state.write(&principal, command(delete)).await?;
    let revoked = state.keys.revoke_branch(&principal, &project, &branch).await?;
    Ok(WithPosition(accepted.position.join(&revoked), StatusCode::NO_CONTENT))
}
