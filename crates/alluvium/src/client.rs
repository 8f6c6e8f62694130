//! The command line's side of the HTTP surface.

mod session;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

pub use session::{DEMO_PROJECT, DevFile, Session, TableName};

use crate::failure::{Exit, Failure};

/// How long the server may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest error body that is read, in bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// A server with a key.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    /// The server of a session.
    pub fn new(session: &Session) -> Result<Self, Failure> {
        let http = crate::http::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| Failure::bug("no HTTP client can be made").because(&error))?;
        Ok(Self { http, base: session.server.trim_end_matches('/').to_owned(), key: session.key.clone() })
    }

    /// A request to a path whose parts are encoded already (see [`path`]).
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends; anything but success is a failure with the server's own code.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await) }
    }

    /// Sends, and reads the JSON answer.
    pub async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        response.json().await.map_err(|error| self.not_ours().because(&error))
    }

    /// `GET` as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(self.request(Method::GET, path)).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut failure =
            Failure::unavailable("cli.server_unreachable", format!("The server at {} does not answer.", self.base))
                .help("start it with `alluvium dev`, or name it with `--server URL`");
        let mut cause = std::error::Error::source(error);
        while let Some(this) = cause {
            failure.notes = vec![this.to_string()];
            cause = this.source();
        }
        failure
    }

    fn not_ours(&self) -> Failure {
        let message = format!("What answers at {} is not Alluvium.", self.base);
        Failure::unavailable("cli.not_alluvium", message).help("check `--server`")
    }

    async fn refused(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes[..bytes.len().min(ERROR_BYTES_MAX)]).unwrap_or_default();
        read_problem(status, &body).unwrap_or_else(|| self.not_ours().note(format!("HTTP status {status}")))
    }
}

/// Reads an error of ours: RFC 9457, or the shape of the storage surface.
fn read_problem(status: u16, body: &Value) -> Option<Failure> {
    let exit = Exit::of_status(status);
    let failure = if let Some(code) = body.get("code").and_then(Value::as_str) {
        let mut failure = Failure::new(exit, code, body.get("detail").and_then(Value::as_str).unwrap_or_default());
        for error in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            failure.notes.push(format!("{}: {}", text("field"), text("message")));
        }
        failure
    } else {
        match body.get("detail")? {
            Value::String(text) if status == 401 => Failure::new(exit, "http.not_authenticated", text.clone()),
            Value::String(text) => Failure::new(exit, "http.not_found", text.clone()),
            Value::Array(errors) => {
                let mut failure = Failure::new(exit, "http.invalid_body", "The request has a wrong field.");
                for error in errors {
                    let place = error.get("loc").map(Value::to_string).unwrap_or_default();
                    failure.notes.push(format!("{place}: {}", error.get("msg").and_then(Value::as_str).unwrap_or("")));
                }
                failure
            }
            detail => {
                let code = detail.get("error")?.as_str()?;
                let message = detail.get("message").and_then(Value::as_str).unwrap_or_default();
                Failure::new(exit, coded(code), message)
            }
        }
    };
    let info = crate::errors::catalogue().get(&failure.code);
    Some(match info {
        Some(info) if failure.help.is_none() => failure.help(info.help),
        _ => failure,
    })
}

/// The storage surface answers with bare codes; the catalogue has them under their context.
pub fn coded(bare: &str) -> String {
    let known = |code: &String| crate::errors::catalogue().get(code).is_some();
    ["storage", "access", "http", "platform", "projection"]
        .into_iter()
        .map(|context| format!("{context}.{bare}"))
        .find(known)
        .unwrap_or_else(|| bare.to_owned())
}

/// A path from its parts, each encoded.
pub fn path(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |mut path, part| {
        path.push('/');
        path.extend(percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC));
        path
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_of_problems_are_read() {
        let ours =
            json!({"code": "http.invalid_query", "detail": "no", "errors": [{"field": "limit", "message": "1 up"}]});
        let failure = read_problem(422, &ours).unwrap();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Rejected, "http.invalid_query"));
        assert_eq!(failure.notes, ["limit: 1 up"]);
        let theirs = json!({"detail": {"error": "no_such_code_here", "message": "there"}});
        assert_eq!(read_problem(409, &theirs).unwrap().exit, Exit::Conflict);
        assert_eq!(read_problem(401, &json!({"detail": "Not authenticated"})).unwrap().exit, Exit::NotAllowed);
        assert!(read_problem(500, &json!({"oops": 1})).is_none());
    }

    #[test]
    fn names_stay_one_part_of_the_path() {
        assert_eq!(path(&["projects", "a/../b c"]), "/projects/a%2F%2E%2E%2Fb%20c");
    }
}
