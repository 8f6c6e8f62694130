//! Conditions and queries.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.invalid_where_clause",
        400,
        "Not a condition on the table's columns",
        "One boolean expression: no subquery, comment, semicolon or unknown column or function.",
    ),
    ErrorInfo::new(
        "storage.invalid_where_filter",
        400,
        "Not a filter on the table's columns",
        "Name a column of the table and one value; `eq` and `ne` take several.",
    ),
    ErrorInfo::new(
        "storage.timestamp_column_taken",
        400,
        "The table has a column `_timestamp` of its own",
        "Leave out `include_internal_timestamp`, or rename the column.",
    ),
    ErrorInfo::new(
        "storage.change_times_unknown",
        409,
        "Rows were written by an earlier release, which did not note when they changed",
        "Have the tables folded again with `alluvium projections rebuild tables`, or load the table whole; then try again.",
    ),
    ErrorInfo::new(
        "storage.truncate_not_confirmed",
        400,
        "Deleting every row was not confirmed",
        "Send a condition, or `allow_truncate: true` to empty the table.",
    ),
    ErrorInfo::new("storage.query_syntax", 400, "The query cannot be read", "The details name line and column."),
    ErrorInfo::new(
        "storage.query_not_allowed",
        400,
        "The query is not one that may run",
        "One SELECT over the project's tables, named `bucket.table`.",
    ),
    ErrorInfo::new(
        "storage.relation_not_found",
        400,
        "The query names an unknown table",
        "Name tables as `bucket.table`.",
    ),
    ErrorInfo::new(
        "storage.function_not_allowed",
        400,
        "The query calls a function that may not be called",
        "File, settings and system functions are closed to queries.",
    ),
    ErrorInfo::new("storage.query_failed", 400, "The query failed on the data", "The detail says why."),
    ErrorInfo::new(
        "storage.query_timeout",
        400,
        "The query took too long",
        "Ask for less, or give it more time with timeout_seconds.",
    ),
    ErrorInfo::new(
        "storage.result_too_large",
        400,
        "The answer is larger than answers may be",
        "Ask for less, or export the table.",
    ),
];
