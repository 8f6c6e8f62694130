//! Programs on the kit, killed (SIGKILL) at every point: nothing is lost, and nothing unfinished is settled.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CancellationToken, HandlerError, Loop,
    consume::{Channel, Opaque, Retry},
    profile::Profile,
    transport::{Browse, Outgoing, TopicSpec},
};
use alluvium_testing::NatsServer;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Handlers of a child at once.
const HANDLERS: usize = 8;

/// The process that the tests kill: a loop over `orders` that writes down what it does, and sends one effect for each message.
#[tokio::test]
#[ignore = "the process that the other tests start and kill"]
async fn child() {
    let Ok(url) = std::env::var("KIT_CHILD_URL") else { return };
    let diary = PathBuf::from(std::env::var("KIT_CHILD_DIARY").unwrap());
    let stuck = std::env::var("KIT_CHILD_STUCK").unwrap_or_default();
    let bus = Bus::builder().nats(url).name("child").build().await.unwrap();
    let profile = Profile::custom(&Profile::Base).jetstream(|it| it.ack_wait = Duration::from_secs(1));
    write(&diary, "start");
    let handler = move |context: alluvium_messaging::Context, message: Opaque| {
        let (diary, stuck) = (diary.clone(), stuck.clone());
        async move {
            let text = String::from_utf8(message.0.to_vec()).unwrap();
            write(&diary, &format!("began {text} {}", context.attempt()));
            if text == stuck {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            context.send(Outgoing::new("effects", text.clone()).with_id(text.clone())).await?;
            write(&diary, &format!("done {text} {}", context.attempt()));
            Ok::<_, HandlerError>(())
        }
    };
    let reading = Loop::raw(&bus, Channel::new("orders")).group("billing").profile(profile).concurrency(HANDLERS);
    reading.retry(Retry::default().attempts(1_000)).run(handler, CancellationToken::new()).await.unwrap();
}

/// One line, in one write: a killed process leaves whole lines.
fn write(diary: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(diary).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

struct World {
    nats: NatsServer,
    bus: Bus,
}

/// A child, killed when it is dropped.
struct Running(Child);

impl Running {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a child wrote: the word, the key, the number, which attempt.
type Line = (String, String, usize, u32);

impl World {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let bus = Bus::builder().nats(nats.url()).name("parent").build().await.unwrap();
        for topic in ["orders", "effects"] {
            bus.admin().create(TopicSpec { topic: topic.into(), ..TopicSpec::default() }).await.unwrap();
        }
        Self { nats, bus }
    }

    fn diary(&self) -> PathBuf {
        self.nats.directory().join("diary")
    }

    /// Starts a child, which never finishes the message `stuck`.
    fn start(&self, stuck: &str) -> Running {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child", "--nocapture"])
            .env("KIT_CHILD_URL", self.nats.url())
            .env("KIT_CHILD_DIARY", self.diary())
            .env("KIT_CHILD_STUCK", stuck)
            .stdout(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }

    async fn publish(&self, messages: impl IntoIterator<Item = (String, usize)>) {
        for (key, n) in messages {
            let message = Outgoing::new("orders", format!("{key}:{n}")).with_key(key.clone());
            self.bus.send(message.with_id(format!("{key}-{n}"))).await.unwrap();
        }
        self.bus.flush(PATIENCE).await.unwrap();
    }

    fn lines(&self) -> Vec<Line> {
        let text = std::fs::read_to_string(self.diary()).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let word = words.next()?.to_owned();
            let Some((key, n)) = words.next().and_then(|text| text.split_once(':')) else {
                return Some((word, String::new(), 0, 0));
            };
            Some((word, key.to_owned(), n.parse().ok()?, words.next()?.parse().ok()?))
        };
        text.lines().filter_map(line).collect()
    }

    fn count(&self, word: &str) -> usize {
        self.lines().iter().filter(|line| line.0 == word).count()
    }

    async fn unsettled(&self) -> u64 {
        self.bus.admin().lag("ORDERS".into(), "billing".into()).await.map_or(u64::MAX, |lag| lag.total())
    }

    /// Up to where every message is settled.
    async fn floor(&self) -> u64 {
        let js = alluvium_messaging::connect::jetstream(self.nats.connect().await);
        let stream = js.get_stream("ORDERS").await.unwrap();
        stream.consumer_info("billing").await.unwrap().ack_floor.stream_sequence
    }

    async fn effects(&self) -> Vec<String> {
        let what =
            Browse { name: "EFFECTS".into(), filter: ">".into(), from: 1, messages_max: 10_000, partition: None };
        let all = self.bus.admin().browse(what).await.unwrap();
        all.into_iter().map(|each| String::from_utf8(each.payload.unwrap().to_vec()).unwrap()).collect()
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_slow_first_message_is_not_settled_by_the_fast_ones_behind_it() {
    let world = World::new().await;
    world.publish((1..=5).map(|n| (if n == 1 { "slow" } else { "fast" }.to_owned(), n))).await;
    // Behind the slow one of the same key: it must not overtake.
    world.publish([("slow".to_owned(), 6)]).await;
    let child = world.start("slow:1");
    until("the fast ones are settled", async || world.count("done") == 4 && world.unsettled().await == 2).await;
    assert_eq!(world.floor().await, 0, "the first message is open");
    child.kill();
    assert_eq!((world.floor().await, world.unsettled().await), (0, 2), "a killed process settles nothing");
    let before = world.lines().len();
    let child = world.start("");
    until("all are settled", async || world.unsettled().await == 0).await;
    child.kill();
    let after: Vec<Line> = world.lines().split_off(before);
    let done: Vec<(&str, usize)> =
        after.iter().filter(|line| line.0 == "done").map(|line| (line.1.as_str(), line.2)).collect();
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 2, "{done:?}");
    assert!(done.iter().all(|(key, _)| *key == "slow"), "what was settled does not come again: {done:?}");
    assert_eq!(world.effects().await.len(), 6);
}

/// Within one life of a process a key's messages never overlap, and those that it gets for the first time come in order.
fn assert_order(lines: &[Line]) {
    for life in lines.split(|line| line.0 == "start") {
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (word, key, n, attempt) in life {
            if word == "began" {
                assert_eq!(open.insert(key, *n), None, "{key}:{n} began beside another of its key");
                let before = last.insert(key, *n);
                assert!(*attempt > 1 || before.is_none_or(|before| before < *n), "{key}:{n} after {before:?}");
            } else {
                assert_eq!(open.remove(key.as_str()), Some(*n));
            }
        }
    }
}

#[tokio::test]
async fn killed_again_and_again_it_loses_nothing() {
    const MESSAGES: usize = 300;
    let world = World::new().await;
    world.publish((0..MESSAGES).map(|n| (format!("k{}", n % 12), n))).await;
    // Lines written at the moment of each death: in the first handler, in the middle of many, between two.
    for lines in [2, 5, 12, 31, 64, 101, 170, 256, 340] {
        let child = world.start("");
        until("it got on", async || world.lines().len() >= lines || world.unsettled().await == 0).await;
        child.kill();
        let finished = world.count("done") as u64;
        let settled = MESSAGES as u64 - world.unsettled().await.min(MESSAGES as u64);
        assert!(settled <= finished, "{settled} are settled, {finished} were finished");
    }
    let child = world.start("");
    until("all are settled", async || world.unsettled().await == 0).await;
    child.kill();
    let lines = world.lines();
    let done: BTreeSet<usize> = lines.iter().filter(|line| line.0 == "done").map(|line| line.2).collect();
    assert_eq!(done.len(), MESSAGES, "nothing is lost");
    assert_order(&lines);
    let effects = world.effects().await;
    assert_eq!(effects.len(), MESSAGES, "each effect is stored, and once: its id is the message's");
    assert!(lines.iter().any(|line| line.3 > 1), "something was delivered again, or this tested nothing");
}

#[tokio::test]
async fn broker_and_program_killed_at_once_lose_nothing() {
    const MESSAGES: usize = 120;
    let mut world = World::new().await;
    world.publish((0..MESSAGES).map(|n| (format!("k{}", n % 5), n))).await;
    for lines in [20, 90] {
        let child = world.start("");
        until("it got on", async || world.lines().len() >= lines).await;
        world.nats.kill();
        child.kill();
        world.nats.restart().await;
    }
    let child = world.start("");
    until("all are settled", async || world.unsettled().await == 0).await;
    child.kill();
    let lines = world.lines();
    let done: BTreeSet<usize> = lines.iter().filter(|line| line.0 == "done").map(|line| line.2).collect();
    assert_eq!(done.len(), MESSAGES, "nothing is lost");
    assert_order(&lines);
    assert_eq!(world.effects().await.into_iter().collect::<BTreeSet<_>>().len(), MESSAGES);
}
