//! Retry topics, chunks and dead letters on Kafka: librdkafka's mock cluster, in this process.
#![cfg(all(feature = "kafka", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use alluvium_kernel::Timestamp;
use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Message, Wire,
    bus::{Received, SubscribeOpts},
    consume::{BatchLoop, BoxError, DrainReport, LoopError, Retry, RetryMode, State},
    dead_letter::{self, Action, Deed, Filter, Replay},
    profile::Profile,
    transport::{
        Browse, Stored,
        kafka::{Kafka, KafkaConfig},
    },
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

const FIRST_RETRY: &str = "orders.billing.retry.1";

/// What a broker says that will not have a message.
const REFUSED: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_POLICY_VIOLATION;

type Cluster = MockCluster<'static, DefaultProducerContext>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "orders", group = "billing", key = "order_id", namespace = "com.example.shop")]
struct OrderPlaced {
    order_id: String,
    amount: i64,
}

/// What a handler saw: amount and attempt.
type Seen = Arc<Mutex<Vec<(i64, u32)>>>;

/// The mock makes no topics when asked to, so all are there already.
fn cluster(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", partitions, 1).unwrap();
    for tier in 1..=3 {
        cluster.create_topic(&format!("orders.billing.retry.{tier}"), partitions, 1).unwrap();
    }
    cluster.create_topic("orders.billing.dlq", 2, 1).unwrap();
    cluster.create_topic("orders.billing.dlq.actions", 1, 1).unwrap();
    cluster
}

async fn bus(cluster: &Cluster) -> Bus {
    let config = KafkaConfig::new(cluster.bootstrap_servers());
    let config = config.with("session.timeout.ms", "6000").with("heartbeat.interval.ms", "300");
    let transport = Arc::new(Kafka::new(config, Profile::Base.settings().publish).unwrap());
    Bus::builder().transport(transport).wire(Wire::SingleObject).name("test").build().await.unwrap()
}

async fn produce(bus: &Bus, order_id: &str, amounts: std::ops::RangeInclusive<i64>) {
    for amount in amounts {
        bus.produce(&OrderPlaced { order_id: order_id.into(), amount }).await.unwrap();
    }
}

async fn records(bus: &Bus, topic: &str) -> Vec<Stored> {
    let what = Browse { name: topic.into(), filter: ">".into(), messages_max: 1_000, ..Browse::default() };
    bus.admin().browse(what).await.unwrap_or_default()
}

