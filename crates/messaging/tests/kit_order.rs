//! Functions that are consumers, strict order from an own place, and dead letters that keep the order of their keys; on real servers.
#![cfg(all(feature = "postgres", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Message,
    consume::{DrainReport, LoopError, Ordering, Retry, Router},
    consumer,
    dead_letter::{self, DeadLetter, Filter, Replay},
    inbox::{self, Inbox, InboxError, Seen},
    transport::memory::MemoryBroker,
};
use alluvium_testing::{NatsServer, Postgres};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Row};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "steps", subject = "steps.{key}", group = "walker", key = "who", namespace = "com.example")]
struct Step {
    who: String,
    n: i64,
}

fn step(who: &str, n: i64) -> Step {
    Step { who: who.into(), n }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn bus(nats: &NatsServer) -> Bus {
    let bus = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    bus.ensure::<Step>().await.unwrap();
    bus
}

type Seens = Arc<Mutex<Vec<(String, i64)>>>;

/// A loop that notes what it handles, and fails as `bad` says.
fn walk(
    reading: Loop<Step>,
    bad: impl Fn(&Step) -> Option<HandlerError> + Send + Sync + 'static,
) -> (Seens, CancellationToken, tokio::task::JoinHandle<Result<DrainReport, LoopError>>) {
    let (seen, stop) = (Seens::default(), CancellationToken::new());
    let into = seen.clone();
    let handler = move |_, step: Step| {
        let result = bad(&step).map_or(Ok(()), Err);
        if result.is_ok() {
            into.lock().unwrap().push((step.who, step.n));
        }
        std::future::ready(result)
    };
    let task = tokio::spawn(reading.run(handler, stop.clone()));
    (seen, stop, task)
}

#[consumer(Step, group = "macro", concurrency = 4, attempts = 2, profile = "Reliable", ordering = "key")]
async fn shout(context: Context, step: Step) -> Result<(), HandlerError> {
    let text = format!("{}{}", step.who.to_uppercase(), step.n);
    let message =
        alluvium_messaging::transport::Outgoing::new("shouts", text).with_id(context.id().unwrap_or_default());
    Ok(context.send(message).await?)
}

/// One without a context, and with an order of its own.
#[consumer(Step, group = "other", ordering = "none")]
async fn swallow(_step: Step) -> Result<(), HandlerError> {
    tokio::task::yield_now().await;
    Ok(())
}

#[tokio::test]
async fn a_function_becomes_a_loop() {
    let memory = MemoryBroker::jetstream();
    let bus = Bus::builder().transport(Arc::new(memory)).name("test").build().await.unwrap();
    bus.ensure::<Step>().await.unwrap();
    let shouts = alluvium_messaging::transport::TopicSpec { topic: "shouts".into(), ..Default::default() };
    bus.admin().create(shouts).await.unwrap();
    bus.produce(&step("a", 1)).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (bus, stop) = (bus.clone(), stop.clone());
        async move { shout::run(&bus, stop).await }
    });
    let stored = async || bus.admin().describe("SHOUTS".into()).await.unwrap().messages;
    until("it shouted", async || stored().await == Some(1)).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    // Several under one end and one report; the function is still a function.
    swallow(step("a", 1)).await.unwrap();
    let stop = CancellationToken::new();
    let router =
        Router::new()
            .with("shout", shout::reading(&bus), shout)
            .with("swallow", swallow::reading(&bus), |_, step| swallow(step));
    let handle = router.handle();
    let running = tokio::spawn(router.run(stop.clone()));
    bus.produce(&step("b", 2)).await.unwrap();
    until("it shouted again", async || stored().await == Some(2)).await;
    until("both are ready", async || handle.is_ready()).await;
    stop.cancel();
    assert_eq!(running.await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn a_strict_reader_goes_on_in_order_from_its_own_place() {
    let (nats, postgres) = (NatsServer::start().await, Postgres::shared().await);
    let bus = bus(&nats).await;
    let url = postgres.database().await;
    let pool = PgPool::connect(&url).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    sqlx::query("CREATE TABLE walked (n bigint NOT NULL)").execute(&pool).await.unwrap();
    for n in 0..60 {
        bus.produce(&step(&format!("k{}", n % 7), n)).await.unwrap();
    }
    let walked = async || -> Vec<i64> {
        let rows = sqlx::query("SELECT n FROM walked ORDER BY ctid").fetch_all(&pool).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let strict = |pool: &PgPool| {
        Loop::<Step>::new(&bus).group("strict").ordering(Ordering::Strict).positions(Inbox::new(pool.clone()))
    };
    // Dropped in the middle of whatever it does, again and again; the effect and the place are one transaction.
    for goal in [1, 8, 21, 40, 60] {
        // Connections of its own, which end with it like those of a process: none stays in the middle of a transaction.
        let own = PgPool::connect(&url).await.unwrap();
        let database = own.clone();
        let quick = Retry::exponential(Duration::from_millis(10), 1.0, Duration::from_millis(10)).attempts(5);
        let running = tokio::spawn(strict(&own).retry(quick).run(
            move |context: Context, step: Step| {
                let database = database.clone();
                async move {
                    if step.n % 10 == 3 && context.attempt() == 1 {
                        return Err(HandlerError::Transient("once".into()));
                    }
                    let mut tx = database.begin().await?;
                    if Inbox::position(&context, &mut tx).await? == Seen::First {
                        sqlx::query("INSERT INTO walked VALUES ($1)").bind(step.n).execute(&mut *tx).await?;
                    }
                    tx.commit().await?;
                    Ok(())
                }
            },
            CancellationToken::new(),
        ));
        until("it got on", async || walked().await.len() >= goal).await;
        running.abort();
        running.await.unwrap_err();
        own.close().await;
    }
    assert_eq!(walked().await, (0..60).collect::<Vec<i64>>(), "each once, and in the order of the stream");
    // Without a transaction of its own the loop moves the place.
    let (seen, stop, task) = walk(strict(&pool), |_| None);
    bus.produce(&step("k0", 60)).await.unwrap();
    until("the new one came", async || seen.lock().unwrap().len() == 1).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    let (seen, stop, task) = walk(strict(&pool), |_| None);
    bus.produce(&step("k0", 61)).await.unwrap();
    until("only the newest came", async || *seen.lock().unwrap() == [("k0".to_owned(), 61)]).await;
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_place_is_refused_where_messages_do_not_come_in_order() {
    let (nats, postgres) = (NatsServer::start().await, Postgres::shared().await);
    let bus = bus(&nats).await;
    let pool = PgPool::connect(&postgres.database().await).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    bus.produce(&step("a", 1)).await.unwrap();
    let (stop, told) = (CancellationToken::new(), Arc::new(Mutex::new(None)));
    let (end, into, database) = (stop.clone(), told.clone(), pool.clone());
    let handler = move |context: Context, _: Step| {
        let (end, into, database) = (end.clone(), into.clone(), database.clone());
        async move {
            let mut tx = database.begin().await?;
            *into.lock().unwrap() = Some(Inbox::position(&context, &mut tx).await);
            end.cancel();
            Ok::<_, HandlerError>(())
        }
    };
    Loop::<Step>::new(&bus).run(handler, stop).await.unwrap();
    assert!(matches!(*told.lock().unwrap(), Some(Err(InboxError::Unordered))));
    for (wrong, reading) in [
        ("store", Loop::<Step>::new(&bus).ordering(Ordering::Strict)),
        ("no order", Loop::<Step>::new(&bus).ordering(Ordering::None).dead_letter(DeadLetter::sequenced())),
    ] {
        let error = reading.run(async |_, _| Ok::<_, HandlerError>(()), CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.code(), "messaging.settings", "{wrong}: {error}");
    }
}

#[tokio::test]
async fn an_inbox_forgets_what_is_old() {
    let postgres = Postgres::shared().await;
    let pool = PgPool::connect(&postgres.database().await).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    let insert = "INSERT INTO messaging_inbox (consumer, message_id, seen_at)
        SELECT 'c', 'm' || days, now() - make_interval(days => days) FROM generate_series(0, 29) AS days";
    sqlx::query(insert).execute(&pool).await.unwrap();
    let stop = CancellationToken::new();
    let forgetting = tokio::spawn(Inbox::new(pool.clone()).forget_old(stop.clone()));
    let left =
        async || -> i64 { sqlx::query("SELECT count(*) FROM messaging_inbox").fetch_one(&pool).await.unwrap().get(0) };
    until("half is forgotten", async || left().await == 14).await;
    stop.cancel();
    forgetting.await.unwrap();
}

#[tokio::test]
async fn what_comes_behind_a_dead_letter_waits_for_its_replay() {
    let nats = NatsServer::start().await;
    for bus in [bus(&nats).await, {
        let memory = Bus::builder().transport(Arc::new(MemoryBroker::jetstream())).name("test").build().await.unwrap();
        memory.ensure::<Step>().await.unwrap();
        memory
    }] {
        for n in 1..=3 {
            bus.produce(&step("a", n)).await.unwrap();
            bus.produce(&step("b", n)).await.unwrap();
        }
        let reading = || Loop::<Step>::new(&bus).dead_letter(DeadLetter::sequenced()).retry(Retry::never());
        let first_is_bad = |step: &Step| (step.who == "a" && step.n == 1).then(|| HandlerError::Poison("never".into()));
        let letters = async || dead_letter::list(&bus, &Filter::default()).await.unwrap();
        let reasons = async || -> Vec<String> { letters().await.into_iter().map(|letter| letter.reason).collect() };
        let (seen, stop, task) = walk(reading(), first_is_bad);
        until("all of the key are put aside", async || letters().await.len() == 3).await;
        assert_eq!(reasons().await, ["handler", "sequenced", "sequenced"]);
        stop.cancel();
        task.await.unwrap().unwrap();
        assert!(seen.lock().unwrap().iter().all(|(who, _)| who == "b"));
        // Another process learns of it from the dead letters.
        let (seen, stop, task) = walk(reading(), |step| (step.n == 2).then(|| HandlerError::Poison("now this".into())));
        bus.produce(&step("a", 4)).await.unwrap();
        until("the new one waits behind them", async || letters().await.len() == 4).await;
        // A replay that fails again keeps what comes behind it waiting.
        let again = Replay { new_id: true, ..Default::default() };
        let all = letters().await;
        assert!(dead_letter::replay(&bus, &all, &again).await.iter().all(|each| matches!(each.result, Some(Ok(_)))));
        until("the first passed, the second failed, the rest waits", async || {
            let reasons = reasons().await;
            *seen.lock().unwrap() == [("a".to_owned(), 1)] && reasons == ["handler", "sequenced", "sequenced"]
        })
        .await;
        stop.cancel();
        task.await.unwrap().unwrap();
        let (seen, stop, task) = walk(reading(), |_| None);
        let all = letters().await;
        dead_letter::replay(&bus, &all, &again).await;
        let of_a = |n: &[i64]| n.iter().map(|n| ("a".to_owned(), *n)).collect::<Vec<_>>();
        until("all passed in order", async || *seen.lock().unwrap() == of_a(&[2, 3, 4])).await;
        assert!(letters().await.is_empty());
        // The key is free again, once the loop has looked.
        until("a new one passes", async || {
            bus.produce(&step("a", 5)).await.unwrap();
            seen.lock().unwrap().contains(&("a".to_owned(), 5))
        })
        .await;
        stop.cancel();
        task.await.unwrap().unwrap();
    }
}
