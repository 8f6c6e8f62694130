//! The tenants of the installation: for its owners.

use alluvium_http::{BodyBytes, Json, PathParams, Principal};
use alluvium_kernel::{DEFAULT_TENANT, Position, Problem, Token};
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::wire::{NewTenantRequest, RenameTenantRequest, RenameTenantResponse, TenantInfo, parse};
use super::{Answer, TenancyRoutes, changed, uncached};
use crate::contract::{Command, CreateTenant, DeleteTenant, InstallationCommand, RenameTenant};
use crate::error;
use crate::model::is_id;
use crate::tenancy::{Known, Tenancy};

/// Sends a command about tenants: all of these stand on the default tenant's subject.
async fn tell(
    state: &TenancyRoutes,
    by: &Principal,
    command: impl Into<InstallationCommand>,
) -> Result<(Value, Position), Problem> {
    let own = Token::encode(DEFAULT_TENANT).map_err(|_| Problem::internal())?;
    state.tell(by, &own, Command::Installation(command.into())).await
}

/// The tenant that a path names by its id alone; what is no id names none.
fn by_id(state: &TenancyRoutes, params: &PathParams) -> Result<Known, Problem> {
    let id = params.get("tenant_id");
    let found = if is_id(id) { state.known(|known| known.find(id))? } else { None };
    found.ok_or_else(|| error::unknown_tenant(id))
}

pub(super) async fn list(State(state): State<TenancyRoutes>) -> Answer {
    let tenants: Vec<TenantInfo> = state.known(Tenancy::tenants)?.into_iter().map(TenantInfo::from).collect();
    Ok(uncached(Json(tenants)))
}

pub(super) async fn get(State(state): State<TenancyRoutes>, params: PathParams) -> Answer {
    let tenant = params.get("tenant_id");
    let found = state.known(|known| known.find(tenant))?.ok_or_else(|| error::unknown_tenant(tenant))?;
    Ok(uncached(Json(TenantInfo::from(found))))
}

pub(super) async fn create(
    State(state): State<TenancyRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let NewTenantRequest { name } = parse(&body)?;
    let (result, position) = tell(&state, &principal, CreateTenant { name, provider: String::new() }).await?;
    let id = result["id"].as_str().unwrap_or_default();
    let tenant = state.known(|known| known.find(id))?.ok_or_else(Problem::internal)?;
    let status = if result["created"] == true { StatusCode::CREATED } else { StatusCode::OK };
    Ok(changed(position, (status, Json(TenantInfo::from(tenant)))))
}

pub(super) async fn rename(
    State(state): State<TenancyRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let RenameTenantRequest { name, displace_existing } = parse(&body)?;
    let id = by_id(&state, &params)?.id;
    let (result, position) = tell(&state, &principal, RenameTenant { id, name, displace_existing }).await?;
    let displaced = match result["displaced"]["id"].as_str() {
        Some(id) => state.known(|known| known.find(id))?.map(TenantInfo::from),
        None => None,
    };
    Ok(changed(position, Json(RenameTenantResponse { displaced })))
}

pub(super) async fn delete(State(state): State<TenancyRoutes>, principal: Principal, params: PathParams) -> Answer {
    let tenant = by_id(&state, &params)?;
    let access = state.logins.desk().access();
    if access.follower().get()?.has_keys(&tenant.token, access.now()) {
        return Err(error::tenant_not_empty("it has keys").into());
    }
    if !state.known(|known| known.trusts(&tenant.token))?.is_empty() {
        return Err(error::tenant_not_empty("it has trusts").into());
    }
    if let Some(holds) = state.holdings.of(&tenant.token).await? {
        return Err(error::tenant_not_empty(&holds).into());
    }
    let (_, position) = tell(&state, &principal, DeleteTenant { id: tenant.id }).await?;
    Ok(changed(position, StatusCode::OK))
}
