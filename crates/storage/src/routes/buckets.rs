//! Buckets.

use alluvium_http::{BodyBytes, Concerns, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::past;
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, CreateBucket, DeleteBucket, ProjectCommand};
use crate::model::{names, problem};
use crate::wire::{self, Bucket, BucketCreate, Buckets};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Bucket>)>> {
    let BucketCreate { name, description } = BucketCreate::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    // It would be the project's, and not be seen here.
    if state.queries.is_pinned(&tenant_text(&place.tenant), &place.project, &place.branch).await? {
        return Err(problem::branch_pinned("Creating a bucket", &place.branch).into());
    }
    let (project, bucket) = (place.project, names::bucket_name(&name));
    concerns.are([("bucket_name", bucket.clone())]);
    let create = CreateBucket { project: project.clone(), bucket: bucket.clone(), description };
    let accepted = state.write(&principal, command(create)).await?;
    let bucket = state.queries.bucket(&tenant_text(&place.tenant), &project, &bucket).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(bucket.into()))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let page = wire::page(query.as_deref())?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let reach = state.readable(&principal, &place.project).await?;
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        return Ok(past::buckets(&state, &place, &reach, seq, page).await?.into_response());
    }
    let tenant = tenant_text(&place.tenant);
    let listed = state.queries.shown_buckets(&tenant, &place.project, &place.branch, &reach, page).await?;
    let buckets = listed.items.into_iter().map(Bucket::from).collect();
    Ok(Json(Buckets { buckets, total: listed.total }).into_response())
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    if let Some(seq) = past::wanted(&state, query.as_deref()).await? {
        return Ok(past::bucket(&state, &place, seq).await?.into_response());
    }
    let tenant = tenant_text(&place.tenant);
    let bucket = state.queries.shown_bucket(&tenant, &place.project, &place.branch, &place.bucket).await?;
    Ok(Json(Bucket::from(bucket)).into_response())
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    RawQuery(query): RawQuery,
) -> Answer<WithPosition<StatusCode>> {
    let mut query = wire::Query::of(query.as_deref());
    let cascade = query.flag("cascade", true);
    let force = query.flag("force", false);
    query.finish()?;
    let place = state.place(&principal, &params).await?;
    if place.branch != names::MAIN_BRANCH {
        return Err(problem::operation_not_allowed("Deleting a bucket", &place.branch).into());
    }
    let delete = DeleteBucket { project: place.project, bucket: place.bucket, cascade, force };
    let accepted = state.write(&principal, command(delete)).await?;
    let accepted = state.backed_up(&principal, accepted).await;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
