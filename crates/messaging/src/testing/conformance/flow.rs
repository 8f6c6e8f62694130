//! Bounds, flushes and ends.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use super::{
    PATIENCE, Subject,
    world::{Running, World, message, until},
};
use crate::profile::Profile;

/// What runs may finish; what waits is given back.
pub async fn draining_finishes_what_runs(subject: Subject) {
    let world = World::new(subject).await;
    world.publish((0..5).map(|n| message("a", n))).await;
    let began = Arc::new(AtomicUsize::new(0));
    let count = began.clone();
    let running = Running::start(world.reading(), move |_, _| {
        count.fetch_add(1, SeqCst);
        async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(())
        }
    });
    until("the first runs", async || began.load(SeqCst) == 1).await;
    let report = running.end().await;
    assert_eq!(report.finished, 1);
    let rest = Running::start(world.reading(), |_, _| ready(Ok(())));
    until("the rest is handled", async || world.unsettled().await == 0).await;
    let mut texts = rest.texts();
    // A broker that delivers again may do so in another order.
    texts.sort();
    assert_eq!(texts, ["a:1", "a:2", "a:3", "a:4"]);
    rest.end().await;
}

/// A flush resolves when everything before it is stored.
pub async fn flushing_waits_for_everything(subject: Subject) {
    let world = World::new(subject).await;
    let mut pending = Vec::new();
    for n in 0..200 {
        pending.push(world.bus.send(message("a", n)).await.expect("a place in the window"));
    }
    world.bus.flush(PATIENCE).await.expect("all are stored");
    for each in pending {
        // Outside tokio's budget, which ends after 128 things that are ready.
        let result = futures::FutureExt::now_or_never(tokio::task::unconstrained(each));
        let result = result.expect("resolved by the flush");
        result.expect("stored");
    }
    assert_eq!(world.bus.admin().describe(world.place()).await.expect("it is there").messages.unwrap_or(200), 200);
}

/// A loop holds no more than it may, and handles everything nevertheless.
pub async fn intake_stays_within_its_bound(subject: Subject) {
    const MOST: usize = 7;
    let world = World::new(subject).await;
    world.publish((0..60).map(|n| message(&format!("k{n}"), n))).await;
    let profile = Profile::custom(&Profile::Reliable).jetstream(|it| it.max_in_flight = MOST);
    let running = Running::start(world.reading().profile(profile), |_, _| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(())
    });
    let mut most = 0;
    until("all are handled", async || {
        most = most.max(running.handle.report().in_flight);
        running.texts().len() == 60
    })
    .await;
    assert!(most <= MOST, "{most}");
    running.end().await;
}
