//! The Kafka transport on a real broker.
#![cfg(feature = "kafka")]

mod broker;

use std::time::Duration;

use alluvium_messaging::{
    profile::Profile,
    transport::{
        Browse, Outgoing, PublishError, Settle, StartFrom, SubscribeError, SubscribeSpec, TopicSpec, Transport,
        kafka::Kafka,
    },
};
use broker::Broker;
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_mins(1);

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
    let broker = Broker::start();
    let kafka = Kafka::new(broker::config(&broker.address()), Profile::Reliable.settings().publish).unwrap();
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
    let what = Browse { name: "real".into(), filter: ">".into(), from: 0, messages_max: 1000 };
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
