//! Commands, pipelined, each on an aggregate of its own: from the first publish to the last outcome.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::json;

use super::world::World;
use super::{Measured, Results, Run, raw};
use crate::failure::Failure;

/// Commands of one measurement.
const COMMANDS: u64 = 20_000;
/// The share of raw publish that is promised.
const SHARE: f64 = 0.12;
/// How long all outcomes may take.
const OUTCOMES_WAIT: Duration = Duration::from_mins(5);

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    Box::pin(measure(world, "commands, pipelined", run.scaled(COMMANDS, 500))).await
}

/// The same on a log that syncs each message to disk before it acknowledges it.
pub async fn durable(run: Run) -> Results {
    let mut world = World::start_synced().await?;
    world.config.nats.group_commit = true;
    Box::pin(measure(world, "commands, each synced to disk", run.scaled(COMMANDS / 4, 500))).await
}

async fn measure(world: World, path: &str, count: u64) -> Results {
    let running = world.node().await?;
    let js = running.node.parts().js.clone();
    raw::scratch_stream(&js).await?;
    // Both are warm: connections, the decider's lease, the first pages of files.
    commands(&js, "warm", 200).await?;
    let body = |n: u64| Bytes::from(json!({ "project": format!("raw-{n}") }).to_string());
    let before = raw::publish(&js, (0..count).map(|n| (format!("bench.{n}"), body(n)))).await?.0;
    let ours = commands(&js, "p", count).await?;
    let after = raw::publish(&js, (0..count).map(|n| (format!("bench.{n}"), body(n)))).await?.0;
    running.node.stop().await;
    world.stop().await?;
    let raw = count as f64 / before.midpoint(after);
    let beside = "JetStream publish, pipelined";
    Ok(vec![Measured::share(path, "commands/s", count as f64 / ours, raw, SHARE, beside)])
}

/// Creates projects; gives the seconds from the first publish to the last outcome.
async fn commands(js: &async_nats::jetstream::Context, prefix: &str, count: u64) -> Result<f64, Failure> {
    let subject = "cmd.default.storage.CreateProject";
    let body = |n: u64| Bytes::from(json!({ "project": format!("{prefix}-{n}") }).to_string());
    told(js, (0..count).map(|n| (subject.to_owned(), body(n))), count).await
}

/// Publishes commands and waits until the outcome of each has been told; gives the seconds.
pub async fn told(
    js: &async_nats::jetstream::Context,
    messages: impl Iterator<Item = (String, Bytes)>,
    count: u64,
) -> Result<f64, Failure> {
    let mut told = js.client().subscribe("told.default.>").await.map_err(Failure::bug)?;
    let began = Instant::now();
    let outcomes = async {
        for _ in 0..count {
            let message = told.next().await.ok_or_else(|| Failure::bug("outcomes are not told any more"))?;
            if !message.payload.windows(10).any(|part| part == b"\"accepted\"") {
                return Err(Failure::bug(format!("not accepted: {}", String::from_utf8_lossy(&message.payload))));
            }
        }
        Ok(())
    };
    let all = async { tokio::try_join!(raw::publish(js, messages), outcomes) };
    tokio::time::timeout(OUTCOMES_WAIT, all).await.map_err(|_| Failure::bug("outcomes did not come in time"))??;
    Ok(began.elapsed().as_secs_f64())
}