async fn unsettled(bus: &Bus) -> u64 {
    let lag = async |topic: &str, group: &str| {
        bus.admin().lag(topic.into(), group.into()).await.map_or(u64::MAX / 4, |lag| lag.total())
    };
    lag("orders", "billing").await + lag(FIRST_RETRY, "billing.retry.1").await
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_mins(1), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn of_billing() -> Filter {
    Filter { topic: Some("orders".into()), group: Some("billing".into()), ..Filter::default() }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn quick(attempts: u32) -> Retry {
    let retry = Retry::exponential(Duration::from_millis(10), 2.0, Duration::from_millis(50)).attempts(attempts);
    retry.mode(RetryMode::Redeliver)
}

/// Amount 1 fails the first time, amount 3 each time.
fn reading(bus: &Bus, seen: &Seen, stop: &CancellationToken) -> JoinHandle<Result<DrainReport, LoopError>> {
    let into = seen.clone();
    let handler = move |context: Context, order: OrderPlaced| {
        into.lock().unwrap().push((order.amount, context.attempt()));
        if let Some(not_before) = context.raw().headers.get_str("Alv-Not-Before") {
            assert!(now() >= Timestamp::parse(not_before).unwrap(), "too soon");
            assert_eq!((context.topic(), &*context.raw().topic), ("orders", "orders"));
        }
        let fails = order.amount == 3 || (order.amount == 1 && context.attempt() == 1);
        std::future::ready(if fails { Err(HandlerError::Transient("not yet".into())) } else { Ok(()) })
    };
    tokio::spawn(Loop::<OrderPlaced>::new(bus).concurrency(1).retry(quick(2)).run(handler, stop.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_message_waits_on_a_retry_topic_and_the_others_go_on() {
    let cluster = cluster(2);
    let bus = bus(&cluster).await;
    produce(&bus, "a", 1..=5).await;
    let (seen, stop): (Seen, _) = (Arc::default(), CancellationToken::new());
    let running = reading(&bus, &seen, &stop);
    until("both wait", async || records(&bus, FIRST_RETRY).await.len() == 2).await;
    until("the others are done", async || seen.lock().unwrap().iter().any(|(amount, _)| *amount == 5)).await;
    // What waits is not lost with the loop that put it there.
    stop.cancel();
    running.await.unwrap().unwrap();
    let before = seen.lock().unwrap().clone();
    assert_eq!(before[..5], [1, 2, 3, 4, 5].map(|amount| (amount, 1)), "nobody waits behind what failed");

    let waiting = records(&bus, FIRST_RETRY).await.remove(0);
    let original = records(&bus, "orders").await.into_iter().find(|each| each.payload == waiting.payload).unwrap();
    assert_eq!(waiting.key, original.key);
    for (name, value) in original.headers.iter() {
        assert_eq!(waiting.headers.get(name), Some(value.as_ref()), "{name}");
    }
    assert_eq!(waiting.headers.get_str("Alv-Attempt"), Some("2"));

    let stop = CancellationToken::new();
    let running = reading(&bus, &seen, &stop);
    until("all are settled", async || unsettled(&bus).await == 0).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let mut after = seen.lock().unwrap().clone();
    after.sort_unstable();
    assert_eq!(after, [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (4, 1), (5, 1)]);

    let letters = dead_letter::list(&bus, &of_billing()).await.unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason.as_str(), letter.attempts, letter.topic.as_str()), ("attempts", 2, "orders"));
    let origin = records(&bus, "orders")
        .await
        .into_iter()
        .find(|each| Some(each.payload.clone()) == Some(letter.payload().cloned()));
    assert_eq!(letter.origin, origin.unwrap().position.to_string(), "where it came from first");
    assert_eq!(letter.headers().get("Alv-Attempt").or(letter.headers().get("Alv-Not-Before")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_retry_topic_takes_stays_open_and_is_tried_in_its_lane() {
    let cluster = cluster(1);
    let bus = bus(&cluster).await;
    produce(&bus, "a", 1..=1).await;
    cluster.request_errors(RDKafkaApiKey::Produce, &[REFUSED; 1_000]);
    let (tries, stop, heals) = (Arc::new(Mutex::new(0)), CancellationToken::new(), CancellationToken::new());
    let (into, healed) = (tries.clone(), heals.clone());
    let handler = move |_, _: OrderPlaced| {
        *into.lock().unwrap() += 1;
        let result = if healed.is_cancelled() { Ok(()) } else { Err(HandlerError::Transient("not yet".into())) };
        std::future::ready(result)
    };
    // Each commit is awaited: what counts as done is known to the broker at once.
    let reading = Loop::<OrderPlaced>::new(&bus).profile(Profile::Reliable).retry(quick(1_000));
    let handle = reading.handle();
    let running = tokio::spawn(reading.run(handler, stop.clone()));
    until("it was tried again", async || *tries.lock().unwrap() >= 3).await;
    assert_eq!((unsettled(&bus).await, records(&bus, FIRST_RETRY).await.len()), (1, 0), "it waits nowhere else");
    let State::Degraded(why) = handle.report().state else { panic!("{:?}", handle.report()) };
    assert!(why.contains("a retry topic cannot be written"), "{why}");
    heals.cancel();
    until("it is settled", async || unsettled(&bus).await == 0).await;
    assert_eq!(handle.report().state, State::Ready);
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_whose_retry_topics_cannot_be_made_does_not_start() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let bus = bus(&cluster).await;
    let (seen, stop): (Seen, _) = (Arc::default(), CancellationToken::new());
    let error = reading(&bus, &seen, &stop).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "messaging.subscribe_refused");
    let LoopError::Subscribe(error) = error else { panic!("{error}") };
    assert!(
        error.to_string().starts_with("making the retry topics of orders (RetryMode::InLane needs none)"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_gives_back_what_comes_again_later() {
    let cluster = cluster(1);
    let bus = bus(&cluster).await;
    produce(&bus, "a", 1..=2).await;
    let opts = SubscribeOpts::new().retry_topics(true);
    let mut subscription = bus.subscribe::<OrderPlaced>(opts).await.unwrap();
    let wait = Duration::from_secs(40);
    let first = subscription.next(wait).await.unwrap().unwrap();
    let failed = Instant::now();
    first.retry(Duration::from_secs(1)).await.unwrap();
    let second = subscription.next(wait).await.unwrap().unwrap();
    assert_eq!((second.value().unwrap().amount, second.attempt()), (2, 1));
    second.ack().await.unwrap();
    let again = subscription.next(wait).await.unwrap().unwrap();
    assert_eq!((again.value().unwrap().amount, again.attempt()), (1, 2));
    assert!(failed.elapsed() >= Duration::from_secs(1));
    again.ack().await.unwrap();
    subscription.close().await.unwrap();
    assert_eq!(unsettled(&bus).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_of_one_partition_and_failed_ones_come_again() {
    let cluster = cluster(3);
    let bus = bus(&cluster).await;
    for key in ["a", "b", "c", "d", "e"] {
        produce(&bus, key, 1..=5).await;
    }
    let (stop, sizes, tries) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let reading = BatchLoop::<OrderPlaced>::new(&bus, 10, Duration::from_millis(200)).retry(quick(2));
    let (into, count, end) = (sizes.clone(), tries.clone(), stop.clone());
    let handler = move |chunk: Arc<Vec<Received<OrderPlaced>>>| {
        into.lock().unwrap().push(chunk.len());
        assert!(chunk.iter().all(|each| each.raw().partition == chunk[0].raw().partition));
        let result = |each: &Received<OrderPlaced>| -> Result<(), BoxError> {
            let order = each.value().unwrap();
            let bad = order.order_id == "c" && order.amount == 4;
            *count.lock().unwrap() += u32::from(bad);
            if bad { Err("four".into()) } else { Ok(()) }
        };
        std::future::ready(chunk.iter().map(result).collect())
    };
    let settled = async {
        until("all are settled", async || *tries.lock().unwrap() == 2 && unsettled(&bus).await == 0).await;
        end.cancel();
    };
    let (report, ()) = tokio::join!(reading.run(handler, stop), settled);
    assert_eq!(report.unwrap().finished, 24);
    assert!(sizes.lock().unwrap().iter().all(|size| (1..=10).contains(size)));
    let letters = dead_letter::list(&bus, &of_billing()).await.unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.error.as_str(), letter.key.as_deref(), letter.attempts), ("four", Some("c"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_found_and_replayed_and_stay() {
    let cluster = cluster(1);
    let bus = bus(&cluster).await;
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        produce(&bus, key, 1..=2).await;
    }
    let stop = CancellationToken::new();
    let handler = |_, _: OrderPlaced| std::future::ready(Err(HandlerError::Poison("no".into())));
    let running = tokio::spawn(Loop::<OrderPlaced>::new(&bus).run(handler, stop.clone()));
    until("all are dead", async || dead_letter::list(&bus, &of_billing()).await.unwrap().len() == 16).await;
    stop.cancel();
    running.await.unwrap().unwrap();

    let letters = dead_letter::list(&bus, &of_billing()).await.unwrap();
    let partitions: Vec<u64> = letters.iter().map(|letter| letter.id >> 40).collect();
    assert!(partitions.contains(&0) && partitions.contains(&1), "in both partitions: {partitions:?}");
    for letter in &letters {
        let shown = dead_letter::show(&bus, letter.id, &of_billing()).await.unwrap();
        assert_eq!((shown.id, &shown.origin, shown.payload()), (letter.id, &letter.origin, letter.payload()));
    }
    let of_a = Filter { key: Some("a".into()), ..of_billing() };
    let of_a = dead_letter::list(&bus, &of_a).await.unwrap();
    assert_eq!(of_a.len(), 2);
    let error = dead_letter::list(&bus, &Filter::default()).await.unwrap_err();
    assert_eq!(error.code(), "messaging.unsupported", "whose letters has to be said");
    assert_eq!(dead_letter::drop_letter(&bus, &of_a[0]).await.unwrap_err().code(), "messaging.unsupported");

    // Twice the same: the letters stay, and what is published can be told to be the same.
    for _ in 0..2 {
        let replayed = dead_letter::replay(&bus, &of_a, &Replay::default()).await;
        assert!(replayed.iter().all(|each| each.to == "orders" && matches!(each.result, Some(Ok(_)))), "{replayed:?}");
    }
    assert_eq!(dead_letter::list(&bus, &of_billing()).await.unwrap().len(), 16);
    let published = records(&bus, "orders").await.split_off(16);
    let ids: Vec<Option<&str>> = published.iter().map(|each| each.headers.get_str("Alv-Id")).collect();
    assert_eq!((ids.len(), ids[0], ids[1]), (4, ids[2], ids[3]));
    assert!(ids[0].is_some() && ids[0] != ids[1]);
    for each in &published {
        assert_eq!((each.headers.get_str("Alv-Replay"), each.headers.get("Alv-Dlq-Reason")), (Some("1"), None));
        assert_eq!(each.key.as_deref(), Some(&b"a"[..]));
    }
    let ids = of_a.iter().map(|letter| letter.id).collect();
    let action = Action { deed: Deed::Replayed, ids, by: "me".into(), reason: None, to: None, at: String::new() };
    dead_letter::note(&bus, &of_billing(), action.clone()).await.unwrap();
    let actions = dead_letter::actions(&bus, &of_billing()).await.unwrap();
    assert_eq!((actions.len(), &actions[0].1.ids), (1, &action.ids));
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_process_each_time_is_put_aside() {
    use alluvium_messaging::inbox::{self, Inbox};
    let cluster = cluster(1);
    let bus = bus(&cluster).await;
    let postgres = alluvium_testing::Postgres::shared().await;
    let pool = sqlx::PgPool::connect(&postgres.database().await).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    produce(&bus, "a", 1..=3).await;
    let seen: Seen = Arc::default();
    let begin = || {
        let into = seen.clone();
        let handler = move |context: Context, order: OrderPlaced| {
            into.lock().unwrap().push((order.amount, context.attempt()));
            async move {
                if order.amount == 2 {
                    std::future::pending::<()>().await;
                }
                Ok::<_, HandlerError>(())
            }
        };
        let retry = Retry::default().attempts(2).mode(RetryMode::InLane);
        let reading = Loop::<OrderPlaced>::new(&bus).retry(retry).attempt_ledger(Inbox::new(pool.clone()));
        tokio::spawn(reading.run(handler, CancellationToken::new()))
    };
    // Begun with behind another, then twice as the first: each time it takes its process with it. Only the first is counted.
    for deaths in 1..=3 {
        let running = begin();
        let killers = || seen.lock().unwrap().iter().filter(|(amount, _)| *amount == 2).count();
        until("it is at work", async || killers() == deaths).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    }
    let running = begin();
    until("the one behind it is done", async || seen.lock().unwrap().last() == Some(&(3, 1))).await;
    running.abort();
    assert_eq!(seen.lock().unwrap().clone(), [(1, 1), (2, 1), (2, 1), (2, 2), (3, 1)]);
    let letters = dead_letter::list(&bus, &of_billing()).await.unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason.as_str(), letter.attempts, letter.origin.as_str()), ("crash", 2, "orders/0/1"));
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM messaging_attempts").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0, "what came to an end is not counted any more");
}
