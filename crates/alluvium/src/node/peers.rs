//! The address where other processes of the platform ask for tables that are kept here.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alluvium_eventlog::registry::{Member, Registry};
use alluvium_http::{About, Authenticator, MIN_POSITION, MinPosition, Principal, Surface, Vouched, WAIT_MS};
use alluvium_http::{JSON_BYTES_MAX, Json};
use alluvium_kernel::{Actor, BoxFuture, Problem, SigningKey, Token};
use alluvium_storage::fold::Tables;
use alluvium_storage::{RemoteSizes, TableStats};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::Parts;
use super::places::{Places, TABLES};
use super::vouch::{VOUCHER, Vouchers, vouch};

/// Where sizes are asked for.
const SIZES: &str = "/peer/sizes";
/// How long another process may take to tell its sizes besides what the caller waits, in seconds.
const SIZES_SECONDS_MAX: u64 = 5;

/// Rows and bytes by the uid of a table.
type Sizes = HashMap<String, (u64, u64)>;

/// The routes about tables, for whoever another process vouches for; nothing else, and nobody else.
pub fn router(parts: &Parts, registry: Arc<Registry>, tables: Arc<Tables>) -> Result<Router, Problem> {
    let key = parts.secrets.signing_key.clone();
    let links = parts.catalogue().ok_or_else(Problem::internal)?;
    let places = Places::inward(registry, parts.js.clone(), key.clone(), tables.clone(), links);
    let about = About { title: "Alluvium".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let group = super::routes::storage(parts).ok_or_else(Problem::internal)?;
    let surface = Surface::assemble(&about, vec![group], &crate::errors::besides_storage()).map_err(|mistake| {
        tracing::error!(mistake, "the routes for other processes do not fit together");
        Problem::internal()
    })?;
    let sizes = Router::new().route(SIZES, get(tell_sizes)).with_state(tables);
    let routes = surface.placed_by(Arc::new(places)).into_router(Arc::new(Nobody), parts.access.clone());
    Ok(sizes.fallback_service(routes).layer(from_fn_with_state(Arc::new(Vouchers::new(key)), admit)))
}

/// Behind this address no key opens anything.
struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async { Ok(None) })
    }
}

/// Stands before everything: without a voucher there is no way in.
async fn admit(State(vouchers): State<Arc<Vouchers>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, JSON_BYTES_MAX).await else {
        return plain(&Problem::new("http.body_too_large", 413, "The body is too large."));
    };
    match vouchers.check(&parts, &body) {
        Ok(principal) => {
            parts.extensions.insert(Vouched(principal));
            next.run(Request::from_parts(parts, Body::from(body))).await
        }
        Err(problem) => {
            tracing::warn!(http.path = parts.uri.path(), "somebody who is no process of the platform asked for tables");
            plain(&problem)
        }
    }
}

/// A problem outside of any surface.
fn plain(problem: &Problem) -> Response {
    let status = axum::http::StatusCode::from_u16(problem.status).unwrap_or(axum::http::StatusCode::UNAUTHORIZED);
    (status, axum::Json(problem.clone())).into_response()
}

async fn tell_sizes(State(tables): State<Arc<Tables>>, wanted: MinPosition) -> Response {
    match tables.wait_all(&wanted.position, wanted.budget).await {
        Ok(()) => Json(tables.sizes()).into_response(),
        Err(problem) => plain(&problem),
    }
}

/// Sizes of all tables: those here as they are, the others' as they were told last.
pub struct PeerSizes {
    registry: Arc<Registry>,
    key: SigningKey,
    here: Option<Arc<Tables>>,
    http: reqwest::Client,
    there: RwLock<Sizes>,
}

impl PeerSizes {
    /// Knows nothing of others until it is refreshed.
    pub fn new(registry: Arc<Registry>, key: SigningKey, here: Option<Arc<Tables>>) -> Self {
        Self { registry, key, here, http: crate::http::client(), there: RwLock::default() }
    }

    async fn ask(&self, member: &Member, wanted: &MinPosition) -> Result<Sizes, Problem> {
        let address = member.address.as_deref().unwrap_or_default();
        let position = HeaderValue::from_str(&wanted.position.to_token()).map_err(|_| Problem::internal())?;
        let request = axum::http::Request::get(SIZES)
            .header(MIN_POSITION, position)
            .header(WAIT_MS, wanted.budget.as_millis().to_string())
            .body(())
            .map_err(|_| Problem::internal())?;
        let (parts, ()) = request.into_parts();
        let tenant = Token::encode(alluvium_kernel::DEFAULT_TENANT).map_err(|_| Problem::internal())?;
        let principal = Principal::new(Actor::System("api".into()), tenant, "api");
        let voucher = vouch(&self.key, &principal, &parts, b"")?;
        let asked = async {
            let timeout = wanted.budget + Duration::from_secs(SIZES_SECONDS_MAX);
            let request = self.http.get(format!("http://{address}{SIZES}")).headers(parts.headers).timeout(timeout);
            request.header(VOUCHER, voucher).send().await?.error_for_status()?.bytes().await
        };
        let unknown = |error: &dyn std::fmt::Display| {
            tracing::warn!(node = %member.node, error = %error, "a process does not tell the sizes of its tables");
            Problem::unavailable(
                "storage.table_moving",
                "Not all processes tell the sizes of their tables now. Try again.",
            )
        };
        let bytes = asked.await.map_err(|error| unknown(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| unknown(&error))
    }
}

impl TableStats for PeerSizes {
    fn stats(&self, uid: &str) -> Option<(u64, u64)> {
        let here = self.here.as_ref().and_then(|tables| tables.size(uid));
        here.or_else(|| self.there.read().unwrap_or_else(PoisonError::into_inner).get(uid).copied())
    }
}

impl RemoteSizes for PeerSizes {
    fn refresh<'a>(&'a self, wanted: &'a MinPosition) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            let members = self.registry.members();
            let others = members.iter().filter(|member| member.runs(TABLES) && member.node != self.registry.node());
            let told = futures::future::try_join_all(others.map(|member| self.ask(member, wanted))).await?;
            *self.there.write().unwrap_or_else(PoisonError::into_inner) = told.into_iter().flatten().collect();
            Ok(())
        })
    }
}
