//! What happened to a pipeline.

use alluvium_http::{Json, MinPosition, PathParams, Principal, Query};
use alluvium_kernel::{Problem, Token};
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::pipelines::Answer;
use super::state::{PipelineRoutes, name_of, now, uncached};
use crate::error;
use crate::queries::{EventRow, Texts};
use crate::wire::{EventSelector, event, history};

/// The event that is the newest one.
pub(super) const LATEST: &str = "latest";

/// How much of an event is shown.
#[derive(Deserialize, IntoParams)]
pub(super) struct EventQuery {
    /// `status` or `all`.
    pub selector: Option<String>,
}

/// Events that are shown of a pipeline, at most.
const SHOWN_MAX: usize = 720;

pub(super) async fn list(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<EventQuery>,
) -> Answer {
    let selector = EventSelector::parse(query.selector.as_deref())?;
    state.fresh(&wanted).await?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), Texts::Sealed).await?;
    let rows = happened(&state, &principal.tenant, &pipeline.id).await?;
    let events: Vec<Value> = rows.iter().map(|row| event(row, selector)).collect();
    Ok(uncached(Json(events)))
}

pub(super) async fn get(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<EventQuery>,
) -> Answer {
    let selector = EventSelector::parse(query.selector.as_deref())?;
    state.fresh(&wanted).await?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), Texts::Sealed).await?;
    let rows = happened(&state, &principal.tenant, &pipeline.id).await?;
    let row = match params.get("event_id") {
        LATEST => rows.into_iter().next().ok_or_else(error::no_events)?,
        id => rows.into_iter().find(|row| row.id == id).ok_or_else(error::unknown_event)?,
    };
    Ok(uncached(Json(event(&row, selector))))
}

/// What happened, and that nothing did, newest first.
async fn happened(state: &PipelineRoutes, tenant: &Token, pipeline: &str) -> Result<Vec<EventRow>, Problem> {
    Ok(history(state.queries.events(tenant, pipeline).await?, now(), SHOWN_MAX))
}
