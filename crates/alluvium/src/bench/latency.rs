//! One command at a time on an idle system: HTTP write, then the HTTP read that must show it.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;

use super::world::World;
use super::{Measured, Results, Run, raw};
use crate::client::path;
use crate::failure::Failure;

/// Commands of one measurement, after some that warm up.
const COMMANDS: u64 = 300;
const WARM: u64 = 30;
/// What is promised, in milliseconds.
const P50_MS_MAX: f64 = 5.0;
const P99_MS_MAX: f64 = 20.0;

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let running = world.node().await?;
    running.bucket().await?;
    let parts = running.node.parts();
    raw::scratch_stream(&parts.js).await?;
    sqlx::query("CREATE TABLE bench (n bigint)").execute(&parts.pool).await.map_err(Failure::bug)?;
    let buckets = ["projects", "bench", "branches", "default", "buckets"];
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for n in 0..run.scaled(COMMANDS, 50) + WARM {
        let name = format!("b{n}");
        let began = Instant::now();
        let write = running.client.request(Method::POST, &path(&buckets)).json(&json!({ "name": name }));
        running.client.json(write).await?;
        running.client.get(&path(&[&buckets[..], &[&name]].concat())).await?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        let began = Instant::now();
        // The least that any such path does: one message stored, one row committed.
        parts.js.publish("bench.latency", name.into()).await.map_err(Failure::bug)?.await.map_err(Failure::bug)?;
        sqlx::query("INSERT INTO bench VALUES ($1)").bind(n as i64).execute(&parts.pool).await.map_err(Failure::bug)?;
        let raw = began.elapsed().as_secs_f64() * 1e3;
        if n >= WARM {
            ours.push(took);
            bare.push(raw);
        }
    }
    running.node.stop().await;
    world.stop().await?;
    let beside = "one publish acknowledged + one row committed";
    let mut line = |name: &str, part: f64, at_most: f64| {
        let raw = raw::percentile(&mut bare, part);
        Measured::bound(name, "ms", raw::percentile(&mut ours, part), at_most, Some((raw, beside)))
    };
    Ok(vec![
        line("one command, HTTP to visible, p50", 0.5, P50_MS_MAX),
        line("one command, HTTP to visible, p99", 0.99, P99_MS_MAX),
    ])
}
