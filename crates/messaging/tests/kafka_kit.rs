//! Bus and loop on Kafka: librdkafka's mock cluster, in this process.
#![cfg(all(feature = "kafka", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    future::Ready,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CancellationToken, HandlerError, Loop, Message, Wire,
    bus::SubscribeOpts,
    consume::{Ordering, Retry},
    profile::Profile,
    testing::conformance::Subject,
    transport::{
        Browse, Outgoing, Stored,
        kafka::{Kafka, KafkaConfig},
    },
};
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use serde::{Deserialize, Serialize};

/// A group that learns quickly who is in it.
fn kafka(address: &str) -> Kafka {
    let config = KafkaConfig::new(address).with("session.timeout.ms", "6000").with("heartbeat.interval.ms", "300");
    Kafka::new(config, Profile::Base.settings().publish).unwrap()
}

fn cluster(topics: &[(&str, i32)]) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for (topic, partitions) in topics {
        cluster.create_topic(topic, *partitions, 1).unwrap();
    }
    cluster
}

/// A cluster stays on the thread that made it; the guard, dropped, ends both.
fn subject() -> Ready<Subject> {
    let ((told, address), (guard, end)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    std::thread::spawn(move || {
        let cluster = cluster(&[("orders", 3), ("orders.group.dlq", 1)]);
        told.send(cluster.bootstrap_servers()).unwrap();
        end.recv().ok();
    });
    let transport = Arc::new(kafka(&address.recv().unwrap()));
    std::future::ready(Subject { transport, guard: Box::new(guard) })
}

mod conformance {
    alluvium_messaging::transport_conformance!(super::subject);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(
    topic = "orders",
    subject = "shop.orders.{key}",
    group = "billing",
    key = "order_id",
    namespace = "com.example.shop"
)]
struct OrderPlaced {
    order_id: String,
    amount: i64,
}

async fn bus(cluster: &MockCluster<'static, DefaultProducerContext>) -> Bus {
    let transport = Arc::new(kafka(&cluster.bootstrap_servers()));
    Bus::builder().transport(transport).wire(Wire::SingleObject).name("test").build().await.unwrap()
}

async fn records(bus: &Bus, topic: &str) -> Vec<Stored> {
    let what = Browse { name: topic.into(), filter: ">".into(), from: 0, messages_max: 1_000, partition: None };
    bus.admin().browse(what).await.unwrap_or_default()
}

async fn unsettled(bus: &Bus, group: &str) -> u64 {
    bus.admin().lag("orders".into(), group.into()).await.map_or(u64::MAX, |lag| lag.total())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(40), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn typed_messages_keep_the_order_of_their_keys_and_poison_is_put_aside() {
    const EACH: i64 = 30;
    let cluster = cluster(&[("orders", 3), ("orders.billing.dlq", 1)]);
    let bus = bus(&cluster).await;
    let orders: Vec<OrderPlaced> = (0..EACH)
        .flat_map(|amount| (0..5).map(move |key| OrderPlaced { order_id: format!("o-{key}"), amount }))
        .collect();
    assert!(bus.produce_batch(orders).await.unwrap().is_complete());
    bus.deliver(Outgoing::new("orders", "not avro").with_key("o-0").with_id("broken")).await.unwrap();
    let seen: Arc<Mutex<BTreeMap<String, Vec<i64>>>> = Arc::default();
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let retry = Retry::exponential(Duration::from_millis(10), 2.0, Duration::from_millis(50)).attempts(3);
    let running = tokio::spawn(Loop::<OrderPlaced>::new(&bus).concurrency(8).retry(retry).run(
        move |context, order: OrderPlaced| {
            let into = into.clone();
            async move {
                if order.amount == 7 && context.attempt() == 1 {
                    return Err(HandlerError::Transient("once".into()));
                }
                if order.amount == 9 {
                    return Err(HandlerError::Transient("each time".into()));
                }
                into.lock().unwrap().entry(order.order_id).or_default().push(order.amount);
                Ok(())
            }
        },
        stop.clone(),
    ));
    until("all are settled", async || unsettled(&bus, "billing").await == 0).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let expected: Vec<i64> = (0..EACH).filter(|amount| *amount != 9).collect();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 5);
    for (key, amounts) in seen {
        assert_eq!(amounts, expected, "{key}");
    }
    let letters = records(&bus, "orders.billing.dlq").await;
    let reasons: Vec<&str> = letters.iter().filter_map(|each| each.headers.get_str("Alv-Dlq-Reason")).collect();
    assert_eq!(reasons.iter().filter(|each| **each == "attempts").count(), 5, "{reasons:?}");
    let broken = letters.iter().find(|each| each.headers.get_str("Alv-Dlq-Reason") == Some("decode")).unwrap();
    assert_eq!((broken.payload.as_deref(), broken.key.as_deref()), (Some(&b"not avro"[..]), Some(&b"o-0"[..])));
    assert!(broken.headers.get_str("Alv-Dlq-Origin").unwrap().starts_with("orders/"));
    assert_eq!(letters.len(), 6);
}

#[tokio::test]
async fn subscriptions_tombstones_and_batches_work_on_kafka() {
    let cluster = cluster(&[("orders", 1)]);
    let bus = bus(&cluster).await;
    let order = OrderPlaced { order_id: "a".into(), amount: 1 };
    assert_eq!(bus.produce(&order).await.unwrap().position.to_string(), "orders/0/0");
    bus.tombstone::<OrderPlaced>("a").await.unwrap();
    let mut subscription = bus.subscribe::<OrderPlaced>(SubscribeOpts::new()).await.unwrap();
    let first = subscription.next(Duration::from_secs(20)).await.unwrap().unwrap();
    assert_eq!((first.value(), first.attempt()), (Some(&order), 1));
    first.ack().await.unwrap();
    let second = subscription.next(Duration::from_secs(20)).await.unwrap().unwrap();
    assert_eq!((second.value(), second.key().unwrap().as_ref()), (None, &b"a"[..]));
    second.ack().await.unwrap();
    subscription.close().await.unwrap();
    assert_eq!(unsettled(&bus, "billing").await, 0);
}

/// Handles one message at a time, slowly enough that a second member comes while one runs.
fn slow_loop(bus: &Bus, seen: &Arc<Mutex<Vec<i64>>>, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let (into, stop) = (seen.clone(), stop.clone());
    // In order by partition, so that all that is done stands below the watermark.
    let reading = Loop::<OrderPlaced>::new(bus).concurrency(2).ordering(Ordering::Partition);
    tokio::spawn(async move {
        let handler = move |_, order: OrderPlaced| {
            let into = into.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(60)).await;
                into.lock().unwrap().push(order.amount);
                Ok::<_, HandlerError>(())
            }
        };
        reading.run(handler, stop).await.unwrap();
    })
}

