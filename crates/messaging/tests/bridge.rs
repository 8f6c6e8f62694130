//! The bridge between librdkafka's mock cluster and a real nats-server.
#![cfg(feature = "kafka")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use alluvium_kernel::BoxFuture;
use alluvium_messaging::{
    MessageSchema,
    bridge::{
        Bridge, KeyFrom, OnUndecodable, Report, ToJetStream, ToKafka, run_to_jetstream, run_to_kafka,
        run_to_kafka_transactional,
    },
    profile::Profile,
    transport::{
        Browse, Outgoing, Stored, Transport,
        jetstream::JetStream,
        kafka::{Kafka, KafkaConfig},
    },
    wire::{Fetched, SchemaRef, SchemaSource, SourceError, frame},
};
use alluvium_testing::NatsServer;
use async_nats::jetstream::{self, stream};
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use tokio::{sync::oneshot, task::JoinHandle};

const LONG: Duration = Duration::from_mins(1);

struct Sides {
    cluster: MockCluster<'static, DefaultProducerContext>,
    nats: NatsServer,
    js: jetstream::Context,
    jetstream: Arc<JetStream>,
    kafka: Arc<Kafka>,
}

/// A group that learns quickly who is in it.
fn kafka_at(address: &str) -> Arc<Kafka> {
    let config = KafkaConfig::new(address).with("session.timeout.ms", "6000").with("heartbeat.interval.ms", "300");
    Arc::new(Kafka::new(config, Profile::Base.settings().publish).expect("a producer"))
}

