//! Executes one context's commands: pull, take in, decide, commit, tell, acknowledge.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluvium_kernel::{Authorizer, Outcome, Position, Problem, SigningKey, Verdict, header, subject};
use alluvium_messaging::{Commit, Contract, PullSettings, Puller, direct, stream_created};
use async_nats::{
    HeaderMap, Message,
    jetstream::{
        self,
        consumer::{AckPolicy, pull},
    },
};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    commit::pause,
    context::{BoundedContext, Decision},
    intake::{Fate, ID_REUSED, InFlight, Intake, Received, Taken, Task, dry, id_reused, refused},
    lease::Lease,
    log::{Log, LogOptions},
    outcome::{DryVerdict, OutcomePublisher},
    ring::RingEntry,
    unit::{Kept, Note, Unit},
};

/// The stream of commands.
const STREAM: &str = "CMD";
/// The stream of dead letters takes these subjects.
const DEAD_WHAT: &str = "command";
/// Commands decided together.
pub const BATCH_COMMANDS_MAX: usize = 500;
/// Bytes of commands decided together.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long the server waits for an acknowledgement before it delivers again, in seconds. Short, because what a crashed
/// worker had pulled waits this long; a decision that takes longer is not taken twice, ids under way are known.
const ACK_WAIT_SECONDS: u64 = 5;
/// Commands delivered and not yet acknowledged.
const UNACKED_COMMANDS_MAX: i64 = 4_096;
/// Batches whose outcomes are being published while the next are decided.
const BATCHES_FINISHING_MAX: usize = 4;
/// Decisions of one group after another writer was first.
const CONFLICTS_MAX: u32 = 8;

/// How an executor works.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Unique to this process; names the holder of the lease.
    pub owner: String,
    /// Replicas of the lease bucket.
    pub replicas: usize,
    /// Bounds of the aggregates at hand.
    pub log: LogOptions,
}

/// Tells others how an executor is doing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ExecutorHealth {
    began: Instant,
    heard_ms: Arc<AtomicU64>,
    active: Arc<AtomicBool>,
}

