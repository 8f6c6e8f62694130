//! Files and keys of branches: each key reaches what keys of its branch made, and the exports of its branch.

use alluvium_blackbox::{ADMIN, World};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A branch with a key that changes it and one that reads it.
struct Dev {
    id: String,
    admin: String,
    reader: String,
}

async fn dev(world: &World, name: &str) -> Dev {
    let branch = world.post("/projects/p/branches", &json!({ "name": name })).await;
    let id = branch["id"].as_str().expect("an id").to_owned();
    let key = async |scope: &str| {
        let body = json!({ "description": "d", "scope": scope, "branch_id": id });
        let made = world.post("/projects/p/api-keys", &body).await;
        made["api_key"].as_str().expect("a key").to_owned()
    };
    Dev { admin: key("branch_admin").await, reader: key("branch_read").await, id }
}

async fn ask(world: &World, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

/// Sends a file through its three stages with a key.
async fn upload(world: &World, key: &str, name: &str) -> String {
    let (status, made) =
        ask(world, key, Method::POST, "/projects/p/files/prepare", Some(json!({ "filename": name }))).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(send(world, key, &made["upload_key"]).await, 200);
    let body = json!({ "upload_key": made["upload_key"] });
    let (status, file) = ask(world, key, Method::POST, "/projects/p/files", Some(body)).await;
    assert_eq!(status, 201, "{file}");
    file["id"].as_str().expect("an id").to_owned()
}

async fn send(world: &World, key: &str, upload: &Value) -> u16 {
    let form = Form::new().part("file", Part::bytes(b"id,note\n1,a\n".as_slice()).file_name("f"));
    let url = format!("{}/projects/p/files/upload/{}", world.alluvium.url(), upload.as_str().expect("a key"));
    let answer = Client::new().post(url).bearer_auth(key).multipart(form).send().await;
    answer.expect("the server answers").status().as_u16()
}

async fn listed(world: &World, key: &str) -> Vec<String> {
    let (status, files) = ask(world, key, Method::GET, "/projects/p/files", None).await;
    assert_eq!(status, 200, "{files}");
    let list = files["files"].as_array().expect("files");
    assert_eq!(files["total"], list.len());
    list.iter().map(|file| file["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_key_of_a_branch_reaches_the_files_of_its_branch() {
    let world = World::start().await;
    world.project("p").await;
    let (ours, theirs) = (dev(&world, "ours").await, dev(&world, "theirs").await);
    let of_main = upload(&world, ADMIN, "main.csv").await;
    let of_ours = upload(&world, &ours.admin, "ours.csv").await;

    assert_eq!(listed(&world, ADMIN).await, ["ours.csv", "main.csv"]);
    for key in [&ours.admin, &ours.reader] {
        assert_eq!(listed(&world, key).await, ["ours.csv"]);
    }
    assert_eq!(listed(&world, &theirs.admin).await, Vec::<String>::new());
    for (key, file, expected) in [
        (&ours.reader, &of_ours, 200),
        (&ours.reader, &of_main, 404),
        (&theirs.admin, &of_ours, 404),
        (&ADMIN.to_owned(), &of_ours, 200),
    ] {
        for path in ["", "/download"] {
            let at = format!("/projects/p/files/{file}{path}");
            let answer = Client::new().get(format!("{}{at}", world.alluvium.url())).bearer_auth(key).send().await;
            assert_eq!(answer.expect("the server answers").status(), expected, "{at}");
        }
    }

    // Who only reads adds nothing, and nobody fills or takes what is another branch's.
    let (status, answer) =
        ask(&world, &ours.reader, Method::POST, "/projects/p/files/prepare", Some(json!({ "filename": "a" }))).await;
    assert_eq!((status, &answer["detail"]["message"]), (403, &json!("Access denied to project p")));
    let (_, open) =
        ask(&world, &ours.admin, Method::POST, "/projects/p/files/prepare", Some(json!({ "filename": "a" }))).await;
    assert_eq!(send(&world, &theirs.admin, &open["upload_key"]).await, 404);
    assert_eq!(send(&world, &ours.reader, &open["upload_key"]).await, 403);
    assert_eq!(send(&world, &ours.admin, &open["upload_key"]).await, 200);
    let register = json!({ "upload_key": open["upload_key"] });
    let (status, _) = ask(&world, &theirs.admin, Method::POST, "/projects/p/files", Some(register)).await;
    assert_eq!(status, 404);
    for (path, body) in [("/tags", Some(json!({ "tag": "a" }))), ("", None)] {
        let method = if path.is_empty() { Method::DELETE } else { Method::POST };
        let at = |file: &str| format!("/projects/p/files/{file}{path}");
        for (key, file) in [(&theirs.admin, &of_ours), (&ours.admin, &of_main)] {
            assert_eq!(ask(&world, key, method.clone(), &at(file), body.clone()).await.0, 404, "{path}");
        }
        let (status, answer) = ask(&world, &ours.admin, method, &at(&of_ours), body).await;
        assert!([201, 204].contains(&status), "{answer}");
    }
    world.verify();
}

#[tokio::test]
async fn exports_and_objects_of_a_branch_are_for_its_keys() {
    let world = World::start().await;
    world.project("p").await;
    let (ours, theirs) = (dev(&world, "ours").await, dev(&world, "theirs").await);
    let columns = json!([{ "name": "id", "type": "BIGINT" }]);
    let tables = "/projects/p/branches/default/buckets/b/tables";
    world.post(tables, &json!({ "name": "t", "columns": columns })).await;

    let export = format!("/projects/p/branches/{}/buckets/b/tables/t/export", ours.id);
    let (status, made) = ask(&world, &ours.reader, Method::POST, &export, Some(json!({}))).await;
    assert_eq!(status, 200, "{made}");
    let file = format!("/projects/p/files/{}", made["file_id"].as_str().expect("an id"));
    for (key, expected) in [(&ours.reader, 200), (&ours.admin, 200), (&theirs.admin, 404)] {
        assert_eq!(ask(&world, key, Method::GET, &file, None).await.0, expected);
    }

    let object = |name: &str| format!("{}/s3/project_p/{name}", world.alluvium.url());
    let put = async |key: &str, name: &str| {
        let answer = Client::new().put(object(name)).bearer_auth(key).body("x").send().await;
        answer.expect("the server answers").status().as_u16()
    };
    let call = async |method: Method, key: &str, name: &str| {
        let answer = Client::new().request(method, object(name)).bearer_auth(key).send().await;
        answer.expect("the server answers").status().as_u16()
    };
    assert_eq!(put(&ours.admin, "a.txt").await, 200);
    assert_eq!(put(ADMIN, "main.txt").await, 200);
    assert_eq!(put(&ours.reader, "b.txt").await, 403);
    for (key, name, expected) in [
        (&ours.reader, "a.txt", 200),
        (&ours.reader, "main.txt", 404),
        (&theirs.reader, "a.txt", 404),
        (&ADMIN.to_owned(), "a.txt", 200),
    ] {
        assert_eq!(call(Method::GET, key, name).await, expected, "{name}");
    }
    for (key, name) in [(&theirs.admin, "a.txt"), (&ours.admin, "main.txt")] {
        assert_eq!(put(key, name).await, 403, "{name}");
        assert_eq!(call(Method::DELETE, key, name).await, 403, "{name}");
    }
    let list = Client::new().get(object("").trim_end_matches('/')).bearer_auth(&ours.reader).send().await;
    let list = list.expect("the server answers").text().await.expect("text");
    assert!(list.contains("<Key>a.txt</Key>") && !list.contains("main.txt"), "{list}");
    assert_eq!(call(Method::DELETE, &ours.admin, "a.txt").await, 204);
    world.verify();
}
