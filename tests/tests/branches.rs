//! Dev branches: names with keys of their own that show the main line, until they are written to; and through which nothing of it,
//! nor of another branch, changes.

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
        "created_by": keys["api_keys"][0]["id"], "mode": "live", "table_count": 0, "size_bytes": 0,
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

    // What belongs to the whole project is not for a branch.
    let gone = ask(&world, ADMIN, Method::DELETE, &format!("/projects/p/branches/{dev}/buckets/b"), None).await;
    assert_eq!(code(&gone), (400, "operation_not_allowed"));
    for (method, path) in [
        (Method::DELETE, "/buckets/b/tables/orders"),
        (Method::DELETE, "/buckets/b/tables/orders/columns/city"),
        (Method::DELETE, "/buckets/b/tables/orders/primary-key"),
        (Method::POST, "/tables/b/orders/pull"),
    ] {
        let nowhere = ask(&world, ADMIN, method, &format!("/projects/p/branches/0badf00d{path}"), None).await;
        assert_eq!(code(&nowhere), (404, "branch_not_found"), "{path}");
    }
    let plain = ask(&world, ADMIN, Method::POST, "/projects/p/branches/default/tables/b/orders/pull", None).await;
    assert_eq!(code(&plain), (404, "branch_not_found"));

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

/// The rows of a table as a branch shows them, as an export writes them, in order.
async fn exported(world: &World, below: &str, table: &str) -> Vec<String> {
    let export = format!("{below}/buckets/b/tables/{table}/export");
    let file = world.post(&export, &json!({"format": "csv"})).await["file_id"].as_str().unwrap().to_owned();
    let url = format!("{}/projects/p/files/{file}/download", world.alluvium.url());
    let answer = reqwest::Client::new().get(url).bearer_auth(ADMIN).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let mut lines: Vec<String> = answer.text().await.unwrap().lines().map(ToOwned::to_owned).collect();
    lines[1..].sort_unstable();
    lines
}

/// Everything that a branch shows, to the byte: tables with their rows, columns, keys and sizes, and snapshots.
async fn image(world: &World, branch: &str) -> Vec<Value> {
    let below = format!("/projects/p/branches/{branch}");
    let tables = world.get(&format!("{below}/buckets/b/tables")).await;
    let mut found = vec![world.get("/projects/p/stats").await, world.get(&format!("{below}/snapshots")).await];
    for table in tables["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        found.push(json!(exported(world, &below, name).await));
        found.push(world.get(&format!("{below}/buckets/b/tables/{name}")).await);
        found.push(world.get(&format!("{below}/buckets/b/tables/{name}/schema")).await);
        found.push(world.post(&format!("{below}/buckets/b/tables/{name}/profile"), &json!({})).await);
    }
    found.push(tables);
    found
}

/// An image without the sizes of files.
fn sizeless(image: &[Value]) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("size_bytes");
                fields.values_mut().for_each(strip);
            }
            Value::Array(entries) => entries.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut image = image.to_vec();
    image.iter_mut().for_each(strip);
    image
}

/// What one branch shows of `b.orders`.
async fn orders(world: &World, branch: &str) -> Vec<String> {
    exported(world, &format!("/projects/p/branches/{branch}"), "orders").await
}

/// Two branches of a project with `b.orders` (keyed, two rows), `b.plain` (one row) and a snapshot of the first.
async fn branched() -> (World, String, String) {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "orders", &[("id", "BIGINT"), ("city", "VARCHAR")], &["id"]).await;
    world.table("p", "plain", &[("n", "BIGINT")], &[]).await;
    load(&world, "id,city\n1,Oslo\n2,Rome\n").await;
    let file = world.upload("p", "plain.csv", b"n\n7\n".to_vec()).await;
    world.post("/projects/p/buckets/b/tables/plain/import/file", &json!({"file_id": file})).await;
    world.post("/projects/p/snapshots", &json!({"bucket": "b", "table": "orders"})).await;
    let (dev, other) = (branch(&world, "p", "dev").await, branch(&world, "p", "other").await);
    (world, dev, other)
}

