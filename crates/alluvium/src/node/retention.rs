//! Retention of the tables that this process keeps: by itself when it is configured, else when an operator asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_eventlog::registry::Registry;
use alluvium_kernel::{BoxFuture, Position, Problem};
use alluvium_projection::Freshness;
use alluvium_storage::fold::{STREAM, Tables};
use alluvium_storage::projection as catalogue;
use alluvium_storage::retention::{Followers, Policy, Retention, by_itself};
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::upgrade::readers_are_new;
use crate::config::Config;
use crate::platform::Retained;

/// How long the catalogue may take to be past a note of the log, in seconds.
const CATALOGUE_WAIT_SECONDS: u64 = 30;
/// How often blobs are swept: that reads all events of storage.
const SWEEP_EVERY: Duration = Duration::from_hours(24);

/// The catalogue remembers the last message it passed, which may be one of rows.
struct Catalogue(Freshness);

impl Followers for Catalogue {
    fn passed(&self, seq: u64) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let wait = Duration::from_secs(CATALOGUE_WAIT_SECONDS);
            self.0.wait(&Position::of(STREAM, seq), &[catalogue::NAME], wait).await
        })
    }
}

/// Retention of these tables.
pub fn of(parts: &Parts, tables: &Arc<Tables>) -> Retained {
    let followers = Arc::new(Catalogue(parts.freshness.clone()));
    let retention = Arc::new(Retention::new(tables.clone(), parts.blobs.clone(), followers));
    Retained { retention, policy: policy(&parts.config) }
}

/// What is configured.
fn policy(config: &Config) -> Option<Policy> {
    let keep = config.retention.keep()?;
    Some(Policy { keep, messages_min: config.retention.messages_min })
}

/// Runs as often as configured until told to stop; not at all when it is not configured. Where several processes share the
/// work, only once all that read the log know what is noted there.
pub async fn run(retained: Retained, registry: Option<Arc<Registry>>, every: Duration, stop: CancellationToken) {
    let Some(policy) = retained.policy else { return stop.cancelled().await };
    if let Some(registry) = registry {
        let readers = readers_are_new(&registry, env!("CARGO_PKG_VERSION"));
        let Some(()) = stop.run_until_cancelled(readers).await else { return };
    }
    let mut swept: Option<Instant> = None;
    loop {
        // The first run waits too: a start has other things to do.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let Some(()) = stop.run_until_cancelled(once(&retained.retention, &policy, &mut swept)).await else { return };
    }
}

async fn once(retention: &Retention, policy: &Policy, swept: &mut Option<Instant>) {
    match retention.run(policy, &by_itself()).await {
        Ok(report) => tracing::info!(
            checkpoints = report.checkpoints,
            purged.messages = report.purged_messages,
            failed = report.failed,
            "retention has run"
        ),
        Err(problem) => tracing::warn!(%problem, "retention could not run; it is tried again"),
    }
    if swept.is_some_and(|at| at.elapsed() < SWEEP_EVERY) {
        return;
    }
    match retention.sweep(policy, false).await {
        Ok(_) => *swept = Some(Instant::now()),
        Err(problem) => tracing::warn!(%problem, "blobs could not be swept; it is tried again"),
    }
}
