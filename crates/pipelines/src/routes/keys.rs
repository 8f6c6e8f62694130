//! Keys of a tenant's pipelines. Whoever has the keys of the installation issues them; here they have the shape that clients know.

use alluvium_http::{BodyBytes, Json, PathParams, Principal};
use alluvium_kernel::{BoxFuture, Position, Problem, Requirement, Token};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pipelines::Answer;
use super::state::{PipelineRoutes, changed, uncached};
use crate::error;
use crate::model::check_key_name;
use crate::wire;

/// What pipelines need of the context that has the keys; the binary wires it.
pub trait ApiKeys: Send + Sync + 'static {
    /// Issues a key; a name that a live key has is refused.
    fn issue<'a>(
        &'a self,
        by: &'a Principal,
        name: &'a str,
        role: KeyRole,
    ) -> BoxFuture<'a, Result<IssuedApiKey, Problem>>;

    /// The live keys of a tenant.
    fn list<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, Result<Vec<NamedKey>, Problem>>;

    /// Makes a key dead, by its id.
    fn revoke<'a>(&'a self, by: &'a Principal, id: &'a str) -> BoxFuture<'a, Result<Position, Problem>>;
}

/// What a key may do with its tenant's pipelines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Look.
    #[default]
    Read,
    /// All.
    Write,
}

/// A key that was issued now: the only moment in which its secret is known.
#[derive(Clone)]
pub struct IssuedApiKey {
    /// Its id, a UUID.
    pub id: String,
    /// The key itself.
    pub secret: String,
    /// Where it stands on the log.
    pub position: Position,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ApiKeyDescr)]
pub struct NamedKey {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may.
    pub role: KeyRole,
}

/// What to issue.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewApiKeyRequest {
    /// The key's name.
    name: String,
    /// `read` or `write`.
    role: Option<String>,
}

/// A key, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewApiKeyResponse {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// The key itself.
    api_key: String,
}

pub(super) async fn create(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let NewApiKeyRequest { name, role } = wire::parse(&body)?;
    check_key_name(&name)?;
    let role = match role.as_deref() {
        None | Some("read") => KeyRole::Read,
        Some("write") => KeyRole::Write,
        Some(other @ ("admin" | "owner")) => return Err(error::role_not_mintable(other).into()),
        Some(_) => return Err(error::invalid_param("`role` is read or write.").into()),
    };
    if role == KeyRole::Write {
        let (tenant, actor) = (&principal.tenant, &principal.actor);
        let may = state.authorizer.check(tenant, actor, &Requirement::PipelineWrite).await;
        may.map_err(|refused| if refused.is_transient() { refused } else { error::role_exceeds_creator() })?;
    }
    // The log refuses it too; this one is told before a secret is drawn.
    if find(&state, &principal.tenant, &name).await?.is_some() {
        return Err(error::duplicate_name(&name).into());
    }
    let issued = state.keys.issue(&principal, &name, role).await;
    let issued =
        issued.map_err(|refused| if refused.status == 409 { error::duplicate_name(&name) } else { refused })?;
    let shown = NewApiKeyResponse { id: issued.id, name, api_key: issued.secret };
    Ok(changed(issued.position, (StatusCode::CREATED, Json(shown))))
}

pub(super) async fn list(State(state): State<PipelineRoutes>, principal: Principal) -> Answer {
    Ok(uncached(Json(state.keys.list(&principal.tenant).await?)))
}

pub(super) async fn get(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    Ok(uncached(Json([known(&state, &principal.tenant, &params).await?])))
}

pub(super) async fn delete(State(state): State<PipelineRoutes>, principal: Principal, params: PathParams) -> Answer {
    let key = known(&state, &principal.tenant, &params).await?;
    let position = state.keys.revoke(&principal, &key.id).await?;
    Ok(changed(position, StatusCode::OK))
}

async fn known(state: &PipelineRoutes, tenant: &Token, params: &PathParams) -> Result<NamedKey, Problem> {
    let name = params.get("api_key_name");
    find(state, tenant, name).await?.ok_or_else(|| error::unknown_api_key(name))
}

async fn find(state: &PipelineRoutes, tenant: &Token, name: &str) -> Result<Option<NamedKey>, Problem> {
    Ok(state.keys.list(tenant).await?.into_iter().find(|key| key.name == name))
}
