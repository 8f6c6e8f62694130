//! The thread of a pipeline: it takes in what comes, step by step, until it is told to end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use alluvium_dataflow::{Engine as _, PartEngine, Step, StepError, Zset};
use alluvium_kernel::Timestamp;
use alluvium_messaging::LogMessage;
use alluvium_pipelines::DeploymentError;
use alluvium_pipelines::model::RuntimeDesired;
use alluvium_tablestore::Error;
use async_nats::jetstream;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;

use crate::activity::Phase;
use crate::dead::{self, Dead};
use crate::deployment::{Deployment, Place, Progress, Transaction};
use crate::files::{self, Reached};
use crate::marks::{self, Mark};
use crate::program::{Relations, Shown};
use crate::{checkpoints, input, payload, program};

/// Messages of one step.
const STEP_MESSAGES_MAX: usize = 1_000;
/// Bytes of the messages of one step.
const STEP_BYTES_MAX: usize = 16 << 20;
/// Steps that can be gone back to.
const STEPS_KEPT: u64 = 10_000;
/// How often older ones are let go of, in steps.
const TRIM_EVERY_STEPS: u64 = 1_000;
/// Pause before a file is written to again, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// How often that is tried while nobody can say when it will be possible.
const UNAVAILABLE_TRIES_MAX: u32 = 60;

type Input = Receiver<Result<LogMessage, DeploymentError>>;

/// What the thread works with.
pub(crate) struct Work {
    pub deployment: Arc<Deployment>,
    pub engine: PartEngine,
    pub input: Input,
    pub at: Progress,
    pub taken: Taken,
    /// The messages of the next step, where it can be made in parts: not those of a transaction.
    pub parts: Vec<LogMessage>,
    /// Up to which message it goes on before it is suspended.
    pub drains_to: Option<u64>,
    /// The log.
    pub js: jetstream::Context,
    /// Where waiting is done.
    pub runtime: Handle,
}

/// What the next step has taken in so far.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    records: u64,
    bytes: u64,
    /// The last message, and when it came.
    last: Option<(u64, Timestamp)>,
    /// How late it is, in microseconds since 1970, where the program asks.
    pub now: Option<i64>,
    /// What cannot be taken.
    pub dead: Vec<Dead>,
    /// How late it was in the last step.
    before: Option<i64>,
}

impl Taken {
    /// Something cannot be taken. What is beyond the limit of a step is only counted by who brought it.
    pub fn bury(&mut self, dead: Dead) {
        if self.dead.len() < dead::STEP_ROWS_MAX {
            self.dead.push(dead);
        }
    }
}

impl From<Option<i64>> for Taken {
    /// Nothing yet, at this time.
    fn from(now: Option<i64>) -> Self {
        Self { now, before: now, ..Self::default() }
    }
}

impl Work {
    /// Works until it is told to end, or cannot go on.
    pub fn run(mut self) {
        self.deployment.activity.begins();
        if let Err(failure) = self.work() {
            self.deployment.fail(failure);
        }
    }

    fn work(&mut self) -> Result<(), DeploymentError> {
        while !self.deployment.stop.is_cancelled() {
            if self.deployment.desired() == RuntimeDesired::Suspended && self.is_drained() {
                checkpoints::before_suspension(&self.deployment)?;
                self.deployment.suspended();
                return Ok(());
            }
            self.deployment.activity.is(Phase::Waiting);
            self.deployment.questions.answer(|| self.engine.memory());
            let messages = self.collect()?;
            if !messages.is_empty() {
                self.deployment.activity.is(Phase::Taking);
            }
            for message in messages {
                self.take(&message)?;
            }
            if self.taken.last.is_some() && self.deployment.transaction().is_none() {
                self.step()?;
            }
        }
        Ok(())
    }

    /// Whether all is taken in that was there when it was told to suspend itself. What comes later, or is of a transaction, stays on
    /// the stream for whoever goes on.
    fn is_drained(&mut self) -> bool {
        if self.deployment.transaction().is_some() {
            return true;
        }
        let upto = match self.drains_to {
            Some(upto) => upto,
            None => match self.runtime.block_on(input::last(&self.js, &self.deployment.deployed.place)) {
                Ok(last) => last,
                Err(problem) => {
                    tracing::warn!(%problem, "what waits for a pipeline that is suspended waits on");
                    0
                }
            },
        };
        self.drains_to = Some(upto);
        self.at.seq.max(*self.deployment.seen.borrow()) >= upto
    }

    /// What is there by now, up to what a step takes; waits for the first.
    fn collect(&mut self) -> Result<Vec<LogMessage>, DeploymentError> {
        let Some(first) = self.next()? else { return Ok(Vec::new()) };
        let mut bytes = first.payload.len();
        let mut messages = vec![first];
        while messages.len() < STEP_MESSAGES_MAX && bytes < STEP_BYTES_MAX {
            // That nothing will come any more is seen by who waits for the next one.
            let Ok(message) = self.input.try_recv() else { break };
            let message = message?;
            bytes += message.payload.len();
            messages.push(message);
        }
        Ok(messages)
    }

