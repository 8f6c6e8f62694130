//! The refusals of the model, each said in one place.

use alluvium_kernel::Problem;
use alluvium_tablestore::column::ColumnError;
use serde_json::json;

/// How much of a name from outside an answer repeats, in characters.
const ECHO_CHARS_MAX: usize = 100;

fn storage(code: &str, status: u16, detail: impl Into<String>) -> Problem {
    Problem::new(format!("storage.{code}"), status, detail)
}

fn echo(text: &str) -> String {
    text.chars().take(ECHO_CHARS_MAX).collect()
}

pub(crate) fn invalid_name(what: &str, name: &str) -> Problem {
    let rule = match what {
        "project" | "organization" => {
            "1 to 64 letters, digits, `_`, `.` or `-`, beginning with a letter or digit, without `..`"
        }
        "branch" | "workspace" => "1 to 128 printable characters",
        "file" => "1 to 255 bytes without slashes, backslashes and control characters",
        _ => "1 to 96 letters, digits, `_` or `-`, beginning with a letter or digit",
    };
    let name = echo(name);
    storage("invalid_name", 400, format!("{name:?} cannot name a {what}: that takes {rule}."))
        .with_details(json!({ "name": name }))
}

pub(crate) fn project_not_found(project: &str) -> Problem {
    storage("project_not_found", 404, format!("Project {} not found", echo(project)))
}

pub(crate) fn branch_not_found(branch: &str) -> Problem {
    storage("branch_not_found", 404, format!("Branch {} not found", echo(branch)))
}

pub(crate) fn branch_name_exists(name: &str) -> Problem {
    storage("branch_name_exists", 409, format!("A branch named {} already exists", echo(name)))
}

pub(crate) fn invalid_branch_mode(mode: &str) -> Problem {
    storage("invalid_branch_mode", 400, format!("The mode of a branch is `live` or `pinned`, not {}.", echo(mode)))
}

pub(crate) fn branch_pinned(what: &str, branch: &str) -> Problem {
    storage("branch_pinned", 400, format!("{what} is not allowed through branch {}: it is pinned.", echo(branch)))
}

pub(crate) fn bucket_pinned(bucket: &str, branches: usize) -> Problem {
    let detail = format!("Bucket {} is shown by {branches} pinned branches; delete these first.", echo(bucket));
    storage("bucket_pinned", 409, detail)
}

pub(crate) fn operation_not_allowed(what: &str, branch: &str) -> Problem {
    storage("operation_not_allowed", 400, format!("{what} is not allowed through branch {}.", echo(branch)))
}

pub(crate) fn workspace_not_found(workspace: &str) -> Problem {
    storage("workspace_not_found", 404, format!("Workspace {} not found", echo(workspace)))
}

pub(crate) fn workspace_expired(workspace: &str) -> Problem {
    storage("workspace_expired", 410, format!("Workspace {} has expired", echo(workspace)))
}

pub(crate) fn workspace_exists(workspace: &str) -> Problem {
    storage("workspace_exists", 409, format!("There is a workspace with the id {} already", echo(workspace)))
}

pub(crate) fn credentials_not_found(credentials: &str) -> Problem {
    storage("credentials_not_found", 404, format!("Credentials {} not found", echo(credentials)))
}

pub(crate) fn credentials_full(max: usize) -> Problem {
    storage("quota_exceeded", 403, format!("A workspace has at most {max} further credentials."))
        .with_details(json!({ "limit": max }))
}

pub(crate) fn job_not_found(job: &str) -> Problem {
    storage("job_not_found", 404, format!("Job {} not found", echo(job)))
}

pub(crate) fn job_exists(job: &str) -> Problem {
    storage("job_exists", 409, format!("There is a job with the id {} already", echo(job)))
}

pub(crate) fn object_not_found(object: &str, workspace: &str) -> Problem {
    storage("object_not_found", 404, format!("Object {} not found in workspace {}", echo(object), echo(workspace)))
}

pub(crate) fn bucket_not_found(bucket: &str) -> Problem {
    storage("bucket_not_found", 404, format!("Bucket {} not found", echo(bucket)))
}

pub(crate) fn table_not_found(bucket: &str, table: &str) -> Problem {
    storage("table_not_found", 404, format!("Table {} not found in bucket {}", echo(table), echo(bucket)))
}

pub(crate) fn snapshot_not_found(snapshot: &str) -> Problem {
    storage("snapshot_not_found", 404, format!("Snapshot {} not found", echo(snapshot)))
}

