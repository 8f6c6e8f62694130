//! What the black-box tests share: a world of real servers with the real binary in it, and ways to talk to it.

pub mod certificates;
mod cli;
pub mod cluster;
pub mod demo;
pub mod known;
pub mod machine;
pub mod pipelines;
pub mod registry;
pub mod sessions;

use std::path::PathBuf;
use std::time::Duration;

pub use cli::{Cli, binary};

use alluvium_testing::{Alluvium, NatsServer, Postgres};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The admin key of every world.
pub const ADMIN: &str = "admin-key-of-the-tests";

/// A private nats-server, a private database, and `alluvium serve` on them.
pub struct World {
    /// The binary; first, so that it stops while its servers still answer.
    pub alluvium: Alluvium,
    /// The log.
    pub nats: NatsServer,
    /// The cluster the read models are in.
    pub postgres: std::sync::Arc<Postgres>,
    /// Its database there.
    pub database: String,
    /// Where it keeps files.
    pub data: tempfile::TempDir,
    http: reqwest::Client,
}

impl World {
    /// Starts everything; unsigned publishers of the default tenant may do all, as in `alluvium dev`.
    pub async fn start() -> Self {
        let world = Self::closed().await;
        world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
        world
    }

    /// Starts everything with nothing granted to unsigned publishers.
    pub async fn closed() -> Self {
        Self::closed_with(&[]).await
    }

    /// The same with more in the binary's environment.
    pub async fn closed_with(envs: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        Self::closed_on(NatsServer::start().await, Postgres::shared().await, data, envs).await
    }

    /// The same as [`World::start`] on servers and a data directory of one's own, with further environment variables.
    pub async fn start_on(
        nats: NatsServer,
        postgres: std::sync::Arc<Postgres>,
        data: tempfile::TempDir,
        envs: &[(&str, &str)],
    ) -> Self {
        let world = Self::closed_on(nats, postgres, data, envs).await;
        world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
        world
    }

    async fn closed_on(
        nats: NatsServer,
        postgres: std::sync::Arc<Postgres>,
        data: tempfile::TempDir,
        envs: &[(&str, &str)],
    ) -> Self {
        let database = postgres.database().await;
        let mut builder = Alluvium::builder(binary())
            .args(["serve"])
            .env("ALLUVIUM_NATS_URL", nats.url())
            .env("ALLUVIUM_POSTGRES_URL", &database)
            .env("ALLUVIUM_DATA_DIR", data.path())
            .env("ALLUVIUM_ADMIN_KEY", ADMIN)
            .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32));
        for (name, value) in envs {
            builder = builder.env(name, value);
        }
        let alluvium = builder.start().await;
        Self { nats, postgres, alluvium, database, data, http: reqwest::Client::new() }
    }

    /// One HTTP request with the admin key; status and JSON body (null when there is none).
    pub async fn http(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        self.http_as(Some(ADMIN), method, path, body).await
    }

    /// One HTTP request with some key or none.
    pub async fn http_as(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.alluvium.url()));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.timeout(Duration::from_mins(2)).send().await.expect("the server answers");
        let status = response.status();
        let bytes = response.bytes().await.expect("the answer has a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A GET that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.http(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// A GET that must succeed, of what shows an outcome.
    pub async fn get_after(&self, path: &str, outcome: &Value) -> Value {
        let position = outcome["position"].as_str().expect("a position");
        let request = self.http.get(format!("{}{path}", self.alluvium.url())).bearer_auth(ADMIN);
        let response = request.header("alv-min-position", position).send().await.expect("the server answers");
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.json().await.expect("JSON")
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.http(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// A command over HTTP that must be accepted.
    pub async fn command(&self, context: &str, name: &str, body: &Value) -> Value {
        let outcome = self.post(&format!("/commands/{context}/{name}"), body).await;
        assert_eq!(outcome["status"], "accepted", "{name}: {outcome}");
        outcome
    }

    /// Creates a project and a bucket `b` in it.
    pub async fn project(&self, id: &str) {
        self.post("/projects", &json!({ "id": id })).await;
        self.post(&format!("/projects/{id}/branches/default/buckets"), &json!({ "name": "b" })).await;
    }

    /// Creates a table in bucket `b`.
    pub async fn table(&self, project: &str, name: &str, columns: &[(&str, &str)], primary_key: &[&str]) {
        let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
        let body = json!({ "name": name, "columns": columns, "primary_key": primary_key });
        self.post(&format!("/projects/{project}/branches/default/buckets/b/tables"), &body).await;
    }

    /// Uploads content in the three steps; gives the file's id.
    pub async fn upload(&self, project: &str, name: &str, content: Vec<u8>) -> String {
        let prepared = self.post(&format!("/projects/{project}/files/prepare"), &json!({ "filename": name })).await;
        let url = prepared["upload_url"].as_str().expect("an upload url");
        let form = reqwest::multipart::Form::new()
            .part("file", reqwest::multipart::Part::bytes(content).file_name(name.to_owned()));
        let response = self
            .http
            .post(format!("{}{url}", self.alluvium.url()))
            .bearer_auth(ADMIN)
            .multipart(form)
            .send()
            .await
            .expect("the server answers");
        assert!(response.status().is_success(), "upload: {}", response.status());
        let body = json!({ "upload_key": prepared["upload_key"] });
        self.post(&format!("/projects/{project}/files"), &body).await["id"].as_str().expect("a file id").to_owned()
    }

    /// The answer of a query over `bucket.table` names.
    pub async fn query(&self, project: &str, sql: &str) -> Value {
        let answer = self.post(&format!("/projects/{project}/query"), &json!({ "query": sql })).await;
        assert_eq!(answer["status"], "ok", "{sql}: {answer}");
        let names: Vec<&str> = columns(&answer["data"]["columns"]);
        let rows = answer["data"]["rows"].as_array().expect("rows").iter();
        let named = |row: &Value| {
            let values = row.as_array().expect("a row is an array of values").iter();
            Value::Object(names.iter().map(|name| (*name).to_owned()).zip(values.cloned()).collect())
        };
        Value::Array(rows.map(named).collect())
    }

    /// The command line against this world.
    pub fn terminal(&self) -> Cli {
        Cli { server: self.alluvium.url(), nats: self.nats.url() }
    }

    /// Runs the command line against this world, once.
    pub fn cli(&self, args: &[&str]) -> std::process::Output {
        self.terminal().run(args)
    }

    /// Every projection must equal a rebuild from the log.
    pub fn verify(&self) {
        let verified = self.cli(&["projections", "verify", "--all"]);
        let (out, error) = (String::from_utf8_lossy(&verified.stdout), String::from_utf8_lossy(&verified.stderr));
        assert!(verified.status.success(), "{}: {out}\n{error}", verified.status);
    }

    /// Waits until a condition holds, for a minute at the most.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let began = std::time::Instant::now();
        while !holds().await {
            assert!(began.elapsed() < Duration::from_mins(1), "never happened: {what}\n{}", self.alluvium.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn columns(columns: &Value) -> Vec<&str> {
    columns.as_array().expect("columns").iter().filter_map(|column| column["name"].as_str()).collect()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}
