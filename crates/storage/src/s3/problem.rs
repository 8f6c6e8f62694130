//! What is refused here, and how answers say it: AWS's codes in XML, or in JSON where clients expect that.

use alluvium_http::{DetailRenderer, Documented, ErrorBody, ErrorContext, ErrorRenderer};
use alluvium_kernel::{ErrorInfo, Problem, Requirement};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::xml::Xml;

const NO_SUCH_BUCKET: &str = "storage.no_such_bucket";

/// The codes of this surface.
pub(crate) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.signature_mismatch",
        403,
        "The signature is wrong, too old, or of an unknown access key",
        "Check access key, secret and clock; sign the path as it is sent.",
    ),
    ErrorInfo::new(
        "storage.no_such_bucket",
        404,
        "No project stands behind this bucket",
        "Name the bucket after a project: `project_<id>`.",
    ),
    ErrorInfo::new("storage.no_such_key", 404, "The bucket has no object of this key", "List the bucket."),
    ErrorInfo::new(
        "storage.no_such_upload",
        404,
        "No such upload in parts is open",
        "Begin one; it ends when it is completed, aborted, or 7 days old.",
    ),
    ErrorInfo::new(
        "storage.invalid_part",
        400,
        "A part is not there, or is not the one that its ETag names",
        "List the parts of the upload, and send the missing one again.",
    ),
    ErrorInfo::new(
        "storage.invalid_part_order",
        400,
        "The parts are not in ascending order of their numbers",
        "Complete the upload with its parts in order, each once.",
    ),
    ErrorInfo::new(
        "storage.part_too_small",
        400,
        "A part that is not the last has less than 5 MiB",
        "Send larger parts.",
    ),
    ErrorInfo::new(
        "storage.malformed_xml",
        400,
        "The body is not the document that this operation takes",
        "See the S3 API for the document; it has 1 to 1,000 objects, or 1 to 10,000 parts.",
    ),
    ErrorInfo::new(
        "storage.bad_digest",
        400,
        "The content is not what its checksum says",
        "Send the object again; it was damaged on the way, or the checksum is of another one.",
    ),
    ErrorInfo::new(
        "storage.invalid_object_request",
        400,
        "A header or the body of a request for an object is not as it must be",
        "The message says which.",
    ),
    ErrorInfo::new(
        "storage.invalid_range",
        416,
        "The object ends before the range begins",
        "Ask for the object's size first.",
    ),
];

pub(super) fn signature() -> Problem {
    let detail =
        "The signature is not the one that this request has with the secret of its access key, or it is not of now.";
    Problem::new("storage.signature_mismatch", 403, detail)
}

/// An unknown key is answered as one of another project is.
pub(super) fn unknown_key() -> Problem {
    Problem::new("http.unknown_credential", 403, "The key is not known here, or it is revoked or expired.")
}

pub(super) fn no_such_bucket(bucket: &str) -> Problem {
    let bucket: String = bucket.chars().take(100).collect();
    Problem::new(NO_SUCH_BUCKET, 404, format!("Bucket {bucket} not found"))
}

pub(super) fn no_such_key() -> Problem {
    Problem::new("storage.no_such_key", 404, "The specified key does not exist.")
}

pub(super) fn malformed_xml() -> Problem {
    Problem::new("storage.malformed_xml", 400, "The body is not the XML document that this operation takes.")
}

pub(super) fn bad_digest(what: &str) -> Problem {
    Problem::new("storage.bad_digest", 400, format!("The {what} you specified did not match what we received."))
}

pub(super) fn invalid(detail: &str) -> Problem {
    Problem::new("storage.invalid_object_request", 400, detail)
}

pub(super) fn invalid_range(size: u64) -> Problem {
    Problem::new("storage.invalid_range", 416, format!("The object has {size} bytes; the range begins behind them."))
}

/// AWS's word for a problem.
pub(super) fn word(problem: &Problem) -> &'static str {
    word_of(&problem.code, problem.status)
}

/// What is said of a problem to people; nothing of what went wrong in here.
pub(super) fn said(problem: &Problem) -> &str {
    if word(problem) == "InternalError" { "An internal error occurred" } else { &problem.detail }
}

fn word_of(code: &str, status: u16) -> &'static str {
    match code {
        "storage.signature_mismatch" => "SignatureDoesNotMatch",
        NO_SUCH_BUCKET => "NoSuchBucket",
        "storage.no_such_key" => "NoSuchKey",
        "storage.no_such_upload" => "NoSuchUpload",
        "storage.invalid_part" => "InvalidPart",
        "storage.invalid_part_order" => "InvalidPartOrder",
        "storage.part_too_small" => "EntityTooSmall",
        "storage.malformed_xml" => "MalformedXML",
        "storage.bad_digest" => "BadDigest",
        "storage.file_too_large" | "http.body_too_large" => "EntityTooLarge",
        "storage.invalid_range" => "InvalidRange",
        "storage.quota_exceeded" => "QuotaExceeded",
        "http.method_not_allowed" => "MethodNotAllowed",
        _ => match status {
            401 | 403 => "AccessDenied",
            400..=499 => "InvalidArgument",
            503 => "ServiceUnavailable",
            _ => "InternalError",
        },
    }
}

/// Renders errors about objects: `{"detail":{"Code","Message"}}` for credentials and missing buckets, XML for the rest.
pub(super) struct ObjectErrors;

/// Renders errors about buckets as the storage surface does, but for missing ones.
pub(super) struct BucketErrors(pub DetailRenderer);

/// Whether clients expect JSON.
fn is_detail(status: u16, code: &str) -> bool {
    code == "NoSuchBucket" || (matches!(status, 401 | 403) && code != "QuotaExceeded")
}

fn detail(problem: &Problem) -> Response {
    let body = json!({ "detail": { "Code": word(problem), "Message": problem.detail } });
    answer(problem.status, "application/json", body.to_string())
}

fn answer(status: u16, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

impl ErrorRenderer for ObjectErrors {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        let code = word(problem);
        if is_detail(problem.status, code) {
            return detail(problem);
        }
        let mut xml = Xml::begin("Error");
        xml.text("Code", code).text("Message", said(problem)).text("Resource", context.path);
        xml.text("RequestId", context.request_id);
        answer(problem.status, "application/xml", xml.end())
    }

    fn documented(&self, error: &ErrorInfo, _: &Requirement) -> Option<Documented> {
        let status = match error.code {
            // Nothing about an object is read as JSON.
            "http.unsupported_media_type" | "http.malformed_body" => return None,
            "http.unknown_credential" => 403,
            _ if error.status == 500 => return None,
            _ => error.status,
        };
        let as_detail = is_detail(status, word_of(error.code, status));
        let (media_type, body) =
            if as_detail { ("application/json", ErrorBody::S3Detail) } else { ("application/xml", ErrorBody::S3Xml) };
        Some(Documented { status, media_type, body })
    }
}

impl ErrorRenderer for BucketErrors {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        if problem.code == NO_SUCH_BUCKET { detail(problem) } else { self.0.render(problem, context) }
    }

    fn documented(&self, error: &ErrorInfo, requirement: &Requirement) -> Option<Documented> {
        if error.code == NO_SUCH_BUCKET {
            return Some(Documented { status: 404, media_type: "application/json", body: ErrorBody::S3Detail });
        }
        self.0.documented(error, requirement)
    }
}
