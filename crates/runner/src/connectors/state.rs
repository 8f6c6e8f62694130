//! How each connector fares, as `/stats` shows it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use alluvium_connectors::{Handle, Monitor, RECENT_ERRORS_MAX, Status};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::ledger::{InputMark, OutputMark};
use crate::backlog::Backlog;
use crate::dead::Dead;
use crate::deployment::Progress;

/// An input of a running pipeline.
pub(crate) struct InputState {
    /// Table and connector: `orders.c`.
    pub endpoint: String,
    /// The table.
    pub relation: String,
    handle: OnceLock<Arc<Handle>>,
    counts: Mutex<InputCounts>,
}

#[derive(Default)]
struct InputCounts {
    mark: InputMark,
    parse_errors: Recent,
    /// What is on the stream and was not looked at by the engine: its last message, its records and its bytes.
    waiting: VecDeque<(u64, u64, u64)>,
    /// The last message that it wrote.
    last_seq: u64,
    fatal: Option<String>,
}

/// The last errors of a kind.
#[derive(Default)]
struct Recent {
    total: u64,
    kept: VecDeque<Value>,
}

impl Recent {
    fn add(&mut self, message: &str) {
        if self.kept.len() == RECENT_ERRORS_MAX {
            self.kept.pop_front();
        }
        let index = self.total;
        self.total += 1;
        self.kept.push_back(json!({
            "timestamp": crate::now().to_rfc3339(), "index": index, "tag": null, "message": message,
        }));
    }

    fn shown(&self, wanted: bool) -> Value {
        if wanted { json!(self.kept) } else { Value::Null }
    }
}

impl InputState {
    pub(super) fn new(endpoint: &str, relation: &str, (seq, mark): (u64, InputMark)) -> Self {
        let last_seq = if mark.messages > 0 { seq + mark.messages } else { 0 };
        let counts = InputCounts { mark, last_seq, ..InputCounts::default() };
        Self {
            endpoint: endpoint.to_owned(),
            relation: relation.to_owned(),
            handle: OnceLock::new(),
            counts: Mutex::new(counts),
        }
    }

    /// It runs.
    pub(super) fn runs(&self, handle: Arc<Handle>) {
        let _ = self.handle.set(handle);
    }

    /// It cannot go on.
    pub(super) fn fails(&self, reason: &str) {
        self.lock().fatal.get_or_insert_with(|| reason.to_owned());
    }

    /// What it brought is on the stream, up to this message; `records` and `bytes` are of this lot.
    pub(super) fn brought(&self, mark: InputMark, last_seq: u64, (records, bytes): (u64, u64), dead: &[Dead]) {
        let mut counts = self.lock();
        if mark.messages > 0 {
            counts.last_seq = last_seq;
            counts.waiting.push_back((last_seq, records, bytes));
        }
        counts.mark = mark;
        dead.iter().for_each(|dead| counts.parse_errors.add(&dead.message));
    }

    /// Records and bytes that are on the stream, of which the engine has looked at nothing beyond this message.
    pub(super) fn waiting(&self, seen: u64) -> (u64, u64) {
        let mut counts = self.lock();
        while counts.waiting.front().is_some_and(|(seq, ..)| *seq <= seen) {
            counts.waiting.pop_front();
        }
        counts.waiting.iter().fold((0, 0), |sum, (_, records, bytes)| (sum.0 + records, sum.1 + bytes))
    }

    /// The last message that it wrote; 0 if it wrote none.
    pub fn last_seq(&self) -> u64 {
        self.lock().last_seq
    }

    /// Whether everything that there is has come.
    pub fn has_ended(&self) -> bool {
        self.lock().mark.ended
    }

    /// Errors of all kinds.
    pub fn errors(&self) -> u64 {
        self.status().num_transport_errors + self.lock().mark.parse_errors
    }

    fn status(&self) -> Status {
        self.handle.get().map(|handle| handle.status()).unwrap_or_default()
    }

