//! Answers made smaller for clients that ask for it: whole bodies only, for what flows has no end to wait for.

use std::io::Write as _;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Body as _;

/// What is shorter is not worth it, in bytes.
const BODY_BYTES_MIN: u64 = 1_024;
/// What is longer is sent as it is, in bytes.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What is shorter is packed at once, in bytes; the rest by a thread that may take its time.
const AT_ONCE_BYTES_MAX: usize = 128 * 1024;

/// Packs the answer when the client takes that, and the answer is a whole text.
pub(crate) async fn gzip(request: Request, next: Next) -> Response {
    let is_wanted = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let size = response.body().size_hint().exact();
    if !is_text(response.headers()) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !is_wanted || !size.is_some_and(|size| (BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&size)) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A body of a known size is in memory already.
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX as usize).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let packed = if bytes.len() <= AT_ONCE_BYTES_MAX {
        packed(&bytes)
    } else {
        let bytes = bytes.clone();
        tokio::task::spawn_blocking(move || packed(&bytes)).await.ok().flatten()
    };
    let Some(packed) = packed else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(packed))
}

fn packed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json") || kind.starts_with("text/")
}

/// Whether the client takes gzip: named, or meant by `*`, and not with weight 0 (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut named = None;
    let mut any = None;
    for coding in all.flat_map(|text| text.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_taken = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            named = Some(is_taken);
        } else if name == "*" {
            any = Some(is_taken);
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn gzip_is_taken_when_it_is_named_or_meant() {
        for (text, taken) in [
            ("gzip", true),
            ("br, GZip;q=0.5", true),
            ("deflate, *", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("gzip;q=x", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, text.parse().unwrap());
            assert_eq!(takes_gzip(&headers), taken, "{text}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        let text = "abc".repeat(10_000);
        let packed = packed(text.as_bytes()).unwrap();
        let mut out = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut out).unwrap();
        assert!(out == text && packed.len() < 1_000);
    }
}
