//! The older form of the resource: programs and pipelines apart, by id or name. Every pipeline has a program; one that is never started
//! is a program and nothing else.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal};
use alluvium_kernel::{Problem, Token};
use axum::extract::State;
use axum::http::StatusCode;

use super::pipelines::Answer;
use super::state::{Accepted, PipelineRoutes, changed, uncached};
use crate::contract::{DeletePipeline, PausePipeline, PipelineCommand, StartPipeline, StopPipeline};
use crate::error;
use crate::model::Pipeline;
use crate::queries::Texts;
use crate::wire::{self, NewPipeline, NewProgram, PipelineChange, PipelineView, ProgramChange, ProgramView};

/// The pipeline that a path names by id or name.
async fn named(state: &PipelineRoutes, tenant: &Token, params: &PathParams) -> Result<Pipeline, Problem> {
    let id = params.get("id");
    match state.queries.by_id(tenant, id, Texts::Open).await {
        Err(unknown) if unknown.status == 404 => state.queries.by_name(tenant, id, Texts::Open).await,
        found => found,
    }
}

async fn program(state: &PipelineRoutes, tenant: &Token, pipeline: Pipeline) -> Result<ProgramView, Problem> {
    let events = state.queries.events(tenant, &pipeline.id).await?;
    Ok(ProgramView::of(pipeline, &events))
}

/// The pipeline that a command made or changed.
async fn after(state: &PipelineRoutes, tenant: &Token, accepted: &Accepted) -> Result<Pipeline, Problem> {
    let id = accepted.result["id"].as_str().ok_or_else(|| error::mistake("an accepted command names no pipeline"))?;
    state.queries.by_id(tenant, id, Texts::Open).await
}

pub(super) async fn list_programs(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    wanted: MinPosition,
) -> Answer {
    state.fresh(&wanted).await?;
    let mut programs = Vec::new();
    for pipeline in state.queries.list(&principal.tenant, Texts::Open).await? {
        programs.push(program(&state, &principal.tenant, pipeline).await?);
    }
    Ok(uncached(Json(programs)))
}

pub(super) async fn get_program(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer {
    state.fresh(&wanted).await?;
    let pipeline = named(&state, &principal.tenant, &params).await?;
    Ok(uncached(Json(program(&state, &principal.tenant, pipeline).await?)))
}

pub(super) async fn create_program(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let create = wire::parse::<NewProgram>(&body)?.create();
    let accepted = state.write(&principal, create).await?;
    let pipeline = after(&state, &principal.tenant, &accepted).await?;
    let shown = program(&state, &principal.tenant, pipeline).await?;
    Ok(changed(accepted.position, (StatusCode::CREATED, Json(shown))))
}

pub(super) async fn patch_program(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let change = wire::parse::<ProgramChange>(&body)?;
    let name = named(&state, &principal.tenant, &params).await?.name;
    let accepted = state.write(&principal, change.edit(name)).await?;
    let pipeline = after(&state, &principal.tenant, &accepted).await?;
    let shown = program(&state, &principal.tenant, pipeline).await?;
    Ok(changed(accepted.position, Json(shown)))
}

/// Of a program and of a pipeline alike.
pub(super) async fn delete(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    let pipeline = named(&state, &principal.tenant, &params).await?.name;
    let accepted = state.write(&principal, DeletePipeline { pipeline, if_versions: Vec::new() }).await?;
    Ok(changed(accepted.position, StatusCode::OK))
}

pub(super) async fn list_pipelines(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    wanted: MinPosition,
) -> Answer {
    state.fresh(&wanted).await?;
    let pipelines = state.queries.list(&principal.tenant, Texts::Open).await?;
    Ok(uncached(Json(pipelines.into_iter().map(PipelineView::from).collect::<Vec<_>>())))
}

pub(super) async fn get_pipeline(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer {
    state.fresh(&wanted).await?;
    Ok(uncached(Json(PipelineView::from(named(&state, &principal.tenant, &params).await?))))
}

pub(super) async fn create_pipeline(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let create = wire::parse::<NewPipeline>(&body)?.create();
    let create = create.ok_or_else(|| error::invalid_body("it names a `program_id` or carries a `program_code`"))?;
    let accepted = state.write(&principal, create).await?;
    let shown = PipelineView::from(after(&state, &principal.tenant, &accepted).await?);
    Ok(changed(accepted.position, (StatusCode::CREATED, Json(shown))))
}

pub(super) async fn patch_pipeline(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let change = wire::parse::<PipelineChange>(&body)?;
    let name = named(&state, &principal.tenant, &params).await?.name;
    let accepted = state.write(&principal, change.edit(name)).await?;
    let shown = PipelineView::from(after(&state, &principal.tenant, &accepted).await?);
    Ok(changed(accepted.position, Json(shown)))
}

pub(super) async fn start(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    told(&state, &principal, &params, |pipeline| {
        let (initial, bootstrap_policy) = ("running".to_owned(), "await_approval".to_owned());
        let (silent_bootstrap, concurrent_bootstrap, dismiss_error) = (false, false, true);
        StartPipeline { pipeline, initial, bootstrap_policy, silent_bootstrap, concurrent_bootstrap, dismiss_error }
            .into()
    })
    .await
}

pub(super) async fn pause(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    told(&state, &principal, &params, |pipeline| PausePipeline { pipeline }.into()).await
}

pub(super) async fn shutdown(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    told(&state, &principal, &params, |pipeline| StopPipeline { pipeline, force: false }.into()).await
}

/// 202 with how the pipeline is then.
async fn told(
    state: &PipelineRoutes,
    principal: &Principal,
    params: &PathParams,
    command: impl FnOnce(String) -> PipelineCommand,
) -> Answer {
    let name = named(state, &principal.tenant, params).await?.name;
    let accepted = state.write(principal, command(name)).await?;
    let shown = PipelineView::from(after(state, &principal.tenant, &accepted).await?);
    Ok(changed(accepted.position, (StatusCode::ACCEPTED, Json(shown))))
}
