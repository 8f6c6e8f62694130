//! Who asks, how they log in, and who owns the installation.

use alluvium_http::Json;
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::wire::{ConfiguredOwners, SessionInfo, UserMembership, provider};
use super::{Answer, TenancyRoutes, uncached};

pub(super) async fn authentication(State(state): State<TenancyRoutes>) -> Response {
    Json(provider(state.logins.settings())).into_response()
}

/// Answers also whom it is not clear to in which tenant they act, so it finds out by itself who asks.
pub(super) async fn session(State(state): State<TenancyRoutes>, headers: HeaderMap) -> Answer {
    let found = state.logins.session(&headers, state.by_key.as_ref()).await?;
    let session = found.ok_or_else(|| {
        Problem::new("http.not_authenticated", 401, "This needs a key: send `Authorization: Bearer <key>`.")
    })?;
    let memberships = session.memberships.into_iter();
    let memberships = memberships.map(|(tenant, role)| UserMembership {
        tenant_id: tenant.id,
        name: tenant.name,
        role: role.as_str(),
    });
    let memberships = memberships.collect();
    let (tenant, role) = session.acting.unzip();
    let (tenant_id, tenant_name) = tenant.map(|tenant| (tenant.id, tenant.name)).unzip();
    Ok(uncached(Json(SessionInfo { tenant_id, tenant_name, role, memberships })))
}

pub(super) async fn owners(State(state): State<TenancyRoutes>) -> Answer {
    let settings = state.logins.settings();
    let (owners, owner_trusts) = (settings.owners.clone(), settings.owner_trusts.clone());
    Ok(uncached(Json(ConfiguredOwners { owners, owner_trusts })))
}
