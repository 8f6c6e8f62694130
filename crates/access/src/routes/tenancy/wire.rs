//! What clients send and are shown of tenants, members and trusts.

use alluvium_kernel::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error;
use crate::login::{LoginSettings, OwnerTrust, Provider};
use crate::tenancy::Known;

/// Reads a body; says where it is not what is wanted.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let input = &mut serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut *input).map_err(|error| {
        let path = error.path().to_string();
        error::invalid_body(&format!("`{path}`: {}", error.into_inner()))
    })?;
    input.end().map_err(|cause| error::invalid_body(&cause.to_string()))?;
    Ok(value)
}

/// A new tenant.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTenantRequest {
    /// Its name.
    pub name: String,
}

/// Another name of a tenant.
#[derive(Deserialize, ToSchema)]
pub(super) struct RenameTenantRequest {
    /// Its name from now on.
    pub name: String,
    /// Whether the tenant that has the name gets another one.
    #[serde(default)]
    pub displace_existing: bool,
}

/// A tenant.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TenantInfo {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Issuer of the login that it was first wanted for.
    pub initial_provider: String,
}

impl From<Known> for TenantInfo {
    fn from(known: Known) -> Self {
        Self { id: known.id, name: known.name, initial_provider: known.provider }
    }
}

/// What a new name did to another tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct RenameTenantResponse {
    /// The tenant whose name was taken.
    pub displaced: Option<TenantInfo>,
}

/// A new member.
#[derive(Deserialize, ToSchema)]
pub(super) struct AddMemberRequest {
    /// What the identity provider calls the person.
    pub subject: String,
    /// Their address.
    pub email: Option<String>,
    /// What they may: read, write or admin.
    pub role: String,
}

/// A new member's id.
#[derive(Serialize, ToSchema)]
pub(super) struct AddMemberResponse {
    /// A UUID.
    pub user_id: String,
}

/// Another role of a member.
#[derive(Deserialize, ToSchema)]
pub(super) struct SetMemberRoleRequest {
    /// What they may: read, write or admin.
    pub role: String,
}

/// A member.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(super) struct TenantMember {
    /// Their address.
    pub email: Option<String>,
    /// What the provider calls them.
    pub subject: String,
    /// Who vouches for them.
    pub provider: String,
    /// Their id, a UUID.
    pub user_id: String,
    /// What they may.
    pub role: &'static str,
    /// Their name; the provider is not asked for it.
    pub display_name: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// How they became a member: `claim`, `derived` or `api`.
    pub origin: String,
}

/// A new trust.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewOidcTrustRequest {
    /// Its name.
    pub name: String,
    /// Who signs the tokens, as they say it.
    pub issuer: String,
    /// What their subject must be; `*` stands for anything.
    pub subject: String,
    /// What their audience must be.
    pub audience: Option<String>,
    /// What the workloads may; read when it is left out.
    pub role: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// A new trust's id.
#[derive(Serialize, ToSchema)]
pub(super) struct NewOidcTrustResponse {
    /// A UUID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A trust.
#[derive(Serialize, ToSchema)]
pub(super) struct OidcTrustDescr {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who signs the tokens.
    pub issuer: String,
    /// What their subject must be.
    pub subject: String,
    /// What their audience must be.
    pub audience: Option<String>,
    /// What the workloads may.
    pub role: &'static str,
    /// What it is for.
    pub description: Option<String>,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionInfo {
    /// Id of the tenant that they act in; null while that is not clear.
    pub tenant_id: Option<String>,
    /// Its name.
    pub tenant_name: Option<String>,
    /// What they may: `read`, `write`, `admin` or `owner`.
    pub role: Option<&'static str>,
    /// The tenants of a person.
    pub memberships: Vec<UserMembership>,
}

/// A tenant of a person.
#[derive(Serialize, ToSchema)]
pub(super) struct UserMembership {
    /// Its id.
    pub tenant_id: String,
    /// Its name.
    pub name: String,
    /// What they may there.
    pub role: &'static str,
}

/// Who owns the installation.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfiguredOwners {
    /// People.
    pub owners: Vec<String>,
    /// Workloads.
    #[schema(value_type = Vec<Object>)]
    pub owner_trusts: Vec<OwnerTrust>,
}

/// How people log in, besides with keys; empty when they do not.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what `provider` writes")]
pub(super) struct AuthProvider {
    /// A user pool of AWS.
    #[schema(rename = "AwsCognito", value_type = Option<Object>)]
    aws_cognito: Value,
    /// Any provider that speaks OIDC.
    #[schema(rename = "GenericOidc", value_type = Option<Object>)]
    generic_oidc: Value,
}

/// How people log in.
pub(super) fn provider(settings: &LoginSettings) -> Value {
    let LoginSettings { issuer, client_id, .. } = settings;
    match &settings.provider {
        Provider::None => json!({}),
        Provider::AwsCognito { login_url, logout_url } => {
            json!({ "AwsCognito": { "issuer": issuer, "login_url": login_url, "logout_url": logout_url } })
        }
        Provider::GenericOidc { extra_scopes } => {
            json!({ "GenericOidc": { "issuer": issuer, "client_id": client_id, "extra_oidc_scopes": extra_scopes } })
        }
    }
}
