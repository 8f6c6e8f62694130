//! What a reader holds stays its own, what it looks at need not be copied, and what is to come later comes later; on a real nats-server.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CodecConfig, Message, Wire,
    bus::{ConsumeError, ProduceOpts, SubscribeOpts},
    profile::Profile,
    testing::MemoryRegistry,
    transport::{Outgoing, PublishError, TopicSpec},
};
use alluvium_testing::NatsServer;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "notes", subject = "notes.{key}", group = "reader", key = "id", namespace = "com.example")]
struct Note {
    id: String,
    text: String,
    #[avro(precision = 9, scale = 2)]
    price: rust_decimal::Decimal,
}

/// What somebody needs of it, without a copy.
#[derive(Debug, PartialEq, Deserialize)]
struct Glance<'n> {
    id: &'n str,
    text: &'n str,
}

fn note(id: &str) -> Note {
    Note { id: id.into(), text: format!("about {id}"), price: rust_decimal::Decimal::new(4_200, 2) }
}

const SOON: Duration = Duration::from_secs(10);

/// Waits until the group has settled everything.
async fn all_settled(bus: &Bus) {
    let began = Instant::now();
    while bus.admin().lag("NOTES".into(), "reader".into()).await.unwrap().total() > 0 {
        assert!(began.elapsed() < SOON, "something is not settled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_view_borrows_from_the_message() {
    let nats = NatsServer::start().await;
    let bus = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    bus.ensure::<Note>().await.unwrap();
    bus.produce(&note("a")).await.unwrap();
    bus.tombstone::<Note>("b").await.unwrap();
    bus.deliver(Outgoing::new("notes", "no note").on_subject("notes.c").with_id("c")).await.unwrap();
    let mut subscription = bus.subscribe::<Note>(SubscribeOpts::new()).await.unwrap();
    let view = subscription.view(SOON).await.unwrap().unwrap();
    let glance: Glance<'_> = view.read().unwrap().unwrap();
    assert_eq!(glance, Glance { id: "a", text: "about a" });
    let bytes = view.raw().payload.as_ref().unwrap().as_ptr_range();
    assert!(bytes.contains(&glance.text.as_ptr()), "it points into the message");
    assert_eq!(view.key().unwrap().as_ref(), b"a");
    view.into_message().ack().await.unwrap();
    let gone = subscription.view(SOON).await.unwrap().unwrap();
    assert!(gone.read::<Glance<'_>>().is_none(), "a tombstone");
    gone.into_message().ack().await.unwrap();
    let error = subscription.view(SOON).await.unwrap_err();
    let ConsumeError::Decode { raw, .. } = error else { panic!("{error}") };
    raw.dead("by hand").await.unwrap();
    all_settled(&bus).await;
}

#[tokio::test]
async fn what_is_held_is_given_to_nobody_else() {
    let nats = NatsServer::start().await;
    let bus = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    bus.ensure::<Note>().await.unwrap();
    let patience = Duration::from_millis(600);
    let profile = Profile::custom(&Profile::Base).jetstream(|it| it.ack_wait = patience);
    let opts = |manual| SubscribeOpts::new().profile(profile.clone()).manual(manual);
    bus.produce(&note("a")).await.unwrap();
    bus.produce(&note("b")).await.unwrap();
    let mut first = bus.subscribe::<Note>(opts(true)).await.unwrap();
    let mut owing = bus.subscribe::<Note>(opts(false)).await.unwrap();
    let held = first.next(SOON).await.unwrap().unwrap();
    let other = owing.next(SOON).await.unwrap();
    // Several times the broker's patience: neither comes again, to anybody.
    let mut idle = bus.subscribe::<Note>(opts(true)).await.unwrap();
    assert!(idle.next(patience * 4).await.unwrap().is_none());
    held.ack().await.unwrap();
    assert!(owing.next(Duration::from_millis(10)).await.unwrap().is_none(), "the one before is acknowledged by this");
    drop(other);
    all_settled(&bus).await;
    // Dropped unsettled, it is not held any more and comes again.
    bus.produce(&note("c")).await.unwrap();
    drop(first.next(SOON).await.unwrap().unwrap());
    let again = idle.next(SOON).await.unwrap().unwrap();
    assert_eq!(again.value().unwrap().id, "c");
    assert!(again.attempt() >= 2);
    again.ack().await.unwrap();
}

#[tokio::test]
async fn what_is_delayed_comes_when_its_time_has_come() {
    let nats = NatsServer::start().await;
    let bus = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    let spec =
        |delays| TopicSpec { topic: "notes".into(), subjects: vec!["notes.*".into()], delays, ..TopicSpec::default() };
    bus.admin().create(spec(false)).await.unwrap();
    let later = |delay| ProduceOpts::new().delay(delay).id("later");
    let refused = bus.produce_with(&note("a"), later(Duration::from_secs(2))).await.unwrap_err();
    assert!(matches!(refused, PublishError::Unsupported { .. }), "{refused}");
    bus.admin().delete("NOTES".into()).await.unwrap();
    bus.admin().create(spec(true)).await.unwrap();
    let mut subscription = bus.subscribe::<Note>(SubscribeOpts::new()).await.unwrap();
    let delay = Duration::from_secs(2);
    let sent = Instant::now();
    bus.produce_with(&note("a"), later(delay)).await.unwrap();
    bus.produce(&note("b")).await.unwrap();
    let first = subscription.next(SOON).await.unwrap().unwrap();
    assert_eq!(first.value(), Some(&note("b")), "it overtakes the delayed one");
    let second = subscription.next(SOON).await.unwrap().unwrap();
    assert!(sent.elapsed() >= delay, "{:?}", sent.elapsed());
    assert_eq!(second.value(), Some(&note("a")));
    assert_eq!((second.key().unwrap().as_ref(), second.raw().id()), (&b"a"[..], Some("later")));
    for message in [first, second] {
        message.ack().await.unwrap();
    }
    assert!(subscription.next(Duration::from_millis(300)).await.unwrap().is_none(), "once");
}

#[tokio::test]
async fn health_tells_of_broker_and_registry() {
    let mut nats = NatsServer::start().await;
    let registry = MemoryRegistry::new();
    let codecs = CodecConfig { source: Some(Arc::new(registry.clone())), ..CodecConfig::default() };
    let building = || Bus::builder().nats(nats.url()).name("test").codecs(codecs.clone()).wire(Wire::Confluent);
    registry.away(true);
    let refused = building().build().await.unwrap_err();
    assert_eq!((refused.code(), refused.retryable()), ("messaging.registry", true));
    let bus = building().nats_inbox_prefix("_MINE.inbox").lazy(true).build().await.unwrap();
    registry.away(false);
    assert!(bus.health(SOON).await.is_good(), "{:?}", bus.health(SOON).await);
    registry.away(true);
    let health = bus.health(SOON).await;
    assert!(health.transport.is_ok() && matches!(health.registry, Some(Err(_))) && !health.is_good());
    // Answers come on subjects of the wanted name: a user with no rights to others would be served.
    registry.away(false);
    bus.ensure::<Note>().await.unwrap();
    let client = nats.connect().await;
    let mut asked = client.subscribe("$JS.API.CONSUMER.MSG.NEXT.>").await.unwrap();
    client.flush().await.unwrap();
    let mut subscription = bus.subscribe::<Note>(SubscribeOpts::new()).await.unwrap();
    assert!(subscription.next(Duration::from_millis(300)).await.unwrap().is_none());
    let request = tokio::time::timeout(SOON, futures::StreamExt::next(&mut asked)).await.unwrap().unwrap();
    assert!(request.reply.unwrap().starts_with("_MINE.inbox."));
    nats.kill();
    assert!(bus.health(Duration::from_millis(300)).await.transport.is_err());
}
