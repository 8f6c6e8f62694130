//! Snapshots over HTTP: a name for what a table held, by which it comes back whole, whatever happened to the table meanwhile.

use alluvium_blackbox::World;
use futures::TryStreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const B: &str = "/projects/p/branches/default";
const T: &str = "/projects/p/branches/default/buckets/b/tables/t";
const ROWS: &str = "SELECT count(*) AS n, sum(id) AS ids, min(note) AS note FROM b.t";
/// How the command line ends when what is asked for is there already.
const CONFLICT: i32 = 4;
/// Rounds of killing.
const ROUNDS: u32 = 4;

async fn filled() -> World {
    let world = World::start().await;
    fill(&world).await;
    world
}

/// `t` with a key, a column that takes no NULL, one with a default, and three rows.
async fn fill(world: &World) {
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    let state = json!({ "name": "state", "type": "VARCHAR", "nullable": false, "default": "'new'", "backfill": true });
    world.post(&format!("{T}/columns"), &state).await;
    load(world, "t", "id,note\n1,a\n2,b\n3,c\n").await;
}

async fn load(world: &World, table: &str, csv: &str) {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{B}/buckets/b/tables/{table}/import/file"), &load).await;
}

async fn take(world: &World) -> Value {
    world.post(&format!("{B}/snapshots"), &json!({ "bucket": "b", "table": "t", "description": "before" })).await
}

async fn restore(world: &World, snapshot: &Value, target: Value) -> (StatusCode, Value) {
    let path = format!("{B}/snapshots/{}/restore", snapshot["id"].as_str().expect("an id"));
    world.http(Method::POST, &path, Some(&target)).await
}

/// Other rows, fewer columns, another key.
async fn change(world: &World) {
    let gone = json!({ "where_clause": "id < 3" });
    assert_eq!(world.http(Method::DELETE, &format!("{T}/rows"), Some(&gone)).await.0, StatusCode::OK);
    assert!(world.http(Method::DELETE, &format!("{T}/columns/state"), None).await.0.is_success());
    assert!(world.http(Method::DELETE, &format!("{T}/primary-key"), None).await.0.is_success());
    load(world, "t", "id,note\n9,z\n9,z\n").await;
}

/// Columns and key of a table, as the surface shows them.
fn shape(table: &Value) -> (Value, Value) {
    (table["columns"].clone(), table["primary_key"].clone())
}

#[tokio::test]
async fn a_table_gets_back_what_it_held_columns_constraints_and_key_included() {
    let world = filled().await;
    let (before, rows) = (world.get(T).await, world.query("p", ROWS).await);
    let snapshot = take(&world).await;
    assert!(snapshot["id"].as_str().is_some_and(|id| id.starts_with("snap_t_")), "{snapshot}");
    assert_eq!((&snapshot["row_count"], &snapshot["snapshot_type"]), (&json!(3), &json!("manual")));
    assert!(snapshot["size_bytes"].as_u64() > Some(0) && snapshot["expires_at"].is_string(), "{snapshot}");
    assert_eq!((&snapshot["description"], &snapshot["created_by"]), (&json!("before"), &json!("admin")));
    change(&world).await;
    assert_ne!(shape(&world.get(T).await), shape(&before));

    let shown = world.get(&format!("{B}/snapshots/{}", snapshot["id"].as_str().expect("an id"))).await;
    let columns = shown["schema_columns"].as_array().expect("columns");
    assert_eq!((columns.len(), &shown["primary_key"]), (3, &json!(["id"])));
    assert_eq!(columns[2], json!({ "name": "state", "type": "VARCHAR", "nullable": false }));

    let (status, answer) = restore(&world, &snapshot, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer, json!({ "restored_to": { "bucket": "b", "table": "t" }, "row_count": 3 }));
    assert_eq!(shape(&world.get(T).await), shape(&before));
    assert_eq!(world.query("p", ROWS).await, rows);
    // The default and the key are at work again.
    load(&world, "t", "id,note\n3,d\n4,e\n").await;
    let state = world.query("p", "SELECT count(*) AS n, min(state) AS state FROM b.t").await;
    assert_eq!(state, json!([{ "n": 4, "state": "new" }]));
    world.verify();
}

