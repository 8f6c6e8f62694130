//! Programs that are looked at: whether a text is right, what it would change, what its graph is; and the end of a compilation.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal};
use alluvium_kernel::{Problem, Token};
use axum::extract::State;
use axum::http::StatusCode;

use super::pipelines::Answer;
use super::state::{PipelineRoutes, changed, name_of, uncached};
use crate::contract::CancelCompile;
use crate::error;
use crate::model::Pipeline;
use crate::queries::Texts;
use crate::reactors::{NotCompared, Source};
use crate::wire::{self, PipelineDiffRequest, ValidateProgramRequest, ValidateProgramResponse};

/// The version of a program that is stored nowhere.
const NOT_STORED: i64 = 0;

pub(super) async fn validate(State(state): State<PipelineRoutes>, BodyBytes(body): BodyBytes) -> Answer {
    let ValidateProgramRequest { program_code, runtime_version, ir } = wire::parse(&body)?;
    wire::check_runtime_version(runtime_version.as_deref())?;
    let ir = ir.unwrap_or(false);
    let validated = state.ask(|compiler| compiler.validate(&program_code, ir)).await?;
    Ok(uncached(Json(ValidateProgramResponse::of(validated, ir))))
}

pub(super) async fn diff(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    // Clients that want nothing else say `null`.
    let wanted: Option<PipelineDiffRequest> = wire::parse(&body)?;
    let PipelineDiffRequest { program_code, runtime_version } = wanted.unwrap_or_default();
    wire::check_runtime_version(runtime_version.as_deref())?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), Texts::Open).await?;
    let old = compiled(&principal.tenant, &pipeline)?;
    let mut new = Source { program_version: NOT_STORED, ..old.clone() };
    if let Some(code) = program_code {
        new.code = code;
    }
    if runtime_version.is_some() {
        new.config.runtime_version = runtime_version;
    }
    let diff = state.ask(|compiler| compiler.diff(&old, &new)).await?.map_err(refusal)?;
    Ok(uncached(Json(diff)))
}

pub(super) async fn graph(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer {
    state.fresh(&wanted).await?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), Texts::Open).await?;
    let source = compiled(&principal.tenant, &pipeline)?;
    let graph = state.ask(|compiler| compiler.graph(&source)).await?.map_err(refusal)?;
    Ok(uncached(Json(graph)))
}

pub(super) async fn cancel(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    let accepted = state.write(&principal, CancelCompile { pipeline: name_of(&params).to_owned() }).await?;
    Ok(changed(accepted.position, (StatusCode::OK, Json("Compilation has ended"))))
}

/// The program of a pipeline whose SQL was understood.
pub(super) fn compiled(tenant: &Token, pipeline: &Pipeline) -> Result<Source, Problem> {
    if pipeline.program.info.is_none() {
        return Err(error::program_not_compiled(&pipeline.name));
    }
    Source::of(tenant, pipeline)
}

pub(super) fn refusal(not: NotCompared) -> Problem {
    match not {
        NotCompared::SqlError(sql) => error::invalid_new_program(wire::details(&sql)),
        NotCompared::NotAllowed(reason) => error::bootstrap_not_allowed(&reason),
        NotCompared::NoDataflow(reason) => error::misses_dataflow(&reason),
        NotCompared::Unavailable(reason) => error::compiler_unavailable(&reason),
    }
}
