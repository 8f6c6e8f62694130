//! Everything that can be said about a loop.

use std::time::Duration;

use super::{lanes::Ordering, retry::Retry};
use crate::{dead_letter::DeadLetter, profile::Settings, transport::StartFrom, wire::ReadWire};

/// Handlers at once when nothing is said.
pub(crate) const CONCURRENCY: usize = 16;
/// How long running handlers may take once a loop ends, in seconds.
const DRAIN_SECONDS: u64 = 30;
/// How long handlers of a partition may take once it is given to somebody else, in seconds.
const REVOKE_GRACE_SECONDS: u64 = 2;

/// How often a message is handled at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Settled after it was handled: a crash between both repeats it.
    #[default]
    AtLeastOnce,
    /// Settled before it is handled: a crash between both loses it.
    AtMostOnce,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) group: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) concurrency: usize,
    pub(crate) ordering: Ordering,
    pub(crate) retry: Retry,
    pub(crate) dead_letter: DeadLetter,
    pub(crate) from: StartFrom,
    pub(crate) delivery: Delivery,
    pub(crate) deadline: Option<Duration>,
    pub(crate) drain: Duration,
    pub(crate) revoke_grace: Duration,
    pub(crate) signals: bool,
    pub(crate) read_wire: Option<ReadWire>,
}

impl Options {
    pub(crate) fn new(settings: Settings, group: Option<String>) -> Self {
        Self {
            group,
            settings,
            concurrency: CONCURRENCY,
            ordering: Ordering::Key,
            retry: Retry::default(),
            dead_letter: DeadLetter::default(),
            from: StartFrom::Stored,
            delivery: Delivery::AtLeastOnce,
            deadline: None,
            drain: Duration::from_secs(DRAIN_SECONDS),
            revoke_grace: Duration::from_secs(REVOKE_GRACE_SECONDS),
            signals: false,
            read_wire: None,
        }
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(self.settings.consume.handler_deadline)
    }

    /// A message open for longer than this is stuck.
    pub(crate) fn stuck_after(&self) -> Duration {
        self.deadline() * 2
    }

    /// Messages that may be taken and not settled.
    pub(crate) fn in_flight_max(&self) -> usize {
        let consume = &self.settings.consume;
        // Free slots: what is taken can be worked on at once, so that idle peers get the rest.
        if consume.pull_free_slots { consume.max_in_flight.min(self.concurrency) } else { consume.max_in_flight }
    }
}
