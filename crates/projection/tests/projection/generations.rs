//! Rebuilding beside the live fold, checking it, and hearing of both in another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::fixture::{Items, STREAM, World};
use alluvium_kernel::Position;
use alluvium_projection::{Freshness, Projections, RebuildMode, Settings};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_rebuild_under_writes_equals_the_live_fold_and_no_read_fails() {
    let world = Arc::new(World::start().await);
    let mut last = 0;
    for n in 0..500 {
        last = world.event(&format!("i{}", n % 9), 1).await;
    }
    // A rebuild replays what the live fold has applied.
    world.applied(last).await;
    let done = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let (mut written, mut last) = (500, 0);
            while !done.load(Ordering::Relaxed) {
                last = world.event(&format!("i{}", written % 9), 1).await;
                written += 1;
            }
            (written, last)
        }
    });
    let reader = tokio::spawn({
        let (world, done, reads) = (world.clone(), done.clone(), reads.clone());
        async move {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                // Never goes back, never fails: `sums` unwraps.
                let now = world.sums().await.1;
                assert!(now >= before, "{now} after {before}");
                before = now;
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut progress = world.projections.progress("items").unwrap();
    let watching = tokio::spawn(async move {
        let mut phases = Vec::new();
        while progress.changed().await.is_ok() {
            match *progress.borrow_and_update() {
                Some(now) => phases.push(now),
                None => break,
            }
        }
        phases
    });
    let report = world.projections.rebuild("items", RebuildMode::MustEqual).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    done.store(true, Ordering::Relaxed);
    let (written, last) = writer.await.unwrap();
    reader.await.unwrap();
    assert!(reads.load(Ordering::Relaxed) > 3);
    assert_eq!((report.from_generation, report.to_generation), (1, 2));
    assert!(report.events >= 500 && report.differences.is_empty());
    let phases = watching.await.unwrap();
    // A watcher sees the latest state, not every one.
    assert!(phases.iter().all(|now| now.done <= now.total), "{phases:?}");
    assert!(phases.last().is_some_and(|now| now.total >= 500), "{phases:?}");

    world.applied(last).await;
    assert_eq!(world.sums().await, (written, written, written));
    assert_eq!(world.projections.active("items").unwrap().current().generation(), 2);
    assert_eq!(world.projections.drop_generation("items", 2).await.unwrap_err().code, "projection.generation_in_use");
    world.projections.drop_generation("items", 1).await.unwrap();
    let schemas: Vec<String> = sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'items%'")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(schemas, ["items_g2"]);
}

#[tokio::test]
async fn a_check_finds_a_changed_row_and_names_it() {
    let world = World::start().await;
    for id in ["a", "b", "c"] {
        world.event(id, 5).await;
    }
    let last = world.event("b", 5).await;
    world.applied(last).await;
    let report = world.projections.verify("items").await.unwrap();
    assert_eq!((report.events, report.seq, report.differences.len()), (4, last, 0));

    let schema = world.projections.active("items").unwrap().current();
    let spoil = schema.sql("UPDATE {schema}.item SET total = 11 WHERE id = 'b'");
    sqlx::query(spoil).execute(&world.pool).await.unwrap();
    let found = world.projections.verify("items").await.unwrap().differences;
    assert_eq!((found.len(), found[0].table.as_str(), found[0].only_live, found[0].only_replayed), (1, "item", 1, 1));
    let row = found[0].first.as_ref().unwrap();
    assert_eq!((row.key["id"].as_str(), row.columns.as_slice()), (Some("b"), &["total".to_owned()][..]));
    assert_eq!(
        (&row.live.as_ref().unwrap()["total"], &row.replayed.as_ref().unwrap()["total"]),
        (&11.into(), &10.into())
    );

    let refused = world.projections.rebuild("items", RebuildMode::MustEqual).await.unwrap_err();
    assert_eq!(refused.code, "projection.differs");
    assert!(refused.detail.contains("item"), "{}", refused.detail);
    assert_eq!(world.item("b").await, Some((11, 2)), "nothing was switched");
    let rebuilt = world.projections.rebuild("items", RebuildMode::AcceptDifferences).await.unwrap();
    assert_eq!(rebuilt.differences.len(), 1);
    assert_eq!(world.item("b").await, Some((10, 2)));
    let leftovers: Vec<String> =
        sqlx::query_scalar("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'items%' ORDER BY 1")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(leftovers.len(), 2, "the old one stays, scratch ones do not: {leftovers:?}");
}

#[tokio::test]
async fn another_process_hears_of_progress_and_flips() {
    let world = World::start().await;
    let freshness = Freshness::default();
    let pool = PgPool::connect(&world.url).await.unwrap();
    let settings = Settings { pool, js: world.js.clone(), freshness: freshness.clone() };
    let other = Projections::open(settings, vec![Arc::new(Items)]).await.unwrap();
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (other, stop) = (other.clone(), stop.clone());
        async move { other.follow(stop).await }
    });
    for n in 0..20 {
        let seq = world.event("a", n).await;
        freshness.wait(&Position::of(STREAM, seq), &["items"], Duration::from_secs(5)).await.unwrap();
    }
    world.projections.rebuild("items", RebuildMode::MustEqual).await.unwrap();
    for _ in 0..50 {
        if other.active("items").unwrap().current().generation() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(other.active("items").unwrap().current().generation(), 2);
    assert_eq!(other.health().await[0].heartbeat_age_ms, None, "nobody folds here");
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn a_restart_goes_on_from_the_watermark() {
    let mut world = World::start().await;
    let first = world.event("a", 1).await;
    world.applied(first).await;
    world.halt().await;
    // Without a runner a rebuild keeps one from starting and does the same.
    world.event("a", 2).await;
    let report = world.projections.rebuild("items", RebuildMode::MustEqual).await.unwrap();
    assert_eq!((report.events, report.seq), (1, first));
    world.run();
    let last = world.event("a", 4).await;
    world.applied(last).await;
    assert_eq!(world.item("a").await, Some((7, 3)));
}
