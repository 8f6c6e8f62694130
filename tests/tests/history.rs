//! Walking through history with the real binary: what a table held at any point, what an aggregate was, what changed, and why.

use std::process::Output;

use alluvium_blackbox::{World, demo};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TABLE: &str = "/projects/demo/branches/default/buckets/nyc/tables/planes";
/// Tells any two contents of the table apart.
const CONTENT: &str =
    "SELECT count(*) AS n, sum(seats) AS total, max(seats) AS seats, min(tailnum) AS first FROM nyc.planes";

/// What a command prints as JSON; it must succeed.
fn json_of(output: &Output) -> Value {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}");
    serde_json::from_str(&out).unwrap_or_else(|cause| panic!("{cause}: {out}"))
}

fn cli(world: &World, args: &[&str]) -> Value {
    json_of(&world.cli(&[&["--output", "json", "--project", "demo"][..], args].concat()))
}

/// Where the stream stands, and the time there.
async fn point(world: &World) -> (String, String) {
    let streams = world.get("/streams").await;
    let storage = streams["streams"].as_array().expect("streams").iter().find(|stream| stream["name"] == "STORAGE");
    let seq = storage.expect("STORAGE")["last_seq"].as_u64().expect("a sequence");
    let last = world.get(&format!("/events?stream=STORAGE&subject=%3E&from={seq}&limit=1")).await;
    let time = last["events"][0]["time"].as_str().expect("a time").to_owned();
    (format!("STORAGE:{seq}"), time)
}

#[tokio::test]
async fn a_table_is_read_as_it_was_at_any_position_or_time() {
    let world = World::start().await;
    demo::create(&world).await;
    let mut points = vec![(point(&world).await, world.query("demo", CONTENT).await)];
    let note = async |points: &mut Vec<_>| points.push((point(&world).await, world.query("demo", CONTENT).await));

    let csv = std::fs::read(demo::flights().join("planes.csv")).expect("the planes");
    let file = world.upload("demo", "planes.csv", csv).await;
    let load = json!({ "file_id": file, "csv_options": { "null_string": "NA" } });
    world.post(&format!("{TABLE}/import/file"), &load).await;
    note(&mut points).await;

    let row = json!({ "tailnum": "N99999", "year": 2026, "type": "Glider", "manufacturer": "US", "model": "G1",
        "engines": 0, "seats": 9999, "speed": null, "engine": "None" });
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let ack = js.publish("rows.default.demo.nyc.planes", row.to_string().into()).await.expect("sent");
    ack.await.expect("stored");
    world
        .eventually("the row is in the table", async || world.query("demo", CONTENT).await[0]["seats"] == json!(9999))
        .await;
    note(&mut points).await;

    let gone = json!({ "where_clause": "engines = 2" });
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLE}/rows"), Some(&gone)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    note(&mut points).await;

    let held: Vec<&Value> = points.iter().map(|(_, content)| &content[0]["n"]).collect();
    assert_eq!(held[..3], [&json!(0), &json!(3322), &json!(3323)]);
    assert!(points.windows(2).all(|pair| pair[0].1 != pair[1].1), "{points:?}");
    for ((position, time), content) in &points {
        for at in [position, time] {
            assert_eq!(&cli(&world, &["tables", "query", CONTENT, "--at", at]), content, "at {at}");
        }
        let rows = cli(&world, &["tables", "preview", "nyc/planes", "--limit", "3", "--at", position]);
        let shown = rows.as_array().expect("rows").len() as u64;
        assert_eq!(shown, content[0]["n"].as_u64().expect("a number").min(3), "at {position}");
    }
    let exported = world.cli(&["--project", "demo", "tables", "export", "nyc/planes", "-", "--at", &points[1].0.0]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let lines = String::from_utf8_lossy(&exported.stdout).lines().count();
    assert_eq!(lines, 3_323, "a header and 3322 planes");
    // Only what is being read has files, and the live one is untouched by all that.
    assert_eq!(&world.query("demo", CONTENT).await, &points[3].1);
    world.verify();

    let listed = cli(&world, &["tables", "list", "--at", "STORAGE:2"]);
    assert_eq!(listed, json!([]), "the bucket had no tables yet");
    let later = world.cli(&["--project", "demo", "tables", "query", CONTENT, "--at", "STORAGE:99999999"]);
    let error = String::from_utf8_lossy(&later.stderr).into_owned();
    assert!(later.status.code() == Some(3) && error.contains("platform.point_in_future"), "{error}");
}

