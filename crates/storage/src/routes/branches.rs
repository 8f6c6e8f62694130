//! Dev branches.

use std::time::{Duration, Instant};

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::state::{StorageRoutes, WRITE_TIMEOUT, tenant_text};
use crate::contract::{Command, CreateBranch, DeleteBranch, ProjectCommand};
use crate::model::names::LIVE;
use crate::queries::BranchView;
use crate::wire::{self, Branch, BranchCreate, BranchDetail, Branches};

type Answer<T> = Result<T, ProblemResponse>;

/// How long the copies are waited for that a pinned branch is made of, in seconds; they go on by themselves.
const COPIES_WAIT_SECONDS: u64 = 240;
/// How long making a branch may take until its answer begins.
pub(super) const CREATE_TIMEOUT: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(COPIES_WAIT_SECONDS));

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Branch>)>> {
    let BranchCreate { name, description, mode } = BranchCreate::parse(&body)?;
    let project = params.owned("project_id");
    let mode = mode.unwrap_or_else(|| LIVE.to_owned());
    let create = CreateBranch { project: project.clone(), name, description, mode, tables: Vec::new() };
    let accepted = state.write(&principal, command(create)).await?;
    let id = accepted.result["branch"].as_str().ok_or_else(|| {
        tracing::error!(project, "the outcome of a branch does not name it");
        Problem::internal()
    })?;
    let tenant = tenant_text(&principal.tenant);
    let mut branch = state.queries.branch(&tenant, &project, id).await?;
    if branch.is_pinned() {
        copied(&state, &tenant, &branch, &accepted.position).await?;
        branch = state.queries.branch(&tenant, &project, id).await?;
    }
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(branch.into()))))
}

/// Waits until the tables of a pinned branch have what the main line's had: before, they would be shown without rows.
async fn copied(state: &StorageRoutes, tenant: &str, branch: &BranchView, position: &Position) -> Result<(), Problem> {
    let until = Instant::now() + Duration::from_secs(COPIES_WAIT_SECONDS);
    for table in state.queries.project_tables(tenant, &branch.project, &branch.id).await? {
        let left = until.saturating_duration_since(Instant::now());
        state.tables()?.wait_table(&table.uid, position, left).await?;
    }
    Ok(())
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
