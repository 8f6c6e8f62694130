//! Killed with -9 at random moments of a load: nothing lost, nothing doubled, every projection equal to a rebuild.

use std::time::Duration;

use alluvium_blackbox::World;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rounds of killing.
const ROUNDS: u64 = 20;
/// Rows published in a round, one message a row.
const ROWS_A_ROUND: u64 = 2_000;
/// Commands sent in a round.
const COMMANDS_A_ROUND: u64 = 10;

/// A pause of 5 to 400 ms that differs each time.
fn random_pause() -> Duration {
    Duration::from_millis(5 + u64::from(Uuid::new_v4().as_bytes()[0]) * 395 / 255)
}

#[tokio::test]
async fn twenty_kills_lose_and_double_nothing() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "keyless", &[("n", "BIGINT"), ("round", "INTEGER")], &[]).await;
    world.table("p", "loaded", &[("n", "BIGINT")], &[]).await;
    world.table("p", "keyed", &[("k", "INTEGER"), ("round", "INTEGER")], &["k"]).await;
    let blob = world.upload("p", "part.csv", b"n\n1\n2\n3\n".to_vec()).await;
    let blob = world.get(&format!("/projects/p/files/{blob}")).await["checksum_sha256"].clone();
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    for round in 0..ROUNDS {
        let publisher = tokio::spawn(publish(jetstream.clone(), round, blob.clone()));
        tokio::time::sleep(random_pause()).await;
        world.alluvium.kill();
        tokio::time::sleep(random_pause() / 4).await;
        world.alluvium.restart().await;
        publisher.await.expect("publishing goes on whatever happens to the binary");
    }
    let total = ROUNDS * ROWS_A_ROUND;
    let count = |sql: &'static str| {
        let world = &world;
        async move { world.query("p", sql).await[0].clone() }
    };
    world.eventually("all rows", || async { count("SELECT count(*) AS n FROM b.keyless").await["n"] == total }).await;
    let loads = ROUNDS * COMMANDS_A_ROUND * 3;
    world.eventually("all loads", || async { count("SELECT count(*) AS n FROM b.loaded").await["n"] == loads }).await;
    let sums = count("SELECT count(DISTINCT n) AS distinct_rows, min(n) AS low, max(n) AS high FROM b.keyless").await;
    assert_eq!(sums, json!({ "distinct_rows": total, "low": 0, "high": total - 1 }));
    let keyed = count("SELECT count(*) AS n, min(round) AS low, max(round) AS high FROM b.keyed").await;
    assert_eq!(keyed, json!({ "n": ROWS_A_ROUND, "low": ROUNDS - 1, "high": ROUNDS - 1 }));
    let buckets = world.get("/projects/p/branches/default/buckets?limit=1000").await;
    assert_eq!(buckets["total"], 1 + ROUNDS * COMMANDS_A_ROUND);
    let verified = world.cli(&["projections", "verify", "--all", "--output", "json"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{text}\n{}", String::from_utf8_lossy(&verified.stderr));
}

/// One round of load: rows into two tables, buckets and file loads by command. NATS stays up, so every publish is stored.
async fn publish(jetstream: async_nats::jetstream::Context, round: u64, blob: Value) {
    let mut acks = Vec::new();
    let mut send = async |subject: String, id: String, body: Value| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let ack = jetstream.publish_with_headers(subject, headers, body.to_string().into()).await.expect("a publish");
        acks.push(ack);
    };
    for n in 0..ROWS_A_ROUND {
        let (row, keyed) =
            (json!({ "n": round * ROWS_A_ROUND + n, "round": round }), json!({ "k": n, "round": round }));
        send("rows.default.p.b.keyless".into(), format!("keyless-{round}-{n}"), row).await;
        send("rows.default.p.b.keyed".into(), format!("keyed-{round}-{n}"), keyed).await;
        if n % (ROWS_A_ROUND / COMMANDS_A_ROUND) == 0 {
            let bucket = json!({ "project": "p", "bucket": format!("r{round}-{n}") });
            send("cmd.default.storage.CreateBucket".into(), format!("bucket-{round}-{n}"), bucket).await;
            let load = json!({
                "project": "p", "bucket": "b", "table": "loaded", "blob": blob, "size_bytes": 8, "incremental": true
            });
            send("cmd.default.storage.LoadTable".into(), format!("load-{round}-{n}"), load).await;
        }
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    for ack in acks {
        ack.await.expect("an acknowledgement");
    }
}
