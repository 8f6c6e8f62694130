//! What a registry said no to, or why it said nothing.

use crate::wire::SourceError;

/// A request to a registry that did not do what it was to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// It answered with an error of its own.
    #[error("{request}: {message} (HTTP {status}, code {code})")]
    Refused {
        /// What was asked.
        request: String,
        /// HTTP status.
        status: u16,
        /// The registry's code.
        code: u32,
        /// Its words.
        message: String,
    },
    /// None of its addresses could be asked.
    #[error("{request}: {message}")]
    Unreachable {
        /// What was asked.
        request: String,
        /// What went wrong at the last of them, without secrets.
        message: String,
    },
    /// It answered something that is no answer.
    #[error("{request}: the answer is not understood: {message}")]
    Malformed {
        /// What was asked.
        request: String,
        /// What is wrong with it.
        message: String,
    },
    /// The client cannot be built as configured.
    #[error("{0}")]
    Configuration(String),
}

impl RegistryError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "messaging.registry_refused",
            Self::Unreachable { .. } => "messaging.registry_unreachable",
            Self::Malformed { .. } => "messaging.registry_malformed",
            Self::Configuration(_) => "messaging.registry_configuration",
        }
    }

    /// HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The registry's own code, where there was one.
    pub fn registry_code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the registry says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether a schema is incompatible with earlier ones.
    pub fn is_incompatible(&self) -> bool {
        self.status() == Some(409)
    }

    /// Whether the same request may be sent again.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused { status, .. } => retryable_status(*status),
            Self::Unreachable { .. } => true,
            Self::Malformed { .. } | Self::Configuration(_) => false,
        }
    }
}

/// Statuses that may pass.
pub(super) fn retryable_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

impl From<RegistryError> for SourceError {
    fn from(error: RegistryError) -> Self {
        let (status, code) = (error.status(), error.registry_code());
        if error.retryable() {
            let transient = Self::transient(error.to_string());
            status.map_or(transient.clone(), |status| transient.with(status, code))
        } else {
            Self::refused(error.to_string(), status, code)
        }
    }
}
