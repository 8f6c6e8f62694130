//! Snapshots: take, list, show, delete, restore.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{BucketReach, Problem};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::state::{Accepted, StorageRoutes, now, tenant_text};
use crate::contract::{Command, DeleteSnapshot, ProjectCommand, RestoreTable, TakeSnapshot};
use crate::model::{names, problem};
use crate::queries::{SnapshotFilter, SnapshotView};
use crate::wire::{
    self, RestoredTo, Snapshot, SnapshotCreate, SnapshotDetail, SnapshotRestore, SnapshotRestored, Snapshots,
};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn take(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Snapshot>)>> {
    let SnapshotCreate { bucket, table, description } = SnapshotCreate::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let (project, branch) = (place.project.clone(), place.branch.clone());
    let take = TakeSnapshot { project, branch, bucket: names::bucket_name(&bucket), table, description, uid: None };
    let accepted = state.write(&principal, command(take)).await?;
    let id = said(&accepted, "snapshot").and_then(Value::as_str).ok_or_else(Problem::internal)?;
    let tenant = tenant_text(&place.tenant);
    let snapshot = state.queries.snapshot(&tenant, &place.project, &place.branch, id, now()).await?;
    let answer = Snapshot::of(&place.project, &snapshot);
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(answer))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Snapshots>> {
    let page = wire::page(query.as_deref())?;
    let query = wire::Query::of(query.as_deref());
    let bucket = query.sought("bucket").map(|bucket| names::bucket_name(&bucket));
    let buckets = state.readable(&principal, params.get("project_id")).await?.names();
    let filter = SnapshotFilter { bucket, table: query.sought("table"), kind: query.sought("type"), buckets };
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let tenant = tenant_text(&place.tenant);
    let listed = state.queries.snapshots(&tenant, &place.project, &place.branch, &filter, now(), page).await?;
    let snapshots = listed.items.iter().map(|view| Snapshot::of(&place.project, view)).collect();
    Ok(Json(Snapshots { snapshots, total: listed.total }))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<SnapshotDetail>> {
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let (tenant, id) = (tenant_text(&place.tenant), params.get("snapshot_id"));
    let snapshot = state.queries.snapshot(&tenant, &place.project, &place.branch, id, now()).await?;
    if !state.readable(&principal, &place.project).await?.has(&snapshot.bucket) {
        return Err(problem::snapshot_not_found(id).into());
    }
    Ok(Json(SnapshotDetail::of(&place.project, snapshot)))
}

/// The bucket that a caller with a right to some buckets says a snapshot is of.
fn stated(reach: &BucketReach, taken: &SnapshotView) -> Result<String, Problem> {
    if reach.has(&taken.bucket) { Ok(taken.bucket.clone()) } else { Err(problem::snapshot_not_found(&taken.id)) }
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let place = state.place(&principal, &params).await?;
    let snapshot = params.owned("snapshot_id");
    let reach = state.readable(&principal, &place.project).await?;
    let bucket = if reach.names().is_some() {
        let tenant = tenant_text(&place.tenant);
        let taken = state.queries.snapshot(&tenant, &place.project, &place.branch, &snapshot, now()).await?;
        Some(stated(&reach, &taken)?)
    } else {
        None
    };
    let delete = DeleteSnapshot { project: place.project, branch: place.branch, snapshot, bucket };
    let accepted = state.write(&principal, command(delete)).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}

pub(super) async fn restore(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<SnapshotRestored>>> {
    let SnapshotRestore { target_bucket, target_table } = SnapshotRestore::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let (tenant, id) = (tenant_text(&place.tenant), params.owned("snapshot_id"));
    let taken = state.queries.snapshot(&tenant, &place.project, &place.branch, &id, now()).await?;
    let reach = state.readable(&principal, &place.project).await?;
    let bucket = if reach.names().is_some() { Some(stated(&reach, &taken)?) } else { None };
    let restored_to = RestoredTo {
        bucket: target_bucket.as_deref().map_or(taken.bucket, names::bucket_name),
        table: target_table.unwrap_or(taken.table),
    };
    let restore = RestoreTable {
        project: place.project,
        branch: place.branch,
        snapshot: id,
        target_bucket: Some(restored_to.bucket.clone()),
        target_table: Some(restored_to.table.clone()),
        position: 0,
        columns: Vec::new(),
        primary_key: Vec::new(),
        bucket,
    };
    let accepted = state.write(&principal, command(restore)).await?;
    let row_count = said(&accepted, "row_count").and_then(Value::as_u64).ok_or_else(Problem::internal)?;
    Ok(WithPosition(accepted.position, Json(SnapshotRestored { restored_to, row_count })))
}

fn said<'a>(accepted: &'a Accepted, name: &str) -> Option<&'a Value> {
    accepted.result.get(name)
}
