//! Pipelines as their users see them, through processes that die, and their files as they lie on the disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{ADMIN, World};

/// How long anything may take that must happen.
const EVENTUALLY: Duration = Duration::from_mins(2);
/// Pause before something is tried again.
const AGAIN: Duration = Duration::from_millis(30);

/// A client of one pipeline that asks again until it is answered.
#[derive(Clone)]
pub struct PipelineClient {
    http: reqwest::Client,
    url: String,
}

/// The rows of a relation, and how often each is there.
pub type Bag = BTreeMap<Vec<String>, i64>;

impl PipelineClient {
    /// A client of a pipeline, which need not be there yet.
    pub fn new(world: &World, name: &str) -> Self {
        Self { http: reqwest::Client::new(), url: format!("{}/v0/pipelines/{name}", world.alluvium.url()) }
    }

    /// Makes the pipeline and waits until its program is compiled.
    pub async fn create(&self, program: &str, runtime_config: Value) {
        let (root, name) = self.url.rsplit_once('/').expect("a URL has parts");
        let body = json!({ "name": name, "program_code": program, "runtime_config": runtime_config });
        let request = self.http.post(root).bearer_auth(ADMIN).json(&body).send().await.expect("an answer");
        assert_eq!(request.status(), StatusCode::CREATED, "{:?}", request.text().await);
        self.compiled().await;
    }

    /// Gives the pipeline another program and waits until it is compiled.
    pub async fn edit(&self, program: &str) {
        self.must(Method::PATCH, "", Some(&json!({ "program_code": program }))).await;
        self.compiled().await;
    }

    async fn compiled(&self) {
        self.until(|pipeline| {
            let status = pipeline["program_status"].as_str().unwrap_or_default();
            assert!(!status.ends_with("Error"), "{pipeline}");
            status == "Success"
        })
        .await;
    }

