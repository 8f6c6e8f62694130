//! `alluvium bridge run` between librdkafka's mock cluster and a real nats-server: killed while it works, and stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_blackbox::binary;
use alluvium_messaging::profile::Profile;
use alluvium_messaging::transport::jetstream::JetStream;
use alluvium_messaging::transport::kafka::{Kafka, KafkaConfig};
use alluvium_messaging::transport::{Browse, Outgoing, Stored, Transport};
use alluvium_testing::NatsServer;
use async_nats::jetstream::{self, stream};
use rdkafka::mocking::MockCluster;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

fn bridge(nats: &str, brokers: &str, args: &[&str]) -> Child {
    Command::new(binary())
        .args(["--nats", nats, "--output", "json", "bridge", "run", "--brokers", brokers])
        .args(args)
        .env("NO_COLOR", "1")
        // The group shall notice soon that a member was killed.
        .env("KAFKA_OPTS__SESSION_TIMEOUT_MS", "6000")
        .env("KAFKA_OPTS__HEARTBEAT_INTERVAL_MS", "300")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// Asks it to end, and gives what it says it did.
fn stop(mut bridge: Child) -> Value {
    let told = Command::new("kill").args(["-TERM", &bridge.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let mut out = String::new();
    bridge.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    assert!(bridge.wait().expect("it ends").success(), "{out}");
    serde_json::from_str(&out).expect("a report")
}

fn kill(mut bridge: Child) {
    bridge.kill().expect("it is killed");
    bridge.wait().expect("it is gone");
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn browse(transport: &dyn Transport, name: &str, from: u64) -> Vec<Stored> {
    let what = Browse { name: name.to_owned(), filter: ">".to_owned(), from, messages_max: 10_000, partition: None };
    transport.admin().browse(what).await.unwrap_or_default()
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_works_it_brings_each_record_once_and_back_again() {
    const RECORDS: u64 = 3_000;
    let (nats, cluster) = (NatsServer::start().await, MockCluster::new(1).expect("a mock cluster"));
    for (topic, partitions) in [("orders", 3), ("back", 1), ("home.bridge", 1)] {
        cluster.create_topic(topic, partitions, 1).expect("a topic");
    }
    let (client, brokers) = (nats.connect().await, cluster.bootstrap_servers());
    let js = jetstream::new(client.clone());
    // Ids are forgotten almost at once, so that only the bridge's own look can tell what is there.
    let config = stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["kafka.>".to_owned()],
        duplicate_window: Duration::from_millis(100),
        ..stream::Config::default()
    };
    js.create_stream(config).await.expect("a stream");
    let publish = Profile::Base.settings().publish;
    let kafka = Arc::new(Kafka::new(KafkaConfig::new(brokers.as_str()), publish.clone()).expect("a producer"));
    let jetstream = JetStream::new(client, publish).await.expect("jetstream");
    for at in 0..RECORDS {
        let record = Outgoing::new("orders", format!("{at}")).with_key(format!("k{}", at % 7));
        drop(kafka.publish(record).await.expect("taken"));
    }
    kafka.flush(PATIENCE).await.expect("all acknowledged");

    let stored = async || js.get_stream("ORDERS").await.expect("the stream").cached_info().state.messages;
    let inward = ["shop", "--to", "jetstream", "--topic", "orders", "--stream", "ORDERS", "--rewrap", "keep"];
    let mut running = bridge(&nats.url(), &brokers, &inward);
    for part in 1..=2 {
        until("messages arrive", async || stored().await >= part * 300).await;
        kill(running);
        running = bridge(&nats.url(), &brokers, &inward);
    }
    until("all arrive", async || stored().await >= RECORDS).await;
    let report = stop(running);
    assert!(report["forwarded"].as_u64().is_some_and(|forwarded| forwarded <= RECORDS), "{report}");
    let messages = browse(&jetstream, "ORDERS", 1).await;
    let ids: BTreeSet<&str> = messages.iter().filter_map(|each| each.headers.get_str("Nats-Msg-Id")).collect();
    assert_eq!((messages.len() as u64, ids.len() as u64), (RECORDS, RECORDS), "each is stored once");
    let mut by_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for each in &messages {
        let number = text(each.payload.as_deref()).parse().expect("a number");
        by_key.entry(text(each.key.as_deref())).or_default().push(number);
    }
    assert!(by_key.len() == 7 && by_key.values().all(|numbers| numbers.is_sorted()), "the order of each key is kept");

    // Back again, in transactions, killed in between; then once more under the first bridge's own name.
    let outward =
        ["home", "--to", "kafka", "--topic", "back", "--stream", "ORDERS", "--rewrap", "keep", "--transactional"];
    let running = bridge(&nats.url(), &brokers, &outward);
    until("records arrive", async || browse(kafka.as_ref(), "back", 0).await.len() >= 500).await;
    kill(running);
    let running = bridge(&nats.url(), &brokers, &outward);
    let last = async || browse(kafka.as_ref(), "home.bridge", 0).await.last().map(|each| text(each.payload.as_deref()));
    until("all are carried", async || last().await == Some(RECORDS.to_string())).await;
    stop(running);
    let own = ["shop", "--to", "kafka", "--topic", "back", "--stream", "ORDERS", "--rewrap", "keep"];
    let before = browse(kafka.as_ref(), "back", 0).await.len();
    let running = bridge(&nats.url(), &brokers, &own);
    let lag = async || jetstream.admin().lag("ORDERS".to_owned(), "shop".to_owned()).await.map(|lag| lag.total());
    until("all are looked at", async || lag().await.is_ok_and(|behind| behind == 0)).await;
    let report = stop(running);
    assert_eq!(report["own"].as_u64(), Some(RECORDS), "messages of its own go no round: {report}");
    assert_eq!(browse(kafka.as_ref(), "back", 0).await.len(), before);
}