/// What the library logs, whichever thread it is on.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Logged {
    /// Listens from now on; once in a process.
    fn listen() -> Self {
        let logged = Self::default();
        let writer = logged.clone();
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
        logged
    }

    fn says(&self, what: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(what)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_when_a_partition_is_given_away_is_finished_and_comes_again_only_if_the_broker_refused_its_commit() {
    const ORDERS: i64 = 400;
    let logged = Logged::listen();
    let cluster = cluster(&[("orders", 4)]);
    let (one, two) = (bus(&cluster).await, bus(&cluster).await);
    let orders: Vec<OrderPlaced> =
        (0..ORDERS).map(|amount| OrderPlaced { order_id: format!("o-{amount}"), amount }).collect();
    assert!(one.produce_batch(orders).await.unwrap().is_complete());
    let (first, second, stop) = (Arc::default(), Arc::default(), CancellationToken::new());
    let a = slow_loop(&one, &first, &stop);
    until("the first works", async || first.lock().unwrap().len() > 5).await;
    let b = slow_loop(&two, &second, &stop);
    until("all are settled", async || unsettled(&one, "billing").await == 0).await;
    stop.cancel();
    a.await.unwrap();
    b.await.unwrap();
    let (first, second) = (first.lock().unwrap().clone(), second.lock().unwrap().clone());
    assert!(!second.is_empty(), "the second member got partitions while the first had them");
    let mut all: Vec<i64> = first.into_iter().chain(second).collect();
    all.sort_unstable();
    // A broker may refuse the last commit while it shares the partitions out once more, and this one always does.
    if logged.says("comes again") {
        all.dedup();
    }
    assert_eq!(all, (0..ORDERS).collect::<Vec<_>>(), "each is handled, also those that ran when partitions moved");
}
