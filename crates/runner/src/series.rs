//! The counts of a pipeline, second by second.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::deployment::Deployment;

/// Samples that are kept: a minute of them.
const SAMPLES_MAX: usize = 60;
/// How far apart they are, in milliseconds.
const EVERY_MS: u64 = 1_000;

/// How it was at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Records that were taken in by then.
    pub records: u64,
    /// Memory of the process.
    pub memory_bytes: u64,
    /// Files and logs of the pipeline.
    pub storage_bytes: u64,
}

/// The last minute.
pub(crate) struct Series {
    kept: Mutex<VecDeque<Sample>>,
    to: broadcast::Sender<Sample>,
}

impl Default for Series {
    fn default() -> Self {
        Self { kept: Mutex::default(), to: broadcast::Sender::new(SAMPLES_MAX) }
    }
}

impl Series {
    fn add(&self, sample: Sample) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(sample);
        if kept.len() > SAMPLES_MAX {
            kept.pop_front();
        }
        // Nobody may be reading.
        let _ = self.to.send(sample);
    }

    /// The samples so far, and those to come.
    pub fn read(&self) -> (Vec<Sample>, broadcast::Receiver<Sample>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.iter().copied().collect(), self.to.subscribe())
    }
}

/// Takes samples until the pipeline ends.
pub(crate) async fn keep(deployment: Arc<Deployment>) {
    let mut pace = tokio::time::interval(Duration::from_millis(EVERY_MS));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            () = deployment.stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        let of = Arc::clone(&deployment);
        let storage = tokio::task::spawn_blocking(move || of.place.get().map_or(0, |place| place.files.bytes()));
        let sample = Sample {
            at_ms: crate::now().micros() / 1_000,
            records: deployment.stats.backlog.counts().1,
            memory_bytes: rss_bytes(),
            storage_bytes: storage.await.unwrap_or_default(),
        };
        let passed_ms = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
        last = Instant::now();
        let stats = &deployment.stats;
        stats.storage_kb_ms.fetch_add((sample.storage_bytes / 1_000).saturating_mul(passed_ms), Ordering::Relaxed);
        stats.pressure(sample.memory_bytes, deployment.memory_bytes_max());
        deployment.series.add(sample);
    }
}

/// Memory of this process, in bytes; 0 where the system does not tell.
pub(crate) fn rss_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
