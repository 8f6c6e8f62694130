//! Typed messages over the bus, on a real nats-server and in memory.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, HandlerError, Loop, Message, Payload,
    bus::{ConsumeError, OnPoison, ProduceOpts, SubscribeOpts},
    consume::{BatchLoop, BoxError, Retry, Router},
    dead_letter::{self, Filter, Replay},
    transport::{Outgoing, PublishError, TopicSpec, memory::MemoryBroker},
};
use alluvium_testing::NatsServer;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(
    topic = "orders",
    subject = "shop.{tenant}.orders.{key}",
    group = "billing",
    key = "order_id",
    namespace = "com.example.shop"
)]
struct OrderPlaced {
    /// Which order.
    order_id: String,
    amount: i64,
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "invoices", subject = "invoices", namespace = "com.example.shop")]
struct Invoice {
    order_id: String,
    total: i64,
}

fn order(id: &str, amount: i64) -> OrderPlaced {
    OrderPlaced { order_id: id.into(), amount, note: None }
}

async fn topics(bus: &Bus) {
    for (topic, subjects) in [("orders", "shop.*.orders.*"), ("invoices", "invoices"), ("DLQ", "dlq.>")] {
        let spec = TopicSpec { topic: topic.into(), subjects: vec![subjects.into()], ..Default::default() };
        bus.admin().create(spec).await.unwrap();
    }
}

/// One bus on a real server, one in memory; the server lives as long as the list.
async fn buses() -> (NatsServer, Vec<Bus>) {
    let nats = NatsServer::start().await;
    let real = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    let memory = Bus::builder().transport(Arc::new(MemoryBroker::jetstream())).name("test").build().await.unwrap();
    for bus in [&real, &memory] {
        topics(bus).await;
    }
    (nats, vec![real, memory])
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_produced_is_consumed_with_its_headers_and_its_trace() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        let receipt = bus.produce(&order("a", 1)).await.unwrap();
        assert_eq!((receipt.position.number(), receipt.duplicate), (1, false));
        let opts = ProduceOpts::new().header("origin", "web").id("fixed").timeout(Duration::from_secs(3));
        bus.produce_with(&order("b", 2), opts.clone()).await.unwrap();
        assert!(bus.produce_with(&order("b", 2), opts).await.unwrap().duplicate);
        let refused = bus.produce_with(&order("b", 2), ProduceOpts::new().header("Alv-Key", "x")).await.unwrap_err();
        assert!(matches!(refused, PublishError::Header(_)), "{refused}");
        let empty = bus.produce(&order("", 2)).await.unwrap_err();
        assert_eq!(empty.code(), "messaging.encode", "an empty placeholder is no subject: {empty}");
        bus.tombstone::<OrderPlaced>("a").await.unwrap();
        let mut subscription = bus.subscribe::<OrderPlaced>(SubscribeOpts::new()).await.unwrap();
        let first = subscription.next(Duration::from_secs(5)).await.unwrap().unwrap();
        assert_eq!(first.value(), Some(&order("a", 1)));
        assert_eq!((first.key().unwrap().as_ref(), first.attempt()), (&b"a"[..], 1));
        assert_eq!(first.headers().get_str("Alv-Type"), Some("com.example.shop.OrderPlaced"));
        assert!(first.headers().get_str("Alv-Time").unwrap().ends_with('Z'));
        first.ack().await.unwrap();
        let second = subscription.next(Duration::from_secs(5)).await.unwrap().unwrap();
        assert_eq!(second.headers().get_str("origin"), Some("web"));
        assert_eq!(second.raw().id(), Some("fixed"));
        second.retry(Duration::ZERO).await.unwrap();
        let mut rest = Vec::new();
        while rest.len() < 2 {
            rest.extend(subscription.batch(10, Duration::from_secs(5)).await.unwrap());
        }
        assert_eq!(rest.iter().filter(|each| *each.payload() == Payload::Tombstone).count(), 1);
        assert!(rest.iter().any(|each| each.value() == Some(&order("b", 2)) && each.attempt() == 2));
        for each in rest {
            each.ack().await.unwrap();
        }
        assert!(subscription.next(Duration::from_millis(300)).await.unwrap().is_none());
        subscription.close().await.unwrap();
        bus.close(Duration::from_secs(5)).await.unwrap();
    }
}

