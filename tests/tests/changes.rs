//! What became of a table's rows between two of its versions, as clients that follow a table ask for it.

use alluvium_blackbox::{ADMIN, World};
use async_nats::jetstream;
use duckdb::arrow::array::AsArray as _;
use duckdb::arrow::ipc::reader::StreamReader;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const K: &str = "/projects/p/branches/default/buckets/b";
const T: &str = "/projects/p/branches/default/buckets/b/tables/t";

async fn filled(key: &[&str]) -> World {
    let world = World::start().await;
    world.project("p").await;
    // Nothing here hangs on snapshots.
    let off = json!({ "enabled": false });
    assert!(world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&off)).await.0.is_success());
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], key).await;
    load(&world, T, "id,note\n1,a\n2,b\n3,c\n").await;
    world
}

/// Gives the version that the load made.
async fn load(world: &World, table: &str, csv: &str) -> String {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let body = json!({ "file_id": file, "import_options": { "incremental": true } });
    let loaded = world.post(&format!("{table}/import/file"), &body).await;
    loaded["version"].as_str().expect("a version").to_owned()
}

/// The versions of a table, oldest first.
async fn versions(world: &World, table: &str) -> Vec<String> {
    let listed = world.get(&format!("{table}/versions")).await;
    let versions = listed["versions"].as_array().expect("versions").iter().rev();
    versions.map(|version| version["version"].as_str().expect("text").to_owned()).collect()
}

async fn asked(world: &World, key: &str, path: &str, accept: &str) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}{path}", world.alluvium.url())).bearer_auth(key);
    request.header("Accept", accept).send().await.expect("an answer")
}

/// The lines of a range, and where it ends.
async fn range(world: &World, table: &str, query: &str) -> (Vec<Value>, String) {
    let response = asked(world, ADMIN, &format!("{table}/changes?{query}"), "*/*").await;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a body");
    assert_eq!(status, StatusCode::OK, "{query}: {text}");
    assert_eq!(headers["content-type"], "application/x-ndjson");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: {line}")));
    (lines.collect(), headers["alv-position"].to_str().expect("text").to_owned())
}

async fn lines(world: &World, table: &str, query: &str) -> Vec<Value> {
    range(world, table, query).await.0
}

async fn refused(world: &World, path: &str) -> (u16, String) {
    let (status, answer) = world.http(Method::GET, path, None).await;
    let code = answer["detail"]["error"].as_str().unwrap_or_else(|| panic!("{path}: {status} {answer}"));
    (status.as_u16(), code.to_owned())
}

fn line(kind: &str, id: i64, note: Option<&str>) -> Value {
    json!({ "kind": kind, "row": { "id": id, "note": note } })
}

