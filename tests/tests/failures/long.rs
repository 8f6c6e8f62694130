//! The long form: the process killed again and again under everything at once. `scripts/faults` runs it.

use std::time::{Duration, Instant};

use alluvium_blackbox::World;
use async_nats::jetstream::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

/// Rounds unless `ALLUVIUM_FAULT_ROUNDS` says otherwise.
const ROUNDS: u64 = 200;
/// Rows published to each of two tables in a round.
const ROWS_A_ROUND: u64 = 1_000;
/// Keys of the keyed table: each round writes some of them anew.
const KEYS: u64 = 5_000;
/// Commands of each kind in a round, half of them over HTTP: the buckets of all rounds stay below what a project may have.
const COMMANDS_A_ROUND: u64 = 4;
/// Rows between two commands of a kind over NATS.
const COMMAND_EVERY: u64 = ROWS_A_ROUND.div_ceil(COMMANDS_A_ROUND / 2);
/// The latest kill in a round.
const KILL_MAX: Duration = Duration::from_millis(700);
/// One round in so many has a rebuild under way.
const REBUILD_EVERY: u64 = 3;
/// How long the last round may take to settle.
const SETTLE_MAX: Duration = Duration::from_mins(3);

fn random(max: u64) -> u64 {
    Uuid::new_v4().as_u128() as u64 % max.max(1)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: scripts/faults runs it"]
async fn kills_at_random_moments_under_everything_at_once() {
    let rounds = std::env::var("ALLUVIUM_FAULT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "keyless", &[("n", "BIGINT"), ("round", "INTEGER")], &[]).await;
    world.table("p", "keyed", &[("k", "INTEGER"), ("round", "INTEGER")], &["k"]).await;
    world.table("p", "loaded", &[("n", "BIGINT")], &[]).await;
    let file = world.upload("p", "part.csv", b"n\n1\n2\n3\n".to_vec()).await;
    let blob = world.get(&format!("/projects/p/files/{file}")).await["checksum_sha256"].clone();
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let (began, mut starts, mut writers, mut rebuilds) = (Instant::now(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let publishing = tokio::spawn(publish(jetstream.clone(), round, blob.clone()));
        // Those who write go on through as many kills as it takes.
        writers.push(tokio::spawn(write(world.alluvium.url(), round, blob.clone())));
        if round % REBUILD_EVERY == 0 {
            let cli = world.terminal();
            // Its end is the kill's, or its own: both are fine.
            rebuilds.push(tokio::task::spawn_blocking(move || cli.run(&["projections", "rebuild", "--all", "--yes"])));
        }
        tokio::time::sleep(Duration::from_millis(random(KILL_MAX.as_millis() as u64))).await;
        world.alluvium.kill();
        tokio::time::sleep(Duration::from_millis(random(100))).await;
        let starting = Instant::now();
        world.alluvium.restart().await;
        starts.push(starting.elapsed());
        publishing.await.expect("NATS is up: every publish is stored");
        if round % 20 == 19 {
            println!("{} kills after {:.0} s", round + 1, began.elapsed().as_secs_f64());
        }
    }
    let (killing, begun, mut retried) = (began.elapsed(), rebuilds.len(), 0);
    for writer in writers {
        retried += writer.await.expect("every write is accepted in the end");
    }
    for rebuild in rebuilds {
        rebuild.await.expect("it ends");
    }
    settled(&world, rounds).await;
    world.verify();
    starts.sort();
    let (half, last) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!(
        "FIGURES: {rounds} kills in {:.0} s: {} rows, {} loads, {} commands ({retried} sent again), {begun} rebuilds begun; \
         ready again after {:.2} s (median), {:.2} s (longest); settled and verified in {:.0} s more: nothing lost, nothing \
         doubled, every projection equal to a rebuild",
        killing.as_secs_f64(),
        rounds * ROWS_A_ROUND * 2,
        rounds * COMMANDS_A_ROUND,
        rounds * COMMANDS_A_ROUND,
        half.as_secs_f64(),
        last.as_secs_f64(),
        began.elapsed().saturating_sub(killing).as_secs_f64(),
    );
}

/// Everything there once, and nothing else.
async fn settled(world: &World, rounds: u64) {
    let total = rounds * ROWS_A_ROUND;
    let began = Instant::now();
    let loads = rounds * COMMANDS_A_ROUND;
    for (sql, expected) in [
        ("SELECT count(*) FROM b.keyless", total),
        ("SELECT count(DISTINCT n) FROM b.keyless", total),
        ("SELECT max(n) + 1 FROM b.keyless", total),
        ("SELECT count(*) FROM b.keyed", KEYS.min(total)),
        ("SELECT count(*) FROM b.loaded", loads * 3),
    ] {
        loop {
            let found = number(world, sql).await;
            if found == Some(expected) {
                break;
            }
            assert!(began.elapsed() < SETTLE_MAX, "{sql}: {found:?} instead of {expected}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let buckets = world.get(&format!("{BUCKETS}?limit=1")).await;
    assert_eq!(buckets["total"], 1 + rounds * COMMANDS_A_ROUND);
    // The last write of each key is the one that stands.
    let last = |key: u64| (0..rounds).rev().find(|round| keys(*round).any(|k| k == key));
    let rows = world.query("p", "SELECT k, round FROM b.keyed ORDER BY hash(k) LIMIT 500").await;
    for row in rows.as_array().expect("rows") {
        let key = row["k"].as_u64().expect("a key");
        assert_eq!(row["round"].as_u64(), last(key), "key {key}");
    }
}

/// The keys that a round writes.
fn keys(round: u64) -> impl Iterator<Item = u64> {
    (0..ROWS_A_ROUND).map(move |n| (round * ROWS_A_ROUND + n) % KEYS)
}

/// Rows, and half of the commands, over NATS.
async fn publish(jetstream: Context, round: u64, blob: Value) {
    let mut acks = Vec::new();
    let mut send = async |subject: &str, id: String, body: Value| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let sent = jetstream.publish_with_headers(subject.to_owned(), headers, body.to_string().into()).await;
        acks.push(sent.expect("a publish"));
    };
    for (n, key) in keys(round).enumerate() {
        let number = round * ROWS_A_ROUND + n as u64;
        send("rows.default.p.b.keyless", format!("n-{number}"), json!({ "n": number, "round": round })).await;
        send("rows.default.p.b.keyed", format!("k-{number}"), json!({ "k": key, "round": round })).await;
        if (n as u64).is_multiple_of(COMMAND_EVERY) {
            let (bucket, load) = commands(round, n as u64, &blob);
            send("cmd.default.storage.CreateBucket", format!("b-{round}-{n}"), bucket).await;
            send("cmd.default.storage.LoadTable", format!("l-{round}-{n}"), load).await;
        }
        if n.is_multiple_of(50) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    for ack in acks {
        ack.await.expect("an acknowledgement");
    }
}

/// The other half over HTTP, each again under its id until it is accepted; gives how many were sent again.
async fn write(url: String, round: u64, blob: Value) -> u64 {
    let client = reqwest::Client::new();
    let mut again = 0;
    for n in 0..COMMANDS_A_ROUND / 2 {
        let (bucket, load) = commands(round, 100_000 + n, &blob);
        for (name, body) in [("CreateBucket", bucket), ("LoadTable", load)] {
            let id = format!("h-{name}-{round}-{n}");
            loop {
                let request = client.post(format!("{url}/commands/storage/{name}")).json(&body);
                let request = request.header("Alv-Command-Id", &id).bearer_auth(alluvium_blackbox::ADMIN);
                match request.timeout(Duration::from_secs(30)).send().await {
                    Ok(response) if response.status().is_success() => break,
                    Ok(response) if response.status().as_u16() == 503 => {}
                    Ok(response) => panic!("{name}: {} {:?}", response.status(), response.text().await),
                    // Nobody listens while it is away.
                    Err(_) => {}
                }
                again += 1;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
    }
    again
}

fn commands(round: u64, n: u64, blob: &Value) -> (Value, Value) {
    let bucket = json!({ "project": "p", "bucket": format!("r{round}-{n}") });
    let load =
        json!({ "project": "p", "bucket": "b", "table": "loaded", "blob": blob, "size_bytes": 8, "incremental": true });
    (bucket, load)
}
