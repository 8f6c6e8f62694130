//! Aliases: views of tables under names of their own, and that what they leave out is found in no answer.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::sessions::{code as sql_code, login, workspace};
use alluvium_blackbox::{ADMIN, World};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

const K: &str = "/projects/p/branches/default/buckets";
/// What nobody may learn through the alias: values of rows and of a column that it leaves out.
const HIDDEN: [&str; 2] = ["leak-", "pay-"];
const ROWS: &str = "id,code,region,salary\n1,10,eu,pay-1\n2,leak-2,us,pay-2\n3,30,eu,pay-3\n4,leak-4,us,pay-4\n";

/// Bucket `vault` with the table `people` of four rows, and the empty bucket `shown`.
async fn world() -> World {
    let data = tempfile::tempdir().unwrap();
    let envs = [("PGWIRE_PORT", "0"), ("ALLUVIUM_PGWIRE_INTERNAL_LISTEN", "off")];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.post("/projects", &json!({ "id": "p" })).await;
    for bucket in ["vault", "shown"] {
        world.post(K, &json!({ "name": bucket })).await;
    }
    let column = |name: &str| json!({ "name": name, "type": if name == "id" { "BIGINT" } else { "VARCHAR" } });
    let columns: Vec<Value> = ["id", "code", "region", "salary"].into_iter().map(column).collect();
    let table = json!({ "name": "people", "columns": columns, "primary_key": ["id"] });
    world.post(&format!("{K}/vault/tables"), &table).await;
    let file = world.upload("p", "rows.csv", ROWS.as_bytes().to_vec()).await;
    world.post(&format!("{K}/vault/tables/people/import/file"), &json!({ "file_id": file })).await;
    world
}

/// The alias `shown.eu`: `code` of the rows whose region is `eu`.
fn europe() -> Value {
    json!({
        "name": "eu", "source": { "bucket": "vault", "table": "people" }, "columns": ["CODE"],
        "filter": { "column": "Region", "values": ["eu"] },
    })
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

/// A key of chosen buckets.
async fn key(world: &World, buckets: Value) -> String {
    let body = json!({ "description": "d", "scope": "custom", "bucket_permissions": buckets });
    world.post("/projects/p/api-keys", &body).await["api_key"].as_str().unwrap().to_owned()
}

async fn content(world: &World, key: &str, file: &Value) -> String {
    let url = format!("{}/projects/p/files/{}/download", world.alluvium.url(), file.as_str().unwrap());
    reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap().text().await.unwrap()
}

fn codes(preview: &Value) -> Vec<&str> {
    preview["rows"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap()).collect()
}

/// A moment after everything so far, for the query part of a URL.
fn moment() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    alluvium_kernel::Timestamp::from_micros(now.as_micros() as i64).to_rfc3339().replace('+', "%2B")
}

