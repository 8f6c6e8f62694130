//! Rows of a table: look at them, delete some.

use std::sync::Arc;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use alluvium_tablestore::sql::Predicate;
use alluvium_tablestore::{PreviewSpec, TableSchema};
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::state::{Place, StorageRoutes, now};
use crate::contract::{Command, DeleteRows, TableCommand};
use crate::fold::{Lane, sql_problem};
use crate::model::{problem, schema_of};
use crate::queries::TableView;
use crate::wire::{self, Preview, PreviewBody, RowsDelete, RowsDeleted};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn preview(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(raw): RawQuery,
) -> Answer<Response> {
    let mut query = wire::Query::of(raw.as_deref());
    let limit = query.int("limit", wire::PREVIEW_ROWS, (1, wire::PREVIEW_ROWS_MAX));
    let offset = query.int("offset", 0, (0, i64::MAX));
    query.finish()?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    show(&state, &place, &wanted, raw.as_deref(), PreviewBody::first(limit, offset)).await
}

pub(super) async fn preview_filtered(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(raw): RawQuery,
    BodyBytes(body): BodyBytes,
) -> Answer<Response> {
    let body = PreviewBody::parse(&body)?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    show(&state, &place, &wanted, raw.as_deref(), body).await
}

async fn show(
    state: &StorageRoutes,
    place: &Place,
    wanted: &MinPosition,
    query: Option<&str>,
    body: PreviewBody,
) -> Answer<Response> {
    if let Some(seq) = past::wanted(state, query).await? {
        return Ok(past::preview(state, place, seq, body).await?.into_response());
    }
    let table = state.fresh_table(place, wanted).await?;
    let spec = spec(body, &schema_of(&table.columns, &table.primary_key)?)?;
    let lane = lane(state, &table, place)?;
    Ok(Json(Preview::from(state.tables()?.preview(&lane, spec).await?)).into_response())
}

/// The table's fold; it may be a moment behind the catalogue.
pub(super) fn lane(state: &StorageRoutes, table: &TableView, place: &Place) -> Result<Arc<Lane>, Problem> {
    state.tables()?.fold().lane(&table.uid).ok_or_else(|| {
        let detail = format!("Table {} of bucket {} is not folded here yet. Try again.", place.table, place.bucket);
        Problem::unavailable("storage.table_unavailable", detail)
    })
}

pub(super) fn spec(body: PreviewBody, schema: &TableSchema) -> Result<PreviewSpec, Problem> {
    let PreviewBody { limit, offset, columns, where_clause, filters } = body;
    if where_clause.is_some() && !filters.where_filters.is_empty() {
        return Err(problem::invalid_request("`where_clause` and `where_filters` exclude each other."));
    }
    let predicate = where_clause.map(|text| Predicate::parse(&text, schema)).transpose().map_err(sql_problem)?;
    Ok(PreviewSpec {
        columns,
        predicate_sql: predicate.map(|predicate| predicate.to_sql(now().micros())),
        filters: filters.where_filters,
        order_by: filters.order_by,
        limit: limit.unsigned_abs(),
        offset: offset.unsigned_abs(),
    })
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<RowsDeleted>>> {
    let RowsDelete { where_clause, allow_truncate } = RowsDelete::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let everything = allow_truncate == Some(true) && where_clause.trim().is_empty();
    let where_clause = if everything { "TRUE".to_owned() } else { where_clause };
    let Place { project, bucket, table, .. } = &place;
    let (project, bucket, table) = (project.clone(), bucket.clone(), table.clone());
    let command: TableCommand =
        DeleteRows { branch: place.branch.clone(), project, bucket, table, where_clause }.into();
    let (accepted, _) = state.write_table(&principal, &place, Command::Table(command)).await?;
    let count = |name: &str| accepted.result.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let answer = RowsDeleted { deleted_rows: count("deleted_rows"), table_rows_after: count("table_rows_after") };
    Ok(WithPosition(accepted.position.clone(), Json(answer)))
}
