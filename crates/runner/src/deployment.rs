//! A pipeline with room to run in, as those see it who ask it something.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use alluvium_pipelines::model::{RuntimeDesired, RuntimeStatus};
use alluvium_pipelines::{Deployed, DeploymentError, Observation};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::activity::Activity;
use crate::checkpoints::Checkpoints;
use crate::connectors::Connectors;
use crate::files::Files;
use crate::listeners::Listeners;
use crate::logs::Logs;
use crate::manifest::Manifest;
use crate::marks::Driven;
use crate::profile::Questions;
use crate::program::Relations;
use crate::sampling::Sampling;
use crate::series::Series;
use crate::stats::Stats;

/// Up to where a pipeline is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last step that is in the files.
    pub step: u64,
    /// The last message that was taken in.
    pub seq: u64,
}

/// What comes in until it is committed is one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// Its number, from 1.
    pub id: u64,
    /// When it began here, in microseconds since 1970.
    pub began: i64,
}

/// What there is once a pipeline has begun.
pub(crate) struct Place {
    pub relations: Relations,
    pub files: Files,
    pub connectors: Connectors,
    /// Where in the stream what it keeps begins.
    pub began: u64,
    /// What made the files.
    pub manifest: Manifest,
    /// The nodes of its program, for those who look into it.
    pub graph: Value,
}

/// A pipeline with room to run in.
pub(crate) struct Deployment {
    pub deployed: Deployed,
    pub place: OnceLock<Place>,
    pub progress: watch::Sender<Progress>,
    /// The last message that was looked at; what it brings may not be in the files yet.
    pub seen: watch::Sender<u64>,
    /// Held while a transaction is begun or committed.
    pub transacting: tokio::sync::Mutex<()>,
    /// Held to write while a step changes the files, so that who holds it to read sees all files of one step.
    pub steps: RwLock<()>,
    pub listeners: Listeners,
    pub queries: alluvium_query::Engine,
    pub stats: Stats,
    pub series: Series,
    pub checkpoints: Checkpoints,
    pub logs: Arc<Logs>,
    pub activity: Activity,
    pub questions: Questions,
    pub sampling: Sampling,
    /// The clock, where it moves only when somebody says so.
    pub driven: OnceLock<Driven>,
    pub stop: CancellationToken,
    /// What runs beside the engine.
    pub tasks: TaskTracker,
    /// Wakes the engine when the pipeline should be otherwise.
    pub told: Notify,
    status: watch::Sender<RuntimeStatus>,
    approval: watch::Sender<bool>,
    state: Mutex<State>,
}

struct State {
    desired: RuntimeDesired,
    failure: Option<DeploymentError>,
    transaction: Option<Transaction>,
    last_transaction: u64,
    /// What becomes another, while somebody is to say whether it may.
    approval_diff: Option<Value>,
}

impl Deployment {
    pub fn new(deployed: Deployed, queries: alluvium_query::Engine, logs: Arc<Logs>) -> Self {
        let state = State {
            desired: deployed.desired,
            failure: None,
            transaction: None,
            last_transaction: 0,
            approval_diff: None,
        };
        Self {
            deployed,
            place: OnceLock::new(),
            progress: watch::Sender::default(),
            seen: watch::Sender::default(),
            transacting: tokio::sync::Mutex::default(),
            steps: RwLock::new(()),
            listeners: Listeners::default(),
            queries,
            stats: Stats::default(),
            series: Series::default(),
            checkpoints: Checkpoints::default(),
            logs,
            activity: Activity::default(),
            questions: Questions::default(),
            sampling: Sampling::default(),
            driven: OnceLock::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            told: Notify::new(),
            status: watch::Sender::new(RuntimeStatus::Initializing),
            approval: watch::Sender::default(),
            state: Mutex::new(state),
        }
    }

    pub fn status(&self) -> RuntimeStatus {
        *self.status.borrow()
    }

    /// Tells of each change of the status.
    pub fn statuses(&self) -> watch::Receiver<RuntimeStatus> {
        self.status.subscribe()
    }

    pub fn desired(&self) -> RuntimeDesired {
        self.lock().desired
    }

    /// How it should be from now on.
    pub fn desire(&self, desired: RuntimeDesired) {
        self.lock().desired = desired;
        self.told.notify_one();
        if let Some(place) = self.place.get() {
            self.settle();
            place.connectors.look();
        }
    }

