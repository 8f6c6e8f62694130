//! What stands before every handler: path parts, credential, right, limits. There is no way around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_kernel::{Actor, Authorizer, BoxFuture, Problem, Requirement};
use axum::extract::{DefaultBodyLimit, FromRequestParts as _, RawPathParams, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::auth::{Authenticator, CredentialReader, Principal, Vouched, bearer, not_authenticated};
use crate::extract::too_large;
use crate::idempotency::{self, Idempotency, Key, Space};
use crate::later::{self, Later, Resumed};
use crate::problem::{Found, Slot};
use crate::route::RouteInfo;
use crate::{Afterwards, ErrorRenderer, Matched, PathParams, ProblemResponse};

/// What the guard of one pattern knows.
pub(crate) struct Guard {
    pub info: RouteInfo,
    pub template: Arc<str>,
    /// The label of what it does, where that is counted as an operation.
    pub operation: Option<Arc<str>>,
    /// The unique id of its operation, and what that does.
    pub named: Arc<(String, String)>,
    pub defaults: &'static [(&'static str, &'static str)],
    pub renderer: Arc<dyn ErrorRenderer>,
    /// Who finds out who calls, where that is not just a key.
    pub credentials: Option<Arc<dyn CredentialReader>>,
    pub authenticator: Arc<dyn Authenticator>,
    pub authorizer: Arc<dyn Authorizer>,
    pub placement: Option<Arc<dyn Placement>>,
    /// Where the route does things once.
    pub idempotency: Option<Arc<Idempotency>>,
    /// Where the route may be answered later.
    pub later: Option<Arc<dyn Later>>,
}

/// Answers requests whose answer may be elsewhere: here, by letting them through, or by asking the process that has it. The
/// request's extensions hold the caller and the parts of the path.
pub trait Placement: Send + Sync + 'static {
    /// The answer to a request that its guard let in.
    fn answer(&self, request: Request, here: Next) -> BoxFuture<'_, Response>;
}

pub(crate) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.admit(request).await {
        Err(problem) => ProblemResponse(problem).into_response(),
        Ok((request, Some((layer, key)))) => idempotency::answer(layer, guard, key, request, next).await,
        Ok((request, None)) => guard.timed(request, next).await,
    }
}

/// A caller that is let in.
struct Identified {
    principal: Principal,
    /// The credential as it was sent; none where another process vouches for its owner, or a request of before is carried out.
    credential: Option<Arc<str>>,
    /// Whether it is dead, by what this very request asked for when it was sent before.
    is_late: bool,
}

/// A request that may go on, and its key where it has one that counts.
type Admitted = (Request, Option<(Arc<Idempotency>, Key)>);

impl Guard {
    /// The answer, within the route's time.
    pub(crate) async fn timed(self: Arc<Self>, request: Request, next: Next) -> Response {
        let ends = match &self.idempotency {
            // A request with a key sees to that itself, as its own key has to stay.
            Some(layer) if self.info.afterwards == Afterwards::EndsProject && is_without_key(&request) => {
                space_of(&request).map(|space| (layer.clone(), space))
            }
            _ => None,
        };
        let answered = tokio::time::timeout(self.info.timeout, self.answer(request, next)).await;
        let response = answered.unwrap_or_else(|_| ProblemResponse(self.timed_out()).into_response());
        if let Some((layer, space)) = ends.filter(|_| response.status().is_success()) {
            layer.end_space(&space, u64::MAX).await;
        }
        response
    }

