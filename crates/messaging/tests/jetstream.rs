//! The JetStream half of the kit, on a real server.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

use std::time::{Duration, Instant};

use alluvium_messaging::{
    Floor, LogMessage, PullSettings, Tail, TailConfig, Tailed,
    batch::{Draft, publish_batch},
    connect::{ConnectConfig, connect, jetstream},
    direct, snapshot, streams,
};
use alluvium_testing::NatsServer;
use async_nats::{HeaderMap, jetstream::Context, jetstream::consumer::pull};
use futures::StreamExt as _;

async fn context(nats: &NatsServer) -> Context {
    let config = ConnectConfig { url: nats.url(), name: "test".into(), ..Default::default() };
    jetstream(connect(&config).await.unwrap())
}

fn draft(subject: &str, expected: Option<u64>) -> Draft {
    let mut headers = HeaderMap::new();
    if let Some(expected) = expected {
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
    }
    Draft { subject: subject.into(), headers, payload: "x".into() }
}

fn tail(js: &Context, filters: &[&str]) -> Tail {
    let filters = filters.iter().map(|&filter| filter.to_owned()).collect();
    let pull = PullSettings { batch_messages: 100, ..PullSettings::default() };
    Tail::new(js.clone(), TailConfig { stream: "STORAGE".into(), filters, from: 1, pull }).unwrap()
}

async fn message(tail: &mut Tail) -> LogMessage {
    loop {
        if let Tailed::Message(message) = tail.next().await.unwrap() {
            return message;
        }
    }
}

#[tokio::test]
async fn streams_are_made_compared_and_never_changed_dangerously() {
    let nats = NatsServer::start().await;
    let js = context(&nats).await;
    let all = streams::load(None).len();
    assert_eq!(streams::diff(&js, None).await.unwrap().len(), all, "all are missing");
    assert_eq!(streams::apply(&js, None).await.unwrap().len(), all);
    assert_eq!(streams::diff(&js, None).await.unwrap(), vec![]);
    let mut dlq = js.get_stream("DLQ").await.unwrap().cached_info().config.clone();
    dlq.max_age = Duration::from_hours(1);
    js.update_stream(dlq.clone()).await.unwrap();
    let found = streams::diff(&js, None).await.unwrap();
    assert_eq!((found.len(), found[0].field.as_str(), found[0].refused), (1, "max_age", false));
    streams::apply(&js, None).await.unwrap();
    assert_eq!(streams::diff(&js, None).await.unwrap(), vec![]);
    dlq.subjects.push("more.>".into());
    dlq.max_age = Duration::ZERO;
    js.update_stream(dlq).await.unwrap();
    let problem = streams::apply(&js, None).await.unwrap_err();
    assert_eq!(problem.code, "platform.stream_change_refused");
}

