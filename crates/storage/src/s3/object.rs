//! One object: put, get, head, delete. With `uploadId` in the query, they are about an upload in parts.

use std::time::Instant;

use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse, Upload};
use alluvium_kernel::Problem;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::body::receive;
use super::credentials::BodySigner;
use super::{Bucket, copy, counts, multipart, problem};
use crate::contract::{Command, DeleteObject, FileCommand, PutObject};
use crate::model::check_key;
use crate::queries::FileView;
use crate::routes::{Opened, StorageRoutes, http_date, open, tenant_text};
use crate::wire::Query;

/// What content is when nobody said.
const OCTETS: &str = "application/octet-stream";
pub(super) type Answer = Result<Response, ProblemResponse>;

pub(super) async fn put(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    signer: Option<Extension<BodySigner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Upload,
) -> Answer {
    let began = Instant::now();
    let signer = signer.map(|Extension(signer)| signer).unwrap_or_default();
    let part = multipart::part_of(query.as_deref())?;
    let source = text(&headers, "x-amz-copy-source");
    let (operation, result) = match (part, source) {
        (None, None) => ("PutObject", store(&state, &principal, &params, &headers, signer, body).await),
        (None, Some(source)) => ("CopyObject", copy::object(&state, &principal, &params, &headers, source).await),
        (Some(part), None) => {
            ("UploadPart", multipart::part(&state, &principal, &params, &headers, &part, signer, body).await)
        }
        (Some(part), Some(source)) => {
            ("UploadPartCopy", copy::part(&state, &principal, &params, &headers, &part, source).await)
        }
    };
    counts::operation(operation, began, &result.as_ref().map(|(_, bytes)| *bytes));
    if let Ok((_, bytes)) = &result {
        counts::bytes_in(*bytes);
    }
    Ok(result?.0)
}

/// Takes an object in; its answer, and how many bytes it has.
async fn store(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    signer: BodySigner,
    body: Upload,
) -> Result<(Response, u64), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    check_key(params.get("key"))?;
    let declared = text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    state.client.room(declared.unwrap_or(0))?;
    let (blob, digested) = receive(state, headers, signer, body).await?;
    let content_type = text(headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned);
    let command = PutObject {
        project: bucket.project.clone(),
        key: params.owned("key"),
        content_type,
        blob: blob.id.into(),
        size_bytes: blob.bytes as i64,
        md5: Some(digested.md5.clone()),
        file: String::new(),
        project_uid: String::new(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::File(FileCommand::PutObject(command))).await?;
    let mut response = Response::new(Body::empty());
    insert(response.headers_mut(), ETAG, &format!("\"{}\"", digested.md5));
    Ok((response, blob.bytes))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let began = Instant::now();
    if method == Method::GET
        && let Some(upload) = Query::of(query.as_deref()).text("uploadId")
    {
        let result = multipart::parts(&state, &principal, &params, &wanted, (upload, query.as_deref())).await;
        counts::operation("ListParts", began, &result);
        return Ok(result?);
    }
    let result = give(&state, &principal, &params, &wanted, &headers).await;
    let operation = if method == Method::HEAD { "HeadObject" } else { "GetObject" };
    counts::operation(operation, began, &result.as_ref().map(|(_, bytes)| *bytes));
    match result {
        Ok((response, bytes)) => {
            if method != Method::HEAD {
                counts::bytes_out(bytes);
            }
            Ok(response)
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn give(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    headers: &HeaderMap,
) -> Result<(Response, u64), Problem> {
    state.fresh(wanted).await?;
    let bucket = Bucket::of(state, principal, params).await?;
    let file = bucket.object(state, params.get("key")).await?;
    let content = match open(&state.blobs, &file, headers.get(RANGE)).await? {
        Opened::Content(content) => content,
        Opened::Beyond(size) => return Err(problem::invalid_range(size)),
        Opened::Missing => return Err(problem::no_such_key()),
    };
    let mut response = Response::new(content.body);
    *response.status_mut() = content.status;
    let out = response.headers_mut();
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(out, CONTENT_LENGTH, &content.length.to_string());
    insert(out, CONTENT_TYPE, file.content_type.as_deref().unwrap_or(OCTETS));
    insert(out, ETAG, &etag(&file));
    insert(out, LAST_MODIFIED, &http_date(file.created_at));
    if let Some(range) = content.range {
        insert(out, CONTENT_RANGE, &range);
    }
    Ok((response, content.length))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    RawQuery(query): RawQuery,
) -> Answer {
    let began = Instant::now();
    let (operation, result) = match Query::of(query.as_deref()).text("uploadId") {
        Some(upload) => ("AbortMultipartUpload", multipart::abort(&state, &principal, &params, upload).await),
        None => ("DeleteObject", remove(&state, &principal, &params).await),
    };
    counts::operation(operation, began, &result);
    result?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

async fn remove(state: &StorageRoutes, principal: &Principal, params: &PathParams) -> Result<(), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    check_key(params.get("key"))?;
    let (branch, key) = (bucket.reach.of_command(), params.owned("key"));
    let command = DeleteObject { project: bucket.project, key, file: String::new(), branch };
    state.write(principal, Command::File(FileCommand::DeleteObject(command))).await?;
    Ok(())
}

/// What names an object's content: its MD5, or, where nobody took that, a part of its SHA-256 in a form that is no MD5.
pub(super) fn etag(file: &FileView) -> String {
    match (&file.md5, &file.blob) {
        (Some(md5), _) => format!("\"{md5}\""),
        (None, Some(blob)) => format!("\"{}-1\"", blob.get(..32).unwrap_or(blob)),
        (None, None) => "\"\"".to_owned(),
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

pub(super) fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    // Values are built from what the model lets in; one that no header takes is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl Bucket {
    /// The object of a key.
    pub async fn object(&self, state: &StorageRoutes, key: &str) -> Result<FileView, Problem> {
        check_key(key)?;
        let found = state.queries.object(&tenant_text(&self.tenant), &self.project, key, &self.reach).await?;
        found.ok_or_else(problem::no_such_key)
    }
}