    /// The next message; nothing as soon as the pipeline is told how to be, or to end.
    fn next(&mut self) -> Result<Option<LogMessage>, DeploymentError> {
        let (input, deployment) = (&mut self.input, &self.deployment);
        let come = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = deployment.stop.cancelled() => None,
                () = deployment.told.notified() => None,
                message = input.recv() => Some(message),
            }
        });
        match come {
            None => Ok(None),
            Some(Some(message)) => message.map(Some),
            Some(None) if self.deployment.stop.is_cancelled() => Ok(None),
            Some(None) => Err(DeploymentError::new("InputLost", "what comes in is not read any more")),
        }
    }

    /// Takes a message in; where a transaction begins or ends, so does a step.
    fn take(&mut self, message: &LogMessage) -> Result<(), DeploymentError> {
        let deployment = Arc::clone(&self.deployment);
        let Some(place) = deployment.place.get() else { return Ok(()) };
        match marks::read(message) {
            Some(Mark::Begin(id)) => {
                if self.taken.last.is_some() {
                    self.step()?;
                }
                deployment.transact(Some(Transaction { id, began: crate::now().micros() }));
            }
            Some(Mark::Commit(_)) => {
                self.taken.last = Some((message.seq, message.time));
                deployment.transact(None);
                self.step()?;
            }
            Some(mark) => {
                let pushed = push(&mut self.engine, &place.relations, &mut self.taken, &mark, message);
                if let (Some(reason), Mark::Rows(table)) = (&pushed.refused, &mark) {
                    deployment.refuse(table, 1, &format!("of message {}: {reason}", message.seq));
                    self.taken.bury(Dead::of_message(table, reason, message.seq));
                }
                deployment.stats.backlog.coming(message.seq, pushed.records);
                self.taken.records += pushed.records;
                self.taken.bytes += message.payload.len() as u64;
                self.taken.last = Some((message.seq, message.time));
                if deployment.transaction().is_none() {
                    self.parts.push(message.clone());
                }
            }
            None => {}
        }
        deployment.seen.send_replace(message.seq);
        Ok(())
    }

    fn step(&mut self) -> Result<(), DeploymentError> {
        let deployment = Arc::clone(&self.deployment);
        let (Some(place), Some((seq, time))) = (deployment.place.get(), self.taken.last) else { return Ok(()) };
        let began = Instant::now();
        deployment.activity.is(Phase::Computing);
        let step = match self.engine.step() {
            Ok(step) => step,
            Err(error) if self.parts.len() > 1 => return self.step_in_parts(&error),
            Err(error) => return Err(self.stopped_by(&error)),
        };
        self.parts.clear();
        self.taken.last = None;
        self.taken.before = self.taken.now;
        let now = self.taken.now.unwrap_or_default();
        let to = Reached { step: self.at.step + 1, seq, after: self.at.seq, now };
        let late: usize = step.late.iter().map(|late| late.rows.len()).sum();
        deployment.stats.late_records.fetch_add(late as u64, Ordering::Relaxed);
        deployment.activity.is(Phase::Writing);
        let dead = std::mem::take(&mut self.taken.dead);
        let changed = self.commit(place, to, (step, dead), time)?;
        deployment.stats.step_times.took(began.elapsed());
        let (records, bytes) = (std::mem::take(&mut self.taken.records), std::mem::take(&mut self.taken.bytes));
        deployment.stats.processed((to.step, seq), records, bytes);
        self.at = Progress { step: to.step, seq };
        deployment.activity.is(Phase::Telling);
        for (relation, delta) in changed {
            deployment.listeners.tell(&relation, to.step, &delta, &deployment.stop);
        }
        deployment.progress.send_replace(self.at);
        if to.step.is_multiple_of(TRIM_EVERY_STEPS) {
            // What an output has not been given stays.
            let given = place.connectors.written().map_or(u64::MAX, |written| written.step);
            place.files.trim(to.step.saturating_sub(STEPS_KEPT).min(given));
        }
        Ok(())
    }

    /// Makes a step of each message of one that failed, so that it is known which it is, and those before it count.
    fn step_in_parts(&mut self, error: &StepError) -> Result<(), DeploymentError> {
        tracing::info!(%error, messages = self.parts.len(), "a step that failed is made message by message");
        self.engine.discard();
        self.taken = Taken::from(self.taken.before);
        for message in std::mem::take(&mut self.parts) {
            self.take(&message)?;
            self.step()?;
        }
        Ok(())
    }

    /// The failure that a step brings about, with the message that does, where it is known.
    fn stopped_by(&self, error: &StepError) -> DeploymentError {
        let mut failure = stopped_by(error);
        if let [message] = self.parts.as_slice() {
            failure.details["message"] = message.seq.into();
            if let Some(Mark::Rows(table)) = marks::read(message) {
                failure.details["table"] = table.into();
            }
        }
        failure
    }

    /// Brings the step into the files: tables first, as views follow from them.
    fn commit(
        &self,
        place: &Place,
        to: Reached,
        (mut step, mut dead): (Step, Vec<Dead>),
        time: Timestamp,
    ) -> Result<BTreeMap<String, Arc<Zset>>, DeploymentError> {
        let _alone = self.deployment.steps.write().unwrap_or_else(PoisonError::into_inner);
        for rejected in &step.rejected {
            let count = rejected.rows.weights.iter().map(|weight| weight.unsigned_abs()).sum();
            self.deployment.refuse(&rejected.table, count, &format!("in step {}: {}", to.step, rejected.reason));
            if dead.len() < dead::STEP_ROWS_MAX {
                dead.push(Dead::of_rows(rejected, place.relations.get(&rejected.table)));
            }
            // The file notes that the step was there, so that these rows are not looked at again with others.
            let nothing = Zset::empty(&rejected.rows.batch.schema());
            if !step.views.contains_key(&rejected.table) {
                step.tables.entry(rejected.table.clone()).or_insert(nothing);
            }
        }
        let mut changed = BTreeMap::new();
        // What was not taken comes first: who has taken the rest of the step has this, too.
        let errors = place.relations.get(dead::ERROR_VIEW).and_then(|view| dead::rows(&dead, view));
        let errors = errors.map(|rows| (dead::ERROR_VIEW.to_owned(), rows));
        for (relation, delta) in errors.into_iter().chain(step.tables).chain(step.views) {
            let mut tries = 1;
            while let Err(error) = place.files.apply(&relation, to, &delta, time.micros()) {
                // A full disk is waited for as long as it takes, an engine that begins anew for a while.
                let passes = match error {
                    Error::DiskFull => true,
                    Error::Unavailable(_) => tries < UNAVAILABLE_TRIES_MAX,
                    _ => false,
                };
                if !passes || self.deployment.stop.is_cancelled() {
                    return Err(files::failed(&error));
                }
                tracing::warn!(relation, %error, "a step of a pipeline waits");
                std::thread::sleep(Duration::from_millis(AGAIN_MS));
                tries += 1;
            }
            if !delta.is_empty() {
                changed.insert(relation, Arc::new(delta));
            }
        }
        Ok(changed)
    }
}