#[tokio::test]
async fn a_batch_is_stored_as_a_whole_or_not_at_all() {
    let nats = NatsServer::start().await;
    let js = context(&nats).await;
    streams::apply(&js, None).await.unwrap();
    let subjects = ["rows.t.p.b.one", "rows.t.p.b.two"];
    let first = publish_batch(&js, "a", subjects.map(|subject| draft(subject, Some(0))).to_vec()).await.unwrap();
    assert_eq!(first, 1);
    // One of the two expectations is stale.
    let stale = vec![draft(subjects[0], Some(1)), draft(subjects[1], Some(0))];
    let error = publish_batch(&js, "b", stale).await.unwrap_err();
    assert!(error.is_wrong_last_sequence(), "{error}");
    assert!(direct::leader_next(&js, "STORAGE", subjects[0], 2).await.unwrap().is_none());
    let right = vec![draft(subjects[0], Some(1)), draft(subjects[0], None), draft(subjects[1], Some(2))];
    assert_eq!(publish_batch(&js, "c", right).await.unwrap(), 3);
    let last = direct::multi_last(&js, "STORAGE", &subjects.map(ToOwned::to_owned)).await.unwrap();
    assert_eq!(last.iter().map(|message| message.seq).collect::<Vec<_>>(), [4, 5]);
    let history = direct::history(&js, "STORAGE", subjects[0], 2).await.unwrap();
    assert_eq!(history.iter().map(|message| message.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(history[1].pending, 0);
    assert_eq!(direct::leader_at(&js, "STORAGE", 5).await.unwrap().unwrap().subject, subjects[1]);
    assert!(direct::leader_at(&js, "STORAGE", 6).await.unwrap().is_none());
    assert!(direct::history(&js, "STORAGE", "rows.t.p.b.none", 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_publisher_cannot_pretend_another_place_on_the_stream() {
    let nats = NatsServer::start().await;
    let js = context(&nats).await;
    streams::apply(&js, None).await.unwrap();
    let mut forged = draft("rows.t.p.b.one", None);
    forged.headers.insert("Nats-Sequence", "77");
    forged.headers.insert("Nats-Subject", "ev.default.storage.000.x.y");
    js.publish_with_headers(forged.subject, forged.headers, forged.payload).await.unwrap().await.unwrap();
    let last = direct::multi_last(&js, "STORAGE", &["rows.t.p.b.one".to_owned()]).await.unwrap();
    assert_eq!((last[0].seq, last[0].subject.as_str()), (1, "rows.t.p.b.one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_survives_killed_servers_without_a_gap() {
    const MESSAGES: u64 = 3_000;
    let mut nats = NatsServer::start().await;
    let js = context(&nats).await;
    streams::apply(&js, None).await.unwrap();
    let publisher = {
        let js = context(&nats).await;
        tokio::spawn(async move {
            for n in 0..MESSAGES {
                let subject = if n % 2 == 0 { "rows.t.p.b.even" } else { "rows.t.p.b.odd" };
                // The id makes sending again harmless.
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Msg-Id", n.to_string());
                while js
                    .publish_with_headers(subject, headers.clone(), n.to_string().into())
                    .await
                    .unwrap()
                    .await
                    .is_err()
                {}
            }
        })
    };
    let reader = {
        let js = context(&nats).await;
        tokio::spawn(async move {
            let (mut all, mut odd) = (tail(&js, &[]), tail(&js, &["rows.*.*.*.odd"]));
            for n in 0..MESSAGES {
                let next = message(&mut all).await;
                assert_eq!((next.seq, next.payload.as_ref()), (n + 1, n.to_string().as_bytes()));
                if n % 2 == 1 {
                    assert_eq!(message(&mut odd).await.seq, n + 1);
                }
            }
            all.health().silent_for()
        })
    };
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        nats.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        nats.restart().await;
    }
    publisher.await.unwrap();
    assert!(reader.await.unwrap() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_idle_tail_knows_that_the_server_lives() {
    let mut nats = NatsServer::start().await;
    let js = context(&nats).await;
    streams::apply(&js, None).await.unwrap();
    let mut tail = tail(&js, &[]);
    let health = tail.health();
    let reading = tokio::spawn(async move { while tail.next().await.is_ok() {} });
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(health.silent_for() < Duration::from_millis(1_500), "{:?}", health.silent_for());
    nats.kill();
    let killed = Instant::now();
    while health.silent_for() < Duration::from_secs(2) {
        assert!(killed.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    reading.abort();
}

#[tokio::test]
async fn a_stream_comes_out_of_one_server_and_into_another_as_it_was() {
    let (from, to) = (NatsServer::start().await, NatsServer::start().await);
    let (js, other) = (context(&from).await, context(&to).await);
    streams::apply(&js, None).await.unwrap();
    // More than one chunk, so that the order of the chunks counts.
    for n in 0..8_u64 {
        let mut draft = draft("ev.default.storage.000.x.a", Some(n));
        // A generator's numbers, which do not compress.
        let next = |last: &u64| Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let noise = std::iter::successors(Some(n + 1), next);
        draft.payload = noise.take(40_000).flat_map(|number| (number >> 16).to_be_bytes()).collect();
        publish_batch(&js, &format!("batch-{n}"), vec![draft]).await.unwrap();
    }
    let mut snapshot = snapshot::Snapshot::open(&js, "STORAGE").await.unwrap();
    publish_batch(&js, "later", vec![draft("ev.default.storage.000.x.b", None)]).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = snapshot.next().await.unwrap() {
        chunks.push(chunk);
    }
    assert!(chunks.len() > 1);
    let restore = snapshot::Restore::begin(&other, "STORAGE", &snapshot.config, &snapshot.state).await.unwrap();
    for chunk in chunks {
        restore.send(chunk).await.unwrap();
    }
    assert_eq!(restore.finish().await.unwrap().last_seq, 8);
    for seq in 1..=8 {
        let [was, is] = [&js, &other].map(|js| direct::leader_at(js, "STORAGE", seq));
        let (was, is) = (was.await.unwrap().unwrap(), is.await.unwrap().unwrap());
        assert_eq!((was.seq, was.time, was.subject, was.payload), (is.seq, is.time, is.subject, is.payload));
        assert_eq!(was.headers, is.headers);
    }
    assert!(snapshot::Restore::begin(&other, "STORAGE", &snapshot.config, &snapshot.state).await.is_err());
    assert!(snapshot::describe(&js, "NOPE").await.unwrap().is_none());
    assert!(snapshot::Snapshot::open(&js, "NOPE").await.unwrap_err().is_no_stream());
}

#[tokio::test]
async fn a_floor_takes_over_from_a_consumer_and_belongs_to_one_stream() {
    let nats = NatsServer::start().await;
    let js = context(&nats).await;
    streams::apply(&js, None).await.unwrap();
    for n in 1..=3 {
        js.publish("rows.t.p.b.t", n.to_string().into()).await.unwrap().await.unwrap();
    }
    // An earlier release's: two of three are acknowledged.
    let config = pull::Config { durable_name: Some("follower".into()), ..Default::default() };
    let consumer = js.create_consumer_on_stream(config, "STORAGE").await.unwrap();
    let mut messages = consumer.fetch().max_messages(3).messages().await.unwrap();
    for n in 1..=3 {
        let message = messages.next().await.unwrap().unwrap();
        if n < 3 {
            message.double_ack().await.unwrap();
        }
    }
    let mut floor = Floor::find(&js, "STORAGE", "follower").await.unwrap();
    assert_eq!(floor.seq(), 2);
    let stream = js.get_stream("STORAGE").await.unwrap();
    assert!(stream.consumer_info("follower").await.is_err(), "the consumer is gone");
    assert_eq!(Floor::find(&js, "STORAGE", "follower").await.unwrap().seq(), 2, "and its place is kept");

    floor.save(&js, 3).await.unwrap();
    assert!(floor.holds(&js).await.unwrap());
    assert_eq!(Floor::find(&js, "STORAGE", "follower").await.unwrap().seq(), 3);
    assert_eq!(Floor::find(&js, "STORAGE", "another").await.unwrap().seq(), 0);

    js.delete_stream("STORAGE").await.unwrap();
    streams::apply(&js, None).await.unwrap();
    assert!(!floor.holds(&js).await.unwrap());
    assert_eq!(Floor::find(&js, "STORAGE", "follower").await.unwrap().seq(), 0);
}
