//! Three nodes hold a stream together: one may go at any time.

use std::time::Duration;

use alluvium_testing::NatsCluster;
use async_nats::jetstream;

/// Publishes until it is acknowledged: an election answers with errors for a while.
async fn publish(js: &jetstream::Context, text: &'static str) {
    let began = std::time::Instant::now();
    loop {
        let acknowledged = match js.publish("log.a", text.into()).await {
            Ok(ack) => ack.await.is_ok(),
            Err(_) => false,
        };
        if acknowledged {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "never acknowledged");
    }
}

#[tokio::test]
async fn a_stream_goes_on_without_its_leader_and_without_a_paused_node() {
    let mut cluster = NatsCluster::start().await;
    let js = jetstream::new(cluster.connect().await);
    let config = jetstream::stream::Config {
        name: "LOG".into(),
        subjects: vec!["log.>".into()],
        num_replicas: 3,
        ..Default::default()
    };
    js.create_stream(config).await.unwrap();
    publish(&js, "whole").await;

    let killed = cluster.leader_of("LOG").await;
    cluster.kill(killed);
    publish(&js, "killed").await;
    assert_ne!(cluster.leader_of("LOG").await, killed);
    cluster.restart(killed).await;
    cluster.wait_current(&["LOG"]).await;

    let paused = cluster.leader_of("LOG").await;
    cluster.pause(paused);
    let other = jetstream::new(cluster.connect_to((paused + 1) % NatsCluster::NODES).await);
    publish(&other, "paused").await;
    cluster.resume(paused);
    cluster.wait_current(&["LOG"]).await;
    let messages = other.get_stream("LOG").await.unwrap().cached_info().state.messages;
    assert!(messages >= 3, "{messages} of 3 messages are there");
}
