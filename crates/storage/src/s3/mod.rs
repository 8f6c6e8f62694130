//! A part of Amazon's S3, so that its clients reach a project's files: a bucket is a project, a key is a file's.

mod body;
mod bucket;
mod checksum;
mod chunked;
mod copy;
mod counts;
mod credentials;
mod list;
mod multipart;
mod object;
mod presign;
mod problem;
mod read_xml;
mod routes;
mod sigv4;
mod uploads;
mod xml;

use alluvium_http::{DetailRenderer, PathParams, Principal, RouteGroup};
use alluvium_kernel::{Actor, Problem, Token};
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

pub use credentials::S3Pair;
pub use presign::S3Links;
pub(crate) use problem::ERRORS;

use crate::model::names;
use crate::queries::FileReach;
use crate::routes::{StorageRoutes, tenant_text};

/// Beginning of bucket names that clients of the original use.
const BUCKET_PREFIX: &str = "project_";

/// The project that a bucket stands for.
fn project_named(bucket: &str) -> String {
    project_of_bucket(bucket).to_owned()
}

/// The same for who only compares.
pub(crate) fn project_of_bucket(bucket: &str) -> &str {
    bucket.strip_prefix(BUCKET_PREFIX).unwrap_or(bucket)
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
        Self::named(state, principal, params.get("bucket")).await
    }

    /// The bucket of a name that the caller was let in to.
    async fn named(state: &StorageRoutes, principal: &Principal, literal: &str) -> Result<Self, Problem> {
        let tenant = tenant_text(&principal.tenant);
        let mut readings = vec![project_named(literal)];
        if principal.actor == Actor::Admin && readings[0] != literal {
            readings.push(literal.to_owned());
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
        Err(problem::no_such_bucket(literal))
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
        RouteGroup::new("s3 buckets", state.clone(), routes::of_buckets())
            .errors_as(buckets, &[])
            .credentials(credentials.clone()),
        RouteGroup::new("s3 objects", state, routes::of_objects())
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
