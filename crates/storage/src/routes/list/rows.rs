//! Rows: looking at them, deleting them.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BUSY, CONDITIONS, FULL, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, STAMP_TAKEN, TOO_MUCH, both,
    past, reads_bucket, step, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, profile, rows};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "rows", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]).errors(LINKED);
    vec![
        both(
            Method::GET,
            &paths::PREVIEW,
            reads_bucket,
            rows::preview,
            step(past(
                op("previewTable", "Show rows in a stable order")
                    .query::<wire::PreviewQuery>()
                    .query::<wire::FormatQuery>()
                    .json::<wire::Preview>(200, "Columns and rows")
                    .or_binary(200, "text/csv")
                    .errors(CONDITIONS)
                    .errors(&[STAMP_TAKEN]),
            )),
        ),
        both(
            Method::POST,
            &paths::PREVIEW,
            reads_bucket,
            rows::preview_filtered,
            step(past(
                op("previewTableFiltered", "Show rows that meet conditions, in a chosen order")
                    .query::<wire::FormatQuery>()
                    .body::<wire::PreviewBody>()
                    .json::<wire::Preview>(200, "Columns and rows")
                    .or_binary(200, "text/csv")
                    .errors(CONDITIONS)
                    .errors(&[STAMP_TAKEN]),
            )),
        )
        .asks(),
        both(
            Method::POST,
            &paths::PROFILE,
            reads_bucket,
            profile::profile,
            past(
                op("profileTable", "Show a table in figures")
                    .query::<wire::ProfileQuery>()
                    .json::<wire::Profile>(200, "The figures of the table and of each column"),
            ),
        )
        .timeout(profile::PROFILE_TIMEOUT)
        .asks(),
        both(
            Method::DELETE,
            &paths::ROWS,
            writes_bucket,
            rows::delete,
            op("deleteRows", "Delete the rows a condition picks")
                .body::<wire::RowsDelete>()
                .json::<wire::RowsDeleted>(200, "How many")
                .errors(CONDITIONS)
                .errors(&[
                    "storage.truncate_not_confirmed",
                    "storage.change_times_unknown",
                    FULL,
                    BUSY,
                    TOO_MUCH,
                    "storage.bucket_readonly",
                ]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