impl ExecutorHealth {
    /// Whether this process is the one that decides.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Time since the loop last heard the server; only meaningful while active.
    pub fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.heard_ms.load(Ordering::Relaxed)))
    }

    fn heard(&self) {
        self.heard_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// The executor of one context. Several processes may run one; the lease picks the active one.
pub struct Executor<C: BoundedContext> {
    js: jetstream::Context,
    context: Arc<C>,
    authorizer: Arc<dyn Authorizer>,
    key: SigningKey,
    options: ExecutorOptions,
    outcomes: OutcomePublisher,
    health: ExecutorHealth,
}

impl<C: BoundedContext> Executor<C> {
    /// An executor that begins with [`Self::run`].
    pub fn new(
        js: jetstream::Context,
        context: Arc<C>,
        authorizer: Arc<dyn Authorizer>,
        key: SigningKey,
        options: ExecutorOptions,
    ) -> Self {
        let outcomes = OutcomePublisher::new(js.clone());
        let health = ExecutorHealth { began: Instant::now(), heard_ms: Arc::default(), active: Arc::default() };
        Self { js, context, authorizer, key, options, outcomes, health }
    }

    /// A handle for the health page.
    pub fn health(&self) -> ExecutorHealth {
        self.health.clone()
    }

    /// Works until cancelled; then finishes what it has begun and gives the lease back.
    pub async fn run(self, cancel: CancellationToken) {
        let key = format!("executor.{}", C::NAME);
        let mut failures = 0;
        while let Some(lease) =
            Lease::acquire(&self.js, &key, &self.options.owner, self.options.replicas, &cancel).await
        {
            tracing::info!(context = C::NAME, owner = %self.options.owner, "this process decides commands");
            self.health.heard();
            self.health.active.store(true, Ordering::Relaxed);
            let result = self.lead(lease.lost(), &cancel).await;
            self.health.active.store(false, Ordering::Relaxed);
            lease.release().await;
            match result {
                Ok(()) => failures = 0,
                Err(problem) => {
                    failures += 1;
                    tracing::warn!(context = C::NAME, %problem, "commands wait; trying again");
                    tokio::select! { () = cancel.cancelled() => {} () = pause(failures.min(8)) => {} }
                }
            }
            if cancel.is_cancelled() {
                return;
            }
        }
    }

    /// Pulls and decides while the lease holds.
    async fn lead(&self, lost: &CancellationToken, cancel: &CancellationToken) -> Result<(), Problem> {
        let (created, _) = stream_created(&self.js, STREAM).await?;
        let consumer = self.consumer().await?;
        let in_flight = InFlight::default();
        let intake = Intake {
            context: self.context.clone(),
            authorizer: self.authorizer.clone(),
            key: self.key.clone(),
            outcomes: self.outcomes.clone(),
            in_flight: in_flight.clone(),
            stream_created: created,
        };
        let finisher = Finisher { js: self.js.clone(), outcomes: self.outcomes.clone(), in_flight };
        // A new log for each time of leading: what was at hand before may be stale by now.
        let log = Log::new(self.js.clone(), C::STREAM, C::NAME, self.options.log);
        let decider = Decider { context: self.context.clone(), log, outcomes: self.outcomes.clone() };
        let (taken, batches) = mpsc::channel::<Taken<C::Command>>(1);
        let pulling = self.pull(&consumer, &intake, &finisher, taken, lost, cancel);
        let deciding = decide_all(&decider, &finisher, batches);
        let (pulled, ()) = tokio::join!(pulling, deciding);
        pulled
    }

    async fn consumer(&self) -> Result<String, Problem> {
        let config = pull::Config {
            durable_name: Some(C::NAME.to_owned()),
            description: Some(format!("Commands of {} waiting to be decided", C::NAME)),
            filter_subject: format!("cmd.*.{}.*", C::NAME),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(ACK_WAIT_SECONDS),
            max_ack_pending: UNACKED_COMMANDS_MAX,
            // Counted by the intake, which puts a poisonous command aside with a reason instead of leaving it stuck.
            max_deliver: -1,
            ..pull::Config::default()
        };
        let consumer = self.js.create_consumer_on_stream(config, STREAM).await;
        let consumer = consumer.map_err(|error| {
            let detail = format!("The consumer of {} on {STREAM} cannot be made: {error}.", C::NAME);
            Problem::unavailable("platform.log_unavailable", detail)
        })?;
        Ok(consumer.cached_info().name.clone())
    }

    async fn pull(
        &self,
        consumer: &str,
        intake: &Intake<C>,
        finisher: &Finisher,
        taken: mpsc::Sender<Taken<C::Command>>,
        lost: &CancellationToken,
        cancel: &CancellationToken,
    ) -> Result<(), Problem> {
        let settings = PullSettings {
            batch_messages: BATCH_COMMANDS_MAX,
            batch_bytes: BATCH_BYTES_MAX,
            ..PullSettings::default()
        };
        let mut puller = Puller::open(&self.js, STREAM, consumer, settings).await?;
        loop {
            let first = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = lost.cancelled() => return Ok(()),
                first = puller.next() => first?,
            };
            self.health.heard();
            let Some(first) = first else { continue };
            let messages = fill(&mut puller, first);
            let (batch, waiting) = intake.take(messages).await;
            finisher.put_off(&waiting).await;
            if taken.send(batch).await.is_err() {
                return Err(Problem::internal());
            }
        }
    }
}

/// The first message and those that have arrived behind it.
fn fill(puller: &mut Puller, first: Message) -> Vec<Message> {
    let mut bytes = first.payload.len();
    let mut messages = vec![first];
    while messages.len() < BATCH_COMMANDS_MAX && bytes < BATCH_BYTES_MAX {
        // An error comes again with the next wait; what has arrived is decided first.
        let Ok(Some(message)) = puller.ready() else { break };
        bytes += message.payload.len();
        messages.push(message);
    }
    messages
}

/// Decides batch after batch; outcomes of earlier ones are published meanwhile.
async fn decide_all<C: BoundedContext>(
    decider: &Decider<C>,
    finisher: &Finisher,
    mut batches: mpsc::Receiver<Taken<C::Command>>,
) {
    let places = Arc::new(Semaphore::new(BATCHES_FINISHING_MAX));
    let mut finishing = tokio::task::JoinSet::new();
    while let Some(Taken { tasks, settled }) = batches.recv().await {
        let mut fates = decider.decide(tasks).await;
        fates.extend(settled);
        while finishing.try_join_next().is_some() {}
        let place = places.clone().acquire_owned().await;
        let finisher = finisher.clone();
        finishing.spawn(async move {
            finisher.finish(fates).await;
            drop(place);
        });
    }
    while finishing.join_next().await.is_some() {}
}

