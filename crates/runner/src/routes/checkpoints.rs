//! What a pipeline keeps, set aside: asked for, and looked at.

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query, Route};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use uuid::Uuid;

use super::list::{op, read, write};
use super::state::{DataRoutes, Found};
use crate::checkpoints::{self, Checkpoint, Shelf};

const CHECKPOINT: &str = "/v0/pipelines/{pipeline_name}/checkpoint";
const CHECKPOINT_STATUS: &str = "/v0/pipelines/{pipeline_name}/checkpoint_status";
const CHECKPOINTS: &str = "/v0/pipelines/{pipeline_name}/checkpoints";
const CHECKPOINTS_REMOTE: &str = "/v0/pipelines/{pipeline_name}/checkpoints/remote";
const CHECKPOINT_SYNC: &str = "/v0/pipelines/{pipeline_name}/checkpoint/sync";
const SYNC_STATUS: &str = "/v0/pipelines/{pipeline_name}/checkpoint/sync_status";

/// The routes.
pub(super) fn routes() -> Vec<Route<DataRoutes>> {
    let mismatch = ["pipelines.incarnation_uuid_mismatch", "pipelines.invalid_param"];
    vec![
        Route::post(
            CHECKPOINT,
            write,
            take,
            op("checkpointPipeline", "Set aside what a pipeline keeps")
                .json::<Value>(200, "The number of the checkpoint; its status says when it is there"),
        ),
        Route::get(
            CHECKPOINT_STATUS,
            read,
            status,
            op("getCheckpointStatus", "See whether a checkpoint is there")
                .query::<StatusQuery>()
                .json::<Value>(200, "The last one that is, and the last that failed")
                .errors(&mismatch),
        ),
        Route::get(
            CHECKPOINTS,
            read,
            list,
            op("getPipelineCheckpoints", "List checkpoints").json::<Value>(200, "The checkpoints, oldest first"),
        ),
        Route::get(
            CHECKPOINTS_REMOTE,
            read,
            remote,
            op("getPipelineRemoteCheckpoints", "List checkpoints in the bucket").json::<Value>(200, "None"),
        ),
        Route::post(
            CHECKPOINT_SYNC,
            write,
            sync,
            op("syncCheckpoint", "Copy the last checkpoint into a bucket")
                .json::<Value>(202, "The checkpoint that is copied")
                .errors(&["pipelines.not_supported"]),
        ),
        Route::get(
            SYNC_STATUS,
            read,
            sync_status,
            op("getCheckpointSyncStatus", "See whether a checkpoint was copied")
                .query::<StatusQuery>()
                .json::<Value>(200, "The last one that was, and the last that failed")
                .errors(&mismatch),
        ),
    ]
}

/// What is asked about.
#[derive(Deserialize, IntoParams)]
pub(super) struct StatusQuery {
    /// What the request for the checkpoint was answered with.
    incarnation_uuid: Option<String>,
}

impl StatusQuery {
    /// Refuses to answer for a deployment that is over.
    fn check(&self, found: &Found) -> Result<(), Problem> {
        let Some(text) = &self.incarnation_uuid else { return Ok(()) };
        let asked = Uuid::parse_str(text)
            .map_err(|_| Problem::new("pipelines.invalid_param", 400, "`incarnation_uuid` is a UUID."))?;
        if asked == found.deployment.checkpoints.incarnation {
            return Ok(());
        }
        let detail = "The pipeline began anew since; what was asked for before may not have been done.";
        Err(Problem::new("pipelines.incarnation_uuid_mismatch", 400, detail))
    }
}

pub(super) async fn take(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let number = checkpoints::ask(&found.deployment);
    let incarnation = found.deployment.checkpoints.incarnation;
    Ok(Json(json!({ "checkpoint_sequence_number": number, "incarnation_uuid": incarnation })).into_response())
}

pub(super) async fn status(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StatusQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    query.check(&found)?;
    Ok(Json(found.deployment.checkpoints.status()).into_response())
}

pub(super) async fn list(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let all = all(&state, &principal, &params).await?.1;
    Ok(Json(all.iter().map(shown).collect::<Vec<Value>>()).into_response())
}

/// Checkpoints are copied nowhere else yet, and this says so.
pub(super) async fn sync(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let (_, all) = all(&state, &principal, &params).await?;
    let detail = if all.is_empty() {
        "There is no checkpoint to copy. Take one first."
    } else {
        "Checkpoints are kept beside the pipeline's files; copying them into a bucket is not offered."
    };
    Err(Problem::new("pipelines.not_supported", 400, detail).into())
}

pub(super) async fn sync_status(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StatusQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    query.check(&found)?;
    Ok(Json(json!({ "success": null, "failure": null, "periodic": null })).into_response())
}

pub(super) async fn remote(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    state.find(&principal, &params).await?;
    Ok(Json(Vec::<Value>::new()).into_response())
}

async fn all(
    state: &DataRoutes,
    principal: &Principal,
    params: &PathParams,
) -> Result<(Found, Vec<Checkpoint>), Problem> {
    let found = state.find(principal, params).await?;
    let (hub, place) = (state.runner.parts.hub.clone(), found.deployment.deployed.place.clone());
    let all = tokio::task::spawn_blocking(move || Shelf { hub: &hub, place: &place }.list()).await;
    let all = all.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::warn!(%error, "checkpoints cannot be read");
        Problem::unavailable("pipelines.pipeline_unavailable", "The checkpoints cannot be read now. Try again.")
    })?;
    Ok((found, all))
}

fn shown(checkpoint: &Checkpoint) -> Value {
    json!({
        "uuid": checkpoint.uuid,
        "identifier": null,
        "fingerprint": checkpoint.manifest.fingerprint(),
        "size": checkpoint.size,
        "steps": checkpoint.step,
        "processed_records": checkpoint.processed_records,
    })
}