/// The point at which the table was changed last.
async fn now(world: &World) -> String {
    let versions = world.get(&format!("{K}/vault/tables/people/versions")).await;
    versions["versions"][0]["version"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_alias_is_one_of_the_tables_and_shows_a_part_of_another() {
    let world = world().await;
    let made = world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let names = |table: &Value| -> Vec<String> {
        table["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names(&made), &made["is_alias"], &made["row_count"]), (vec!["code".into()], &json!(true), &json!(2)));
    assert_eq!((&made["alias_of"], &made["primary_key"]), (&json!({"bucket": "vault", "table": "people"}), &json!([])));
    assert_eq!(made["alias_filter"][0]["column"], "region");
    assert_eq!(world.get(&format!("{K}/shown/tables/eu")).await, made);

    let listed = world.get(&format!("{K}/shown/tables")).await;
    assert_eq!((&listed["total"], &listed["tables"][0]["name"]), (&json!(1), &json!("eu")));
    assert!(listed["tables"][0]["row_count"].is_null() && listed["tables"][0]["size_bytes"].is_null(), "{listed}");
    assert_eq!(world.get(&format!("{K}/shown")).await["table_count"], 1);
    let preview = world.get(&format!("{K}/shown/tables/eu/preview")).await;
    assert_eq!((codes(&preview), &preview["total_row_count"]), (vec!["10", "30"], &json!(2)));
    assert_eq!(names(&preview), ["code"]);
    assert_eq!(
        world.query("p", "SELECT * FROM shown.eu ORDER BY code DESC").await,
        json!([{"code": "30"}, {"code": "10"}])
    );
    let joined = "SELECT count(*) AS n FROM shown.eu JOIN vault.people AS p USING (code)";
    assert_eq!(world.query("p", joined).await[0]["n"], 2);
    let found = world.get("/projects/p/search?q=cod").await;
    assert_eq!(found["total"], 2, "{found}");

    // Without columns, all: those that come later as well. A name in one text.
    world.post(&format!("{K}/shown/table-aliases"), &json!({ "name": "all", "source": "vault.people" })).await;
    world.post(&format!("{K}/vault/tables/people/columns"), &json!({ "name": "note", "type": "VARCHAR" })).await;
    let all = world.get(&format!("{K}/shown/tables/all")).await;
    assert_eq!(names(&all), ["id", "code", "region", "salary", "note"]);
    assert_eq!((&all["row_count"], &all["primary_key"]), (&json!(4), &json!(["id"])));
    assert_eq!(names(&world.get(&format!("{K}/shown/tables/eu")).await), ["code"]);

    // What is read into another table is what it shows.
    world
        .post(
            &format!("{K}/shown/tables"),
            &json!({ "name": "copy", "columns": [{ "name": "code", "type": "VARCHAR" }] }),
        )
        .await;
    let import = json!({ "source_bucket": "shown", "source_table": "eu" });
    let loaded = world.post(&format!("{K}/shown/tables/copy/import/table"), &import).await;
    assert_eq!(loaded["imported_rows"], 2, "{loaded}");
    world.verify();
}

#[tokio::test]
async fn nothing_is_written_to_an_alias() {
    let world = world().await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let eu = format!("{K}/shown/tables/eu");
    let file = world.upload("p", "more.csv", b"code\n1\n".to_vec()).await;
    let table = json!({ "name": "eu", "columns": [{ "name": "id", "type": "BIGINT" }] });
    for (method, path, body) in [
        (Method::POST, format!("{eu}/import/file"), json!({ "file_id": file })),
        (Method::POST, format!("{eu}/import/table"), json!({ "source_bucket": "vault", "source_table": "people" })),
        (Method::DELETE, format!("{eu}/rows"), json!({ "allow_truncate": true })),
        (Method::POST, format!("{eu}/columns"), json!({ "name": "x", "type": "BIGINT" })),
        (Method::PUT, format!("{eu}/columns/code"), json!({ "new_name": "x" })),
        (Method::DELETE, format!("{eu}/columns/code"), json!({})),
        (Method::POST, format!("{eu}/primary-key"), json!({ "columns": ["code"] })),
        (Method::DELETE, format!("{eu}/primary-key"), json!({})),
        (
            Method::POST,
            format!("{eu}/metadata"),
            json!({ "provider": "me", "metadata": [{ "key": "k", "value": "v" }] }),
        ),
        (Method::POST, "/projects/p/snapshots".to_owned(), json!({ "bucket": "shown", "table": "eu" })),
        (Method::PUT, format!("{eu}/settings/snapshots"), json!({ "enabled": false })),
        (Method::GET, format!("{eu}/schema"), Value::Null),
        (Method::GET, format!("{eu}/versions"), Value::Null),
    ] {
        let answer = admin(&world, method.clone(), &path, Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(code(&answer), (409, "table_is_alias"), "{method} {path}: {answer:?}");
    }
    for (path, body) in [
        ("shown/tables", table),
        ("shown/table-aliases", json!({ "name": "EU", "source": "vault.people" })),
        ("vault/table-aliases", json!({ "name": "People", "source": "vault.people" })),
    ] {
        let answer = admin(&world, Method::POST, &format!("{K}/{path}"), Some(body)).await;
        assert_eq!(code(&answer), (409, "table_exists"), "{path}: {answer:?}");
    }
    let again = json!({ "name": "x", "source": "shown.eu" });
    let answer = admin(&world, Method::POST, &format!("{K}/shown/table-aliases"), Some(again)).await;
    assert_eq!(code(&answer), (409, "alias_source_refused"));
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM vault.people").await[0]["n"], 4);
}

#[tokio::test]
async fn what_an_alias_is_made_of_is_looked_at() {
    let world = world().await;
    let make = async |body: Value| {
        let path = format!("{K}/shown/table-aliases");
        let answer = admin(&world, Method::POST, &path, Some(body)).await;
        let (status, told) = code(&answer);
        (status, told.to_owned())
    };
    let with = |field: &str, value: Value| {
        let mut body = europe();
        body[field] = value;
        body
    };
    let is = |status: u16, told: &str| (status, told.to_owned());
    let filter =
        |column: &str, operator: &str, value: &str| json!({"column": column, "operator": operator, "values": [value]});
    assert_eq!(make(with("source", json!("none.people"))).await, is(404, "bucket_not_found"));
    assert_eq!(make(with("source", json!("vault.none"))).await, is(404, "table_not_found"));
    assert_eq!(make(with("name", json!("a/b"))).await, is(400, "invalid_name"));
    assert_eq!(make(with("columns", json!(["code", "none"]))).await, is(400, "column_not_found"));
    assert_eq!(make(with("columns", json!(["code", "Code"]))).await, is(400, "duplicate_column"));
    assert_eq!(make(with("columns", json!([]))).await, is(400, "invalid_request"));
    assert_eq!(make(with("filter", filter("none", "eq", "1"))).await, is(400, "column_not_found"));
    assert_eq!(make(with("filter", json!([{ "column": "id", "values": [] }]))).await, is(400, "invalid_where_filter"));
    assert_eq!(make(with("filter", filter("id", "gt", "many"))).await, is(400, "invalid_where_filter"));
    assert_eq!(make(json!({ "name": "eu" })).await.0, 422);
    let answer = admin(&world, Method::POST, &format!("{K}/none/table-aliases"), Some(europe())).await;
    assert_eq!(code(&answer), (404, "bucket_not_found"));

    // Writing where it comes to be is not enough: it takes reading what it shows.
    let writes = key(&world, json!({ "shown": "write" })).await;
    let path = format!("{K}/shown/table-aliases");
    let answer = ask(&world, &writes, Method::POST, &path, Some(europe())).await;
    assert_eq!(code(&answer), (404, "bucket_not_found"));
    let command = json!({
        "project": "p", "branch": "default", "bucket": "shown", "table": "eu", "source_bucket": "vault",
        "source_table": "people", "columns": null, "filter": [],
    });
    let (status, _) = ask(&world, &writes, Method::POST, "/commands/storage/CreateAlias", Some(command)).await;
    assert_eq!(status, 404);
    let reads = key(&world, json!({ "shown": "read", "vault": "write" })).await;
    assert_eq!(ask(&world, &reads, Method::POST, &path, Some(europe())).await.0, 403);
    let both = key(&world, json!({ "shown": "write", "vault": "read" })).await;
    assert_eq!(ask(&world, &both, Method::POST, &path, Some(europe())).await.0, 201);
}

#[tokio::test]
async fn a_source_keeps_what_its_aliases_show() {
    let world = world().await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let people = format!("{K}/vault/tables/people");
    let answer = admin(&world, Method::DELETE, &people, None).await;
    assert_eq!(code(&answer), (409, "table_has_aliases"));
    assert_eq!(answer.1["detail"]["details"]["alias_count"], 1);
    assert_eq!(code(&admin(&world, Method::DELETE, &format!("{K}/vault"), None).await), (409, "table_has_aliases"));
    for column in ["code", "REGION"] {
        let gone = admin(&world, Method::DELETE, &format!("{people}/columns/{column}"), None).await;
        assert_eq!(code(&gone), (409, "column_has_aliases"), "{column}");
        let renamed = Some(json!({ "new_name": "x" }));
        let renamed = admin(&world, Method::PUT, &format!("{people}/columns/{column}"), renamed).await;
        assert_eq!(code(&renamed), (409, "column_has_aliases"), "{column}");
    }
    assert_eq!(admin(&world, Method::DELETE, &format!("{people}/columns/salary"), None).await.0, 200);

    // Only the alias goes; then the table may.
    assert_eq!(admin(&world, Method::DELETE, &format!("{K}/shown/tables/eu"), None).await.0, 204);
    assert_eq!(
        code(&admin(&world, Method::GET, &format!("{K}/shown/tables/eu"), None).await),
        (404, "table_not_found")
    );
    assert_eq!(world.get(&people).await["row_count"], 4);
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    assert_eq!(admin(&world, Method::DELETE, &format!("{K}/shown"), None).await.0, 204);
    assert_eq!(admin(&world, Method::DELETE, &people, None).await.0, 204);
    world.verify();
}

/// A filter whose column is gone shows nothing, and not everything.
#[tokio::test]
async fn an_alias_whose_source_was_restored_without_its_columns_shows_nothing() {
    let world = world().await;
    let people = format!("{K}/vault/tables/people");
    let taken = world.post("/projects/p/snapshots", &json!({ "bucket": "vault", "table": "people" })).await;
    world.post(&format!("{people}/columns"), &json!({ "name": "kind", "type": "VARCHAR" })).await;
    let alias = json!({ "name": "kinds", "source": "vault.people", "filter": { "column": "kind", "values": ["a"] } });
    world.post(&format!("{K}/shown/table-aliases"), &alias).await;
    let alias = json!({ "name": "kind", "source": "vault.people", "columns": ["kind", "code"] });
    world.post(&format!("{K}/shown/table-aliases"), &alias).await;
    let path = format!("/projects/p/snapshots/{}/restore", taken["id"].as_str().unwrap());
    world.post(&path, &json!({})).await;
    for (method, below, body) in [
        (Method::GET, "preview", None),
        (Method::POST, "profile", Some(json!({}))),
        (Method::POST, "export", Some(json!({}))),
    ] {
        let answer = admin(&world, method, &format!("{K}/shown/tables/kinds/{below}"), body).await;
        assert_eq!(code(&answer), (409, "alias_outdated"), "{below}");
    }
    let query = world.post("/projects/p/query", &json!({ "query": "SELECT * FROM shown.kinds" })).await;
    assert_eq!(query["status"], "error", "{query}");
    assert_eq!(admin(&world, Method::GET, &format!("{K}/shown/tables/kinds"), None).await.0, 200);
    // A column less is one less.
    let left = world.get(&format!("{K}/shown/tables/kind/preview")).await;
    assert_eq!((left["columns"].as_array().unwrap().len(), codes(&left).len()), (1, 4));
}

#[tokio::test]
async fn what_an_alias_leaves_out_is_in_no_answer() {
    let world = world().await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let reader = key(&world, json!({ "shown": "read" })).await;
    let eu = format!("{K}/shown/tables/eu");
    let (then, later) = (now(&world).await, moment());
    // Fails on each row that is left out, and would say on which value.
    let failing = "CAST(code AS BIGINT) > 10";
    let failing_query = format!("SELECT * FROM shown.eu WHERE {failing}");
    let on = |column: &str| json!([{ "column": column, "values": ["x"] }]);
    for (method, path, body, expected) in [
        (Method::GET, format!("{K}/shown/tables"), None, 200),
        (Method::GET, format!("{K}/shown/tables?as_of={then}"), None, 200),
        (Method::GET, format!("{K}/shown/tables?as_of={later}"), None, 200),
        (Method::GET, format!("{eu}?as_of={later}"), None, 200),
        (Method::GET, eu.clone(), None, 200),
        (Method::GET, format!("{eu}?as_of={then}"), None, 200),
        (Method::GET, format!("{eu}/preview"), None, 200),
        (Method::GET, format!("{eu}/preview?as_of={then}"), None, 200),
        (Method::GET, format!("{eu}/preview?format=rfc&include_internal_timestamp=true"), None, 200),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "where_clause": failing })), 200),
        (Method::POST, format!("{eu}/preview?as_of={then}"), Some(json!({ "where_clause": failing })), 200),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "changed_since": "-2 days" })), 200),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "columns": ["salary"] })), 400),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "where_clause": "salary > ''" })), 400),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "where_filters": on("region") })), 400),
        (Method::POST, format!("{eu}/preview"), Some(json!({ "order_by": [{ "column": "salary" }] })), 400),
        (Method::POST, format!("{eu}/profile?mode=full"), None, 200),
        (Method::POST, format!("{eu}/profile?mode=full&as_of={then}"), None, 200),
        (Method::POST, format!("{eu}/export"), Some(json!({ "columns": ["salary"] })), 400),
        (Method::POST, format!("{eu}/export"), Some(json!({ "where_filters": on("region") })), 400),
        (Method::GET, format!("{eu}/versions"), None, 409),
        (Method::GET, format!("{eu}/schema"), None, 409),
        (Method::GET, format!("{eu}/metadata"), None, 409),
        (Method::GET, format!("{eu}/columns/salary/metadata"), None, 409),
        (Method::GET, format!("{eu}/changes?from_version={then}"), None, 404),
        (Method::GET, format!("{eu}/changes?from_version={later}"), None, 409),
        (Method::GET, "/projects/p/snapshots".to_owned(), None, 200),
        (Method::GET, "/projects/p/search?q=a".to_owned(), None, 200),
        (Method::GET, "/projects/p/search?q=e".to_owned(), None, 200),
        (Method::POST, "/projects/p/query".to_owned(), Some(json!({ "query": failing_query })), 200),
        (Method::POST, "/projects/p/query".to_owned(), Some(json!({ "query": failing_query, "as_of": then })), 200),
        (Method::POST, "/projects/p/query".to_owned(), Some(json!({ "query": "SELECT * FROM vault.people" })), 200),
        (Method::POST, "/projects/p/query".to_owned(), Some(json!({ "query": "SELECT salary FROM shown.eu" })), 200),
        (
            Method::POST,
            "/projects/p/query".to_owned(),
            Some(json!({ "query": "SELECT eu.* , rowid FROM shown.eu" })),
            200,
        ),
        (Method::POST, format!("{K}/shown/table-aliases"), Some(europe()), 403),
    ] {
        let answer = ask(&world, &reader, method.clone(), &path, body.clone()).await;
        assert_eq!(answer.0, expected, "{method} {path} {body:?}: {answer:?}");
        let told = answer.1.to_string();
        assert!(!HIDDEN.iter().any(|hidden| told.contains(hidden)), "{method} {path} {body:?}: {told}");
        // Names of what is left out are told to nobody but who says them.
        let said = format!("{path}{body:?}");
        for name in ["salary", "region", "vault", "people"].iter().filter(|name| !said.contains(**name)) {
            assert!(!told.contains(name), "{method} {path} {body:?}: {told}");
        }
    }
    let count = async |key: &str, as_of: Option<&str>| {
        let body = json!({ "query": format!("SELECT count(*) FROM shown.eu WHERE {failing}"), "as_of": as_of });
        ask(&world, key, Method::POST, "/projects/p/query", Some(body)).await.1["data"]["rows"].clone()
    };
    assert_eq!((count(&reader, None).await, count(&reader, Some(&then)).await), (json!([[1]]), json!([[1]])));
    for body in [json!({}), json!({ "as_of": then }), json!({ "where_filter": "CAST(code AS BIGINT) > 0" })] {
        let (status, exported) = ask(&world, &reader, Method::POST, &format!("{eu}/export"), Some(body)).await;
        assert_eq!((status, &exported["rows_exported"]), (200, &json!(2)), "{exported}");
        let text = content(&world, &reader, &exported["file_id"]).await;
        assert_eq!(text, "code\n10\n30\n");
    }
}