#[tokio::test]
async fn state_diff_and_why_tell_what_the_log_says() {
    let world = World::start().await;
    let made = world.post("/projects", &json!({ "id": "demo", "name": "Demo" })).await;
    let key = made["api_key"].as_str().expect("a key").to_owned();
    world.post("/projects/demo/branches/default/buckets", &json!({ "name": "b" })).await;
    world.table("demo", "orders", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    let (before, before_time) = point(&world).await;
    let column = json!({ "name": "paid", "type": "BOOLEAN" });
    world.post("/projects/demo/branches/default/buckets/b/tables/orders/columns", &column).await;
    let (after, _) = point(&world).await;

    // The same aggregate by every name people see.
    let now = cli(&world, &["state", "table", "b/orders"]);
    let names: Vec<&str> =
        now["state"]["columns"].as_array().expect("columns").iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, ["id", "note", "paid"]);
    for which in [
        &["table demo.b.orders"][..],
        &["table", "demo.b.orders"],
        &[now["aggregate"].as_str().expect("a name")],
        &[now["subject"].as_str().expect("a subject")],
    ] {
        assert_eq!(cli(&world, &[&["state"][..], which].concat())["state"], now["state"], "{which:?}");
    }
    for at in [&before, &before_time] {
        let then = cli(&world, &["state", "table", "b/orders", "--at", at]);
        assert_eq!(then["state"]["columns"].as_array().map(Vec::len), Some(2), "{then}");
    }
    let project = cli(&world, &["state", "storage.project.demo"]);
    assert_eq!(project["state"]["live"]["buckets"]["b"]["tables"]["orders"]["name"], "orders", "{project}");

    let changed = cli(&world, &["diff", "table", "b/orders", "--from", &before, "--to", &after]);
    let fields: Vec<&str> =
        changed["changes"].as_array().expect("changes").iter().filter_map(|c| c["field"].as_str()).collect();
    assert!(fields.contains(&"columns.paid"), "{changed}");
    let types: Vec<&str> =
        changed["events"].as_array().expect("events").iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(types, ["ColumnAddRequested", "Settled"], "{changed}");
    let drawn = world.cli(&["--project", "demo", "diff", "table", "b/orders", "--from", &before]);
    let drawn = String::from_utf8_lossy(&drawn.stdout).into_owned();
    assert!(drawn.contains("+ columns.paid") && !drawn.contains('\u{1b}'), "{drawn}");

    // From the request to its verdict, and back.
    let request = &changed["events"][0];
    let asked = cli(&world, &["why", &format!("STORAGE:{}", request["seq"])]);
    let command = &asked["commands"][0];
    assert_eq!(
        (&command["name"], &command["outcome"]["status"]),
        (&json!("storage.AddColumn"), &json!("accepted")),
        "{asked}"
    );
    assert_eq!(command["followed"][0]["type"], "Settled", "{asked}");
    assert_eq!(command["body_hash"], command["outcome"]["body_hash"]);
    let folds: Vec<(&str, bool)> = asked["projections"]
        .as_array()
        .expect("folds")
        .iter()
        .filter_map(|f| Some((f["name"].as_str()?, f["applied"].as_bool()?)))
        .collect();
    assert_eq!(folds, [("storage", true), ("tables", true)], "{asked}");
    let settled = cli(&world, &["why", &format!("STORAGE:{}/0", changed["events"][1]["seq"])]);
    assert_eq!(settled["caused_by"]["seq"], request["seq"], "{settled}");
    // A command on two aggregates: both events, whichever one is asked about.
    let created = cli(&world, &["diff", "table", "b/orders", "--to", &before]);
    let opened = cli(&world, &["why", &format!("STORAGE:{}", created["events"][0]["seq"])]);
    let types: Vec<&str> =
        opened["commands"][0]["events"].as_array().expect("events").iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(types, ["TableCreated", "TableOpened"], "{opened}");

    // No secret, and nothing of others.
    let keyring = cli(&world, &["state", "keyring", "demo"]);
    assert!(keyring.to_string().contains("(hidden)") && !keyring.to_string().contains(&key), "{keyring}");
    let other = world.post("/projects", &json!({ "id": "other" })).await;
    let stranger = other["api_key"].as_str().expect("a key");
    let table = now["aggregate"].as_str().expect("a name").replace('.', "/");
    let event = format!("/events/STORAGE:{}/why", request["seq"]);
    for path in [
        "/aggregates/storage/project/demo",
        &format!("/aggregates/{table}"),
        "/aggregates/storage/table/demo.b.orders/diff",
        &event,
    ] {
        let (status, body) = world.http_as(Some(&key), Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        let (status, body) = world.http_as(Some(stranger), Method::GET, path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {body}");
        assert_eq!(world.http_as(None, Method::GET, path, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    let (status, _) = world.http_as(Some(&key), Method::GET, "/aggregates/access/keyring/demo", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "keys are for admins");

    // The project's successor begins with nothing.
    let (last, _) = point(&world).await;
    assert_eq!(world.http(Method::DELETE, "/projects/demo", None).await.0, StatusCode::NO_CONTENT);
    let heir = world.post("/projects", &json!({ "id": "demo" })).await;
    let heir = heir["api_key"].as_str().expect("a key");
    for path in [format!("/aggregates/storage/project/demo?at={last}"), format!("/aggregates/{table}"), event] {
        let (status, body) = world.http_as(Some(heir), Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {body}");
    }
    let (_, told) = world.http_as(Some(heir), Method::GET, "/aggregates/storage/project/demo/diff", None).await;
    assert!(told["events"].as_array().is_some_and(|events| events.len() == 1), "{told}");
    let (_, told) = world.http(Method::GET, "/aggregates/storage/project/demo/diff", None).await;
    assert!(told["events"].as_array().is_some_and(|events| events.len() > 4), "{told}");

    let unknown = world.cli(&["state", "storage.project.nobody"]);
    assert_eq!(unknown.status.code(), Some(5), "{}", String::from_utf8_lossy(&unknown.stderr));
    assert_eq!(world.cli(&["state", "storage"]).status.code(), Some(2));
    assert_eq!(world.cli(&["why", "STORAGE:9999999"]).status.code(), Some(5));
}
