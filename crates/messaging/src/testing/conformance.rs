//! What any transport must do, as scenarios. Each panics when it does not.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    future::ready,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, HandlerError, Loop, Payload,
    consume::{Channel, Context, Opaque, Ordering, Retry, State},
    profile::Profile,
    transport::{Browse, Outgoing, PublishError, TopicSpec, Transport},
    wire::Wire,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(40);
const TOPIC: &str = "orders";

/// A transport to try, and whatever keeps its broker alive.
pub struct Subject {
    /// The transport.
    pub transport: Arc<dyn Transport>,
    /// Dropped when the scenario is over.
    pub guard: Box<dyn Any + Send>,
}

impl Subject {
    /// A transport whose broker needs nobody.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport), guard: Box::new(()) }
    }
}

/// Expands to one test for each scenario; the argument is an async function that gives a new [`Subject`].
#[macro_export]
macro_rules! transport_conformance {
    (@ $factory:expr; $($scenario:ident),+) => {
        $(#[tokio::test]
        async fn $scenario() {
            $crate::testing::conformance::$scenario($factory().await).await;
        })+
    };
    ($factory:expr) => {
        $crate::transport_conformance! {@ $factory;
            messages_come_out_as_they_went_in, keys_keep_their_order_under_retry,
            a_crash_repeats_what_was_unfinished_and_nothing_else, dead_letters_wait_for_their_place,
            poison_stops_nobody, draining_finishes_what_runs, flushing_waits_for_everything,
            intake_stays_within_its_bound, a_message_known_by_its_id_is_stored_once, what_is_too_big_is_refused_here,
            a_second_member_shares_the_work
        }
    };
}

struct World {
    bus: Bus,
    _guard: Box<dyn Any + Send>,
}

impl World {
    async fn new(subject: Subject) -> Self {
        let world = Self::without_dead_letters(subject).await;
        world.dead_letters().await;
        world
    }

    async fn without_dead_letters(subject: Subject) -> Self {
        let bus = Bus::builder().transport(subject.transport).wire(Wire::SingleObject).name("conformance");
        let bus = bus.build().await.expect("the broker answers");
        make(&bus, TOPIC, &["orders", "orders.>"]).await;
        Self { bus, _guard: subject.guard }
    }

    /// What holds the messages: a stream, or a topic.
    fn place(&self) -> String {
        if self.bus.capabilities().watermark { TOPIC.to_owned() } else { "ORDERS".to_owned() }
    }

    async fn dead_letters(&self) {
        if !self.bus.capabilities().watermark {
            make(&self.bus, "DLQ", &["dlq.>"]).await;
        }
    }

    async fn letters(&self) -> Vec<crate::transport::Stored> {
        let name = if self.bus.capabilities().watermark { "orders.group.dlq" } else { "DLQ" };
        let what = Browse { name: name.into(), filter: ">".into(), from: 0, messages_max: 1_000 };
        self.bus.admin().browse(what).await.unwrap_or_default()
    }

    async fn unsettled(&self) -> u64 {
        self.bus.admin().lag(self.place(), "group".into()).await.map_or(u64::MAX, |lag| lag.total())
    }

    async fn publish(&self, messages: impl IntoIterator<Item = Outgoing>) {
        for message in messages {
            self.bus.deliver(message).await.expect("it is stored");
        }
    }

    fn reading(&self) -> Loop<Opaque> {
        let quick = Retry::exponential(Duration::from_millis(10), 2.0, Duration::from_millis(50)).attempts(3);
        let profile = Profile::custom(&Profile::Reliable).jetstream(|it| it.ack_wait = Duration::from_secs(1));
        Loop::raw(&self.bus, Channel::new(TOPIC)).group("group").profile(profile).retry(quick)
    }
}

async fn make(bus: &Bus, topic: &str, subjects: &[&str]) {
    let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
    let spec = TopicSpec { topic: topic.into(), subjects, ..TopicSpec::default() };
    bus.admin().create(spec).await.expect("the topic is made");
}

fn message(key: &str, n: usize) -> Outgoing {
    Outgoing::new(TOPIC, format!("{key}:{n}")).with_key(key.to_owned()).with_id(format!("{key}-{n}"))
}

