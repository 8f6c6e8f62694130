//! `GET …/events` and `GET /audit`

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::{Actor, Requirement};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::wire::{Event, Events, EventsQuery};
use super::{AuditRoutes, live};
use crate::projection::PROJECTION;
use crate::queries::{Asked, CallRow};

type Answer = Result<Json<Events>, ProblemResponse>;

pub(super) async fn of_project(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Response, ProblemResponse> {
    let asked = query.asked(principal.tenant.as_str())?;
    let asked = Asked { project: Some(params.owned("project_id")), ..asked };
    if live::is_wanted(&headers) {
        must_exist(&state, &principal, &asked).await?;
        return Ok(live::stream(state, principal, asked, &headers).await?.into_response());
    }
    Ok(page(&state, &principal, asked, &wanted).await?.into_response())
}

/// Of a bucket, or of the table in it that the path names.
pub(super) async fn of_bucket(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<EventsQuery>,
) -> Answer {
    let asked = Asked {
        project: Some(params.owned("project_id")),
        branch: Some(params.owned("branch_id")),
        bucket: Some(state.places.bucket_name(params.get("bucket_name"))),
        table: Some(params.owned("table_name")).filter(|table| !table.is_empty()),
        ..query.asked(principal.tenant.as_str())?
    };
    page(&state, &principal, asked, &wanted).await
}

pub(super) async fn of_key(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<EventsQuery>,
) -> Answer {
    let (project, key) = (params.owned("project_id"), params.owned("key_id"));
    // Everybody sees what is done in their name; who may manage keys sees it of all.
    if principal.actor != Actor::Key(key.clone()) {
        let asks = Requirement::KeyAdmin(project.clone());
        state.authorizer.check(&principal.tenant, &principal.actor, &asks).await?;
    }
    let asked = query.asked(principal.tenant.as_str())?;
    page(&state, &principal, Asked { project: Some(project), key: Some(key), ..asked }, &wanted).await
}

pub(super) async fn of_tenant(
    State(state): State<AuditRoutes>,
    principal: Principal,
    wanted: MinPosition,
    Query(query): Query<EventsQuery>,
) -> Answer {
    page(&state, &principal, query.asked(principal.tenant.as_str())?, &wanted).await
}

async fn page(state: &AuditRoutes, caller: &Principal, asked: Asked, wanted: &MinPosition) -> Answer {
    let calls = found(state, caller, &asked, wanted).await?;
    Ok(Json(Events { events: calls.into_iter().map(Event::from).collect() }))
}

/// The calls; 404 where there are none, and nothing that they could be about.
pub(super) async fn found(
    state: &AuditRoutes,
    caller: &Principal,
    asked: &Asked,
    wanted: &MinPosition,
) -> Result<Vec<CallRow>, ProblemResponse> {
    state.freshness.wait(&wanted.position, &[PROJECTION], wanted.budget).await?;
    let found = state.queries.list(asked).await?;
    if found.is_empty() {
        must_exist(state, caller, asked).await?;
    }
    Ok(found)
}

/// What is gone keeps its events; what has none must at least be there.
async fn must_exist(state: &AuditRoutes, caller: &Principal, asked: &Asked) -> Result<(), ProblemResponse> {
    let Some(project) = &asked.project else { return Ok(()) };
    let any = Asked {
        tenant: asked.tenant.clone(),
        project: asked.project.clone(),
        branch: asked.branch.clone(),
        bucket: asked.bucket.clone(),
        table: asked.table.clone(),
        limit: 1,
        ..Asked::default()
    };
    let (branch, bucket, table) = (asked.branch.as_deref(), asked.bucket.as_deref(), asked.table.as_deref());
    match state.places.exist(&caller.tenant, project, branch, bucket, table).await {
        Err(problem) if problem.status == 404 => {
            // A call that was refused because nothing is there is no sign that something was.
            let was = state.queries.list(&any).await?.iter().any(|call| call.status < 400);
            if was { Ok(()) } else { Err(problem.into()) }
        }
        answer => answer.map_err(Into::into),
    }
}
