//! How a loop is doing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How a loop is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not read yet.
    Starting,
    /// It works.
    Ready,
    /// It works not as it should, and why.
    Degraded(String),
    /// It comes to its end.
    Stopping,
}

/// A look at a loop.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it is doing.
    pub state: State,
    /// Since the broker was last heard.
    pub heard_before: Duration,
    /// Messages taken and not settled.
    pub in_flight: usize,
    /// Bytes taken and not settled.
    pub in_flight_bytes: usize,
    /// How long the oldest of them has been here.
    pub oldest: Option<Duration>,
    /// Messages handled since it began.
    pub finished: u64,
}

#[derive(Debug)]
struct Inner {
    phase: State,
    faults: BTreeMap<&'static str, String>,
    heard: Instant,
}

/// A handle on how a loop is doing. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Health(Arc<Mutex<Inner>>);

impl Health {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner { phase: State::Starting, faults: BTreeMap::new(), heard: Instant::now() })))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn phase(&self, phase: State) {
        self.inner().phase = phase;
    }

    pub(crate) fn heard(&self) {
        self.inner().heard = Instant::now();
    }

    pub(crate) fn degrade(&self, part: &'static str, why: String) {
        self.inner().faults.insert(part, why);
    }

    pub(crate) fn heal(&self, part: &'static str) {
        let mut inner = self.inner();
        if !inner.faults.is_empty() {
            inner.faults.remove(part);
        }
    }

    pub(crate) fn state(&self) -> State {
        let inner = self.inner();
        match (&inner.phase, inner.faults.values().next()) {
            (State::Ready, Some(fault)) => State::Degraded(fault.clone()),
            (phase, _) => phase.clone(),
        }
    }

    pub(crate) fn heard_before(&self) -> Duration {
        self.inner().heard.elapsed()
    }
}