    /// It has begun: it is as it should be. Being suspended is for the engine to say, when the step it is at is done.
    pub fn settle(&self) {
        let status = match self.desired() {
            RuntimeDesired::Paused => RuntimeStatus::Paused,
            RuntimeDesired::Suspended => return,
            _ => RuntimeStatus::Running,
        };
        if self.status.send_replace(status) != status {
            self.logs.line("INFO", &format!("the pipeline is {status}"));
        }
    }

    /// It waits until somebody says that this may become another.
    pub fn await_approval(&self, diff: Value) -> watch::Receiver<bool> {
        self.lock().approval_diff = Some(diff);
        self.logs.line("INFO", "the program is another one: approve what it changes, or stop the pipeline");
        self.status.send_replace(RuntimeStatus::AwaitingApproval);
        self.approval.subscribe()
    }

    /// Somebody says so.
    pub fn approve(&self) {
        self.approval.send_replace(true);
    }

    /// What becomes another is made so.
    pub fn bootstrap(&self) {
        self.lock().approval_diff = None;
        self.logs.line("INFO", "tables and views become what the program makes of them now");
        self.status.send_replace(RuntimeStatus::Bootstrapping);
    }

    pub fn suspended(&self) {
        self.logs.line("INFO", "the pipeline is suspended: all that it took in is kept");
        self.status.send_replace(RuntimeStatus::Suspended);
    }

    /// The transaction that is open.
    pub fn transaction(&self) -> Option<Transaction> {
        self.lock().transaction
    }

    /// The number of the last one, open or not.
    pub fn last_transaction(&self) -> u64 {
        self.lock().last_transaction
    }

    /// Up to this number there were some before.
    pub fn transacted(&self, last: u64) {
        self.lock().last_transaction = last;
    }

    /// One begins, or none is open any more.
    pub fn transact(&self, transaction: Option<Transaction>) {
        let mut state = self.lock();
        state.transaction = transaction;
        if let Some(Transaction { id, .. }) = transaction {
            state.last_transaction = id;
        }
    }

    /// A table does not take records, or they cannot be read. They are on the stream; that they are nowhere else is counted and told.
    pub fn refuse(&self, table: &str, records: u64, reason: &str) {
        tracing::warn!(pipeline.id = self.deployed.place.pipeline, table, records, reason, "records were refused");
        self.stats.refused(table, records);
        self.logs.line("WARN", &format!("{records} records for the table {table} were refused {reason}"));
    }

    /// It cannot go on.
    pub fn fail(&self, failure: DeploymentError) {
        tracing::warn!(pipeline.id = self.deployed.place.pipeline, error = %failure, "a pipeline failed");
        self.logs.line("ERROR", &failure.to_string());
        self.lock().failure.get_or_insert(failure);
        self.stop.cancel();
    }

    /// Up to where everything is done: in tables and views, and given out by all outputs.
    pub fn completed(&self) -> Progress {
        let progress = *self.progress.borrow();
        let written = self.place.get().and_then(|place| place.connectors.written());
        let least =
            |written: Progress| Progress { step: written.step.min(progress.step), seq: written.seq.min(progress.seq) };
        written.map_or(progress, least)
    }

    /// Whether all inputs have ended, and everything that came in is in tables and views and given out.
    pub fn is_complete(&self) -> bool {
        let (input, processed) = self.stats.backlog.counts();
        let (progress, completed) = (*self.progress.borrow(), self.completed());
        let have_ended = self.place.get().is_none_or(|place| {
            place.connectors.inputs().all(|input| input.has_ended() && input.last_seq() <= completed.seq)
        });
        have_ended && input <= processed && completed.step == progress.step
    }

    /// How much memory may be taken, in bytes, if somebody said.
    pub fn memory_bytes_max(&self) -> Option<u64> {
        self.deployed.runtime_config["max_rss_mb"].as_u64().map(|megabytes| megabytes.saturating_mul(1_000_000))
    }

    pub fn observe(&self) -> Observation {
        let state = self.lock();
        let (desired, failure, diff) = (state.desired, state.failure.clone(), state.approval_diff.clone());
        drop(state);
        let of_requests: u64 = self.stats.inputs().values().map(|counts| counts.parse_errors).sum();
        let errors = of_requests + self.place.get().map_or(0, |place| place.connectors.errors());
        let mut details = json!({ "connector_stats": { "num_errors": errors } });
        if let Some(diff) = diff {
            details["approval_diff"] = diff;
        }
        Observation { status: self.status(), desired, details: Some(details), failure }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
