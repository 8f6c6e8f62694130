//! Bus and loop on a real nats-server.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, HandlerError, Loop, Payload,
    consume::{Channel, Opaque, Ordering, Retry, State},
    dead_letter,
    profile::{PROFILES, Profile},
    transport::{Browse, Outgoing, PublishError, StartFrom, TopicSpec},
};
use alluvium_testing::NatsServer;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use tokio_util::sync::CancellationToken;

async fn bus(nats: &NatsServer) -> Bus {
    bus_with(nats, Profile::Base).await
}

async fn bus_with(nats: &NatsServer, profile: Profile) -> Bus {
    let bus = Bus::builder().nats(nats.url()).profile(profile).name("test").build().await.unwrap();
    topic(&bus, "orders", &["orders", "orders.>"]).await;
    bus
}

async fn topic(bus: &Bus, topic: &str, subjects: &[&str]) {
    let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
    bus.admin().create(TopicSpec { topic: topic.into(), subjects, ..Default::default() }).await.unwrap();
}

async fn dead_letters(bus: &Bus) {
    let spec = TopicSpec { topic: "DLQ".into(), subjects: vec!["dlq.>".into()], ..Default::default() };
    bus.admin().create(spec).await.unwrap();
}

async fn letters(bus: &Bus) -> Vec<alluvium_messaging::transport::Stored> {
    let what = Browse { name: "DLQ".into(), filter: ">".into(), from: 1, messages_max: 1_000, partition: None };
    bus.admin().browse(what).await.unwrap()
}

fn order(key: &str, n: usize) -> Outgoing {
    Outgoing::new("orders", format!("{key}:{n}")).with_key(key.to_owned()).with_id(format!("{key}-{n}"))
}

fn reading(bus: &Bus, group: &str) -> Loop<Opaque> {
    Loop::raw(bus, Channel::new("orders")).group(group)
}

