//! The routes as data: where, who may, what for.

use alluvium_http::{Op, PathParams, Route};
use alluvium_kernel::Requirement;
use axum::http::Method;

use super::past::AsOf;
use super::paths::{self, Both, MAIN};
use super::query::QUERY_TIMEOUT;
use super::state::{StorageRoutes, WRITE_TIMEOUT};
use super::upload::UPLOAD_BODY_BYTES_MAX;
use super::{buckets, columns, download, files, projects, query, rows, tables, transfer, upload};
use crate::wire;

type Routes = Vec<Route<StorageRoutes>>;

fn admin(_: &PathParams) -> Requirement {
    Requirement::Admin
}

fn administers(params: &PathParams) -> Requirement {
    Requirement::ProjectAdmin(params.owned("project_id"))
}

fn writes(params: &PathParams) -> Requirement {
    Requirement::ProjectWrite(params.owned("project_id"))
}

fn reads(params: &PathParams) -> Requirement {
    Requirement::ProjectRead(params.owned("project_id"))
}

const NO_PROJECT: &str = "storage.project_not_found";
const NO_BRANCH: &str = "storage.branch_not_found";
const NO_BUCKET: &str = "storage.bucket_not_found";
const NO_TABLE: &str = "storage.table_not_found";
const NO_SESSION: &str = "storage.upload_session_not_found";
const NO_FILE: &str = "storage.file_not_found";
const BUSY: &str = "storage.table_busy";
const BAD_NAME: &str = "storage.invalid_name";

/// A read that may also be of an earlier point.
fn past(op: Op) -> Op {
    op.query::<AsOf>().errors(&[
        "platform.invalid_point",
        "platform.point_in_future",
        "storage.version_expired",
        "storage.version_over_budget",
        "projection.history_over_budget",
    ])
}

/// Every route. What reads or waits for table files is placed where the project's tables are kept; the content of files is
/// everywhere.
pub(super) fn all() -> Routes {
    let tables = [of_tables(), of_columns(), of_rows(), of_transfer()].into_iter().flatten().map(Route::placed);
    of_projects().into_iter().chain(of_buckets()).chain(tables).chain(of_files()).collect()
}

/// A route below a branch, also served in its older form.
fn both<H, T>(method: Method, at: &Both, who: alluvium_http::RequirementFn, handler: H, op: Op) -> Route<StorageRoutes>
where
    H: axum::handler::Handler<T, StorageRoutes>,
    T: 'static,
{
    Route::new(method, at.0, who, handler, op).alias(at.1, MAIN)
}

