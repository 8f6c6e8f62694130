//! Loads and exports.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BUSY, CONDITIONS, FULL, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, STAMP_TAKEN, both,
    reads_bucket, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{import_table, paths, transfer};
use crate::wire;

/// What any load may be answered with.
const LOADS: &[&str] = &[
    "storage.bucket_readonly",
    "storage.invalid_dedup_mode",
    "storage.invalid_request",
    "storage.column_not_found",
    "storage.import_failed",
    "storage.duplicate_key",
    FULL,
    BUSY,
];

pub(super) fn all() -> Routes {
    let op =
        |id, what| Op::new(id, "transfer", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]).errors(LINKED);
    vec![
        both(
            Method::POST,
            &paths::IMPORT,
            writes_bucket,
            transfer::import,
            op("importFile", "Load a file into a table, atomically")
                .body::<wire::ImportBody>()
                .json::<wire::Imported>(200, "What the load did")
                .errors(&[
                    "storage.file_not_found",
                    "storage.file_content_not_found",
                    "storage.invalid_format",
                    "storage.invalid_csv_options",
                ])
                .errors(LOADS),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::IMPORT_TABLE,
            writes_bucket,
            import_table::import,
            op("importTable", "Load rows of another table of the project into a table, atomically")
                .body::<wire::TableImportBody>()
                .json::<wire::Imported>(200, "What the load did")
                .errors(CONDITIONS)
                .errors(LOADS),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::EXPORT,
            reads_bucket,
            transfer::export,
            op("exportTable", "Write a table to a file of the project")
                .body::<wire::ExportBody>()
                .json::<wire::Exported>(200, "The file")
                .errors(&["storage.invalid_format", "storage.invalid_compression", STAMP_TAKEN])
                .errors(CONDITIONS),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
