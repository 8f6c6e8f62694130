//! What a load may be told, over HTTP, and what becomes of one that the engine cannot do.

use alluvium_blackbox::{ADMIN, World};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::Method;
use serde_json::{Value, json};

const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";

async fn load(world: &World, table: &str, text: &str, options: Value) -> (u16, Value) {
    let file = world.upload("p", "f.csv", text.as_bytes().to_vec()).await;
    let body = json!({ "file_id": file, "import_options": options });
    let (status, answer) = world.http(Method::POST, &format!("{TABLES}/{table}/import/file"), Some(&body)).await;
    (status.as_u16(), answer)
}

async fn rows(world: &World, table: &str) -> Value {
    world.get(&format!("{TABLES}/{table}/preview")).await["rows"].clone()
}

fn error(answer: &Value) -> &str {
    answer["detail"]["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn options_of_a_load_do_what_they_say_and_a_rebuild_does_the_same() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("name", "VARCHAR")], &["id"]).await;
    let options = json!({ "ignored_lines_count": 2, "treat_values_as_null": ["-", "n/a"] });
    let (status, done) = load(&world, "t", "report\n\"of\nname,id\nn/a,1\n-,2\nc,3\n", options).await;
    assert_eq!((status, &done["imported_rows"]), (200, &json!(3)), "{done}");
    let expected = json!([{"id": 1, "name": null}, {"id": 2, "name": null}, {"id": 3, "name": "c"}]);
    assert_eq!(rows(&world, "t").await, expected);
    // As Keboola's own clients write it.
    let options = json!({ "withoutHeaders": true, "incremental": true, "dedupMode": "update_duplicates" });
    let (status, done) = load(&world, "t", "3,C\n4,d\n", options).await;
    assert_eq!((status, &done["inserted_rows"], &done["updated_rows"]), (200, &json!(1), &json!(1)), "{done}");

    let extra = "id,name,more\n4,d,x\n5,e,y\n";
    let (status, refused) = load(&world, "t", extra, json!({ "incremental": true })).await;
    assert_eq!((status, error(&refused)), (400, "import_failed"), "{refused}");
    let (status, done) = load(&world, "t", extra, json!({ "incremental": true, "extra_columns": "ignore" })).await;
    assert_eq!((status, &done["inserted_rows"], &done["unchanged_rows"]), (200, &json!(1), &json!(1)), "{done}");
    let (status, done) = load(&world, "t", extra, json!({ "incremental": true, "extra_columns": "add" })).await;
    assert_eq!((status, &done["added_columns"], &done["updated_rows"]), (200, &json!(["more"]), &json!(2)), "{done}");
    let table = world.get(&format!("{TABLES}/t")).await;
    assert_eq!(table["columns"][2]["name"], "more", "the catalogue has it too: {table}");
    let dropped = world.http(Method::DELETE, &format!("{TABLES}/t/columns/more"), None).await;
    assert_eq!(dropped.0, 200, "a settled load is in nobody's way: {}", dropped.1);
    load(&world, "t", extra, json!({ "incremental": true, "extra_columns": "add" })).await;

    let (status, done) = load(&world, "t", "id,name\n4,d\n5,E\n6,f\n", json!({ "delete_missing": true })).await;
    assert_eq!((status, &done["deleted_rows"], &done["imported_rows"]), (200, &json!(3), &json!(3)), "{done}");
    let counts = (&done["unchanged_rows"], &done["updated_rows"], &done["inserted_rows"]);
    assert_eq!(counts, (&json!(1), &json!(1), &json!(1)), "{done}");
    let kept = json!([
        {"id": 4, "name": "d", "more": "x"}, {"id": 5, "name": "E", "more": "y"}, {"id": 6, "name": "f", "more": null}
    ]);
    assert_eq!(rows(&world, "t").await, kept);

    for wrong in [
        json!({ "extra_columns": "drop" }),
        json!({ "extra_columns": "add", "columns": ["id"] }),
        json!({ "extra_columns": "add", "without_headers": true }),
        json!({ "delete_missing": true, "dedup_mode": "insert_duplicates" }),
    ] {
        let (status, answer) = load(&world, "t", "id,name\n1,a\n", wrong.clone()).await;
        assert_eq!((status, error(&answer)), (400, "invalid_request"), "{wrong}: {answer}");
    }
    let (status, answer) = load(&world, "t", "id\n", json!({ "treat_values_as_null": ["a,b"] })).await;
    assert_eq!((status, error(&answer)), (400, "invalid_csv_options"), "{answer}");
    let (status, _) = load(&world, "t", "id\n", json!({ "ignored_lines_count": -1 })).await;
    assert_eq!(status, 422);
    assert_eq!(rows(&world, "t").await, kept, "what is refused changes nothing");
    world.verify();
}

#[tokio::test]
async fn loads_that_may_add_columns_queue_like_others() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT")], &[]).await;
    let adding = |n: u32| {
        let world = &world;
        async move {
            let options = json!({ "incremental": true, "extra_columns": "add" });
            load(world, "t", &format!("id,c{n}\n{n},x\n"), options).await
        }
    };
    let (a, b, c) = tokio::join!(adding(1), adding(2), adding(3));
    assert_eq!((a.0, b.0, c.0), (200, 200, 200), "{} {} {}", a.1, b.1, c.1);
    let table = world.get(&format!("{TABLES}/t")).await;
    assert_eq!((table["columns"].as_array().map(Vec::len), &table["row_count"]), (Some(4), &json!(3)), "{table}");
    world.verify();
}

