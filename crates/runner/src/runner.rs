//! Deployments of this process: begun, told how to be, and ended as the control plane says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_kernel::{BoxFuture, Problem, SigningKey};
use alluvium_messaging::{LogMessage, direct};
use alluvium_pipelines::model::RuntimeDesired;
use alluvium_pipelines::{Deployed, DeploymentError, Observation, Place, Runner};
use alluvium_tablestore::Hub;
use async_nats::jetstream;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::approval::approved;
use crate::checkpoints::{self, Shelf};
use crate::connectors::{self, Plans};
use crate::deployment::{self, Deployment};
use crate::files::{self, Files};
use crate::input;
use crate::logs::Logs;
use crate::manifest::Manifest;
use crate::marks::{self, Clock, Driven};
use crate::program::{Built, build};
use crate::recover::Recovery;
use crate::series;
use crate::telemetry::Collections;
use crate::work::{Taken, Work};

/// How a failure is called that passes when the log answers again.
const LOG_UNAVAILABLE: &str = "LogUnavailable";
/// Pause before a deployment begins again that waits for it, in milliseconds.
const AGAIN_MS: u64 = 500;

/// What deployments stand on.
#[derive(Clone)]
pub struct RunnerParts {
    /// The log.
    pub js: jetstream::Context,
    /// The files.
    pub hub: Hub,
    /// What connectors may use of this machine.
    pub connectors: alluvium_connectors::Context,
    /// Signs what comes in through the surface.
    pub key: SigningKey,
    /// Ends all deployments.
    pub stop: CancellationToken,
}

/// Runs pipelines in this process.
#[derive(Clone)]
pub struct ProgramRunner {
    pub(crate) parts: RunnerParts,
    running: Arc<Mutex<BTreeMap<Place, Running>>>,
    logs: Arc<Mutex<BTreeMap<Place, Arc<Logs>>>>,
    pub(crate) collections: Arc<Collections>,
}

struct Running {
    deployment: Arc<Deployment>,
    begun: tokio::task::JoinHandle<()>,
}

impl ProgramRunner {
    /// A runner without deployments.
    pub fn new(parts: RunnerParts) -> Self {
        Self { parts, running: Arc::default(), logs: Arc::default(), collections: Arc::default() }
    }

    /// The deployment of a pipeline, if there is one here.
    pub(crate) fn get(&self, place: &Place) -> Option<Arc<Deployment>> {
        self.lock().get(place).map(|running| Arc::clone(&running.deployment))
    }

    /// All deployments that are here.
    pub(crate) fn deployments(&self) -> Vec<Arc<Deployment>> {
        self.lock().values().map(|running| Arc::clone(&running.deployment)).collect()
    }

