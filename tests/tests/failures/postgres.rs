//! The read models go away and come back.

use std::sync::Arc;
use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_testing::{NatsServer, Postgres};
use serde_json::{Value, json};

use crate::support::*;

enum Outage {
    Killed,
    Paused,
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_reads_get_503_commands_go_on_and_it_catches_up_alone() {
    outage(Outage::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_paused_reads_get_503_commands_go_on_and_it_catches_up_alone() {
    outage(Outage::Paused).await;
}

async fn outage(outage: Outage) {
    let data = tempfile::tempdir().expect("a directory");
    let postgres = Arc::new(Postgres::start().await);
    let mut world = World::start_on(NatsServer::start().await, postgres, data, &[]).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let own = |world: &mut World, act: fn(&mut Postgres)| act(Arc::get_mut(&mut world.postgres).expect("its own"));
    match outage {
        Outage::Killed => own(&mut world, Postgres::kill),
        Outage::Paused => own(&mut world, Postgres::pause),
    }
    let path = format!("{TABLES}/t");
    let (list, table, projects) = tokio::join!(
        ask(&world, BUCKETS, None, None),
        ask(&world, &path, None, None),
        ask(&world, "/projects", None, None),
    );
    for read in [list, table, projects] {
        read.assert_unavailable();
    }
    for n in 0..10 {
        let bucket = json!({ "project": "p", "bucket": format!("over-http-{n}") });
        let answer = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), None).await;
        assert_eq!((answer.status, answer.took < Duration::from_secs(10)), (200, true), "{answer:?}");
    }
    let outcome = over_nats(&world, "nats-1", &json!({ "project": "p", "bucket": "over-nats" })).await;
    assert_eq!(outcome["status"], "accepted", "{outcome}");
    publish_rows(world.nats.url(), "t", 0..100, Duration::ZERO).await;
    let why = not_ready(&world, "projection.storage").await;
    assert!(why.contains("Postgres"), "{why}");
    let (_, postgres, _) = ready(&world, "postgres").await;
    assert!(!postgres, "/ready says that Postgres is away");
    let behind = projection(&world, "storage").await;
    assert!(behind["lag_events"].as_u64().is_some_and(|lag| lag >= 11), "{behind}");
    let tables = projection(&world, "tables").await;
    assert_eq!(tables["lag_events"], 0, "tables need no Postgres: {tables}");

    match outage {
        Outage::Killed => Arc::get_mut(&mut world.postgres).expect("its own").restart().await,
        Outage::Paused => own(&mut world, Postgres::resume),
    }
    becomes_ready(&world).await;
    world.eventually("it catches up", || async { projection(&world, "storage").await["lag_events"] == 0 }).await;
    let buckets = world.get(&format!("{BUCKETS}?limit=100")).await;
    assert_eq!(buckets["total"], 12, "{buckets}");
    counts(&world, "SELECT count(*) FROM b.t", 100).await;
    world.verify();
}

/// A command over NATS alone; gives its outcome.
async fn over_nats(world: &World, id: &str, body: &Value) -> Value {
    let client = world.nats.connect().await;
    let jetstream = async_nats::jetstream::new(client);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    let subject = "cmd.default.storage.CreateBucket";
    let sent = jetstream.publish_with_headers(subject, headers, body.to_string().into()).await.expect("a publish");
    sent.await.expect("an acknowledgement");
    let outcomes = jetstream.get_stream("OUT").await.expect("the stream of outcomes");
    for _ in 0..100 {
        if let Ok(message) = outcomes.get_last_raw_message_by_subject(&format!("out.default.{id}")).await {
            return serde_json::from_slice(&message.payload).expect("an outcome is JSON");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no outcome of {id}");
}
