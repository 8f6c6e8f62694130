//! Messages that are published and not acknowledged: a ring of those in flight, and beside it the subjects that wait behind a message
//! whose fate is not known.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::transport::{Outgoing, Resolver};

/// A message on its way.
pub(super) struct Flight {
    pub(super) began: Instant,
    pub(super) message: Outgoing,
    pub(super) resolver: Resolver,
    /// Until when it may be tried.
    pub(super) until: Instant,
    /// Whether the server may have it.
    pub(super) sent: bool,
    pub(super) place: OwnedSemaphorePermit,
}

/// Messages of a subject that wait for an earlier one of it.
#[derive(Default)]
pub(super) struct Stall {
    /// Sent and not acknowledged, in the order in which they were sent.
    pub(super) failed: BTreeMap<u64, Flight>,
    /// Not sent yet.
    pub(super) waiting: VecDeque<Flight>,
}

#[derive(Default)]
pub(super) struct State {
    /// Number of the first place of the ring.
    pub(super) first: u64,
    /// Messages in flight by number, with the moment at which they are overdue.
    pub(super) ring: VecDeque<Option<(Flight, Instant)>>,
    pub(super) stalls: HashMap<String, Stall>,
    /// Resolved one at a time by now, out of ring and stalls.
    pub(super) resolving: usize,
    pub(super) closed: bool,
}

impl State {
    pub(super) fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Flight> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (flight, _) = self.ring.get_mut(at)?.take()?;
        while matches!(self.ring.front(), Some(None)) {
            self.ring.pop_front();
            self.first += 1;
        }
        Some(flight)
    }

    /// Every message with a smaller number is settled. Stalled ones count by their number, waiting ones as the first stall.
    pub(super) fn settled_to(&self) -> u64 {
        if self.resolving > 0 || self.stalls.values().any(|stall| !stall.waiting.is_empty()) {
            return 0;
        }
        let failed = self.stalls.values().filter_map(|stall| stall.failed.keys().next().copied());
        failed.chain([self.first]).min().unwrap_or(self.first)
    }

    pub(super) fn open(&self, subjects_max: usize) -> (usize, Vec<String>) {
        let stalled = self.stalls.values().flat_map(|stall| stall.failed.values().chain(&stall.waiting));
        let flights = self.ring.iter().flatten().map(|(flight, _)| flight).chain(stalled);
        let mut subjects: Vec<String> = flights.map(|flight| flight.message.subject.clone()).collect();
        let count = subjects.len() + self.resolving;
        subjects.sort();
        subjects.dedup();
        subjects.truncate(subjects_max);
        (count, subjects)
    }

    pub(super) fn has_in_flight(&self, subject: &str) -> bool {
        self.ring.iter().flatten().any(|(flight, _)| flight.message.subject == subject)
    }
}
