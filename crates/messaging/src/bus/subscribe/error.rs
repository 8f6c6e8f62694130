//! Why a message cannot be given or settled.

use super::Unsettled;
use crate::transport::{DeadReason, PublishError, SettleError, SourceError, SubscribeError};

/// A message could not be given or settled.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The subscription cannot begin.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// Messages stopped coming.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message cannot be decoded.
    #[error("the message at {} cannot be decoded: {}", .raw.position(), .chain.first().map_or("", String::as_str))]
    Decode {
        /// The message, to be settled.
        raw: Box<Unsettled>,
        /// The reason that its dead letter would have.
        reason: DeadReason,
        /// What is wrong and why, outermost first.
        chain: Vec<String>,
    },
    /// The broker was not told what became of a message.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// A dead letter could not be stored; its message is not settled.
    #[error("the dead letter could not be stored")]
    DeadLetter(#[source] PublishError),
}

impl ConsumeError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Subscribe(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Decode { .. } => "messaging.decode",
            Self::Settle(error) => error.code(),
            Self::DeadLetter(error) => error.code(),
        }
    }

    /// Whether trying again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Subscribe(error) => error.retryable(),
            Self::Source(error) => error.retryable(),
            Self::Decode { .. } => false,
            Self::Settle(_) => true,
            Self::DeadLetter(error) => error.retryable(),
        }
    }
}
