//! Letting a dev branch show the main line's table again: as it is, or, where the branch is pinned, as it was when that was made.

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;

use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, ProjectCommand, PullTable};
use crate::wire::PulledTable;

pub(super) async fn pull(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<WithPosition<Json<PulledTable>>, ProblemResponse> {
    let place = state.place(&principal, &params).await?;
    let (bucket, table) = (place.bucket.clone(), place.table.clone());
    let is_pinned = state.queries.is_pinned(&tenant_text(&place.tenant), &place.project, &place.branch).await?;
    let pull = PullTable {
        project: place.project,
        branch: place.branch,
        bucket: place.bucket,
        table: place.table,
        position: 0,
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    let accepted = state.write(&principal, Command::Project(ProjectCommand::from(pull))).await?;
    if is_pinned {
        return Ok(WithPosition(accepted.position, Json(PulledTable::pinned(bucket, table))));
    }
    let was_local = accepted.result["was_local"] == true;
    Ok(WithPosition(accepted.position, Json(PulledTable::of(bucket, table, was_local))))
}
