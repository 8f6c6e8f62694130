//! Why a bridge stopped.

use crate::{
    transport::{AdminError, PublishError, SettleError, SourceError, SubscribeError},
    wire,
};

/// Why a bridge stopped.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// It cannot be set up as asked.
    #[error("the bridge cannot be: {0}")]
    Settings(String),
    /// Nothing can be read.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// Reading stopped.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Progress could not be kept.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// A topic could not be looked after.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What is on the other side already could not be read.
    #[error("looking at what is there already")]
    Recover(#[from] crate::Error),
    /// The registry did not answer.
    #[error("asking for a schema")]
    Registry(#[from] wire::SourceError),
}

impl BridgeError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "messaging.bridge_settings",
            Self::Subscribe(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Settle(error) => error.code(),
            Self::Admin(error) => error.code(),
            Self::Recover(_) => "messaging.bridge_recover",
            Self::Registry(_) => "messaging.registry",
        }
    }

    /// Whether beginning again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Subscribe(error) => error.retryable(),
            Self::Source(error) => error.retryable(),
            Self::Publish(error) => error.retryable(),
            Self::Settle(_) | Self::Admin(AdminError::Failed { .. }) | Self::Recover(_) => true,
            Self::Settings(_) | Self::Admin(_) => false,
            Self::Registry(error) => error.retryable(),
        }
    }
}
