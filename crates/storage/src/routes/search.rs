//! Search over the buckets, tables and columns that a caller may read.

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse};
use axum::extract::{RawQuery, State};

use super::state::{StorageRoutes, tenant_text};
use crate::wire::{self, SearchResult, SearchResults};

pub(super) async fn search(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Result<Json<SearchResults>, ProblemResponse> {
    let filter = wire::search_filter(query.as_deref())?;
    let page = wire::page(query.as_deref())?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let reach = state.readable(&principal, &place.project).await?;
    let tenant = tenant_text(&place.tenant);
    let listed = state.queries.search(&tenant, &place.project, &place.branch, &reach, &filter, page).await?;
    let listed = listed.map(SearchResult::from);
    Ok(Json(SearchResults { results: listed.items, total: listed.total }))
}
