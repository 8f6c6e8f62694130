//! Extractors that answer with problems, never with plain text.

use alluvium_kernel::{FieldError, Problem};
use axum::RequestExt as _;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ProblemResponse;

/// A JSON body in, a JSON body out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ProblemResponse;
    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        let kind = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
        if let Some(kind) = kind.filter(|kind| !is_json(kind)) {
            let detail = format!("The body came as `{kind}`; this takes `application/json`.");
            return Err(Problem::new("http.unsupported_media_type", 415, detail).into());
        }
        let bytes = BodyBytes::from_request(request, state).await?.0;
        parse(&bytes).map(Self).map_err(Into::into)
    }
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let input = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *input).map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        if !cause.is_data() {
            return Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}."));
        }
        let mut problem = Problem::new("http.invalid_body", 422, format!("The body's `{field}` is wrong: {cause}."));
        problem.errors.push(FieldError { field, message: cause.to_string() });
        problem
    })?;
    input.end().map_err(|cause| Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}.")))?;
    Ok(value)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => {
                tracing::error!(error = %error, "an answer could not be written as JSON");
                ProblemResponse(Problem::internal()).into_response()
            }
        }
    }
}

/// The whole body, within the route's limit.
#[derive(Clone, Debug)]
pub struct BodyBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for BodyBytes {
    type Rejection = ProblemResponse;
    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == 413 => Err(too_large().into()),
            Err(rejection) => Err(interrupted(&rejection).into()),
        }
    }
}

pub(crate) fn too_large() -> Problem {
    Problem::new("http.body_too_large", 413, "The body is larger than this operation takes; nothing was changed.")
}

fn interrupted(cause: &dyn std::fmt::Display) -> Problem {
    Problem::new("http.body_interrupted", 400, format!("The body did not arrive whole: {cause}."))
}

/// The body as it arrives, within the route's limit: for uploads, which are never held in memory.
#[derive(Debug)]
pub struct Upload(Body);

impl Upload {
    /// The chunks; the stream ends with a problem when the limit is passed or the connection breaks.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Problem>> + Send {
        self.0.into_data_stream().map(|chunk| chunk.map_err(|error| classify(&error)))
    }
}

pub(crate) fn classify(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.is::<http_body_util::LengthLimitError>() {
            return too_large();
        }
        cause = this.source();
    }
    interrupted(error)
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = std::convert::Infallible;
    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request.into_limited_body()))
    }
}

/// Query parameters.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ProblemResponse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => {
                Err(Problem::new("http.invalid_query", 422, format!("The query is wrong: {}.", error.body_text()))
                    .into())
            }
        }
    }
}
