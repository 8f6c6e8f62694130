//! What a pipeline keeps in memory, and what it is doing.

use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::state::DataRoutes;
use crate::profile::Profile;
use crate::sampling::{self, SECONDS, SECONDS_MAX};
use crate::{heap, telemetry};

/// Which samples.
#[derive(Deserialize, IntoParams)]
pub(super) struct SamplesQuery {
    /// Which host; there is one, 0.
    ordinal: Option<u64>,
    /// Whether to be told to come again when samples are being taken now.
    latest: Option<bool>,
}

/// How samples are taken.
#[derive(Deserialize, IntoParams)]
pub(super) struct SampleQuery {
    /// Which host; there is one, 0.
    ordinal: Option<u64>,
    /// For how long, in seconds; 30 when nothing is said, 600 at most.
    duration_secs: Option<u64>,
}

pub(super) async fn circuit(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let packed = profile(&state, &principal, &params).await?.to_zip().map_err(|error| unwritable(&error))?;
    Ok(file("application/zip", "circuit_profile.zip", packed))
}

pub(super) async fn circuit_json(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    Ok(Json(profile(&state, &principal, &params).await?.to_json()).into_response())
}

pub(super) async fn heap(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let profile = profile(&state, &principal, &params).await?;
    let packed = heap::pprof(&profile, crate::now().micros()).map_err(|error| unwritable(&error))?;
    Ok(file("application/protobuf", "heap_profile.pb.gz", packed))
}

pub(super) async fn sample(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<SampleQuery>,
) -> Result<Response, ProblemResponse> {
    only_host(query.ordinal)?;
    let seconds = query.duration_secs.unwrap_or(SECONDS);
    if seconds > SECONDS_MAX {
        return Err(invalid(format!("`duration_secs` is at most {SECONDS_MAX}.")).into());
    }
    let time = Duration::from_secs(seconds);
    let deployment = state.find(&principal, &params).await?.deployment;
    if !deployment.sampling.begin(time) {
        let detail = "Samples of the pipeline are being taken already. Wait until that is done.";
        return Err(Problem::new("pipelines.samply_profile_in_progress", 409, detail).into());
    }
    tokio::spawn(sampling::look(Arc::clone(&deployment), time));
    Ok((StatusCode::ACCEPTED, Json("Samples are being taken")).into_response())
}

pub(super) async fn samples(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<SamplesQuery>,
) -> Result<Response, ProblemResponse> {
    only_host(query.ordinal)?;
    let deployment = state.find(&principal, &params).await?.deployment;
    if let Some(rest) = deployment.sampling.rest().filter(|_| query.latest == Some(true)) {
        let seconds = rest.as_secs() + 1;
        return Ok((StatusCode::NO_CONTENT, [(RETRY_AFTER, seconds.to_string())]).into_response());
    }
    let packed = deployment.sampling.last().ok_or_else(|| {
        let detail = "No samples of the pipeline were taken since it started. Have some taken first.";
        Problem::new("pipelines.no_samply_profile", 400, detail)
    })?;
    Ok(file("application/gzip", "samply_profile.json.gz", packed))
}

async fn profile(state: &DataRoutes, principal: &Principal, params: &PathParams) -> Result<Profile, Problem> {
    let found = state.find(principal, params).await?;
    telemetry::profile(&found.deployment).await.ok_or_else(|| {
        let detail = "The pipeline is busy and did not say what it keeps. Try again.";
        Problem::unavailable("pipelines.pipeline_unavailable", detail)
    })
}

fn file(media_type: &'static str, name: &str, content: impl Into<axum::body::Body>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, media_type.to_owned()), (CONTENT_DISPOSITION, disposition)], content.into()).into_response()
}

fn only_host(ordinal: Option<u64>) -> Result<(), Problem> {
    match ordinal {
        None | Some(0) => Ok(()),
        Some(_) => Err(invalid("A pipeline has one host: `ordinal` is 0.".to_owned())),
    }
}

fn invalid(detail: String) -> Problem {
    Problem::new("pipelines.invalid_param", 400, detail)
}

fn unwritable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a profile could not be packed");
    Problem::internal()
}
