//! Columns, keys and rows of tables.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.snapshots_disabled",
        400,
        "The settings of the table, its bucket or its project disable snapshots",
        "`GET …/settings/snapshots` shows which level says so; set `enabled` to true there or nearer to the table.",
    ),
    ErrorInfo::new(
        "storage.invalid_config",
        400,
        "Settings that cannot be",
        "`details.errors` names each; days are whole numbers from 1 to 3650.",
    ),
    ErrorInfo::new(
        "storage.table_is_alias",
        409,
        "The name stands for an alias: it shows a table, and has nothing else of one",
        "Ask for this of the table that it shows; its rows are read like those of any table.",
    ),
    ErrorInfo::new(
        "storage.table_has_aliases",
        409,
        "Aliases show the table",
        "Drop them first: `is_alias` and `alias_of` in the lists of tables say which they are.",
    ),
    ErrorInfo::new(
        "storage.column_has_aliases",
        409,
        "Aliases of the table name the column, among those they show or in their filter",
        "Drop them first, and make them again without it.",
    ),
    ErrorInfo::new(
        "storage.alias_source_refused",
        409,
        "What is named as a source is an alias itself, or a table of another project",
        "Name a table of the project's own; an alias of an alias is one of its source with both filters.",
    ),
    ErrorInfo::new(
        "storage.alias_outdated",
        409,
        "The source has lost a column that the filter of the alias is on, or all that it shows",
        "Drop the alias and make it again for the columns that its source has now.",
    ),
    ErrorInfo::new(
        "storage.column_not_found",
        404,
        "No such column in the table",
        "Show the table for its columns; names are compared without case.",
    ),
    ErrorInfo::new(
        "storage.column_exists",
        409,
        "A column of that name exists in the table",
        "Choose another name; names are compared without case.",
    ),
    ErrorInfo::new(
        "storage.merge_conflict",
        409,
        "The main line's table has changed since the branch took it",
        "Pull the table and do the branch's changes again, or merge with the strategy `branch` or `main`.",
    ),
    ErrorInfo::new("storage.primary_key_exists", 409, "The table has a primary key already", "Drop the key first."),
    ErrorInfo::new(
        "storage.duplicate_key",
        409,
        "Two rows share a primary key",
        "The details show some of the keys; make them unique, or load with `update_duplicates`.",
    ),
    ErrorInfo::new(
        "storage.invalid_primary_key",
        400,
        "The primary key names unknown or repeated columns",
        "Name each column of the key once, as the table has it.",
    ),
    ErrorInfo::new(
        "storage.invalid_column_type",
        400,
        "Not a column type",
        "Use a type of DuckDB, such as BIGINT, VARCHAR, DECIMAL(10,2), TIMESTAMP or INTEGER[].",
    ),
    ErrorInfo::new(
        "storage.invalid_default",
        400,
        "Not a default",
        "A default is a literal, a cast of one, now(), current_date or uuid().",
    ),
    ErrorInfo::new(
        "storage.duplicate_column",
        400,
        "A column is named twice",
        "Names are compared without case; name each column once.",
    ),
    ErrorInfo::new(
        "storage.too_many_columns",
        400,
        "More columns than a table may have",
        "Split the table, or keep rare values in a JSON column.",
    ),
    ErrorInfo::new(
        "storage.cannot_drop_last_column",
        400,
        "The column is the table's last one",
        "Drop the table instead.",
    ),
    ErrorInfo::new(
        "storage.column_in_primary_key",
        400,
        "The column is part of the primary key",
        "Drop the key first.",
    ),
    ErrorInfo::new(
        "storage.no_changes_specified",
        400,
        "Nothing to change was named",
        "Send at least one of new_name, new_type, set_not_null and set_default.",
    ),
    ErrorInfo::new("storage.no_primary_key", 400, "The table has no primary key", "There is nothing to drop."),
    ErrorInfo::new(
        "storage.default_required",
        400,
        "Rows that are there need a value for the new column",
        "Give a default, or allow NULL.",
    ),
    ErrorInfo::new(
        "storage.add_column_failed",
        500,
        "A column without NULL needs backfill",
        "Send `backfill: true` with a default.",
    ),
    ErrorInfo::new("storage.null_values_present", 400, "The column holds NULL", "Delete or fill those rows first."),
    ErrorInfo::new(
        "storage.invalid_cast",
        400,
        "Stored values cannot become the new type",
        "The detail shows one; change those rows first.",
    ),
    ErrorInfo::new(
        "storage.rows_schema_mismatch",
        400,
        "The rows do not fit the table",
        "Publish rows with the schema that `GET …/schema` shows.",
    ),
    ErrorInfo::new(
        "storage.rows_unknown_table",
        404,
        "Rows were published for a table that is not there",
        "Create the table first; the message is on dlq. with its origin.",
    ),
];
