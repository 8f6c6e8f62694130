//! Numbers of a loop. Handles are made once, so that counting a message costs next to nothing.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::read::DecodePath;
use crate::transport::DeadReason;

pub(crate) struct Metrics {
    labels: [(&'static str, String); 3],
    pub(crate) received: Counter,
    handled: Counter,
    failed: Counter,
    seconds: Histogram,
    decode_seconds: [Histogram; 3],
    commit_seconds: Histogram,
    pub(crate) retries: Counter,
    pub(crate) unsettled: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) in_flight_bytes: Gauge,
    pub(crate) oldest: Gauge,
    pub(crate) lag: Gauge,
    pub(crate) paused: Gauge,
    pub(crate) rebalances: Counter,
}

impl Metrics {
    pub(crate) fn new(topic: &str, group: &str, transport: &str) -> Self {
        let labels = [("topic", topic.to_owned()), ("group", group.to_owned()), ("transport", transport.to_owned())];
        let outcome = |outcome: &'static str| {
            let mut all: Vec<(&'static str, String)> = labels.to_vec();
            all.push(("outcome", outcome.to_owned()));
            counter!("messaging_handled_total", &all)
        };
        let decode = |path: DecodePath| {
            let mut all: Vec<(&'static str, String)> = labels.to_vec();
            all.push(("path", path.as_str().to_owned()));
            histogram!("messaging_decode_seconds", &all)
        };
        Self {
            received: counter!("messaging_received_total", &labels),
            handled: outcome("done"),
            failed: outcome("failed"),
            seconds: histogram!("messaging_handle_seconds", &labels),
            decode_seconds: DecodePath::ALL.map(decode),
            commit_seconds: histogram!("messaging_commit_seconds", &labels),
            retries: counter!("messaging_retries_total", &labels),
            unsettled: counter!("messaging_unsettled_total", &labels),
            in_flight: gauge!("messaging_in_flight", &labels),
            in_flight_bytes: gauge!("messaging_in_flight_bytes", &labels),
            oldest: gauge!("messaging_watermark_gap_seconds", &labels),
            lag: gauge!("messaging_lag", &labels),
            paused: gauge!("messaging_paused", &labels),
            rebalances: counter!("messaging_rebalances_total", &labels),
            labels,
        }
    }

    pub(crate) fn handled(&self, took: Duration, done: bool) {
        if done { &self.handled } else { &self.failed }.increment(1);
        self.seconds.record(took.as_secs_f64());
    }

    pub(crate) fn decoded(&self, took: Duration, path: DecodePath) {
        self.decode_seconds[path as usize].record(took.as_secs_f64());
    }

    /// The broker has confirmed how far the group is.
    pub(crate) fn committed(&self, took: Duration) {
        self.commit_seconds.record(took.as_secs_f64());
    }

    pub(crate) fn dead_letter(&self, reason: DeadReason) {
        let mut all: Vec<(&'static str, String)> = self.labels.to_vec();
        all.push(("reason", reason.as_str().to_owned()));
        counter!("messaging_dead_letters_total", &all).increment(1);
    }
}