#[tokio::test]
async fn nothing_done_through_a_branch_shows_on_the_main_line_or_another_branch() {
    let (world, dev, other) = branched().await;
    let below = format!("/projects/p/branches/{dev}");
    // A snapshot of what the branch only shows is noted with the main line's table: its file may take some bytes more.
    let sized = image(&world, "default").await;
    let taken = json!({"bucket": "b", "table": "orders"});
    let (status, answer) = ask(&world, ADMIN, Method::POST, &format!("{below}/snapshots"), Some(taken.clone())).await;
    assert_eq!(status, 201, "{answer}");
    let (main, beside) = (image(&world, "default").await, image(&world, &other).await);
    assert_eq!(sizeless(&main), sizeless(&sized));

    let file = world.upload("p", "orders.csv", b"id,city\n2,Bari\n3,Bonn\n".to_vec()).await;
    let table = "/buckets/b/tables/orders";
    let import = json!({"file_id": file, "import_options": {"incremental": true}});
    let column = json!({"name": "note", "type": "VARCHAR"});
    let new = json!({"name": "new", "columns": [{"name": "n", "type": "BIGINT"}]});
    // The first write is another one in each of the tables' turns.
    let steps: Vec<(Method, String, Option<Value>, u16)> = vec![
        (Method::POST, format!("{table}/import/file"), Some(import.clone()), 200),
        (Method::POST, format!("{table}/columns"), Some(column.clone()), 201),
        (Method::PUT, format!("{table}/columns/city"), Some(json!({"new_name": "town"})), 200),
        (Method::DELETE, format!("{table}/columns/note"), None, 200),
        (Method::DELETE, format!("{table}/rows"), Some(json!({"where_clause": "id = 1"})), 200),
        (Method::DELETE, format!("{table}/primary-key"), None, 200),
        (Method::POST, format!("{table}/primary-key"), Some(json!({"columns": ["town"]})), 201),
        (Method::POST, "/snapshots".into(), Some(taken), 201),
        (Method::POST, "/buckets/b/tables".into(), Some(new.clone()), 201),
        (Method::POST, "/buckets/b/tables/new/columns".into(), Some(column.clone()), 201),
        (Method::DELETE, table.into(), None, 204),
        (Method::POST, "/buckets/b/tables".into(), Some(json!({"name": "orders", "columns": [column]})), 201),
        (Method::DELETE, table.into(), None, 204),
        (Method::POST, "/tables/b/orders/pull".into(), None, 200),
        (Method::DELETE, format!("{table}/primary-key"), None, 200),
        (Method::POST, "/tables/b/orders/pull".into(), None, 200),
        (Method::DELETE, format!("{table}/rows"), Some(json!({"where_clause": "TRUE"})), 200),
        (Method::DELETE, "/buckets/b/tables/plain/rows".into(), Some(json!({"where_clause": "TRUE"})), 200),
        (Method::DELETE, "/buckets/b/tables/new".into(), None, 204),
    ];
    for (method, path, body, expected) in steps {
        let (status, answer) = ask(&world, ADMIN, method.clone(), &format!("{below}{path}"), body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        assert_eq!(image(&world, "default").await, main, "the main line after {method} {path}");
        assert_eq!(image(&world, &other).await, beside, "the other branch after {method} {path}");
    }
    assert_eq!(orders(&world, &dev).await, ["id,city"]);

    // The snapshots that the branch asked for bring back what it had; the main line's are not its own.
    let snapshots = world.get(&format!("{below}/snapshots?type=manual")).await;
    assert_eq!(snapshots["total"], 2, "{snapshots}");
    for (n, rows) in [(0, 2), (1, 2)] {
        let id = snapshots["snapshots"][n]["id"].as_str().unwrap();
        let restored = world.post(&format!("{below}/snapshots/{id}/restore"), &json!({})).await;
        assert_eq!(restored["row_count"], rows, "{restored}");
        assert_eq!(image(&world, "default").await, main);
    }
    assert_eq!(orders(&world, &dev).await, ["id,city", "1,Oslo", "2,Rome"]);
    let id = world.get("/projects/p/snapshots").await["snapshots"][0]["id"].as_str().unwrap().to_owned();
    let answer = ask(&world, ADMIN, Method::POST, &format!("{below}/snapshots/{id}/restore"), Some(json!({}))).await;
    assert_eq!(code(&answer), (404, "snapshot_not_found"));
    world.verify();

    assert_eq!(ask(&world, ADMIN, Method::DELETE, &below, None).await.0, 204);
    assert_eq!(image(&world, "default").await, main);
    assert_eq!(image(&world, &other).await, beside);
    world.verify();
}

#[tokio::test]
async fn the_first_write_takes_the_main_lines_table_as_it_is_then() {
    let (world, dev, _) = branched().await;
    let below = format!("/projects/p/branches/{dev}");
    let table = format!("{below}/buckets/b/tables/orders");
    // What is refused before anything is tried makes no copy; what the rows refuse makes one of what the branch showed anyway.
    let (status, _) = ask(&world, ADMIN, Method::DELETE, &format!("{table}/columns/none"), None).await;
    assert_eq!(status, 404);
    assert_eq!(world.get(&table).await["source"], "main");
    load(&world, "id,city\n3,Bonn\n").await;
    let column = json!({"name": "note", "type": "VARCHAR", "default": "'x'"});
    let added = world.post(&format!("{table}/columns"), &column).await;
    assert_eq!(world.get(&table).await["source"], "branch", "{added}");
    let copied = ["id,city,note", "1,Oslo,x", "2,Rome,x", "3,Bonn,x"];
    assert_eq!(orders(&world, &dev).await, copied);

    // From here on both go their own ways.
    load(&world, "id,city\n4,Graz\n").await;
    world.post("/projects/p/buckets/b/tables/orders/columns", &json!({"name": "late", "type": "DATE"})).await;
    assert_eq!(orders(&world, &dev).await, copied);
    assert_eq!(orders(&world, "default").await.len(), 5);
    let shown = world.get(&below).await;
    assert_eq!((&shown["table_count"], &shown["copied_tables"][0]["table_name"]), (&json!(1), &json!("orders")));
    assert!(shown["size_bytes"].as_u64() > Some(0) && shown["copied_tables"][0]["copied_at"].is_string(), "{shown}");
    let file = world.upload("p", "bad.csv", b"n\nx\n".to_vec()).await;
    let import = format!("{below}/buckets/b/tables/plain/import/file");
    assert_eq!(ask(&world, ADMIN, Method::POST, &import, Some(json!({"file_id": file}))).await.0, 400);
    assert_eq!(exported(&world, &below, "plain").await, ["n", "7"]);

    // The main line's drop leaves the copy alone and takes what the branch only showed.
    world.table("p", "shown", &[("n", "BIGINT")], &[]).await;
    assert_eq!(world.get(&format!("{below}/buckets/b/tables")).await["total"], 3);
    for gone in ["orders", "shown"] {
        let path = format!("/projects/p/buckets/b/tables/{gone}");
        assert_eq!(ask(&world, ADMIN, Method::DELETE, &path, None).await.0, 204);
    }
    assert_eq!(orders(&world, &dev).await, copied);
    let listed = world.get(&format!("{below}/buckets/b/tables")).await;
    assert_eq!((&listed["total"], &listed["tables"][0]["source"]), (&json!(2), &json!("branch")), "{listed}");
    let pull = ask(&world, ADMIN, Method::POST, &format!("{below}/tables/b/orders/pull"), None).await;
    assert_eq!(code(&pull), (404, "table_not_found"));
    world.verify();
}

#[tokio::test]
async fn deleted_and_copied_tables_are_pulled_back() {
    let (world, dev, other) = branched().await;
    let below = format!("/projects/p/branches/{dev}");
    let table = format!("{below}/buckets/b/tables/orders");
    let pull = async || world.post(&format!("{below}/tables/b/orders/pull"), &Value::Null).await;
    let answer = pull().await;
    assert_eq!((&answer["was_local"], &answer["table_name"]), (&json!(false), &json!("orders")), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("already reading from main"), "{answer}");

    let before = world.query("p", "SELECT count(*) AS n FROM b.orders").await;
    for local in ["copied", "deleted"] {
        let path = if local == "copied" { format!("{table}/primary-key") } else { table.clone() };
        assert!(matches!(ask(&world, ADMIN, Method::DELETE, &path, None).await.0, 200 | 204));
        let shown = world.get(&below).await;
        assert_eq!(shown[format!("{local}_tables")][0]["table_name"], "orders", "{shown}");
        if local == "deleted" {
            assert_eq!(code(&ask(&world, ADMIN, Method::GET, &table, None).await), (404, "table_not_found"));
            assert_eq!(world.get(&format!("{below}/buckets/b/tables")).await["total"], 1);
            assert_eq!(world.get(&format!("/projects/p/branches/{other}/buckets/b/tables")).await["total"], 2);
        }
        let answer = pull().await;
        assert!(answer["message"].as_str().unwrap().contains("now reads from main"), "{answer}");
        assert_eq!((&answer["was_local"], &world.get(&table).await["source"]), (&json!(true), &json!("main")));
        let shown = world.get(&below).await;
        assert_eq!((&shown["copied_tables"], &shown["deleted_tables"]), (&json!([]), &json!([])));
    }
    load(&world, "id,city\n9,Lyon\n").await;
    assert_eq!(orders(&world, &dev).await.len(), 4, "{before}");
    world.verify();
}

/// How often the binary is killed while branches get tables of their own.
const KILLS: u64 = 6;

#[tokio::test]
async fn kills_while_a_branch_gets_its_table_leave_it_whole() {
    let (mut world, _, _) = branched().await;
    let rows: String = (10..20_010).map(|n| format!("{n},c{n}\n")).collect();
    load(&world, &format!("id,city\n{rows}")).await;
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let mut branches = Vec::new();
    for n in 0..KILLS {
        let dev = branch(&world, "p", &format!("b{n}")).await;
        let add = json!({
            "project": "p", "branch": dev, "bucket": "b", "table": "orders",
            "column": {"name": "note", "type": "VARCHAR"}, "backfill": false,
        });
        let id = uuid::Uuid::new_v4().to_string();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.as_str());
        let subject = "cmd.default.storage.AddColumn";
        jetstream.publish_with_headers(subject, headers, add.to_string().into()).await.unwrap().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(n * 40)).await;
        world.alluvium.kill();
        world.alluvium.restart().await;
        branches.push(dev);
    }
    for dev in branches {
        let table = format!("/projects/p/branches/{dev}/buckets/b/tables/orders");
        world
            .eventually("the branch has its own table", async || {
                let (status, shown) = ask(&world, ADMIN, Method::GET, &table, None).await;
                status == 200 && shown["columns"].as_array().is_some_and(|columns| columns.len() == 3)
            })
            .await;
        let shown = world.get(&table).await;
        assert_eq!((&shown["source"], &shown["row_count"]), (&json!("branch"), &json!(20_002)), "{shown}");
    }
    assert_eq!(world.get("/projects/p/buckets/b/tables/orders").await["columns"].as_array().unwrap().len(), 2);
    world.verify();
}

