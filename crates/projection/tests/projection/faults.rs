//! What breaks around a projection, broken for real.

use std::time::{Duration, Instant};

use crate::fixture::{ONCE, STREAM, World, make_stream, publish};
use alluvium_kernel::Position;
use alluvium_projection::{HEARTBEAT_AGE_MS_MAX, Pace, RebuildMode, State};
use alluvium_testing::Postgres;
use sqlx::Connection as _;

#[tokio::test]
async fn applies_in_order_and_passes_what_does_not_concern_it() {
    let world = World::start().await;
    let mut acks = Vec::new();
    for n in 0..3_000 {
        let id = n % 7;
        acks.push(world.js.publish(format!("demo.item.{id}"), format!("{id} 1").into()).await.unwrap());
    }
    for ack in acks {
        ack.await.unwrap();
    }
    let elsewhere = publish(&world.js, "demo.other", "not for us").await;
    let began = Instant::now();
    world.applied(elsewhere).await;
    assert_eq!(world.sums().await, (3_000, 3_000, 3_000));
    assert!(began.elapsed() < Duration::from_secs(15));

    let again = publish(&world.js, "demo.other", "not for us").await;
    let began = Instant::now();
    world.applied(again).await;
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "who waits is not left to the idle tick: {:?}",
        began.elapsed()
    );
    let health = world.health().await;
    assert_eq!((health.state, health.watermark, health.lag_events), (State::Running, again, Some(0)));
    assert!(health.is_ready() && health.heartbeat_age_ms.unwrap() < 5_000);
    let beyond = Position::of(STREAM, again + 1);
    let problem = world.freshness.wait(&beyond, &["items"], Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(problem.code, "projection.lagging");
}

#[tokio::test]
async fn a_dead_poller_shows_on_an_idle_stream() {
    let mut world = World::start().await;
    let last = world.event("a", 1).await;
    world.applied(last).await;
    let alive = world.health().await;
    assert!(alive.is_ready() && alive.heartbeat_age_ms.unwrap() < 5_000, "{alive:?}");

    // The server stands still: connected, and silent.
    world.nats.pause();
    let silent = world.until_not_ready().await;
    let is_dead = silent.heartbeat_age_ms.unwrap() > HEARTBEAT_AGE_MS_MAX;
    assert!(is_dead || silent.state == State::Retrying, "{silent:?}");
    world.nats.resume();
    let back = world.until_ready().await;
    assert_eq!((back.state, back.lag_events), (State::Running, Some(0)));

    // The runner itself is gone, without a word.
    world.abort();
    let dead = world.until_not_ready().await;
    assert_eq!((dead.lag_events, dead.lag_seconds), (Some(0), 0.0), "nothing else shows it");
    assert!(dead.heartbeat_age_ms.unwrap() > HEARTBEAT_AGE_MS_MAX);
}

