//! From a raw path to the handler, with all that comes before and after: media types, the caller, how fresh, how old.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alluvium_http::{MIN_POSITION, Principal, WAIT_MS, WAIT_MS_DEFAULT, WAIT_MS_MAX};
use alluvium_kernel::{Position, Problem, SchemaRights};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use futures::FutureExt as _;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::{Answer, as_of, at_position, refusal};
use super::negotiate::{V1_JSON, answer_type};
use super::params::{Params, not_found};
use super::{Dialect, Server, auth, body};
use crate::index::View;
use crate::model::Registry;
use crate::subject::{DEFAULT_CONTEXT, Name, context_of};

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 16 * 1024;

/// A request while it is answered.
pub(super) struct Call<'a> {
    pub server: &'a Server,
    pub caller: Principal,
    /// All that the caller may.
    pub rights: SchemaRights,
    pub params: Params,
    pub headers: HeaderMap,
    /// The context of names without one.
    pub within: String,
    /// What is known, now or as of the asked point.
    pub view: Arc<View>,
    // Behind a lock only so that a call may be shared while it waits.
    body: Mutex<Option<Body>>,
}

/// Answers a request; `prefix` is what its path begins with besides.
pub(super) async fn answer(server: &Server, request: Request, prefix: &str) -> Response {
    let (parts, body) = request.into_parts();
    let raw = parts.uri.path().strip_prefix(prefix).unwrap_or_default();
    if let Some(response) = known_id(server, raw, &parts) {
        return response;
    }
    let responding = respond(server, raw, parts.uri.query(), &parts.method, parts.headers, body);
    let result = AssertUnwindSafe(responding).catch_unwind().await;
    result.unwrap_or_else(|_| Err(crate::error::mistake("a handler panicked"))).unwrap_or_else(|problem| {
        if problem.status >= 500 {
            tracing::warn!(http.path = raw, code = problem.code, detail = problem.detail, "the registry cannot answer");
        }
        refusal(&problem, &server.listener)
    })
}

/// The way of most requests: a schema by its id in an open registry, with nothing else asked.
fn known_id(server: &Server, raw: &str, parts: &axum::http::request::Parts) -> Option<Response> {
    let id: u32 = raw.strip_prefix("/schemas/ids/")?.parse().ok()?;
    let plain = parts.method == Method::GET
        && parts.uri.query().is_none()
        && !parts.headers.contains_key(axum::http::header::AUTHORIZATION)
        && !parts.headers.contains_key(MIN_POSITION)
        && !parts.headers.contains_key(super::ids::UNKNOWN_PROPERTIES);
    if !plain || !server.settings.open {
        return None;
    }
    let media_type = answer_type(&parts.headers).ok()?;
    let view = server.follower.get().ok()?.view(&auth::anybody().tenant);
    let answer = super::ids::plain(&view, id, &server.listener)?;
    let mut response = answer.into_response(media_type);
    at_position(&mut response, &server.follower.position());
    Some(response)
}

async fn respond(
    server: &Server,
    raw: &str,
    query: Option<&str>,
    method: &Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if raw.len() > PATH_BYTES_MAX {
        return Err(Problem::new("http.path_too_long", 414, "HTTP 414 URI Too Long"));
    }
    let mut segments = decoded(raw, server.listener.dialect)?;
    let within = within(&mut segments);
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let params = Params::parse(query);
    if let Some(answer) = super::service::unnegotiated(server, method, &path).await {
        return answer;
    }
    let media_type = answer_type(&headers)?;
    if let Some(answer) = super::service::open(method, &path) {
        return Ok(answer.into_response(media_type));
    }
    if let Some(client) = headers.get("confluent-client-version").and_then(|value| value.to_str().ok()) {
        tracing::debug!(client, http.path = raw, "a registry client asks");
    }
    let (caller, rights) = server.admit(&headers).await?;
    let allow = allowed(&path).ok_or_else(not_found)?;
    if !allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return Ok(super::service::other_method(method, allow));
    }
    if let Some(answer) = super::service::of_itself(method, &path) {
        return Ok(answer.into_response(media_type));
    }
    fresh(server, &headers).await?;
    let reads = reads(method, &path);
    let (view, seq) = match params.text(&["asOf", "as_of"]).filter(|_| reads) {
        None => (server.follower.get()?.view(&caller.tenant), None),
        Some(point) => {
            let seq = server.past.resolve(point).await?;
            let mut view = server.past.at(&caller.tenant, seq).await?;
            if !rights.is_everything() {
                // What was deleted for good is for admins.
                let now = server.follower.get()?.view(&caller.tenant);
                view = Arc::new(view.without_purged(&now));
            }
            (view, Some(seq))
        }
    };
    let mut call = Call { server, caller, rights, params, headers, within, view, body: Mutex::new(Some(body)) };
    let answer = dispatch(&mut call, method, &path).await?;
    let mut response = answer.into_response(media_type);
    at_position(&mut response, &server.follower.position());
    if let Some(seq) = seq {
        as_of(&mut response, seq);
    }
    Ok(response)
}

