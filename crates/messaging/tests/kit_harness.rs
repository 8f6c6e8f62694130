//! The tools for tests, tried on programs that are right and on programs that are not.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Message,
    consume::{LoopError, Ordering, Retry},
    testing::{
        Committed::{self, All},
        Harness, MemoryBroker, given,
    },
    transport::{SourceError, TopicSpec},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "orders", subject = "orders.{key}", group = "billing", key = "id", namespace = "com.example")]
struct OrderPlaced {
    id: String,
    total: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "invoices", namespace = "com.example")]
struct Invoice {
    order: String,
    total: i64,
    billed_at: i64,
}

fn order(id: &str, total: i64) -> OrderPlaced {
    OrderPlaced { id: id.into(), total }
}

/// Bills orders; refuses negative ones, and needs a second try for those of 13.
async fn bill(context: Context, order: OrderPlaced) -> Result<(), HandlerError> {
    match order.total {
        ..0 => Err(HandlerError::Poison("a negative total".into())),
        13 if context.attempt() == 1 => Err(HandlerError::Transient("out of luck".into())),
        total => Ok(context.produce(&Invoice { order: order.id, total, billed_at: context.time().micros() }).await?),
    }
}

async fn billing(broker: MemoryBroker) -> Harness {
    let mut harness = Harness::on(broker).await;
    harness.knows::<Invoice>().await;
    harness.handles(|reading: Loop<OrderPlaced>| reading, bill).await;
    harness
}

#[tokio::test(start_paused = true)]
async fn what_should_happen_is_said_in_three_steps() {
    for broker in [MemoryBroker::jetstream(), MemoryBroker::kafka(3)] {
        let harness = billing(broker).await;
        given(&harness)
            .published([order("a", 1), order("b", 13)])
            .clock("2026-01-01T00:00:00Z")
            .publish(order("c", 10))
            .await
            .then()
            .handled::<OrderPlaced>(3)
            .published::<Invoice>(|invoice| invoice.total == 10 && invoice.billed_at / 1_000_000 == 1_767_225_600)
            .published_in_all::<Invoice>(3)
            .dead_lettered::<OrderPlaced>(0)
            .committed("billing", All)
            .no_unsettled();
    }
    let harness = billing(MemoryBroker::jetstream()).await;
    given(&harness)
        .publish(order("d", -1))
        .await
        .then()
        .handled::<OrderPlaced>(0)
        .dead_lettered::<OrderPlaced>(1)
        .no_unsettled();
}

#[tokio::test(start_paused = true)]
async fn what_did_not_happen_is_told_with_what_did() {
    let harness = billing(MemoryBroker::jetstream()).await;
    let then = given(&harness).published([order("a", 13), order("b", -1)]).publish(order("a", 2)).await.then();
    let failed =
        std::panic::catch_unwind(AssertUnwindSafe(|| then.handled::<OrderPlaced>(3).no_unsettled())).unwrap_err();
    let text = failed.downcast_ref::<String>().unwrap();
    for line in [
        "2 messages of com.example.OrderPlaced were handled, not 3",
        "a:\n",
        "published com.example.OrderPlaced at ORDERS:1",
        "failed in billing at ORDERS:1, try 1: out of luck",
        "handled by billing at ORDERS:1, try 2",
        "b:\n",
        "dead letter of billing (handler): a negative total",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let then = given(&harness).nothing_more().await.then();
    let failed =
        std::panic::catch_unwind(AssertUnwindSafe(|| then.committed("billing", Committed::AllBut(1)).no_unsettled()));
    assert!(failed.is_err());
}

/// Whom a run handled, in order.
async fn run(seed: u64) -> Vec<(String, i64)> {
    let broker = MemoryBroker::kafka(4).seeded(seed);
    let bus =
        Bus::builder().transport(Arc::new(broker)).wire(alluvium_messaging::Wire::SingleObject).build().await.unwrap();
    bus.admin()
        .create(TopicSpec { topic: "orders".into(), partitions: Some(4), ..TopicSpec::default() })
        .await
        .unwrap();
    for n in 0..40 {
        bus.produce(&order(&format!("k{}", n % 10), n)).await.unwrap();
    }
    let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
    let (end, into) = (stop.clone(), seen.clone());
    let handler = move |_, order: OrderPlaced| {
        let mut seen = into.lock().unwrap();
        seen.push((order.id, order.total));
        if seen.len() == 40 {
            end.cancel();
        }
        std::future::ready(Ok::<_, HandlerError>(()))
    };
    Loop::<OrderPlaced>::new(&bus).concurrency(1).ordering(Ordering::Partition).run(handler, stop).await.unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    let first = run(7).await;
    for _ in 0..3 {
        assert_eq!(run(7).await, first);
    }
    let mut others = Vec::new();
    for seed in 8..12 {
        others.push(run(seed).await);
    }
    assert!(others.iter().any(|other| *other != first), "another seed gives another run");
    for mut run in others {
        run.sort();
        let mut all = first.clone();
        all.sort();
        assert_eq!(run, all, "of the same messages");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_ends_every_reader_and_what_it_had_comes_again() {
    for broker in [MemoryBroker::jetstream(), MemoryBroker::kafka(1)] {
        let bus = Bus::builder().transport(Arc::new(broker.clone())).wire(alluvium_messaging::Wire::SingleObject);
        let bus = bus.build().await.unwrap();
        bus.ensure::<OrderPlaced>().await.unwrap();
        let place = if bus.capabilities().watermark { "orders" } else { "ORDERS" };
        let open = async || bus.admin().lag(place.into(), "billing".into()).await.map_or(9, |lag| lag.total());
        bus.produce(&order("a", 1)).await.unwrap();
        let began = Arc::new(tokio::sync::Notify::new());
        let tell = began.clone();
        let retry = Retry::default().attempts(100);
        let running =
            tokio::spawn(Loop::<OrderPlaced>::new(&bus).retry(retry).drain_deadline(Duration::from_secs(1)).run(
                move |_, _| {
                    tell.notify_one();
                    async {
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        Ok::<_, HandlerError>(())
                    }
                },
                CancellationToken::new(),
            ));
        began.notified().await;
        broker.crash();
        let error = running.await.unwrap().unwrap_err();
        assert!(matches!(error, LoopError::Source(SourceError::Gone(_))), "{error}");
        assert_eq!(open().await, 1, "what the dead settle counts for nothing");
        let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(0)));
        let (end, count) = (stop.clone(), seen.clone());
        let handler = move |_, _| {
            *count.lock().unwrap() += 1;
            end.cancel();
            std::future::ready(Ok::<_, HandlerError>(()))
        };
        Loop::<OrderPlaced>::new(&bus).run(handler, stop).await.unwrap();
        let seen = *seen.lock().unwrap();
        assert_eq!((seen, open().await), (1, 0));
    }
}
