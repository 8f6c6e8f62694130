//! Loads into many tables at once, beside the same loads in turn; what a small load and `/health` take meanwhile.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::storage::{self, COLUMNS, import, upload, written};
use super::world::World;
use super::{Measured, Results, Run, raw};
use crate::client::Client;
use crate::failure::Failure;

/// Tables that are loaded.
const TABLES: usize = 8;
/// Rows of each load, and of the small one.
const ROWS: u64 = 500_000;
const SMALL_ROWS: u64 = 100;
/// Times each is done; the best counts.
const ROUNDS: usize = 3;
/// What is promised: times what the loads take in turn.
const TIMES_MAX: f64 = 1.1;
/// A small load that takes no longer than this part of the large ones has waited for none of them.
const SMALL_TIMES_MAX: f64 = 0.5;
/// What is promised of `/health`, in milliseconds.
const HEALTH_P99_MS_MAX: f64 = 20.0;
/// How often it is asked.
const HEALTH_EVERY: Duration = Duration::from_millis(5);

pub async fn run(run: Run) -> Results {
    let rows = run.scaled(ROWS, 10_000);
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    let client = &process.client;
    storage::bucket(client).await?;
    let (large, small) = (world.dir.path().join("rows.csv"), world.dir.path().join("few.csv"));
    written(&large, "csv", 0..rows).await?;
    written(&small, "csv", 0..SMALL_ROWS).await?;
    let names: Vec<String> = (0..TABLES).map(|n| format!("t{n}")).collect();
    for name in names.iter().map(String::as_str).chain(["small"]) {
        storage::table(client, name, &COLUMNS, &[]).await?;
    }
    let (large, small) = (upload(client, &large).await?, upload(client, &small).await?);

    let (mut in_turn, mut at_once, mut beside) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    ask_health(client, &mut idle, tokio::time::sleep(Duration::from_secs(1))).await?;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for name in &names {
            import(client, name, ("csv", &large), false, rows).await?;
        }
        in_turn = in_turn.min(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let all = try_join_all(names.iter().map(|name| import(client, name, ("csv", &large), false, rows)));
        let all = async { all.await.map(|_| began.elapsed().as_secs_f64()) };
        let little = import(client, "small", ("csv", &small), false, SMALL_ROWS);
        let both = ask_health(client, &mut busy, async { tokio::join!(all, little) });
        let (all, little) = both.await?;
        (at_once, beside) = (at_once.min(all?), beside.min(little?.seconds));
    }
    process.end().await?;
    world.stop().await?;
    let idle = (raw::percentile(&mut idle, 0.99), "the same, idle");
    Ok(vec![
        Measured::times(&format!("{TABLES} loads at once"), "s", at_once, in_turn, TIMES_MAX, "the same in turn"),
        Measured::bound(
            "/health meanwhile, p99",
            "ms",
            raw::percentile(&mut busy, 0.99),
            HEALTH_P99_MS_MAX,
            Some(idle),
        ),
        Measured::times("a small load meanwhile", "s", beside, at_once, SMALL_TIMES_MAX, "the large ones"),
    ])
}

/// Asks for `/health` again and again until something else is done; the milliseconds of each.
async fn ask_health<T>(client: &Client, times: &mut Vec<f64>, until: impl Future<Output = T>) -> Result<T, Failure> {
    let stop = CancellationToken::new();
    let asking = async {
        while !stop.is_cancelled() {
            let began = Instant::now();
            client.get("/health").await?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(HEALTH_EVERY).await;
        }
        Ok::<_, Failure>(())
    };
    let done = async {
        let done = until.await;
        stop.cancel();
        done
    };
    let (asked, done) = tokio::join!(asking, done);
    asked.map(|()| done)
}
