//! Why JetStream did not do what it was asked.

use alluvium_kernel::Problem;
use async_nats::jetstream::{self, context::PublishErrorKind};

/// Server codes that say that a store or an account is full.
const FULL_CODES: [u64; 6] = [10002, 10023, 10028, 10047, 10077, 10122];
/// Server code: no such stream.
const CONSUMER_NOT_FOUND: u64 = 10_014;
const STREAM_NOT_FOUND: u64 = 10059;
/// Server code: no message found.
const NO_MESSAGE_FOUND: u64 = 10037;
/// Server codes: an expectation about the last sequence does not hold (10164 is the in-flight form of 10071).
const WRONG_LAST_SEQUENCE_CODES: [u64; 2] = [10071, 10164];

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody answered in time, or the connection broke: what was asked may or may not have happened.
    Unknown,
    /// JetStream is not there (starting, disabled, or the stream has no leader).
    Absent,
    /// The server refused with its code.
    Refused(u64),
    /// An answer that we do not understand, or a request that we must not send.
    Malformed,
}

/// A failed request, with what was tried.
#[derive(Debug, thiserror::Error)]
#[error("{trying}: {detail}")]
pub struct Error {
    /// Its kind.
    pub kind: ErrorKind,
    trying: String,
    detail: String,
}

impl Error {
    /// A failure of `kind` while `trying`.
    pub fn new(kind: ErrorKind, trying: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { kind, trying: trying.into(), detail: detail.to_string() }
    }

    pub(crate) fn unknown(trying: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Unknown, trying, detail)
    }

    pub(crate) fn malformed(trying: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Malformed, trying, detail)
    }

    pub(crate) fn refused(trying: impl Into<String>, error: &jetstream::Error) -> Self {
        Self::new(ErrorKind::Refused(error.error_code().0), trying, error)
    }

    /// A publish that was not acknowledged.
    pub fn of_publish(subject: &str, error: &jetstream::context::PublishError) -> Self {
        let trying = format!("publishing to {subject}");
        let source = std::error::Error::source(error);
        let code = source.and_then(|cause| cause.downcast_ref::<jetstream::Error>()).map(|cause| cause.error_code().0);
        let kind = match (error.kind(), code) {
            (_, Some(code)) => ErrorKind::Refused(code),
            (PublishErrorKind::StreamNotFound, None) => ErrorKind::Absent,
            (PublishErrorKind::MaxPayloadExceeded, None) => ErrorKind::Malformed,
            _ => ErrorKind::Unknown,
        };
        Self::new(kind, trying, error)
    }

    /// The server found no such message.
    pub fn is_no_message(&self) -> bool {
        self.kind == ErrorKind::Refused(NO_MESSAGE_FOUND)
    }

    /// The stream does not exist.
    pub fn is_no_stream(&self) -> bool {
        self.kind == ErrorKind::Refused(STREAM_NOT_FOUND)
    }

    /// The consumer does not exist.
    pub fn is_no_consumer(&self) -> bool {
        self.kind == ErrorKind::Refused(CONSUMER_NOT_FOUND)
    }

    /// The server says that an expected last sequence does not hold. Not proof that an earlier attempt failed.
    pub fn is_wrong_last_sequence(&self) -> bool {
        matches!(self.kind, ErrorKind::Refused(code) if WRONG_LAST_SEQUENCE_CODES.contains(&code))
    }

    /// The server has no room left.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, ErrorKind::Refused(code) if FULL_CODES.contains(&code))
    }
}

impl From<&Error> for Problem {
    /// Always transient: nothing was decided, so the same request may be sent again.
    fn from(error: &Error) -> Self {
        if error.is_full() {
            Self::new("platform.storage_full", 507, format!("The event log has no room left ({error})."))
        } else {
            Self::unavailable(
                "platform.log_unavailable",
                format!("The event log does not answer ({error}). Try again."),
            )
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}
