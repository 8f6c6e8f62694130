//! Keys of chosen buckets: what they read, change and see, whichever way they ask.

use alluvium_blackbox::{ADMIN, World};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const BUCKETS: &str = "/projects/p/branches/default/buckets";

async fn ask(world: &World, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

/// A key of chosen buckets: its id and the key.
async fn key(world: &World, may: &Value) -> (String, String) {
    let mut body = json!({ "description": "d", "scope": "custom" });
    body.as_object_mut().expect("a body").extend(may.as_object().expect("permissions").clone());
    let made = world.post("/projects/p/api-keys", &body).await;
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    assert!(text("api_key").starts_with("proj_p_token_") && made["key_prefix"] == "proj_p_token_...");
    (text("id"), text("api_key"))
}

/// A project with a table `t` of one row in each of three buckets.
async fn three_buckets() -> World {
    let world = World::start().await;
    world.project("p").await;
    for bucket in ["in_c_a", "in_c_b", "in_c_secret"] {
        world.post(BUCKETS, &json!({ "name": bucket })).await;
        let columns = json!([{ "name": "id", "type": "BIGINT" }]);
        world.post(&format!("{BUCKETS}/{bucket}/tables"), &json!({ "name": "t", "columns": columns })).await;
        let file = world.upload("p", "rows.csv", b"id\n1\n".to_vec()).await;
        let load = json!({ "file_id": file, "format": "csv" });
        world.post(&format!("{BUCKETS}/{bucket}/tables/t/import/file"), &load).await;
    }
    world
}

fn names(list: &Value, of: &str) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|one| one[of].as_str().expect("a name").to_owned()).collect()
}

fn no_bucket(bucket: &str) -> Value {
    json!({ "detail": { "error": "bucket_not_found", "message": format!("Bucket {bucket} not found") } })
}

fn forbidden(what: &str) -> Value {
    json!({ "detail": { "error": "forbidden", "message": format!("Access denied to {what}") } })
}

#[tokio::test]
async fn a_key_reads_and_changes_its_buckets_and_no_other_is_there_for_it() {
    let world = three_buckets().await;
    let may = json!({ "bucket_permissions": { "in.c-a": "read", "in_c_b": "write" } });
    let (_, own) = key(&world, &may).await;

    let (status, listed) = ask(&world, &own, Method::GET, BUCKETS, None).await;
    assert_eq!(
        (status, names(&listed["buckets"], "name"), &listed["total"]),
        (200, vec!["in_c_a".into(), "in_c_b".into()], &json!(2))
    );
    let then = format!("{BUCKETS}?as_of={}", chrono_now());
    let (status, listed) = ask(&world, &own, Method::GET, &then, None).await;
    assert_eq!((status, names(&listed["buckets"], "name").len(), &listed["total"]), (200, 2, &json!(2)), "{listed}");

    // What it does not open answers as what was never there.
    for (method, below, body) in [
        (Method::GET, "", None),
        (Method::GET, "/tables", None),
        (Method::GET, "/tables/t", None),
        (Method::GET, "/tables/t/preview", None),
        (Method::POST, "/tables/t/export", Some(json!({}))),
        (Method::GET, "/tables/t/versions", None),
        (Method::GET, "/tables/t/settings/snapshots", None),
        (Method::DELETE, "/tables/t", None),
        (Method::POST, "/tables", Some(json!({ "name": "u", "columns": [{ "name": "id", "type": "BIGINT" }] }))),
        (Method::DELETE, "/tables/t/rows", Some(json!({ "where_clause": "id = 1" }))),
    ] {
        for bucket in ["in_c_secret", "in_c_none"] {
            let (status, answer) =
                ask(&world, &own, method.clone(), &format!("{BUCKETS}/{bucket}{below}"), body.clone()).await;
            assert_eq!((status, answer), (404, no_bucket(bucket)), "{method} {bucket}{below}");
        }
        // Only the admin sees the difference.
        let (status, _) =
            ask(&world, &own, method.clone(), &format!("/projects/p/buckets/in.c-secret{below}"), body).await;
        assert_eq!(status, 404, "{method} {below}");
    }
    let delete = |bucket: &str| format!("{BUCKETS}/{bucket}/tables/t/rows");
    let one = || Some(json!({ "where_clause": "id = 1" }));
    let (status, answer) = ask(&world, &own, Method::DELETE, &delete("in_c_a"), one()).await;
    assert_eq!((status, answer), (403, forbidden("bucket in_c_a")));
    let (status, answer) = ask(&world, &own, Method::DELETE, &delete("in_c_b"), one()).await;
    assert_eq!((status, &answer["deleted_rows"]), (200, &json!(1)), "{answer}");
    assert_eq!(ask(&world, &own, Method::GET, &format!("{BUCKETS}/in_c_a/tables/t/preview"), None).await.0, 200);
    for (method, path, body) in [
        (Method::POST, BUCKETS.to_owned(), Some(json!({ "name": "new" }))),
        (Method::DELETE, format!("{BUCKETS}/in_c_b"), None),
        (Method::POST, format!("{BUCKETS}/in_c_b/share"), Some(json!({ "target_project_id": "q" }))),
        (Method::GET, "/projects/p/api-keys".to_owned(), None),
        (Method::GET, "/projects/p/branches".to_owned(), None),
    ] {
        let (status, answer) = ask(&world, &own, method.clone(), &path, body).await;
        assert_eq!((status, answer), (403, forbidden("project p")), "{method} {path}");
    }
    world.verify();
}

