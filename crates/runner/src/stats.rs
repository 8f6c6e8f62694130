//! What a pipeline counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::backlog::Backlog;
use crate::histogram::Histogram;

/// What a pipeline has counted since it began.
pub(crate) struct Stats {
    began: Instant,
    began_seconds: u64,
    /// Records that came in, and those of them that are in tables and views.
    pub backlog: Backlog,
    /// Bytes that came in through endpoints.
    pub input_bytes: AtomicU64,
    /// Bytes of the messages that were taken in.
    pub processed_bytes: AtomicU64,
    /// Rows that came too late.
    pub late_records: AtomicU64,
    /// Steps of this deployment.
    pub steps: AtomicU64,
    /// How long each of them took until all files had it.
    pub step_times: Histogram,
    /// What files took of a disk, over time, in kilobytes times milliseconds.
    pub storage_kb_ms: AtomicU64,
    pressure: Mutex<(Pressure, u64)>,
    inputs: Mutex<BTreeMap<String, InputCounts>>,
    /// Records that tables did not take, by table.
    refused: Mutex<BTreeMap<String, u64>>,
}

/// What came in through an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InputCounts {
    /// The table.
    pub stream: String,
    pub records: u64,
    pub bytes: u64,
    pub parse_errors: u64,
}

/// How near the memory of the process is to what a pipeline was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pressure {
    #[default]
    Low,
    Moderate,
    High,
    Critical,
}

impl Pressure {
    /// Of so much memory, where so much may be taken.
    fn of(bytes: u64, bytes_max: u64) -> Self {
        match u128::from(bytes) * 100 / u128::from(bytes_max.max(1)) {
            0..85 => Self::Low,
            85..90 => Self::Moderate,
            90..95 => Self::High,
            _ => Self::Critical,
        }
    }

    /// As clients read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Default for Stats {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            began: Instant::now(),
            began_seconds: since.as_secs(),
            backlog: Backlog::default(),
            input_bytes: AtomicU64::new(0),
            processed_bytes: AtomicU64::new(0),
            late_records: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            step_times: Histogram::default(),
            storage_kb_ms: AtomicU64::new(0),
            pressure: Mutex::default(),
            inputs: Mutex::default(),
            refused: Mutex::default(),
        }
    }
}

impl Stats {
    /// When the deployment began, in seconds since 1970.
    pub fn began_seconds(&self) -> u64 {
        self.began_seconds
    }

    /// How long it has been there, in milliseconds.
    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What came in through an endpoint.
    pub fn came_in(&self, endpoint: &str, more: &InputCounts) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = inputs.entry(endpoint.to_owned()).or_default();
        counts.stream.clone_from(&more.stream);
        counts.records += more.records;
        counts.bytes += more.bytes;
        counts.parse_errors += more.parse_errors;
        self.input_bytes.fetch_add(more.bytes, Ordering::Relaxed);
    }

    /// Bytes that came in through a connector.
    pub fn came(&self, bytes: u64) {
        self.input_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How near the process is to the limit, and how often that became another.
    pub fn pressure(&self, bytes: u64, bytes_max: Option<u64>) -> (Pressure, u64) {
        let mut kept = self.pressure.lock().unwrap_or_else(PoisonError::into_inner);
        let now = bytes_max.map_or(Pressure::Low, |bytes_max| Pressure::of(bytes, bytes_max));
        if kept.0 != now {
            *kept = (now, kept.1 + 1);
        }
        *kept
    }

    /// What was taken in by a step that goes up to a message.
    pub fn processed(&self, (step, seq): (u64, u64), records: u64, bytes: u64) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.backlog.arrived(step, seq, records);
        self.processed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Records that a table did not take, or that could not be read.
    pub fn refused(&self, table: &str, records: u64) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(table.to_owned()).or_default() += records;
    }

    /// How many of them there were, by table.
    pub fn all_refused(&self) -> BTreeMap<String, u64> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The endpoints, by name.
    pub fn inputs(&self) -> BTreeMap<String, InputCounts> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_to_the_limit_the_higher_is_the_pressure() {
        let stats = Stats::default();
        let expected = [
            (84, "low", 0),
            (85, "moderate", 1),
            (89, "moderate", 1),
            (90, "high", 2),
            (200, "critical", 3),
            (1, "low", 4),
        ];
        for (bytes, word, epoch) in expected {
            let (pressure, found) = stats.pressure(bytes, Some(100));
            assert_eq!((pressure.word(), found), (word, epoch), "{bytes}");
        }
        assert_eq!(stats.pressure(u64::MAX, None), (Pressure::Low, 4));
    }
}