impl Sides {
    async fn start() -> Self {
        let (cluster, nats) = (MockCluster::new(1).expect("a mock cluster"), NatsServer::start().await);
        let client = nats.connect().await;
        let js = jetstream::new(client.clone());
        let jetstream = JetStream::new(client, Profile::Base.settings().publish).await.expect("jetstream");
        let kafka = kafka_at(&cluster.bootstrap_servers());
        Self { cluster, nats, js, jetstream: Arc::new(jetstream), kafka }
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

    fn topic(&self, name: &str, partitions: i32) {
        self.cluster.create_topic(name, partitions, 1).expect("a topic");
    }

    async fn records(&self, topic: &str) -> Vec<Stored> {
        let what =
            Browse { name: topic.to_owned(), filter: ">".to_owned(), from: 0, messages_max: 10_000, partition: None };
        self.kafka.admin().browse(what).await.unwrap_or_default()
    }

    async fn count(&self, stream: &str) -> u64 {
        self.js.get_stream(stream).await.expect("the stream").cached_info().state.messages
    }

    async fn stored(&self, stream: &str) -> Vec<Stored> {
        let what =
            Browse { name: stream.to_owned(), filter: ">".to_owned(), from: 1, messages_max: 100_000, partition: None };
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
    sides.topic("orders", 3);
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
    sides.topic("events", 2);
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
    let way = outward(KeyFrom::Token(1));
    let task = tokio::spawn(async move { run_to_kafka(&bridge, &way, async { drop(stopped.await) }).await });
    let running = Running { stop, task };
    until(async || sides.records("events").await.len() >= MESSAGES, "all records arrive").await;
    let report = running.stop().await;
    assert_eq!((report.forwarded, report.own, report.restarts), (MESSAGES as u64, 1, 0));

    let records = sides.records("events").await;
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

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_transactions_progress_and_records_are_one() {
    let sides = Sides::start().await;
    sides.topic("events", 1);
    sides.topic("exact.bridge", 1);
    sides.stream("EVENTS", "ev.>", Duration::from_secs(2)).await;
    let address = sides.cluster.bootstrap_servers();
    let send = async |from: usize, to: usize| {
        for at in from..to {
            drop(
                sides.jetstream.publish(Outgoing::new("ev", format!("{at}")).on_subject("ev.x")).await.expect("taken"),
            );
        }
        sides.jetstream.flush(LONG).await.expect("all acknowledged");
    };
    let run = || {
        let config = KafkaConfig::new(address.clone()).with("transactional.id", "exact");
        let kafka = Arc::new(Kafka::new(config, Profile::Base.settings().publish).expect("a producer"));
        let bridge = Bridge::new("exact", sides.jetstream.clone(), kafka);
        let (stop, stopped) = oneshot::channel::<()>();
        let way = outward(KeyFrom::KeyOrSubject);
        let task =
            tokio::spawn(async move { run_to_kafka_transactional(&bridge, &way, async { drop(stopped.await) }).await });
        Running { stop, task }
    };
    let values = async || -> Vec<String> {
        sides.records("events").await.iter().map(|each| text(each.payload.as_deref())).collect()
    };
    send(0, 40).await;
    let first = run();
    until(async || values().await.len() >= 40, "the first records arrive").await;
    // Killed; the next one goes on from what the last transaction says.
    first.task.abort();
    first.task.await.ok();
    send(40, 60).await;
    let second = run();
    until(async || values().await.len() >= 60, "the rest arrives").await;
    second.stop().await;
    assert_eq!(values().await, (0..60).map(|at| at.to_string()).collect::<Vec<_>>());
    let progress = sides.records("exact.bridge").await;
    let last = progress.last().expect("progress");
    assert_eq!((text(last.key.as_deref()), text(last.payload.as_deref())), ("EVENTS".to_owned(), "60".to_owned()));

    let plain = Bridge::new("exact", sides.jetstream.clone(), sides.kafka.clone());
    let refused = run_to_kafka_transactional(&plain, &outward(KeyFrom::default()), std::future::pending()).await;
    assert!(refused.is_err_and(|error| !error.retryable()));
}

/// A registry in memory: schemas by number from 1, registered under subjects.
#[derive(Default)]
struct Registry(Mutex<Vec<(String, String)>>);

impl Registry {
    fn all(&self) -> Vec<(String, Fetched)> {
        let schemas = self.0.lock().expect("not poisoned");
        let numbered = schemas.iter().zip(1..);
        numbered
            .map(|((subject, text), id)| {
                let fetched = Fetched { id: Some(id), guid: None, text: text.clone(), references: Vec::new() };
                (subject.clone(), fetched)
            })
            .collect()
    }
}

impl SchemaSource for Registry {
    fn by_id(&self, id: u32) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        let found = self.all().into_iter().find(|(_, each)| each.id == Some(id));
        Box::pin(std::future::ready(Ok(found.map(|(_, each)| each))))
    }
    fn by_guid(&self, _: [u8; 16]) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn by_fingerprint(&self, fingerprint: u64) -> BoxFuture<'_, Result<Vec<Fetched>, SourceError>> {
        let all = self.all().into_iter().map(|(_, each)| each);
        let found = all.filter(|each| each.parse().is_ok_and(|schema| schema.fp64() == fingerprint)).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
    fn lookup<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        _: bool,
    ) -> BoxFuture<'a, Result<Option<SchemaRef>, SourceError>> {
        let mut all = self.all().into_iter();
        let found = all.find(|(under, each)| under == subject && each.text == text);
        let found = found.and_then(|(_, each)| Some(SchemaRef { id: each.id?, guid: None }));
        Box::pin(std::future::ready(Ok(found)))
    }
    fn register<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        _: bool,
    ) -> BoxFuture<'a, Result<SchemaRef, SourceError>> {
        let mut schemas = self.0.lock().expect("not poisoned");
        schemas.push((subject.to_owned(), text.to_owned()));
        let id = schemas.len() as u32;
        Box::pin(std::future::ready(Ok(SchemaRef { id, guid: None })))
    }
    fn latest<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Fetched>, SourceError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// A registry that has one schema under some subject, and the schema.