pub(crate) fn snapshots_disabled(bucket: &str, table: &str) -> Problem {
    storage("snapshots_disabled", 400, format!("Snapshots are disabled for table {table} of bucket {bucket}."))
}

pub(crate) fn version_expired(detail: impl Into<String>) -> Problem {
    storage("version_expired", 410, detail)
}

pub(crate) fn invalid_config(errors: &[String]) -> Problem {
    storage("invalid_config", 400, format!("These settings cannot be: {}.", errors.join("; ")))
        .with_details(json!({ "errors": errors }))
}

pub(crate) fn column_not_found(status: u16, column: &str) -> Problem {
    storage("column_not_found", status, format!("Column {} not found", echo(column)))
        .with_details(json!({ "column": echo(column) }))
}

pub(crate) fn project_exists(project: &str) -> Problem {
    storage("project_exists", 409, format!("Project {project} already exists"))
        .with_details(json!({ "status": "active" }))
}

pub(crate) fn bucket_exists(bucket: &str) -> Problem {
    storage("bucket_exists", 409, format!("Bucket {bucket} already exists"))
}

pub(crate) fn table_exists(bucket: &str, table: &str) -> Problem {
    storage("table_exists", 409, format!("Table {table} already exists in bucket {bucket}"))
}

pub(crate) fn table_is_alias(bucket: &str, table: &str) -> Problem {
    let detail = format!(
        "Table {} of bucket {} is an alias: it shows a table and is none itself. Ask for this of its source.",
        echo(table),
        echo(bucket)
    );
    storage("table_is_alias", 409, detail)
}

pub(crate) fn table_has_aliases(bucket: &str, table: &str, aliases: usize) -> Problem {
    let detail =
        format!("Table {} of bucket {} is shown by {aliases} aliases; drop them first", echo(table), echo(bucket));
    storage("table_has_aliases", 409, detail).with_details(json!({ "alias_count": aliases }))
}

pub(crate) fn column_has_aliases(column: &str, aliases: usize) -> Problem {
    let detail = format!("Column {} is named by {aliases} aliases of the table; drop them first", echo(column));
    storage("column_has_aliases", 409, detail).with_details(json!({ "alias_count": aliases }))
}

pub(crate) fn alias_source_refused(bucket: &str, table: &str, why: &str) -> Problem {
    let detail = format!("Table {} of bucket {} {why}, so that no alias can be of it.", echo(table), echo(bucket));
    storage("alias_source_refused", 409, detail)
}

pub(crate) fn column_exists(column: &str) -> Problem {
    storage("column_exists", 409, format!("Column {} already exists", echo(column)))
}

pub(crate) fn bucket_not_empty(bucket: &str, tables: usize) -> Problem {
    storage("bucket_not_empty", 409, format!("Bucket {bucket} holds {tables} tables; delete them first or cascade"))
        .with_details(json!({ "table_count": tables }))
}

pub(crate) fn bucket_already_linked(bucket: &str) -> Problem {
    storage("bucket_already_linked", 409, format!("Bucket {bucket} is a link already"))
}

pub(crate) fn bucket_is_linked(bucket: &str) -> Problem {
    storage("bucket_is_linked", 409, format!("Bucket {bucket} is a link: unlink it instead"))
}

pub(crate) fn bucket_linked(bucket: &str, links: usize) -> Problem {
    storage("bucket_linked", 409, format!("Bucket {bucket} is linked {links} times; delete it with `force` anyway"))
        .with_details(json!({ "link_count": links }))
}

pub(crate) fn bucket_readonly(bucket: &str, table: &str) -> Problem {
    let detail = format!("Table {} in linked bucket {} is read only here", echo(table), echo(bucket));
    storage("bucket_readonly", 403, detail)
}

pub(crate) fn bucket_of_pipeline(bucket: &str) -> Problem {
    storage("bucket_of_pipeline", 409, format!("Bucket {} shows a pipeline and is read only", echo(bucket)))
}

pub(crate) fn pipeline_not_found(pipeline: &str) -> Problem {
    storage("pipeline_not_found", 404, format!("Pipeline {} not found", echo(pipeline)))
}

pub(crate) fn pipeline_elsewhere(pipeline: &str) -> Problem {
    let detail = format!("The files of pipeline {} are not here: another node keeps them.", echo(pipeline));
    storage("source_elsewhere", 409, detail)
}

pub(crate) fn no_steps(bucket: &str, table: &str) -> Problem {
    let detail = format!("Table {} of bucket {} is of no pipeline: it has no steps", echo(table), echo(bucket));
    storage("steps_not_kept", 409, detail)
}

