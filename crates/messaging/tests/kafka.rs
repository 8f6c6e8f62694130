//! The Kafka transport on librdkafka's own mock cluster: a broker in this process that speaks the protocol and can be broken on
//! demand. What a mock cannot show is tested on a real broker in the black-box tests.
#![cfg(feature = "kafka")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use alluvium_kernel::Timestamp;
use alluvium_messaging::{
    profile::{ConsumeSettings, Profile},
    transport::{
        Incoming, Outgoing, Position, PublishError, Room, Settle, Source, SourceEvent, StartFrom, SubscribeSpec,
        Transport,
        kafka::{Kafka, KafkaConfig},
    },
};
use futures::StreamExt as _;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(700);

struct Cluster(MockCluster<'static, DefaultProducerContext>);

impl Cluster {
    fn new(topic: &str, partitions: i32) -> Self {
        let cluster = MockCluster::new(3).expect("a mock cluster");
        cluster.create_topic(topic, partitions, 3).expect("a topic");
        Self(cluster)
    }

    fn kafka(&self) -> Kafka {
        self.kafka_with(|config| config)
    }

    fn kafka_with(&self, with: impl FnOnce(KafkaConfig) -> KafkaConfig) -> Kafka {
        let config = KafkaConfig::new(self.0.bootstrap_servers());
        Kafka::new(with(config), Profile::RealTime.settings().publish).expect("a producer")
    }
}

fn settings() -> ConsumeSettings {
    let profile =
        Profile::custom(&Profile::Base).kafka("session.timeout.ms", "6000").kafka("heartbeat.interval.ms", "500");
    profile.jetstream(|it| it.commit_every = Duration::from_millis(50)).settings().consume
}

fn spec(topic: &str, group: Option<&str>) -> SubscribeSpec {
    SubscribeSpec {
        topic: topic.into(),
        filters: vec![],
        stream: None,
        group: group.map(str::to_owned),
        from: if group.is_some() { StartFrom::Stored } else { StartFrom::Earliest },
        partition_token: None,
        settings: settings(),
    }
}

async fn publish(kafka: &Kafka, message: Outgoing) -> Position {
    let pending = timeout(LONG, kafka.publish(message)).await.expect("in time").expect("taken");
    timeout(LONG, pending).await.expect("in time").expect("acknowledged").position
}

async fn read(source: &mut Box<dyn Source>, count: usize) -> Vec<Incoming> {
    let mut all = Vec::new();
    while all.len() < count {
        let next = timeout(LONG, source.next()).await.unwrap_or_else(|_| panic!("{} of {count} came", all.len()));
        all.push(next.expect("open").expect("a message"));
    }
    all
}

fn texts(messages: &[Incoming]) -> Vec<String> {
    messages.iter().map(|each| String::from_utf8_lossy(each.payload.as_deref().unwrap_or(b"-")).into_owned()).collect()
}

async fn silent(source: &mut Box<dyn Source>) -> bool {
    timeout(SHORT, source.next()).await.is_err()
}

async fn close(mut source: Box<dyn Source>) {
    source.close(Instant::now() + LONG).await.expect("closed");
}

#[tokio::test]
async fn everything_of_a_message_arrives() {
    let cluster = Cluster::new("full", 1);
    let kafka = cluster.kafka();
    kafka.ping(LONG).await.unwrap();
    let time = Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap();
    let mut message = Outgoing::new("full", vec![0_u8, 255, 1]).with_key(vec![254_u8, 0]).with_id("id-1");
    message.time = Some(time);
    message.headers.insert("bytes", vec![0_u8, 200]);
    message.headers.append("twice", "a");
    message.headers.append("twice", "b");
    let position = publish(&kafka, message).await;
    assert_eq!(position.to_string(), "full/0/0");
    let mut tombstone = Outgoing::new("full", "").with_key("k");
    tombstone.payload = None;
    publish(&kafka, tombstone).await;
    publish(&kafka, Outgoing::new("full", "")).await;

    let mut source = kafka.subscribe(spec("full", None)).await.unwrap();
    let all = read(&mut source, 3).await;
    assert_eq!(all[0].payload.as_deref(), Some(&[0, 255, 1][..]));
    assert_eq!(all[0].key.as_deref(), Some(&[254, 0][..]));
    assert_eq!((all[0].id(), all[0].time, all[0].attempt), (Some("id-1"), time, 1));
    assert_eq!(all[0].headers.get("bytes"), Some(&[0, 200][..]));
    assert_eq!(all[0].headers.iter().filter(|(name, _)| *name == "twice").count(), 2);
    assert_eq!((all[1].payload.as_deref(), all[1].key.as_deref()), (None, Some(&b"k"[..])));
    assert_eq!((all[2].payload.as_deref(), all[2].key.as_deref()), (Some(&b""[..]), None));
    close(source).await;
}

#[tokio::test]
async fn a_commit_never_passes_unfinished_work() {
    let cluster = Cluster::new("slow", 1);
    let kafka = cluster.kafka();
    for at in 1..=5 {
        publish(&kafka, Outgoing::new("slow", format!("{at}"))).await;
    }
    let mut source = kafka.subscribe(spec("slow", Some("g"))).await.unwrap();
    let all = read(&mut source, 5).await;
    let settler = source.settler();
    for message in &all[1..] {
        settler.settle(&message.token, Settle::Done).await.unwrap();
    }
    settler.commit().await.unwrap();
    // The process dies while the first is still being worked on.
    close(source).await;
    let mut source = kafka.subscribe(spec("slow", Some("g"))).await.unwrap();
    let again = read(&mut source, 5).await;
    assert_eq!(texts(&again), ["1", "2", "3", "4", "5"]);
    let settler = source.settler();
    // Tokens of the reader before do nothing.
    for message in again.iter().rev() {
        settler.settle(&message.token, Settle::Done).await.unwrap();
    }
    settler.commit().await.unwrap();
    assert_eq!(source.lag().await.unwrap().total(), 0);
    assert_eq!(kafka.admin().lag("slow".into(), "g".into()).await.unwrap().total(), 0);
    close(source).await;
    publish(&kafka, Outgoing::new("slow", "6")).await;
    let mut source = kafka.subscribe(spec("slow", Some("g"))).await.unwrap();
    assert_eq!(texts(&read(&mut source, 1).await), ["6"]);
    assert!(silent(&mut source).await);
    close(source).await;
}

#[tokio::test]
async fn commits_come_by_cadence_and_settling_what_kafka_cannot_is_said() {
    let cluster = Cluster::new("cadence", 1);
    let kafka = cluster.kafka();
    for at in 0..3 {
        publish(&kafka, Outgoing::new("cadence", format!("{at}"))).await;
    }
    let mut source = kafka.subscribe(spec("cadence", Some("g"))).await.unwrap();
    let all = read(&mut source, 3).await;
    let settler = source.settler();
    settler.settle(&all[0].token, Settle::Working).await.unwrap();
    assert!(settler.settle(&all[0].token, Settle::Retry(SHORT)).await.is_err());
    for message in &all {
        settler.settle(&message.token, Settle::Done).await.unwrap();
    }
    let until = Instant::now() + LONG;
    while kafka.admin().lag("cadence".into(), "g".into()).await.unwrap().total() > 0 {
        assert!(Instant::now() < until, "nothing was committed by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    close(source).await;
}

#[tokio::test]
async fn room_and_pauses_bound_what_is_handed_out() {
    let cluster = Cluster::new("room", 2);
    let kafka = cluster.kafka();
    for at in 0..2_000 {
        let mut message = Outgoing::new("room", format!("{at}"));
        message.partition = Some(at % 2);
        drop(kafka.publish(message).await.unwrap());
    }
    kafka.flush(LONG).await.unwrap();
    assert_eq!(kafka.in_flight(), 0);
    let mut source = kafka.subscribe(spec("room", Some("g"))).await.unwrap();
    source.room(Room { messages: 3, bytes: 1000, idle: true });
    read(&mut source, 3).await;
    assert!(silent(&mut source).await && source.ready().is_none());
    source.room(Room { messages: 10, bytes: 0, idle: true });
    read(&mut source, 1).await;
    assert!(silent(&mut source).await, "one message fits an empty room, whatever its size; then it is full");
    source.pause(&[0]);
    source.room(Room { messages: usize::MAX, bytes: usize::MAX, idle: true });
    // What waits already may still come; then only the other partition is read.
    let mut seen = Vec::new();
    while let Ok(Some(Ok(message))) = timeout(SHORT, source.next()).await {
        seen.push(message.partition);
    }
    assert!(seen.len() >= 990 && seen.len() < 1_996, "{}", seen.len());
    source.resume(&[0]);
    let rest = read(&mut source, 2_000 - 4 - seen.len()).await;
    assert!(rest.iter().all(|message| message.partition == 0));
    close(source).await;
}

#[tokio::test]
async fn a_group_shares_its_partitions_and_nothing_is_lost_when_they_move() {
    let cluster = Cluster::new("shared", 4);
    let kafka = cluster.kafka();
    for at in 0..200 {
        publish_to(&kafka, "shared", at % 4, &format!("{at}")).await;
    }
    let mut first = kafka.subscribe(spec("shared", Some("g"))).await.unwrap();
    let mut events = first.events();
    let revoked = Arc::new(Mutex::new(Vec::new()));
    let seen_revoked = revoked.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let SourceEvent::Revoked { partitions, done } = event {
                seen_revoked.lock().unwrap().extend(partitions);
                done.send(()).ok();
            }
        }
    });
    let mut done = BTreeSet::new();
    for message in read(&mut first, 100).await {
        first.settler().settle(&message.token, Settle::Done).await.unwrap();
        done.insert(message.position.clone());
    }
    let mut second = kafka.subscribe(spec("shared", Some("g"))).await.unwrap();
    let until = Instant::now() + LONG;
    while done.len() < 200 {
        assert!(Instant::now() < until, "{} of 200", done.len());
        for source in [&mut first, &mut second] {
            while let Ok(Some(message)) = timeout(Duration::from_millis(20), source.next()).await {
                let message = message.unwrap();
                source.settler().settle(&message.token, Settle::Done).await.unwrap();
                done.insert(message.position.clone());
            }
        }
    }
    let moved = revoked.lock().unwrap().clone();
    close(first).await;
    close(second).await;
    // Everything is committed: a third reader has nothing to do, whether partitions moved or all was read before they could.
    let mut third = kafka.subscribe(spec("shared", Some("g"))).await.unwrap();
    assert!(silent(&mut third).await, "partitions moved: {moved:?}");
    close(third).await;
}

