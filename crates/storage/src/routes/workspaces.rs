//! Workspaces: create, list, show, load, clear, delete, another password.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem, Requirement, Timestamp};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::scratch::{self, minted, workspace_problem};
use super::state::{Place, StorageRoutes, now, tenant_text};
use crate::contract::{
    Command, CreateWorkspace, DeleteWorkspace, RecordWorkspaceClear, ResetWorkspaceCredentials, WorkspaceCommand,
};
use crate::model::limits::GIGABYTE;
use crate::model::names::{self, MAIN_BRANCH};
use crate::model::problem;
use crate::queries::WorkspaceView;
use crate::wire::{
    self, Workspace, WorkspaceConnection, WorkspaceCreate, WorkspaceCreated, WorkspaceDetail, WorkspaceLoad,
    WorkspaceLoadTable, WorkspaceLoaded, Workspaces,
};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) fn command(command: impl Into<WorkspaceCommand>) -> Command {
    Command::Workspace(command.into())
}

/// What a caller wants of a workspace.
#[derive(Clone, Copy)]
pub(super) enum For {
    Looking,
    Changing,
}

/// The branch in a path; the main line where it names none.
fn branch_of(params: &PathParams) -> Option<&str> {
    Some(params.get("branch_id")).filter(|branch| !branch.is_empty())
}

/// A workspace as it is named: one of a branch, or of whatever branch where none is said.
struct Named<'a> {
    project: &'a str,
    branch: Option<&'a str>,
    id: &'a str,
}

/// The workspace that a path names. Below a branch, one of that branch; else one of any branch that the caller may do this in:
/// such a path says nothing of a branch, so the guard could not ask.
async fn find(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    what: For,
) -> Result<WorkspaceView, Problem> {
    let (project, id) = (params.get("project_id"), params.get("workspace_id"));
    named(state, principal, Named { project, branch: branch_of(params), id }, what).await
}

async fn named(
    state: &StorageRoutes,
    principal: &Principal,
    Named { project, branch, id }: Named<'_>,
    what: For,
) -> Result<WorkspaceView, Problem> {
    let tenant = tenant_text(&principal.tenant);
    if let Some(branch) = branch.filter(|branch| *branch != MAIN_BRANCH) {
        state.queries.branch(&tenant, project, branch).await?;
    }
    let found = state.queries.workspace(&tenant, project, id).await?;
    if branch.is_some_and(|branch| found.branch != branch) {
        return Err(problem::workspace_not_found(id));
    }
    let (of, branch, holder) = (project.to_owned(), found.branch.clone(), found.holder.clone());
    let requirement = match what {
        For::Looking => Requirement::WorkspaceRead(of, branch, holder),
        For::Changing => Requirement::WorkspaceWrite(of, branch, holder),
    };
    let checked = state.authorizer.check(&principal.tenant, &principal.actor, &requirement).await;
    let is_refused = checked.as_ref().is_err_and(|problem| problem.status == 403);
    // Whoever has workspaces of its own is not told of others.
    if is_refused && holder_of(state, principal, project).await?.is_some() {
        return Err(problem::workspace_not_found(id));
    }
    checked.map(|()| found)
}

/// The key of chosen buckets that a caller's workspaces are of; none for who shares those of a branch.
async fn holder_of(state: &StorageRoutes, principal: &Principal, project: &str) -> Result<Option<String>, Problem> {
    let reach = state.readable(principal, project).await?;
    let own = state.files_of(principal)?.holder().map(ToOwned::to_owned);
    Ok(own.filter(|_| reach.names().is_some()))
}

/// The same, and refuses one that is over.
pub(super) async fn open(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    what: For,
) -> Result<WorkspaceView, Problem> {
    not_over(find(state, principal, params, what).await?)
}

/// The same for one that a body names, of the branch that a place is in: no other branch's rows get there.
pub(super) async fn open_beside(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    id: &str,
) -> Result<WorkspaceView, Problem> {
    // A name from a body has come through nobody's hands yet, and Postgres takes no text with a NUL.
    if id.contains('\0') {
        return Err(problem::workspace_not_found(id));
    }
    let wanted = Named { project: &place.project, branch: Some(&place.branch), id };
    not_over(named(state, principal, wanted, For::Changing).await?)
}

fn not_over(found: WorkspaceView) -> Result<WorkspaceView, Problem> {
    if found.is_over(now()) { Err(problem::workspace_expired(&found.id)) } else { Ok(found) }
}

/// As clients see it.
pub(super) fn shown(state: &StorageRoutes, view: WorkspaceView, at: Timestamp) -> Result<Workspace, Problem> {
    let place = state.workspaces()?;
    let size = if view.is_over(at) { 0 } else { place.engines.size(&view.uid) };
    Ok(Workspace::of(view, size, (&place.host, place.port), at))
}

