//! Several processes serve the registry, and its log goes away.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::registry::{Registry, record};
use alluvium_blackbox::{ADMIN, binary};
use alluvium_testing::{Alluvium, pick_port};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn what_one_process_took_another_shows() {
    let registry = Registry::start().await;
    let listen = format!("127.0.0.1:{}", pick_port().unwrap());
    let data = tempfile::tempdir().unwrap();
    let world = &registry.world;
    let _other = Alluvium::builder(binary())
        .args(["serve", "--role", "api"])
        .env("ALLUVIUM_NATS_URL", world.nats.url())
        .env("ALLUVIUM_POSTGRES_URL", &world.database)
        .env("ALLUVIUM_DATA_DIR", data.path())
        .env("ALLUVIUM_BLOBS_DIR", world.data.path().join("blobs"))
        .env("ALLUVIUM_ADMIN_KEY", ADMIN)
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .env("ALLUVIUM_REGISTRY_OPEN", "true")
        .env("ALLUVIUM_REGISTRY_LISTEN", &listen)
        .start()
        .await;
    let http = reqwest::Client::new();
    for n in 1..=20_u64 {
        // Written on one, read on the other, in turns.
        let urls = [registry.url.clone(), format!("http://{listen}")];
        let (here, there) = (&urls[(n % 2) as usize], &urls[((n + 1) % 2) as usize]);
        let body = json!({"schema": record(&[&format!("f{n}")])}).to_string();
        let written = http.post(format!("{here}/subjects/s{n}/versions")).body(body).send().await.unwrap();
        assert_eq!(written.status(), 200);
        let position = written.headers()["alv-position"].clone();
        let id = written.json::<Value>().await.unwrap()["id"].clone();
        assert_eq!(id, n);
        let read = http.get(format!("{there}/schemas/ids/{n}/subjects")).header("alv-min-position", position);
        let read = read.header("alv-wait-ms", "20000").send().await.unwrap();
        assert_eq!(read.json::<Value>().await.unwrap(), json!([format!("s{n}")]));
    }
}

#[tokio::test]
async fn without_its_log_a_registry_reads_and_says_that_it_cannot_write() {
    let mut registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    registry.expect("GET", "/master_available", None, 200, json!({"master_available": true})).await;
    registry.world.nats.kill();
    registry.expect("GET", "/master_available", None, 200, json!({"master_available": false})).await;
    let (status, health) = registry.call("GET", "/_health", None).await;
    assert_eq!((status, &health["healthy"]), (503, &json!(false)));
    // What is known is still told.
    registry.expect("GET", "/subjects", None, 200, json!(["s"])).await;
    assert_eq!(registry.get("/schemas/ids/1").await["schema"], record(&["a"]));
    let body = json!({"schema": record(&["a", "b"])}).to_string().into_bytes();
    let reply = registry.send(Method::POST, "/subjects/s/versions", &[], Some(body)).await;
    let answer = reply.json();
    assert_eq!((reply.status.as_u16(), &answer["error_code"]), (500, &json!(50004)), "{answer}");
    assert!(reply.headers.contains_key("retry-after"));
    registry.world.nats.restart().await;
    let registry = &registry;
    registry
        .world
        .eventually("the registry writes again", || async move {
            let body = Some(json!({"schema": record(&["a", "b"])}));
            registry.call("POST", "/subjects/s/versions", body).await.0 == 200
        })
        .await;
    assert_eq!(registry.get("/subjects/s/versions").await, json!([1, 2]));
}
