//! From what a handler found to bytes, and from problems to the two fields that clients know.

use alluvium_kernel::{Position, Problem};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::negotiate::V1_JSON;
use super::{Dialect, Listener};
use crate::error;

const REALM: HeaderValue = HeaderValue::from_static("Basic realm=\"Alluvium Schema Registry\"");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache, no-store, must-revalidate");
const XSS: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-xss-protection"), HeaderValue::from_static("1; mode=block"));
const AS_OF: HeaderName = HeaderName::from_static("alv-as-of");
/// Longest list of reasons in the words of Karapace, in characters.
const REASONS_CHARS_MAX: usize = 300;

/// What a handler answers.
pub(super) enum Answer {
    /// JSON.
    Json(Value),
    /// JSON that is written already.
    Written(Bytes),
    /// The text of a schema.
    Text(String),
    /// Nothing, with status 204.
    Nothing,
    /// A response that is made already.
    Whole(Response),
}

impl Answer {
    pub fn into_response(self, media_type: &'static str) -> Response {
        let (status, body) = match self {
            Self::Json(value) => (StatusCode::OK, Bytes::from(value.to_string())),
            Self::Written(bytes) => (StatusCode::OK, bytes),
            Self::Text(text) => (StatusCode::OK, Bytes::from(text)),
            Self::Nothing => (StatusCode::NO_CONTENT, Bytes::new()),
            Self::Whole(response) => return response,
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::OK {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        headers.insert(CACHE_CONTROL, NO_CACHE);
        headers.insert(XSS.0, XSS.1);
        response
    }
}

/// Says where an answer is on the log.
pub(super) fn at_position(response: &mut Response, position: &Position) {
    if let Ok(value) = HeaderValue::from_str(&position.to_token()) {
        response.headers_mut().insert(alluvium_http::POSITION, value);
    }
}

/// Says of which point of the past an answer is.
pub(super) fn as_of(response: &mut Response, seq: u64) {
    response.headers_mut().insert(AS_OF, HeaderValue::from(seq));
}

/// The answer to a request that came to nothing.
pub(super) fn refusal(problem: &Problem, listener: &Listener) -> Response {
    let (status, code) = numbers(problem, listener);
    let body = json!({"error_code": code, "message": message(problem, listener)});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(V1_JSON));
    headers.insert(CACHE_CONTROL, NO_CACHE);
    headers.insert(XSS.0, XSS.1);
    if status == 401 {
        headers.insert(WWW_AUTHENTICATE, REALM);
    }
    if status == 503 || code == 50004 {
        headers.insert(RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

fn numbers(problem: &Problem, listener: &Listener) -> (u16, u32) {
    let unknown_type = problem.details.as_ref().is_some_and(|details| details.get("unknown_type").is_some());
    match problem.code.as_str() {
        "schemas.incompatible" => return (409, listener.incompatible_code),
        "schemas.invalid_schema" if unknown_type && listener.dialect == Dialect::Karapace => return (422, 422),
        "command.timeout" => return (500, 50002),
        "command.too_large" => return (422, 42209),
        "platform.log_unavailable" | "platform.storage_full" => return (500, 50004),
        "schemas.not_ready" | "projection.lagging" => return (503, 50004),
        _ => {}
    }
    match (error::number(problem), problem.status) {
        (Some(number), status) => (status, number),
        (None, status @ 400..=499) => (status, u32::from(status)),
        (None, _) => (500, 50001),
    }
}

fn message(problem: &Problem, listener: &Listener) -> String {
    if problem.code == "schemas.incompatible" && listener.dialect == Dialect::Karapace {
        let detail = |key: &str| problem.details.as_ref().and_then(|details| details.get(key));
        let level = detail("level").and_then(Value::as_str).unwrap_or_default();
        let short = detail("short").and_then(Value::as_array);
        let texts: Vec<&str> = short.into_iter().flatten().filter_map(Value::as_str).collect();
        let reasons: String = texts.join(", ").chars().take(REASONS_CHARS_MAX).collect();
        return format!("Incompatible schema, compatibility_mode={level}. Incompatibilities: {reasons}");
    }
    problem.detail.clone()
}
