//! Columns and keys of tables.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BAD_NAME, BUSY, FULL, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, READ_ONLY, Routes, TOO_MUCH, both, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{columns, paths};
use crate::wire;

pub(super) fn all() -> Routes {
    const ALL: [&str; 8] =
        [NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, FULL, BUSY, TOO_MUCH, "storage.column_has_aliases"];
    let op = |id, what| Op::new(id, "columns", what).errors(&ALL).errors(READ_ONLY);
    let routes = vec![
        both(
            Method::POST,
            &paths::COLUMNS,
            writes_bucket,
            columns::add,
            op("addColumn", "Add a column at the end")
                .body::<wire::ColumnAdd>()
                .json::<wire::Table>(201, "The table")
                .errors(&[
                    "storage.column_exists",
                    BAD_NAME,
                    "storage.invalid_column_type",
                    "storage.invalid_default",
                    "storage.default_required",
                    "storage.add_column_failed",
                    "storage.too_many_columns",
                ]),
        ),
        both(
            Method::PUT,
            &paths::COLUMN,
            writes_bucket,
            columns::alter,
            op("alterColumn", "Rename, retype, constrain or redefault a column, as one change")
                .body::<wire::ColumnAlter>()
                .json::<wire::Table>(200, "The table")
                .errors(&[
                    "storage.column_not_found",
                    "storage.column_exists",
                    "storage.no_changes_specified",
                    "storage.invalid_cast",
                    "storage.null_values_present",
                    "storage.duplicate_key",
                ]),
        ),
        both(
            Method::DELETE,
            &paths::COLUMN,
            writes_bucket,
            columns::drop,
            op("dropColumn", "Drop a column").json::<wire::Table>(200, "The table").errors(&[
                "storage.column_not_found",
                "storage.cannot_drop_last_column",
                "storage.column_in_primary_key",
            ]),
        ),
        both(
            Method::POST,
            &paths::PRIMARY_KEY,
            writes_bucket,
            columns::set_key,
            op("setPrimaryKey", "Give a table a primary key")
                .body::<wire::KeySet>()
                .json::<wire::Table>(201, "The table")
                .errors(&[
                    "storage.column_not_found",
                    "storage.primary_key_exists",
                    "storage.duplicate_key",
                    "storage.null_values_present",
                ]),
        ),
        both(
            Method::DELETE,
            &paths::PRIMARY_KEY,
            writes_bucket,
            columns::drop_key,
            op("dropPrimaryKey", "Take a table's primary key away; its columns stay not-null")
                .json::<wire::Table>(200, "The table")
                .errors(&["storage.no_primary_key"]),
        ),
    ];
    routes.into_iter().map(|route| route.timeout(WRITE_TIMEOUT)).collect()
}
