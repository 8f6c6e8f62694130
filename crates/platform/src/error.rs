//! The codes of this context.

use alluvium_kernel::{ErrorInfo, Problem};

/// The codes this crate answers with.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "platform.invalid_remedy",
        422,
        "The remedy cannot be understood",
        "Name the key as `alluvium projections parked` lists it, the event's sequence, and a reason.",
    ),
    ErrorInfo::new(
        "platform.remedy_pending",
        409,
        "A remedy for this key is under way",
        "Wait for its outcome; `alluvium events replay 'ev.*.platform.>'` shows who asked for it.",
    ),
    ErrorInfo::new(
        "platform.not_the_operator",
        403,
        "Projections belong to the installation, not to a tenant",
        "Send remedies on the subjects of the tenant `default`.",
    ),
];

pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new("platform.invalid_remedy", 422, detail)
}

pub(crate) fn pending(detail: impl Into<String>) -> Problem {
    Problem::new("platform.remedy_pending", 409, detail)
}
