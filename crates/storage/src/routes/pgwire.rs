//! Control of sessions in workspaces, for whoever serves them: the listener here, or one beside.

use std::sync::Arc;

use alluvium_http::{
    Authenticator, BodyBytes, CredentialReader, DetailRenderer, Json, Op, PathParams, Principal, ProblemResponse,
    Route, RouteGroup,
};
use alluvium_kernel::{Actor, BoxFuture, Problem, Requirement, Token};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use subtle::ConstantTimeEq as _;

use super::state::{StorageRoutes, tenant_text};
use crate::model::names::MAIN_BRANCH;
use crate::pgwire::admit;
use crate::wire::{
    self, PgwireActivity, PgwireActivityQuery, PgwireAdmitted, PgwireAuth, PgwireCleanup, PgwireCleanupQuery,
    PgwireEndQuery, PgwireSession, PgwireSessionCreate, PgwireSessionsQuery,
};

const AUTH: &str = "/internal/pgwire/auth";
const SESSIONS: &str = "/internal/pgwire/sessions";
const SESSION: &str = "/internal/pgwire/sessions/{session_id}";
const ACTIVITY: &str = "/internal/pgwire/sessions/{session_id}/activity";
const CLEANUP: &str = "/internal/pgwire/sessions/cleanup";

type Answer<T> = Result<T, ProblemResponse>;

/// Lets in the admin, and who has the secret of this surface; nobody else.
struct InternalCredentials {
    secret: Option<String>,
    tenant: Token,
}

impl CredentialReader for InternalCredentials {
    fn read<'a>(
        &'a self,
        parts: &'a mut Parts,
        authenticator: &'a Arc<dyn Authenticator>,
    ) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async move {
            let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
            let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
            let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
            if self.secret.as_ref().is_some_and(|secret| bool::from(secret.as_bytes().ct_eq(given.as_bytes()))) {
                return Ok(Some(Principal::new(Actor::Admin, self.tenant.clone(), "pgwire-internal")));
            }
            let known = authenticator.authenticate(given).await?.filter(|known| known.actor == Actor::Admin);
            let detail = "This is for the admin, and for who has the secret of this surface.";
            known.map(Some).ok_or_else(|| Problem::new("http.unknown_credential", 401, detail))
        })
    }
}

/// The seven routes.
pub fn pgwire_routes(state: StorageRoutes, tenant: Token, secret: Option<String>) -> RouteGroup {
    let renderer = DetailRenderer { admin_configured: state.admin_configured };
    RouteGroup::new("pgwire", state, all())
        .errors_as(renderer, &["/internal"])
        .credentials(InternalCredentials { secret, tenant })
}

fn admin(_: &PathParams) -> Requirement {
    Requirement::Admin
}

fn op(id: &str, what: &str) -> Op {
    Op::new(id, "pgwire", what).errors(&["storage.catalogue_unavailable"])
}

fn all() -> Vec<Route<StorageRoutes>> {
    const NO_SESSION: &[&str] = &["storage.session_not_found"];
    vec![
        Route::post(
            AUTH,
            admin,
            auth,
            op("pgwireAuth", "Check a user's password, and show what the user's workspace can read")
                .body::<PgwireAuth>()
                .json::<PgwireAdmitted>(200, "The workspace")
                .errors(&[
                    "storage.invalid_credentials",
                    "storage.workspace_expired",
                    "storage.connection_limit_reached",
                ])
                .errors(&["storage.project_not_found"]),
        ),
        Route::post(
            SESSIONS,
            admin,
            begin,
            op("createPgwireSession", "Note a session, if there is room for one more")
                .body::<PgwireSessionCreate>()
                .json::<PgwireSession>(201, "The session")
                .errors(&["storage.workspace_not_found", "storage.session_exists", "storage.invalid_request"])
                .errors(&["storage.connection_limit_reached"]),
        ),
        Route::get(
            SESSIONS,
            admin,
            list,
            op("listPgwireSessions", "List sessions, newest first")
                .query::<PgwireSessionsQuery>()
                .json_list::<PgwireSession>(200, "The newest thousand"),
        ),
        Route::get(
            SESSION,
            admin,
            show,
            op("getPgwireSession", "Show a session").json::<PgwireSession>(200, "The session").errors(NO_SESSION),
        ),
        Route::patch(
            ACTIVITY,
            admin,
            activity,
            op("touchPgwireSession", "Note that a session does something")
                .query::<PgwireActivityQuery>()
                .optional_body::<PgwireActivity>()
                .json::<PgwireSession>(200, "The session")
                .errors(NO_SESSION),
        ),
        Route::delete(
            SESSION,
            admin,
            end,
            op("endPgwireSession", "End a session")
                .query::<PgwireEndQuery>()
                .empty(204, "Ended")
                .errors(NO_SESSION)
                .errors(&["storage.invalid_request"]),
        ),
        Route::post(
            CLEANUP,
            admin,
            cleanup,
            op("cleanupPgwireSessions", "End sessions that say nothing")
                .query::<PgwireCleanupQuery>()
                .json::<PgwireCleanup>(200, "What was done"),
        ),
    ]
}

