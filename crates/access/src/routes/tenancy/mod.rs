//! Tenants, their members and whom they trust, as clients of Feldera know them: `/v0/tenants`, `/v0/tenant/users`, `/v0/oidc_trust`.

mod list;
mod members;
mod session;
mod tenants;
#[cfg(test)]
mod tests;
mod trusts;
mod wire;

use std::sync::Arc;

use alluvium_http::{Authenticator, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{BoxFuture, Position, Problem, Token};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub use list::routes;

use crate::contract::Command;
use crate::login::Logins;
use crate::tenancy::Tenancy;

/// What other contexts have of a tenant; the binary asks them.
pub trait Holdings: Send + Sync + 'static {
    /// What a tenant holds that is in the way of its end, in words; none when it holds nothing.
    fn of<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, Result<Option<String>, Problem>>;
}

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct TenancyRoutes {
    logins: Logins,
    by_key: Arc<dyn Authenticator>,
    holdings: Arc<dyn Holdings>,
}

type Answer = Result<Response, ProblemResponse>;

impl TenancyRoutes {
    /// Handlers over who logs in, and over what other contexts have.
    pub fn new(logins: Logins, by_key: Arc<dyn Authenticator>, holdings: Arc<dyn Holdings>) -> Self {
        Self { logins, by_key, holdings }
    }

    fn known<T>(&self, look: impl FnOnce(&Tenancy) -> T) -> Result<T, Problem> {
        Ok(self.logins.desk().access().follower().get()?.tenancy(look))
    }

    /// Sends a command and waits until it holds here.
    async fn tell(&self, by: &Principal, tenant: &Token, command: Command) -> Result<(Value, Position), Problem> {
        self.logins.desk().tell(tenant, &by.actor, &by.seed, command).await
    }
}

/// An answer that nobody may keep.
fn uncached(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer to a change, which says where that is on the log.
fn changed(position: Position, answer: impl IntoResponse) -> Response {
    uncached(WithPosition(position, answer))
}
