//! Long aggregates on a real server: read from a snapshot when it holds, from the beginning when anything is wrong with it.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

mod play;

use std::sync::atomic::Ordering;

use alluvium_eventlog::{Log, LogOptions, RING_COMMANDS_MAX, SNAPSHOT_EVERY_EVENTS as EVERY};
use alluvium_kernel::{Actor, Chain, SigningKey, Timestamp, header, subject};
use alluvium_messaging::{Commit, Contract, ContractSet, Entry, LogMessage, chain_after, direct, streams::SNAPSHOTS};
use async_nats::{HeaderMap, jetstream};
use play::*;
use serde_json::{Value, json};

/// More than this must not be asked to load any aggregate: last message, snapshot, its commit, the rest.
const READS_MAX: u64 = 4;
const LONG_EVENTS: usize = 10_500;
/// Publishes that wait for their acknowledgement.
const IN_FLIGHT_MAX: usize = 1_000;

fn subject_of(counter: &str) -> String {
    subject::event(&token("default"), "play", "counter", &token(counter))
}

/// Commits of one event each, behind what `chain` and `seq` say there is.
async fn append(js: &jetstream::Context, counter: &str, from: (Chain, u64), count: usize) -> (Chain, u64) {
    let (mut chain, mut expected) = from;
    let mut acks = Vec::new();
    for n in 0..count {
        let event = CounterEvent::Added(Added { by: 1 });
        let entry = Entry {
            command_id: format!("{counter}-{expected}-{n}"),
            body_hash: "hash".into(),
            actor: Actor::Admin.to_string(),
            time: 0,
            r#type: event.name().into(),
            event: event.to_avro(),
        };
        let payload = Commit { entries: vec![entry] }.to_avro();
        let mut headers = HeaderMap::new();
        headers.insert(header::TYPES, event.name());
        chain = chain_after(&chain, &payload, &headers);
        headers.insert(header::CHAIN, chain.as_str());
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        expected += 1;
        acks.push(js.publish_with_headers(subject_of(counter), headers, payload.into()).await.unwrap());
        if acks.len() == IN_FLIGHT_MAX || n + 1 == count {
            for ack in acks.drain(..) {
                ack.await.unwrap();
            }
        }
    }
    (chain, expected)
}

/// As a process that has just been started.
async fn cold(world: &World) -> Log {
    log(connection(&world.nats).await).with_snapshots(key())
}

fn log(js: jetstream::Context) -> Log {
    Log::new(js, "EV_PLAY", "play", LogOptions::default())
}

async fn total(log: &Log, counter: &str) -> i64 {
    log.load::<Counter>(&token("default"), &token(counter)).await.unwrap().state.total
}

async fn snapshot(world: &World, counter: &str) -> Option<LogMessage> {
    let at = format!("$KV.SNAPSHOTS.{}", subject_of(counter).replace('%', "="));
    direct::leader_last(&world.js, SNAPSHOTS, &at).await.unwrap()
}

