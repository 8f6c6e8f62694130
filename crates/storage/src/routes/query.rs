//! SQL over the tables of a project.

use std::time::Duration;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::state::{StorageRoutes, tenant_text};
use crate::fold::TableQuery;
use crate::model::names::MAIN_BRANCH;
use crate::wire::{QueryAnswer, QueryBody, QueryFailed, ROWS_MAX};

/// How long the route may take: the longest query, and what is around it.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(330);

/// A query that is wrong, or fails, answers 200 with `status: "error"`, as clients of the surface expect; what is wrong with
/// the server is a problem like everywhere.
pub(super) async fn query(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let QueryBody { query, limit, timeout_seconds, as_of, as_of_step } = QueryBody::parse(&body)?;
    state.fresh_tables(&wanted).await?;
    let project = params.get("project_id");
    let tenant = tenant_text(&principal.tenant);
    state.queries.require_project(&tenant, project).await?;
    let timeout_ms = timeout_seconds.unsigned_abs() * 1_000;
    let buckets = state.readable(&principal, project).await?;
    let ask = TableQuery { sql: query, rows_max: ROWS_MAX.unsigned_abs(), timeout_ms, buckets };
    if as_of.is_some() && as_of_step.is_some() {
        return Err(past::both().into());
    }
    let answer = if let Some(as_of) = as_of {
        past::query(&state, &principal.tenant, project, &as_of, ask).await
    } else {
        let links = state.queries.links(&tenant, project);
        let (mut links, aliases) = tokio::try_join!(links, state.queries.aliases(&tenant, project, MAIN_BRANCH))?;
        if let Some(step) = as_of_step {
            links = links.at_step(step.unsigned_abs());
        }
        state.tables()?.query(&principal.tenant, project, (&links, &aliases), ask).await
    };
    match answer {
        Ok(rows) => Ok(Json(QueryAnswer::of(rows, limit)).into_response()),
        Err(problem) if problem.status < 500 => Ok(Json(QueryFailed::from(problem)).into_response()),
        Err(problem) => Err(problem.into()),
    }
}
