//! How the folds of this process are doing, those into Postgres and that into table files in one shape.

use alluvium_messaging::direct::leader_next;
use alluvium_projection::{HEARTBEAT_AGE_MS_MAX, Health};
use alluvium_storage::fold::{STREAM, TablesHealth};
use serde::Serialize;
use utoipa::ToSchema;

use super::Platform;
use crate::node::TABLES;

/// One fold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fold {
    /// Its name.
    pub name: &'static str,
    /// The stream it folds.
    pub stream: &'static str,
    /// `running`, `retrying`, `held`, `rebuilding`, `quarantined` or `stopped`.
    pub state: String,
    /// The generation that is read.
    pub generation: i64,
    /// Everything up to here is applied or does not concern it.
    pub watermark: u64,
    /// Last sequence of the stream; null when the log does not answer.
    pub last: Option<u64>,
    /// Sequences between both.
    pub lag_events: Option<u64>,
    /// How long the oldest message that is to be applied has waited, in seconds.
    pub lag_seconds: f64,
    /// Events that could not be applied, and those that wait behind them.
    pub parked: u64,
    /// Keys out of service.
    pub parked_keys: u64,
    /// Time since its poller last gave a sign of life, in milliseconds; null when it does not run here.
    pub heartbeat_age_ms: Option<u64>,
    /// Whether it can be trusted to move on: not quarantined, not retrying, and its poller lives.
    pub ready: bool,
    /// What is wrong, if anything.
    pub error: Option<String>,
    /// Tables it holds; only of the one into files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<usize>,
}

/// All folds of this process. Never fails and never takes long.
pub async fn all(platform: &Platform) -> Vec<Fold> {
    let tables = async {
        match &platform.tables {
            Some(tables) => Some(of_tables(platform, tables.health()).await),
            None => None,
        }
    };
    // At once: on a busy machine each question is a wait of its own.
    let (postgres, tables) = tokio::join!(platform.projections.health(), tables);
    let mut folds: Vec<Fold> = postgres.into_iter().map(of_postgres).collect();
    folds.extend(tables);
    folds
}

fn alive(heartbeat_age_ms: Option<u64>) -> bool {
    heartbeat_age_ms.is_none_or(|age| age <= HEARTBEAT_AGE_MS_MAX)
}

fn of_postgres(health: Health) -> Fold {
    let state = serde_json::to_value(health.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    let ready = health.is_ready();
    Fold {
        name: health.projection,
        stream: health.stream,
        state: state.unwrap_or_default(),
        generation: health.generation.into(),
        watermark: health.watermark,
        last: health.last_seq,
        lag_events: health.lag_events,
        lag_seconds: health.lag_seconds,
        parked: health.parked_events as u64,
        parked_keys: health.parked_keys as u64,
        heartbeat_age_ms: health.heartbeat_age_ms,
        ready,
        error: health.error,
        tables: None,
    }
}

async fn of_tables(platform: &Platform, health: TablesHealth) -> Fold {
    let asked = tokio::time::timeout(super::ANSWER_WAIT, super::last_seq(&platform.js, STREAM));
    let last = asked.await.ok().and_then(Result::ok);
    let state = match (&health.quarantine, health.standing.len() > health.parked.len()) {
        (Some(_), _) => "quarantined",
        (None, true) => "retrying",
        (None, false) => "running",
    };
    // A full disk stops every table sooner or later.
    let full = health.standing.iter().find(|(_, problem)| problem.status == 507);
    let standing = || full.or(health.standing.first()).map(|(_, problem)| problem.detail.clone());
    let error = health.quarantine.as_ref().map(|problem| problem.detail.clone()).or_else(standing);
    let unread = last.is_some_and(|last| last > health.read);
    Fold {
        name: TABLES,
        stream: STREAM,
        state: state.to_owned(),
        generation: i64::from(health.generation),
        watermark: health.watermark,
        last,
        lag_events: last.map(|last| last.saturating_sub(health.watermark)),
        lag_seconds: if unread {
            unread_seconds(platform, &health).await.max(health.lag_seconds)
        } else {
            health.lag_seconds
        },
        parked: health.parked.len() as u64,
        parked_keys: health.parked.len() as u64,
        heartbeat_age_ms: health.heartbeat_age_ms,
        // One table that stands still is not all of them.
        ready: health.quarantine.is_none() && full.is_none() && alive(health.heartbeat_age_ms),
        error,
        tables: Some(health.tables),
    }
}

/// How long the first message that the reader has not read has waited.
async fn unread_seconds(platform: &Platform, health: &TablesHealth) -> f64 {
    let next = leader_next(&platform.js, STREAM, ">", health.read + 1);
    let Ok(Ok(Some(message))) = tokio::time::timeout(super::ANSWER_WAIT, next).await else { return 0.0 };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_micros() as i64 - message.time.micros()).max(0) as f64 / 1e6
}
