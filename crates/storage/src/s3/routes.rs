//! The routes of buckets and objects, as data. What a client wants of a path, S3 says in the query: such are one route each.

use std::time::Duration;

use alluvium_http::{Op, PathParams, Route};
use alluvium_kernel::Requirement;
use axum::http::Method;
use utoipa::IntoParams;

use super::body::DOCUMENT_BYTES_MAX;
use super::{S3State, bucket, list, multipart, object, presign, project_named};
use crate::model::limits::FILE_BYTES_MAX;
use crate::routes::WRITE_TIMEOUT;

const BUCKETS: &str = "/s3";
/// As clients write it whose endpoint is `/s3`.
const BUCKETS_SLASH: &str = "/s3/";
const BUCKET: &str = "/s3/{bucket}";
const CREDENTIALS: &str = "/projects/{project_id}/s3-credentials";
const PRESIGN: &str = "/s3/{bucket}/presign";
/// The one key that looks like another route.
const NAMED_PRESIGN: &[(&str, &str)] = &[("key", "presign")];
const OBJECT: &str = "/s3/{bucket}/{*key}";
/// The largest body: an object, and what chunks add to it.
const BODY_BYTES_MAX: usize = FILE_BYTES_MAX as usize + FILE_BYTES_MAX as usize / 64;
/// An object may be slow as long as it moves: ten gigabytes at one megabyte a second.
const PUT_TIMEOUT: Duration = Duration::from_hours(3);

fn project_of(params: &PathParams) -> String {
    project_named(params.get("bucket"))
}

fn reads(params: &PathParams) -> Requirement {
    Requirement::ProjectMember(project_of(params))
}

fn writes(params: &PathParams) -> Requirement {
    Requirement::AnyBranchWrite(project_of(params))
}

/// What a request about an object may be about instead.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the handlers read")]
struct UploadQuery {
    /// An upload in parts to the object's key.
    #[param(rename = "uploadId")]
    upload_id: Option<String>,
}

/// What a request that puts an object may be about instead.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the handlers read")]
struct PartQuery {
    /// An upload in parts to the object's key.
    #[param(rename = "uploadId")]
    upload_id: Option<String>,
    /// The part of it that is put.
    #[param(rename = "partNumber", minimum = 1, maximum = 10_000)]
    part_number: Option<i32>,
}

/// Which parts to list.
#[derive(Clone, Debug, IntoParams)]
#[into_params(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only documents what the handlers read")]
struct PartsQuery {
    /// With `uploadId`: parts of one page.
    #[param(default = 1000, minimum = 1, maximum = 1000)]
    max_parts: i64,
    /// With `uploadId`: only parts behind this one.
    #[param(minimum = 0, maximum = 10_000)]
    part_number_marker: Option<i32>,
}

/// What a request begins.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the handlers read")]
struct UploadsQuery {
    /// Begins an upload in parts.
    uploads: Option<String>,
    /// Completes one.
    #[param(rename = "uploadId")]
    upload_id: Option<String>,
}

/// What a request does to the objects of a bucket.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what the handlers read")]
struct DeleteQuery {
    /// Deletes those that the body names.
    delete: String,
}

/// An operation on what a bucket holds.
fn op(id: &str, what: &str) -> Op {
    Op::new(id, "s3", what).errors(&["storage.no_such_bucket", "storage.signature_mismatch"])
}