#[tokio::test]
async fn lag_is_the_age_of_what_waits_and_nothing_else() {
    let mut world = World::start().await;
    let last = world.event("a", 1).await;
    world.applied(last).await;
    world.halt().await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    publish(&world.js, "demo.other", "not for us").await;
    let health = world.health().await;
    assert_eq!((health.lag_events, health.lag_seconds), (Some(1), 0.0), "what does not concern it does not wait");
    world.event("a", 2).await;
    let health = world.health().await;
    assert!(health.lag_seconds < 1.0, "not the age of what was applied last: {health:?}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(world.health().await.lag_seconds > 1.0);
}

#[tokio::test]
async fn terminated_connections_lose_and_double_nothing() {
    let world = World::start().await;
    let url = world.url.clone();
    let killer = tokio::spawn(async move {
        let mut killed = 0_i64;
        for _ in 0..40 {
            let mut db = sqlx::PgConnection::connect(&url).await.unwrap();
            killed += sqlx::query_scalar::<_, i64>(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .fetch_one(&mut db)
            .await
            .unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        killed
    });
    let mut last = 0;
    let mut sent = 0;
    while !killer.is_finished() {
        last = world.event(&format!("k{}", sent % 5), 1).await;
        sent += 1;
    }
    assert!(killer.await.unwrap() > 10);
    world.applied(last).await;
    assert_eq!(world.sums().await, (sent, sent, sent));
}

#[tokio::test]
async fn postgres_and_nats_may_go_away_and_come_back() {
    let mut postgres = Postgres::start().await;
    let mut world = World::on(&postgres).await;
    let first = world.event("a", 1).await;
    world.applied(first).await;

    postgres.kill();
    let meanwhile = world.event("a", 10).await;
    let health = world.until(State::Retrying).await;
    assert!(health.error.is_some() && health.lag_events.unwrap() > 0, "{health:?}");
    postgres.restart().await;
    world.applied(meanwhile).await;
    assert_eq!(world.item("a").await, Some((11, 2)));

    world.nats.kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.item("a").await, Some((11, 2)), "reads go on");
    world.nats.restart().await;
    let after = loop {
        match world.js.publish("demo.item.a", "a 100".into()).await.unwrap().await {
            Ok(ack) => break ack.sequence,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    world.applied(after).await;
    assert_eq!(world.item("a").await.unwrap().0 % 100, 11);
    assert_eq!(world.until(State::Running).await.error, None);
}

#[tokio::test]
async fn a_poison_event_parks_its_key_and_nothing_else() {
    let mut world = World::start().await;
    world.halt().await;
    world.event("a", 1).await;
    let poison = world.event("a", "poison").await;
    world.event("a", 2).await;
    world.event("b", 5).await;
    let refused = world.event("c", -7).await;
    let panics = world.event("d", "panic").await;
    let last = world.event("b", 6).await;
    world.run();
    world.applied(last).await;
    assert_eq!(world.item("a").await, Some((1, 1)));
    assert_eq!(world.item("b").await, Some((11, 2)));
    assert_eq!(world.item("c").await, None);
    let health = world.health().await;
    assert_eq!((health.parked_events, health.parked_keys), (4, 3));
    let parked = world.projections.parked("items").await.unwrap();
    let codes: Vec<_> = parked.iter().map(|p| (p.seq, p.code.as_str())).collect();
    assert_eq!(
        codes,
        [
            (poison, "demo.not_a_number"),
            (poison + 1, "projection.parked_behind"),
            (refused, "projection.apply_rejected"),
            (panics, "projection.apply_rejected")
        ]
    );
    // A later event of a parked key joins it, also in another batch.
    let later = world.event("a", 4).await;
    world.applied(later).await;
    assert_eq!((world.item("a").await, world.health().await.parked_events), (Some((1, 1)), 5));

    let problem = world.remedy("demo.item.a", None, "1").await.unwrap_err();
    assert_eq!(problem.code, "projection.still_poison");
    assert_eq!(world.remedy("demo.item.z", None, "2").await.unwrap_err().code, "projection.not_parked");
    let another = world.remedy("demo.item.a", Some(poison + 1), "3").await.unwrap_err();
    assert_eq!(another.code, "projection.not_first");
    let remedy = world.remedy("demo.item.a", Some(poison), "4").await.unwrap();
    assert_eq!((remedy.skipped, remedy.applied, remedy.remaining), (1, 2, 0));
    let again = world.remedy("demo.item.a", Some(poison), "4").await.unwrap();
    assert_eq!(again, remedy, "the same order is done once");
    assert_eq!(world.item("a").await, Some((7, 3)));
    let next = world.event("a", 100).await;
    world.applied(next).await;
    assert_eq!(world.item("a").await, Some((107, 4)), "the key is in service again");

    // What made c fail is corrected.
    let schema = world.projections.active("items").unwrap().current();
    let correct = schema.sql("ALTER TABLE {schema}.item DROP CONSTRAINT item_total_check");
    sqlx::query(correct).execute(&world.pool).await.unwrap();
    assert_eq!(world.remedy("demo.item.c", None, "5").await.unwrap().applied, 1);
    assert_eq!(world.item("c").await, Some((-7, 1)));
}

#[tokio::test]
async fn what_the_database_refuses_at_the_commit_parks_its_key_too() {
    let mut world = World::start().await;
    world.halt().await;
    world.event("a", ONCE).await;
    world.event("b", 1).await;
    let refused = world.event("c", ONCE).await;
    let last = world.event("b", 2).await;
    world.run();
    world.applied(last).await;
    assert_eq!((world.item("a").await, world.item("b").await), (Some((ONCE, 1)), Some((3, 2))));
    assert_eq!(world.item("c").await, None);
    let parked = world.projections.parked("items").await.unwrap();
    let codes: Vec<_> = parked.iter().map(|p| (p.seq, p.code.as_str())).collect();
    assert_eq!(codes, [(refused, "projection.apply_rejected")]);
    assert_eq!(
        world.projections.verify("items", Pace::default()).await.unwrap().differences,
        [],
        "a replay parks the same"
    );
}

#[tokio::test]
async fn a_skipped_event_stays_skipped_in_a_replay() {
    let world = World::start().await;
    world.event("a", 1).await;
    let poison = world.event("a", "poison").await;
    let last = world.event("a", 2).await;
    world.applied(last).await;
    world.remedy("demo.item.a", Some(poison), "1").await.unwrap();
    assert_eq!(world.projections.verify("items", Pace::default()).await.unwrap().differences, []);
}

#[tokio::test]
async fn what_the_log_gave_up_is_left_out_also_by_a_database_made_anew() {
    let mut world = World::start().await;
    world.halt().await;
    world.event("a", 1).await;
    let before = world.event("a", "poison").await;
    let parked = world.event("b", "poison").await;
    world.event("b", 5).await;
    let last = world.event("a", 2).await;
    world.obey("demo.item.a", before, "1").await;
    world.run();
    world.applied(last).await;
    assert_eq!((world.item("a").await, world.item("b").await), (Some((3, 2)), None));
    world.obey("demo.item.b", parked, "2").await;
    world.obey("demo.item.b", parked, "2").await;
    assert_eq!((world.item("b").await, world.health().await.parked_events), (Some((5, 1)), 0));
}

#[tokio::test]
async fn a_stream_made_anew_quarantines_until_rebuilt() {
    let mut world = World::start().await;
    for n in 0..5 {
        world.event("old", n).await;
    }
    let last = world.event("old", 1).await;
    world.applied(last).await;
    world.halt().await;
    world.js.delete_stream(STREAM).await.unwrap();
    make_stream(&world.js).await;
    for _ in 0..20 {
        world.event("new", 1).await;
    }
    world.run();
    let health = world.until(State::Quarantined).await;
    assert!(!health.is_ready() && health.error.unwrap().contains("made anew"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        (world.item("new").await, world.item("old").await),
        (None, Some((11, 6))),
        "nothing is mixed, reads go on"
    );

    world.halt().await;
    world.run();
    world.until(State::Quarantined).await;
    let refused = world.projections.rebuild("items", RebuildMode::MustEqual, Pace::default()).await.unwrap_err();
    assert_eq!(refused.code, "projection.differs");
    let report = world.projections.rebuild("items", RebuildMode::AcceptDifferences, Pace::default()).await.unwrap();
    assert_eq!((report.events, report.seq), (20, 20));
    let next = world.event("new", 1).await;
    world.applied(next).await;
    assert_eq!((world.item("new").await, world.item("old").await), (Some((21, 21)), None));
    world.until(State::Running).await;
}

#[tokio::test]
async fn a_stream_replaced_under_a_running_fold_quarantines_it() {
    let world = World::start().await;
    let last = world.event("old", 1).await;
    world.applied(last).await;
    world.js.delete_stream(STREAM).await.unwrap();
    make_stream(&world.js).await;
    for _ in 0..3 {
        world.event("new", 1).await;
    }
    world.until(State::Quarantined).await;
    assert_eq!(world.item("new").await, None);
}

#[tokio::test]
async fn a_deleted_stream_quarantines_it() {
    let world = World::start().await;
    let last = world.event("old", 1).await;
    world.applied(last).await;
    world.js.delete_stream(STREAM).await.unwrap();
    let health = world.until(State::Quarantined).await;
    assert!(health.error.unwrap().contains("deleted"));
}
