//! What went wrong, in one shape for the NATS outcome, the HTTP body and the CLI (RFC 9457 with our code).

use serde::{Deserialize, Serialize};

/// One clear, coded error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// Stable code, `<context>.<what>`, e.g. `storage.table_exists`; the key of `alluvium explain` and of its page.
    pub code: String,
    /// HTTP status that says the same.
    pub status: u16,
    /// A sentence that says what the caller did, with the values, and what to do.
    pub detail: String,
    /// Which fields are wrong, when that is what is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Further facts, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

/// One wrong field of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Path of the field, e.g. `columns[2].type`.
    pub field: String,
    /// What it should have been.
    pub message: String,
}

impl Problem {
    /// A problem with a code, a status and a sentence.
    pub fn new(code: impl Into<String>, status: u16, detail: impl Into<String>) -> Self {
        Self { code: code.into(), status, detail: detail.into(), errors: Vec::new(), details: None }
    }

    /// The same with further facts.
    #[must_use]
    pub fn with_details(mut self, details: serde_json::Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Something we rely on does not answer now; nothing was decided, so trying again is right.
    pub fn unavailable(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(code, 503, detail)
    }

    /// A mistake of ours. The cause belongs in the log, not in the answer.
    pub fn internal() -> Self {
        Self::new("platform.internal", 500, "An internal error occurred; the log names it under the request's id.")
    }

    /// Whether the same request may succeed later without any change to it.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504 | 507)
    }
}
