//! Requests that are answered later: a caller who does not want to wait gets 202 and the place of a job, whose answer is what the
//! request would have been answered with. Only on routes that say so.

use std::time::Duration;

use alluvium_kernel::{BoxFuture, Problem};
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use utoipa::IntoParams;

use crate::audit::RUN_ID;
use crate::{BodyBytes, PathParams, Principal, ProblemResponse};

/// Request header: what the caller would like, by RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The longest that a caller is kept waiting who would like an answer within some time, in seconds.
pub const WAIT_SECONDS_MAX: u64 = 50;

/// How a caller asks for a later answer.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the guard reads")]
pub(crate) struct LaterQuery {
    /// Answers 202 with a job, like `Prefer: respond-async`.
    #[param(rename = "async")]
    later: Option<bool>,
}

/// A request that was let in and is to be answered later.
#[derive(Clone, Debug)]
pub struct Deferred {
    /// What the route calls the job.
    pub operation: &'static str,
    /// Who asks. The seed is that of this request, not of the one that is carried out.
    pub principal: Principal,
    /// The parts of the path.
    pub params: PathParams,
    /// The method.
    pub method: Method,
    /// Path and query, without the wish for a later answer.
    pub target: String,
    /// The whole body.
    pub body: Bytes,
    /// The run of the client that it is part of.
    pub run_id: Option<String>,
    /// How long the caller would wait for the answer nevertheless.
    pub wait: Duration,
}

/// Takes such requests in.
pub trait Later: Send + Sync + 'static {
    /// The answer that there is now: 202, or why there can be none.
    fn begin(&self, request: Deferred) -> BoxFuture<'_, Result<Response, Problem>>;
}

/// A caller whose request of before is carried out now: put among a request's extensions by who kept the request, and by nothing
/// that comes over the network. What the route requires is asked again, as rights may have changed.
#[derive(Clone, Debug)]
pub struct Resumed(pub Principal);

/// How long a caller would like to wait for an answer, by `Prefer: wait=<seconds>`.
pub fn preferred_wait(headers: &HeaderMap) -> Duration {
    let seconds = preferences(headers).find_map(|wish| wish.strip_prefix("wait=")?.trim_matches('"').parse().ok());
    Duration::from_secs(seconds.unwrap_or(0).min(WAIT_SECONDS_MAX))
}

fn preferences(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let texts = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split([',', ';'])).map(|wish| wish.trim().to_ascii_lowercase().replace(' ', ""))
}

/// Whether the caller would rather have the answer later.
pub(crate) fn asked(uri: &Uri, headers: &HeaderMap) -> Result<bool, Problem> {
    let in_query = uri.query().unwrap_or_default().split('&').rev().find_map(wish).transpose()?;
    Ok(in_query.unwrap_or_else(|| preferences(headers).any(|wish| wish == "respond-async")))
}

/// The wish that one part of a query is, if it is one.
fn wish(pair: &str) -> Option<Result<bool, Problem>> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (name == "async").then(|| match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Problem::new("http.invalid_query", 422, "`async` is true or false.")),
    })
}

/// The path and query without the wish.
fn target(uri: &Uri) -> String {
    let kept: Vec<&str> =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && wish(pair).is_none()).collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}

/// Hands a request over that is to be answered later.
pub(crate) async fn defer(later: &dyn Later, operation: &'static str, request: Request) -> Response {
    match deferred(operation, request).await {
        Ok(request) => later.begin(request).await.unwrap_or_else(|problem| ProblemResponse(problem).into_response()),
        Err(problem) => problem.into_response(),
    }
}

async fn deferred(operation: &'static str, request: Request) -> Result<Deferred, ProblemResponse> {
    let (parts, body) = request.into_parts();
    let missing = || ProblemResponse(Problem::internal());
    let principal = parts.extensions.get::<Principal>().cloned().ok_or_else(missing)?;
    let params = parts.extensions.get::<PathParams>().cloned().ok_or_else(missing)?;
    let run_id = parts.headers.get(RUN_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (method, target, wait) = (parts.method.clone(), target(&parts.uri), preferred_wait(&parts.headers));
    let BodyBytes(body) = BodyBytes::from_request(Request::from_parts(parts, body), &()).await?;
    Ok(Deferred { operation, principal, params, method, target, body, run_id, wait })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(prefer: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(PREFER, HeaderValue::from_static(prefer))])
    }

    #[test]
    fn a_wish_stands_in_the_header_or_in_the_query_which_counts_more() {
        let uri = |text: &'static str| Uri::from_static(text);
        let none = HeaderMap::new();
        assert!(!asked(&uri("/x?asynchronous=1"), &none).unwrap());
        assert!(asked(&uri("/x?a=1&async=TRUE"), &none).unwrap());
        assert!(asked(&uri("/x"), &headers("wait=5, Respond-Async")).unwrap());
        assert!(!asked(&uri("/x?async=0"), &headers("respond-async")).unwrap());
        assert_eq!(asked(&uri("/x?async=perhaps"), &none).unwrap_err().status, 422);
    }

    #[test]
    fn what_is_kept_of_the_target_is_the_rest() {
        let kept = |text: &'static str| target(&Uri::from_static(text));
        assert_eq!(kept("/a%2Fb?async=true"), "/a%2Fb");
        assert_eq!(kept("/a?x=1&async=1&y=%20"), "/a?x=1&y=%20");
        assert_eq!(kept("/a"), "/a");
    }

    #[test]
    fn nobody_waits_for_ever() {
        assert_eq!(preferred_wait(&headers("respond-async, wait = 7")), Duration::from_secs(7));
        assert_eq!(preferred_wait(&headers("wait=86400")), Duration::from_secs(WAIT_SECONDS_MAX));
        assert_eq!(preferred_wait(&headers("wait=soon")), Duration::ZERO);
    }
}