#[tokio::test]
async fn a_snapshot_outlives_its_table_and_makes_another_one() {
    let world = filled().await;
    let snapshot = take(&world).await;
    world.table("p", "other", &[("n", "BIGINT")], &[]).await;
    let target = |table: &str| json!({ "target_bucket": "b", "target_table": table });
    let (status, refused) = restore(&world, &snapshot, target("other")).await;
    assert_eq!((status, &refused["detail"]["error"]), (StatusCode::CONFLICT, &json!("table_exists")), "{refused}");
    let (status, refused) = restore(&world, &snapshot, json!({ "target_bucket": "none" })).await;
    assert_eq!((status, &refused["detail"]["error"]), (StatusCode::NOT_FOUND, &json!("bucket_not_found")));
    let (status, answer) = restore(&world, &snapshot, target("copy")).await;
    assert_eq!((status, &answer["row_count"]), (StatusCode::OK, &json!(3)), "{answer}");
    change(&world).await;
    let copied = world.query("p", "SELECT count(*) AS n, min(state) AS state FROM b.copy").await;
    assert_eq!(copied, json!([{ "n": 3, "state": "new" }]), "a copy goes its own way");

    assert_eq!(world.http(Method::DELETE, T, None).await.0, StatusCode::NO_CONTENT);
    let (status, answer) = restore(&world, &snapshot, json!({})).await;
    assert_eq!((status, &answer["row_count"]), (StatusCode::OK, &json!(3)), "{answer}");
    assert_eq!(world.query("p", ROWS).await, json!([{ "n": 3, "ids": 6, "note": "a" }]));
    assert_eq!(world.get(T).await["primary_key"], json!(["id"]));
    // What came back has a history of its own: it can be named and restored again.
    let again = take(&world).await;
    load(&world, "t", "id,note\n5,f\n").await;
    assert_eq!(restore(&world, &again, json!({})).await.1["row_count"], json!(3));
    assert_eq!(restore(&world, &again, target("second")).await.1["row_count"], json!(3));
    world.verify();
}

#[tokio::test]
async fn snapshots_are_listed_filtered_deleted_and_go_with_the_project() {
    let world = filled().await;
    let first = take(&world).await;
    let second = take(&world).await;
    assert_ne!(first["id"], second["id"]);
    let listed = world.get(&format!("{B}/snapshots")).await;
    assert_eq!((&listed["total"], &listed["snapshots"][0]["id"]), (&json!(2), &second["id"]));
    assert_eq!(listed["snapshots"][1], first);
    // The older form of the path is the same list.
    assert_eq!(world.get("/projects/p/snapshots").await, listed);
    for (filter, total) in [("bucket=b", 2), ("bucket=x", 0), ("table=t&type=manual", 2), ("type=auto_predrop", 0)] {
        assert_eq!(world.get(&format!("{B}/snapshots?{filter}")).await["total"], json!(total), "{filter}");
    }
    let paged = world.get(&format!("{B}/snapshots?limit=1&offset=1")).await;
    assert_eq!((paged["snapshots"].as_array().map(Vec::len), &paged["total"]), (Some(1), &json!(2)));

    let refused = async |method: Method, path: &str, body: Option<Value>, status: StatusCode, code: &str| {
        let (found, answer) = world.http(method, path, body.as_ref()).await;
        assert_eq!((found, answer["detail"]["error"].as_str()), (status, Some(code)), "{path}: {answer}");
    };
    let of = |bucket: &str, table: &str| Some(json!({ "bucket": bucket, "table": table }));
    let snapshots = format!("{B}/snapshots");
    refused(Method::POST, &snapshots, of("x", "t"), StatusCode::NOT_FOUND, "bucket_not_found").await;
    refused(Method::POST, &snapshots, of("b", "x"), StatusCode::NOT_FOUND, "table_not_found").await;
    let none = format!("{B}/snapshots/snap_none");
    refused(Method::GET, &none, None, StatusCode::NOT_FOUND, "snapshot_not_found").await;
    refused(Method::DELETE, &none, None, StatusCode::NOT_FOUND, "snapshot_not_found").await;
    refused(Method::POST, &format!("{none}/restore"), Some(json!({})), StatusCode::NOT_FOUND, "snapshot_not_found")
        .await;
    let branch = "/projects/p/branches/0a1b2c3d/snapshots";
    refused(Method::GET, branch, None, StatusCode::NOT_FOUND, "branch_not_found").await;

    let (one, two) = (first["id"].as_str().expect("an id"), second["id"].as_str().expect("an id"));
    let bodyless = world.http(Method::POST, &format!("{B}/snapshots/{one}/restore"), None).await;
    assert_eq!(bodyless.0, StatusCode::UNPROCESSABLE_ENTITY, "{}", bodyless.1);
    let missing = world.http(Method::POST, &snapshots, Some(&json!({ "bucket": "b" }))).await;
    assert_eq!(
        (missing.0, &missing.1["detail"][0]["loc"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!(["body", "table"]))
    );
    assert_eq!(world.http(Method::DELETE, &format!("{B}/snapshots/{one}"), None).await.0, StatusCode::NO_CONTENT);
    refused(Method::GET, &format!("{B}/snapshots/{one}"), None, StatusCode::NOT_FOUND, "snapshot_not_found").await;
    assert_eq!(world.get(&snapshots).await["total"], json!(1));

    assert_eq!(world.http(Method::DELETE, "/projects/p", None).await.0, StatusCode::NO_CONTENT);
    fill(&world).await;
    assert_eq!(world.get(&snapshots).await["total"], json!(0), "another project has the id now");
    refused(
        Method::POST,
        &format!("{B}/snapshots/{two}/restore"),
        Some(json!({})),
        StatusCode::NOT_FOUND,
        "snapshot_not_found",
    )
    .await;
}

#[tokio::test]
async fn killed_in_the_middle_of_restores_the_tables_equal_a_rebuild() {
    let mut world = filled().await;
    let snapshot = take(&world).await;
    change(&world).await;
    let id = snapshot["id"].as_str().expect("an id").to_owned();
    let terminal = world.terminal();
    for round in 0..ROUNDS {
        let (cli, id) = (terminal.clone(), id.clone());
        let restoring = tokio::task::spawn_blocking(move || {
            let target = |table: &str| {
                json!({ "project": "p", "snapshot": id, "target_bucket": "b", "target_table": table }).to_string()
            };
            cli.until_accepted(&["command", "send", "storage", "RestoreTable", &target("t")]);
            // Sent again after an answer was lost, the table is there.
            let copy = format!("copy{round}");
            while !matches!(
                cli.run(&["command", "send", "storage", "RestoreTable", &target(&copy)]).status.code(),
                Some(0 | CONFLICT)
            ) {}
        });
        // Somewhere between the first command and the last verdict; wherever it falls, the end is the same.
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(40 * round))).await;
        world.alluvium.kill();
        world.alluvium.restart().await;
        restoring.await.expect("accepted in the end");
    }
    assert_eq!(world.query("p", ROWS).await, json!([{ "n": 3, "ids": 6, "note": "a" }]));
    for round in 0..ROUNDS {
        let rows = world.query("p", &format!("SELECT count(*) AS n, sum(id) AS ids FROM b.copy{round}")).await;
        assert_eq!(rows, json!([{ "n": 3, "ids": 6 }]), "copy{round}");
    }
    world.verify();
}

