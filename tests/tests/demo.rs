//! The demo on the whole of nycflights13: its answers equal the same queries run by DuckDB on the CSV files, and a rebuild
//! ends with identical content.

use std::process::Command;

use alluvium_blackbox::{ADMIN, World, binary, flights, repository};
use serde_json::{Value, json};

const QUERIES: [&str; 3] = ["busiest_routes", "delay_by_hour", "one_flight"];

/// The same query by DuckDB on the files, with the demo's column types.
fn straight(name: &str) -> Value {
    let (directory, demo) = (flights(), repository().join("demo"));
    let connection = duckdb::Connection::open_in_memory().expect("an in-memory DuckDB");
    connection.execute_batch("SET TimeZone = 'UTC'; CREATE SCHEMA nyc").expect("a schema");
    for table in ["airlines", "airports", "planes", "weather", "flights"] {
        let text = std::fs::read_to_string(demo.join(format!("tables/{table}.json"))).expect("a table of the demo");
        let spec: Value = serde_json::from_str(&text).expect("JSON");
        let columns: Vec<String> = spec["columns"]
            .as_array()
            .expect("columns")
            .iter()
            .filter_map(|column| Some(format!("'{}': '{}'", column["name"].as_str()?, column["type"].as_str()?)))
            .collect();
        let file = directory.join(format!("{table}.csv"));
        let sql = format!(
            "CREATE TABLE nyc.{table} AS SELECT * FROM read_csv('{}', header = true, nullstr = 'NA', columns = {{{}}})",
            file.display(),
            columns.join(", ")
        );
        connection.execute_batch(&sql).expect("the CSV loads");
    }
    let query = std::fs::read_to_string(demo.join(format!("queries/{name}.sql"))).expect("a query of the demo");
    let wrapped = format!("SELECT CAST(to_json(list(t)) AS VARCHAR) FROM ({query}) AS t");
    let text: String = connection.query_row(&wrapped, [], |row| row.get(0)).expect("the query runs");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn the_demo_answers_as_duckdb_does_and_survives_a_rebuild() {
    let world = World::start().await;
    let demo = Command::new(repository().join("scripts/demo"))
        .env("ALLUVIUM_BINARY", binary())
        .env("ALLUVIUM_SERVER", world.alluvium.url())
        .env("ALLUVIUM_KEY", ADMIN)
        .env("ALLUVIUM_NATS", world.nats.url())
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .output()
        .expect("scripts/demo runs");
    let (out, error) = (String::from_utf8_lossy(&demo.stdout), String::from_utf8_lossy(&demo.stderr));
    assert!(demo.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
    let answers = async || {
        let mut answers = Vec::new();
        for name in QUERIES {
            let sql = std::fs::read_to_string(repository().join(format!("demo/queries/{name}.sql"))).unwrap();
            answers.push(world.query("demo", &sql).await);
        }
        answers
    };
    let live = answers().await;
    for (name, answer) in QUERIES.iter().zip(&live) {
        assert_eq!(answer, &straight(name), "{name}");
    }
    assert_eq!(world.query("demo", "SELECT count(*) AS n FROM nyc.flights").await, json!([{ "n": 336_776 }]));
    let flight = world
        .post(
            "/projects/demo/branches/default/buckets/nyc/tables/flights/preview",
            &json!({ "where_filters": [
                { "column": "time_hour", "operator": "eq", "values": ["2013-01-01T10:00:00Z"] },
                { "column": "carrier", "operator": "eq", "values": ["UA"] },
                { "column": "flight", "operator": "eq", "values": ["1545"] },
            ] }),
        )
        .await;
    assert_eq!((&flight["total_row_count"], &flight["rows"][0]["tailnum"]), (&json!(1), &json!("N14228")));
    let rebuilt = world.cli(&["projections", "rebuild", "--all", "--yes"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(answers().await, live, "a rebuild ends with identical content");
    let verified = world.cli(&["projections", "verify", "--all"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
