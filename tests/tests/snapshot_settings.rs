//! Which snapshots are taken by themselves, how long they stay, and who says so, over HTTP.

use std::time::{Duration, SystemTime};

use alluvium_blackbox::World;
use alluvium_eventlog::{DecisionContext, Log, LogOptions};
use alluvium_kernel::{Actor, Timestamp, Token};
use alluvium_storage::contract::{RequestSnapshot, TakeSnapshot};
use alluvium_storage::model::{Project, Table, names};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const P: &str = "/projects/p/settings/snapshots";
const B: &str = "/projects/p/branches/default";
const K: &str = "/projects/p/branches/default/buckets/b";
const T: &str = "/projects/p/branches/default/buckets/b/tables/t";
/// Tables of a bucket that goes at once.
const MANY: usize = 60;

async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    fill(&world).await;
    world
}

async fn fill(world: &World) {
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    load(world).await;
}

async fn load(world: &World) {
    let file = world.upload("p", "rows.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
    world.post(&format!("{T}/import/file"), &json!({ "file_id": file })).await;
}

async fn put(world: &World, at: &str, settings: Value) -> Value {
    let (status, answer) = world.http(Method::PUT, &settings_of(at), Some(&settings)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// The settings below a bucket or table, or those of the project.
fn settings_of(at: &str) -> String {
    if at == P { P.to_owned() } else { format!("{at}/settings/snapshots") }
}

async fn done(world: &World, method: Method, path: &str, body: Option<Value>) {
    let (status, answer) = world.http(method, path, body.as_ref()).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
}

async fn refused(world: &World, method: Method, path: &str, body: Option<Value>, status: u16, code: &str) -> Value {
    let (found, answer) = world.http(method, path, body.as_ref()).await;
    assert_eq!((found.as_u16(), answer["detail"]["error"].as_str()), (status, Some(code)), "{path}: {answer}");
    answer
}

/// Snapshots of a kind, as the list shows them at once.
async fn taken(world: &World, kind: &str) -> Vec<Value> {
    let listed = world.get(&format!("{B}/snapshots?type={kind}&limit=1000")).await;
    listed["snapshots"].as_array().expect("snapshots").clone()
}

async fn restored(world: &World, snapshot: &Value) -> Value {
    let path = format!("{B}/snapshots/{}/restore", snapshot["id"].as_str().expect("an id"));
    world.post(&path, &json!({})).await["row_count"].clone()
}

#[tokio::test]
async fn settings_come_from_the_nearest_level_that_says_them() {
    let world = filled().await;
    let system = world.get(&settings_of(T)).await;
    assert_eq!(system["local_config"], Value::Null);
    assert_eq!(system["effective_config"]["retention"], json!({ "manual_days": 90, "auto_days": 7 }));
    let triggers =
        json!({ "drop_table": true, "truncate_table": false, "delete_all_rows": false, "drop_column": false });
    assert_eq!(system["effective_config"]["auto_snapshot_triggers"], triggers);
    assert!(system["inheritance"].as_object().expect("a map").values().all(|from| from == "system"), "{system}");

    let project = put(&world, P, json!({ "retention": { "auto_days": 3, "manual_days": "30" } })).await;
    assert_eq!(project["local_config"], json!({ "retention": { "auto_days": 3, "manual_days": 30 } }));
    put(&world, K, json!({ "retention": { "auto_days": 5 }, "auto_snapshot_triggers": { "drop_column": true } })).await;
    put(&world, T, json!({ "enabled": false })).await;
    let table = world.get(&settings_of(T)).await;
    assert_eq!(table["effective_config"]["retention"], json!({ "manual_days": 30, "auto_days": 5 }));
    let from = |name: &str| table["inheritance"][name].as_str().expect("a level");
    assert_eq!(
        ["enabled", "retention.auto_days", "retention.manual_days", "auto_snapshot_triggers.drop_table"].map(from),
        ["table", "bucket", "project", "system"]
    );
    // The older form of the path is the same.
    assert_eq!(world.get("/projects/p/buckets/b/tables/t/settings/snapshots").await, table);

    // PUT replaces the level, PATCH merges and null takes away.
    put(&world, K, json!({ "retention": { "manual_days": 9 } })).await;
    let patch = json!({ "retention": { "auto_days": 2 }, "enabled": true });
    let (status, patched) = world.http(Method::PATCH, &settings_of(K), Some(&patch)).await;
    assert_eq!(status, StatusCode::OK, "{patched}");
    assert_eq!(patched["local_config"], json!({ "retention": { "manual_days": 9, "auto_days": 2 }, "enabled": true }));
    let patch = json!({ "retention": { "manual_days": null }, "enabled": null });
    let (_, patched) = world.http(Method::PATCH, &settings_of(K), Some(&patch)).await;
    assert_eq!(patched["local_config"], json!({ "retention": { "auto_days": 2 } }));
    for _ in 0..2 {
        assert_eq!(world.http(Method::DELETE, &settings_of(K), None).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.get(&settings_of(K)).await["local_config"], Value::Null);

    // What is made again under the same names says nothing.
    done(&world, Method::DELETE, T, None).await;
    fill(&world).await;
    assert_eq!(world.get(&settings_of(T)).await["local_config"], Value::Null);
    put(&world, K, json!({ "enabled": false })).await;
    done(&world, Method::DELETE, K, None).await;
    world.post(&format!("{B}/buckets"), &json!({ "name": "b" })).await;
    assert_eq!(world.get(&settings_of(K)).await["local_config"], Value::Null);
    done(&world, Method::DELETE, "/projects/p", None).await;
    world.project("p").await;
    assert_eq!(world.get(P).await["local_config"], Value::Null);
    world.verify();
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_and_belong_to_the_project() {
    let world = filled().await;
    let days = json!({ "retention": { "manual_days": 0, "auto_days": 3651 } });
    let wrong = refused(&world, Method::PUT, P, Some(days), 400, "invalid_config").await;
    let errors = wrong["detail"]["details"]["errors"].as_array().expect("errors").clone();
    assert!(errors[0].as_str().is_some_and(|text| text.contains("positive integer")), "{wrong}");
    assert!(errors[1].as_str().is_some_and(|text| text.contains("exceed 3650")), "{wrong}");
    let unknown = json!({ "auto_snapshot_triggers": { "drop_tabel": true }, "ignored": 1 });
    let (status, answer) = world.http(Method::PUT, &settings_of(T), Some(&unknown)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    let entries = answer["detail"].as_array().expect("mistakes");
    assert_eq!(entries.len(), 1, "{answer}");
    assert_eq!(entries[0]["type"], "extra_forbidden");
    assert_eq!(entries[0]["loc"], json!(["body", "auto_snapshot_triggers", "drop_tabel"]));

    let none = |path: &str| format!("/projects/{path}/settings/snapshots");
    let main = "p/branches/default/buckets";
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let body = Some(json!({}));
        refused(&world, method.clone(), &none("x"), body.clone(), 404, "project_not_found").await;
        refused(&world, method.clone(), &none(&format!("{main}/x")), body.clone(), 404, "bucket_not_found").await;
        refused(&world, method.clone(), &none(&format!("{main}/b/tables/x")), body.clone(), 404, "table_not_found")
            .await;
        refused(&world, method, &none("p/branches/0a1b2c3d/buckets/b"), body, 404, "branch_not_found").await;
    }
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let of_branch = format!("p/branches/{}/buckets/b", branch["id"].as_str().expect("an id"));
    put(&world, K, json!({ "retention": { "auto_days": 4 } })).await;
    for below in [of_branch.clone(), format!("{of_branch}/tables/t")] {
        let shown = world.get(&none(&below)).await;
        assert_eq!(shown["effective_config"]["retention"]["auto_days"], 4, "{shown}");
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            refused(&world, method, &none(&below), Some(json!({})), 400, "operation_not_allowed").await;
        }
    }
}

#[tokio::test]
async fn what_is_about_to_go_is_kept_once_and_comes_back() {
    let world = filled().await;
    // Where nobody said anything, a drop leaves one, and nothing else does.
    done(&world, Method::DELETE, &format!("{T}/rows"), Some(json!({ "where_clause": "1=1" }))).await;
    load(&world).await;
    assert_eq!(world.get(&format!("{B}/snapshots")).await["total"], 0);
    done(&world, Method::DELETE, T, None).await;
    let left = taken(&world, "auto_predrop").await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["description"], "Auto-backup before DROP TABLE b.t");
    assert_eq!((&left[0]["row_count"], &left[0]["created_by"]), (&json!(3), &json!("admin")));
    assert!(left[0]["size_bytes"].as_u64() > Some(0), "{left:?}");
    assert!(left[0]["id"].as_str().is_some_and(|id| id.starts_with("snap_t_")), "{left:?}");
    let shown = world.get(&format!("{B}/snapshots/{}", left[0]["id"].as_str().expect("an id"))).await;
    assert_eq!((shown["schema_columns"].as_array().map(Vec::len), &shown["primary_key"]), (Some(2), &json!(["id"])));
    assert_eq!(restored(&world, &left[0]).await, 3);

    let triggers = json!({ "drop_table": false, "truncate_table": true, "delete_all_rows": true, "drop_column": true });
    put(&world, P, json!({ "auto_snapshot_triggers": triggers })).await;
    done(&world, Method::DELETE, &format!("{T}/rows"), Some(json!({ "where_clause": "id > 2" }))).await;
    assert_eq!(taken(&world, "auto_pretruncate").await.len(), 0, "these are not all");
    done(&world, Method::DELETE, &format!("{T}/rows"), Some(json!({ "where_clause": "1=1 OR id = 7" }))).await;
    let emptied = taken(&world, "auto_pretruncate").await;
    assert_eq!(emptied.len(), 1, "one for both triggers: {emptied:?}");
    assert_eq!(emptied[0]["description"], "Auto-backup before DELETE ALL ROWS from b.t");
    assert_eq!(emptied[0]["row_count"], 2);
    assert_eq!(restored(&world, &emptied[0]).await, 2);
    done(&world, Method::DELETE, &format!("{T}/rows"), Some(json!({ "allow_truncate": true }))).await;
    assert_eq!(taken(&world, "auto_pretruncate").await.len(), 2);

    load(&world).await;
    refused(&world, Method::DELETE, &format!("{T}/columns/id"), None, 400, "column_in_primary_key").await;
    refused(&world, Method::DELETE, &format!("{T}/columns/none"), None, 404, "column_not_found").await;
    assert_eq!(taken(&world, "auto_predrop_column").await.len(), 0, "nothing was dropped");
    done(&world, Method::DELETE, &format!("{T}/columns/NOTE"), None).await;
    let narrowed = taken(&world, "auto_predrop_column").await;
    assert_eq!(narrowed.len(), 1, "{narrowed:?}");
    assert_eq!(narrowed[0]["description"], "Auto-backup before DROP COLUMN b.t.note");
    assert_eq!(restored(&world, &narrowed[0]).await, 3);
    assert_eq!(world.query("p", "SELECT max(note) AS note FROM b.t").await, json!([{ "note": "c" }]));

    // Now a drop leaves none, and where snapshots are off nobody gets one.
    done(&world, Method::DELETE, T, None).await;
    assert_eq!(taken(&world, "auto_predrop").await.len(), 1);
    fill(&world).await;
    put(&world, K, json!({ "enabled": false })).await;
    done(&world, Method::DELETE, &format!("{T}/columns/note"), None).await;
    assert_eq!(taken(&world, "auto_predrop_column").await.len(), 1);
    let take = json!({ "bucket": "b", "table": "t" });
    refused(&world, Method::POST, &format!("{B}/snapshots"), Some(take.clone()), 400, "snapshots_disabled").await;
    put(&world, T, json!({ "enabled": true, "retention": { "manual_days": 1 } })).await;
    let manual = world.post(&format!("{B}/snapshots"), &take).await;
    let day = |name: &str| manual[name].as_str().expect("a time")[8..10].parse::<u32>().expect("a day");
    assert_ne!(day("created_at"), day("expires_at"), "{manual}");
    world.verify();
    let metrics = world.http(Method::GET, "/metrics", None).await;
    assert_eq!(metrics.0, StatusCode::OK);
}

#[tokio::test]
async fn a_snapshot_holds_all_that_was_asked_for_before_it_though_nobody_waited() {
    let world = filled().await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let place = |more: Value| {
        let mut body = json!({ "project": "p", "bucket": "b", "table": "t" });
        body.as_object_mut().expect("a body").extend(more.as_object().expect("fields").clone());
        body.to_string()
    };
    // Sent in one go, they are decided together.
    let mut sent = Vec::new();
    for (command, more) in
        [("DeleteRows", json!({ "where_clause": "id = 1" })), ("TakeSnapshot", json!({})), ("DropTable", json!({}))]
    {
        let subject = format!("cmd.default.storage.{command}");
        sent.push(js.publish(subject, place(more).into()).await.expect("sent"));
    }
    for stored in sent {
        stored.await.expect("stored");
    }
    world.eventually("both", async || world.get(&format!("{B}/snapshots")).await["total"] == 2).await;
    for kind in ["manual", "auto_predrop"] {
        let found = taken(&world, kind).await;
        assert_eq!((found.len(), &found[0]["row_count"]), (1, &json!(2)), "{found:?}");
        assert_eq!(restored(&world, &found[0]).await, 2, "{kind}");
    }
    world.verify();
}

#[tokio::test]
async fn a_bucket_leaves_a_snapshot_of_every_table() {
    let mut world = filled().await;
    for n in 0..MANY {
        world.table("p", &format!("more{n}"), &[("n", "BIGINT")], &[]).await;
    }
    done(&world, Method::DELETE, K, None).await;
    let left = taken(&world, "auto_predrop").await;
    assert_eq!(left.len(), MANY + 1);
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(taken(&world, "auto_predrop").await, left);
    world.post(&format!("{B}/buckets"), &json!({ "name": "b" })).await;
    let of_t = left.iter().find(|one| one["table_name"] == "t").expect("that of t");
    assert_eq!(restored(&world, of_t).await, 3);
    world.verify();
}

#[tokio::test]
async fn retention_leaves_what_the_snapshot_of_a_drop_needs() {
    let world = filled().await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    for id in 10..20 {
        let row = json!({ "id": id, "note": "row" }).to_string();
        js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
    }
    world.eventually("the rows", async || world.get(T).await["row_count"] == 13).await;
    done(&world, Method::DELETE, T, None).await;
    let run = ["--yes", "retention", "run", "--keep", "0s", "--messages-min", "1"];
    let output = world.cli(&run);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left = taken(&world, "auto_predrop").await;
    assert_eq!((left.len(), &left[0]["row_count"]), (1, &json!(13)));
    assert_eq!(restored(&world, &left[0]).await, 13);
    world.verify();
}

/// Takes a snapshot as it would have been taken at another time.
async fn taken_at(world: &World, time: Timestamp, name: &str) {
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let log = Log::new(js, "STORAGE", "storage", LogOptions::default());
    let tenant = Token::encode("default").expect("a tenant");
    let at = DecisionContext { tenant, command_id: format!("then-{name}"), actor: Actor::Admin, time };
    let (project, branch, bucket) = ("p".to_owned(), "default".to_owned(), "b".to_owned());
    let take =
        TakeSnapshot { project, branch, bucket, table: "t".to_owned(), description: Some(name.to_owned()), uid: None };
    let id = names::project_aggregate_id("p").expect("an id");
    log.decide::<Project>(&id, take.into(), &at).await.expect("taken");
    let state = world.get("/aggregates/storage/project/p").await;
    let uid = state["state"]["live"]["buckets"]["b"]["tables"]["t"]["uid"].as_str();
    let uid = uid.unwrap_or_else(|| panic!("{state}")).to_owned();
    // Named after its time; by now it may be swept already.
    let digits: String = time.to_rfc3339().chars().filter(char::is_ascii_digit).collect();
    let snapshot = format!("snap_t_{}_{}_{}", &digits[..8], &digits[8..14], &digits[14..17]);
    let ask = RequestSnapshot { uid: uid.clone(), snapshot, kind: "manual".into(), request: None };
    log.decide::<Table>(&Token::encode(&uid).expect("an id"), ask.into(), &at).await.expect("asked");
}

#[tokio::test]
async fn snapshots_over_their_time_are_gone_at_once_and_swept() {
    const DAYS_90: Duration = Duration::from_hours(90 * 24);
    let every = [("ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS", "1")];
    let data = tempfile::tempdir().expect("a directory");
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &every).await;
    world.project("p").await;
    fill(&world).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let over = i64::try_from(now.saturating_sub(DAYS_90).as_micros()).expect("a time");
    taken_at(&world, Timestamp::from_micros(over), "over").await;
    assert_eq!(world.get(&format!("{B}/snapshots")).await["total"], 0);
    world
        .eventually("it is let go and counted", async || {
            let answer = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics");
            let text = answer.text().await.expect("text");
            text.lines().any(|line| line == "duckdb_snapshots_expired_total 1")
        })
        .await;
    // One that ends later is listed until then.
    taken_at(&world, Timestamp::from_micros(over + 3_600_000_000), "soon").await;
    world.eventually("it is counted", async || world.get(&format!("{B}/snapshots")).await["total"] == 1).await;
    world.verify();
}
