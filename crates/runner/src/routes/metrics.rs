//! What a pipeline measures.

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::state::DataRoutes;
use crate::metrics;
use crate::telemetry::storage_bytes;

/// The text format of Prometheus. Clients of Feldera take it as text only when it says nothing more.
const PROMETHEUS: &str = "text/plain";

/// In which form.
#[derive(Deserialize, IntoParams)]
pub(super) struct MetricsQuery {
    /// `prometheus`, which is what is given when nothing is said, or `json`.
    format: Option<String>,
}

pub(super) async fn metrics(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<MetricsQuery>,
) -> Result<Response, ProblemResponse> {
    let is_json = match query.format.as_deref() {
        None | Some("prometheus") => false,
        Some("json") => true,
        Some(_) => {
            return Err(Problem::new("pipelines.invalid_param", 400, "`format` is `prometheus` or `json`.").into());
        }
    };
    let deployment = state.find(&principal, &params).await?.deployment;
    let metrics = metrics::of(&deployment, storage_bytes(&deployment).await);
    if is_json {
        return Ok(Json(metrics::to_json(&metrics)).into_response());
    }
    Ok(([(CONTENT_TYPE, PROMETHEUS)], metrics::prometheus(&metrics)).into_response())
}