fn text(message: &Opaque) -> String {
    String::from_utf8(message.0.to_vec()).unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn unsettled(bus: &Bus, group: &str) -> u64 {
    // Before the group is there, all is unsettled.
    bus.admin().lag("ORDERS".into(), group.into()).await.map_or(u64::MAX, |lag| lag.total())
}

#[tokio::test]
async fn a_thousand_messages_of_ten_keys_keep_their_order() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    let mut pending = Vec::new();
    for n in 0..100 {
        for key in 0..10 {
            pending.push(bus.send(order(&format!("k{key}"), n)).await.unwrap());
        }
    }
    bus.flush(Duration::from_secs(10)).await.unwrap();
    for (at, each) in pending.into_iter().enumerate() {
        assert_eq!(each.await.unwrap().position.number(), at as u64 + 1);
    }
    assert!(bus.send(order("k1", 0)).await.unwrap().await.unwrap().duplicate, "the server knows the id");
    let seen: Arc<Mutex<BTreeMap<String, Vec<usize>>>> = Arc::default();
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let running = tokio::spawn(reading(&bus, "billing").run(
        move |_, message: Opaque| {
            let into = into.clone();
            async move {
                let text = text(&message);
                let (key, n) = text.split_once(':').unwrap();
                tokio::time::sleep(Duration::from_micros(300)).await;
                into.lock().unwrap().entry(key.to_owned()).or_default().push(n.parse().unwrap());
                Ok::<_, HandlerError>(())
            }
        },
        stop.clone(),
    ));
    until("all handled", async || seen.lock().unwrap().values().map(Vec::len).sum::<usize>() == 1_000).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    for (key, order) in seen.lock().unwrap().iter() {
        assert_eq!(*order, (0..100).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(unsettled(&bus, "billing").await, 0);
}

#[tokio::test]
async fn what_runs_when_a_loop_is_dropped_comes_again_and_the_rest_does_not() {
    let nats = NatsServer::start().await;
    let profile = Profile::custom(&Profile::Base).jetstream(|it| it.ack_wait = Duration::from_secs(2));
    let bus = bus(&nats).await;
    for (key, n) in [("slow", 1), ("a", 2), ("b", 3), ("c", 4), ("d", 5)] {
        bus.deliver(order(key, n)).await.unwrap();
    }
    let fast = Arc::new(AtomicUsize::new(0));
    let count = fast.clone();
    let running = tokio::spawn(reading(&bus, "billing").profile(profile.clone()).run(
        move |context, _| {
            let count = count.clone();
            async move {
                if context.key().unwrap() == "slow" {
                    std::future::pending::<()>().await;
                }
                count.fetch_add(1, SeqCst);
                Ok::<_, HandlerError>(())
            }
        },
        CancellationToken::new(),
    ));
    until("the fast ones are settled", async || unsettled(&bus, "billing").await == 1).await;
    // Longer than `ack_wait`: signs of life keep the slow one here.
    tokio::time::sleep(Duration::from_secs(3)).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(fast.load(SeqCst), 4);
    let again: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
    let (stop, into) = (CancellationToken::new(), again.clone());
    let running = tokio::spawn(reading(&bus, "billing").profile(profile).run(
        move |context, message: Opaque| {
            let into = into.clone();
            async move {
                into.lock().unwrap().push((text(&message), context.attempt()));
                Ok::<_, HandlerError>(())
            }
        },
        stop.clone(),
    ));
    until("the slow one is settled", async || unsettled(&bus, "billing").await == 0).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(
        *again.lock().unwrap(),
        [("slow:1".to_owned(), 2)],
        "once delivered before, and nothing else came again"
    );
}

#[tokio::test]
async fn failures_are_tried_again_in_order_and_at_last_put_aside() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    dead_letters(&bus).await;
    for n in 1..=3 {
        bus.deliver(order("a", n)).await.unwrap();
    }
    bus.deliver(order("panic", 1)).await.unwrap();
    bus.deliver(order("late", 1)).await.unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (stop, into, tell) = (CancellationToken::new(), seen.clone(), told.clone());
    let quick = Retry::exponential(Duration::from_millis(20), 2.0, Duration::from_millis(100)).attempts(3);
    let running = tokio::spawn(
        reading(&bus, "billing")
            .retry(quick)
            .deadline(Duration::from_millis(300))
            .on_error(move |failure| tell.lock().unwrap().push(failure.error().to_owned()))
            .run(
                move |context, message: Opaque| {
                    let into = into.clone();
                    async move {
                        let text = text(&message);
                        into.lock().unwrap().push(format!("{text}#{}", context.attempt()));
                        match text.as_str() {
                            "a:1" if context.attempt() < 3 => Err(HandlerError::Transient("not yet".into())),
                            "a:2" => Err(HandlerError::Poison("never".into())),
                            "panic:1" => panic!("a bug"),
                            "late:1" => std::future::pending().await,
                            _ => Ok(()),
                        }
                    }
                },
                stop.clone(),
            ),
    );
    until("all settled", async || unsettled(&bus, "billing").await == 0).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let of_a: Vec<String> = seen.lock().unwrap().iter().filter(|each| each.starts_with('a')).cloned().collect();
    assert_eq!(of_a, ["a:1#1", "a:1#2", "a:1#3", "a:2#1", "a:3#1"]);
    assert!(told.lock().unwrap().iter().any(|error| error.contains("a bug")));
    let letters = letters(&bus).await;
    let reasons: BTreeSet<(String, String)> = letters
        .iter()
        .map(|letter| {
            let payload = String::from_utf8(letter.payload.clone().unwrap().to_vec()).unwrap();
            (payload, letter.headers.get_str(dead_letter::names::REASON).unwrap().to_owned())
        })
        .collect();
    let wanted = [("a:2", "handler"), ("late:1", "deadline"), ("panic:1", "attempts")];
    assert_eq!(reasons, wanted.map(|(payload, reason)| (payload.to_owned(), reason.to_owned())).into());
    let poison = letters.iter().find(|letter| letter.key.as_deref() == Some(b"a")).unwrap();
    let header = |name: &str| poison.headers.get_str(name).unwrap();
    assert_eq!((header("Alv-Dlq-Error"), header("Alv-Dlq-Origin"), header("Alv-Id")), ("never", "ORDERS:2", "a-2"));
    assert_eq!(poison.subject, "dlq.default.orders.billing");
}

#[tokio::test]
async fn nothing_is_dropped_while_dead_letters_cannot_be_stored() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    bus.deliver(order("a", 1)).await.unwrap();
    let stop = CancellationToken::new();
    let reading = reading(&bus, "billing");
    let handle = reading.handle();
    let running =
        tokio::spawn(reading.run(async |_, _| Err::<(), _>(HandlerError::Poison("never".into())), stop.clone()));
    until("degraded", async || matches!(handle.report().state, State::Degraded(_))).await;
    assert_eq!(unsettled(&bus, "billing").await, 1);
    dead_letters(&bus).await;
    until("stored", async || letters(&bus).await.len() == 1).await;
    until("settled", async || unsettled(&bus, "billing").await == 0).await;
    until("well again", async || handle.report().state == State::Ready).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_message_that_kills_its_process_each_time_is_put_aside() {
    let nats = NatsServer::start().await;
    let profile = Profile::custom(&Profile::Base).jetstream(|it| it.ack_wait = Duration::from_millis(300));
    let bus = bus(&nats).await;
    dead_letters(&bus).await;
    bus.deliver(order("a", 1)).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    for _ in 0..5 {
        let (count, reached) = (runs.clone(), Arc::new(AtomicBool::new(false)));
        let flag = reached.clone();
        let retry = Retry::default().attempts(2);
        let running = tokio::spawn(reading(&bus, "billing").profile(profile.clone()).retry(retry).run(
            move |_, _| {
                count.fetch_add(1, SeqCst);
                flag.store(true, SeqCst);
                std::future::pending::<Result<(), HandlerError>>()
            },
            CancellationToken::new(),
        ));
        until("taken or put aside", async || reached.load(SeqCst) || letters(&bus).await.len() == 1).await;
        running.abort();
    }
    assert_eq!(runs.load(SeqCst), 2, "it may be tried twice");
    assert_eq!(letters(&bus).await[0].headers.get_str("Alv-Dlq-Reason"), Some("crash"));
}

#[tokio::test]
async fn a_broker_that_is_gone_and_comes_back_loses_nothing() {
    let mut nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let running = tokio::spawn(reading(&bus, "billing").run(
        move |_, message: Opaque| {
            let into = into.clone();
            async move {
                into.lock().unwrap().push(text(&message));
                Ok::<_, HandlerError>(())
            }
        },
        stop.clone(),
    ));
    let sender = bus.clone();
    let sending = tokio::spawn(async move {
        for n in 0..200 {
            let mut message = order("a", n);
            message.within = Some(Duration::from_secs(30));
            sender.deliver(message).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        nats.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        nats.restart().await;
    }
    sending.await.unwrap();
    until("all handled", async || seen.lock().unwrap().iter().collect::<BTreeSet<_>>().len() == 200).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(bus.admin().describe("ORDERS".into()).await.unwrap().messages, Some(200), "each is stored once");
}

#[tokio::test]
async fn a_publish_without_an_answer_is_found_out_about() {
    let mut nats = NatsServer::start().await;
    let profile = Profile::Base.publishing(|it| it.ack_timeout = Duration::from_millis(300));
    let bus = bus_with(&nats, profile).await;
    bus.deliver(order("a", 0)).await.unwrap();
    nats.pause();
    let first = bus.send(order("a", 1)).await.unwrap();
    let second = bus.send(order("a", 2)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    nats.resume();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.position.number(), second.position.number()), (2, 3));
    assert_eq!(bus.admin().describe("ORDERS".into()).await.unwrap().messages, Some(3));
    // Never answered: unknown, and said so in time.
    nats.pause();
    let mut lost = order("a", 3);
    lost.within = Some(Duration::from_millis(800));
    let began = Instant::now();
    let error = bus.deliver(lost).await.unwrap_err();
    assert!(error.unknown() && error.retryable(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    nats.resume();
}

#[tokio::test]
async fn what_cannot_be_published_is_said_at_once() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    let error = bus.deliver(Outgoing::new("nothing.here", "x").with_id("1")).await.unwrap_err();
    assert!(matches!(error, PublishError::NoDestination { .. }), "{error}");
    let error = bus.deliver(Outgoing::new("orders", vec![0; 20_000_000])).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
    let mut stale = order("a", 1).on_subject("orders.a");
    stale.expect_last_subject_seq = Some(7);
    let error = bus.deliver(stale.clone()).await.unwrap_err();
    assert!(matches!(error, PublishError::WrongSequence { .. }), "{error}");
    stale.expect_last_subject_seq = Some(0);
    bus.deliver(stale).await.unwrap();
    let batch: Vec<Outgoing> = (1..=3).map(|n| order("b", n)).collect();
    let receipts = bus.transport().publish_atomic(batch).await.unwrap();
    assert_eq!(receipts.iter().map(|each| each.position.number()).collect::<Vec<_>>(), [2, 3, 4]);
}

#[tokio::test]
async fn tombstones_and_bytes_in_headers_arrive_as_they_were_sent() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    let mut message = order("a", 1);
    message.key = Some(vec![0xff, 0xfe].into());
    message.payload = None;
    message.headers.insert("trace", vec![0, 159, 146, 150]);
    bus.deliver(message).await.unwrap();
    let (stop, got) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
    let (end, flag) = (stop.clone(), got.clone());
    let running = reading(&bus, "billing").run_payloads(
        move |context, payload| {
            let (end, flag) = (end.clone(), flag.clone());
            async move {
                let good = payload == Payload::Tombstone
                    && context.key().unwrap().as_ref() == [0xff, 0xfe]
                    && context.headers().get("trace") == Some(&[0, 159, 146, 150][..])
                    && context.id() == Some("a-1");
                flag.store(good, SeqCst);
                end.cancel();
                Ok::<_, HandlerError>(())
            }
        },
        stop,
    );
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
    assert!(got.load(SeqCst));
}

#[tokio::test]
async fn draining_finishes_what_runs_and_gives_back_the_rest() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    for n in 0..10 {
        bus.deliver(order("a", n)).await.unwrap();
    }
    let (stop, began) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let count = began.clone();
    let running = tokio::spawn(reading(&bus, "billing").run(
        move |_, _| {
            count.fetch_add(1, SeqCst);
            async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok::<_, HandlerError>(())
            }
        },
        stop.clone(),
    ));
    until("the first runs", async || began.load(SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.finished, report.abandoned), (1, 9));
    // Given back, not left to time out: the next one gets them at once.
    let (stop, seen) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let count = seen.clone();
    let began = Instant::now();
    let running = tokio::spawn(reading(&bus, "billing").run(
        move |_, _| {
            count.fetch_add(1, SeqCst);
            async { Ok::<_, HandlerError>(()) }
        },
        stop.clone(),
    ));
    until("the rest came", async || seen.load(SeqCst) == 9).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn intake_is_bounded_by_messages_and_bytes_and_big_messages_pass() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    for n in 0..40 {
        let mut message = order(&format!("k{n}"), n);
        message.payload = Some(vec![b'x'; if n % 10 == 3 { 300_000 } else { 10_000 }].into());
        bus.deliver(message).await.unwrap();
    }
    let bounds = |messages: usize, bytes: usize| {
        Profile::custom(&Profile::Base).jetstream(move |it| {
            it.max_in_flight = messages;
            it.max_in_flight_bytes = bytes;
        })
    };
    for (group, messages, bytes) in [("few", 5, 10_000_000), ("small", 100, 100_000)] {
        let (stop, seen, most) =
            (CancellationToken::new(), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new((0, 0))));
        let count = seen.clone();
        let reading = reading(&bus, group).profile(bounds(messages, bytes)).ordering(Ordering::None);
        let handle = reading.handle();
        let running = tokio::spawn(reading.run(
            move |_, _| {
                let count = count.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    count.fetch_add(1, SeqCst);
                    Ok::<_, HandlerError>(())
                }
            },
            stop.clone(),
        ));
        until("all handled", async || {
            let report = handle.report();
            let mut most = most.lock().unwrap();
            *most = (report.in_flight.max(most.0), report.in_flight_bytes.max(most.1));
            seen.load(SeqCst) == 40
        })
        .await;
        stop.cancel();
        running.await.unwrap().unwrap();
        let most = *most.lock().unwrap();
        assert!(most.0 <= messages && most.1 <= bytes.max(310_000), "{group}: {most:?}");
    }
}