/// Decides commands of one context.
struct Decider<C: BoundedContext> {
    context: Arc<C>,
    log: Log,
    outcomes: OutcomePublisher,
}

/// What a command comes to if the unit commits.
enum Planned {
    Settled(Fate),
    Kept,
    Replayed(RingEntry),
}

impl<C: BoundedContext> Decider<C> {
    /// Groups side by side, each in order.
    async fn decide(&self, tasks: Vec<Task<C::Command>>) -> Vec<(Received, Fate)> {
        let mut groups: HashMap<String, Vec<Task<C::Command>>> = HashMap::new();
        for task in tasks {
            let key = if task.received.dry_run {
                format!("? {}", task.received.seq)
            } else {
                format!("{} {}", task.received.tenant, task.group)
            };
            groups.entry(key).or_default().push(task);
        }
        let mut deciding: FuturesUnordered<_> = groups.into_values().map(|tasks| self.guarded(tasks)).collect();
        let mut fates = Vec::new();
        while let Some(decided) = deciding.next().await {
            fates.extend(decided);
        }
        fates
    }

    /// A panic while deciding puts aside the one command that leads to it, not its neighbours.
    async fn guarded(&self, tasks: Vec<Task<C::Command>>) -> Vec<(Received, Fate)> {
        if let Ok(fates) = AssertUnwindSafe(self.group(&tasks)).catch_unwind().await {
            return tasks.into_iter().map(|task| task.received).zip(fates).collect();
        }
        let mut all = Vec::new();
        for task in tasks {
            let alone = std::slice::from_ref(&task);
            let fate = if let Ok(mut fates) = AssertUnwindSafe(self.group(alone)).catch_unwind().await {
                fates.pop().unwrap_or_else(|| task.received.again())
            } else {
                tracing::error!(command = %task.received.command, command.id = %task.received.command_id, "panicked");
                Fate::Dead(Problem::internal())
            };
            all.push((task.received, fate));
        }
        all
    }

    async fn group(&self, tasks: &[Task<C::Command>]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(tasks.len());
        while fates.len() < tasks.len() {
            let rest = &tasks[fates.len()..];
            fates.extend(self.unit(rest).await);
        }
        fates
    }

    /// Decides and commits the first commands of `tasks`, as many as fit one unit, at least one.
    async fn unit(&self, tasks: &[Task<C::Command>]) -> Vec<Fate> {
        let first = &tasks[0].received;
        for conflict in 0..CONFLICTS_MAX {
            let mut unit = Unit::new(self.log.clone(), first.tenant.clone(), conflict > 0, first.dry_run);
            let planned = self.plan(tasks, &mut unit).await;
            match unit.is_proven().await {
                Ok(true) => {}
                // Another writer of these aggregates (a fold) was there since they were loaded.
                Ok(false) => continue,
                Err(problem) => {
                    tracing::warn!(context = C::NAME, %problem, "decisions could not be checked; they are made again");
                    return tasks[..planned.len()].iter().map(|task| task.received.again()).collect();
                }
            }
            let single: Vec<(&str, &str)> = tasks[..planned.len()]
                .iter()
                .zip(&planned)
                .filter(|(_, planned)| matches!(planned, Planned::Kept))
                .flat_map(|(task, _)| {
                    let header = |name| task.received.header(name).map(|value| (name, value));
                    [header(header::REPLY), header(header::TRACE_PARENT)].into_iter().flatten()
                })
                .take(2)
                .collect();
            match unit.commit(&single).await {
                Ok(Some(kept)) => return self.fates(tasks, planned, kept).await,
                Ok(None) => pause(conflict).await,
                Err(problem) => {
                    tracing::warn!(context = C::NAME, %problem, "a commit failed; its commands are decided again");
                    return tasks[..planned.len()].iter().map(|task| task.received.again()).collect();
                }
            }
        }
        tasks.iter().map(|task| task.received.again()).collect()
    }