pub(super) fn of_buckets() -> Vec<Route<S3State>> {
    vec![
        Route::get(
            BUCKETS,
            |_| Requirement::Authenticated,
            bucket::list,
            Op::new("listS3Buckets", "s3", "The buckets that the caller may use: one a project")
                .query::<bucket::BucketsQuery>()
                .binary(200, "application/xml", "One page of buckets")
                .errors(&["storage.signature_mismatch", "storage.invalid_object_request"]),
        )
        .alias(BUCKETS_SLASH, &[]),
        Route::get(
            BUCKET,
            reads,
            list::list,
            op("listObjects", "List a project's objects by key; or its uploads in parts, or say where it is")
                .query::<list::ListQuery>()
                .binary(200, "application/xml", "One page of objects")
                .errors(&["storage.invalid_object_request"]),
        ),
        Route::post(
            PRESIGN,
            reads,
            presign::presign,
            op(
                "presignObject",
                "Sign a link that opens one object for one method; it may what its signer may when it is used",
            )
            .body::<presign::PresignBody>()
            .json::<presign::Presigned>(200, "The link")
            .errors(&["storage.invalid_key", "storage.invalid_object_request"]),
        ),
        Route::post(
            CREDENTIALS,
            |params| Requirement::ProjectAdmin(params.owned("project_id")),
            presign::credentials,
            Op::new(
                "createS3Credentials",
                "s3",
                "Make a pair of S3 credentials of the project; revoke its key to end it",
            )
            .json::<presign::CredentialPair>(201, "The pair, its secret shown this once")
            .errors(&["storage.project_not_found"]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}

pub(super) fn of_objects() -> Vec<Route<S3State>> {
    vec![
        Route::new(
            Method::HEAD,
            BUCKET,
            reads,
            bucket::head,
            op("headBucket", "Whether there is such a bucket").empty(200, "There is"),
        ),
        Route::post(
            BUCKET,
            writes,
            bucket::post,
            op("deleteObjects", "Delete up to 1,000 objects; of each, whether it is gone")
                .query::<DeleteQuery>()
                .binary_body("application/xml")
                .binary(200, "application/xml", "What became of them")
                .errors(&["storage.malformed_xml", "storage.bad_digest", "storage.invalid_object_request"]),
        )
        .body_bytes_max(DOCUMENT_BYTES_MAX)
        .timeout(WRITE_TIMEOUT),
        Route::post(
            OBJECT,
            writes,
            multipart::post,
            op("uploadObjectInParts", "Begin the upload of an object in parts, or make its parts the object")
                .query::<UploadsQuery>()
                .binary_body("application/xml")
                .binary(200, "application/xml", "The upload's id; or what names the object's content")
                .errors(&[
                    "storage.invalid_key",
                    "storage.invalid_object_request",
                    "storage.invalid_request",
                    "storage.malformed_xml",
                    "storage.no_such_upload",
                    "storage.invalid_part",
                    "storage.invalid_part_order",
                    "storage.part_too_small",
                    "storage.file_too_large",
                    "storage.bad_digest",
                    "storage.quota_exceeded",
                    "storage.object_of_others",
                ]),
        )
        .body_bytes_max(DOCUMENT_BYTES_MAX)
        .timeout(PUT_TIMEOUT),
        Route::put(
            OBJECT,
            writes,
            object::put,
            op(
                "putObject",
                "Store an object, in place of the one that has the key, or a part of one; or copy with `x-amz-copy-source`",
            )
            .query::<PartQuery>()
            .binary_body("application/octet-stream")
            .empty(200, "Stored; `ETag` is its MD5")
            .errors(&["storage.invalid_key", "storage.no_such_key", "storage.no_such_upload", "storage.invalid_range"])
            .errors(&[
                "storage.bad_digest",
                "storage.invalid_object_request",
                "storage.file_too_large",
                "storage.quota_exceeded",
                "storage.invalid_request",
                "storage.object_of_others",
            ]),
        )
        .alias(PRESIGN, NAMED_PRESIGN)
        .body_bytes_max(BODY_BYTES_MAX)
        .timeout(PUT_TIMEOUT),
        Route::get(
            OBJECT,
            reads,
            object::get,
            op("getObject", "The content of an object, whole or a range of it; or the parts of an upload to its key")
                .query::<UploadQuery>()
                .query::<PartsQuery>()
                .binary(200, "*/*", "The content, in the media type it was put with")
                .binary(206, "*/*", "The range that was asked for")
                .errors(&["storage.invalid_key", "storage.no_such_key", "storage.invalid_range"])
                .errors(&["storage.no_such_upload", "storage.invalid_object_request"]),
        )
        .alias(PRESIGN, NAMED_PRESIGN),
        Route::new(
            Method::HEAD,
            OBJECT,
            reads,
            object::get,
            op("headObject", "What is known of an object").empty(200, "In the headers").errors(&[
                "storage.invalid_key",
                "storage.no_such_key",
                "storage.invalid_range",
            ]),
        )
        .alias(PRESIGN, NAMED_PRESIGN),
        Route::delete(
            OBJECT,
            writes,
            object::delete,
            op("deleteObject", "Delete an object, fine when there is none; or give up an upload to its key")
                .query::<UploadQuery>()
                .empty(204, "Gone")
                .errors(&["storage.invalid_key", "storage.object_of_others", "storage.no_such_upload"]),
        )
        .alias(PRESIGN, NAMED_PRESIGN)
        .timeout(WRITE_TIMEOUT),
    ]
}
