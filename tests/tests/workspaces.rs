//! Workspaces over HTTP: places for scratch work, with engines of their own.

use alluvium_blackbox::{ADMIN, World};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const P: &str = "/projects/p/workspaces";
/// Ten thousand gigabytes are no limit that a test could reach; so many bytes are.
const SMALL_BYTES: u64 = 100_000;

/// A project with table `b.t` of three rows, in a world that looks for what is over every second.
async fn filled() -> World {
    let data = tempfile::tempdir().expect("a directory");
    let envs = [("ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS", "1")];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    fill(&world, "t", "id,note\n1,a\n2,b\n3,c\n").await;
    world
}

async fn fill(world: &World, table: &str, csv: &str) {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let path = format!("/projects/p/branches/default/buckets/b/tables/{table}/import/file");
    world.post(&path, &json!({ "file_id": file })).await;
}

async fn ask(world: &World, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

async fn admin(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    ask(world, ADMIN, method, path, body).await
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

async fn create(world: &World, body: Value) -> Value {
    world.post(P, &body).await
}

fn id(workspace: &Value) -> String {
    workspace["id"].as_str().expect("an id").to_owned()
}

async fn load(world: &World, id: &str, tables: Value) -> Value {
    world.post(&format!("{P}/{id}/load"), &json!({ "tables": tables })).await
}

/// A workspace made by the command that the surface sends, with what the surface does not let anybody set.
async fn by_command(world: &World, id: &str, size_limit_bytes: u64, expires_at: Option<i64>) {
    let body = json!({
        "project": "p", "branch": "default", "workspace": id, "name": id, "expires_at": expires_at,
        "size_limit_bytes": size_limit_bytes, "username": format!("ws_{id}_0"), "password_hash": "$argon2id$none",
        "project_uid": "",
    });
    world.command("storage", "CreateWorkspace", &body).await;
    world.eventually("the workspace shows", || async { is_listed(world, id).await }).await;
}

async fn is_listed(world: &World, id: &str) -> bool {
    world.get(P).await["workspaces"].as_array().expect("a list").iter().any(|workspace| workspace["id"] == id)
}

/// The directories that hold something.
fn held(world: &World) -> usize {
    std::fs::read_dir(world.data.path().join("workspaces")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_workspace_is_created_loaded_emptied_and_deleted() {
    let world = filled().await;
    let made =
        create(&world, json!({ "name": "scratch/1", "ttl_hours": 2, "preload_tables": ["b.t", "b.nope"] })).await;
    let id = id(&made);
    assert!(id.len() == 11 && id.starts_with("ws_"), "{made}");
    let connection = &made["connection"];
    assert_eq!((&connection["host"], &connection["port"]), (&json!("localhost"), &json!(5433)));
    assert_eq!(
        (&connection["database"], &connection["ssl_mode"]),
        (&json!(format!("workspace_{id}")), &json!("prefer"))
    );
    assert_eq!(connection["password"].as_str().map(str::len), Some(32));
    assert!(connection["username"].as_str().is_some_and(|name| name.starts_with(&format!("ws_{id}_"))));
    assert_eq!(
        (&made["branch_id"], &made["status"], &made["size_limit_gb"]),
        (&json!(null), &json!("active"), &json!(10))
    );
    assert_eq!(
        (&made["preloaded"][0]["rows"], &made["preloaded"][1]["error"]["code"]),
        (&json!(3), &json!("table_not_found"))
    );

    let loaded = load(
        &world,
        &id,
        json!([
            { "source": "b.t", "destination": "some", "columns": ["note"], "where": "id > 1" },
            { "source": "b.t", "destination": "two", "where_filters": [{ "column": "id", "operator": "eq", "values": ["1", "2"] }] },
            { "source": "b.nope" },
            { "source": "nowhere" },
            { "source": "b.t", "destination": "../x" },
            { "source": "b.t", "destination": "_x" },
            { "source": "b.t", "where": "1; DROP TABLE t" },
            { "source": "b.t", "columns": ["nope"] },
        ]),
    )
    .await;
    let parts = |name: &str| -> Vec<Value> {
        loaded["loaded"].as_array().expect("a list").iter().map(|item| item[name].clone()).collect()
    };
    assert_eq!(parts("rows"), [2, 2, 0, 0, 0, 0, 0, 0], "{loaded}");
    assert_eq!(parts("destination")[2], "nope");
    let codes: Vec<Value> =
        loaded["loaded"].as_array().expect("a list").iter().map(|i| i["error"]["code"].clone()).collect();
    assert_eq!(
        codes[2..],
        [
            "table_not_found",
            "invalid_request",
            "invalid_name",
            "invalid_name",
            "invalid_where_clause",
            "column_not_found"
        ]
    );
    assert!(loaded["workspace_size_bytes"].as_u64() > Some(0) && parts("size_bytes")[0].as_u64() > Some(0), "{loaded}");

    let shown = world.get(&format!("{P}/{id}")).await;
    let table = |name: &str, rows: u64| json!({ "name": name, "type": "table", "rows": rows });
    assert_eq!(shown["workspace_objects"], json!([table("some", 2), table("t", 3), table("two", 2)]));
    assert_eq!(shown["attached_tables"], json!([{ "schema": "b", "table": "t", "rows": 3 }]));
    assert_eq!((&shown["active_sessions"], &shown["connection"]["password"]), (&json!(0), &json!(null)));
    fill(&world, "t", "id,note\n1,x\n").await;
    load(&world, &id, json!([{ "source": "b.t", "destination": "SOME" }])).await;
    assert_eq!(world.get(&format!("{P}/{id}")).await["workspace_objects"][0], table("SOME", 1), "replaced");

    let object = |name: &str| format!("{P}/{id}/objects/{name}");
    assert_eq!(admin(&world, Method::DELETE, &object("two"), None).await.0, 204);
    assert_eq!(code(&admin(&world, Method::DELETE, &object("two"), None).await), (404, "object_not_found"));
    assert_eq!(admin(&world, Method::POST, &format!("{P}/{id}/clear"), None).await.0, 204);
    let shown = world.get(&format!("{P}/{id}")).await;
    assert_eq!((&shown["workspace_objects"], &shown["size_bytes"]), (&json!([]), &json!(0)));
    assert_eq!(code(&admin(&world, Method::DELETE, &object("t"), None).await), (404, "object_not_found"));

    assert_eq!(admin(&world, Method::DELETE, &format!("{P}/{id}"), None).await.0, 204);
    assert_eq!(code(&admin(&world, Method::GET, &format!("{P}/{id}"), None).await), (404, "workspace_not_found"));
    for (method, rest) in [(Method::DELETE, ""), (Method::POST, "/clear"), (Method::POST, "/credentials/reset")] {
        let answer = admin(&world, method, &format!("{P}/{id}{rest}"), None).await;
        assert_eq!(code(&answer), (404, "workspace_not_found"), "{rest}");
    }
    world.verify();
}

#[tokio::test]
async fn a_password_is_shown_once_and_replaced_by_another() {
    let world = filled().await;
    let send = || async {
        let request = Client::new().post(format!("{}{P}", world.alluvium.url())).bearer_auth(ADMIN);
        let answer = request.header("X-Idempotency-Key", "one").json(&json!({ "name": "a" })).send().await;
        answer.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let (made, again) = (send().await, send().await);
    assert_eq!(made, again, "the same workspace with the same password");
    assert_eq!(world.get(P).await["count"], 1);
    let id = id(&made);
    let reset = world.post(&format!("{P}/{id}/credentials/reset"), &json!({})).await;
    assert_eq!(reset["username"], made["connection"]["username"]);
    assert_ne!(reset["password"], made["connection"]["password"]);
    assert_eq!(reset["password"].as_str().map(str::len), Some(32));
    assert_eq!(world.get(P).await["workspaces"][0]["connection"]["password"], json!(null));
    let events = world.get("/events?subject=ev.default.storage.*.workspace.*&limit=100").await.to_string();
    assert!(events.contains("WorkspaceCredentialsReset") && events.contains("$argon2id$v=19$"), "{events}");
    for secret in [&made["connection"]["password"], &reset["password"]] {
        assert!(!events.contains(secret.as_str().expect("a password")), "no password is on the log");
    }
}

#[tokio::test]
async fn a_workspace_takes_no_more_than_its_limit_and_ends_in_time() {
    let world = filled().await;
    let many: String = (0..20_000).map(|n| format!("{n},{}\n", uuid::Uuid::new_v4())).collect();
    fill(&world, "t", &format!("id,note\n{many}")).await;
    by_command(&world, "small", SMALL_BYTES, None).await;
    let loaded = load(&world, "small", json!([{ "source": "b.t" }, { "source": "b.t", "where": "id < 3" }])).await;
    assert_eq!(loaded["loaded"][0]["error"]["code"], "workspace_size_exceeded", "{loaded}");
    assert_eq!((&loaded["loaded"][0]["rows"], &loaded["loaded"][1]["rows"]), (&json!(0), &json!(3)), "{loaded}");
    assert_eq!(held(&world), 1);

    // One that is over soon: at once nothing can be done with it any more, and what lay in it goes by itself.
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let soon = i64::try_from(soon.as_micros()).expect("before 294247") + 10_000_000;
    by_command(&world, "brief", 1_000_000, Some(soon)).await;
    // On a slow machine it may be over already.
    let some = json!({ "tables": [{ "source": "b.t", "where": "id < 3" }] });
    admin(&world, Method::POST, &format!("{P}/brief/load"), Some(some)).await;
    let gone =
        || async { code(&admin(&world, Method::GET, &format!("{P}/brief"), None).await) == (410, "workspace_expired") };
    world.eventually("its time is over", gone).await;
    for (method, rest) in [
        (Method::POST, "/clear"),
        (Method::POST, "/credentials/reset"),
        (Method::DELETE, "/objects/t"),
        (Method::POST, "/load"),
    ] {
        let body = (rest == "/load").then(|| json!({ "tables": [{ "source": "b.t" }] }));
        let answer = admin(&world, method, &format!("{P}/brief{rest}"), body).await;
        assert_eq!(code(&answer), (410, "workspace_expired"), "{rest}");
    }
    world.eventually("what lay in it is gone", || async { held(&world) == 1 }).await;
    let listed = world.get(P).await;
    let status = |id: &str| {
        let all = listed["workspaces"].as_array().expect("a list");
        all.iter().find(|workspace| workspace["id"] == id).map(|workspace| workspace["status"].clone())
    };
    assert_eq!((status("brief"), status("small")), (Some(json!("expired")), Some(json!("active"))), "{listed}");
    assert_eq!(admin(&world, Method::DELETE, &format!("{P}/brief"), None).await.0, 204);
    assert!(!is_listed(&world, "brief").await);

    // What is left of a project goes with it; one of the same name has nothing of it.
    assert_eq!(admin(&world, Method::DELETE, "/projects/p", None).await.0, 204);
    world.eventually("nothing lies there", || async { held(&world) == 0 }).await;
    world.project("p").await;
    assert_eq!(world.get(P).await, json!({ "workspaces": [], "count": 0, "total": 0 }));
}

#[tokio::test]
async fn workspaces_of_a_branch_are_for_its_keys_and_go_with_it() {
    let world = filled().await;
    let branch = |name: &'static str| {
        let world = &world;
        async move { id(&world.post("/projects/p/branches", &json!({ "name": name })).await) }
    };
    let (one, other) = (branch("one").await, branch("other").await);
    let key = |scope: &'static str, branch: String| {
        let world = &world;
        async move {
            let body = json!({ "description": "d", "scope": scope, "branch_id": branch });
            let made = world.post("/projects/p/api-keys", &body).await;
            made["api_key"].as_str().expect("a key").to_owned()
        }
    };
    let writer = key("branch_admin", one.clone()).await;
    let reader = key("branch_read", one.clone()).await;
    let stranger = key("branch_admin", other.clone()).await;
    let below = format!("/projects/p/branches/{one}/workspaces");
    let (status, made) = ask(&world, &writer, Method::POST, &below, Some(json!({ "name": "mine" }))).await;
    assert_eq!((status, &made["branch_id"]), (201, &json!(one)), "{made}");
    let ours = id(&made);
    let main = id(&create(&world, json!({ "name": "main" })).await);

    let tables = || Some(json!({ "tables": [{ "source": "b.t" }] }));
    let (status, loaded) = ask(&world, &writer, Method::POST, &format!("{P}/{ours}/load"), tables()).await;
    assert_eq!((status, &loaded["loaded"][0]["rows"]), (200, &json!(3)), "{loaded}");
    for path in [format!("{P}/{ours}"), format!("{below}/{ours}")] {
        let (status, shown) = ask(&world, &reader, Method::GET, &path, None).await;
        assert_eq!((status, &shown["workspace_objects"][0]["rows"]), (200, &json!(3)), "{path}: {shown}");
    }
    for (who, of, method, path) in [
        (&reader, &one, Method::POST, format!("{P}/{ours}/clear")),
        (&reader, &one, Method::POST, format!("{P}/{ours}/query")),
        (&stranger, &one, Method::GET, format!("{P}/{ours}")),
        (&stranger, &one, Method::DELETE, format!("{P}/{ours}")),
        (&writer, &"default".to_owned(), Method::GET, format!("{P}/{main}")),
        (&writer, &"default".to_owned(), Method::POST, format!("{P}/{main}/credentials/reset")),
    ] {
        let body = path.ends_with("/query").then(|| json!({ "query": "SELECT 1" }));
        let answer = ask(&world, who, method, &path, body).await;
        assert_eq!(code(&answer), (403, "forbidden"), "{path}");
        assert_eq!(answer.1["detail"]["message"], format!("Access denied to branch {of}"));
    }
    let command = json!({ "project": "p", "branch": "default", "workspace": ours });
    let (status, _) = ask(&world, &stranger, Method::POST, "/commands/storage/DeleteWorkspace", Some(command)).await;
    assert_eq!(status, 403);

    assert_eq!(world.get(P).await["count"], 2);
    assert_eq!(world.get(&below).await["workspaces"][0]["id"], json!(ours));
    let listed = world.get("/projects/p/branches/default/workspaces").await;
    assert_eq!((&listed["count"], &listed["workspaces"][0]["id"]), (&json!(1), &json!(main)));
    assert_eq!(code(&admin(&world, Method::GET, &format!("{below}/{main}"), None).await), (404, "workspace_not_found"));
    let nowhere = "/projects/p/branches/nope/workspaces";
    assert_eq!(code(&admin(&world, Method::GET, nowhere, None).await), (404, "branch_not_found"));
    assert_eq!(
        code(&admin(&world, Method::POST, nowhere, Some(json!({ "name": "a" }))).await),
        (404, "branch_not_found")
    );

    assert_eq!(held(&world), 1);
    assert_eq!(admin(&world, Method::DELETE, &format!("/projects/p/branches/{one}"), None).await.0, 204);
    assert_eq!(code(&admin(&world, Method::GET, &format!("{P}/{ours}"), None).await), (404, "workspace_not_found"));
    world.eventually("what lay in it is gone", || async { held(&world) == 0 }).await;
    assert!(is_listed(&world, &main).await);
}

/// What a statement in a workspace answers.
async fn run(world: &World, id: &str, sql: &str) -> Value {
    world.post(&format!("{P}/{id}/query"), &json!({ "query": sql, "timeout_seconds": 60 })).await
}

async fn rows(world: &World, id: &str, sql: &str) -> Value {
    let answer = run(world, id, sql).await;
    assert_eq!(answer["status"], "ok", "{sql}: {answer}");
    answer["data"]["rows"].clone()
}

async fn refused(world: &World, id: &str, sql: &str) -> String {
    let answer = run(world, id, sql).await;
    assert_eq!(answer["status"], "error", "{sql}: {answer}");
    answer["error"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn sql_changes_a_workspace_and_reads_the_tables_of_the_project() {
    let world = filled().await;
    let id = id(&create(&world, json!({ "name": "sql" })).await);
    assert_eq!(rows(&world, &id, "CREATE TABLE mine AS SELECT * FROM b.t WHERE id > 1").await, json!([[2]]));
    assert_eq!(rows(&world, &id, "INSERT INTO mine SELECT id + 10, note FROM \"b\".\"T\"").await, json!([[3]]));
    assert_eq!(rows(&world, &id, "UPDATE mine SET note = 'z' WHERE id = 13").await, json!([[1]]));
    assert_eq!(rows(&world, &id, "SELECT count(*), max(note) FROM mine").await, json!([[5, "z"]]));
    assert_eq!(rows(&world, &id, "SELECT sum(id)::BIGINT FROM b_t.main.data").await, json!([[6]]));
    rows(&world, &id, "CREATE VIEW low AS SELECT note FROM b.t WHERE id < 2").await;
    rows(&world, &id, "CREATE VIEW lower_still AS FROM low").await;
    fill(&world, "t", "id,note\n1,x\n0,y\n").await;
    assert_eq!(rows(&world, &id, "SELECT note FROM lower_still ORDER BY note").await, json!([["x"], ["y"]]));
    let shown = world.get(&format!("{P}/{id}")).await;
    let object = |name: &str, kind: &str, rows: u64| json!({ "name": name, "type": kind, "rows": rows });
    let mut objects = shown["workspace_objects"].as_array().expect("a list").clone();
    objects.sort_by_key(|object| object["name"].to_string());
    assert_eq!(objects, [object("low", "view", 0), object("lower_still", "view", 0), object("mine", "table", 5)]);

    for sql in [
        "DELETE FROM b.t",
        "INSERT INTO b.t VALUES (7, 'x')",
        "DELETE FROM b_t.main.data",
        "SELECT * FROM b.nope",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/proc/self/environ')",
        "ATTACH '/tmp/x.duckdb' AS x",
        "INSTALL httpfs",
        "SET memory_limit = '64GB'",
        "SELECT 1 FROM",
        "SELECT error('words of mine')",
    ] {
        assert_eq!(refused(&world, &id, sql).await, "query_failed", "{sql}");
    }
    for sql in
        ["SELECT 1; SELECT 2", "COPY mine TO '/tmp/out.csv'", "EXPLAIN ANALYZE COPY mine TO 'x'", "EXPORT DATABASE 'x'"]
    {
        assert_eq!(refused(&world, &id, sql).await, "query_not_allowed", "{sql}");
    }
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.t").await, json!([{ "n": 2 }]), "no table was changed");
    let endless =
        json!({ "query": "SELECT count(*) FROM range(1000000000000) WHERE hash(range) = 1", "timeout_seconds": 1 });
    let answer = world.post(&format!("{P}/{id}/query"), &endless).await;
    assert_eq!(answer["error"], "query_timeout", "{answer}");
    let two = json!({ "query": "FROM range(5)", "limit": 2 });
    let answer = world.post(&format!("{P}/{id}/query"), &two).await;
    assert_eq!(answer["data"]["columns"], json!([{ "name": "range", "type": "BIGINT" }]), "{answer}");
    assert_eq!(answer["data"]["rows"], json!([[0], [1]]));

    // What would be too large was never there, and the workspace goes on.
    by_command(&world, "small", 3_000_000, None).await;
    rows(&world, "small", "CREATE TABLE a AS SELECT 1 AS x").await;
    let large = "CREATE TABLE big AS SELECT gen_random_uuid()::VARCHAR AS x FROM range(1000000)";
    assert_eq!(refused(&world, "small", large).await, "workspace_size_exceeded");
    assert_eq!(rows(&world, "small", "SELECT x FROM a").await, json!([[1]]));
    assert_eq!(refused(&world, "small", "FROM big").await, "query_failed");
    assert!(world.get(&format!("{P}/small")).await["size_bytes"].as_u64() <= Some(6_000_000));
}