    async fn plan(&self, tasks: &[Task<C::Command>], unit: &mut Unit) -> Vec<Planned> {
        let mut planned = Vec::with_capacity(tasks.len());
        for task in tasks {
            unit.begin(task.received.stamp());
            let result = self.context.plan(&task.command, &task.received.at(), unit).await;
            let decision = match (unit.replayed().cloned(), result) {
                (Some(entry), _) if !task.received.dry_run => {
                    unit.rollback();
                    planned.push(Planned::Replayed(entry));
                    continue;
                }
                (_, result) => result,
            };
            if let (Ok(decision), false) = (&decision, task.received.dry_run)
                && !decision.busy
                && unit.is_too_large(&decision.result)
            {
                unit.rollback();
                if !planned.is_empty() {
                    // It may fit a unit of its own.
                    return planned;
                }
                let detail = "The command leads to more events than one message holds; split it.";
                let problem = Problem::new("command.too_large", 413, detail);
                planned.push(Planned::Settled(refused(&task.received, problem)));
                continue;
            }
            planned.push(settle(&task.received, decision, unit));
        }
        planned
    }

    async fn fates(&self, tasks: &[Task<C::Command>], planned: Vec<Planned>, kept: Vec<(Kept, u64)>) -> Vec<Fate> {
        let mut kept = kept.into_iter();
        let mut fates = Vec::with_capacity(planned.len());
        for (task, planned) in tasks.iter().zip(planned) {
            let received = &task.received;
            fates.push(match planned {
                Planned::Settled(fate) => fate,
                Planned::Replayed(entry) => self.replayed(received, &entry).await,
                Planned::Kept => {
                    kept.next().map_or_else(|| received.again(), |(kept, seq)| accepted::<C>(received, kept, seq))
                }
            });
        }
        fates
    }

    /// The outcome of a command that is on the log already: as published, else as its commit says.
    async fn replayed(&self, received: &Received, entry: &RingEntry) -> Fate {
        match self.outcomes.find(&received.tenant, &received.command_id).await {
            Ok(Some(outcome)) => return crate::intake::repeated(received, &outcome),
            Ok(None) if entry.body_hash != received.body_hash => {
                return Fate::Answer(received.rejected(id_reused(&received.command_id)));
            }
            Ok(None) => {}
            Err(problem) => return refused(received, problem),
        }
        match self.said_again(received, entry).await {
            Ok(Some(outcome)) => Fate::Outcome(outcome),
            Ok(None) => Fate::Settles,
            Err(problem) => refused(received, problem),
        }
    }

    async fn said_again(&self, received: &Received, entry: &RingEntry) -> Result<Option<Outcome>, Problem> {
        let message = direct::leader_at(&self.log.js, self.log.stream(), entry.seq)
            .await?
            .ok_or_else(|| Problem::unavailable("platform.log_unavailable", "A commit cannot be read now."))?;
        let commit = Commit::from_avro(&message.payload)
            .map_err(|error| crate::stored::damaged(&message, &error.to_string()))?;
        let mut notes: HashMap<String, Note> = match message.header(header::RESULTS) {
            Some(text) => {
                serde_json::from_str(text).map_err(|error| crate::stored::damaged(&message, &error.to_string()))?
            }
            None => HashMap::new(),
        };
        let note = notes.remove(&received.command_id).unwrap_or_default();
        if note.awaits {
            return Ok(None);
        }
        let own = commit.entries.into_iter().filter(|entry| entry.command_id == received.command_id);
        let verdict = Verdict::Accepted {
            position: Position::of(C::STREAM, entry.seq + note.ahead),
            events: own.map(|entry| entry.r#type).collect(),
            result: note.result,
        };
        Ok(Some(received.outcome(verdict)))
    }
}

fn settle(received: &Received, decision: Result<Decision, Problem>, unit: &mut Unit) -> Planned {
    match decision {
        Ok(decision) if decision.busy => {
            unit.rollback();
            Planned::Settled(received.again())
        }
        Ok(decision) if received.dry_run => {
            let events = unit.rollback();
            let verdict = DryVerdict::Accepted { events, result: decision.result };
            Planned::Settled(Fate::Dry(dry(received, verdict)))
        }
        Ok(decision) => {
            unit.keep(decision.result, decision.awaits_settlement);
            Planned::Kept
        }
        Err(problem) => {
            unit.rollback();
            Planned::Settled(refused(received, problem))
        }
    }
}

fn accepted<C: BoundedContext>(received: &Received, mut kept: Kept, seq: u64) -> Fate {
    if kept.awaits() {
        return Fate::Settles;
    }
    let events = std::mem::take(&mut kept.events);
    let verdict = Verdict::Accepted { position: Position::of(C::STREAM, seq), events, result: kept.result() };
    Fate::Outcome(received.outcome(verdict))
}

/// Tells what became of commands, then acknowledges them.
#[derive(Clone)]
struct Finisher {
    js: jetstream::Context,
    outcomes: OutcomePublisher,
    in_flight: InFlight,
}

impl Finisher {
    async fn finish(&self, fates: Vec<(Received, Fate)>) {
        futures::future::join_all(fates.iter().map(|(received, fate)| async move {
            self.end(received, fate).await;
            self.in_flight.leave(received);
        }))
        .await;
    }