    pub(crate) fn timed_out(&self) -> Problem {
        let detail = format!(
            "No answer within {} s. A write may still have been accepted: send it again with the same key or command id to \
             learn its outcome.",
            self.info.timeout.as_secs_f32()
        );
        Problem::unavailable("http.timeout", detail)
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        if let (Some(later), Some(operation)) = (&self.later, self.info.later) {
            match later::asked(request.uri(), request.headers()) {
                Ok(true) => return later::defer(later.as_ref(), operation, request).await,
                Ok(false) => {}
                Err(problem) => return ProblemResponse(problem).into_response(),
            }
        }
        match &self.placement {
            Some(placement) => placement.answer(request, next).await,
            None => next.run(request).await,
        }
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Problem> {
        let (mut parts, body) = request.into_parts();
        let raw = RawPathParams::from_request_parts(&mut parts, &()).await.map_err(|_| {
            Problem::new("http.invalid_path", 400, "A part of the path is not UTF-8 once percent-decoded.")
        });
        let given = raw.as_ref().map(|raw| raw.iter().collect::<Vec<_>>()).unwrap_or_default();
        let mut params: BTreeMap<String, String> =
            self.defaults.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        params.extend(given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        let params = PathParams::new(params);
        let requirement = self.info.requirement(&params);
        self.remember(&parts.extensions, &params, &requirement);
        raw?;

        let vouched = parts.extensions.remove::<Vouched>();
        let identified = match (vouched, parts.extensions.remove::<Resumed>()) {
            (Some(Vouched(principal)), _) => Some(Identified { principal, credential: None, is_late: false }),
            (None, Some(Resumed(principal))) => {
                self.check(&parts.extensions, &principal, &requirement).await?;
                Some(Identified { principal, credential: None, is_late: false })
            }
            (None, None) => self.identify(&mut parts, &params, &requirement).await?,
        };
        let key = identified.as_ref().map(|caller| self.key(&parts, &params, caller)).transpose()?.flatten();
        if let Some(Identified { principal, .. }) = identified {
            if let Some(slot) = parts.extensions.get::<Slot>() {
                // Set once per request; a second set cannot happen because a request meets one guard.
                let _ = slot.1.set(principal.clone());
            }
            parts.extensions.insert(principal);
        }
        let limit = self.info.body_bytes_max;
        let declared = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        parts.extensions.insert(params);
        let mut request = Request::from_parts(parts, body);
        DefaultBodyLimit::max(limit).apply(&mut request);
        Ok((request, key))
    }

    /// The key that a request carries, where the route does things once.
    fn key(
        &self,
        parts: &Parts,
        params: &PathParams,
        caller: &Identified,
    ) -> Result<Option<(Arc<Idempotency>, Key)>, Problem> {
        let (Some(layer), Some(credential)) = (&self.idempotency, &caller.credential) else { return Ok(None) };
        let Some(text) = idempotency::given(&parts.headers) else { return Ok(None) };
        let key = Key::new(text?, credential, parts, &self.info, params, &caller.principal);
        Ok(Some((layer.clone(), if caller.is_late { key.late() } else { key })))
    }

    /// Leaves for the edge which route this is, whatever happens next.
    fn remember(&self, extensions: &axum::http::Extensions, params: &PathParams, requirement: &Requirement) {
        if let Some(slot) = extensions.get::<Slot>() {
            let matched =
                Matched { template: self.template.clone(), requirement: requirement.clone(), params: params.clone() };
            let (renderer, operation, named) = (self.renderer.clone(), self.operation.clone(), self.named.clone());
            let (instrumented, changes) = (self.info.op.instrumented, self.info.changes);
            let _ = slot.0.set(Found { matched, renderer, instrumented, operation, named, changes });
        }
    }

    /// The caller, once it is known to have what the route asks for.
    async fn identify(
        &self,
        parts: &mut Parts,
        params: &PathParams,
        requirement: &Requirement,
    ) -> Result<Option<Identified>, Problem> {
        if *requirement == Requirement::Nothing {
            return Ok(None);
        }
        if let Some(reader) = &self.credentials {
            let principal = reader.read(parts, &self.authenticator).await?.ok_or_else(not_authenticated)?;
            self.check(&parts.extensions, &principal, requirement).await?;
            return Ok(Some(Identified { principal, credential: None, is_late: false }));
        }
        let credential: Arc<str> = bearer(&parts.headers).ok_or_else(not_authenticated)?.into();
        let Some(principal) = self.authenticator.authenticate(&credential).await? else {
            return self.late(parts, params, credential).await?.ok_or_else(unknown_credential).map(Some);
        };
        self.check(&parts.extensions, &principal, requirement).await?;
        Ok(Some(Identified { principal, credential: Some(credential), is_late: false }))
    }

    /// Whether a caller has what the route asks for. Who asked, and that it was denied, is left for the account.
    async fn check(
        &self,
        extensions: &axum::http::Extensions,
        principal: &Principal,
        requirement: &Requirement,
    ) -> Result<(), Problem> {
        let noted = extensions.get::<Slot>().map(|slot| slot.2.clone());
        if let Some(noted) = &noted {
            let _ = noted.caller.set(principal.clone());
        }
        let checked = self.authorizer.check(&principal.tenant, &principal.actor, requirement).await;
        if let (Some(noted), Err(problem)) = (noted, &checked)
            && matches!(problem.status, 401 | 403 | 404)
        {
            noted.deny();
        }
        checked
    }

    /// A caller whose credential died of what it asked for: it may still learn that it did.
    async fn late(
        &self,
        parts: &Parts,
        params: &PathParams,
        credential: Arc<str>,
    ) -> Result<Option<Identified>, Problem> {
        if self.info.afterwards == Afterwards::Nothing || idempotency::given(&parts.headers).is_none() {
            return Ok(None);
        }
        let Some(principal) = self.authenticator.former(&credential).await? else { return Ok(None) };
        let died_of_it = match (self.info.afterwards, &principal.actor) {
            (Afterwards::EndsProject, Actor::Key(_)) => true,
            (Afterwards::EndsKey, Actor::Key(id)) => id == params.get("key_id"),
            _ => false,
        };
        let caller = Identified { principal, credential: Some(credential), is_late: true };
        match self.key(parts, params, &caller)? {
            Some((layer, key)) if died_of_it && layer.knows(&key).await? => Ok(Some(caller)),
            _ => Ok(None),
        }
    }
}

fn is_without_key(request: &Request) -> bool {
    idempotency::given(request.headers()).is_none()
}

/// The space of keys of the project that a request is about.
fn space_of(request: &Request) -> Option<Space> {
    let (principal, params) = (request.extensions().get::<Principal>()?, request.extensions().get::<PathParams>()?);
    Some(Space::new(&principal.tenant, params.get("project_id")))
}

pub(crate) fn unknown_credential() -> Problem {
    Problem::new("http.unknown_credential", 401, "The key is not known here, or it is revoked or expired.")
}
