//! What clients of the surface see of reads, deletes, loads and exports, to the letter.

use alluvium_blackbox::{ADMIN, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";

/// A table `t` of five rows.
async fn world() -> World {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "INTEGER"), ("name", "VARCHAR")], &["id"]).await;
    let file = world.upload("p", "t.csv", b"id,name\n1,a\n2,\"b,c\"\n3,\n4,d\n5,e\n".to_vec()).await;
    let loaded = world.post(&format!("{TABLES}/t/import/file"), &json!({ "file_id": file })).await;
    assert_eq!(loaded["imported_rows"], 5);
    world
}

fn ids(preview: &Value) -> Vec<i64> {
    preview["rows"].as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("a number")).collect()
}

/// The address with a query, encoded.
fn with(path: &str, query: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://localhost").expect("an address");
    url.set_path(path);
    url.query_pairs_mut().extend_pairs(query);
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

#[tokio::test]
async fn previews_take_their_conditions_from_the_query_too() {
    let world = world().await;
    let preview = world.get(&format!("{TABLES}/t/preview")).await;
    let names: Vec<_> =
        preview["columns"].as_array().unwrap().iter().map(|c| (&c["name"], &c["ordinal_position"])).collect();
    assert_eq!(names, [(&json!("id"), &json!(1)), (&json!("name"), &json!(2))]);
    let filters = r#"[{"column":"id","operator":"gt","values":["1"]}]"#;
    let order = r#"[{"column":"id","order":"DESC"}]"#;
    let query = [("where_filters", filters), ("order_by", order), ("columns", "name,id"), ("limit", "3")];
    let preview = world.get(&with(&format!("{TABLES}/t/preview"), &query)).await;
    assert_eq!((ids(&preview), &preview["total_row_count"]), (vec![5, 4, 3], &json!(4)));
    assert_eq!(preview["columns"][0]["ordinal_position"], 2, "the place in the table");
    let preview = world.get(&with(&format!("{TABLES}/t/preview"), &[("where_clause", "name IS NULL")])).await;
    assert_eq!(ids(&preview), [3]);

    let both = [("where_clause", "TRUE"), ("where_filters", filters)];
    let (status, answer) = world.http(Method::GET, &with(&format!("{TABLES}/t/preview"), &both), None).await;
    assert_eq!((status, &answer["detail"]["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    for (name, value, kind) in [
        ("where_filters", "[", "json_invalid"),
        ("order_by", "[{}]", "value_error"),
        ("format", "xml", "literal_error"),
        ("limit", "0", "greater_than_equal"),
    ] {
        let (status, answer) =
            world.http(Method::GET, &with(&format!("{TABLES}/t/preview"), &[(name, value)]), None).await;
        let mistake = &answer["detail"][0];
        assert_eq!((status.as_u16(), mistake["type"].as_str()), (422, Some(kind)), "{name}: {answer}");
        assert!(mistake["loc"] == json!(["query", name]) && mistake["ctx"].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn previews_come_as_csv_when_asked() {
    let world = world().await;
    let url = format!("{}{TABLES}/t/preview?format=rfc&limit=3", world.alluvium.url());
    let response = reqwest::Client::new().get(url).bearer_auth(ADMIN).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(response.text().await.expect("text"), "id,name\n1,a\n2,\"b,c\"\n3,\n");
}

#[tokio::test]
async fn rows_go_by_filters_and_never_all_by_accident() {
    let world = world().await;
    let rows = format!("{TABLES}/t/rows");
    let filters = json!({ "where_filters": [{ "column": "ID", "operator": "ge", "values": ["4"] }] });
    let (status, answer) = world.http(Method::DELETE, &rows, Some(&filters)).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "deleted_rows": 2, "table_rows_after": 3 })));
    for (body, code) in [
        (json!({}), "truncate_not_confirmed"),
        (json!({ "where_filters": [] }), "truncate_not_confirmed"),
        (json!({ "allow_truncate": false }), "truncate_not_confirmed"),
        (json!({ "where_clause": "" }), "invalid_where_clause"),
        (json!({ "where_clause": "id = 1", "where_filters": filters["where_filters"] }), "invalid_request"),
        (json!({ "where_filters": [{ "column": "nope", "values": ["1"] }] }), "column_not_found"),
        (json!({ "where_filters": [{ "column": "id", "values": [] }] }), "invalid_where_filter"),
        (json!({ "where_filters": [{ "column": "id", "values": ["x'); DROP TABLE t; --"] }] }), "invalid_where_clause"),
    ] {
        let (status, answer) = world.http(Method::DELETE, &rows, Some(&body)).await;
        assert_eq!((status.as_u16(), answer["detail"]["error"].as_str()), (400, Some(code)), "{body}: {answer}");
    }
    let (status, _) = world.http(Method::DELETE, &rows, None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "no body at all");
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLES}/none/rows"), Some(&json!({}))).await;
    assert_eq!((status.as_u16(), answer["detail"]["error"].as_str()), (404, Some("table_not_found")));
    let (status, answer) = world.http(Method::DELETE, &rows, Some(&json!({ "allow_truncate": true }))).await;
    assert_eq!((status, &answer["deleted_rows"]), (StatusCode::OK, &json!(3)));
}

#[tokio::test]
async fn exports_say_first_what_is_missing_and_loads_name_their_version() {
    let world = world().await;
    for (path, body, status, code) in [
        ("none", json!({ "format": "xml" }), 404, "table_not_found"),
        ("t", json!({ "format": "xml" }), 400, "invalid_format"),
        ("t", json!({ "compression": "zip", "where_filter": "nope = 1" }), 400, "invalid_compression"),
        ("t", json!({ "where_filter": "nope = 1", "columns": ["nope"] }), 400, "invalid_where_clause"),
        ("t", json!({ "columns": ["nope"] }), 400, "column_not_found"),
        ("t", json!({ "columns": [] }), 400, "invalid_request"),
    ] {
        let (got, answer) = world.http(Method::POST, &format!("{TABLES}/{path}/export"), Some(&body)).await;
        assert_eq!((got.as_u16(), answer["detail"]["error"].as_str()), (status, Some(code)), "{body}: {answer}");
    }
    let body = json!({ "where_filters": [{ "column": "id", "values": ["1", "5"] }] });
    assert_eq!(world.post(&format!("{TABLES}/t/export"), &body).await["rows_exported"], 2);

    let file = world.upload("p", "more.csv", b"id,name\n6,f\n".to_vec()).await;
    let body = json!({ "file_id": file, "import_options": { "incremental": true } });
    let loaded = world.post(&format!("{TABLES}/t/import/file"), &body).await;
    let version = loaded["version"].as_str().expect("a version").to_owned();
    world.http(Method::DELETE, &format!("{TABLES}/t/rows"), Some(&json!({ "where_clause": "TRUE" }))).await;
    let then = world.get(&with(&format!("{TABLES}/t/preview"), &[("as_of", &version)])).await;
    assert_eq!(then["total_row_count"], 6);
}

#[tokio::test]
async fn profiles_show_a_table_in_figures_and_as_it_was() {
    let world = world().await;
    let profile = format!("{TABLES}/t/profile");
    let body = world.post(&profile, &Value::Null).await;
    assert_eq!((&body["table_name"], &body["bucket_name"]), (&json!("t"), &json!("b")));
    assert_eq!(
        (&body["row_count"], &body["column_count"], &body["correlations"]),
        (&json!(5), &json!(2), &Value::Null)
    );
    assert_eq!((&body["statistics"][0]["q50"], &body["statistics"][1]["max_length"]), (&json!(3.0), &json!(3)));
    assert_eq!(body["quality_issues"][0]["type"], "pk_candidate");
    let full = world.post(&format!("{profile}?mode=full"), &Value::Null).await;
    assert_eq!((&full["statistics"][0]["histogram"]["5"], &full["correlations"]), (&json!(1), &json!([])));

    let (status, answer) = world.http(Method::POST, &format!("{profile}?mode=deep"), None).await;
    assert_eq!((status.as_u16(), &answer["detail"][0]["type"]), (422, &json!("literal_error")));
    let (status, answer) = world.http(Method::POST, &format!("{TABLES}/none/profile"), None).await;
    assert_eq!((status.as_u16(), answer["detail"]["error"].as_str()), (404, Some("table_not_found")));

    let file = world.upload("p", "more.csv", b"id,name\n6,f\n".to_vec()).await;
    let loaded = world.post(&format!("{TABLES}/t/import/file"), &json!({ "file_id": file })).await;
    let (status, _) =
        world.http(Method::DELETE, &format!("{TABLES}/t/rows"), Some(&json!({ "where_clause": "TRUE" }))).await;
    assert_eq!(status, StatusCode::OK);
    let version = loaded["version"].as_str().expect("a version");
    assert_eq!(world.post(&with(&profile, &[("as_of", version)]), &Value::Null).await["row_count"], 1);
    assert_eq!(world.post(&profile, &Value::Null).await["row_count"], 0);
}
