//! From a request to who asks: a key, a person who logged in, or a workload that a tenant trusts; and in which tenant.

use std::sync::Arc;

use alluvium_http::{Authenticator, CredentialReader, Principal, Seed, Subprotocols};
use alluvium_kernel::{Actor, BoxFuture, DEFAULT_TENANT, Problem, Token};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::claims::Claims;
use super::jwks::KeySets;
use super::jwt::{Unverified, is_token};
use super::settings::LoginSettings;
use super::trusted;
use super::user_id;
use crate::contract::{AddMember, Command, CreateTenant};
use crate::desk::{KeyDesk, ROLE};
use crate::error;
use crate::model::{OWNER, Role};
use crate::tenancy::Known;

/// The header that names the tenant that is meant.
const TENANT_HEADER: &str = "feldera-tenant";

/// Finds out who asks. Cheap to clone.
#[derive(Clone)]
pub struct Logins {
    desk: KeyDesk,
    settings: Arc<LoginSettings>,
    keys: Arc<KeySets>,
}

/// What a request says of who asks.
struct Given {
    bearer: String,
    tenant: Option<String>,
}

/// A person who logged in.
#[derive(Clone, Debug)]
struct Person {
    id: String,
    is_owner: bool,
}

/// Who asks, and where they may act.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    /// The tenant that they act in; none while that is not clear.
    pub acting: Option<(Known, &'static str)>,
    /// The tenants that a person is a member of.
    pub memberships: Vec<(Known, Role)>,
}

impl Logins {
    /// Over the keys and grants that `desk` stands on.
    pub fn new(desk: KeyDesk, settings: LoginSettings, keys: KeySets) -> Self {
        Self { desk, settings: Arc::new(settings), keys: Arc::new(keys) }
    }

    pub(crate) fn desk(&self) -> &KeyDesk {
        &self.desk
    }

    pub(crate) fn settings(&self) -> &LoginSettings {
        &self.settings
    }