/// The parts of a path, each percent-decoded once; one slash at the end does not count.
fn decoded(raw: &str, dialect: Dialect) -> Result<Vec<String>, Problem> {
    let trimmed = raw.strip_prefix('/').unwrap_or(raw);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    if trimmed.is_empty() {
        return Ok(Vec::new());
    }
    let decode = |segment: &str| {
        let plain = if dialect == Dialect::Karapace { segment.replace('+', " ") } else { segment.to_owned() };
        let text = percent_decode_str(&plain).decode_utf8().map(std::borrow::Cow::into_owned);
        text.map_err(|_| {
            Problem::new("http.invalid_path", 400, "A part of the path is not UTF-8 once percent-decoded.")
        })
    };
    trimmed.split('/').map(decode).collect()
}

/// Takes `contexts/{c}` off the front of a path that goes on behind it.
fn within(segments: &mut Vec<String>) -> String {
    if segments.len() > 2 && segments[0] == "contexts" {
        let context = context_of(&segments[1]);
        segments.drain(..2);
        return context;
    }
    DEFAULT_CONTEXT.to_owned()
}

/// Whether a request changes nothing.
fn reads(method: &Method, path: &[&str]) -> bool {
    *method == Method::GET
        || *method == Method::HEAD
        || (*method == Method::POST && matches!(path, ["compatibility", ..] | ["subjects", _]))
}

/// Waits until what is known here is as far as the client demands.
async fn fresh(server: &Server, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = headers.get(MIN_POSITION) else { return Ok(()) };
    let invalid = || Problem::new("http.invalid_position", 400, "`Alv-Min-Position` is not a position token.");
    let position = token.to_str().ok().and_then(|token| Position::from_token(token).ok()).ok_or_else(invalid)?;
    let asked = headers.get(WAIT_MS).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let wait = Duration::from_millis(asked.unwrap_or(WAIT_MS_DEFAULT).min(WAIT_MS_MAX));
    server.follower.wait(&position, wait).await
}

async fn dispatch(call: &mut Call<'_>, method: &Method, path: &[&str]) -> Result<Answer, Problem> {
    use super::{compatibility, consumers, contexts, history, ids, lists, settings, subjects, tags, versions};
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    match (method, path) {
        ("GET", ["subjects"]) => lists::subjects(call),
        ("POST", ["subjects", s]) => subjects::look_up(call, s).await,
        ("DELETE", ["subjects", s]) => subjects::delete(call, s).await,
        ("GET", ["subjects", s, "versions"]) => lists::versions(call, s),
        ("POST", ["subjects", s, "versions"]) => subjects::register(call, s).await,
        ("GET", ["subjects", s, "versions", v]) => versions::get(call, s, v).await,
        ("GET", ["subjects", s, "versions", v, "schema"]) => versions::schema(call, s, v).await,
        ("GET", ["subjects", s, "versions", v, "referencedby"]) => versions::referenced_by(call, s, v),
        ("DELETE", ["subjects", s, "versions", v]) => versions::delete(call, s, v).await,
        ("POST", ["subjects", s, "versions", v, "tags"]) => tags::change(call, s, v).await,
        ("GET", ["subjects", s, "metadata"]) => versions::by_metadata(call, s).await,
        ("GET", ["subjects", s, "history"]) => history::of_subject(call, s).await,
        ("GET", ["schemas"]) => lists::schemas(call).await,
        ("GET", ["schemas", "ids", id]) => ids::get(call, number(id)?).await,
        ("GET", ["schemas", "ids", id, "schema"]) => ids::schema(call, number(id)?).await,
        ("GET", ["schemas", "ids", id, "subjects"]) => ids::subjects(call, number(id)?),
        ("GET", ["schemas", "ids", id, "versions"]) => ids::versions(call, number(id)?),
        ("GET", ["schemas", "guids", guid]) => ids::by_guid(call, guid).await,
        ("GET", ["schemas", "guids", guid, "ids"]) => ids::ids_of_guid(call, guid),
        ("GET", ["schemas", "fingerprints", hex]) => ids::by_fingerprint(call, hex),
        ("POST", ["compatibility", "subjects", s, "versions"]) => compatibility::with_all(call, s).await,
        ("POST", ["compatibility", "subjects", s, "versions", v]) => compatibility::with_one(call, s, v).await,
        ("POST", ["compatibility", "subjects", s, "consumers"]) => consumers::would_break(call, s).await,
        ("GET", ["config"]) => settings::get_config(call, None),
        ("PUT", ["config"]) => settings::put_config(call, None).await,
        ("DELETE", ["config"]) => settings::delete_config(call, None).await,
        ("GET", ["config", s]) => settings::get_config(call, Some(s)),
        ("PUT", ["config", s]) => settings::put_config(call, Some(s)).await,
        ("DELETE", ["config", s]) => settings::delete_config(call, Some(s)).await,
        ("GET", ["mode"]) => settings::get_mode(call, None),
        ("PUT", ["mode"]) => settings::put_mode(call, None).await,
        ("DELETE", ["mode"]) => settings::delete_mode(call, None).await,
        ("GET", ["mode", s]) => settings::get_mode(call, Some(s)),
        ("PUT", ["mode", s]) => settings::put_mode(call, Some(s)).await,
        ("DELETE", ["mode", s]) => settings::delete_mode(call, Some(s)).await,
        ("GET", ["contexts"]) => contexts::list(call),
        ("DELETE", ["contexts", c]) => contexts::delete(call, c).await,
        ("GET", ["events"]) => history::events(call),
        _ => Err(not_found()),
    }
}

