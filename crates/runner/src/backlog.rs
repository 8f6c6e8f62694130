//! Records on their way: those that are on the stream and not yet in tables and views.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Steps of which it is kept how many records had arrived by then.
const STEPS_MAX: usize = 10_000;

/// What is on its way to a pipeline, as far as this process knows, and what has arrived since it began.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Records of messages that are not in tables and views.
    coming: BTreeMap<u64, u64>,
    /// The last message that is.
    seq: u64,
    /// Records that arrived.
    processed: u64,
    /// How many had by the end of each of the last steps.
    by_step: VecDeque<(u64, u64)>,
}

impl Backlog {
    /// A message with so many records is on the stream. Told twice, it counts once.
    pub fn coming(&self, seq: u64, records: u64) {
        let mut inner = self.lock();
        if seq > inner.seq {
            inner.coming.insert(seq, records);
        }
    }

    /// All up to a message is in tables and views by a step, so many records since the last time.
    pub fn arrived(&self, step: u64, seq: u64, records: u64) {
        let mut inner = self.lock();
        inner.seq = inner.seq.max(seq);
        inner.processed += records;
        let processed = inner.processed;
        inner.by_step.push_back((step, processed));
        if inner.by_step.len() > STEPS_MAX {
            inner.by_step.pop_front();
        }
        inner.coming = inner.coming.split_off(&(seq + 1));
    }

    /// Records that came in and those of them that arrived: the same once nothing is on its way.
    pub fn counts(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.processed + inner.coming.values().sum::<u64>(), inner.processed)
    }

    /// Records that had arrived when a step was done; none for one that was done before this process began, or too long ago.
    pub fn by_step(&self, step: u64) -> u64 {
        let inner = self.lock();
        let upto = inner.by_step.partition_point(|(of, _)| *of <= step);
        upto.checked_sub(1).and_then(|at| inner.by_step.get(at)).map_or(0, |(_, processed)| *processed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_has_arrived_once_nothing_is_on_its_way() {
        let backlog = Backlog::default();
        backlog.coming(5, 10);
        backlog.coming(5, 10);
        backlog.coming(7, 1);
        assert_eq!(backlog.counts(), (11, 0));
        // Of what others wrote nobody told.
        backlog.arrived(1, 6, 12);
        assert_eq!(backlog.counts(), (13, 12));
        backlog.coming(6, 2);
        assert_eq!(backlog.counts(), (13, 12));
        backlog.arrived(3, 7, 1);
        assert_eq!(backlog.counts(), (13, 13));
        assert_eq!([0, 1, 2, 3, 4].map(|step| backlog.by_step(step)), [0, 12, 12, 13, 13]);
    }
}
