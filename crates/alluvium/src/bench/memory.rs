//! Memory of a process of its own with all roles and many tables, once it is idle.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::world::World;
use super::{Measured, Results, Run};
use crate::failure::Failure;

/// Tables there are.
const TABLES: u64 = 100;
/// What is promised, in megabytes.
const MB_MAX: f64 = 250.0;
/// How long it is left alone before it is measured.
const IDLE: Duration = Duration::from_secs(5);
/// How long the process may take to begin.
const START_WAIT: Duration = Duration::from_mins(1);

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let port = alluvium_servers::pick_port().map_err(Failure::bug)?;
    let url =
        |secret: &Option<crate::config::Secret>| secret.as_ref().map_or("", crate::config::Secret::expose).to_owned();
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("serve")
        .env("ALLUVIUM_PORT", port.to_string())
        .env("ALLUVIUM_DATA_DIR", &world.config.data_dir)
        .env("ALLUVIUM_NATS_URL", world.nats.url())
        .env("ALLUVIUM_POSTGRES_URL", url(&world.config.postgres.url))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let client = world.client(&format!("http://127.0.0.1:{port}"))?;
    let began = std::time::Instant::now();
    while client.get("/ready").await.is_err() {
        if began.elapsed() > START_WAIT {
            return Err(Failure::bug("the process did not become ready"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let post = |at: &str, body: serde_json::Value| client.json(client.request(Method::POST, at).json(&body));
    post("/projects", json!({ "id": "bench" })).await?;
    post("/projects/bench/branches/default/buckets", json!({ "name": "b" })).await?;
    for n in 0..run.scaled(TABLES, 10) {
        let columns = json!([{ "name": "id", "type": "BIGINT" }, { "name": "name", "type": "VARCHAR" }]);
        let body = json!({ "name": format!("t{n}"), "columns": columns });
        post("/projects/bench/branches/default/buckets/b/tables", body).await?;
    }
    tokio::time::sleep(IDLE).await;
    let id = child.id().ok_or_else(|| Failure::bug("the process ended"))?;
    let megabytes = resident(id)?;
    child.kill().await?;
    world.stop().await?;
    let name = format!("idle memory, {} tables", run.scaled(TABLES, 10));
    Ok(vec![Measured::bound(&name, "MB", megabytes, MB_MAX, None)])
}

/// Resident memory of a process, in megabytes.
pub fn resident(id: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| Failure::bug("the system does not tell memory in use"))
}
