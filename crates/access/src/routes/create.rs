//! `POST /projects/{project_id}/api-keys`

use alluvium_http::{BodyBytes, Concerns, Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::KeyRoutes;
use super::body::{ApiKeyCreate, ApiKeyCreated, project};
use crate::desk::NewKey;
use crate::error;

pub(super) async fn create(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    BodyBytes(bytes): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let asked = ApiKeyCreate::parse(&bytes)?;
    state.must_exist(&principal, project(&params)).await?;
    let scope = asked.scope(|bucket| state.projects.bucket_name(bucket))?;
    if let Some(branch) = scope.branch()
        && !state.projects.has_branch(&principal.tenant, project(&params), branch).await?
    {
        return Err(error::branch_not_found(branch).into());
    }
    let now = principal.seed.at().micros();
    let expires_at = asked.lifetime_micros()?.map(|lifetime| Timestamp::from_micros(now.saturating_add(lifetime)));
    let key = NewKey { scope, rights: asked.rights, description: asked.description, expires_at, person: asked.person };
    let issued = state.desk.issue(&principal, project(&params), key).await?;
    let position = issued.position.clone();
    concerns.are([("key_id", issued.record.id.clone())]);
    Ok(WithPosition(position, (StatusCode::CREATED, Json(ApiKeyCreated::from(issued)))).into_response())
}