#[tokio::test]
async fn a_workspace_holds_no_more_than_the_alias_shows() {
    let world = world().await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let reader = key(&world, json!({ "shown": "read" })).await;
    let (status, made) =
        ask(&world, &reader, Method::POST, "/projects/p/workspaces", Some(json!({ "name": "w" }))).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/projects/p/workspaces/{}", made["id"].as_str().unwrap());
    let shown = ask(&world, &reader, Method::GET, &path, None).await.1;
    assert_eq!(shown["attached_tables"], json!([{ "schema": "shown", "table": "eu", "rows": null }]), "{shown}");
    let load = json!({ "tables": [
        { "source": "shown.eu", "destination": "mine", "where": "CAST(code AS BIGINT) > 0" },
        { "source": "shown.eu", "destination": "not", "where": "salary > ''" },
        { "source": "shown.eu", "destination": "neither", "columns": ["salary"] },
        { "source": "vault.people", "destination": "theirs" },
    ] });
    let (_, loaded) = ask(&world, &reader, Method::POST, &format!("{path}/load"), Some(load)).await;
    let rows: Vec<_> = loaded["loaded"].as_array().unwrap().iter().map(|one| one["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [2, 0, 0, 0], "{loaded}");
    let query = async |sql: &str| {
        let body = Some(json!({ "query": sql }));
        let (_, answer) = ask(&world, &reader, Method::POST, &format!("{path}/query"), body).await;
        let told = answer.to_string();
        assert!(!HIDDEN.iter().any(|hidden| told.contains(hidden)), "{sql}: {told}");
        answer
    };
    let all = query("SELECT * FROM shown.eu ORDER BY code").await;
    assert_eq!(all["data"]["rows"], json!([["10"], ["30"]]), "{all}");
    assert_eq!(
        query("SELECT count(*) FROM shown.eu WHERE CAST(code AS BIGINT) > 10").await["data"]["rows"],
        json!([[1]])
    );
    assert_eq!(query("SELECT * FROM mine ORDER BY code").await["data"]["rows"], json!([["10"], ["30"]]));
    for sql in ["SELECT * FROM vault.people", "SELECT salary FROM shown.eu", "FROM vault_people.main.data"] {
        assert_eq!(query(sql).await["status"], "error", "{sql}");
    }

    let mut session = login(&made).await;
    let rows = session.fetch_all("SELECT * FROM shown.eu ORDER BY code").await.unwrap();
    let values: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
    assert_eq!((values, rows[0].len()), (vec!["10".to_owned(), "30".to_owned()], 1));
    let counted = session.fetch_one("SELECT count(*) FROM shown.eu WHERE CAST(code AS BIGINT) > 10").await.unwrap();
    assert_eq!(counted.get::<i64, _>(0), 1);
    let columns = "SELECT table_schema || '.' || table_name || '.' || column_name FROM information_schema.columns \
                   WHERE table_schema IN ('shown', 'vault')";
    let columns = session.fetch_all(columns).await.unwrap();
    assert_eq!(columns.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>(), ["shown.eu.code"]);
    for sql in ["SELECT * FROM vault.people", "SELECT salary FROM shown.eu"] {
        assert_ne!(sql_code(session.fetch_all(sql).await.map(drop)), "none", "{sql}");
    }

    // Who reads both is shown both, at one moment and each as it is.
    let mut whole = login(&workspace(&world).await).await;
    let both = "SELECT (SELECT count(*) FROM shown.eu) || '/' || (SELECT count(*) FROM vault.people)";
    assert_eq!(whole.fetch_one(both).await.unwrap().get::<String, _>(0), "2/4");
}

#[tokio::test]
async fn a_branch_looks_through_an_alias_at_its_own_table() {
    let world = world().await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "dev" })).await["id"].as_str().unwrap().to_owned();
    let b = format!("/projects/p/branches/{branch}/buckets");
    assert_eq!(codes(&world.get(&format!("{b}/shown/tables/eu/preview")).await), ["10", "30"]);
    let one = Some(json!({ "where_clause": "id = 1" }));
    assert_eq!(admin(&world, Method::DELETE, &format!("{b}/vault/tables/people/rows"), one).await.0, 200);
    assert_eq!(codes(&world.get(&format!("{b}/shown/tables/eu/preview")).await), ["30"]);
    assert_eq!(codes(&world.get(&format!("{K}/shown/tables/eu/preview")).await), ["10", "30"]);
    assert_eq!(
        code(&admin(&world, Method::DELETE, &format!("{b}/vault/tables/people"), None).await),
        (409, "table_has_aliases")
    );

    // A branch's own alias is nobody else's; what it drops is gone for it alone.
    world.post(&format!("{b}/shown/table-aliases"), &json!({ "name": "own", "source": "vault.people" })).await;
    assert_eq!(world.get(&format!("{b}/shown/tables/own")).await["row_count"], 3);
    assert_eq!(admin(&world, Method::GET, &format!("{K}/shown/tables/own"), None).await.0, 404);
    assert_eq!(world.get(&format!("{b}/shown/tables")).await["total"], 2);
    assert_eq!(admin(&world, Method::DELETE, &format!("{b}/shown/tables/eu"), None).await.0, 204);
    assert_eq!(admin(&world, Method::GET, &format!("{b}/shown/tables/eu"), None).await.0, 404);
    assert_eq!(world.get(&format!("{b}/shown/tables")).await["total"], 1);
    assert_eq!(world.get(&format!("{K}/shown/tables")).await["total"], 1);
    let pull = format!("/projects/p/branches/{branch}/tables/shown/eu/pull");
    assert_eq!(world.post(&pull, &json!({})).await["was_local"], true);
    assert_eq!(codes(&world.get(&format!("{b}/shown/tables/eu/preview")).await), ["30"]);
    assert_eq!(admin(&world, Method::DELETE, &format!("/projects/p/branches/{branch}"), None).await.0, 204);
    assert_eq!(admin(&world, Method::DELETE, &format!("{K}/shown/tables/eu"), None).await.0, 204);
    assert_eq!(admin(&world, Method::DELETE, &format!("{K}/vault/tables/people"), None).await.0, 204);
    world.verify();
}

