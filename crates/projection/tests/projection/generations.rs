//! Rebuilding beside the live fold, checking it, and hearing of both in another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::fixture::{Items, STREAM, World};
use alluvium_kernel::Position;
use alluvium_projection::{Freshness, GenerationState, Pace, Projections, RebuildMode, Settings};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Events that are written before they are applied: a fold that is always behind has nothing to promise.
const WRITTEN_AHEAD_MAX: i64 = 200;

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
                if written % WRITTEN_AHEAD_MAX == 0 {
                    world.applied(last).await;
                }
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
    let report = world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
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
    let report = world.projections.verify("items", Pace::default()).await.unwrap();
    assert_eq!((report.events, report.seq, report.differences.len()), (4, last, 0));

    let schema = world.projections.active("items").unwrap().current();
    let spoil = schema.sql("UPDATE {schema}.item SET total = 11 WHERE id = 'b'");
    sqlx::query(spoil).execute(&world.pool).await.unwrap();
    let found = world.projections.verify("items", Pace::default()).await.unwrap().differences;
    assert_eq!((found.len(), found[0].table.as_str(), found[0].only_live, found[0].only_replayed), (1, "item", 1, 1));
    let row = found[0].first.as_ref().unwrap();
    assert_eq!((row.key["id"].as_str(), row.columns.as_slice()), (Some("b"), &["total".to_owned()][..]));
    assert_eq!(
        (&row.live.as_ref().unwrap()["total"], &row.replayed.as_ref().unwrap()["total"]),
        (&11.into(), &10.into())
    );

    let refused = world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap_err();
    assert_eq!(refused.code, "projection.differs");
    assert!(refused.detail.contains("item"), "{}", refused.detail);
    assert_eq!(world.item("b").await, Some((11, 2)), "nothing was switched");
    let rebuilt = world.projections.rebuild("items", RebuildMode::AcceptDifferences, Pace::default()).await.unwrap();
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
    world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
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
    let report = world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    assert_eq!((report.events, report.seq), (1, first));
    world.run();
    let last = world.event("a", 4).await;
    world.applied(last).await;
    assert_eq!(world.item("a").await, Some((7, 3)));
}

/// Number and state of every generation.
async fn generations(world: &World) -> Vec<(i32, GenerationState)> {
    let found = world.projections.generations("items").await.unwrap();
    found.iter().map(|found| (found.generation, found.state)).collect()
}

#[tokio::test]
async fn a_rollback_under_writes_catches_up_first_and_no_read_goes_back() {
    let world = Arc::new(World::start().await);
    let nothing = world.projections.rollback("items", Pace::default()).await.unwrap_err();
    assert_eq!((nothing.code.as_str(), nothing.status), ("projection.nothing_kept", 409));
    for n in 0..200 {
        world.event(&format!("i{}", n % 9), 1).await;
    }
    world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    assert_eq!(generations(&world).await, [(2, GenerationState::Live), (1, GenerationState::Kept)]);
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let (mut written, mut last) = (200, 0);
            while !done.load(Ordering::Relaxed) {
                last = world.event(&format!("i{}", written % 9), 1).await;
                written += 1;
                if written % WRITTEN_AHEAD_MAX == 0 {
                    world.applied(last).await;
                }
            }
            (written, last)
        }
    });
    let reader = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                // What was promised is there, whichever generation answers.
                let promised = world.freshness.applied("items").unwrap();
                let now = world.sums().await;
                assert!(now.1 >= before && now.1 as u64 >= promised, "{now:?} after {before}, {promised} was promised");
                before = now.1;
            }
        }
    });
    for expected in [1, 2, 1] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let report = world.projections.rollback("items", Pace::default()).await.unwrap();
        assert_eq!(report.to_generation, expected);
        assert!(report.events > 0, "{report:?}");
    }
    done.store(true, Ordering::Relaxed);
    let (written, last) = writer.await.unwrap();
    reader.await.unwrap();
    world.applied(last).await;
    assert_eq!(world.sums().await, (written, written, written));
    assert_eq!(world.projections.verify("items", Pace::default()).await.unwrap().differences, []);
    assert_eq!(generations(&world).await, [(2, GenerationState::Kept), (1, GenerationState::Live)]);
    // Another rebuild keeps one only.
    world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    let after = generations(&world).await;
    assert_eq!(
        after.iter().map(|(_, state)| *state).collect::<Vec<_>>(),
        [GenerationState::Live, GenerationState::Kept]
    );
    assert_eq!(after[1].0, 1);
    world.projections.drop_generation("items", 1).await.unwrap();
    let nothing = world.projections.rollback("items", Pace::default()).await.unwrap_err();
    assert_eq!(nothing.code, "projection.nothing_kept");
    let unknown = world.projections.drop_generation("items", 1).await.unwrap_err();
    assert_eq!((unknown.code.as_str(), unknown.status), ("projection.unknown_generation", 404));
}

