//! Killed with -9 at random moments of a load: nothing lost, nothing doubled, every projection equal to a rebuild.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alluvium_blackbox::demo::{self, LOADED, PUBLISHED, Straight};
use alluvium_blackbox::{Cli, World};
use serde_json::{Value, json};
use uuid::Uuid;

/// Rounds of killing.
const ROUNDS: u64 = 20;
/// Rows published in a round of the mixed load, one message a row.
const ROWS_A_ROUND: u64 = 2_000;
/// Commands sent in a round of the mixed load.
const COMMANDS_A_ROUND: u64 = 10;
/// The latest kill in a round of the mixed load.
const MIXED_KILL_MAX: Duration = Duration::from_millis(395);
/// A table of the demo's flights without their key, where a row that is applied twice shows.
const UNKEYED: &str = "departures";

/// A time up to the longest that differs each time.
fn random_pause(longest: Duration) -> Duration {
    longest * u32::from(Uuid::new_v4().as_bytes()[0]) / u32::from(u8::MAX)
}

#[tokio::test]
async fn twenty_kills_in_the_demos_load_leave_its_answers_as_they_are() {
    let mut world = World::start().await;
    demo::create(&world).await;
    let mut unkeyed = demo::table(PUBLISHED);
    (unkeyed["table"], unkeyed["primary_key"]) = (json!(UNKEYED), json!([]));
    world.command("storage", "CreateTable", &unkeyed).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut parts = flights_in_parts(ROUNDS as usize + 1, directory.path()).into_iter();
    let terminal = world.terminal();
    let mut load = || {
        let (cli, part) = (terminal.clone(), parts.next().expect("a part a load"));
        tokio::task::spawn_blocking(move || demo_load(&cli, &part))
    };
    // One load in peace tells how long a load takes, so that the kills fall anywhere in one.
    let began = Instant::now();
    load().await.expect("a load");
    let usual = began.elapsed();
    let (mut within, mut retried) = (0, 0);
    for _ in 0..ROUNDS {
        let loading = load();
        tokio::time::sleep(random_pause(usual)).await;
        within += u64::from(!loading.is_finished());
        world.alluvium.kill();
        world.alluvium.restart().await;
        retried += loading.await.expect("a load ends whatever happens to the binary");
    }
    println!("{within} of {ROUNDS} kills fell into a load of {usual:?}; {retried} commands were sent again");
    assert!(within > 0, "no kill fell into a load");
    let straight = Straight::open();
    assert_eq!(demo::answers(&world).await, straight.answers());
    for name in LOADED.into_iter().chain([PUBLISHED]) {
        let count = format!("SELECT count(*) AS n FROM nyc.{name}");
        assert_eq!(world.query("demo", &count).await, straight.query(&count), "{name}");
    }
    let sums = |table| format!("SELECT count(*) AS n, sum(flight) AS flights, sum(distance) AS miles FROM nyc.{table}");
    assert_eq!(world.query("demo", &sums(UNKEYED)).await, straight.query(&sums(PUBLISHED)));
    world.verify();
}

/// The demo's flights in files of about the same size, each with the header.
fn flights_in_parts(parts: usize, directory: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(demo::flights().join("flights.csv")).expect("the flights");
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    let rows: Vec<&str> = lines.collect();
    let write = |(number, rows): (usize, &[&str])| {
        let path = directory.join(format!("flights-{number}.csv"));
        std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).expect("a part");
        path
    };
    rows.chunks(rows.len().div_ceil(parts)).enumerate().map(write).collect()
}

/// What `scripts/demo` sends, with a part of the flights and all at once, each again until it is accepted. Gives how many were
/// sent again.
fn demo_load(cli: &Cli, flights: &Path) -> usize {
    let directory = demo::flights();
    let load = |name: &str| {
        let (table, file) = (format!("demo/nyc/{name}"), directory.join(format!("{name}.csv")));
        cli.until_accepted(&["tables", "load", &table, &file.to_string_lossy(), "--null", "NA"]) - 1
    };
    let publish = |name: &str| {
        let table = format!("demo/nyc/{name}");
        cli.until_accepted(&["rows", "publish", &flights.to_string_lossy(), "--table", &table, "--null", "NA"]) - 1
    };
    std::thread::scope(|scope| {
        let jobs = [
            scope.spawn(|| LOADED.into_iter().map(load).sum::<usize>()),
            scope.spawn(|| publish(PUBLISHED)),
            scope.spawn(|| publish(UNKEYED)),
        ];
        jobs.into_iter().map(|job| job.join().expect("accepted in the end")).sum()
    })
}

#[tokio::test]
async fn twenty_kills_in_a_mixed_load_lose_and_double_nothing() {
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
        tokio::time::sleep(Duration::from_millis(5) + random_pause(MIXED_KILL_MAX)).await;
        world.alluvium.kill();
        tokio::time::sleep(random_pause(MIXED_KILL_MAX) / 4).await;
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
    world.verify();
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