async fn publish_to(kafka: &Kafka, topic: &str, partition: i32, text: &str) -> Position {
    let mut message = Outgoing::new(topic.to_owned(), text.to_owned());
    message.partition = Some(partition);
    publish(kafka, message).await
}

#[tokio::test]
async fn a_reader_begins_where_it_is_told() {
    let cluster = Cluster::new("begin", 1);
    let kafka = cluster.kafka();
    for at in 0..10 {
        let mut message = Outgoing::new("begin", format!("{at}"));
        message.time = Some(Timestamp::from_micros(1_700_000_000_000_000 + at * 1_000_000));
        publish(&kafka, message).await;
    }
    let begin = |from: StartFrom, group: Option<&str>| SubscribeSpec { from, ..spec("begin", group) };
    for group in [None, Some("g-offsets")] {
        let offsets = StartFrom::Offsets(BTreeMap::from([(0, 7)]));
        let mut source = kafka.subscribe(begin(offsets, group)).await.unwrap();
        assert_eq!(texts(&read(&mut source, 3).await), ["7", "8", "9"], "{group:?}");
        close(source).await;
    }
    let mut latest = kafka.subscribe(begin(StartFrom::Latest, None)).await.unwrap();
    assert!(silent(&mut latest).await);
    publish(&kafka, Outgoing::new("begin", "new")).await;
    assert_eq!(texts(&read(&mut latest, 1).await), ["new"]);
    close(latest).await;
    assert!(kafka.subscribe(begin(StartFrom::Seq(3), None)).await.is_err());
    let held = kafka.admin().browse(alluvium_messaging::transport::Browse {
        name: "begin".into(),
        filter: ">".into(),
        from: 4,
        messages_max: 3,
        partition: None,
    });
    let held: Vec<String> = held
        .await
        .unwrap()
        .iter()
        .map(|each| String::from_utf8_lossy(each.payload.as_deref().unwrap()).into_owned())
        .collect();
    assert_eq!(held, ["4", "5", "6"]);
}