    /// What is told of a pipeline.
    pub(crate) fn logs(&self, place: &Place) -> Arc<Logs> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(logs.entry(place.clone()).or_default())
    }

    /// Waits until all deployments have ended, which they do when they are told to stop.
    pub async fn finish(&self) {
        let all = std::mem::take(&mut *self.lock());
        for running in all.into_values() {
            running.deployment.stop.cancel();
            if running.begun.await.is_err() {
                tracing::error!("a pipeline ended by a mistake of ours");
            }
        }
    }

    /// Goes back to the last checkpoint of a pipeline, or to nothing.
    async fn rewind(&self, place: &Place) -> Result<(), DeploymentError> {
        let extent = direct::extent(&self.parts.js, input::STREAM).await.map_err(|error| in_the_way(&error.into()))?;
        let (hub, of) = (self.parts.hub.clone(), place.clone());
        let is_back = blocking(move || {
            let shelf = Shelf { hub: &hub, place: &of };
            let last = shelf.list()?.pop();
            last.as_ref().map(|checkpoint| shelf.restore(checkpoint, extent.last)).transpose()
        });
        match is_back.await? {
            Some(()) => Ok(()),
            None => self.clear(place).await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runner for ProgramRunner {
    fn provision<'a>(&'a self, deployed: &'a Deployed) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            let queries = alluvium_query::Engine::new(alluvium_query::Limits::default())
                .map_err(|error| DeploymentError::new("NoRoom", error.message))?;
            let mut running = self.lock();
            if running.contains_key(&deployed.place) {
                return Ok(());
            }
            let deployment = Arc::new(Deployment::new(deployed.clone(), queries, self.logs(&deployed.place)));
            let begun = tokio::spawn(live(self.parts.clone(), Arc::clone(&deployment)));
            running.insert(deployed.place.clone(), Running { deployment, begun });
            Ok(())
        })
    }

    fn observe(&self, place: &Place) -> Option<Observation> {
        self.get(place).map(|deployment| deployment.observe())
    }

    fn desire<'a>(&'a self, place: &'a Place, desired: RuntimeDesired) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            if let Some(deployment) = self.get(place) {
                deployment.desire(desired);
            }
            Ok(())
        })
    }

    fn approve<'a>(&'a self, place: &'a Place, _: bool, _: bool) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            if let Some(deployment) = self.get(place) {
                deployment.approve();
            }
            Ok(())
        })
    }

    fn take_down<'a>(&'a self, place: &'a Place, forgets: bool) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let running = self.lock().remove(place);
            let mut forgets = forgets;
            if let Some(running) = running {
                // One that never began took nothing in that could be forgotten.
                forgets &= running.deployment.place.get().is_some();
                running.deployment.stop.cancel();
                if running.begun.await.is_err() {
                    tracing::error!(pipeline.id = place.pipeline, "a pipeline ended by a mistake of ours");
                }
            }
            if forgets {
                // What is left of it is taken up again by the next start.
                if let Err(error) = self.rewind(place).await {
                    tracing::warn!(pipeline.id = place.pipeline, %error, "a pipeline could not forget what it took in");
                }
            }
        })
    }

    fn clear<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), DeploymentError>> {
        Box::pin(async move {
            let (hub, of) = (self.parts.hub.clone(), place.clone());
            let dropped = tokio::task::spawn_blocking(move || {
                Shelf { hub: &hub, place: &of }.clear()?;
                files::drop_all(&hub, &of)
            });
            let dropped = dropped.await;
            dropped.map_err(|_| DeploymentError::new("StorageError", "letting go failed by a mistake of ours"))??;
            input::forget(&self.parts.js, place).await.map_err(|problem| in_the_way(&problem))
        })
    }
}

/// The life of a deployment.
async fn live(parts: RunnerParts, deployment: Arc<Deployment>) {
    let (stop, ends) = (parts.stop.child_token(), deployment.stop.clone());
    // The end of the process is the end of each deployment.
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => ends.cancel(),
            () = ends.cancelled() => {}
        }
    });
    match begun(&parts, &deployment).await {
        // It was to end before it could begin.
        Ok(None) => {}
        Ok(Some(work)) => {
            let name = format!("pipeline-{}", deployment.deployed.place.pipeline.chars().take(8).collect::<String>());
            let (ended, end) = tokio::sync::oneshot::channel();
            let thread = std::thread::Builder::new().name(name).spawn(move || {
                work.run();
                let _ = ended.send(());
            });
            match thread {
                // Without an answer the thread panicked: whoever asks is told that the pipeline failed.
                Ok(_) if end.await.is_err() => {
                    deployment.fail(DeploymentError::new(
                        "RuntimeError.WorkerPanic",
                        "the engine failed by a mistake of ours",
                    ));
                }
                Ok(_) => {}
                Err(error) => deployment.fail(DeploymentError::new("NoRoom", format!("no thread to run on: {error}"))),
            }
        }
        Err(failure) => deployment.fail(failure),
    }
    // What is set aside may still give out what it has.
    deployment.stop.cancelled().await;
    deployment.tasks.close();
    deployment.tasks.wait().await;
}

