//! Routes of the platform as a whole: commands, events, streams, projections, health, metrics.

mod asyncapi;
mod backend;
mod caught_up;
mod commands;
mod events;
mod folds;
mod generations;
mod health;
mod history;
mod lately;
mod metrics;
mod parked;
mod projections;
mod retention;
mod root;
mod streams;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_access::Follower;
use alluvium_eventlog::registry::Registry;
use alluvium_eventlog::{CommandClient, ExecutorHealth};
use alluvium_http::{About, PathParams, Route, RouteGroup, Surface};
use alluvium_kernel::{Authorizer, Problem, Requirement};
use alluvium_projection::{Freshness, Pace, Projections};
use alluvium_storage::fold::Tables;
use alluvium_storage::{Jobs, Queries};
use async_nats::jetstream;
use axum::Router;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::config::Role;
use crate::node::Parts;

pub use backend::make_directories;
use events::last_seq;
pub use events::streams_of;
pub use metrics::install as scrape;
pub use retention::Retained;

/// How long a dependency may take to answer before it counts as away.
const ANSWER_WAIT: Duration = Duration::from_secs(1);

/// What the platform's handlers work with.
#[derive(Clone)]
pub struct Platform {
    js: jetstream::Context,
    pool: PgPool,
    client: CommandClient,
    projections: Projections,
    tables: Option<Arc<Tables>>,
    catalogue: Option<Queries>,
    registry: Option<Arc<Registry>>,
    retention: Option<Retained>,
    executors: Arc<Mutex<Vec<(&'static str, ExecutorHealth)>>>,
    follower: Arc<Follower>,
    authorizer: Arc<dyn Authorizer>,
    data_dir: PathBuf,
    replicas: usize,
    freshness: Freshness,
    caught_up: Arc<caught_up::CaughtUp>,
    lately: Arc<lately::Lately>,
    /// How fast a rebuild may go that does not say.
    pace: Pace,
    stopping: CancellationToken,
    metrics: metrics::Scrape,
}

/// The whole HTTP surface of this process, and the jobs that are carried out through it.
pub fn router(parts: &Parts) -> Result<(Router, Option<Arc<Jobs>>), Problem> {
    let platform = Platform {
        js: parts.js.clone(),
        pool: parts.pool.clone(),
        client: parts.client.clone(),
        projections: parts.projections.clone(),
        tables: parts.tables.clone(),
        catalogue: parts.catalogue(),
        registry: parts.registry.clone(),
        retention: parts.retention.clone(),
        executors: parts.executors.clone(),
        follower: parts.follower.clone(),
        authorizer: parts.access.clone(),
        data_dir: parts.config.data_dir.clone(),
        replicas: parts.config.nats.replicas,
        freshness: parts.freshness.clone(),
        caught_up: Arc::default(),
        lately: Arc::default(),
        pace: parts.config.rebuild.pace(),
        stopping: parts.stopping.clone(),
        metrics: metrics::install()?,
    };
    let mut groups = vec![backend::group(platform.clone(), parts.access.has_admin_key()), group(platform)];
    let whole = crate::node::WholeSurface::default();
    let api = parts.config.roles.contains(&Role::Api);
    if api {
        groups.extend(crate::node::route_groups(parts, &whole)?);
    }
    let about = About { title: "Alluvium".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let surface = Surface::assemble(&about, groups, &crate::errors::without_routes()).map_err(|mistake| {
        tracing::error!(mistake, "the routes do not fit together");
        Problem::internal()
    })?;
    let surface = match crate::node::placement(parts)?.filter(|_| api) {
        Some(placement) => surface.placed_by(placement),
        None => surface,
    };
    let surface = surface.audited_by(parts.auditor.clone());
    let surface = surface.once_by(crate::node::idempotency(parts));
    let jobs = api.then(|| crate::node::jobs(parts, &whole)).transpose()?;
    let surface = match jobs.clone() {
        Some(jobs) => surface.later_by(jobs),
        None => surface,
    };
    let router = surface.into_router(parts.access.clone(), parts.access.clone());
    // Held by what is served, and by nothing within itself, so that it goes when serving ends.
    let kept = Arc::new(router.clone());
    drop(whole.set(Arc::downgrade(&kept)));
    Ok((router.layer(axum::Extension(kept)), jobs))
}

fn group(platform: Platform) -> RouteGroup {
    let mut routes: Vec<Route<Platform>> = Vec::new();
    routes.extend(root::routes());
    routes.extend(health::routes());
    routes.extend(metrics::routes());
    routes.extend(commands::routes());
    routes.extend(asyncapi::routes());
    routes.extend(events::routes());
    routes.extend(history::routes());
    routes.extend(streams::routes());
    routes.extend(projections::routes());
    routes.extend(generations::routes());
    routes.extend(parked::routes());
    routes.extend(retention::routes());
    RouteGroup::new("platform", platform, routes).error_codes(crate::errors::ERRORS)
}

fn public(_: &PathParams) -> Requirement {
    Requirement::Nothing
}

fn authenticated(_: &PathParams) -> Requirement {
    Requirement::Authenticated
}

fn admin(_: &PathParams) -> Requirement {
    Requirement::Admin
}
