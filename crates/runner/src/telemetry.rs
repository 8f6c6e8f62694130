//! What is told of pipelines to those who help: now, and what was collected before by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_kernel::{BoxFuture, Token};
use alluvium_pipelines::{Collection, Part, PartKind, Place, Telemetry, Wanted};
use tokio_util::sync::CancellationToken;

use crate::deployment::Deployment;
use crate::profile::Profile;
use crate::runner::ProgramRunner;
use crate::{heap, metrics, routes};

/// How long the thread of a pipeline may take to say what it keeps, in seconds: it may be in the middle of a large step.
pub(crate) const PROFILE_SECONDS_MAX: u64 = 120;
/// Pipelines of which collections are kept; those of whom the last one is oldest go first.
const PIPELINES_MAX: usize = 200;
/// Parts of a bundle that are known only here.
const KINDS: [PartKind; 6] = [
    PartKind::CircuitProfile,
    PartKind::CircuitJsonProfile,
    PartKind::HeapProfile,
    PartKind::Metrics,
    PartKind::Logs,
    PartKind::Stats,
];
const ALL: Wanted = Wanted { circuit_profile: true, heap_profile: true, metrics: true, logs: true, stats: true };

/// Collections that were made by themselves, newest first.
#[derive(Default)]
pub(crate) struct Collections(Mutex<BTreeMap<Place, VecDeque<Collection>>>);

impl Collections {
    /// Keeps one more, and of its pipeline not more than these.
    fn keep(&self, place: Place, collection: Collection, kept_max: usize) {
        let mut all = self.lock();
        let of = all.entry(place).or_default();
        of.push_front(collection);
        of.truncate(kept_max);
        while all.len() > PIPELINES_MAX {
            let newest = |of: &VecDeque<Collection>| of.front().map(|collection| collection.at);
            let oldest = all.iter().min_by_key(|(_, of)| newest(of)).map(|(place, _)| place.clone());
            let Some(oldest) = oldest else { return };
            all.remove(&oldest);
        }
    }

    fn of(&self, place: &Place) -> Vec<Collection> {
        self.lock().get(place).into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, VecDeque<Collection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgramRunner {
    /// Collects of all pipelines that run here every now and then, until told to stop. Of each the last `kept_max` are kept.
    pub async fn collect_by_itself(self, every: Duration, kept_max: usize, stop: CancellationToken) {
        let mut pace = tokio::time::interval(every);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first is at once, when nothing runs yet.
        pace.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = pace.tick() => {}
            }
            for deployment in self.deployments() {
                let place = deployment.deployed.place.clone();
                let collection = tokio::select! {
                    () = stop.cancelled() => return,
                    collection = self.collect(&place, ALL) => collection,
                };
                self.collections.keep(place, collection, kept_max);
            }
        }
    }
}

impl Telemetry for ProgramRunner {
    fn metrics<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let mut all = Vec::new();
            for deployment in self.deployments() {
                if deployment.deployed.place.tenant == *tenant && deployment.place.get().is_some() {
                    all.push(metrics::of(&deployment, storage_bytes(&deployment).await));
                }
            }
            metrics::prometheus(&metrics::together(all))
        })
    }

    fn collect<'a>(&'a self, place: &'a Place, wanted: Wanted) -> BoxFuture<'a, Collection> {
        Box::pin(async move {
            let at = crate::now().micros();
            let deployment = self.get(place);
            let is_profiled = wanted.circuit_profile || wanted.heap_profile;
            let profile = match &deployment {
                Some(deployment) if is_profiled => profile(deployment).await,
                _ => None,
            };
            let bytes = match &deployment {
                Some(deployment) => storage_bytes(deployment).await,
                None => 0,
            };
            let mut parts = Vec::new();
            for kind in KINDS.into_iter().filter(|kind| wanted.has(*kind)) {
                let content = match kind {
                    PartKind::Logs => Ok(self.logs(place).read().0.iter().flat_map(|line| line.bytes()).collect()),
                    _ => content(kind, deployment.as_deref().map(|it| (it, bytes)), profile.as_ref(), at),
                };
                parts.push(Part { kind, content });
            }
            Collection { at, parts }
        })
    }

    fn collected<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Vec<Collection>> {
        Box::pin(async move { self.collections.of(place) })
    }
}

/// One part of what is told of a deployment, whose files are so long.
fn content(
    kind: PartKind,
    deployment: Option<(&Deployment, u64)>,
    profile: Option<&Profile>,
    at: i64,
) -> Result<Vec<u8>, String> {
    let (deployment, bytes) = deployment.ok_or_else(|| "the pipeline does not run".to_owned())?;
    let profile = || profile.ok_or_else(|| "the pipeline did not answer in time".to_owned());
    match kind {
        PartKind::CircuitProfile => profile()?.to_zip().map_err(|error| error.to_string()),
        PartKind::CircuitJsonProfile => Ok(format!("{:#}", profile()?.to_json()).into_bytes()),
        PartKind::HeapProfile => heap::pprof(profile()?, at).map_err(|error| error.to_string()),
        PartKind::Metrics => Ok(metrics::prometheus(&metrics::of(deployment, bytes)).into_bytes()),
        PartKind::Logs => Ok(Vec::new()),
        PartKind::Stats => Ok(format!("{:#}", routes::stats_of(deployment, bytes, true)).into_bytes()),
    }
}

/// What a pipeline keeps; nothing if it does not say so in time, or has ended.
pub(crate) async fn profile(deployment: &Deployment) -> Option<Profile> {
    let place = deployment.place.get()?;
    let wait = Duration::from_secs(PROFILE_SECONDS_MAX);
    let asked = deployment.questions.ask();
    deployment.told.notify_one();
    let memory = tokio::select! {
        () = deployment.stop.cancelled() => return None,
        memory = tokio::time::timeout(wait, asked) => memory.ok()?.ok()?,
    };
    Some(Profile::new(deployment, &place.graph, &memory))
}

/// How long the files of a pipeline are.
pub(crate) async fn storage_bytes(deployment: &Arc<Deployment>) -> u64 {
    let deployment = Arc::clone(deployment);
    let bytes = tokio::task::spawn_blocking(move || deployment.place.get().map_or(0, |place| place.files.bytes()));
    bytes.await.unwrap_or_default()
}