/// Begins, as soon as the log answers.
async fn begun(parts: &RunnerParts, deployment: &Arc<Deployment>) -> Result<Option<Work>, DeploymentError> {
    loop {
        match begin(parts, deployment).await {
            Err(failure) if failure.error_code == LOG_UNAVAILABLE => {
                tracing::warn!(pipeline.id = deployment.deployed.place.pipeline, %failure, "a pipeline waits for the log");
                tokio::select! {
                    () = deployment.stop.cancelled() => return Ok(None),
                    () = tokio::time::sleep(Duration::from_millis(AGAIN_MS)) => {}
                }
            }
            outcome => return outcome,
        }
    }
}

/// Brings a deployment to where it goes on; nothing if it is to end before.
async fn begin(parts: &RunnerParts, deployment: &Arc<Deployment>) -> Result<Option<Work>, DeploymentError> {
    let place = deployment.deployed.place.clone();
    if deployment.desired() == RuntimeDesired::Standby {
        let message = "following checkpoints in a bucket is not offered; start the pipeline running or paused";
        return Err(DeploymentError::new("NotSupported", message));
    }
    let began = input::begin(&parts.js, &place).await.map_err(|problem| in_the_way(&problem))?;
    let Some((mut built, files, opening)) = open(parts, deployment, began).await? else { return Ok(None) };
    let (plans, rewound) = (opening.plans, opening.manifest.rewound.clone());
    let again = again(parts, &place, &files).await?;
    let now_micros = crate::now().micros();
    let (built, files, mut at, manifest) = blocking(move || {
        let recovery = Recovery { files: &files, again: &again, others: &opening.others, now_micros };
        let at = recovery.run(&mut built)?;
        // From here on the files are of this program.
        opening.manifest.write(&opening.directory)?;
        files.sweep();
        Ok((built, files, at, opening.manifest))
    })
    .await?;
    at.seq = manifest.after(at.seq);
    // All that may be in the way comes first: from here on it has begun.
    let last = marks::last_transaction(&parts.js, &deployment.deployed.place).await;
    deployment.transacted(last.map_err(|problem| in_the_way(&problem))?);
    let input = input::follow(parts.js.clone(), &place, (began.0, at.seq), deployment.stop.clone());
    let input = input.map_err(|problem| in_the_way(&problem))?;
    deployment.progress.send_replace(at);
    let prepared = connectors::prepare(&parts.js, deployment, plans, (at.step, began.1, rewound)).await;
    let (connectors, ready) = prepared.map_err(|problem| in_the_way(&problem))?;
    let Built { engine, relations, uses_clock, graph, .. } = built;
    if uses_clock {
        let_time_go(parts, deployment).await.map_err(|problem| in_the_way(&problem))?;
    }
    let taken = Taken::from(Some(files.furthest().now).filter(|now| *now != 0));
    let place = deployment::Place { relations, files, connectors, began: began.1, manifest, graph };
    if deployment.place.set(place).is_err() {
        return Err(DeploymentError::new("NoRoom", "the deployment has begun already"));
    }
    deployment.settle();
    connectors::start(deployment, ready);
    tokio::spawn(series::keep(Arc::clone(deployment)));
    tokio::spawn(checkpoints::keep(Arc::clone(deployment)));
    let (deployment, js, runtime) = (Arc::clone(deployment), parts.js.clone(), Handle::current());
    Ok(Some(Work { deployment, engine, input, at, taken, parts: Vec::new(), drains_to: None, js, runtime }))
}

/// Lets the clock go, or, where it moves only when somebody says so, lets it stand where it was last.
async fn let_time_go(parts: &RunnerParts, deployment: &Arc<Deployment>) -> Result<(), Problem> {
    let clock = Clock::of(&deployment.deployed.runtime_config);
    if clock.is_driven {
        let driven = Driven::begin(&parts.js, &deployment.deployed.place, clock).await?;
        // It begins once.
        let _ = deployment.driven.set(driven);
    } else {
        tokio::spawn(marks::keep_time(parts.js.clone(), Arc::clone(deployment), clock));
    }
    Ok(())
}

/// How files are opened.
struct Opening {
    directory: PathBuf,
    manifest: Manifest,
    others: BTreeSet<String>,
    plans: Plans,
}

