//! Whether what was sent is done.

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::state::DataRoutes;
use crate::token::CompletionToken;

/// What is asked about.
#[derive(Deserialize, IntoParams)]
pub(super) struct CompletionQuery {
    /// What the sender was given.
    token: String,
}

/// How far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Completion {
    /// `complete` or `inprogress`.
    status: &'static str,
    /// The step up to which everything is in tables, views and outputs.
    step: Option<u64>,
}

pub(super) async fn status(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<CompletionQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let token = CompletionToken::read(&query.token)
        .ok_or_else(|| Problem::new("pipelines.invalid_param", 400, "This is no completion token."))?;
    let place = found.place()?;
    if token.pipeline.to_string() != found.deployment.deployed.place.pipeline || token.began != place.began {
        return Err(past().into());
    }
    if place.manifest.is_taken_back(token.seq) {
        return Err(past().into());
    }
    let progress = found.deployment.completed();
    let status = if progress.seq >= token.seq { "complete" } else { "inprogress" };
    Ok(Json(Completion { status, step: Some(progress.step) }).into_response())
}

fn past() -> Problem {
    let detail = "The token is of another pipeline, or of what was cleared or taken back.";
    Problem::new("pipelines.unknown_endpoint_in_completion_token", 410, detail)
}
