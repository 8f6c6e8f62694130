//! All groups of routes, made into one router.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_kernel::Authorizer;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::MethodRouter;
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};

use crate::edge::{EXPOSED, Edge, catch_panic, edge, method_not_allowed, not_found};
use crate::expect::close_where_unasked;
use crate::guard::{Guard, guard};
use crate::gzip::gzip;
use crate::{
    Audit, Authenticator, Catalogue, ErrorInfo, Idempotency, Later, Placement, RouteGroup, RouteInfo, docs, openapi,
};

/// How the surface presents itself in its documentation.
#[derive(Clone, Debug)]
pub struct About {
    /// Title of `/docs`.
    pub title: String,
    /// The binary's version.
    pub version: String,
}

/// Everything served over HTTP.
pub struct Surface {
    groups: Vec<RouteGroup>,
    catalogue: Arc<Catalogue>,
    openapi: Arc<utoipa::openapi::OpenApi>,
    placement: Option<Arc<dyn Placement>>,
    idempotency: Option<Arc<Idempotency>>,
    later: Option<Arc<dyn Later>>,
    audit: Option<Arc<dyn Audit>>,
}

impl Surface {
    /// Assembles groups. `errors` are the lists of crates that have codes but no routes. Fails, by name, on a code listed
    /// twice, an operation id used twice, an operation that answers with an unlisted code, a name of two different
    /// schemas, and an alias that leaves a part of the path without a value: mistakes of ours that a test of the wiring finds.
    pub fn assemble(
        about: &About,
        mut groups: Vec<RouteGroup>,
        errors: &[&'static [ErrorInfo]],
    ) -> Result<Self, String> {
        let lists = groups.iter().map(|group| group.errors).chain(errors.iter().copied()).chain([crate::ERRORS]);
        let catalogue = Arc::new(Catalogue::gather(lists)?);
        check(&groups, &catalogue)?;
        let openapi = Arc::new(openapi::assemble(about, &groups, &catalogue));
        groups.push(docs::group(about, openapi.clone(), catalogue.clone()));
        Ok(Self { groups, catalogue, openapi, placement: None, idempotency: None, later: None, audit: None })
    }

    /// Lets routes that are [placed](crate::Route::placed) be answered by the process that has what they are about.
    #[must_use]
    pub fn placed_by(mut self, placement: Arc<dyn Placement>) -> Self {
        self.placement = Some(placement);
        self
    }

    /// Lets groups that are [keyed](RouteGroup::keyed) do what comes again once.
    #[must_use]
    pub fn once_by(mut self, idempotency: Arc<Idempotency>) -> Self {
        self.idempotency = Some(idempotency);
        self
    }

    /// Lets routes that say so be answered [later](crate::Route::later).
    #[must_use]
    pub fn later_by(mut self, later: Arc<dyn Later>) -> Self {
        self.later = Some(later);
        self
    }

    /// Keeps account of requests.
    #[must_use]
    pub fn audited_by(mut self, audit: Arc<dyn Audit>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Every route, for whoever walks them.
    pub fn routes(&self) -> impl Iterator<Item = &RouteInfo> {
        self.groups.iter().flat_map(|group| &group.infos)
    }

    /// All error codes.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What `/openapi.json` serves.
    pub fn openapi(&self) -> &utoipa::openapi::OpenApi {
        &self.openapi
    }

    /// The router: every route behind its guard, every answer through the edge.
    pub fn into_router(self, authenticator: Arc<dyn Authenticator>, authorizer: Arc<dyn Authorizer>) -> Router {
        let mut by_pattern: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
        let mut prefixes = Vec::new();
        for group in self.groups {
            prefixes.extend(group.prefixes.iter().map(|prefix| (*prefix, group.renderer.clone())));
            for (info, handler) in group.infos.into_iter().zip(group.handlers) {
                let served = info.aliases.iter().map(|alias| (alias.pattern, alias.defaults));
                for (pattern, defaults) in std::iter::once((info.pattern, &[][..])).chain(served) {
                    let state = Guard {
                        info: info.clone(),
                        template: info.template().into(),
                        operation: info.keyed.then(|| snake_case(info.operation_id()).into()),
                        named: Arc::new((info.operation_id().to_owned(), info.op.summary().to_owned())),
                        defaults,
                        renderer: group.renderer.clone(),
                        credentials: group.credentials.clone(),
                        authenticator: authenticator.clone(),
                        authorizer: authorizer.clone(),
                        placement: self.placement.clone().filter(|_| info.placed),
                        idempotency: self.idempotency.clone().filter(|_| info.keyed),
                        later: self.later.clone().filter(|_| info.later.is_some()),
                    };
                    let handler = handler.clone();
                    let handler = if info.compressed { handler.route_layer(from_fn(gzip)) } else { handler };
                    let guarded = handler.route_layer(from_fn_with_state(Arc::new(state), guard));
                    let merged = by_pattern.remove(pattern).unwrap_or_default().merge(guarded);
                    by_pattern.insert(pattern, merged);
                }
            }
        }
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let state = Arc::new(Edge { catalogue: self.catalogue, prefixes, audit: self.audit });
        let cors = CorsLayer::new()
            .allow_origin(Any)
            .allow_methods(AllowMethods::mirror_request())
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED);
        by_pattern
            .into_iter()
            .fold(Router::new(), |router, (pattern, methods)| router.route(pattern, methods))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn(catch_panic))
            .layer(cors)
            .layer(from_fn_with_state(state, edge))
            .layer(from_fn(close_where_unasked))
    }
}

/// `createTable` as `create_table`.
fn snake_case(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut snake, letter| {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        snake
    })
}

fn check(groups: &[RouteGroup], catalogue: &Catalogue) -> Result<(), String> {
    let (mut ids, mut schemas) = (BTreeMap::new(), BTreeMap::new());
    for info in groups.iter().flat_map(|group| &group.infos) {
        let id = info.operation_id();
        if let Some(earlier) = ids.insert(id, info.pattern) {
            return Err(format!("`{earlier}` and `{}` share the operation id `{id}`", info.pattern));
        }
        if let Some(code) = info.op.errors.iter().find(|code| catalogue.get(code).is_none()) {
            return Err(format!("`{id}` answers with `{code}`, which no list of errors has"));
        }
        for (name, schema) in &info.op.schemas {
            if schemas.insert(name, schema).is_some_and(|earlier| earlier != schema) {
                return Err(format!("`{name}`, of which `{id}` speaks, is the name of two schemas"));
            }
        }
        for alias in &info.aliases {
            let mut has = crate::params::names(alias.pattern);
            has.extend(alias.defaults.iter().map(|(name, _)| (*name).to_owned()));
            if let Some(missing) = info.param_names().into_iter().find(|name| !has.contains(name)) {
                return Err(format!("the alias `{}` of `{id}` gives no `{missing}`", alias.pattern));
            }
        }
    }
    Ok(())
}