async fn messages(world: &World, subject: &str) -> usize {
    let stream =
        async_nats::jetstream::new(world.nats.connect().await).get_stream("STORAGE").await.expect("the stream");
    let counts: Vec<(String, usize)> =
        stream.info_with_subjects(subject).await.expect("its subjects").try_collect().await.expect("counts");
    counts.into_iter().map(|(_, count)| count).sum()
}

async fn publish(world: &World, ids: std::ops::Range<u64>) {
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let end = ids.end;
    for id in ids {
        let row = json!({ "id": id, "note": "row" }).to_string();
        js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
    }
    let last = format!("SELECT count(*) AS n FROM b.t WHERE id = {}", end - 1);
    world.eventually("the last row", async || world.query("p", &last).await[0]["n"] == json!(1)).await;
}

#[tokio::test]
async fn retention_leaves_what_a_snapshot_needs_until_it_is_deleted() {
    let run = ["--yes", "retention", "run", "--keep", "0s", "--messages-min", "1"];
    let world = filled().await;
    let none = json!({ "auto_snapshot_triggers": { "drop_table": false } });
    assert!(world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&none)).await.0.is_success());
    publish(&world, 100..110).await;
    let snapshot = take(&world).await;
    publish(&world, 110..120).await;
    let purge = || {
        let output = world.cli(&run);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    purge();
    assert_eq!(messages(&world, "rows.default.p.b.t").await, 20, "the snapshot needs rows before it");
    assert_eq!(world.http(Method::DELETE, T, None).await.0, StatusCode::NO_CONTENT);
    purge();
    let (status, answer) = restore(&world, &snapshot, json!({})).await;
    assert_eq!((status, &answer["row_count"]), (StatusCode::OK, &json!(13)), "{answer}");
    world.verify();

    // From now on only the restored table needs them, until it begins at a checkpoint behind its restore.
    let path = format!("{B}/snapshots/{}", snapshot["id"].as_str().expect("an id"));
    assert_eq!(world.http(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    world
        .eventually("the rows are gone", async || {
            purge();
            messages(&world, "rows.default.p.b.t").await == 0
        })
        .await;
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 13 }]));
    world.verify();
}
