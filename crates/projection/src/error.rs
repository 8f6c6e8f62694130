//! What can go wrong around a projection, and the public codes.

use alluvium_kernel::{ErrorInfo, Problem};

/// The codes this crate answers with.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "projection.lagging",
        503,
        "A read model is behind what the request asks for",
        "Try again after `Retry-After`; `details.reached` says how far it is. The health page shows lag and its cause.",
    ),
    ErrorInfo::new("projection.unknown", 404, "No such projection", "The health page lists the projections."),
    ErrorInfo::new(
        "projection.quarantined",
        503,
        "The stream is not the one this projection was folded from",
        "The stream was truncated or made anew. Find out why, then rebuild the projection from what the stream holds now.",
    ),
    ErrorInfo::new(
        "projection.busy",
        409,
        "A rebuild or check of this projection is running",
        "Wait for it to end; its progress is on the health page.",
    ),
    ErrorInfo::new(
        "projection.differs",
        409,
        "The rebuilt contents differ from the live ones",
        "`details` names the first difference. Rebuild again accepting differences if a correction of the fold explains it.",
    ),
    ErrorInfo::new(
        "projection.not_parked",
        404,
        "Nothing is parked under this key",
        "The health page counts parked keys; list them to find the right one.",
    ),
    ErrorInfo::new(
        "projection.not_first",
        409,
        "This event is not the first parked one of its key",
        "List what is parked: only the first event of a key can be given up.",
    ),
    ErrorInfo::new(
        "projection.still_poison",
        409,
        "The parked event still cannot be applied",
        "The reason is in the detail. Correct the cause and retry, or skip the event.",
    ),
    ErrorInfo::new(
        "projection.generation_in_use",
        409,
        "This generation is the one being read",
        "Only a generation that is not active can be dropped.",
    ),
    ErrorInfo::new(
        "projection.unknown_generation",
        404,
        "No such generation",
        "`alluvium projections generations` lists them.",
    ),
    ErrorInfo::new(
        "projection.nothing_kept",
        409,
        "There is no generation to go back to",
        "The one before the last rebuild was dropped, or nothing was ever rebuilt. Rebuild instead.",
    ),
    ErrorInfo::new(
        "projection.cannot_go_back",
        409,
        "The kept generation cannot be brought up to date",
        "The detail says why: the stream is not the one it was folded from, or what it needs was purged. Rebuild instead.",
    ),
    ErrorInfo::new(
        "projection.history_over_budget",
        503,
        "Folding the read model up to that point takes too long",
        "The log before the point is too long for an interactive answer. Ask for one aggregate's state, or for a table's rows.",
    ),
    ErrorInfo::new(
        "projection.unavailable",
        503,
        "Postgres or the log does not answer",
        "Try again; the projection catches up alone when they are back.",
    ),
    ErrorInfo::new(
        "projection.apply_rejected",
        409,
        "The database refuses the rows of an event",
        "The reason is the database's; the event's key is parked.",
    ),
];

/// Why running a projection stopped; everything but [`Error::Quarantine`] is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres does not answer, or refuses.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// A generation's tables cannot be made.
    #[error("the tables cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The log does not answer.
    #[error("the log: {0}")]
    Log(#[from] alluvium_messaging::Error),
    /// The stream is not the one read so far.
    #[error("quarantined: {0}")]
    Quarantine(String),
    /// Somebody else moved the watermark: only one runner may.
    #[error("another runner moved the watermark of generation {generation} away from {from}")]
    Overtaken {
        /// The generation.
        generation: i32,
        /// Where this runner thought it was.
        from: u64,
    },
    /// What is asked cannot be done now; the problem says why.
    #[error(transparent)]
    Refused(#[from] Problem),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problem) => problem,
            Error::Quarantine(reason) => Self::new("projection.quarantined", 503, reason),
            error => {
                tracing::warn!(error = %error, "a projection could not be worked on");
                Self::unavailable(
                    "projection.unavailable",
                    "Postgres or the log does not answer; nothing was changed. Try again.",
                )
            }
        }
    }
}
