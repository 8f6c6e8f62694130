//! Killed with -9 in the middle of a merge of several tables, of a restore and of a rotation of a key, where it is known that it is
//! the middle: sent again with its idempotency key, each is done once and answered as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use alluvium_blackbox::{ADMIN, World};
use async_nats::jetstream;
use futures::StreamExt as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, Row as _};

/// Tables of a merge. Each is merged, then shown as the main line's again: two outcomes.
const TABLES: usize = 4;
/// Rows of the table that is restored: enough for the fold to work on it for a while.
const ROWS: usize = 300_000;
/// Rounds of killing in a restore.
const RESTORES: usize = 6;

/// A request with an idempotency key; none when the connection breaks.
async fn ask(url: String, key: String, body: Value) -> Option<(u16, Value)> {
    let request = Client::new().post(url).bearer_auth(ADMIN).header("X-Idempotency-Key", key).json(&body);
    let answer = request.timeout(Duration::from_mins(2)).send().await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

async fn load(world: &World, place: &str, csv: String) {
    let file = world.upload("p", "rows.csv", csv.into_bytes()).await;
    world.post(&format!("{place}/import/file"), &json!({ "file_id": file })).await;
}

/// The name of one of a round's tables.
fn name(round: usize, table: usize) -> String {
    format!("t{round}_{table}")
}

/// A branch whose tables all differ from the main line's.
async fn branched(world: &World, round: usize) -> String {
    for table in 0..TABLES {
        world.table("p", &name(round, table), &[("n", "BIGINT")], &[]).await;
    }
    let branch = world.post("/projects/p/branches", &json!({ "name": format!("round{round}") })).await;
    let branch = branch["id"].as_str().expect("an id").to_owned();
    for table in 0..TABLES {
        let place = format!("/projects/p/branches/{branch}/buckets/b/tables/{}", name(round, table));
        load(world, &place, format!("n\n{round}\n{table}\n")).await;
    }
    branch
}

#[tokio::test]
async fn a_merge_of_several_tables_that_is_cut_off_is_finished_by_the_same_request() {
    let mut world = World::start().await;
    world.project("p").await;
    // After each outcome but the last there is something left to do.
    for heard in 1..2 * TABLES {
        let branch = branched(&world, heard).await;
        let url = format!("{}/projects/p/branches/{branch}/merge", world.alluvium.url());
        let mut told = world.nats.connect().await.subscribe("told.>").await.expect("a subscription");
        let body = if heard % 2 == 0 { json!({}) } else { json!({ "tables": all(heard) }) };
        let merging = tokio::spawn(ask(url.clone(), format!("merge{heard}"), body.clone()));
        for _ in 0..heard {
            let told = tokio::time::timeout(Duration::from_mins(1), told.next()).await;
            told.expect("an outcome in time").expect("an outcome");
        }
        world.alluvium.kill();
        assert_eq!(merging.await.unwrap(), None, "it was not answered: {heard} of {} outcomes were there", 2 * TABLES);
        world.alluvium.restart().await;
        let (status, answer) = ask(url.clone(), format!("merge{heard}"), body.clone()).await.unwrap();
        assert_eq!(status, 200, "after {heard} outcomes: {answer}");
        let merged: Vec<Value> = (0..TABLES)
            .map(|table| json!({ "bucket_name": "b", "table_name": name(heard, table), "result": "merged" }))
            .collect();
        assert_eq!(answer["tables"], json!(merged), "after {heard} outcomes");
        for table in 0..TABLES {
            let sums = format!("SELECT count(*) AS n, sum(n) AS sum FROM b.{}", name(heard, table));
            assert_eq!(
                world.query("p", &sums).await,
                json!([{ "n": 2, "sum": heard + table }]),
                "after {heard} outcomes"
            );
        }
        let shown = world.get(&format!("/projects/p/branches/{branch}")).await;
        assert_eq!(shown["table_count"], 0, "the branch shows the main line's again: {shown}");
        assert_eq!(ask(url, format!("merge{heard}"), body).await.unwrap(), (200, answer), "and that is its answer");
    }
    world.verify();
    // A change of somebody else's is a conflict for a request that comes again, too.
    let branch = branched(&world, 9).await;
    load(&world, "/projects/p/buckets/b/tables/t9_1", "n\n77\n".to_owned()).await;
    let url = format!("{}/projects/p/branches/{branch}/merge", world.alluvium.url());
    for _ in 0..2 {
        let (status, answer) = ask(url.clone(), "conflict".to_owned(), json!({})).await.unwrap();
        assert_eq!(
            (status, &answer["detail"]["details"]["tables"][0]["table_name"]),
            (409, &json!("t9_1")),
            "{answer}"
        );
    }
    assert_eq!(world.get(&format!("/projects/p/branches/{branch}")).await["table_count"], TABLES);
}

fn all(round: usize) -> Value {
    (0..TABLES).map(|table| json!({ "bucket_name": "b", "table_name": name(round, table) })).collect()
}

/// Types of the events of the last commit on a table's subject that says something of a restore.
async fn last_types(stream: &jetstream::stream::Stream, uid: &str) -> String {
    let last = stream.get_last_raw_message_by_subject(&format!("ev.default.storage.*.table.{uid}")).await;
    let types = last.ok().and_then(|last| last.headers.get("Alv-Types").map(|types| types.as_str().to_owned()));
    types.unwrap_or_default()
}

#[tokio::test]
async fn a_restore_that_is_cut_off_has_one_effect() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let place = "/projects/p/buckets/b/tables/t";
    let rows: String = (0..ROWS).map(|n| format!("{n}\n")).collect();
    load(&world, place, format!("n\n{rows}")).await;
    let snapshot = world.post("/projects/p/snapshots", &json!({ "bucket": "b", "table": "t" })).await;
    let snapshot = snapshot["id"].as_str().expect("an id");
    let stream = jetstream::new(world.nats.connect().await).get_stream("STORAGE").await.expect("the stream");
    let mut subjects = stream.info_with_subjects("ev.default.storage.*.table.*").await.expect("subjects");
    let (subject, _) = subjects.next().await.expect("the table").expect("a subject");
    let uid = subject.rsplit('.').next().expect("its uid").to_owned();
    let url = format!("{}/projects/p/snapshots/{snapshot}/restore", world.alluvium.url());
    let mut within = 0;
    for round in 0..RESTORES {
        load(&world, place, "n\n1\n".to_owned()).await;
        let restoring = tokio::spawn(ask(url.clone(), format!("restore{round}"), json!({})));
        world
            .eventually("it is asked for", async || last_types(&stream, &uid).await.contains("RestoreRequested"))
            .await;
        world.alluvium.kill();
        // Nobody is left who could say what became of it: it was the middle.
        within += usize::from(last_types(&stream, &uid).await.contains("RestoreRequested"));
        let heard = restoring.await.unwrap();
        world.alluvium.restart().await;
        let (status, answer) = ask(url.clone(), format!("restore{round}"), json!({})).await.unwrap();
        assert_eq!(
            (status, &answer["row_count"]),
            (200, &json!(ROWS)),
            "round {round}, which heard {heard:?}: {answer}"
        );
        let sums = "SELECT count(*) AS n, sum(n) AS sum FROM b.t";
        assert_eq!(world.query("p", sums).await, json!([{ "n": ROWS, "sum": ROWS * (ROWS - 1) / 2 }]));
    }
    assert!(within > 0, "no kill of {RESTORES} fell between the request and its verdict");
    // Into a new table: there is one, whatever was answered.
    let body = json!({ "target_bucket": "b", "target_table": "copy" });
    let mut told = world.nats.connect().await.subscribe("told.>").await.expect("a subscription");
    let restoring = tokio::spawn(ask(url.clone(), "copy".to_owned(), body.clone()));
    told.next().await.expect("an outcome");
    world.alluvium.kill();
    let _ = restoring.await.unwrap();
    world.alluvium.restart().await;
    let (status, answer) = ask(url, "copy".to_owned(), body).await.unwrap();
    assert_eq!((status, &answer["row_count"]), (200, &json!(ROWS)), "not 409: {answer}");
    world.verify();
}

