//! Files as objects, by the client everybody has.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::process::Command;

use alluvium_blackbox::{ADMIN, World, repository};
use alluvium_testing::{NatsServer, Postgres};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

const ACCESS_KEY: &str = "duckdb";
const SECRET: &str = "secret-of-the-tests";
/// Objects that are listed in pages.
const MANY: usize = 2_500;

async fn world() -> World {
    let data = tempfile::tempdir().expect("a directory");
    let envs = [("S3_SECRET_ACCESS_KEY", SECRET)];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("shop").await;
    world
}

async fn ask(world: &World, method: Method, path: &str, key: Option<&str>, body: &'static [u8]) -> Response {
    let request = Client::new().request(method, format!("{}{path}", world.alluvium.url())).body(body);
    let request = match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    request.send().await.expect("the server answers")
}

async fn text(answer: Response) -> (StatusCode, String, String) {
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
    (answer.status(), kind.unwrap_or_default(), answer.text().await.expect("text"))
}

/// Many objects with one content, named over NATS without waiting for each.
async fn many(world: &World) {
    ask(world, Method::PUT, "/s3/shop/many-first", Some(ADMIN), b"x").await;
    let listed = world.get("/projects/shop/files").await;
    let blob = listed["files"][0]["checksum_sha256"].as_str().expect("a hash");
    let nats = world.nats.connect().await;
    for at in 0..MANY {
        let key = format!("many/{}/{at:04}", at % 7);
        let body = json!({ "project": "shop", "key": key, "content_type": null, "blob": blob, "size_bytes": 1, "md5": null,
            "file": "", "project_uid": "" });
        nats.publish("cmd.default.storage.PutObject", body.to_string().into()).await.expect("published");
    }
    nats.flush().await.expect("flushed");
    world
        .eventually("all objects are files", || async {
            world.get("/projects/shop/files?limit=1").await["total"] == json!(MANY + 1)
        })
        .await;
    let (status, _) = world.http(Method::DELETE, "/s3/shop/many-first", None).await;
    assert_eq!(status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_puts_gets_lists_and_deletes() {
    let world = world().await;
    many(&world).await;
    let clients = Command::new(repository().join("scripts/clients")).arg("s3").output().expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    let pair = world.post("/projects/shop/s3-credentials", &json!({})).await;
    let own = ["access_key_id", "secret_access_key"].map(|name| pair[name].as_str().expect("a text").to_owned());
    world.project("other").await;
    let mut command = Command::new("python3");
    command
        .arg(repository().join("tests/clients/s3/boto.py"))
        .arg(world.alluvium.url())
        .args([ACCESS_KEY, SECRET])
        .arg(MANY.to_string())
        .args(&own)
        .env("PYTHONPATH", String::from_utf8_lossy(&clients.stdout).trim())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
    assert_eq!(world.http(Method::DELETE, &format!("/projects/shop/api-keys/{}", own[0]), None).await.0, 204);
    world.verify();
}

#[tokio::test]
async fn objects_are_files_and_files_are_objects() {
    let world = world().await;
    let put = ask(&world, Method::PUT, "/s3/project_shop/dir/report.txt", Some(ADMIN), b"hello").await;
    assert_eq!(
        (put.status().as_u16(), &put.headers()["etag"]),
        (200, &"\"5d41402abc4b2a76b9719d911017c592\"".parse().unwrap())
    );
    let file = world.get("/projects/shop/files").await["files"][0].clone();
    assert_eq!((&file["name"], &file["size_bytes"]), (&json!("report.txt"), &json!(5)));
    assert_eq!(file["path"], "project_shop/dir/report.txt");
    let uploaded = world.upload("shop", "orders.csv", b"a\n1\n".to_vec()).await;
    let path = world.get(&format!("/projects/shop/files/{uploaded}")).await["path"].as_str().unwrap().to_owned();
    let object = path.replacen("project_shop/", "/s3/project_shop/", 1);
    let (status, _, content) = text(ask(&world, Method::GET, &object, Some(ADMIN), b"").await).await;
    assert_eq!((status.as_u16(), content.as_str()), (200, "a\n1\n"));

    // What is put under the key of a registered file is that file's content.
    ask(&world, Method::PUT, &object, Some(ADMIN), b"a\n2\n").await;
    let (_, _, content) =
        text(ask(&world, Method::GET, &format!("/projects/shop/files/{uploaded}/download"), Some(ADMIN), b"").await)
            .await;
    assert_eq!(content, "a\n2\n");
    let (_, kind, list) = text(ask(&world, Method::GET, "/s3/project_shop", Some(ADMIN), b"").await).await;
    assert_eq!(kind, "application/xml");
    assert!(
        list.contains("<ListBucketResult><Name>project_shop</Name>") && list.contains("<KeyCount>2</KeyCount>"),
        "{list}"
    );
    ask(&world, Method::DELETE, &object, Some(ADMIN), b"").await;
    let (status, _) = world.http(Method::GET, &format!("/projects/shop/files/{uploaded}"), None).await;
    assert_eq!(status, 404);

    // A project of the same id that comes later has none of this.
    assert_eq!(world.http(Method::DELETE, "/projects/shop", None).await.0, 204);
    world.project("shop").await;
    let (_, _, list) = text(ask(&world, Method::GET, "/s3/project_shop", Some(ADMIN), b"").await).await;
    assert!(list.contains("<KeyCount>0</KeyCount>"), "{list}");
    let (status, kind, error) =
        text(ask(&world, Method::GET, "/s3/project_shop/dir/report.txt", Some(ADMIN), b"").await).await;
    assert_eq!((status.as_u16(), kind.as_str()), (404, "application/xml"));
    assert!(error.contains("<Error><Code>NoSuchKey</Code>"), "{error}");
    world.verify();
}

#[tokio::test]
async fn credentials_open_what_they_open_elsewhere() {
    let world = world().await;
    let other = world.post("/projects", &json!({ "id": "other" })).await;
    let other = other["api_key"].as_str().expect("a key");
    ask(&world, Method::PUT, "/s3/project_shop/a", Some(ADMIN), b"hello").await;
    let code = |body: &str| serde_json::from_str::<Value>(body).expect("JSON")["detail"]["Code"].clone();
    for (key, expected) in
        [(None, (401, "AccessDenied")), (Some(other), (403, "AccessDenied")), (Some("no"), (403, "AccessDenied"))]
    {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, kind, body) = text(ask(&world, method.clone(), "/s3/project_shop/a", key, b"x").await).await;
            assert_eq!((status.as_u16(), kind.as_str()), (expected.0, "application/json"), "{method} {key:?}");
            assert_eq!(code(&body), expected.1);
        }
        let (status, _, body) = text(ask(&world, Method::GET, "/s3/project_shop", key, b"").await).await;
        assert_eq!(status.as_u16(), expected.0);
        assert!(!body.contains("Code"), "lists say it as the rest of the surface does: {body}");
    }
    let (status, _, body) = text(ask(&world, Method::GET, "/s3/project_none/a", Some(ADMIN), b"").await).await;
    assert_eq!((status.as_u16(), code(&body)), (404, json!("NoSuchBucket")));
    for header in ["x-api-key", "x-amz-security-token"] {
        let url = format!("{}/s3/project_shop/a", world.alluvium.url());
        let answer = Client::new().get(url).header(header, ADMIN).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{header}");
    }
    for path in [
        "/s3/project_shop/%2e%2e/x",
        "/s3/project_shop/a/%2E%2E/%2e%2e/b",
        "/s3/project_shop//a",
        "/s3/project_shop/a%00",
    ] {
        let (status, kind, body) = raw(&world, path).await;
        assert!(matches!(status, 400 | 404), "{path}: {status} {kind} {body}");
    }

    // A link opens one object for one method, as long as its signer's key lives.
    let issued = world.post("/projects/shop/api-keys", &json!({ "description": "d", "scope": "project_admin" })).await;
    let (id, key) = (issued["id"].as_str().expect("an id"), issued["api_key"].as_str().expect("a key"));
    let (status, signed) =
        world.http_as(Some(key), Method::POST, "/s3/project_shop/presign", Some(&json!({ "key": "a" }))).await;
    assert_eq!(status, 200, "{signed}");
    let link = signed["url"].as_str().expect("a link");
    assert!(link.starts_with("http") && link.contains("signature=") && link.contains("expires="), "{link}");
    let path = &link[link.find("/s3/").expect("a path")..];
    assert_eq!(text(ask(&world, Method::GET, path, None, b"").await).await.2, "hello");
    assert_eq!(ask(&world, Method::PUT, path, None, b"x").await.status(), 403);
    assert_eq!(ask(&world, Method::GET, &path.replace("/a?", "/b?"), None, b"").await.status(), 403);
    assert_eq!(world.http(Method::DELETE, &format!("/projects/shop/api-keys/{id}"), None).await.0, 204);
    let (status, _, body) = text(ask(&world, Method::GET, path, None, b"").await).await;
    assert_eq!((status.as_u16(), code(&body)), (403, json!("AccessDenied")));
    let wrong = json!({ "key": "a", "expires_in": 604_801 });
    assert_eq!(world.http(Method::POST, "/s3/project_shop/presign", Some(&wrong)).await.0, 422);
}

/// A GET whose path no client has tidied.
async fn raw(world: &World, path: &str) -> (u16, String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = world.alluvium.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ADMIN}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_owned(), body.to_owned())
}