fn text(message: &Opaque) -> String {
    String::from_utf8_lossy(&message.0).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A running loop that notes what it handles.
struct Running {
    seen: Arc<Mutex<Vec<(String, u32)>>>,
    stop: CancellationToken,
    handle: crate::consume::Handle,
    task: tokio::task::JoinHandle<Result<crate::consume::DrainReport, crate::consume::LoopError>>,
}

impl Running {
    /// Handles as `handle` says, which is told the text and the attempt.
    fn start<F>(reading: Loop<Opaque>, handle: impl Fn(String, u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let (seen, stop) = (Arc::<Mutex<Vec<_>>>::default(), CancellationToken::new());
        let (into, control) = (seen.clone(), reading.handle());
        let handler = move |context: Context, message: Opaque| {
            let (text, attempt) = (text(&message), context.attempt());
            let (into, result) = (into.clone(), handle(text.clone(), attempt));
            async move {
                let result = result.await;
                lock(&into).push((text, attempt));
                result
            }
        };
        let task = tokio::spawn(reading.run(handler, stop.clone()));
        Self { seen, stop, handle: control, task }
    }

    fn texts(&self) -> Vec<String> {
        lock(&self.seen).iter().map(|(text, _)| text.clone()).collect()
    }

    async fn end(self) -> crate::consume::DrainReport {
        self.stop.cancel();
        self.task.await.expect("the loop does not panic").expect("the loop ends well")
    }
}

/// Payload, key, headers and tombstones.
pub async fn messages_come_out_as_they_went_in(subject: Subject) {
    let world = World::new(subject).await;
    let mut full = message("key", 1);
    full.headers.insert("origin", "web");
    full.headers.insert("bytes", vec![0, 159, 255]);
    let mut gone = message("key", 2);
    gone.payload = None;
    world.publish([full, gone]).await;
    let seen = Arc::new(Mutex::new(Vec::<(Payload<Opaque>, Context)>::new()));
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let running = tokio::spawn(world.reading().run_payloads(
        move |context, payload| {
            lock(&into).push((payload, context));
            ready(Ok::<_, HandlerError>(()))
        },
        stop.clone(),
    ));
    until("both came", async || lock(&seen).len() == 2).await;
    stop.cancel();
    running.await.expect("no panic").expect("it ends well");
    let seen = lock(&seen);
    let (payload, context) = &seen[0];
    assert_eq!(*payload, Payload::Value(Opaque("key:1".into())));
    assert_eq!(context.key().map(AsRef::as_ref), Some(&b"key"[..]));
    assert_eq!(context.headers().get_str("origin"), Some("web"));
    assert_eq!(context.headers().get("bytes"), Some(&[0, 159, 255][..]));
    assert_eq!(context.id(), Some("key-1"));
    assert_eq!(seen[1].0, Payload::Tombstone);
    assert_eq!(seen[1].1.key().map(AsRef::as_ref), Some(&b"key"[..]));
}

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

/// The slow first message holds back what must not pass it, and comes again when its loop is gone.
pub async fn a_crash_repeats_what_was_unfinished_and_nothing_else(subject: Subject) {
    let world = World::new(subject).await;
    world.publish([("slow", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)].map(|(key, n)| message(key, n))).await;
    let running = Running::start(
        world.reading().ordering(Ordering::None).retry(Retry::default().mode(crate::consume::RetryMode::InLane)),
        |text, _| async move {
            if text == "slow:1" {
                std::future::pending::<()>().await;
            }
            Ok(())
        },
    );
    until("the fast ones are handled", async || running.texts().len() == 4).await;
    // The slow one is unfinished, so it is unsettled; longer than any broker's patience.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(world.unsettled().await >= 1, "nothing unfinished is settled");
    assert_eq!(running.texts().len(), 4, "what is worked on is given to nobody else");
    running.task.abort();
    running.task.await.expect_err("it was killed");
    let again = Running::start(world.reading(), |_, _| ready(Ok(())));
    until("all are settled", async || world.unsettled().await == 0).await;
    let texts = again.texts();
    assert!(texts.contains(&"slow:1".to_owned()), "nothing is lost: {texts:?}");
    if !world.bus.capabilities().watermark {
        assert_eq!(texts, ["slow:1"], "what was settled does not come again");
    }
    again.end().await;
}

/// A dead letter that cannot be stored keeps its message unsettled.
pub async fn dead_letters_wait_for_their_place(subject: Subject) {
    let world = World::without_dead_letters(subject).await;
    if world.bus.capabilities().watermark {
        // Topics of dead letters are made on demand there; there is no way to be without one.
        return;
    }
    world.publish([message("a", 1)]).await;
    let running = Running::start(world.reading(), |_, _| ready(Err(HandlerError::Poison("never".into()))));
    until("the loop says so", async || matches!(running.handle.report().state, State::Degraded(_))).await;
    assert_eq!(world.unsettled().await, 1);
    world.dead_letters().await;
    until("it is stored and settled", async || world.letters().await.len() == 1 && world.unsettled().await == 0).await;
    assert_eq!(running.texts().len(), 1, "the handler is not asked again");
    running.end().await;
}

/// Poison becomes a dead letter with everything it came with, and what comes behind it is handled.
pub async fn poison_stops_nobody(subject: Subject) {
    let world = World::new(subject).await;
    let mut poison = message("a", 1);
    poison.headers.insert("origin", "web");
    world.publish([poison, message("a", 2), message("b", 3)]).await;
    let running = Running::start(world.reading(), |text, _| {
        ready(match text.as_str() {
            "a:1" => Err(HandlerError::Poison("never".into())),
            "b:3" => Err(HandlerError::Transient("not now".into())),
            _ => Ok(()),
        })
    });
    until("all are settled", async || world.unsettled().await == 0 && world.letters().await.len() == 2).await;
    assert_eq!(running.texts().iter().filter(|text| *text == "b:3").count(), 3, "as often as it may be tried");
    running.end().await;
    let letters = world.letters().await;
    let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(b"a")).expect("its dead letter");
    assert_eq!(letter.payload.as_deref(), Some(&b"a:1"[..]));
    assert_eq!(letter.headers.get_str("origin"), Some("web"));
    assert_eq!(letter.headers.get_str("Alv-Dlq-Reason"), Some("handler"));
    assert_eq!(letter.headers.get_str("Alv-Id"), Some("a-1"));
}

/// What runs may finish; what waits is given back.
pub async fn draining_finishes_what_runs(subject: Subject) {
    let world = World::new(subject).await;
    world.publish((0..5).map(|n| message("a", n))).await;
    let began = Arc::new(AtomicUsize::new(0));
    let count = began.clone();
    let running = Running::start(world.reading(), move |_, _| {
        count.fetch_add(1, SeqCst);
        async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(())
        }
    });
    until("the first runs", async || began.load(SeqCst) == 1).await;
    let report = running.end().await;
    assert_eq!(report.finished, 1);
    let rest = Running::start(world.reading(), |_, _| ready(Ok(())));
    until("the rest is handled", async || world.unsettled().await == 0).await;
    let mut texts = rest.texts();
    // A broker that delivers again may do so in another order.
    texts.sort();
    assert_eq!(texts, ["a:1", "a:2", "a:3", "a:4"]);
    rest.end().await;
}