fn of_projects() -> Routes {
    let op = |id, what| Op::new(id, "projects", what);
    vec![
        Route::post(
            paths::PROJECTS,
            admin,
            projects::create,
            op("createProject", "Create a project; the answer holds its first key")
                .body::<wire::ProjectCreate>()
                .json::<wire::ProjectCreated>(201, "The project with its first key, shown this once")
                .errors(&["storage.project_exists", BAD_NAME, "storage.invalid_request"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::get(
            paths::PROJECTS,
            admin,
            projects::list,
            past(
                op("listProjects", "List projects, newest first")
                    .query::<wire::PageQuery>()
                    .json::<wire::Projects>(200, "One page of projects"),
            ),
        ),
        Route::get(
            paths::PROJECT,
            reads,
            projects::get,
            past(
                op("getProject", "Show a project")
                    .json::<wire::Project>(200, "The project")
                    .errors(&["storage.not_found"]),
            ),
        )
        .placed(),
        Route::get(
            paths::STATS,
            reads,
            projects::stats,
            op("getProjectStats", "Count a project's buckets, tables and bytes")
                .json::<wire::ProjectStats>(200, "The counters")
                .errors(&["storage.not_found"]),
        )
        .placed(),
        Route::put(
            paths::PROJECT,
            administers,
            projects::update,
            op("updateProject", "Change a project's name or settings")
                .body::<wire::ProjectUpdate>()
                .json::<wire::Project>(200, "The project")
                .errors(&["storage.not_found", BAD_NAME, "storage.invalid_request"]),
        )
        .placed()
        .timeout(WRITE_TIMEOUT),
        Route::delete(
            paths::PROJECT,
            administers,
            projects::delete,
            op("deleteProject", "Delete a project with all it holds; its id is free again")
                .empty(204, "Gone")
                .errors(&["storage.not_found"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::QUERY,
            reads,
            query::query,
            op("queryProject", "Ask one SELECT over the project's tables, named `bucket.table`")
                .description(
                    "A query that is wrong or fails answers 200 with `status: \"error\"`, `message` and `error`.",
                )
                .body::<wire::QueryBody>()
                .json::<wire::QueryAnswer>(200, "Columns and rows")
                .errors(&[NO_PROJECT, "storage.version_over_budget"]),
        )
        .placed()
        .timeout(QUERY_TIMEOUT),
    ]
}

fn of_buckets() -> Routes {
    let op = |id, what| Op::new(id, "buckets", what);
    vec![
        both(
            Method::POST,
            &paths::BUCKETS,
            administers,
            buckets::create,
            op("createBucket", "Create a bucket")
                .body::<wire::BucketCreate>()
                .json::<wire::Bucket>(201, "The bucket")
                .errors(&[NO_PROJECT, NO_BRANCH, BAD_NAME, "storage.bucket_exists", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::BUCKETS,
            reads,
            buckets::list,
            past(
                op("listBuckets", "List buckets by name")
                    .query::<wire::PageQuery>()
                    .json::<wire::Buckets>(200, "One page of buckets")
                    .errors(&[NO_PROJECT, NO_BRANCH]),
            ),
        ),
        both(
            Method::GET,
            &paths::BUCKET,
            reads,
            buckets::get,
            past(
                op("getBucket", "Show a bucket")
                    .json::<wire::Bucket>(200, "The bucket")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET]),
            ),
        ),
        both(
            Method::DELETE,
            &paths::BUCKET,
            administers,
            buckets::delete,
            op("deleteBucket", "Delete a bucket; its tables go too unless `cascade=false`")
                .empty(204, "Gone")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, "storage.bucket_not_empty"]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

fn of_tables() -> Routes {
    let op = |id, what| Op::new(id, "tables", what);
    vec![
        both(
            Method::POST,
            &paths::TABLES,
            writes,
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
            reads,
            tables::list,
            past(
                op("listTables", "List a bucket's tables by name")
                    .query::<wire::PageQuery>()
                    .json::<wire::Tables>(200, "One page of tables")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET]),
            ),
        ),
        both(
            Method::GET,
            &paths::TABLE,
            reads,
            tables::get,
            past(
                op("getTable", "Show a table")
                    .json::<wire::Table>(200, "The table")
                    .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]),
            ),
        ),
        both(
            Method::GET,
            &paths::SCHEMA,
            reads,
            tables::schema,
            op("getTableSchema", "The Avro schema that rows of the table are published with")
                .json::<serde_json::Value>(200, "An Avro record schema")
                .errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]),
        ),
        both(
            Method::DELETE,
            &paths::TABLE,
            writes,
            tables::drop,
            op("dropTable", "Drop a table").empty(204, "Gone").errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

fn of_columns() -> Routes {
    let op = |id, what| Op::new(id, "columns", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, BUSY]);
    let routes = vec![
        both(
            Method::POST,
            &paths::COLUMNS,
            writes,
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
            writes,
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
            writes,
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
            writes,
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
            writes,
            columns::drop_key,
            op("dropPrimaryKey", "Take a table's primary key away; its columns stay not-null")
                .json::<wire::Table>(200, "The table")
                .errors(&["storage.no_primary_key"]),
        ),
    ];
    routes.into_iter().map(|route| route.timeout(WRITE_TIMEOUT)).collect()
}

fn of_rows() -> Routes {
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
        ),
        both(
            Method::DELETE,
            &paths::ROWS,
            writes,
            rows::delete,
            op("deleteRows", "Delete the rows a condition picks")
                .body::<wire::RowsDelete>()
                .json::<wire::RowsDeleted>(200, "How many")
                .errors(&["storage.invalid_where_clause", BUSY]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

fn of_transfer() -> Routes {
    let op = |id, what| Op::new(id, "transfer", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE]);
    vec![
        both(
            Method::POST,
            &paths::IMPORT,
            writes,
            transfer::import,
            op("importFile", "Load a file into a table, atomically")
                .body::<wire::ImportBody>()
                .json::<wire::Imported>(200, "What the load did")
                .errors(&[
                    "storage.file_not_found",
                    "storage.file_content_not_found",
                    "storage.invalid_format",
                    "storage.invalid_csv_options",
                    "storage.invalid_dedup_mode",
                    "storage.column_not_found",
                    "storage.import_failed",
                    "storage.duplicate_key",
                    BUSY,
                ]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::EXPORT,
            reads,
            transfer::export,
            op("exportTable", "Write a table to a file of the project")
                .body::<wire::ExportBody>()
                .json::<wire::Exported>(200, "The file")
                .errors(&[
                    "storage.invalid_format",
                    "storage.invalid_compression",
                    "storage.invalid_where_clause",
                    "storage.column_not_found",
                ]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

fn of_files() -> Routes {
    let op = |id, what| Op::new(id, "files", what).errors(&[NO_PROJECT]);
    vec![
        Route::post(
            paths::PREPARE,
            writes,
            files::prepare,
            op("prepareUpload", "Open an upload")
                .body::<wire::PrepareBody>()
                .json::<wire::Prepared>(200, "Where to send the content")
                .errors(&["storage.file_too_large", BAD_NAME, "storage.invalid_request"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::UPLOAD,
            writes,
            upload::upload,
            op("uploadFile", "Send the content of an upload; again replaces it")
                .binary_body("multipart/form-data")
                .json::<wire::Uploaded>(200, "What arrived")
                .errors(&[
                    NO_SESSION,
                    "storage.upload_session_mismatch",
                    "storage.upload_session_expired",
                    "storage.file_too_large",
                    "storage.size_mismatch",
                    "storage.checksum_mismatch",
                ]),
        )
        .body_bytes_max(UPLOAD_BODY_BYTES_MAX)
        .timeout(UPLOAD_TIMEOUT),
        Route::post(
            paths::FILES,
            writes,
            files::register,
            op("registerFile", "Make an upload a file of the project")
                .body::<wire::RegisterBody>()
                .json::<wire::File>(201, "The file")
                .errors(&[NO_SESSION, "storage.upload_session_mismatch", "storage.file_not_uploaded"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::get(
            paths::FILES,
            reads,
            files::list,
            op("listFiles", "List files, newest first; `include_staged` also shows uploads")
                .query::<wire::PageQuery>()
                .json::<wire::Files>(200, "One page of files"),
        ),
        Route::get(
            paths::FILE,
            reads,
            files::get,
            op("getFile", "Show a file").json::<wire::File>(200, "The file").errors(&[NO_FILE]),
        ),
        Route::get(
            paths::DOWNLOAD,
            reads,
            download::download,
            op("downloadFile", "The content of a file, whole or a range of it")
                .binary(200, "application/octet-stream", "The content")
                .errors(&[NO_FILE, "storage.file_content_not_found"]),
        ),
        Route::delete(
            paths::FILE,
            writes,
            files::delete,
            op("deleteFile", "Delete a file").empty(204, "Gone").errors(&[NO_FILE]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

/// An upload may be slow as long as it moves: ten gigabytes at one megabyte a second.
const UPLOAD_TIMEOUT: std::time::Duration = std::time::Duration::from_hours(3);
