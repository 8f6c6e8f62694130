//! What each role runs.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_access::{AccessContext, forgetting, project_keys};
use alluvium_eventlog::{BoundedContext, Executor, ExecutorOptions, LogOptions};
use alluvium_pipelines::{ClusterWatch, PipelinesContext, WatchParts};
use alluvium_platform::{Journal, PlatformContext, Remedies};
use alluvium_schemas::SchemasContext;
use alluvium_schemas::server::Server;
use alluvium_storage::fold::{Owners, note_decided};
use alluvium_storage::{ShareEnforcement, Storage};
use axum::Router;
use tokio::net::TcpListener;

use super::endings::Endings;
use super::tasks::Tasks;
use super::{Parts, at_start, expiry, remedies, retention, upgrade, workspaces};
use crate::config::Role;
use crate::failure::Failure;
use crate::platform;

/// Bound of the aggregates at hand of the schema registry, in bytes of their events. One aggregate has all schemas of a context and
/// must stay at hand; it keeps numbers and hashes, a small part of what its events said.
const SCHEMAS_EVENTS_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What every role needs: who is known, and, when it only reads, how far the folds of others are.
pub fn followers(parts: &Parts, tasks: &mut Tasks) {
    tasks.spawn("access.follower", parts.follower.clone().run(tasks.token()));
    tasks.spawn("schemas.follower", parts.schemas.clone().run(tasks.token()));
    let writer = parts.usage.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(writer) = writer {
        tasks.spawn("access.usage", writer.run(tasks.token()));
    }
    let account = parts.account.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(account) = account {
        tasks.spawn("audit", account.run(tasks.token()));
    }
    if let Some(registry) = &parts.registry {
        tasks.spawn("nodes", registry.clone().run(tasks.token()));
    }
    if !parts.config.roles.contains(&Role::Projections) {
        let (projections, stop) = (parts.projections.clone(), tasks.token());
        tasks.spawn("projections.follow", async move { projections.follow(stop).await });
    }
}

/// Decides on commands. Where several processes share the work, only once all that read the log are as new as this one: events
/// that an older one does not know would stand in its way.
pub fn commands(parts: &Parts, tasks: &mut Tasks) {
    execute(parts, tasks, "commands.access", Arc::new(AccessContext));
    execute(parts, tasks, "commands.pipelines", Arc::new(PipelinesContext));
    execute(parts, tasks, "commands.platform", Arc::new(PlatformContext::new(super::PROJECTIONS)));
    let schemas = SchemasContext::new(parts.library.clone(), super::schemas::settings(&parts.config));
    execute(parts, tasks, "commands.schemas", Arc::new(schemas));
    let links = match parts.config.share_enforcement {
        crate::config::ShareEnforcement::Strict => ShareEnforcement::Strict,
        crate::config::ShareEnforcement::Open => ShareEnforcement::Open,
    };
    execute(parts, tasks, "commands.storage", Arc::new(Storage { links, undrop: parts.config.retention.undrop() }));
    let watch = ClusterWatch::new(WatchParts {
        health: super::pipelines::health(parts),
        client: parts.client.clone(),
        js: parts.js.clone(),
        owner: parts.identity.name().to_owned(),
        replicas: parts.config.nats.replicas,
        look_every: ClusterWatch::look_every(),
    });
    tasks.spawn("pipelines.cluster", watch.run(tasks.token()));
    let (desk, js, stop) = (parts.desk.clone(), parts.js.clone(), tasks.token());
    tasks.spawn("access.project_keys", project_keys::run(desk, js, stop));
    let (seals, js, stop) = (parts.client.seals().clone(), parts.js.clone(), tasks.token());
    tasks.spawn("access.forgetting", forgetting::run(seals, js, stop));
    if let Some(catalogue) = parts.catalogue() {
        let every = Duration::from_secs(parts.config.files.expiry_every_seconds.max(1));
        let endings = Endings::new(parts, catalogue.clone());
        tasks.spawn("access.ended_projects", endings.run(every, tasks.token()));
        tasks.spawn("storage.expiry", expiry::run(catalogue, parts.client.clone(), every, tasks.token()));
    }
}

fn execute<C: BoundedContext>(parts: &Parts, tasks: &mut Tasks, name: &'static str, context: Arc<C>) {
    let options = LogOptions::default();
    let options = ExecutorOptions {
        owner: parts.identity.name().to_owned(),
        replicas: parts.config.nats.replicas,
        log: LogOptions {
            group_commit: parts.config.nats.group_commit,
            replicas: parts.config.nats.replicas,
            cache_bytes: if C::NAME == SchemasContext::NAME { SCHEMAS_EVENTS_BYTES_MAX } else { options.cache_bytes },
            ..options
        },
    };
    let key = parts.secrets.signing_key.clone();
    let executor = Executor::new(parts.js.clone(), context, parts.access.clone(), key, options);
    let executor = executor.watched_by(parts.auditor.clone());
    parts.executors.lock().unwrap_or_else(PoisonError::into_inner).push((C::NAME, executor.health()));
    let (registry, stop) = (parts.registry.clone(), tasks.token());
    tasks.spawn(name, async move {
        if let Some(registry) = registry {
            tokio::select! {
                () = stop.cancelled() => return,
                () = upgrade::readers_are_new(&registry, env!("CARGO_PKG_VERSION")) => {}
            }
        }
        executor.run(stop).await;
    });
}

