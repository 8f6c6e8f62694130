//! Whatever comes in, one clear coded error goes out and nothing changes.

use alluvium_blackbox::{ADMIN, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";

async fn last_seq(world: &World) -> u64 {
    let streams = world.get("/streams").await;
    let storage = streams["streams"].as_array().expect("streams").iter().find(|stream| stream["name"] == "STORAGE");
    storage.expect("STORAGE")["last_seq"].as_u64().expect("a sequence")
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_named_and_change_nothing() {
    let world = World::start().await;
    world.project("p").await;
    let before = last_seq(&world).await;
    let columns: Vec<Value> = (0..10_000).map(|n| json!({ "name": format!("c{n}"), "type": "INTEGER" })).collect();
    let column = json!([{ "name": "a", "type": "INTEGER" }]);
    for (body, status, code) in [
        (json!({ "name": "t", "columns": columns }), 400, "too_many_columns"),
        (json!({ "name": "t", "columns": [{ "name": "a", "type": "NOPE" }] }), 400, "invalid_column_type"),
        (
            json!({ "name": "t", "columns": [{ "name": "a", "type": "INTEGER); DROP TABLE x" }] }),
            400,
            "invalid_column_type",
        ),
        (json!({ "name": "t\"; DROP", "columns": column }), 400, "invalid_name"),
        (json!({ "name": "../../etc", "columns": column }), 400, "invalid_name"),
        (json!({ "name": "a.b", "columns": column }), 400, "invalid_name"),
        (json!({ "name": "žluť", "columns": column }), 400, "invalid_name"),
        (json!({ "name": "x".repeat(97), "columns": column }), 400, "invalid_name"),
        (json!({ "name": "t", "columns": [{ "name": "a\u{0}", "type": "INTEGER" }] }), 400, "invalid_name"),
        (json!({ "name": "t", "columns": column, "primary_key": ["nope"] }), 400, "invalid_primary_key"),
        (
            json!({ "name": "t", "columns": [{ "name": "a", "type": "INTEGER", "default": "(SELECT 1)" }] }),
            400,
            "invalid_default",
        ),
    ] {
        let (got, answer) = world.http(Method::POST, TABLES, Some(&body)).await;
        assert_eq!((got.as_u16(), answer["detail"]["error"].as_str()), (status, Some(code)), "{answer}");
    }
    for body in [json!({}), json!({ "name": 5, "columns": "x" }), json!({ "name": "t", "columns": [] }), json!([])] {
        let (got, answer) = world.http(Method::POST, TABLES, Some(&body)).await;
        assert_eq!(got, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(answer["detail"][0]["loc"].is_array(), "{answer}");
    }
    assert_eq!(last_seq(&world).await, before, "a refused body appends nothing");
    assert_eq!(world.get(TABLES).await["total"], 0);
}

#[tokio::test]
async fn column_names_may_be_strange_and_stay_data() {
    let world = World::start().await;
    world.project("p").await;
    let names = ["a\"b", "c;d", "e f", "ž", "select", "x'y", "../z", "q.r"];
    let columns: Vec<Value> = names.iter().map(|name| json!({ "name": name, "type": "VARCHAR" })).collect();
    let table = world.post(TABLES, &json!({ "name": "t", "columns": columns })).await;
    let back: Vec<&str> =
        table["columns"].as_array().unwrap().iter().filter_map(|column| column["name"].as_str()).collect();
    assert_eq!(back, names);
    let file = world
        .upload("p", "t.csv", b"\"a\"\"b\",c;d,e f,\xc5\xbe,select,x'y,../z,q.r\n1,2,3,4,5,6,7,8\n".to_vec())
        .await;
    let loaded = world.post(&format!("{TABLES}/t/import/file"), &json!({ "file_id": file })).await;
    assert_eq!(loaded["imported_rows"], 1);
    let preview = world.get(&format!("{TABLES}/t/preview")).await;
    assert_eq!((&preview["rows"][0]["a\"b"], &preview["rows"][0]["q.r"]), (&json!("1"), &json!("8")));
}

#[tokio::test]
async fn sql_that_would_do_anything_but_read_the_project_is_refused() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("a", "INTEGER")], &[]).await;
    world.project("other").await;
    world.table("other", "secret", &[("a", "INTEGER")], &[]).await;
    for sql in [
        "INSERT INTO b.t VALUES (1)",
        "DELETE FROM b.t",
        "DROP TABLE b.t",
        "CREATE TABLE x AS SELECT 1",
        "ATTACH '/etc/passwd' AS x",
        "COPY b.t TO '/tmp/x'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('*')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('memory_limit')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_databases()",
        "SELECT * FROM pragma_database_list",
        "SET memory_limit = '100GB'",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "SELECT 1; SELECT 2",
        "SELECT * FROM b.secret",
        "SELECT * FROM other.b.secret",
        "SELECT * FROM query('SELECT 1')",
        "WITH x AS (DELETE FROM b.t RETURNING *) SELECT * FROM x",
        "SELEC 1",
        "",
    ] {
        let (status, answer) = world.http(Method::POST, "/projects/p/query", Some(&json!({ "query": sql }))).await;
        let refused = status.is_client_error() || answer["status"] == "error";
        assert!(refused && status != StatusCode::INTERNAL_SERVER_ERROR, "{sql}: {status} {answer}");
    }
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.t").await[0]["n"], 0);
}

