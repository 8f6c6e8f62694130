//! Rows: looking at them, deleting them.

use alluvium_http::Op;
use axum::http::Method;

use super::{BUSY, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, NOT_ON_BRANCH, Routes, both, past, reads, writes};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, rows};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "rows", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]);
    vec![
        both(
            Method::GET,
            &paths::PREVIEW,
            reads,
            rows::preview,
            past(
                op("previewTable", "Show rows in a stable order; `limit` 1 to 10000, `offset`")
                    .json::<wire::Preview>(200, "Columns and rows"),
            ),
        ),
        both(
            Method::POST,
            &paths::PREVIEW,
            reads,
            rows::preview_filtered,
            past(
                op("previewTableFiltered", "Show rows that meet conditions, in a chosen order")
                    .body::<wire::PreviewBody>()
                    .json::<wire::Preview>(200, "Columns and rows")
                    .errors(&[
                        "storage.invalid_where_clause",
                        "storage.invalid_where_filter",
                        "storage.column_not_found",
                    ]),
            ),
        )
        .asks(),
        both(
            Method::DELETE,
            &paths::ROWS,
            writes,
            rows::delete,
            op("deleteRows", "Delete the rows a condition picks")
                .body::<wire::RowsDelete>()
                .json::<wire::RowsDeleted>(200, "How many")
                .errors(&["storage.invalid_where_clause", NOT_ON_BRANCH, BUSY]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
