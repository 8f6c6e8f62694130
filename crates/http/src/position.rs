//! Positions on the HTTP wire: reads that must show an earlier write, and writes that say where they are.

use std::time::Duration;

use alluvium_kernel::{Position, Problem};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::ProblemResponse;

/// Request header: answer from a state at least this far.
pub const MIN_POSITION: HeaderName = HeaderName::from_static("alv-min-position");
/// Request header: how long to wait for it, in milliseconds.
pub const WAIT_MS: HeaderName = HeaderName::from_static("alv-wait-ms");
/// Response header: how far the answer is, or where the write is.
pub const POSITION: HeaderName = HeaderName::from_static("alv-position");
/// The wait budget when none is given, in milliseconds.
pub const WAIT_MS_DEFAULT: u64 = 5_000;
/// The longest wait budget, in milliseconds; a longer wish is cut to it.
pub const WAIT_MS_MAX: u64 = 30_000;

/// What a read demands: an extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinPosition {
    /// At least this far; the start when the client did not say.
    pub position: Position,
    /// How long the read may wait for it.
    pub budget: Duration,
}

impl<S: Send + Sync> FromRequestParts<S> for MinPosition {
    type Rejection = ProblemResponse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        let position = match parts.headers.get(&MIN_POSITION) {
            None => Position::start(),
            Some(value) => value
                .to_str()
                .ok()
                .and_then(|token| Position::from_token(token).ok())
                .ok_or_else(|| invalid("`Alv-Min-Position` is not a position token"))?,
        };
        let wait_ms = match parts.headers.get(&WAIT_MS) {
            None => WAIT_MS_DEFAULT,
            Some(value) => value
                .to_str()
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| invalid("`Alv-Wait-Ms` is not a whole number of milliseconds"))?,
        };
        Ok(Self { position, budget: Duration::from_millis(wait_ms.min(WAIT_MS_MAX)) })
    }
}

fn invalid(what: &str) -> ProblemResponse {
    Problem::new("http.invalid_position", 400, format!("{what}: send back what an earlier answer carried, unchanged."))
        .into()
}

/// An answer that says where it is.
#[derive(Clone, Debug)]
pub struct WithPosition<T>(pub Position, pub T);

impl<T: IntoResponse> IntoResponse for WithPosition<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        // A token is base64url text, which every header takes.
        if let Ok(value) = HeaderValue::from_str(&self.0.to_token()) {
            response.headers_mut().insert(POSITION, value);
        }
        response
    }
}
