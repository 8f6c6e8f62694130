//! What stands before every handler: path parts, credential, right, limits. There is no way around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_kernel::{Authorizer, BoxFuture, Problem, Requirement};
use axum::extract::{DefaultBodyLimit, FromRequestParts as _, RawPathParams, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::auth::{Authenticator, Principal, Vouched, bearer, not_authenticated};
use crate::extract::too_large;
use crate::problem::{Found, Slot};
use crate::route::RouteInfo;
use crate::{ErrorRenderer, Matched, PathParams, ProblemResponse};

/// What the guard of one pattern knows.
pub(crate) struct Guard {
    pub info: RouteInfo,
    pub template: Arc<str>,
    pub defaults: &'static [(&'static str, &'static str)],
    pub renderer: Arc<dyn ErrorRenderer>,
    pub authenticator: Arc<dyn Authenticator>,
    pub authorizer: Arc<dyn Authorizer>,
    pub placement: Option<Arc<dyn Placement>>,
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
        Ok(request) => match tokio::time::timeout(guard.info.timeout, guard.answer(request, next)).await {
            Ok(response) => response,
            Err(_) => ProblemResponse(timed_out(&guard.info)).into_response(),
        },
    }
}

fn timed_out(info: &RouteInfo) -> Problem {
    let detail = format!(
        "No answer within {} s. A write may still have been accepted: send it again with the same key or command id to learn \
         its outcome.",
        info.timeout.as_secs_f32()
    );
    Problem::unavailable("http.timeout", detail)
}

impl Guard {
    async fn answer(&self, request: Request, next: Next) -> Response {
        match &self.placement {
            Some(placement) => placement.answer(request, next).await,
            None => next.run(request).await,
        }
    }

    async fn admit(&self, request: Request) -> Result<Request, Problem> {
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
        let identified = match vouched {
            Some(Vouched(principal)) => Some(principal),
            None => self.identify(&parts.headers, &requirement).await?,
        };
        if let Some(principal) = identified {
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
        Ok(request)
    }

    /// Leaves for the edge which route this is, whatever happens next.
    fn remember(&self, extensions: &axum::http::Extensions, params: &PathParams, requirement: &Requirement) {
        if let Some(slot) = extensions.get::<Slot>() {
            let matched =
                Matched { template: self.template.clone(), requirement: requirement.clone(), params: params.clone() };
            let _ =
                slot.0.set(Found { matched, renderer: self.renderer.clone(), instrumented: self.info.op.instrumented });
        }
    }

    /// The caller, once it is known to have what the route asks for.
    async fn identify(
        &self,
        headers: &axum::http::HeaderMap,
        requirement: &Requirement,
    ) -> Result<Option<Principal>, Problem> {
        if *requirement == Requirement::Nothing {
            return Ok(None);
        }
        let credential = bearer(headers).ok_or_else(not_authenticated)?;
        let principal = self.authenticator.authenticate(credential).await?.ok_or_else(|| {
            Problem::new("http.unknown_credential", 401, "The key is not known here, or it is revoked or expired.")
        })?;
        self.authorizer.check(&principal.tenant, &principal.actor, requirement).await?;
        Ok(Some(principal))
    }
}
