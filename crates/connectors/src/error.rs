//! What goes wrong with connectors.

/// A connector that cannot be made or started as it is configured. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A member of the configuration is wrong.
    #[error("connector '{connector}': `{member}`: {reason}")]
    Member {
        /// The name of the connector.
        connector: String,
        /// The path of the member, as `transport.config.path`.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that is not built.
    #[error("connector '{connector}': {what} is not supported")]
    Unsupported {
        /// The name of the connector.
        connector: String,
        /// What was asked for.
        what: String,
    },
    /// A file outside of the directories that connectors may use.
    #[error("connector '{connector}': the file {path} is not allowed: {reason}")]
    Path {
        /// The name of the connector.
        connector: String,
        /// The path, as configured.
        path: String,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// The stable code of the error, as clients see it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Member { .. } => "InvalidConnectorConfig",
            Self::Unsupported { .. } => "NotSupported",
            Self::Path { .. } => "ConnectorPathNotAllowed",
        }
    }

    pub(crate) fn member(connector: &str, member: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Member { connector: connector.to_owned(), member: member.into(), reason: reason.into() }
    }

    pub(crate) fn unsupported(connector: &str, what: impl Into<String>) -> Self {
        Self::Unsupported { connector: connector.to_owned(), what: what.into() }
    }
}

/// Something that failed while a connector ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may work when it is tried again.
    #[error("{0}")]
    Passing(String),
    /// It will not work again; somebody has to do something.
    #[error("{0}")]
    Fatal(String),
}

impl Fault {
    /// Whether it is of no use to try again.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal(_))
    }
}

/// Why an input ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was told to stop, or nobody reads from it any more.
    Stopped,
    /// It cannot go on.
    Fatal(String),
}

impl Exit {
    pub(crate) fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal(reason.into())
    }
}
