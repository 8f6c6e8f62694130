//! Tables and buckets come back after they were dropped, and tables are made of what others held, over HTTP.

use alluvium_blackbox::World;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const B: &str = "/projects/p/branches/default";
const K: &str = "/projects/p/branches/default/buckets/b";
const T: &str = "/projects/p/branches/default/buckets/b/tables/t";
const ROWS: &str = "SELECT count(*) AS n, sum(id) AS ids FROM b.t";

async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    // Nothing here hangs on snapshots.
    let off = json!({ "enabled": false });
    assert!(world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&off)).await.0.is_success());
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    load(&world, "id,note\n1,a\n2,b\n3,c\n").await;
    world
}

async fn load(world: &World, csv: &str) -> Value {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{T}/import/file"), &load).await
}

async fn gone(world: &World, path: &str) {
    assert_eq!(world.http(Method::DELETE, path, None).await.0, StatusCode::NO_CONTENT, "{path}");
}

async fn refused(world: &World, path: &str, body: Option<Value>, status: u16, code: &str) {
    let (found, answer) = world.http(Method::POST, path, body.as_ref()).await;
    assert_eq!((found.as_u16(), answer["detail"]["error"].as_str()), (status, Some(code)), "{path}: {answer}");
}

/// Columns, key and number of rows of a table.
fn shape(table: &Value) -> [Value; 3] {
    ["columns", "primary_key", "row_count"].map(|name| table[name].clone())
}