#[tokio::test]
async fn a_slow_rebuild_that_ends_with_its_process_is_dropped_at_the_next_start() {
    let mut world = World::start().await;
    let mut last = 0;
    for n in 0..300 {
        last = world.event(&format!("i{}", n % 9), 1).await;
    }
    world.applied(last).await;
    let slow = Pace { events_per_second: 100, share_percent: 100 };
    let rebuilding = tokio::spawn({
        let projections = world.projections.clone();
        async move { projections.rebuild("items", RebuildMode::MustEqual, slow).await }
    });
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(generations(&world).await, [(2, GenerationState::Building), (1, GenerationState::Live)]);
    let busy = world.projections.drop_generation("items", 2).await.unwrap_err();
    assert_eq!(busy.code, "projection.generation_in_use");
    let progress = (*world.projections.progress("items").unwrap().borrow()).unwrap();
    assert!((20..150).contains(&progress.done), "100 a second: {progress:?}");
    // A second process that begins to fold leaves it alone.
    world.halt().await;
    world.run();
    world.until_ready().await;
    assert!(!rebuilding.is_finished());
    assert_eq!(generations(&world).await[0], (2, GenerationState::Building));

    rebuilding.abort();
    assert!(rebuilding.await.unwrap_err().is_cancelled());
    for _ in 0..100 {
        if generations(&world).await[0].1 == GenerationState::LeftBehind {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(generations(&world).await[0], (2, GenerationState::LeftBehind));
    world.halt().await;
    world.run();
    for _ in 0..100 {
        if generations(&world).await.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(generations(&world).await, [(1, GenerationState::Live)]);
    let report = world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    assert_eq!((report.events, report.to_generation), (300, 3));
}

#[tokio::test]
async fn a_rollback_obeys_the_remedies_that_were_made_since() {
    let world = World::start().await;
    world.event("a", 1).await;
    let poison = world.event("a", "poison").await;
    let last = world.event("a", 2).await;
    world.applied(last).await;
    world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    world.remedy("demo.item.a", Some(poison), "EV:1").await.unwrap();
    assert_eq!(world.item("a").await, Some((3, 2)));
    world.projections.rollback("items", Pace::default()).await.unwrap();
    assert_eq!(world.item("a").await, Some((3, 2)));
    assert_eq!(world.projections.parked("items").await.unwrap(), []);
    assert_eq!(world.projections.verify("items", Pace::default()).await.unwrap().differences, []);
}

#[tokio::test]
async fn a_flip_while_another_process_folds_too_loses_nothing_and_both_go_on() {
    let world = Arc::new(World::start().await);
    let pool = PgPool::connect(&world.url).await.unwrap();
    let settings = Settings { pool, js: world.js.clone(), freshness: Freshness::default() };
    let other = Projections::open(settings, vec![Arc::new(Items)]).await.unwrap();
    let stop = CancellationToken::new();
    let folding = tokio::spawn({
        let (other, stop) = (other.clone(), stop.clone());
        async move { other.run(stop).await }
    });
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let (mut written, mut last) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                last = world.event(&format!("i{}", written % 9), 1).await;
                written += 1;
                if written % WRITTEN_AHEAD_MAX == 0 {
                    world.applied(last).await;
                }
            }
            (written, last)
        }
    });
    let reader = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        async move {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                let now = world.sums().await.1;
                assert!(now >= before, "{now} after {before}");
                before = now;
            }
        }
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let (written, last) = writer.await.unwrap();
    reader.await.unwrap();
    world.applied(last).await;
    assert_eq!(world.sums().await, (written, written, written));
    for _ in 0..100 {
        if other.active("items").unwrap().current().generation() == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(other.active("items").unwrap().current().generation(), 4);
    stop.cancel();
    folding.await.unwrap();
}
