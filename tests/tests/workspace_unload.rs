//! Rows of a workspace into a table of the project: as atomic as any load, with the rights that both need.

use std::time::{Duration, Instant};

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const P: &str = "/projects/p/workspaces";
const BUCKET: &str = "/projects/p/branches/default/buckets/b";
/// Rounds of killing.
const ROUNDS: u64 = 6;
/// Rows of an object that takes a while.
const MANY: u64 = 400_000;

/// A project with table `b.t` of three rows.
async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    let file = world.upload("p", "rows.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
    world.post(&format!("{BUCKET}/tables/t/import/file"), &json!({ "file_id": file })).await;
    world
}

async fn ask(world: &World, key: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, Some(body)).await;
    (status.as_u16(), answer)
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

async fn workspace(world: &World, key: &str, at: &str) -> String {
    let (status, made) = ask(world, key, Method::POST, at, &json!({ "name": "w" })).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

/// Runs a statement in a workspace.
async fn run(world: &World, id: &str, sql: &str) {
    let answer = world.post(&format!("{P}/{id}/query"), &json!({ "query": sql, "timeout_seconds": 120 })).await;
    assert_eq!(answer["status"], "ok", "{sql}: {answer}");
}

async fn unload(world: &World, id: &str, body: Value) -> (u16, Value) {
    ask(world, ADMIN, Method::POST, &format!("{P}/{id}/unload"), &body).await
}

/// One that must succeed.
async fn unloaded(world: &World, id: &str, body: Value) -> Value {
    let (status, answer) = unload(world, id, body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn from(source: &str, table: &str) -> Value {
    json!({ "source": source, "target_bucket": "b", "target_table": table })
}

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().expect("a body").extend(more.as_object().expect("an object").clone());
    body
}

async fn rows(world: &World, sql: &str) -> Value {
    world.query("p", sql).await
}

#[tokio::test]
async fn an_object_replaces_or_joins_the_rows_of_a_table() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    run(&world, &id, "CREATE TABLE mine AS SELECT id + 1 AS id, upper(note) AS NOTE FROM b.t WHERE id > 1").await;
    let joined = unloaded(&world, &id, with(from("mine", "t"), &json!({ "incremental": true }))).await;
    let counts =
        ["imported_rows", "table_rows_after", "inserted_rows", "updated_rows"].map(|name| joined[name].clone());
    assert_eq!(counts, [1, 4, 1, 1].map(|n| json!(n)), "{joined}");
    assert!(joined["version"].as_str().is_some_and(|version| version.starts_with("STORAGE:")), "{joined}");
    let expected =
        json!([{ "id": 1, "note": "a" }, { "id": 2, "note": "b" }, { "id": 3, "note": "B" }, { "id": 4, "note": "C" }]);
    assert_eq!(rows(&world, "SELECT id, note FROM b.t ORDER BY id").await, expected);

    // A view over the project's tables is of the moment when it is taken; bucket and object are found in any of their spellings.
    run(&world, &id, "CREATE SCHEMA deep").await;
    run(&world, &id, "CREATE VIEW deep.low AS SELECT id, note FROM b.t WHERE id < 3").await;
    let merged = with(from("DEEP.low", "t"), &json!({ "incremental": true, "delete_missing": true }));
    assert_eq!(unloaded(&world, &id, merged).await["deleted_rows"], 2);
    assert_eq!(rows(&world, "SELECT count(*) AS n, max(id) AS top FROM b.t").await, json!([{ "n": 2, "top": 2 }]));
    assert_eq!(unloaded(&world, &id, from("mine", "t")).await["imported_rows"], 2);
    assert_eq!(rows(&world, "SELECT min(id) AS low, max(id) AS top FROM b.t").await, json!([{ "low": 3, "top": 4 }]));

    run(&world, &id, "CREATE TABLE wide AS SELECT 9 AS id, 'x' AS note, DATE '2026-01-02' AS day").await;
    assert_eq!(code(&unload(&world, &id, from("wide", "t")).await), (400, "import_failed"));
    let ignoring = with(from("wide", "t"), &json!({ "extra_columns": "ignore", "incremental": true }));
    assert_eq!(unloaded(&world, &id, ignoring).await["table_rows_after"], 3);
    let adding = with(from("wide", "t"), &json!({ "extraColumns": "add" }));
    assert_eq!(unloaded(&world, &id, adding).await["added_columns"], json!(["day"]));
    assert_eq!(rows(&world, "SELECT * FROM b.t").await, json!([{ "id": 9, "note": "x", "day": "2026-01-02" }]));
    world.verify();
}

#[tokio::test]
async fn a_table_that_is_not_there_is_made_with_the_objects_columns() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    let sums = "CREATE VIEW sums AS SELECT note, sum(id * 1000000000000000000000) AS \"total \"\"big\"\"\", [id, NULL] AS ids, \
                INTERVAL 3 MICROSECOND AS span FROM b.t GROUP BY ALL ORDER BY note";
    run(&world, &id, sums).await;
    let made = unloaded(&world, &id, from("sums", "sums")).await;
    assert_eq!((&made["imported_rows"], &made["table_rows_after"]), (&json!(3), &json!(3)), "{made}");
    let table = world.get(&format!("{BUCKET}/tables/sums")).await;
    let columns: Vec<(&str, &str)> = table["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| (column["name"].as_str().expect("a name"), column["type"].as_str().expect("a type")))
        .collect();
    let expected = [("note", "VARCHAR"), ("total \"big\"", "HUGEINT"), ("ids", "BIGINT[]"), ("span", "INTERVAL")];
    assert_eq!((columns, &table["primary_key"]), (expected.to_vec(), &json!([])));
    let last = rows(
        &world,
        "SELECT \"total \"\"big\"\"\"::VARCHAR AS n, ids, span::VARCHAR AS s FROM b.sums WHERE note = 'c'",
    )
    .await;
    assert_eq!(last, json!([{ "n": "3000000000000000000000", "ids": [3, null], "s": "00:00:00.000003" }]));
    assert_eq!(
        unloaded(&world, &id, with(from("sums", "sums"), &json!({ "incremental": true }))).await["table_rows_after"],
        6
    );

    // The same request again is the same table, whether or not it would be another load now.
    let client = reqwest::Client::new();
    let again = || async {
        let request = client.post(format!("{}{P}/{id}/unload", world.alluvium.url())).bearer_auth(ADMIN);
        let body = with(from("sums", "once"), &json!({ "incremental": true }));
        let answer = request.header("X-Idempotency-Key", "one").json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    assert_eq!(
        (again().await.1["table_rows_after"].clone(), again().await.1["table_rows_after"].clone()),
        (json!(3), json!(3))
    );
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM b.once").await, json!([{ "n": 3 }]));
    world.verify();
}

#[tokio::test]
async fn what_cannot_be_unloaded_changes_nothing() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    for sql in [
        "CREATE TABLE twice AS SELECT 1 AS id, 'x' AS note FROM range(2)",
        "CREATE TABLE text AS SELECT 'x' AS id",
        "CREATE TABLE _hidden AS SELECT 1 AS id",
        "CREATE VIEW wrong AS SELECT error('words of mine') AS id FROM range(3)",
    ] {
        run(&world, &id, sql).await;
    }
    let elsewhere = |bucket: &str| with(from("twice", "t"), &json!({ "target_bucket": bucket }));
    for (body, expected) in [
        (from("nope", "t"), (404, "object_not_found")),
        (from("_hidden", "t"), (404, "object_not_found")),
        (from("twice; DROP TABLE twice", "t"), (404, "object_not_found")),
        (from("b.t", "t"), (404, "object_not_found")),
        (elsewhere("nope"), (404, "bucket_not_found")),
        (elsewhere("b\0"), (404, "bucket_not_found")),
        (from("twice", "../t"), (400, "invalid_name")),
        (from("twice", "T"), (409, "table_exists")),
        (from("text", "t"), (400, "import_failed")),
        (from("wrong", "t"), (400, "workspace_failed")),
        (from("wrong", "new"), (400, "workspace_failed")),
        (with(from("twice", "t"), &json!({ "dedup_mode": "fail_on_duplicates" })), (409, "duplicate_key")),
        (with(from("twice", "new"), &json!({ "dedup_mode": "no" })), (400, "invalid_dedup_mode")),
        (with(from("twice", "new"), &json!({ "delete_missing": true })), (400, "invalid_request")),
        (with(from("twice", "new"), &json!({ "extra_columns": "no" })), (400, "invalid_request")),
    ] {
        assert_eq!(code(&unload(&world, &id, body.clone()).await), expected, "{body}");
    }
    assert_eq!(unload(&world, &id, json!({ "source": "twice" })).await.0, 422);
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 3 }]));
    assert_eq!(world.get(&format!("{BUCKET}/tables")).await["total"], 1, "no table was made");
    assert_eq!(code(&unload(&world, "ws_none", from("twice", "t")).await), (404, "workspace_not_found"));
    let empty = workspace(&world, ADMIN, P).await;
    assert_eq!(code(&unload(&world, &empty, from("twice", "t")).await), (404, "object_not_found"));

    // Nothing of it is left in the workspace's place, and a file that is none is said to be broken.
    for entry in std::fs::read_dir(world.data.path().join("workspaces")).expect("workspaces") {
        let directory = entry.expect("a directory").path();
        assert!(!directory.join("tmp").exists());
        std::fs::write(directory.join("workspace.duckdb"), "no database").expect("broken");
    }
    assert_eq!(code(&unload(&world, &id, from("twice", "t")).await), (503, "workspace_unavailable"));
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 3 }]));
}

