//! What each role runs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_access::{AccessContext, project_keys};
use alluvium_eventlog::{BoundedContext, Executor, ExecutorOptions, LogOptions};
use alluvium_storage::Storage;
use tokio::net::TcpListener;

use super::tasks::Tasks;
use super::{Parts, at_start};
use crate::config::Role;
use crate::failure::Failure;
use crate::platform;

/// What every role needs: who is known, and, when it only reads, how far the folds of others are.
pub fn followers(parts: &Parts, tasks: &mut Tasks) {
    tasks.spawn("access.follower", parts.follower.clone().run(tasks.token()));
    let writer = parts.usage.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(writer) = writer {
        tasks.spawn("access.usage", writer.run(tasks.token()));
    }
    if !parts.config.roles.contains(&Role::Projections) {
        let (projections, stop) = (parts.projections.clone(), tasks.token());
        tasks.spawn("projections.follow", async move { projections.follow(stop).await });
    }
}

/// Decides on commands.
pub fn commands(parts: &Parts, tasks: &mut Tasks) {
    execute(parts, tasks, "commands.access", Arc::new(AccessContext));
    execute(parts, tasks, "commands.storage", Arc::new(Storage));
    let (desk, js, stop) = (parts.desk.clone(), parts.js.clone(), tasks.token());
    tasks.spawn("access.project_keys", project_keys::run(desk, js, stop));
}

fn execute<C: BoundedContext>(parts: &Parts, tasks: &mut Tasks, name: &'static str, context: Arc<C>) {
    let options = ExecutorOptions {
        owner: parts.identity.name().to_owned(),
        replicas: parts.config.nats.replicas,
        log: LogOptions { group_commit: parts.config.nats.group_commit, ..LogOptions::default() },
    };
    let key = parts.secrets.signing_key.clone();
    let executor = Executor::new(parts.js.clone(), context, parts.access.clone(), key, options);
    parts.executors.lock().unwrap_or_else(PoisonError::into_inner).push((C::NAME, executor.health()));
    tasks.spawn(name, executor.run(tasks.token()));
}

/// Folds events into Postgres and table files.
pub async fn folds(parts: &mut Parts, tasks: &mut Tasks) -> Result<(), Failure> {
    if parts.config.roles.contains(&Role::Projections) {
        let (projections, stop) = (parts.projections.clone(), tasks.token());
        tasks.spawn("projections", async move { projections.run(stop).await });
    }
    if parts.config.roles.contains(&Role::Tables) {
        let tables = super::tables::start(parts, parts.blobs.clone()).await?;
        parts.tables = Some(tables.clone());
        let stop = tasks.token();
        tasks.spawn("tables", async move {
            stop.cancelled().await;
            tables.fold().finish().await;
        });
    }
    Ok(())
}

/// Serves HTTP.
pub fn http(parts: &Parts, tasks: &mut Tasks, listener: TcpListener) -> Result<(), Failure> {
    let router = platform::router(parts).map_err(at_start)?;
    let (stop, drain) = (tasks.token(), Duration::from_secs(parts.config.drain_seconds));
    tasks.spawn("http", async move {
        if let Err(error) = alluvium_http::serve(listener, router, stop.cancelled_owned(), drain).await {
            tracing::error!(error = %error, "serving HTTP ended");
        }
    });
    Ok(())
}
