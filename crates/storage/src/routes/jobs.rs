//! Jobs: list, show.

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse, preferred_wait};
use alluvium_kernel::Problem;
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
    let filter = wire::job_filter(query.as_deref(), reach(&state, &principal)?)?;
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
    let reach = reach(&state, &principal)?;
    let (tenant, project, id) = (tenant_text(&principal.tenant), params.get("project_id"), params.get("job_id"));
    let job = state.queries.job(&tenant, project, id, &reach).await?;
    Ok(Json(Job::of(ended(&state.queries, job, preferred_wait(&headers)).await?)))
}

/// A key of a branch sees the jobs of its branch, one of chosen buckets its own, all others every job.
fn reach(state: &StorageRoutes, caller: &Principal) -> Result<JobReach, Problem> {
    let files = state.files_of(caller)?;
    Ok(match (files.holder(), files.only()) {
        (Some(_), _) => JobReach { created_by: Some(caller.actor.to_string()), ..JobReach::default() },
        (None, branch) => JobReach { branch: branch.map(str::to_owned), ..JobReach::default() },
    })
}
