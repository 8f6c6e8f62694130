//! The schema registry on a port of its own, and ways to talk to it as clients do.

use alluvium_testing::{NatsServer, Postgres, pick_port};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::World;

/// A world whose binary has the registry on a port of its own, open unless told otherwise.
pub struct Registry {
    /// The binary and its servers.
    pub world: World,
    /// Where the API is, without a slash at the end.
    pub url: String,
    http: reqwest::Client,
}

/// An answer with its headers.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Registry {
    /// Starts an open registry.
    pub async fn start() -> Self {
        Self::start_with(&[("ALLUVIUM_REGISTRY_OPEN", "true")]).await
    }

    /// Starts one with what is said in the environment.
    pub async fn start_with(envs: &[(&str, &str)]) -> Self {
        let port = pick_port().expect("a port");
        let listen = format!("127.0.0.1:{port}");
        let mut all = vec![("ALLUVIUM_REGISTRY_LISTEN", listen.as_str())];
        all.extend_from_slice(envs);
        let data = tempfile::tempdir().expect("a temporary directory");
        let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &all).await;
        Self { world, url: format!("http://{listen}"), http: reqwest::Client::new() }
    }

    /// Sends a request with these headers and a body that may be anything.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Reply {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, text: response.text().await.expect("a body") }
    }

    /// Sends JSON and gives status and body; null for no body.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let headers: &[(&str, &str)] =
            if body.is_some() { &[("content-type", "application/vnd.schemaregistry.v1+json")] } else { &[] };
        let method = method.parse().expect("a method");
        let reply = self.send(method, path, headers, body.map(|body| body.to_string().into_bytes())).await;
        let body = if reply.text.is_empty() { Value::Null } else { reply.json() };
        (reply.status.as_u16(), body)
    }

    /// `GET`, which must be answered with 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// Asserts that a request is answered with exactly this.
    pub async fn expect(&self, method: &str, path: &str, body: Option<Value>, status: u16, answer: Value) {
        let found = self.call(method, path, body).await;
        assert_eq!(found, (status, answer), "{method} {path}");
    }

    /// Asserts that a request is refused with a status and a code, and gives the message.
    pub async fn refused(&self, method: &str, path: &str, body: Option<Value>, status: u16, code: u32) -> String {
        let (found, answer) = self.call(method, path, body).await;
        assert_eq!((found, &answer["error_code"]), (status, &json!(code)), "{method} {path}: {answer}");
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(2), "{answer}");
        answer["message"].as_str().expect("a message").to_owned()
    }

    /// Registers an Avro schema and gives its id.
    pub async fn register(&self, subject: &str, schema: &str) -> u64 {
        let (status, body) =
            self.call("POST", &format!("/subjects/{subject}/versions"), Some(json!({"schema": schema}))).await;
        assert_eq!(status, 200, "{subject}: {body}");
        body["id"].as_u64().unwrap_or_else(|| panic!("no id: {body}"))
    }
}

/// A record with int fields that all have a default.
pub fn record(fields: &[&str]) -> String {
    let fields: Vec<Value> = fields.iter().map(|name| json!({"name": name, "type": "int", "default": 0})).collect();
    json!({"type": "record", "name": "R", "fields": fields}).to_string()
}
