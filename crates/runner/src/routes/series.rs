//! How the counts of a pipeline went in the last minute.

use std::convert::Infallible;

use alluvium_http::{Json, PathParams, Principal, ProblemResponse};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::state::DataRoutes;
use crate::series::Sample;

pub(super) async fn series(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let (samples, _) = found.deployment.series.read();
    let samples: Vec<Value> = samples.into_iter().map(shown).collect();
    let now = crate::now().micros() / 1_000;
    Ok(Json(json!({ "now": now, "samples": samples })).into_response())
}

pub(super) async fn follow(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let (samples, coming) = found.deployment.series.read();
    let stop = found.deployment.stop.clone();
    let begun = (samples.into_iter().collect::<std::collections::VecDeque<_>>(), coming, stop);
    let lines = futures::stream::unfold(begun, |(mut samples, mut coming, stop)| async move {
        let sample = match samples.pop_front() {
            Some(sample) => sample,
            None => loop {
                let next = tokio::select! {
                    () = stop.cancelled() => return None,
                    next = coming.recv() => next,
                };
                match next {
                    Ok(sample) => break sample,
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return None,
                }
            },
        };
        let line = Bytes::from(format!("{}\n", shown(sample)));
        Some((Ok::<Bytes, Infallible>(line), (samples, coming, stop)))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

fn shown(sample: Sample) -> Value {
    json!({ "t": sample.at_ms, "r": sample.records, "m": sample.memory_bytes, "s": sample.storage_bytes })
}
