//! One object: put, get, head, delete, copy.

use std::io;
use std::time::Instant;

use alluvium_eventlog::blob::{Blob, BlobError};
use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse, Upload};
use alluvium_kernel::Problem;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use percent_encoding::percent_decode_str;
use tokio_util::io::StreamReader;

use super::checksum::{Digested, ObjectDigests};
use super::chunked::{Chunks, Fault};
use super::credentials::BodySigner;
use super::xml::Xml;
use super::{Bucket, counts, problem};
use crate::contract::{Command, DeleteObject, FileCommand, PutObject};
use crate::model::check_key;
use crate::model::limits::FILE_BYTES_MAX;
use crate::queries::FileView;
use crate::routes::{Opened, StorageRoutes, http_date, open, tenant_text};

/// What content is when nobody said.
const OCTETS: &str = "application/octet-stream";
/// Beginning of the names of bodies that come in chunks, in `x-amz-content-sha256`.
const STREAMING: &str = "STREAMING-";
/// Beginning of the names of those whose chunks are signed.
const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// Digits of a SHA-256 in hex.
const SHA256_DIGITS: usize = 64;

type Answer = Result<Response, ProblemResponse>;

pub(super) async fn put(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    signer: Option<Extension<BodySigner>>,
    headers: HeaderMap,
    body: Upload,
) -> Answer {
    let began = Instant::now();
    let signer = signer.map(|Extension(signer)| signer).unwrap_or_default();
    let result = match text(&headers, "x-amz-copy-source") {
        Some(source) => copy(&state, &principal, &params, &headers, source).await,
        None => store(&state, &principal, &params, &headers, signer, body).await,
    };
    counts::operation("PutObject", began, &result.as_ref().map(|(_, bytes)| *bytes));
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

/// Streams a body to the blob store and checks it in every way that its headers ask for.
async fn receive(
    state: &StorageRoutes,
    headers: &HeaderMap,
    signer: BodySigner,
    body: Upload,
) -> Result<(Blob, Digested), Problem> {
    let payload = text(headers, "x-amz-content-sha256").unwrap_or_default();
    let mut digests = ObjectDigests::default();
    headers.keys().for_each(|name| digests.add(name.as_str()));
    text(headers, "x-amz-trailer").into_iter().flat_map(|names| names.split(',')).for_each(|name| digests.add(name));
    let stream = body.into_stream();
    let mut trailers = Vec::new();
    let blob = if payload.starts_with(STREAMING) {
        let signer = if payload.starts_with(STREAMING_SIGNED) {
            Some(signer.0.ok_or_else(|| problem::invalid("Signed chunks come with a signature of the request."))?)
        } else {
            None
        };
        let mut chunks = Chunks::new(signer);
        let content = unchunked(stream, &mut chunks);
        let stored = keep(state, content, &mut digests).await;
        // What was wrong with the chunks is why storing ended.
        if let Some(fault) = chunks.fault() {
            return Err(faulty(fault));
        }
        let blob = stored?;
        trailers = chunks.finish().map_err(faulty)?;
        blob
    } else {
        keep(state, stream.map(|piece| piece.map_err(interrupted)), &mut digests).await?
    };
    let digested = digests.finish();
    check(headers, payload, &blob, &digested, &trailers)?;
    Ok((blob, digested))
}

/// The content of chunks as it comes.
fn unchunked<'a>(
    stream: impl Stream<Item = Result<Bytes, Problem>> + Send + 'a,
    chunks: &'a mut Chunks,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'a {
    stream
        .map(move |piece| {
            let content = chunks.push(piece.map_err(interrupted)?);
            let content = content.map_err(|fault| io::Error::other(format!("{fault:?}")))?;
            Ok::<_, io::Error>(futures::stream::iter(content.into_iter().map(Ok)))
        })
        .try_flatten()
}

async fn keep(
    state: &StorageRoutes,
    content: impl Stream<Item = Result<Bytes, io::Error>> + Send,
    digests: &mut ObjectDigests,
) -> Result<Blob, Problem> {
    let content = StreamReader::new(Box::pin(content));
    match state.blobs.put_with(content, FILE_BYTES_MAX.unsigned_abs(), digests).await {
        Ok(blob) => Ok(blob),
        Err(BlobError::TooLarge { .. }) => Err(crate::model::problem::file_too_large(400, FILE_BYTES_MAX + 1)),
        Err(error) => Err(error.into()),
    }
}

fn interrupted(problem: Problem) -> io::Error {
    io::Error::other(problem.detail)
}

fn faulty(fault: Fault) -> Problem {
    match fault {
        Fault::Malformed => {
            problem::invalid("The body is not in chunks as `x-amz-content-sha256` announces, or ends early.")
        }
        Fault::Unsigned => problem::signature(),
    }
}

/// Refuses content that is not what headers and trailers promise.
fn check(
    headers: &HeaderMap,
    payload: &str,
    blob: &Blob,
    digested: &Digested,
    trailers: &[(String, String)],
) -> Result<(), Problem> {
    let is_hash = payload.len() == SHA256_DIGITS && payload.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash && !payload.eq_ignore_ascii_case(blob.id.as_str()) {
        return Err(problem::bad_digest("x-amz-content-sha256"));
    }
    let decoded = text(headers, "x-amz-decoded-content-length").and_then(|length| length.parse::<u64>().ok());
    if decoded.is_some_and(|length| length != blob.bytes) {
        return Err(problem::invalid("The content has not the size that `x-amz-decoded-content-length` says."));
    }
    if text(headers, "content-md5").is_some_and(|md5| !digested.is_md5(md5)) {
        return Err(problem::bad_digest("Content-MD5"));
    }
    let of_headers = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let of_trailers = trailers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    match of_headers.chain(of_trailers).find(|(name, value)| !digested.agrees(name, value)) {
        Some((name, _)) => Err(problem::bad_digest(name)),
        None => Ok(()),
    }
}

/// Makes an object of the bucket another one's content: nothing is copied but its name.
async fn copy(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    source: &str,
) -> Result<(Response, u64), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    let decoded = percent_decode_str(source.trim_start_matches('/')).decode_utf8();
    let decoded = decoded.map_err(|_| problem::invalid("`x-amz-copy-source` is not UTF-8."))?;
    let (from, key) = decoded.split_once('/').ok_or_else(|| problem::invalid("`x-amz-copy-source` is bucket/key."))?;
    if from != params.get("bucket") {
        return Err(problem::invalid("An object is copied within its bucket."));
    }
    let found = bucket.object(state, key).await?;
    let replaces = text(headers, "x-amz-metadata-directive").is_some_and(|word| word.eq_ignore_ascii_case("REPLACE"));
    let given = text(headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned);
    let size = found.size_bytes.unwrap_or(0);
    let command = PutObject {
        project: bucket.project.clone(),
        key: params.owned("key"),
        content_type: if replaces { given } else { found.content_type.clone() },
        blob: found.blob.clone().ok_or_else(problem::no_such_key)?,
        size_bytes: size,
        md5: found.md5.clone(),
        file: String::new(),
        project_uid: String::new(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::File(FileCommand::PutObject(command))).await?;
    let copied = bucket.object(state, params.get("key")).await?;
    let mut xml = Xml::begin("CopyObjectResult");
    xml.text("LastModified", &super::list::iso(copied.created_at)).text("ETag", &etag(&copied));
    Ok((super::xml_response(xml.end()), size.unsigned_abs()))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let began = Instant::now();
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

pub(super) async fn delete(State(state): State<StorageRoutes>, principal: Principal, params: PathParams) -> Answer {
    let began = Instant::now();
    let result = remove(&state, &principal, &params).await;
    counts::operation("DeleteObject", began, &result.as_ref().map(|()| 0));
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

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
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
