//! Looks what is due and lets it be done, one thing at a time for each pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alluvium_eventlog::{CommandClient, Lease};
use alluvium_projection::Live;
use async_nats::jetstream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::due::due;
use super::{Compiler, Pipelines, Place, Runner};

/// How often running pipelines are looked at, in milliseconds.
const LOOK_MS: u64 = 200;
/// Programs that are compiled at once.
const COMPILING_MAX: usize = 4;
/// Who holds this acts; the others wait.
const LEASE: &str = "pipelines.driver";

/// What the driver works with.
pub struct DriverParts {
    /// The pipelines, followed by somebody who lets it run.
    pub pipelines: Arc<Live<Pipelines>>,
    /// Sends commands.
    pub client: CommandClient,
    /// Understands programs.
    pub compiler: Arc<dyn Compiler>,
    /// Runs pipelines.
    pub runner: Arc<dyn Runner>,
    /// The log, for the lease.
    pub js: jetstream::Context,
    /// The name of this process.
    pub owner: String,
    /// Replicas of what is kept about leases.
    pub replicas: usize,
}

/// Carries out what the log says is due.
pub struct Driver {
    pub(super) parts: DriverParts,
    pub(super) compiling: Semaphore,
    /// Pipelines that something is done with just now.
    busy: Mutex<BTreeSet<Place>>,
    /// When details of a pipeline were last noted.
    pub(super) noted: Mutex<BTreeMap<Place, Instant>>,
}

impl Driver {
    /// One that has not begun.
    pub fn new(parts: DriverParts) -> Arc<Self> {
        let (busy, noted) = (Mutex::default(), Mutex::default());
        Arc::new(Self { parts, compiling: Semaphore::new(COMPILING_MAX), busy, noted })
    }

    /// Works until told to stop, whenever no other process does.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let DriverParts { js, owner, replicas, .. } = &self.parts;
            let Some(lease) = Lease::acquire(js, LEASE, owner, *replicas, &stop).await else { return };
            tokio::select! {
                () = stop.cancelled() => {}
                () = lease.lost().cancelled() => {
                    tracing::warn!(lease.key = LEASE, "another process acts on pipelines now");
                }
                () = self.clone().work() => {}
            }
            lease.release().await;
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Looks, and lets be done what is due. What it began ends when this is dropped, and is begun again by whoever comes after.
    async fn work(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        let mut look = tokio::time::interval(Duration::from_millis(LOOK_MS));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let pipelines = self.parts.pipelines.clone();
        loop {
            tokio::select! {
                () = pipelines.known().changed() => {}
                _ = look.tick() => {}
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                    Ok(true) => {}
                    // Nothing became due by it: whoever runs is looked at again with the next tick.
                    Ok(false) => continue,
                    Err(error) => tracing::error!(%error, "what was done with a pipeline panicked; it is done again"),
                },
            }
            let Ok(known) = pipelines.get() else { continue };
            for (place, pipeline) in known.all() {
                let Some(step) = due(&pipeline) else { continue };
                if !self.lock().insert(place.clone()) {
                    continue;
                }
                let busy = Busy { driver: self.clone(), place: place.clone() };
                tasks.spawn(async move {
                    let did = busy.driver.take(step, &place, &pipeline).await;
                    drop(busy);
                    did
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While this is there, nothing else is done with the pipeline.
struct Busy {
    driver: Arc<Driver>,
    place: Place,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.driver.lock().remove(&self.place);
    }
}
