//! Loads whose source is an object of a workspace: what an unload into the table does, asked for where the table is.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

const P: &str = "/projects/p/workspaces";
const BUCKETS: &str = "/projects/p/branches/default/buckets";
const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";
/// How long the time of a workspace is that ends while it is looked at, in microseconds.
const BRIEF_MICROS: u128 = 10_000_000;

/// A project with table `b.t` of three rows.
async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    let file = world.upload("p", "rows.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
    world.post(&format!("{TABLES}/t/import/file"), &json!({ "file_id": file })).await;
    world
}

async fn ask(world: &World, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), Method::POST, path, Some(body)).await;
    (status.as_u16(), answer)
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

async fn workspace(world: &World, key: &str, at: &str) -> String {
    let (status, made) = ask(world, key, at, &json!({ "name": "w" })).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

/// Runs a statement in a workspace.
async fn run(world: &World, id: &str, sql: &str) {
    let answer = world.post(&format!("{P}/{id}/query"), &json!({ "query": sql })).await;
    assert_eq!(answer["status"], "ok", "{sql}: {answer}");
}

/// A key of a project, of this kind.
async fn key(world: &World, project: &str, may: &Value) -> String {
    let body = with(json!({ "description": "d" }), may);
    let made = world.post(&format!("/projects/{project}/api-keys"), &body).await;
    made["api_key"].as_str().expect("a key").to_owned()
}

fn of(workspace: &str, object: &str) -> Value {
    json!({ "source_workspace": workspace, "source_object": object })
}

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().expect("a body").extend(more.as_object().expect("an object").clone());
    body
}

async fn import(world: &World, body: &Value) -> (u16, Value) {
    ask(world, ADMIN, &format!("{TABLES}/t/import/table"), body).await
}

/// One that must succeed.
async fn imported(world: &World, body: &Value) -> Value {
    let (status, answer) = import(world, body).await;
    assert_eq!(status, 200, "{body}: {answer}");
    answer
}

async fn rows(world: &World) -> Value {
    world.query("p", "SELECT id, note FROM b.t ORDER BY id").await
}

#[tokio::test]
async fn an_object_is_a_source_like_a_table() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    run(&world, &id, "CREATE TABLE mine AS SELECT id + 1 AS id, upper(note) AS NOTE FROM b.t WHERE id > 1").await;
    let joined = imported(&world, &with(of(&id, "mine"), &json!({ "incremental": true }))).await;
    let counts =
        ["imported_rows", "table_rows_after", "inserted_rows", "updated_rows"].map(|name| joined[name].clone());
    assert_eq!(counts, [1, 4, 1, 1].map(|n| json!(n)), "{joined}");
    assert!(joined["version"].as_str().is_some_and(|version| version.starts_with("STORAGE:")), "{joined}");
    let expected =
        json!([{ "id": 1, "note": "a" }, { "id": 2, "note": "b" }, { "id": 3, "note": "B" }, { "id": 4, "note": "C" }]);
    assert_eq!(rows(&world).await, expected);

    // A view is of the moment when it is taken, in the older form of the path and in Keboola's words too.
    run(&world, &id, "CREATE SCHEMA deep").await;
    run(&world, &id, "CREATE VIEW deep.low AS SELECT id, note FROM b.t WHERE id < 3").await;
    let body = json!({ "sourceWorkspace": id, "sourceObject": "DEEP.low", "incremental": true, "deleteMissing": true });
    let (status, merged) = ask(&world, ADMIN, "/projects/p/buckets/b/tables/t/import/table", &body).await;
    assert_eq!((status, &merged["deleted_rows"]), (200, &json!(2)), "{merged}");

    // What an unload of the same object does to the same table.
    let into = json!({ "source": "mine", "target_bucket": "b", "target_table": "t", "incremental": true });
    let unloaded = world.post(&format!("{P}/{id}/unload"), &into).await;
    let before = rows(&world).await;
    let again = imported(&world, &with(of(&id, "mine"), &json!({ "incremental": true }))).await;
    assert_eq!(again["unchanged_rows"], unloaded["inserted_rows"], "{again}");
    assert_eq!(rows(&world).await, before);

    run(&world, &id, "CREATE TABLE wide AS SELECT 9 AS id, 'x' AS note, DATE '2026-01-02' AS day").await;
    assert_eq!(code(&import(&world, &of(&id, "wide")).await), (400, "import_failed"));
    let adding = with(of(&id, "wide"), &json!({ "extra_columns": "add" }));
    assert_eq!(imported(&world, &adding).await["added_columns"], json!(["day"]));
    let last = world.query("p", "SELECT * FROM b.t").await;
    assert_eq!(last, json!([{ "id": 9, "note": "x", "day": "2026-01-02" }]));
    world.verify();
}

