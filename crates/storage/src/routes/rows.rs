//! Rows of a table: look at them, delete some.

use std::sync::Arc;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use alluvium_tablestore::sql::{Predicate, filters_text};
use alluvium_tablestore::{Lens, PreviewSpec, TableSchema};
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::state::{Place, StorageRoutes, now};
use crate::context::STREAM;
use crate::contract::{Command, DeleteRows, TableCommand};
use crate::fold::{Readable, sql_problem};
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
    let body = PreviewBody::of_query(&mut query);
    let written = Written::of(&mut query);
    query.finish()?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let (preview, at) = show(&state, &place, &wanted, raw.as_deref(), body).await?;
    Ok(written.answer(preview, at))
}

/// How rows are written.
enum Written {
    Json,
    Csv,
}

impl Written {
    fn of(query: &mut wire::Query) -> Self {
        if query.choice("format", &["json", "rfc"], "json") == "rfc" { Self::Csv } else { Self::Json }
    }

    fn answer(&self, preview: Preview, at: Option<Position>) -> Response {
        let response = match self {
            Self::Json => Json(preview).into_response(),
            Self::Csv => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], wire::rows_as_csv(&preview)).into_response(),
        };
        match at {
            Some(at) => WithPosition(at, response).into_response(),
            None => response,
        }
    }
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
    let mut query = wire::Query::of(raw.as_deref());
    let written = Written::of(&mut query);
    query.finish()?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let (preview, at) = show(&state, &place, &wanted, raw.as_deref(), body).await?;
    Ok(written.answer(preview, at))
}

/// The rows, and the point they are of when it is an earlier one.
async fn show(
    state: &StorageRoutes,
    place: &Place,
    wanted: &MinPosition,
    query: Option<&str>,
    body: PreviewBody,
) -> Answer<(Preview, Option<Position>)> {
    let step = past::wanted_step(query)?;
    if let Some(seq) = past::wanted(state, query).await? {
        if step.is_some() {
            return Err(past::both().into());
        }
        return Ok((past::preview(state, place, seq, body).await?, Some(Position::of(STREAM, seq))));
    }
    let mut table = state.fresh_table(place, wanted).await?;
    if let Some(step) = step {
        table = table.at_step(step)?;
    }
    let schema = schema_of(&table.columns, &table.primary_key)?;
    let spec = spec(body, &schema, table.lens())?;
    let lane = lane(state, &table, place)?;
    Ok((Preview::of(state.tables()?.preview(&*lane, spec).await?, &schema), None))
}

/// The table's fold, which may be a moment behind the catalogue, or its file in a pipeline.
pub(super) fn lane(state: &StorageRoutes, table: &TableView, place: &Place) -> Result<Arc<dyn Readable>, Problem> {
    if let Some(of) = &table.pipeline {
        return Ok(Arc::new(of.clone()));
    }
    let lane = state.tables()?.fold().lane(&table.uid).ok_or_else(|| {
        let detail = format!("Table {} of bucket {} is not folded here yet. Try again.", place.table, place.bucket);
        Problem::unavailable("storage.table_unavailable", detail)
    })?;
    Ok(lane)
}

/// What is read of the columns that are there, which are those that a lens shows.
pub(super) fn spec(body: PreviewBody, schema: &TableSchema, lens: Option<&Lens>) -> Result<PreviewSpec, Problem> {
    let PreviewBody { limit, offset, columns, where_clause, where_filters, order_by, .. } = body;
    let (changed, with_stamp) = (body.changed.at(now()), body.include_internal_timestamp);
    if where_clause.is_some() && !where_filters.is_empty() {
        return Err(problem::invalid_request("`where_clause` and `where_filters` exclude each other."));
    }
    let predicate = where_clause.map(|text| Predicate::parse(&text, schema)).transpose().map_err(sql_problem)?;
    Ok(PreviewSpec {
        columns,
        predicate_sql: predicate.map(|predicate| predicate.to_sql(now().micros())),
        filters: where_filters,
        changed,
        with_stamp,
        order_by,
        limit: limit.unsigned_abs(),
        offset: offset.unsigned_abs(),
        lens: lens.cloned(),
    })
}

/// The condition that picks the rows to delete. Nothing said is not everything: that must be said.
fn picked(body: RowsDelete, table: &TableView) -> Result<String, Problem> {
    let RowsDelete { where_clause, where_filters, allow_truncate, changed } = body;
    let text = where_clause.filter(|text| allow_truncate != Some(true) || !text.trim().is_empty());
    match (text, where_filters.as_slice()) {
        (Some(text), []) => Ok(text),
        (Some(_), _) => Err(problem::invalid_request("`where_clause` and `where_filters` exclude each other.")),
        (None, []) if allow_truncate == Some(true) || !changed.is_any() => Ok("TRUE".to_owned()),
        (None, []) => Err(problem::invalid(
            "truncate_not_confirmed",
            "Without a condition every row would go: send `where_clause`, `where_filters`, `changed_since`, `changed_until`, or \
             `allow_truncate: true`.",
        )),
        (None, filters) => {
            let schema = schema_of(&table.columns, &table.primary_key)?;
            filters_text(filters, &schema).map_err(sql_problem)
        }
    }
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<RowsDeleted>>> {
    let body = RowsDelete::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    // The command says moments: whoever follows the log later does not know when it was asked.
    let changed = body.changed.at(principal.seed.at());
    let where_clause = picked(body, &state.table(&place).await?)?;
    let Place { project, bucket, table, .. } = &place;
    let (project, bucket, table) = (project.clone(), bucket.clone(), table.clone());
    let (branch, changed_since, changed_until) = (place.branch.clone(), changed.since_micros, changed.until_micros);
    let command: TableCommand =
        DeleteRows { branch, project, bucket, table, where_clause, changed_since, changed_until }.into();
    let (accepted, _) = state.write_table(&principal, &place, Command::Table(command)).await?;
    let count = |name: &str| accepted.result.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let answer = RowsDeleted { deleted_rows: count("deleted_rows"), table_rows_after: count("table_rows_after") };
    Ok(WithPosition(accepted.position.clone(), Json(answer)))
}
