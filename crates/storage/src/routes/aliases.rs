//! Aliases: made here; listed, read and dropped among the tables.

use alluvium_http::{BodyBytes, Concerns, Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{BucketReach, Problem};
use alluvium_tablestore::sql::WhereFilter;
use alluvium_tablestore::{Lens, PreviewSpec};
use axum::extract::State;
use axum::http::StatusCode;

use super::rows::lane;
use super::state::{Place, StorageRoutes, tenant_text};
use crate::aliases::filter_specs;
use crate::contract::{Command, CreateAlias, ProjectCommand};
use crate::model::{names, problem};
use crate::queries::TableView;
use crate::wire::{AliasCreate, AliasSource, Table};

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    BodyBytes(body): BodyBytes,
) -> Result<WithPosition<(StatusCode, Json<Table>)>, ProblemResponse> {
    let AliasCreate { name, source, columns, filter } = AliasCreate::parse(&body)?;
    let mut place = state.place(&principal, &params).await?;
    let tenant = tenant_text(&place.tenant);
    state.queries.shown_bucket(&tenant, &place.project, &place.branch, &place.bucket).await?;
    place.table.clone_from(&name);
    concerns.are([("table_name", name.clone())]);
    let reach = state.readable(&principal, &place.project).await?;
    try_out(&state, &place, &source, &filter, &reach).await?;
    let create = CreateAlias {
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: place.bucket.clone(),
        table: name,
        source_bucket: source.bucket,
        source_table: source.table,
        columns,
        filter: filter_specs(&filter)?,
    };
    let accepted = state.write(&principal, Command::Project(ProjectCommand::from(create))).await?;
    let view = state.table_or_alias(&place).await?;
    let table = counted(&state, &place, view, &reach).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(table))))
}

/// Reads through the filter of what is to be an alias, so that values that its columns cannot have are not found out by every reader.
async fn try_out(
    state: &StorageRoutes,
    place: &Place,
    source: &AliasSource,
    filter: &[WhereFilter],
    reach: &BucketReach,
) -> Result<(), Problem> {
    let bucket = names::bucket_name(&source.bucket);
    // A name from a body has come through nobody's hands yet, and Postgres takes no text with a NUL.
    if bucket.contains('\0') || source.table.contains('\0') {
        return Err(problem::table_not_found(&bucket, &source.table));
    }
    if !reach.has(&bucket) {
        return Err(problem::bucket_not_found(&bucket));
    }
    let (tenant, project, branch) = (place.tenant.clone(), place.project.clone(), place.branch.clone());
    let source = Place { tenant, project, branch, bucket, table: source.table.clone() };
    // What cannot be a source, or lacks the columns, the command is told.
    let Ok(table) = state.table(&source).await else { return Ok(()) };
    let known = |name: &String| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    if filter.is_empty() || !filter.iter().map(|filter| &filter.column).all(known) {
        return Ok(());
    }
    let lens = Lens { filters: filter.to_vec(), ..Lens::default() };
    let spec = PreviewSpec { lens: Some(lens), limit: 1, ..PreviewSpec::default() };
    let tried = state.tables()?.preview(&*lane(state, &table, &source)?, spec).await;
    tried.map(drop).map_err(|failed| match failed.code.as_str() {
        "storage.invalid_where_clause" | "storage.alias_outdated" => {
            Problem::new("storage.invalid_where_filter", 400, failed.detail)
        }
        _ => failed,
    })
}

/// A table or an alias as it is shown; the rows of an alias with a filter are counted.
pub(super) async fn counted(
    state: &StorageRoutes,
    place: &Place,
    view: TableView,
    reach: &BucketReach,
) -> Result<Table, Problem> {
    let Some(lens) = view.lens().filter(|lens| !lens.filters.is_empty()).cloned() else {
        return Ok(Table::of(view, reach));
    };
    let spec = PreviewSpec { lens: Some(lens), limit: 1, ..PreviewSpec::default() };
    match state.tables()?.preview(&*lane(state, &view, place)?, spec).await {
        Ok(preview) => Ok(Table::of(view, reach).counting(preview.total)),
        // It can be seen all the same, to see what is wrong with it.
        Err(outdated) if outdated.status < 500 => Ok(Table::of(view, reach)),
        Err(problem) => Err(problem),
    }
}
