//! A loop with retry topics on Kafka, killed (SIGKILL) between what it publishes and what it commits: nothing is lost, and tries are
//! counted right.
#![cfg(all(feature = "kafka", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Wire,
    consume::{Channel, Opaque, Retry, RetryMode},
    dead_letter::{self, Filter},
    profile::Profile,
    transport::{
        Browse, Outgoing, Stored,
        kafka::{Kafka, KafkaConfig},
    },
};
use rdkafka::mocking::MockCluster;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer than any process here lives.
const NEVER: Duration = Duration::from_hours(1);
const RETRIES: &str = "orders.billing.retry.1";
const MESSAGES: usize = 30;

/// Handled at the second try.
fn fails_once(n: usize) -> bool {
    n.is_multiple_of(3)
}

/// Never handled.
fn fails_always(n: usize) -> bool {
    n % 10 == 7
}

async fn bus(brokers: &str) -> Bus {
    let config = KafkaConfig::new(brokers).with("session.timeout.ms", "6000").with("heartbeat.interval.ms", "300");
    let transport = Arc::new(Kafka::new(config, Profile::Base.settings().publish).unwrap());
    Bus::builder().transport(transport).wire(Wire::SingleObject).name("test").build().await.unwrap()
}

/// The process that the test kills: a loop over `orders` that writes down what it does.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that the other test starts and kills"]
async fn child() {
    let Ok(brokers) = std::env::var("KIT_CHILD_BROKERS") else { return };
    let diary = PathBuf::from(std::env::var("KIT_CHILD_DIARY").unwrap());
    let profile = Profile::custom(&Profile::Base);
    let profile = match std::env::var("KIT_CHILD_COMMITS").as_deref() {
        Ok("never") => {
            profile.jetstream(|consume| (consume.commit_every, consume.commit_messages) = (NEVER, usize::MAX))
        }
        _ => profile,
    };
    let bus = bus(&brokers).await;
    let handler = move |context: Context, message: Opaque| {
        let n: usize = String::from_utf8_lossy(&message.0).parse().unwrap();
        let fails = fails_always(n) || (fails_once(n) && context.attempt() == 1);
        write(&diary, &format!("{n} {} {}", context.attempt(), if fails { "failed" } else { "done" }));
        std::future::ready(if fails { Err(HandlerError::Transient("not now".into())) } else { Ok(()) })
    };
    let retry = Retry::exponential(Duration::from_millis(10), 2.0, Duration::from_millis(50)).attempts(2);
    let reading = Loop::raw(&bus, Channel::new("orders")).group("billing").profile(profile).concurrency(2);
    reading.retry(retry.mode(RetryMode::Redeliver)).run(handler, CancellationToken::new()).await.unwrap();
}

/// One line, in one write: a killed process leaves whole lines.
fn write(diary: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(diary).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// A child, killed when it is dropped.
struct Running(Child);

impl Running {
    fn start(brokers: &str, diary: &Path, commits: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child", "--nocapture"])
            .env("KIT_CHILD_BROKERS", brokers)
            .env("KIT_CHILD_DIARY", diary)
            .env("KIT_CHILD_COMMITS", commits)
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Number, attempt, and what came of it.
fn lines(diary: &Path) -> Vec<(usize, u32, String)> {
    let text = std::fs::read_to_string(diary).unwrap_or_default();
    let line = |line: &str| {
        let [n, attempt, what] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (n.parse().unwrap(), attempt.parse().unwrap(), what.to_owned())
    };
    text.lines().map(line).collect()
}

async fn records(bus: &Bus, topic: &str) -> Vec<Stored> {
    let what = Browse { name: topic.into(), filter: ">".into(), messages_max: 10_000, ..Browse::default() };
    bus.admin().browse(what).await.unwrap_or_default()
}

async fn unsettled(bus: &Bus, topic: &str, group: &str) -> u64 {
    bus.admin().lag(topic.into(), group.into()).await.map_or(u64::MAX / 4, |lag| lag.total())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_its_retry_topic_and_its_commit_it_loses_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    let retries = (1..=3).map(|tier| format!("orders.billing.retry.{tier}"));
    for topic in retries.chain(["orders".to_owned(), "orders.billing.dlq".to_owned()]) {
        cluster.create_topic(&topic, 2, 1).unwrap();
    }
    let (brokers, directory) = (cluster.bootstrap_servers(), alluvium_testing::Scratch::new());
    let (bus, diary) = (bus(&brokers).await, directory.path().join("diary"));
    for n in 0..MESSAGES {
        bus.send(Outgoing::new("orders", n.to_string()).with_key(format!("k{}", n % 5))).await.unwrap();
    }
    let failing = (0..MESSAGES).filter(|n| fails_once(*n) || fails_always(*n)).count();
    let dying = (0..MESSAGES).filter(|n| fails_always(*n)).count();

    // It publishes retries and commits nothing: one dies with the first, one when all wait, one when what failed twice is dead.
    let child = Running::start(&brokers, &diary, "never");
    until("the first waits", async || !records(&bus, RETRIES).await.is_empty()).await;
    drop(child);
    let of_the_first = records(&bus, RETRIES).await.len();
    let child = Running::start(&brokers, &diary, "never");
    until("all wait", async || records(&bus, RETRIES).await.len() >= of_the_first + failing).await;
    drop(child);
    let child = Running::start(&brokers, &diary, "never");
    until("some are dead", async || records(&bus, "orders.billing.dlq").await.len() >= dying).await;
    drop(child);
    assert_eq!(unsettled(&bus, "orders", "billing").await, MESSAGES as u64, "a killed process commits nothing");

    let child = Running::start(&brokers, &diary, "usual");
    until("all are settled", async || {
        unsettled(&bus, "orders", "billing").await + unsettled(&bus, RETRIES, "billing.retry.1").await == 0
    })
    .await;
    drop(child);
    let lines = lines(&diary);
    let done: BTreeSet<usize> = lines.iter().filter(|line| line.2 == "done").map(|line| line.0).collect();
    assert_eq!(done, (0..MESSAGES).filter(|n| !fails_always(*n)).collect(), "nothing is lost");
    for (n, attempt, _) in &lines {
        let most = if fails_once(*n) || fails_always(*n) { 2 } else { 1 };
        assert!((1..=most).contains(attempt), "{n} at try {attempt}: a killed process is no try");
    }
    let of_billing = Filter { topic: Some("orders".into()), group: Some("billing".into()), ..Filter::default() };
    let letters = dead_letter::list(&bus, &of_billing).await.unwrap();
    let dead: BTreeSet<String> =
        letters.iter().map(|letter| String::from_utf8_lossy(letter.payload().unwrap()).into_owned()).collect();
    assert_eq!(dead, (0..MESSAGES).filter(|n| fails_always(*n)).map(|n| n.to_string()).collect());
    assert!(letters.iter().all(|letter| letter.attempts == 2 && letter.reason == "attempts"), "{letters:?}");
    // The same message twice is known by where it stood first.
    let origins: BTreeSet<&str> = letters.iter().map(|letter| letter.origin.as_str()).collect();
    assert_eq!(origins.len(), dying);
}