/// Holds back the fold of a table of the read models, so that a write to it is on the log and not answered.
async fn held_back(world: &World, table: &str) -> sqlx::PgConnection {
    let mut connection = sqlx::PgConnection::connect(&world.database).await.expect("Postgres");
    let schemas = sqlx::query("SELECT table_schema FROM information_schema.tables WHERE table_name = $1").bind(table);
    let schemas = schemas.fetch_all(&mut connection).await.expect("schemas");
    assert!(!schemas.is_empty());
    connection.execute("BEGIN").await.expect("a transaction");
    for row in &schemas {
        let lock = format!("LOCK TABLE \"{}\".\"{table}\" IN EXCLUSIVE MODE", row.get::<String, _>(0));
        connection.execute(sqlx::AssertSqlSafe(lock)).await.expect("a lock");
    }
    connection
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_gives_one_successor_and_its_grace() {
    /// How long the old key works on, in seconds.
    const GRACE_SECONDS: u64 = 20;
    let mut world = World::start().await;
    world.project("p").await;
    for grace in [GRACE_SECONDS, 0] {
        let issued = world.post("/projects/p/api-keys", &json!({ "description": "old" })).await;
        let (id, old) = (issued["id"].as_str().unwrap(), issued["api_key"].as_str().unwrap());
        let before = world.get("/projects/p/api-keys").await["count"].as_u64().unwrap();
        let url = format!("{}/projects/p/api-keys/{id}/rotate", world.alluvium.url());
        let body = json!({ "grace_seconds": grace });
        let mut holding = held_back(&world, "key").await;
        let mut told = world.nats.connect().await.subscribe("told.>").await.expect("a subscription");
        let rotating = tokio::spawn(ask(url.clone(), format!("rotate{grace}"), body.clone()));
        told.next().await.expect("the outcome");
        let rotated = std::time::Instant::now();
        assert!(!rotating.is_finished(), "it is answered although nothing shows");
        world.alluvium.kill();
        assert_eq!(rotating.await.unwrap(), None);
        holding.execute("ROLLBACK").await.expect("the end");
        world.alluvium.restart().await;
        let works = async |key: &str| world.http_as(Some(key), Method::GET, "/projects/p", None).await.0 == 200;
        let still = works(old).await;
        if rotated.elapsed() < Duration::from_secs(grace) {
            assert!(still, "its grace goes on over a kill");
        }
        let (status, answer) = ask(url.clone(), format!("rotate{grace}"), body.clone()).await.unwrap();
        assert_eq!(status, 201, "{answer}");
        let new = answer["api_key"].as_str().expect("the successor's secret");
        assert!(works(new).await, "the one whose secret is told now is the one that was issued then");
        let count = world.get("/projects/p/api-keys").await["count"].as_u64().unwrap();
        assert!(count <= before + 1, "there is one successor: {before} keys before, {count} now");
        world.eventually("the old key is dead when its grace is over", async || !works(old).await).await;
        if grace > 0 {
            assert!(rotated.elapsed() >= Duration::from_secs(grace - 1), "and not before");
        }
        assert!(works(new).await);
        assert_eq!(
            ask(url, format!("rotate{grace}"), body).await.unwrap(),
            (201, answer.clone()),
            "that is its answer"
        );
    }
    world.verify();
}