fn registry() -> (Arc<Registry>, MessageSchema) {
    let schema = MessageSchema::parse(r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#);
    let schema = schema.expect("a schema");
    let registry = Registry(Mutex::new(vec![("other-value".to_owned(), schema.text().to_owned())]));
    (Arc::new(registry), schema)
}

/// A datum of the schema behind some prefix.
fn framed(prefix: &[u8]) -> Vec<u8> {
    [prefix, b"\x06abc".as_slice()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_ids_become_fingerprints_and_what_has_none_passes_or_is_put_aside() {
    let sides = Sides::start().await;
    let (registry, schema) = registry();
    sides.topic("orders", 1);
    sides.stream("ORDERS", "kafka.>", Duration::from_secs(2)).await;
    sides.stream("DLQ", "dlq.>", Duration::from_secs(2)).await;
    for payload in [framed(&frame::confluent_prefix(1)), framed(&frame::confluent_prefix(7)), b"plain".to_vec()] {
        sides.kafka.publish(Outgoing::new("orders", payload)).await.expect("taken").await.expect("stored");
    }
    for (name, on_undecodable, here, aside) in
        [("pass", OnUndecodable::Pass, 3, 0), ("dlq", OnUndecodable::DeadLetter("dlq.bridge".to_owned()), 1, 2)]
    {
        let mut bridge = Bridge::new(name, sides.kafka.clone(), sides.jetstream.clone());
        bridge.rewrap = Some(registry.clone());
        bridge.on_undecodable = on_undecodable;
        let stream = format!("TO_{}", name.to_ascii_uppercase());
        sides.stream(&stream, &format!("to.{name}.>"), Duration::from_secs(2)).await;
        let way =
            ToJetStream { topic: "orders".to_owned(), subject: format!("to.{name}.{{key}}"), stream: stream.clone() };
        let (stop, stopped) = oneshot::channel::<()>();
        let js = sides.js.clone();
        let task =
            tokio::spawn(async move { run_to_jetstream(&bridge, &way, js, async { drop(stopped.await) }).await });
        let running = Running { stop, task };
        until(async || sides.count(&stream).await == here && sides.count("DLQ").await == aside, name).await;
        let report = running.stop().await;
        assert_eq!((report.forwarded, report.undecodable, report.restarts), (3, 2, 0), "{name}");
        let stored = sides.stored(&stream).await;
        let first = stored[0].payload.as_deref();
        assert_eq!(first, Some(framed(&frame::single_object_prefix(schema.fp64())).as_slice()), "{name}");
        assert_eq!(stored[0].headers.get_str("Alv-Bridge-Note"), None);
        let noted = if aside == 0 { stored[1..].to_vec() } else { sides.stored("DLQ").await };
        let expected = [framed(&frame::confluent_prefix(7)), b"plain".to_vec()];
        for (each, expected) in noted.iter().zip(expected) {
            assert_eq!(each.payload.as_deref(), Some(expected.as_slice()), "its bytes are as they were");
            assert!(each.headers.get_str("Alv-Bridge-Note").is_some_and(|note| note.contains("schema id")), "{name}");
            let reason = each.headers.get_str("Alv-Dlq-Reason");
            assert_eq!(reason, (aside > 0).then_some("schema"), "dead letters are like those of the kit");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fingerprints_become_schema_ids_of_the_topic_and_what_has_none_passes_or_is_put_aside() {
    let sides = Sides::start().await;
    let (registry, schema) = registry();
    sides.stream("EVENTS", "ev.>", Duration::from_secs(2)).await;
    for topic in ["events", "aside", "orders"] {
        sides.topic(topic, 1);
    }
    for payload in [framed(&frame::single_object_prefix(schema.fp64())), framed(&frame::single_object_prefix(7))] {
        let message = Outgoing::new("ev", payload).on_subject("ev.x");
        sides.jetstream.publish(message).await.expect("taken").await.expect("stored");
    }
    for (name, topic, on_undecodable, here, aside) in [
        ("pass", "events", OnUndecodable::Pass, 2, 0),
        ("dlq", "orders", OnUndecodable::DeadLetter("aside".to_owned()), 1, 1),
    ] {
        let mut bridge = Bridge::new(name, sides.jetstream.clone(), sides.kafka.clone());
        bridge.rewrap = Some(registry.clone());
        bridge.on_undecodable = on_undecodable;
        let way = ToKafka { topic: topic.to_owned(), ..outward(KeyFrom::KeyOrSubject) };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { run_to_kafka(&bridge, &way, async { drop(stopped.await) }).await });
        let running = Running { stop, task };
        until(
            async || sides.records(topic).await.len() == here && sides.records("aside").await.len() == aside,
            "the records arrive",
        )
        .await;
        running.stop().await;
        let id = registry.lookup(&format!("{topic}-value"), schema.text(), false).await.expect("an answer");
        let id = id.expect("registered for the topic").id;
        let records = sides.records(topic).await;
        assert_eq!(records[0].payload.as_deref(), Some(framed(&frame::confluent_prefix(id)).as_slice()));
        let noted = if aside == 0 { records[1].clone() } else { sides.records("aside").await[0].clone() };
        assert_eq!(noted.payload.as_deref(), Some(framed(&frame::single_object_prefix(7)).as_slice()));
        assert!(noted.headers.get_str("Alv-Bridge-Note").is_some_and(|note| note.contains("fingerprint")));
    }
}
