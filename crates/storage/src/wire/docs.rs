//! Shapes that `/openapi.json` shows for what is read by other means: by another crate's types, or word by word.
#![expect(dead_code, reason = "only documents")]

use utoipa::{IntoParams, ToSchema};

/// A condition on one column.
#[derive(ToSchema)]
#[schema(as = StorageWhereFilter)]
pub struct WhereFilterDoc {
    /// A column of the table.
    column: String,
    /// `eq`, `ne`, `gt`, `ge`, `lt` or `le`.
    #[schema(default = "eq", required = false, pattern = "^(eq|ne|gt|ge|lt|le)$")]
    operator: String,
    /// One value; `eq` and `ne` take several, meaning in and not in.
    values: Vec<String>,
    /// Compare as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.
    data_type: Option<String>,
    /// `SCALAR`, or `TIME_STRING` for points in time.
    r#type: Option<String>,
}

/// One key of an order.
#[derive(ToSchema)]
#[schema(as = StorageOrderBy)]
pub struct OrderByDoc {
    /// A column of the table.
    column: String,
    /// `ASC` or `DESC`.
    #[schema(default = "ASC", required = false, pattern = "^(ASC|DESC|asc|desc)$")]
    order: String,
    /// Order as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.
    data_type: Option<String>,
}

/// When rows last changed.
#[derive(ToSchema)]
#[schema(as = StorageChanged)]
pub struct ChangedDoc {
    /// Only rows whose last change was not before this: unix seconds, an ISO 8601 time, or a span before now such as `-2 days`.
    changed_since: Option<String>,
    /// Only rows whose last change was before this.
    changed_until: Option<String>,
}

/// Where rows are: in a table of the project, or in an object of a workspace; one of the two.
#[derive(ToSchema)]
#[schema(as = StorageRowsSource)]
#[expect(clippy::struct_field_names, reason = "the fields are those of the surface")]
pub struct RowsSourceDoc {
    /// A bucket that the path's branch shows, in the same project.
    source_bucket: Option<String>,
    /// A table in it.
    source_table: Option<String>,
    /// A workspace of the path's branch that the caller may change.
    source_workspace: Option<String>,
    /// A table or a view of the workspace, as it is shown among its objects.
    source_object: Option<String>,
}

/// How a CSV file is written.
#[derive(ToSchema)]
#[schema(as = StorageCsvOptions)]
pub struct CsvOptionsDoc {
    /// 1 to 4 bytes; the two characters `\\t` mean tab.
    #[schema(default = ",", required = false)]
    delimiter: String,
    /// One byte or empty.
    #[schema(default = "\"", required = false)]
    quote: String,
    /// One byte or empty; a doubled quote is an escape too.
    #[schema(default = "\\", required = false)]
    escape: String,
    /// Whether the first record holds names.
    #[schema(default = true, required = false)]
    header: bool,
    /// A field equal to it is NULL.
    #[schema(default = "", required = false)]
    null_string: String,
    /// Whether a quoted field can be NULL too.
    #[schema(default = true, required = false)]
    allow_quoted_nulls: bool,
}

/// Which rows to show, for the query part of a URL.
#[derive(IntoParams)]
pub struct PreviewQuery {
    /// How many rows.
    #[param(default = 1000, minimum = 1, maximum = 10_000)]
    limit: Option<i64>,
    /// How many to leave out first.
    #[param(default = 0, minimum = 0)]
    offset: Option<i64>,
    /// Only these columns, in this order: parted by commas, or a JSON list.
    columns: Option<String>,
    /// A boolean expression over the table's columns; excludes `where_filters`.
    where_clause: Option<String>,
    /// Conditions that must all hold, as a JSON list.
    where_filters: Option<String>,
    /// Sort keys, most significant first, as a JSON list.
    order_by: Option<String>,
    /// Only rows whose last change was not before this: unix seconds, an ISO 8601 time, or a span before now such as `-2 days`.
    changed_since: Option<String>,
    /// Only rows whose last change was before this.
    changed_until: Option<String>,
    /// Shows when each row last changed, as the column `_timestamp`.
    #[param(default = false)]
    include_internal_timestamp: Option<bool>,
}

/// How rows are written.
#[derive(IntoParams)]
pub struct FormatQuery {
    /// `json`, or `rfc` for CSV as exports have it.
    #[param(default = "json", pattern = "^(json|rfc)$")]
    format: Option<String>,
}

/// Which part of a list.
#[derive(IntoParams)]
pub struct PageQuery {
    /// How many.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// How many to leave out first.
    #[param(default = 0, minimum = 0)]
    offset: Option<i64>,
}

/// Which projects.
#[derive(IntoParams)]
pub struct ProjectsQuery {
    /// `active` or `deleted`.
    #[param(default = "active", pattern = "^(active|deleted)$")]
    status: Option<String>,
}

/// Which files.
#[derive(IntoParams)]
pub struct FilesQuery {
    /// Also uploads that have content and are open.
    #[param(default = false)]
    include_staged: Option<bool>,
    /// Also files whose time is over.
    #[param(default = false)]
    show_expired: Option<bool>,
    /// Only files that have all these tags: repeated, or with commas.
    tags: Option<String>,
    /// Only files whose name or tags contain this.
    q: Option<String>,
    /// Only files of this run.
    run_id: Option<String>,
    /// Only files that came after this one.
    since_id: Option<String>,
    /// Only files that came before this one.
    max_id: Option<String>,
}

/// What goes with a bucket.
#[derive(IntoParams)]
pub struct BucketDeleteQuery {
    /// Its tables go too; else a bucket that has some stays.
    #[param(default = true)]
    cascade: Option<bool>,
    /// It goes although other projects link it.
    #[param(default = false)]
    force: Option<bool>,
}