#[tokio::test]
async fn columns_and_filters_pick_what_is_taken() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    let big = "CREATE TABLE big AS SELECT range AS id, 'n' || range AS note, range::HUGEINT * 100000000000000000000 AS huge, \
               'more' AS more FROM range(10)";
    run(&world, &id, big).await;
    run(&world, &id, "CREATE VIEW joined AS SELECT big.*, t.note AS earlier FROM big JOIN b.t AS t USING (id)").await;
    let picked = with(
        of(&id, "big"),
        &json!({ "columns": ["ID", "note"], "where_filters": [
            { "column": "huge", "operator": "gt", "values": ["400000000000000000000"] },
            { "column": "Note", "operator": "ne", "values": ["n7", "n8"] },
        ] }),
    );
    assert_eq!(imported(&world, &picked).await["imported_rows"], 3);
    let expected = json!([{ "id": 5, "note": "n5" }, { "id": 6, "note": "n6" }, { "id": 9, "note": "n9" }]);
    assert_eq!(rows(&world).await, expected);
    // Of a row that is there only what is picked changes.
    run(&world, &id, "UPDATE big SET note = 'other'").await;
    let keys = with(
        of(&id, "big"),
        &json!({ "columns": ["id"], "incremental": true, "whereFilters": [
        { "column": "id", "operator": "le", "values": ["5"], "dataType": "INTEGER" },
        { "column": "id", "operator": "ge", "values": ["4"] },
    ] }),
    );
    assert_eq!(imported(&world, &keys).await["inserted_rows"], 1);
    let expected = json!([
        { "id": 4, "note": null }, { "id": 5, "note": "n5" }, { "id": 6, "note": "n6" }, { "id": 9, "note": "n9" }
    ]);
    assert_eq!(rows(&world).await, expected);
    let shown = with(
        of(&id, "joined"),
        &json!({ "columns": ["id", "note"], "where_filters": [{ "column": "earlier", "values": ["n6", "n9"] }] }),
    );
    assert_eq!(imported(&world, &shown).await["imported_rows"], 2);
    assert_eq!(rows(&world).await, json!([{ "id": 6, "note": "other" }, { "id": 9, "note": "other" }]));

    let filter = |filter: Value| json!({ "columns": ["id", "note"], "where_filters": [filter] });
    for (more, expected) in [
        (json!({ "columns": ["nope"] }), (400, "column_not_found")),
        (json!({ "columns": ["more"] }), (400, "column_not_found")),
        (json!({ "columns": [] }), (400, "invalid_request")),
        (json!({ "columns": ["id", "ID"] }), (400, "duplicate_column")),
        (json!({ "columns": ["id"], "extra_columns": "add" }), (400, "invalid_request")),
        (filter(json!({ "column": "nope", "values": ["1"] })), (400, "column_not_found")),
        (filter(json!({ "column": "id", "values": [] })), (400, "invalid_where_filter")),
        (filter(json!({ "column": "id", "operator": "lt", "values": ["1", "2"] })), (400, "invalid_where_filter")),
        (filter(json!({ "column": "id", "values": ["one"] })), (400, "invalid_where_clause")),
        (filter(json!({ "column": "id", "values": ["1".repeat(4 << 20)] })), (400, "invalid_where_filter")),
    ] {
        let answer = import(&world, &with(of(&id, "big"), &more)).await;
        assert_eq!(code(&answer), expected, "{}", answer.1);
    }
    run(&world, &id, "CREATE TABLE narrow AS SELECT 1 AS id").await;
    let absent = with(of(&id, "narrow"), &json!({ "columns": ["id", "note"] }));
    assert_eq!(code(&import(&world, &absent).await), (400, "column_not_found"));
    assert_eq!(rows(&world).await, json!([{ "id": 6, "note": "other" }, { "id": 9, "note": "other" }]));
    world.verify();
}

