//! Who calls: Basic with the id of a key and the key, or the key as bearer; everybody, where the registry is open.

use alluvium_http::Principal;
use alluvium_kernel::{Actor, DEFAULT_TENANT, Problem, Requirement, SchemaRights, Token};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Server;
use super::sight::forbidden;

impl Server {
    /// The caller, and all that it may. In an open registry everybody may everything, each in its own tenant.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(Principal, SchemaRights), Problem> {
        let given = credential(headers);
        if self.settings.open && given.is_none() {
            return Ok((anybody(), SchemaRights::everything()));
        }
        let (user, secret) = given.ok_or_else(|| refused("Unauthorized"))?;
        let principal = self.authenticator.authenticate(&secret).await?.ok_or_else(|| refused("Unauthorized"))?;
        if user.is_some_and(|user| user != principal.credential) {
            return Err(refused("Unauthorized"));
        }
        let requirement = &Requirement::Authenticated;
        let allowed = self.authorizer.check(&principal.tenant, &principal.actor, requirement).await;
        allowed.map_err(|problem| if problem.is_transient() { problem } else { forbidden() })?;
        let rights = self.rights_of(&principal).await?;
        Ok((principal, rights))
    }

    /// All that a caller may now.
    pub(super) async fn rights_of(&self, principal: &Principal) -> Result<SchemaRights, Problem> {
        if self.settings.open {
            return Ok(SchemaRights::everything());
        }
        self.authorizer.schema_rights(&principal.tenant, &principal.actor).await
    }
}

/// Whoever calls an open registry acts for its admin.
pub(super) fn anybody() -> Principal {
    let tenant = Token::encode(DEFAULT_TENANT).expect("the default tenant is a plain word");
    Principal::new(Actor::Admin, tenant, "open")
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
    // Some clients that were given nothing to show say just that.
    (text != ":").then(|| (Some(user.to_owned()), secret.to_owned()))
}

fn refused(detail: &str) -> Problem {
    Problem::new("http.not_authenticated", 401, detail)
}
