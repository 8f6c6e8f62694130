//! How a connector fares, as its statistics show.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// How many of the last errors are kept.
pub const RECENT_ERRORS_MAX: usize = 100;
/// How long the text of an error may be; the rest is cut off.
pub const ERROR_BYTES_MAX: usize = 4096;

/// Whether a connector does its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum HealthStatus {
    /// It does.
    #[default]
    Healthy,
    /// It tries.
    Unhealthy,
}

/// Whether a connector does its work, and if not, why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether it does.
    pub status: HealthStatus,
    /// Why not.
    pub description: Option<String>,
}

/// An error of a transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransportError {
    /// When it happened: RFC 3339 with microseconds.
    pub timestamp: String,
    /// Its number among all errors of the connector, from 0.
    pub index: u64,
    /// Of what kind it is.
    pub tag: Option<String>,
    /// What happened; no secrets.
    pub message: String,
}

/// How a connector fares at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether it does its work.
    pub health: Health,
    /// Errors of the transport so far.
    pub num_transport_errors: u64,
    /// The last of them, the oldest first.
    pub transport_errors: Vec<TransportError>,
    /// Why it does no more.
    pub fatal_error: Option<String>,
    /// Whether all that there is was read.
    pub end_of_input: bool,
    /// Records given on, where they can be counted before they are parsed.
    pub total_records: u64,
    /// Bytes given on.
    pub total_bytes: u64,
}

/// Counts what happens to a connector.
#[derive(Debug, Default)]
pub struct Monitor(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    status: Status,
    recent: VecDeque<TransportError>,
}

impl Monitor {
    /// How it fares now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.with(|counted| {
            let mut status = counted.status.clone();
            status.transport_errors = counted.recent.iter().cloned().collect();
            status
        })
    }

    /// Counts an error that will be tried again; the connector is unhealthy until [`well`](Self::well).
    pub fn trouble(&self, tag: &str, message: &str) {
        let message = cut(message);
        self.with(|counted| {
            let index = counted.status.num_transport_errors;
            counted.status.num_transport_errors += 1;
            counted.status.health = Health { status: HealthStatus::Unhealthy, description: Some(message.to_owned()) };
            if counted.recent.len() == RECENT_ERRORS_MAX {
                counted.recent.pop_front();
            }
            let timestamp = format!("{:.6}", jiff::Timestamp::now());
            let tag = (!tag.is_empty()).then(|| tag.to_owned());
            counted.recent.push_back(TransportError { timestamp, index, tag, message: message.to_owned() });
        });
    }

    /// It does its work.
    pub fn well(&self) {
        self.with(|counted| counted.status.health = Health::default());
    }

    /// It will do its work no more. The first reason stays.
    pub fn fatal(&self, reason: &str) {
        self.trouble("fatal", reason);
        self.with(|counted| {
            counted.status.fatal_error.get_or_insert_with(|| cut(reason).to_owned());
        });
    }

    pub(crate) fn end(&self) {
        self.with(|counted| counted.status.end_of_input = true);
    }

    pub(crate) fn count(&self, records: u64, bytes: u64) {
        self.with(|counted| {
            counted.status.total_records += records;
            counted.status.total_bytes += bytes;
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counted) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_and_the_last_are_kept() {
        let monitor = Monitor::default();
        assert_eq!(monitor.status().health.status, HealthStatus::Healthy);
        for at in 0..RECENT_ERRORS_MAX + 3 {
            monitor.trouble("net", &format!("no {at}"));
        }
        let status = monitor.status();
        assert_eq!((status.num_transport_errors, status.transport_errors.len()), (103, RECENT_ERRORS_MAX));
        assert_eq!((status.transport_errors[0].index, status.transport_errors[99].message.as_str()), (3, "no 102"));
        assert_eq!(status.health, Health { status: HealthStatus::Unhealthy, description: Some("no 102".into()) });
        monitor.well();
        assert_eq!(monitor.status().health, Health::default());
        monitor.fatal("first");
        monitor.fatal(&"ä".repeat(ERROR_BYTES_MAX));
        assert_eq!(monitor.status().fatal_error.as_deref(), Some("first"));
        assert!(monitor.status().health.description.unwrap().len() <= ERROR_BYTES_MAX);
        let stamp = &monitor.status().transport_errors[0].timestamp;
        assert!(stamp.ends_with('Z') && stamp.len() == "2026-01-01T00:00:00.000000Z".len(), "{stamp}");
    }
}