    /// Whoever sent a request; none where it has no credential.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        by_key: &dyn Authenticator,
    ) -> Result<Option<Principal>, Problem> {
        let Some(given) = given(headers) else { return Ok(None) };
        if !is_token(&given.bearer) {
            return self.of_key(&given, by_key).await.map(Some);
        }
        let (claims, issuer) = self.verified(&given.bearer).await?;
        if self.settings.is_login(&issuer) {
            let person = self.person(&claims, &issuer).await?;
            let (tenant, _) = self.acting(&person, given.tenant.as_deref())?;
            return Ok(Some(person.principal(&tenant)));
        }
        self.workload(&claims, &issuer, given.tenant.as_deref()).map(Some)
    }

    /// Who sent a request, also where it is not clear in which tenant they act.
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        by_key: &dyn Authenticator,
    ) -> Result<Option<Session>, Problem> {
        let Some(given) = given(headers) else { return Ok(None) };
        if is_token(&given.bearer) {
            let (claims, issuer) = self.verified(&given.bearer).await?;
            if self.settings.is_login(&issuer) {
                let person = self.person(&claims, &issuer).await?;
                let memberships = self.known(|known| known.memberships(&person.id))?;
                let acting = self.acting(&person, given.tenant.as_deref());
                let acting = match acting {
                    Ok(acting) => Some(acting),
                    Err(unclear) if matches!(unclear.status, 400 | 403) && given.tenant.is_none() => None,
                    Err(problem) => return Err(problem),
                };
                return Ok(Some(Session { acting, memberships }));
            }
        }
        let Some(principal) = self.principal(headers, by_key).await? else { return Ok(None) };
        let known = self.known(|known| known.of(&principal.tenant))?;
        let known = known.ok_or_else(|| error::unknown_tenant(principal.tenant.as_str()))?;
        let role = self.role(&principal).await?;
        Ok(Some(Session { acting: role.map(|role| (known, role)), memberships: Vec::new() }))
    }

    /// What somebody may with the pipelines of their tenant; none where they may nothing.
    async fn role(&self, principal: &Principal) -> Result<Option<&'static str>, Problem> {
        use alluvium_kernel::{Authorizer as _, Requirement};

        match &principal.actor {
            Actor::Owner(_) => return Ok(Some(OWNER)),
            Actor::Login(id) => {
                return Ok(self.known(|known| known.role(&principal.tenant, id))?.map(Role::as_str));
            }
            Actor::Admin | Actor::Key(_) | Actor::Nats(_) | Actor::System(_) => {}
        }
        let access = self.desk.access();
        for (requirement, role) in [
            (Requirement::PipelineAdmin, Role::Admin),
            (Requirement::PipelineWrite, Role::Write),
            (Requirement::PipelineRead, Role::Read),
        ] {
            match access.check(&principal.tenant, &principal.actor, &requirement).await {
                Ok(()) => return Ok(Some(role.as_str())),
                Err(problem) if problem.is_transient() => return Err(problem),
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn known<T>(&self, look: impl FnOnce(&crate::tenancy::Tenancy) -> T) -> Result<T, Problem> {
        Ok(self.desk.access().follower().get()?.tenancy(look))
    }

    async fn of_key(&self, given: &Given, by_key: &dyn Authenticator) -> Result<Principal, Problem> {
        let found = by_key.authenticate(&given.bearer).await?;
        let Some(mut principal) = found else {
            let detail = "The key is not known here, or it is revoked or expired.";
            return Err(Problem::new("http.unknown_credential", 401, detail));
        };
        // A key is of one tenant; whoever has the installation's own key may act in any.
        if let (Actor::Admin, Some(tenant)) = (&principal.actor, &given.tenant) {
            principal.tenant = self.tenant(tenant)?.ok_or_else(|| error::unknown_tenant(tenant))?.token;
        }
        Ok(principal)
    }

    fn tenant(&self, tenant: &str) -> Result<Option<Known>, Problem> {
        self.known(|known| known.find(tenant))
    }

    /// What a token says, and who vouches for it. Only issuers are asked that the configuration or a trust names.
    async fn verified(&self, token: &str) -> Result<(Claims, String), Problem> {
        let token = Unverified::parse(token).map_err(error::invalid_token)?;
        let issuer = token.issuer().ok_or_else(|| error::invalid_token("the token names no issuer"))?.to_owned();
        let is_login = self.settings.is_login(&issuer);
        let is_owner_trusted = self.settings.owner_trusts.iter().any(|trust| trust.issuer == issuer);
        if !is_login && !is_owner_trusted && self.known(|known| known.trusts_in(&issuer).is_empty())? {
            return Err(error::invalid_token("the token's issuer is trusted by nobody here"));
        }
        if !is_login && token.key_id.is_none() {
            return Err(error::invalid_token("the token does not say by which key it is signed"));
        }
        let key = self.keys.key(&issuer, token.key_id.as_deref()).await?;
        let claims = Claims(token.verify(&key).map_err(error::invalid_token)?);
        claims.check_time(crate::access::now().micros() / 1_000_000)?;
        if is_login {
            claims.check_login(&self.settings)?;
        }
        Ok((claims, issuer))
    }

    /// Whoever a login is of; tenants and memberships that it stands for are there afterwards.
    async fn person(&self, claims: &Claims, issuer: &str) -> Result<Person, Problem> {
        let subject = claims.subject()?;
        let verified_email = claims.email().filter(|_| claims.is_email_verified());
        let is_owner = self.settings.is_owner(issuer, subject, verified_email);
        let person = Person { id: user_id(issuer, subject), is_owner };
        if !self.settings.provision_on_login {
            return Ok(person);
        }
        let claimed = claims.tenants();
        if !claimed.is_empty() {
            for name in &claimed {
                self.provision(&person, name, "claim", claims, issuer).await?;
            }
            return Ok(person);
        }
        // Who is a member of something needs no tenant made up for them; neither do owners, who act in any.
        if person.is_owner || !self.known(|known| known.memberships(&person.id))?.is_empty() {
            return Ok(person);
        }
        let host = url::Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        let derived = match host.filter(|_| self.settings.issuer_tenant) {
            Some(host) => Some(host),
            None => self.settings.individual_tenant.then(|| subject.to_owned()),
        };
        if let Some(name) = derived {
            self.provision(&person, &name, "derived", claims, issuer).await?;
        }
        Ok(person)
    }

    /// A tenant is there, and a person is a member of it.
    async fn provision(
        &self,
        person: &Person,
        name: &str,
        origin: &str,
        claims: &Claims,
        issuer: &str,
    ) -> Result<(), Problem> {
        let (own, seed) = (Actor::System(ROLE.to_owned()), Seed::fresh());
        let tenant = if let Some(tenant) = self.known(|known| known.named(name))? {
            tenant
        } else {
            let default = Token::encode(DEFAULT_TENANT).map_err(|_| Problem::internal())?;
            let create = CreateTenant { name: name.to_owned(), provider: issuer.to_owned() };
            self.desk.tell(&default, &own, &seed, Command::Installation(create.into())).await?;
            self.known(|known| known.named(name))?.ok_or_else(Problem::internal)?
        };
        let (is_member, is_first) = self.known(|known| {
            (known.role(&tenant.token, &person.id).is_some(), known.members(&tenant.token).is_empty())
        })?;
        if is_member {
            return Ok(());
        }
        let role = if is_first { self.settings.first_user_role } else { self.settings.default_role };
        let add = AddMember {
            user: person.id.clone(),
            issuer: issuer.to_owned(),
            subject: claims.subject()?.to_owned(),
            email: claims.email().map(str::to_owned),
            email_verified: claims.is_email_verified(),
            role: role.to_string(),
            origin: origin.to_owned(),
        };
        self.desk.tell(&tenant.token, &own, &seed, Command::Membership(add.into())).await?;
        Ok(())
    }

    /// The tenant that a person acts in, and their role there.
    fn acting(&self, person: &Person, wanted: Option<&str>) -> Result<(Known, &'static str), Problem> {
        let memberships = self.known(|known| known.memberships(&person.id))?;
        if person.is_owner {
            let tenant = match (wanted, &memberships[..]) {
                (Some(wanted), _) => self.tenant(wanted)?.ok_or_else(|| error::unknown_tenant(wanted))?,
                (None, [(home, _), ..]) => home.clone(),
                (None, []) => self.home()?,
            };
            return Ok((tenant, OWNER));
        }
        let chosen = match wanted {
            // Whoever is no member does not learn which tenants there are.
            Some(wanted) => {
                let tenant = self.tenant(wanted)?.ok_or_else(error::not_a_member)?;
                memberships.into_iter().find(|(known, _)| *known == tenant).ok_or_else(error::not_a_member)?
            }
            None if memberships.len() > 1 => return Err(error::ambiguous_membership()),
            None => memberships.into_iter().next().ok_or_else(error::no_memberships)?,
        };
        Ok((chosen.0, chosen.1.as_str()))
    }

    /// The tenant that is always there.
    fn home(&self) -> Result<Known, Problem> {
        let token = Token::encode(DEFAULT_TENANT).map_err(|_| Problem::internal())?;
        self.known(|known| known.of(&token))?.ok_or_else(Problem::internal)
    }

    /// A workload, by the trust that lets it in.
    fn workload(&self, claims: &Claims, issuer: &str, wanted: Option<&str>) -> Result<Principal, Problem> {
        let is_owner =
            self.settings.owner_trusts.iter().any(|trust| {
                trust.issuer == issuer && trusted::lets_in(&trust.subject, trust.audience.as_deref(), claims)
            });
        let tenant = match wanted {
            Some(wanted) => Some(self.tenant(wanted)?.ok_or_else(|| error::unknown_tenant(wanted))?),
            None => None,
        };
        if is_owner {
            let person = Person { id: user_id(issuer, claims.subject()?), is_owner };
            let tenant = match tenant {
                Some(tenant) => tenant,
                None => self.home()?,
            };
            return Ok(person.principal(&tenant));
        }
        let mut trusts = self.known(|known| known.trusts_in(issuer))?;
        trusts.retain(|(_, trust)| trusted::lets_in(&trust.added.subject, trust.added.audience.as_deref(), claims));
        let (tenant, trust) = trusted::choose(trusts, tenant.as_ref().map(|tenant| &tenant.token))?;
        let id = trust.added.id;
        Ok(Principal::new(Actor::Login(id.clone()), tenant, format!("trust:{id}")))
    }
}

impl Person {
    fn principal(&self, tenant: &Known) -> Principal {
        let actor = if self.is_owner { Actor::Owner(self.id.clone()) } else { Actor::Login(self.id.clone()) };
        Principal::new(actor, tenant.token.clone(), format!("login:{}", self.id))
    }
}

/// What a request says of who asks: in headers, or where WebSocket clients say it.
fn given(headers: &HeaderMap) -> Option<Given> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty());
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, credential) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim().to_owned())
    });
    let offered = Subprotocols::of(headers);
    let bearer = bearer.or(offered.bearer).filter(|bearer| !bearer.is_empty())?;
    let tenant = text(TENANT_HEADER).map(str::to_owned).or(offered.tenant);
    Some(Given { bearer, tenant })
}

impl CredentialReader for Logins {
    fn read<'a>(
        &'a self,
        parts: &'a mut Parts,
        authenticator: &'a Arc<dyn Authenticator>,
    ) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        let headers = parts.headers.clone();
        Box::pin(async move { self.principal(&headers, authenticator.as_ref()).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stand_in_headers_or_in_protocols() {
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            given(&headers).map(|given| (given.bearer, given.tenant))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("authorization", "Basic x")]), None);
        assert_eq!(of(&[("feldera-tenant", "t")]), None);
        assert_eq!(of(&[("authorization", "bearer  k ")]), Some(("k".into(), None)));
        assert_eq!(of(&[("authorization", "Bearer k"), ("feldera-tenant", "t")]), Some(("k".into(), Some("t".into()))));
        let offered = ("sec-websocket-protocol", "feldera-bearer.aw, feldera-tenant.dA, feldera-ws-v1");
        assert_eq!(of(&[offered]), Some(("k".into(), Some("t".into()))));
        assert_eq!(of(&[offered, ("authorization", "Bearer own")]), Some(("own".into(), Some("t".into()))));
    }
}
