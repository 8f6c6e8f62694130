//! The REST API of the registry: one handler that routes on the raw path, so that a subject may be called anything.

mod answer;
mod auth;
mod body;
mod compatibility;
mod consumers;
mod contexts;
mod history;
mod ids;
mod lists;
mod negotiate;
mod params;
mod route;
mod service;
mod settings;
mod sight;
mod subjects;
mod tags;
mod versions;
mod write;

use std::sync::Arc;

use alluvium_eventlog::CommandClient;
use alluvium_http::{Authenticator, Op, Route, RouteGroup};
use alluvium_kernel::{Authorizer, Requirement};
use async_nats::jetstream;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;

use crate::ERRORS;
use crate::assess::Settings;
use crate::index::{Follower, PastViews};
use crate::library::Library;

/// Where the API is mounted on the platform's own listener.
pub const PREFIX: &str = "/sr";

/// Which of the known servers is spoken like, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Confluent's.
    #[default]
    Confluent,
    /// Karapace.
    Karapace,
}

/// How one listener answers.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Whom it is like.
    pub dialect: Dialect,
    /// The error code of an incompatible schema: 409 or 40901.
    pub incompatible_code: u32,
    /// Whether texts are answered as Avro's Java library writes them.
    pub java_text: bool,
}

impl Default for Listener {
    fn default() -> Self {
        Self { dialect: Dialect::default(), incompatible_code: 409, java_text: false }
    }
}

/// Gives the text of `/metrics`.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers work with; one for each listener. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    /// Sends commands.
    pub client: CommandClient,
    /// The log, to be read from for history.
    pub js: jetstream::Context,
    /// The index.
    pub follower: Arc<Follower>,
    /// Texts and parsed schemas.
    pub library: Arc<Library>,
    /// Views as they were.
    pub past: PastViews,
    /// Who calls.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who may.
    pub authorizer: Arc<dyn Authorizer>,
    /// What the installation decides by.
    pub settings: Settings,
    /// How this listener answers.
    pub listener: Listener,
    /// Metrics of this process.
    pub metrics: Metrics,
    /// The binary's version and commit.
    pub version: (&'static str, &'static str),
}

/// The API at the root of a listener of its own.
pub fn router(server: Server) -> Router {
    Router::new().fallback(serve).with_state(Arc::new(server))
}

async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    route::answer(&server, request, "").await
}

/// The API below [`PREFIX`], for the platform's listener.
pub fn routes(server: Server) -> RouteGroup {
    type Declare = fn(&'static str, Op) -> Route<Arc<Server>>;
    // Who may is decided behind the route: it depends on the subject, and its answers have a shape of their own.
    let methods: [(Declare, &str); 4] = [
        (|at, op| Route::get(at, anybody, prefixed, op), "get"),
        (|at, op| Route::post(at, anybody, prefixed, op), "post"),
        (|at, op| Route::put(at, anybody, prefixed, op), "put"),
        (|at, op| Route::delete(at, anybody, prefixed, op), "delete"),
    ];
    let routes = methods.iter().map(|(declare, method)| {
        let summary = "The REST API of the schema registry; described by /sr/openapi.json";
        let op = Op::new(&format!("{method}SchemaRegistry"), "schema-registry", summary)
            .otherwise("As /sr/openapi.json describes it");
        declare("/sr/{*path}", op).alias("/sr", &[("path", "")]).alias("/sr/", &[("path", "")])
    });
    RouteGroup::new("schema-registry", Arc::new(server), routes.collect()).error_codes(ERRORS)
}

fn anybody(_: &alluvium_http::PathParams) -> Requirement {
    Requirement::Nothing
}

async fn prefixed(State(server): State<Arc<Server>>, request: Request) -> Response {
    route::answer(&server, request, PREFIX).await
}
