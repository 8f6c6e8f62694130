//! The schema registry: many subjects loaded and held, and reads by id beside a bare axum handler with the same answer.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use alluvium_schemas::{LIVE, STREAM};
use axum::routing::get;
use serde_json::{Value, json};

use super::process::resident;
use super::read::ask;
use super::world::World;
use super::{Measured, Results, Run};
use crate::config::Secret;
use crate::failure::Failure;

/// Subjects there are, and versions of each.
const SUBJECTS: u64 = 10_000;
const VERSIONS: u64 = 10;
/// Schemas of one command.
const SCHEMAS_PER_COMMAND: usize = 200;
/// What is promised of a start, in seconds, and of the process, in megabytes.
const START_SECONDS_MAX: f64 = 5.0;
const MB_MAX: f64 = 300.0;
/// How long each is asked, in milliseconds.
const ASK_MS: u64 = 4_000;
/// What is promised of reads.
const SHARE: f64 = 0.6;
/// Registrations one after the other, and what is promised of their median, in milliseconds.
const REGISTRATIONS: u64 = 100;
const REGISTER_MS_MAX: f64 = 10.0;
/// How long a process may take to begin.
const START_WAIT: Duration = Duration::from_mins(2);

pub async fn run(run: Run) -> Results {
    let mut world = World::start().await?;
    world.config.registry.open = true;
    world.config.registry.listen = Some("127.0.0.1:0".to_owned());
    let running = world.node().await?;
    let subjects = run.scaled(SUBJECTS, 20);
    running.command("schemas", "SetMode", json!({"context": ".", "scope": "", "mode": "IMPORT"})).await?;
    let began = Instant::now();
    let all: Vec<(u64, u64)> = (0..subjects).flat_map(|s| (1..=VERSIONS).map(move |v| (s, v))).collect();
    for part in all.chunks(SCHEMAS_PER_COMMAND) {
        let schemas: Vec<Value> = part.iter().map(|(subject, version)| submission(*subject, *version)).collect();
        running.command("schemas", "ImportSchemas", json!({"context": ".", "schemas": schemas})).await?;
    }
    let imported = began.elapsed().as_secs_f64();
    let registry = *running.node.registries().first().ok_or_else(|| Failure::bug("the registry does not listen"))?;
    let share = reads(&run, registry).await?;
    let register = registrations(&run, registry).await?;
    running.node.stop().await;
    let (started, megabytes) = started(&world).await?;
    world.stop().await?;
    let count = all.len();
    Ok(vec![
        share,
        Measured::bound("registry: register over HTTP, idle, p50", "ms", register, REGISTER_MS_MAX, None),
        Measured::bound(&format!("registry: start with {count} versions"), "s", started, START_SECONDS_MAX, None),
        Measured::bound(&format!("registry: memory with {count} versions"), "MB", megabytes, MB_MAX, None),
        Measured::bound(&format!("registry: import of {count} versions"), "s", imported, f64::INFINITY, None),
    ])
}

fn submission(subject: u64, version: u64) -> Value {
    let fields: Vec<Value> = (0..version)
        .map(|n| json!({"name": format!("field_{n}"), "type": ["null", "string"], "default": null, "doc": "Some words."}))
        .collect();
    let schema =
        json!({"type": "record", "name": format!("Record{subject}"), "namespace": "com.example", "fields": fields});
    let id = subject * VERSIONS + version;
    json!({"subject": format!("com.example.topic-{subject}-value"), "text": schema.to_string(), "id": id, "version": version})
}

/// Reads by id, beside the same bytes out of a handler that does nothing else.
async fn reads(run: &Run, registry: SocketAddr) -> Result<Measured, Failure> {
    let url = format!("http://{registry}/schemas/ids/7");
    let answer = crate::http::client()
        .get(&url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(Failure::bug)?;
    let answer = answer.bytes().await.map_err(Failure::bug)?;
    let bare = bare(answer).await?;
    let bare = format!("http://{bare}/schemas/ids/7");
    let time = Duration::from_millis(run.scaled(ASK_MS, 500));
    let before = ask(&bare, None, time).await?;
    let ours = ask(&url, None, time).await?;
    let after = ask(&bare, None, time).await?;
    let beside = "a bare axum handler with the same bytes";
    Ok(Measured::share("registry: schema by id", "requests/s", ours, before.midpoint(after), SHARE, beside))
}

/// The median of registering a new version after the other, in milliseconds.
async fn registrations(run: &Run, registry: SocketAddr) -> Result<f64, Failure> {
    let client = crate::http::client();
    let mode = client.put(format!("http://{registry}/mode/bench")).json(&json!({"mode": "READWRITE"}));
    mode.send().await.and_then(reqwest::Response::error_for_status).map_err(Failure::bug)?;
    let mut times = Vec::new();
    for n in 0..run.scaled(REGISTRATIONS, 10) {
        let field = json!({"name": "f", "type": "int", "default": n});
        let schema = json!({"type": "record", "name": "Bench", "fields": [field]}).to_string();
        let began = Instant::now();
        let request =
            client.post(format!("http://{registry}/subjects/bench/versions")).json(&json!({"schema": schema}));
        request.send().await.and_then(reqwest::Response::error_for_status).map_err(Failure::bug)?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(super::raw::percentile(&mut times, 0.5))
}

async fn bare(answer: bytes::Bytes) -> Result<SocketAddr, Failure> {
    let handler = async move |axum::extract::Path(_): axum::extract::Path<u32>| answer.clone();
    let router = axum::Router::new().route("/schemas/ids/{id}", get(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Seconds from the start of a process of its own until it answers with the last schema, and its memory then.
async fn started(world: &World) -> Result<(f64, f64), Failure> {
    let (port, registry) =
        (alluvium_servers::pick_port().map_err(Failure::bug)?, alluvium_servers::pick_port().map_err(Failure::bug)?);
    let url = |secret: &Option<Secret>| secret.as_ref().map_or("", Secret::expose).to_owned();
    let began = Instant::now();
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("serve")
        .env("ALLUVIUM_PORT", port.to_string())
        .env("ALLUVIUM_REGISTRY_LISTEN", format!("127.0.0.1:{registry}"))
        .env("ALLUVIUM_DATA_DIR", &world.config.data_dir)
        .env("ALLUVIUM_NATS_URL", world.nats.url())
        .env("ALLUVIUM_POSTGRES_URL", url(&world.config.postgres.url))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let client = crate::http::client();
    let healthy = format!("http://127.0.0.1:{registry}/_health");
    loop {
        let answer = client.get(&healthy).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            break;
        }
        if began.elapsed() > START_WAIT {
            return Err(Failure::bug(format!("{LIVE} did not read {STREAM} in time")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let id = child.id().ok_or_else(|| Failure::bug("the process ended"))?;
    let megabytes = resident(id)?;
    child.kill().await?;
    Ok((seconds, megabytes))
}
