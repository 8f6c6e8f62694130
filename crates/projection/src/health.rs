//! How a projection is doing.

use serde::Serialize;

/// What a runner is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No runner in this process.
    Stopped,
    /// Applying, or waiting for more.
    Running,
    /// Postgres or the log does not answer; it tries again.
    Retrying,
    /// Waiting while a rebuild or check compares.
    Held,
    /// The stream is not the one folded so far; only a rebuild helps.
    Quarantined,
    /// A further generation is replayed beside the running one.
    Rebuilding,
}

/// Health of one projection, for `/ready` and the health page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// Its name.
    pub projection: &'static str,
    /// The stream it folds.
    pub stream: &'static str,
    /// The generation that is read.
    pub generation: i32,
    /// What its runner is doing.
    pub state: State,
    /// Last sequence of the stream; `None` when the log does not answer.
    pub last_seq: Option<u64>,
    /// Everything up to here is applied or does not concern it.
    pub watermark: u64,
    /// Sequences between both; `None` when the log does not answer.
    pub lag_events: Option<u64>,
    /// How long the oldest message that is to be applied has waited, in seconds; 0 when none has to.
    pub lag_seconds: f64,
    /// Events that could not be applied.
    pub parked_events: i64,
    /// Keys out of service.
    pub parked_keys: i64,
    /// Time since the poller last gave a sign of life and heard the log, in milliseconds; `None` without a runner. It ticks at least every few
    /// seconds, also on an idle stream: a large number means a dead poller.
    pub heartbeat_age_ms: Option<u64>,
    /// What is wrong, if anything.
    pub error: Option<String>,
}

/// A poller silent for longer counts as dead, in milliseconds.
pub const HEARTBEAT_AGE_MS_MAX: u64 = 15_000;

impl Health {
    /// Whether reads of this projection can be trusted to move on: neither quarantined nor waiting for a server, and its poller
    /// lives.
    pub fn is_ready(&self) -> bool {
        !matches!(self.state, State::Quarantined | State::Retrying)
            && self.heartbeat_age_ms.is_none_or(|age| age <= HEARTBEAT_AGE_MS_MAX)
    }
}
