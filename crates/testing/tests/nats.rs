//! The log survives what we do to its server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use alluvium_testing::NatsServer;
use async_nats::jetstream;
use futures::StreamExt as _;

async fn publish(context: &jetstream::Context, text: &'static str) {
    context.publish("log.a", text.into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn messages_survive_a_kill_and_a_restart() {
    let mut nats = NatsServer::start().await;
    let context = jetstream::new(nats.connect().await);
    let config = jetstream::stream::Config { name: "LOG".into(), subjects: vec!["log.>".into()], ..Default::default() };
    context.create_stream(config).await.unwrap();
    publish(&context, "before").await;
    let url = nats.url();

    nats.kill();
    assert!(async_nats::connect(&url).await.is_err());
    nats.restart().await;
    assert_eq!(nats.url(), url);

    let context = jetstream::new(nats.connect().await);
    publish(&context, "after").await;
    let stream = context.get_stream("LOG").await.unwrap();
    let consumer = stream.create_consumer(jetstream::consumer::pull::OrderedConfig::default()).await.unwrap();
    let messages: Vec<_> = consumer.messages().await.unwrap().take(2).collect().await;
    let bodies: Vec<_> = messages.into_iter().map(|message| message.unwrap().payload.clone()).collect();
    assert_eq!(bodies, ["before", "after"]);
}

#[tokio::test]
async fn a_paused_server_keeps_its_connections_and_answers_nothing() {
    let mut nats = NatsServer::start().await;
    let client = nats.connect().await;
    client.flush().await.unwrap();
    nats.pause();
    let fresh = tokio::time::timeout(Duration::from_millis(300), async_nats::connect(nats.url())).await;
    assert!(!matches!(fresh, Ok(Ok(_))), "a paused server answered");
    nats.resume();
    nats.connect().await;
    assert_eq!(client.connection_state(), async_nats::connection::State::Connected);
}

#[tokio::test]
async fn a_login_keeps_strangers_out() {
    let nats = NatsServer::start_with(|options| options.login = Some(("me".into(), "secret".into()))).await;
    assert!(async_nats::connect(nats.url()).await.is_err());
    let login = async_nats::ConnectOptions::with_user_and_password("me".into(), "secret".into());
    login.connect(nats.url()).await.unwrap();
}