#[tokio::test]
async fn an_unload_needs_the_workspace_and_the_bucket() {
    let world = filled().await;
    for bucket in ["open", "secret"] {
        world.post("/projects/p/branches/default/buckets", &json!({ "name": bucket })).await;
    }
    let body = json!({ "description": "d", "scope": "custom", "bucket_permissions": { "b": "read", "open": "write" } });
    let key = world.post("/projects/p/api-keys", &body).await["api_key"].as_str().expect("a key").to_owned();
    let id = workspace(&world, &key, P).await;
    run(&world, &id, "CREATE VIEW v AS SELECT * FROM b.t").await;
    let path = format!("{P}/{id}/unload");
    let to = |bucket: &str, table: &str| json!({ "source": "v", "target_bucket": bucket, "target_table": table });
    for table in ["t", "new"] {
        assert_eq!(code(&ask(&world, &key, Method::POST, &path, &to("b", table)).await), (403, "forbidden"));
        assert_eq!(
            code(&ask(&world, &key, Method::POST, &path, &to("secret", table)).await),
            (404, "bucket_not_found")
        );
    }
    let (status, answer) = ask(&world, &key, Method::POST, &path, &to("open", "mine")).await;
    assert_eq!((status, &answer["imported_rows"]), (200, &json!(3)), "{answer}");
    let foreign = workspace(&world, ADMIN, P).await;
    let answer = ask(&world, &key, Method::POST, &format!("{P}/{foreign}/unload"), &to("open", "t")).await;
    assert_eq!(code(&answer), (404, "workspace_not_found"));

    // What another project shares is read only.
    world.project("other").await;
    world.table("other", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    let link = json!({ "source_project_id": "other", "source_bucket_name": "b" });
    world.post("/projects/p/branches/default/buckets/theirs/link", &link).await;
    let (status, answer) = unload(&world, &id, to("theirs", "t")).await;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(world.get("/projects/other/branches/default/buckets/b/tables/t").await["row_count"], 0);
}

#[tokio::test]
async fn through_a_branch_the_table_is_the_branchs() {
    let world = filled().await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let branch = branch["id"].as_str().expect("an id");
    let body = json!({ "description": "d", "scope": "branch_admin", "branch_id": branch });
    let key = world.post("/projects/p/api-keys", &body).await["api_key"].as_str().expect("a key").to_owned();
    let below = format!("/projects/p/branches/{branch}/workspaces");
    let id = workspace(&world, &key, &below).await;
    run(&world, &id, "CREATE VIEW few AS SELECT id, note FROM b.t WHERE id = 1").await;
    for (path, table) in [(format!("{below}/{id}/unload"), "t"), (format!("{P}/{id}/unload"), "made")] {
        let (status, answer) = ask(&world, &key, Method::POST, &path, &from("few", table)).await;
        assert_eq!((status, &answer["table_rows_after"]), (200, &json!(1)), "{path}: {answer}");
    }
    let of_branch = |table: &str| format!("/projects/p/branches/{branch}/buckets/b/tables/{table}");
    for table in ["t", "made"] {
        assert_eq!(world.get(&of_branch(table)).await["row_count"], 1);
    }
    assert_eq!(world.get(&format!("{BUCKET}/tables")).await["total"], 1);
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 3 }]));
    let main = workspace(&world, ADMIN, P).await;
    let answer = ask(&world, ADMIN, Method::POST, &format!("{below}/{main}/unload"), &from("few", "t")).await;
    assert_eq!(code(&answer), (404, "workspace_not_found"));
    let nowhere = format!("/projects/p/branches/nope/workspaces/{id}/unload");
    assert_eq!(code(&ask(&world, ADMIN, Method::POST, &nowhere, &from("few", "t")).await), (404, "branch_not_found"));
}

