//! The HTTP surface of the account: of a project, of what is in it, of a key, and of everything.

mod list;
mod live;
mod operation;
mod operations;
mod post;
mod wire;

use std::sync::Arc;

use alluvium_http::{DetailRenderer, Op, PathParams, RequirementFn, Route, RouteGroup};
use alluvium_kernel::{Authorizer, BoxFuture, Problem, Requirement, SigningKey, Token};
use alluvium_projection::Freshness;
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

use crate::ERRORS;
use crate::queries::AuditQueries;

pub use operation::{Operation, OperationStats, Operations};
pub use wire::{Event, EventContext, Events, NewEvent};

/// The largest event that a client may report, in bytes.
const EVENT_BYTES_MAX: usize = 200 * 1024;
/// What the older forms of paths leave out.
const MAIN: &[(&str, &str)] = &[("branch_id", "default")];
const TAG: &str = "events";
const NO_PROJECT: &str = "storage.project_not_found";

/// How the routes learn what there is; the binary answers from the context that has projects.
pub trait Places: Send + Sync + 'static {
    /// Fails unless there is such a project, and in it such a bucket and such a table where they are named.
    fn exist<'a>(
        &'a self,
        tenant: &'a Token,
        project: &'a str,
        branch: Option<&'a str>,
        bucket: Option<&'a str>,
        table: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), Problem>>;

    /// The name of a bucket as it is stored, which clients may write otherwise.
    fn bucket_name(&self, name: &str) -> String;
}

/// What the handlers work with.
#[derive(Clone)]
pub struct AuditRoutes {
    /// Where calls are read.
    pub queries: AuditQueries,
    /// Where reads wait.
    pub freshness: Freshness,
    /// Where events of clients are kept.
    pub js: jetstream::Context,
    /// Whose signature they bear.
    pub key: SigningKey,
    /// What there is.
    pub places: Arc<dyn Places>,
    /// Who may.
    pub authorizer: Arc<dyn Authorizer>,
    /// Whether the installation has an admin key.
    pub admin_configured: bool,
    /// Cancelled when the process is told to stop: live streams end then.
    pub stopping: CancellationToken,
}

/// The routes. `reads_bucket` is what reading a bucket's tables asks for, by the parts `project_id`, `branch_id` and `bucket_name`.
pub fn routes(state: AuditRoutes, reads_bucket: RequirementFn) -> RouteGroup {
    let renderer = DetailRenderer { admin_configured: state.admin_configured };
    let all = all(reads_bucket).into_iter().chain(operations::all()).collect();
    RouteGroup::new("events", state, all).keyed().errors_as(renderer, &[]).error_codes(ERRORS)
}

fn all(reads_bucket: RequirementFn) -> Vec<Route<AuditRoutes>> {
    let list = |id, what| {
        Op::new(id, TAG, what)
            .query::<wire::EventsQuery>()
            .json::<Events>(200, "Events, newest first")
            .errors(&["http.invalid_query", "audit.read_unavailable"])
    };
    let in_branch = [NO_PROJECT, "storage.branch_not_found", "storage.bucket_not_found"];
    vec![
        Route::get(
            "/projects/{project_id}/events",
            |params| Requirement::ProjectAdmin(params.owned("project_id")),
            list::of_project,
            list("listProjectEvents", "List what was changed, refused and denied in a project")
                .description(
                    "With `Accept: text/event-stream` the answer is a live stream by server-sent events, which begins behind \
                     `since_id` or `Last-Event-ID`, else now.",
                )
                .errors(&[NO_PROJECT]),
        ),
        Route::post(
            "/projects/{project_id}/events",
            |params| Requirement::ProjectWrite(params.owned("project_id")),
            post::create,
            Op::new("createEvent", TAG, "Report an event of one's own")
                .body::<NewEvent>()
                .json::<Event>(201, "The event")
                .errors(&[NO_PROJECT, "audit.invalid_event", "audit.write_unavailable"]),
        )
        .body_bytes_max(EVENT_BYTES_MAX),
        Route::get(
            "/projects/{project_id}/branches/{branch_id}/buckets/{bucket_name}/events",
            reads_bucket,
            list::of_bucket,
            list("listBucketEvents", "List what was changed, refused and denied in a bucket").errors(&in_branch),
        )
        .alias("/projects/{project_id}/buckets/{bucket_name}/events", MAIN),
        Route::get(
            "/projects/{project_id}/branches/{branch_id}/buckets/{bucket_name}/tables/{table_name}/events",
            reads_bucket,
            list::of_bucket,
            list("listTableEvents", "List what was changed, refused and denied of a table")
                .errors(&in_branch)
                .errors(&["storage.table_not_found"]),
        )
        .alias("/projects/{project_id}/buckets/{bucket_name}/tables/{table_name}/events", MAIN),
        Route::get(
            "/projects/{project_id}/api-keys/{key_id}/events",
            |params| Requirement::ProjectKey(params.owned("project_id")),
            list::of_key,
            list("listApiKeyEvents", "List what a key did and what was done to it; every key sees its own")
                .errors(&[NO_PROJECT]),
        ),
        Route::get(
            "/audit",
            |_: &PathParams| Requirement::Admin,
            list::of_tenant,
            list("listAudit", "List everything of all projects, and the denials that are of none"),
        ),
    ]
}
