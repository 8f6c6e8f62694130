//! Taking the content of an upload: streamed to the blob store, then noted.

use std::io;
use std::time::Instant;

use alluvium_eventlog::blob::{Blob, BlobError};
use alluvium_http::{Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::response::IntoResponse as _;
use futures::TryStreamExt as _;
use serde_json::json;
use tokio_util::io::StreamReader;

use super::counts;
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, FileCommand, StageUpload};
use crate::digest::Md5Sum;
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::problem;
use crate::queries::FileReach;
use crate::wire::Uploaded;

/// What multipart adds around a file, in bytes, at most.
const MULTIPART_BYTES_MAX: usize = 1024 * 1024;
/// The largest body of an upload.
pub(super) const UPLOAD_BODY_BYTES_MAX: usize = FILE_BYTES_MAX as usize + MULTIPART_BYTES_MAX;

pub(super) async fn upload(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    headers: HeaderMap,
    body: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<WithPosition<Json<Uploaded>>, ProblemResponse> {
    let began = Instant::now();
    let result = take(&state, &principal, &params, &headers, body).await;
    counts::upload(began, &result, |answer| answer.1.0.size_bytes);
    result
}

async fn take(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    body: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<WithPosition<Json<Uploaded>>, ProblemResponse> {
    let (project, key) = (params.owned("project_id"), params.owned("upload_key"));
    let reach = state.files_of(principal)?;
    let filename = check_session(state, principal, &project, &key, &reach).await?;
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    state.client.room(declared.unwrap_or(0))?;
    let mut body = body.map_err(|_| missing_file())?;
    let mut stored = None;
    while let Some(field) = body.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            stored = Some(store(state, field).await?);
            break;
        }
    }
    let (blob, md5) = stored.ok_or_else(missing_file)?;
    let (checksum_sha256, size_bytes) = (String::from(blob.id), blob.bytes);
    let (file, blob, branch) = (key.clone(), checksum_sha256.clone(), reach.of_command());
    let stage = StageUpload { project, file, blob, size_bytes: size_bytes as i64, md5: Some(md5), branch };
    let accepted = state.write(principal, Command::File(FileCommand::StageUpload(stage))).await?;
    let staging_path = format!("staging/{key}_{filename}");
    Ok(WithPosition(accepted.position, Json(Uploaded { upload_key: key, staging_path, size_bytes, checksum_sha256 })))
}

/// Refuses a session that cannot take content before the content is read; the model decides again after.
async fn check_session(
    state: &StorageRoutes,
    principal: &Principal,
    project: &str,
    key: &str,
    reach: &FileReach,
) -> Result<String, Problem> {
    let tenant = tenant_text(&principal.tenant);
    state.queries.require_project(&tenant, project).await?;
    let session = state.queries.find_file(&tenant, key).await?.filter(|found| !found.is_registered && reach.has(found));
    let session = session.ok_or_else(|| problem::upload_session_not_found(key))?;
    if session.project != project {
        return Err(problem::upload_session_mismatch(key));
    }
    if session.is_over {
        return Err(problem::upload_session_expired(key));
    }
    Ok(session.name)
}

async fn store(state: &StorageRoutes, field: Field<'_>) -> Result<(Blob, String), Problem> {
    let content = StreamReader::new(field.map_err(io::Error::other));
    let mut md5 = Md5Sum::default();
    match state.blobs.put_with(content, FILE_BYTES_MAX.unsigned_abs(), &mut md5).await {
        Ok(blob) => Ok((blob, md5.hex())),
        Err(BlobError::TooLarge { .. }) => Err(problem::file_too_large(413, FILE_BYTES_MAX + 1)),
        Err(error) => Err(error.into()),
    }
}

fn missing_file() -> Problem {
    let mistake = json!({ "type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": null });
    Problem::new("http.invalid_body", 422, "The content comes as `multipart/form-data` in the field `file`.")
        .with_details(json!({ "detail": [mistake] }))
}

fn broken(error: MultipartError) -> Problem {
    if error.into_response().status() == 413 {
        return problem::file_too_large(413, FILE_BYTES_MAX + 1);
    }
    Problem::new("http.body_interrupted", 400, "The upload did not arrive whole.")
}