#[tokio::test]
async fn a_branch_is_compared_and_merged_table_by_table() {
    let (world, dev, _) = branched().await;
    let below = format!("/projects/p/branches/{dev}");
    assert_eq!(world.get(&format!("{below}/diff")).await, json!({"branch_id": dev, "tables": []}));
    let file = world.upload("p", "orders.csv", b"id,city\n2,Bari\n3,Bonn\n".to_vec()).await;
    let import = json!({"file_id": file, "import_options": {"incremental": true}});
    world.post(&format!("{below}/buckets/b/tables/orders/import/file"), &import).await;
    let rows = json!({"where_clause": "id = 1"});
    let (status, _) =
        ask(&world, ADMIN, Method::DELETE, &format!("{below}/buckets/b/tables/orders/rows"), Some(rows)).await;
    assert_eq!(status, 200);
    world.post(&format!("{below}/buckets/b/tables/orders/columns"), &json!({"name": "note", "type": "VARCHAR"})).await;
    let new = json!({"name": "new", "columns": [{"name": "n", "type": "BIGINT"}]});
    world.post(&format!("{below}/buckets/b/tables"), &new).await;
    let plain = format!("{below}/buckets/b/tables/plain");
    assert_eq!(ask(&world, ADMIN, Method::DELETE, &plain, None).await.0, 204);
    let diff = world.get(&format!("{below}/diff")).await;
    let expected = json!({
        "bucket_name": "b", "table_name": "orders", "state": "copied", "main_changed": false, "rows_added": 1,
        "rows_changed": 1, "rows_removed": 1, "columns_added": ["note"], "columns_changed": [], "columns_removed": [],
        "primary_key_changed": false,
    });
    assert_eq!(diff["tables"][1], expected, "{diff}");
    let states: Vec<&Value> = diff["tables"].as_array().unwrap().iter().map(|table| &table["state"]).collect();
    assert_eq!(states, ["created", "copied", "deleted"]);

    // A snapshot changes nothing, a load does.
    world.post("/projects/p/snapshots", &json!({"bucket": "b", "table": "orders"})).await;
    assert_eq!(world.get(&format!("{below}/diff")).await["tables"][1]["main_changed"], false);
    load(&world, "id,city\n9,Lyon\n").await;
    assert_eq!(world.get(&format!("{below}/diff")).await["tables"][1]["main_changed"], true);
    let merge = format!("{below}/merge");
    let before = orders(&world, "default").await;
    let refused = ask(&world, ADMIN, Method::POST, &merge, Some(json!({}))).await;
    assert_eq!(code(&refused), (409, "merge_conflict"), "{refused:?}");
    assert_eq!(refused.1["detail"]["details"]["tables"][0]["table_name"], "orders", "{refused:?}");
    // By command too, whatever was looked at before.
    let command = json!({"project": "p", "branch": dev, "bucket": "b", "table": "orders"});
    let answer = ask(&world, ADMIN, Method::POST, "/commands/storage/MergeTable", Some(command)).await;
    assert!(answer.1.to_string().contains("merge_conflict"), "{answer:?}");
    let odd = ask(&world, ADMIN, Method::POST, &merge, Some(json!({"strategy": "ours"}))).await;
    assert_eq!(code(&odd), (400, "invalid_request"));
    let none = json!({"tables": [{"bucket_name": "b", "table_name": "plain"}]});
    assert_eq!(code(&ask(&world, ADMIN, Method::POST, &merge, Some(none)).await), (404, "table_not_found"));

    let kept = world.post(&merge, &json!({"strategy": "main"})).await;
    let result = |answer: &Value| -> Vec<String> {
        let tables = answer["tables"].as_array().unwrap().iter();
        tables.map(|table| format!("{} {}", table["table_name"], table["result"]).replace('"', "")).collect()
    };
    assert_eq!(result(&kept), ["new merged", "orders conflict"]);
    assert_eq!(orders(&world, "default").await, before);
    assert_eq!(world.get("/projects/p/buckets/b/tables/new").await["source"], "main");
    let merged = world.post(&merge, &json!({"strategy": "branch"})).await;
    assert_eq!(result(&merged), ["orders merged"]);
    let after = ["id,city,note", "2,Bari,", "3,Bonn,"];
    assert_eq!(orders(&world, "default").await, after);
    assert_eq!(world.get("/projects/p/buckets/b/tables/orders").await["columns"].as_array().unwrap().len(), 3);
    assert_eq!(orders(&world, &dev).await, after);
    let shown = world.get(&below).await;
    assert_eq!((&shown["copied_tables"], &shown["table_count"]), (&json!([]), &json!(0)), "{shown}");

    // What nobody else has touched is merged as it is.
    let gone = json!({"where_clause": "id = 2"});
    let (status, _) =
        ask(&world, ADMIN, Method::DELETE, &format!("{below}/buckets/b/tables/orders/rows"), Some(gone)).await;
    assert_eq!((status, orders(&world, "default").await.len()), (200, 3));
    assert_eq!(result(&world.post(&merge, &json!({})).await), ["orders merged"]);
    assert_eq!(orders(&world, "default").await, ["id,city,note", "3,Bonn,"]);
    world.verify();
}