/// Who was let in to an alias of one table is not let in to the one that had its name before.
#[tokio::test]
async fn the_past_of_an_alias_is_that_of_its_source() {
    let world = world().await;
    let people = format!("{K}/vault/tables/people");
    let before = now(&world).await;
    assert_eq!(admin(&world, Method::DELETE, &people, None).await.0, 204);
    let columns = json!([{ "name": "code", "type": "VARCHAR" }, { "name": "region", "type": "VARCHAR" }]);
    world.post(&format!("{K}/vault/tables"), &json!({ "name": "people", "columns": columns })).await;
    world.post(&format!("{K}/shown/table-aliases"), &europe()).await;
    let reader = key(&world, json!({ "shown": "read" })).await;
    let answer = ask(&world, &reader, Method::GET, &format!("{K}/shown/tables/eu/preview?as_of={before}"), None).await;
    assert_eq!(code(&answer), (404, "table_not_found"));
    let query = json!({ "query": "SELECT * FROM shown.eu", "as_of": before });
    assert_eq!(ask(&world, &reader, Method::POST, "/projects/p/query", Some(query)).await.1["status"], "error");
    // Its own past is there, though the alias was not.
    let made = now(&world).await;
    let file = world.upload("p", "rows.csv", b"code,region\n7,eu\n8,us\n".to_vec()).await;
    world.post(&format!("{people}/import/file"), &json!({ "file_id": file })).await;
    let then = world.get(&format!("{K}/shown/tables/eu/preview?as_of={made}")).await;
    assert_eq!((codes(&then).len(), codes(&world.get(&format!("{K}/shown/tables/eu/preview")).await).len()), (0, 1));
    assert_eq!(world.get(&format!("{K}/shown/tables/eu?as_of={made}")).await["row_count"], 0);
}
