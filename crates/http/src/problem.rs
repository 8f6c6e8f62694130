//! From a [`Problem`] to bytes: RFC 9457 by default, another shape where a compatible surface fixes one.

use std::sync::{Arc, OnceLock};

use alluvium_kernel::{ErrorInfo, Problem, Requirement};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::audit::Noted;
use crate::{Catalogue, ErrorBody, PathParams, Principal};

/// What a client should wait before it tries again, in seconds, unless the problem's details say `retry_after_seconds`.
const RETRY_AFTER_SECONDS: u64 = 1;

/// A problem as the answer of a handler: `Result<T, ProblemResponse>` and `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemResponse(pub Problem);

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// The problem travels in the response's extensions to the edge, which renders it in the shape of the route's group.
#[derive(Clone, Debug)]
pub(crate) struct Carried(pub Problem);

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status_of(&self.0);
        response.extensions_mut().insert(Carried(self.0));
        response
    }
}

pub(crate) fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).ok().filter(|s| s.as_u16() >= 400).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The id of the request, echoed in `X-Request-ID`; an extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = ProblemResponse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal().into())
    }
}

/// The route a request met, known to the edge even when its handler panicked.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The first pattern of the route, e.g. `/projects/{project_id}`.
    pub template: Arc<str>,
    /// What the route asks of this request.
    pub requirement: Requirement,
    /// The parts of the path.
    pub params: PathParams,
}

/// Where the guard leaves what it found out, for the edge.
#[derive(Clone, Default)]
pub(crate) struct Slot(pub Arc<OnceLock<Found>>, pub Arc<OnceLock<Principal>>, pub Arc<Noted>);

pub(crate) struct Found {
    pub matched: Matched,
    pub renderer: Arc<dyn ErrorRenderer>,
    pub instrumented: bool,
    /// The label of what it does, where that is counted as an operation.
    pub operation: Option<Arc<str>>,
    /// The unique id of its operation, and what that does.
    pub named: Arc<(String, String)>,
    pub changes: bool,
}

/// What a renderer may know about the request it answers.
pub struct ErrorContext<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's path as sent.
    pub path: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The route, when one matched.
    pub matched: Option<&'a Matched>,
    /// The caller, when authenticated.
    pub principal: Option<&'a Principal>,
    /// All codes with their titles.
    pub catalogue: &'a Catalogue,
}

/// Turns a problem into the body of one family of routes. Request id, CORS, `Retry-After`, `WWW-Authenticate` and `Allow`
/// are added around it unless it sets them.
pub trait ErrorRenderer: Send + Sync + 'static {
    /// The whole answer.
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response;

    /// How `/openapi.json` describes what [`render`](Self::render) makes of an error with this code, on a route that asks
    /// for `requirement`; `None` when no route with these errors answers with it.
    fn documented(&self, error: &ErrorInfo, requirement: &Requirement) -> Option<Documented>;
}

/// An error as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Documented {
    /// The status it comes with.
    pub status: u16,
    /// The media type of its body.
    pub media_type: &'static str,
    /// The shape of its body.
    pub body: ErrorBody,
}

/// RFC 9457 with our members.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemRenderer;

#[derive(serde::Serialize)]
struct Body9457<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [alluvium_kernel::FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a serde_json::Value>,
    request_id: &'a str,
}

impl ErrorRenderer for ProblemRenderer {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        let status = status_of(problem);
        let body = Body9457 {
            r#type: format!("/docs/errors/{}", problem.code),
            title: context.catalogue.title(&problem.code, status.as_u16()),
            status: status.as_u16(),
            detail: &problem.detail,
            instance: context.path,
            code: &problem.code,
            errors: &problem.errors,
            details: problem.details.as_ref(),
            request_id: context.request_id,
        };
        json_response(status, PROBLEM_JSON, &body)
    }

    fn documented(&self, error: &ErrorInfo, _: &Requirement) -> Option<Documented> {
        Some(Documented { status: error.status, media_type: PROBLEM_JSON, body: ErrorBody::Problem })
    }
}

/// The media type of RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

/// A JSON answer; used by renderers.
pub(crate) fn json_response(status: StatusCode, content_type: &'static str, body: &impl serde::Serialize) -> Response {
    let bytes = serde_json::to_vec(body).expect("a body of strings and JSON values serialises");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The headers that go with a status whatever the body's shape.
pub(crate) fn add_status_headers(response: &mut Response, problem: &Problem) {
    let status = response.status().as_u16();
    let headers = response.headers_mut();
    if matches!(status, 429 | 503) && !headers.contains_key(RETRY_AFTER) {
        let asked = problem.details.as_ref().and_then(|details| details.get("retry_after_seconds")?.as_u64());
        headers.insert(RETRY_AFTER, asked.unwrap_or(RETRY_AFTER_SECONDS).into());
    }
    if status == 401 && !headers.contains_key(WWW_AUTHENTICATE) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}
