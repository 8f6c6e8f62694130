//! Why a broker did not do what it was asked. Each error has a stable code and says whether trying again may help.

use std::time::Duration;

use crate::headers::HeaderError;

/// A message was not published, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No acknowledgement in time.
    #[error("publishing to {subject}: no acknowledgement in time; {detail}")]
    Timeout {
        /// It may be stored nevertheless.
        unknown: bool,
        /// Where to.
        subject: String,
        /// What was tried.
        detail: String,
    },
    /// As many messages as may wait for acknowledgement do.
    #[error("the window of {window} messages in flight is full")]
    Full {
        /// How many that is.
        window: usize,
    },
    /// The broker takes no message this big.
    #[error(
        "a message of {bytes} bytes to {subject}, the broker takes {max}; store the payload elsewhere and send a reference to it (claim check)"
    )]
    TooLarge {
        /// Where to.
        subject: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// This broker cannot do that.
    #[error("{what} is not supported by {transport}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// By whom.
        transport: &'static str,
    },
    /// The subject's last sequence is another.
    #[error("publishing to {subject}: {detail}")]
    WrongSequence {
        /// Where to.
        subject: String,
        /// What the broker says.
        detail: String,
    },
    /// No stream takes the subject, or no such topic.
    #[error("nothing stores {subject}: make its stream or topic first")]
    NoDestination {
        /// Where to.
        subject: String,
    },
    /// The broker has no room left.
    #[error("publishing to {subject}: the broker is full; {detail}")]
    StorageFull {
        /// Where to.
        subject: String,
        /// What the broker says.
        detail: String,
    },
    /// The broker refused.
    #[error("publishing to {subject}: refused with {code}; {detail}")]
    Refused {
        /// Where to.
        subject: String,
        /// The broker's own code.
        code: i64,
        /// What it says.
        detail: String,
    },
    /// A header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The subject is no concrete subject.
    #[error("`{subject}` is no subject to publish to: {detail}")]
    Subject {
        /// The subject.
        subject: String,
        /// Why not.
        detail: String,
    },
    /// The message could not be made into bytes.
    #[error("the message cannot be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bus was closed.
    #[error("the bus is closed")]
    Closed,
}

impl PublishError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "messaging.publish_timeout",
            Self::Full { .. } => "messaging.window_full",
            Self::TooLarge { .. } => "messaging.too_large",
            Self::Unsupported { .. } => "messaging.unsupported",
            Self::WrongSequence { .. } => "messaging.wrong_sequence",
            Self::NoDestination { .. } => "messaging.no_destination",
            Self::StorageFull { .. } => "messaging.storage_full",
            Self::Refused { .. } => "messaging.publish_refused",
            Self::Header(_) => "messaging.bad_header",
            Self::Subject { .. } => "messaging.bad_subject",
            Self::Encode(_) => "messaging.encode",
            Self::Closed => "messaging.closed",
        }
    }

    /// Whether the same message may pass when it is sent again.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Full { .. } | Self::StorageFull { .. } | Self::NoDestination { .. })
    }

    /// Whether it may be stored nevertheless.
    pub const fn unknown(&self) -> bool {
        matches!(self, Self::Timeout { unknown: true, .. })
    }
}

/// A subscription cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The broker cannot be reached.
    #[error("{trying}: the broker does not answer; {detail}")]
    Unreachable {
        /// What was tried.
        trying: String,
        /// Why not.
        detail: String,
    },
    /// There is nothing to read there.
    #[error("nothing stores {0}: make its stream or topic first")]
    NoSource(String),
    /// There is more than one place to read it.
    #[error("{subject} is stored by several streams, {streams}: name one of them")]
    SeveralSources {
        /// The subject.
        subject: String,
        /// The streams.
        streams: String,
    },
    /// The broker refuses.
    #[error("{trying}: {detail}")]
    Refused {
        /// What was tried.
        trying: String,
        /// What it says.
        detail: String,
    },
    /// Something asked for that cannot be.
    #[error("{0}")]
    Settings(String),
}

impl SubscribeError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "messaging.unreachable",
            Self::NoSource(_) => "messaging.no_source",
            Self::SeveralSources { .. } => "messaging.several_sources",
            Self::Refused { .. } => "messaging.subscribe_refused",
            Self::Settings(_) => "messaging.settings",
        }
    }

    /// Whether trying again may help.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoSource(_))
    }
}

/// Messages stopped coming. A source heals broken connections by itself; this is what it cannot heal.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// The consumer, stream or topic is gone.
    #[error("{0} is gone")]
    Gone(String),
    /// The broker refuses.
    #[error("{trying}: {detail}")]
    Refused {
        /// What was tried.
        trying: String,
        /// What it says.
        detail: String,
    },
    /// Passes by itself: the next call tries again.
    #[error("{trying}: {detail}")]
    Transient {
        /// What was tried.
        trying: String,
        /// Why not.
        detail: String,
    },
}

impl SourceError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gone(_) => "messaging.source_gone",
            Self::Refused { .. } => "messaging.source_refused",
            Self::Transient { .. } => "messaging.source_broken",
        }
    }

    /// Whether trying again may help.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}

/// The broker was not told what became of a message: it will deliver it again.
#[derive(Debug, thiserror::Error)]
#[error("settling: {0}")]
pub struct SettleError(pub String);

impl SettleError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        "messaging.settle"
    }
}

/// Messages are still in flight.
#[derive(Debug, thiserror::Error)]
#[error("{pending} messages are not acknowledged after {within:?}")]
pub struct FlushError {
    /// How many.
    pub pending: usize,
    /// Subjects of some of them.
    pub subjects: Vec<String>,
    /// How long was waited.
    pub within: Duration,
}

impl FlushError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        "messaging.flush_timeout"
    }
}

/// Looking after topics failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// This broker cannot do that.
    #[error("{what} is not supported by {transport}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// By whom.
        transport: &'static str,
    },
    /// No such topic or stream.
    #[error("there is no topic or stream {0}")]
    NotFound(String),
    /// The broker did not do it.
    #[error("{trying}: {detail}")]
    Failed {
        /// What was tried.
        trying: String,
        /// What it says.
        detail: String,
    },
}

impl AdminError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "messaging.unsupported",
            Self::NotFound(_) => "messaging.no_topic",
            Self::Failed { .. } => "messaging.admin",
        }
    }
}