#[tokio::test]
async fn sql_that_runs_for_ever_is_stopped_and_others_go_on() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("a", "INTEGER")], &[]).await;
    let endless =
        json!({ "query": "SELECT count(*) FROM range(1000000000000) AS a, range(1000000) AS b", "timeout_seconds": 1 });
    let (slow, quick) = tokio::join!(
        world.http(Method::POST, "/projects/p/query", Some(&endless)),
        world.query("p", "SELECT 1 AS one"),
    );
    assert_eq!(quick[0]["one"], 1);
    assert!(slow.1.to_string().contains("query_timeout"), "{} {}", slow.0, slow.1);
}

#[tokio::test]
async fn large_and_broken_bodies_are_refused_early() {
    let world = World::start().await;
    let client = reqwest::Client::new();
    let url = format!("{}/projects", world.alluvium.url());
    let large =
        client.post(&url).bearer_auth(ADMIN).header("content-type", "application/json").body(vec![b' '; 100 << 20]);
    match large.send().await {
        Ok(response) => assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE),
        // The server may close the connection while we still send.
        Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
    }
    let broken = client.post(&url).bearer_auth(ADMIN).header("content-type", "application/json").body("{\"id\": ");
    let response = broken.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["detail"][0]["type"], "json_invalid");
    assert_eq!(world.get("/health").await["status"], "healthy");
}

#[tokio::test]
async fn commands_and_rows_from_nats_that_are_wrong_get_coded_answers() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("a", "INTEGER")], &[]).await;
    let client = world.nats.connect().await;
    let jetstream = async_nats::jetstream::new(client);
    for (n, (subject, payload, code)) in [
        ("cmd.default.storage.NoSuchCommand", &b"{}"[..], "command.unknown"),
        ("cmd.default.storage.CreateBucket", b"\xc3\x01garbage!", "command.malformed"),
        ("cmd.default.storage.CreateBucket", b"\xc3\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08", "command.malformed"),
        ("cmd.default.storage.CreateBucket", b"{\"project\": 5}", "command.malformed"),
        (
            "cmd.default.storage.CreateBucket",
            b"{\"project\": \"p\", \"bucket\": \"x\", \"colour\": 1}",
            "command.malformed",
        ),
        ("cmd.default.storage.CreateBucket", b"not json", "command.malformed"),
        ("cmd.default.storage.CreateBucket", b"{\"project\": \"p\", \"bucket\": \"a/b\"}", "storage.invalid_name"),
        (
            "cmd.default.storage.CreateBucket",
            b"{\"project\": \"nope\", \"bucket\": \"x\"}",
            "storage.project_not_found",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("bad-{n}");
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.as_str());
        jetstream.publish_with_headers(subject, headers, payload.to_vec().into()).await.unwrap().await.unwrap();
        let outcomes = jetstream.get_stream("OUT").await.unwrap();
        let out = format!("out.default.{id}");
        let found = || async { outcomes.get_last_raw_message_by_subject(&out).await.ok() };
        world.eventually("an outcome", || async { found().await.is_some() }).await;
        let outcome: Value = serde_json::from_slice(&found().await.unwrap().payload).unwrap();
        assert_eq!((&outcome["status"], &outcome["problem"]["code"]), (&json!("rejected"), &json!(code)), "{outcome}");
    }
    for payload in [
        &b"junk"[..],
        b"{\"nope\": 1}",
        b"{\"a\": \"text\"}",
        b"Obj\x01broken",
        b"\xc3\x01\x00\x00\x00\x00\x00\x00\x00\x00x",
    ] {
        jetstream.publish("rows.default.p.b.t", payload.to_vec().into()).await.unwrap().await.unwrap();
    }
    jetstream.publish("rows.default.p.b.missing", "{\"a\": 1}".into()).await.unwrap().await.unwrap();
    jetstream.publish("rows.default.p.b.t", "{\"a\": 7}".into()).await.unwrap().await.unwrap();
    world
        .eventually("the good row", || async { world.query("p", "SELECT a FROM b.t").await == json!([{ "a": 7 }]) })
        .await;
    let letters = || async {
        let mut dlq = jetstream.get_stream("DLQ").await.unwrap();
        dlq.info().await.unwrap().state.messages
    };
    world.eventually("six dead letters", || async { letters().await == 6 }).await;
}

#[tokio::test]
async fn a_column_without_null_and_backfill_has_the_answer_that_clients_know() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let column = json!({ "name": "m", "type": "BIGINT", "nullable": false });
    let (status, body) = world.http(Method::POST, &format!("{TABLES}/t/columns"), Some(&column)).await;
    assert_eq!((status.as_u16(), &body["detail"]["error"]), (500, &json!("add_column_failed")), "{body}");
    assert!(body["detail"]["message"].as_str().is_some_and(|message| message.contains("not yet supported")), "{body}");
}

#[tokio::test]
async fn conditions_whose_types_do_not_fit_are_the_askers_mistake() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT"), ("name", "VARCHAR"), ("tags", "VARCHAR[]")], &[]).await;
    let (preview, export, rows) =
        (format!("{TABLES}/t/preview"), format!("{TABLES}/t/export"), format!("{TABLES}/t/rows"));
    for condition in ["n > INTERVAL 1 DAY", "tags > 5"] {
        for (method, path, body) in [
            (Method::POST, &preview, json!({ "where_clause": condition })),
            (Method::POST, &export, json!({ "where_filter": condition })),
            (Method::DELETE, &rows, json!({ "where_clause": condition })),
        ] {
            let (status, answer) = world.http(method, path, Some(&body)).await;
            let error = answer["detail"]["error"].as_str();
            assert_eq!((status.as_u16(), error), (400, Some("invalid_where_clause")), "{path} {condition}: {answer}");
        }
    }
}
