//! Whom the caller's tenant trusts: for its admins.

use alluvium_http::{BodyBytes, Json, PathParams, Principal};
use alluvium_kernel::{Position, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::wire::{NewOidcTrustRequest, NewOidcTrustResponse, OidcTrustDescr, parse};
use super::{Answer, TenancyRoutes, changed, uncached};
use crate::contract::{AddTrust, Command, MembershipCommand, RemoveTrust};
use crate::error;
use crate::login::check_issuer;
use crate::model::Role;
use crate::tenancy::Trust;

async fn tell(
    state: &TenancyRoutes,
    by: &Principal,
    command: impl Into<MembershipCommand>,
) -> Result<(Value, Position), Problem> {
    state.tell(by, &by.tenant, Command::Membership(command.into())).await
}

impl From<Trust> for OidcTrustDescr {
    fn from(trust: Trust) -> Self {
        let Trust { added, role } = trust;
        Self {
            id: added.id,
            name: added.name,
            issuer: added.issuer,
            subject: added.subject,
            audience: added.audience,
            role: role.as_str(),
            description: added.description,
        }
    }
}

pub(super) async fn list(State(state): State<TenancyRoutes>, principal: Principal) -> Answer {
    let trusts = state.known(|known| known.trusts(&principal.tenant))?;
    Ok(uncached(Json(trusts.into_iter().map(OidcTrustDescr::from).collect::<Vec<_>>())))
}

pub(super) async fn get(State(state): State<TenancyRoutes>, principal: Principal, params: PathParams) -> Answer {
    let name = params.get("name");
    let mut trusts = state.known(|known| known.trusts(&principal.tenant))?.into_iter();
    let found = trusts.find(|trust| trust.added.name == name).ok_or_else(|| error::unknown_trust(name))?;
    Ok(uncached(Json(OidcTrustDescr::from(found))))
}

pub(super) async fn create(
    State(state): State<TenancyRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let NewOidcTrustRequest { name, issuer, subject, audience, role, description } = parse(&body)?;
    if issuer.trim().is_empty() {
        return Err(error::empty_trust_field("issuer").into());
    }
    let settings = state.logins.settings();
    check_issuer(&issuer, settings.allow_internal_issuers)?;
    if settings.issuer == issuer {
        // Its tokens are logins of people: a trust in it would never be asked.
        return Err(error::invalid_issuer("it is the one that people log in with").into());
    }
    let role = role.unwrap_or_else(|| Role::Read.to_string());
    let add = AddTrust { name: name.clone(), issuer, subject, audience, role, description };
    let (result, position) = tell(&state, &principal, add).await?;
    let id = result["trust"].as_str().ok_or_else(Problem::internal)?.to_owned();
    Ok(changed(position, (StatusCode::CREATED, Json(NewOidcTrustResponse { id, name }))))
}

pub(super) async fn delete(State(state): State<TenancyRoutes>, principal: Principal, params: PathParams) -> Answer {
    let (_, position) = tell(&state, &principal, RemoveTrust { name: params.owned("name") }).await?;
    Ok(changed(position, StatusCode::OK))
}