/// What a path may be asked with, as the header `Allow` says it; none for a path that is none.
fn allowed(path: &[&str]) -> Option<&'static str> {
    Some(match path {
        [] | ["subjects", _, "versions"] => "GET, HEAD, POST",
        ["config" | "mode"] | ["config" | "mode", _] => "GET, HEAD, PUT, DELETE",
        ["subjects", _] => "POST, DELETE",
        ["subjects", _, "versions", _] => "GET, HEAD, DELETE",
        ["subjects", _, "versions", _, "tags"]
        | ["compatibility", "subjects", _, "versions" | "consumers"]
        | ["compatibility", "subjects", _, "versions", _] => "POST",
        ["contexts", _] => "DELETE",
        [
            "subjects" | "schemas" | "contexts" | "events" | "master_available" | "_health" | "metrics"
            | "openapi.json",
        ]
        | ["subjects", _, "metadata" | "history"]
        | ["subjects", _, "versions", _, "schema" | "referencedby"]
        | ["schemas", "types"]
        | ["schemas", "ids" | "guids" | "fingerprints", _]
        | ["schemas", "ids", _, "schema" | "subjects" | "versions"]
        | ["schemas", "guids", _, "ids"]
        | ["v1", "metadata", "id" | "version" | "deployment"] => "GET, HEAD",
        _ => return None,
    })
}

fn number(text: &str) -> Result<u32, Problem> {
    let number = text.parse::<i32>().map_err(|_| not_found())?;
    // A negative id is a number, and none has it.
    u32::try_from(number).map_err(|_| {
        Problem::new("schemas.schema_not_found", 404, format!("Schema {number} not found"))
            .with_details(serde_json::json!({"error_code": 40403}))
    })
}

impl Call<'_> {
    /// A context's aggregate.
    pub fn registry(&self, context: &str) -> Option<&Registry> {
        self.view.registry(context)
    }

    /// Whether a subject has versions, hidden or not.
    pub fn has_versions(&self, name: &Name) -> bool {
        let subject = self.registry(&name.context).and_then(|registry| registry.subject(&name.subject));
        subject.is_some_and(|subject| !subject.versions.is_empty())
    }

    /// The body, which must be an object.
    pub async fn body(&mut self) -> Result<Map<String, Value>, Problem> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        body::object(&self.headers, body.unwrap_or_default()).await
    }
}

/// The media type of what is not negotiated but JSON of the API all the same.
pub(super) const PLAIN: &str = V1_JSON;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_a_slash_at_the_end_does_not_count() {
        let of = |raw: &str| decoded(raw, Dialect::Confluent).unwrap();
        assert_eq!(of("/subjects/a%2Fb/versions/"), ["subjects", "a/b", "versions"]);
        assert_eq!(of("/subjects/a%252Fb+c"), ["subjects", "a%2Fb+c"]);
        assert_eq!(of("/"), [""; 0]);
        assert_eq!(decoded("/a+b", Dialect::Karapace).unwrap(), ["a b"]);
        assert!(decoded("/%ff", Dialect::Confluent).is_err());
    }

    #[test]
    fn a_context_in_front_is_taken_off() {
        let mut path = ["contexts", ":.c:", "subjects"].map(str::to_owned).to_vec();
        assert_eq!((within(&mut path).as_str(), path.len()), (".c", 1));
        let mut path = ["contexts", "c"].map(str::to_owned).to_vec();
        assert_eq!((within(&mut path).as_str(), path.len()), (".", 2));
    }
}