#[tokio::test]
async fn brokers_that_go_and_come_back_lose_nothing() {
    let cluster = Cluster::new("outage", 1);
    let kafka = cluster.kafka();
    let mut source = kafka.subscribe(spec("outage", Some("g"))).await.unwrap();
    publish(&kafka, Outgoing::new("outage", "before")).await;
    assert_eq!(texts(&read(&mut source, 1).await), ["before"]);
    for broker in 1..=3 {
        cluster.0.broker_down(broker).unwrap();
    }
    let pending = kafka.publish(Outgoing::new("outage", "meanwhile")).await.unwrap();
    assert!(kafka.ping(SHORT).await.is_err());
    tokio::time::sleep(SHORT).await;
    for broker in 1..=3 {
        cluster.0.broker_up(broker).unwrap();
    }
    timeout(LONG, pending).await.unwrap().unwrap();
    assert_eq!(texts(&read(&mut source, 1).await), ["meanwhile"]);
    close(source).await;
}

#[tokio::test]
async fn failures_reach_whoever_waits_and_else_the_hook() {
    let cluster = Cluster::new("failing", 1);
    let kafka = cluster.kafka();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = told.clone();
    kafka.on_delivery_error(Arc::new(move |topic, error| hook.lock().unwrap().push((topic.to_owned(), error.code()))));
    publish(&kafka, Outgoing::new("failing", "fine")).await;
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_POLICY_VIOLATION;
    cluster.0.request_errors(RDKafkaApiKey::Produce, &[error]);
    let refused = kafka.publish(Outgoing::new("failing", "x")).await.unwrap();
    match timeout(LONG, refused).await.unwrap() {
        Err(error @ PublishError::Refused { .. }) => assert!(!error.retryable() && !error.unknown()),
        other => panic!("{other:?}"),
    }
    cluster.0.request_errors(RDKafkaApiKey::Produce, &[error]);
    drop(kafka.publish(Outgoing::new("failing", "y")).await.unwrap());
    kafka.flush(LONG).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [("failing".to_owned(), "messaging.publish_refused")]);

    let big = kafka.publish(Outgoing::new("failing", vec![0_u8; 2_000_000])).await.map(drop);
    assert!(matches!(big, Err(PublishError::TooLarge { .. })), "{big:?}");
    let mut later = Outgoing::new("failing", "z");
    later.delay = Some(SHORT);
    assert!(matches!(kafka.publish(later).await.map(drop), Err(PublishError::Unsupported { .. })));
    assert!(matches!(kafka.publish_atomic(vec![]).await, Err(PublishError::Unsupported { .. })));

    // The broker does not answer: given up after the time the message was given, and what became of it is unknown.
    for broker in 1..=3 {
        cluster.0.broker_down(broker).unwrap();
    }
    let mut limited = Outgoing::new("failing", "w");
    limited.within = Some(SHORT);
    let result = timeout(LONG, kafka.publish(limited).await.unwrap()).await.unwrap();
    assert!(matches!(&result, Err(error) if error.unknown() && error.retryable()), "{result:?}");
    let pending = kafka.flush(SHORT).await.unwrap_err();
    assert_eq!((pending.pending, pending.subjects), (1, vec!["failing".to_owned()]));
    kafka.close().await;
    assert!(matches!(kafka.publish(Outgoing::new("failing", "v")).await.map(drop), Err(PublishError::Closed)));
}

