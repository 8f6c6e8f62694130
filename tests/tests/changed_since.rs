//! When rows last changed: shown to who asks, asked for by preview, export, deletion and workspaces, and the same in a rebuild.

use alluvium_blackbox::World;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const T: &str = "/projects/p/branches/default/buckets/b/tables/t";

async fn load(world: &World, table: &str, csv: &str, incremental: bool) -> Value {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": incremental } });
    world.post(&format!("{table}/import/file"), &load).await
}

/// Rows 1 and 3 of one load, 2 and 4 of the next.
async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    // Nothing here hangs on snapshots.
    let off = json!({ "enabled": false });
    assert!(world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&off)).await.0.is_success());
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    load(&world, T, "id,note\n1,a\n2,b\n3,c\n", false).await;
    load(&world, T, "id,note\n1,a\n2,x\n4,d\n", true).await;
    world
}

/// When the rows changed, in the order of their ids.
async fn stamps(world: &World, table: &str) -> Vec<String> {
    let shown = world.get(&format!("{table}/preview?includeInternalTimestamp=true")).await;
    let last = shown["columns"].as_array().and_then(|columns| columns.last()).cloned().unwrap_or_default();
    let expected = json!({
        "name": "_timestamp", "type": "TIMESTAMP WITH TIME ZONE", "base_type": "TIMESTAMP", "nullable": true,
        "ordinal_position": shown["columns"].as_array().map_or(0, Vec::len),
    });
    assert_eq!(last, expected);
    let rows = shown["rows"].as_array().expect("rows").iter();
    rows.map(|row| row["_timestamp"].as_str().unwrap_or_else(|| panic!("{row}")).to_owned()).collect()
}

/// The ids of rows.
fn ids(shown: &Value) -> Vec<i64> {
    let rows = shown["rows"].as_array().expect("rows").iter();
    rows.map(|row| row["id"].as_str().map_or_else(|| row["id"].as_i64().expect("id"), |id| id.parse().expect("id")))
        .collect()
}

async fn previewed(world: &World, table: &str, query: &str) -> Vec<i64> {
    ids(&world.get(&format!("{table}/preview?{}", query.replace('+', "%2B").replace(' ', "%20"))).await)
}

async fn refused(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http(method, path, body.as_ref()).await;
    (status.as_u16(), answer["detail"].get("error").unwrap_or(&answer["detail"][0]["loc"]).clone())
}

