//! Executes one context's commands: pull, take in, decide, commit, tell, acknowledge.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluvium_kernel::{Authorizer, Problem, SigningKey};
use alluvium_messaging::{PullSettings, Puller, stream_created};
use async_nats::{
    Message,
    jetstream::{
        self,
        consumer::{AckPolicy, pull},
    },
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    commit::pause,
    context::BoundedContext,
    decider::Decider,
    finisher::Finisher,
    intake::{InFlight, Intake, Taken},
    lease::Lease,
    log::{Log, LogOptions},
    outcome::OutcomePublisher,
    seals::Seals,
    watch::CommandWatch,
};

/// The stream of commands.
pub(crate) const STREAM: &str = "CMD";
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
    watch: Option<Arc<dyn CommandWatch>>,
}

impl<C: BoundedContext> Executor<C> {
    /// An executor that begins with [`Self::run`]. Must be called inside a tokio runtime.
    pub fn new(
        js: jetstream::Context,
        context: Arc<C>,
        authorizer: Arc<dyn Authorizer>,
        key: SigningKey,
        options: ExecutorOptions,
    ) -> Self {
        let outcomes = if options.log.group_commit {
            OutcomePublisher::grouped(js.clone())
        } else {
            OutcomePublisher::new(js.clone())
        };
        let health = ExecutorHealth { began: Instant::now(), heard_ms: Arc::default(), active: Arc::default() };
        Self { js, context, authorizer, key, options, outcomes, health, watch: None }
    }

    /// Tells of every command what was decided.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn CommandWatch>) -> Self {
        self.watch = Some(watch);
        self
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
            seals: Seals::new(self.js.clone(), self.key.clone()),
            stream_created: created,
        };
        let (js, client) = (self.js.clone(), self.js.client());
        let (outcomes, watch) = (self.outcomes.clone(), self.watch.clone());
        let finisher = Finisher { js, client, outcomes, in_flight, watch };
        // A new log for each time of leading: what was at hand before may be stale by now.
        let log = Log::new(self.js.clone(), C::STREAM, C::NAME, self.options.log).with_snapshots(self.key.clone());
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
