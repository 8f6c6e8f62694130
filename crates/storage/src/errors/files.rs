//! Files and uploads.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.file_not_found",
        404,
        "No such file in the project",
        "List the project's files; an upload becomes a file when it is registered.",
    ),
    ErrorInfo::new(
        "storage.file_content_not_found",
        404,
        "The file is known but its content is not there",
        "An operator restores the blob from a backup, or the file is uploaded again.",
    ),
    ErrorInfo::new(
        "storage.upload_session_not_found",
        404,
        "No such upload",
        "Prepare an upload first; a registered upload is a file and takes no content any more.",
    ),
    ErrorInfo::new(
        "storage.object_of_others",
        403,
        "The key of the object is taken by a file that the caller's branch does not reach",
        "Put the object under another key, or use a key of the whole project.",
    ),
    ErrorInfo::new(
        "storage.upload_session_mismatch",
        403,
        "The upload belongs to another project",
        "Use the key of an upload that this project prepared.",
    ),
    ErrorInfo::new(
        "storage.upload_session_expired",
        410,
        "The upload is over",
        "Prepare a new upload; one stays open for 24 hours.",
    ),
    ErrorInfo::new(
        "storage.file_not_uploaded",
        400,
        "The upload has no content yet",
        "Send the content to the upload's URL, then register it.",
    ),
    ErrorInfo::new(
        "storage.staged_file_not_found",
        404,
        "The content of the upload is not there any more",
        "Send the content to the upload's URL again, then register it.",
    ),
    ErrorInfo::new(
        "storage.invalid_key",
        400,
        "No object can have this key",
        "Use 1 to 1024 bytes without control characters and backslashes; no part between slashes is empty, `.` or `..`.",
    ),
    ErrorInfo::new(
        "storage.invalid_manifest",
        400,
        "The content of a sliced file is no manifest, or names what cannot be loaded as one",
        "A manifest is `{\"entries\": [{\"url\": …}]}` with 1 to 1000 entries; the details name the entry that is wrong.",
    ),
    ErrorInfo::new(
        "storage.slice_elsewhere",
        400,
        "A manifest names something that is no file of the project",
        "Upload the slices and name them by id, `/projects/{project}/files/{id}/download` or `s3://{bucket}/{key}`.",
    ),
    ErrorInfo::new("storage.file_exists", 409, "The id is taken by a file or an upload", "Use a new random id."),
    ErrorInfo::new(
        "storage.file_too_large",
        413,
        "The file is larger than 10 GiB",
        "Split it; a table can be loaded from several files one after the other.",
    ),
    ErrorInfo::new(
        "storage.size_mismatch",
        400,
        "The content has not the announced size",
        "Send the file again, or announce no size.",
    ),
    ErrorInfo::new(
        "storage.checksum_mismatch",
        400,
        "The content has not the announced SHA-256",
        "Send the file again; it was damaged on the way or is another one.",
    ),
];