#[tokio::test]
async fn a_dropped_table_comes_back_as_it_was_last() {
    let world = filled().await;
    let undrop = format!("{T}/undrop");
    refused(&world, &undrop, None, 409, "table_exists").await;
    refused(&world, &format!("{K}/tables/none/undrop"), None, 404, "table_not_found").await;
    refused(&world, &format!("{B}/buckets/none/tables/t/undrop"), None, 404, "bucket_not_found").await;
    let (before, rows) = (world.get(T).await, world.query("p", ROWS).await);
    gone(&world, T).await;
    let (status, back) = world.http(Method::POST, &undrop, None).await;
    assert_eq!(status, StatusCode::OK, "{back}");
    assert_eq!(shape(&back), shape(&before));
    assert_eq!(world.query("p", ROWS).await, rows);

    // The last one of the name counts, with what happened to it until then.
    load(&world, "id,note\n3,d\n9,z\n").await;
    let altered = json!({ "new_name": "text" });
    assert!(world.http(Method::PUT, &format!("{T}/columns/note"), Some(&altered)).await.0.is_success());
    let before = world.get(T).await;
    gone(&world, T).await;
    let (_, back) = world.http(Method::POST, &undrop, None).await;
    assert_eq!(shape(&back), shape(&before));
    assert_eq!(world.query("p", "SELECT max(text) AS text FROM b.t").await, json!([{ "text": "z" }]));
    // The key is at work.
    let file = world.upload("p", "rows.csv", b"id,text\n9,y\n".to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{T}/import/file"), &load).await;
    assert_eq!(world.get(T).await["row_count"], 4);

    // Another project of the id has dropped nothing.
    gone(&world, "/projects/p").await;
    world.project("p").await;
    refused(&world, &undrop, None, 404, "table_not_found").await;
    world.verify();
}

#[tokio::test]
async fn a_bucket_comes_back_with_the_tables_that_went_with_it() {
    let mut world = filled().await;
    let undrop = format!("{K}/undrop");
    refused(&world, &undrop, None, 409, "bucket_exists").await;
    refused(&world, &format!("{B}/buckets/none/undrop"), None, 404, "bucket_not_found").await;
    for n in 0..5 {
        world.table("p", &format!("more{n}"), &[("n", "BIGINT")], &[]).await;
    }
    gone(&world, &format!("{K}/tables/more4")).await;
    let tables = |listed: &Value| -> Vec<[Value; 3]> {
        listed["tables"].as_array().expect("tables").iter().map(shape).collect()
    };
    let (before, rows) = (world.get(&format!("{K}/tables")).await, world.query("p", ROWS).await);
    gone(&world, K).await;
    let (status, back) = world.http(Method::POST, &undrop, None).await;
    assert_eq!((status, &back["table_count"]), (StatusCode::OK, &json!(5)), "{back}");
    assert_eq!(world.query("p", ROWS).await, rows);
    assert_eq!(tables(&world.get(&format!("{K}/tables")).await), tables(&before));
    // What went before the bucket went is had back by itself.
    assert_eq!(world.http(Method::POST, &format!("{K}/tables/more4/undrop"), None).await.0, StatusCode::OK);
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(world.query("p", ROWS).await, rows);
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let of_branch = format!("/projects/p/branches/{}/buckets/b/undrop", branch["id"].as_str().expect("an id"));
    refused(&world, &of_branch, None, 400, "operation_not_allowed").await;
    world.verify();
}

#[tokio::test]
async fn a_deleted_project_comes_back_with_what_its_tables_held() {
    let world = filled().await;
    let undelete = "/projects/p/undelete";
    refused(&world, undelete, None, 409, "project_exists").await;
    refused(&world, "/projects/none/undelete", None, 404, "project_not_found").await;
    world.post(&format!("{B}/buckets"), &json!({ "name": "empty", "description": "nothing" })).await;
    let named = json!({ "name": "Shop", "settings": { "a": 1 } });
    assert!(world.http(Method::PUT, "/projects/p", Some(&named)).await.0.is_success());
    let (before, buckets) = (world.get(T).await, world.get(&format!("{B}/buckets")).await);
    gone(&world, "/projects/p").await;
    assert_eq!(world.http(Method::GET, "/projects/p", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/projects").await["total"], 0);
    let listed = world.get("/projects?status=deleted").await;
    let gone_one = &listed["projects"][0];
    assert_eq!((&listed["total"], &gone_one["id"], &gone_one["status"]), (&json!(1), &json!("p"), &json!("deleted")));
    assert_eq!((&gone_one["settings"], &gone_one["bucket_count"]), (&json!({ "a": 1 }), &json!(2)));
    let (status, back) = world.http(Method::POST, undelete, None).await;
    assert_eq!((status, &back["name"], &back["settings"]), (StatusCode::OK, &json!("Shop"), &json!({ "a": 1 })));
    assert_eq!((shape(&world.get(T).await), world.get(&format!("{B}/buckets")).await), (shape(&before), buckets));
    assert_eq!(world.get("/projects?status=deleted").await, json!({ "projects": [], "total": 0 }));
    let key = back["api_key"].as_str().expect("a key");
    assert_eq!(world.http_as(Some(key), Method::GET, T, None).await.0, StatusCode::OK);
    load(&world, "id,note\n3,d\n4,e\n").await;
    assert_eq!(world.get(T).await["row_count"], 4);
    // Whoever has the id next is somebody else, who has deleted nothing yet.
    gone(&world, "/projects/p").await;
    world.project("p").await;
    refused(&world, undelete, None, 409, "project_exists").await;
    world.verify();
}

#[tokio::test]
async fn every_change_is_a_version_and_any_makes_a_table() {
    let world = filled().await;
    let (_, first) = (load(&world, "id,note\n4,d\n").await, world.get(&format!("{T}/versions")).await);
    let picked = json!({ "where_clause": "id = 1" });
    assert!(world.http(Method::DELETE, &format!("{T}/rows"), Some(&picked)).await.0.is_success());
    assert!(world.http(Method::DELETE, &format!("{T}/columns/note"), None).await.0.is_success());
    let versions = world.get(&format!("{T}/versions")).await;
    let listed = versions["versions"].as_array().expect("versions");
    let seen: Vec<_> = listed.iter().map(|one| (one["operation"].as_str().unwrap_or_default(), &one["rows"])).collect();
    let (none, of) = (Value::Null, |n: u64| json!(n));
    let expected =
        [("drop_column", &none), ("delete_rows", &of(3)), ("import", &of(4)), ("import", &of(3)), ("create", &of(0))];
    assert_eq!((seen, &versions["total"]), (expected.to_vec(), &json!(5)));
    assert_eq!(listed[2..], first["versions"].as_array().expect("versions")[..]);
    assert!(listed.iter().all(|one| one["actor"] == "admin"), "{versions}");
    let page = world.get(&format!("{T}/versions?limit=1&offset=2")).await;
    assert_eq!(page["versions"], json!([listed[2]]));
    // Each can be read, and each makes a table.
    for (version, rows, columns) in [(&listed[2], 4, 2), (&listed[1], 3, 2), (&listed[0], 3, 1), (&listed[4], 0, 2)] {
        let version = version["version"].as_str().expect("a version");
        let then = world.get(&format!("{T}/preview?as_of={version}")).await;
        assert_eq!(then["rows"].as_array().map(Vec::len), Some(rows), "{version}: {then}");
        let body = json!({ "source_bucket": "b", "source_table": "t", "version": version, "name": "made" });
        let (status, made) = world.http(Method::POST, &format!("{K}/tables-from-time-travel"), Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let shape = (made["row_count"].as_u64(), made["columns"].as_array().map(Vec::len), &made["primary_key"]);
        assert_eq!(shape, (Some(rows as u64), Some(columns), &json!(["id"])), "{version}");
        gone(&world, &format!("{K}/tables/made")).await;
    }
    let time = listed[0]["time"].as_str().expect("a time").to_owned();
    let travel = |source: &str, point: Value| {
        let mut body = json!({ "source_bucket": "b", "source_table": source, "name": "made" });
        body.as_object_mut().expect("a body").extend(point.as_object().expect("a point").clone());
        Some(body)
    };
    let path = format!("{K}/tables-from-time-travel");
    refused(&world, &path, travel("none", json!({ "timestamp": time })), 404, "table_not_found").await;
    refused(&world, &path, travel("t", json!({})), 400, "invalid_request").await;
    refused(&world, &path, travel("t", json!({ "timestamp": time, "version": "1" })), 400, "invalid_request").await;
    refused(&world, &path, travel("t", json!({ "version": "STORAGE:999999" })), 400, "point_in_future").await;
    refused(&world, &path, travel("t", json!({ "version": "soon" })), 400, "invalid_point").await;
    // Also of a table that is gone now.
    gone(&world, T).await;
    let (status, made) = world.http(Method::POST, &path, travel("t", json!({ "timestamp": time })).as_ref()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    world.verify();
}

#[tokio::test]
async fn what_retention_took_does_not_come_back() {
    let world = filled().await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    js.publish("rows.default.p.b.t", json!({ "id": 7, "note": "row" }).to_string().into())
        .await
        .expect("sent")
        .await
        .expect("stored");
    world.eventually("the row", async || world.get(T).await["row_count"] == 4).await;
    gone(&world, T).await;
    let output = world.cli(&["--yes", "retention", "run", "--keep", "0s", "--messages-min", "1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    refused(&world, &format!("{T}/undrop"), None, 410, "version_expired").await;
    assert_eq!(world.http(Method::GET, T, None).await.0, StatusCode::NOT_FOUND);
    world.verify();
}