/// The snapshot once it is one of `events` events.
async fn written(world: &World, counter: &str, events: usize) -> LogMessage {
    for _ in 0..1_000 {
        if let Some(message) = snapshot(world, counter).await {
            let body: Value = serde_json::from_slice(&message.payload).unwrap();
            if body["events"] == json!(events) {
                return message;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no snapshot of {events} events was written");
}

#[tokio::test]
async fn a_long_aggregate_is_loaded_with_few_reads() {
    let world = World::new().await;
    // A name that a key of a bucket cannot have as it is.
    let counter = "a long.one";
    let place = append(&world.js, counter, (Chain::start(), 0), LONG_EVENTS).await;
    let all = LONG_EVENTS as i64;
    assert_eq!(total(&cold(&world).await, counter).await, all);
    written(&world, counter, LONG_EVENTS).await;
    append(&world.js, counter, place, 40).await;

    let js = connection(&world.nats).await;
    let (log, client) = (log(js.clone()).with_snapshots(key()), js.client());
    let counts = || {
        let statistics = client.statistics();
        (statistics.out_messages.load(Ordering::Relaxed), statistics.in_messages.load(Ordering::Relaxed))
    };
    let before = counts();
    let stored = log.load::<Counter>(&token("default"), &token(counter)).await.unwrap();
    let after = counts();
    assert_eq!((stored.state.total, stored.events), (all + 40, LONG_EVENTS + 40));
    assert!(after.0 - before.0 <= READS_MAX, "{} requests", after.0 - before.0);
    assert!(after.1 - before.1 < 60, "{} messages read", after.1 - before.1);
    // Who was there before is known as if everything had been read.
    assert!(stored.command(&format!("{counter}-10499-10499")).is_some());
    let oldest = LONG_EVENTS - (RING_COMMANDS_MAX - 40);
    assert!(stored.command(&format!("{counter}-{oldest}-{oldest}")).is_some());
    assert!(stored.command(&format!("{counter}-{0}-{0}", oldest - 1)).is_none());

    let fresh = cold(&world).await.load_fresh::<Counter>(&token("default"), &token(counter)).await.unwrap();
    assert_eq!((&fresh.state, fresh.seq, &fresh.chain), (&stored.state, stored.seq, &stored.chain));
}

#[tokio::test]
async fn the_executor_writes_one_each_time_enough_has_happened() {
    let world = World::new().await;
    append(&world.js, "c", (Chain::start(), 0), EVERY - 2).await;
    let running = world.execute_with(world.js.clone(), "a", LogOptions::default());
    let client = world.client().await;
    client.send(&add("one", "c", 1), WAIT).await.unwrap();
    assert!(snapshot(&world, "c").await.is_none());
    client.send(&add("two", "c", 1), WAIT).await.unwrap();
    written(&world, "c", EVERY).await;
    running.crash().await;
    let running = world.execute_with(connection(&world.nats).await, "a", LogOptions::default());
    let (_, result) = accepted(&client.send(&add("three", "c", 1), WAIT).await.unwrap());
    assert_eq!(result["total"], EVERY + 1);
    running.stop().await;
}

/// Puts `payload` where the counter's snapshot stands, signed as `key` would.
async fn forge(world: &World, counter: &str, payload: &[u8], key: &SigningKey) {
    let at = format!("$KV.SNAPSHOTS.{}", subject_of(counter));
    let signature = key.sign("snapshot", &Actor::System("executor".into()), Timestamp::from_micros(0), &at, payload);
    put(world, counter, payload, &signature).await;
}

async fn put(world: &World, counter: &str, payload: &[u8], signature: &str) {
    let mut headers = HeaderMap::new();
    headers.insert(header::SIGNATURE, signature);
    let at = format!("$KV.SNAPSHOTS.{}", subject_of(counter));
    world.js.publish_with_headers(at, headers, payload.to_vec().into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_that_does_not_hold_is_not_used() {
    let world = World::new().await;
    let count = EVERY + 5;
    let place = append(&world.js, "c", (Chain::start(), 0), count).await;
    let right = count as i64;
    assert_eq!(total(&cold(&world).await, "c").await, right);
    let good = written(&world, "c", count).await;
    let signature = good.header(header::SIGNATURE).unwrap().to_owned();
    let body: Value = serde_json::from_slice(&good.payload).unwrap();
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        serde_json::to_vec(&body).unwrap()
    };
    let wrong = |field: &str, value: Value| {
        let mut body: Value = serde_json::from_slice(&with(field, value)).unwrap();
        body["state"] = json!({ "total": -7 });
        serde_json::to_vec(&body).unwrap()
    };

    // The one thing that says otherwise: signed by us, made by us, and the log agrees. So loads do begin there.
    forge(&world, "c", &with("state", json!({ "total": -7 })), &key()).await;
    assert_eq!(total(&cold(&world).await, "c").await, -7);

    let tampered = with("state", json!({ "total": -7 }));
    put(&world, "c", &tampered, &signature).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "changed after it was signed");
    put(&world, "c", &tampered, "").await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "not signed");
    forge(&world, "c", &tampered, &SigningKey::new([8; 32])).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "another installation's");
    forge(&world, "c", &wrong("made_by", json!("another build")), &key()).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "another build's");
    forge(&world, "c", &wrong("chain", json!("00")), &key()).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "of another history");
    forge(&world, "c", &wrong("seq", json!(count as u64 + 100)), &key()).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "ahead of the log");
    for junk in [&b"junk"[..], b"", b"{}", br#"{"made_by":1}"#] {
        forge(&world, "c", junk, &key()).await;
        assert_eq!(total(&cold(&world).await, "c").await, right, "junk");
    }

    // Another aggregate's, as it is, under this one's name.
    append_other(&world, count + 7).await;
    let other = loop {
        if let Some(other) = snapshot(&world, "d").await {
            break other;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    put(&world, "c", &other.payload, other.header(header::SIGNATURE).unwrap()).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "another aggregate's");
    forge(&world, "c", &other.payload, &key()).await;
    assert_eq!(total(&cold(&world).await, "c").await, right, "another aggregate's, signed as this one's");

    // An old one still holds; what came since is read.
    put(&world, "c", &good.payload, &signature).await;
    append(&world.js, "c", place, 1).await;
    assert_eq!(total(&cold(&world).await, "c").await, right + 1, "stale");
}

/// Commits of another counter, each expecting the one before it on its subject.
async fn append_other(world: &World, count: usize) {
    let running = world.execute_with(connection(&world.nats).await, "other", LogOptions::default());
    let client = world.client().await;
    let mut sending = tokio::task::JoinSet::new();
    for n in 0..count {
        let client = client.clone();
        sending.spawn(async move { client.send(&add(&format!("d-{n}"), "d", 1), WAIT).await.unwrap() });
    }
    while sending.join_next().await.is_some() {}
    running.stop().await;
}

#[tokio::test]
async fn a_log_that_begins_anew_is_not_overruled_by_what_was_before() {
    let world = World::new().await;
    append(&world.js, "c", (Chain::start(), 0), EVERY).await;
    total(&cold(&world).await, "c").await;
    written(&world, "c", EVERY).await;
    let config = world.js.get_stream("EV_PLAY").await.unwrap().cached_info().config.clone();
    world.js.delete_stream("EV_PLAY").await.unwrap();
    world.js.create_stream(config).await.unwrap();
    assert_eq!(total(&cold(&world).await, "c").await, 0);
    // As many as before and one more, but not the same ones: the first chain value differs, so all do.
    let client = world.client().await;
    let running = world.execute_with(connection(&world.nats).await, "a", LogOptions::default());
    client.send(&add("first", "c", 5), WAIT).await.unwrap();
    running.stop().await;
    let stored = log(world.js.clone()).load::<Counter>(&token("default"), &token("c")).await.unwrap();
    append(&world.js, "c", (stored.chain.clone(), stored.seq), EVERY).await;
    assert_eq!(total(&cold(&world).await, "c").await, EVERY as i64 + 5);
}