#[tokio::test]
async fn what_cannot_be_a_source_changes_nothing() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    for sql in [
        "CREATE TABLE twice AS SELECT 1 AS id, 'x' AS note FROM range(2)",
        "CREATE TABLE _hidden AS SELECT 1 AS id",
        "CREATE VIEW wrong AS SELECT error('words of mine') AS id FROM range(3)",
    ] {
        run(&world, &id, sql).await;
    }
    let both = with(of(&id, "twice"), &json!({ "source_bucket": "b", "source_table": "t" }));
    for (body, expected) in [
        (both, (400, "invalid_request")),
        (json!({ "source_bucket": "b", "source_object": "twice" }), (400, "invalid_request")),
        (of(&id, "nope"), (404, "object_not_found")),
        (of(&id, "_hidden"), (404, "object_not_found")),
        (of(&id, "b.t"), (404, "object_not_found")),
        (of(&id, "twice; DROP TABLE twice"), (404, "object_not_found")),
        (of(&id, &"long".repeat(1 << 20)), (404, "object_not_found")),
        (of("ws_none", "twice"), (404, "workspace_not_found")),
        (of("w\0", "twice"), (404, "workspace_not_found")),
        (of(&id, "wrong"), (400, "workspace_failed")),
        (with(of(&id, "twice"), &json!({ "dedup_mode": "no" })), (400, "invalid_dedup_mode")),
        (with(of(&id, "twice"), &json!({ "dedup_mode": "fail_on_duplicates" })), (409, "duplicate_key")),
        (with(of(&id, "twice"), &json!({ "extra_columns": "no" })), (400, "invalid_request")),
    ] {
        let answer = import(&world, &body).await;
        assert_eq!(code(&answer), expected, "{}", answer.1);
    }
    for missing in [json!({}), json!({ "source_workspace": id }), json!({ "source_object": "twice" })] {
        assert_eq!(import(&world, &missing).await.0, 422, "{missing}");
    }
    let elsewhere = |at: &str| format!("{BUCKETS}/{at}/import/table");
    let answer = ask(&world, ADMIN, &elsewhere("b/tables/none"), &of(&id, "twice")).await;
    assert_eq!(code(&answer), (404, "table_not_found"), "only an unload makes a table");
    let answer = ask(&world, ADMIN, &elsewhere("none/tables/t"), &of(&id, "twice")).await;
    assert_eq!(code(&answer), (404, "bucket_not_found"));
    let empty = workspace(&world, ADMIN, P).await;
    assert_eq!(code(&import(&world, &of(&empty, "twice")).await), (404, "object_not_found"));

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
    let brief = json!({
        "project": "p", "branch": "default", "workspace": "brief", "name": "brief", "size_limit_bytes": 1_000_000_000,
        "expires_at": i64::try_from(now + BRIEF_MICROS).expect("before 294247"), "username": "brief",
        "password_hash": "$argon2id$none", "project_uid": "",
    });
    world.command("storage", "CreateWorkspace", &brief).await;
    let over = || async { code(&import(&world, &of("brief", "twice")).await) == (410, "workspace_expired") };
    world.eventually("its time is over", over).await;
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 3 }]));
    for entry in std::fs::read_dir(world.data.path().join("workspaces")).expect("workspaces") {
        assert!(!entry.expect("a directory").path().join("tmp").exists(), "nothing of it is left");
    }
}

#[tokio::test]
async fn an_import_needs_the_workspace_and_the_bucket() {
    let world = filled().await;
    for bucket in ["open", "secret"] {
        world.post(BUCKETS, &json!({ "name": bucket })).await;
        let table = json!({ "name": "t", "columns": [{ "name": "id", "type": "BIGINT" }, { "name": "note", "type": "VARCHAR" }] });
        world.post(&format!("{BUCKETS}/{bucket}/tables"), &table).await;
    }
    let may = json!({ "scope": "custom", "bucket_permissions": { "b": "read", "open": "write" } });
    let (own, other) = (key(&world, "p", &may).await, key(&world, "p", &may).await);
    let id = workspace(&world, &own, P).await;
    run(&world, &id, "CREATE VIEW v AS SELECT * FROM b.t").await;
    // Made by somebody who reads more.
    run(&world, &id, "CREATE VIEW hidden AS SELECT * FROM secret.t").await;
    let into = |bucket: &str| format!("{BUCKETS}/{bucket}/tables/t/import/table");
    let (status, answer) = ask(&world, &own, &into("open"), &of(&id, "v")).await;
    assert_eq!((status, &answer["imported_rows"]), (200, &json!(3)), "{answer}");
    assert_eq!(code(&ask(&world, &own, &into("b"), &of(&id, "v")).await), (403, "forbidden"));
    assert_eq!(code(&ask(&world, &own, &into("secret"), &of(&id, "v")).await), (404, "bucket_not_found"));
    assert_eq!(code(&ask(&world, &own, &into("open"), &of(&id, "hidden")).await), (400, "workspace_failed"));
    assert_eq!(ask(&world, ADMIN, &into("open"), &of(&id, "hidden")).await.0, 200);

    // No other key's workspace, no shared one, no other project's.
    let shared = workspace(&world, ADMIN, P).await;
    run(&world, &shared, "CREATE TABLE v AS SELECT 1 AS id").await;
    for (key, id) in [(&other, &id), (&own, &shared)] {
        assert_eq!(code(&ask(&world, key, &into("open"), &of(id, "v")).await), (404, "workspace_not_found"));
    }
    world.project("q").await;
    let foreign = workspace(&world, ADMIN, "/projects/q/workspaces").await;
    assert_eq!(code(&ask(&world, ADMIN, &into("open"), &of(&foreign, "v")).await), (404, "workspace_not_found"));
    let stranger = key(&world, "q", &json!({ "scope": "project_admin" })).await;
    assert_eq!(ask(&world, &stranger, &into("open"), &of(&id, "v")).await.0, 403);

    // What another project shares is read only.
    world.project("other").await;
    let table = json!({ "name": "t", "columns": [{ "name": "id", "type": "BIGINT" }] });
    world.post("/projects/other/branches/default/buckets/b/tables", &table).await;
    world.post("/projects/other/buckets/b/share", &json!({ "target_project_id": "p" })).await;
    let link = json!({ "source_project_id": "other", "source_bucket_name": "b" });
    world.post(&format!("{BUCKETS}/theirs/link"), &link).await;
    let (status, answer) = ask(&world, ADMIN, &into("theirs"), &of(&shared, "v")).await;
    assert_eq!(status, 403, "{answer}");
    world.verify();
}

