//! Files into tables, tables into files.

use std::sync::Arc;
use std::time::Instant;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Problem, Timestamp};
use alluvium_tablestore::sql::{Predicate, WhereFilter, filters_text};
use alluvium_tablestore::{ExportFormat, ParquetCompression, TableSchema};
use axum::extract::State;
use serde_json::json;

use super::counts;
use super::past;
use super::rows::lane;
use super::sliced::{Content, content};
use super::state::{Place, StorageRoutes, tenant_text};
use crate::context::STREAM;
use crate::contract::{Command, FileCommand, LoadTable, RegisterExport, TableCommand};
use crate::fold::{TableExport, sql_problem};
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::{problem, schema_of};
use crate::queries::{FileReach, TableView};
use crate::wire::{ExportBody, Exported, ImportBody, Imported};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn import(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Imported>>> {
    let body = ImportBody::parse(&body)?;
    let (began, format, incremental) =
        (Instant::now(), counts::format_label(&body.format), body.import_options.incremental);
    let result = load(&state, &principal, &params, body).await;
    counts::import(format, incremental, began, &result, |(answer, bytes)| (answer.1.0.imported_rows, *bytes));
    result.map(|(answer, _)| answer)
}

/// The load itself, with the size of what was loaded.
async fn load(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    body: ImportBody,
) -> Answer<(WithPosition<Json<Imported>>, u64)> {
    let place = state.place(principal, params).await?;
    state.table(&place).await?;
    let content = content(state, principal, &place, &body.file_id).await?;
    let bytes = content.bytes();
    state.client.room(bytes)?;
    let Content { first, more } = content;
    let csv = body.csv();
    let options = body.import_options;
    let load = LoadTable {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        blob: first.blob,
        size_bytes: first.size_bytes,
        format: body.format,
        csv,
        incremental: options.incremental,
        dedup_mode: options.dedup_mode,
        columns: options.columns,
        extra_columns: options.extra_columns,
        delete_missing: options.delete_missing,
        more,
    };
    let load = Command::Table(TableCommand::LoadTable(load));
    Ok((loaded(state, principal, &place, load).await?, bytes))
}

/// Sends a load and gives what it did.
pub(super) async fn loaded(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    command: impl Into<Command>,
) -> Result<WithPosition<Json<Imported>>, Problem> {
    let (accepted, _) = state.write_table(principal, place, command).await?;
    let mut imported: Imported = serde_json::from_value(accepted.result).map_err(|error| {
        tracing::error!(error = %error, "the outcome of a load does not say what it did");
        Problem::internal()
    })?;
    imported.version = format!("{STREAM}:{}", accepted.position.seq(STREAM));
    Ok(WithPosition(accepted.position, Json(imported)))
}

pub(super) async fn export(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Exported>>> {
    let body = ExportBody::parse(&body)?;
    let (began, format) = (Instant::now(), counts::format_label(&body.format));
    let result = write_out(&state, &principal, &params, &wanted, body).await;
    counts::export(format, began, &result, |answer| answer.1.0.rows_exported);
    result
}

async fn write_out(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    body: ExportBody,
) -> Answer<WithPosition<Json<Exported>>> {
    state.fresh(wanted).await?;
    let place = state.place(principal, params).await?;
    let source = match (body.as_of.as_deref(), body.as_of_step) {
        (Some(_), Some(_)) => return Err(past::both().into()),
        (Some(as_of), None) => {
            let seq = past::resolved(state, as_of).await?;
            Source::Then(past::version(state, &place, seq).await?)
        }
        (None, None) => Source::Now(state.fresh_table(&place, wanted).await?),
        (None, Some(step)) => Source::Now(state.fresh_table(&place, wanted).await?.at_step(step.unsigned_abs())?),
    };
    let schema = match &source {
        Source::Now(table) => Arc::new(schema_of(&table.columns, &table.primary_key)?),
        Source::Then(past) => past.schema()?,
    };
    let lens = match &source {
        Source::Now(table) => table.lens().cloned(),
        Source::Then(past) => past.lens().cloned(),
    };
    // What is wrong is said in this order: the places first, then how, then what.
    let (format, kind) = format(&body.format, body.compression.as_deref())?;
    let where_filter = condition(body.where_filter, &body.where_filters, &schema)?;
    if let Some(unknown) = body.columns.iter().flatten().find(|name| schema.column(name).is_none()) {
        return Err(problem::column_not_found(400, unknown).into());
    }
    let at = principal.seed.at();
    let id = principal.seed.uuid("export").to_string();
    let limit = body.limit.map(i64::unsigned_abs);
    let (changed, with_stamp) = (body.changed.at(at), body.include_internal_timestamp);
    let export = TableExport { format, columns: body.columns, where_filter, changed, with_stamp, limit, lens };
    let tables = state.tables()?;
    // Written where it stays, and hashed meanwhile.
    let incoming = state.blobs.incoming();
    let to = incoming.path().to_owned();
    let writing = async {
        match source {
            Source::Now(table) => tables.export(&*lane(state, &table, &place)?, export, to, at.micros()).await,
            Source::Then(past) => tables.export_version(past.version, export, to, at.micros()).await,
        }
    };
    let (written, blob) = incoming.taken(FILE_BYTES_MAX.unsigned_abs(), writing).await?;
    let name = format!("export_{}_{}.{}", place.table, stamp(at), kind.extension);
    let Place { project, bucket, table, .. } = &place;
    let command: FileCommand = RegisterExport {
        project: project.clone(),
        file: id.clone(),
        name,
        content_type: kind.content_type.to_owned(),
        blob: blob.id.into(),
        size_bytes: blob.bytes as i64,
        tags: [("type".to_owned(), "export".to_owned()), ("table".to_owned(), format!("{bucket}.{table}"))].into(),
        project_uid: String::new(),
        branch: state.files_of(principal)?.of_export(&place.branch),
        // Takes longer than all else that is done to the content, and nobody has promised it of an export.
        md5: None,
    }
    .into();
    let accepted = state.write(principal, Command::File(command)).await?;
    let tenant = tenant_text(&place.tenant);
    let file: crate::wire::File = state.queries.file(&tenant, project, &id, &FileReach::all()).await?.into();
    let answer =
        Exported { file_id: id, file_path: file.path, rows_exported: written.rows, file_size_bytes: blob.bytes };
    Ok(WithPosition(accepted.position, Json(answer)))
}

/// The condition on the rows, in one of its two forms.
fn condition(text: Option<String>, filters: &[WhereFilter], schema: &TableSchema) -> Result<Option<String>, Problem> {
    let condition = match (text, filters) {
        (text, []) => text,
        (None, filters) => Some(filters_text(filters, schema).map_err(sql_problem)?),
        (Some(_), _) => return Err(problem::invalid_request("`where_filter` and `where_filters` exclude each other.")),
    };
    if let Some(text) = condition.as_deref() {
        Predicate::parse(text, schema).map_err(sql_problem)?;
    }
    Ok(condition)
}

/// What is exported: the table as it is, or as it was.
enum Source {
    Now(TableView),
    Then(past::Past),
}

struct Kind {
    extension: &'static str,
    content_type: &'static str,
}

fn format(format: &str, compression: Option<&str>) -> Result<(ExportFormat, Kind), Problem> {
    let wrong = |valid: &[&str]| {
        let detail = format!("{format} exports are compressed with {}.", valid.join(", "));
        problem::invalid("invalid_compression", detail).with_details(json!({ "valid_compression": valid }))
    };
    let csv = |extension| Kind { extension, content_type: "text/csv" };
    let parquet = Kind { extension: "parquet", content_type: "application/x-parquet" };
    match (format, compression) {
        ("csv", None) => Ok((ExportFormat::Csv { gzip: false }, csv("csv"))),
        ("csv", Some("gzip")) => Ok((ExportFormat::Csv { gzip: true }, csv("csv.gz"))),
        ("csv", Some(_)) => Err(wrong(&["gzip"])),
        ("parquet", None | Some("snappy")) => Ok((ExportFormat::Parquet(ParquetCompression::Snappy), parquet)),
        ("parquet", Some("gzip")) => Ok((ExportFormat::Parquet(ParquetCompression::Gzip), parquet)),
        ("parquet", Some("zstd")) => Ok((ExportFormat::Parquet(ParquetCompression::Zstd), parquet)),
        ("parquet", Some(_)) => Err(wrong(&["gzip", "zstd", "snappy"])),
        _ => Err(problem::invalid("invalid_format", "An export writes csv or parquet.")),
    }
}

/// `20260102_030405`
fn stamp(at: Timestamp) -> String {
    let digits: String = at.to_rfc3339().chars().take(19).filter(char::is_ascii_digit).collect();
    digits.split_at_checked(8).map_or_else(|| digits.clone(), |(day, time)| format!("{day}_{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_compressions_are_the_surfaces() {
        assert_eq!(stamp(Timestamp::from_micros(1_767_322_245_123_456)), "20260102_025045");
        assert_eq!(format("csv", Some("gzip")).unwrap().1.extension, "csv.gz");
        assert_eq!(format("parquet", Some("zstd")).unwrap().1.extension, "parquet");
        let wrong = format("parquet", Some("lz4")).map(|_| ()).unwrap_err();
        assert_eq!(wrong.details.unwrap()["valid_compression"], json!(["gzip", "zstd", "snappy"]));
        assert_eq!(format("xml", None).map(|_| ()).unwrap_err().code, "storage.invalid_format");
    }
}