pub(crate) fn only_steps(bucket: &str) -> Problem {
    let detail = format!("Bucket {} shows a pipeline: what it held before is read by `as_of_step`", echo(bucket));
    storage("steps_not_kept", 409, detail)
}

pub(crate) fn step_ahead(step: u64, last: u64) -> Problem {
    storage("invalid_step", 400, format!("The pipeline is at step {last} and has not come to step {step}"))
}

pub(crate) fn bucket_not_shared(project: &str, bucket: &str) -> Problem {
    storage(
        "bucket_not_shared",
        403,
        format!("Bucket {}.{} is not shared with this project", echo(project), echo(bucket)),
    )
}

pub(crate) fn share_revoked(project: &str, bucket: &str) -> Problem {
    let detail = format!("Bucket {}.{} is not shared with this project any more", echo(project), echo(bucket));
    storage("share_revoked", 403, detail)
}

pub(crate) fn source_not_found(project: &str, bucket: &str) -> Problem {
    storage(
        "source_not_found",
        404,
        format!("The linked bucket {}.{} is not there any more", echo(project), echo(bucket)),
    )
}

pub(crate) fn link_not_found(bucket: &str) -> Problem {
    storage("link_not_found", 404, format!("Bucket {} is no link", echo(bucket)))
}

pub(crate) fn not_linked_by(bucket: &str, project: &str) -> Problem {
    storage("link_not_found", 404, format!("Project {} has no link to bucket {}", echo(project), echo(bucket)))
}

pub(crate) fn sharing_by_user() -> Problem {
    let detail = "A bucket is shared with projects: keys stand for these, there are no users to share it with.";
    storage("sharing_by_user", 400, detail)
}

pub(crate) fn no_organization(project: &str) -> Problem {
    storage("no_organization", 400, format!("Project {project} belongs to no organisation."))
}

pub(crate) fn sharing_in_use(bucket: &str, projects: &[&str]) -> Problem {
    let detail =
        format!("Bucket {bucket} is linked by projects that could not link it any more; cut their links first");
    storage("sharing_in_use", 409, detail).with_details(json!({ "projects": projects }))
}

pub(crate) fn organization_by_admin() -> Problem {
    storage("organization_by_admin", 403, "Only the admin puts a project into an organisation, or takes it out of one.")
}

/// Buckets as `bucket`, or as `project.bucket` where they are another project's.
pub(crate) fn organization_in_use(project: &str, buckets: &[String]) -> Problem {
    let detail =
        format!("Project {project} shares buckets with its organisation, or links such that are shared with it");
    storage("organization_in_use", 409, detail).with_details(json!({ "buckets": buckets }))
}

pub(crate) fn already_shared(bucket: &str, project: &str) -> Problem {
    storage("already_shared", 409, format!("Bucket {bucket} is shared with project {project} already"))
}

pub(crate) fn metadata_not_found(id: &str) -> Problem {
    storage("metadata_not_found", 404, format!("There is no metadata {} here", echo(id)))
}

pub(crate) fn metadata_full(what: &str, max: usize) -> Problem {
    storage("quota_exceeded", 403, format!("{what} has at most {max} entries of metadata."))
        .with_details(json!({ "limit": max }))
}

pub(crate) fn quota_exceeded(what: &str, max: usize) -> Problem {
    storage("quota_exceeded", 403, format!("A project has at most {max} {what}.")).with_details(json!({ "limit": max }))
}

pub(crate) fn invalid_request(detail: impl Into<String>) -> Problem {
    storage("invalid_request", 400, detail)
}

pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Problem {
    storage(code, 400, detail)
}

/// The columns' own rules, in the codes of the surface.
pub(crate) fn column(error: &ColumnError) -> Problem {
    storage(error.code, 400, error.message.clone())
}

pub(crate) fn add_column_not_null() -> Problem {
    storage(
        "add_column_failed",
        500,
        "Adding a NOT NULL column is not yet supported without `backfill`: send `backfill: true` with a default.",
    )
}

pub(crate) fn primary_key_exists(columns: &[String]) -> Problem {
    storage("primary_key_exists", 409, format!("The table has a primary key already: {}", columns.join(", ")))
}

pub(crate) fn upload_session_not_found(key: &str) -> Problem {
    storage("upload_session_not_found", 404, format!("Upload session {} not found", echo(key)))
}

pub(crate) fn upload_session_mismatch(key: &str) -> Problem {
    storage("upload_session_mismatch", 403, format!("Upload session {} belongs to another project", echo(key)))
}

