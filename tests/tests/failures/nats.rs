//! The log goes away and comes back.

use std::time::Duration;

use alluvium_blackbox::World;
use serde_json::json;

use crate::support::*;

/// Rows and buckets that are written all the while.
const ROWS: u64 = 1_000;
const BUCKETS_WRITTEN: u64 = 60;

enum Outage {
    Killed,
    Paused,
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_killed_writes_get_503_reads_go_on_and_nothing_is_lost_or_doubled() {
    outage(Outage::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_paused_writes_get_503_reads_go_on_and_nothing_is_lost_or_doubled() {
    outage(Outage::Paused).await;
}

async fn outage(outage: Outage) {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let rows = tokio::spawn(publish_rows(world.nats.url(), "t", 0..ROWS, Duration::from_millis(2)));
    let writer = create_buckets(world.alluvium.url(), 0..BUCKETS_WRITTEN, Duration::from_millis(20));
    let writer = tokio::spawn(writer);
    tokio::time::sleep(Duration::from_millis(600)).await;
    match outage {
        Outage::Killed => world.nats.kill(),
        Outage::Paused => world.nats.pause(),
    }
    let why = not_ready(&world, "nats").await;
    assert!(why.contains("lost") || why.contains("answer"), "{why}");

    let bucket = json!({ "project": "p", "bucket": "meanwhile" });
    let path = "/commands/storage/CreateBucket";
    let (name, table) = (json!({ "name": "surface" }), format!("{TABLES}/t/preview"));
    let (write, surface, list, preview) = tokio::join!(
        ask(&world, path, Some(&bucket), Some("meanwhile")),
        ask(&world, BUCKETS, Some(&name), None),
        ask(&world, BUCKETS, None, None),
        ask(&world, &table, None, None),
    );
    write.assert_unavailable();
    surface.assert_unavailable();
    assert_eq!((list.status, preview.status), (200, 200), "reads go on: {list:?} {preview:?}");

    match outage {
        Outage::Killed => world.nats.restart().await,
        Outage::Paused => world.nats.resume(),
    }
    becomes_ready(&world).await;
    let again = ask(&world, path, Some(&bucket), Some("meanwhile")).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("accepted")), "{again:?}");
    rows.await.expect("publishers resume");
    let refused = writer.await.expect("writers resume");
    println!("{refused} writes were refused and sent again");
    counts(&world, "SELECT count(*) FROM b.t", ROWS).await;
    counts(&world, "SELECT count(DISTINCT n) FROM b.t", ROWS).await;
    let buckets = world.get(&format!("{BUCKETS}?limit=1000")).await;
    let named =
        |name: &str| buckets["buckets"].as_array().expect("buckets").iter().filter(|b| b["name"] == name).count();
    assert_eq!((named("meanwhile"), named("b")), (1, 1));
    let written = (0..BUCKETS_WRITTEN).filter(|n| named(&format!("w{n}")) == 1).count();
    assert_eq!(written as u64, BUCKETS_WRITTEN, "{buckets}");
    world.verify();
}
