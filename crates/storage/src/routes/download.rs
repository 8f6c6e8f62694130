//! Giving a file's content, whole or a part of it.

use std::io::SeekFrom;

use alluvium_eventlog::blob::{BlobId, BlobStore};
use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse};
use alluvium_kernel::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::counts;
use super::state::{StorageRoutes, tenant_text};
use crate::model::problem;
use crate::queries::FileView;

/// What content is when nobody said.
const OCTETS: &str = "application/octet-stream";

pub(super) async fn download(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let result = give(&state, &principal, &params, &wanted, &headers).await;
    counts::download(&result, |(_, bytes)| *bytes);
    result.map(|(response, _)| response)
}

/// The answer, and how many bytes of content it has.
async fn give(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    headers: &HeaderMap,
) -> Result<(Response, u64), ProblemResponse> {
    state.fresh(wanted).await?;
    let id = params.get("file_id");
    let file = state
        .queries
        .file(&tenant_text(&principal.tenant), params.get("project_id"), id, &state.files_of(principal)?)
        .await?;
    let content = match open(&state.blobs, &file, headers.get(RANGE)).await? {
        Opened::Content(content) => content,
        Opened::Beyond(size) => return Ok((beyond(size), 0)),
        Opened::Missing => return Err(problem::file_content_not_found(id).into()),
    };
    let mut response = Response::new(content.body);
    *response.status_mut() = content.status;
    describe(response.headers_mut(), &file, content.length);
    if let Some(range) = content.range {
        insert(response.headers_mut(), CONTENT_RANGE, &range);
    }
    Ok((response, content.length))
}

/// The content of a file, or a part of it, about to be sent.
pub(crate) struct Content {
    /// 200 for the whole, 206 for a part.
    pub status: StatusCode,
    /// Bytes to come.
    pub length: u64,
    /// Which, when they are a part: for `Content-Range`.
    pub range: Option<String>,
    pub body: Body,
}

/// What became of opening content.
pub(crate) enum Opened {
    Content(Content),
    /// The range begins behind the end, which is here.
    Beyond(u64),
    /// It is not there.
    Missing,
}

/// Opens a file's content, or the part of it that a `Range` asks for.
pub(crate) async fn open(blobs: &BlobStore, file: &FileView, asked: Option<&HeaderValue>) -> Result<Opened, Problem> {
    let Some(blob) = file.blob.clone().and_then(|blob| BlobId::try_from(blob).ok()) else { return Ok(Opened::Missing) };
    let mut content = match tokio::fs::File::open(blobs.path(&blob)).await {
        Ok(content) => content,
        Err(error) => {
            tracing::error!(blob.id = %blob, error = %error, "the content of a file cannot be opened");
            return Ok(Opened::Missing);
        }
    };
    let size = content.metadata().await.map_err(|_| Problem::internal())?.len();
    let asked = asked.and_then(|value| value.to_str().ok()).map(|text| range(text, size));
    let (status, from, length) = match asked {
        None | Some(Asked::Whole) => (StatusCode::OK, 0, size),
        Some(Asked::Part { from, length }) => (StatusCode::PARTIAL_CONTENT, from, length),
        Some(Asked::Beyond) => return Ok(Opened::Beyond(size)),
    };
    content.seek(SeekFrom::Start(from)).await.map_err(|_| Problem::internal())?;
    let range = (status == StatusCode::PARTIAL_CONTENT).then(|| format!("bytes {from}-{}/{size}", from + length - 1));
    let body = Body::from_stream(ReaderStream::new(content.take(length)));
    Ok(Opened::Content(Content { status, length, range, body }))
}

fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    // Values are built from names that the model lets in; one that no header takes is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn describe(headers: &mut HeaderMap, file: &FileView, length: u64) {
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(headers, CONTENT_LENGTH, &length.to_string());
    insert(headers, CONTENT_TYPE, file.content_type.as_deref().unwrap_or(OCTETS));
    insert(headers, CONTENT_DISPOSITION, &disposition(&file.name));
    insert(headers, ETAG, &format!("\"{}\"", file.blob.as_deref().unwrap_or_default()));
    insert(headers, LAST_MODIFIED, &http_date(file.created_at));
}

/// A quoted ASCII name for everyone, and the exact one beside it when they differ.
fn disposition(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' { c } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// As HTTP writes times.
pub(crate) fn http_date(micros: i64) -> String {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_micros(micros.unsigned_abs());
    httpdate::fmt_http_date(at)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part { from: u64, length: u64 },
    Beyond,
}

/// One range of bytes; anything else is answered with the whole, as the standard allows.
fn range(text: &str, size: u64) -> Asked {
    let Some((from, to)) = text.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let (first, last) = match (from.trim(), to.trim()) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => return Asked::Beyond,
            Ok(length) => (size.saturating_sub(length), size.saturating_sub(1)),
            Err(_) => return Asked::Whole,
        },
        (from, "") => match from.parse() {
            Ok(from) => (from, size.saturating_sub(1)),
            Err(_) => return Asked::Whole,
        },
        (from, to) => match (from.parse::<u64>(), to.parse::<u64>()) {
            (Ok(from), Ok(to)) if from <= to => (from, to.min(size.saturating_sub(1))),
            _ => return Asked::Whole,
        },
    };
    if first >= size { Asked::Beyond } else { Asked::Part { from: first, length: last - first + 1 } }
}

fn beyond(size: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |from, length| Asked::Part { from, length };
        assert_eq!(range("bytes=0-3", 10), part(0, 4));
        assert_eq!(range("bytes=8-", 10), part(8, 2));
        assert_eq!(range("bytes=-3", 10), part(7, 3));
        assert_eq!(range("bytes=-30", 10), part(0, 10));
        assert_eq!(range("bytes=5-500", 10), part(5, 5));
        assert_eq!(range("bytes=10-", 10), Asked::Beyond);
        assert_eq!(range("bytes=0-0", 0), Asked::Beyond);
        for odd in ["items=1-2", "bytes=a-b", "bytes=3-1", "bytes=0-1,3-4"] {
            assert_eq!(range(odd, 10), Asked::Whole, "{odd}");
        }
    }

    #[test]
    fn names_cannot_break_the_header() {
        assert_eq!(disposition("a b.csv"), "attachment; filename=\"a b.csv\"");
        assert_eq!(disposition("a\".csv"), "attachment; filename=\"a_.csv\"; filename*=UTF-8''a%22%2Ecsv");
        assert!(disposition("ü.csv").ends_with("filename*=UTF-8''%C3%BC%2Ecsv"));
    }
}