#[tokio::test]
async fn rows_are_picked_by_the_time_of_their_last_change() {
    let world = filled().await;
    let all = stamps(&world, T).await;
    let [first, second] = [&all[0], &all[1]];
    assert!(first < second && all == [first, second, first, second].map(ToOwned::to_owned), "{all:?}");
    // In the three ways to say a moment, and in both spellings.
    assert_eq!(previewed(&world, T, &format!("changed_since={second}")).await, [2, 4]);
    assert_eq!(previewed(&world, T, &format!("changedUntil={second}")).await, [1, 3]);
    assert_eq!(previewed(&world, T, &format!("changedSince={first}&changedUntil={second}")).await, [1, 3]);
    assert_eq!(previewed(&world, T, "changed_since=-2 days").await, [1, 2, 3, 4]);
    assert_eq!(previewed(&world, T, "changed_until=-2 days").await, [0; 0]);
    assert_eq!(previewed(&world, T, "changed_since=+1 hour").await, [0; 0]);
    assert_eq!(previewed(&world, T, "changed_since=1000000000").await, [1, 2, 3, 4]);
    assert_eq!(previewed(&world, T, "changed_until=1000000000").await, [0; 0]);
    let body = json!({ "changed_since": second, "where_clause": "id > 2", "columns": ["id"] });
    let shown = world.post(&format!("{T}/preview"), &body).await;
    assert_eq!((ids(&shown), &shown["total_row_count"], &shown["columns"][1]), (vec![4], &json!(1), &Value::Null));
    for (method, path, body) in [
        (Method::GET, "preview?changed_since=soon", None),
        (Method::POST, "preview", Some(json!({ "changed_since": "soon" }))),
        (Method::POST, "export", Some(json!({ "changedSince": true }))),
        (Method::DELETE, "rows", Some(json!({ "changed_since": "2 days" }))),
    ] {
        let (status, at) = refused(&world, method, &format!("{T}/{path}"), body).await;
        assert_eq!((status, at[1].as_str()), (422, Some("changed_since")), "{path}");
    }

    // Nobody else sees it.
    assert_eq!(world.get(T).await["columns"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.query("p", "SELECT * FROM b.t WHERE id = 1").await, json!([{ "id": 1, "note": "a" }]));
    let profile = world.post(&format!("{T}/profile"), &json!({})).await;
    assert_eq!(profile["column_count"], 2);
    world.table("p", "own", &[("_timestamp", "BIGINT")], &[]).await;
    let own = "/projects/p/branches/default/buckets/b/tables/own/preview?include_internal_timestamp=1";
    let taken = refused(&world, Method::GET, own, None).await;
    assert_eq!(taken, (400, json!("timestamp_column_taken")));
    world.verify();
}

async fn exported(world: &World, table: &str, body: Value) -> String {
    let answer = world.post(&format!("{table}/export"), &body).await;
    let url =
        format!("{}/projects/p/files/{}/download", world.alluvium.url(), answer["file_id"].as_str().expect("a file"));
    let response =
        reqwest::Client::new().get(url).bearer_auth(alluvium_blackbox::ADMIN).send().await.expect("the server answers");
    response.text().await.expect("a text")
}

#[tokio::test]
async fn exports_workspaces_and_branches_know_it() {
    let world = filled().await;
    let all = stamps(&world, T).await;
    let second = &all[1];
    assert_eq!(exported(&world, T, json!({ "changed_since": second })).await, "id,note\n2,x\n4,d\n");
    let with = exported(&world, T, json!({ "changedUntil": second, "includeInternalTimestamp": true })).await;
    let shown = all[0].replace('T', " ").replace("+00:00", "+00");
    let trimmed = shown.trim_end_matches("+00").trim_end_matches('0');
    assert!(with.starts_with("id,note,_timestamp\n1,a,") && with.contains(trimmed), "{with} {trimmed}");

    let workspace = world.post("/projects/p/workspaces", &json!({ "name": "w" })).await;
    let below = format!("/projects/p/workspaces/{}", workspace["id"].as_str().unwrap());
    let tables = json!({ "tables": [
        { "source": "b.t", "destination": "new", "changed_since": second },
        { "source": "b.t", "destination": "old", "changedUntil": second, "where": "id = 3" },
        { "source": "b.t", "destination": "none", "changed_since": "+1 day" },
    ] });
    let loaded = world.post(&format!("{below}/load"), &tables).await;
    let rows: Vec<&Value> = loaded["loaded"].as_array().unwrap().iter().map(|table| &table["rows"]).collect();
    assert_eq!(rows, [2, 1, 0], "{loaded}");
    let seen = world.post(&format!("{below}/query"), &json!({ "query": "SELECT * FROM new ORDER BY id" })).await;
    assert_eq!(seen["data"]["rows"], json!([[2, "x"], [4, "d"]]));

    // A branch shows what main has, and has it still when it gets a table of its own.
    let branch = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let dev = T.replace("default", branch["id"].as_str().unwrap());
    assert_eq!(stamps(&world, &dev).await, all);
    load(&world, &dev, "id,note\n1,a\n3,z\n5,e\n", true).await;
    let own = stamps(&world, &dev).await;
    assert_eq!((&own[..2], &own[3]), (&all[..2], &all[3]));
    assert!(own[2] > all[3] && own[4] == own[2], "{own:?}");
    assert_eq!(stamps(&world, T).await, all);

    // To main it comes with the merge, whenever it was done on the branch: who asks main since then must be told.
    let between = world.get(&format!("{T}/preview?changed_since=now")).await;
    assert_eq!(ids(&between), [0; 0]);
    let merged = world.post(&format!("{}/merge", dev.split("/buckets").next().unwrap()), &json!({})).await;
    assert_eq!(merged["tables"][0]["result"], "merged", "{merged}");
    let after = stamps(&world, T).await;
    assert_eq!((&after[..2], &after[3]), (&all[..2], &all[3]));
    assert!(after[2] > own[2] && after[4] == after[2], "{after:?}");
    world.verify();
}

async fn deleted(world: &World, body: Value) -> Value {
    let (status, answer) = world.http(Method::DELETE, &format!("{T}/rows"), Some(&body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_rebuild_has_the_times_of_the_log() {
    let world = filled().await;
    let before = stamps(&world, T).await;
    let both = json!({ "changed_until": before[1], "where_clause": "id = 1" });
    assert_eq!(deleted(&world, both).await, json!({ "deleted_rows": 1, "table_rows_after": 3 }));
    // The moment is that of the request, also in every replay.
    assert_eq!(deleted(&world, json!({ "changed_until": "-1 day" })).await["deleted_rows"], 0);
    // In the words of the driver too: none is as old as that.
    let driven = async |command: Value| {
        let answer = world.post("/driver/execute", &json!({ "command": command })).await;
        answer["commandResponse"].clone()
    };
    let at = json!({ "path": ["p", "b"], "tableName": "t", "changeUntil": "1000000000" });
    let mut preview = json!({ "type": "PreviewTableCommand", "filters": { "changeUntil": "1000000000" } });
    let mut delete = json!({ "type": "DeleteTableRowsCommand" });
    for command in [&mut preview, &mut delete] {
        command.as_object_mut().expect("an object").extend(at.as_object().expect("an object").clone());
    }
    assert_eq!(driven(preview.clone()).await["rows"].as_array().map_or(0, Vec::len), 0);
    assert_eq!(driven(delete).await["tableRowsCount"], "3");
    preview["filters"] = json!({ "changeSince": "1000000000" });
    assert_eq!(driven(preview).await["rows"].as_array().map_or(0, Vec::len), 3);
    let version = load(&world, T, "id,note\n2,x\n6,f\n", true).await["version"].clone();
    load(&world, T, "id,note\n6,g\n", true).await;
    let stamped = stamps(&world, T).await;
    assert_eq!(stamped.len(), 4);
    assert_eq!(&stamped[..3], [before[1].clone(), before[2].clone(), before[3].clone()]);
    let then = format!("{T}/preview?include_internal_timestamp=true&as_of={}", version.as_str().unwrap());
    let then = world.get(&then).await;
    assert!(then["rows"][3]["_timestamp"].as_str().unwrap() < stamped[3].as_str(), "{then}");
    assert_eq!(deleted(&world, json!({ "changedSince": stamped[3] })).await["deleted_rows"], 1);
    let left = stamps(&world, T).await;
    assert_eq!(left, stamped[..3]);

    // Rows come one by one, and a rebuild folds them in batches: each counts by itself all the same.
    let js = async_nats::jetstream::new(world.nats.connect().await);
    for n in 0..60 {
        let row = json!({ "id": 100 + n % 3, "note": (n / 20).to_string() }).to_string();
        js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
    }
    let there =
        async || world.query("p", "SELECT count(*) AS n FROM b.t WHERE note = '2'").await == json!([{ "n": 3 }]);
    world.eventually("all rows are folded", there).await;
    let left = stamps(&world, T).await;
    assert_eq!((left.len(), &left[..3]), (6, &stamped[..3]));
    assert!(left[3] != left[4] && left[4] != left[5] && left[3] > stamped[2], "{left:?}");

    world.verify();
    let rebuilt = world.cli(&["projections", "rebuild", "--all", "--yes"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(stamps(&world, T).await, left);
}
