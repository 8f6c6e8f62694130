//! The public error codes, described once: `alluvium explain`, the pages under `/docs/errors` and OpenAPI read this list.

/// One public error code. Each crate exports its own as `pub const ERRORS: &[ErrorInfo]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    /// Stable code, `<context>.<what>`.
    pub code: &'static str,
    /// HTTP status that says the same.
    pub status: u16,
    /// What happened, in a few words that hold for every occurrence.
    pub title: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

impl ErrorInfo {
    /// One line of a table of errors.
    pub const fn new(code: &'static str, status: u16, title: &'static str, help: &'static str) -> Self {
        Self { code, status, title, help }
    }
}