    /// One request; status and body. None when nobody answered.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(ADMIN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.timeout(EVENTUALLY).send().await.ok()?;
        let (status, text) = (response.status(), response.text().await.ok()?);
        Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// One that must succeed, in the end.
    pub async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let began = Instant::now();
        loop {
            let told = self.ask(method.clone(), path, body).await;
            if let Some((_, answer)) = told.as_ref().filter(|(status, _)| status.is_success()) {
                return answer.clone();
            }
            assert!(began.elapsed() < EVENTUALLY, "{method} {path} never succeeds: {told:?}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until the pipeline is so; gives it then.
    pub async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let pipeline = self.must(Method::GET, "?selector=all", None).await;
            if is_so(&pipeline) {
                return pipeline;
            }
            assert!(began.elapsed() < EVENTUALLY, "the pipeline never becomes what it should: {pipeline}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until its statistics are so.
    pub async fn until_stats(&self, are_so: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let stats = self.must(Method::GET, "/stats", None).await;
            if are_so(&stats) {
                return;
            }
            assert!(began.elapsed() < EVENTUALLY, "the statistics never become so: {stats}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until it has a status.
    pub async fn becomes(&self, status: &str) -> Value {
        let found = self.until(|pipeline| {
            let failed = status != "Stopped" && !pipeline["deployment_error"].is_null();
            assert!(!failed, "it should become {status} and failed: {}", pipeline["deployment_error"]);
            pipeline["deployment_status"] == status
        });
        found.await
    }

    /// Starts it and waits until it runs.
    pub async fn start(&self) {
        self.must(Method::POST, "/start", None).await;
        self.becomes("Running").await;
    }

    /// Stops it and waits until it has stopped.
    pub async fn stop(&self, force: bool) -> Value {
        self.must(Method::POST, &format!("/stop?force={force}"), None).await;
        self.becomes("Stopped").await
    }

    /// Sends rows under a name until they are taken; gives the token.
    pub async fn push(&self, table: &str, name: &str, rows: &str) -> String {
        let began = Instant::now();
        loop {
            let request = self.http.post(format!("{}/ingress/{table}?format=json", self.url)).bearer_auth(ADMIN);
            let request = request.header("Idempotency-Key", name).body(rows.to_owned()).timeout(EVENTUALLY);
            let told = match request.send().await {
                Ok(response) => Some((response.status(), response.text().await.unwrap_or_default())),
                Err(_) => None,
            };
            if let Some((status, text)) = &told {
                assert_ne!(*status, StatusCode::BAD_REQUEST, "{text}");
                let answer: Value = serde_json::from_str(text).unwrap_or_default();
                if let (true, Some(token)) = (status.is_success(), answer["token"].as_str()) {
                    return token.to_owned();
                }
            }
            assert!(began.elapsed() < EVENTUALLY, "rows are never taken: {told:?}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until what a token stands for is in tables and views.
    pub async fn complete(&self, token: &str) {
        let began = Instant::now();
        while self.must(Method::GET, &format!("/completion_status?token={token}"), None).await["status"] != "complete" {
            assert!(began.elapsed() < EVENTUALLY, "a token is never complete");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The rows that a query gives, as texts in the order of the columns' names.
    pub async fn query(&self, sql: &str) -> Bag {
        let began = Instant::now();
        loop {
            let request = self.http.get(format!("{}/query", self.url)).query(&[("sql", sql), ("format", "json")]);
            let told = match request.bearer_auth(ADMIN).timeout(EVENTUALLY).send().await {
                Ok(response) => Some((response.status(), response.text().await.unwrap_or_default())),
                Err(_) => None,
            };
            if let Some((_, text)) = told.as_ref().filter(|(status, _)| status.is_success()) {
                let lines = text.lines().filter(|line| !line.is_empty());
                return bag(lines.map(|line| row(&serde_json::from_str(line).expect("a row is JSON"))));
            }
            assert!(began.elapsed() < EVENTUALLY, "{sql} is never answered: {told:?}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Waits until a query gives these rows.
    pub async fn until_rows(&self, sql: &str, rows: &Bag) {
        let began = Instant::now();
        loop {
            let found = self.query(sql).await;
            if found == *rows {
                return;
            }
            assert!(began.elapsed() < EVENTUALLY, "{sql} gives {found:?} and never {rows:?}");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// How often each row is there.
pub fn bag(rows: impl IntoIterator<Item = Vec<String>>) -> Bag {
    let mut bag = Bag::new();
    rows.into_iter().for_each(|row| *bag.entry(row).or_default() += 1);
    bag
}

fn row(value: &Value) -> Vec<String> {
    let columns = value.as_object().expect("a row is an object");
    let sorted: BTreeMap<&String, &Value> = columns.iter().collect();
    sorted.values().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
}

/// The file of a table or view, as it lies there while no process has it.
pub struct PipelineFile {
    /// Where it is.
    pub path: PathBuf,
    /// The rows.
    pub rows: Bag,
    /// What all steps did together.
    pub journal: Bag,
    /// The step that it is at.
    pub step: i64,
    /// The steps that did something.
    pub steps: Vec<i64>,
}

/// The files of the only pipeline of a world, by relation, while nobody has them open.
pub fn files(world: &World) -> BTreeMap<String, PipelineFile> {
    let mut found = BTreeMap::new();
    let mut open = vec![world.data.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let is_current = !path.components().any(|part| part.as_os_str() == "checkpoints");
            if path.components().any(|part| part.as_os_str() == "_pipelines") && is_current && name.ends_with(".duckdb")
            {
                let relation = name.split('.').next().unwrap_or_default().to_owned();
                let before = found.insert(relation, file(path));
                assert!(before.is_none(), "{name} is there twice");
            }
        }
    }
    found
}

fn file(path: PathBuf) -> PipelineFile {
    // A copy with its log is looked at, so that the file stays as it was left.
    let copies = tempfile::tempdir().expect("a temporary directory");
    for ending in ["", ".wal"] {
        let from = PathBuf::from(format!("{}{ending}", path.display()));
        if from.exists() {
            std::fs::copy(&from, copies.path().join(format!("copy{ending}"))).expect("a copy");
        }
    }
    let connection = duckdb::Connection::open(copies.path().join("copy")).expect("the file opens");
    let columns = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'data' \
                   AND NOT starts_with(column_name, chr(1)) ORDER BY column_name";
    let columns: Vec<String> = texts(&connection, columns).into_iter().map(|row| row[0].clone()).collect();
    let list = columns.iter().map(|name| format!("CAST(\"{name}\" AS VARCHAR)")).collect::<Vec<_>>().join(", ");
    let number = |sql: &str| texts(&connection, sql).into_iter().map(|row| row[0].parse().expect("a number")).collect();
    let steps: Vec<i64> = number("SELECT DISTINCT \"\u{1}step\" FROM _steps ORDER BY 1");
    let at: Vec<i64> = number("SELECT step FROM _meta");
    let moved = format!("SELECT {list}, sum(\"\u{1}weight\") FROM _steps GROUP BY ALL");
    let mut journal = Bag::new();
    for mut row in texts(&connection, &moved) {
        let weight: i64 = row.pop().and_then(|weight| weight.parse().ok()).expect("a weight");
        if weight != 0 {
            journal.insert(row, weight);
        }
    }
    let rows = bag(texts(&connection, &format!("SELECT {list} FROM data")));
    PipelineFile { path, rows, journal, step: at[0], steps }
}

/// The rows of a query as texts.
pub fn texts(connection: &duckdb::Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let count = row.as_ref().column_count();
        found.push((0..count).map(|at| text(&row.get::<_, duckdb::types::Value>(at).expect("a value"))).collect());
    }
    found
}

fn text(value: &duckdb::types::Value) -> String {
    use duckdb::types::Value as V;
    match value {
        V::Null => "null".to_owned(),
        V::Text(text) => text.clone(),
        V::Int(number) => number.to_string(),
        V::BigInt(number) => number.to_string(),
        V::HugeInt(number) => number.to_string(),
        V::Boolean(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
