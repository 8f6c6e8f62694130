//! A table in figures: reads every row, changes nothing.

use std::time::Duration;

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Position;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::rows::lane;
use super::state::StorageRoutes;
use crate::context::STREAM;
use crate::wire::{self, Profile};

/// How long a profile may take: a few passes over every column.
pub(super) const PROFILE_TIMEOUT: Duration = Duration::from_mins(5);

pub(super) async fn profile(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(raw): RawQuery,
) -> Result<Response, ProblemResponse> {
    let mut query = wire::Query::of(raw.as_deref());
    let mode = wire::profile_mode(&mut query);
    query.finish()?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let named = |figures| Json(Profile { table_name: place.table.clone(), bucket_name: place.bucket.clone(), figures });
    if let Some(seq) = past::wanted(&state, raw.as_deref()).await? {
        let past = past::version(&state, &place, seq).await?;
        let lens = past.lens().cloned();
        let figures = state.tables()?.profile_version(past.version, lens, mode).await?;
        return Ok(WithPosition(Position::of(STREAM, seq), named(figures)).into_response());
    }
    let table = state.fresh_table(&place, &wanted).await?;
    let lane = lane(&state, &table, &place)?;
    Ok(named(state.tables()?.profile(&*lane, table.lens().cloned(), mode).await?).into_response())
}