#[tokio::test]
async fn batches_are_answered_in_their_order_and_atomic_ones_are_all_or_none() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        let orders: Vec<OrderPlaced> = (0..300).map(|n| order(&format!("k{}", n % 7), n)).collect();
        let receipt = bus.produce_batch(orders.clone()).await.unwrap();
        assert!(receipt.is_complete());
        let numbers: Vec<u64> = receipt.0.iter().map(|each| each.as_ref().unwrap().position.number()).collect();
        assert_eq!(numbers, (1..=300).collect::<Vec<u64>>());
        let mixed = vec![order("a", 1), order("", 2), order("c", 3)];
        let receipt = bus.produce_batch(mixed.clone()).await.unwrap();
        assert_eq!(receipt.failures().map(|(at, _)| at).collect::<Vec<_>>(), [1], "one bad message stops no other");
        assert!(bus.produce_batch(mixed).atomic().await.is_err());
        let all = bus.produce_batch(vec![order("x", 1), order("y", 2)]).atomic().await.unwrap();
        assert_eq!(all.0[1].as_ref().unwrap().position.number(), 304, "nothing of the failed batch is there");
        bus.prepare::<OrderPlaced>().await.unwrap();
        let pending = bus.try_enqueue(&order("z", 1)).unwrap();
        bus.flush(Duration::from_secs(5)).await.unwrap();
        assert_eq!(pending.await.unwrap().position.number(), 305);
    }
}

#[tokio::test]
async fn a_loop_sends_before_it_settles_and_poison_is_put_aside_and_replayed() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        bus.produce(&order("a", 1)).await.unwrap();
        let mut broken = Outgoing::new("orders", "not avro").on_subject("shop.default.orders.b").with_key("b");
        broken.id = Some("broken".into());
        bus.deliver(broken).await.unwrap();
        bus.produce(&order("c", 3)).await.unwrap();
        let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let into = seen.clone();
        let running = tokio::spawn(Loop::<OrderPlaced>::new(&bus).retry(Retry::never()).run(
            move |context, order| {
                let into = into.clone();
                async move {
                    context.produce(&Invoice { order_id: order.order_id.clone(), total: order.amount }).await?;
                    into.lock().unwrap().push(order.order_id);
                    Ok::<_, HandlerError>(())
                }
            },
            stop.clone(),
        ));
        until("two handled and one put aside", async || {
            seen.lock().unwrap().len() == 2 && dead_letter::list(&bus, &Filter::default()).await.unwrap().len() == 1
        })
        .await;
        stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(bus.admin().describe("INVOICES".into()).await.unwrap().messages, Some(2));
        let letters = dead_letter::list(&bus, &Filter::default()).await.unwrap();
        let letter = &letters[0];
        assert_eq!(
            (letter.reason.as_str(), letter.key.as_deref(), letter.group.as_str()),
            ("decode", Some("b"), "billing")
        );
        assert_eq!(letter.payload().unwrap().as_ref(), b"not avro");
        assert_eq!((letter.message_id.as_deref(), letter.origin.as_str()), (Some("broken"), "ORDERS:2"));
        let other = Filter { group: Some("other".into()), ..Default::default() };
        assert!(dead_letter::list(&bus, &other).await.unwrap().is_empty());
        let dry = dead_letter::replay(&bus, &letters, &Replay { dry_run: true, ..Default::default() }).await;
        assert_eq!((dry[0].to.as_str(), dry[0].result.is_none()), ("shop.default.orders.b", true));
        let same = dead_letter::replay(&bus, &letters, &Replay::default()).await;
        let refused = same[0].result.as_ref().unwrap().as_ref().unwrap_err().to_string();
        assert!(refused.contains("duplicate"), "within the window the broker knows its id: {refused}");
        assert_eq!(
            dead_letter::show(&bus, letter.id, &Filter::default()).await.unwrap().id,
            letter.id,
            "so it is still there"
        );
        let again = Replay { new_id: true, ..Default::default() };
        let replayed = dead_letter::replay(&bus, &letters, &again).await;
        assert_eq!(replayed[0].result.as_ref().unwrap().as_ref().unwrap().position.number(), 4);
        assert!(dead_letter::list(&bus, &Filter::default()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_subscription_does_with_poison_what_it_was_told() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        let broken = Outgoing::new("orders", "not avro").on_subject("shop.default.orders.b").with_key("b");
        bus.deliver(broken.with_id("1")).await.unwrap();
        bus.produce(&order("a", 1)).await.unwrap();
        for (group, what) in [("stop", OnPoison::Stop), ("skip", OnPoison::Skip), ("aside", OnPoison::DeadLetter)] {
            let opts = SubscribeOpts::new().group(group).on_poison(what).manual(false);
            let mut subscription = bus.subscribe::<OrderPlaced>(opts).await.unwrap();
            if what == OnPoison::Stop {
                let error = subscription.next(Duration::from_secs(5)).await.unwrap_err();
                let ConsumeError::Decode { raw, .. } = error else { panic!("{error}") };
                raw.dead("by hand").await.unwrap();
            }
            let good = subscription.next(Duration::from_secs(5)).await.unwrap().unwrap();
            assert_eq!(good.value(), Some(&order("a", 1)), "{group}");
            subscription.close().await.unwrap();
            until("all settled", async || bus.admin().lag("ORDERS".into(), group.into()).await.unwrap().total() == 0)
                .await;
        }
        let reasons: BTreeSet<(String, String)> = dead_letter::list(&bus, &Filter::default())
            .await
            .unwrap()
            .into_iter()
            .map(|letter| (letter.group, letter.reason))
            .collect();
        let wanted = [("aside", "decode"), ("stop", "handler")];
        assert_eq!(reasons, wanted.map(|(group, reason)| (group.to_owned(), reason.to_owned())).into());
    }
}