/// A flush resolves when everything before it is stored.
pub async fn flushing_waits_for_everything(subject: Subject) {
    let world = World::new(subject).await;
    let mut pending = Vec::new();
    for n in 0..200 {
        pending.push(world.bus.send(message("a", n)).await.expect("a place in the window"));
    }
    world.bus.flush(PATIENCE).await.expect("all are stored");
    for each in pending {
        // Outside tokio's budget, which ends after 128 things that are ready.
        let result = futures::FutureExt::now_or_never(tokio::task::unconstrained(each));
        let result = result.expect("resolved by the flush");
        result.expect("stored");
    }
    assert_eq!(world.bus.admin().describe(world.place()).await.expect("it is there").messages.unwrap_or(200), 200);
}

/// A loop holds no more than it may, and handles everything nevertheless.
pub async fn intake_stays_within_its_bound(subject: Subject) {
    const MOST: usize = 7;
    let world = World::new(subject).await;
    world.publish((0..60).map(|n| message(&format!("k{n}"), n))).await;
    let profile = Profile::custom(&Profile::Reliable).jetstream(|it| it.max_in_flight = MOST);
    let running = Running::start(world.reading().profile(profile), |_, _| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(())
    });
    let mut most = 0;
    until("all are handled", async || {
        most = most.max(running.handle.report().in_flight);
        running.texts().len() == 60
    })
    .await;
    assert!(most <= MOST, "{most}");
    running.end().await;
}

/// Where the broker knows ids, the same message is stored once.
pub async fn a_message_known_by_its_id_is_stored_once(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.bus.deliver(message("a", 1)).await.expect("stored");
    let second = world.bus.deliver(message("a", 1)).await.expect("stored, or known");
    assert!(!first.duplicate);
    if !world.bus.capabilities().watermark {
        assert!(second.duplicate);
        assert_eq!(first.position, second.position);
    }
}

/// What the broker cannot take is refused with a reason, and says whether trying again may help.
pub async fn what_is_too_big_is_refused_here(subject: Subject) {
    let world = World::new(subject).await;
    let error = world.bus.deliver(Outgoing::new(TOPIC, vec![0; 80_000_000])).await.expect_err("too big");
    assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
    assert!(!error.retryable() && !error.unknown());
    let mut bad = message("a", 1);
    bad.headers.insert("bad name", "x");
    assert!(matches!(world.bus.deliver(bad).await, Err(PublishError::Header(_))));
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
