//! Letting a dev branch show the main line's table again.

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;

use super::state::StorageRoutes;
use crate::contract::{Command, ProjectCommand, PullTable};
use crate::wire::PulledTable;

pub(super) async fn pull(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<WithPosition<Json<PulledTable>>, ProblemResponse> {
    let place = state.place(&principal, &params).await?;
    let (bucket, table) = (place.bucket.clone(), place.table.clone());
    let pull = PullTable { project: place.project, branch: place.branch, bucket: place.bucket, table: place.table };
    let accepted = state.write(&principal, Command::Project(ProjectCommand::from(pull))).await?;
    let was_local = accepted.result["was_local"] == true;
    Ok(WithPosition(accepted.position, Json(PulledTable::of(bucket, table, was_local))))
}
