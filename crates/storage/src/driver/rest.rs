//! Requests to this process's own surface, with the credential of who asked.

use std::sync::atomic::{AtomicU32, Ordering};

use alluvium_http::Principal;
use alluvium_kernel::Problem;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tower::ServiceExt as _;

use super::DriverRoutes;

/// How large an answer may be, in bytes: a preview of wide rows.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// What stands in a part of a path as it is.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');
/// What of a request says who asks, and what for.
const PASSED_ON: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-storageapi-token"),
    HeaderName::from_static("alv-min-position"),
    HeaderName::from_static("alv-wait-ms"),
];
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");

/// The surface, for one caller.
pub(super) struct Rest {
    surface: Router,
    headers: HeaderMap,
    /// What keys of single requests are made of, where the whole has one.
    key: Option<String>,
    step: AtomicU32,
}

impl Rest {
    pub fn new(
        state: &DriverRoutes,
        principal: &Principal,
        given: &HeaderMap,
        request_id: &str,
    ) -> Result<Self, Problem> {
        let surface = state.surface.get().and_then(std::sync::Weak::upgrade).ok_or_else(|| {
            Problem::unavailable("storage.catalogue_unavailable", "The surface is not there yet. Try again.")
        })?;
        let mut headers = HeaderMap::new();
        for name in PASSED_ON {
            if let Some(value) = given.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let key = given.contains_key(IDEMPOTENCY_KEY).then(|| principal.seed.uuid("driver").to_string());
        let surface = Router::clone(&surface);
        Ok(Self { surface, headers, key, step: AtomicU32::new(0) })
    }

    pub async fn get(&self, path: &str) -> Result<Value, Problem> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Problem> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Value, Problem> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str, body: Option<Value>) -> Result<Value, Problem> {
        self.ask(Method::DELETE, path, body).await
    }

    /// One request; its body, or what is wrong in one text.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Problem> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| Problem::internal())?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(key) = &self.key {
            // The same ones when the whole is sent again: what was done stays done once.
            let key = format!("{key}-{}", self.step.fetch_add(1, Ordering::Relaxed));
            request
                .headers_mut()
                .insert(IDEMPOTENCY_KEY, HeaderValue::from_str(&key).map_err(|_| Problem::internal())?);
        }
        let response = self.surface.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.map_err(|error| {
            tracing::warn!(error = %error, "an answer of the surface cannot be read");
            Problem::unavailable("storage.table_unavailable", "The answer could not be read. Try again.")
        })?;
        let answer = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() { Ok(answer) } else { Err(refused(status.as_u16(), &answer)) }
    }
}

/// What the surface said, as this bridge says it.
fn refused(status: u16, answer: &Value) -> Problem {
    let detail = answer.get("detail").unwrap_or(answer);
    let first = detail.get(0);
    let code = detail.get("error").and_then(Value::as_str).unwrap_or("driver_command");
    let text = match (detail, first) {
        (Value::String(text), _) => text.clone(),
        (_, Some(mistake)) => {
            let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let place: Vec<String> = mistake["loc"].as_array().into_iter().flatten().map(words).collect();
            format!("{}: {}", place.join("."), mistake["msg"].as_str().unwrap_or("is wrong"))
        }
        _ => detail.get("message").and_then(Value::as_str).unwrap_or("The surface did not do it.").to_owned(),
    };
    let status = match status {
        // The caller is known; it is the right that is missing.
        401 => 403,
        422 => 400,
        other => other,
    };
    Problem::new(format!("storage.{code}"), status, text)
}

/// A path of the surface; each part is one, whatever stands in it.
pub(super) fn path(parts: &[&str]) -> String {
    let part = |part: &&str| match *part {
        // Neither of them would be a part of its own.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        part => utf8_percent_encode(part, &PLAIN).to_string(),
    };
    parts.iter().fold(String::new(), |path, next| path + "/" + &part(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_of_a_path_stays_one() {
        assert_eq!(path(&["projects", "a/b", "..", "x?y"]), "/projects/a%2Fb/%2E%2E/x%3Fy");
    }

    #[test]
    fn refusals_are_one_text() {
        let stated = refused(404, &json!({"detail": {"error": "bucket_not_found", "message": "Bucket x not found"}}));
        assert_eq!(
            (stated.status, stated.code.as_str(), stated.detail.as_str()),
            (404, "storage.bucket_not_found", "Bucket x not found")
        );
        let shape = refused(422, &json!({"detail": [{"loc": ["body", "name"], "msg": "Field required"}]}));
        assert_eq!((shape.status, shape.detail.as_str()), (400, "body.name: Field required"));
        let denied = refused(401, &json!({"detail": {"error": "unauthorized", "message": "Invalid admin API key"}}));
        assert_eq!((denied.status, denied.detail.as_str()), (403, "Invalid admin API key"));
        assert_eq!(refused(409, &json!({"error": "idempotency_conflict", "message": "m"})).detail, "m");
    }
}
