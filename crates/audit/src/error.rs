//! Everything the account may answer instead of doing it.

use alluvium_kernel::{ErrorInfo, Problem};

/// The public error codes of this context.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "audit.read_unavailable",
        503,
        "The account of calls cannot be read now",
        "Try again in a moment; when it lasts, look at the server's log and at Postgres.",
    ),
    ErrorInfo::new(
        "audit.write_unavailable",
        503,
        "The event cannot be kept now",
        "Try again in a moment; when it lasts, look at the server's log and at NATS.",
    ),
    ErrorInfo::new(
        "audit.invalid_event",
        422,
        "The event is not one that can be kept",
        "The message says which field is wrong, and what would be right.",
    ),
];

pub(crate) fn unreadable(error: &sqlx::Error) -> Problem {
    tracing::warn!(error = %error, "the account of calls cannot be read");
    Problem::unavailable("audit.read_unavailable", "The account of calls does not answer now. Try again.")
}

pub(crate) fn not_kept(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(error = %error, "an event of a client cannot be kept");
    Problem::unavailable("audit.write_unavailable", "The event could not be kept. Try again.")
}

pub(crate) fn invalid(field: &str, what: &str) -> Problem {
    Problem::new("audit.invalid_event", 422, format!("`{field}` {what}."))
}
