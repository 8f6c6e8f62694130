//! Loads and exports.

use alluvium_http::Op;
use axum::http::Method;

use super::workspaces::TAKEN_OUT;
use super::{
    BAD_NAME, BUSY, CONDITIONS, FULL, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, STAMP_TAKEN, STEPS,
    both, reads_bucket, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::workspace_unload::UNLOAD_TIMEOUT;
use crate::routes::{from_file, import_table, paths, transfer};
use crate::wire;

/// What any load may be answered with.
pub(super) const LOADS: &[&str] = &[
    "storage.bucket_readonly",
    "storage.invalid_dedup_mode",
    "storage.invalid_request",
    "storage.column_not_found",
    "storage.import_failed",
    "storage.duplicate_key",
    FULL,
    BUSY,
];

/// What the files of a load may be answered with.
const FILES: &[&str] = &[
    "storage.file_not_found",
    "storage.file_content_not_found",
    "storage.invalid_manifest",
    "storage.slice_elsewhere",
    "storage.invalid_key",
    "storage.invalid_format",
    "storage.invalid_csv_options",
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
                .errors(FILES)
                .errors(LOADS),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::FROM_FILE,
            writes_bucket,
            from_file::create,
            Op::new("createTableFromFile", "tables", "Make a table of a file, with its rows: all of it or nothing")
                .description(
                    "Types are found by looking at all of the file; a column gets one only where every value survives it, so that \
                     `007` or a number of thirty digits stays text.",
                )
                .body::<wire::TableFromFile>()
                .json::<wire::Table>(201, "The table")
                .errors(&[
                    NO_PROJECT,
                    NO_BRANCH,
                    NO_BUCKET,
                    BAD_NAME,
                    "storage.table_exists",
                    "storage.invalid_primary_key",
                    "storage.invalid_column_type",
                    "storage.invalid_default",
                    "storage.duplicate_column",
                    "storage.too_many_columns",
                    "storage.disk_full",
                ])
                .errors(FILES)
                .errors(LOADS),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::IMPORT_TABLE,
            writes_bucket,
            import_table::import,
            op("importTable", "Load rows of another table of the project, or of a workspace, into a table, atomically")
                .description(
                    "`source_workspace` and `source_object` stand in the place of `source_bucket` and `source_table`. The workspace is \
                     one of the path's branch.",
                )
                .body::<wire::TableImportBody>()
                .json::<wire::Imported>(200, "What the load did")
                .errors(&["storage.duplicate_column"])
                .errors(CONDITIONS)
                .errors(TAKEN_OUT)
                .errors(LOADS),
        )
        .timeout(UNLOAD_TIMEOUT),
        both(
            Method::POST,
            &paths::EXPORT,
            reads_bucket,
            transfer::export,
            op("exportTable", "Write a table to a file of the project")
                .body::<wire::ExportBody>()
                .json::<wire::Exported>(200, "The file")
                .errors(&["storage.invalid_format", "storage.invalid_compression", STAMP_TAKEN])
                .errors(CONDITIONS)
                .errors(STEPS),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
