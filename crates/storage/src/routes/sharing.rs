//! Buckets of other projects: share, link, and the note that a bucket is read only.

use alluvium_http::{BodyBytes, Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::counts;
use super::state::{Place, StorageRoutes, tenant_text};
use crate::contract::{
    Command, LinkBucket, LinkPipeline, MarkBucketReadOnly, ProjectCommand, ShareBucket, UnlinkBucket,
    UnmarkBucketReadOnly, UnshareBucket,
};
use crate::model::{names, problem};
use crate::wire::{self, Bucket, BucketLink, BucketReadOnly, BucketShare, BucketShares, PipelineLink};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

/// The bucket in the path: buckets belong to the project, so that what is said of them goes through the main line.
pub(super) async fn place(state: &StorageRoutes, principal: &Principal, params: &PathParams) -> Result<Place, Problem> {
    let place = state.place(principal, params).await?;
    if place.branch == names::MAIN_BRANCH {
        Ok(place)
    } else {
        Err(problem::operation_not_allowed("Sharing and linking", &place.branch))
    }
}

pub(super) async fn share(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<BucketShares>>> {
    let BucketShare { target_project_id } = BucketShare::parse(&body)?;
    let shared: Answer<_> = async {
        let place = place(&state, &principal, &params).await?;
        let (project, bucket) = (place.project.clone(), place.bucket.clone());
        let share = ShareBucket { project, bucket, target_project: Some(target_project_id), target_uid: None };
        let accepted = state.write(&principal, command(share)).await?;
        let tenant = tenant_text(&place.tenant);
        let bucket = state.queries.bucket(&tenant, &place.project, &place.bucket).await?;
        let shared_with = state.queries.shared_with(&tenant, &place.project, &place.bucket).await?;
        Ok(WithPosition(accepted.position, Json(BucketShares::of(bucket, shared_with))))
    }
    .await;
    counts::sharing("share", shared)
}

pub(super) async fn unshare(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    RawQuery(query): RawQuery,
) -> Answer<WithPosition<StatusCode>> {
    let mut query = wire::Query::of(query.as_deref());
    let target = query.required("target_project_id");
    query.finish()?;
    let unshared: Answer<_> = async {
        let Place { project, bucket, .. } = place(&state, &principal, &params).await?;
        let unshare = UnshareBucket { project, bucket, target_project: Some(target) };
        let accepted = state.write(&principal, command(unshare)).await?;
        Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
    }
    .await;
    counts::sharing("unshare", unshared)
}

pub(super) async fn link(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Bucket>)>> {
    let BucketLink { source_project_id, source_bucket_name } = BucketLink::parse(&body)?;
    let linked: Answer<_> = async {
        let place = place(&state, &principal, &params).await?;
        let link = LinkBucket {
            project: place.project.clone(),
            bucket: place.bucket.clone(),
            source_project: source_project_id,
            source_bucket: source_bucket_name,
            source_uid: None,
        };
        let accepted = state.write(&principal, command(link)).await?;
        let bucket = state.queries.bucket(&tenant_text(&place.tenant), &place.project, &place.bucket).await?;
        Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(bucket.into()))))
    }
    .await;
    counts::sharing("link", linked)
}

pub(super) async fn link_pipeline(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Bucket>)>> {
    let PipelineLink { pipeline } = PipelineLink::parse(&body)?;
    let linked: Answer<_> = async {
        let place = place(&state, &principal, &params).await?;
        let tenant = tenant_text(&place.tenant);
        state.queries.require_project(&tenant, &place.project).await?;
        let pipeline_id = state.queries.pipeline_id(&tenant, &pipeline).await?;
        let (project, bucket) = (place.project.clone(), place.bucket.clone());
        let accepted =
            state.write(&principal, command(LinkPipeline { project, bucket, pipeline, pipeline_id })).await?;
        let bucket = state.queries.bucket(&tenant, &place.project, &place.bucket).await?;
        Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(bucket.into()))))
    }
    .await;
    counts::sharing("link", linked)
}

pub(super) async fn unlink(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let unlinked: Answer<_> = async {
        let Place { project, bucket, .. } = place(&state, &principal, &params).await?;
        let accepted = state.write(&principal, command(UnlinkBucket { project, bucket })).await?;
        let accepted = state.backed_up(&principal, accepted).await;
        Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
    }
    .await;
    counts::sharing("unlink", unlinked)
}

pub(super) async fn grant_readonly(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<Json<BucketReadOnly>>> {
    let noted: Answer<_> = async {
        let Place { project, bucket, .. } = place(&state, &principal, &params).await?;
        let answer = BucketReadOnly::of(&bucket);
        let accepted = state.write(&principal, command(MarkBucketReadOnly { project, bucket })).await?;
        Ok(WithPosition(accepted.position, Json(answer)))
    }
    .await;
    counts::sharing("grant_readonly", noted)
}

pub(super) async fn revoke_readonly(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let taken_back: Answer<_> = async {
        let Place { project, bucket, .. } = place(&state, &principal, &params).await?;
        let accepted = state.write(&principal, command(UnmarkBucketReadOnly { project, bucket })).await?;
        Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
    }
    .await;
    counts::sharing("revoke_readonly", taken_back)
}
