//! The log is not the one that the folds were made from any more.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use alluvium_blackbox::World;
use serde_json::json;

use crate::support::*;

/// Rows before the moment that a truncated log goes back to, and after it.
const ROWS: u64 = 50;

#[derive(Clone, Copy, PartialEq)]
enum Platform {
    Running,
    Stopped,
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_truncated_under_a_running_platform_quarantines_and_the_remedy_works() {
    truncated(Platform::Running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_truncated_under_a_stopped_platform_quarantines_and_the_remedy_works() {
    truncated(Platform::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_made_anew_under_a_running_platform_quarantines_and_the_remedy_works() {
    made_anew(Platform::Running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_made_anew_under_a_stopped_platform_quarantines_and_the_remedy_works() {
    made_anew(Platform::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_deleted_under_a_running_platform_quarantines() {
    let world = begun().await;
    jetstream(&world).await.delete_stream("STORAGE").await.expect("it is deleted");
    quarantined(&world).await;
    let list = ask(&world, BUCKETS, None, None).await;
    assert_eq!(list.status, 200, "what was folded stays readable: {list:?}");
    // What cannot be decided is said to be so, and nobody waits for minutes.
    let began = std::time::Instant::now();
    let bucket = json!({ "project": "p", "bucket": "undecided" });
    let refused = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), None).await;
    assert_eq!((refused.status, refused.code()), (503, "platform.log_unavailable"), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

async fn jetstream(world: &World) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(world.nats.connect().await)
}

/// A world with a table of some rows.
async fn begun() -> World {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..ROWS, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", ROWS).await;
    world
}

fn store(world: &World) -> PathBuf {
    world.nats.directory().join("nats/jetstream")
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

async fn truncated(platform: Platform) {
    let mut world = begun().await;
    let earlier = tempfile::tempdir().expect("a directory");
    world.nats.kill();
    copy(&store(&world), &earlier.path().join("jetstream"));
    world.nats.restart().await;
    becomes_ready(&world).await;
    world.command("storage", "CreateBucket", &json!({ "project": "p", "bucket": "later" })).await;
    publish_rows(world.nats.url(), "t", ROWS..2 * ROWS, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 2 * ROWS).await;
    if platform == Platform::Stopped {
        assert!(world.alluvium.stop().await.success());
    }
    world.nats.kill();
    std::fs::remove_dir_all(store(&world)).expect("the store goes");
    copy(&earlier.path().join("jetstream"), &store(&world));
    world.nats.restart().await;
    if platform == Platform::Stopped {
        world.alluvium.restart_until("/health").await;
    }
    quarantined(&world).await;
    // As many rows as were lost and more: the sequences are reached again, the messages are others.
    publish_rows(world.nats.url(), "t", 10 * ROWS..12 * ROWS, Duration::ZERO).await;
    quarantined(&world).await;
    remedied(&world);
    becomes_ready(&world).await;
    counts(&world, "SELECT count(*) FROM b.t", 3 * ROWS).await;
    counts(&world, &format!("SELECT count(*) FROM b.t WHERE n >= {}", 10 * ROWS), 2 * ROWS).await;
    let buckets = world.get(BUCKETS).await;
    assert_eq!(buckets["total"], 1, "the bucket of the lost part is gone: {buckets}");
    goes_on(&world).await;
}

async fn made_anew(platform: Platform) {
    let mut world = begun().await;
    if platform == Platform::Stopped {
        assert!(world.alluvium.stop().await.success());
    }
    jetstream(&world).await.delete_stream("STORAGE").await.expect("it is deleted");
    match platform {
        Platform::Running => {
            let applied = world.cli(&["streams", "apply", "--yes"]);
            assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        }
        Platform::Stopped => world.alluvium.restart_until("/health").await,
    }
    quarantined(&world).await;
    // Decided on what the log has now, not on what was known of the old one.
    world.command("storage", "CreateProject", &json!({ "project": "p" })).await;
    quarantined(&world).await;
    remedied(&world);
    becomes_ready(&world).await;
    assert_eq!(world.get(BUCKETS).await["total"], 0, "only the new project is there");
    world.post(BUCKETS, &json!({ "name": "b" })).await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    goes_on(&world).await;
}

/// Nothing goes on silently: state, `/ready`, the log, and reads of tables all say so.
async fn quarantined(world: &World) {
    let why = not_ready(world, "tables").await;
    assert!(why.contains("rebuild"), "{why}");
    not_ready(world, "projection.storage").await;
    for name in ["storage", "tables"] {
        world.eventually("a quarantine", || async { projection(world, name).await["state"] == "quarantined" }).await;
    }
    let output = world.alluvium.output();
    assert!(output.contains("QUARANTINED") && output.contains("the table fold is quarantined"), "{output}");
    let read = ask(world, &format!("{TABLES}/t/preview"), None, None).await;
    read.assert_unavailable();
    assert_eq!(read.code(), "tables_quarantined");
    let query = ask(world, "/projects/p/query", Some(&json!({ "query": "SELECT count(*) FROM b.t" })), None).await;
    query.assert_unavailable();
}

/// What `docs/operations.md` says to do: rebuild from what the stream holds now.
fn remedied(world: &World) {
    let equal = world.cli(&["projections", "rebuild", "storage", "--yes"]);
    assert_eq!(equal.status.code(), Some(4), "a rebuild that differs must be asked for");
    let rebuilt = world.cli(&["projections", "rebuild", "--all", "--accept-differences", "--yes"]);
    let error = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(rebuilt.status.success(), "{error}\n{}", world.alluvium.output());
}

/// Writes, rows and reads work, and a rebuild finds the same.
async fn goes_on(world: &World) {
    let before = number(world, "SELECT count(*) FROM b.t").await.expect("a number");
    world.post(BUCKETS, &json!({ "name": "after" })).await;
    publish_rows(world.nats.url(), "t", 1_000_000..1_000_010, Duration::ZERO).await;
    counts(world, "SELECT count(*) FROM b.t", before + 10).await;
    world.verify();
}
