//! The scenarios that any transport must pass, on the ones there are.
#![cfg(feature = "testing")]

use alluvium_messaging::{
    connect::{ConnectConfig, connect},
    profile::Profile,
    testing::{MemoryBroker, conformance::Subject},
    transport::jetstream::JetStream,
};
use alluvium_testing::NatsServer;

async fn jetstream() -> Subject {
    let nats = NatsServer::start().await;
    let config = ConnectConfig { url: nats.url(), ..ConnectConfig::default() };
    let client = connect(&config).await.expect("the server is there");
    let transport = JetStream::new(client, Profile::Base.settings().publish).await.expect("it answers");
    Subject { transport: std::sync::Arc::new(transport), guard: Box::new(nats) }
}

mod on_jetstream {
    alluvium_messaging::transport_conformance!(super::jetstream);
}

mod in_memory_like_jetstream {
    fn memory() -> std::future::Ready<super::Subject> {
        std::future::ready(super::Subject::new(super::MemoryBroker::jetstream()))
    }
    alluvium_messaging::transport_conformance!(memory);
}

mod in_memory_like_kafka {
    fn memory() -> std::future::Ready<super::Subject> {
        std::future::ready(super::Subject::new(super::MemoryBroker::kafka(3)))
    }
    alluvium_messaging::transport_conformance!(memory);
}
