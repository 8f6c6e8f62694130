//! Servers killed and workers crashed: nothing lost, nothing doubled.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

mod play;

use std::time::Duration;

use alluvium_eventlog::Lease;
use play::*;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_and_doubles_nothing() {
    const COMMANDS: usize = 3_000;
    let mut world = World::new().await;
    let running = world.execute(connection(&world.nats).await, "a");
    let client = world.client().await;
    let sends: Vec<_> = (0..COMMANDS)
        .map(|n| {
            let client = client.clone();
            let request = add(&format!("k{n}"), &format!("c{}", n % 400), 1);
            tokio::spawn(async move { client.send(&request, Duration::from_secs(90)).await })
        })
        .collect();
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(150 + 100 * round)).await;
        world.nats.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.nats.restart().await;
    }
    for send in sends {
        accepted(&send.await.unwrap().unwrap());
    }
    running.stop().await;
    let events = carried_out(&world).await;
    assert_eq!(events.len(), COMMANDS);
    assert!(events.values().all(|events| *events == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_lost_between_commit_and_telling_is_told_as_it_was() {
    let world = World::new().await;
    let out = world.js.get_stream("OUT").await.unwrap().cached_info().config.clone();
    // Outcomes are refused: the commit succeeds, then the worker crashes.
    let tiny = async_nats::jetstream::stream::Config { max_message_size: 1, ..out.clone() };
    world.js.update_stream(tiny).await.unwrap();
    let running = world.execute(connection(&world.nats).await, "a");
    let client = world.client().await;
    let send = |id: &str| {
        let (client, request) = (client.clone(), add(id, "c", 7));
        tokio::spawn(async move { client.send(&request, Duration::from_mins(1)).await.unwrap() })
    };
    let (one, two) = (send("one"), send("two"));
    let both = async {
        while carried_out(&world).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT, both).await.unwrap();
    assert!(world.read("OUT").await.is_empty(), "nothing was told");
    running.crash().await;
    assert!(!one.is_finished() && !two.is_finished(), "what is not stored is not told");
    world.js.update_stream(out).await.unwrap();
    let running = world.execute(connection(&world.nats).await, "b");
    let mut totals = [one.await.unwrap(), two.await.unwrap()].map(|outcome| accepted(&outcome).1["total"].clone());
    totals.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(totals, [7, 14], "the results are those of the first decision");
    running.stop().await;
    assert!(carried_out(&world).await.values().all(|events| *events == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_takes_over_from_a_crashed_one() {
    let world = World::new().await;
    let first = world.execute(connection(&world.nats).await, "first");
    let client = world.client().await;
    accepted(&client.send(&add("one", "c", 1), WAIT).await.unwrap());
    let second = world.execute(connection(&world.nats).await, "second");
    first.crash().await;
    assert_eq!(accepted(&client.send(&add("two", "c", 1), WAIT).await.unwrap()).1["total"], 2);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder() {
    let world = World::new().await;
    let cancel = CancellationToken::new();
    let acquire = |owner: &'static str| {
        let (js, cancel) = (world.js.clone(), cancel.clone());
        async move { Lease::acquire(&js, "executor.test", owner, 1, &cancel).await.unwrap() }
    };
    let lost = acquire("crashed").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(lost);
    let dropped = std::time::Instant::now();
    let first = acquire("first").await;
    assert!(dropped.elapsed() > Duration::from_secs(2), "not before it ran out: {:?}", dropped.elapsed());
    // Longer than the lease holds without renewal.
    let early = tokio::time::timeout(Duration::from_secs(6), acquire("second")).await;
    assert!(early.is_err(), "the first one still holds it");
    assert!(!first.lost().is_cancelled());
    first.release().await;
    let second = tokio::time::timeout(Duration::from_secs(2), acquire("second")).await.unwrap();
    drop(second);
    let dropped = std::time::Instant::now();
    let third = acquire("third").await;
    assert!(dropped.elapsed() > Duration::from_secs(2), "not before it ran out: {:?}", dropped.elapsed());
    drop(third);
    let dropped = std::time::Instant::now();
    let followed = acquire("third").await;
    assert!(dropped.elapsed() < Duration::from_secs(1), "its own lease at once: {:?}", dropped.elapsed());
    assert!(!followed.lost().is_cancelled());
}
