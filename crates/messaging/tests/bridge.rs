//! The bridge between a real Kafka-protocol broker and a real nats-server.
#![cfg(feature = "kafka")]

mod broker;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alluvium_messaging::{
    bridge::{Bridge, KeyFrom, Report, ToJetStream, ToKafka, run_to_jetstream, run_to_kafka},
    profile::Profile,
    transport::{Browse, Outgoing, Stored, TopicSpec, Transport, jetstream::JetStream, kafka::Kafka},
};
use alluvium_testing::NatsServer;
use async_nats::jetstream::{self, stream};
use broker::Broker;
use tokio::{sync::oneshot, task::JoinHandle};

const LONG: Duration = Duration::from_mins(1);

struct Sides {
    _broker: Broker,
    nats: NatsServer,
    js: jetstream::Context,
    jetstream: Arc<JetStream>,
    kafka: Arc<Kafka>,
}

fn kafka_at(address: &str) -> Arc<Kafka> {
    Arc::new(Kafka::new(broker::config(address), Profile::Base.settings().publish).expect("a producer"))
}

impl Sides {
    async fn start() -> Self {
        let (broker, nats) = (Broker::start(), NatsServer::start().await);
        let client = nats.connect().await;
        let js = jetstream::new(client.clone());
        let jetstream = JetStream::new(client, Profile::Base.settings().publish).await.expect("jetstream");
        let kafka = kafka_at(&broker.address());
        Self { _broker: broker, nats, js, jetstream: Arc::new(jetstream), kafka }
    }

    /// A stream that forgets message ids almost at once, so that only the bridge's own look can tell what is there.
    async fn stream(&self, name: &str, subject: &str, remembers: Duration) {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            duplicate_window: remembers,
            ..stream::Config::default()
        };
        self.js.create_stream(config).await.expect("a stream");
    }

    async fn topic(&self, name: &str, partitions: u32) {
        let spec = TopicSpec { topic: name.to_owned(), partitions: Some(partitions), ..TopicSpec::default() };
        self.kafka.admin().create(spec).await.expect("a topic");
    }

    async fn count(&self, stream: &str) -> u64 {
        self.js.get_stream(stream).await.expect("the stream").cached_info().state.messages
    }

    async fn stored(&self, stream: &str) -> Vec<Stored> {
        let what = Browse { name: stream.to_owned(), filter: ">".to_owned(), from: 1, messages_max: 100_000 };
        self.jetstream.admin().browse(what).await.expect("messages")
    }
}

fn publish(kafka: &Arc<Kafka>, topic: &str, from: usize, to: usize) -> JoinHandle<()> {
    let (kafka, topic) = (kafka.clone(), topic.to_owned());
    tokio::spawn(async move {
        for at in from..to {
            let mut message = Outgoing::new(topic.clone(), format!("{at}")).with_key(format!("key.{}", at % 7));
            message.headers.insert("origin", "test");
            drop(kafka.publish(message).await.expect("taken"));
        }
        kafka.flush(LONG).await.expect("all acknowledged");
    })
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Report, alluvium_messaging::bridge::BridgeError>>,
}

impl Running {
    async fn stop(self) -> Report {
        self.stop.send(()).ok();
        tokio::time::timeout(LONG, self.task).await.expect("it stops").expect("no panic").expect("no failure")
    }
}

fn inward(sides: &Sides, way: &ToJetStream) -> Running {
    let mut bridge = Bridge::new("inward", sides.kafka.clone(), sides.jetstream.clone());
    bridge.settings.commit_every = Duration::from_millis(200);
    let (way, js) = (way.clone(), sides.js.clone());
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move { run_to_jetstream(&bridge, &way, js, async { drop(stopped.await) }).await });
    Running { stop, task }
}

