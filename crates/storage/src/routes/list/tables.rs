//! Tables.

use alluvium_http::Op;
use axum::http::Method;

use super::{
    BAD_NAME, HAS_ALIASES, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, READ_ONLY, Routes, both, past,
    reads_bucket, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, tables};
use crate::wire;

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "tables", what);
    vec![
        both(
            Method::POST,
            &paths::TABLES,
            writes_bucket,
            tables::create,
            op("createTable", "Create a table")
                .body::<wire::TableCreate>()
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
                    "storage.quota_exceeded",
                ]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::TABLES,
            reads_bucket,
            tables::list,
            past(
                op("listTables", "List a bucket's tables by name")
                    .query::<wire::PageQuery>()
                    .json::<wire::Tables>(200, "One page of tables")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET])
                    .errors(LINKED),
            ),
        ),
        both(
            Method::GET,
            &paths::TABLE,
            reads_bucket,
            tables::get,
            past(
                op("getTable", "Show a table")
                    .json::<wire::Table>(200, "The table")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE])
                    .errors(LINKED),
            ),
        ),
        both(
            Method::GET,
            &paths::SCHEMA,
            reads_bucket,
            tables::schema,
            op("getTableSchema", "The Avro schema that rows of the table are published with")
                .json::<serde_json::Value>(200, "An Avro record schema")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE])
                .errors(LINKED),
        ),
        both(
            Method::DELETE,
            &paths::TABLE,
            writes_bucket,
            tables::drop,
            op("dropTable", "Drop a table, or an alias")
                .empty(204, "Gone")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, HAS_ALIASES, "storage.quota_exceeded"])
                .errors(READ_ONLY),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