/// Opens the files for the program, once it may have them.
async fn open(
    parts: &RunnerParts,
    deployment: &Arc<Deployment>,
    began: (i64, u64),
) -> Result<Option<(Built, Files, Opening)>, DeploymentError> {
    let (hub, deployed) = (parts.hub.clone(), deployment.deployed.clone());
    let given = parts.connectors.clone();
    let (built, plans, new, old, directory) = blocking(move || {
        let mut built = build(&deployed.source.code)?;
        built.engine.set_memory_limit(memory_limit(&deployed.runtime_config));
        let directory = files::directory(&hub, &deployed.place)?;
        let new = built.manifest(deployed.source.program_version.unsigned_abs())?;
        let old = Manifest::read(&directory)?;
        let generation = old.as_ref().map_or(began.1, |old| old.generation(began.1));
        let plans = Plans::of((&built.declared, &built.relations), &deployed, generation, &given)?;
        Ok((built, plans, new, old, directory))
    })
    .await?;
    let (mut built, mut new) = (built, new);
    new.edited_at = old.as_ref().map_or(0, |old| old.edited_at);
    new.rewound = old.as_ref().map(|old| old.rewound.clone()).unwrap_or_default();
    // What is on the stream by now may have the columns of another program.
    let mut is_new = old.is_none();
    if let Some(diff) = old.as_ref().and_then(|old| old.diff_to(&new)) {
        if !approved(deployment, &diff).await? {
            return Ok(None);
        }
        deployment.bootstrap();
        is_new = true;
    }
    if is_new {
        let extent = direct::extent(&parts.js, input::STREAM).await.map_err(|error| in_the_way(&error.into()))?;
        new.edited_at = extent.last;
    }
    built.relations.edited_at = new.edited_at;
    let others = match &old {
        Some(old) => new.files.keys().filter(|name| old.is_another(&new, name)).cloned().collect(),
        None => BTreeSet::new(),
    };
    let (hub, place) = (parts.hub.clone(), deployment.deployed.place.clone());
    let opened = blocking(move || {
        let files = Files::open(&hub, &place, (&built.relations, old.as_ref(), &new), began)?;
        Ok((built, files, Opening { directory, manifest: new, others, plans }))
    });
    opened.await.map(Some)
}

/// What a pipeline may keep in memory, in bytes: it stops where it would keep more.
fn memory_limit(runtime_config: &serde_json::Value) -> Option<usize> {
    let megabytes = runtime_config["resources"]["memory_mb_max"].as_u64()?;
    Some(usize::try_from(megabytes.saturating_mul(1_000_000)).unwrap_or(usize::MAX))
}

/// The messages of the last step.
async fn again(parts: &RunnerParts, place: &Place, files: &Files) -> Result<Vec<LogMessage>, DeploymentError> {
    let furthest = files.furthest();
    let subject = input::all(place).map_err(|problem| in_the_way(&problem))?;
    let mut found: Vec<LogMessage> = Vec::new();
    let mut from = furthest.after + 1;
    while from <= furthest.seq {
        // Any server has most of them; one that is behind gives none, and the leader is asked.
        let some = direct::history(&parts.js, input::STREAM, &subject, from).await;
        let mut some = some.map_err(|error| in_the_way(&error.into()))?;
        if some.is_empty() {
            let next = direct::leader_next(&parts.js, input::STREAM, &subject, from).await;
            some.extend(next.map_err(|error| in_the_way(&error.into()))?);
        }
        let Some(last) = some.last() else { break };
        from = last.seq + 1;
        found.extend(some.into_iter().filter(|message| message.seq <= furthest.seq));
    }
    Ok(found)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeploymentError> + Send + 'static,
) -> Result<T, DeploymentError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(DeploymentError::new("RuntimeError.WorkerPanic", "beginning failed by a mistake of ours"))
    })
}

fn in_the_way(problem: &Problem) -> DeploymentError {
    let code = if problem.is_transient() { LOG_UNAVAILABLE } else { "LogRefused" };
    DeploymentError::new(code, problem.detail.clone())
}
