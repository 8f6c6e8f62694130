//! Aliases of tables.

use alluvium_http::Op;
use axum::http::Method;

use super::{BAD_NAME, BUSY, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, both, writes_bucket};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{aliases, paths};
use crate::wire;

pub(super) fn all() -> Routes {
    vec![
        both(
            Method::POST,
            &paths::TABLE_ALIASES,
            writes_bucket,
            aliases::create,
            Op::new("createTableAlias", "tables", "Make an alias: a view of a table that nobody can write to")
                .description(
                    "It is one of the bucket's tables for whoever reads: who may read the bucket reads what the alias shows, and \
                     nothing else of its source. Making it takes the right to read the source's bucket. Only who may read that, \
                     too, is told of what table it is.",
                )
                .body::<wire::AliasCreate>()
                .json::<wire::Table>(201, "The alias")
                .errors(&[
                    NO_PROJECT,
                    NO_BRANCH,
                    NO_BUCKET,
                    NO_TABLE,
                    BAD_NAME,
                    BUSY,
                    "storage.table_exists",
                    "storage.alias_source_refused",
                    "storage.column_not_found",
                    "storage.duplicate_column",
                    "storage.invalid_where_filter",
                    "storage.invalid_where_clause",
                    "storage.invalid_request",
                    "storage.quota_exceeded",
                    "storage.bucket_readonly",
                ])
                .errors(LINKED),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