pub(crate) fn upload_session_expired(key: &str) -> Problem {
    storage("upload_session_expired", 410, format!("Upload session {} has expired", echo(key)))
}

pub(crate) fn file_not_found(file: &str) -> Problem {
    storage("file_not_found", 404, format!("File {} not found", echo(file)))
}

pub(crate) fn file_content_not_found(file: &str) -> Problem {
    storage("file_content_not_found", 404, format!("The content of file {} is not there", echo(file)))
}

pub(crate) fn slice_elsewhere(url: &str) -> Problem {
    let detail = format!("{:?} names no file of this project, and nothing is fetched from elsewhere.", echo(url));
    storage("slice_elsewhere", 400, detail)
}

pub(crate) fn invalid_format(format: &str) -> Problem {
    let formats = super::table::FORMATS.join(" or ");
    storage("invalid_format", 400, format!("A load reads {formats}, not {:?}.", echo(format)))
}

pub(crate) fn staged_file_not_found(key: &str) -> Problem {
    storage("staged_file_not_found", 404, format!("The content of upload {} is not there: upload it again", echo(key)))
}

pub(crate) fn object_of_others(key: &str) -> Problem {
    storage("object_of_others", 403, format!("The object {} is none of the branch's files.", echo(key)))
}

pub(crate) fn invalid_key(key: &str) -> Problem {
    let rule = "1 to 1024 bytes without control characters and backslashes, whose parts between slashes are not empty, `.` or `..`";
    storage("invalid_key", 400, format!("{:?} cannot be the key of an object: that takes {rule}.", echo(key)))
}

pub(crate) fn no_such_upload(upload: &str) -> Problem {
    let detail =
        format!("The upload {} does not exist; it may have been completed, aborted, or be over.", echo(upload));
    storage("no_such_upload", 404, detail)
}

pub(crate) fn invalid_part(number: i32) -> Problem {
    storage("invalid_part", 400, format!("Part {number} is not there, or is not the one that its ETag names."))
}

pub(crate) fn invalid_part_order() -> Problem {
    storage("invalid_part_order", 400, "The list of parts is not in ascending order of their numbers.".to_owned())
}

pub(crate) fn part_too_small(number: i32, bytes: i64) -> Problem {
    let min = super::limits::MULTIPART_PART_BYTES_MIN;
    let detail = format!("Part {number} has {bytes} bytes; each but the last has at least {min}.");
    storage("part_too_small", 400, detail).with_details(json!({ "limit_bytes": min }))
}

pub(crate) fn file_exists(file: &str) -> Problem {
    storage("file_exists", 409, format!("There is a file or an upload with the id {} already", echo(file)))
}

pub(crate) fn file_too_large(status: u16, bytes: i64) -> Problem {
    let max = super::limits::FILE_BYTES_MAX;
    storage("file_too_large", status, format!("A file has at most {max} bytes, this one {bytes}."))
        .with_details(json!({ "limit_bytes": max }))
}

/// Code of [`table_busy`], by which the executor's side tells "later" from "no".
pub(crate) const TABLE_BUSY: &str = "storage.table_busy";

/// Not a refusal: the command waits on its stream until the table's fold has spoken.
pub(crate) fn merge_conflict(table: &str) -> Problem {
    let detail = format!("Table {} has changed on the main line since the branch took it", echo(table));
    storage("merge_conflict", 409, detail)
}

pub(crate) fn rebase_conflict(table: &str, count: u64, keys: &impl serde::Serialize) -> Problem {
    let detail = format!("{count} rows of table {} have changed on the main line and in the branch", echo(table));
    storage("merge_conflict", 409, detail).with_details(json!({ "rows": count, "keys": keys }))
}

pub(crate) fn rebase_needs_key(table: &str) -> Problem {
    let detail = format!("Table {} has not the same primary key in the branch and on the main line", echo(table));
    storage("rebase_needs_key", 400, detail)
}

pub(crate) fn rebase_columns(table: &str) -> Problem {
    let detail = format!("Table {} has not the same columns in the branch and on the main line", echo(table));
    storage("rebase_columns_differ", 409, detail)
}

pub(crate) fn rebase_outdated(table: &str) -> Problem {
    storage("rebase_outdated", 409, format!("Table {} was changed while it was rebased", echo(table)))
}

pub(crate) fn table_busy(table: &str) -> Problem {
    Problem::unavailable(TABLE_BUSY, format!("Table {table} is still working on an earlier change"))
}
