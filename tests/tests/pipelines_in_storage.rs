//! Tables and views of a pipeline as tables of a bucket: over HTTP, in SQL, with `psql`, and as they were.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::World;
use alluvium_blackbox::sessions::{connection, filled, login, printed, psql, workspace};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row as _;

const PROGRAM: &str = "
    CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, shop VARCHAR, cents DECIMAL(12, 2)) WITH ('materialized' = 'true');
    CREATE MATERIALIZED VIEW totals AS SELECT shop, SUM(cents) AS cents, COUNT(*) AS orders FROM orders GROUP BY shop;
    CREATE VIEW shops AS SELECT DISTINCT shop FROM orders;";
const BUCKET: &str = "/projects/p/branches/default/buckets/live";
const PIPELINE: &str = "/v0/pipelines/sums";

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http(method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

fn refused(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

async fn status(world: &World, wanted: &str) {
    world
        .eventually(wanted, || async {
            let shown = world.get(&format!("{PIPELINE}?selector=status")).await;
            assert!(shown["deployment_error"].is_null(), "{shown}");
            shown["deployment_status"] == wanted
        })
        .await;
}

/// A world with a pipeline that runs, and a project `p` that shows it as the bucket `live`.
async fn shown() -> World {
    let world = filled(&[]).await;
    world.post("/v0/pipelines", &json!({ "name": "sums", "program_code": PROGRAM })).await;
    world
        .eventually("the program compiles", || async {
            world.get(&format!("{PIPELINE}?selector=status")).await["program_status"] == "Success"
        })
        .await;
    let linked = world.post(&format!("{BUCKET}/link-pipeline"), &json!({ "pipeline": "sums" })).await;
    assert_eq!((&linked["is_linked"], &linked["source_pipeline"]), (&json!(true), &json!("sums")), "{linked}");
    assert_eq!(refused(&ask(&world, Method::GET, &format!("{BUCKET}/tables"), None).await), (409, "pipeline_empty"));
    world.post(&format!("{PIPELINE}/start"), &json!({})).await;
    status(&world, "Running").await;
    world
}

/// Sends changes of orders; gives the step after which they show.
async fn send(world: &World, changes: &[Value]) -> u64 {
    let path = format!("{PIPELINE}/ingress/orders?format=json&array=true&update_format=insert_delete");
    let token = world.post(&path, &json!(changes)).await["token"].as_str().unwrap().to_owned();
    let path = format!("{PIPELINE}/completion_status?token={token}");
    world.eventually("the rows are in", || async { world.get(&path).await["status"] == "complete" }).await;
    world.get(&path).await["step"].as_u64().unwrap()
}

fn order(id: u64, shop: &str, cents: &str) -> Value {
    json!({ "insert": { "id": id, "shop": shop, "cents": cents } })
}

/// The totals, as storage shows them.
async fn totals(world: &World, step: Option<u64>) -> Value {
    let sql = "SELECT shop, cents::VARCHAR AS cents, orders FROM live.totals ORDER BY shop";
    let answer = world.post("/projects/p/query", &json!({ "query": sql, "as_of_step": step })).await;
    assert_eq!(answer["status"], "ok", "{answer}");
    answer["data"]["rows"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pipeline_has_is_read_like_any_table_and_as_of_its_steps() {
    let world = shown().await;
    let first = send(&world, &[order(1, "a", "1.50"), order(2, "b", "2.00"), order(3, "a", "0.25")]).await;
    let then = json!([["a", "1.75", 2], ["b", "2.00", 1]]);
    assert_eq!(totals(&world, None).await, then);
    let second = send(&world, &[json!({ "delete": { "id": 2 } }), order(4, "c", "9.00")]).await;
    assert!(second > first);
    let now = json!([["a", "1.75", 2], ["c", "9.00", 1]]);
    assert_eq!(totals(&world, None).await, now);
    assert_eq!(totals(&world, Some(first)).await, then);

    // The catalogue.
    let tables = world.get(&format!("{BUCKET}/tables")).await;
    let names: Vec<&str> = tables["tables"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!((names, &tables["total"]), (vec!["error_view", "orders", "shops", "totals"], &json!(4)));
    assert_eq!(world.get(BUCKET).await["table_count"], 4);
    let orders = world.get(&format!("{BUCKET}/tables/orders")).await;
    assert_eq!((&orders["primary_key"], &orders["row_count"]), (&json!(["id"]), &json!(3)), "{orders}");
    assert_eq!((&orders["is_linked"], orders["pipeline_step"].as_u64()), (&json!(true), Some(second)));
    assert_eq!(orders["columns"][2]["type"], "DECIMAL(12,2)");

    // A preview, also filtered, of now and then; a view that is not materialized has its rows as well.
    let rows = |preview: Value| {
        let mut rows: Vec<String> = preview["rows"].as_array().unwrap().iter().map(Value::to_string).collect();
        rows.sort();
        rows
    };
    let shops = format!("{BUCKET}/tables/shops/preview");
    assert_eq!(rows(world.get(&shops).await), [r#"{"shop":"a"}"#, r#"{"shop":"c"}"#]);
    let past = format!("{shops}?as_of_step={first}");
    assert_eq!(rows(world.get(&past).await), [r#"{"shop":"a"}"#, r#"{"shop":"b"}"#]);
    let filter = json!({ "where_filters": [{ "column": "shop", "values": ["b"] }] });
    assert_eq!(world.post(&past, &filter).await["total_row_count"], 1);
    assert_eq!(world.post(&shops, &filter).await["total_row_count"], 0);

    // An export of the past; a copy to a table of the project's own, joined with what it came from.
    let export = json!({ "format": "csv", "as_of_step": first });
    let exported = world.post(&format!("{BUCKET}/tables/orders/export"), &export).await;
    assert_eq!(exported["rows_exported"], 3);
    let joined =
        "SELECT count(*) AS n FROM live.orders AS o JOIN live.totals AS t USING (shop) JOIN b.t ON t.id = o.id";
    let joined = joined.replace("b.t ON t.id", "b.t AS own ON own.id");
    assert_eq!(world.query("p", &joined).await[0]["n"], 2);

    // Time that is not there.
    let refusals = [
        (format!("{shops}?as_of_step={}", second + 1), (400, "invalid_step")),
        (format!("{shops}?as_of_step={first}&as_of=2026-01-01T00:00:00Z"), (400, "invalid_request")),
        ("/projects/p/branches/default/buckets/b/tables/t/preview?as_of_step=1".to_owned(), (409, "steps_not_kept")),
    ];
    for (path, expected) in refusals {
        assert_eq!(refused(&ask(&world, Method::GET, &path, None).await), expected, "{path}");
    }
    let (code, answer) = ask(&world, Method::GET, &format!("{shops}?as_of_step=x"), None).await;
    assert_eq!(code, 422, "{answer}");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_and_drivers_see_views_of_a_pipeline_at_one_step() {
    let world = shown().await;
    send(&world, &[order(1, "a", "1.50"), order(2, "b", "2.00")]).await;
    let made = workspace(&world).await;
    let out = psql(&made, connection(&made, "password"))
        .args(["-c", "SELECT t.shop, t.cents, o.id FROM live.totals t JOIN live.orders o USING (shop) ORDER BY shop"])
        .output()
        .unwrap();
    assert_eq!(printed(&out), "a|1.50|1\nb|2.00|2");
    let listed = psql(&made, connection(&made, "password")).args(["-c", "\\d live.totals"]).output().unwrap();
    assert!(
        printed(&listed).contains("cents|numeric(38,2)") || printed(&listed).contains("cents|numeric"),
        "{listed:?}"
    );

    // Within a transaction the pipeline stands still, also for what the transaction comes to later.
    let mut session = login(&made).await;
    let count = async |session: &mut sqlx::PgConnection, sql: &'static str| -> i64 {
        sqlx::query(sql).fetch_one(session).await.unwrap().get(0)
    };
    sqlx::query("BEGIN").execute(&mut session).await.unwrap();
    assert_eq!(count(&mut session, "SELECT count(*) FROM live.orders").await, 2);
    send(&world, &[order(3, "z", "7.00")]).await;
    assert_eq!(count(&mut session, "SELECT count(*) FROM live.totals").await, 2);
    assert_eq!(count(&mut session, "SELECT count(*) FROM live.orders").await, 2);
    sqlx::query("COMMIT").execute(&mut session).await.unwrap();
    assert_eq!(count(&mut session, "SELECT count(*) FROM live.totals").await, 3);

    // Over HTTP, too, and loaded to stay.
    let path = format!("/projects/p/workspaces/{}/query", made["id"].as_str().unwrap());
    let answer = world.post(&path, &json!({ "query": "SELECT count(*) FROM live.shops" })).await;
    assert_eq!(answer["data"]["rows"], json!([[3]]), "{answer}");
    let path = format!("/projects/p/workspaces/{}/load", made["id"].as_str().unwrap());
    let loaded = world.post(&path, &json!({ "tables": [{ "source": "live.totals" }] })).await;
    assert_eq!(loaded["loaded"][0]["rows"], 3, "{loaded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_read_while_the_pipeline_rests_and_refused_when_it_is_gone() {
    let world = shown().await;
    let step = send(&world, &[order(1, "a", "1.50")]).await;
    send(&world, &[order(2, "a", "1.00")]).await;
    world.post(&format!("{PIPELINE}/stop?force=false"), &json!({})).await;
    status(&world, "Stopped").await;
    assert_eq!(totals(&world, None).await, json!([["a", "2.50", 2]]));
    assert_eq!(totals(&world, Some(step)).await, json!([["a", "1.50", 1]]));

    // Nothing is written to it, and the bucket is a link like any other.
    let table = json!({ "name": "mine", "columns": [{ "name": "a", "type": "BIGINT" }] });
    let made = ask(&world, Method::POST, &format!("{BUCKET}/tables"), Some(table)).await;
    assert_eq!(refused(&made), (409, "bucket_of_pipeline"));
    for (method, path) in
        [(Method::DELETE, format!("{BUCKET}/tables/orders")), (Method::DELETE, format!("{BUCKET}/tables/orders/rows"))]
    {
        let body = json!({ "allow_truncate": true });
        assert_eq!(refused(&ask(&world, method, &path, Some(body)).await), (409, "bucket_of_pipeline"), "{path}");
    }
    assert_eq!(refused(&ask(&world, Method::DELETE, BUCKET, None).await), (409, "bucket_is_linked"));
    let past = format!("{BUCKET}/tables/orders/preview?as_of=2999-01-01T00:00:00Z");
    assert!(ask(&world, Method::GET, &past, None).await.0 >= 400);

    // Cleared, then gone.
    world.post(&format!("{PIPELINE}/clear"), &json!({})).await;
    let preview = format!("{BUCKET}/tables/orders/preview");
    world
        .eventually("it is cleared", || async {
            refused(&ask(&world, Method::GET, &preview, None).await) == (409, "pipeline_empty")
        })
        .await;
    let answer = world.post("/projects/p/query", &json!({ "query": "SELECT * FROM live.orders" })).await;
    assert_eq!((&answer["status"], &answer["error"]), (&json!("error"), &json!("pipeline_empty")), "{answer}");
    assert_eq!(ask(&world, Method::DELETE, PIPELINE, None).await.0, 200);
    assert_eq!(refused(&ask(&world, Method::GET, &preview, None).await), (404, "pipeline_not_found"));
    assert_eq!(world.get(BUCKET).await["table_count"], 0);
    assert_eq!(ask(&world, Method::DELETE, &format!("{BUCKET}/link"), None).await.0, 204);
    assert_eq!(refused(&ask(&world, Method::GET, BUCKET, None).await), (404, "bucket_not_found"));
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_at_pipelines_shows_none_and_who_may_not_read_the_bucket_sees_none() {
    let world = shown().await;
    send(&world, &[order(1, "a", "1.50")]).await;
    let key = world.post("/projects/p/api-keys", &json!({ "description": "all of p" })).await;
    let own = key["api_key"].as_str().unwrap().to_owned();
    world.project("other").await;
    let key = world.post("/projects/other/api-keys", &json!({ "description": "all of other" })).await;
    let stranger = key["api_key"].as_str().unwrap().to_owned();
    let reader = world.post("/v0/api_keys", &json!({ "name": "reads", "role": "read" })).await;
    let pipelines = reader["api_key"].as_str().unwrap().to_owned();

    // Showing takes both rights; of these keys none has them.
    for (key, project) in [(&own, "p"), (&stranger, "other"), (&pipelines, "p"), (&stranger, "p")] {
        let path = format!("/projects/{project}/branches/default/buckets/mine/link-pipeline");
        let body = json!({ "pipeline": "sums" });
        let (status, answer) = world.http_as(Some(key), Method::POST, &path, Some(&body)).await;
        assert_eq!(status, 403, "{answer}");
    }
    // What is shown is the project's to read.
    let preview = format!("{BUCKET}/tables/orders/preview");
    for (key, expected) in [(&own, 200), (&stranger, 403), (&pipelines, 403)] {
        assert_eq!(world.http_as(Some(key), Method::GET, &preview, None).await.0, expected);
    }
    let unknown = json!({ "pipeline": "nothing" });
    let path = "/projects/p/branches/default/buckets/mine/link-pipeline";
    assert_eq!(refused(&ask(&world, Method::POST, path, Some(unknown)).await), (404, "pipeline_not_found"));
    let taken = json!({ "pipeline": "sums" });
    let again = ask(&world, Method::POST, &format!("{BUCKET}/link-pipeline"), Some(taken)).await;
    assert_eq!(refused(&again), (409, "bucket_already_linked"));
}
