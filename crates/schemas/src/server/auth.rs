//! Who calls: Basic with the id of a key and the key, or the key as bearer; everybody, where the registry is open.

use alluvium_http::Principal;
use alluvium_kernel::{Actor, DEFAULT_TENANT, Problem, Requirement, Token};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Server;

impl Server {
    /// The caller, once it may do what it asks for.
    pub(super) async fn admit(&self, headers: &HeaderMap, requirement: &Requirement) -> Result<Principal, Problem> {
        let given = credential(headers);
        if self.open && given.is_none() {
            return Ok(anybody());
        }
        let (user, secret) = given.ok_or_else(|| refused("Unauthorized"))?;
        let principal = self.authenticator.authenticate(&secret).await?.ok_or_else(|| refused("Unauthorized"))?;
        if user.is_some_and(|user| user != principal.credential) {
            return Err(refused("Unauthorized"));
        }
        let allowed = self.authorizer.check(&principal.tenant, &principal.actor, requirement).await;
        allowed.map_err(|problem| if problem.is_transient() { problem } else { forbidden() })?;
        Ok(principal)
    }
}

/// Whoever calls an open registry acts for its admin.
pub(super) fn anybody() -> Principal {
    let tenant = Token::encode(DEFAULT_TENANT).expect("the default tenant is a plain word");
    Principal { actor: Actor::Admin, tenant, credential: "open".to_owned() }
}

/// User, if any, and secret.
fn credential(headers: &HeaderMap) -> Option<(Option<String>, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, secret) = text.split_once(':')?;
    Some((Some(user.to_owned()), secret.to_owned()))
}

fn refused(detail: &str) -> Problem {
    Problem::new("http.not_authenticated", 401, detail)
}

fn forbidden() -> Problem {
    Problem::new("access.forbidden", 403, "User is denied operation on this server.")
}
