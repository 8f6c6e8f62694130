//! The demo on the whole of nycflights13: its answers equal the same queries run by DuckDB on the CSV files, and a rebuild
//! ends with identical content.

use std::process::Command;

use alluvium_blackbox::demo::{QUESTIONS, Straight, answers};
use alluvium_blackbox::{ADMIN, World, binary, repository};
use serde_json::json;

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
    let live = answers(&world).await;
    assert_eq!(live, Straight::open().answers(), "{QUESTIONS:?}");
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
    assert_eq!(answers(&world).await, live, "a rebuild ends with identical content");
    world.verify();
}