#[tokio::test]
async fn a_table_is_loaded_from_another_one() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "from", &[("id", "BIGINT"), ("big", "HUGEINT"), ("note", "VARCHAR")], &[]).await;
    world.table("p", "into", &[("id", "BIGINT"), ("big", "HUGEINT")], &["id"]).await;
    let big = "170141183460469231731687303715884105727";
    load(&world, "from", &format!("id,big,note\n1,{big},a\n2,5,b\n3,,c\n"), json!({})).await;
    let import = |body: Value| {
        let world = &world;
        async move {
            let (status, answer) = world.http(Method::POST, &format!("{TABLES}/into/import/table"), Some(&body)).await;
            (status.as_u16(), answer)
        }
    };
    let source = json!({ "source_bucket": "b", "source_table": "from", "columns": ["id", "big"],
        "where_filters": [{ "column": "id", "operator": "lt", "values": ["3"] }] });
    let (status, done) = import(source).await;
    assert_eq!((status, &done["imported_rows"], &done["table_rows_after"]), (200, &json!(2), &json!(2)), "{done}");
    let sum = world.query("p", "SELECT CAST(max(big) AS VARCHAR) AS big FROM b.into").await;
    assert_eq!(sum, json!([{ "big": big }]), "no digit is lost");
    let more = json!({ "sourceBucket": "b", "sourceTable": "from", "incremental": true, "extraColumns": "add" });
    let (status, done) = import(more).await;
    assert_eq!((status, &done["imported_rows"], &done["updated_rows"]), (200, &json!(1), &json!(2)), "{done}");
    assert_eq!(done["added_columns"], json!(["note"]));
    world.verify();

    let at = |body: Value, status: u16, code: &'static str| (body, status, code);
    for (body, status, code) in [
        at(json!({ "source_bucket": "b", "source_table": "nothing" }), 404, "table_not_found"),
        at(json!({ "source_bucket": "b", "source_table": "a\u{0}" }), 404, "table_not_found"),
        at(json!({ "source_bucket": "nothing", "source_table": "from" }), 404, "bucket_not_found"),
        at(json!({ "source_bucket": "b", "source_table": "from", "columns": ["nothing"] }), 400, "column_not_found"),
        at(json!({ "source_bucket": "b", "source_table": "from", "dedup_mode": "x" }), 400, "invalid_dedup_mode"),
        at(
            json!({ "source_bucket": "b", "source_table": "from", "where_filters": [{ "column": "id", "values": [] }] }),
            400,
            "invalid_where_filter",
        ),
    ] {
        let (found, answer) = import(body.clone()).await;
        assert_eq!((found, error(&answer)), (status, code), "{body}: {answer}");
    }
    assert_eq!(import(json!({ "source_bucket": "b" })).await.0, 422);
}

#[tokio::test]
async fn a_load_without_memory_for_it_is_answered_and_other_tables_go_on() {
    let data = tempfile::tempdir().expect("a directory");
    let envs = [("ALLUVIUM_DUCKDB_MEMORY_LIMIT", "40MiB")];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    world.table("p", "small", &[("n", "BIGINT")], &[]).await;
    load(&world, "t", "n\n1\n", json!({})).await;
    let large: String = std::iter::once("n\n".to_owned()).chain((0..4_000_000).map(|n| format!("{n:09}\n"))).collect();
    let (refused, done) =
        tokio::join!(load(&world, "t", &large, json!({})), load(&world, "small", "n\n7\n", json!({})));
    assert_eq!((refused.0, error(&refused.1)), (400, "import_failed"), "{}", refused.1);
    assert_eq!(refused.1["detail"]["details"]["reason"], "out_of_memory");
    assert_eq!(done.0, 200, "{}", done.1);
    assert_eq!(rows(&world, "t").await, json!([{ "n": 1 }]), "the table is as it was");
    let (status, done) = load(&world, "t", "n\n2\n", json!({ "incremental": true })).await;
    assert_eq!((status, &done["table_rows_after"]), (200, &json!(2)), "and goes on: {done}");
    world.verify();
}

#[tokio::test]
async fn a_process_killed_between_two_tries_leaves_one_answer() {
    let data = tempfile::tempdir().expect("a directory");
    let envs = [("ALLUVIUM_DUCKDB_MEMORY_LIMIT", "40MiB")];
    let mut world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    load(&world, "t", "n\n1\n", json!({})).await;
    let large: String = std::iter::once("n\n".to_owned()).chain((0..4_000_000).map(|n| format!("{n:09}\n"))).collect();
    let file = world.upload("p", "large.csv", large.into_bytes()).await;
    let url = format!("{}{TABLES}/t/import/file", world.alluvium.url());
    let asked = tokio::spawn(async move {
        let body = json!({ "file_id": file });
        reqwest::Client::new().post(url).bearer_auth(ADMIN).json(&body).send().await.map(|answer| answer.status())
    });
    world.eventually("a first try fails", || async { world.alluvium.output().contains("a table stands still") }).await;
    world.alluvium.kill();
    assert!(asked.await.expect("no panic").is_err(), "nobody answered");
    world.alluvium.restart().await;
    let (status, done) = load(&world, "t", "n\n2\n", json!({ "incremental": true })).await;
    assert_eq!((status, &done["table_rows_after"]), (200, &json!(2)), "{done}");
    assert_eq!(rows(&world, "t").await, json!([{ "n": 1 }, { "n": 2 }]));
    world.verify();
}
