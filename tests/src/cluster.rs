//! The platform as processes with split roles on a log of three nodes, and ways to talk to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_testing::{Alluvium, AlluviumBuilder, NatsCluster, Postgres, pick_port};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{ADMIN, binary};

/// How long anything may take that must happen.
const EVENTUALLY: Duration = Duration::from_mins(2);
/// How long one request may take.
const REQUEST: Duration = Duration::from_mins(2);

/// Two deciders, one runner of projections, two keepers of tables, one HTTP surface.
pub struct Cluster {
    /// The role `api`; first, so that it stops while the others still answer.
    pub api: Alluvium,
    /// The role `tables`, twice.
    pub tables: Vec<Alluvium>,
    /// Where each of them listens for other processes.
    pub peers: Vec<String>,
    /// The role `projections`.
    pub projections: Alluvium,
    /// The role `commands`, twice.
    pub commands: Vec<Alluvium>,
    /// The log.
    pub nats: NatsCluster,
    /// The cluster the read models are in.
    pub postgres: Arc<Postgres>,
    _data: tempfile::TempDir,
    http: reqwest::Client,
}

impl Cluster {
    /// Starts everything; unsigned publishers of the default tenant may do all.
    pub async fn start() -> Self {
        let nats = NatsCluster::start().await;
        let postgres = Postgres::shared().await;
        let database = postgres.database().await;
        let data = tempfile::tempdir().expect("a temporary directory");
        let with = |name: &str, role: &str| -> AlluviumBuilder {
            Alluvium::builder(binary())
                .args(["serve", "--role", role])
                .env("ALLUVIUM_NATS_URL", nats.url())
                .env("ALLUVIUM_NATS_REPLICAS", "3")
                .env("ALLUVIUM_POSTGRES_URL", database.clone())
                .env("ALLUVIUM_POSTGRES_CONNECTIONS_MAX", "6")
                .env("ALLUVIUM_DATA_DIR", data.path().join(name))
                .env("ALLUVIUM_BLOBS_DIR", data.path().join("blobs"))
                .env("ALLUVIUM_ADMIN_KEY", ADMIN)
                .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        };
        // The first makes the streams and schemas.
        let first = with("commands-0", "commands").start().await;
        let peers: Vec<String> = (0..2).map(|_| format!("127.0.0.1:{}", pick_port().expect("a port"))).collect();
        let keeper = |n: usize| with(&format!("tables-{n}"), "tables").env("ALLUVIUM_PEERS_LISTEN", &peers[n]).start();
        let (second, projections, one, two, api) = tokio::join!(
            with("commands-1", "commands").start(),
            with("projections", "projections").start(),
            keeper(0),
            keeper(1),
            with("api", "api").start(),
        );
        let (tables, commands, http) = (vec![one, two], vec![first, second], reqwest::Client::new());
        let cluster = Self { api, tables, peers, projections, commands, nats, postgres, _data: data, http };
        let granted = cluster.post("/commands/access/GrantPublishers", &json!({ "rights": "all" })).await;
        assert_eq!(granted["status"], "accepted", "{granted}");
        cluster
    }