#[tokio::test]
async fn an_unload_may_be_answered_later() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    run(&world, &id, "CREATE TABLE mine AS SELECT range AS id FROM range(5)").await;
    let path = format!("{P}/{id}/unload?async=true");
    let (status, job) = ask(&world, ADMIN, Method::POST, &path, &from("mine", "made")).await;
    assert_eq!((status, &job["operation_name"]), (202, &json!("workspaceUnload")), "{job}");
    let at = job["url"].as_str().expect("a place");
    world.eventually("the job is done", || async { !world.get(at).await["end_time"].is_null() }).await;
    let done = world.get(at).await;
    assert_eq!((&done["status"], &done["results"]["table_rows_after"]), (&json!("success"), &json!(5)), "{done}");
    let (_, job) = ask(&world, ADMIN, Method::POST, &path, &from("nope", "made")).await;
    let at = job["url"].as_str().expect("a place");
    world.eventually("the job is done", || async { !world.get(at).await["end_time"].is_null() }).await;
    let done = world.get(at).await;
    assert_eq!((&done["status"], &done["error"]["error"]), (&json!("error"), &json!("object_not_found")), "{done}");
}

/// A time up to the longest that differs each time.
fn random_pause(longest: Duration) -> Duration {
    longest * u32::from(Uuid::new_v4().as_bytes()[0]) / u32::from(u8::MAX)
}

