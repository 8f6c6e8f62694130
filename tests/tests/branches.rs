//! Dev branches: names with keys of their own that show the main line, and through which nothing of it changes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A request with a key; status and body.
async fn ask(world: &World, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

async fn branch(world: &World, project: &str, name: &str) -> String {
    let made = world.post(&format!("/projects/{project}/branches"), &json!({"name": name})).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn key(world: &World, project: &str, scope: &str, branch: &str) -> Value {
    let body = json!({"description": "d", "scope": scope, "branch_id": branch});
    world.post(&format!("/projects/{project}/api-keys"), &body).await
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn branches_are_made_listed_shown_and_deleted() {
    let world = World::start().await;
    let (_, project) = world.http(Method::POST, "/projects", Some(&json!({"id": "p"}))).await;
    let own = project["api_key"].as_str().unwrap().to_owned();
    let path = "/projects/p/branches";
    assert_eq!(
        ask(&world, &own, Method::GET, path, None).await,
        (200, json!({"branches": [], "count": 0, "total": 0}))
    );

    let body = json!({"name": "feature/x 1", "description": "why"});
    let (status, made) = ask(&world, &own, Method::POST, path, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    assert!(id.len() == 8 && id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    let (_, keys) = ask(&world, &own, Method::GET, "/projects/p/api-keys", None).await;
    let expected = json!({
        "id": id, "project_id": "p", "name": "feature/x 1", "description": "why", "created_at": made["created_at"],
        "created_by": keys["api_keys"][0]["id"], "table_count": 0, "size_bytes": 0,
    });
    assert_eq!(made, expected);

    let second = branch(&world, "p", "second").await;
    let listed = world.get(path).await;
    assert_eq!((&listed["count"], &listed["branches"][0]["id"]), (&json!(2), &json!(second)), "{listed}");
    assert_eq!(listed["branches"][1], made);
    let page = world.get(&format!("{path}?limit=1&offset=1")).await;
    assert_eq!((&page["count"], &page["total"], &page["branches"][0]["id"]), (&json!(1), &json!(2), &json!(id)));
    let mut shown = world.get(&format!("{path}/{id}")).await;
    let fields = shown.as_object_mut().unwrap();
    assert_eq!((fields.remove("copied_tables"), fields.remove("deleted_tables")), (Some(json!([])), Some(json!([]))));
    assert_eq!(shown, made);

    let refused = async |method: Method, path: &str, body: Option<Value>| {
        let answer = ask(&world, ADMIN, method, path, body).await;
        (answer.0, code(&answer).1.to_owned())
    };
    let twice = refused(Method::POST, path, Some(json!({"name": "SECOND"}))).await;
    assert_eq!(twice, (409, "branch_name_exists".into()));
    assert_eq!(refused(Method::POST, path, Some(json!({"name": "a\nb"}))).await, (400, "invalid_name".into()));
    assert_eq!(refused(Method::POST, path, Some(json!({}))).await.0, 422);
    let nowhere = refused(Method::POST, "/projects/none/branches", Some(json!({"name": "x"}))).await;
    assert_eq!(nowhere, (404, "project_not_found".into()));
    for none in ["default", "0badf00d", "a%2fb"] {
        for method in [Method::GET, Method::DELETE] {
            let answer = refused(method, &format!("{path}/{none}"), None).await;
            assert_eq!(answer, (404, "branch_not_found".into()), "{none}");
        }
    }

    assert_eq!(ask(&world, &own, Method::DELETE, &format!("{path}/{second}"), None).await, (204, Value::Null));
    assert_eq!(refused(Method::GET, &format!("{path}/{second}"), None).await, (404, "branch_not_found".into()));
    assert_eq!(world.get(path).await["count"], 1);
    branch(&world, "p", "second").await;
    world.verify();

    // A project of the same id is another one.
    assert_eq!(ask(&world, &own, Method::DELETE, "/projects/p", None).await.0, 204);
    world.post("/projects", &json!({"id": "p"})).await;
    assert_eq!(world.get(path).await["count"], 0);
    assert_eq!(refused(Method::GET, &format!("{path}/{id}"), None).await, (404, "branch_not_found".into()));
    world.verify();
}

/// Loads rows into `b.orders` of the main line.
async fn load(world: &World, csv: &str) {
    let file = world.upload("p", "orders.csv", csv.as_bytes().to_vec()).await;
    let body = json!({"file_id": file, "import_options": {"incremental": true}});
    world.post("/projects/p/buckets/b/tables/orders/import/file", &body).await;
}

/// All that can be read of the project through a branch.
async fn seen(world: &World, branch: &str) -> Vec<Value> {
    let below = format!("/projects/p/branches/{branch}");
    let paths = [
        "/buckets",
        "/buckets/b",
        "/buckets/b/tables",
        "/buckets/b/tables/orders",
        "/buckets/b/tables/orders/preview",
        "/buckets/b/tables/orders/schema",
    ];
    let mut found = Vec::new();
    for path in paths {
        found.push(world.get(&format!("{below}{path}")).await);
    }
    found.push(world.post(&format!("{below}/buckets/b/tables/orders/preview"), &json!({"limit": 1})).await);
    found
}

#[tokio::test]
async fn a_branch_shows_the_main_line_as_it_is_and_changes_nothing_of_it() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "orders", &[("id", "BIGINT"), ("city", "VARCHAR")], &["id"]).await;
    let dev = branch(&world, "p", "dev").await;
    load(&world, "id,city\n1,Oslo\n").await;
    assert_eq!(seen(&world, &dev).await, seen(&world, "default").await);
    assert_eq!(world.get(&format!("/projects/p/branches/{dev}/buckets/b/tables/orders")).await["source"], "main");
    // What comes later shows as well.
    load(&world, "id,city\n2,Rome\n").await;
    let rows = &world.get(&format!("/projects/p/branches/{dev}/buckets/b/tables/orders/preview")).await["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    let export = format!("/projects/p/branches/{dev}/buckets/b/tables/orders/export");
    assert_eq!(world.post(&export, &json!({"format": "csv"})).await["rows_exported"], 2);

    let before = (seen(&world, "default").await, world.get("/projects/p/stats").await);
    let file = world.upload("p", "orders.csv", b"id,city\n3,Bonn\n".to_vec()).await;
    let column = json!({"name": "note", "type": "VARCHAR"});
    let table = "/buckets/b/tables/orders";
    let writes = [
        (Method::POST, "/buckets/b/tables".to_owned(), Some(json!({"name": "new", "columns": [column]}))),
        (Method::DELETE, table.to_owned(), None),
        (Method::POST, format!("{table}/columns"), Some(column.clone())),
        (Method::PUT, format!("{table}/columns/city"), Some(json!({"new_name": "town"}))),
        (Method::DELETE, format!("{table}/columns/city"), None),
        (Method::POST, format!("{table}/primary-key"), Some(json!({"columns": ["city"]}))),
        (Method::DELETE, format!("{table}/primary-key"), None),
        (Method::DELETE, format!("{table}/rows"), Some(json!({"where_clause": "TRUE"}))),
        (Method::POST, format!("{table}/import/file"), Some(json!({"file_id": file}))),
        (Method::DELETE, "/buckets/b".to_owned(), None),
    ];
    for (method, path, body) in writes {
        let there = format!("/projects/p/branches/{dev}{path}");
        let answer = ask(&world, ADMIN, method.clone(), &there, body.clone()).await;
        assert_eq!(code(&answer), (400, "operation_not_allowed"), "{method} {path}: {answer:?}");
        let nowhere = ask(&world, ADMIN, method.clone(), &format!("/projects/p/branches/0badf00d{path}"), body).await;
        assert_eq!(code(&nowhere), (404, "branch_not_found"), "{method} {path}");
    }
    assert_eq!((seen(&world, "default").await, world.get("/projects/p/stats").await), before);

    // Buckets are the project's, whichever branch they come through.
    world.post(&format!("/projects/p/branches/{dev}/buckets"), &json!({"name": "shared"})).await;
    assert_eq!(world.get("/projects/p/buckets").await["total"], 2);
}

#[tokio::test]
async fn a_branchs_keys_open_it_alone_and_die_with_it() {
    let world = World::start().await;
    world.project("p").await;
    let (dev, other) = (branch(&world, "p", "dev").await, branch(&world, "p", "other").await);
    let (made, reader) = (key(&world, "p", "branch_admin", &dev).await, key(&world, "p", "branch_read", &other).await);
    let prefix = format!("proj_p_branch_{dev}_admin_");
    let secret = made["api_key"].as_str().unwrap();
    assert!(secret.starts_with(&prefix), "{secret}");
    assert_eq!((&made["key_prefix"], &made["branch_id"]), (&json!(format!("{prefix}...")), &json!(dev)));

    let buckets = |branch: &str| format!("/projects/p/branches/{branch}/buckets");
    assert_eq!(ask(&world, secret, Method::GET, &buckets(&dev), None).await.0, 200);
    assert_eq!(ask(&world, secret, Method::GET, "/projects/p", None).await.0, 200);
    for denied in [other.as_str(), "default", "0badf00d"] {
        let (status, answer) = ask(&world, secret, Method::GET, &buckets(denied), None).await;
        assert_eq!((status, &answer["detail"]["message"]), (403, &json!(format!("Access denied to branch {denied}"))));
    }
    let (status, answer) = ask(&world, secret, Method::POST, &buckets(&dev), Some(json!({"name": "x"}))).await;
    assert_eq!((status, &answer["detail"]["message"]), (403, &json!("Access denied to project p")));
    for none in ["0badf00d", "default"] {
        let body = json!({"description": "d", "scope": "branch_read", "branch_id": none});
        let answer = ask(&world, ADMIN, Method::POST, "/projects/p/api-keys", Some(body)).await;
        assert_eq!(code(&answer), (404, "branch_not_found"), "{none}");
    }

    // Over HTTP the keys are dead with the answer; by a command, within moments.
    let gone = ask(&world, ADMIN, Method::DELETE, &format!("/projects/p/branches/{dev}"), None).await;
    assert_eq!(gone.0, 204);
    let dead = ask(&world, secret, Method::GET, "/projects/p", None).await;
    assert_eq!((dead.0, &dead.1["detail"]["message"]), (403, &json!("Access denied to project p")));
    let shown = format!("/projects/p/api-keys/{}", made["id"].as_str().unwrap());
    world.eventually("the key is shown as dead", async || world.get(&shown).await["is_revoked"] == true).await;
    let secret = reader["api_key"].as_str().unwrap();
    assert_eq!(ask(&world, secret, Method::GET, "/projects/p", None).await.0, 200);
    world.command("storage", "DeleteBranch", &json!({"project": "p", "branch": other})).await;
    world
        .eventually("the keys of the branch are dead", async || {
            ask(&world, secret, Method::GET, "/projects/p", None).await.0 == 403
        })
        .await;
    world.verify();
}