#[tokio::test]
async fn a_client_follows_a_table_by_its_key() {
    let world = filled(&["id"]).await;
    let made = versions(&world, T).await;
    let [created, first] = &made[..] else { panic!("{made:?}") };
    let second = load(&world, T, "id,note\n1,a\n2,x\n4,d\n").await;
    let gone = json!({ "where_clause": "id = 3" });
    assert_eq!(world.http(Method::DELETE, &format!("{T}/rows"), Some(&gone)).await.0, StatusCode::OK);

    let inserted =
        |ids: &[(i64, &str)]| ids.iter().map(|(id, note)| line("insert", *id, Some(note))).collect::<Vec<_>>();
    let updated = [line("update_before", 2, Some("b")), line("update_after", 2, Some("x"))];
    let query = format!("from_version={created}&to_version={first}");
    assert_eq!(lines(&world, T, &query).await, inserted(&[(1, "a"), (2, "b"), (3, "c")]));
    let between = [&updated[..], &[line("insert", 4, Some("d"))]].concat();
    assert_eq!(lines(&world, T, &format!("from_version={first}&to_version={second}")).await, between);
    // The whole is net: what came and went in between does not show. In the order of the key.
    let net = [&updated[..], &[line("delete", 3, Some("c")), line("insert", 4, Some("d"))]].concat();
    let (found, end) = range(&world, T, &format!("fromVersion={first}")).await;
    assert_eq!(found, net);
    let older = T.replace("/branches/default", "");
    assert_eq!(lines(&world, &older, &format!("from_version={first}")).await, net);
    assert_eq!(lines(&world, T, &format!("from_version={created}")).await, inserted(&[(1, "a"), (2, "x"), (4, "d")]));
    // Every way to say a point, and the same twice.
    let sequence = first.trim_start_matches("STORAGE:");
    let time = world.get(&format!("{T}/versions")).await["versions"][0]["time"].as_str().expect("a time").to_owned();
    assert_eq!(lines(&world, T, &format!("from_version={sequence}&to_version=now")).await, net);
    let since = lines(&world, T, &format!("from_version={first}&to_version={}", time.replace('+', "%2B"))).await;
    assert!(since == net || since == between, "{since:?}");
    assert_eq!(lines(&world, T, &format!("from_version={second}&to_version={second}")).await, [] as [Value; 0]);

    // Where a range ends the next one begins, also for rows that come over NATS and when nothing happened.
    let (none, end) = range(&world, T, &format!("from_version={end}")).await;
    assert_eq!(none, [] as [Value; 0]);
    let js = jetstream::new(world.nats.connect().await);
    for row in [json!({ "id": 1, "note": null }), json!({ "id": 9, "note": "z" })] {
        js.publish("rows.default.p.b.t", row.to_string().into()).await.expect("sent").await.expect("stored");
    }
    let (found, end) = range(&world, T, &format!("from_version={end}")).await;
    let expected = [line("update_before", 1, Some("a")), line("update_after", 1, None), line("insert", 9, Some("z"))];
    assert_eq!(found, expected);
    world.post(&format!("{K}/tables"), &json!({ "name": "u", "columns": [{ "name": "x", "type": "DATE" }] })).await;
    assert_eq!(lines(&world, T, &format!("from_version={end}")).await, [] as [Value; 0]);

    for (query, status, code) in [
        (format!("from_version={second}&to_version={first}"), 400, "invalid_version_range"),
        ("from_version=yesterday".to_owned(), 400, "invalid_point"),
        ("from_version=OTHER:3".to_owned(), 400, "invalid_point"),
        (format!("from_version={first}&to_version=STORAGE:99999999"), 400, "point_in_future"),
        ("from_version=0".to_owned(), 404, "project_not_found"),
    ] {
        assert_eq!(refused(&world, &format!("{T}/changes?{query}")).await, (status, code.to_owned()), "{query}");
    }
    let missing = refused(&world, &format!("{K}/tables/none/changes?from_version={first}")).await;
    assert_eq!(missing, (404, "table_not_found".to_owned()));
    for wrong in ["", "from_version=1&format=csv"] {
        let (status, answer) = world.http(Method::GET, &format!("{T}/changes?{wrong}"), None).await;
        assert_eq!((status.as_u16(), &answer["detail"][0]["loc"][0]), (422, &json!("query")), "{answer}");
    }
    world.verify();
}

#[tokio::test]
async fn without_a_key_rows_are_counted_and_columns_are_those_of_the_later_version() {
    let world = filled(&[]).await;
    let first = versions(&world, T).await.pop().expect("a version");
    load(&world, T, "id,note\n3,c\n3,c\n").await;
    let gone = json!({ "where_clause": "id = 1" });
    assert_eq!(world.http(Method::DELETE, &format!("{T}/rows"), Some(&gone)).await.0, StatusCode::OK);
    let mut found = lines(&world, T, &format!("from_version={first}")).await;
    found.sort_by_key(Value::to_string);
    assert_eq!(found, [line("delete", 1, Some("a")), line("insert", 3, Some("c")), line("insert", 3, Some("c"))]);

    // One column goes, one comes: what is left to tell rows apart is what both versions have.
    let before = versions(&world, T).await.pop().expect("a version");
    assert!(world.http(Method::DELETE, &format!("{T}/columns/note"), None).await.0.is_success());
    assert_eq!(lines(&world, T, &format!("from_version={before}")).await, [] as [Value; 0]);
    world.post(&format!("{T}/columns"), &json!({ "name": "size", "type": "INTEGER", "nullable": true })).await;
    assert_eq!(lines(&world, T, &format!("from_version={before}")).await, [] as [Value; 0]);
    load(&world, T, "id,size\n2,5\n").await;
    let expected = json!({ "kind": "insert", "row": { "id": 2, "size": 5 } });
    assert_eq!(lines(&world, T, &format!("from_version={before}")).await, [expected]);
    // A key that came in between tells nothing of the rows before.
    let deduplicated = json!({ "where_clause": "id = 3 OR size IS NULL" });
    assert_eq!(world.http(Method::DELETE, &format!("{T}/rows"), Some(&deduplicated)).await.0, StatusCode::OK);
    world.post(&format!("{T}/primary-key"), &json!({ "columns": ["id"] })).await;
    let found = lines(&world, T, &format!("from_version={before}")).await;
    assert!(found.iter().all(|line| line["kind"] == "insert" || line["kind"] == "delete"), "{found:?}");
    assert_eq!(found.len(), 5, "four rows went and one came: {found:?}");
    world.verify();
}

