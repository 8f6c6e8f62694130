//! `/ready`: is everything that this process needs there now.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alluvium_http::{Json, Op, Route};
use alluvium_messaging::{stream_created, streams::LEASES};
use alluvium_projection::HEARTBEAT_AGE_MS_MAX;
use async_nats::connection::State as ConnectionState;
use async_nats::jetstream::kv::Operation;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::folds::{self, Fold};
use super::{ANSWER_WAIT, Platform, public};
use crate::node::TABLES;

/// How long an active decider may hear nothing from the log, in milliseconds.
const DECIDER_SILENCE_MS_MAX: u128 = 15_000;
/// The stream of commands.
const COMMANDS: &str = "CMD";
/// How long a lease may go without being renewed before nobody counts as its holder; several times what it is renewed after.
const LEASE_AGE_MAX: Duration = Duration::from_secs(10);
/// The body of `/ready`.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// `ready` or `not_ready`
    status: &'static str,
    /// What was looked at.
    checks: Vec<Check>,
}

/// One thing that must be right.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is.
    pub ok: bool,
    /// What is known about it.
    pub detail: String,
}

impl Check {
    fn new(name: impl Into<String>, ok: bool, detail: impl Into<String>) -> Self {
        Self { name: name.into(), ok, detail: detail.into() }
    }
}

pub fn routes() -> Vec<Route<Platform>> {
    let ready = Op::new("ready", "platform", "Whether everything it needs is there now")
        .description("Fails on a dead poller even when the streams are idle.")
        .json::<Ready>(200, "All checks pass")
        .json::<Ready>(503, "Some check fails");
    vec![Route::get("/ready", public, self::ready, ready).alias("/health/ready", &[])]
}

async fn ready(State(platform): State<Platform>) -> (StatusCode, Json<Ready>) {
    let (checks, _) = checks(&platform).await;
    let all = checks.iter().all(|check| check.ok);
    let body = Ready { status: if all { "ready" } else { "not_ready" }, checks };
    (if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

pub fn connected(platform: &Platform) -> bool {
    platform.js.client().connection_state() == ConnectionState::Connected
}

/// Everything that must be right, and the folds that were looked at for it.
pub async fn checks(platform: &Platform) -> (Vec<Check>, Vec<Fold>) {
    let mut checks = vec![];
    checks.push(nats(platform).await);
    checks.push(postgres(platform).await);
    let known = platform.follower.is_ready();
    checks.push(Check::new("access", known, if known { "keys are known" } else { "keys are being read from the log" }));
    checks.extend(deciders(platform).await);
    if let Some(registry) = &platform.registry {
        let (sure, nodes) = (registry.is_sure(), registry.members().len());
        let detail = if sure { format!("{nodes} nodes") } else { "the others do not see this process".to_owned() };
        checks.push(Check::new("nodes", sure, detail));
    }
    let folds = folds::all(platform).await;
    let behind = platform.caught_up.behind(platform, &folds).await;
    checks.extend(folds.iter().map(|fold| of_fold(fold, behind.get(fold.name).copied())));
    (checks, folds)
}

fn of_fold(fold: &Fold, short: Option<u64>) -> Check {
    let name = if fold.name == TABLES { TABLES.to_owned() } else { format!("projection.{}", fold.name) };
    let dead = fold.heartbeat_age_ms.is_some_and(|age| age > HEARTBEAT_AGE_MS_MAX);
    let behind = fold.lag_events.map_or("unknown".to_owned(), |lag| lag.to_string());
    let detail = match (&fold.error, fold.tables) {
        _ if dead => "its poller gives no sign of life".to_owned(),
        (_, Some(tables)) if fold.ready && fold.parked_keys > 0 => {
            format!("{tables} tables, {behind} behind, {} stand still", fold.parked_keys)
        }
        (Some(error), _) => error.clone(),
        (None, Some(tables)) => format!("{tables} tables, {behind} behind"),
        (None, None) => format!("{behind} behind, {} parked", fold.parked_keys),
    };
    match short.filter(|_| fold.ready) {
        Some(short) => Check::new(name, false, format!("{short} behind what was on the log at the start: {detail}")),
        None => Check::new(name, fold.ready, detail),
    }
}

/// A connection may be open and nobody behind it, so it is asked: for the stream that every command goes through.
async fn nats(platform: &Platform) -> Check {
    if !connected(platform) {
        return Check::new("nats", false, "the connection is lost; it is tried again");
    }
    match tokio::time::timeout(ANSWER_WAIT, stream_created(&platform.js, COMMANDS)).await {
        Ok(Ok(_)) => Check::new("nats", true, "connected"),
        Ok(Err(error)) => Check::new("nats", false, format!("does not answer as it should: {error}")),
        Err(_) => Check::new("nats", false, "does not answer in time"),
    }
}

async fn postgres(platform: &Platform) -> Check {
    let asked = sqlx::query("SELECT 1").execute(&platform.pool);
    match tokio::time::timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(_)) => Check::new("postgres", true, "answers"),
        Ok(Err(error)) => {
            tracing::warn!(postgres.error = %error, "Postgres does not answer");
            Check::new("postgres", false, "does not answer")
        }
        Err(_) => Check::new("postgres", false, "does not answer in time"),
    }
}

async fn deciders(platform: &Platform) -> Vec<Check> {
    let executors = platform.executors.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut checks = Vec::new();
    for (context, health) in executors {
        let silent = health.silent_for().as_millis();
        let long = silent > DECIDER_SILENCE_MS_MAX;
        let (ok, detail) = match (health.is_active(), long) {
            (true, false) => (true, "decides".to_owned()),
            (true, true) => (false, format!("heard nothing from the log for {silent} ms")),
            (false, true) if !is_leased(platform, context).await => {
                (false, format!("nobody has decided for {silent} ms: the log gives no lease"))
            }
            (false, _) => (true, "another process decides, or the lease is being taken".to_owned()),
        };
        checks.push(Check::new(format!("commands.{context}"), ok, detail));
    }
    checks
}

/// Whether some process has the lease to decide for a context, as far as the log tells. A log that stores nothing any more keeps
/// the last one for ever, so it must have been renewed lately.
async fn is_leased(platform: &Platform, context: &'static str) -> bool {
    static SEEN: Mutex<BTreeMap<&'static str, (u64, Instant)>> = Mutex::new(BTreeMap::new());
    let ask = async { platform.js.get_key_value(LEASES).await.ok()?.entry(format!("executor.{context}")).await.ok()? };
    let Ok(Some(entry)) = tokio::time::timeout(ANSWER_WAIT, ask).await else { return false };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let last = seen.entry(context).or_insert_with(|| (entry.revision, Instant::now()));
    if last.0 != entry.revision {
        *last = (entry.revision, Instant::now());
    }
    entry.operation == Operation::Put && last.1.elapsed() < LEASE_AGE_MAX
}
