//! `PUT /projects/{project_id}/api-keys/{key_id}`

use alluvium_http::{BodyBytes, Json, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;

use super::KeyRoutes;
use super::body::{ApiKey, ApiKeyUpdate, project};
use crate::contract::UpdateKey;
use crate::error;

pub(super) async fn update(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(bytes): BodyBytes,
) -> Result<WithPosition<Json<ApiKey>>, ProblemResponse> {
    let (description, may) = ApiKeyUpdate::parse(&bytes)?;
    let (project, key) = (project(&params), params.get("key_id"));
    state.must_exist(&principal, project).await?;
    let may = may.named(|bucket| state.projects.bucket_name(bucket))?;
    let command = UpdateKey {
        project: project.to_owned(),
        key: key.to_owned(),
        description,
        buckets: may.buckets,
        manage_buckets: may.manage_buckets,
        manage_tokens: may.manage_tokens,
        read_all_files: may.read_all_files,
    };
    let position = state.desk.update(&principal, command).await?;
    let found = state.queries.get(&principal.tenant, project, key).await?;
    let key = found.ok_or_else(|| error::key_not_found(project, key))?;
    Ok(WithPosition(position, Json(key.into())))
}
