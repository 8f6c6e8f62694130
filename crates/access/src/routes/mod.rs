//! The HTTP surface of keys: `/projects/{project_id}/api-keys`, as clients of Keboola's storage on DuckDB know it.

mod body;
mod create;
mod forget;
mod permissions;
mod read;
mod revoke;
mod rotate;
pub(crate) mod tenancy;
#[cfg(test)]
mod tests;
mod update;

use std::sync::Arc;

use alluvium_http::{Afterwards, DetailRenderer, Op, PathParams, Principal, Route, RouteGroup};
use alluvium_kernel::{Actor, BoxFuture, Problem, Requirement, Token};

use crate::ERRORS;
use crate::desk::KeyDesk;
use crate::error;
use crate::queries::KeyQueries;

pub use body::{ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, ApiKeyUpdate, ApiKeys};
pub use forget::{ForgetAnswer, ForgetRequest, forgetting};

/// How the routes learn which projects and branches there are; the binary answers from the context that has projects.
pub trait Projects: Send + Sync + 'static {
    /// Whether there is such a project now.
    fn exists<'a>(&'a self, tenant: &'a Token, project: &'a str) -> BoxFuture<'a, Result<bool, Problem>>;

    /// The name of a bucket as it is stored, which clients may write otherwise.
    fn bucket_name(&self, name: &str) -> Result<String, Problem>;

    /// Whether the project has such a branch now; `default` is none.
    fn has_branch<'a>(
        &'a self,
        tenant: &'a Token,
        project: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<bool, Problem>>;
}

/// What the handlers work with.
#[derive(Clone)]
pub struct KeyRoutes {
    /// Where keys are issued and revoked.
    pub desk: KeyDesk,
    /// Where they are read.
    pub queries: KeyQueries,
    /// Which projects there are.
    pub projects: Arc<dyn Projects>,
}

impl KeyRoutes {
    /// An unknown project answers 404 to the admin; nobody else learns which projects there are.
    async fn must_exist(&self, principal: &Principal, project: &str) -> Result<(), Problem> {
        if self.projects.exists(&principal.tenant, project).await? {
            return Ok(());
        }
        match principal.actor {
            Actor::Admin => Err(error::project_not_found(project)),
            Actor::Key(_) | Actor::Login(_) | Actor::Owner(_) | Actor::Nats(_) | Actor::System(_) => {
                Err(error::access_denied(project))
            }
        }
    }
}

/// The routes, with their shape of errors.
pub fn routes(state: KeyRoutes) -> RouteGroup {
    let renderer = DetailRenderer { admin_configured: state.desk.access().has_admin_key() };
    RouteGroup::new("api-keys", state, list()).keyed().errors_as(renderer, &[]).error_codes(ERRORS)
}

const COLLECTION: &str = "/projects/{project_id}/api-keys";
const ITEM: &str = "/projects/{project_id}/api-keys/{key_id}";
const OWN: &str = "/projects/{project_id}/api-keys/self";
const ROTATE: &str = "/projects/{project_id}/api-keys/{key_id}/rotate";
const TAG: &str = "api-keys";

fn list() -> Vec<Route<KeyRoutes>> {
    vec![
        Route::post(
            COLLECTION,
            of_project,
            create::create,
            Op::new("createApiKey", TAG, "Issue a key of a project")
                .description(
                    "The key is shown in this answer only. Scopes `branch_admin` and `branch_read` make keys that open the \
                     branch in `branch_id` and nothing else; scope `custom` makes one that opens the buckets in \
                     `bucket_permissions` and what else it says; scope `registry` makes one that opens nothing of the project. \
                     What a key may in the schema registry is in `rights`, which only the admin may give. No \
                     key issues one that opens more than itself.",
                )
                .body::<ApiKeyCreate>()
                .json::<ApiKeyCreated>(201, "The key, shown this once")
                .errors(&[
                    "access.project_not_found",
                    "access.branch_not_found",
                    "access.invalid_request",
                    "access.invalid_key",
                    "access.too_many_keys",
                    "platform.forgotten",
                ]),
        ),
        Route::get(
            COLLECTION,
            of_project,
            read::list,
            Op::new("listApiKeys", TAG, "List a project's keys that are not revoked, newest first")
                .query::<read::Page>()
                .json::<ApiKeys>(200, "One page of keys")
                .errors(&["access.project_not_found"]),
        ),
        Route::get(
            OWN,
            |params| Requirement::ProjectKey(params.owned("project_id")),
            read::own,
            Op::new("getOwnApiKey", TAG, "Show the key that this request is sent with, and what it may")
                .json::<ApiKey>(200, "The key")
                .errors(&["access.project_not_found", "access.api_key_not_found"]),
        ),
        Route::put(
            ITEM,
            of_project,
            update::update,
            Op::new("updateApiKey", TAG, "Say otherwise what a key is for, or what a key of scope `custom` may")
                .description("What the body does not name stays as it is.")
                .body::<ApiKeyUpdate>()
                .json::<ApiKey>(200, "The key")
                .errors(&["access.project_not_found", "access.api_key_not_found"])
                .errors(&["access.cannot_update_revoked_key", "access.invalid_request", "access.invalid_key"])
                .errors(&["platform.forgotten"]),
        ),
        Route::get(
            ITEM,
            of_project,
            read::get,
            Op::new("getApiKey", TAG, "Show a key, revoked or not, without its secret")
                .json::<ApiKey>(200, "The key")
                .errors(&["access.project_not_found", "access.api_key_not_found"]),
        ),
        Route::delete(
            ITEM,
            of_project,
            revoke::revoke,
            Op::new("revokeApiKey", TAG, "Revoke a key: it is dead from the next request on")
                .empty(204, "Revoked, now or before")
                .errors(&[
                    "access.project_not_found",
                    "access.api_key_not_found",
                    "access.cannot_revoke_last_admin_key",
                ]),
        )
        .afterwards(Afterwards::EndsKey),
        Route::post(
            ROTATE,
            of_project,
            rotate::rotate,
            Op::new("rotateApiKey", TAG, "Put a new key of the same scope and lifetime in a key's place")
                .description(
                    "The new key is shown in this answer only. The old one is dead at once, or works on for \
                     `grace_seconds`. A key with rights in the schema registry is rotated by the admin only.",
                )
                .optional_body::<ApiKeyRotate>()
                .json::<ApiKeyCreated>(201, "The new key, shown this once")
                .errors(&[
                    "access.project_not_found",
                    "access.api_key_not_found",
                    "access.cannot_rotate_revoked_key",
                    "access.too_many_keys",
                ]),
        )
        .afterwards(Afterwards::EndsKey),
    ]
}

fn of_project(params: &PathParams) -> Requirement {
    Requirement::KeyAdmin(params.owned("project_id"))
}
