//! A table into a table: the rows are put into the store of content first, so that the event names what a replay reads.

use std::time::Instant;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use alluvium_tablestore::Changed;
use alluvium_tablestore::sql::filters_text;
use axum::extract::State;

use super::counts;
use super::rows::lane;
use super::state::{Place, Scratch, StorageRoutes, now};
use super::transfer::loaded;
use crate::contract::LoadTable;
use crate::fold::{TableExtract, sql_problem};
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::{names, problem, schema_of};
use crate::wire::{Imported, TableImportBody};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn import(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Imported>>> {
    let body = TableImportBody::parse(&body)?;
    let (began, incremental) = (Instant::now(), body.incremental);
    let result = load(&state, &principal, &params, &wanted, body).await;
    counts::import("table", incremental, began, &result, |(answer, bytes)| (answer.1.0.imported_rows, *bytes));
    result.map(|(answer, _)| answer)
}

/// The load itself, with the size of what was loaded.
async fn load(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    body: TableImportBody,
) -> Answer<(WithPosition<Json<Imported>>, u64)> {
    state.fresh(wanted).await?;
    let place = state.place(principal, params).await?;
    let target = state.table(&place).await?;
    let source = Place {
        tenant: place.tenant.clone(),
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: names::bucket_name(&body.source_bucket),
        table: body.source_table,
    };
    // A name from a body has come through nobody's hands yet, and Postgres takes no text with a NUL.
    if source.bucket.contains('\0') || source.table.contains('\0') {
        return Err(problem::table_not_found(&source.bucket, &source.table).into());
    }
    if !state.readable(principal, &source.project).await?.has(&source.bucket) {
        return Err(problem::bucket_not_found(&source.bucket).into());
    }
    let table = state.fresh_table(&source, wanted).await?;
    let schema = schema_of(&table.columns, &table.primary_key)?;
    for name in body.columns.iter().flatten() {
        let here = target.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        if schema.column(name).is_none() || !here {
            return Err(problem::column_not_found(400, name).into());
        }
    }
    let filters = &body.where_filters;
    let where_filter =
        (!filters.is_empty()).then(|| filters_text(filters, &schema)).transpose().map_err(sql_problem)?;
    state.client.room(table.size_bytes)?;
    let tables = state.tables()?;
    let file = Scratch(tables.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string()));
    let (columns, changed, lens) = (body.columns.clone(), Changed::default(), table.lens().cloned());
    let extract = TableExtract { columns, where_filter, changed, lens };
    tables.parcel(&*lane(state, &table, &source)?, extract, file.0.clone(), now().micros()).await?;
    let content = tokio::fs::File::open(&file.0).await.map_err(|error| {
        tracing::error!(path = %file.0.display(), error = %error, "what was taken out of a table cannot be read back");
        Problem::internal()
    })?;
    let blob = state.blobs.put(content, FILE_BYTES_MAX.unsigned_abs()).await.map_err(Problem::from)?;
    let load = LoadTable {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        blob: blob.id.into(),
        size_bytes: blob.bytes.cast_signed(),
        format: "parquet".to_owned(),
        csv: None,
        incremental: body.incremental,
        dedup_mode: body.dedup_mode,
        columns: body.columns,
        extra_columns: body.extra_columns,
        delete_missing: body.delete_missing,
        more: Vec::new(),
    };
    Ok((loaded(state, principal, &place, load).await?, blob.bytes))
}