#[tokio::test]
async fn keys_go_where_java_puts_them_and_keep_their_order() {
    let cluster = Cluster::new("keys", 8);
    let kafka = cluster.kafka();
    // murmur2, as the Java client hashes: known values.
    for key in ["0", "21", "foobar", "a-little-bit-long-string"] {
        let Position::Partition { partition: found, .. } =
            publish(&kafka, Outgoing::new("keys", "v").with_key(key)).await
        else {
            panic!("a partition");
        };
        let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
        assert_eq!(found as u32, hash % 8, "{key}");
    }
    let mut pending = Vec::new();
    for at in 0..500 {
        pending.push(kafka.publish(Outgoing::new("keys", format!("{at}")).with_key("one")).await.unwrap());
    }
    let mut last = -1;
    for each in pending {
        let Position::Partition { offset, .. } = each.await.unwrap().position else { panic!("an offset") };
        assert!(offset > last);
        last = offset;
    }
}

/// The hash of the Java client, written down here once more.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    for (at, byte) in rest.iter().enumerate().rev() {
        hash ^= u32::from(*byte) << (8 * at);
        if at == 0 {
            hash = hash.wrapping_mul(M);
        }
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[tokio::test]
async fn a_transaction_is_seen_whole() {
    let cluster = Cluster::new("atomic", 2);
    let kafka = cluster.kafka_with(|config| config.with("transactional.id", "t-1"));
    assert!(kafka.capabilities().atomic_batch);
    let batch = (0..4).map(|at| Outgoing::new("atomic", format!("{at}")).with_key(format!("{at}"))).collect();
    let receipts = timeout(LONG, kafka.publish_atomic(batch)).await.unwrap().unwrap();
    assert_eq!(receipts.len(), 4);
    let mut source = kafka.subscribe(spec("atomic", None)).await.unwrap();
    let mut found = texts(&read(&mut source, 4).await);
    found.sort();
    assert_eq!(found, ["0", "1", "2", "3"]);
    close(source).await;
}