fn session_not_found() -> Problem {
    Problem::new("storage.session_not_found", 404, "Session not found")
}

async fn auth(
    State(state): State<StorageRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer<Json<PgwireAdmitted>> {
    let PgwireAuth { username, password, .. } = PgwireAuth::parse(&body)?;
    let view = admit(&state, &principal.tenant, &username, &password).await?;
    let sessions = state.sessions()?;
    sessions.has_room(&view.uid, &view.id).await?;
    let tenant = tenant_text(&principal.tenant);
    let reach = state.readable_in(&principal.tenant, &view).await?;
    let mut tables = state.queries.project_tables(&tenant, &view.project, &view.branch).await?;
    tables.retain(|table| reach.has(&table.bucket));
    let (linked, own): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table.is_linked);
    let limits = sessions.limits();
    Ok(Json(PgwireAdmitted {
        workspace_id: view.id,
        project_id: view.project,
        branch_id: Some(view.branch).filter(|branch| branch != MAIN_BRANCH),
        db_path: view.uid,
        tables: own.into_iter().map(Into::into).collect(),
        linked_tables: linked.into_iter().map(Into::into).collect(),
        memory_limit: limits.memory_limit.clone(),
        query_timeout_seconds: limits.query_seconds,
    }))
}

async fn begin(
    State(state): State<StorageRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer<(StatusCode, Json<PgwireSession>)> {
    let PgwireSessionCreate { session_id, workspace_id, client_ip } = PgwireSessionCreate::parse(&body)?;
    let view = state.queries.workspace_anywhere(&tenant_text(&principal.tenant), &workspace_id).await?;
    state.sessions()?.begin(&session_id, (&view.uid, &view.id), client_ip.as_deref(), None).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, &session_id).await?)))
}

async fn shown(state: &StorageRoutes, session_id: &str) -> Result<PgwireSession, Problem> {
    if session_id.contains('\0') {
        return Err(session_not_found());
    }
    let found = state.sessions()?.show(session_id).await?;
    found.map(Into::into).ok_or_else(session_not_found)
}

async fn list(State(state): State<StorageRoutes>, RawQuery(query): RawQuery) -> Answer<Json<Vec<PgwireSession>>> {
    let query = wire::Query::of(query.as_deref());
    let (workspace, status) = (query.sought("workspace_id"), query.sought("status"));
    let found = state.sessions()?.list(workspace.as_deref(), status.as_deref()).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

async fn show(State(state): State<StorageRoutes>, params: PathParams) -> Answer<Json<PgwireSession>> {
    Ok(Json(shown(&state, params.get("session_id")).await?))
}

async fn activity(
    State(state): State<StorageRoutes>,
    params: PathParams,
    RawQuery(query): RawQuery,
    BodyBytes(body): BodyBytes,
) -> Answer<Json<PgwireSession>> {
    let PgwireActivity { increment_queries } = PgwireActivity::parse(&body, query.as_deref())?;
    let id = params.get("session_id");
    shown(&state, id).await?;
    // One that has ended stays as it was.
    state.sessions()?.touch(id, i64::from(increment_queries)).await?;
    Ok(Json(shown(&state, id).await?))
}

async fn end(State(state): State<StorageRoutes>, params: PathParams, RawQuery(query): RawQuery) -> Answer<StatusCode> {
    let id = params.get("session_id");
    let query = wire::Query::of(query.as_deref());
    let reason = query.text("reason").unwrap_or("disconnected");
    if !wire::is_plain(reason) || reason == "active" {
        let detail = "`reason` has 1 to 128 printable characters, and is not `active`.";
        return Err(Problem::new("storage.invalid_request", 400, detail).into());
    }
    shown(&state, id).await?;
    state.sessions()?.end(id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cleanup(State(state): State<StorageRoutes>, RawQuery(query): RawQuery) -> Answer<Json<PgwireCleanup>> {
    let sessions = state.sessions()?;
    let standard = i64::try_from(sessions.limits().idle_seconds).unwrap_or(i64::MAX);
    let idle_timeout_seconds = wire::cleanup(query.as_deref(), standard)?;
    let cleaned_up = sessions.cleanup(idle_timeout_seconds).await?;
    Ok(Json(PgwireCleanup { cleaned_up, idle_timeout_seconds }))
}
