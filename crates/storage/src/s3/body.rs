//! Bodies of requests for objects: streamed to the blob store, or, where they are documents, read; and checked in every way that
//! their headers ask for.

use std::io;

use alluvium_eventlog::blob::{Blob, BlobError, Digests as _};
use alluvium_http::Upload;
use alluvium_kernel::Problem;
use axum::http::HeaderMap;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio_util::io::StreamReader;

use super::checksum::{Digested, ObjectDigests};
use super::chunked::{Chunks, Fault};
use super::credentials::BodySigner;
use super::object::text;
use super::problem;
use crate::model::limits::FILE_BYTES_MAX;
use crate::routes::StorageRoutes;

/// Beginning of the names of bodies that come in chunks, in `x-amz-content-sha256`.
const STREAMING: &str = "STREAMING-";
/// Beginning of the names of those whose chunks are signed.
const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// Digits of a SHA-256 in hex.
const SHA256_DIGITS: usize = 64;
/// A document, in bytes: 10,000 parts, or 1,000 keys of which every byte is written as a number.
pub(super) const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Streams a body to the blob store.
pub(super) async fn receive(
    state: &StorageRoutes,
    headers: &HeaderMap,
    signer: BodySigner,
    body: Upload,
) -> Result<(Blob, Digested), Problem> {
    let (stream, mut digests) = (body.into_stream(), promised(headers));
    let mut trailers = Vec::new();
    let blob = match chunks(headers, signer)? {
        Some(mut chunks) => {
            let stored = keep(state, unchunked(stream, &mut chunks), &mut digests).await;
            // What was wrong with the chunks is why storing ended.
            if let Some(fault) = chunks.fault() {
                return Err(faulty(fault));
            }
            let blob = stored?;
            trailers = chunks.finish().map_err(faulty)?;
            blob
        }
        None => keep(state, stream.map(|piece| piece.map_err(interrupted)), &mut digests).await?,
    };
    let digested = digests.finish();
    check(headers, (blob.id.as_str(), blob.bytes), &digested, &trailers)?;
    Ok((blob, digested))
}

/// What the checksums among a request's headers are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    /// Its body.
    OfBody,
    /// Something else: of its body, they say nothing.
    OfObject,
}

/// Reads a document.
pub(super) async fn document(
    headers: &HeaderMap,
    signer: BodySigner,
    body: Upload,
    sums: Sums,
) -> Result<String, Problem> {
    let mut stream = std::pin::pin!(body.into_stream());
    let mut digests = if sums == Sums::OfBody { promised(headers) } else { ObjectDigests::default() };
    let (mut hash, mut content) = (Sha256::new(), Vec::new());
    let mut chunks = chunks(headers, signer)?;
    while let Some(piece) = stream.next().await {
        let pieces = match &mut chunks {
            Some(chunks) => chunks.push(piece?).map_err(faulty)?,
            None => [piece?].into(),
        };
        for piece in pieces {
            hash.update(&piece);
            digests.update(&piece);
            content.extend_from_slice(&piece);
        }
    }
    let trailers = chunks.map_or(Ok(Vec::new()), Chunks::finish).map_err(faulty)?;
    let (sha256, bytes) = (hex::encode(hash.finalize()), content.len() as u64);
    check(headers, (&sha256, bytes), &digests.finish(), &trailers)?;
    String::from_utf8(content).map_err(|_| problem::malformed_xml())
}

/// The digests that a request's headers promise.
pub(super) fn promised(headers: &HeaderMap) -> ObjectDigests {
    let mut digests = ObjectDigests::default();
    headers.keys().for_each(|name| digests.add(name.as_str()));
    text(headers, "x-amz-trailer").into_iter().flat_map(|names| names.split(',')).for_each(|name| digests.add(name));
    digests
}

/// What takes a body out of its chunks, if it comes in such.
fn chunks(headers: &HeaderMap, signer: BodySigner) -> Result<Option<Chunks>, Problem> {
    let payload = text(headers, "x-amz-content-sha256").unwrap_or_default();
    if !payload.starts_with(STREAMING) {
        return Ok(None);
    }
    if !payload.starts_with(STREAMING_SIGNED) {
        return Ok(Some(Chunks::new(None)));
    }
    let signer = signer.0.ok_or_else(|| problem::invalid("Signed chunks come with a signature of the request."))?;
    Ok(Some(Chunks::new(Some(signer))))
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

pub(super) async fn keep(
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

pub(super) fn interrupted(problem: Problem) -> io::Error {
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
    (sha256, bytes): (&str, u64),
    digested: &Digested,
    trailers: &[(String, String)],
) -> Result<(), Problem> {
    let payload = text(headers, "x-amz-content-sha256").unwrap_or_default();
    let is_hash = payload.len() == SHA256_DIGITS && payload.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash && !payload.eq_ignore_ascii_case(sha256) {
        return Err(problem::bad_digest("x-amz-content-sha256"));
    }
    let decoded = text(headers, "x-amz-decoded-content-length").and_then(|length| length.parse::<u64>().ok());
    if decoded.is_some_and(|length| length != bytes) {
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