pub(super) async fn create(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<WorkspaceCreated>)>> {
    let WorkspaceCreate { name, ttl_hours, size_limit_gb, preload_tables } = WorkspaceCreate::parse(&body)?;
    let project = params.owned("project_id");
    let branch = branch_of(&params).unwrap_or(MAIN_BRANCH).to_owned();
    names::valid_workspace(&name)?;
    let minted = minted(&principal.seed).await?;
    let create = CreateWorkspace {
        project: project.clone(),
        branch,
        workspace: minted.id.clone(),
        name,
        expires_at: ttl_hours.map(|hours| principal.seed.at().micros() + hours * 3_600 * 1_000_000),
        size_limit_bytes: size_limit_gb * GIGABYTE,
        username: minted.username,
        password_hash: minted.password.hash,
        project_uid: String::new(),
        holder: holder_of(&state, &principal, &project).await?.unwrap_or_default(),
    };
    let accepted = state.write(&principal, command(create)).await?;
    let view = state.queries.workspace(&tenant_text(&principal.tenant), &project, &minted.id).await?;
    let mut position = accepted.position;
    let mut preloaded = Vec::new();
    for source in preload_tables {
        let item = WorkspaceLoadTable { source, ..WorkspaceLoadTable::default() };
        preloaded.push(scratch::load(&state, &principal, &view, item, &wanted, &mut position).await);
    }
    let mut workspace = shown(&state, view, now())?;
    workspace.connection.password = Some(minted.password.clear);
    Ok(WithPosition(position, (StatusCode::CREATED, Json(WorkspaceCreated { workspace, preloaded }))))
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Answer<Json<Workspaces>> {
    let page = wire::page(query.as_deref())?;
    state.fresh(&wanted).await?;
    let (tenant, project, branch) = (tenant_text(&principal.tenant), params.get("project_id"), branch_of(&params));
    if let Some(branch) = branch.filter(|branch| *branch != MAIN_BRANCH) {
        state.queries.branch(&tenant, project, branch).await?;
    }
    let holder = holder_of(&state, &principal, project).await?;
    let listed = state.queries.workspaces(&tenant, project, branch, holder.as_deref(), page).await?;
    let at = now();
    let workspaces: Vec<Workspace> =
        listed.items.into_iter().map(|view| shown(&state, view, at)).collect::<Result<_, _>>()?;
    Ok(Json(Workspaces { count: workspaces.len(), workspaces, total: listed.total }))
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<WorkspaceDetail>> {
    state.fresh_tables(&wanted).await?;
    let view = open(&state, &principal, &params, For::Looking).await?;
    let tenant = tenant_text(&principal.tenant);
    let reach = state.readable(&principal, &view.project).await?;
    let mut tables = state.queries.project_tables(&tenant, &view.project, &view.branch).await?;
    tables.retain(|table| reach.has(&table.bucket));
    let objects = state.workspaces()?.engines.objects(&view.uid).await;
    let active_sessions = state.sessions()?.active(&view.uid).await?;
    let mut workspace = shown(&state, view, now())?;
    let objects = match objects {
        Ok(objects) => objects,
        // It can be seen, cleared and deleted all the same.
        Err(alluvium_workspaces::Error::Broken { reason }) => {
            tracing::error!(workspace.id = workspace.id, reason, "the file of a workspace cannot be opened");
            workspace.status = "error";
            Vec::new()
        }
        Err(error) => return Err(workspace_problem(&error).into()),
    };
    Ok(Json(WorkspaceDetail {
        workspace,
        active_sessions,
        attached_tables: tables.into_iter().map(Into::into).collect(),
        workspace_objects: objects.into_iter().map(Into::into).collect(),
    }))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let view = find(&state, &principal, &params, For::Changing).await?;
    let delete =
        DeleteWorkspace { project: view.project, branch: view.branch, workspace: view.id, holder: view.holder };
    let accepted = state.write(&principal, command(delete)).await?;
    state.sessions()?.end_all(&view.uid, "workspace_deleted", "the workspace was deleted").await?;
    // The sweep takes what cannot be taken away now.
    if let Err(error) = state.workspaces()?.engines.clear(&view.uid).await {
        tracing::warn!(%error, "what a deleted workspace held is not gone yet");
    }
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}

pub(super) async fn clear(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let view = open(&state, &principal, &params, For::Changing).await?;
    state.workspaces()?.engines.clear(&view.uid).await.map_err(|error| workspace_problem(&error))?;
    let by = principal.actor.to_string();
    let note = RecordWorkspaceClear { project: view.project, workspace: view.id, by };
    let position = scratch::note(&state, &principal, note).await?;
    Ok(WithPosition(position, StatusCode::NO_CONTENT))
}

pub(super) async fn drop_object(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<StatusCode> {
    let view = open(&state, &principal, &params, For::Changing).await?;
    let name = params.get("object_name");
    let dropped = state.workspaces()?.engines.drop_object(&view.uid, name).await;
    if dropped.map_err(|error| workspace_problem(&error))? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(problem::object_not_found(name, &view.id).into())
    }
}

pub(super) async fn load(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<WorkspaceLoaded>>> {
    let WorkspaceLoad { tables } = WorkspaceLoad::parse(&body)?;
    state.fresh(&wanted).await?;
    let view = open(&state, &principal, &params, For::Changing).await?;
    let (mut position, mut loaded) = (Position::start(), Vec::new());
    for item in tables {
        loaded.push(scratch::load(&state, &principal, &view, item, &wanted, &mut position).await);
    }
    let workspace_size_bytes = state.workspaces()?.engines.size(&view.uid);
    Ok(WithPosition(position, Json(WorkspaceLoaded { loaded, workspace_size_bytes })))
}

pub(super) async fn reset_credentials(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<Json<WorkspaceConnection>>> {
    let view = open(&state, &principal, &params, For::Changing).await?;
    let password = scratch::password(&principal.seed).await?;
    let reset = ResetWorkspaceCredentials {
        project: view.project.clone(),
        branch: view.branch.clone(),
        workspace: view.id.clone(),
        password_hash: password.hash,
        holder: view.holder.clone(),
    };
    let accepted = state.write(&principal, command(reset)).await?;
    let sessions = state.sessions()?;
    sessions.end_of_user(&view.uid, &view.username, "credentials_reset", "the password was reset").await?;
    let mut connection = shown(&state, view, now())?.connection;
    connection.password = Some(password.clear);
    Ok(WithPosition(accepted.position, Json(connection)))
}
