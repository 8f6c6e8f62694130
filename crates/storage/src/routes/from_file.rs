//! A table of a file: what columns it takes is found out here, by looking at all of the file, so that the command names them.

use std::time::Instant;

use alluvium_eventlog::blob::BlobId;
use alluvium_http::{BodyBytes, Concerns, Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use alluvium_tablestore::LookSpec;
use axum::extract::State;
use axum::http::StatusCode;

use super::counts;
use super::sliced::{Content, content};
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{ColumnSpec, Command, CreateTableFromFile, CsvOptions, ProjectCommand};
use crate::fold::load_format;
use crate::model::{names, problem};
use crate::wire::{Table, TableFromFile};

type Made = WithPosition<(StatusCode, Json<Table>)>;

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    BodyBytes(body): BodyBytes,
) -> Result<Made, ProblemResponse> {
    let body = TableFromFile::parse(&body)?;
    concerns.are([("table_name", body.name.clone())]);
    let (began, format) = (Instant::now(), counts::format_label(&body.format));
    let result = make(&state, &principal, &params, body).await;
    counts::import(format, false, began, &result, |(made, bytes)| (made.1.1.0.row_count.unwrap_or_default(), *bytes));
    result.map(|(made, _)| made)
}

/// The table, with the size of what it was made of.
async fn make(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    body: TableFromFile,
) -> Result<(Made, u64), ProblemResponse> {
    let mut place = state.place(principal, params).await?;
    let tenant = tenant_text(&place.tenant);
    state.queries.shown_bucket(&tenant, &place.project, &place.branch, &place.bucket).await?;
    names::valid_table(&body.name)?;
    place.table.clone_from(&body.name);
    // Said before the file is looked at. A request that is made again may have made this very table.
    if !principal.seed.is_again()
        && let Ok(there) = state.table(&place).await
    {
        return Err(problem::table_exists(&place.bucket, &there.name).into());
    }
    let content = content(state, principal, &place, &body.file_id).await?;
    let bytes = content.bytes();
    state.client.room(bytes)?;
    let csv = body.csv();
    let columns = columns(state, &body, csv.as_ref(), &content).await?;
    // What of the file nobody asked for is left out.
    let extra_columns = if body.columns.is_some() { "ignore" } else { "error" }.to_owned();
    let Content { first, more } = content;
    let create = CreateTableFromFile {
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: place.bucket.clone(),
        table: body.name,
        columns,
        primary_key: body.primary_key.unwrap_or_default(),
        blob: first.blob,
        size_bytes: first.size_bytes,
        format: body.format,
        csv,
        dedup_mode: body.import_options.dedup_mode,
        extra_columns,
        more,
    };
    let command = Command::Project(ProjectCommand::CreateTableFromFile(create));
    let (accepted, table) = state.write_table(principal, &place, command).await?;
    Ok((WithPosition(accepted.position, (StatusCode::CREATED, Json(table.into()))), bytes))
}

/// The columns that a table needs to take the file.
async fn columns(
    state: &StorageRoutes,
    body: &TableFromFile,
    csv: Option<&CsvOptions>,
    content: &Content,
) -> Result<Vec<ColumnSpec>, Problem> {
    let blob = |text: &String| BlobId::try_from(text.clone()).map_err(|_| Problem::internal());
    let path = |text: &String| blob(text).map(|blob| state.blobs.path(&blob));
    let look = LookSpec {
        files: content.parts().map(|part| path(&part.blob)).collect::<Result<_, _>>()?,
        format: load_format(&body.format, csv).ok_or_else(|| problem::invalid_format(&body.format))?,
        columns: body.columns.as_ref().map(|columns| columns.iter().map(|column| column.name.clone()).collect()),
        types: body.column_types == "infer",
    };
    Ok(body.specs(state.tables()?.look(look).await?))
}
