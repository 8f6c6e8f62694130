//! What a pipeline keeps, set aside as it is after a step: when somebody asks for it, and from time to time where that was promised.

mod shelf;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alluvium_kernel::Timestamp;
use alluvium_pipelines::DeploymentError;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployment::Deployment;
pub(crate) use shelf::{Checkpoint, Shelf};

/// Automatic checkpoints take at most one part in so many of the time of a pipeline.
const SHARE: u32 = 20;

/// What becomes of the checkpoints that were asked for since the deployment began.
pub(crate) struct Checkpoints {
    /// Another one stands for a deployment that began later.
    pub incarnation: Uuid,
    state: Mutex<State>,
    /// Held by who takes one.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    asked: u64,
    success: Option<u64>,
    failure: Option<Value>,
    activity: Activity,
}

/// What is done now.
#[derive(Clone, Copy, Default)]
enum Activity {
    #[default]
    Idle,
    /// One waits since then until a transaction is over.
    Delayed(Timestamp),
    /// One is being written since then.
    InProgress(Timestamp),
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { incarnation: Uuid::new_v4(), state: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl Checkpoints {
    /// The last one that was taken, and the last failure.
    pub fn status(&self) -> Value {
        let state = self.lock();
        json!({ "success": state.success, "failure": state.failure })
    }

    /// What is done now, as statistics show it.
    pub fn activity(&self) -> Value {
        match self.lock().activity {
            Activity::Idle => json!({ "status": "idle" }),
            Activity::Delayed(since) => {
                json!({ "status": "delayed", "delayed_since": since.to_rfc3339(), "reasons": ["TransactionInProgress"] })
            }
            Activity::InProgress(since) => json!({ "status": "in_progress", "started_at": since.to_rfc3339() }),
        }
    }

    fn ask(&self) -> u64 {
        let mut state = self.lock();
        state.asked += 1;
        state.asked
    }

    fn is(&self, activity: Activity) {
        self.lock().activity = activity;
    }

    fn done(&self, number: u64, outcome: Result<(), DeploymentError>) {
        let mut state = self.lock();
        state.activity = Activity::Idle;
        match outcome {
            Ok(()) => state.success = state.success.max(Some(number)),
            Err(error) => {
                let failed_at = crate::now().to_rfc3339();
                let failure = json!({ "sequence_number": number, "error": error.to_string(), "failed_at": failed_at });
                state.failure = Some(failure);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a checkpoint be taken; gives its number.
pub(crate) fn ask(deployment: &Arc<Deployment>) -> u64 {
    let number = deployment.checkpoints.ask();
    tokio::spawn(take(Arc::clone(deployment), number));
    number
}

async fn take(deployment: Arc<Deployment>, number: u64) {
    let _alone = deployment.checkpoints.turn.lock().await;
    let mut progress = deployment.progress.subscribe();
    while deployment.transaction().is_some() && !deployment.stop.is_cancelled() {
        deployment.checkpoints.is(Activity::Delayed(crate::now()));
        tokio::select! {
            _ = progress.changed() => {}
            () = deployment.stop.cancelled() => {}
        }
    }
    deployment.checkpoints.is(Activity::InProgress(crate::now()));
    let of = Arc::clone(&deployment);
    let taken = tokio::task::spawn_blocking(move || taken(&of)).await;
    let outcome = taken.unwrap_or_else(|_| Err(DeploymentError::new("StorageError", "it failed by a mistake of ours")));
    match &outcome {
        Ok(checkpoint) => {
            let text = format!("checkpoint {} of step {}, {} bytes", checkpoint.uuid, checkpoint.step, checkpoint.size);
            deployment.logs.line("INFO", &text);
        }
        Err(error) => deployment.logs.line("WARN", &format!("a checkpoint failed: {error}")),
    }
    deployment.checkpoints.done(number, outcome.map(drop));
}

/// What there is to do before a pipeline is suspended: where a stop by force would go back to the last checkpoint, to take one.
pub(crate) fn before_suspension(deployment: &Deployment) -> Result<(), DeploymentError> {
    let config = &deployment.deployed.runtime_config;
    if config["storage"].is_null() {
        let message = "a pipeline without storage cannot be suspended; stop it by force";
        return Err(DeploymentError::new("StorageRequired", message));
    }
    let is_promised = config["fault_tolerance"]["model"].as_str().is_some_and(|model| model != "none");
    if is_promised || config["checkpoint_during_suspend"] == false {
        return Ok(());
    }
    let _alone = deployment.checkpoints.turn.blocking_lock();
    let Some(place) = deployment.place.get() else { return Ok(()) };
    let shelf = Shelf { hub: place.files.hub(), place: &deployment.deployed.place };
    let (last, at) = (shelf.list()?.pop(), place.files.furthest());
    if last.is_some_and(|last| (last.step, last.seq, last.manifest) == (at.step, at.seq, place.manifest.clone())) {
        return Ok(());
    }
    taken(deployment).map(drop)
}

fn taken(deployment: &Deployment) -> Result<Checkpoint, DeploymentError> {
    let place = deployment.place.get().ok_or_else(|| DeploymentError::new("StorageError", "nothing is there yet"))?;
    let shelf = Shelf { hub: place.files.hub(), place: &deployment.deployed.place };
    // No step changes the files meanwhile.
    let _same = deployment.steps.read().unwrap_or_else(PoisonError::into_inner);
    shelf.take(&place.files, place.manifest.clone(), deployment.stats.backlog.counts().1)
}

/// Takes one from time to time while the pipeline runs, where its configuration promises that something is kept.
pub(crate) async fn keep(deployment: Arc<Deployment>) {
    let promised = &deployment.deployed.runtime_config["fault_tolerance"];
    let is_promised = promised["model"].as_str().is_some_and(|model| model != "none");
    let Some(seconds) = promised["checkpoint_interval_secs"].as_u64().filter(|_| is_promised) else { return };
    let (mut pause, mut last) = (Duration::from_secs(seconds), deployment.progress.borrow().step);
    loop {
        tokio::select! {
            () = deployment.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let step = deployment.progress.borrow().step;
        if step == last {
            continue;
        }
        let began = Instant::now();
        take(Arc::clone(&deployment), deployment.checkpoints.ask()).await;
        last = step;
        pause = Duration::from_secs(seconds).max(began.elapsed() * SHARE);
    }
}