    /// Puts off what is under way already, without touching the mark that says so.
    async fn put_off(&self, waiting: &[(Received, Fate)]) {
        for (received, fate) in waiting {
            self.end(received, fate).await;
        }
    }

    async fn end(&self, received: &Received, fate: &Fate) {
        let told = match fate {
            Fate::Outcome(outcome) => {
                count(outcome);
                self.outcomes.settle(&received.tenant, outcome, received.reply_to()).await.map(drop)
            }
            Fate::Answer(outcome) => {
                let refused = matches!(&outcome.verdict, Verdict::Rejected { problem } if problem.code == ID_REUSED);
                if !refused {
                    self.outcomes.tell_again(&received.tenant, outcome).await;
                }
                self.reply(received, outcome).await
            }
            Fate::Dry(outcome) => self.reply(received, outcome).await,
            Fate::Settles => Ok(()),
            Fate::Dead(problem) => self.bury(received, problem).await,
            Fate::Again(delay) => return self.again(received, *delay).await,
        };
        match told {
            Ok(()) => self.acknowledge(received, "+ACK".to_owned()).await,
            Err(problem) => {
                tracing::warn!(command.id = %received.command_id, %problem, "an outcome could not be told yet");
                if let Fate::Again(delay) = received.again() {
                    self.again(received, delay).await;
                }
            }
        }
    }

    async fn reply(&self, received: &Received, answer: &impl serde::Serialize) -> Result<(), Problem> {
        match received.reply_to() {
            Some(to) => self.outcomes.reply(to, answer).await,
            None => Ok(()),
        }
    }

    async fn again(&self, received: &Received, delay: Duration) {
        self.acknowledge(received, format!("-NAK {{\"delay\": {}}}", delay.as_nanos())).await;
    }

    /// Nobody waits for the server to have heard: a command whose acknowledgement is lost comes again and is known.
    async fn acknowledge(&self, received: &Received, word: String) {
        if let Some(reply) = received.message.reply.clone()
            && let Err(error) = self.js.client().publish(reply, word.into()).await
        {
            tracing::debug!(command.id = %received.command_id, %error, "an acknowledgement was not sent");
        }
    }

    /// Puts a command aside for people to look at, and rejects it.
    async fn bury(&self, received: &Received, problem: &Problem) -> Result<(), Problem> {
        let context = received.command.split('.').next().unwrap_or_default();
        let subject = subject::dead_letter(&received.tenant, context, DEAD_WHAT, received.seq);
        let mut headers: HeaderMap = received.message.headers.clone().unwrap_or_default();
        headers.insert(header::REASON_CODE, problem.code.as_str());
        headers.insert(header::REASON, problem.detail.replace(['\r', '\n'], " "));
        headers.insert(header::ORIGIN, format!("{STREAM}:{}", received.seq));
        // Its own id, so that a letter sent twice is kept once and the command's id stays free.
        headers.insert(header::MESSAGE_ID, format!("dlq:{STREAM}:{}", received.seq));
        let unavailable = |error: jetstream::context::PublishError| {
            Problem::from(alluvium_messaging::Error::of_publish(&subject, &error))
        };
        let payload = received.message.payload.clone();
        self.js
            .publish_with_headers(subject.clone(), headers, payload)
            .await
            .map_err(unavailable)?
            .await
            .map_err(unavailable)?;
        tracing::error!(command.id = %received.command_id, command = %received.command, %problem, "a command was put aside");
        let outcome = received.rejected(problem.clone());
        count(&outcome);
        self.outcomes.settle(&received.tenant, &outcome, received.reply_to()).await.map(drop)
    }
}

fn count(outcome: &Outcome) {
    let status = match &outcome.verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Rejected { .. } => "rejected",
    };
    let context = outcome.command.split('.').next().unwrap_or_default().to_owned();
    metrics::counter!("alluvium_commands_total", "context" => context, "status" => status).increment(1);
}
