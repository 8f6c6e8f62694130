//! Files: prepare, register, list, show, delete.

use std::collections::BTreeMap;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Timestamp;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::state::{StorageRoutes, now, tenant_text};
use crate::contract::{Command, DeleteFile, FileCommand, PrepareUpload, RegisterFile};
use crate::model::limits::UPLOAD_SESSION_SECONDS_MAX;
use crate::wire::{self, File, Files, PrepareBody, Prepared, RegisterBody};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<FileCommand>) -> Command {
    Command::File(command.into())
}

pub(super) async fn prepare(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Prepared>>> {
    let PrepareBody { filename, content_type, size_bytes, checksum_sha256, tags } = PrepareBody::parse(&body)?;
    let project = params.owned("project_id");
    // Not to be guessed: whoever knows the key of an upload of the project can fill it.
    let key = principal.seed.uuid("upload").to_string();
    let expires_at = principal.seed.at().micros() + UPLOAD_SESSION_SECONDS_MAX * 1_000_000;
    let prepare = PrepareUpload {
        project: project.clone(),
        file: key.clone(),
        filename,
        content_type,
        size_bytes,
        checksum_sha256,
        tags,
        expires_at,
        project_uid: String::new(),
    };
    let accepted = state.write(&principal, command(prepare)).await?;
    let answer = Prepared {
        upload_url: format!("/projects/{project}/files/upload/{key}"),
        upload_key: key,
        expires_at: Timestamp::from_micros(expires_at).to_rfc3339(),
    };
    Ok(WithPosition(accepted.position, Json(answer)))
}

pub(super) async fn register(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<File>)>> {
    let RegisterBody { upload_key, name, tags } = RegisterBody::parse(&body)?;
    let project = params.owned("project_id");
    let tags: BTreeMap<String, String> = tags;
    let register = RegisterFile { project: project.clone(), file: upload_key.clone(), name, tags };
    let accepted = state.write(&principal, command(register)).await?;
    let file = state.queries.file(&tenant_text(&principal.tenant), &project, &upload_key).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(file.into()))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Files>> {
    let page = wire::page(query.as_deref())?;
    let mut query = wire::Query::of(query.as_deref());
    let staged_at = query.flag("include_staged", false).then(now);
    query.finish()?;
    state.fresh(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    let listed = state.queries.files(&tenant, params.get("project_id"), staged_at, page).await?;
    Ok(Json(Files { files: listed.items.into_iter().map(File::from).collect(), total: listed.total }))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<File>> {
    state.fresh(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    Ok(Json(state.queries.file(&tenant, params.get("project_id"), params.get("file_id")).await?.into()))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let delete = DeleteFile { project: params.owned("project_id"), file: params.owned("file_id") };
    let accepted = state.write(&principal, command(delete)).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
