//! The Kafka transport on a real broker.
#![cfg(feature = "kafka")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Wire,
    consume::{Channel, Opaque, Ordering},
    profile::Profile,
    transport::{
        Browse, Outgoing, PublishError, Settle, StartFrom, SubscribeError, SubscribeSpec, TopicSpec, Transport,
        kafka::{Kafka, KafkaConfig},
    },
};
use alluvium_testing::KafkaBroker;
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_mins(1);

/// One record to a batch, and nothing compressed: [`KafkaBroker`] says why.
fn config(broker: &KafkaBroker) -> KafkaConfig {
    KafkaConfig::new(broker.address()).with("compression.type", "none").with("batch.num.messages", "1")
}

fn spec(topic: &str, group: &str) -> SubscribeSpec {
    SubscribeSpec {
        topic: topic.into(),
        filters: vec![],
        stream: None,
        group: Some(group.to_owned()),
        from: StartFrom::Stored,
        partition_token: None,
        settings: Profile::Reliable.settings().consume,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_messages_and_groups_on_a_real_broker() {
    let broker = KafkaBroker::start();
    let kafka = Kafka::new(config(&broker), Profile::Reliable.settings().publish).unwrap();
    kafka.ping(LONG).await.unwrap();
    let topic = || TopicSpec { topic: "real".into(), partitions: Some(3), ..TopicSpec::default() };
    kafka.admin().create(topic()).await.unwrap();
    kafka.admin().create(topic()).await.unwrap();
    assert_eq!(kafka.admin().describe("real".into()).await.unwrap().partitions, 3);
    assert!(matches!(kafka.subscribe(spec("none", "g")).await.map(drop), Err(SubscribeError::NoSource(_))));
    let nowhere = timeout(LONG, kafka.publish(Outgoing::new("none", "x")).await.unwrap()).await.unwrap();
    assert!(matches!(nowhere, Err(PublishError::NoDestination { .. })), "{nowhere:?}");

    let mut pending = Vec::new();
    for at in 0..300 {
        pending
            .push(kafka.publish(Outgoing::new("real", format!("{at}")).with_key(format!("{}", at % 9))).await.unwrap());
    }
    for each in pending {
        timeout(LONG, each).await.unwrap().unwrap();
    }
    let what = Browse { name: "real".into(), filter: ">".into(), from: 0, messages_max: 1000, partition: None };
    assert_eq!(kafka.admin().browse(what).await.unwrap().len(), 300);

    // Half is settled, each with an awaited commit; the next reader of the group gets the other half.
    let mut source = kafka.subscribe(spec("real", "g")).await.unwrap();
    let settler = source.settler();
    for _ in 0..150 {
        let message = timeout(LONG, source.next()).await.unwrap().unwrap().unwrap();
        settler.settle(&message.token, Settle::Done).await.unwrap();
    }
    source.close(Instant::now() + LONG).await.unwrap();
    let mut source = kafka.subscribe(spec("real", "g")).await.unwrap();
    for _ in 0..150 {
        let message = timeout(LONG, source.next()).await.unwrap().unwrap().unwrap();
        source.settler().settle(&message.token, Settle::Done).await.unwrap();
    }
    assert!(timeout(Duration::from_secs(1), source.next()).await.is_err(), "nothing twice");
    source.close(Instant::now() + LONG).await.unwrap();
    kafka.admin().delete("real".into()).await.unwrap();
    assert!(kafka.admin().describe("real".into()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_without_order_makes_its_retry_topics_and_tries_again_from_there() {
    let broker = KafkaBroker::start();
    let kafka = Arc::new(Kafka::new(config(&broker), Profile::Reliable.settings().publish).unwrap());
    let bus = Bus::builder().transport(kafka).wire(Wire::SingleObject).name("test").build().await.unwrap();
    let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
    let run = || {
        let (into, end) = (seen.clone(), stop.clone());
        let handler = move |context: Context, message: Opaque| {
            into.lock().unwrap().push((message.0.to_vec(), context.attempt()));
            let fails = context.attempt() == 1 && message.0 == "two";
            if context.attempt() == 2 {
                end.cancel();
            }
            std::future::ready(if fails { Err(HandlerError::Transient("not yet".into())) } else { Ok(()) })
        };
        let reading = Loop::raw(&bus, Channel::new("jobs")).group("workers").ordering(Ordering::None);
        reading.profile(Profile::Reliable).concurrency(1).run(handler, stop.clone())
    };
    let error = run().await.unwrap_err();
    assert_eq!(error.code(), "messaging.no_source");
    assert!(bus.admin().list().await.unwrap().is_empty(), "no retry topics of a topic that there is not");

    bus.admin().create(TopicSpec { topic: "jobs".into(), partitions: Some(2), ..TopicSpec::default() }).await.unwrap();
    for text in ["one", "two", "three"] {
        bus.send(Outgoing::new("jobs", text)).await.unwrap();
    }
    timeout(LONG, run()).await.unwrap().unwrap();
    for tier in 1..=3 {
        let made = bus.admin().describe(format!("jobs.workers.retry.{tier}")).await.unwrap();
        assert_eq!(made.partitions, 2, "as many as the topic has");
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    let wanted: [(&[u8], u32); 4] = [(b"one", 1), (b"three", 1), (b"two", 1), (b"two", 2)];
    assert_eq!(seen, wanted.map(|(text, attempt)| (text.to_vec(), attempt)));
    for (topic, group) in [("jobs", "workers"), ("jobs.workers.retry.1", "workers.retry.1")] {
        assert_eq!(bus.admin().lag(topic.into(), group.into()).await.unwrap().total(), 0, "{topic} is settled");
    }
}
