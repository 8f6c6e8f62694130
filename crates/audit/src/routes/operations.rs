//! `GET …/operations` and `GET …/operations/stats`: the calls of a project as operations, without what clients report themselves.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_http::{Json, MinPosition, Op, PathParams, Principal, ProblemResponse, Query, Route};
use alluvium_kernel::Requirement;
use axum::extract::State;

use super::list::found;
use super::operation::{Operation, OperationCounts, OperationStats, Operations, OperationsQuery, StatsQuery};
use super::{AuditRoutes, NO_PROJECT, TAG};
use crate::projection::PROJECTION;
use crate::queries::Asked;

pub(super) fn all() -> Vec<Route<AuditRoutes>> {
    let errors = ["http.invalid_query", "audit.read_unavailable", NO_PROJECT];
    vec![
        Route::get(
            "/projects/{project_id}/operations",
            |params| Requirement::ProjectAdmin(params.owned("project_id")),
            list,
            Op::new("listOperations", TAG, "List what was asked of a project, with what became of it")
                .description(
                    "The events of the project as operations, without those that clients report of themselves.",
                )
                .query::<OperationsQuery>()
                .json::<Operations>(200, "Operations, newest first")
                .errors(&errors),
        ),
        Route::get(
            "/projects/{project_id}/operations/stats",
            |params| Requirement::ProjectAdmin(params.owned("project_id")),
            stats,
            Op::new(
                "countOperations",
                TAG,
                "Show how often operations of a project were called, and how long they took",
            )
            .query::<StatsQuery>()
            .json::<OperationStats>(200, "Counts and times by operation")
            .errors(&errors),
        ),
    ]
}

async fn list(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<OperationsQuery>,
) -> Result<Json<Operations>, ProblemResponse> {
    let asked = query.asked(principal.tenant.as_str())?;
    let asked = Asked { project: Some(params.owned("project_id")), ..asked };
    let calls = found(&state, &principal, &asked, &wanted).await?;
    Ok(Json(Operations { operations: calls.into_iter().map(Operation::from).collect() }))
}

async fn stats(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<StatsQuery>,
) -> Result<Json<OperationStats>, ProblemResponse> {
    let (from, to) = query.window(now_micros())?;
    state.freshness.wait(&wanted.position, &[PROJECTION], wanted.budget).await?;
    let project = params.get("project_id");
    let counted = state.queries.counts(principal.tenant.as_str(), project, (from, to)).await?;
    if counted.is_empty() {
        // Nothing was done in that time; perhaps there is nobody who could have.
        let any = Asked { tenant: principal.tenant.as_str().to_owned(), limit: 1, ..Asked::default() };
        found(&state, &principal, &Asked { project: Some(project.to_owned()), ..any }, &wanted).await?;
    }
    Ok(Json(OperationStats::of((from, to), counted.into_iter().map(OperationCounts::from).collect())))
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