#[tokio::test]
async fn one_message_is_consumed_and_a_stream_goes_on() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        assert!(
            bus.consume_one::<OrderPlaced>(SubscribeOpts::new(), Duration::from_millis(200)).await.unwrap().is_none()
        );
        for n in 1..=3 {
            bus.produce(&order("a", n)).await.unwrap();
        }
        let wait = Duration::from_secs(5);
        let one = bus.consume_one::<OrderPlaced>(SubscribeOpts::new(), wait).await.unwrap().unwrap();
        assert_eq!(one.value().unwrap().amount, 1);
        one.ack().await.unwrap();
        let subscription = bus.subscribe::<OrderPlaced>(SubscribeOpts::new().manual(false)).await.unwrap();
        let amounts: Vec<i64> =
            subscription.stream().take(2).map(|each| each.unwrap().value().unwrap().amount).collect().await;
        assert_eq!(amounts, [2, 3]);
    }
}

#[tokio::test]
async fn chunks_have_a_result_for_each_message() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        for n in 0..25 {
            bus.produce(&order("a", n)).await.unwrap();
        }
        let (stop, sizes, odd) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let quick = Retry::exponential(Duration::from_millis(10), 1.0, Duration::from_millis(10)).attempts(2);
        let reading = BatchLoop::<OrderPlaced>::new(&bus, 10, Duration::from_millis(200)).group("chunks").retry(quick);
        let (into, count, end) = (sizes.clone(), odd.clone(), stop.clone());
        let handler = move |chunk: Arc<Vec<_>>| {
            into.lock().unwrap().push(chunk.len());
            let results: Vec<Result<(), BoxError>> = chunk
                .iter()
                .map(|each: &alluvium_messaging::bus::Received<OrderPlaced>| {
                    let bad = each.value().unwrap().amount == 7;
                    *count.lock().unwrap() += usize::from(bad);
                    if bad { Err("seven".into()) } else { Ok(()) }
                })
                .collect();
            std::future::ready(results)
        };
        let watch = bus.clone();
        let settled = async move {
            until("all settled", async || {
                watch.admin().lag("ORDERS".into(), "chunks".into()).await.map_or(1, |lag| lag.total()) == 0
            })
            .await;
            end.cancel();
        };
        let (report, ()) = tokio::join!(reading.run(handler, stop), settled);
        assert_eq!(report.unwrap().finished, 24);
        assert!(sizes.lock().unwrap().iter().all(|size| (1..=10).contains(size)));
        assert_eq!(*odd.lock().unwrap(), 2, "as often as it may be tried");
        assert_eq!(dead_letter::list(&bus, &Filter::default()).await.unwrap()[0].error, "seven");
    }
}

#[tokio::test]
async fn a_router_ends_all_its_loops_when_one_fails() {
    let (_nats, buses) = buses().await;
    for bus in buses {
        bus.produce(&order("a", 1)).await.unwrap();
        let fatal = |_, _: OrderPlaced| std::future::ready(Err(HandlerError::Fatal("no disk".into())));
        let fine = |_, _: Invoice| std::future::ready(Ok::<_, HandlerError>(()));
        let router = Router::new().with("orders", Loop::<OrderPlaced>::new(&bus), fatal).with(
            "invoices",
            Loop::<Invoice>::new(&bus).group("g"),
            fine,
        );
        let handle = router.handle();
        let ended = tokio::time::timeout(Duration::from_secs(20), router.run(CancellationToken::new())).await;
        let (name, error) = ended.unwrap().unwrap_err();
        assert_eq!((name.as_str(), error.code()), ("orders", "messaging.handler_fatal"));
        assert_eq!(handle.reports().len(), 2);
        assert_eq!(
            bus.admin().lag("ORDERS".into(), "billing".into()).await.unwrap().total(),
            1,
            "left for the next one"
        );
    }
}
