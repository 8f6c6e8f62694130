//! Files: prepare, register, list, show, tag, delete.

use alluvium_eventlog::blob::BlobId;
use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Problem, Timestamp};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, DeleteFile, FileCommand, PrepareUpload, RegisterFile, TagFile, UntagFile};
use crate::model::limits::UPLOAD_SESSION_SECONDS_MAX;
use crate::model::problem;
use crate::queries::FileReach;
use crate::wire::{self, File, Files, PrepareBody, Prepared, RegisterBody, TagBody};

/// In which a client says of what run of its own a request is a part.
const RUN_ID: &str = "x-kbc-runid";

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<FileCommand>) -> Command {
    Command::File(command.into())
}

pub(super) async fn prepare(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Prepared>>> {
    let PrepareBody { filename, content_type, size_bytes, checksum_sha256, tags, is_permanent, is_sliced } =
        PrepareBody::parse(&body)?;
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
        is_permanent,
        branch: state.files_of(&principal)?.of_command(),
        run_id: headers.get(RUN_ID).and_then(|run| run.to_str().ok()).map(ToOwned::to_owned),
        is_sliced,
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
    let reach = state.files_of(&principal)?;
    staged(&state, &principal, &project, &upload_key, &reach).await?;
    let (file, branch) = (upload_key.clone(), reach.of_command());
    let register = RegisterFile { project: project.clone(), file, name, tags, branch };
    let accepted = state.write(&principal, command(register)).await?;
    let file = state.queries.file(&tenant_text(&principal.tenant), &project, &upload_key, &reach).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(file.into()))))
}

/// Refuses an upload whose content is gone from where it was put, before it becomes a file without any.
async fn staged(
    state: &StorageRoutes,
    principal: &Principal,
    project: &str,
    key: &str,
    reach: &FileReach,
) -> Result<(), Problem> {
    let upload = state.queries.find_file(&tenant_text(&principal.tenant), key).await?;
    let upload = upload.filter(|upload| reach.has(upload));
    let ours = upload.filter(|upload| !upload.is_registered && upload.project == project && !upload.is_over);
    // What is wrong with any other, the model says.
    let Some(blob) = ours.and_then(|upload| BlobId::try_from(upload.blob?).ok()) else { return Ok(()) };
    if state.blobs.exists(&blob).await { Ok(()) } else { Err(problem::staged_file_not_found(key)) }
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Files>> {
    let page = wire::page(query.as_deref())?;
    let filter = wire::file_filter(query.as_deref())?;
    state.fresh(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    let listed =
        state.queries.files(&tenant, params.get("project_id"), &filter, &state.files_of(&principal)?, page).await?;
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
    let reach = state.files_of(&principal)?;
    Ok(Json(state.queries.file(&tenant, params.get("project_id"), params.get("file_id"), &reach).await?.into()))
}

pub(super) async fn tag(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<File>)>> {
    let (project, file) = (params.owned("project_id"), params.owned("file_id"));
    let (reach, tags) = (state.files_of(&principal)?, TagBody::parse(&body)?);
    let tag = TagFile { project: project.clone(), file: file.clone(), tags, branch: reach.of_command() };
    let accepted = state.write(&principal, command(tag)).await?;
    let file = state.queries.file(&tenant_text(&principal.tenant), &project, &file, &reach).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(file.into()))))
}

pub(super) async fn untag(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let branch = state.files_of(&principal)?.of_command();
    let [project, file, tag] = ["project_id", "file_id", "tag"].map(|name| params.owned(name));
    let accepted = state.write(&principal, command(UntagFile { project, file, tag, branch })).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let branch = state.files_of(&principal)?.of_command();
    let delete = DeleteFile { project: params.owned("project_id"), file: params.owned("file_id"), branch };
    let accepted = state.write(&principal, command(delete)).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