#[tokio::test]
async fn every_line_of_every_profile_stands_on_the_server() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    let js = alluvium_messaging::connect::jetstream(nats.connect().await);
    let mut pulls = nats.connect().await.subscribe("$JS.API.CONSUMER.MSG.NEXT.>").await.unwrap();
    for profile in &PROFILES {
        let (settings, stop) = (profile.settings().consume, CancellationToken::new());
        let group = profile.name();
        let running = tokio::spawn(
            reading(&bus, group).profile(profile.clone()).run(async |_, _| Ok::<_, HandlerError>(()), stop.clone()),
        );
        let pull = loop {
            let pull = futures::StreamExt::next(&mut pulls).await.unwrap();
            if pull.subject.ends_with(group) {
                break serde_json::from_slice::<serde_json::Value>(&pull.payload).unwrap();
            }
        };
        stop.cancel();
        running.await.unwrap().unwrap();
        let stream = js.get_stream("ORDERS").await.unwrap();
        let found = stream.consumer_info(group).await.unwrap().config;
        let deliver = if settings.from_earliest { DeliverPolicy::All } else { DeliverPolicy::New };
        assert_eq!(found.deliver_policy, deliver, "{group}");
        assert_eq!((found.ack_policy, found.replay_policy), (AckPolicy::Explicit, ReplayPolicy::Instant));
        assert_eq!((found.ack_wait, found.max_ack_pending), (settings.ack_wait, settings.max_ack_pending), "{group}");
        assert_eq!(found.max_deliver, -1);
        let nanos = |time: Duration| time.as_nanos() as u64;
        assert_eq!(pull["expires"], nanos(settings.pull_expires), "{group}");
        assert_eq!(pull["idle_heartbeat"], nanos(settings.pull_heartbeat), "{group}");
        assert_eq!(pull["max_bytes"], settings.pull_bytes.min(settings.max_in_flight_bytes / 2), "{group}");
        let messages = if settings.pull_free_slots { 16 } else { settings.pull_messages };
        assert_eq!(pull["batch"], messages, "{group}");
    }
}

#[tokio::test]
async fn a_reader_without_a_group_sees_everything_from_where_it_likes() {
    let nats = NatsServer::start().await;
    let bus = bus(&nats).await;
    for n in 1..=5 {
        bus.deliver(order("a", n)).await.unwrap();
    }
    for (from, first) in [(StartFrom::Earliest, 1), (StartFrom::Seq(4), 4)] {
        let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let (end, into) = (stop.clone(), seen.clone());
        let running = Loop::raw(&bus, Channel::new("orders")).from(from).run(
            move |context, _| {
                into.lock().unwrap().push(context.position().number());
                if context.position().number() == 5 {
                    end.cancel();
                }
                async { Ok::<_, HandlerError>(()) }
            },
            stop,
        );
        tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
        assert_eq!(*seen.lock().unwrap(), (first..=5).collect::<Vec<u64>>());
    }
}
