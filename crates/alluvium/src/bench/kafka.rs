//! The messaging kit on Kafka: typed messages through it beside the same bytes through bare librdkafka.

use alluvium_messaging::bench::kafka;

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
    let rates = kafka::produce(brokers(), run.scaled(MESSAGES, 2_000)).await.map_err(Failure::bug)?;
    let beside = "rdkafka FutureProducer with the same bytes, pipelined";
    Ok(vec![Measured::share("produce into Kafka, typed", "messages/s", rates.ours, rates.raw, PRODUCE_SHARE, beside)])
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