    /// As clients read it.
    pub fn shown(&self, is_paused: bool, seen: u64, with_errors: bool) -> Value {
        let status = self.status();
        let (records, bytes) = self.waiting(seen);
        let (queued_records, queued_bytes) = self.handle.get().map_or((0, 0), |handle| handle.queued());
        let counts = self.lock();
        json!({
            "endpoint_name": self.endpoint,
            "config": { "stream": self.relation },
            "metrics": {
                "total_bytes": counts.mark.bytes,
                "total_records": counts.mark.records,
                "buffered_records": records + queued_records,
                "buffered_bytes": bytes + queued_bytes,
                "num_transport_errors": status.num_transport_errors,
                "num_parse_errors": counts.mark.parse_errors,
                "end_of_input": counts.mark.ended,
                "processing_latency_p99_micros": null,
            },
            "paused": is_paused,
            "barrier": false,
            "fatal_error": status.fatal_error.or_else(|| counts.fatal.clone()),
            "health": status.health,
            "completed_frontier": null,
            "parse_errors": counts.parse_errors.shown(with_errors),
            "transport_errors": if with_errors { json!(status.transport_errors) } else { Value::Null },
        })
    }

    fn lock(&self) -> MutexGuard<'_, InputCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An output of a running pipeline.
pub(crate) struct OutputState {
    /// View and connector: `sales.c`.
    pub endpoint: String,
    /// The view.
    pub relation: String,
    pub(super) monitor: Monitor,
    /// Up to where everything was given out.
    pub(super) written: watch::Sender<Progress>,
    counts: Mutex<OutputCounts>,
}

#[derive(Default)]
struct OutputCounts {
    mark: OutputMark,
    encode_errors: Recent,
    num_encode_errors: u64,
    fatal: Option<String>,
}

impl OutputState {
    pub(super) fn new(endpoint: &str, relation: &str, mark: OutputMark) -> Self {
        let written = Progress { step: mark.step, seq: 0 };
        Self {
            endpoint: endpoint.to_owned(),
            relation: relation.to_owned(),
            monitor: Monitor::default(),
            written: watch::Sender::new(written),
            counts: Mutex::new(OutputCounts { mark, ..OutputCounts::default() }),
        }
    }

    /// It cannot go on.
    pub(super) fn fails(&self, reason: &str) {
        self.lock().fatal.get_or_insert_with(|| reason.to_owned());
    }

    /// Whether it cannot.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().fatal.is_some()
    }

    /// It has got so far.
    pub(super) fn gave(&self, mark: &OutputMark, progress: Option<Progress>) {
        self.lock().mark = mark.clone();
        if let Some(progress) = progress {
            self.written.send_replace(progress);
        }
    }

    /// Rows could not be written.
    pub(super) fn could_not_write(&self, errors: u64, first: Option<&str>) {
        if errors > 0 {
            let mut counts = self.lock();
            counts.num_encode_errors += errors;
            counts.encode_errors.add(first.unwrap_or("a row cannot be written"));
        }
    }

    /// Up to where everything was given out; everything for one that cannot go on, as nobody waits for it.
    pub fn written(&self) -> Progress {
        if self.has_failed() { Progress { step: u64::MAX, seq: u64::MAX } } else { *self.written.borrow() }
    }

    /// Errors of all kinds.
    pub fn errors(&self) -> u64 {
        self.monitor.status().num_transport_errors + self.lock().num_encode_errors
    }

    /// As clients read it. Tables and views are at this step.
    pub fn shown(&self, step: u64, backlog: &Backlog, with_errors: bool) -> Value {
        let status = self.monitor.status();
        let written = self.written.borrow().step;
        let counts = self.lock();
        json!({
            "endpoint_name": self.endpoint,
            "config": { "stream": self.relation },
            "metrics": {
                "transmitted_records": counts.mark.records,
                "transmitted_bytes": counts.mark.bytes,
                "queued_records": 0,
                "queued_batches": step.saturating_sub(written),
                "buffered_records": 0,
                "buffered_batches": 0,
                "num_encode_errors": counts.num_encode_errors,
                "num_transport_errors": status.num_transport_errors,
                "total_processed_input_records": backlog.by_step(written),
                "total_processed_steps": written,
                "memory": 0,
                "batch_records_written": null,
            },
            "fatal_error": status.fatal_error.or_else(|| counts.fatal.clone()),
            "health": status.health,
            "encode_errors": counts.encode_errors.shown(with_errors),
            "transport_errors": if with_errors { json!(status.transport_errors) } else { Value::Null },
        })
    }

    fn lock(&self) -> MutexGuard<'_, OutputCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
