//! The messaging kit: typed messages through it beside the same bytes through the bare client.

use alluvium_messaging::bench::{self, RawHeaders};

use super::world::World;
use super::{Measured, Results, Run};
use crate::failure::Failure;

/// Messages of one measurement.
const MESSAGES: u64 = 100_000;
/// What is promised.
const PRODUCE_SHARE: f64 = 0.8;
const CONSUME_SHARE: f64 = 0.6;

/// Typed messages, pipelined.
pub async fn produce(run: Run) -> Results {
    let world = World::start().await?;
    let count = run.scaled(MESSAGES, 2_000);
    let same = bench::produce(&world.nats.url(), count, RawHeaders::Same).await.map_err(Failure::bug)?;
    let bare = bench::produce(&world.nats.url(), count, RawHeaders::Id).await.map_err(Failure::bug)?;
    world.stop().await?;
    let (path, unit) = ("produce, typed", "messages/s");
    let beside = "async-nats publish of the same messages, headers and all, pipelined";
    Ok(vec![
        Measured::share(path, unit, same.ours, same.raw, PRODUCE_SHARE, beside),
        Measured::beside(path, unit, bare.ours, bare.raw, "the same without headers but the id"),
    ])
}

/// A loop with a lane for each key.
pub async fn consume(run: Run) -> Results {
    let world = World::start().await?;
    let rates = bench::consume(&world.nats.url(), run.scaled(MESSAGES, 2_000)).await.map_err(Failure::bug)?;
    world.stop().await?;
    let beside = "async-nats fetch and ack, the same filter";
    Ok(vec![Measured::share(
        "consume, typed, in order by key",
        "messages/s",
        rates.ours,
        rates.raw,
        CONSUME_SHARE,
        beside,
    )])
}
