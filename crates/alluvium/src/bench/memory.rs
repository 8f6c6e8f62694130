//! Memory of a process of its own with all roles and many tables, once it is idle.

use std::time::Duration;

use super::process::{Process, resident};
use super::storage;
use super::world::World;
use super::{Measured, Results, Run};

/// Tables there are.
const TABLES: u64 = 100;
/// What is promised, in megabytes.
const MB_MAX: f64 = 250.0;
/// How long it is left alone before it is measured.
const IDLE: Duration = Duration::from_secs(5);

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    storage::bucket(&process.client).await?;
    for n in 0..run.scaled(TABLES, 10) {
        storage::table(&process.client, &format!("t{n}"), &[("id", "BIGINT"), ("name", "VARCHAR")], &[]).await?;
    }
    tokio::time::sleep(IDLE).await;
    let megabytes = resident(process.id()?)?;
    process.end().await?;
    world.stop().await?;
    let name = format!("idle memory, {} tables", run.scaled(TABLES, 10));
    Ok(vec![Measured::bound(&name, "MB", megabytes, MB_MAX, None)])
}
