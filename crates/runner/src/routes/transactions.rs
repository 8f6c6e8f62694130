//! All that comes in between two moments as one step.

use std::time::Duration;

use alluvium_http::{Json, PathParams, Principal, ProblemResponse};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::state::DataRoutes;
use crate::marks;

/// How long the engine may take to see a mark, in seconds: it may be in the middle of a large step.
const SEEN_SECONDS_MAX: u64 = 60;

/// A transaction that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Begun {
    /// Its number.
    transaction_id: u64,
}

pub(super) async fn start(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let deployment = &found.deployment;
    let _alone = deployment.transacting.lock().await;
    if let Some(open) = deployment.transaction() {
        let detail = format!("Transaction {} is open. Commit it first.", open.id);
        return Err(Problem::new("pipelines.transaction_in_progress", 409, detail).into());
    }
    let id = deployment.last_transaction() + 1;
    let seq = marks::begin(&state.runner.parts.js, &deployment.deployed.place, id).await?;
    seen(&deployment.seen, seq).await?;
    Ok(Json(Begun { transaction_id: id }).into_response())
}

pub(super) async fn commit(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let deployment = &found.deployment;
    let _alone = deployment.transacting.lock().await;
    let Some(open) = deployment.transaction() else {
        let detail = "No transaction is open. Start one first.";
        return Err(Problem::new("pipelines.no_transaction_in_progress", 400, detail).into());
    };
    let seq = marks::commit(&state.runner.parts.js, &deployment.deployed.place, open.id).await?;
    seen(&deployment.seen, seq).await?;
    Ok(Json("Transaction commit initiated").into_response())
}

/// Waits until the engine has seen a mark.
async fn seen(seen: &watch::Sender<u64>, seq: u64) -> Result<(), Problem> {
    let mut seen = seen.subscribe();
    let wait = tokio::time::timeout(Duration::from_secs(SEEN_SECONDS_MAX), seen.wait_for(|seen| *seen >= seq));
    let detail = "The pipeline is busy; the mark is on its stream and counts. See its statistics.";
    wait.await.map(drop).map_err(|_| Problem::unavailable("pipelines.pipeline_unavailable", detail))
}
