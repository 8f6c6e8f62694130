//! A part of Amazon's S3, so that its clients reach a project's files: a bucket is a project, a key is a file's.

mod checksum;
mod chunked;
mod counts;
mod credentials;
mod list;
mod object;
mod presign;
mod problem;
mod sigv4;
mod xml;

use std::time::Duration;

use alluvium_http::{DetailRenderer, Op, PathParams, Principal, Route, RouteGroup};
use alluvium_kernel::{Actor, Problem, Requirement, Token};
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method};
use axum::response::Response;

pub use credentials::S3Pair;
pub use presign::S3Links;
pub(crate) use problem::ERRORS;

use crate::model::limits::FILE_BYTES_MAX;
use crate::model::names;
use crate::queries::FileReach;
use crate::routes::{StorageRoutes, WRITE_TIMEOUT, tenant_text};

const BUCKET: &str = "/s3/{bucket}";
const CREDENTIALS: &str = "/projects/{project_id}/s3-credentials";
const PRESIGN: &str = "/s3/{bucket}/presign";
/// The one key that looks like another route.
const NAMED_PRESIGN: &[(&str, &str)] = &[("key", "presign")];
const OBJECT: &str = "/s3/{bucket}/{*key}";
/// Beginning of bucket names that clients of the original use.
const BUCKET_PREFIX: &str = "project_";
/// The largest body: an object, and what chunks add to it.
const BODY_BYTES_MAX: usize = FILE_BYTES_MAX as usize + FILE_BYTES_MAX as usize / 64;
/// An object may be slow as long as it moves: ten gigabytes at one megabyte a second.
const PUT_TIMEOUT: Duration = Duration::from_hours(3);

/// The project that a bucket stands for.
fn project_of(params: &PathParams) -> String {
    let bucket = params.get("bucket");
    bucket.strip_prefix(BUCKET_PREFIX).unwrap_or(bucket).to_owned()
}

fn reads(params: &PathParams) -> Requirement {
    Requirement::ProjectMember(project_of(params))
}

fn writes(params: &PathParams) -> Requirement {
    Requirement::AnyBranchWrite(project_of(params))
}

/// A bucket that is there.
struct Bucket {
    tenant: Token,
    project: String,
    /// Which of its files the caller reaches.
    reach: FileReach,
}

impl Bucket {
    /// The bucket of a path. An admin reaches projects whose id begins like a bucket's name by that very name, too; what anybody
    /// else may was decided for the other reading.
    async fn of(state: &StorageRoutes, principal: &Principal, params: &PathParams) -> Result<Self, Problem> {
        let tenant = tenant_text(&principal.tenant);
        let literal = params.owned("bucket");
        let mut readings = vec![project_of(params)];
        if principal.actor == Actor::Admin && readings[0] != literal {
            readings.push(literal.clone());
        }
        // What cannot be the id of a project is that of none.
        for project in readings.into_iter().filter(|id| names::project_aggregate_id(id).is_ok()) {
            match state.queries.require_project(&tenant, &project).await {
                Ok(()) => {
                    let reach = state.files_of(principal)?;
                    return Ok(Self { tenant: principal.tenant.clone(), project, reach });
                }
                Err(problem) if problem.status == 404 => {}
                Err(problem) => return Err(problem),
            }
        }
        Err(problem::no_such_bucket(&literal))
    }
}

fn xml_response(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// The routes of buckets and of objects, with their own way to read credentials and to say errors.
pub fn s3_routes(state: StorageRoutes, pair: S3Pair, links: S3Links) -> [RouteGroup; 2] {
    let buckets = problem::BucketErrors(DetailRenderer { admin_configured: state.admin_configured });
    let state = S3State { storage: state, links: links.clone() };
    let credentials = credentials::S3Credentials { pair, links };
    [
        RouteGroup::new("s3 buckets", state.clone(), of_buckets())
            .errors_as(buckets, &[])
            .credentials(credentials.clone()),
        RouteGroup::new("s3 objects", state, of_objects())
            .errors_as(problem::ObjectErrors, &["/s3"])
            .credentials(credentials),
    ]
}

/// What the handlers work with.
#[derive(Clone)]
struct S3State {
    storage: StorageRoutes,
    links: S3Links,
}

impl FromRef<S3State> for StorageRoutes {
    fn from_ref(state: &S3State) -> Self {
        state.storage.clone()
    }
}

impl FromRef<S3State> for S3Links {
    fn from_ref(state: &S3State) -> Self {
        state.links.clone()
    }
}

/// An operation on what a bucket holds.
fn op(id: &str, what: &str) -> Op {
    Op::new(id, "s3", what).errors(&["storage.no_such_bucket", "storage.signature_mismatch"])
}

fn of_buckets() -> Vec<Route<S3State>> {
    vec![
        Route::get(
            BUCKET,
            reads,
            list::list,
            op("listObjects", "List a project's objects by key")
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

fn of_objects() -> Vec<Route<S3State>> {
    vec![
        Route::put(
            OBJECT,
            writes,
            object::put,
            op(
                "putObject",
                "Store an object, in place of the one that has the key; or copy one with `x-amz-copy-source`",
            )
            .binary_body("application/octet-stream")
            .empty(200, "Stored; `ETag` is its MD5")
            .errors(&["storage.invalid_key", "storage.no_such_key"])
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
            op("getObject", "The content of an object, whole or a range of it")
                .binary(200, "*/*", "The content, in the media type it was put with")
                .binary(206, "*/*", "The range that was asked for")
                .errors(&["storage.invalid_key", "storage.no_such_key", "storage.invalid_range"]),
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
            op("deleteObject", "Delete an object; fine when there is none")
                .empty(204, "Gone")
                .errors(&["storage.invalid_key", "storage.object_of_others"]),
        )
        .alias(PRESIGN, NAMED_PRESIGN)
        .timeout(WRITE_TIMEOUT),
    ]
}
