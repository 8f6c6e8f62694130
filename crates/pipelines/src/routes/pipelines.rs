//! The resource: list, look, create, replace, change, delete.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::{DecisionContext, Timestamp, Token};
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::state::{Accepted, PipelineRoutes, changed, name_of, now, uncached};
use crate::contract::{DeletePipeline, UpdateRuntime};
use crate::error;
use crate::model::Pipeline;
use crate::queries::Texts;
use crate::wire::{self, Explanation, PatchPipeline, PipelineInfo, PostPutPipeline, Selector};

pub(super) type Answer = Result<Response, ProblemResponse>;

/// How much of a pipeline is shown.
#[derive(Deserialize, IntoParams)]
pub(super) struct GetQuery {
    /// `all`, `status`, `status_with_connectors` or `explain`.
    selector: Option<String>,
}

impl Selector {
    fn texts(self) -> Texts {
        if self == Self::All { Texts::Open } else { Texts::Sealed }
    }
}

pub(super) async fn list(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    wanted: MinPosition,
    Query(query): Query<GetQuery>,
) -> Answer {
    let selector = Selector::parse(query.selector.as_deref())?;
    state.fresh(&wanted).await?;
    let pipelines = state.queries.list(&principal.tenant, selector.texts()).await?;
    if selector == Selector::Explain {
        return Ok(uncached(Json(pipelines.iter().map(|it| explain(&principal, it)).collect::<Vec<_>>())));
    }
    let shown: Vec<Value> = pipelines.into_iter().map(|it| PipelineInfo::from(it).selected(selector)).collect();
    Ok(uncached(Json(shown)))
}

pub(super) async fn get(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<GetQuery>,
) -> Answer {
    let selector = Selector::parse(query.selector.as_deref())?;
    state.fresh(&wanted).await?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), selector.texts()).await?;
    if selector == Selector::Explain {
        return Ok(uncached(Json(explain(&principal, &pipeline))));
    }
    let version = pipeline.version;
    Ok(tagged(version, uncached(Json(PipelineInfo::from(pipeline).selected(selector)))))
}

pub(super) async fn create(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let create = wire::parse::<PostPutPipeline>(&body)?.create();
    let accepted = state.write(&principal, create).await?;
    shown(&state, &principal.tenant, accepted).await
}

pub(super) async fn put(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let mut put = wire::parse::<PostPutPipeline>(&body)?.put(name_of(&params).to_owned());
    put.if_versions = wire::if_versions(&headers);
    let accepted = state.write(&principal, put).await?;
    shown(&state, &principal.tenant, accepted).await
}

pub(super) async fn patch(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let mut edit = wire::parse::<PatchPipeline>(&body)?.edit(name_of(&params).to_owned());
    edit.if_versions = wire::if_versions(&headers);
    let accepted = state.write(&principal, edit).await?;
    shown(&state, &principal.tenant, accepted).await
}

pub(super) async fn delete(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    headers: HeaderMap,
) -> Answer {
    let (pipeline, if_versions) = (name_of(&params).to_owned(), wire::if_versions(&headers));
    let accepted = state.write(&principal, DeletePipeline { pipeline, if_versions }).await?;
    Ok(changed(accepted.position, StatusCode::OK))
}

pub(super) async fn update_runtime(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer {
    let accepted = state.write(&principal, UpdateRuntime { pipeline: name_of(&params).to_owned() }).await?;
    shown(&state, &principal.tenant, accepted).await
}

/// The pipeline as it is after a change, whatever its name is now.
async fn shown(state: &PipelineRoutes, tenant: &Token, accepted: Accepted) -> Answer {
    let id = accepted.result["id"].as_str().ok_or_else(|| error::mistake("an accepted command names no pipeline"))?;
    let pipeline = state.queries.by_id(tenant, id, Texts::Open).await?;
    let created = accepted.result["created"] == true;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let version = pipeline.version;
    Ok(tagged(version, changed(accepted.position, (status, Json(PipelineInfo::from(pipeline).changed())))))
}

/// An answer that shows a pipeline of this version.
fn tagged(version: i64, mut answer: Response) -> Response {
    if let Some(tag) = wire::etag(version) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

fn explain(principal: &Principal, pipeline: &Pipeline) -> Explanation {
    let at = DecisionContext {
        tenant: principal.tenant.clone(),
        command_id: String::new(),
        actor: principal.actor.clone(),
        time: Timestamp::from_micros(now()),
    };
    Explanation::of(pipeline, &at)
}
