//! Jobs: list, show.

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse, preferred_wait};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;

use super::state::{StorageRoutes, tenant_text};
use crate::jobs::ended;
use crate::queries::JobReach;
use crate::wire::{self, Job, Jobs};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Jobs>> {
    let page = wire::page(query.as_deref())?;
    let filter = wire::job_filter(query.as_deref(), JobReach(state.keys.branch_of(&principal)?))?;
    state.fresh(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    let listed = state.queries.jobs(&tenant, params.get("project_id"), &filter, page).await?;
    Ok(Json(Jobs { jobs: listed.items.into_iter().map(Job::of).collect(), total: listed.total }))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    headers: HeaderMap,
) -> Answer<Json<Job>> {
    state.fresh(&wanted).await?;
    let reach = JobReach(state.keys.branch_of(&principal)?);
    let (tenant, project, id) = (tenant_text(&principal.tenant), params.get("project_id"), params.get("job_id"));
    let job = state.queries.job(&tenant, project, id, &reach).await?;
    Ok(Json(Job::of(ended(&state.queries, job, preferred_wait(&headers)).await?)))
}
