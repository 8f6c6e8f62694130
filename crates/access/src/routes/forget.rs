//! `POST /forget`

use alluvium_http::{BodyBytes, Json, Op, PathParams, Principal, ProblemResponse, Route, RouteGroup, WithPosition};
use alluvium_kernel::{Problem, Requirement};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyRoutes;
use crate::ERRORS;
use crate::desk::Forget;
use crate::error;

/// Whom to forget: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    /// A person, as keys name them; upper and lower case are the same.
    person: Option<String>,
    /// A project, by its id.
    project: Option<String>,
    /// The tenant that the caller belongs to, by its id.
    tenant: Option<String>,
}

/// Who was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForgetAnswer {
    /// `person`, `project` or `tenant`.
    forgotten: &'static str,
    /// The digest that the log knows the person by, or the id of the project or tenant.
    id: String,
}

/// The route, for admins. Not one of those that are done once by a key of their own: such a request would be kept, and with it
/// whom it names.
pub fn forgetting(state: KeyRoutes) -> RouteGroup {
    let op = Op::new("forget", "forgetting", "Make what is sealed for a person, a project or a tenant unreadable for ever")
        .description(
            "The key is destroyed before this answers. It lies in no backup, so that nothing sealed under it can be read again \
             anywhere. A project that goes on gets a new key for what is sealed later; a person or a tenant never does.",
        )
        .body::<ForgetRequest>()
        .json::<ForgetAnswer>(200, "Forgotten, now or before")
        .errors(&["access.cannot_forget", "http.malformed_body"]);
    RouteGroup::new("forgetting", state, vec![Route::post("/forget", admin, forget, op)]).error_codes(ERRORS)
}

fn admin(_: &PathParams) -> Requirement {
    Requirement::Admin
}

async fn forget(
    State(state): State<KeyRoutes>,
    principal: Principal,
    BodyBytes(bytes): BodyBytes,
) -> Result<WithPosition<Json<ForgetAnswer>>, ProblemResponse> {
    let asked: ForgetRequest = serde_json::from_slice(&bytes).map_err(|cause| {
        let what = if cause.is_data() { "The body does not say whom to forget" } else { "The body is not JSON" };
        // Not the cause itself: it repeats what was sent.
        Problem::new("http.malformed_body", 400, format!("{what}: line {}, column {}.", cause.line(), cause.column()))
    })?;
    let whom = match (asked.person, asked.project, asked.tenant) {
        (Some(name), None, None) => Forget::Person(name),
        (None, Some(project), None) => Forget::Project(project),
        (None, None, Some(tenant)) => Forget::Tenant(tenant),
        _ => return Err(error::cannot_forget("the body names one of `person`, `project` and `tenant`").into()),
    };
    let forgotten = whom.kind();
    let (id, position) = state.desk.forget(&principal, whom).await?;
    Ok(WithPosition(position, Json(ForgetAnswer { forgotten, id })))
}