    /// A command under an id of its own; status and outcome.
    pub async fn command(&self, id: &str, name: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}/commands/{name}", self.api.url())).bearer_auth(ADMIN);
        let request = request.header("Alv-Command-Id", id).json(body).timeout(REQUEST);
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// One HTTP request; status, position and JSON body.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        after: Option<&str>,
    ) -> (StatusCode, Option<String>, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.api.url())).bearer_auth(ADMIN);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(after) = after {
            request = request.header("Alv-Min-Position", after).header("Alv-Wait-Ms", "20000");
        }
        let response = request.timeout(REQUEST).send().await.expect("the server answers");
        let status = response.status();
        let position = response.headers().get("alv-position").and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let bytes = response.bytes().await.expect("the answer has a body");
        (status, position, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A GET that must succeed, in the end: 503 says "try again".
    pub async fn get(&self, path: &str) -> Value {
        self.until_served(Method::GET, path, None, None).await.1
    }

    /// A POST that must succeed, in the end.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.until_served(Method::POST, path, Some(body), None).await.1
    }

    /// A request that must succeed; 503 is tried again, as it asks for.
    pub async fn until_served(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        after: Option<&str>,
    ) -> (Option<String>, Value) {
        let began = Instant::now();
        loop {
            let (status, position, answer) = self.ask(method.clone(), path, body, after).await;
            if status.is_success() {
                return (position, answer);
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}: {answer}");
            assert!(began.elapsed() < EVENTUALLY, "{method} {path} is never served: {answer}\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Rows of the answer to a query that must succeed.
    pub async fn query(&self, project: &str, sql: &str, after: Option<&str>) -> Value {
        let (path, body) = (format!("/projects/{project}/query"), json!({ "query": sql }));
        let (_, answer) = self.until_served(Method::POST, &path, Some(&body), after).await;
        assert_eq!(answer["status"], "ok", "{sql}: {answer}");
        answer["data"]["rows"].clone()
    }

    /// Rows of a table of bucket `b`.
    pub async fn count(&self, project: &str, table: &str) -> u64 {
        let rows = self.query(project, &format!("SELECT count(*) FROM b.{table}"), None).await;
        rows[0][0].as_u64().expect("a count")
    }

    /// Creates a project with a bucket `b` and a table `t` of one number in it.
    pub async fn project(&self, id: &str) {
        self.post("/projects", &json!({ "id": id })).await;
        self.post(&format!("/projects/{id}/branches/default/buckets"), &json!({ "name": "b" })).await;
        let table = json!({ "name": "t", "columns": [{ "name": "n", "type": "BIGINT" }], "primary_key": [] });
        self.post(&format!("/projects/{id}/branches/default/buckets/b/tables"), &table).await;
    }

    /// Uploads content in the three steps; gives the file's id.
    pub async fn upload(&self, project: &str, name: &str, content: &'static str) -> String {
        let prepared = self.post(&format!("/projects/{project}/files/prepare"), &json!({ "filename": name })).await;
        let url = format!("{}{}", self.api.url(), prepared["upload_url"].as_str().expect("an upload url"));
        let part = reqwest::multipart::Part::text(content).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let sent = self.http.post(url).bearer_auth(ADMIN).multipart(form).send().await.expect("the server answers");
        assert!(sent.status().is_success(), "upload: {}", sent.status());
        let body = json!({ "upload_key": prepared["upload_key"] });
        self.post(&format!("/projects/{project}/files"), &body).await["id"].as_str().expect("a file id").to_owned()
    }

    /// The files of every keeper must equal a fold of the log from its beginning.
    pub async fn verify(&self) {
        for keeper in &self.tables {
            let request = self.http.post(format!("{}/projections/tables/verify", keeper.url())).bearer_auth(ADMIN);
            let told = request.timeout(REQUEST).send().await.expect("an answer").text().await.expect("its lines");
            let last: Value = told.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
            assert_eq!(last["result"], "equal", "{told}");
        }
    }

    /// Waits until a condition holds.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < EVENTUALLY, "never happened: {what}\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Which of the two keepers has each of these projects now, by the claims on the log.
    pub async fn keepers(&self, projects: &[String]) -> Vec<Option<usize>> {
        let js = async_nats::jetstream::new(self.nats.connect().await);
        let Ok(store) = js.get_key_value("OWNERS").await else { return vec![None; projects.len()] };
        let mut names = Vec::new();
        for keeper in &self.tables {
            let line = keeper.output().lines().rev().find_map(|line| {
                let (_, rest) = line.split_once("this process is among the nodes")?;
                Some(rest.split_once("node=")?.1.split_whitespace().next()?.to_owned())
            });
            names.push(line.unwrap_or_default());
        }
        let mut found = vec![None; projects.len()];
        let mut keys = store.keys().await.expect("the keys of the claims");
        while let Some(key) = futures::StreamExt::next(&mut keys).await {
            let Ok(key) = key else { continue };
            let Ok(Some(value)) = store.get(key).await else { continue };
            let Ok(claim) = serde_json::from_slice::<Value>(&value) else { continue };
            let project = claim["project"].as_str().unwrap_or_default();
            let at = projects.iter().position(|known| project == format!("default.{known}"));
            if let Some(at) = at.filter(|_| claim["released"].is_null()) {
                found[at] = names.iter().position(|name| claim["owner"] == name.as_str());
            }
        }
        found
    }

    /// What all processes have printed.
    pub fn output(&self) -> String {
        let parts = [("api", &self.api), ("projections", &self.projections)];
        let many =
            self.tables.iter().map(|one| ("tables", one)).chain(self.commands.iter().map(|one| ("commands", one)));
        let warnings = |text: String| {
            let loud = text.lines().filter(|line| !line.contains("request answered")).collect::<Vec<_>>();
            loud[loud.len().saturating_sub(40)..].join("\n")
        };
        parts.into_iter().chain(many).map(|(name, one)| format!("=== {name}\n{}\n", warnings(one.output()))).collect()
    }
}