/// A moment after everything so far, for reads of the past.
fn chrono_now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    alluvium_kernel::Timestamp::from_micros(now.as_micros() as i64).to_rfc3339().replace('+', "%2B")
}

#[tokio::test]
async fn queries_commands_and_snapshots_reach_no_further() {
    let world = three_buckets().await;
    let (_, own) = key(&world, &json!({ "bucket_permissions": { "in_c_a": "read", "in_c_b": "write" } })).await;

    let query = async |sql: &str| {
        let (status, answer) =
            ask(&world, &own, Method::POST, "/projects/p/query", Some(json!({ "query": sql }))).await;
        assert_eq!(status, 200, "{answer}");
        answer["status"].as_str().expect("a status").to_owned()
    };
    assert_eq!(query("SELECT count(*) FROM in_c_a.t, in_c_b.t AS b").await, "ok");
    for sql in ["SELECT * FROM in_c_secret.t", "SELECT * FROM \"in.c-secret\".t", "SELECT * FROM IN_C_SECRET.t"] {
        assert_eq!(query(sql).await, "error", "{sql}");
    }

    let send = async |name: &str, body: Value| {
        ask(&world, &own, Method::POST, &format!("/commands/storage/{name}"), Some(body)).await.0
    };
    let drop = |bucket: &str| json!({ "project": "p", "branch": "default", "bucket": bucket, "table": "t" });
    assert_eq!([send("DropTable", drop("in_c_secret")).await, send("DropTable", drop("in_c_a")).await], [404, 403]);
    let copy = |from: &str, to: &str| {
        json!({ "project": "p", "branch": "default", "bucket": to, "table": "u", "source_bucket": from,
            "source_table": "t", "position": 0, "source": "", "columns": [], "primary_key": [] })
    };
    assert_eq!(send("CopyTable", copy("in_c_secret", "in_c_b")).await, 404);
    assert_eq!(send("CopyTable", copy("in_c_b", "in_c_a")).await, 403);

    let take = |bucket: &str| Some(json!({ "bucket": bucket, "table": "t" }));
    let mut taken = Vec::new();
    for bucket in ["in_c_a", "in_c_b", "in_c_secret"] {
        let made = world.post("/projects/p/snapshots", &take(bucket).expect("a body")).await;
        taken.push(made["id"].as_str().expect("an id").to_owned());
    }
    let snapshots = "/projects/p/snapshots";
    let (_, listed) = ask(&world, &own, Method::GET, snapshots, None).await;
    assert_eq!((names(&listed["snapshots"], "id").len(), &listed["total"]), (2, &json!(2)), "{listed}");
    for (bucket, expected) in [("in_c_a", 403), ("in_c_b", 201), ("in_c_secret", 404)] {
        assert_eq!(ask(&world, &own, Method::POST, snapshots, take(bucket)).await.0, expected, "{bucket}");
    }
    let at = |n: usize, below: &str| format!("{snapshots}/{}{below}", taken[n]);
    let to = |bucket: &str| Some(json!({ "target_bucket": bucket, "target_table": "restored" }));
    for (n, shown, restored, deleted) in [(0, 200, 200, 403), (1, 200, 409, 204), (2, 404, 404, 404)] {
        assert_eq!(ask(&world, &own, Method::GET, &at(n, ""), None).await.0, shown, "{n}");
        assert_eq!(ask(&world, &own, Method::POST, &at(n, "/restore"), to("in_c_b")).await.0, restored, "{n}");
        assert_eq!(ask(&world, &own, Method::DELETE, &at(n, ""), None).await.0, deleted, "{n}");
    }
    assert_eq!(ask(&world, &own, Method::POST, &at(0, "/restore"), to("in_c_a")).await.0, 403);
    world.verify();
}

