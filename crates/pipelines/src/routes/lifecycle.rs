//! What a pipeline is told: start, stop, pause, and the like.

use std::time::Duration;

use alluvium_http::{Json, PathParams, Principal, Query};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::pipelines::Answer;
use super::state::{PipelineRoutes, changed, name_of};
use crate::contract::{
    ActivatePipeline, ApproveBootstrap, ClearStorage, DismissError, PausePipeline, PipelineCommand, ResumePipeline,
    SetPlatformVersion, StartPipeline, StopPipeline,
};
use crate::error;
use crate::model::RuntimeStatus;
use crate::queries::Texts;

/// How long it may take until an approved pipeline goes on, in seconds.
const APPROVED_WAIT_SECONDS: u64 = 10;
/// The feature that lets tests of clients set what they want.
const TESTING: &str = "testing";
/// How often it is looked for, in milliseconds.
const APPROVED_LOOK_MS: u64 = 50;

/// How a pipeline starts.
#[derive(Deserialize, IntoParams)]
pub(super) struct StartQuery {
    /// `running`, `paused` or `standby`.
    initial: Option<String>,
    /// `allow`, `reject` or `await_approval`.
    bootstrap_policy: Option<String>,
    /// Whether views that are computed anew tell nobody.
    silent_bootstrap: Option<bool>,
    /// Whether it goes on while new views are computed.
    concurrent_bootstrap: Option<bool>,
    /// Whether the error of the last deployment is dismissed.
    dismiss_error: Option<bool>,
}

/// How a pipeline stops.
#[derive(Deserialize, IntoParams)]
pub(super) struct StopQuery {
    /// Whether at once, without a checkpoint.
    force: Option<bool>,
}

/// How a pipeline takes over.
#[derive(Deserialize, IntoParams)]
pub(super) struct ActivateQuery {
    /// `running` or `paused`.
    initial: Option<String>,
}

/// How a pipeline goes on with another program.
#[derive(Deserialize, IntoParams)]
pub(super) struct ApproveQuery {
    /// Whether views that are computed anew tell nobody.
    silent_bootstrap: Option<bool>,
    /// Whether it goes on while new views are computed.
    concurrent_bootstrap: Option<bool>,
}

/// What tests of clients set.
#[derive(Deserialize, IntoParams)]
pub(super) struct TestingQuery {
    /// The version of the platform that the program counts as compiled by.
    set_platform_version: Option<String>,
}

pub(super) async fn start(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StartQuery>,
) -> Answer {
    let start = StartPipeline {
        pipeline: name_of(&params).to_owned(),
        initial: query.initial.unwrap_or_else(|| "running".to_owned()),
        bootstrap_policy: query.bootstrap_policy.unwrap_or_else(|| "await_approval".to_owned()),
        silent_bootstrap: query.silent_bootstrap.unwrap_or(false),
        concurrent_bootstrap: query.concurrent_bootstrap.unwrap_or(false),
        dismiss_error: query.dismiss_error.unwrap_or(true),
    };
    told(&state, &principal, start, "Pipeline is starting").await
}

pub(super) async fn stop(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StopQuery>,
) -> Answer {
    let force = query.force.unwrap_or(false);
    let sentence = if force { "Pipeline is forcefully stopping" } else { "Pipeline is suspending" };
    told(&state, &principal, StopPipeline { pipeline: name_of(&params).to_owned(), force }, sentence).await
}

pub(super) async fn clear(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    let clear = ClearStorage { pipeline: name_of(&params).to_owned() };
    told(&state, &principal, clear, "Pipeline storage is being cleared").await
}

pub(super) async fn pause(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    transition(&state, &principal, &params, PausePipeline { pipeline: name_of(&params).to_owned() }).await
}

pub(super) async fn resume(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    transition(&state, &principal, &params, ResumePipeline { pipeline: name_of(&params).to_owned() }).await
}

pub(super) async fn activate(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<ActivateQuery>,
) -> Answer {
    // Clients send it as states are written, or as starts are.
    let initial = query.initial.map_or_else(|| "running".to_owned(), |initial| initial.to_lowercase());
    transition(&state, &principal, &params, ActivatePipeline { pipeline: name_of(&params).to_owned(), initial }).await
}

pub(super) async fn dismiss_error(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer {
    let accepted = state.write(&principal, DismissError { pipeline: name_of(&params).to_owned() }).await?;
    Ok(changed(accepted.position, Json("Pipeline deployment error has been dismissed")))
}

pub(super) async fn approve(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<ApproveQuery>,
) -> Answer {
    let pipeline = name_of(&params).to_owned();
    let approve = ApproveBootstrap {
        pipeline: pipeline.clone(),
        silent_bootstrap: query.silent_bootstrap.unwrap_or(false),
        concurrent_bootstrap: query.concurrent_bootstrap.unwrap_or(false),
    };
    let accepted = state.write(&principal, approve).await?;
    let until = Instant::now() + Duration::from_secs(APPROVED_WAIT_SECONDS);
    while state.queries.by_name(&principal.tenant, &pipeline, Texts::Sealed).await?.deployment.runtime
        == Some(RuntimeStatus::AwaitingApproval)
    {
        if Instant::now() >= until {
            return Err(error::awaiting_approval().into());
        }
        tokio::time::sleep(Duration::from_millis(APPROVED_LOOK_MS)).await;
    }
    Ok(changed(accepted.position, Json("Bootstrap approved")))
}

pub(super) async fn testing(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<TestingQuery>,
) -> Answer {
    let pipeline = name_of(&params).to_owned();
    if !state.about.unstable_features.iter().any(|feature| feature == TESTING) {
        state.queries.by_name(&principal.tenant, &pipeline, Texts::Sealed).await?;
        return Err(error::testing_is_off().into());
    }
    let Some(platform_version) = query.set_platform_version else {
        return Err(error::invalid_param("`set_platform_version` is missing.").into());
    };
    let accepted = state.write(&principal, SetPlatformVersion { pipeline, platform_version }).await?;
    Ok(changed(accepted.position, StatusCode::OK))
}

/// 202 with a sentence.
async fn told(
    state: &PipelineRoutes,
    principal: &Principal,
    command: impl Into<PipelineCommand>,
    sentence: &'static str,
) -> Answer {
    let accepted = state.write(principal, command).await?;
    Ok(changed(accepted.position, (StatusCode::ACCEPTED, Json(sentence))))
}

/// 202 with what it was and what it will be.
async fn transition(
    state: &PipelineRoutes,
    principal: &Principal,
    params: &PathParams,
    command: impl Into<PipelineCommand>,
) -> Answer {
    let status = async || -> Result<_, Problem> {
        let pipeline = state.queries.by_name(&principal.tenant, name_of(params), Texts::Sealed).await?;
        Ok((pipeline.deployment.status(), pipeline.deployment.desired_status()))
    };
    let (before, _) = status().await?;
    let accepted = state.write(principal, command).await?;
    let (_, desired) = status().await?;
    let sentence = format!("Pipeline transitioning from {before} to {desired}");
    Ok(changed(accepted.position, (StatusCode::ACCEPTED, Json(sentence))))
}
