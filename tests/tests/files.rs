//! Files: tags, what a list shows, and the end of what is not to stay.

use std::time::{Duration, SystemTime};

use alluvium_blackbox::{ADMIN, World};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn send(world: &World, key: &str, content: &'static [u8]) -> StatusCode {
    let form = Form::new().part("file", Part::bytes(content).file_name("f"));
    let url = format!("{}/projects/p/files/upload/{key}", world.alluvium.url());
    let answer = reqwest::Client::new().post(url).bearer_auth(ADMIN).multipart(form).send().await;
    answer.expect("the server answers").status()
}

async fn names(world: &World, query: &str) -> Vec<String> {
    let listed = world.get(&format!("/projects/p/files?{query}")).await;
    let names: Vec<String> = listed["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| file["name"].as_str().expect("a name").into())
        .collect();
    assert_eq!(listed["total"], names.len(), "{query}");
    names
}

#[tokio::test]
async fn files_are_found_by_what_is_known_of_them() {
    let world = World::start().await;
    world.project("p").await;
    let first = world.upload("p", "orders.csv", b"a\n1\n".to_vec()).await;
    let second = world.upload("p", "clicks.csv", b"a\n2\n".to_vec()).await;
    let at = |file: &str| format!("/projects/p/files/{file}");
    let tagged = world.post(&format!("{}/tags", at(&first)), &json!({ "tag": "raw" })).await;
    assert_eq!((&tagged["tag_list"], &tagged["tags"]), (&json!(["raw"]), &json!({ "raw": "" })));
    world.post(&format!("{}/tags", at(&first)), &json!({ "tags": { "team": "Sales" } })).await;
    world.post(&format!("{}/tags", at(&second)), &json!({ "tags": ["raw"] })).await;

    assert_eq!(names(&world, "tags=raw").await, ["clicks.csv", "orders.csv"]);
    assert_eq!(names(&world, "tags=raw,team").await, ["orders.csv"]);
    assert_eq!(names(&world, "tags[]=raw&tags[]=team").await, ["orders.csv"]);
    assert_eq!(names(&world, "tags=' OR 1=1").await, Vec::<String>::new());
    assert_eq!(names(&world, "q=CLICK").await, ["clicks.csv"]);
    assert_eq!(names(&world, "q=sales").await, ["orders.csv"]);
    assert_eq!(names(&world, "q=%25%00").await, Vec::<String>::new());
    assert_eq!(names(&world, &format!("since_id={first}")).await, ["clicks.csv"]);
    assert_eq!(names(&world, &format!("max_id={second}")).await, ["orders.csv"]);
    for unknown in ["nothing", "%00"] {
        let (status, answer) = world.http(Method::GET, &format!("/projects/p/files?since_id={unknown}"), None).await;
        assert_eq!((status.as_u16(), &answer["detail"]["error"]), (404, &json!("file_not_found")));
    }
    let (status, _) = world.http(Method::POST, "/projects/p/files", Some(&json!({ "upload_key": "a\u{0}" }))).await;
    assert_eq!(status, 404);

    let (status, _) = world.http(Method::DELETE, &format!("{}/tags/team", at(&first)), None).await;
    assert_eq!(status, 204);
    assert_eq!(world.get(&at(&first)).await["tag_list"], json!(["raw"]));
    let (status, _) = world.http(Method::POST, &format!("{}/tags", at(&first)), Some(&json!({}))).await;
    assert_eq!(status, 422);
    let (status, _) = world.http(Method::POST, "/projects/p/files/nothing/tags", Some(&json!({ "tag": "a" }))).await;
    assert_eq!(status, 404);
    world.verify();
}

#[tokio::test]
async fn what_is_over_is_out_of_sight_and_let_go() {
    let envs = [("ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS", "1")];
    let data = tempfile::tempdir().expect("a directory");
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("p").await;

    let body = json!({ "filename": "a.csv", "is_permanent": false });
    let prepared = world.post("/projects/p/files/prepare", &body).await;
    let key = prepared["upload_key"].as_str().expect("a key").to_owned();
    assert_eq!(send(&world, &key, b"a\n1\n").await, 200);
    let file = world.post("/projects/p/files", &json!({ "upload_key": key })).await;
    assert_ne!(file["expires_at"], Value::Null, "it is not permanent: {file}");

    // An upload that ends soon, and has content.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let end = i64::try_from((now + Duration::from_secs(8)).as_micros()).expect("a time");
    let body = json!({ "project": "p", "file": "soon", "filename": "soon.csv", "content_type": null, "size_bytes": null,
        "checksum_sha256": null, "tags": {}, "expires_at": end, "project_uid": "", "is_permanent": true, "run_id": null });
    world.command("storage", "PrepareUpload", &body).await;
    // On a slow machine it may be over already.
    send(&world, "soon", b"a\n1\n").await;
    world.eventually("the upload is let go", || async { send(&world, "soon", b"a\n2\n").await == 404 }).await;
    let (status, _) = world.http(Method::POST, "/projects/p/files", Some(&json!({ "upload_key": "soon" }))).await;
    assert_eq!(status, 404);
    assert_eq!(names(&world, "include_staged=true").await, ["a.csv"]);
    world
        .eventually("it is counted", || async {
            let answer = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics");
            let text = answer.text().await.expect("text");
            text.lines().any(|line| line.starts_with("alluvium_files_expired_total ") && !line.ends_with(" 0"))
        })
        .await;
    world.verify();
}

#[tokio::test]
async fn an_upload_whose_content_is_gone_becomes_no_file() {
    let world = World::start().await;
    world.project("p").await;
    let prepared = world.post("/projects/p/files/prepare", &json!({ "filename": "a.csv" })).await;
    let key = prepared["upload_key"].as_str().expect("a key").to_owned();
    assert_eq!(send(&world, &key, b"a\n1\n").await, 200);
    let blobs = world.data.path().join("blobs");
    std::fs::rename(&blobs, world.data.path().join("elsewhere")).expect("moved");
    let (status, answer) = world.http(Method::POST, "/projects/p/files", Some(&json!({ "upload_key": key }))).await;
    assert_eq!((status.as_u16(), &answer["detail"]["error"]), (404, &json!("staged_file_not_found")));
    std::fs::rename(world.data.path().join("elsewhere"), &blobs).expect("moved back");
    world.post("/projects/p/files", &json!({ "upload_key": key })).await;
}