#[tokio::test]
async fn changes_come_as_an_arrow_stream() {
    let world = filled(&["id"]).await;
    let first = versions(&world, T).await.pop().expect("a version");
    load(&world, T, "id,note\n2,x\n4,d\n").await;
    let path = format!("{T}/changes?from_version={first}");
    for (query, accept) in [("", "application/vnd.apache.arrow.stream"), ("&format=arrow", "*/*")] {
        let response = asked(&world, ADMIN, &format!("{path}{query}"), accept).await;
        assert_eq!(response.headers()["content-type"], "application/vnd.apache.arrow.stream");
        assert!(response.headers().contains_key("alv-position"));
        let bytes = response.bytes().await.expect("a body");
        let mut found = Vec::new();
        for batch in StreamReader::try_new(&bytes[..], None).expect("a stream") {
            let batch = batch.expect("a batch");
            let row = batch.column_by_name("row").expect("rows").as_struct().clone();
            let (kinds, notes) =
                (batch.column_by_name("kind").expect("kinds"), row.column_by_name("note").expect("notes"));
            for n in 0..batch.num_rows() {
                found
                    .push((kinds.as_string::<i32>().value(n).to_owned(), notes.as_string::<i32>().value(n).to_owned()));
            }
        }
        let expected = [("update_before", "b"), ("update_after", "x"), ("insert", "d")];
        assert_eq!(found, expected.map(|(kind, note)| (kind.to_owned(), note.to_owned())));
    }
}

#[tokio::test]
async fn changes_are_for_who_may_read_the_table_and_as_far_as_the_log_goes() {
    let world = filled(&["id"]).await;
    let first = versions(&world, T).await.pop().expect("a version");
    // Through a dev branch: the main line until the branch has its own.
    let branch = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let on_branch = T.replace("default", branch["id"].as_str().expect("an id"));
    let own = load(&world, &on_branch, "id,note\n2,branch\n").await;
    let changed = [line("update_before", 2, Some("b")), line("update_after", 2, Some("branch"))];
    assert_eq!(lines(&world, &on_branch, &format!("from_version={first}&to_version={own}")).await, changed);
    assert_eq!(lines(&world, T, &format!("from_version={first}")).await, [] as [Value; 0]);

    // Through a link: while the share stands.
    world.project("q").await;
    let linked = "/projects/q/branches/default/buckets/shown";
    world.post(&format!("{K}/share"), &json!({ "target_project_id": "q" })).await;
    let source = json!({ "source_project_id": "p", "source_bucket_name": "b" });
    world.post(&format!("{linked}/link"), &source).await;
    let then = range(&world, T, &format!("from_version={first}")).await.1;
    load(&world, T, "id,note\n5,e\n").await;
    let path = format!("{linked}/tables/t");
    assert_eq!(lines(&world, &path, &format!("from_version={then}")).await, [line("insert", 5, Some("e"))]);
    let taken_back = world.http(Method::DELETE, &format!("{K}/share?target_project_id=q"), None).await;
    assert!(taken_back.0.is_success(), "{}", taken_back.1);
    let closed = refused(&world, &format!("{path}/changes?from_version={then}")).await;
    assert_eq!(closed, (403, "share_revoked".to_owned()));

    // A key of another bucket is not told that the table is there.
    let body = json!({ "description": "d", "scope": "custom", "bucket_permissions": { "other": "read" } });
    let other = world.post("/projects/p/api-keys", &body).await;
    let path = format!("{T}/changes?from_version={first}");
    let response = asked(&world, other["api_key"].as_str().expect("a key"), &path, "*/*").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);

    // What retention took cannot be told.
    let js = jetstream::new(world.nats.connect().await);
    for id in 6..10 {
        let row = json!({ "id": id, "note": null }).to_string();
        js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
    }
    let came = lines(&world, T, &format!("from_version={then}")).await;
    assert_eq!(came.len(), 5, "{came:?}");
    let run = world.cli(&["--yes", "retention", "run", "--keep", "0s", "--messages-min", "1"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let expired = refused(&world, &format!("{T}/changes?from_version={first}")).await;
    assert_eq!(expired, (410, "version_expired".to_owned()));
    let (none, last) = range(&world, T, "from_version=now").await;
    assert_eq!(none, [] as [Value; 0]);
    // And a table that was dropped is read between two points at which it was there.
    assert_eq!(world.http(Method::DELETE, T, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(lines(&world, T, &format!("from_version={last}&to_version={last}")).await, [] as [Value; 0]);
    assert_eq!(refused(&world, &format!("{T}/changes?from_version={last}")).await, (404, "table_not_found".to_owned()));
    world.verify();
}
