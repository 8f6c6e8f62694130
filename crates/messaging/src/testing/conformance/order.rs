//! The order of keys, and members that come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    time::Duration,
};

use super::{
    Subject,
    world::{Running, World, lock, message, until},
};
use crate::HandlerError;

/// One key never runs twice at once and is never reordered, whatever fails.
pub async fn keys_keep_their_order_under_retry(subject: Subject) {
    let world = World::new(subject).await;
    world.publish((0..20).flat_map(|n| (0..5).map(move |key| message(&format!("k{key}"), n)))).await;
    let running = Running::start(world.reading(), |text, attempt| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if text.ends_with('3') && attempt == 1 { Err(HandlerError::Transient("once".into())) } else { Ok(()) }
    });
    until("all are settled", async || world.unsettled().await == 0).await;
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for text in running.texts() {
        let (key, n) = text.split_once(':').expect("key and number");
        by_key.entry(key.to_owned()).or_default().push(n.parse().expect("a number"));
    }
    running.end().await;
    for (key, mut order) in by_key {
        assert!(order.is_sorted(), "{key}: {order:?}");
        order.dedup();
        assert_eq!(order, (0..20).collect::<Vec<_>>(), "{key}");
    }
}

/// Members join and leave while messages are handled: nothing is lost, and no member handles a key out of order.
pub async fn partitions_that_change_hands_lose_nothing(subject: Subject) {
    const MESSAGES: usize = 120;
    let world = World::new(subject).await;
    world.publish((0..MESSAGES).map(|n| message(&format!("k{}", n % 8), n))).await;
    let work = |_, _| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(())
    };
    let member = || world.reading().concurrency(2).revoke_grace(Duration::from_secs(2));
    let first = Running::start(member(), work);
    until("the first works", async || first.texts().len() >= 10).await;
    let second = Running::start(member(), work);
    until("more is done", async || first.texts().len() + second.texts().len() >= 50).await;
    let left = lock(&first.seen).clone();
    let stayed = first.seen.clone();
    first.end().await;
    assert!(lock(&stayed).len() >= left.len());
    let third = Running::start(member(), |_, _| ready(Ok(())));
    until("all are settled", async || world.unsettled().await == 0).await;
    let lives = [lock(&stayed).clone(), lock(&second.seen).clone(), lock(&third.seen).clone()];
    second.end().await;
    third.end().await;
    let mut all: BTreeSet<usize> = BTreeSet::new();
    for life in lives {
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (text, attempt) in life {
            let (key, n) = text.split_once(':').expect("key and number");
            let n: usize = n.parse().expect("a number");
            all.insert(n);
            let before = last.insert(key.to_owned(), n);
            // What comes again after somebody left may come behind what is new.
            let again = attempt > 1 || world.bus.capabilities().watermark;
            assert!(again || before.is_none_or(|before| before < n), "{text} after {before:?}");
        }
    }
    assert_eq!(all.len(), MESSAGES, "nothing is lost");
}

/// Two members of a group handle everything between them, and what one leaves the other takes.
pub async fn a_second_member_shares_the_work(subject: Subject) {
    let world = World::new(subject).await;
    world.publish((0..40).map(|n| message(&format!("k{n}"), n))).await;
    let slow = |_, _| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    };
    let first = Running::start(world.reading().concurrency(1), slow);
    let second = Running::start(world.reading().concurrency(1), slow);
    until("both work", async || !first.texts().is_empty() || !second.texts().is_empty()).await;
    let early = first.texts();
    first.task.abort();
    first.task.await.expect_err("it was killed");
    until("all are settled", async || world.unsettled().await == 0).await;
    let all: BTreeSet<String> =
        early.into_iter().chain(lock(&first.seen).iter().map(|(text, _)| text.clone())).chain(second.texts()).collect();
    assert_eq!(all.len(), 40, "nothing is lost");
    second.end().await;
}
