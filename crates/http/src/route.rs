//! Routes as data.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{ErrorInfo, Requirement};
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;

use crate::auth::CredentialReader;
use crate::later::LaterQuery;
use crate::{ErrorRenderer, Op, PathParams, ProblemRenderer, params};

/// The largest body of a route that sets no other limit, in bytes.
pub const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;
/// How long a route that sets no other limit may take until its answer begins, in seconds.
pub const REQUEST_TIMEOUT_SECONDS: u64 = 60;

/// What a route asks of the caller, by the parts of the path. Pure, so that a test can walk every route × role.
pub type RequirementFn = fn(&PathParams) -> Requirement;

/// A further pattern under which the same route is served, with values for the parts it leaves out.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub pattern: &'static str,
    pub defaults: &'static [(&'static str, &'static str)],
}

/// What a route that succeeds does to the idempotency keys of later requests, and to its caller's credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    #[default]
    Nothing,
    /// The project that the answer's `id` names begins; its requests cannot use the key of this one.
    BeginsProject,
    /// The project of the path ends, with its keys of both kinds.
    EndsProject,
    /// The credential that the path calls `key_id` may end.
    EndsKey,
}

/// One route: it cannot be written down without saying what it requires.
pub struct Route<S = ()> {
    pub(crate) info: RouteInfo,
    pub(crate) handler: MethodRouter<S>,
}

