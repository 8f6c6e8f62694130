//! Further users of a workspace: each with a name and a password of its own.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;
use axum::http::StatusCode;

use super::scratch;
use super::state::{StorageRoutes, now};
use super::workspaces::{For, command, open, shown};
use crate::contract::{AddWorkspaceCredentials, RemoveWorkspaceCredentials};
use crate::model::{names, problem};
use crate::wire::{CredentialsCreate, CredentialsCreated, CredentialsList};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<CredentialsCreated>)>> {
    let CredentialsCreate { name } = CredentialsCreate::parse(&body)?;
    let view = open(&state, &principal, &params, For::Changing).await?;
    if let Some(name) = &name {
        names::valid_workspace(name)?;
    }
    let minted = scratch::minted_for(&principal.seed, &view.id).await?;
    let add = AddWorkspaceCredentials {
        project: view.project.clone(),
        branch: view.branch.clone(),
        workspace: view.id.clone(),
        credential: minted.id.clone(),
        name: name.unwrap_or_default(),
        username: minted.username.clone(),
        password_hash: minted.password.hash,
        holder: view.holder.clone(),
    };
    let accepted = state.write(&principal, command(add)).await?;
    let made = state.queries.credentials(&view.uid).await?.into_iter().find(|one| one.id == minted.id);
    // Somebody else has deleted them already.
    let made = made.ok_or_else(|| problem::credentials_not_found(&minted.id))?;
    let mut connection = shown(&state, view, now())?.connection;
    connection.username = minted.username;
    connection.password = Some(minted.password.clear);
    let created = CredentialsCreated { credentials: made.into(), connection };
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, Json(created))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<CredentialsList>> {
    state.fresh(&wanted).await?;
    let view = open(&state, &principal, &params, For::Looking).await?;
    let credentials: Vec<_> = state.queries.credentials(&view.uid).await?.into_iter().map(Into::into).collect();
    Ok(Json(CredentialsList { count: credentials.len(), credentials }))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let view = open(&state, &principal, &params, For::Changing).await?;
    let id = params.get("credentials_id");
    let known = state.queries.credentials(&view.uid).await?.into_iter().find(|one| one.id == id);
    let remove = RemoveWorkspaceCredentials {
        project: view.project,
        branch: view.branch,
        workspace: view.id,
        credential: id.to_owned(),
        holder: view.holder,
    };
    let accepted = state.write(&principal, command(remove)).await?;
    if let Some(known) = known {
        let sessions = state.sessions()?;
        let told = "the credentials were deleted";
        sessions.end_of_user(&view.uid, &known.username, "credentials_deleted", told).await?;
    }
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
