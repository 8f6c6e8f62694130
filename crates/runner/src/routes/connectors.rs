//! What is asked of single connectors, and commanded.

use std::sync::Arc;

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::state::{DataRoutes, Found};
use crate::connectors::{Hold, InputState, OutputState};
use crate::token::CompletionToken;

/// What is shown of a connector.
#[derive(Deserialize, IntoParams)]
pub(super) struct StatsQuery {
    /// Whether the last errors are told with what happened; without, only their number.
    #[serde(default)]
    pub include_connector_errors: bool,
}

/// Up to where what a connector brought goes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    /// Says, when asked for its status, whether all of it is in tables, views and outputs.
    token: String,
}

fn input<'a>(found: &'a Found, params: &PathParams) -> Result<&'a Arc<InputState>, Problem> {
    let table = found.table(params)?;
    let name = params.get("connector_name");
    let input = found.place()?.connectors.input(&table.name.name, name);
    input.ok_or_else(|| unknown("unknown_input_endpoint", &table.name.name, name))
}

fn output<'a>(found: &'a Found, params: &PathParams) -> Result<&'a Arc<OutputState>, Problem> {
    let view = found.named(params.get("view_name"))?;
    let name = params.get("connector_name");
    let output = found.place()?.connectors.output(&view.name.name, name);
    output.ok_or_else(|| unknown("unknown_output_endpoint", &view.name.name, name))
}

fn unknown(code: &str, relation: &str, name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    let detail = format!("'{relation}' has no connector '{}'.", name.escape_debug());
    Problem::new(format!("pipelines.{code}"), 404, detail)
}

pub(super) async fn act(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let input = input(&found, &params)?;
    let hold = match params.get("action") {
        "start" => Hold::Started,
        "pause" => Hold::Paused,
        other => {
            let other: String = other.chars().take(100).collect();
            let detail = format!("A connector is told `start` or `pause`, not '{}'.", other.escape_debug());
            return Err(Problem::new("pipelines.invalid_param", 400, detail).into());
        }
    };
    found.place()?.connectors.hold(&input.endpoint, hold).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn input_stats(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StatsQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let input = input(&found, &params)?;
    let is_paused = found.place()?.connectors.is_paused(&input.endpoint);
    let seen = *found.deployment.seen.borrow();
    Ok(Json(input.shown(is_paused, seen, query.include_connector_errors)).into_response())
}

pub(super) async fn output_stats(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StatsQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let output = output(&found, &params)?;
    let step = found.deployment.progress.borrow().step;
    Ok(Json(output.shown(step, &found.deployment.stats.backlog, query.include_connector_errors)).into_response())
}

pub(super) async fn token(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let input = input(&found, &params)?;
    let token = CompletionToken {
        pipeline: Uuid::parse_str(&found.deployment.deployed.place.pipeline).unwrap_or_default(),
        began: found.place()?.began,
        seq: input.last_seq(),
    };
    Ok(Json(Token { token: token.text() }).into_response())
}
