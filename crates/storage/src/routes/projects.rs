//! Projects.

use alluvium_http::{BodyBytes, Concerns, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, CreateProject, DeleteProject, ProjectCommand, UpdateProject};
use crate::wire::{self, Project, ProjectCreate, ProjectCreated, ProjectStats, ProjectUpdate, Projects};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

/// Routes of the project itself say `not_found`; everything below it says `project_not_found`.
fn of_itself(mut problem: Problem) -> Problem {
    if problem.code == "storage.project_not_found" {
        "storage.not_found".clone_into(&mut problem.code);
    }
    problem
}

fn text(settings: serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::Value::Object(settings).to_string()
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    concerns: Concerns,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<ProjectCreated>)>> {
    let ProjectCreate { id, name, settings, organization_id: organization } = ProjectCreate::parse(&body)?;
    concerns.are([("project_id", id.clone())]);
    let settings = text(settings.unwrap_or_default());
    let create = CreateProject { project: id.clone(), name, settings, organization };
    let accepted = state.write(&principal, command(create)).await?;
    let (api_key, keyed) = state.keys.issue_first_key(&principal, &id).await?;
    let project = Project::from(state.queries.project(&tenant_text(&principal.tenant), &id).await?);
    let answer = (StatusCode::CREATED, Json(ProjectCreated { project, api_key }));
    Ok(WithPosition(accepted.position.join(&keyed), answer))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let page = wire::page(query.as_deref())?;
    let mut words = wire::Query::of(query.as_deref());
    let status = words.choice("status", &["active", "deleted"], "active");
    words.finish()?;
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        return Ok(past::projects(&state, &principal.tenant, seq, page).await?.into_response());
    }
    state.fresh_everywhere(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    let listed = if status == "deleted" {
        state.queries.deleted_projects(&tenant, page).await?.map(Project::deleted)
    } else {
        state.queries.projects(&tenant, page).await?.map(Project::from)
    };
    Ok(Json(Projects { projects: listed.items, total: listed.total }).into_response())
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    state.fresh_tables(&wanted).await?;
    let id = params.get("project_id");
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        let then = past::project(&state, &principal.tenant, id, seq).await;
        return Ok(then.map_err(|answer| of_itself(answer.0))?.into_response());
    }
    let project = state.queries.project(&tenant_text(&principal.tenant), id).await;
    Ok(Json(Project::from(project.map_err(of_itself)?)).into_response())
}

pub(super) async fn stats(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<ProjectStats>> {
    state.fresh_tables(&wanted).await?;
    let project = state.queries.project(&tenant_text(&principal.tenant), params.get("project_id")).await;
    Ok(Json(project.map_err(of_itself)?.into()))
}

pub(super) async fn update(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Project>>> {
    let ProjectUpdate { name, settings, organization_id: organization } = ProjectUpdate::parse(&body)?;
    let project = params.owned("project_id");
    let update = UpdateProject { project: project.clone(), name, settings: settings.map(text), organization };
    let accepted = state.write(&principal, command(update)).await.map_err(of_itself)?;
    let project = state.queries.project(&tenant_text(&principal.tenant), &project).await.map_err(of_itself)?;
    Ok(WithPosition(accepted.position, Json(project.into())))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let project = params.owned("project_id");
    // Keys issued for a later project of the same id must live: only what was issued up to now goes.
    let before = principal.seed.at();
    let accepted =
        state.write(&principal, command(DeleteProject { project: project.clone() })).await.map_err(of_itself)?;
    let revoked = state.keys.revoke_all(&principal, &project, before).await?;
    Ok(WithPosition(accepted.position.join(&revoked), StatusCode::NO_CONTENT))
}
