//! Names: projects, branches, buckets and tables, and what they may be.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.project_not_found",
        404,
        "No such project",
        "Check the id; `GET /projects` lists the projects there are. One spelling finds a project, upper and lower case differ.",
    ),
    ErrorInfo::new(
        "storage.not_found",
        404,
        "No such project",
        "Check the id in the path; `GET /projects` lists the projects there are.",
    ),
    ErrorInfo::new(
        "storage.branch_not_found",
        404,
        "No such branch",
        "`GET /projects/{project_id}/branches` lists the dev branches; `default` is the main line.",
    ),
    ErrorInfo::new(
        "storage.branch_name_exists",
        409,
        "A branch of that name exists",
        "Choose another name; names that differ only in case are the same.",
    ),
    ErrorInfo::new(
        "storage.invalid_branch_mode",
        400,
        "No such mode of a branch",
        "A branch is `live` (it shows the main line as it is at every moment) or `pinned` (as it was when the branch was made).",
    ),
    ErrorInfo::new(
        "storage.branch_pinned",
        400,
        "Not through a pinned branch",
        "It would bring what the main line has become. Do it on the main line, or make another branch.",
    ),
    ErrorInfo::new(
        "storage.bucket_pinned",
        409,
        "Pinned branches show the bucket",
        "Nothing changed. Its tables can be dropped one by one; for the bucket itself, delete the pinned branches first.",
    ),
    ErrorInfo::new(
        "storage.operation_not_allowed",
        400,
        "Not through a dev branch",
        "Do it on the main line: use `default` for the branch.",
    ),
    ErrorInfo::new(
        "storage.snapshot_not_found",
        404,
        "No such snapshot on the branch",
        "List the branch's snapshots; one that was deleted, or whose time is over, is gone.",
    ),
    ErrorInfo::new(
        "storage.bucket_not_found",
        404,
        "No such bucket in the project",
        "List the project's buckets; a Keboola id `in.c-x` is stored as `in_c_x`.",
    ),
    ErrorInfo::new(
        "storage.table_not_found",
        404,
        "No such table in the bucket",
        "List the bucket's tables; a dropped table's name may be free.",
    ),
    ErrorInfo::new(
        "storage.project_exists",
        409,
        "A project of that id exists",
        "Choose another id; ids that differ only in case are the same.",
    ),
    ErrorInfo::new(
        "storage.bucket_exists",
        409,
        "A bucket of that name exists",
        "Choose another name; names that differ only in case are the same.",
    ),
    ErrorInfo::new(
        "storage.table_exists",
        409,
        "A table of that name exists in the bucket",
        "Choose another name, or drop the table first.",
    ),
    ErrorInfo::new(
        "storage.bucket_not_empty",
        409,
        "The bucket holds tables",
        "Drop its tables first, or delete it with `cascade`.",
    ),
    ErrorInfo::new(
        "storage.quota_exceeded",
        403,
        "The project has as many of these as it may have",
        "Delete what is not needed, or use another project.",
    ),
    ErrorInfo::new(
        "storage.metadata_not_found",
        404,
        "No such entry of metadata",
        "List the object's metadata; an entry is found by the path of what it is said of.",
    ),
    ErrorInfo::new(
        "storage.invalid_metadata",
        400,
        "This cannot be said of an object",
        "The detail names the limit: of a key, a value, a provider, or of what one call says.",
    ),
    ErrorInfo::new("storage.invalid_name", 400, "The name is not allowed", "The detail says what names may be."),
    ErrorInfo::new("storage.invalid_request", 400, "The request makes no sense", "The detail says what is wrong."),
];
