//! What clients are told, with PostgreSQL's codes.

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Five characters, as PostgreSQL has them.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Whether the connection ends with it.
    pub fatal: bool,
}

impl Failure {
    /// The connection goes on.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fatal: false }
    }

    /// The connection ends.
    pub fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fatal: true }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::fatal("08P01", message)
    }

    /// The client is gone; nobody reads this.
    pub(crate) fn gone() -> Self {
        Self::fatal("08006", "the client is gone")
    }
}