/// Folds events into Postgres and table files, and carries out what operators ask for what is parked there.
pub async fn folds(parts: &mut Parts, tasks: &mut Tasks) -> Result<(), Failure> {
    let runs = |role| parts.config.roles.contains(&role);
    let (in_postgres, in_files) = (runs(Role::Projections), runs(Role::Tables));
    if !in_postgres && !in_files {
        return Ok(());
    }
    let journal = Journal::read(&parts.js).await.map_err(at_start)?;
    let mut folds = Vec::new();
    if in_postgres {
        folds.extend(remedies::of_postgres(&parts.projections));
        remedies::obey(&journal, &folds).await.map_err(at_start)?;
        let (projections, stop) = (parts.projections.clone(), tasks.token());
        tasks.spawn("projections", async move { projections.run(stop).await });
    }
    if in_files {
        let given_up = journal.given_up(super::TABLES);
        let tables = super::tables::start(parts, parts.blobs.clone(), given_up).await?;
        folds.push(remedies::of_tables(&tables, parts.registry.clone(), &parts.js));
        parts.tables = Some(tables.clone());
        parts.runner = Some(super::pipelines::start(parts, tables.hub().clone(), tasks));
        let engines = workspaces::open(&parts.config)?;
        parts.workspaces = Some(engines.clone());
        let retained = retention::of(parts, &tables);
        parts.retention = Some(retained.clone());
        let every = Duration::from_secs(parts.config.retention.every_seconds.max(1));
        tasks.spawn("retention", retention::run(retained, parts.registry.clone(), every, tasks.token()));
        if let Some(catalogue) = parts.catalogue() {
            let every = Duration::from_secs(parts.config.files.expiry_every_seconds.max(1));
            let sweep = workspaces::Sweep::new(parts, engines, catalogue);
            tasks.spawn("workspaces.sweep", sweep.run(every, tasks.token()));
        }
        let stop = tasks.token();
        let owners = parts
            .registry
            .clone()
            .map(|registry| Owners::new(tables.clone(), registry, parts.js.clone(), parts.config.nats.replicas));
        let (js, replicas) = (parts.js.clone(), parts.config.nats.replicas);
        tasks.spawn("tables", async move {
            match owners {
                Some(owners) => owners.run(stop).await,
                None => note_decided(tables.clone(), js, replicas, stop).await,
            }
            tables.fold().finish().await;
        });
    }
    tasks.spawn("remedies", Remedies::new(parts.js.clone(), journal, folds).run(tasks.token()));
    Ok(())
}

/// Answers other processes that ask for the tables that are kept here.
pub fn peers(parts: &Parts, tasks: &mut Tasks, listener: TcpListener) -> Result<(), Failure> {
    let (Some(registry), Some(tables)) = (parts.registry.clone(), parts.tables.clone()) else { return Ok(()) };
    let router = super::peers::router(parts, registry, tables).map_err(at_start)?;
    serve(parts, tasks, "peers", listener, router);
    Ok(())
}

/// Serves HTTP: everything where `api` runs, elsewhere what operators ask a process.
pub fn http(parts: &Parts, tasks: &mut Tasks, listener: TcpListener) -> Result<(), Failure> {
    let (router, jobs) = platform::router(parts).map_err(at_start)?;
    if let Some(jobs) = jobs {
        tasks.spawn("storage.jobs", jobs.run(tasks.token()));
    }
    serve(parts, tasks, "http", listener, router);
    Ok(())
}

/// Serves the schema registry on listeners of its own.
pub fn registries(
    parts: &Parts,
    tasks: &mut Tasks,
    opened: Vec<super::schemas::Opened>,
) -> Result<Vec<SocketAddr>, Failure> {
    let mut addresses = Vec::new();
    for opened in opened {
        addresses.extend(opened.socket.local_addr());
        let server = super::schemas::server(parts).map_err(at_start)?;
        let router = alluvium_schemas::server::router(Server { listener: opened.listener, ..server });
        serve(parts, tasks, "registry", opened.socket, router);
    }
    Ok(addresses)
}

fn serve(parts: &Parts, tasks: &mut Tasks, name: &'static str, listener: TcpListener, router: Router) {
    let (stop, drain) = (tasks.token(), Duration::from_secs(parts.config.drain_seconds));
    tasks.spawn(name, alluvium_http::serve(listener, router, stop.cancelled_owned(), drain));
}
