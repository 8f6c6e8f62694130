//! The outermost layers: request id, rendering of problems, one log line and the metrics of every request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use alluvium_kernel::trace::{self, Kind, Span};
use alluvium_kernel::{Problem, header};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use metrics::{counter, gauge, histogram};

use crate::audit::Sender;
use crate::idempotency::IDEMPOTENCY_REPLAY;
use crate::problem::{Carried, Found, Slot, add_status_headers};
use crate::{Audit, Call, Catalogue, ErrorContext, ErrorRenderer, Peer, ProblemRenderer, ProblemResponse, RequestId};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id of a client that is kept, in characters.
const REQUEST_ID_MAX: usize = 128;
/// The label of requests that met no route: a path from outside is never a label.
const UNMATCHED: &str = "unmatched";

pub(crate) struct Edge {
    pub catalogue: Arc<Catalogue>,
    /// Renderers of unknown paths, longest prefix first.
    pub prefixes: Vec<(&'static str, Arc<dyn ErrorRenderer>)>,
    /// Who keeps account of requests.
    pub audit: Option<Arc<dyn Audit>>,
}

/// Turns a panic of a handler into a problem, inside CORS so that browsers see it.
pub(crate) async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(panic = %text, "a handler panicked");
            ProblemResponse(Problem::internal()).into_response()
        }
    }
}