async fn upload(world: &World, key: &str, name: &str) -> String {
    let (status, made) =
        ask(world, key, Method::POST, "/projects/p/files/prepare", Some(json!({ "filename": name }))).await;
    assert_eq!(status, 200, "{made}");
    let form = Form::new().part("file", Part::bytes(b"id\n1\n".as_slice()).file_name("f"));
    let upload = made["upload_key"].as_str().expect("a key");
    let url = format!("{}/projects/p/files/upload/{upload}", world.alluvium.url());
    let sent = Client::new().post(url).bearer_auth(key).multipart(form).send().await.expect("the server answers");
    assert_eq!(sent.status(), 200);
    let (status, file) =
        ask(world, key, Method::POST, "/projects/p/files", Some(json!({ "upload_key": upload }))).await;
    assert_eq!(status, 201, "{file}");
    file["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn files_and_objects_are_those_of_the_key_and_of_who_takes_its_place() {
    let world = three_buckets().await;
    let buckets = json!({ "bucket_permissions": { "in_c_a": "read", "in_c_b": "write" } });
    let (id, own) = key(&world, &buckets).await;
    let (_, other) = key(&world, &buckets).await;
    let (_, all) = key(&world, &json!({ "can_read_all_file_uploads": true })).await;
    let ours = upload(&world, &own, "ours.csv").await;
    let theirs = upload(&world, &other, "theirs.csv").await;
    let (status, export) =
        ask(&world, &own, Method::POST, &format!("{BUCKETS}/in_c_a/tables/t/export"), Some(json!({}))).await;
    assert_eq!(status, 200, "{export}");
    let export = export["file_id"].as_str().expect("an id").to_owned();

    let listed = async |key: &str| {
        let (status, files) = ask(&world, key, Method::GET, "/projects/p/files", None).await;
        assert_eq!((status, &files["total"]), (200, &json!(files["files"].as_array().expect("files").len())));
        names(&files["files"], "id")
    };
    assert_eq!(listed(&own).await, [export.clone(), ours.clone()]);
    assert_eq!(listed(&other).await, std::slice::from_ref(&theirs));
    assert_eq!(listed(&all).await.len(), 6);
    let file = |id: &str| format!("/projects/p/files/{id}");
    for (key, id, shown, deleted) in [(&own, &theirs, 404, 404), (&all, &theirs, 200, 404), (&other, &export, 404, 404)]
    {
        assert_eq!(ask(&world, key, Method::GET, &file(id), None).await.0, shown);
        assert_eq!(ask(&world, key, Method::DELETE, &file(id), None).await.0, deleted);
    }
    let import = |id: &str| Some(json!({ "file_id": id, "format": "csv" }));
    let load = format!("{BUCKETS}/in_c_b/tables/t/import/file");
    assert_eq!(ask(&world, &own, Method::POST, &load, import(&theirs)).await.0, 404);
    assert_eq!(ask(&world, &own, Method::POST, &load, import(&ours)).await.0, 200);

    let object = async |method: Method, key: &str, name: &str| {
        let url = format!("{}/s3/project_p/{name}", world.alluvium.url());
        let sent = Client::new().request(method, url).bearer_auth(key).body("x").send().await;
        sent.expect("the server answers").status().as_u16()
    };
    assert_eq!(object(Method::PUT, &own, "a.txt").await, 200);
    assert_eq!([object(Method::GET, &own, "a.txt").await, object(Method::GET, &other, "a.txt").await], [200, 404]);
    assert_eq!(object(Method::GET, &all, "a.txt").await, 200);
    assert_eq!([object(Method::PUT, &other, "a.txt").await, object(Method::DELETE, &all, "a.txt").await], [403; 2]);

    // What it has is not lost with its secret.
    let next = world.post(&format!("/projects/p/api-keys/{id}/rotate"), &json!({})).await;
    let next = next["api_key"].as_str().expect("a key");
    assert_eq!(ask(&world, &own, Method::GET, "/projects/p/files", None).await.0, 403);
    assert_eq!(listed(next).await.len(), 3);
    assert_eq!(ask(&world, next, Method::DELETE, &file(&ours), None).await.0, 204);
    world.verify();
}

#[tokio::test]
async fn rows_of_other_tables_and_jobs_are_those_of_the_keys_buckets() {
    let world = three_buckets().await;
    let may = json!({ "bucket_permissions": { "in_c_a": "read", "in_c_b": "write" } });
    let ((_, own), (_, other)) = (key(&world, &may).await, key(&world, &may).await);
    let import = async |source: &str, how: &str| {
        let body = json!({ "source_bucket": source, "source_table": "t", "incremental": true });
        let path = format!("{BUCKETS}/in_c_b/tables/t/import/table{how}");
        ask(&world, &own, Method::POST, &path, Some(body)).await
    };
    assert_eq!(import("in_c_secret", "").await, (404, no_bucket("in_c_secret")));
    let (status, loaded) = import("in_c_a", "").await;
    assert_eq!((status, &loaded["table_rows_after"]), (200, &json!(2)), "{loaded}");
    // A job is carried out with the same rights, and seen by who asked for it alone.
    let mut jobs = Vec::new();
    for (source, status) in [("in_c_secret", "error"), ("in_c_a", "success")] {
        let (accepted, job) = import(source, "?async=true").await;
        assert_eq!(accepted, 202, "{job}");
        let path = job["url"].as_str().expect("a place").to_owned();
        let key = own.clone();
        world
            .eventually("the job is answered", async || {
                ask(&world, &key, Method::GET, &path, None).await.1["status"] == status
            })
            .await;
        jobs.push(path);
    }
    let list = async |key: &str| ask(&world, key, Method::GET, "/projects/p/jobs", None).await.1["total"].clone();
    assert_eq!((list(&own).await, list(&other).await, list(ADMIN).await), (json!(2), json!(0), json!(2)));
    assert_eq!(ask(&world, &other, Method::GET, &jobs[0], None).await.0, 404);
}

#[tokio::test]
async fn a_workspace_of_a_key_holds_what_the_key_reads() {
    let world = three_buckets().await;
    let buckets = json!({ "bucket_permissions": { "in_c_a": "read" } });
    let ((_, own), (_, other)) = (key(&world, &buckets).await, key(&world, &buckets).await);
    let shared = world.post("/projects/p/workspaces", &json!({ "name": "shared" })).await;
    let create = json!({ "name": "own", "preload_tables": ["in_c_a.t", "in_c_secret.t"] });
    let (status, made) = ask(&world, &own, Method::POST, "/projects/p/workspaces", Some(create)).await;
    assert_eq!(status, 201, "{made}");
    let loaded = &made["preloaded"];
    assert_eq!(
        (&loaded[0]["error"], &loaded[1]["error"]["code"]),
        (&Value::Null, &json!("bucket_not_found")),
        "{made}"
    );

    let at = |id: &Value, below: &str| format!("/projects/p/workspaces/{}{below}", id.as_str().expect("an id"));
    let (_, shown) = ask(&world, &own, Method::GET, &at(&made["id"], ""), None).await;
    assert_eq!(shown["attached_tables"].as_array().expect("tables").len(), 1, "{shown}");
    let query = async |sql: &str| {
        let body = Some(json!({ "query": sql }));
        ask(&world, &own, Method::POST, &at(&made["id"], "/query"), body).await.1["status"].clone()
    };
    assert_eq!(query("SELECT * FROM in_c_a.t").await, "ok");
    assert_eq!(query("SELECT * FROM in_c_secret.t").await, "error");
    let (_, listed) = ask(&world, &own, Method::GET, "/projects/p/workspaces", None).await;
    assert_eq!((names(&listed["workspaces"], "name"), &listed["total"]), (vec!["own".into()], &json!(1)));
    assert_eq!(world.get("/projects/p/workspaces").await["total"], 2);
    for (key, id) in [(&own, &shared["id"]), (&other, &made["id"])] {
        for (method, below) in [(Method::GET, ""), (Method::POST, "/credentials/reset"), (Method::DELETE, "")] {
            assert_eq!(ask(&world, key, method, &at(id, below), None).await.0, 404, "{below}");
        }
    }
    let delete = json!({ "project": "p", "branch": "default", "workspace": made["id"], "holder": "" });
    assert_eq!(ask(&world, &own, Method::POST, "/commands/storage/DeleteWorkspace", Some(delete)).await.0, 403);
    assert_eq!(ask(&world, &own, Method::DELETE, &at(&made["id"], ""), None).await.0, 204);
    world.verify();
}

#[tokio::test]
async fn a_key_describes_itself_and_what_it_may_changes_at_once() {
    let world = three_buckets().await;
    let may = json!({ "bucket_permissions": { "in_c_a": "read" }, "can_manage_tokens": true, "expires_in": 3_600 });
    let (id, own) = key(&world, &may).await;
    let me = "/projects/p/api-keys/self";
    let (status, shown) = ask(&world, &own, Method::GET, me, None).await;
    assert_eq!((status, &shown["id"], &shown["scope"]), (200, &json!(id), &json!("custom")), "{shown}");
    assert_eq!(shown["bucket_permissions"], json!({ "in_c_a": "read" }));
    assert_eq!((&shown["can_manage_tokens"], &shown["can_manage_buckets"]), (&json!(true), &json!(false)));
    assert!(shown["expires_at"].is_string() && shown.get("api_key").is_none());
    // Also under the header that Keboola's clients send.
    let url = format!("{}{me}", world.alluvium.url());
    let sent = Client::new().get(&url).header("X-StorageApi-Token", &own).send().await.expect("the server answers");
    assert_eq!(sent.status(), 200);
    assert_eq!(ask(&world, ADMIN, Method::GET, me, None).await.0, 404);
    assert_eq!(ask(&world, "proj_p_token_0", Method::GET, me, None).await.0, 403);

    // None wider than itself, by no way.
    let keys = "/projects/p/api-keys";
    for (may, expected) in [
        (json!({ "scope": "custom", "bucket_permissions": { "in_c_a": "read" } }), 201),
        (json!({ "scope": "custom", "bucket_permissions": { "in_c_a": "write" } }), 403),
        (json!({ "scope": "custom", "can_manage_buckets": true }), 403),
        (json!({ "scope": "project_admin" }), 403),
    ] {
        let mut body = may.clone();
        body["description"] = json!("made");
        assert_eq!(ask(&world, &own, Method::POST, keys, Some(body)).await.0, expected, "{may}");
    }
    let listed = ask(&world, &own, Method::GET, keys, None).await.1;
    let admin = listed["api_keys"].as_array().expect("keys").iter().find(|key| key["scope"] == "project_admin");
    let admin = format!("{keys}/{}", admin.expect("the project's key")["id"].as_str().expect("an id"));
    for (method, path) in [(Method::POST, format!("{admin}/rotate")), (Method::DELETE, admin)] {
        assert_eq!(ask(&world, &own, method, &path, None).await.0, 403, "{path}");
    }
    let change = |body: Value| (format!("{keys}/{id}"), Some(body));
    let (path, wider) = change(json!({ "bucket_permissions": { "in_c_b": "read" } }));
    assert_eq!(ask(&world, &own, Method::PUT, &path, wider.clone()).await.0, 403);

    let (status, changed) = ask(&world, ADMIN, Method::PUT, &path, wider).await;
    assert_eq!((status, &changed["bucket_permissions"]), (200, &json!({ "in_c_b": "read" })), "{changed}");
    assert_eq!(changed["can_manage_tokens"], true);
    let buckets = ask(&world, &own, Method::GET, BUCKETS, None).await.1;
    assert_eq!(names(&buckets["buckets"], "name"), ["in_c_b"]);
    assert_eq!(ask(&world, &own, Method::GET, &format!("{BUCKETS}/in_c_a"), None).await.0, 404);
    let (path, all) = change(json!({ "can_manage_buckets": true, "description": "manages" }));
    assert_eq!(ask(&world, ADMIN, Method::PUT, &path, all).await.1["description"], "manages");
    assert_eq!(ask(&world, &own, Method::POST, BUCKETS, Some(json!({ "name": "new" }))).await.0, 201);
    assert_eq!(ask(&world, &own, Method::DELETE, &format!("{BUCKETS}/in_c_secret"), None).await.0, 204);
    for (body, expected) in [
        (json!({ "bucket_permissions": { "../x": "read" } }), 400),
        (json!({ "bucket_permissions": { "a": "own" } }), 422),
    ] {
        assert_eq!(ask(&world, ADMIN, Method::PUT, &path, Some(body)).await.0, expected);
    }
    world.verify();
}

#[tokio::test]
async fn the_driver_and_links_ask_for_the_same() {
    let world = three_buckets().await;
    let (_, own) = key(&world, &json!({ "bucket_permissions": { "in_c_a": "read", "shown": "read" } })).await;
    let execute = async |kind: &str, bucket: &str| {
        let command = json!({ "type": kind, "path": ["p", bucket], "tableName": "t" });
        let body = json!({ "command": command, "credentials": { "projectId": "p" } });
        ask(&world, &own, Method::POST, "/driver/execute", Some(body)).await
    };
    for (kind, bucket, expected) in [
        ("PreviewTableCommand", "in_c_a", 200),
        ("PreviewTableCommand", "in_c_secret", 404),
        ("DropTableCommand", "in_c_secret", 404),
        ("DropTableCommand", "in_c_a", 403),
    ] {
        let (status, answer) = execute(kind, bucket).await;
        assert_eq!(status, expected, "{kind} {bucket}: {answer}");
    }

    world.project("q").await;
    let columns = json!([{ "name": "id", "type": "BIGINT" }]);
    world.post("/projects/q/buckets/b/tables", &json!({ "name": "t", "columns": columns })).await;
    world.post("/projects/q/buckets/b/share", &json!({ "target_project_id": "p" })).await;
    let link = json!({ "source_project_id": "q", "source_bucket_name": "b" });
    world.post("/projects/p/buckets/shown/link", &link).await;
    world.post("/projects/p/buckets/hidden/link", &link).await;
    for (bucket, expected) in [("shown", 200), ("hidden", 404)] {
        let path = format!("{BUCKETS}/{bucket}/tables/t/preview");
        assert_eq!(ask(&world, &own, Method::GET, &path, None).await.0, expected, "{bucket}");
    }
    // The bucket's own project is another one.
    assert_eq!(ask(&world, &own, Method::GET, "/projects/q/buckets/b", None).await.0, 403);
    world.verify();
}
