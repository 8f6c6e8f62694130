//! Moving the clock, and keeping things in order.

use std::sync::{Arc, PoisonError};

use alluvium_http::{BodyBytes, Json, PathParams, Principal, ProblemResponse};
use alluvium_kernel::{Problem, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::state::DataRoutes;

/// By how much the clock is moved.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ClockAdvanceRequest {
    /// Milliseconds, rounded up to a step of the clock; 0 moves nothing, nothing moves it by one step.
    delta_ms: Option<u64>,
}

/// How late it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClockAdvanceResponse {
    /// In milliseconds since 1970.
    now_ms: i64,
    /// As people read it.
    now: String,
}

pub(super) async fn advance(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let ClockAdvanceRequest { delta_ms } = serde_json::from_slice(&body).map_err(|error| {
        Problem::new("pipelines.invalid_param", 400, format!("The body is not what moves a clock: {error}."))
    })?;
    let found = state.find(&principal, &params).await?;
    let driven = found.deployment.driven.get().ok_or_else(|| {
        let detail =
            "Only the clock of a program that asks for NOW(), with `dev_tweaks.now_http_driven` set, is moved.";
        Problem::new("pipelines.not_supported", 400, detail)
    })?;
    let now = driven.advance(&state.runner.parts.js, &found.deployment.deployed.place, delta_ms).await?;
    let now_ms = now.div_euclid(1_000);
    let now = rfc3339(now_ms);
    Ok(Json(ClockAdvanceResponse { now_ms, now }).into_response())
}

/// To the millisecond, as clients of Feldera are told the time.
fn rfc3339(ms: i64) -> String {
    let micros = Timestamp::from_micros(ms.saturating_mul(1_000)).to_rfc3339();
    let (to_seconds, rest) = micros.split_at("2000-01-01T00:00:00".len().min(micros.len()));
    let millis: String = rest.strip_prefix('.').unwrap_or("000").chars().take(3).collect();
    format!("{to_seconds}.{millis:0<3}Z")
}

/// How work is spread is settled by the engine itself, with one thread for each pipeline: there is nothing to do.
pub(super) async fn rebalance(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    state.find(&principal, &params).await?;
    Ok(StatusCode::OK.into_response())
}

/// Begins to write what is in the logs of the pipeline's files into the files themselves.
pub(super) async fn compact(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let deployment = Arc::clone(&state.find(&principal, &params).await?.deployment);
    tokio::task::spawn_blocking(move || {
        // Not while a step is on its way into them.
        let _same = deployment.steps.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = deployment.place.get() {
            place.files.compact();
        }
    });
    Ok(StatusCode::OK.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_told_to_the_millisecond() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn negative_steps_are_no_steps() {
        let read = |text: &str| serde_json::from_str::<ClockAdvanceRequest>(text).map(|request| request.delta_ms).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"delta_ms":null}"#), Some(None));
        assert_eq!(read(r#"{"delta_ms":5}"#), Some(Some(5)));
        assert_eq!(read(r#"{"delta_ms":-5}"#), None);
    }
}
