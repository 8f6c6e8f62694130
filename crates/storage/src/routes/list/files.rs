//! Files and uploads.

use alluvium_http::{Op, Route};

use super::{BAD_NAME, NO_PROJECT, Routes, contributes, sees};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::upload::UPLOAD_BODY_BYTES_MAX;
use crate::routes::{download, files, paths, upload};
use crate::wire;

/// An upload may be slow as long as it moves: ten gigabytes at one megabyte a second.
const UPLOAD_TIMEOUT: std::time::Duration = std::time::Duration::from_hours(3);

const NO_SESSION: &str = "storage.upload_session_not_found";
const NO_FILE: &str = "storage.file_not_found";

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "files", what).errors(&[NO_PROJECT]);
    vec![
        Route::post(
            paths::PREPARE,
            contributes,
            files::prepare,
            op("prepareUpload", "Open an upload")
                .body::<wire::PrepareBody>()
                .json::<wire::Prepared>(200, "Where to send the content")
                .errors(&["storage.file_too_large", BAD_NAME, "storage.invalid_request", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::post(
            paths::UPLOAD,
            contributes,
            upload::upload,
            op("uploadFile", "Send the content of an upload; again replaces it")
                .file_body("file")
                .json::<wire::Uploaded>(200, "What arrived")
                .errors(&[
                    "http.invalid_body",
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
            contributes,
            files::register,
            op("registerFile", "Make an upload a file of the project")
                .body::<wire::RegisterBody>()
                .json::<wire::File>(201, "The file")
                .errors(&[
                    NO_SESSION,
                    "storage.upload_session_mismatch",
                    "storage.upload_session_expired",
                    "storage.file_not_uploaded",
                    "storage.staged_file_not_found",
                    "storage.quota_exceeded",
                    BAD_NAME,
                    "storage.invalid_request",
                ]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::get(
            paths::FILES,
            sees,
            files::list,
            op("listFiles", "List files, newest first; `include_staged` also shows uploads")
                .query::<wire::PageQuery>()
                .query::<wire::FilesQuery>()
                .json::<wire::Files>(200, "One page of files")
                .errors(&[NO_FILE]),
        ),
        Route::get(
            paths::FILE,
            sees,
            files::get,
            op("getFile", "Show a file").json::<wire::File>(200, "The file").errors(&[NO_FILE]),
        ),
        Route::get(
            paths::DOWNLOAD,
            sees,
            download::download,
            op("downloadFile", "The content of a file, whole or a range of it")
                .binary(200, "*/*", "The content, in the media type it was uploaded with")
                .binary(206, "*/*", "The range that was asked for")
                .empty(416, "The range begins behind the content")
                .errors(&[NO_FILE, "storage.file_content_not_found"]),
        ),
        Route::post(
            paths::FILE_TAGS,
            contributes,
            files::tag,
            op("tagFile", "Add tags to a file; one that it has gets the new value")
                .body::<wire::TagBody>()
                .json::<wire::File>(201, "The file")
                .errors(&[NO_FILE, "storage.invalid_request"]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::delete(
            paths::FILE_TAG,
            contributes,
            files::untag,
            op("untagFile", "Take a tag off a file").empty(204, "Gone").errors(&[NO_FILE]),
        )
        .timeout(WRITE_TIMEOUT),
        Route::delete(
            paths::FILE,
            contributes,
            files::delete,
            op("deleteFile", "Delete a file").empty(204, "Gone").errors(&[NO_FILE]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