pub(crate) async fn edge(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let slot = Slot::default();
    let sender = edge.audit.as_ref().map(|_| Sender::of(request.headers(), request.extensions().get::<Peer>()));
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(slot.clone());

    let given = request.headers().get(header::TRACE_PARENT).and_then(|value| value.to_str().ok());
    let given: Option<Arc<str>> = given.filter(|text| trace::parse(text).is_some()).map(Into::into);
    let span = trace::begin(Kind::Server, given.as_deref(), || method_label(&method).to_owned());
    // Without spans of our own, what the client sent still goes on to the log.
    let around = span.traceparent().or(given);

    let in_flight = InFlight::begin(method_label(&method));
    let mut response = match around.clone() {
        None => next.run(request).await,
        around => trace::within(around, next.run(request)).await,
    };
    drop(in_flight);

    let found = slot.0.get();
    let context = ErrorContext {
        method: &method,
        path: &path,
        request_id: &id,
        matched: found.map(|found| &found.matched),
        principal: slot.1.get(),
        catalogue: &edge.catalogue,
    };
    let code = match response.extensions_mut().remove::<Carried>() {
        None => None,
        Some(Carried(problem)) => {
            response = edge.rendered(&problem, &context, found, response.headers());
            Some(problem.code)
        }
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    record(&context, found, &response, code.as_deref(), started, around.as_deref());
    if let Some(sender) = sender {
        edge.account(&context, &slot, &sender, &response, code.as_deref(), started);
    }
    finish(span, &context, found, &response, code.as_deref());
    response
}

/// Says in the span what came of the request.
fn finish(mut span: Span, cx: &ErrorContext<'_>, found: Option<&Found>, response: &Response, code: Option<&str>) {
    if found.is_some_and(|found| !found.instrumented) {
        return span.forget();
    }
    let route = found.map_or(UNMATCHED, |found| &found.matched.template);
    span.rename(|| format!("{} {route}", method_label(cx.method)));
    span.note("http.request.method", method_label(cx.method));
    span.note("http.route", route);
    span.note("http.response.status_code", response.status().as_u16());
    span.note("http.request_id", cx.request_id);
    if let Some(code) = code {
        span.note("error.code", code);
    }
    if response.status().is_server_error() {
        span.fail(code.unwrap_or("http.internal_error"));
    }
}

impl Edge {
    /// Tells whoever keeps account of requests.
    fn account(
        &self,
        cx: &ErrorContext<'_>,
        slot: &Slot,
        sender: &Sender,
        response: &Response,
        code: Option<&str>,
        started: Instant,
    ) {
        let (Some(audit), Some(found)) = (&self.audit, slot.0.get()) else { return };
        let status = response.status().as_u16();
        audit.note(&Call {
            operation: &found.named.0,
            summary: &found.named.1,
            matched: &found.matched,
            concerns: slot.2.concerns(),
            changes: found.changes,
            is_replay: response.headers().contains_key(IDEMPOTENCY_REPLAY),
            is_denied: slot.2.is_denied() || matches!(status, 401 | 403),
            caller: slot.2.caller.get().or(cx.principal),
            status,
            problem: code.map(|code| (code, self.catalogue.title(code, status))),
            took: started.elapsed(),
            request_id: cx.request_id,
            remote: sender.remote,
            user_agent: sender.user_agent(),
            run_id: sender.run_id(),
        });
    }

    fn rendered(
        &self,
        problem: &Problem,
        cx: &ErrorContext<'_>,
        found: Option<&Found>,
        around: &HeaderMap,
    ) -> Response {
        let by_prefix = || {
            let under =
                |prefix: &str| cx.path == prefix || cx.path.starts_with(&format!("{}/", prefix.trim_end_matches('/')));
            self.prefixes.iter().find(|(prefix, _)| under(prefix)).map(|(_, renderer)| renderer)
        };
        let renderer = found.map(|found| &found.renderer).or_else(by_prefix);
        let mut response = match renderer {
            Some(renderer) => renderer.render(problem, cx),
            None => ProblemRenderer.render(problem, cx),
        };
        // What layers put around the answer (CORS, `Allow`, handler's own headers) stays; the body's own headers are new.
        for (name, value) in around {
            if ![CONTENT_TYPE, CONTENT_LENGTH].contains(name) && !response.headers().contains_key(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
        add_status_headers(&mut response, problem);
        response
    }
}

/// The client's id when it is short visible ASCII, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let visible = |text: &&str| {
        !text.is_empty() && text.len() <= REQUEST_ID_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(visible);
    given.map_or_else(|| uuid::Uuid::new_v4().to_string().into(), Into::into)
}

/// Unknown methods share one label: they come from outside.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Counts down also when the client goes away and the request is dropped.
struct InFlight(&'static str);

impl InFlight {
    fn begin(method: &'static str) -> Self {
        gauge!("duckdb_api_requests_in_flight", "method" => method).increment(1.0);
        Self(method)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("duckdb_api_requests_in_flight", "method" => self.0).decrement(1.0);
    }
}

fn record(
    cx: &ErrorContext<'_>,
    found: Option<&Found>,
    response: &Response,
    code: Option<&str>,
    started: Instant,
    around: Option<&str>,
) {
    let took = started.elapsed();
    let status = response.status().as_u16();
    let endpoint = found.map_or(UNMATCHED, |found| &found.matched.template).to_owned();
    let method = method_label(cx.method);
    tracing::info!(
        http.method = method,
        http.route = endpoint,
        http.status = status,
        http.duration_ms = took.as_secs_f64() * 1e3,
        http.request_id = cx.request_id,
        actor = cx.principal.map(|principal| tracing::field::display(&principal.actor)),
        error.code = code,
        trace.id = around.and_then(|around| around.split('-').nth(1)),
        "request answered"
    );
    if !found.is_none_or(|found| found.instrumented) {
        return;
    }
    let status = status.to_string();
    let labels = [("method", method.to_owned()), ("endpoint", endpoint.clone())];
    counter!("alluvium_http_requests_total", "method" => method, "endpoint" => endpoint.clone(), "status" => status.clone())
        .increment(1);
    histogram!("alluvium_http_request_duration_seconds", &labels).record(took);
    counter!("duckdb_api_requests_total", "method" => method, "endpoint" => endpoint.clone(), "status_code" => status)
        .increment(1);
    histogram!("duckdb_api_request_duration_seconds", &labels).record(took);
    if let Some(operation) = found.and_then(|found| found.operation.clone()) {
        let came_of_it = if response.status().is_success() { "success" } else { "error" };
        counter!("duckdb_operations_total", "operation" => operation.clone(), "status" => came_of_it).increment(1);
        histogram!("duckdb_operation_duration_seconds", "operation" => operation).record(took);
    }
    if let Some(code) = code {
        counter!("duckdb_api_errors_total", "type" => code.to_owned(), "endpoint" => endpoint).increment(1);
    }
}

/// The answer to a path that no route has.
pub(crate) async fn not_found(request: Request) -> ProblemResponse {
    Problem::new("http.not_found", 404, format!("There is nothing at `{}`.", request.uri().path())).into()
}

/// The answer to a method that the path does not serve; the router adds `Allow`.
pub(crate) async fn method_not_allowed(request: Request) -> ProblemResponse {
    let detail = format!(
        "`{}` does not serve {}; the `Allow` header lists what it does.",
        request.uri().path(),
        request.method()
    );
    Problem::new("http.method_not_allowed", 405, detail).into()
}

/// Headers of ours that scripts of other origins may read.
pub(crate) const EXPOSED: [HeaderName; 7] = [
    REQUEST_ID,
    crate::POSITION,
    crate::IDEMPOTENCY_KEY,
    crate::IDEMPOTENCY_REPLAY,
    axum::http::header::RETRY_AFTER,
    ALLOW,
    axum::http::header::ETAG,
];
