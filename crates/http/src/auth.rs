//! Who calls.

use std::sync::Arc;

use alluvium_kernel::{Actor, BoxFuture, Token};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::{ProblemResponse, Seed};

/// A caller whose credential is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whom commands are done for.
    pub actor: Actor,
    /// Whose subjects they go to.
    pub tenant: Token,
    /// What names the credential without giving it away (a digest or an id).
    pub credential: String,
    /// What this request of theirs draws ids, secrets and time from.
    pub seed: Seed,
}

impl Principal {
    /// A caller whose request was never heard of before.
    pub fn new(actor: Actor, tenant: Token, credential: impl Into<String>) -> Self {
        Self { actor, tenant, credential: credential.into(), seed: Seed::fresh() }
    }
}

/// A caller that another process of the platform let in, with all that its route requires: put among a request's extensions
/// by the layer that has checked the other process's signature, and by nothing that comes over the network.
#[derive(Clone, Debug)]
pub struct Vouched(pub Principal);

/// Turns a bearer credential into a principal; implemented by `access`.
pub trait Authenticator: Send + Sync + 'static {
    /// `None` when the credential is unknown, revoked or expired; a problem when that cannot be told now.
    fn authenticate<'a>(
        &'a self,
        bearer: &'a str,
    ) -> BoxFuture<'a, Result<Option<Principal>, alluvium_kernel::Problem>>;

    /// Whose a credential was that is dead now: for answers to what its death itself was asked with. Nobody's, unless the
    /// implementation remembers.
    fn former<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Option<Principal>, alluvium_kernel::Problem>> {
        let _ = bearer;
        Box::pin(async { Ok(None) })
    }
}

/// Finds out who calls where clients do not just send a key: they sign, or have other headers. What the caller may is decided by
/// the guard, as for every route.
pub trait CredentialReader: Send + Sync + 'static {
    /// The caller; `None` when the request carries no credential. May leave in the request's extensions what its handler needs
    /// to check the body.
    fn read<'a>(
        &'a self,
        parts: &'a mut Parts,
        authenticator: &'a Arc<dyn Authenticator>,
    ) -> BoxFuture<'a, Result<Option<Principal>, alluvium_kernel::Problem>>;
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ProblemResponse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        // Only a handler behind `Requirement::Nothing` can get here without one: it asked for what its route does not demand.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| not_authenticated().into())
    }
}

pub(crate) fn not_authenticated() -> alluvium_kernel::Problem {
    let detail = "This needs a key: send `Authorization: Bearer <key>`.";
    alluvium_kernel::Problem::new("http.not_authenticated", 401, detail)
}

/// The credential a request carries, if any: `Authorization: Bearer`, or the header Keboola clients use.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let from_authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, credential) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
    });
    let given = from_authorization.or_else(|| headers.get("x-storageapi-token")?.to_str().ok().map(str::trim));
    given.filter(|credential| !credential.is_empty())
}
