//! What can be said about a subscription.

use crate::{profile::Profile, transport::StartFrom, wire::ReadWire};

/// What becomes of a message that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPoison {
    /// It is put aside, and the next one is given.
    #[default]
    DeadLetter,
    /// It is settled and dropped with a line in the log, and the next one is given.
    Skip,
    /// It is given as [`ConsumeError::Decode`], and the caller settles it.
    Stop,
}

/// How to subscribe.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOpts {
    pub(crate) group: Option<String>,
    pub(super) profile: Option<Profile>,
    pub(super) from: StartFrom,
    pub(super) on_poison: OnPoison,
    pub(super) automatic: bool,
    pub(super) wire: Option<ReadWire>,
    pub(super) retry_topics: bool,
}

impl SubscribeOpts {
    /// As the type says.
    pub fn new() -> Self {
        Self::default()
    }

    /// The group that shares the messages.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The settings of reading.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Where a group that is new begins.
    #[must_use]
    pub fn from(mut self, from: StartFrom) -> Self {
        self.from = from;
        self
    }

    /// What becomes of a message that cannot be decoded.
    #[must_use]
    pub fn on_poison(mut self, what: OnPoison) -> Self {
        self.on_poison = what;
        self
    }

    /// `false`: each message is acknowledged when the next one is asked for.
    #[must_use]
    pub fn manual(mut self, manual: bool) -> Self {
        self.automatic = !manual;
        self
    }

    /// On Kafka, reads the group's retry topics too, so that a message can be given back ([`Received::retry`](super::Received::retry)):
    /// it comes again after 5 s, 1 min or 10 min, whichever is not too soon. The topics are made if they are missing. Nothing on brokers
    /// that deliver again by themselves, and nothing without a group.
    #[must_use]
    pub fn retry_topics(mut self, read: bool) -> Self {
        self.retry_topics = read;
        self
    }

    /// The formats that are read, instead of the type's own.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<ReadWire>) -> Self {
        self.wire = Some(wire.into());
        self
    }
}