/// What became of a message.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// Records that count from the next step on.
    pub records: u64,
    /// Why others were left out.
    pub refused: Option<String>,
}

/// Takes rows or the time in.
pub(crate) fn push(
    engine: &mut PartEngine,
    relations: &Relations,
    taken: &mut Taken,
    mark: &Mark,
    message: &LogMessage,
) -> Pushed {
    match mark {
        Mark::Rows(name) => {
            let is_old = message.seq <= relations.edited_at;
            relations.get(name).map(|table| push_rows(engine, table, message, is_old)).unwrap_or_default()
        }
        Mark::Errors(all) => {
            all.iter().for_each(|dead| taken.bury(dead.clone()));
            Pushed::default()
        }
        Mark::Clock(now) => {
            // It never goes back, whatever the clocks of two machines say.
            if taken.now.is_none_or(|before| before < *now) {
                program::set_clock(engine, taken.now, *now);
                taken.now = Some(*now);
            }
            Pushed::default()
        }
        Mark::Begin(_) | Mark::Commit(_) => Pushed::default(),
    }
}

/// What cannot be read is left out, and told.
fn push_rows(engine: &mut PartEngine, table: &Shown, message: &LogMessage, is_old: bool) -> Pushed {
    let Some(input) = &table.input else { return Pushed::default() };
    let (changes, unreadable) = match payload::read(&message.payload, input, is_old) {
        Ok((changes, unreadable)) => (changes, unreadable.map(|error| error.to_string())),
        Err(error) => return Pushed { records: 0, refused: Some(error.to_string()) },
    };
    let mut pushed = Pushed { records: 0, refused: unreadable };
    for change in changes {
        let rows = change.batch.num_rows() as u64;
        match engine.push(&table.name.name, change) {
            Ok(()) => pushed.records += rows,
            Err(error) => pushed.refused = Some(error.to_string()),
        }
    }
    pushed
}

/// The failure that a step brings about.
pub(crate) fn stopped_by(error: &StepError) -> DeploymentError {
    let details = json!({ "view": error.view, "operation": error.operation });
    DeploymentError { details, ..DeploymentError::new("RuntimeError.WorkerPanic", error.to_string()) }
}