/// How often a table goes through a branch and back.
const ROUND_TRIPS: usize = 12;

#[tokio::test]
async fn a_table_that_was_merged_many_times_is_folded_again_in_no_time() {
    let (world, _, _) = branched().await;
    for n in 0..ROUND_TRIPS {
        let dev = branch(&world, "p", &format!("trip{n}")).await;
        let below = format!("/projects/p/branches/{dev}");
        let file = world.upload("p", "orders.csv", format!("id,city\n{},c{n}\n", 100 + n).into_bytes()).await;
        let import = json!({"file_id": file, "import_options": {"incremental": true}});
        world.post(&format!("{below}/buckets/b/tables/orders/import/file"), &import).await;
        assert_eq!(world.post(&format!("{below}/merge"), &json!({})).await["tables"][0]["result"], "merged");
    }
    let rows = orders(&world, "default").await;
    assert_eq!(rows.len(), 3 + ROUND_TRIPS, "{rows:?}");
    // Each merge rests on a branch that rests on the merge before: not on every way through all of them.
    let snapshot = world.post("/projects/p/snapshots", &json!({"bucket": "b", "table": "orders"})).await;
    let restore = format!("/projects/p/snapshots/{}/restore", snapshot["id"].as_str().unwrap());
    let restored = world.post(&restore, &json!({"target_table": "again"})).await;
    assert_eq!(restored["row_count"], 2 + ROUND_TRIPS, "{restored}");
    world.verify();
}
