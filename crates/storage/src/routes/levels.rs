//! Who may link a bucket as a whole, who does, and what a project may link.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::counts;
use super::sharing::{command, place};
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{CutLinks, SetBucketSharing};
use crate::wire::{self, BucketLinks, BucketSharing, BucketSharingSet, SharedBuckets};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn set(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<BucketSharing>>> {
    let BucketSharingSet { sharing, targets } = BucketSharingSet::parse(&body)?;
    let set: Answer<_> = async {
        let place = place(&state, &principal, &params).await?;
        let (project, bucket, targets) = (place.project.clone(), place.bucket.clone(), targets.unwrap_or_default());
        let (target_uids, members) = (Vec::new(), Vec::new());
        let set = SetBucketSharing { project, bucket, sharing, targets, target_uids, members };
        let accepted = state.write(&principal, command(set)).await?;
        let tenant = tenant_text(&place.tenant);
        let who = state.queries.sharing(&tenant, &place.project, &place.bucket).await?;
        Ok(WithPosition(accepted.position, Json(who.into())))
    }
    .await;
    counts::sharing("share", set)
}

pub(super) async fn links(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<BucketLinks>> {
    let page = wire::page(query.as_deref())?;
    state.fresh(&wanted).await?;
    let place = place(&state, &principal, &params).await?;
    let tenant = tenant_text(&place.tenant);
    state.queries.bucket(&tenant, &place.project, &place.bucket).await?;
    let who = state.queries.sharing(&tenant, &place.project, &place.bucket).await?.into();
    let listed = state.queries.linking(&tenant, &place.project, &place.bucket, page).await?.map(Into::into);
    Ok(Json(BucketLinks { who, links: listed.items, total: listed.total }))
}

pub(super) async fn cut(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let cut: Answer<_> = async {
        let place = place(&state, &principal, &params).await?;
        let (project, bucket) = (place.project, place.bucket);
        let target_project = params.owned("target_project_id");
        let cut = CutLinks { project, bucket, target_project, target_uid: None };
        let accepted = state.write(&principal, command(cut)).await?;
        Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
    }
    .await;
    counts::sharing("unlink", cut)
}

/// What the project may link, and nothing of what others may.
pub(super) async fn shared(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<SharedBuckets>> {
    let page = wire::page(query.as_deref())?;
    // They are of many projects, whose rows are counted where these are kept.
    state.fresh_everywhere(&wanted).await?;
    let tenant = tenant_text(&principal.tenant);
    let listed = state.queries.shared_buckets(&tenant, params.get("project_id"), page).await?.map(Into::into);
    Ok(Json(SharedBuckets { shared_buckets: listed.items, total: listed.total }))
}