/// What is known about a route besides its handler.
#[derive(Clone)]
pub struct RouteInfo {
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) requirement: RequirementFn,
    pub(crate) op: Op,
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) placed: bool,
    pub(crate) changes: bool,
    pub(crate) keyed: bool,
    pub(crate) afterwards: Afterwards,
    pub(crate) later: Option<&'static str>,
    pub(crate) compressed: bool,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route for any of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`. A `GET` also serves `HEAD`.
    pub fn new<H, T>(method: Method, pattern: &'static str, requirement: RequirementFn, handler: H, op: Op) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("routes are declared for standard methods");
        let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method);
        let info = RouteInfo {
            method,
            pattern,
            aliases: Vec::new(),
            requirement,
            op,
            body_bytes_max: JSON_BYTES_MAX,
            timeout: Duration::from_secs(REQUEST_TIMEOUT_SECONDS),
            placed: false,
            changes,
            keyed: false,
            afterwards: Afterwards::Nothing,
            later: None,
            compressed: false,
        };
        Self { info, handler: on(filter, handler) }
    }

    /// `GET`
    pub fn get<H: Handler<T, S>, T: 'static>(p: &'static str, requirement: RequirementFn, handler: H, op: Op) -> Self {
        Self::new(Method::GET, p, requirement, handler, op)
    }

    /// `POST`
    pub fn post<H: Handler<T, S>, T: 'static>(p: &'static str, requirement: RequirementFn, handler: H, op: Op) -> Self {
        Self::new(Method::POST, p, requirement, handler, op)
    }

    /// `PUT`
    pub fn put<H: Handler<T, S>, T: 'static>(p: &'static str, requirement: RequirementFn, handler: H, op: Op) -> Self {
        Self::new(Method::PUT, p, requirement, handler, op)
    }

    /// `PATCH`
    pub fn patch<H: Handler<T, S>, T: 'static>(
        p: &'static str,
        requirement: RequirementFn,
        handler: H,
        op: Op,
    ) -> Self {
        Self::new(Method::PATCH, p, requirement, handler, op)
    }

    /// `DELETE`
    pub fn delete<H: Handler<T, S>, T: 'static>(
        p: &'static str,
        requirement: RequirementFn,
        handler: H,
        op: Op,
    ) -> Self {
        Self::new(Method::DELETE, p, requirement, handler, op)
    }

    /// Serves the same route under a further pattern; `defaults` are the parts that pattern leaves out, e.g.
    /// `[("branch_id", "default")]`. Metrics, logs and documentation use the first pattern.
    #[must_use]
    pub fn alias(mut self, pattern: &'static str, defaults: &'static [(&'static str, &'static str)]) -> Self {
        self.info.aliases.push(Alias { pattern, defaults });
        self
    }

    /// Another body limit than [`JSON_BYTES_MAX`], in bytes.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.info.body_bytes_max = bytes;
        self
    }

    /// Answered by the process that has what the path names, when several share the work.
    #[must_use]
    pub fn placed(mut self) -> Self {
        self.info.placed = true;
        self
    }

    /// Changes nothing, whatever its method says: asked twice, it answers twice.
    #[must_use]
    pub fn asks(mut self) -> Self {
        self.info.changes = false;
        self
    }

    /// What it does to later requests that come again.
    #[must_use]
    pub fn afterwards(mut self, afterwards: Afterwards) -> Self {
        self.info.afterwards = afterwards;
        self
    }

    /// May be answered later, by a job of this name, when the caller asks for it; a job is shown as a `Job`. `errors` are what may
    /// stand in the way of beginning one.
    #[must_use]
    pub fn later<Job: ToSchema>(mut self, operation: &'static str, errors: &[&'static str]) -> Self {
        let op = self.info.op.query::<LaterQuery>();
        self.info.op =
            op.json::<Job>(202, "The job whose answer this will be").errors(&["http.invalid_query"]).errors(errors);
        self.info.later = Some(operation);
        self
    }

    /// The unique id of its operation.
    pub fn operation_id(&self) -> &str {
        self.info.operation_id()
    }

    /// What is known about it besides its handler.
    pub fn info(&self) -> &RouteInfo {
        &self.info
    }

    /// Another time limit than [`REQUEST_TIMEOUT_SECONDS`] until the answer begins.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.info.timeout = timeout;
        self
    }
}

impl RouteInfo {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whether it is answered by the process that has what the path names.
    pub fn is_placed(&self) -> bool {
        self.placed
    }

    /// The first pattern, in OpenAPI's form (`{*key}` is written `{key}`): the label of metrics and logs.
    pub fn template(&self) -> String {
        self.pattern.replace("{*", "{")
    }

    /// Every pattern it is served under.
    pub fn patterns(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.pattern).chain(self.aliases.iter().map(|alias| alias.pattern))
    }

    /// What it asks of a request with these path parts.
    pub fn requirement(&self, params: &PathParams) -> Requirement {
        (self.requirement)(params)
    }

    /// The unique id of its operation.
    pub fn operation_id(&self) -> &str {
        self.op.operation.operation_id.as_deref().unwrap_or_default()
    }

    /// The statuses that it documents for answers of its own, errors aside.
    pub fn statuses(&self) -> impl Iterator<Item = u16> {
        self.op.operation.responses.responses.keys().filter_map(|status| status.parse().ok())
    }

    /// Names of its query parameters.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.op.operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter.name.as_str()),
            RefOr::Ref(_) => None,
        })
    }

    /// The codes that it documents beyond those which any route can give.
    pub fn codes(&self) -> &[&'static str] {
        &self.op.errors
    }

    /// Names of the path's parts, in order.
    pub fn param_names(&self) -> Vec<String> {
        params::names(self.pattern)
    }
}

/// The routes of one context, with the shape of its errors.
pub struct RouteGroup {
    pub(crate) name: &'static str,
    pub(crate) prefixes: Vec<&'static str>,
    pub(crate) renderer: Arc<dyn ErrorRenderer>,
    pub(crate) credentials: Option<Arc<dyn CredentialReader>>,
    pub(crate) infos: Vec<RouteInfo>,
    pub(crate) handlers: Vec<MethodRouter>,
    pub(crate) errors: &'static [ErrorInfo],
}

impl RouteGroup {
    /// Routes with the state their handlers take.
    pub fn new<S: Clone + Send + Sync + 'static>(name: &'static str, state: S, routes: Vec<Route<S>>) -> Self {
        let (infos, handlers) =
            routes.into_iter().map(|route| (route.info, route.handler.with_state(state.clone()))).unzip();
        Self {
            name,
            prefixes: Vec::new(),
            renderer: Arc::new(ProblemRenderer),
            credentials: None,
            infos,
            handlers,
            errors: &[],
        }
    }

    /// Packs whole texts for clients that ask for it.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        self.infos.iter_mut().for_each(|info| info.compressed = true);
        self
    }

    /// Another shape of errors than RFC 9457, also for unknown paths under these prefixes (`/` for all of no other group).
    #[must_use]
    pub fn errors_as(mut self, renderer: impl ErrorRenderer, prefixes: &[&'static str]) -> Self {
        self.renderer = Arc::new(renderer);
        self.prefixes = prefixes.to_vec();
        self
    }

    /// Does each request that changes something and carries an `X-Idempotency-Key` once, however often it is sent. Handlers
    /// take ids, secrets and the clock from the caller's [`Seed`](crate::Seed).
    #[must_use]
    pub fn keyed(mut self) -> Self {
        for info in &mut self.infos {
            info.keyed = info.changes;
        }
        self
    }

    /// Another way to find out who calls than a key as bearer.
    #[must_use]
    pub fn credentials(mut self, reader: impl CredentialReader) -> Self {
        self.credentials = Some(Arc::new(reader));
        self
    }

    /// The codes the context answers with, for the catalogue.
    #[must_use]
    pub fn error_codes(mut self, errors: &'static [ErrorInfo]) -> Self {
        self.errors = errors;
        self
    }

    /// The group's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its routes.
    pub fn routes(&self) -> &[RouteInfo] {
        &self.infos
    }
}
