//! What the tests of retention share: two tables whose messages stand between each other, and looks at log and files.

use std::path::{Path, PathBuf};
use std::process::Output;

use alluvium_blackbox::World;
use async_nats::jetstream;
use futures::TryStreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";
pub const ROWS_OF_T: &str = "rows.default.p.b.t";
pub const ROWS_OF_OTHER: &str = "rows.default.p.b.other";
pub const T: &str = "SELECT count(*) AS n, sum(id) AS ids, sum(size) AS sizes, max(note) AS note FROM b.t";
pub const OTHER: &str = "SELECT count(*) AS n, sum(n) AS total FROM b.other";
/// A run without a window that leaves the table of few rows alone.
pub const RUN: [&str; 7] = ["--yes", "retention", "run", "--keep", "0s", "--messages-min", "20"];

pub fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command prints as JSON; it must end with this exit code.
pub fn json_of(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|cause| panic!("{cause}: {}", text(output)))
}

pub fn cli(world: &World, args: &[&str]) -> Value {
    json_of(&world.cli(&[&["--output", "json"][..], args].concat()), 0)
}

pub fn succeeds(world: &World, args: &[&str]) {
    let output = world.cli(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
}

pub async fn log(world: &World) -> jetstream::Context {
    jetstream::new(world.nats.connect().await)
}

pub async fn publish(world: &World, subject: &str, rows: impl Iterator<Item = Value>) {
    let js = log(world).await;
    for row in rows {
        js.publish(subject.to_owned(), row.to_string().into()).await.expect("sent").await.expect("stored");
    }
}

pub async fn rows_of_t(world: &World, ids: std::ops::Range<u64>) {
    publish(world, ROWS_OF_T, ids.map(|id| json!({ "id": id, "size": id * 10 }))).await;
}

/// Messages of a subject that the stream has.
pub async fn messages(world: &World, subject: &str) -> usize {
    let stream = log(world).await.get_stream("STORAGE").await.expect("the stream");
    let info = stream.info_with_subjects(subject).await.expect("its subjects");
    let counts: Vec<(String, usize)> = info.try_collect().await.expect("counts");
    counts.into_iter().map(|(_, count)| count).sum()
}

pub async fn position(world: &World) -> String {
    let streams = world.get("/streams").await;
    let storage = streams["streams"].as_array().expect("streams").iter().find(|stream| stream["name"] == "STORAGE");
    format!("STORAGE:{}", storage.expect("STORAGE")["last_seq"])
}

pub async fn reads(world: &World, sql: &str, n: u64) -> Value {
    world.eventually("the rows are there", async || world.query("p", sql).await[0]["n"] == json!(n)).await;
    world.query("p", sql).await
}

/// Two tables whose messages stand between each other: `t` with rows, a load, a delete by a column that is dropped later, and a
/// column more; `other` with a few rows.
pub async fn filled(world: &World) -> Value {
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("size", "BIGINT"), ("kind", "VARCHAR")], &["id"]).await;
    world.table("p", "other", &[("n", "BIGINT")], &[]).await;
    rows_of_t(world, 0..20).await;
    publish(world, ROWS_OF_OTHER, (0..5).map(|n| json!({ "n": n }))).await;
    let file = world.upload("p", "more.csv", b"id,size,kind\n100,1,a\n101,2,b\n102,3,b\n".to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{TABLES}/t/import/file"), &load).await;
    let gone = json!({ "where_clause": "kind = 'b'" });
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLES}/t/rows"), Some(&gone)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLES}/t/columns/kind"), None).await;
    assert!(status.is_success(), "{answer}");
    let note = json!({ "name": "note", "type": "VARCHAR", "nullable": true });
    world.post(&format!("{TABLES}/t/columns"), &note).await;
    rows_of_t(world, 20..40).await;
    publish(world, ROWS_OF_T, std::iter::once(json!({ "id": 5, "size": 7, "note": "changed" }))).await;
    reads(world, OTHER, 5).await;
    world.eventually("the last row", async || world.query("p", T).await[0]["note"] == json!("changed")).await;
    reads(world, T, 41).await
}

/// The table's file in the data directory.
pub fn file_of(world: &World, table: &str) -> PathBuf {
    let tables = world.data.path().join("tables");
    let mut generations: Vec<PathBuf> =
        std::fs::read_dir(&tables).expect("tables").map(|entry| entry.expect("an entry").path()).collect();
    generations.sort();
    let live: Value = std::fs::read(tables.join("active.json"))
        .map_or(json!({ "generation": 1 }), |text| serde_json::from_slice(&text).expect("JSON"));
    let bucket = tables.join(format!("g{}/default/p/b", live["generation"]));
    let files = std::fs::read_dir(&bucket).expect("a bucket").map(|entry| entry.expect("an entry").path());
    let is_it = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{table}.")))
            && path.extension().is_some_and(|kind| kind == "duckdb")
    };
    files.into_iter().find(is_it).expect("the table's file")
}

/// The blobs of checkpoints, as the log names them.
pub async fn checkpoints(world: &World) -> Vec<(String, u64)> {
    let events = world.get("/events?subject=ev.default.storage.>&type=TableCheckpointed&limit=1000").await;
    let named = |event: &Value| {
        (event["event"]["blob"].as_str().expect("a blob").to_owned(), event["event"]["seq"].as_u64().expect("a seq"))
    };
    events["events"].as_array().expect("events").iter().map(named).collect()
}

pub fn blob(data: &Path, id: &str) -> PathBuf {
    data.join("blobs").join(&id[..2]).join(id)
}
