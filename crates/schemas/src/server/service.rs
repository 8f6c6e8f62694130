//! What a server says of itself.

use std::time::Duration;

use alluvium_kernel::Problem;
use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::Server;
use super::answer::Answer;

/// How far the index may be behind before the process counts as unwell, in messages.
const LAG_MESSAGES_MAX: u64 = 10_000;
/// How long the log may take to answer, in milliseconds.
const ANSWER_WAIT_MS: u64 = 1_000;
/// What all operations are, for `/openapi.json`: method, path, and what it does.
const OPERATIONS: &str = include_str!("operations.txt");

/// Answers whose media type does not depend on what the client takes.
pub(super) async fn unnegotiated(server: &Server, method: &Method, path: &[&str]) -> Option<Result<Response, Problem>> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    let response = match path {
        [] if reads || *method == Method::POST => plain(StatusCode::OK, &json!({})),
        ["master_available"] if reads => master_available(server).await,
        ["_health"] if reads => health(server).await,
        ["metrics"] if reads => {
            let mut response = Response::new(Body::from((server.metrics)()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
            response
        }
        ["openapi.json"] if reads => plain(StatusCode::OK, &openapi(server)),
        _ => return None,
    };
    Some(Ok(response))
}

/// The answer to a method that a path is not asked with: what it may be asked with.
pub(super) fn other_method(method: &Method, allow: &'static str) -> Response {
    let mut response = if *method == Method::OPTIONS {
        plain(StatusCode::OK, &json!({}))
    } else {
        plain(StatusCode::METHOD_NOT_ALLOWED, &json!({"error_code": 405, "message": "HTTP 405 Method Not Allowed"}))
    };
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Answers that anybody gets.
pub(super) fn open(method: &Method, path: &[&str]) -> Option<Answer> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    (reads && path == ["schemas", "types"]).then(|| Answer::Json(json!(["JSON", "PROTOBUF", "AVRO"])))
}

/// Answers on the server itself, for whoever may call at all.
pub(super) fn of_itself(method: &Method, path: &[&str]) -> Option<Answer> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    let cluster = json!({"kafka-cluster": "alluvium", "schema-registry-cluster": "alluvium"});
    Some(Answer::Json(match path {
        ["v1", "metadata", "id"] if reads => json!({"scope": {"path": [], "clusters": cluster}, "id": ""}),
        ["v1", "metadata", "version"] if reads => {
            json!({"version": env!("CARGO_PKG_VERSION"), "commitId": option_env!("ALLUVIUM_COMMIT").unwrap_or("unknown")})
        }
        ["v1", "metadata", "deployment"] if reads => json!({"attributes": []}),
        _ => return None,
    }))
}

fn plain(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(super::route::PLAIN));
    response
}

/// How many messages the index is behind; none if the log does not answer.
async fn lag(server: &Server) -> Option<u64> {
    tokio::time::timeout(Duration::from_millis(ANSWER_WAIT_MS), server.follower.lag()).await.ok()?.ok()
}

async fn master_available(server: &Server) -> Response {
    let mut response = plain(StatusCode::OK, &json!({"master_available": lag(server).await.is_some()}));
    let value = HeaderValue::from_static("no-store, no-cache, must-revalidate");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

async fn health(server: &Server) -> Response {
    let (ready, lag) = (server.follower.is_ready(), lag(server).await);
    let healthy = ready && lag.is_some_and(|lag| lag <= LAG_MESSAGES_MAX);
    let position = server.follower.position().to_token();
    let status = json!({"schema_registry_ready": ready, "lag": lag, "position": position});
    let code = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    plain(code, &json!({"healthy": healthy, "status": status}))
}

fn openapi(server: &Server) -> Value {
    let mut paths = serde_json::Map::new();
    for line in OPERATIONS.lines().filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, ' ');
        let (Some(method), Some(path), Some(summary)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let names = path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
        let parameters: Vec<Value> = names
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let operation = json!({
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "As asked", "content": {super::route::PLAIN: {}}},
                "default": {"description": "error_code and message", "content": {super::route::PLAIN: {"schema": {"$ref": "#/components/schemas/Error"}}}},
            },
        });
        let methods = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        methods[method.to_ascii_lowercase()] = operation;
    }
    let error =
        json!({"type": "object", "properties": {"error_code": {"type": "integer"}, "message": {"type": "string"}}});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Alluvium schema registry", "version": server.version.0},
        "paths": paths,
        "components": {"schemas": {"Error": error}},
    })
}
