//! What happened to the installation.

use alluvium_http::{Json, MinPosition, PathParams, Query};
use axum::extract::State;
use serde_json::Value;

use super::events::{EventQuery, LATEST};
use super::pipelines::Answer;
use super::state::{PipelineRoutes, uncached};
use crate::error;
use crate::wire::{EventSelector, cluster_event};

pub(super) async fn list(State(state): State<PipelineRoutes>, wanted: MinPosition) -> Answer {
    state.fresh(&wanted).await?;
    let rows = state.queries.cluster_events().await?;
    let events: Vec<Value> = rows.iter().map(|row| cluster_event(row, EventSelector::Status)).collect();
    Ok(uncached(Json(events)))
}

pub(super) async fn get(
    State(state): State<PipelineRoutes>,
    params: PathParams,
    wanted: MinPosition,
    Query(query): Query<EventQuery>,
) -> Answer {
    let selector = EventSelector::parse(query.selector.as_deref())?;
    state.fresh(&wanted).await?;
    let row = match params.get("event_id") {
        LATEST => state.queries.cluster_events().await?.into_iter().next().ok_or_else(error::no_cluster_events)?,
        id => state.queries.cluster_event(id).await?.ok_or_else(error::unknown_cluster_event)?,
    };
    Ok(uncached(Json(cluster_event(&row, selector))))
}
