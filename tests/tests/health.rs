//! `/ready` and `/health` tell of a poller that is dead, although nothing is being written.

use alluvium_blackbox::World;
use reqwest::Method;
use serde_json::Value;

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
    assert_eq!(folds.len(), 3);
    assert!(folds.iter().all(|fold| fold["ready"] == false), "{folds:?}");
    let tables = folds.iter().find(|fold| fold["name"] == "tables").expect("tables");
    assert!(tables["heartbeat_age_ms"].as_u64() > Some(15_000), "{tables}");

    world.nats.resume();
    let ready = || async { world.http(Method::GET, "/ready", None).await.0 == 200 };
    world.eventually("everything is back", ready).await;
    world.table("p", "u", &[("n", "BIGINT")], &[]).await;
}
