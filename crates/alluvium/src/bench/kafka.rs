//! The messaging kit on Kafka: typed messages through it beside the same bytes through bare librdkafka.

use alluvium_messaging::bench::{RawHeaders, kafka};

use super::{Measured, Results, Run};
use crate::failure::Failure;

/// Messages of one round.
const MESSAGES: u64 = 100_000;
/// What is promised.
const PRODUCE_SHARE: f64 = 0.8;
const CONSUME_SHARE: f64 = 0.6;

/// The cluster to measure on; without one, librdkafka's mock.
fn brokers() -> Option<String> {
    std::env::var("KAFKA_BOOTSTRAP_SERVERS").ok().filter(|hosts| !hosts.trim().is_empty())
}

/// Typed messages, pipelined.
pub async fn produce(run: Run) -> Results {
    let count = run.scaled(MESSAGES, 2_000);
    let same = kafka::produce(brokers(), count, RawHeaders::Same).await.map_err(Failure::bug)?;
    let bare = kafka::produce(brokers(), count, RawHeaders::Id).await.map_err(Failure::bug)?;
    let (path, unit) = ("produce into Kafka, typed", "messages/s");
    let beside = "rdkafka FutureProducer with the same messages, headers and all";
    Ok(vec![
        Measured::share(path, unit, same.ours, same.raw, PRODUCE_SHARE, beside),
        Measured::beside(path, unit, bare.ours, bare.raw, "the same without any header"),
    ])
}

/// A loop with a lane for each key.
pub async fn consume(run: Run) -> Results {
    let rates = kafka::consume(brokers(), run.scaled(MESSAGES, 2_000)).await.map_err(Failure::bug)?;
    let beside = "rdkafka StreamConsumer and store_offset";
    Ok(vec![Measured::share(
        "consume from Kafka, typed, in order by key",
        "messages/s",
        rates.ours,
        rates.raw,
        CONSUME_SHARE,
        beside,
    )])
}
