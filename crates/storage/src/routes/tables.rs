//! Tables: create, list, show, drop, and the schema that rows are published with.

use alluvium_http::{BodyBytes, Concerns, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{BucketReach, Problem};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::value::RawValue;

use super::state::{Place, StorageRoutes, tenant_text};
use super::{aliases, past};
use crate::contract::{Command, CreateTable, DropTable, ProjectCommand};
use crate::model::schema_of;
use crate::queries::TableView;
use crate::wire::{self, Table, TableCreate, Tables};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Table>)>> {
    let TableCreate { name, columns, primary_key } = TableCreate::parse(&body)?;
    let mut place = state.place(&principal, &params).await?;
    place.table.clone_from(&name);
    concerns.are([("table_name", name.clone())]);
    let create = CreateTable {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: name,
        columns: columns.into_iter().map(Into::into).collect(),
        primary_key: primary_key.unwrap_or_default(),
    };
    let (accepted, table) = state.write_table(&principal, &place, command(create)).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(table.into()))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let page = wire::page(query.as_deref())?;
    state.fresh_tables(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        let reach = state.readable(&principal, &place.project).await?;
        return Ok(past::tables(&state, &place, &reach, seq, page).await?.into_response());
    }
    // What a link shows may be kept by another process.
    if state.sizes.is_some()
        && state.queries.link(&tenant_text(&place.tenant), &place.project, &place.bucket).await?.is_some()
    {
        state.fresh_everywhere(&wanted).await?;
    }
    let listed =
        state.queries.tables(&tenant_text(&place.tenant), &place.project, &place.branch, &place.bucket, page).await?;
    let reach = sources(&state, &principal, &place, &listed.items).await?;
    let tables = listed.items.into_iter().map(|view| Table::of(view, &reach)).collect();
    Ok(Json(Tables { tables, total: listed.total }).into_response())
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        let reach = state.readable(&principal, &place.project).await?;
        return Ok(past::table(&state, &place, &reach, seq).await?.into_response());
    }
    let view = state.fresh_table(&place, &wanted).await?;
    let reach = sources(&state, &principal, &place, std::slice::from_ref(&view)).await?;
    Ok(Json(aliases::counted(&state, &place, view, &reach).await?).into_response())
}

/// The buckets that a caller may read, if any of the tables is an alias: who may not read its source is not told what that is.
async fn sources(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    views: &[TableView],
) -> Result<BucketReach, Problem> {
    if views.iter().any(|view| view.alias.is_some()) {
        state.readable(principal, &place.project).await
    } else {
        Ok(BucketReach::everything())
    }
}

/// The Avro schema that rows of the table are published with.
pub(super) async fn schema(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<Box<RawValue>>> {
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let table = state.table(&place).await?;
    let schema = crate::fold::rows_schema(&schema_of(&table.columns, &table.primary_key)?);
    Ok(Json(RawValue::from_string(schema).map_err(|_| Problem::internal())?))
}

pub(super) async fn drop(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let place = state.place(&principal, &params).await?;
    let drop =
        DropTable { branch: place.branch.clone(), project: place.project, bucket: place.bucket, table: place.table };
    let accepted = state.write(&principal, command(drop)).await?;
    let accepted = state.backed_up(&principal, accepted).await;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