#[tokio::test]
async fn a_branch_takes_from_its_own_workspaces_alone() {
    let world = filled().await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let branch = branch["id"].as_str().expect("an id");
    let writes = key(&world, "p", &json!({ "scope": "branch_admin", "branch_id": branch })).await;
    let reads = key(&world, "p", &json!({ "scope": "branch_read", "branch_id": branch })).await;
    let below = format!("/projects/p/branches/{branch}/workspaces");
    let (of_branch, of_main) = (workspace(&world, &writes, &below).await, workspace(&world, ADMIN, P).await);
    for id in [&of_branch, &of_main] {
        run(&world, id, "CREATE VIEW few AS SELECT id, note FROM b.t WHERE id = 1").await;
    }
    let path = format!("/projects/p/branches/{branch}/buckets/b/tables/t");
    let into = format!("{path}/import/table");
    let (status, answer) = ask(&world, &writes, &into, &of(&of_branch, "few")).await;
    assert_eq!((status, &answer["table_rows_after"]), (200, &json!(1)), "{answer}");
    assert_eq!(world.get(&path).await["row_count"], 1);
    assert_eq!(
        world.query("p", "SELECT count(*) AS n FROM b.t").await,
        json!([{ "n": 3 }]),
        "the main line is as it was"
    );

    for key in [ADMIN, writes.as_str()] {
        let answer = ask(&world, key, &into, &of(&of_main, "few")).await;
        assert_eq!(code(&answer), (404, "workspace_not_found"), "{}", answer.1);
    }
    // Not the other way around either, for whoever may write both.
    let answer = import(&world, &of(&of_branch, "few")).await;
    assert_eq!(code(&answer), (404, "workspace_not_found"), "{}", answer.1);
    assert_eq!(ask(&world, &reads, &into, &of(&of_branch, "few")).await.0, 403);
    assert_eq!(ask(&world, &writes, &format!("{TABLES}/t/import/table"), &of(&of_branch, "few")).await.0, 403);
    let nowhere = "/projects/p/branches/nope/buckets/b/tables/t/import/table";
    assert_eq!(code(&ask(&world, ADMIN, nowhere, &of(&of_branch, "few")).await), (404, "branch_not_found"));
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 3 }]));
    world.verify();
}

#[tokio::test]
async fn an_import_may_be_answered_later() {
    let world = filled().await;
    let id = workspace(&world, ADMIN, P).await;
    run(&world, &id, "CREATE TABLE mine AS SELECT range AS id, 'x' AS note FROM range(5)").await;
    for (object, status) in [("mine", "success"), ("nope", "error")] {
        let path = format!("{TABLES}/t/import/table?async=true");
        let (accepted, job) = ask(&world, ADMIN, &path, &of(&id, object)).await;
        assert_eq!((accepted, &job["operation_name"]), (202, &json!("tableImport")), "{job}");
        let at = job["url"].as_str().expect("a place");
        world.eventually("the job is done", || async { !world.get(at).await["end_time"].is_null() }).await;
        let done = world.get(at).await;
        assert_eq!(done["status"], status, "{done}");
        if status == "success" {
            assert_eq!(done["results"]["table_rows_after"], 5, "{done}");
        } else {
            assert_eq!(done["error"]["error"], "object_not_found", "{done}");
        }
    }
}
