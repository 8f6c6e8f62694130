//! `POST /projects/{project_id}/api-keys/{key_id}/rotate`

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::KeyRoutes;
use super::body::{ApiKeyCreated, ApiKeyRotate, project};
use crate::error;
use crate::projection::PROJECTION;

pub(super) async fn rotate(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(bytes): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let asked = ApiKeyRotate::parse(&bytes)?;
    let (project, key) = (project(&params), params.get("key_id"));
    state.must_exist(&principal, project).await?;
    state.desk.freshness().wait(&wanted.position, &[PROJECTION], wanted.budget).await?;
    let found = state.queries.get(&principal.tenant, project, key).await?;
    let key = found.ok_or_else(|| error::key_not_found(project, key))?;
    let issued = state.desk.rotate(&principal, key, asked.grace_seconds).await?;
    let position = issued.position.clone();
    Ok(WithPosition(position, (StatusCode::CREATED, Json(ApiKeyCreated::from(issued)))).into_response())
}
