//! `DELETE /projects/{project_id}/api-keys/{key_id}`

use alluvium_http::{PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;
use axum::http::StatusCode;

use super::KeyRoutes;
use super::body::project;

pub(super) async fn revoke(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<WithPosition<StatusCode>, ProblemResponse> {
    let (project, key) = (project(&params), params.get("key_id"));
    state.must_exist(&principal, project).await?;
    let position = state.desk.revoke(&principal, project, key).await?;
    Ok(WithPosition(position, StatusCode::NO_CONTENT))
}
