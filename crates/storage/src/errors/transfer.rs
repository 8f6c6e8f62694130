//! Loads and exports.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new("storage.invalid_format", 400, "Not a format for files", "Use csv or parquet."),
    ErrorInfo::new(
        "storage.invalid_compression",
        400,
        "The format is not compressed that way",
        "The details list what there is.",
    ),
    ErrorInfo::new(
        "storage.invalid_csv_options",
        400,
        "The CSV options do not fit together",
        "The detail names the option and what it may be.",
    ),
    ErrorInfo::new(
        "storage.invalid_dedup_mode",
        400,
        "Not a way to treat duplicates",
        "Use update_duplicates, insert_duplicates or fail_on_duplicates.",
    ),
    ErrorInfo::new(
        "storage.import_failed",
        400,
        "The file could not be loaded",
        "The details name line and column, or as `reason` what the engine failed on; nothing was changed.",
    ),
    ErrorInfo::new(
        "storage.change_failed",
        400,
        "The table engine failed on the change, on every try",
        "The detail says what may help; nothing was changed.",
    ),
];