/// Whether a table is there, and with how many rows.
async fn count(world: &World, table: &str) -> Option<u64> {
    let (status, found) = world.http(Method::GET, &format!("{BUCKET}/tables/{table}"), None).await;
    status.is_success().then(|| found["row_count"].as_u64().expect("a count"))
}

/// How many rows its file holds, whatever is said of it.
async fn held(world: &World, table: &str) -> u64 {
    rows(world, &format!("SELECT count(*) AS n FROM b.{table}")).await[0]["n"].as_u64().expect("a count")
}

#[tokio::test]
async fn killed_in_the_middle_a_table_is_as_before_or_as_after() {
    let mut world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    run(&world, &id, &format!("CREATE TABLE many AS SELECT range AS id, uuid()::VARCHAR AS note FROM range({MANY})"))
        .await;
    let began = Instant::now();
    unloaded(&world, &id, from("many", "first")).await;
    let usual = began.elapsed();
    for round in 0..ROUNDS {
        let table = format!("made_{round}");
        let url = format!("{}{P}/{id}/unload", world.alluvium.url());
        let targets = ["t", table.as_str()].map(|table| from("many", table));
        let sent = targets.map(|body| {
            let request = reqwest::Client::new().post(&url).bearer_auth(ADMIN).json(&body);
            // It may be cut off.
            tokio::spawn(async move { drop(request.send().await) })
        });
        tokio::time::sleep(random_pause(usual * 2)).await;
        world.alluvium.kill();
        world.alluvium.restart().await;
        for one in sent {
            one.await.expect("it ends");
        }
        assert!([Some(3), Some(MANY)].contains(&count(&world, "t").await), "round {round}");
        // One that is made shows with all its rows, or not at all.
        assert!([None, Some(MANY)].contains(&count(&world, &table).await), "round {round}");
        for table in ["t", &table] {
            let Some(counted) = count(&world, table).await else { continue };
            assert_eq!(held(&world, table).await, counted, "round {round}: {table}");
        }
        // The engine of before may still be at it.
        let again = || async {
            let (status, answer) = unload(&world, &id, from("many", &table)).await;
            assert!(status != 200 || answer["table_rows_after"] == MANY, "round {round}: {answer}");
            status == 200
        };
        world.eventually("it is done again", again).await;
        assert_eq!(count(&world, &table).await, Some(MANY), "round {round}");
        let file = world.upload("p", "rows.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
        world.post(&format!("{BUCKET}/tables/t/import/file"), &json!({ "file_id": file })).await;
    }
    world.verify();
}