async fn until(mut done: impl AsyncFnMut() -> bool, what: &str) {
    let end = tokio::time::Instant::now() + LONG;
    while !done().await {
        assert!(tokio::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_to_jetstream_is_exactly_once_over_kills_and_an_outage() {
    const MESSAGES: usize = 2_000;
    let mut sides = Sides::start().await;
    sides.topic("orders", 3).await;
    sides.stream("ORDERS", "kafka.>", Duration::from_millis(100)).await;
    let way = ToJetStream {
        topic: "orders".to_owned(),
        subject: "kafka.{topic}.{partition}.{key}".to_owned(),
        stream: "ORDERS".to_owned(),
    };
    publish(&sides.kafka, "orders", 0, MESSAGES / 2).await.expect("published");
    // Killed again and again while it works: nothing is committed or finished properly.
    let mut running = inward(&sides, &way);
    for part in 1..=4_u64 {
        until(async || sides.count("ORDERS").await >= part * 150, "messages arrive").await;
        running.task.abort();
        running.task.await.ok();
        tokio::time::sleep(Duration::from_millis(150)).await;
        running = inward(&sides, &way);
    }
    let publishing = publish(&sides.kafka, "orders", MESSAGES / 2, MESSAGES);
    sides.nats.kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    sides.nats.restart().await;
    publishing.await.expect("published");
    until(async || sides.count("ORDERS").await >= MESSAGES as u64, "all messages arrive").await;
    running.stop().await;

    let stored = sides.stored("ORDERS").await;
    let ids: BTreeSet<&str> = stored.iter().filter_map(|each| each.headers.get_str("Nats-Msg-Id")).collect();
    assert_eq!((stored.len(), ids.len()), (MESSAGES, MESSAGES), "each is stored once");
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for each in &stored {
        let text = |name| each.headers.get_str(name).unwrap_or_default().to_owned();
        let key = String::from_utf8(each.key.clone().expect("a key").to_vec()).expect("text");
        assert_eq!(each.subject, format!("kafka.orders.{}.{}", text("Kafka-Partition"), key.replace('.', "%2E")));
        assert_eq!(
            (text("origin").as_str(), text("Kafka-Topic").as_str(), text("Alv-Bridge").as_str()),
            ("test", "orders", "inward")
        );
        assert!(text("Kafka-Timestamp").parse::<i64>().is_ok_and(|ms| ms > 1_600_000_000_000));
        let value = String::from_utf8_lossy(each.payload.as_deref().unwrap_or_default()).parse().expect("a number");
        by_key.entry(key).or_default().push(value);
    }
    for (key, values) in by_key {
        assert!(values.is_sorted(), "the order of {key} is kept: {values:?}");
    }
}

fn outward(way_key: KeyFrom) -> ToKafka {
    ToKafka { stream: "EVENTS".to_owned(), filters: vec!["ev.>".to_owned()], topic: "events".to_owned(), key: way_key }
}

#[tokio::test(flavor = "multi_thread")]
async fn jetstream_to_kafka_keeps_order_and_says_where_from() {
    const MESSAGES: usize = 600;
    let sides = Sides::start().await;
    sides.topic("events", 2).await;
    sides.stream("EVENTS", "ev.>", Duration::from_secs(2)).await;
    for at in 0..MESSAGES {
        let mut message = Outgoing::new("ev", format!("{at}")).on_subject(format!("ev.{}", at % 5));
        message.headers.insert("origin", "test");
        drop(sides.jetstream.publish(message).await.expect("taken"));
    }
    // One that came through this bridge before: it would go round in circles.
    let mut own = Outgoing::new("ev", "own").on_subject("ev.0");
    own.headers.insert("Alv-Bridge", "outward");
    drop(sides.jetstream.publish(own).await.expect("taken"));
    sides.jetstream.flush(LONG).await.expect("all acknowledged");

    let bridge = Bridge::new("outward", sides.jetstream.clone(), sides.kafka.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let task =
        tokio::spawn(
            async move { run_to_kafka(&bridge, &outward(KeyFrom::Token(1)), async { drop(stopped.await) }).await },
        );
    let running = Running { stop, task };
    let what = || Browse { name: "events".to_owned(), filter: ">".to_owned(), from: 0, messages_max: 10_000 };
    until(
        async || sides.kafka.admin().browse(what()).await.is_ok_and(|all| all.len() >= MESSAGES),
        "all records arrive",
    )
    .await;
    let report = running.stop().await;
    assert_eq!((report.forwarded, report.own, report.restarts), (MESSAGES as u64, 1, 0));

    let records = sides.kafka.admin().browse(what()).await.expect("records");
    let mut by_key: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
    for record in &records {
        let key = record.key.clone().expect("a key").to_vec();
        assert_eq!(
            record.headers.get_str("Nats-Subject"),
            Some(format!("ev.{}", String::from_utf8_lossy(&key)).as_str())
        );
        assert_eq!(
            (record.headers.get_str("Nats-Stream"), record.headers.get_str("origin")),
            (Some("EVENTS"), Some("test"))
        );
        let sequence = record.headers.get_str("Nats-Sequence").and_then(|text| text.parse().ok()).expect("a sequence");
        by_key.entry(key).or_default().push(sequence);
    }
    assert_eq!((records.len(), by_key.len()), (MESSAGES, 5));
    assert!(by_key.values().all(|sequences| sequences.is_sorted()), "the order of each key is kept");
}
