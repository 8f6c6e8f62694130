//! What the log still has of earlier times.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.version_expired",
        410,
        "The log no longer has what the table held then",
        "Name a later point, such as `oldest` in the details; purged rows come back only from a backup.",
    ),
    ErrorInfo::new(
        "storage.version_over_budget",
        503,
        "Folding the table up to that point, or comparing it, takes too long or too much room",
        "Ask for one table at a time, or export it as it is now. The same question may succeed when the server is idle.",
    ),
    ErrorInfo::new(
        "storage.invalid_version_range",
        400,
        "The range of versions ends before it begins",
        "`from_version` is the earlier of the two; without `to_version` the range ends now.",
    ),
    ErrorInfo::new(
        "storage.checkpoint_lost",
        503,
        "A table cannot be folded again: its rows are purged, and no checkpoint of it can be used",
        "Put the named blob back into the blob directory, from a backup; then `alluvium projections retry tables KEY`.",
    ),
    ErrorInfo::new(
        "storage.rows_lost",
        409,
        "Messages are missing on the log that no recorded purge took",
        "Compare with a backup (`alluvium log verify`); `alluvium projections rebuild tables` accepts the log as it is.",
    ),
    ErrorInfo::new(
        "storage.purge_without_checkpoint",
        409,
        "Rows are purged up to a checkpoint only",
        "Run `alluvium retention run`, which makes one first.",
    ),
];
