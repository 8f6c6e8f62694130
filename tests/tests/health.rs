//! `/ready` and `/health` tell of a poller that is dead, although nothing is being written.

use std::time::{Duration, Instant};

use alluvium_blackbox::World;
use reqwest::Method;
use serde_json::{Value, json};

/// The check of `/ready` with this name.
async fn check(world: &World, name: &str) -> Value {
    let (_, body) = world.http(Method::GET, "/ready", None).await;
    let checks = body["checks"].as_array().expect("checks").clone();
    checks.into_iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} in {body}"))
}

#[tokio::test]
async fn a_silent_log_fails_ready_though_nothing_is_written() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let (status, _) = world.http(Method::GET, "/ready", None).await;
    assert_eq!(status, 200);

    // Connections stay open and nobody answers: only the heartbeats tell.
    world.nats.pause();
    for name in ["projection.storage", "projection.access", "tables"] {
        let dead = || async { check(&world, name).await["ok"] == false };
        world.eventually("the poller counts as dead", dead).await;
    }
    let (status, body) = world.http(Method::GET, "/ready", None).await;
    assert_eq!((status.as_u16(), &body["status"]), (503, &"not_ready".into()));
    let folds = world.get("/health").await["projections"].clone();
    let folds = folds.as_array().expect("folds");
    assert_eq!(folds.len(), 6);
    assert!(folds.iter().all(|fold| fold["ready"] == false), "{folds:?}");
    let tables = folds.iter().find(|fold| fold["name"] == "tables").expect("tables");
    assert!(tables["heartbeat_age_ms"].as_u64() > Some(15_000), "{tables}");

    world.nats.resume();
    let ready = || async { world.http(Method::GET, "/ready", None).await.0 == 200 };
    world.eventually("everything is back", ready).await;
    world.table("p", "u", &[("n", "BIGINT")], &[]).await;
}

/// Rows that take a while to fold again.
const ROWS: u64 = 20_000;

#[tokio::test]
async fn ready_is_when_the_folds_have_what_was_on_the_log() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let rows: Vec<u64> = (0..ROWS).collect();
    for part in rows.chunks(1_000) {
        let mut acks = Vec::new();
        for n in part {
            acks.push(js.publish("rows.default.p.b.t", json!({ "n": n }).to_string().into()).await.expect("sent"));
        }
        for ack in acks {
            ack.await.expect("an acknowledgement");
        }
    }
    world.alluvium.kill();
    std::fs::remove_dir_all(world.data.path().join("tables")).expect("the tables go");
    world.alluvium.restart_until("/health").await;
    let (began, mut behind) = (Instant::now(), 0);
    loop {
        let (status, body) = world.http(Method::GET, "/ready", None).await;
        if status == 200 {
            break;
        }
        let checks = body["checks"].as_array().expect("checks").iter();
        let short =
            checks.filter(|check| check["detail"].as_str().is_some_and(|text| text.contains("behind what was")));
        behind += short.count();
        assert!(began.elapsed() < Duration::from_mins(1), "{body}\n{}", world.alluvium.output());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let found = world.query("p", "SELECT count(*) AS n FROM b.t").await;
    assert_eq!(found, json!([{ "n": ROWS }]), "ready means that it is all there");
    assert!(behind > 0, "it was never behind: the test folds too little");
}

#[tokio::test]
async fn a_lost_directory_is_told_and_made_again() {
    let world = World::start().await;
    let health = world.get("/health").await;
    assert_eq!((&health["status"], &health["storage_available"]), (&json!("healthy"), &json!(true)), "{health}");
    std::fs::remove_dir_all(world.data.path().join("snapshots")).expect("a directory goes");
    let (status, body) = world.http(Method::GET, "/health", None).await;
    let error = &body["detail"];
    assert_eq!((status.as_u16(), &error["error"]), (503, &json!("storage_unavailable")), "{body}");
    let expected = json!({ "data_dir": true, "duckdb_dir": true, "files_dir": true, "snapshots_dir": false });
    assert_eq!(error["details"], expected);

    for words in ["created 1", "nothing was missing"] {
        let (status, body) = world.http(Method::POST, "/backend/init", None).await;
        assert_eq!((status.as_u16(), &body["success"]), (200, &json!(true)), "{body}");
        assert!(body["message"].as_str().is_some_and(|message| message.contains(words)), "{body}");
        assert_eq!(body["storage_paths"].as_object().map(serde_json::Map::len), Some(4), "{body}");
        let path = world.data.path().to_str().expect("a path of text");
        assert!(!body.to_string().contains(path), "where it lies is nobody's business: {body}");
        assert_eq!(world.http(Method::GET, "/health", None).await.0, 200);
    }
    let (status, body) = world.http(Method::POST, "/backend/remove", None).await;
    assert_eq!((status.as_u16(), &body["success"], &body["storage_paths"]), (200, &json!(true), &Value::Null));
    assert!(body["message"].as_str().is_some_and(|message| message.contains("no-op")), "{body}");
    assert_eq!(world.http(Method::GET, "/health", None).await.0, 200);

    let (_, made) = world.http(Method::POST, "/projects", Some(&json!({ "id": "p" }))).await;
    let key = made["api_key"].as_str().expect("a key");
    for route in ["/backend/init", "/backend/remove"] {
        let (status, body) = world.http_as(Some(key), Method::POST, route, None).await;
        assert_eq!((status.as_u16(), &body["detail"]["error"]), (401, &json!("unauthorized")), "{body}");
        assert_eq!(body["detail"]["message"], "Invalid admin API key");
        let (status, body) = world.http_as(None, Method::POST, route, None).await;
        assert_eq!((status.as_u16(), body), (401, json!({ "detail": "Not authenticated" })));
    }
}
